"""`ftv4 explain`: what a rule wants, why, and what to do."""

from itertools import groupby
from typing import TYPE_CHECKING

import click

from ftv4.cli.options import format_option, print_json, repository
from ftv4.cli.say import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ftv4.contracts.findings import Page


@click.command()
@click.argument("rule", required=False)
@format_option
@click.pass_context
def explain(ctx: click.Context, rule: str | None, form: str) -> None:
    """Tell what a RULE of the gates wants, why, and what to do; without one, list them all.

    Numbers are those of the repository's policy.
    """
    from ftv4.steps.explain import page, pages

    policy = repository(ctx).policy()
    told = [page(rule, policy)] if rule else list(pages(policy))
    if form == "json":
        plain = [one.model_dump(mode="json") for one in told]
        print_json(plain[0] if rule else plain)
    elif rule:
        _print_page(told[0])
    else:
        _print_list(told)


def _print_page(page: "Page") -> None:
    say(f"{page.rule}: {page.severity}, {page.gate}\n")
    say(f"wants  {page.wants}\nwhy    {page.why}\nbad    {page.bad}\ngood   {page.good}\nfix    {page.fix}")
    for member, value in page.policy.items():
        say(f"policy {member} = {_short(value)}")


def _print_list(pages: "Sequence[Page]") -> None:
    width = max(len(page.rule) for page in pages)
    for gate, rules in groupby(pages, lambda page: page.gate):
        say(gate)
        for page in rules:
            say(f"  {page.rule:{width}}  {page.severity:7}  {page.wants}")


def _short(value: object) -> str:
    if isinstance(value, (list, dict)):
        return f"{len(value)} entries"
    return str(value)
