"""Turns a dataset into a run: the training file, what it would cost, and the key that names it.

Nothing here calls anybody. The dataset is read once: rows are judged, written and hashed as they
pass, so what is trained on is what was judged (weaknesses.md C6), and memory stays flat (C7).
"""

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import IO, NamedTuple, cast

from ftv4.canonical import digest
from ftv4.clock import iso, stamp
from ftv4.contracts import Json
from ftv4.contracts.findings import Finding, GateReport
from ftv4.contracts.policy import Policy
from ftv4.contracts.providers import BaseModelFacts, ProviderRow
from ftv4.contracts.run import Estimate, RunHashes, RunKey, RunManifest, TuningConfig
from ftv4.documents import Repository
from ftv4.errors import GateError, UsageError
from ftv4.gates import personal_data
from ftv4.gates.question import Judged
from ftv4.pipeline.messages import as_line, conversation, prompt_version, system_prompt
from ftv4.stages import STAGES
from ftv4.stages.stage import Stage
from ftv4.steps.gate import Progress, judge
from ftv4.steps.runs import MANIFEST, RUNS, TRAINING, Run
from ftv4.steps.serve import provider_row
from ftv4.steps.training import must_be_there

ASKED = ("acceptance", "personal_data")
"""The gates asked here: whether a row is an example, and may leave this machine. The others are asked of
the change that brings the dataset."""
ENCODING = "o200k_base"
"""The tokens of the gpt-4o and gpt-4.1 families."""
TOKENS_PER_MESSAGE = 3
TOKENS_PER_EXAMPLE = 3
SHOWN = 20
"""Line numbers shown for one reason."""
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Asked:
    """What the operator asks for."""

    stage: Stage
    provider: str
    dataset: str
    config: TuningConfig
    approved_only: bool
    min_rows: int
    dry_run: bool


def prepare(repository: Repository, asked: Asked, now: datetime, progress: Progress | None = None) -> Run:
    """Judge the dataset and write a run's folder: training file and manifest, or nothing at all.

    Raises ContractError when the dataset isn't there, and GateError with all reasons when too few
    rows are accepted, a line isn't JSON, or an example holds personal data or a secret, or is longer than the
    base model reads.
    """
    row = provider_row(repository, asked.provider)
    if len(asked.config.suffix) > row.suffix_max_length:
        raise UsageError(f"--suffix: {asked.provider} takes {row.suffix_max_length} characters at most")
    must_be_there(repository, asked.dataset, asked.stage)
    with repository.building(f"{RUNS}/{asked.stage.name}", stamp(now)) as folder:
        manifest = _fill(repository, asked, row, folder, now, progress)
        repository.write_contract(f"{folder}/{MANIFEST}", manifest)
    return Run(folder, manifest, None)


def _fill(
    repository: Repository,
    asked: Asked,
    row: ProviderRow,
    folder: str,
    now: datetime,
    progress: Progress | None,
) -> RunManifest:
    """Write the training file of a run; give back the manifest that says what is in it."""
    words = (asked.stage, repository.template(asked.stage.prompt), repository.policy())
    facts = row.base_models.get(asked.config.base_model)
    with repository.writing(f"{folder}/{TRAINING}") as stream:
        limit = facts.context_tokens if facts else None
        examples = Examples(stream, words, bom=row.training_file_bom, limit=limit)
        report = judge(
            repository,
            asked.dataset,
            asked.stage,
            words[2],
            only=ASKED,
            approved_only=asked.approved_only,
            on_accepted=examples.add,
            extract=partial(as_examples, asked.stage.name, *words[1:]),
            progress=progress,
        )
        _refuse(asked, report, examples)
    key = _key(asked, examples.sha256, prompt_version(*words))
    return RunManifest(
        generated_at=iso(now),
        run_key=digest(key.model_dump()),
        key_of=key,
        stage=asked.stage.name,
        provider=asked.provider,
        dataset_path=repository.relative(asked.dataset),
        output_dir=folder,
        dry_run=asked.dry_run,
        approved_only=asked.approved_only,
        minimum_rows_required=asked.min_rows,
        total_rows=report.total_rows,
        accepted_rows=report.accepted_rows,
        rejected_rows=report.total_rows - report.accepted_rows,
        rejection_reasons=report.rejection_reasons,
        config=asked.config,
        hashes=RunHashes(dataset_sha256=report.dataset_sha256, training_sha256=examples.sha256),
        estimate=estimate(examples, facts, asked.config.n_epochs),
    )


def _key(asked: Asked, training_sha256: str, version: str) -> RunKey:
    """All that determines a run; the training file's hash stands for the dataset and the policy."""
    return RunKey(
        stage=asked.stage.name,
        provider=asked.provider,
        method="supervised",
        base_model=asked.config.base_model,
        suffix=asked.config.suffix,
        n_epochs=asked.config.n_epochs,
        learning_rate_multiplier=asked.config.learning_rate_multiplier,
        seed=asked.config.seed,
        training_sha256=training_sha256,
        prompt_version=version,
        input_contract=asked.stage.input_schema,
        output_contract=asked.stage.output_schema,
    )


def estimate(examples: "Examples", facts: BaseModelFacts | None, n_epochs: int | None) -> Estimate:
    """What a pass over the file is, how many there will be, and what that costs."""
    epochs = n_epochs or default_epochs(examples.rows)
    price = facts.train_price if facts else None
    return Estimate(
        tokens_per_epoch=examples.tokens,
        longest_example_tokens=examples.longest,
        epochs=epochs,
        billable_tokens=examples.tokens * epochs,
        cost_usd=None if price is None else round(examples.tokens * epochs * price / 1e6, 4),
        price_source=f"{facts.source}, as of {facts.as_of}" if facts and price is not None else None,
    )


