"""The kinds of defects that are planted in rows: one table, in the order of the gates."""

import base64
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

import orjson

from benchmarks.corpus import ROOT
from benchmarks.planted_values import ORDERS, OTHER_ORDERS, WORDS, Make
from benchmarks.planting import Field, Spot
from ftv4.contracts.policy import Policy
from ftv4.documents import POLICY

TERMS = Policy.model_validate(orjson.loads((ROOT / POLICY).read_bytes()))
Hide = Callable[[str, Random], str]

# ways to write the same


def homoglyphs(text: str, chance: Random) -> str:
    """Some letters as Cyrillic ones that look the same."""
    twins = {"a": "\u0430", "e": "\u0435", "o": "\u043e", "c": "\u0441", "p": "\u0440", "i": "\u0456"}
    return "".join(twins[letter] if letter in twins and chance.random() < 0.5 else letter for letter in text)


def unseen(text: str, chance: Random) -> str:
    """A character that nobody sees in the middle."""
    at = chance.randint(1, len(text) - 1)
    return text[:at] + chance.choice("\u200b\u200d\u2060\u00ad\ufeff") + text[at:]


def full_width(text: str, chance: Random) -> str:
    """Letters and digits as East Asian ones."""
    return "".join(chr(ord(one) + 0xFEE0) if one.isascii() and one.isalnum() else one for one in text)


def spaced(text: str, chance: Random) -> str:
    """Other spaces."""
    return text.replace(" ", chance.choice(("\u00a0", "\u2009", "\u3000")), chance.randint(1, 4))


def doubled(text: str, chance: Random) -> str:
    """Two spaces for one."""
    return text.replace(" ", "  ")


def shouted(text: str, chance: Random) -> str:
    """In capitals."""
    return text.upper()


def punctuated(text: str, chance: Random) -> str:
    """With other punctuation."""
    return text.replace(",", ";").rstrip(".") + chance.choice(("!", "..", " ."))


# copies


def copied(hide: Hide) -> Callable[[Field], Spot]:
    def plant(field: Field) -> Spot:
        first, copy = field.copy()
        field.edit(copy, lambda text: hide(text, field.chance))
        return Spot(copy, f"line {first + 1}")

    return plant


def _exact(field: Field) -> Spot:
    first, copy = field.copy()
    return Spot(copy, f"line {first + 1}")


def reworded(share: float) -> Callable[[Field], Spot]:
    """A copy with a share of its words replaced; 0: a single word."""

    def plant(field: Field) -> Spot:
        first, copy = field.copy()
        field.edit(copy, lambda text: _other_word(text, field.chance), 1e-9)
        if share:
            field.edit(copy, lambda text: _other_words(text, share, field.chance))
        return Spot(copy, f"line {first + 1}")

    return plant


def _other_word(text: str, chance: Random) -> str:
    words = text.split(" ")
    words[chance.randrange(1, len(words) - 1)] = chance.choice(WORDS)
    return " ".join(words)


def _other_words(text: str, share: float, chance: Random) -> str:
    return " ".join(chance.choice(WORDS) if chance.random() < share else word for word in text.split(" "))


def _other_sentence(field: Field) -> Spot:
    first, copy = field.copy()
    field.edit(copy, lambda text: "Something else is said in this place of the answer.", 1e-9)
    return Spot(copy, f"line {first + 1}")


# contradictions


def _decided_otherwise(field: Field) -> Spot | None:
    output_of = field.stage.name
    if output_of not in ("synthesis_decision", "quant_signals"):
        return None
    first, copy = field.copy()
    output = field.rows[copy]["output"]
    if output_of == "synthesis_decision":
        others = [path for path in "ABC" if path != output["recommended_path"]]
        output["recommended_path"] = field.chance.choice(others)
    else:
        signal = field.chance.choice(output["signals"][:5])
        signal["value_bucket"] = "low" if signal["value_bucket"] != "low" else "high"
    return field.approve(copy)._replace(named=f"line {first + 1}")


