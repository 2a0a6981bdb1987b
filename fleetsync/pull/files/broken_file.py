"""A file that cannot be read, in the place of one that can."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date, datetime
from typing import Any, TypeVar

from fleetsync.pull.contract import Page, RejectedRecord, UnknownValue
from fleetsync.pull.files.rows import MisfitReader, MisfitRow, TableRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file among others that cannot be read: nothing of its scope is believed anew, or taken for absent."""

    name: str
    scope: str
    as_of: date
    modified_at: datetime
    problem: str
    fingerprint: str = ""
    missing_fields: tuple[str, ...] = ()
    suspected_fields: Mapping[str, str] = dataclass_field(default_factory=dict)
    unused_headers: tuple[str, ...] = ()
    taken_headers: Mapping[str, str] = dataclass_field(default_factory=dict)
    left_out: tuple[UnknownValue, ...] = ()

    notes: tuple[str, ...] = ()

    def rows(self, misfits: list[MisfitRow] | None = None) -> Iterator[TableRow]:
        """None."""
        return iter(())

    def records(self, build: Callable[[TableRow], T], misfit: MisfitReader | None = None) -> Iterator[T]:
        """None."""
        return iter(())

    def pages(
        self, build: Callable[[TableRow], Any], scope: str | None = None, misfit: MisfitReader | None = None
    ) -> Iterator[Page]:
        """One page that names the file and why it cannot be read, and takes nothing for absent."""
        rejected = RejectedRecord(self.problem, place=self.name)
        yield Page([], as_of=self.as_of, scope=scope, rejected=(rejected,), file=self.name, is_whole=False)
