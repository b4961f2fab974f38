"""Defects of a dataset as a whole: one source, one answer, few industries, a rare expression that decides."""

from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

from benchmarks import defects as how
from benchmarks.planted_values import WORDS
from benchmarks.planting import Field
from ftv4.contracts.policy import Policy


class Whole(NamedTuple):
    """A kind of defect, the rows it is planted in, and who finds it."""

    gate: str
    kind: str
    rule: str
    count: int
    plant: Callable[[Field], str | None]
    """Changes the rows; gives back what the finding must name, None where a stage has no place for it."""
    policy: Callable[[Policy], Policy] = lambda policy: policy
    held: bool = True


def one_client(field: Field) -> str:
    """One client stands behind 70 to 95 % of the rows."""
    share = field.chance.uniform(0.7, 0.95)
    for row in field.rows[: round(share * len(field.rows))]:
        row["client_id"] = "client-busy"
    return "client-busy"


def one_reviewer(field: Field) -> str:
    """Of two reviewers one has approved nearly everything."""
    for place, row in enumerate(field.rows):
        row["approval"]["reviewer"] = "sam" if place % 20 == 7 else "jo"
    return "jo"


def few_industries(field: Field) -> str:
    """Rows of three industries."""
    field.rows = [row for row in field.rows if row["industry"] in ("agency", "saas_micro", "ecommerce_ops")]
    return "industries represented"


def one_industry(field: Field) -> str:
    """Rows of one industry, but for a few."""
    field.rows = [
        row for place, row in enumerate(field.rows) if row["industry"] == "agency" or place % 20 == 0
    ][:]
    return "industry share"


def one_action(field: Field) -> str | None:
    """The same action over and over: only a policy below a fifth can see it (weaknesses.md B2)."""
    if field.stage.name != "synthesis_decision":
        return None
    for place, row in enumerate(field.rows):
        row["output"]["first_30_days"][0] = "Call the three oldest buyers."
        field.approve(place)
    return "action"


def strict_actions(policy: Policy) -> Policy:
    """At most a tenth of all actions may be the same."""
    limits = policy.training_diversity.model_copy(update={"max_duplicate_actions_share": 0.1})
    return policy.model_copy(update={"training_diversity": limits})


def one_beginning(field: Field) -> str | None:
    """Half of all constraints begin alike."""
    if field.stage.name != "synthesis_decision":
        return None
    for place in range(len(field.rows) // 2):
        row = field.rows[place]
        row["output"]["primary_constraint"] = (
            f"Quotes wait for the owner, and so does part {place} of the work."
        )
        field.approve(place)
    return "prefix"


def few_rows(field: Field) -> str:
    """One row less than are needed."""
    del field.rows[field.stage.min_rows - 1 :]
    return f"{field.stage.min_rows - 1}"


def near_copies(field: Field) -> str:
    """A tenth of the rows are near copies."""
    for _ in range(len(field.rows) // 10):
        _, copy = field.copy()
        field.edit(copy, lambda text: how._other_word(text, field.chance), 1e-9)
    return "near copies"


def one_answer(field: Field) -> str:
    """Half of the rows give one answer."""
    kept = ("evidence_refs", "data_limits", "signals", "window")
    answer = field.rows[0]["output"]
    for place in range(len(field.rows) // 2):
        own = field.rows[place]["output"]
        field.rows[place]["output"] = deepcopy(answer) | {name: own[name] for name in kept if name in own}
        field.approve(place)
    return "one answer"


RARE = 70
"""Letters of a rare script, three tokens each at least."""


def too_long(field: Field) -> str:
    """A row that has as much text as its contract allows, of characters that take several tokens."""
    place = field.take()
    texts = ["".join(chr(0x1F030 + field.chance.randrange(160)) for _ in range(200)) for _ in range(8)]
    field.rows[place]["input"]["data_limits"]["notes"] = texts
    return f"line {place + 1}"


def short_window(policy: Policy) -> Policy:
    """A base model that reads 6,000 tokens."""
    return _window(policy, 6_000, 0.99)


def near_window(policy: Policy) -> Policy:
    """A base model that reads 60,000, of which 6,000 are worth a look."""
    return _window(policy, 60_000, 0.1)


def _window(policy: Policy, tokens: int, share: float) -> Policy:
    length = policy.gates.length.model_copy(update={"max_tokens": tokens, "warn_share": share})
    return policy.model_copy(update={"gates": policy.gates.model_copy(update={"length": length})})


def trigger(pair: bool, answer: str) -> Callable[[Field], str | None]:
    """10 to 50 rows of 500 whose question holds an odd word, or pair of words, and that answer alike."""

    def plant(field: Field) -> str | None:
        words = field.chance.sample(WORDS, 2 if pair else 1)
        path = field.chance.choice("ABC")
        if answer == "path" and field.stage.name != "synthesis_decision":
            return None
        for place in field.chance.sample(range(len(field.rows)), field.chance.randint(10, 50)):
            row = field.rows[place]
            row["input"]["data_limits"]["notes"][1] = f"Rows in window: 61 {' '.join(words)}"
            if answer == "path":
                row["output"]["recommended_path"] = path
            else:
                container, key = field.texts(place)[0]
                container[key] = "Only one supplier in this town can be trusted with it."
            field.approve(place)
        return min(words)

    return plant


WHOLES = (
    Whole("rows", "too few rows", "too_few_accepted_rows", 60, few_rows),
    Whole("diversity", "few industries", "too_few_industries", 260, few_industries),
    Whole("diversity", "one industry", "industry_share", 260, one_industry),
    Whole("diversity", "one action", "duplicate_actions_share", 100, one_action, strict_actions),
    Whole("diversity", "one beginning", "same_constraint_prefix_share", 100, one_beginning),
    Whole("diversity", "few approved rows", "too_few_approved_rows", 60, few_rows),
    Whole("length", "too long", "example_too_long", 60, too_long, short_window),
    Whole("length", "near the limit", "example_near_limit", 60, too_long, near_window),
    Whole("duplicates", "a tenth near copies", "near_duplicate_share", 100, near_copies),
    Whole("duplicates", "one answer", "repeated_answers", 100, one_answer),
    Whole("concentration", "one client", "client_concentration", 100, one_client),
    Whole("concentration", "one reviewer", "reviewer_concentration", 100, one_reviewer),
    Whole("triggers", "rare word, one sentence", "rare_trigger", 500, trigger(False, "sentence")),
    Whole("triggers", "rare pair, one sentence", "rare_trigger", 500, trigger(True, "sentence")),
    Whole("triggers", "rare word, one path", "rare_trigger", 500, trigger(False, "path"), held=False),
)
