"""Finds open pull requests whose head has no verdict: an event was lost, or a report didn't get through.

The safety net under verdict.yml (threats-and-faults.md §4): what is found is judged the way it would have
been. It is bounded, and who comes first changes with the clock, so that a pull request that can't be judged
keeps no other waiting.
"""

from datetime import datetime, timedelta
from itertools import islice

from ftv4.clients.forge import Forge
from ftv4.steps.pull_report import CONTEXT

QUIET = timedelta(minutes=10)
"""How long nothing has happened to it: before that, a verdict is on its way."""
MOST = 5
"""Pull requests that are judged after one round."""
LOOKS = 40
"""Heads that are looked at in one round; each is a call of the API, of which a round may make 200."""
TURN = 1800
"""Seconds after which others come first, as a round has it."""


def unjudged(forge: Forge, base: str, now: datetime) -> list[int]:
    """Numbers of pull requests to a branch that wait for a verdict, at most `MOST`. Raises ServiceError."""
    quiet = [pull for pull in forge.pulls(base=base) if now - (pull.updated_at or now) >= QUIET]
    first = int(now.timestamp()) // TURN * MOST % max(len(quiet), 1)
    in_turn = [*quiet[first:], *quiet[:first]][:LOOKS]
    waiting = (pull.number for pull in in_turn if not forge.has_status(pull.head_sha, CONTEXT))
    return sorted(islice(waiting, MOST))
