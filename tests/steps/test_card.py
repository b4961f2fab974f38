import json
import re

import pytest

from ftv4.steps.card import card_path
from tests.eval_cases import plant

STAGE = "synthesis_decision"
BUILD = ("card", "build", "--stage", STAGE, "--model", "openai:ft:gpt-4.1-mini-2025-04-14:acme::x")


@pytest.fixture
def ready(repository, monkeypatch):
    plant(repository)
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T12:00:00+00:00")
    return repository


def built(ready, ftv4, *flags):
    done = ftv4(*BUILD, *flags, "--format", "json")
    assert done.code == 0, done.err
    return ready.read_text(json.loads(done.out)["model_card_path"])


def test_a_card_without_facts_has_no_empty_heading(ready, ftv4, golden):
    golden("card_bare.md", built(ready, ftv4))


def test_a_card_says_what_it_is_told(ready, ftv4, golden):
    ftv4("evals", "run", "--mode", "stage", "--stage", STAGE, "--out", "evals/report_x.json")
    page = built(
        ready, ftv4, "--dataset", "train/datasets/stage_synthesis.jsonl", "--notes", "Second try.",
        "--promotion-status", "deprecated", "--eval_summary", "evals/report_x.json", "--base_model", "gpt-x",
    )  # fmt: skip

    for words in ("| deprecated |", "| `gpt-x` |", "42 of 42 rows accepted", "`Second try.`", "| 6 of 6 |"):
        assert words in page
    assert "`ada at example.org` 42" in page


def test_B5_a_rule_was_never_trained(ready, ftv4):
    done = ftv4(
        "card", "build", "--stage", STAGE, "--model", "deterministic:core-v1",
        "--dataset", "train/datasets/stage_synthesis.jsonl",
    )  # fmt: skip
    page = ready.read_text(done.out.strip())

    for words in ("Trained on", "rows accepted", "base model"):
        assert words not in page


def test_B5_a_dataset_that_no_run_links_is_only_named(ready, ftv4):
    page = built(ready, ftv4, "--dataset", "train/datasets/stage_synthesis.jsonl")

    assert "Trained on" not in page
    assert "no fine-tune run of this repository says that the model was made from it" in page


def test_a_rule_that_is_none_has_no_card(ready, ftv4):
    done = ftv4("card", "build", "--stage", STAGE, "--model", "deterministic:nope")

    assert done.code == 3
    assert "deterministic:nope: synthesis_decision has no such rule" in done.err


def test_B5_a_run_without_the_model_is_not_its_run(ready, ftv4):
    done = ftv4("ft", "stage", "--stage", STAGE, "--suffix", "a", "--provider", "sandbox", "--format", "json")
    done = ftv4(*BUILD, "--run-manifest", json.loads(done.out)["run_manifest"])

    assert done.code == 2
    assert "made no model, not openai:ft:" in done.err


@pytest.mark.parametrize("other", ["# Model card: `openai:ft:other`\n", "# Notes\n"])
def test_threat_43_another_models_card_is_not_overwritten(ready, ftv4, other):
    page = built(ready, ftv4)
    (path,) = ready.files("train/model_cards", "*/*.md")
    built(ready, ftv4, "--notes", "once more")
    path.write_text(other + page)
    done = ftv4(*BUILD)

    assert done.code == 4
    assert "is the card of another model, or none, and would be overwritten" in done.err
    assert path.read_text() == other + page


def test_a_word_of_mouth_result_is_marked_as_such(ready, ftv4):
    assert "Passed, as told to `card build`; no report is linked." in built(ready, ftv4, "--eval-passed=true")
    assert "Failed, as told" in built(ready, ftv4, "--eval-passed=false")


def test_at_most_twelve_industries_are_listed_and_the_rest_counted(ready, ftv4):
    path = "train/datasets/stage_synthesis.jsonl"
    rows = [json.loads(line) for line in ready.read_bytes(path).splitlines()]
    many = [row | {"industry": f"trade {n}"} for n, row in enumerate(rows)]
    ready.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in many))

    assert ", and 30 more" in built(ready, ftv4, "--dataset", "rows.jsonl")


