"""Remembers what is believed and the outcome that was recorded last, so that a daemon does not read them back.

The database says by a number whether anybody else has changed it since (`store/ledger/revision.py`); then everything is
read again. Values are immutable and replaced whole, so any thread may ask.
"""

from collections.abc import Sequence

import msgspec

from fleetsync.core.model import BelievedState, Outcome, PartState
from fleetsync.store.ledger import Ledger, RecordingResult


class _Remembered(msgspec.Struct, frozen=True):
    """What was believed at one revision, and the outcome that the tables hold there; None: it is not known."""

    believed: BelievedState
    outcome: Outcome | None = None


class BeliefMemory:
    """What one process knows of one database."""

    def __init__(self) -> None:
        self._remembered: _Remembered | None = None

    def read(self, ledger: Ledger, parts: Sequence[PartState]) -> BelievedState:
        """What is believed now, with the states of *parts*. Only what has changed is read."""
        remembered = self._remembered
        believed = ledger.believed(parts, None if remembered is None else remembered.believed)
        is_unchanged = remembered is not None and believed.revision == remembered.believed.revision
        self._remembered = _Remembered(believed, remembered.outcome if remembered and is_unchanged else None)
        return believed

    @property
    def recorded_outcome(self) -> Outcome | None:
        """The outcome that the tables held when what is believed was last read; None: they have to be read."""
        return None if self._remembered is None else self._remembered.outcome

    def keep(self, recorded: RecordingResult, outcome: Outcome) -> None:
        """Remember what is believed once *outcome* is recorded."""
        believed = recorded.believed
        self._remembered = None if believed is None else _Remembered(believed, outcome)

    def forget(self) -> None:
        """Read everything next time."""
        self._remembered = None
