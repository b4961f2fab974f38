"""The plan: what a dry run writes, refuses and says."""

import json
import socket
import subprocess
import sys
from hashlib import sha256

import pytest

from ftv4.contracts.run import RunManifest
from ftv4.documents import Repository
from ftv4.steps.finetune import count_tokens, default_epochs
from tests.conftest import ROOT
from tests.dataset_rows import row, rows, write_dataset

STAGE = ("ft", "stage", "--stage", "quant_signals", "--suffix", "t")
DATASET = "train/datasets/stage_quant.jsonl"


def plan(ftv4, *flags):
    done = ftv4(*STAGE, "--format", "json", *flags)
    assert done.code == 0, done.err
    return json.loads(done.out)


def runs_of(repository):
    return sorted(path.name for path in repository.path("train/finetune_runs/quant_signals").glob("*"))


def test_a_plan_writes_training_file_and_manifest(repository, ftv4):
    write_dataset(repository, [*rows(30), row(30, approved=False)])

    answer = plan(ftv4)

    manifest = repository.read(RunManifest, answer["run_manifest"])
    lines = repository.read_bytes(answer["training_file_path"]).splitlines()
    assert (answer["total_rows"], answer["accepted_rows"], answer["rejected_rows"]) == (31, 30, 1)
    assert len(lines) == 30
    assert manifest.rejection_reasons == {"not_approved": 1}
    assert [message["role"] for message in json.loads(lines[0])["messages"]] == [
        "system",
        "user",
        "assistant",
    ]
    assert answer["job_id"] is None
    assert manifest.dry_run


def test_the_answer_has_the_node_tools_keys_and_ours(repository, ftv4):
    write_dataset(repository, rows(30))

    keys = list(plan(ftv4))

    assert keys[:9] == [
        "stage", "dry_run", "total_rows", "accepted_rows", "rejected_rows", "dataset_path",
        "training_file_path", "run_manifest", "job_id",
    ]  # fmt: skip
    assert {"run_key", "estimate", "fine_tuned_model"} <= set(keys)


def test_C6_hashes_are_of_the_bytes_in_the_files(repository, ftv4):
    write_dataset(repository, rows(30))

    answer = plan(ftv4)

    hashes = repository.read(RunManifest, answer["run_manifest"]).hashes
    assert hashes.dataset_sha256 == sha256(repository.read_bytes(DATASET)).hexdigest()
    assert hashes.training_sha256 == sha256(repository.read_bytes(answer["training_file_path"])).hexdigest()


def test_D5_no_path_in_a_manifest_is_absolute(repository, ftv4):
    write_dataset(repository, rows(30))

    answer = plan(ftv4, "--dataset", repository.path(DATASET))

    assert str(repository.root) not in repository.read_text(answer["run_manifest"])
    assert answer["dataset_path"] == DATASET


def test_D4_runs_of_the_same_second_have_folders_of_their_own(repository, ftv4, monkeypatch):
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T12:00:00Z")
    write_dataset(repository, rows(30))

    answers = [plan(ftv4) for _ in range(3)]

    assert runs_of(repository) == ["20261122T120000Z", "20261122T120000Z-2", "20261122T120000Z-3"]
    assert len({answer["training_file_path"] for answer in answers}) == 3


def test_the_same_plan_twice_has_the_same_bytes_and_key(repository, ftv4):
    write_dataset(repository, rows(30))

    first, second = plan(ftv4), plan(ftv4)

    assert first["run_key"] == second["run_key"]
    assert repository.read_bytes(first["training_file_path"]) == repository.read_bytes(
        second["training_file_path"]
    )


@pytest.mark.parametrize(
    "flags",
    [
        ("--suffix", "u"),
        ("--n-epochs", "2"),
        ("--learning-rate-multiplier", "0.5"),
        ("--seed", "0"),
        ("--base-model", "gpt-4.1-mini-2025-04-14"),
        ("--provider", "sandbox"),
    ],
    ids=lambda flags: flags[0],
)
def test_E7_whatever_determines_a_run_changes_its_key(repository, ftv4, flags):
    write_dataset(repository, rows(30))

    assert plan(ftv4)["run_key"] != plan(ftv4, *flags)["run_key"]


