"""Why the store says no, by remedy. The texts are for people and hold no secret and no person."""


class StoreError(Exception):
    """Something the store was asked for cannot be done. The text says what, to what, and what to do next."""


class StoreRefused(StoreError):
    """A person must act: the database's address, its version, a file or a folder is wrong."""


class PartBusy(StoreError):
    """Try later: another process, or another thread of this one, is pulling or deciding the part right now."""


class StaleReconciliation(StoreError):
    """Try again at once: somebody was protected, erased or found to be a child after what was believed had been read."""


class PullNotHeld(StoreError):
    """The pull that was decided on is not the one that waits. *newest* is the one that does, if any: show it first."""

    def __init__(self, message: str, newest: int | None) -> None:
        super().__init__(message)
        self.newest = newest
