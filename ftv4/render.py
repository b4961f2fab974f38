"""Fills the files of `templates/`; a fact that a template names and wasn't given is an error."""

from collections.abc import Callable
from pathlib import Path

from ftv4.contracts import Json
from ftv4.errors import ContractError


def render(
    root: Path, template: str, facts: Json, filters: dict[str, Callable[..., str]] | None = None
) -> str:
    """Fill `templates/<template>` of a repository, or the packaged one where it has none.

    Facts are data: nothing in them is ever read as a template. Raises ContractError when the
    template is broken or names a fact that wasn't given.
    """
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    packaged = Path(__file__).parent / "defaults" / "templates"
    checkout = Path(__file__).parents[1] / "templates"
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader([root / "templates", packaged, checkout]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; untrusted values pass ftv4.encode first
    )
    environment.filters.update(filters or {})
    try:
        return environment.get_template(template).render(**facts)
    except jinja2.TemplateNotFound as error:
        raise ContractError(f"templates/{error.name}: no such template") from None
    except jinja2.TemplateSyntaxError as error:
        raise ContractError(f"templates/{template}:{error.lineno}: {error.message}") from None
    except jinja2.UndefinedError as error:
        raise ContractError(f"templates/{template}: {error.message}") from None
