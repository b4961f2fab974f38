"""`ftv4 smoke`: does the pipeline, as it is pinned, still decide?"""

import click

from ftv4.cli.options import format_option, now, print_json, repository
from ftv4.cli.say import say
from ftv4.errors import GateError


@click.command()
@format_option
@click.pass_context
def smoke(ctx: click.Context, form: str) -> None:
    """Run one business through the pipeline as models.json pins it, and check what comes out.

    Nothing is written. Exit code 4 when a check fails.
    """
    from ftv4.cli.clients import connect_provider
    from ftv4.steps.serve import serving_models
    from ftv4.steps.smoke import smoke_test

    where = repository(ctx, needed=True)
    result = smoke_test(where, serving_models(where, lambda name: connect_provider(where, name)), now())
    if form == "json":
        print_json(result)
    else:
        say("\n".join(result.lines()))
    if not result.passed:
        raise GateError("the pipeline, as it is pinned, does not hold")
