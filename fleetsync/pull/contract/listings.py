"""What a connector gives: its parts, pages of raw records, what a raw record can become, and findings of a probe."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeAlias

from fleetsync.core.model import Credential, DroppedKind, PartRole, Record, RecordType

RawRecord: TypeAlias = Any
"""One record as the connector decoded it: its own struct of just the fields it keeps, or a row of a file."""


PERSON_TYPES = frozenset({RecordType.PERSON, RecordType.MEMBERSHIP})


@dataclass(frozen=True, slots=True)
class Part:
    """A listing that is pulled, checked and applied by itself: `Part("devices", (RecordType.DEVICE,))`.

    *role*: the kind of system (roster, MDM, list …); it decides what it means when a device or person is missing from
    the part. *after*: parts of the same connector that are pulled earlier in a run. *expects_mdm*: devices known here
    should be in an MDM too (registers and purchases, not lists). *is_directory*: it holds the accounts with which people log
    in, so that somebody who is missing from it has none. *reads* "some": a pull adds and changes, never marks absent, and
    keeps a bookmark (`Page.mark`). *optional*: `PartMissing` is no failure. *may_be_empty*: many systems have nothing in
    it, so a pull without a record is believed as long as none was believed before. *counts_as*: the part of other kinds
    that it stands in for in `counts`, where its own name says something else. A part without *types* gives credentials
    alone.
    """

    name: str
    types: tuple[RecordType, ...]
    role: PartRole = PartRole.ROSTER
    after: tuple[str, ...] = ()
    expects_mdm: bool = False
    is_directory: bool = False
    reads: Literal["whole", "some"] = "whole"
    optional: bool = False
    may_be_empty: bool = False
    counts_as: str = ""

    @property
    def name_in_counts(self) -> str:
        """What `counts` calls the part."""
        return self.counts_as or self.name

    @property
    def gives_persons(self) -> bool:
        """Whether its records are about persons, so that it is not read where no persons are kept."""
        return not PERSON_TYPES.isdisjoint(self.types)


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """A word of the source that the connector does not know.

    *value* is a word of the source's schema and never personal. People write anything into a cell of a file: see
    `decoding.reportable_word`.
    """

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class UnreadableFact:
    """A field of a record that was filled in and could not be read. The record itself is kept, without the fact.

    The record names the field in `unreadable` too, where it decides something. *reason* never holds a value.
    """

    field: str
    reason: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """A row that was read and is left out on purpose, such as a mailbox among devices. It is counted and shown."""

    kind: DroppedKind


@dataclass(frozen=True, slots=True)
class MarkWord:
    """The word by which a source marks one person as protected, and the field that it stands in.

    A cell of a file may name a person: the word is shown only where it marks many.
    """

    field: str
    word: str


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that could not be decoded; the fields are those of `RecordError`.

    *is_prefix*: *source_id* is what the ids of all records begin with that this may have been, up to a slash.
    """

    reason: str
    place: str = ""
    source_id: str | None = None
    record_type: RecordType | None = None
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class UncertainRecord:
    """A record whose id is made of facts of which one could not be read, such as the first day of an employment.

    *id_prefix*: what the ids of all records begin with that it may be, up to a slash and with it. Where one of those is
    believed and no other row of the pull is it, this row is that record: present and unreadable, and what is believed of it
    stays. Else *record* is new; its own id has a "?" in place of the fact, and its `unreadable` names what cannot be decided.
    *facts*: those of the id, with their places.
    """

    record: Record
    id_prefix: str
    facts: tuple[UnreadableFact, ...] = ()


NormalisedItem: TypeAlias = (
    Record | UncertainRecord | Credential | UnknownValue | UnreadableFact | DroppedRow | MarkWord
)
"""What one raw record can become."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a part's raw records.

    *total*: how many records the part has in all, where the source says so. *as_of*: the day that the content describes;
    None is now. *scope*: what is complete when the pull ends, and so what absence is judged within: None is the part; a
    device list's is its file and unit. *mark*: the bookmark of a part that reads "some". *fingerprint*: of the file it
    came from. *rejected*: records that could not be decoded. *drift*: unknown words outside of any record. *unused_headers*:
    of a file, the headers that no field took up; *file*: its name. *is_whole* False: the scope is there and could not be
    read, so that nothing of it is taken for absent and its day stays.
    """

    raws: Sequence[RawRecord]
    total: int | None = None
    as_of: date | None = None
    scope: str | None = None
    mark: str | None = None
    fingerprint: str | None = None
    rejected: tuple[RejectedRecord, ...] = ()
    drift: tuple[UnknownValue, ...] = ()
    file: str = ""
    unused_headers: tuple[str, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One line of `fleetsync check`: the result for a part (None: for the source), and what to do if it is not *ok*."""

    part: str | None
    ok: bool
    what: str
    remedy: str = ""