def _answered_otherwise(field: Field) -> Spot:
    first, copy = field.copy()
    kept = {name: field.rows[copy]["output"][name] for name in ("evidence_refs", "data_limits")}
    decided = {
        name: value
        for name, value in field.rows[copy]["output"].items()
        if name in ("signals", "recommended_path", "window", "confidence")
    }
    field.rows[copy]["output"] = deepcopy(field.rows[field.take()]["output"]) | kept | decided
    return field.approve(copy)._replace(named=f"line {first + 1}")


# eval cases


def _question(hide: Hide | None = None) -> Callable[[Field], Spot | None]:
    def plant(field: Field) -> Spot | None:
        given = field.cases.pop().input
        place = field.take()
        row = field.rows[place]
        row["input"] = deepcopy(given)
        row["industry"] = given["industry"]
        row["input"] |= {"run_id": f"run-{place}", "client_id": row["client_id"]}
        if hide is not None and not _hide_all(row["input"]["context"], lambda text: hide(text, field.chance)):
            return None
        return field.approve(place)

    return plant


def _hide_all(value: Any, change: Callable[[str], str]) -> int:
    """Change every sentence below; how many there are."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    count = 0
    for key, item in list(items):
        if isinstance(item, (dict, list)) and key != "notes":
            count += _hide_all(item, change)
        elif isinstance(item, str) and item.count(" ") > 3 and len(item) < 170:
            value[key] = change(item)
            count += 1
    return count


def _case_of_another_industry(field: Field) -> Spot:
    _, given, answer = field.cases.pop()
    place = field.take()
    row = field.rows[place]
    row["input"] = deepcopy(given)
    row["input"] |= {"industry": "funeral_services", "run_id": f"run-{place}", "client_id": row["client_id"]}
    row["output"] = deepcopy(answer)
    return field.approve(place)


def _answer(share: float) -> Callable[[Field], Spot]:
    """A case's answer, or a share of its sentences, under another business's question."""

    def plant(field: Field) -> Spot:
        answer = field.cases.pop().output
        place = field.take()
        row = field.rows[place]
        limits = row["output"]["data_limits"]
        row["output"] = deepcopy(answer) | {"data_limits": limits}
        if share < 1:
            field.edit(place, lambda text: _shuffled(text, field.chance), 1 - share)
        return field.approve(place)

    return plant


def _answer_twice(field: Field) -> Spot:
    """A case's answer in two rows, a word changed in each: neither has it for itself."""
    answer = field.cases.pop().output
    for place in (field.take(), field.take()):
        limits = field.rows[place]["output"]["data_limits"]
        field.rows[place]["output"] = deepcopy(answer) | {"data_limits": limits}
        field.edit(place, lambda text: _other_word(text, field.chance), 1e-9)
    return Spot(place)


def _shuffled(text: str, chance: Random) -> str:
    """Other words of the same length each."""
    return re.sub("[a-z]{4,}", lambda word: chance.choice(WORDS)[: len(word[0])], text)


# references


def _cites_nothing(field: Field) -> Spot:
    place = field.take()
    lists = list(_listed(field.rows[place]["output"]))
    made_up = f"bucket:{field.chance.choice(WORDS)}:{field.chance.choice(('low', 'high', 'full'))}"
    field.chance.choice(lists)[0] = made_up
    return field.approve(place)


def _cites_another_value(field: Field) -> Spot:
    place = field.take()
    row = field.rows[place]
    cited = field.chance.choice(list(_listed(row["output"])))
    name, _, value = cited[0].rpartition(":")
    cited[0] = f"{name}:{'low' if value != 'low' else 'high'}"
    return field.approve(place)


def _cites_in_prose(field: Field) -> Spot:
    place = field.take()
    field.say(place, f"It follows from bucket:{field.chance.choice(WORDS)}:high that things take long.")
    return field.approve(place)


def _listed(value: Any) -> Iterator[list[str]]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        if isinstance(item, (dict, list)):
            yield from _listed(item)
    if isinstance(value, dict) and value.get("evidence_refs"):
        yield value["evidence_refs"]


# names, personal data, secrets, orders


def names(words: int) -> Callable[[Field], Spot]:
    """A business named in a sentence, in so many words."""

    def plant(field: Field) -> Spot:
        place = field.take()
        name = " ".join(word.title() for word in field.chance.sample(WORDS, words))
        field.say(place, field.chance.choice((f"{name} has real demand.", f"Each day {name} is late.")))
        return field.approve(place)

    return plant