def test_E7_data_prompt_and_policy_change_the_key_and_notes_do_not(repository, ftv4):
    write_dataset(repository, rows(30))
    key = plan(ftv4)["run_key"]
    assert plan(ftv4, "--notes", "a=b=c")["run_key"] == key

    write_dataset(repository, rows(31))
    more = plan(ftv4)["run_key"]
    repository.write("templates/prompts/quant_signals.md", "Read the buckets.")
    prompted = plan(ftv4)["run_key"]
    policy = repository.read_json("config/intelligence_v4.policy.json")
    policy["forbidden_vocabulary"].append("zeitgeist")
    repository.write("config/intelligence_v4.policy.json", json.dumps(policy))

    assert len({key, more, prompted, plan(ftv4)["run_key"]}) == 4


def test_E3_a_value_may_hold_an_equals_sign(repository, ftv4):
    write_dataset(repository, rows(30))

    answer = plan(ftv4, "--notes=a=b=c")

    assert repository.read(RunManifest, answer["run_manifest"]).config.notes == "a=b=c"


# no network


def test_a_plan_calls_nobody(repository, ftv4, monkeypatch):
    """The network is shut, a key is set, and still the plan is made."""

    def shut(*arguments, **named):
        raise AssertionError("a dry run reached for the network")

    monkeypatch.setenv("OPENAI_API_KEY", "key")
    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, shut)
    monkeypatch.setattr(socket, "getaddrinfo", shut)
    write_dataset(repository, rows(30))

    assert plan(ftv4)["dry_run"] is True


def test_a_plan_does_not_even_import_the_sdk(repository):
    write_dataset(repository, rows(30))
    code = (
        "import sys; from ftv4.cli import run;"
        f"code = run({list(STAGE)!r}); sys.exit(code or 10 * ('openai' in sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repository.root,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")


# refusals


def test_C2_too_few_rows_leave_every_reason_with_its_lines_and_no_files(repository, ftv4):
    broken = row(3)
    del broken["output"]["confidence"], broken["output"]["window"]
    write_dataset(repository, [row(0), row(1, approved=False), broken, "", row(4, approved=False)])

    done = ftv4(*STAGE)

    assert done.code == 4
    assert "1 of 4 rows can train quant_signals; it needs 30" in done.err
    assert "2 not_approved: the first in line 2\n" in done.err
    assert "1 output_schema_invalid: line 3\n" in done.err
    assert runs_of(repository) == []


def test_B4_min_rows_counts_accepted_rows(repository, ftv4):
    write_dataset(repository, [*rows(4), *(row(n, approved=False) for n in range(4, 40))])

    assert ftv4(*STAGE, "--min-rows", 5).code == 4
    assert ftv4(*STAGE, "--min-rows", 4).code == 0
    assert ftv4(*STAGE, "--approved-only=false").code == 0


def test_B6_a_row_that_drifts_is_not_trained_on(repository, ftv4):
    drifting = row(0)
    drifting["output"]["patterns"][0]["description"] = "Prices should go up at once."
    write_dataset(repository, [drifting, *rows(30)])

    assert plan(ftv4)["rejection_reasons"] == {"stage_drift_failed": 1}


@pytest.mark.parametrize("bad", ["{broken", "<<<<<<< HEAD", '{"a":1}}'])
def test_C1_a_line_that_is_not_json_is_named_and_nothing_is_written(repository, ftv4, bad):
    write_dataset(repository, [*rows(30), "", bad])

    done = ftv4(*STAGE)

    assert done.code == 4
    assert f"{DATASET}:32" in done.err
    assert runs_of(repository) == []


@pytest.mark.parametrize("value", ["null", "1", '"text"', "[]"])
def test_C1_a_line_that_is_no_row_is_rejected_not_a_crash(repository, ftv4, value):
    write_dataset(repository, [value, *rows(30)])

    assert plan(ftv4)["rejection_reasons"] == {"missing_input_or_output": 1}


