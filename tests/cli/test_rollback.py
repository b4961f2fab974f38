import json
import subprocess
from datetime import UTC, datetime

import pytest

from ftv4.documents import MODELS, POLICY
from ftv4.errors import ContractError
from ftv4.steps.rollback import LONGEST_REASON, as_state, life_known, serving
from tests.cli.test_promote import GOOD, STAGE, forge, git, pinned, promote, ready  # noqa: F401

FIRST = "deterministic:synthesis-v1"
NEWER = "sandbox:newer"


def pin(repository, model, message, stage=STAGE, **changes):
    """models.json by hand, committed to main."""
    config = repository.read_json(MODELS)
    config["stages"][stage] |= {"model_id": model, **changes}
    repository.write(MODELS, json.dumps(config, indent=2) + "\n")
    git(repository, "commit", "-q", "-a", "-m", message)


@pytest.fixture
def past(ready):  # noqa: F811
    """Three models have served the stage, one after the other; another stage has had one of its own."""
    fallback = {"enabled": True, "model_id": FIRST}
    pin(ready, GOOD, "good", temperature=0.5, fallback=fallback)
    pin(ready, "sandbox:elsewhere", "another stage", stage="blue_ocean")
    pin(ready, NEWER, "newer", temperature=0, fallback={"enabled": False})
    return ready


def back(ftv4, *flags, stage=STAGE, to=GOOD, reason="it invents evidence"):
    done = ftv4("rollback", "--stage", stage, "--to", to, "--reason", reason, *flags, "--format", "json")
    return done.code, json.loads(done.out) if done.out else None, done.err


def test_the_pin_comes_back_as_it_was_with_the_reason_in_its_history(past, ftv4):
    others = past.read_json(MODELS)
    code, answer, _ = back(ftv4)

    assert code == 0
    assert (answer["old_model_id"], answer["new_model_id"]) == (NEWER, GOOD)
    stands = past.models().stages[STAGE]
    assert (stands.model_id, stands.temperature) == (GOOD, 0.5)
    assert stands.fallback.model_id == FIRST
    entry = stands.promotion_history[-1]
    assert (entry.action, entry.reason) == ("rollback", "it invents evidence")
    assert (entry.old_model, entry.new_model) == (NEWER, GOOD)
    assert stands.pinned_by == "ada@example.org"
    config = past.read_json(MODELS)
    for one in (config, others):
        del one["stages"][STAGE]
    assert config == others


def test_the_overrides_of_the_stage_come_back_too(ready, promote, ftv4):  # noqa: F811
    promote()
    git(ready, "add", ".")
    git(ready, "commit", "-q", "-m", "promoted")
    assert pinned(ready, "hvac") == GOOD

    code, _, err = back(ftv4, to="previous")

    assert code == 0, err
    assert pinned(ready) == FIRST
    assert pinned(ready, "hvac") == "deterministic:synthesis-hvac-v1"
    assert ready.models().pin("quant_signals", "hvac").model_id == "deterministic:quant-hvac-v1"


def test_previous_undoes_and_asked_again_undoes_what_was_before(past, ftv4):
    found = []
    for _ in range(2):
        assert back(ftv4, to="previous")[0] == 0
        git(past, "commit", "-q", "-a", "-m", "back")
        found.append(pinned(past))
    code, _, err = back(ftv4, to="previous")

    assert found == [GOOD, FIRST]
    assert code == 2
    assert "nothing served synthesis_decision before" in err


@pytest.mark.parametrize(
    "model",
    [
        "sandbox:never",
        "sandbox:elsewhere",
        NEWER.upper(),
        "sandbox:n\N{CYRILLIC SMALL LETTER IE}wer",
        "Sandbox:newer",
        f"{GOOD} ",
        GOOD[:-1],
        "",
        "Previous",
        "../x",
        "::error::x",
    ],
)
def test_only_what_served_this_stage_on_the_branch_comes_back(past, ftv4, model):
    before = past.read_bytes(MODELS)
    code, _, err = back(ftv4, to=model)

    assert code == 2
    assert "never served synthesis_decision here" in err
    assert f"these did: {NEWER}, {GOOD}, {FIRST}" in err
    assert past.read_bytes(MODELS) == before


def test_what_only_a_side_branch_pinned_has_not_served(past, ftv4):
    git(past, "checkout", "-q", "-b", "side")
    pin(past, "sandbox:side", "never merged as such")
    pin(past, NEWER, "and back")
    git(past, "checkout", "-q", "main")
    git(past, "merge", "-q", "--no-ff", "-m", "merge", "side")

    assert back(ftv4, to="sandbox:side")[0] == 2


