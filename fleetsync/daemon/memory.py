"""Keeps the memory of a daemon low and flat, and spares the collector what lasts."""

import ctypes
import gc
from datetime import date

_ARENA_MAX = -8  # M_ARENA_MAX of mallopt(3)


class Memory:
    """Sets apart what lasts, each time that a snapshot is shown, and gives back to the system what is free.

    A snapshot and the records behind it live until the next ones, have no cycles, and may be a million objects. The
    collector need not look through them. What became garbage meanwhile is freed first; of what was set apart earlier, once a
    day.
    """

    def __init__(self) -> None:
        self._allocator = ctypes.CDLL(None)
        if hasattr(self._allocator, "mallopt"):
            # By default each thread that pulls gets an area of its own, which keeps what was free in it.
            self._allocator.mallopt(_ARENA_MAX, 1)
        self._day: date | None = None

    def settle(self, day: date) -> None:
        """Free what is garbage, and set apart what is left. *day*: the one that is shown."""
        if day != self._day:
            gc.unfreeze()
            self._day = day
        gc.collect()
        gc.freeze()

    def give_back(self) -> None:
        """Give memory that is free back to the system, once the work is done.

        The C library keeps it otherwise, in case it is needed again: after a run that is an eighth of the daemon, for an
        hour. A library without this function (musl) gives memory back by itself.
        """
        if hasattr(self._allocator, "malloc_trim"):
            self._allocator.malloc_trim(0)
