"""Entry point of `fleetsync` and `python -m fleetsync`."""

from fleetsync.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
