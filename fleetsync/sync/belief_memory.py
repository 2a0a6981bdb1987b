"""Remembers what is believed and the outcome that was recorded last, so that a daemon does not read them back.

The database says by a number whether anybody else has changed it since (`store/ledger/revision.py`); then everything is
read again. Its values are immutable, and replaced whole.
"""

from collections.abc import Sequence

from fleetsync.core.coverage import Reconciliation
from fleetsync.core.model import BelievedState, Outcome, PartState
from fleetsync.store.ledger import Ledger, RecordingResult


class BeliefMemory:
    """What one process knows of one database."""

    def __init__(self) -> None:
        self._believed: BelievedState | None = None
        self._reconciliation: Reconciliation | None = None

    def read(self, ledger: Ledger, parts: Sequence[PartState]) -> BelievedState:
        """What is believed now, with the states of *parts*. Only what has changed is read."""
        before = self._believed
        believed = ledger.believed(parts, before)
        if before is None or believed.revision != before.revision:
            self._reconciliation = None
        self._believed = believed
        return believed

    @property
    def reconciliation(self) -> Reconciliation | None:
        """The one that was recorded last, if nobody has written since; None: it is not known."""
        return self._reconciliation

    @property
    def recorded_outcome(self) -> Outcome | None:
        """The outcome that the tables hold; None: they have to be read."""
        return None if self._reconciliation is None else self._reconciliation.outcome

    def keep(self, recorded: RecordingResult, reconciliation: Reconciliation) -> None:
        """Remember what is believed once *reconciliation* is recorded."""
        self._believed = recorded.believed
        self._reconciliation = None if recorded.believed is None else reconciliation
