"""Rows that this process has staged, kept until their pull is judged: so they need not be read back and decoded.

They are those of the database only as long as nobody is hidden: then they are read from there.
"""

from collections.abc import Mapping, Sequence
from threading import Lock

import msgspec

from fleetsync.core.model import StagedRow

RowsByRef = dict[tuple[str, str], StagedRow]  # (type, source id) → the row that counts


class _Kept(msgspec.Struct):
    generation: int  # the privacy generation in which all of the rows were staged
    rows: RowsByRef


class StagedRows:
    """By pull. Used by the threads that pull and by the one that judges."""

    def __init__(self) -> None:
        self._by_pull: dict[int, _Kept | None] = {}  # None: the rows have to be read
        self._mutex = Lock()

    def add(self, pull: int, rows: Mapping[tuple[str, str], StagedRow], generation: int) -> None:
        """Add *rows* that were staged in a privacy *generation*; they replace those of the same records."""
        with self._mutex:
            kept = self._by_pull.setdefault(pull, _Kept(generation, {}))
            if kept is None or kept.generation != generation:
                self._by_pull[pull] = None
            else:
                kept.rows.update(rows)

    def find(self, pull: int, generation: int) -> Sequence[StagedRow] | None:
        """All rows of *pull* by (type, source id), if they are known and nobody was hidden up to *generation*."""
        with self._mutex:
            kept = self._by_pull.get(pull)
        if kept is None or kept.generation != generation:
            return None
        return [row for _, row in sorted(kept.rows.items())]

    def distrust(self, pull: int) -> None:
        """Let the rows of *pull* be read from the database from now on."""
        with self._mutex:
            self._by_pull[pull] = None

    def forget(self, pull: int) -> None:
        """Keep nothing of *pull* any more."""
        with self._mutex:
            self._by_pull.pop(pull, None)
