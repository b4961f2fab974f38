"""Waivers: a finding that somebody answers for counts as a warning until a day, and every use is shown."""

import json

import pytest

from ftv4.steps.waivers import NEVER
from tests.gates.build import lines, varied
from tests.git_tree import Tree

FILE = "train/datasets/stage_synthesis.jsonl"
RULE = "doctrine_guard_failed"


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T12:00:00Z")


@pytest.fixture
def rows(repository):
    """A dataset with one row that the doctrine guard refuses, and rows enough without it."""
    rows = varied(42)
    rows[7]["output"]["primary_constraint"] = "Quotes wait; that was your fault in week 7."
    repository.write(FILE, lines(*rows))
    return rows


@pytest.fixture
def waive(repository, ftv4):
    """Write waivers, each over a valid one; give back the report."""

    def written(*waivers, file=FILE):
        sound = {"rule": RULE, "file": FILE, "reason": "quoted from a customer", "owner": "jo"}
        every = [sound | {"expires": "2026-11-22"} | waiver for waiver in waivers]
        repository.write("config/waivers.json", json.dumps({"waivers": every}))
        done = ftv4("gate", file, "--only", "acceptance", "--format=json")
        return json.loads(done.out) | {"code": done.code}

    return written


@pytest.fixture
def row(rows, ftv4):
    """The content hash that the gate prints for the refused row."""
    (finding,) = json.loads(ftv4("gate", FILE, "--only=acceptance", "--format=json").out)["findings"]
    assert finding["rule"] == RULE
    return finding["row"]


def told(report):
    return [(finding["rule"], finding["severity"]) for finding in report["findings"]]


def test_a_waived_finding_is_a_warning_and_the_use_is_listed(waive, row):
    report = waive({"rows": [row]})

    assert (report["code"], report["passed"], told(report)) == (0, True, [(RULE, "warning")])
    assert report["findings"][0]["waived"] == "quoted from a customer"
    assert report["waivers"] == [
        {
            "rule": RULE,
            "owner": "jo",
            "reason": "quoted from a customer",
            "expires": "2026-11-22",
            "findings": 1,
            "rows": [row],
        }
    ]


def test_a_waived_row_is_not_trained_on_for_that(waive, row):
    assert waive({"rows": [row]})["accepted_rows"] == 41


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_people_are_shown_each_use(waive, row, ftv4, form):
    waive({"rows": [row]})
    out = ftv4("gate", FILE, "--only=acceptance", "--format", form).out

    assert all(word in out for word in ("quoted from a customer", "jo", "2026-11-22"))


def test_the_text_report_prints_the_hash_to_use(rows, row, ftv4):
    assert f"[row {row}]" in ftv4("gate", FILE, "--only=acceptance").out


