"""The tables: one schema for every database we run on.

No statement is built here, and nothing that only one database understands. A change here needs a migration beside it.
Personal data lives in `record`, `staged_record`, `person`, `membership`, `login`, the intervals and what people
entered; `coverage`, `counter`, `reconciliation` and `pull` hold none and outlive them.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    false,
)
from sqlalchemy import Text as Words
from sqlalchemy.types import TypeDecorator

from fleetsync.core.model import Refusal, Text

metadata = MetaData(
    naming_convention={
        # Unnamed constraints cannot be dropped where a table is rebuilt to alter it.
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


CACHED = 1 << 14


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept in UTC: not every database keeps the zone, and a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant must be aware: a naive one means another moment on every machine")
        return value and value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        read = self.impl_instance.result_processor(dialect, coltype)

        # Most rows share their instants, which are those of pulls: a cache saves the time and the copies.
        @lru_cache(maxsize=CACHED)
        def aware(value: Any) -> datetime | None:
            instant: datetime | None = read(value) if read else value
            if instant is None:
                return None
            return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)

        return aware


class Unsigned64(TypeDecorator[int]):
    """A fingerprint, 0 .. 2**64 - 1, in a signed column."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        if value is not None and not 0 <= value < 1 << 64:
            raise ValueError("a fingerprint must be an unsigned number of 64 bits")
        return value if value is None or value < 1 << 63 else value - (1 << 64)

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        return value if value is None else value & ((1 << 64) - 1)


class Packed(TypeDecorator[Any]):
    """A small immutable value of ours as JSON text: groups of a set, a sentence in two languages."""

    impl = Words
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        decode = msgspec.json.Decoder(self.kind).decode

        @lru_cache(maxsize=CACHED)
        def unpacked(value: str | None) -> Any:
            return None if value is None else decode(value)

        return unpacked


Names = Packed(tuple[str, ...])
Counts = Packed(tuple[tuple[str, int], ...])
Sentence = Packed(Text)


def _words(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Words, nullable=null)


def _instant(name: str, *, null: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=null)


