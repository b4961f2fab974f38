"""Packs that are in the situation they were asked to be in."""

import json
from datetime import date

import pytest

from ftv4.errors import Ftv4Error
from ftv4.steps.samples import EVAL, SCHEDULED, TRAIN, Split, sample, samples
from ftv4.synth.curator.reading import SIGNALS
from ftv4.synth.packs import PROFILES
from ftv4.synth.situations import Situation

HIGH = {"high", "strong"}


def high(made):
    return {name for name, signal in SIGNALS.items() if made.brief.value(signal) in HIGH}


def drawn(industry, number=0, **split):
    given = {"seed": 9, "anchors": (date(2025, 9, 30),)} | split
    return sample(Split("test", "packs", **given), industry, number, number, set())


@pytest.mark.parametrize("number", range(len(SCHEDULED)))
def test_with_a_schedule_just_the_wanted_signals_are_high(number):
    assert high(drawn("logistics_dispatch", number)) == Situation.of(SCHEDULED[number]).high


def test_without_a_schedule_the_squeeze_goes_with_the_volatility():
    assert high(drawn("agency")) == {"squeeze", "volatility"}


def test_no_story_is_told_twice_not_even_to_the_eval_half():
    told = set()

    made = [*samples(TRAIN, told), *samples(EVAL, told)]

    assert len(told) == len(made) == 6 * (len(TRAIN.scheduled) + len(EVAL.scheduled))


def test_B9_a_pack_names_no_business(repository, ftv4):
    ftv4("synth", "packs", "--bent", "--packs-per-industry", "1", "--anchor-date", "2025-09-30")

    packs = [json.loads(path.read_text()) for path in repository.files("train/packs", "**/pack.json")]
    assert {pack["industry"] for pack in packs} == set(PROFILES)
    assert all(pack["business_name"] is None for pack in packs)


def test_bent_packs_run_and_say_what_they_are(repository, ftv4):
    ftv4("synth", "packs", "--bent", "--packs-per-industry", "2", "--anchor-date", "2025-09-30")
    done = ftv4("synth", "runpacks", "--iterations", "2", "--format", "json")

    assert json.loads(done.out)["succeeded_runs"] == 12
    pack = repository.read_json("train/packs/agency/agency_seed1234_01/pack.json")
    assert pack["notes"][-1] == "Bent into the situation (high/medium): volatility/latency."


def test_another_window_than_the_pipelines_is_refused(repository, ftv4):
    assert ftv4("synth", "packs", "--bent", "--window-days", "60").code == 2


def test_a_situation_that_never_comes_out_says_what_to_do():
    with pytest.raises(Ftv4Error) as failed:
        drawn("agency", anchors=(date(2026, 2, 9),))

    assert "2025-09-30" in failed.value.hint
