"""`python -m ftv4`, and the `ftv4` command."""

import atexit
import gc
import sys

SELDOM = (100_000, 20, 20)
"""New objects, and collections of each generation, from one garbage collection to the next."""


def main() -> None:
    """Run the command line; Ctrl-C is an answer even before it is read.

    To look for garbage among what was imported, and once more at the end, takes a quarter of a short run.
    """
    gc.set_threshold(*SELDOM)
    atexit.register(gc.freeze)
    try:
        from ftv4.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