def _truth(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


# --- pulls -----------------------------------------------------------------------------------------------------------

pull = Table(
    "pull",
    metadata,
    Column("id", Integer, primary_key=True),
    _words("source"),
    _words("part"),
    _instant("started_at"),
    _instant("finished_at", null=True),  # None: still reading, or the process died
    _words("verdict", null=True),  # None: not judged yet
    _words("reason", null=True),
    _number("requests"),
    _number("seen"),
    _number("duplicates"),
    _number("contacts_untold"),
    _number("puts"),
    _number("returns"),
    _number("contacts"),
    _number("absences"),
    Column("rejected", Counts, nullable=False),
    Column("drift", Counts, nullable=False),
    _truth("is_first"),
    _truth("reads_some"),
    _words("mark", null=True),
    Column("refusals", Packed(tuple[Refusal, ...]), nullable=False),
    _words("decision", null=True),  # of a held one: accepted, rejected, dissolved, followed
    _words("decided_by", null=True),
    _instant("decided_at", null=True),
    _words("decision_reason", null=True),
    Index(None, "source", "part", "started_at"),
)

pull_scope = Table(
    "pull_scope",
    metadata,
    Column("pull_id", ForeignKey("pull.id", ondelete="CASCADE"), primary_key=True),
    Column("scope", Words, primary_key=True),  # "": the part
    Column("as_of", Date, nullable=False),
    _words("fingerprint", null=True),
)

staged_record = Table(
    "staged_record",
    metadata,
    Column("pull_id", ForeignKey("pull.id", ondelete="CASCADE"), primary_key=True),
    Column("type", Words, primary_key=True),
    Column("source_id", Words, primary_key=True),
    _words("change"),
    _words("scope", null=True),
    _words("body", null=True),
    Column("fingerprint", Unsigned64, nullable=False),
    _words("own_id"),
    _instant("last_contact_at", null=True),
    _truth("masked"),
)

# What the pulls of a part have come to; it survives the retention of the pulls themselves.
part_state = Table(
    "part_state",
    metadata,
    Column("source", Words, primary_key=True),
    Column("part", Words, primary_key=True),
    _instant("last_attempt_at", null=True),
    _instant("last_complete_at", null=True),
    _instant("first_complete_at", null=True),
    Column("complete_pull", Integer),
    Column("held_pull", Integer),
    _words("mark", null=True),
    _words("reason", null=True),
    Column("drift", Integer, nullable=False, server_default="0"),
    _number("contacts_untold"),
)

credential = Table(
    "credential",
    metadata,
    Column("source", Words, primary_key=True),
    Column("part", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    _instant("expires_at"),
)

part_scope = Table(
    "part_scope",
    metadata,
    Column("source", Words, primary_key=True),
    Column("part", Words, primary_key=True),
    Column("scope", Words, primary_key=True),
    Column("as_of", Date, nullable=False),
    _words("fingerprint", null=True),
)

# --- what is believed --------------------------------------------------------------------------------------------------

record = Table(
    "record",
    metadata,
    Column("id", Integer, primary_key=True),
    _words("source"),
    _words("part"),
    _words("type"),
    _words("source_id"),
    _words("scope", null=True),
    _words("own_id"),
    _words("thing_id", null=True),
    Column("fingerprint", Unsigned64, nullable=False),
    _words("body"),
    _instant("first_seen"),
    _instant("changed_at"),
    _instant("absent_since", null=True),
    _number("absent_pulls"),
    _truth("gone"),
    _truth("masked"),
    UniqueConstraint("source", "part", "type", "source_id"),
)

# Apart, since it moves daily on nearly every device while nothing else does.
contact = Table(
    "contact",
    metadata,
    Column("record_id", ForeignKey("record.id", ondelete="CASCADE"), primary_key=True),
    _instant("last_contact_at"),
)

# --- the outcome, for people who query it ------------------------------------------------------------------------------

# No last contact here: a join over record.thing_id gives it, and these rows stay unwritten while devices check in.
device = Table(
    "device",
    metadata,
    Column("id", Words, primary_key=True),
    _words("serial", null=True),
    _words("manufacturer", null=True),
    _words("model", null=True),
    _words("platform"),
    _words("form_factor"),
    _words("os_version", null=True),
    _words("os_edition", null=True),
    _words("asset_tag", null=True),
    _words("ownership", null=True),
    Column("managed", Boolean),
    _words("compliance", null=True),
    Column("encrypted", Boolean),
    _instant("enrolled_at", null=True),
    Column("purchased_on", Date),
    Column("warranty_until", Date),
    Column("support_until", Date),
    _words("holder", null=True),
    _words("purpose"),
    _words("unit"),
    Column("serves", Names, nullable=False),
    _words("stage", null=True),
    _instant("stage_since"),
    _truth("works"),
    _truth("ours"),
    Column("secure", Boolean),
    _truth("masked"),
)

person = Table(
    "person",
    metadata,
    Column("id", Words, primary_key=True),
    _words("name", null=True),
    _words("unit"),
    Column("groups", Names, nullable=False),
    _words("school_form", null=True),
    Column("grade_index", Integer),
    Column("began_on", Date),
    Column("ends_on", Date),
    Column("ended_on", Date),
    Column("starts_on", Date),
    _truth("counted"),
    _truth("has_login"),
    _truth("is_child"),
    _truth("masked"),
)

unit = Table(
    "unit",
    metadata,
    Column("slug", Words, primary_key=True),
    _words("name"),
    Column("codes", Names, nullable=False),
    Column("school_forms", Names, nullable=False),
    _truth("published"),
)

membership = Table(
    "membership",
    metadata,
    Column("source", Words, primary_key=True),
    Column("part", Words, primary_key=True),
    Column("source_id", Words, primary_key=True),
    _words("person"),
    _words("membership"),
    Column("codes", Names, nullable=False),
    _words("group_id", null=True),
    _words("school_form", null=True),
    Column("year", Integer),
    _words("employment_form", null=True),
    Column("share", Float),
    Column("start_on", Date),
    Column("end_on", Date),
    Column("leave_from", Date),
    Column("leave_to", Date),
)

login = Table(
    "login",
    metadata,
    Column("scheme", Words, primary_key=True),
    Column("namespace", Words, primary_key=True),
    Column("value", Words, primary_key=True),
    Column("person", Words, primary_key=True),
    _instant("first_seen"),
    _instant("last_seen"),
)

# --- intervals of knowledge, [since, until); until None: it is known now ----------------------------------------------

owed = Table(
    "owed",
    metadata,
    Column("id", Integer, primary_key=True),
    _words("entitlement"),
    _words("subject"),
    _words("subject_id"),
    _words("unit"),
    Column("groups", Names, nullable=False),
    Column("count", Integer, nullable=False),
    Column("heads", Integer, nullable=False),
    _truth("decidable"),
    Column("reason", Sentence, nullable=False),
    _instant("since"),
    _instant("until", null=True),
    Index(None, "until", "since"),
    Index(None, "subject_id"),
)

assignment = Table(
    "assignment",
    metadata,
    Column("id", Integer, primary_key=True),
    _words("device"),
    _words("by"),
    _words("entitlement"),
    _words("subject_id"),
    _words("unit"),
    Column("groups", Names, nullable=False),
    _truth("works"),
    Column("reason", Sentence, nullable=False),
    _instant("assigned_at"),  # of the assignment, which may have stopped and begun to work since
    _truth("known_before"),
    _instant("since"),
    _instant("until", null=True),
    Index(None, "until", "since"),
    Index(None, "device"),
    Index(None, "subject_id"),
)

gap = Table(
    "gap",
    metadata,
    Column("id", Integer, primary_key=True),
    _words("kind"),
    _words("subject"),
    _words("subject_id"),
    _words("unit"),
    _instant("opened_at"),  # of the episode, which may have closed and opened again since
    _truth("known_before"),
    Column("parked_until", Date),
    Column("reason", Sentence, nullable=False),
    _instant("since"),
    _instant("until", null=True),
    Index(None, "until", "since"),
    Index(None, "subject_id"),
)

# --- numbers without personal data -------------------------------------------------------------------------------------

coverage = Table(
    "coverage",
    metadata,
    Column("day", Date, primary_key=True),
    Column("unit", Words, primary_key=True),
    Column("entitlement", Words, primary_key=True),
    _number("entitled"),
    _number("heads"),
    _number("assigned_own"),
    _number("assigned_set"),
    _number("assigned_pool"),
    _number("covered_own"),
    _number("covered_set"),
    _number("covered_pool"),
    _number("unknown"),
    _number("surplus"),
    _number("undecided"),
    _number("on_leave"),
    _number("working_devices"),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("id", Integer, primary_key=True),
    _instant("at"),
    Column("day", Date, nullable=False),
    Column("pulls", Packed(tuple[int, ...]), nullable=False),
    _words("policy_fingerprint"),
    Column("duration_seconds", Float, nullable=False),
)

counter = Table(
    "counter",
    metadata,
    Column("name", Words, primary_key=True),
    Column("label", Words, primary_key=True),
    Column("total", BigInteger, nullable=False),
)

# --- what people decided, and what follows from it ---------------------------------------------------------------------

correction = Table(
    "correction",
    metadata,
    Column("device", Words, primary_key=True),
    Column("field", Words, primary_key=True),
    _words("value"),
    Column("until", Date),
    _words("reason"),
    _words("who"),
    _instant("at"),
)

override = Table(
    "override",
    metadata,
    Column("id", Integer, primary_key=True),
    _words("serial", null=True),
    _words("login_scheme", null=True),
    _words("login_namespace", null=True),
    _words("login_value", null=True),
    _words("person_scheme"),
    _words("person_namespace"),
    _words("person_value"),
    Column("until", Date),
    _words("who"),
    _instant("at"),
)

parked = Table(
    "parked",
    metadata,
    Column("kind", Words, primary_key=True),
    Column("subject_id", Words, primary_key=True),
    Column("until", Date, nullable=False),
    _words("reason"),
    _words("who"),
    _instant("at"),
)

turnover = Table(
    "turnover",
    metadata,
    Column("first_school_day", Date, primary_key=True),  # of the year that is turned to
    Column("last_school_day", Date, nullable=False),  # of the year that ends
    _instant("copied_at"),
    _instant("turned_at", null=True),
    _words("how", null=True),
)

turnover_membership = Table(
    "turnover_membership",
    metadata,
    Column("first_school_day", ForeignKey("turnover.first_school_day", ondelete="CASCADE"), primary_key=True),
    Column("source", Words, primary_key=True),
    Column("part", Words, primary_key=True),
    Column("type", Words, primary_key=True),  # membership, or a group that one names
    Column("source_id", Words, primary_key=True),
    _words("body"),
    _truth("masked"),
)

unit_state = Table(
    "unit_state",
    metadata,
    Column("unit", Words, primary_key=True),
    _instant("published_at"),
    _words("published_by"),
)

individual = Table(
    "individual",
    metadata,
    Column("person", Words, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("until", Date),
    _words("who"),
    _instant("at"),
)

headcount = Table(
    "headcount",
    metadata,
    Column("source", Words, primary_key=True),
    Column("unit", Words, primary_key=True),
    Column("school_form", Words, primary_key=True),
    Column("children", Integer, nullable=False),
    Column("as_of", Date, nullable=False),
)

deferred_count = Table(
    "deferred_count",
    metadata,
    Column("series", Words, primary_key=True),
    Column("labels", Words, primary_key=True),
    Column("until", Date, primary_key=True),
    Column("delta", Integer, nullable=False),
)

account = Table(
    "account",
    metadata,
    Column("name", Words, primary_key=True),
    _words("password_hash"),
    _words("role"),
    Column("units", Names, nullable=False),
    _words("entitlement", null=True),
    _instant("created_at"),
)

protected_token = Table("protected_token", metadata, Column("token", Words, primary_key=True), _instant("since"))

erased_token = Table("erased_token", metadata, Column("token", Words, primary_key=True), _instant("erased_at"))

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    _instant("at"),
    _words("who"),
    _words("what"),
    _words("subject", null=True),
    Index(None, "at"),
)
