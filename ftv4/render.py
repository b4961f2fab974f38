"""Fills the files of `templates/`; a fact that a template names and wasn't given is an error."""

from collections.abc import Callable

from ftv4.contracts import Json
from ftv4.errors import ContractError

Templates = Callable[[str], str]
"""Path below `templates/` → what the file says."""


def render(
    templates: Templates, template: str, facts: Json, filters: dict[str, Callable[..., str]] | None = None
) -> str:
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
    )
    environment.filters.update(filters or {})
    try:
        return environment.get_template(template).render(**facts)
    except jinja2.TemplateSyntaxError as error:
        raise ContractError(f"templates/{template}:{error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise ContractError(f"templates/{template}: {error.message}") from None
