"""The whole journey, as a newcomer starts it."""

import json

import pytest

from ftv4.sandbox import forge, provider
from tests.descriptions import Recorder, described


@pytest.fixture
def recorders(monkeypatch):
    """What provider and forge are asked from here on, and what they answer."""
    found = {}
    for name, module in (("provider", provider), ("forge", forge)):
        make = getattr(module, f"{name}_app")

        def recorded(*arguments, name=name, make=make, **options):
            found[name] = Recorder(make(*arguments, **options))
            return found[name]

        monkeypatch.setattr(module, f"{name}_app", recorded)
    return found


@pytest.fixture
def demo(ftv4, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def play(*flags):
        done = ftv4("demo", "--folder", "play", *flags)
        assert done.code == 0, done.err
        return done.out

    return play


def pinned(tmp_path):
    models = json.loads((tmp_path / "play/config/intelligence_v4.models.json").read_text())
    return models["stages"]["synthesis_decision"]["model_id"]


def test_the_demo_ends_with_a_merged_promotion(demo, recorders, tmp_path):
    facts = json.loads(demo("--format", "json"))

    assert facts["merged"]
    assert facts["verdict"] == "IMPROVED"
    assert facts["cases"] >= 24
    assert facts["old_model_id"] == "deterministic:synthesis-v1"
    assert pinned(tmp_path) == facts["new_model_id"]
    as_described(recorders)


def as_described(recorders):
    """All of the journey is asked and answered as OpenAI and GitHub describe it, but for GraphQL."""
    openai = described("openai", recorders["provider"].exchanges, base="/v1")
    github = described("github", recorders["forge"].exchanges)

    assert openai.problems == github.problems == set()
    assert openai.unknown | github.unknown <= {"POST /graphql"}
    assert len(openai.operations) >= 6
    assert len(github.operations) >= 12


def test_a_spoiled_dataset_is_refused_and_so_is_its_model(demo, tmp_path):
    facts = json.loads(demo("--spoil", "--format", "json"))

    assert facts["gate"] == "refused"
    assert not facts["merged"]
    assert facts["blocked_by"]
    assert pinned(tmp_path) == "deterministic:synthesis-v1"


def test_a_folder_that_is_in_use_is_left_alone(ftv4, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "play").mkdir()
    (tmp_path / "play" / "mine.txt").write_text("mine")
    done = ftv4("demo", "--folder", "play")

    assert done.code == 2
    assert "play: not empty" in done.err
    assert [path.name for path in (tmp_path / "play").iterdir()] == ["mine.txt"]
