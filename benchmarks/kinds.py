"""What is planted: a row of the table for each kind, by the gate whose question it is."""

import json

from benchmarks import defects as how
from benchmarks.planted_values import BARE, PERSONAL, SECRETS
from benchmarks.planting import Defect

SPELLINGS = {
    "homoglyphs": how.homoglyphs,
    "zero-width": how.unseen,
    "full-width": how.full_width,
    "other spaces": how.spaced,
    "capitals": how.shouted,
    "punctuation": how.punctuated,
}
DISGUISES = {
    "Base64": how.base64_of,
    "JSON escapes": how.escaped,
    "escaped text": how.twice_escaped,
    "as a key": how.under_a_key,
    "in a new member": how.in_a_new_member,
}
UNSEEN = {name: SPELLINGS[name] for name in ("zero-width", "full-width", "homoglyphs")}

ACCEPTANCE = (
    Defect("acceptance", "line is not JSON", ("malformed_line",), how.written(how._break)),
    Defect(
        "acceptance",
        "not approved",
        ("not_approved",),
        how.row_edited(lambda row, chance: row.update(approved=chance.choice(("true", 1, None, False)))),
    ),
    Defect(
        "acceptance",
        "a side is missing",
        ("missing_input_or_output",),
        how.row_edited(lambda row, chance: row.pop(chance.choice(("input", "output"))), approve=False),
    ),
    *(
        Defect("acceptance", f"{side} of another version", (f"{side}_schema_version_mismatch",), plant)
        for side in ("input", "output")
        for plant in [how.row_edited(how._version(side))]
    ),
    *(
        Defect("acceptance", f"{side} breaks its contract", (f"{side}_schema_invalid",), plant)
        for side in ("input", "output")
        for plant in [how.row_edited(how._wrong_member(side))]
    ),
    Defect("acceptance", "forbidden term", ("doctrine_guard_failed",), how.term_said(how._doctrine)),
    *(
        Defect(
            "acceptance",
            f"forbidden term, {name}",
            ("doctrine_guard_failed", "stage_drift_failed"),
            how.term_said(how._doctrine, hide),
        )
        for name, hide in UNSEEN.items()
    ),
    Defect(
        "acceptance",
        "forbidden term, two spaces",
        ("doctrine_guard_failed", "stage_drift_failed"),
        how.term_said(how._doctrine, how.doubled),
    ),
    Defect("acceptance", "drift term", ("stage_drift_failed",), how.term_said(how._drift)),
    Defect(
        "acceptance",
        "record in the text",
        ("raw_leak_scan_failed",),
        how.term_said(lambda _: list(how.RECORDS)),
    ),
    Defect(
        "acceptance",
        "decision that doesn't hold",
        ("decision_failed",),
        how._only_synthesis(how.row_edited(how._language)),
    ),
    Defect(
        "acceptance",
        "edited after approval",
        ("edited_after_approval",),
        how.row_edited(how._unlike_the_approved, approve=False),
    ),
    Defect("acceptance", "key twice", ("duplicate_key",), how._twice),
    Defect("acceptance", "number out of range", ("number_out_of_range",), how.written(how._number)),
    Defect(
        "acceptance",
        "too deep",
        ("too_deep",),
        how.row_edited(lambda row, chance: row.update(more=json.loads("[" * 40 + "]" * 40))),
    ),
    Defect(
        "acceptance",
        "half of a character",
        ("lone_surrogate",),
        how.written(lambda line, chance: line.replace(b'"notes":["', b'"notes":["\\ud83d', 1)),
    ),
)

ENVELOPE = (
    *(
        Defect("envelope", f"{name} of another kind", ("row_invalid",), how.row_edited(edit))
        for name, edit in {
            "id": lambda row, chance: row.update(id=chance.choice((7, "../../escape", "run:x", None))),
            "time": lambda row, chance: row.update(created_at=chance.choice(("yesterday", 5, "2026-13-01"))),
            "further member": lambda row, chance: row.update(more=chance.choice((None, 1, {}))),
        }.items()
    ),
    Defect(
        "envelope",
        "another industry's label",
        ("relabelled_row",),
        how.row_edited(lambda row, chance: row.update(industry=how.unseen(row["industry"], chance))),
    ),
    Defect(
        "envelope",
        "grade that fails",
        ("failed_grade",),
        how.row_edited(lambda row, chance: row["grades"].update(drift="fail")),
    ),
)

