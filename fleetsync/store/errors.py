"""Errors of the store, by remedy. The texts are for people and contain no secret and no person."""

TRIED_AGAIN = "The daemon tries again by itself; run a command again"


class StoreError(Exception):
    """Something the store was asked for cannot be done. The text says what, to what, and what to do next."""


class StoreRefused(StoreError):
    """A person must act: the database's address, its version, a file or a folder is wrong."""


class DatabaseDamaged(StoreRefused):
    """The content of the database called *name* is no longer what was written."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: is damaged. Restore the latest sound copy: fleetsync db restore FILE")


class StoreUnavailable(StoreError):
    """The database cannot be read or written at present: the disk gave an error. Tried again by itself."""


class DiskFull(StoreUnavailable):
    """There is no room for the database, or for a copy of it."""


class DatabaseLocked(StoreUnavailable):
    """Another program keeps the database's lock."""


class LeaseLost(StoreUnavailable):
    """Another daemon pulls by the schedule now, so that what this one had begun must not be written any more."""


class PartBusy(StoreError):
    """Try later: another process, or another thread of this one, is pulling or deciding the part right now."""


class StaleReconciliation(StoreError):
    """Try again at once: what is believed has changed, or a person was hidden, after the believed state had been read."""


class PullNotHeld(StoreError):
    """The pull that was decided on does not wait for a decision. *newest* is the pull that does, if any: show it first."""

    def __init__(self, message: str, newest: int | None) -> None:
        super().__init__(message)
        self.newest = newest
