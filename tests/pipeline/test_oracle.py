"""The Node tool's recorded packs and CSV files: same windows, buckets, inputs, decisions, records."""

import gzip
import json
import re
from datetime import UTC, datetime

import pytest

from ftv4.contracts.pack import DataPack
from ftv4.documents import Repository
from ftv4.guards import Guards
from ftv4.pipeline.brief import make_brief
from ftv4.pipeline.model import RuleModel
from ftv4.pipeline.normalise import CsvFile, normalise
from ftv4.pipeline.run import run_pipeline
from ftv4.stages import STAGES
from tests.conftest import ROOT, SHARED

ORACLE = SHARED / "data" / "oracle" / "pipeline"
ROWS = SHARED / "data" / "rows"
pytestmark = pytest.mark.skipif(not ORACLE.exists(), reason="the records are not here")

SENTENCES = {
    "description",
    "structural_gaps",
    "market_pressures",
    "strengths",
    "vulnerabilities",
    "collapsed_view",
    "rejected_moves",
    "capacity_guardrail",
    "primary_constraint_candidate",
    "competitive_pressure_summary",
}
"""Our rules say them in their own words; how many there are is compared."""


def packs():
    with gzip.open(ORACLE / "packs.jsonl.gz") as stream:
        return [json.loads(line) for line in stream]


def brief_of(case, number):
    return make_brief(
        DataPack.model_validate(case["pack"]),
        client_id="w1",
        run_id=f"orc-{number}",
        industry=case["industry"] or "",
        role=case["emyth_role"],
        mode=case["mode"],
    )


def shape(value, key=""):
    if isinstance(value, dict):
        return {name: shape(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item, key) for item in value]
    return "…" if key in SENTENCES else value


def test_windows_limits_and_buckets_are_the_recorded_ones():
    for number, case in enumerate(packs()):
        brief, want = brief_of(case, number), case["prepared"]

        assert [brief.window_start, brief.window_end, brief.window_mode] == list(want["window"].values())
        assert want["data_limits"] == {
            "window_mode": brief.window_mode,
            "row_limit_applied": brief.row_limit,
            "saw_quotes": brief.saw_quotes,
            "saw_invoices": brief.saw_invoices,
            "saw_jobs": brief.saw_jobs,
            "saw_customers": brief.saw_customers,
            "notes": list(brief.notes),
        }
        assert want["buckets"] == [
            {"value_bucket" if name == "value" else name: item for name, item in bucket.model_dump().items()}
            for bucket in brief.buckets
        ]


def test_inputs_decisions_models_and_refs_are_the_recorded_ones():
    repository = Repository(ROOT)
    guards, pin = Guards.compile(repository.policy()), repository.models().pin
    diagnoses = {}
    for number, case in enumerate(packs()):
        record = run_pipeline(
            brief_of(case, number),
            pin,
            lambda model, _: RuleModel(model),
            guards,
            datetime(2026, 2, 9, tzinfo=UTC),
        )
        stages = {stage.stage_name: stage for stage in record.stage_records}
        outputs = {name: stage.output_artifact.payload_json for name, stage in stages.items()}

        assert record.status == case["status"]
        for name, want in case["inputs"].items():
            assert shape(stages[name].input_artifact.payload_json) == shape(want), (number, name)
        if "quant_output" in case:
            assert shape(outputs["quant_signals"]) == shape(case["quant_output"]), number
        assert {name: output["model_id"] for name, output in outputs.items()} == case["model_ids"]
        assert {name: output["evidence_refs"] for name, output in outputs.items()} == case["refs"]
        assert outputs["synthesis_decision"]["recommended_path"] == case["recommended_path"]
        diagnoses.setdefault(case["diagnosis"], set()).add(
            outputs["synthesis_decision"]["primary_constraint"]
        )
    assert len(diagnoses) == 3
    assert len(set.union(*diagnoses.values())) == 3, "one diagnosis of ours for each of theirs"


@pytest.mark.parametrize("number", range(93))
def test_csv_files_are_read_as_recorded(number):
    case = [json.loads(line) for line in (ORACLE / "csv_normalise.jsonl").read_text().splitlines()][number]
    files = [CsvFile(file["filename"], file["text"]) for file in case["files"]]

    found = normalise(files, source_tool="t", created_at="2026-02-01")

    assert found.pack.model_dump(mode="json", exclude_none=True, exclude={"created_at"}) == case["pack"]
    attempted = {
        (file["filename"], file["type_guess"], file["status"] == "success")
        for file in case["stats"]["files_attempted"]
    }
    assert {(file.name, file.category, file.problem is None) for file in found.files} == attempted
    assert sum(file.rows for file in found.files) == case["stats"]["rows"]
    assert len(found.warnings) == len(case["stats"]["warnings"])


def test_packs_of_the_recorded_seeds_give_the_recorded_inputs():
    """24 packs of two seeds, made, read and measured: all that the real rows say of them."""
    from datetime import date

    from ftv4.synth.packs import PROFILES, make_packs

    made = [
        *make_packs(list(PROFILES), 3, seed=1234, window_days=90, anchor=date(2026, 2, 9)),
        *make_packs(list(PROFILES), 1, seed=2026, window_days=90, anchor=date(2026, 2, 1)),
    ]
    with gzip.open(ROWS / "stage_quant.jsonl.gz") as stream:
        inputs = [json.loads(line)["input"] for line in stream]

    recorded = {_anonymous(each) for each in inputs if each["industry"] in PROFILES}

    assert {_anonymous(_quant_input(pack)) for pack in made} == recorded


def _quant_input(made):
    files = [CsvFile(name, text) for name, text in made.csv.items()]
    pack = normalise(files, source_tool="synth", created_at="2026-02-09").pack
    brief = make_brief(
        pack, client_id="w", run_id="r", industry=made.pack.industry, role="mixed", mode="last_90_days"
    )
    return STAGES["quant_signals"].make_input(brief, {})


def _anonymous(stage_input):
    text = json.dumps(stage_input | {"client_id": "", "run_id": ""}, sort_keys=True)
    return re.sub(r"\s+", " ", text)
