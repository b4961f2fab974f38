import orjson
import pytest

from ftv4.gates.names import KEPT, SHOWN, start
from ftv4.gates.question import Ask, Judged
from ftv4.stages import STAGES
from tests.gates.build import heard
from tests.guards.build import SHIPPED


def judged(*texts, accepted=True):
    rows = [{"output": {"gap": text}} for text in texts]
    return [Judged(at, row, None, None, accepted, raw=orjson.dumps(row)) for at, row in enumerate(rows, 1)]


def findings(*rows):
    question = start(Ask("rows.jsonl", STAGES["blue_ocean"], SHIPPED))
    for row in rows:
        assert not heard(question, row)
    return list(question.end())


@pytest.mark.parametrize(
    "name", ["Northline Plumbing", "Micro SaaS Founder", "Tool & Die Co", "Summit HVAC", "Jo-Ann O'Neil"]
)
@pytest.mark.parametrize("text", ["{} is operating with a manager role split.", "Calls reach {}, too late."])
def test_B9_a_business_named_in_a_sentence_is_said_once_with_its_rows(name, text):
    (finding,) = findings(*judged("It waits.", text.format(name), "It waits.", text.format(name)))

    assert (finding.rule, finding.severity) == ("named_business", "warning")
    assert (finding.line, finding.pointer) == (2, "/output/gap")
    assert finding.problem == "a sentence with what reads like a name; the same one in 1 more"


@pytest.mark.parametrize(
    "text",
    [
        "Stabilize Handovers First",
        "Choose A and go on from there.",
        "Visits are on Tuesday Friday or in May June.",
        "It waits. Then the owner signs. Nothing else moves.",
        "The SMS goes out late and the crew waits.",
    ],
)
def test_headings_days_and_beginnings_are_no_names(text):
    assert findings(*judged(text)) == []


def test_rows_that_are_not_trained_on_are_left_alone():
    assert findings(*judged("Calls reach Northline Plumbing too late.", accepted=False)) == []


def test_however_many_names_there_are_a_few_are_listed_and_a_bounded_number_kept():
    texts = [f"Calls reach North{number:x} Plumbing too late." for number in range(KEPT + 50)]
    question = start(Ask("rows.jsonl", STAGES["blue_ocean"], SHIPPED))
    for row in judged(*texts):
        heard(question, row)

    assert len(list(question.end())) == SHOWN
    assert len(question._first) == KEPT