def _refuse(asked: Asked, report: GateReport, examples: "Examples") -> None:
    """Raise GateError, with every reason, when this is nothing to train on."""
    where, stage = report.file, asked.stage.name
    if report.accepted_rows < asked.min_rows:
        raise GateError(
            f"{where}: {report.accepted_rows} of {report.total_rows} rows can train {stage}; "
            f"it needs {asked.min_rows}. Nothing was written",
            problems=_reasons(report),
            hint=f"`ftv4 gate {where}` shows each row's problem and what to do",
        )
    broken = [finding for finding in report.findings if finding.rule == "malformed_line"]
    if broken:
        raise GateError(
            f"{where}: {len(broken)} lines are not JSON, so this may not be the dataset that was approved",
            problems=[f"{where}:{finding.line}: {finding.problem}" for finding in broken[:SHOWN]],
            hint="restore the file from git, or delete the lines",
        )
    if private := _private(report, examples):
        raise GateError(
            f"{where}: {len(private)} places in examples hold personal data or a secret",
            problems=[
                f"{where}:{one.line}: {one.rule}: {one.pointer}: {one.problem}" for one in private[:SHOWN]
            ],
            hint="take it out of the rows, and revoke what is a secret; nothing was sent",
        )
    if examples.too_long:
        raise GateError(
            f"{where}: {len(examples.too_long)} examples have more than the {examples.limit:,} tokens that "
            f"{asked.config.base_model} reads; what is cut off is the end, and that is the answer",
            problems=[_at(examples.too_long, len(examples.too_long))],
            hint="shorten or drop these rows",
        )


def _private(report: GateReport, examples: "Examples") -> list[Finding]:
    """What the rows that would be sent hold of what is nobody's to send; no waiver covers it."""
    found = [
        finding
        for finding in report.findings
        if finding.rule in personal_data.FIXES and finding.pointer.startswith(("/input/", "/output/"))
    ]
    sent = {finding.line for finding in found}.intersection(examples.numbers) if found else set()
    return [finding for finding in found if finding.line in sent]


def _reasons(report: GateReport) -> list[str]:
    """Each reason with its count and its first lines."""
    lines: dict[str, dict[int, None]] = {}
    for finding in report.findings:
        if finding.line is not None:
            lines.setdefault(finding.rule, {})[finding.line] = None
    return [
        f"{count} {reason}: {_at(tuple(lines.get(reason, ())), count)}"
        for reason, count in report.rejection_reasons.items()
    ]


def _at(lines: Sequence[int], count: int) -> str:
    """`line 7`, or `lines 7, 9, 12 and 80 more`; of a reason that gates only count, the first line."""
    shown = lines[:SHOWN]
    if count > len(shown) == 1:
        return f"the first in line {shown[0]}"
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return f"line{'s' if count > 1 else ''} {', '.join(map(str, shown))}{more}"


class Example(NamedTuple):
    """An accepted row as it is trained on."""

    number: int
    """Of its line in the dataset."""
    data: bytes
    """Its line in the training file, with its line feed."""
    tokens: int
    """Of its messages but for the first, which all examples share."""


def as_examples(stage: str, prompt: str, policy: Policy, rows: Iterator[Judged]) -> list[Example]:
    """Accepted rows as examples; stages go by name into other processes."""
    found: list[tuple[int, bytes]] = []
    texts: list[str] = []
    for row in rows:
        talk = conversation(STAGES[stage], prompt, policy, cast(Json, row.value), row.reading.approved)
        found.append((row.line, as_line(talk)))
        texts += (message["content"] for message in talk[1:])
    # Counted together: one call takes as long as counting three rows.
    tokens = iter(count_tokens(texts))
    return [Example(*one, next(tokens) + next(tokens)) for one in found]


class Examples:
    """A training file as it grows: its bytes, their hash, and its tokens."""

    def __init__(
        self, stream: IO[bytes], words: tuple[Stage, str, Policy], *, bom: bool, limit: int | None
    ) -> None:
        self.limit = limit
        """The most tokens an example may have; None when nobody knows."""
        self.rows = 0
        self.tokens = 0
        """Of one pass over the file."""
        self.longest = 0
        self.numbers = array("I")
        """Dataset lines of the examples."""
        self.too_long: list[int] = []
        """Dataset lines whose example has more tokens than `limit`."""
        self._stream = stream
        self._sha256 = hashlib.sha256()
        # Counted first: workers are copies of this process, and needn't learn to count each by itself.
        instructions = count_tokens([system_prompt(*words)])[0]
        self._overhead = instructions + 3 * TOKENS_PER_MESSAGE + TOKENS_PER_EXAMPLE
        if bom:
            self._write(BOM)

    def add(self, example: Example) -> None:
        """Write an example."""
        self._write(example.data)
        self.rows += 1
        self.numbers.append(example.number)
        tokens = self._overhead + example.tokens
        self.tokens += tokens
        self.longest = max(self.longest, tokens)
        if self.limit is not None and tokens > self.limit:
            self.too_long.append(example.number)

    @property
    def sha256(self) -> str:
        """Hex, of the file's bytes as written."""
        return self._sha256.hexdigest()

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._sha256.update(data)


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Tokens of each text."""
    import toktok

    counts: list[int] = toktok.batch_count(texts, ENCODING, threads=1)
    return counts


def default_epochs(rows: int) -> int:
    """How often OpenAI goes over a file of so many examples when nobody says."""
    if rows * 3 < 100:
        return min(25, 100 // rows)
    if rows * 3 > 25000:
        return max(1, 25000 // rows)
    return 3
