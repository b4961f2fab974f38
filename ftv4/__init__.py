"""GitOps for fine-tuned models: dataset rows in, a reviewed promotion out.

The journey is `ftv4.steps`, one module a step; what the repository's files say is
`ftv4.contracts`; what is asked of them is `ftv4.gates`; how it is started is `ftv4.cli`.
"""

__version__ = "0.1.0"
