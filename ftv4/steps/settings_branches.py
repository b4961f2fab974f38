"""Asks what keeps main and the ledger: verdict, approvals, owners, history, and how changes are merged."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.steps.settings import API, APP_ID, Look, Told, told
from ftv4.steps.settings_owners import has_owners

if TYPE_CHECKING:
    from ftv4.clients.forge_settings import BranchRules
    from ftv4.contracts import Json

VERDICT = "ftv4/verdict"
LEDGER = "ftv4-ledger"
WRITERS = ".github/rulesets/ledger-writers.json"
OWNERS = ".github/CODEOWNERS"
OWNED = (
    "/.github/", "/config/", "/evals/", "/templates/",
    "/train/finetune_runs/", "/train/promotion/", "/train/requests/",
)  # fmt: skip
"""Where a change can decide by itself which model serves, what is asked of one, or what is paid for."""
MEND_OWNERS = "mend .github/CODEOWNERS by a pull request; owners need write access"
ACTIONS_APP = 15368
"""The id of the App that posts what a job's own token posts; any workflow of any branch is that App."""


def verdict_required(look: Look) -> Iterator[Told]:
    """The verdict has to be there, and from the App that we are."""
    required = VERDICT in look.rules.statuses
    set_it = f"{API}/rulesets --method POST --input .github/rulesets/main.json"
    yield told(
        required,
        f"a merge into {look.hosted.default_branch} needs the status {VERDICT}",
        "required" if required else "not required, so nothing of ftv4 stands between a change and main",
        set_it,
    )
    if required:
        yield _source(look, look.rules.statuses[VERDICT])


def _source(look: Look, source: int | None) -> Told:
    expected = look.app_id
    by_actions = look.app is None
    right = source == (ACTIONS_APP if by_actions else expected or source)
    right = right and source is not None and (by_actions or source != ACTIONS_APP)
    wanted = f"App {ACTIONS_APP}, GitHub Actions" if by_actions else f"App {expected or 'of ' + APP_ID}"
    return told(
        right,
        f"{VERDICT} counts from one source only, {wanted}",
        f"from App {source}" if source else "any source, so anybody who may write can post it",
        "set its integration_id in .github/rulesets/main.json, merge that, and send the ruleset again",
        about="source",
    )


def reviews(look: Look) -> Iterator[Told]:
    """A person approves what main gets, and it is what they saw."""
    rules = look.rules
    lacking = [
        name
        for name, there in (
            ("an approval", rules.reviews > 0),
            ("a code owner's approval", rules.owners),
            ("approvals dismissed by a new push", rules.stale_dismissed),
            ("approval of the last push by somebody else", rules.last_push),
        )
        if not there
    ]
    yield told(
        not lacking,
        "a merge needs a person who approves the last state, and a code owner where one is named",
        "all asked for" if not lacking else f"not asked for: {', '.join(lacking)}",
        "Settings, Rules, Rulesets: Require a pull request before merging, as in .github/rulesets/main.json",
    )


def history(look: Look) -> Iterator[Told]:
    """Neither main nor the ledger can be rewritten or deleted."""
    main = look.hosted.default_branch
    for branch, rules, file in (
        (main, look.rules, "main"),
        (LEDGER, look.forge.branch_rules(LEDGER), "ledger"),
    ):
        kept = rules.no_rewrite and rules.no_deletion
        yield told(
            kept,
            f"{branch} is neither rewritten nor deleted",
            "kept" if kept else f"may be {' and '.join(_open(rules))}",
            f"{API}/rulesets --method POST --input .github/rulesets/{file}.json",
            about=file,
        )


def _open(rules: "BranchRules") -> Iterator[str]:
    if not rules.no_rewrite:
        yield "rewritten by a forced push"
    if not rules.no_deletion:
        yield "deleted"


def writers(look: Look) -> Iterator[Told]:
    """With an App, nobody else writes the ledger; without one, nobody who may write can be kept from it."""
    if look.app is None:
        return
    title, restricted = "the App alone writes the ledger", look.forge.branch_rules(LEDGER).restricted
    rulesets = sorted({number for numbers in restricted.values() for number in numbers})
    passing = [look.forge.bypass_actors(number) for number in rulesets]
    if None in passing:
        found = "whom the rulesets let pass is told only to a token that may change them"
        yield Told("unseen", title, found, f"Settings, Rules, Rulesets: the App alone may bypass {WRITERS}")
        return
    others = [actor for actors in passing for actor in actors or () if not _is_app(look, actor)]
    yield told(
        restricted.keys() == {"creation", "update"} and not others and all(passing),
        title,
        _who_writes(restricted.keys(), others, all(passing)),
        f"{API}/rulesets --method POST --input {WRITERS}; ftv4 init --app-id={look.app_id or 'ID'} writes it",
    )


def _is_app(look: Look, actor: "Json") -> bool:
    number = actor.get("actor_id")
    known = number == look.app_id if look.app_id else number != ACTIONS_APP
    return bool(known) and actor.get("actor_type") == "Integration"


def _who_writes(kinds: Collection[str], others: Sequence["Json"], any_pass: bool) -> str:
    if len(kinds) < 2:
        return "whoever may write can put runs and answers there"
    if others:
        named = (f"{one.get('actor_type')} {one.get('actor_id')}" for one in others)
        return f"so may {for_log(', '.join(named))}"
    return "it does" if any_pass else "nobody may, not even the App"


def code_owners(look: Look) -> Iterator[Told]:
    """CODEOWNERS is there and names people."""
    errors = look.forge.owner_errors()
    if errors is None:
        found = "there is no CODEOWNERS file on the default branch"
    else:
        found = "valid" if not errors else f"names nobody who may review: {for_log('; '.join(errors))}"
    yield told(
        errors == (),
        "CODEOWNERS names people or teams who may write",
        found,
        MEND_OWNERS,
    )
    if look.files.has(OWNERS):
        text = look.files.read_text(OWNERS)
        lacking = [path for folder in OWNED if (path := _without_owner(look.files, folder, text))]
        yield told(
            not lacking,
            "what decides which model serves has owners",
            f"nobody owns {for_log(', '.join(lacking))}" if lacking else ", ".join(OWNED),
            MEND_OWNERS,
            about="paths",
        )


def _without_owner(files: Repository, folder: str, text: str) -> str:
    """The folder where a new file in it would have no owner, else the first file that has none, or ""."""
    below = folder.strip("/")
    if not all(has_owners(f"{below}/{new}", text) for new in ("new", "new/new")):
        return folder
    there = (files.relative(path) for path in files.files(below, "**/*"))
    return next((path for path in there if not has_owners(path, text)), "")


def merge_methods(look: Look) -> Iterator[Told]:
    """Promotions are merged, not squashed: the commit is what was judged."""
    methods = look.hosted.merge_methods
    if methods is None:
        title = "how pull requests may be merged"
        yield Told("unseen", title, "the token may not see it", "Settings, General, Pull Requests")
        return
    yield told(
        "merge_commit" in methods,
        "pull requests may be merged with a merge commit",
        f"allowed: {', '.join(sorted(methods)) or 'nothing'}",
        f"{API} --method PATCH -F allow_merge_commit=true",
    )
