"""Keeps the memory of a daemon flat, and spares the collector what lasts."""

import gc
from datetime import date


class Memory:
    """Sets apart what lasts, each time that a snapshot is shown.

    A snapshot and the records behind it live until the next ones, have no cycles, and may be a million objects. The
    collector need not look through them. What became garbage meanwhile is freed first; of what was set apart earlier, once a
    day.
    """

    def __init__(self) -> None:
        self._day: date | None = None

    def settle(self, day: date) -> None:
        """Free what is garbage, and set apart what is left. *day*: the one that is shown."""
        if day != self._day:
            gc.unfreeze()
            self._day = day
        gc.collect()
        gc.freeze()