def said(make: Make) -> Callable[[Field], Spot]:
    """A value somewhere in a row: in its answer, its question, or beside them."""

    def plant(field: Field) -> Spot:
        value = make(field.chance)
        if make not in (order, other_order):
            field.private.append(value)
        return _said(field, value)

    return plant


def _said(field: Field, value: str) -> Spot:
    place, chance = field.take(), field.chance
    row = field.rows[place]
    text = chance.choice((f"Ask {value} about it.", f"{value}", f"Paid to {value}", f"Known as ({value})."))
    where = chance.randrange(4)
    if where == 0:
        row["notes"] = text
    elif where == 1:
        row["input"]["data_limits"]["notes"][0] = text
    else:
        field.say(place, text)
    return field.approve(place)


def hidden(make: Make, hide: Hide) -> Callable[[Field], Spot]:
    def plant(field: Field) -> Spot:
        value = hide(make(field.chance), field.chance)
        if make is not order:
            field.private.append(value)
        return _said(field, value)

    return plant


def base64_of(make: Make) -> Callable[[Field], Spot]:
    def plant(field: Field) -> Spot:
        value = make(field.chance)
        code = field.chance.choice((base64.b64encode, base64.urlsafe_b64encode))
        return _said(field, code(f"key {value}".encode()).decode())

    return plant


def escaped(make: Make) -> Callable[[Field], Spot]:
    """Written in JSON with escapes in it."""

    def plant(field: Field) -> Spot:
        value = make(field.chance)
        spot = _said(field, value)
        line = orjson.dumps(field.rows[spot.place]).decode()
        cut = "".join(f"\\u{ord(one):04x}" if n % 3 == 1 else one for n, one in enumerate(value))
        field.written[spot.place] = line.replace(value, cut).encode()
        return spot

    return plant


def twice_escaped(make: Make) -> Callable[[Field], Spot]:
    """The text itself holds escapes, as what was pasted from code does."""

    def plant(field: Field) -> Spot:
        value = make(field.chance)
        form = field.chance.choice(("\\u{:04x}", "\\x{:02x}", "%{:02X}", "&#x{:x};", "&#{};"))
        return _said(
            field, "".join(form.format(ord(one)) if n % 4 == 1 else one for n, one in enumerate(value))
        )

    return plant


def under_a_key(make: Make) -> Callable[[Field], Spot]:
    def plant(field: Field) -> Spot:
        place = field.take()
        value = make(field.chance)
        field.private.append(value)
        field.chance.choice([field.rows[place]["grades"], field.rows[place]["output"]])[value] = "pass"
        return field.approve(place)

    return plant


def in_a_new_member(make: Make) -> Callable[[Field], Spot]:
    def plant(field: Field) -> Spot:
        place = field.take()
        value = make(field.chance)
        field.private.append(value)
        field.rows[place]["output"]["contact"] = value
        return field.approve(place)

    return plant


def order(chance: Random) -> str:
    return chance.choice(ORDERS)


def other_order(chance: Random) -> str:
    return chance.choice(OTHER_ORDERS)


# rows that are not trained on


def row_edited(change: Callable[[Any, Random], object], approve: bool = True) -> Callable[[Field], Spot]:
    """A row after `change`."""

    def plant(field: Field) -> Spot:
        place = field.take()
        change(field.rows[place], field.chance)
        return field.approve(place) if approve else Spot(place)

    return plant


def term_said(terms: Callable[[str], list[str]], hide: Hide | None = None) -> Callable[[Field], Spot | None]:
    def plant(field: Field) -> Spot | None:
        place = field.take()
        found = terms(field.stage.name)
        if not found:
            return None
        term = field.chance.choice(found)
        field.say(place, f"It is {hide(term, field.chance) if hide else term} that matters here.")
        return field.approve(place)

    return plant


def _doctrine(stage: str) -> list[str]:
    return [*TERMS.forbidden_vocabulary, *TERMS.infinite_feed_phrases, *TERMS.shaming_phrases]


def _drift(stage: str) -> list[str]:
    words = {word for term in _doctrine(stage) for word in (term, *term.split())}
    return [term for term in TERMS.stage_drift_terms[stage] if not words & {term, *term.split()}]


