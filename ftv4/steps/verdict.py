"""Decides between two models that answered the same cases, from the cases' own scores.

The rule, and where its numbers come from: exact one-sided sign test on the cases that differ, at
p ≤ .05, with a floor under the lift, so that neither luck nor a trifle is called an improvement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from ftv4.contracts.evaluation import CasePair, CaseResult, EvalReport, Verdict

ALPHA = 0.05
"""Chance of calling luck a difference."""
LIFT = 0.02
"""Smaller mean gains are not worth a change of model."""
TIE = 0.01
"""Scores nearer than this are equal."""


@dataclass(frozen=True)
class Decision:
    """A verdict and what it rests on."""

    verdict: Verdict
    why: tuple[str, ...]
    lift: float | None = None
    p_better: float | None = None
    p_worse: float | None = None


def decide(pinned: EvalReport, candidate: EvalReport, pairs: Sequence[CasePair]) -> Decision:
    """Judge the candidate against the pinned model.

    NON_INFERIOR is never given: it takes a declared reason and more cases than a table of wins.
    """
    invalid = incomparable(pinned, candidate)
    if invalid:
        return Decision("INVALID", invalid)
    wins = sum(pair.outcome == "win" for pair in pairs)
    losses = sum(pair.outcome == "loss" for pair in pairs)
    lift = round(sum(_gain(pair) for pair in pairs) / len(pairs), 4)
    better, worse = _sign_test(wins, losses), _sign_test(losses, wins)
    broken = [pair.fixture_id for pair in pairs if pair.a_passed and not pair.b_passed]
    verdict, why = _verdict(wins, losses, lift, better, worse, broken)
    return Decision(verdict, why, lift, better, worse)


def incomparable(pinned: EvalReport, candidate: EvalReport) -> tuple[str, ...]:
    """Why two reports can't be paired; nothing when they can."""
    lines = [
        f"{what} differ: {ours} and {theirs}"
        for what, ours, theirs in (
            ("modes", pinned.mode, candidate.mode),
            ("stages", pinned.stage, candidate.stage),
            ("cases", pinned.cases_sha256[:12], candidate.cases_sha256[:12]),
            ("policies", pinned.policy_sha256[:12], candidate.policy_sha256[:12]),
            ("parameters", pinned.parameters_sha256[:12], candidate.parameters_sha256[:12]),
            ("graders", ", ".join(pinned.graders), ", ".join(candidate.graders)),
        )
        if ours != theirs
    ]
    if [result.fixture_id for result in pinned.results] != [
        result.fixture_id for result in candidate.results
    ]:
        lines.append("the reports do not hold the same cases")
    if not candidate.results:
        lines.append("no cases: nothing was asked, so nothing passed")
    for name, report in (("pinned", pinned), ("candidate", candidate)):
        lines += [
            f"{name}: {reason}" for result in report.results for reason in _unheard(result, report.stage)
        ]
    return tuple(lines)


def pair_up(a: CaseResult, b: CaseResult) -> CasePair:
    """One case under two models."""
    gain = _score(b.passed, b.agreement) - _score(a.passed, a.agreement)
    return CasePair(
        fixture_id=b.fixture_id,
        a_passed=a.passed,
        b_passed=b.passed,
        a_agreement=a.agreement,
        b_agreement=b.agreement,
        outcome="win" if gain > TIE else "loss" if gain < -TIE else "tie",
    )


def wins_needed(losses: int) -> int:
    """The fewest wins that decide against a number of losses."""
    wins = losses + 1
    while _sign_test(wins, losses) > ALPHA:
        wins += 1
    return wins


def _unheard(result: CaseResult, stage: str | None) -> list[str]:
    """Cases in which the evaluated stage gave no answer: a fault of the service, not of the model."""
    answers = [answer for answer in result.answers if stage in (None, answer.stage)]
    if not answers:
        return [f"case {result.fixture_id}: {stage or 'the pipeline'} was never asked"]
    return [f"case {result.fixture_id}: {answer.error}" for answer in answers if answer.answer is None]


def _gain(pair: CasePair) -> float:
    return _score(pair.b_passed, pair.b_agreement) - _score(pair.a_passed, pair.a_agreement)


def _score(passed: bool, agreement: float | None) -> float:
    """A case as one number: agreement with gold, and nothing for a case that fails a guard."""
    return 0.0 if not passed else 1.0 if agreement is None else agreement


def _sign_test(wins: int, losses: int) -> float:
    """Chance of at least so many wins if either outcome were equally likely."""
    decided = wins + losses
    likely = sum(comb(decided, count) for count in range(wins, decided + 1))
    return float(f"{likely / 2**decided:.3g}")


def _verdict(
    wins: int, losses: int, lift: float, better: float, worse: float, broken: list[str]
) -> tuple[Verdict, tuple[str, ...]]:
    tally = f"{wins} wins, {losses} losses, mean lift {lift:+.3f}"
    if broken:
        return "REGRESSED", tuple(
            f"the candidate fails case {name}, which the pinned model passes" for name in broken
        )
    if worse <= ALPHA:
        return "REGRESSED", (f"{tally}; luck alone loses this one-sidedly with p = {worse}",)
    if better <= ALPHA and lift >= LIFT:
        return "IMPROVED", (f"{tally}; luck alone wins this one-sidedly with p = {better}",)
    return "INCONCLUSIVE", (f"{tally}; p = {better}", _settling(wins, losses, lift, better))


def _settling(wins: int, losses: int, lift: float, better: float) -> str:
    """What would settle it."""
    if better <= ALPHA:
        return f"the lift is under {LIFT}: more cases would not make it worth a change of model"
    if wins <= losses:
        needed = wins_needed(losses)
        return f"nothing speaks for the candidate yet: against {losses} losses it takes {needed} wins"
    missing = wins_needed(losses) - wins
    return f"{missing} more winning case{'s' if missing > 1 else ''} without a further loss would settle it"
