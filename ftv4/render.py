"""Fills the files of `templates/`; a fact that a template names and wasn't given is an error."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from ftv4.contracts import Json
from ftv4.errors import ContractError

if TYPE_CHECKING:
    from types import CodeType

    from jinja2.bccache import Bucket, BytecodeCache

Filter = Callable[..., str]
Templates = Callable[[str], str]
"""Path below `templates/` → what the file says."""


def render(templates: Templates, template: str, facts: Json, filters: dict[str, Filter] | None = None) -> str:
    """Fill a template; `templates` reads it, and those it includes: `Repository.template`.

    Facts are data: nothing in them is ever read as a template. Raises ContractError when the
    template is broken or names a fact that wasn't given.
    """
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FunctionLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; untrusted values pass ftv4.encode first
        bytecode_cache=_compiled(frozenset((filters or {}).items())),
    )
    environment.filters.update(filters or {})
    try:
        return environment.get_template(template).render(**facts)
    except jinja2.TemplateSyntaxError as error:
        raise ContractError(f"templates/{template}:{error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise ContractError(f"templates/{template}: {error.message}") from None


@lru_cache(maxsize=16)
def _compiled(filters: frozenset[tuple[str, Filter]]) -> "BytecodeCache":
    """What templates were compiled to with these filters: that takes longer than to fill them."""
    from jinja2 import BytecodeCache

    codes: dict[tuple[str, str], CodeType | None] = {}

    class Compiled(BytecodeCache):
        def load_bytecode(self, bucket: "Bucket") -> None:
            bucket.code = codes.get((bucket.key, bucket.checksum))

        def dump_bytecode(self, bucket: "Bucket") -> None:
            codes[bucket.key, bucket.checksum] = bucket.code

    return Compiled()
