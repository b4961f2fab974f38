"""The workflows and actions of a repository, as trees with the comments beside their lines."""

from dataclasses import dataclass
from functools import cache, cached_property

import yaml

from tests.conftest import ROOT

HERE = ".github/workflows/"
ACTIONS = ".github/actions/"


@dataclass(frozen=True)
class Tree:
    """Path → text of all that is below `.github`."""

    texts: dict[str, str]

    @classmethod
    def of(cls, root=ROOT):
        paths = sorted((root / ".github").rglob("*.yml"))
        return cls({path.relative_to(root).as_posix(): path.read_text() for path in paths})

    def with_text(self, path, text):
        """The same but for one file."""
        return Tree({**self.texts, path: text})

    @cached_property
    def documents(self):
        """Path → document."""
        return {path: parsed(text) for path, text in self.texts.items()}

    @property
    def workflows(self):
        """Name of the file → workflow."""
        return {
            path.removeprefix(HERE).removesuffix(".yml"): document
            for path, document in self.documents.items()
            if path.startswith(HERE)
        }

    @property
    def actions(self):
        """Name of the folder → action."""
        return {
            path.removeprefix(ACTIONS).removesuffix("/action.yml"): document
            for path, document in self.documents.items()
            if path.startswith(ACTIONS)
        }

    @property
    def jobs(self):
        """(workflow, job) → job."""
        return {
            (name, job): given
            for name, workflow in self.workflows.items()
            for job, given in workflow["jobs"].items()
        }

    @property
    def steps(self):
        """Each step as (where it is, step), of workflows and of actions."""
        for (workflow, job), given in self.jobs.items():
            for step in given.get("steps", ()):
                yield f"{workflow}.{job}", step
        for name, action in self.actions.items():
            for step in action["runs"]["steps"]:
                yield name, step

    @property
    def privileged(self):
        """The jobs that have more than the right to read, or an environment, or main's trust."""
        return {key: job for key, job in self.jobs.items() if key[0] not in UNTRUSTED}


UNTRUSTED = {"ci", "gate-preview"}
"""Workflows that run the code of a pull request."""


@cache
def parsed(text):
    """A document as it is written: every scalar is text, so that `on` is a key and `true` a word.

    Raises yaml.YAMLError, also for a key that stands twice, of which readers take one or the other.
    """
    return yaml.load(text, _Once)


class _Once(yaml.CBaseLoader):
    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        if len(keys) > len(set(keys)):
            raise yaml.YAMLError(f"a key stands twice: {keys}")
        return super().construct_mapping(node, deep)


def strings(value):
    """All text in a document, keys too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif value is not None:
        yield str(value)
