"""Finds sentences that speak to the model instead of about the business.

A row that says "ignore previous instructions" teaches a model to obey whoever writes that, and leads
a judge that reads the row astray (threats-and-faults.md 58). Texts are read as people see them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import product

from ftv4.guards.plain import visible
from ftv4.guards.screen import Needle, Screen

_GAP = r"[\W_]{1,20}"
_FEW = rf"(?:\w{{1,20}}{_GAP}){{0,3}}?"
"""Up to three words."""

_VERBS = (
    *("ignor", "disregard", "forget", "overrid", "overrul", "bypass", "neglect"),
    *("discard", "disobey", "overlook"),
)
_ORDERS = r"(?:instructions?|prompts?|directives?|guidelines?|commands?|guardrails?)"
_TOLD = rf"(?:{_ORDERS}|directions?|rules?|messages?)"
_BEFORE = r"(?:previous|prior|above|preceding|earlier|foregoing|former|original|initial|system)"
_ROLE = r"(?:system|assistant|developer|user)"
_MARK = rf"(?:im_start|im_end|{_ROLE}|endoftext|eot_id|start_header_id|end_of_turn)"
_AI = rf"(?:ai|llm|language{_GAP}model|chat_?bot|gpt)"
_KINDS = r"assistant|model|ai|llm|(?:chat)?bot|gpt|dan|persona|mode"
_MODEL = rf"(?:{_KINDS}|jailbroken|unrestricted|unfiltered|admin|root)"
_PERSON = (
    r"(?:business|manager|owner|technician|entrepreneur|leader|founder|boss|team|company|customer|client"
    r"|bottleneck|step|day|week|month|year|few|little|bit|lot|part)"
)
"""What an owner may well be now."""
_ANSWER = r"(?:answer|output|response|row)"
_FULL = r"(?:10|100|full|perfect|highest|passing|pass|passed|correct|excellent|maximum)"
_PATH = rf"\b(?:path|option){_GAP}[abc]\b"
_WHATEVER = rf"\b(?:regardless|whatever|no{_GAP}matter)\b"


def _form(*alternatives: str) -> str:
    return "|".join(alternatives)


def _any(words: Iterable[str]) -> str:
    return f"(?:{_form(*words)})"


# What stands behind the word that the screen looks for.
_ASIDE = _form(
    rf"{_BEFORE}{_GAP}{_FEW}{_TOLD}\b",
    rf"(?:all|any|your|these|every){_GAP}{_FEW}{_ORDERS}\b",
    rf"(?:everything|anything|all){_GAP}{_FEW}(?:above|before|said|told|previously)\b",
    rf"what(?:ever)?{_GAP}you{_GAP}{_FEW}(?:told|taught|instructed)\b",
    r"(?:above|foregoing|preceding)(?:\W*$|\W{0,3}[.,;:!?\"]|\W{1,3}(?:and|but|then|please|text)\b)",
)
_FOLLOWED = _form(
    rf"(?:{_BEFORE}{_GAP}{_FEW}{_TOLD}|(?:all|any|your|these){_GAP}{_FEW}{_ORDERS})\b",
    rf"{_TOLD}{_GAP}{_FEW}(?:given{_GAP}to{_GAP}you|you{_GAP}were{_GAP}given|told)\b",
)
_ENDED = rf"{_GAP}{_FEW}(?:void|suspended|lifted|revoked|overridden|cancell?ed|disabled|obsolete)\b"
_NOW_YOU = _form(
    rf"(?:are|will{_GAP}be|shall{_GAP}be|must{_GAP}act{_GAP}as){_GAP}"
    rf"(?:now|henceforth|no{_GAP}longer){_GAP}{_FEW}{_MODEL}\b",
    rf"are{_GAP}now{_GAP}an?{_GAP}(?!{_PERSON}\b)\w",
)
_IF_YOU = _form(
    rf"are{_GAP}an?{_GAP}{_FEW}{_AI}\b",
    rf"(?:see|read|encounter|find|receive){_GAP}(?:this|these){_GAP}"
    r"(?:text|message|sentence|line|phrase|prompt|row|instruction|string|input)",
)
_AS_SOMEBODY = rf"{_GAP}(?:as|like){_GAP}(?:an?|the|my){_GAP}{_FEW}(?:{_MODEL}|pirate|hacker|villain|robot)\b"
_THESE_WORDS = rf"{_GAP}(?:everything|all|the{_GAP}(?:text|words)){_GAP}{_FEW}above\b"
_TO_THE_MODEL = rf"{_GAP}(?:(?:to|for){_GAP})?(?:(?:the|any|all){_GAP})?(?:{_AI}|model|grader|evaluator)s?\b"
_A_GRADE = rf"{_GAP}(?:this|it|me|the{_GAP}{_ANSWER}){_GAP}{_FEW}{_FULL}\b"
_NEW_TASK = rf"{_GAP}(?:new|only|sole|real|true){_GAP}(?:task|instructions?|objective){_GAP}(?:is|are)\b"

_SET_ASIDE = rf"{_any(_VERBS)}\w{{0,4}}"
_FOLLOW = ("follow", "obey", "heed")
_PLAY = ("act", "behave", "respond", "speak", "talk")
_COPY = ("repeat", "output", "print", "copy")
_CALL = ("note", "message", "attention", "reminder")
_GRADE = ("score", "rate", "grade", "judge", "mark", "assess", "evaluate")
_TOPS = ("full", "top", "perfect", "highest", "maximum")
_MODES = ("admin", "debug", "sudo", "root", "unrestricted")


FORMS: Mapping[str, str] = {
    "sets aside what was told": _form(
        rf"\b(?:{_SET_ASIDE}|set aside){_GAP}{_FEW}(?:{_ASIDE})",
        rf"(?:\b(?:not|never|stop|quit)|n\Wt){_GAP}{_any(_FOLLOW)}(?:ing)?{_GAP}{_FEW}(?:{_FOLLOWED})",
        rf"\b(?:stop|quit){_GAP}{_any(_FOLLOW)}ing{_GAP}the{_GAP}{_ORDERS}\b",
        rf"\bpay{_GAP}no{_GAP}attention{_GAP}to{_GAP}{_FEW}(?:{_BEFORE}{_GAP}{_FEW}{_TOLD}|{_ORDERS})\b",
        rf"\b(?:your|{_BEFORE}){_GAP}{_FEW}(?:instruction|prompt|guideline|directive)s?{_ENDED}",
    ),
    "gives the model a role": _form(
        rf"\byou{_GAP}(?:{_NOW_YOU})|\bif{_GAP}you{_GAP}are{_GAP}an?{_GAP}{_FEW}{_AI}\b",
        rf"\bfrom (?:now|here|this point|today)(?: (?:on|onwards?|forward))?{_GAP}you{_GAP}"
        rf"(?:are|become|act{_GAP}as|will{_GAP}be){_GAP}(?:an?{_GAP}|the{_GAP})?(?:(?-i:[A-Z]{{3,}})|{_MODEL})\b",
        rf"\bas{_GAP}an?{_GAP}(?:ai|(?:ai{_GAP})?(?:large{_GAP})?language{_GAP}model)\b",
        rf"\b{_any(_PLAY)}{_AS_SOMEBODY}|\b(?:persona|identity|character){_GAP}of{_GAP}an?\b",
        rf"\b(?:have|act|answer|respond|reply|speak){_GAP}(?:\w{{1,20}}{_GAP}){{0,4}}?(?:no|without){_GAP}"
        rf"(?:any{_GAP})?(?:restrictions?|filters?|guardrails?|censorship)\b",
    ),
    "writes a role's turn": _form(
        rf"<[|/]{{0,2}}\s*{_MARK}\s*[|/]?>",
        r"\[/?(?:INST|SYSTEM|ASSISTANT)\]|<</?SYS>>",
        rf"(?:^|[\r\n])[\s#*>]{{0,8}}(?:system|assistant|developer)(?:{_GAP}(?:prompt|message))?\s*:",
        r"#{2,}\s*(?:instructions?|response|system|assistant|user|human|prompts?)\s*:",
        r"\b(?:user|human)\s*:.{0,200}\b(?:assistant|ai|bot)\s*:",
    ),
    "asks for the instructions": _form(
        rf"\b(?:reveal|print|repeat|show|output|leak|recite|disclose|display|tell|share|write|expose){_GAP}{_FEW}"
        rf"(?:system|hidden|secret|initial){_GAP}{_FEW}(?:prompt|instruction|message)s?\b",
        rf"\b(?:reveal|print|repeat|show|output|leak|recite|disclose|display|copy){_GAP}{_FEW}"
        rf"your{_GAP}{_FEW}(?:prompt|instruction)s?\b",
        rf"\bwhat{_GAP}(?:(?:are|is){_GAP})?your{_GAP}{_FEW}(?:instructions|prompt)\b",
        rf"\b{_any(_COPY)}{_THESE_WORDS}",
    ),
    "gives new instructions": _form(
        rf"\b(?:new|updated|real|actual|secret|additional){_GAP}instructions?\s*:|\byour{_NEW_TASK}",
        rf"\b(?:when|whenever|if|once){_GAP}you{_GAP}(?:{_IF_YOU})|\b{_any(_CALL)}{_TO_THE_MODEL}",
        rf"\balways{_GAP}{_FEW}{_PATH}|{_WHATEVER}.{{0,60}}{_PATH}|{_PATH}.{{0,60}}{_WHATEVER}",
    ),
    "names a jailbreak": _form(
        rf"\bjailbreak\w*|\bdo{_GAP}anything{_GAP}now\b|\b(?:developer|dan|god){_GAP}mode\b",
        rf"\b(?:enter|enable|activate|switch{_GAP}to){_GAP}{_FEW}{_any(_MODES)}{_GAP}mode\b",
    ),
    "asks for a grade": _form(
        rf"\b{_any(_GRADE)}{_A_GRADE}",
        rf"\b(?:give|gives|award|assign|deserves|receive){_GAP}{_FEW}"
        rf"{_any(_TOPS)}{_GAP}(?:marks?|scores?|grades?)\b",
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
    """What the screen looks for on behalf of these forms: a rare word of each, and what stands behind it."""
    for start, behind in _STARTS.items():
        certain = re.compile(behind.encode(), re.IGNORECASE) if behind else None
        for before, after in product(_AROUND.get(start[0], start[0]), _AROUND.get(start[-1], start[-1])):
            yield Needle(guard, f"{before}{start[1:-1]}{after}".encode(), certain)


_AROUND = {" ": " @_", "|": " @"}
"""How the screen writes what is around words: all that is no letter, and where a word begins for sure."""


def _each(words: Iterable[str], behind: str, end: str = " ") -> dict[str, str]:
    """Needles for words of one kind, with one pattern: compiling takes longest."""
    return {f" {word}{end}": rf"\w{{2,20}}{behind}" for word in words}


_ORDER = rf"{_GAP}{_FEW}(?:prompt|instruction|message)"
_TURN = r"[\W_]{0,3}(?:[|/>:\]]|prompt|message|mode)"
_STARTS: Mapping[str, str] = {
    **_each(_VERBS, rf"{_GAP}{_FEW}(?:{_ASIDE})", end=""),
    " set aside": rf"set aside{_GAP}{_FEW}(?:{_ASIDE})",
    **_each(("hidden", "secret", "initial"), _ORDER),
    " system ": f"system(?:{_TURN}|{_ORDER})",
    **_each(("assistant", "developer"), _TURN),
    " user ": r"user\s{0,3}[|/>:]",
    **_each(("human", "response"), r"\s*:"),
    **_each(("prompt", "prompts"), rf"(?:\s*:|{_ENDED})"),
    **dict.fromkeys((" im_start", " im_end", "endoftext", "eot_id", "header_id", "end_of_turn"), ""),
    **dict.fromkeys((" inst ", " sys ", "jailbreak"), ""),
    **_each(("dan", "god", *_MODES), rf"{_GAP}mode\b"),
    " anything ": rf"anything{_GAP}now\b",
    " instruction": rf"instructions?(?:\s*:|{_ENDED})",
    **_each(("guideline", "directive"), f"s?{_ENDED}", end=""),
    **_each(_FOLLOW, rf"(?:ing)?{_GAP}{_FEW}(?:{_FOLLOWED}|the{_GAP}{_ORDERS})", end=""),
    " pay ": rf"pay{_GAP}no{_GAP}",
    " ai ": "",
    " language ": rf"language{_GAP}model\b",
    **_each(
        ("llm", "llms", "gpt", "chatbot", "chatbots", "grader", "graders", "evaluator", "evaluators"), ""
    ),
    **_each(_CALL, _TO_THE_MODEL),
    **_each(("no", "without"), rf"{_GAP}(?:any{_GAP})?(?:restriction|filter|guardrail|censorship)"),
    " what ": rf"what{_GAP}(?:(?:are|is){_GAP})?your{_GAP}",
    " your ": rf"your(?:{_NEW_TASK}|{_GAP}{_FEW}(?:prompt|instruction))",
    **_each(_TOPS, rf"{_GAP}(?:marks?|scores?|grades?)\b"),
    " you ": rf"you{_GAP}(?:{_NOW_YOU}|{_IF_YOU})",
    **dict.fromkeys(
        (" from now", " from here", " from this point", " from today"), rf"from [\w ]{{3,18}}{_GAP}you{_GAP}"
    ),
    **_each(_PLAY, _AS_SOMEBODY),
    **_each(("persona", "identity", "character"), rf"{_GAP}of{_GAP}"),
    **{f"|{word} ": rf"{word}{_GAP}[abc]\b" for word in ("path", "option")},
    **_each(_COPY, _THESE_WORDS),
    **_each(_GRADE, _A_GRADE),
}
"""Folded word → it and what stands behind it; nothing where the word alone is rare enough."""
