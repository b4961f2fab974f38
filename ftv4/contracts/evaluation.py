"""Eval cases and reports: `evals/cases/*.json`, `evals/report_<stamp>.json`, contracts.md §11.1."""

from typing import Annotated, Literal

from pydantic import Field

from ftv4.contracts import Contract, Items, Json, Moment, Whole
from ftv4.contracts.paths import AnyPath, RepoPath


class Gold(Contract):
    """What a stage was given in a case, and the output a domain expert approved for it."""

    input: Json
    output: Json


CaseId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")]


class Case(Contract):
    """One eval fixture: a data pack held out from training, and each stage's gold."""

    case_id: CaseId
    industry: str
    pack: RepoPath
    """Folder of the synth pack, relative to the repository."""
    window_mode: Literal["last_90_days", "last_100_closed_estimates"] = "last_90_days"
    emyth_role: str = "mixed"
    gold: dict[str, Gold]
    """By stage."""
    notes: str = ""


class StageScore(Contract):
    """One grader's answer about one stage's answer."""

    grader: str
    passed: bool | None
    """None: the grader only measures."""
    score: float | None = None
    """0..1; None where the grader only passes or fails."""
    problems: Annotated[tuple[str, ...], Items] = ()


class StageAnswer(Contract):
    """What a model answered for one stage of one case, raw, and what the graders said."""

    stage: str
    model_id: str
    answer: str | None
    """The text as the model gave it; None when there was none."""
    error: str | None = None
    """Why there was none."""
    seconds: float = 0
    prompt_tokens: Whole | None = None
    completion_tokens: Whole | None = None
    scores: Annotated[tuple[StageScore, ...], Items] = ()


class CaseResult(Contract):
    """One case's verdict. The `*_passed` members are the Node tool's."""

    fixture_id: CaseId
    passed: bool
    schema_passed: bool
    doctrine_passed: bool
    stage_drift_passed: bool
    decision_passed: bool
    grounding_passed: bool
    agreement: float | None = None
    """Of the evaluated stage with gold, 0..1."""
    errors: Annotated[tuple[str, ...], Items] = ()
    answers: Annotated[tuple[StageAnswer, ...], Items] = ()


class EvalTotals(Contract):
    """Cases counted."""

    fixtures: Whole
    passed: Whole
    failed: Whole


class EvalReport(Contract):
    """Everything a verdict can be recomputed from."""

    generated_at: str
    mode: Literal["pipeline", "stage"]
    stage: str | None
    model_id: str | None
    """The candidate, or the pinned model that was asked in its place; None: all pins as they stand."""
    models: dict[str, str]
    """Stage → the model that answered it."""
    cases_sha256: str
    """Digest of the cases as asked: ids, packs, gold."""
    policy_sha256: str
    parameters_sha256: str
    """Digest of how each stage was asked: instructions, temperature, max_tokens, contract versions."""
    graders: Annotated[tuple[str, ...], Items]
    totals: EvalTotals
    results: Annotated[tuple[CaseResult, ...], Items]
    report_path: AnyPath | Literal[""]
    """Empty until it is written."""


class KeptAnswer(Contract):
    """One answer of an evaluation that was cut short."""

    question: str
    """Digest of all that was asked: mode, case, instructions, model, contracts, parameters, input."""
    at: Moment
    model_id: str
    answer: str
    """The text as the model gave it."""
    seconds: float = 0
    prompt_tokens: Whole | None = None
    completion_tokens: Whole | None = None


class KeptAnswers(Contract):
    """`answers.json`: what models said of a run's model or beside it, until the eval's reports hold it."""

    run_key: str
    answers: Annotated[tuple[KeptAnswer, ...], Items]
    """None, once the reports are on record."""


Verdict = Literal["IMPROVED", "NON_INFERIOR", "INCONCLUSIVE", "REGRESSED", "INVALID"]


class CasePair(Contract):
    """One case under two models."""

    fixture_id: str
    a_passed: bool
    b_passed: bool
    a_agreement: float | None
    b_agreement: float | None
    outcome: Literal["win", "loss", "tie"]
    """For B against A."""


class Comparison(Contract):
    """Two reports over the same cases, paired; A is the pinned side."""

    a: str
    b: str
    a_model: str | None
    b_model: str | None
    wins: Whole
    losses: Whole
    ties: Whole
    mean_agreement_delta: float | None
    """B less A, a failed case counting 0; None when nothing could be paired."""
    p_better: float | None
    """One-sided exact sign test over the cases that differ: chance of B's wins if B were no better."""
    p_worse: float | None
    """Likewise for B's losses."""
    verdict: Verdict
    """Of B against A."""
    why: Annotated[tuple[str, ...], Items]
    """What decided, or what would settle it."""
    pairs: Annotated[tuple[CasePair, ...], Items]
