"""Every word of a stranger in a template passes a filter that makes a code span of it."""

import re

import pytest
from jinja2 import Environment, nodes

from ftv4.encode import code_span, for_markdown, person_for_markdown
from ftv4.steps.show import FILTERS
from tests.conftest import ROOT

TEMPLATES = ROOT / "templates"
SPANS = {"code": for_markdown, "person": person_for_markdown, "line": code_span, "span": code_span}
NUMBERS = {"length", "round", "abs"}
"""Filters that give numbers."""
NUMERIC = re.compile(r"(?:[^%{]|%[-+.0-9]*[dfg]|\{:[-+.,0-9dfg%]+\})+")
"""A format that takes numbers or fails."""

OURS = {
    "compare.md.j2": """comparison.losses comparison.ties comparison.verdict comparison.wins number()
        pair.outcome""",
    "deciding.md.j2": "count files",
    "doctor.md.j2": "count settings.level words[]",
    "evals.md.j2": """count name numbers.agreement numbers.passed report.mode report.totals.failed
        report.totals.fixtures""",
    "gate.md.j2": """answer.totals change.accepted.after change.accepted.before change.added change.edited
        change.removed change.rows.after change.rows.before count facts.eligible facts.more
        facts.more_industries facts.report.total_rows facts.sampled finding.fix finding.line
        finding.of.fix
        finding.of.line finding.of.severity finding.severity limits[] measure.after measure.before
        measure.limit measure.name more_of_tree more_settings name row.line row.more_edits shift.after
        shift.before used.expires used.findings value""",
    "model_card.md.j2": """arm.numbers.agreement arm.numbers.passed arm.title comparison.losses
        comparison.p_better comparison.ties comparison.verdict comparison.wins count
        dataset.file.accepted_rows dataset.file.total_rows dataset.more dataset.rejected day
        facts.run.manifest.accepted_rows facts.run.manifest.estimate.epochs facts.status life.days_left
        life.shutdown_date purpose stage.input_schema stage.name stage.output_schema used.expires""",
    "promotion_pr.md.j2": """comparison.losses comparison.p_better comparison.ties comparison.wins count
        number() ours report.dataset.eligible_rows report.dataset.min_rows_required
        report.dataset.total_rows report.lifetime.days_left report.lifetime.shutdown_date report.verdict
        run.manifest.accepted_rows theirs title what""",
    "promotion_report.md.j2": "ours outcome report.verdict shown theirs title what",
    "rollback_pr.md.j2": "life.days_left life.shutdown_date",
    "verify.md.j2": """answered finding.of.fix finding.of.line finding.of.severity found.verdict more said
        totals weighed.eligible_rows weighed.lifetime.days_left weighed.lifetime.shutdown_date
        weighed.losses weighed.needed_rows weighed.ties weighed.wins""",
    "run.md.j2": """answer.accepted_rows answer.minimum_rows_required answer.total_rows count next title""",
    "reconcile.md.j2": "runs title",
    "verdict.md.j2": "run told",
}
"""What a template may say without a filter: numbers, words of a closed list, dates whose contract is a
pattern, and sentences of our own."""


def unfiltered(source):
    """The expressions that a template prints as they are, by their dotted names."""
    for output in Environment().parse(source).find_all(nodes.Output):
        for node in output.nodes:
            yield from _loose(node)


def _loose(node):
    if isinstance(node, nodes.TemplateData | nodes.Const | nodes.Compare | nodes.Test | nodes.Not):
        return
    if isinstance(node, nodes.Filter) and node.name in SPANS.keys() | NUMBERS:
        return
    if _is_number(node):
        return
    if isinstance(node, nodes.CondExpr):
        parts = [node.expr1, node.expr2]
    elif isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem | nodes.Call):
        yield _name(node)
        return
    else:
        parts = node.iter_child_nodes()
    for part in parts:
        if part is not None:
            yield from _loose(part)


def _is_number(node):
    """`"%.2f" | format(x)`, `"%d rows" % x` or `"{:,}".format(x)`."""
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        node = node.node
    text = node.left if isinstance(node, nodes.Mod) else getattr(node, "node", None)
    return isinstance(text, nodes.Const) and bool(NUMERIC.fullmatch(str(text.value)))


def _name(node):
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_name(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem):
        return f"{_name(node.node)}[]"
    return f"{_name(node.node)}()" if isinstance(node, nodes.Call) else type(node).__name__


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.j2")), ids=lambda path: path.name)
def test_a_template_prints_nothing_of_a_stranger_as_it_is(path):
    """Threats 33, 34, 35. What fails here needs `| code` or `| line`, or a good reason to stand in OURS."""
    bare = set(unfiltered(path.read_text()))

    assert bare - set(OURS[path.name].split()) == set()


def test_the_filters_are_the_encoder():
    assert {name: SPANS[name] for name in FILTERS} == FILTERS


@pytest.mark.parametrize(
    "source",
    [
        "{{ x.name }}",
        "`{{ x.name }}`",
        "{{ x.name | upper }}",
        "{{ x.name | code | upper ~ x.name }}",
        "{{ (x.name if y else (z | code)) }}",
        "{% for name in names %}{{ ', ' ~ x.name if name }}{% endfor %}",
        "{% if x.name %}{{ [x.name] | join }}{% endif %}",
        "{{ '%s' % x.name }}",
        "{{ '%s' | format(x.name) }}",
    ],
)
def test_a_word_without_a_filter_is_seen(source):
    assert set(unfiltered(source)) == {"x.name"}


@pytest.mark.parametrize(
    "source",
    [
        "{{ x | code(9) }}",
        "{{ (x or 'a') | line }}",
        "{{ 'a' if x else 'b' }}",
        "{{ x | length }}",
        "{{ '%.2f' | format(x) ~ '{:,}'.format(x) ~ ' of %d' % x }}",
    ],
)
def test_a_word_with_a_filter_is_fine(source):
    assert set(unfiltered(source)) == set()


def test_the_page_on_security_names_tests_that_there_are():
    page = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)

    assert len(named) > 10
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text()


def test_the_page_on_security_has_a_row_for_each_threat():
    page = (ROOT / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| (\d+) [^|]+ \| ([^|]+) \| (.+) \|$", page, re.M)

    assert [int(number) for number, _, _ in rows] == list(range(1, 61))
    assert [number for number, done, tests in rows if "`tests/" not in tests and "Open: " not in done] == []