def test_sarif_says_that_a_finding_is_suppressed(waive, row, ftv4):
    waive({"rows": [row]})
    log = json.loads(ftv4("gate", FILE, "--only=acceptance", "--format=sarif").out)

    (result,) = log["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "external", "justification": "quoted from a customer"}]


def test_a_waiver_outlives_ids_and_dates_and_ends_with_an_edit(waive, row, rows, repository):
    rows[7] |= {"id": "another", "created_at": "2026-11-02T00:00:00.000Z", "notes": "seen"}
    repository.write(FILE, lines(*rows))
    assert waive({"rows": [row]})["passed"]

    rows[7]["output"]["primary_constraint"] += " Truly."
    repository.write(FILE, lines(*rows))
    report = waive({"rows": [row]})
    assert (report["passed"], ("waiver_unused", "warning") in told(report)) == (False, True)


@pytest.mark.parametrize(
    ("waiver", "rule", "severity"),
    [
        ({"expires": "2026-11-21"}, "waiver_expired", "error"),
        ({"rows": ["0" * 64]}, "waiver_unused", "warning"),
        ({"rule": "no_such_rule"}, "waiver_unknown_rule", "error"),
        ({"rule": "output_schema_invalid"}, "waiver_refused", "error"),
        ({"rule": "secret"}, "waiver_refused", "error"),
    ],
)
def test_a_waiver_that_does_not_hold_is_a_finding(waive, row, waiver, rule, severity):
    report = waive({"rows": [row]} | waiver)
    finding = report["findings"][-1]

    assert (finding["rule"], finding["severity"], finding["pointer"]) == (rule, severity, "/waivers/0")
    assert finding["line"] == 1
    assert (report["code"], report["findings"][0]["severity"], report["waivers"]) == (4, "error", [])


def test_rows_that_a_waiver_is_not_needed_for_any_more_are_named(waive, row):
    report = waive({"rows": ["0" * 64, row, "1" * 64]})
    finding = report["findings"][-1]

    assert (report["code"], finding["rule"], finding["severity"]) == (0, "waiver_unused", "warning")
    assert finding["pointer"] == "/waivers/0/rows/0"
    assert f"in 2 of its 3 rows: {'0' * 12}, {'1' * 12} (jo)" in finding["problem"]
    assert report["waivers"][0]["findings"] == 1


def test_a_finding_about_the_file_is_waived_by_the_file(repository, ftv4):
    repository.write(FILE, lines(*varied(30)))
    waiver = {"rule": "too_few_accepted_rows", "file": FILE, "reason": "a pilot of 30", "owner": "jo"}
    waivers = {"waivers": [waiver | {"expires": "2026-12-01"}]}
    repository.write("config/waivers.json", json.dumps(waivers))

    assert ftv4("gate", FILE, "--only=rows").code == 0
    assert ftv4("gate", FILE, "--only=rows", "--only=diversity").code == 4


def test_waivers_of_other_datasets_are_left_alone(waive, rows):
    report = waive({"file": "train/datasets/stage_quant.jsonl", "expires": "2020-01-01"})

    assert told(report) == [(RULE, "error")]


@pytest.mark.parametrize(
    "spoil",
    [
        {"reason": "ok"},
        {"expires": "soon"},
        {"owner": "@"},
        {"owner": "jo or ada"},
        {"owner": "x@y@z"},
        {"rows": ["3f"]},
        {"more": 1},
    ],
)
def test_a_damaged_file_of_waivers_is_an_error(rows, repository, ftv4, spoil):
    waiver = {
        "rule": RULE,
        "file": FILE,
        "reason": "quoted from them",
        "owner": "jo",
        "expires": "2027-01-01",
    }
    repository.write("config/waivers.json", json.dumps({"waivers": [waiver | spoil]}))
    done = ftv4("gate", FILE)

    assert (done.code, done.out) == (3, "")
    assert "config/waivers.json#/waivers/0" in done.err
    assert "(line 1)" in done.err


def test_who_answers_is_told_in_words(rows, repository, ftv4):
    waiver = {"rule": RULE, "file": FILE, "reason": "quoted from them", "owner": "jo or ada"}
    text = json.dumps({"waivers": [waiver | {"expires": "2027-01-01"}]}, indent=1)
    repository.write("config/waivers.json", text)
    line = text.splitlines().index('   "owner": "jo or ada",') + 1

    told = ftv4("gate", FILE).err
    assert "#/waivers/0/owner: must be who answers for it: a name without spaces, @handle" in told
    assert f"(line {line})" in told
    assert "mend what is named here" in told


@pytest.mark.parametrize(
    ("owner", "told"),
    [("@jo", "jo"), ("@acme/data", "acme/data"), ("jo+x@example.org", "jo+x at example.org")],
)
@pytest.mark.parametrize("form", ["text", "markdown", "github", "json"])
def test_an_owner_is_written_as_people_do_and_mentioned_nowhere(waive, row, ftv4, owner, told, form):
    assert waive({"rows": [row], "owner": owner})["waivers"][0]["owner"] == told
    out = ftv4("gate", FILE, "--only=acceptance", "--format", form).out

    assert "@" not in out
    assert form == "github" or told in out


def test_a_change_cannot_bring_its_own_waiver(rows, row, repository, ftv4):
    tree = Tree(repository.root)
    config = {f"config/{path.name}": path.read_bytes() for path in repository.path("config").iterdir()}
    base = tree.commit(config)
    waiver = {"rule": RULE, "file": FILE, "rows": [row], "reason": "it is fine", "owner": "jo"}
    waivers = json.dumps({"waivers": [waiver | {"expires": "2027-01-01"}]}).encode()
    first = tree.commit({FILE: lines(*rows), "config/waivers.json": waivers})

    alone = ftv4("gate", "--base", base, "--head", first, "--only=acceptance")
    tree.commit({"config/waivers.json": waivers}, base)
    tree.git("read-tree", base)
    allowed = tree.commit({"config/waivers.json": waivers}, base)
    second = tree.commit({FILE: lines(*rows)}, allowed)
    later = ftv4("gate", "--base", allowed, "--head", second, "--only=acceptance")

    assert (alone.code, "config/waivers.json" in alone.out) == (4, True)
    assert later.code == 0


def test_what_nobody_can_answer_for_is_known():
    assert {"personal_data", "secret", "raw_leak_scan_failed", "output_schema_invalid"} <= NEVER
