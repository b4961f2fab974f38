"""Finds sentences that speak to the model instead of about the business.

A row that says "ignore previous instructions" teaches a model to obey whoever writes that, and leads
a judge that reads the row astray (threats-and-faults.md 58). Texts are read as people see them.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from ftv4.guards.plain import visible
from ftv4.guards.screen import Needle, Screen

_GAP = r"[\W_]{1,20}"
_FEW = rf"(?:\w{{1,20}}{_GAP}){{0,3}}?"
"""Up to three words."""

_VERBS = ("ignor", "disregard", "forget", "overrid", "overrul", "bypass", "neglect")
_ORDERS = r"(?:instructions?|prompts?|directives?|guidelines?|commands?|guardrails?)"
_TOLD = rf"(?:{_ORDERS}|directions?|rules?|messages?)"
_BEFORE = r"(?:previous|prior|above|preceding|earlier|foregoing|former|original|initial|system)"
_ROLE = r"(?:system|assistant|developer|user)"
_MARK = rf"(?:im_start|im_end|{_ROLE}|endoftext|eot_id|start_header_id|end_of_turn)"
_KINDS = r"assistant|model|ai|llm|(?:chat)?bot|gpt|dan|persona|mode"
_MODEL = rf"(?:{_KINDS}|jailbroken|unrestricted|unfiltered|admin|root)"


def _form(*alternatives: str) -> str:
    return "|".join(alternatives)


FORMS: Mapping[str, str] = {
    "sets aside what was told": _form(
        rf"\b(?:{'|'.join(_VERBS)})\w{{0,4}}{_GAP}{_FEW}"
        rf"(?:{_BEFORE}{_GAP}{_FEW}{_TOLD}|(?:all|any|your|these|every){_GAP}{_FEW}{_ORDERS}"
        rf"|(?:everything|anything|all){_GAP}{_FEW}(?:above|before|said|told|previously))\b",
        rf"(?:\b(?:not|never|stop|quit)|n\Wt){_GAP}follow(?:ing)?{_GAP}{_FEW}"
        rf"(?:{_BEFORE}{_GAP}{_FEW}{_TOLD}|(?:all|any|your|these){_GAP}{_FEW}{_ORDERS})\b",
        rf"\bpay{_GAP}no{_GAP}attention{_GAP}to{_GAP}{_FEW}(?:{_BEFORE}{_GAP}{_FEW}{_TOLD}|{_ORDERS})\b",
    ),
    "gives the model a role": _form(
        rf"\byou{_GAP}(?:are|will{_GAP}be|shall{_GAP}be|must{_GAP}act{_GAP}as)"
        rf"{_GAP}(?:now|henceforth|no{_GAP}longer){_GAP}{_FEW}{_MODEL}\b",
        rf"\bas{_GAP}an?{_GAP}(?:large{_GAP})?(?:language{_GAP}model|ai{_GAP}(?:assistant|model))\b",
        rf"\b(?:have|act|answer|respond|speak){_GAP}(?:\w{{1,20}}{_GAP}){{0,4}}?(?:no|without){_GAP}(?:any{_GAP})?"
        r"(?:restrictions?|filters?|guardrails?|censorship)\b",
    ),
    "writes a role's turn": _form(
        rf"<[|/]{{0,2}}\s*{_MARK}\s*[|/]?>",
        r"\[/?INST\]|<</?SYS>>",
        rf"(?:^|[\r\n])[\s#*>]{{0,8}}(?:system|assistant|developer)(?:{_GAP}(?:prompt|message))?\s*:",
    ),
    "asks for the instructions": _form(
        rf"\b(?:reveal|print|repeat|show|output|leak|recite|disclose){_GAP}{_FEW}"
        rf"(?:system|hidden|secret|initial){_GAP}{_FEW}(?:prompt|instruction|message)s?\b",
        rf"\bwhat{_GAP}(?:(?:are|is){_GAP})?your{_GAP}{_FEW}(?:instructions|prompt)\b",
    ),
    "gives new instructions": _form(
        rf"\b(?:new|updated|real|actual|secret){_GAP}instructions?\s*:",
        rf"\byour{_GAP}new{_GAP}(?:task|instructions?|objective){_GAP}(?:is|are)\b",
    ),
    "names a jailbreak": _form(
        rf"\bjailbreak\w*|\bdo{_GAP}anything{_GAP}now\b|\b(?:developer|dan|god){_GAP}mode\b"
    ),
    "asks for a grade": _form(
        rf"\b(?:score|rate|grade|judge){_GAP}(?:this|it|me|the{_GAP}(?:answer|output|response|row)){_GAP}{_FEW}"
        r"(?:10|100|full|perfect|highest|passing|correct)\b",
        rf"\b(?:give|gives|award|assign|deserves){_GAP}{_FEW}"
        rf"(?:full|top|perfect|highest|maximum){_GAP}(?:marks?|scores?|grades?)\b",
    ),
}
"""What such a sentence does → how it goes. Compiled when first needed: that takes as long as much else."""


def find(text: str) -> tuple[str, ...]:
    """What the text does to a model that reads it; empty for one that only tells."""
    seen = visible(text)
    if not _screen().suspects(seen):
        return ()
    return tuple(name for name, form in FORMS.items() if re.search(form, seen, re.IGNORECASE))


@cache
def _screen() -> Screen:
    """Most texts of a row that is suspected are clean; the forms take a hundred times as long to say so."""
    return Screen(tuple(needles("injection")))


def needles(guard: str) -> Iterator[Needle]:
    """What the screen looks for on behalf of these forms: a weaker pattern, from a rare word of each."""
    for start, certain in _STARTS.items():
        yield Needle(guard, start, re.compile(certain, re.IGNORECASE) if certain else None)


_B_GAP, _B_FEW = _GAP.encode(), _FEW.encode()
_ASIDE = (
    rb"\w{1,12}" + _B_GAP + _B_FEW + b"(?:" + _BEFORE.encode() + rb"|all|any|your|these|every\w*|anything)\b"
)
_ORDER = _B_GAP + _B_FEW + b"(?:prompt|instruction|message)"
_TOPS = (b"full", b"top", b"perfect", b"highest", b"maximum")
_A_MODEL = (
    b"(?:(?:large" + _B_GAP + b")?language" + _B_GAP + b"model|ai" + _B_GAP + rb"(?:assistant|model))\b"
)
_FREE = _B_GAP + rb"(?:any" + _B_GAP + rb")?(?:restriction|filter|guardrail|censorship)"
_TURN = rb"\W{0,3}(?:[|/>:]|prompt|message|mode)"
_STARTS: Mapping[bytes, bytes] = {
    **{b" " + verb.encode(): _ASIDE for verb in _VERBS},
    **{b" %b " % word: word + _ORDER for word in (b"hidden", b"secret", b"initial")},
    b" system ": b"system(?:" + _TURN + b"|" + _ORDER + b")",
    **{b" %b " % role: role + _TURN for role in (b"assistant", b"developer")},
    b" user ": rb"user\s{0,3}[|/>]",
    **dict.fromkeys((b" im_start", b" im_end", b"endoftext", b"eot_id", b"header_id", b"end_of_turn"), b""),
    **dict.fromkeys((b" inst ", b" sys ", b"jailbreak"), b""),
    **{b" %b " % name: name + _B_GAP + rb"mode\b" for name in (b"dan", b"god")},
    b" anything ": b"anything" + _B_GAP + rb"now\b",
    b" instruction": rb"instructions?\s*:",
    b" follow": rb"follow(?:ing)?"
    + _B_GAP
    + _B_FEW
    + rb"(?:"
    + _BEFORE.encode()
    + rb"|all|any|your|these)\b",
    b" pay no ": b"",
    **{b" as a" + last: b"as" + _B_GAP + b"an?" + _B_GAP + _A_MODEL for last in (b" ", b"n ")},
    **{b" %b " % no: no + _FREE for no in (b"no", b"without")},
    b" what ": b"what" + _B_GAP + rb"(?:(?:are|is)" + _B_GAP + rb")?your\b",
    b" your new ": b"",
    **{b" %b " % b: b + _B_GAP + rb"(?:marks?|scores?|grades?)\b" for b in _TOPS},
    b" you ": b"you" + _B_GAP + rb"(?:are|will|shall|must)" + _B_GAP + rb"(?:be|act|now|henceforth|no)\b",
    **{
        b" %b " % verb: verb + _B_GAP + rb"(?:this|it|me|the)\b"
        for verb in (b"score", b"rate", b"grade", b"judge")
    },
}
