"""`python -m ftv4`, and the `ftv4` command."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C is an answer even before it is read."""
    try:
        from ftv4.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