def test_C1_rows_that_are_not_accepted_are_counted_on_the_card(ready, ftv4):
    path = "train/datasets/stage_synthesis.jsonl"
    ready.write("rows.jsonl", ready.read_bytes(path) + b"null\n{\n")

    page = built(ready, ftv4, "--dataset", "rows.jsonl")
    assert "42 of 44 rows accepted, rejected: " in page
    assert "malformed_line 1" in page


def planted_waivers(ready, ftv4, **changes):
    """Seven rows, and the file as a whole, that somebody answers for until a day."""
    path = "train/datasets/stage_synthesis.jsonl"
    found = json.loads(ftv4("gate", path, "--only=contamination", "--format=json").out)["findings"]
    rows = list(dict.fromkeys(one["row"] for one in found if one["rule"] == "eval_question"))[:7]
    ready.write(path, b"".join(ready.read_bytes(path).splitlines(keepends=True)[:39]))
    sound = {"file": path, "owner": "jo", "expires": "2026-11-22"}
    waivers = [
        {"rule": "eval_question", "rows": rows, "reason": "quoted <b>by @octo</b>, fixes #1 | ok"},
        {"rule": "too_few_accepted_rows", "reason": "a pilot with less"},
    ]
    ready.write("config/waivers.json", json.dumps({"waivers": [sound | one | changes for one in waivers]}))


def test_a_card_lists_the_waivers_of_what_it_was_trained_on(ready, ftv4, golden):
    planted_waivers(ready, ftv4)
    page = built(ready, ftv4, "--dataset", "train/datasets/stage_synthesis.jsonl")

    golden("card_waived.md", re.sub(r"`[0-9a-f]{12}`", "`0123456789ab`", page))


def test_a_card_lists_no_waiver_that_has_ended(ready, ftv4):
    planted_waivers(ready, ftv4, expires="2026-11-21")

    assert "Waived" not in built(ready, ftv4, "--dataset", "train/datasets/stage_synthesis.jsonl")


def test_what_a_row_says_cannot_format_the_card(ready, ftv4):
    path = "train/datasets/stage_synthesis.jsonl"
    row = json.loads(ready.read_bytes(path).split(b"\n", 1)[0])
    ready.write("rows.jsonl", json.dumps(row | {"industry": "`\n# Passed @all <b>"}) + "\n")

    page = built(ready, ftv4, "--dataset", "rows.jsonl")
    assert "\n# Passed" not in page
    assert "@all" not in page


def test_D6_two_models_never_share_a_card():
    ids = ["a:b", "a:b:", "a_b:c", "a:b_c", "a:b.c", "A:b", "a:" + "x" * 150, "a:" + "x" * 151]
    paths = [card_path(STAGE, model_id).lower() for model_id in ids]

    assert len(set(paths)) == len(ids)
    assert all(len(path.rsplit("/", 1)[1]) < 200 for path in paths)


def test_a_promotion_report_of_another_model_is_refused(ready, ftv4):
    done = ftv4(
        "promote", "--stage", STAGE, "--model", "deterministic:core-v1", "--dry-run", "--format", "json"
    )
    path = json.loads(done.out)["report_path"]

    assert "is about deterministic:core-v1" in ftv4(*BUILD, "--promotion-report", path).err


def test_a_blocked_candidates_card_says_what_blocks_it(ready, ftv4):
    done = ftv4(
        "promote", "--stage", STAGE, "--model", "deterministic:core-v1", "--dry-run", "--format", "json"
    )
    path = json.loads(done.out)["report_path"]
    done = ftv4(
        "card", "build", "--stage", STAGE, "--model", "deterministic:core-v1", "--promotion-report", path
    )
    page = ready.read_text(done.out.strip())

    assert "- blocked: `verdict INCONCLUSIVE" in page
    assert f"Evidence: `{path}`" in page


@pytest.mark.parametrize("flag", ["--dataset", "--run-manifest", "--promotion-report", "--eval-summary"])
def test_a_file_that_is_not_there_is_an_error(ready, ftv4, flag):
    done = ftv4(*BUILD, flag, "no/such.json")

    assert done.code in {2, 3}
    assert "no/such.json" in done.err or "no:" in done.err or "no such" in done.err
