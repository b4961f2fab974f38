from datetime import date

import pytest

from ftv4.contracts.providers import ProviderRow
from ftv4.documents import Repository
from ftv4.steps.lifetime import base_of, lifetime
from tests.conftest import ROOT

OPENAI = Repository(ROOT).providers().providers["openai"]
MINI = "gpt-4.1-mini-2025-04-14"


@pytest.mark.parametrize(
    ("model", "base"),
    [
        (MINI, MINI),
        (f"ft:{MINI}:acme::abc", MINI),
        (f"ft:{MINI}:acme:suffix:abc:ckpt-step-9", MINI),
        (f"{MINI}.ft-0123abcd", MINI),
        (f"{MINI}.ft-0123abcd-suffix", MINI),
        ("meta/some-8B", "meta/some-8B"),
    ],
)
def test_a_models_base_is_in_its_id(model, base):
    assert base_of(model) == base


def test_a_tuned_model_lives_no_longer_than_its_base():
    life = lifetime(OPENAI, f"ft:{MINI}:acme::abc")

    assert life.shutdown == date(2027, 1, 14)
    assert life.no_new_jobs_after == date(2027, 1, 6)
    assert "as of 2026-11-22" in life.source


def test_the_providers_list_wins_over_the_table_and_the_nearest_day_counts():
    tuned = f"ft:{MINI}:acme::abc"

    assert lifetime(OPENAI, MINI, {MINI: "2027-06-01"}).shutdown == date(2027, 6, 1)
    assert lifetime(OPENAI, tuned, {tuned: "2027-06-01", MINI: "2027-05-01"}).shutdown == date(2027, 5, 1)
    assert lifetime(OPENAI, MINI, {MINI: None}).shutdown == date(2027, 1, 14)
    assert lifetime(OPENAI, MINI, {MINI: "soon"}).shutdown == date(2027, 1, 14)


@pytest.mark.parametrize(
    ("today", "closed", "warnings"),
    [
        (date(2026, 10, 8), False, 0),
        (date(2026, 10, 9), False, 1),
        (date(2026, 10, 17), False, 2),
        (date(2027, 1, 6), False, 2),
        (date(2027, 1, 7), True, 1),
        (date(2027, 1, 13), True, 1),
        (date(2027, 1, 14), True, 1),
    ],
)
def test_the_days_before_the_end(today, closed, warnings):
    life = lifetime(OPENAI, MINI)

    assert bool(life.closed(today)) is closed
    assert len(life.warnings(today)) == warnings


def test_what_nobody_knows_is_neither_closed_nor_warned_about():
    life = lifetime(ProviderRow(base_url="http://x", api_key_env="K"), "unheard-of")

    assert (life.shutdown, life.closed(date(2030, 1, 1)), life.warnings(date(2030, 1, 1))) == (None, "", ())


def test_a_table_with_a_day_that_isnt_one_is_an_error(repository, ftv4):
    text = repository.read_text("config/providers.json").replace("2027-01-14", "2027-13-14")
    repository.write("config/providers.json", text)

    done = ftv4("ft", "list")

    assert done.code == 3
    assert "shutdown_date" in done.err
