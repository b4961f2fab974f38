"""Shows a fine-tune run as a page of Markdown: what it trains on, what it costs, what became of it."""

from ftv4.contracts import Json
from ftv4.render import Templates, render
from ftv4.steps.show import FILTERS


def run_markdown(templates: Templates, answer: Json) -> str:
    """The page of a run, from what `ftv4 ft stage` answers."""
    facts = {
        "title": "Fine-tune plan" if answer["dry_run"] else "Fine-tune run",
        "answer": answer,
        "estimate": answer["estimate"],
        "next": _next(answer),
    }
    return render(templates, "run.md.j2", facts, FILTERS)


def _next(answer: Json) -> str:
    if answer["dry_run"]:
        return "Nothing was sent, and nothing is paid."
    if answer["job_id"] is None:
        return (
            "The provider hasn't looked through its training file yet: no job was asked for. Ask again later."
        )
    if not answer["paid"]:
        return "It was paid for before: this is its job, and nothing more is paid."
    return "It is paid for" + (", and done." if answer["model_id"] else "; its job goes on by itself.")
