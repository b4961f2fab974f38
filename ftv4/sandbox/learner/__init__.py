"""How a sandbox model learns: from its training file alone, by its nearest examples.

`learn(examples)` takes pairs of user and assistant text and gives a `Learned`, which answers a new
user text. It knows nothing of stages or contracts, only of text and JSON.
"""

from ftv4.sandbox.learner.model import Learned, learn

__all__ = ["Learned", "learn"]