def test_a_missing_dataset_says_how_to_make_it(repository, ftv4):
    done = ftv4(*STAGE)

    assert done.code == 3
    assert "no such dataset" in done.err
    assert "datasets build" in done.err


def test_E7_an_example_longer_than_the_base_model_reads_is_refused(repository, ftv4):
    """facts: the end of it would be cut off, and that is the answer."""
    providers = repository.read_json("config/providers.json")
    facts = providers["providers"]["openai"]["base_models"]["gpt-4o-mini-2024-07-18"]
    write_dataset(repository, rows(30))
    longest = plan(ftv4)["estimate"]["longest_example_tokens"]
    facts["context_tokens"] = longest
    repository.write("config/providers.json", json.dumps(providers))
    assert ftv4(*STAGE).code == 0
    facts["context_tokens"] = longest - 1
    repository.write("config/providers.json", json.dumps(providers))

    done = ftv4(*STAGE)

    assert done.code == 4
    assert f"more than the {longest - 1:,} tokens" in done.err
    assert "line" in done.err.splitlines()[1]


KEY, IBAN = f"sk-proj-{'a1B2' * 10}", "DE89 3704 0044 0532 0130 00"


@pytest.mark.parametrize("side", ["input", "output"])
def test_what_is_nobodys_to_send_is_refused_without_showing_it(repository, ftv4, side):
    given = rows(30)
    for place, text in ((2, f"Use {KEY} today."), (4, f"Pay to {IBAN} on Monday.")):
        notes = (
            given[place]["input"]["context"] if side == "input" else given[place]["output"]["data_quality"]
        )
        notes["notes"] = [text]
    write_dataset(repository, given)

    done = ftv4(*STAGE)

    assert (done.code, done.out) == (4, "")
    assert "2 places in examples hold personal data or a secret" in done.err
    assert f"{DATASET}:3: secret: /{side}/" in done.err
    assert f"{DATASET}:5: personal_data: /{side}/" in done.err
    assert KEY[8:] not in done.err
    assert IBAN not in done.err
    assert repository.files("train/finetune_runs", "**/*") == []


def test_what_stays_here_keeps_nothing_from_being_sent(repository, ftv4):
    """A note about a row, and a row that nobody approved."""
    given = rows(32)
    given[2]["notes"] = f"Asked with {KEY}."
    given[4]["approved"] = False
    given[4]["output"]["data_quality"]["notes"] = [f"Use {KEY} today."]
    write_dataset(repository, given)

    assert plan(ftv4)["accepted_rows"] == 31


def test_D8_an_empty_prompt_is_never_trained_on(repository, ftv4):
    write_dataset(repository, rows(30))
    repository.write("templates/prompts/quant_signals.md", "# Quant\n")

    assert ftv4(*STAGE).code == 3
    assert runs_of(repository) == []


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--n-epochs", "0"),
        ("--n-epochs", "51"),
        ("--n_epochs", "abc"),
        ("--learning-rate-multiplier", "0"),
        ("--learning-rate-multiplier", "nan"),
        ("--learning-rate-multiplier", "inf"),
        ("--seed", "-1"),
        ("--seed", "2147483648"),
        ("--min-rows", "0"),
        ("--dry_run", "ture"),
        ("--suffix", ""),
        ("--suffix", "../../x"),
        ("--suffix", "x" * 65),
        ("--base-model", "a b"),
        ("--stage", "toString"),
        ("--typo", "1"),
    ],
)
def test_E1_E2_E5_a_wrong_flag_is_an_error_and_nothing_is_written(repository, ftv4, flag, value):
    write_dataset(repository, rows(30))

    assert ftv4(*STAGE, flag, value).code == 2
    assert runs_of(repository) == []


def test_an_unknown_provider_names_those_there_are(repository, ftv4):
    write_dataset(repository, rows(30))

    done = ftv4(*STAGE, "--provider", "nobody")

    assert done.code == 3
    assert "openai, sandbox" in done.err


