"""What a forge makes of Markdown: GitHub's flavour read by markdown-it-py, and words it acts upon."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

READER = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable(
    ["table", "strikethrough", "linkify"]
)
"""CommonMark with tables, strikethrough, raw HTML and bare links, as GitHub reads a page."""

PLACES = {
    "paragraph": "before {} after",
    "alone": "{}",
    "heading": "### {}",
    "item": "- one\n- {}\n  - {}",
    "number": "1. {}",
    "quote": "> {}",
    "cell": "| a | b |\n| --- | ---: |\n| {} | 1 |\n| x | {} |",
    "strong": "**{}** and *{}* and ~~{}~~",
    "link": "[see {}](https://ours.test)",
    "twice": "{} ({}), {} and {}.",
    "lead": "{} begins a line\nand {}\n{} begins another",
    "html": "<details>\n<summary>{}</summary>\n\n{}\n\n</details>",
    "comment": "text\n\n<!-- ours -->\n{}",
}
"""Where templates put strangers' text."""

USER = r"[a-z0-9]+(?:-[a-z0-9]+)*"
REFERENCE = rf"(?:(?:{USER}/[\w.-]+)?#\d+|GH-\d+|https?://[^\s/]+/{USER}/[\w.-]+/(?:issue|pull)s?/\d+)"
ACTS = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        # Dependabot's two, without their exception for a backtick: a reply by mail is read as plain text
        "mention": rf"(?<![a-z0-9~])@{USER}/?",
        "team": rf"(?<![a-z0-9~])@{USER}/{USER}/?",
        "other repository": rf"{USER}/[^/\s#]+(?:#\d+|@[0-9a-f]{{7,40}})",
        "issue": r"(?<![\w&])(?:#|GH-)\d+",
        "link": r"(?:https?|ftp)://[\w.-]+",
        "closing": rf"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b:?\s+{REFERENCE}",
        "skipping": r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]",
        "tag": r"<[a-z/!?]",
    }.items()
}
"""What acts though no Markdown is read: in a mail, in a block of HTML, in a squash commit's message."""

Node = tuple[str, str, str, str]
"""Kind, tag, text, and where it links to."""


def acts(text: str) -> list[str]:
    """What in a text a forge would act upon, were it not Markdown."""
    return [name for name, pattern in ACTS.items() if pattern.search(text)]


def escapes(spans: Mapping[str, str]) -> list[str]:
    """The places, of PLACES, whose span is more than a code span there."""
    if _nodes(_page(spans)) == list(_expected(spans)):
        return []
    alone = [
        place
        for place in spans
        if _nodes(_page({place: spans[place]})) != list(_expected({place: spans[place]}))
    ]
    return alone or ["all together"]


def _page(spans: Mapping[str, str]) -> str:
    return "\n\nnext\n\n".join(PLACES[place].replace("{}", span) for place, span in spans.items())


def _expected(spans: Mapping[str, str]) -> Iterator[Node]:
    """The nodes of the same page with harmless words, and each word replaced by its span's text."""
    for kind, tag, text, link in _harmless(tuple(spans)):
        if kind == "code_inline":
            yield kind, tag, _code(spans[text]), link
        elif kind == "html_block":
            yield kind, tag, re.sub(r"`(\w+)`", lambda found: spans[found[1]], text), link
        else:
            yield kind, tag, text, link


@cache
def _harmless(places: tuple[str, ...]) -> list[Node]:
    return _nodes(_page({place: f"`{place}`" for place in places}))


def _code(span: str) -> str:
    """The text of a code span, as CommonMark takes one space off each side."""
    inner = span[1:-1]
    return inner[1:-1] if inner[:1] == inner[-1:] == " " and inner.strip(" ") else inner


def _nodes(markdown: str) -> list[Node]:
    return list(_walk(READER.parse(markdown)))


def _walk(tokens: Sequence[Token]) -> Iterator[Node]:
    for token in tokens:
        if token.type == "inline":
            yield from _walk(token.children or ())
        else:
            yield (
                token.type,
                token.tag,
                token.content,
                str(token.attrGet("href") or token.attrGet("src") or ""),
            )
