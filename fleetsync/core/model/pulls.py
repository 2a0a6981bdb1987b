"""One pull: an attempt to read one part of a source completely, and what it would change.

A pull is staged as differences from what is believed, then judged by `fleetsync.core.guard`, then applied or held.
These values describe it in each of those steps; they do not judge it.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from fleetsync.core.model.base import FrozenStruct, Text
from fleetsync.core.model.records import Record
from fleetsync.core.model.vocabulary import RecordType


class Verdict(StrEnum):
    """The result of a pull. Only `complete` changes what is believed."""

    COMPLETE = "complete"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    HELD = "held"


class RowChange(StrEnum):
    """How a staged row changes what is believed."""

    PUT = "put"  # new, or its fingerprint differs
    RETURN = "return"  # was absent, and is there again unchanged
    CONTACT = "contact"  # only the last contact moved
    ABSENT = "absent"  # believed and not gone, and missing in this complete pull


class StagedRow(FrozenStruct, frozen=True, kw_only=True):
    """One difference between a pull and what is believed."""

    change: RowChange
    type: RecordType
    source_id: str
    scope: str | None = None
    record: Record | None = None  # of PUT
    fingerprint: int = 0  # keyed hash of the kept fields before masking, and of whether the row was masked
    read_fingerprint: int | None = None  # keyed hash of the row that the record is of, its contact left out
    own_id: str = ""
    last_contact_at: datetime | None = None
    masked: bool = False

    @property
    def ref(self) -> tuple[str, str]:
        """(type, source id): unique within a part."""
        return (self.type.value, self.source_id)


class ScopeFindings(FrozenStruct, frozen=True, kw_only=True):
    """What could not be read or was not understood when a scope was read last: by *pull*, or 0 where several are summed."""

    pull: int = 0
    rejected: Mapping[str, int] = {}  # rows that could not be read, by reason
    unreadable_facts: Mapping[str, int] = {}  # facts that could not be read, by "field: reason"
    unused_headers: Mapping[str, tuple[str, ...]] = {}  # file → headers that no field took up
    drift: Mapping[str, int] = {}  # "field=value" the connector did not know


class ReadFingerprint(NamedTuple):
    """A believed record whose row differs from the one it was read from last, in nothing that is kept."""

    read_fingerprint: int | None  # None: the next pull judges it anew
    type: str
    source_id: str
    fingerprint: int  # of what is believed; with another one, this says nothing


class PulledScope(FrozenStruct, frozen=True, kw_only=True):
    """What a pull read completely: the whole part (name ""), or one file of it. `as_of` is the day it describes."""

    name: str = ""
    as_of: date
    fingerprint: str | None = None  # of a file's content
    findings: ScopeFindings = ScopeFindings()
    judged_under: str | None = None  # what decided how all of its records are stored; None: not the same for all


class UnreadableRow(FrozenStruct, frozen=True, kw_only=True):
    """A row of a pull that could not be read, or one fact of it. Never holds a value from the source.

    `place` says where a person finds it: "personal_2026-11-24.csv line 17", or the id that the source gave the record.
    """

    place: str
    reason: str
    fact: str | None = None  # the field that could not be read; None: the whole row


class PullEffect(FrozenStruct, frozen=True, kw_only=True):
    """A finished pull of a part: which records it would write and which it would mark absent."""

    pull: int
    source: str
    part: str
    started_at: datetime
    scopes: tuple[PulledScope, ...]
    rows: tuple[StagedRow, ...]
    seen: int  # number of records, duplicates not counted
    duplicates: int = 0
    contacts_untold: int = 0  # devices without a last contact in this pull, for which one is believed
    rejected: Mapping[str, int] = {}  # rows that could not be read, by reason
    unreadable_facts: Mapping[str, int] = {}  # facts that could not be read, by "field: reason"
    unreadable: tuple[UnreadableRow, ...] = ()  # the first of both, with their places
    unused_headers: Mapping[str, tuple[str, ...]] = {}  # file → headers that no field took up
    dropped: Mapping[str, int] = {}  # rows left out on purpose, by `DroppedKind`
    seen_by_type: Mapping[str, int] = {}  # `seen` by record type; not stored
    newly_marked: int = 0  # persons whom this pull found to be protected, and who were not before
    # Tokens of persons whom it marks and who are protected for good only once the pull is believed: they are many.
    pending_marks: frozenset[str] = frozenset()
    # Whose wrong mark it ended: that numbers move by them was decided.
    released_persons: int = 0
    mark_words: Mapping[str, int] = {}  # "field=word" by which many persons are marked
    conflicting_duplicates: int = 0  # ids that came more than once with different content
    drift: Mapping[str, int] = {}  # "field=value" the connector did not know
    is_first: bool = False
    reads_some: bool = False  # the part is read piece by piece: it adds and changes, and never marks absent
    mark: str | None = None  # where the next pull of such a part goes on


class PullLimits(FrozenStruct, frozen=True, kw_only=True):
    """How much a pull may change before a person must approve it (`domain.md` §2.2, §2.3). Ratios are 0..1."""

    max_shrink_ratio: float = 0.1
    turnover_max_shrink_ratio: float = 0.5
    max_growth_ratio: float = 0.25
    max_rejected_ratio: float = 0.1
    allow_empty: bool = False
    may_begin_empty: bool = False  # nothing was believed yet, and many systems have nothing there
    grace_pulls: int = 2
    grace_hours: float = 20.0

    def without_grace(self) -> "PullLimits":
        """The same, with what a pull lacks gone at once: a person has confirmed that it is."""
        return msgspec.structs.replace(self, grace_pulls=0, grace_hours=0.0)


class HoldReason(FrozenStruct, frozen=True):
    """Why a pull is held: the rule ("shrink", "per_unit", …) and a sentence with what, how many and the limit."""

    rule: str
    text: Text
