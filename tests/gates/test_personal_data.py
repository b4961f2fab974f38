"""What is private in a row's notes, by kind; the efficacy tests plant it everywhere."""

import random

import orjson
import pytest

from benchmarks.planted_values import PERSONAL, SECRETS
from ftv4.guards import PRIVATE
from ftv4.guards.private import find, may_hide
from tests.gates.build import lines, row
from tests.guards.build import guards

AROUND = ("", " ", "(", ")", '"', "'", ".", ",", "@", "_", "-", ":", "<", "é", "\\", "/", "=", "x", "7", "\n")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("password: hunter2", "password"),
        ("db_password = 'correct-horse'", "password"),
        ("jo(at)example.com", "e-mail address"),
        ("jo [at] example [dot] com", "e-mail address"),
        ("jo at example dot com", "e-mail address"),
        ("020 7946 0958", "phone number"),
        ("(020) 7946 0958", "phone number"),
        ("07700 900123", "phone number"),
        ("01 23 45 67 89", "phone number"),
        ("2001:db8::ff00:42:8329", "IP address"),
        ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "IP address"),
        ("2606:4700:4700::1111", "IP address"),
        (f"SG.{'aB3' * 7}.{'xY9' * 14}", "SendGrid key"),
        (f"AccountKey={'aB3+' * 21}aB==", "Azure key"),
    ],
)
def test_what_is_private_is_told_by_its_kind_and_never_shown(repository, ftv4, text, kind):
    repository.write("rows.jsonl", lines(row(notes=f"see {text}")))
    out = ftv4("gate", "rows.jsonl", "--only=personal_data").out

    assert f"/notes: looks like: {kind} (" in out
    assert text not in out


@pytest.mark.parametrize(
    "text",
    [
        *("at 09:30:00 on 2025-10-02", "a ratio of 1:2:3", "std::vector", "bucket:volatility:high"),
        *("the password: none", "nobody passes words on", "lanes 01-02-03", "look at the dot on the map"),
        *("2025 2026", "row 0123456789 of the list", "meet at (noon)"),
    ],
)
def test_what_only_looks_a_little_like_it_is_not(text):
    assert find(text) == ()


def test_the_screen_clears_nothing_that_is_found():
    chance, screen, whole = random.Random(5), guards(), row()
    for make in (*PERSONAL.values(), *SECRETS.values()):
        for _ in range(100):
            whole["notes"] = f"a{chance.choice(AROUND)}{make(chance)}{chance.choice(AROUND)}b"
            line = orjson.dumps(whole)
            suspected = PRIVATE in screen.suspects_in(line, whole) or may_hide(line, b"")
            # Random tokens are looked for by their length, which marks in them may hide.
            found = {found.kind for found in find(whole["notes"])} - {"random token"}
            assert suspected or not found, whole["notes"]