def test_what_a_merge_brought_has_served(past, ftv4):
    git(past, "checkout", "-q", "-b", "side")
    pin(past, "sandbox:merged", "by a pull request")
    git(past, "checkout", "-q", "main")
    git(past, "merge", "-q", "--no-ff", "-m", "merge", "side")
    pin(past, FIRST, "and on")

    assert back(ftv4, to="sandbox:merged")[0] == 0


def test_the_remotes_branch_counts_where_there_is_one(past, ftv4, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("origin")
    subprocess.run(["git", "clone", "-q", "--bare", past.root, elsewhere], check=True)
    git(past, "remote", "add", "origin", str(elsewhere))
    git(past, "fetch", "-q", "origin")
    pin(past, "sandbox:local", "never pushed")
    pin(past, NEWER, "and back")

    assert back(ftv4, to="sandbox:local", reason="try")[0] == 2


def test_a_branch_that_is_ahead_of_what_was_fetched_tells_what_it_knows(past, ftv4, tmp_path_factory):
    """A merge pulled from another URL leaves the remote's branch here as it was."""
    elsewhere = tmp_path_factory.mktemp("origin")
    subprocess.run(["git", "clone", "-q", "--bare", past.root, elsewhere], check=True)
    git(past, "remote", "add", "origin", str(elsewhere))
    first = git(past, "rev-list", "--max-parents=0", "main").strip()
    git(past, "update-ref", "refs/remotes/origin/main", first)

    code, answer, err = back(ftv4, to="previous")

    assert (code, err) == (0, "")
    assert answer["new_model_id"] == GOOD


@pytest.mark.parametrize("ahead", [True, False])
def test_an_error_names_the_branch_that_was_read(past, ftv4, ahead):
    git(
        past,
        "update-ref",
        "refs/remotes/origin/main",
        git(past, "rev-parse", "main~1" if ahead else "main").strip(),
    )
    read = "refs/heads/main" if ahead else "refs/remotes/origin/main"
    commit = git(past, "rev-parse", read)[:12]

    code, _, err = back(ftv4, to="sandbox:never")

    assert (code, f"as {read} has it, commit {commit}" in err) == (2, True)


def test_what_was_fetched_and_has_gone_on_counts_and_is_named(past, ftv4):
    git(past, "update-ref", "refs/remotes/origin/main", git(past, "rev-parse", "main").strip())
    git(past, "reset", "-q", "--hard", "main~1")

    code, _, err = back(ftv4, to=FIRST)

    assert (code, "is not that of refs/remotes/origin/main" in err) == (4, True)


def test_a_shallow_clone_is_refused_and_says_what_it_needs(past, ftv4, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("shallow")
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{past.root}", folder], check=True)
    git(type(past)(folder), "config", "user.email", "ada@example.org")
    monkeypatch.chdir(folder)
    code, _, err = back(ftv4)

    assert code == 4
    assert "fetch-depth: 0" in err


def test_what_serves_already_is_no_rollback(past, ftv4):
    code, _, err = back(ftv4, to=NEWER)

    assert code == 2
    assert "nothing to roll back" in err


@pytest.mark.parametrize("reason", ["", " ", "\n\t"])
def test_a_rollback_needs_a_reason(past, ftv4, reason):
    code, _, err = back(ftv4, reason=reason)

    assert code == 2
    assert "--reason says nothing" in err


def test_a_reason_is_no_book(past, ftv4):
    code, _, err = back(ftv4, reason="x" * (LONGEST_REASON + 1))

    assert code == 2
    assert f"at most {LONGEST_REASON} characters" in err


def test_every_model_that_may_answer_is_looked_at(ready):  # noqa: F811
    config = ready.read_json(MODELS)
    config["stages"][STAGE]["fallback"] = {"enabled": True, "model_id": "sandbox:second"}
    own = config["industry_overrides"]["hvac"][STAGE]
    own["fallback"] = {"enabled": True, "model_id": "sandbox:third"}
    found = serving(as_state(json.dumps(config).encode()), STAGE)
    assert {FIRST, own["model_id"], "sandbox:second", "sandbox:third"} <= set(found)

    del own["fallback"]
    config["stages"][STAGE]["fallback"]["enabled"] = False
    found = serving(as_state(json.dumps(config).encode()), STAGE)
    assert {"sandbox:second", "sandbox:third"} & set(found) == set()


def test_how_long_a_model_of_nobody_lives_is_unknown(ready):  # noqa: F811
    with pytest.raises(ContractError, match="vanished"):
        life_known(ready, STAGE, "vanished:model", None, datetime.now(UTC))


@pytest.mark.parametrize("day", ["2026-11-22", "2026-01-31", "2026-12-01"])
def test_a_model_that_is_shut_down_or_soon_will_be_stays_away(past, ftv4, day):
    providers = past.read_json("config/providers.json")
    base = next(iter(providers["providers"]["openai"]["base_models"].values()))
    row = base | {"shutdown_date": day}
    providers["providers"]["sandbox"]["base_models"]["gpt-4.1-mini-2025-04-14"] = row
    past.write("config/providers.json", json.dumps(providers))
    code, _, err = back(ftv4)

    assert code == 4
    assert day in err
    assert "the policy has something against a model that served then" in err
    assert pinned(past) == NEWER


def test_threat_14_a_strangers_model_stays_away(past, ftv4):
    policy = past.read_json(POLICY)
    policy["promotion"]["owners"] = ["nobody"]
    past.write(POLICY, json.dumps(policy))
    code, _, err = back(ftv4)

    assert (code, pinned(past)) == (4, NEWER)
    assert "promotion.owners of the policy has nobody" in err
    assert back(ftv4, to=FIRST)[0] == 0


def test_a_rule_always_answers(past, ftv4):
    assert back(ftv4, to=FIRST)[0] == 0
    assert pinned(past) == FIRST


def test_a_model_of_a_provider_that_is_gone_stays_away(past, ftv4):
    pin(past, "vanished:model", "x")
    pin(past, NEWER, "y")

    assert back(ftv4, to="vanished:model")[0] == 3


def test_a_checkout_that_is_not_the_branch_is_left_alone(past, ftv4):
    text = past.read_text(MODELS).replace("blueocean-v1", "core-v1")
    past.write(MODELS, text + "\n")
    code, _, err = back(ftv4)

    assert code == 4
    assert "is not that of main" in err
    assert past.read_text(MODELS) == text + "\n"
    assert ftv4("rollback", "--stage", STAGE, "--to", GOOD, "--reason", "x", "--dry-run").code == 0


def test_a_dry_run_shows_the_diff_and_changes_nothing(past, ftv4):
    done = ftv4("rollback", "--stage", STAGE, "--to", GOOD, "--reason", "x", "--dry-run")

    assert done.code == 0
    assert f'+      "model_id": "{GOOD}",' in done.out
    assert git(past, "status", "--short") == ""


# the pull request


def proposed(forge, answer):  # noqa: F811
    return forge.github().get_pull(answer["pull_request"]["number"])


def test_one_commit_one_pull_request_and_a_second_run_adopts_it(past, ftv4, forge, golden):  # noqa: F811
    code, answer, err = back(ftv4, "--open-pr")
    assert code == 0, err
    again = back(ftv4, "--open-pr")[1]
    pull = proposed(forge, answer)

    assert again["pull_request"] == answer["pull_request"]
    assert forge.github().get_pulls().totalCount == 1
    assert pull.commits == 1
    assert [file.filename for file in pull.get_files()] == [MODELS]
    assert git(past, "status", "--short") == ""
    assert pull.title == "Roll synthesis_decision back to a model that served it before"
    body = pull.body.split("<!-- ftv4:")[0].replace(answer["as_of_commit"][:12], "0123456789ab")
    golden("rollback_pr.md", body.replace(_day(past, answer["as_of_commit"]), "2026-11-22"))


def _day(repository, commit):
    return git(repository, "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%d", commit).strip()


def test_merged_it_serves_again(past, ftv4, forge):  # noqa: F811
    proposed(forge, back(ftv4, "--open-pr")[1]).merge()
    git(past, "pull", "-q", str(forge.git), "main")

    assert pinned(past) == GOOD


def test_words_of_a_reason_do_nothing(past, ftv4, forge):  # noqa: F811
    rude = "x\n## Approved\n@acme/all fixes #1 `` ![](https://x.example/y)\n::error::no ##[endgroup]"
    answer = back(ftv4, "--open-pr", reason=rude)[1]
    pull = proposed(forge, answer)

    assert "\n## Approved" not in pull.body
    assert "@" not in pull.body.replace("ada at example.org", "")
    assert "#1" not in pull.body
    assert "rude" not in pull.title
    message = git_of(forge, "log", "-1", "--format=%B", pull.head.sha)
    assert "Approved" not in message
    kept = json.loads(git_of(forge, "show", f"{pull.head.sha}:{MODELS}"))
    assert kept["stages"][STAGE]["promotion_history"][-1]["reason"] == rude


def git_of(forge, *arguments):  # noqa: F811
    done = subprocess.run(["git", "-C", forge.git, *arguments], check=True, capture_output=True, text=True)
    return done.stdout
