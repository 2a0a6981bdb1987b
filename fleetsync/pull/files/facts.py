"""The facts of a row that can be read; those that cannot cost themselves and not the row.

facts = RowFacts(row)
warranty_until = facts.day("warranty", "warranty_until")
unreadable = facts.unreadable
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from fleetsync.pull.contract import FileRow, RecordError, UnreadableFact
from fleetsync.pull.files.headers import field_label

T = TypeVar("T")


class RowFacts:
    """*unreadable*: the facts that were filled in and could not be read, by the record's names of its fields."""

    def __init__(self, row: FileRow) -> None:
        self._row = row
        self._unreadable: list[UnreadableFact] = []

    @property
    def unreadable(self) -> tuple[UnreadableFact, ...]:
        return tuple(self._unreadable)

    def day(self, column: str, field: str) -> date | None:
        """The day in *column*, which is *field* of the record."""
        return self.fact(column, field, self._row.day, column)

    def amount(self, column: str, field: str) -> Decimal | None:
        """The number in *column*."""
        return self.fact(column, field, self._row.amount, column)

    def boolean(self, column: str, field: str) -> bool | None:
        """Yes or no in *column*."""
        return self.fact(column, field, self._row.boolean, column)

    def fact(self, column: str, field: str, read: Callable[..., T | None], *arguments: Any) -> T | None:
        """What *read* gives for *arguments*; None, and noted, where it raises RecordError."""
        try:
            return read(*arguments)
        except RecordError as error:
            self.note(field, str(error).removeprefix(f"{field_label(column)} "))
            return None

    def note(self, field: str, reason: str) -> None:
        """Notes that *field* could not be read."""
        self._unreadable.append(UnreadableFact(field, reason, self._row.place))