FORM = (
    Defect(
        "form", "byte order mark", ("byte_order_mark",), how.written(lambda line, _: b"\xef\xbb\xbf" + line)
    ),
    Defect("form", "carriage return", ("carriage_return",), how.written(lambda line, _: line + b"\r")),
    Defect(
        "form",
        "space around a row",
        ("stray_space",),
        how.written(lambda line, chance: line + chance.choice((b" ", b"\t", b"\xc2\xa0", b"\xe2\x80\xa8"))),
    ),
)

PRIVATE = (
    *(Defect("personal_data", kind, ("personal_data",), how.said(make)) for kind, make in PERSONAL.items()),
    *(
        Defect("personal_data", f"{kind}, {name}", ("personal_data",), how.hidden(PERSONAL[kind], hide))
        for kind in ("e-mail", "card", "IBAN", "social security", "phone")
        for name, hide in UNSEEN.items()
    ),
    *(
        Defect("personal_data", f"{kind}, {name}", ("personal_data",), plant(PERSONAL[kind]))
        for kind in ("e-mail", "card", "IBAN")
        for name, plant in DISGUISES.items()
    ),
    *(Defect("personal_data", kind, ("secret",), how.said(make)) for kind, make in SECRETS.items()),
    *(
        Defect("personal_data", f"{kind}, {name}", ("secret",), plant(SECRETS[kind]))
        for kind in ("OpenAI key", "GitHub token", "AWS key")
        for name, plant in DISGUISES.items()
    ),
    Defect(
        "personal_data",
        "GitHub token, zero-width",
        ("secret",),
        how.hidden(SECRETS["GitHub token"], how.unseen),
    ),
    *(Defect("personal_data", kind, ("secret",), how.said(make), held=False) for kind, make in BARE.items()),
)

ORDERS = (
    Defect("injection", "order to a model", ("prompt_injection",), how.said(how.order), bar=0.95),
    *(
        Defect("injection", f"order, {name}", ("prompt_injection",), how.hidden(how.order, hide), bar=0.95)
        for name, hide in UNSEEN.items()
    ),
    Defect("injection", "order in other words", ("prompt_injection",), how.said(how.other_order), bar=0.4),
)

NAMES = (
    Defect("names", "name of two words", ("named_business",), how.names(2)),
    Defect("names", "name of three words", ("named_business",), how.names(3)),
    Defect("names", "name of one word", ("named_business",), how.names(1), held=False),
)

GROUNDS = (
    Defect("grounding", "reference to nothing", ("ungrounded_reference",), how._cites_nothing),
    Defect("grounding", "reference to another value", ("ungrounded_reference",), how._cites_another_value),
    Defect("grounding", "reference in prose", ("ungrounded_reference",), how._cites_in_prose),
)

COPIES = (
    Defect("duplicates", "copy", ("duplicate_rows",), how._exact),
    *(
        Defect("duplicates", f"copy, {name}", ("duplicate_rows",), how.copied(hide))
        for name, hide in SPELLINGS.items()
    ),
    Defect("duplicates", "copy, one word changed", ("near_duplicate_rows",), how.reworded(0)),
    Defect(
        "duplicates", "copy, a sentence changed", ("near_duplicate_rows",), how._other_sentence, held=False
    ),
    *(
        Defect("duplicates", f"copy, {share:.0%} of words", ("near_duplicate_rows",), plant, held=held)
        for share, held in ((0.05, True), (0.1, False), (0.2, False))
        for plant in [how.reworded(share)]
    ),
)

CONTRADICTIONS = (
    Defect("contradictions", "decides otherwise", ("contradicting_rows",), how._decided_otherwise),
    Defect("contradictions", "in other words", ("differing_answers",), how._answered_otherwise),
)

LEAKS = (
    Defect("contamination", "question of a case", ("eval_question",), how._question()),
    *(
        Defect("contamination", f"question, {name}", ("eval_question",), how._question(hide))
        for name, hide in SPELLINGS.items()
        if name != "punctuation"
    ),
    Defect("contamination", "case of another industry", ("eval_answer",), how._case_of_another_industry),
    Defect("contamination", "answer of a case, refused", ("eval_answer",), how._answer(1)),
    Defect("contamination", "answer of a case, told", ("eval_answer", "eval_overlap"), how._answer(1)),
    Defect(
        "contamination",
        "answer of a case, in two rows",
        ("eval_answer", "eval_overlap"),
        how._answer_twice,
    ),
    Defect(
        "contamination",
        "three quarters of one, told",
        ("eval_overlap", "eval_answer"),
        how._answer(0.75),
        held=False,
    ),
)

KINDS = (*FORM, *ACCEPTANCE, *ENVELOPE, *PRIVATE, *NAMES, *ORDERS, *GROUNDS, *COPIES, *CONTRADICTIONS, *LEAKS)
"""Planted in one row each."""
