"""Markdown that strangers wrote, as HTML that can be put on a page.

No tag of theirs survives but bare `details`, `summary` and `br`; comments vanish, images become
links, and the five kinds of alert (`> [!NOTE]`) get their box, as readers of GitHub expect.
"""

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"&lt;(/?(?:details|summary|br)|details open)&gt;")
_ALERT = re.compile(r"<blockquote>\n<p>\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*(?:<br />\s*)?")


def to_html(text: str) -> str:
    """Render Markdown; what comes out is safe to put on a page unescaped."""
    html: str = _renderer().render(text)
    return _ALERT.sub(_alert, html)


def _alert(found: re.Match[str]) -> str:
    kind = found[1].lower()
    return f'<blockquote class="alert {kind}">\n<p class="alert-title">{kind.capitalize()}</p>\n<p>'


@cache
def _renderer() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).disable("image")
    renderer.add_render_rule("html_block", _foreign)
    renderer.add_render_rule("html_inline", _foreign)
    renderer.add_render_rule("link_open", _link)
    return renderer


def _foreign(self: Any, tokens: Sequence["Token"], index: int, options: Any, env: Any) -> str:
    """Foreign HTML as the text it is, but for the tags let through."""
    return _TAG.sub(r"<\1>", escape(_COMMENT.sub("", tokens[index].content)))


def _link(self: Any, tokens: Sequence["Token"], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "nofollow noopener noreferrer")
    html: str = self.renderToken(tokens, index, options, env)
    return html
