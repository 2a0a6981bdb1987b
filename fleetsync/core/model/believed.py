"""What is accepted as true at the moment, before anything is concluded from it.

Every record that passed the guard, the state of every part of a source, the known log-ins and the school-year turnover.
`BelievedState` puts them together and is the core's whole input from the store, so a reconciliation can be repeated.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from fleetsync.core.model.base import FrozenStruct
from fleetsync.core.model.decisions import Correction, DeviceCount, Override, Parking
from fleetsync.core.model.history import CoverageDay, Episode, RunningAssignment, StageSince
from fleetsync.core.model.pulls import ScopeFindings
from fleetsync.core.model.records import RECORD_TYPES, Key, Record
from fleetsync.core.model.vocabulary import CredentialUse, PartRole, RecordType

# The words of the record types: a reconciliation asks a million times, and an enumeration is slow to tell its value.
_TYPE_WORDS = {kind: record_type.value for kind, record_type in RECORD_TYPES.items()}


class BelievedRecord(FrozenStruct, frozen=True, kw_only=True):
    """A record as it is believed now, and since when the source no longer shows it (`domain.md` §2.3)."""

    source: str
    part: str
    record: Record
    own_id: str  # opaque, made by the store with its secret key: the source id cannot be guessed from it
    thing_id: str | None = None  # id of the person or device that it describes
    scope: str | None = None  # the file that it was read from, where a part is several files; None: the whole part
    first_seen: datetime
    absent_since: datetime | None = None
    absent_pulls: int = 0  # complete pulls without it, after the one that set `absent_since`
    gone: bool = False
    last_contact_at: datetime | None = None
    masked: bool = False

    @property
    def type(self) -> RecordType:
        """The record's type."""
        return RECORD_TYPES[type(self.record)]

    @property
    def ref(self) -> tuple[str, str, str]:
        """(source, type, source id): unique among all believed records."""
        return (self.source, _TYPE_WORDS[type(self.record)], self.record.source_id)


class Credential(FrozenStruct, frozen=True):
    """A credential that runs out, such as the yearly token between an MDM and Apple. Its name is never a secret."""

    name: str
    expires_at: datetime
    use: CredentialUse


NOT_THERE = "not there: "
"""What the reason of a part begins with that its system does not have, and that is not needed."""

TRIED_AGAIN = "It is tried again by itself within"
"""What stands in the reason of a failure that may pass by itself."""


class PartState(FrozenStruct, frozen=True, kw_only=True):
    """A configured part of a source, and what its pulls have shown so far."""

    source: str
    part: str
    role: PartRole
    types: tuple[RecordType, ...]
    counts: bool = False  # its memberships give entitlements (`domain.md` §3); else it only confirms what others say
    counts_at: tuple[str, ...] = ()  # the units where it does; empty: everywhere
    expects_mdm: bool = False
    is_directory: bool = False  # holds the accounts with which people log in
    trust: int = 0  # higher first
    expected_every: timedelta = timedelta(days=1)
    disabled: bool = False
    last_attempt_at: datetime | None = None
    last_complete_at: datetime | None = None
    as_of: date | None = None  # the day that its believed content describes; of several files, the oldest
    scope_as_of: Mapping[str, date] = {}
    scope_findings: Mapping[str, ScopeFindings] = {}  # of each scope as it was read last
    held_pull: int | None = None
    reason: str | None = None  # why the last attempt did not change what is believed
    # Of all its scopes: a file that did not change is not read again, and what could not be read in it still cannot.
    drift: int = 0  # values that the connector did not know
    unreadable_rows: int = 0  # rows that could not be read
    unreadable_facts: int = 0  # facts that could not be read
    unreadable_reason: str | None = None  # the most frequent reason of both
    unused_headers: int = 0  # headers that no field took up
    left_files: tuple[str, ...] = ()  # files beside its lists that are none, at the last attempt
    contacts_untold: int = 0  # devices whose last contact was known before and missing in its last complete pull
    credentials: tuple[Credential, ...] = ()  # by name
    first_complete_at: datetime | None = None

    @property
    def name(self) -> str:
        """As commands and messages write it: source/part."""
        return f"{self.source}/{self.part}"

    @property
    def is_not_there(self) -> bool:
        """Whether its system does not have it, which is no failure: it counts nowhere and never gave a record."""
        return self.as_of is None and (self.reason or "").startswith(NOT_THERE)


class Login(FrozenStruct, frozen=True):
    """A key under which a person is or was known.

    `last_seen` is None while the key is theirs, else the instant at which it was found to be theirs no longer. A former
    log-in still leads to its person, so that a device registered under it is recognised.
    """

    key: Key
    person: str
    first_seen: datetime
    last_seen: datetime | None = None

    @property
    def is_current(self) -> bool:
        """Whether the key is still the person's."""
        return self.last_seen is None


class Turnover(FrozenStruct, frozen=True, kw_only=True):
    """The change from one school year to the next, at one instant for the whole municipality (`domain.md` §4).

    `copies` are the memberships as they were on the last school day, and the groups that they name. They are evaluated
    until the year turns. After that they are kept as long as persons must be compared with what they were before.
    """

    first_school_day: date  # of the new school year
    last_school_day: date  # of the old school year
    copied_at: datetime
    turned_at: datetime | None = None
    how: Literal["most", "first_complete", "latest", "by_hand"] | None = None
    copies: tuple[BelievedRecord, ...] = ()


class BelievedState(FrozenStruct, frozen=True, kw_only=True):
    """The core's whole input from the store: the same state always gives the same outcome."""

    known: Sequence[BelievedRecord] = ()
    parts: Sequence[PartState] = ()
    logins: Sequence[Login] = ()
    episodes: Sequence[Episode] = ()  # open ones, and those closed within 24 hours
    assignments: Sequence[RunningAssignment] = ()
    stages: Mapping[str, StageSince] = {}
    coverage: Sequence[CoverageDay] = ()  # of the last 90 days
    # (unit, kind) of every gap there is or was, except those of parts.
    gap_unit_kinds: frozenset[tuple[str, str]] = frozenset()
    overrides: Sequence[Override] = ()
    corrections: Sequence[Correction] = ()
    device_counts: Sequence[DeviceCount] = ()
    parkings: Sequence[Parking] = ()
    turnover: Turnover | None = None  # the newest
    # Counts every time that a person was protected, erased or found to be a child. It only grows.
    privacy_generation: int = 0
    # Counts every transaction that changed what is believed. It only grows.
    revision: int = 0
    # Persons whom a pull marks that is not believed yet: they count as before, and are not shown.
    concealed: frozenset[str] = frozenset()
