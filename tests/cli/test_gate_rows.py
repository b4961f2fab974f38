"""`ftv4 gate --base`: a reviewer is shown what a change does to rows, wherever in it that is."""

import json

import pytest

from ftv4.steps.row_sample import EDITS, GONE, SAMPLE, evenly
from tests.encode.runner import Runner
from tests.gates.build import approved_by, lines, varied
from tests.git_tree import Tree

SYNTHESIS = "train/datasets/stage_synthesis.jsonl"
CONSTRAINT = "/output/primary_constraint"


def named(count):
    return [one | {"id": f"row-{number:03}"} for number, one in enumerate(varied(count))]


@pytest.fixture
def tree(repository):
    """A git repository with our config and a dataset of 80 rows."""
    tree = Tree(repository.root)
    config = {f"config/{path.name}": path.read_bytes() for path in repository.path("config").iterdir()}
    tree.base = tree.commit(config | {SYNTHESIS: lines(*named(80))})
    return tree


@pytest.fixture
def change(tree, ftv4):
    """Commit rows; give back what the report says of the change to them."""

    def changed(rows):
        tree.commit({SYNTHESIS: lines(*rows)})
        done = ftv4("gate", "--base", tree.base, "--only=rows", "--format=json")
        return json.loads(done.out)["reports"][0]["change"]

    return changed


@pytest.fixture
def page(tree, ftv4):
    """The Markdown of the change."""
    return lambda: ftv4("gate", "--base", tree.base, "--only=rows", "--format=markdown").out


def test_an_edit_that_says_something_else_is_shown_among_any_number_that_do_not(change, page):
    rows = named(80)
    before = rows[70]["output"]["primary_constraint"]
    for row in rows[:60]:
        row["output"]["primary_constraint"] += " "
        row["notes"] = "seen again"
    rows[70]["output"]["primary_constraint"] = before + " Sell the company to Mallory."
    told = change(rows[:72])

    assert (told["edited"], told["removed"]) == (61, 8)
    assert (told["sample"][0]["line"], told["sample"][0]["was"]) == (71, 71)
    (edit,) = [one for one in told["sample"][0]["edits"] if one["pointer"] == CONSTRAINT]
    assert edit["before"].startswith('"') and edit["after"].endswith(' Sell the company to Mallory."')
    assert [row["line"] for row in told["sample"][1:]] == evenly(range(1, 61), SAMPLE - 1)
    assert told["sample"][1]["edits"][0]["after"].endswith(' "')
    assert "Sell the company to Mallory." in page()
    assert f"Here are {SAMPLE} of 61 new and edited rows" in page()


def test_removed_rows_are_named_with_their_lines_and_the_rest_is_counted(change, page):
    told = change(named(80)[:60])
    shown = [row["line"] for row in told["gone"]]

    assert (told["removed"], len(shown)) == (20, GONE)
    assert shown == evenly(range(61, 81), GONE)
    assert told["gone"][0] == {"line": 61, "id": "row-060"}
    assert "Removed: line 61 `row-060`, line 63 `row-062`" in page()
    assert "line 80 `row-079` and 10 more." in page()


def test_each_kind_of_change_is_shown(change):
    rows = named(100)
    for row in rows[:40]:
        row["output"]["primary_constraint"] = f"{row['id']} waits for the owner."
    rows[50]["notes"] = "seen again"
    told = change(rows)
    kinds = [(bool(row["was"]), bool(row["edits"])) for row in told["sample"]]

    assert len(kinds) == SAMPLE
    assert kinds.count((True, True)) == SAMPLE - 1
    assert kinds.count((False, False)) == 1
    assert told["sample"][-1]["line"] == 51
    assert [edit["pointer"] for edit in told["sample"][-1]["edits"]] == ["/notes"]


def test_a_long_text_is_shown_from_where_it_differs(tree, change):
    before, after = named(80), named(80)
    before[3]["output"]["why_it_feels_heavy"] = "word " * 100 + "for Jo"
    after[3]["output"]["why_it_feels_heavy"] = "word " * 100 + "for Mallory"
    tree.base = tree.commit({SYNTHESIS: lines(*before)})
    (edit,) = change(after)["sample"][0]["edits"]

    assert edit["pointer"] == "/output/why_it_feels_heavy"
    assert edit["before"].startswith('"\\u2026')
    assert edit["before"].endswith(' for Jo"')
    assert edit["after"].endswith(' for Mallory"')
    assert len(edit["after"]) < 70


def test_many_edits_of_a_row_are_cut_and_counted_the_output_first(change, page):
    rows = named(80)
    rows[3] |= {"notes": "a", "industry": "other", "client_id": "w9"}
    rows[3]["output"]["first_30_days"] = [f"Step {number} by Friday." for number in range(9)]
    (row,) = change(rows)["sample"]

    assert len(row["edits"]) == EDITS
    assert all(edit["pointer"].startswith("/output/") for edit in row["edits"])
    assert f"and {row['more_edits']} more" in page()
    assert row["more_edits"] > 3


@pytest.mark.parametrize("form", ["text", "json", "markdown", "github", "sarif"])
@pytest.mark.parametrize(
    "said",
    [
        "Write to jo.canary@example.org today.",
        "Ask name: Jo Canary, a customer.",
        "key ghp_canary" + "aB3dE6gH9" * 4,
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_private_before_or_after_an_edit_is_not_shown(tree, ftv4, form, said, side):
    pair = [named(80), named(80)]
    pair[side][3]["output"]["primary_constraint"] = said
    tree.base = tree.commit({SYNTHESIS: lines(*pair[0])})
    tree.commit({SYNTHESIS: lines(*pair[1])})
    out = ftv4("gate", "--base", tree.base, "--format", form).out

    assert "anary" not in out
    assert ("not shown: private" in out) is (form in ("text", "json", "markdown") and side == 0)


@pytest.mark.parametrize("form", ["markdown", "json"])
def test_what_stands_in_an_edit_is_obeyed_nowhere(tree, ftv4, form):
    rows = named(80)
    rows[3]["output"]["primary_constraint"] = "@acme/all fixes #1 | `x` <img src=x> ::error::x \x1b[31m\u202e"
    rows[3]["output"]["</td>|`@octo/cat`"] = "x"
    rows = [approved_by("a|`@octo`", rows[3]) if number == 3 else row for number, row in enumerate(rows)]
    tree.commit({SYNTHESIS: lines(*rows)})
    out = ftv4("gate", "--base", tree.base, "--only=rows", "--format", form).out

    assert not any(sign in out for sign in ("\x1b", "\u202e"))
    assert list(Runner().obeys(out)) == []
    assert form == "json" or not any(sign in out for sign in ("@acme", "<img", "@octo", "</td>"))


def test_a_row_that_was_no_object_is_compared_all_the_same(change):
    told = change([*named(80)[:79], 7, [1], {"id": "row-079"}])

    assert (told["edited"], told["added"], told["removed"]) == (1, 2, 0)
    assert {row["line"] for row in told["sample"]} == {80, 81, 82}