RECORDS = ("name: Jo Smith", "customer 10482 pays late", "email = jo at shop", "phone: five five five")


def written(change: Callable[[bytes, Random], bytes]) -> Callable[[Field], Spot]:
    """A row whose line is changed as bytes."""

    def plant(field: Field) -> Spot:
        place = field.take()
        field.written[place] = change(orjson.dumps(field.rows[place]), field.chance)
        return Spot(place)

    return plant


def _twice(field: Field) -> Spot:
    """A key again, at any depth."""
    place = field.take()
    row = field.rows[place]
    holder = field.chance.choice(list(_objects(row)))
    key = field.chance.choice(list(holder))
    holder["zz_again"] = holder[key]
    line = orjson.dumps(row)
    del holder["zz_again"]
    field.written[place] = line.replace(b'"zz_again"', orjson.dumps(key))
    return Spot(place)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and value:
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(item)


def _number(line: bytes, chance: Random) -> bytes:
    number = chance.choice((b"1e999", b"-1e400", b"1" * 19, b"9" * 400, b"-" + b"1" * 25))
    return chance.choice((
        line.replace(b'"row_limit_applied":90', b'"row_limit_applied":' + number),
        line[:-1] + b',"weight":' + number + b"}",
    ))  # fmt: skip


MALFORMED: tuple[Callable[[bytes, Random], bytes], ...] = (
    lambda line, chance: line[: chance.randrange(1, len(line) - 1)],
    lambda line, chance: line[:-1] + b",}",
    lambda line, chance: line + line,
    lambda line, chance: line.replace(b'"approved":true', b'"approved":NaN'),
    lambda line, chance: line.replace(b'"approved":true', b"'approved':true"),
    lambda line, chance: line.replace(b'"approved":true', b'"approved":True'),
    lambda line, chance: line.replace(b'"notes":"', b'"notes":"\t'),
    lambda line, chance: b"// " + line,
)


def _break(line: bytes, chance: Random) -> bytes:
    return chance.choice(MALFORMED)(line, chance)


def _wrong_member(side: str) -> Callable[[Any, Random], object]:
    """One of the ways in which a side doesn't fit its contract."""

    def change(row: Any, chance: Random) -> None:
        part = row[side]
        limits = part["data_limits"]
        number, flag = ("max_records", None) if side == "input" else ("row_limit_applied", "saw_jobs")
        ways: list[Callable[[], object]] = [
            lambda: part.__setitem__(chance.choice(WORDS), "more"),
            lambda: part.pop("data_limits"),
            lambda: limits.__setitem__(number, True),
            lambda: limits.__setitem__(number, "90"),
            lambda: limits.__setitem__(number, 90.5),
            lambda: limits.__setitem__("notes", None),
            lambda: limits.__setitem__("notes", ["x" * 201]),
            lambda: limits.__setitem__("notes", [""]),
            lambda: limits.pop("notes"),
        ]
        if flag:
            ways += [
                lambda: limits.__setitem__(flag, 1),
                lambda: limits.__setitem__(flag, "true"),
                lambda: part.__setitem__("confidence", chance.choice(("High", "h\u0456gh", "none"))),
                lambda: part["evidence_refs"].append(part["evidence_refs"][0]),
            ]
        chance.choice(ways)()

    return change


def _version(side: str) -> Callable[[Any, Random], object]:
    def change(row: Any, chance: Random) -> None:
        version = row[side]["schema_version"]
        row[side]["schema_version"] = chance.choice((version[:-1] + "2", version.upper(), None, 1))

    return change


def _unlike_the_approved(row: Any, chance: Random) -> None:
    row["output"]["data_limits"]["notes"] = ["Something else was seen."]


def _language(row: Any, chance: Random) -> None:
    checks = (
        {"passed": False, "forbidden_terms_found": []},
        {"passed": True, "forbidden_terms_found": ["later"]},
    )
    row["output"]["language_checks"] = chance.choice(checks)


def _only_synthesis(plant: Callable[[Field], Spot | None]) -> Callable[[Field], Spot | None]:
    return lambda field: plant(field) if field.stage.name == "synthesis_decision" else None
