"""doctor.yml: a red run for what is missing in the repository's settings, with the reason on its page."""


def test_a_bare_repository_is_told_what_it_lacks(platform):
    happened = platform.run("doctor", "schedule", {"schedule": "23 6 * * 1"}, app=True)

    assert happened.jobs == {"doctor": "failure"}
    assert happened.summaries["doctor"].startswith("## Settings of `sandbox/models`: ")
    assert "| MISSING | `a merge into main needs the status ftv4/verdict` |" in happened.summaries["doctor"]
    assert "FTV4_APP_ID is set" in happened.summaries["doctor"]
    assert "openai" not in happened.log  # every pin is a rule here, so no provider is asked
    assert platform.forge.asked("POST") == platform.provider.asked() == []


def test_a_forge_that_is_away_is_said_so(platform):
    platform.forge.fail("reject", status=502, times=20)
    happened = platform.dispatch("doctor")

    assert happened.jobs == {"doctor": "failure"}
    assert "Traceback" not in happened.log
