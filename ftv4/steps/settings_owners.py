"""Whether a path has owners by a CODEOWNERS file: the last line that matches it says so, as on GitHub.

Patterns are those of gitignore, but that `docs/*` stops at the files of `docs`.
"""

import re

_WILD = {"/**/": "/(?:.*/)?", "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_PART = re.compile(r"(/\*\*/|\*\*/|\*\*|\*|\?)")


def has_owners(path: str, text: str) -> bool:
    """Whether somebody owns a file; a line without owners takes away what lines before it gave."""
    owned = False
    for line in text.splitlines():
        pattern, *owners = line.partition("#")[0].split() or [""]
        if pattern and _expression(pattern).fullmatch(path):
            owned = any("@" in owner for owner in owners)
    return owned


def _expression(pattern: str) -> re.Pattern[str]:
    """What a pattern matches, of whole paths that begin without a slash."""
    anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    inner = "".join(_WILD.get(part, re.escape(part)) for part in _PART.split(pattern.strip("/")))
    below = "/.+" if pattern.endswith("/") else "" if pattern.endswith("/*") else "(?:/.+)?"
    return re.compile(f"{anywhere}{inner}{below}", re.DOTALL)
