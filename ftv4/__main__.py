"""`python -m ftv4`, and the `ftv4` command."""

from ftv4.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
