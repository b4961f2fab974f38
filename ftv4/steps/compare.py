"""Pairs two eval reports case by case."""

from ftv4.contracts.evaluation import CasePair, Comparison, EvalReport
from ftv4.steps.verdict import decide, pair_up


def compare(a: EvalReport, b: EvalReport) -> Comparison:
    """Put B beside A, the pinned side; reports over different questions give INVALID and no pairs."""
    same = [result.fixture_id for result in a.results] == [result.fixture_id for result in b.results]
    pairs = tuple(pair_up(*both) for both in zip(a.results, b.results, strict=True)) if same else ()
    decision = decide(a, b, pairs)
    if decision.verdict == "INVALID":
        pairs = ()
    outcomes = [pair.outcome for pair in pairs]
    return Comparison(
        a=a.report_path,
        b=b.report_path,
        a_model=served_by(a),
        b_model=served_by(b),
        wins=outcomes.count("win"),
        losses=outcomes.count("loss"),
        ties=outcomes.count("tie"),
        mean_agreement_delta=decision.lift,
        p_better=decision.p_better,
        p_worse=decision.p_worse,
        verdict=decision.verdict,
        why=decision.why,
        pairs=pairs,
    )


def served_by(report: EvalReport) -> str | None:
    """The model a report is about: the candidate, or whoever is pinned in its stage."""
    return report.model_id or (report.models.get(report.stage) if report.stage else None)


def newly_failing(comparison: Comparison) -> list[CasePair]:
    """Cases that pass with A and fail with B."""
    return [pair for pair in comparison.pairs if pair.a_passed and not pair.b_passed]


def newly_fixed(comparison: Comparison) -> list[CasePair]:
    """Cases that fail with A and pass with B."""
    return [pair for pair in comparison.pairs if pair.b_passed and not pair.a_passed]
