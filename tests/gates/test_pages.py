"""What `ftv4 explain` shows as bad triggers its rule, and what it shows as good doesn't."""

import copy
import json

import pytest

from benchmarks.corpus import shipped
from benchmarks.gate_efficacy import judged
from benchmarks.planting import approved
from ftv4.stages import STAGES
from ftv4.steps.explain import pages
from tests.guards.build import SHIPPED

PAGES = {page.rule: page for page in pages(SHIPPED)}
STAGE = "synthesis_decision"
OF = {
    "input_schema_version_mismatch": "quant_signals",
    "output_schema_version_mismatch": "quant_signals",
    "input_schema_invalid": "quant_signals",
    "stage_drift_failed": "quant_signals",
    "prompt_injection": "competitive_lens",
}
"""The stage that an example is about, where it isn't a decision."""
FRAGMENTS = (
    *("not_approved", "input_schema_version_mismatch", "output_schema_version_mismatch"),
    *("input_schema_invalid", "output_schema_invalid", "doctrine_guard_failed", "raw_leak_scan_failed"),
    *("decision_failed", "lone_surrogate", "ungrounded_reference", "prompt_injection", "personal_data"),
    "secret",
)
"""Rules whose examples are members of a row."""
TOKEN = "aB3dE6gH9jK2" * 3


def members(example):
    """The members that an example shows; what it leaves out is left out."""
    text = example.replace(", …", "").replace("_…", f"_{TOKEN}")
    return json.loads("{" + text + "}")


def put(row, shown):
    """Write members over those of a row, wherever it has them."""
    for key, value in shown.items():
        holder = next(part for part in objects(row) if key in part)
        holder[key] = merged(holder[key], value)


def objects(value):
    """Every object of a value, the outer ones and the answer's first."""
    waiting = [value]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, dict):
            yield part
        items = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        waiting.extend(
            sorted(items, key=lambda item: "model_id" not in item if isinstance(item, dict) else 1)
        )


def merged(there, shown):
    if isinstance(there, dict):
        return there | {key: merged(there.get(key), value) for key, value in shown.items()}
    return shown + there[len(shown) :] if isinstance(there, list) and isinstance(shown, list) else shown


def found(rule, line, stage=None):
    """Whether the gates say so of a dataset with this line as its first."""
    name = stage or OF.get(rule, STAGE)
    rows = [json.dumps(row) for row in shipped(name)[1:20]]
    data = "".join(f"{text}\n" for text in [line, *rows]).encode()
    report = judged(STAGES[name], data, ["form", "acceptance", PAGES[rule].gate], cases=())
    return any(finding.rule == rule and finding.line == 1 for finding in report.findings)


def row(rule):
    return copy.deepcopy(shipped(OF.get(rule, STAGE))[0])


@pytest.mark.parametrize("rule", FRAGMENTS)
@pytest.mark.parametrize("side", ["bad", "good"])
def test_an_example_of_members_is_what_it_says(rule, side):
    changed = row(rule)
    put(changed, members(getattr(PAGES[rule], side)))

    assert found(rule, json.dumps(approved(changed))) is (side == "bad")


@pytest.mark.parametrize("rule", ["duplicate_key", "number_out_of_range"])
def test_an_example_of_text_is_what_it_says(rule):
    good, bad = (text.strip("{}").replace(", …", "") for text in (PAGES[rule].good, PAGES[rule].bad))
    line = json.dumps(approved(row(rule)))

    assert good in line
    assert not found(rule, line)
    assert found(rule, line.replace(good, bad))


def test_an_example_of_a_line_is_what_it_says():
    assert found("malformed_line", PAGES["malformed_line"].bad)
    assert found("missing_input_or_output", PAGES["missing_input_or_output"].bad.replace("…", ""))
    assert not found("missing_input_or_output", PAGES["missing_input_or_output"].good.replace("…", ""))


def test_an_example_of_drift_is_what_it_says():
    for side in ("bad", "good"):
        stage, said = getattr(PAGES["stage_drift_failed"], side).split(": ", 1)
        changed = row("stage_drift_failed")
        changed["output"]["data_quality"]["notes"][0] = json.loads(said)

        assert stage == "quant_signals"
        assert found("stage_drift_failed", json.dumps(approved(changed))) is (side == "bad")


def test_an_example_of_an_edit_is_what_it_says():
    changed = approved(row("edited_after_approval"))
    assert not found("edited_after_approval", json.dumps(changed))
    changed["output"]["confidence"] = members(PAGES["edited_after_approval"].bad)["output"]["confidence"]

    assert found("edited_after_approval", json.dumps(changed))
    assert not found("edited_after_approval", json.dumps(approved(changed)))
