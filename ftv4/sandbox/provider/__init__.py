"""The sandbox provider: what the OpenAI API does for fine-tuning and serving, on this machine.

`provider_app(folder)` is an ASGI app that the unmodified openai SDK talks to. Its state is one
SQLite file below `folder`; its models learn from their training files (`ftv4.sandbox.learner`).
Beside the API, `/_sandbox/faults` scripts what goes wrong and `/_sandbox/log` tells what was asked.
"""

from ftv4.sandbox.provider.app import provider_app

__all__ = ["provider_app"]