def test_a_suffix_longer_than_the_provider_takes_is_an_error(repository, ftv4):
    providers = repository.read_json("config/providers.json")
    providers["providers"]["openai"]["suffix_max_length"] = 18
    repository.write("config/providers.json", json.dumps(providers))
    write_dataset(repository, rows(30))

    assert ftv4(*STAGE, "--suffix", "x" * 18).code == 0
    assert ftv4(*STAGE, "--suffix", "x" * 19).code == 2


def test_a_provider_that_wants_a_byte_order_mark_gets_one(repository, ftv4):
    providers = repository.read_json("config/providers.json")
    providers["providers"]["openai"]["training_file_bom"] = True
    repository.write("config/providers.json", json.dumps(providers))
    write_dataset(repository, rows(30))

    answer = plan(ftv4)

    content = repository.read_bytes(answer["training_file_path"])
    assert content.startswith(b'\xef\xbb\xbf{"messages"')
    hashes = repository.read(RunManifest, answer["run_manifest"]).hashes
    assert hashes.training_sha256 == sha256(content).hexdigest()


def test_D1_a_full_disk_leaves_nothing_half_written(repository, ftv4, monkeypatch):
    write_dataset(repository, rows(30))

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ftv4.documents.os.fsync", full)

    done = ftv4(*STAGE)

    assert done.code == 1
    assert "no space left" in done.err
    assert runs_of(repository) == []


# tokens, epochs, cost


def test_token_counts_are_golden():
    texts = ["", "hello world", '{"a":[1,2,3],"b":"ü"}', "bucket:decision_latency:high", "<|endoftext|>"]

    assert count_tokens(texts) == [0, 2, 13, 6, 7]


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(1, 25), (4, 25), (5, 20), (10, 10), (33, 3), (34, 3), (8333, 3), (8334, 2), (12501, 1), (99999, 1)],
)
def test_epochs_follow_the_providers_rule(examples, epochs):
    assert default_epochs(examples) == epochs


def test_E7_the_estimate_adds_up(repository, ftv4):
    write_dataset(repository, rows(30))

    answer = plan(ftv4, "--n-epochs", "2")

    lines = repository.read_bytes(answer["training_file_path"]).splitlines()
    talks = [json.loads(line)["messages"] for line in lines]
    tokens = [sum(count_tokens([m["content"] for m in talk])) + 3 * len(talk) + 3 for talk in talks]
    assert answer["estimate"] == {
        "tokens_per_epoch": sum(tokens),
        "longest_example_tokens": max(tokens),
        "epochs": 2,
        "billable_tokens": 2 * sum(tokens),
        "cost_usd": round(2 * sum(tokens) * 3.0 / 1e6, 4),
        "price_source": "OpenAI pricing and deprecations pages, as of 2026-11-22",
    }


def test_an_unknown_base_model_has_no_price(repository, ftv4):
    write_dataset(repository, rows(30))

    answer = plan(ftv4, "--base-model", "somebody/else-8B")

    assert answer["estimate"]["cost_usd"] is None
    assert "price unknown" in ftv4(*STAGE, "--base-model", "somebody/else-8B").out


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ("2026-11-22", "stops answering on 2027-01-14, in 53 days"),
        ("2027-01-06", "the last day for fine-tuning jobs"),
        ("2027-01-07", "would be refused: no jobs for"),
        ("2027-01-14", "would be refused: gpt-4o-mini-2024-07-18 is shut down"),
    ],
)
def test_a_plan_says_how_long_the_model_would_live(repository, ftv4, monkeypatch, today, said):
    monkeypatch.setenv("FTV4_NOW", f"{today}T23:59:59Z")
    write_dataset(repository, rows(30))

    assert said in ftv4(*STAGE).out


def test_both_default_bases_work_at_both_providers(repository, ftv4):
    row_of = Repository(repository.root).providers().providers

    for name in ("openai", "sandbox"):
        for base in ("gpt-4o-mini-2024-07-18", "gpt-4.1-mini-2025-04-14"):
            assert row_of[name].base_models[base].train_price is not None
    assert row_of["sandbox"].base_models["gpt-4o-mini-2024-07-18"].train_price == 0
