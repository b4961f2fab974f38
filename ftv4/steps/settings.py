"""Examines a repository's settings on the forge: what is missing, and how to set it.

Each question asks for a few facts and tells, for each thing that should be so, whether it is. Where the
token may not look, the question is `unseen`; where the forge is away, nothing is told at all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from ftv4.clients.forge_errors import Forbidden, Missing
from ftv4.clock import iso
from ftv4.contracts.settings import Check, Level, Settings, State
from ftv4.documents import Repository

if TYPE_CHECKING:
    from ftv4.clients.forge_settings import BranchRules, Environment, ForgeSettings, Hosted

APP_ID = "FTV4_APP_ID"
BY_IDENTITY = ("FTV4_STS_URL", "OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID")
"""Variables of the repository, or of each environment, by which jobs get tokens without a stored key."""
ENVIRONMENTS = ("ftv4-paid", "ftv4-watch", "ftv4-eval", "ftv4-bot")
NOT_IN_PLAN = "Upgrade to GitHub"
"""How the forge refuses a setting that the repository's plan doesn't have."""
ORDER: dict[State, int] = {"missing": 0, "warning": 1, "unseen": 2, "ok": 3}
API = "gh api repos/{owner}/{repo}"
FORGED = "whoever may push a branch can run a workflow there that posts ftv4/verdict too"
WRITTEN = "whoever may write can put made-up answers on the ledger, where reconcile takes them up"
AGAINST = {"verdict": FORGED, "writers": WRITTEN}
"""What an App stops only where these questions are answered well; to be one changes nothing by itself."""
MADE_UP = "made-up runs and answers in a pull request: a warning, unless promotion.require_ledger is set"
KEYS = "long-lived provider keys in the environments can be copied by whoever changes main's workflows"
ADMINISTRATORS = "an administrator of the repository, who can change every setting named here"
CANNOT_STOP: dict[Level, tuple[str, ...]] = {
    "L0": (
        FORGED,
        WRITTEN,
        "the runs of our own pull requests wait until somebody allows them, each time the branch moves",
        KEYS,
        ADMINISTRATORS,
    ),
    "L1": (
        "whoever reads the App's private key acts as the App until the key is revoked",
        MADE_UP,
        KEYS,
        ADMINISTRATORS,
    ),
    "L2": (
        "whoever runs the token service can act as its App, in every repository that has it installed",
        "whoever changes main's workflows, or what the provider's mapping trusts, gets tokens while jobs run",
        MADE_UP,
        ADMINISTRATORS,
    ),
}
LEVELS: dict[Level, str] = {
    "L0": "GITHUB_TOKEN only",
    "L1": "a GitHub App",
    "L2": "a GitHub App by a token service, and no stored key",
}


@dataclass(frozen=True)
class Look:
    """All that the questions look at; what several ask for is read once."""

    files: Repository
    forge: "ForgeSettings"
    hosted: "Hosted"
    now: datetime
    given_app: str | None
    """What FTV4_APP_ID says in our environment."""
    listed: Callable[[str], Mapping[str, str | None] | None]
    """A provider's own list of models and their last days; None when it can't be asked."""

    @cached_property
    def rules(self) -> "BranchRules":
        """What holds for main."""
        return self.forge.branch_rules(self.hosted.default_branch)

    @cached_property
    def environments(self) -> "dict[str, Environment]":
        """Our environments by name."""
        return self.forge.environments(ENVIRONMENTS)

    @cached_property
    def app(self) -> str | None:
        """The App that the workflows become, as the repository's variable names it."""
        if self.given_app is None:
            try:
                return self.forge.variables().get(APP_ID)
            except (Forbidden, Missing):
                return None
        return self.given_app

    @cached_property
    def app_id(self) -> int | None:
        """Its number; None when it goes by its client id, or there is none."""
        return int(self.app) if self.app and self.app.isdecimal() else None

    @cached_property
    def level(self) -> Level:
        """The step of the token ladder."""
        if self.app is None:
            return "L0"
        return "L2" if self.secretless and not self.lacking else "L1"

    @cached_property
    def secretless(self) -> bool:
        """Whether no secret is stored anywhere, as far as that can be seen."""
        return self.secrets is not None and not any(self.secrets.values())

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """Of `BY_IDENTITY`, what some environment doesn't have; what can't be seen is lacking."""
        try:
            own = self.forge.variables()
            seen = [own.keys() | self.forge.variables(name).keys() for name in ENVIRONMENTS]
        except (Forbidden, Missing):
            return BY_IDENTITY
        return tuple(name for name in BY_IDENTITY if not all(name in names for names in seen))

    @cached_property
    def secrets(self) -> dict[str, tuple[str, ...]] | None:
        """Names of secrets by environment, the repository's own under ""; None when they can't be seen."""
        try:
            return {name: self.forge.secrets(name or None) for name in ("", *ENVIRONMENTS)}
        except (Forbidden, Missing):
            return None


@dataclass(frozen=True)
class Told:
    """An answer to a question, before it is a check."""

    state: State
    title: str
    found: str
    todo: str = ""
    about: str = ""


Question = Callable[[Look], Iterable[Told]]


def examine(look: Look, questions: Iterable[tuple[str, str, Question]]) -> Settings:
    """Ask every question; most urgent first. Raises ServiceError when the forge is away."""
    checks = [check for name, title, question in questions for check in _asked(look, name, title, question)]
    counts = {state: sum(check.state == state for check in checks) for state in ORDER}
    return Settings(
        generated_at=iso(look.now),
        repository=look.hosted.name,
        level=look.level,
        level_found=f"{LEVELS[look.level]}; {_told_by(look)}",
        cannot_stop=tuple(_cannot_stop(look, checks)),
        missing=counts["missing"],
        warnings=counts["warning"],
        unseen=counts["unseen"],
        checks=tuple(sorted(checks, key=lambda check: ORDER[check.state])),
    )


def _cannot_stop(look: Look, checks: Iterable[Check]) -> Iterator[str]:
    """What the level doesn't stop, and what it would if the settings that it needs were there."""
    unsure = {check.id.partition("/")[0] for check in checks if check.state != "ok"}
    if look.level != "L0":
        yield from (told for name, told in AGAINST.items() if name in unsure)
    required = look.files.policy().promotion.require_ledger
    yield from (told for told in CANNOT_STOP[look.level] if told != MADE_UP or not required)


def _told_by(look: Look) -> str:
    """What the level is known by."""
    if look.app is None:
        return f"{APP_ID} is not set, or not to be seen"
    missing = ", ".join(look.lacking) if look.secretless else ""
    return f"{APP_ID} is set" + (f"; no secret is stored, but {missing} not set either" if missing else "")


def _asked(look: Look, name: str, title: str, question: Question) -> Iterator[Check]:
    try:
        for told in list(question(look)):
            about = f"{name}/{told.about}" if told.about else name
            todo = "" if told.state == "ok" else told.todo
            yield Check(id=about, state=told.state, title=told.title, found=told.found, todo=todo)
    except (Forbidden, Missing) as error:
        lacking = NOT_IN_PLAN in error.message
        todo = f"{error.hint}; or look there yourself, docs/settings.md says where"
        yield Check(
            id=name,
            state="missing" if lacking else "unseen",
            title=title,
            found=error.message,
            todo="change the repository's plan, or make it public" if lacking else todo,
        )


def told(
    right: bool, title: str, found: str, todo: str, *, about: str = "", state: State = "missing"
) -> Told:
    """`ok` when it is right, else `state`."""
    return Told("ok" if right else state, title, found, todo, about)
