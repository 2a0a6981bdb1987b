"""The tables: one schema for every kind of database.

No statement is built here, and nothing that only one kind of database understands. A change here needs a migration.
Personal data lives in `record`, `staged_record`, `person`, `membership`, `login`, the intervals and what people
entered; `coverage`, `counter`, `reconciliation` and `pull` hold none and outlive them.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
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
from sqlalchemy import Text as SqlText
from sqlalchemy.types import TypeDecorator

from fleetsync.core.model import HoldReason, ScopeFindings, Text, UnreadableRow

metadata = MetaData(
    naming_convention={
        # Unnamed constraints cannot be dropped where a table is rebuilt to alter it.
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


CACHE_SIZE = 1 << 14


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC: not every database keeps the zone, and a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        write = self.impl_instance.bind_processor(dialect)

        # As they are read: most rows share their instants.
        @lru_cache(maxsize=CACHE_SIZE)
        def in_utc(value: datetime | None) -> Any:
            if value is not None and value.tzinfo is None:
                raise ValueError("an instant must be aware: a naive one means another moment on every machine")
            instant = value and value.astimezone(UTC)
            return write(instant) if write else instant

        return in_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        read = self.impl_instance.result_processor(dialect, coltype)

        # Most rows share their instants, which are those of pulls: a cache saves the time and the copies.
        @lru_cache(maxsize=CACHE_SIZE)
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


class JsonText(TypeDecorator[Any]):
    """A small immutable value of ours as JSON text: groups of a set, a sentence in two languages."""

    impl = SqlText
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        decode = msgspec.json.Decoder(self.kind).decode

        @lru_cache(maxsize=CACHE_SIZE)
        def unpacked(value: str | None) -> Any:
            return None if value is None else decode(value)

        return unpacked


TextTuple = JsonText(tuple[str, ...])
CountPairs = JsonText(tuple[tuple[str, int], ...])
BilingualText = JsonText(Text)


def _column(name: str, type_: Any, *, null: bool = False, reads: str = "") -> Column[Any]:
    """A column without a default. *reads*: see `source_attribute`."""
    return Column(name, type_, nullable=null, info={"reads": reads} if reads else {})


def _key_column(name: str, *, reads: str = "") -> Column[str]:
    return Column(name, SqlText, primary_key=True, info={"reads": reads} if reads else {})


def _text_column(name: str, *, null: bool = False, reads: str = "") -> Column[str]:
    return _column(name, SqlText, null=null, reads=reads)


def _datetime_column(name: str, *, null: bool = False, reads: str = "") -> Column[datetime]:
    return _column(name, UtcDateTime, null=null, reads=reads)


def _date_column(name: str, *, reads: str = "") -> Column[date]:
    return _column(name, Date, null=True, reads=reads)


def _boolean_column(name: str, *, reads: str = "") -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false(), info={"reads": reads} if reads else {})


def _integer_column(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def source_attribute(column: Column[Any]) -> str:
    """The attribute of the outcome's value that *column* stores, dotted; the column's own name where nothing else is said.

    Only for the tables of the outcome: their rows are built from these names (`store/ledger/outcomes.py`), so that a
    column and its value are named in one place.
    """
    attribute: str = column.info.get("reads", column.name)
    return attribute


# --- pulls -----------------------------------------------------------------------------------------------------------

pull = Table(
    "pull",
    metadata,
    Column("id", Integer, primary_key=True),
    _text_column("source"),
    _text_column("part"),
    _datetime_column("started_at"),
    _datetime_column("finished_at", null=True),  # None: still reading, or the process died
    _text_column("verdict", null=True),  # None: not judged yet
    _text_column("reason", null=True),
    _integer_column("seen"),
    _integer_column("duplicates"),
    _integer_column("contacts_untold"),
    _integer_column("puts"),
    _integer_column("returns"),
    _integer_column("contacts"),
    _integer_column("absences"),
    Column("rejected", CountPairs, nullable=False),
    Column("drift", CountPairs, nullable=False),
    Column("unreadable_facts", CountPairs, nullable=False, server_default="[]"),
    Column("unreadable", JsonText(tuple[UnreadableRow, ...]), nullable=False, server_default="[]"),
    Column("unused_headers", JsonText(dict[str, tuple[str, ...]]), nullable=False, server_default="{}"),
    Column("dropped", CountPairs, nullable=False, server_default="[]"),
    _integer_column("newly_marked"),
    _integer_column("released_persons"),
    Column("mark_words", CountPairs, nullable=False, server_default="[]"),
    _integer_column("conflicting_duplicates"),
    _boolean_column("is_first"),
    _boolean_column("reads_some"),
    _text_column("mark", null=True),
    Column("refusals", JsonText(tuple[HoldReason, ...]), nullable=False),
    _text_column("decision", null=True),  # of a held one: accepted, rejected, dissolved, followed
    _text_column("decided_by", null=True),
    _datetime_column("decided_at", null=True),
    _text_column("decision_reason", null=True),
    Index(None, "source", "part", "started_at"),
)

pull_scope = Table(
    "pull_scope",
    metadata,
    Column("pull_id", ForeignKey("pull.id", ondelete="CASCADE"), primary_key=True),
    Column("scope", SqlText, primary_key=True),  # "": the part
    Column("as_of", Date, nullable=False),
    _text_column("fingerprint", null=True),
    Column("findings", JsonText(ScopeFindings), nullable=False, server_default="{}"),
    _text_column("judged_under", null=True),
)

staged_record = Table(
    "staged_record",
    metadata,
    Column("pull_id", ForeignKey("pull.id", ondelete="CASCADE"), primary_key=True),
    Column("type", SqlText, primary_key=True),
    Column("source_id", SqlText, primary_key=True),
    _text_column("change"),
    _text_column("scope", null=True),
    _text_column("body", null=True),
    Column("fingerprint", Unsigned64, nullable=False),
    _text_column("own_id"),
    _datetime_column("last_contact_at", null=True),
    _boolean_column("masked"),
    Column("read_fingerprint", Unsigned64),
)

# Of persons whom a pull marks that is not believed yet: they are not shown, and nothing is rewritten for good.
pending_mark = Table(
    "pending_mark",
    metadata,
    Column("pull_id", ForeignKey("pull.id", ondelete="CASCADE"), primary_key=True),
    Column("token", SqlText, primary_key=True),
    _text_column("person", null=True),  # as in `protection_mark`; None: a further key of somebody protected before
)

# What the pulls of a part have come to; it survives the retention of the pulls themselves.
part_state = Table(
    "part_state",
    metadata,
    Column("source", SqlText, primary_key=True),
    Column("part", SqlText, primary_key=True),
    _datetime_column("last_attempt_at", null=True),
    _datetime_column("last_complete_at", null=True),
    _datetime_column("first_complete_at", null=True),
    Column("complete_pull", Integer),
    Column("held_pull", Integer),
    _text_column("mark", null=True),
    _text_column("reason", null=True),
    Column("drift", Integer, nullable=False, server_default="0"),
    Column("unreadable_rows", Integer, nullable=False, server_default="0"),
    Column("unreadable_facts", Integer, nullable=False, server_default="0"),
    _text_column("unreadable_reason", null=True),
    Column("unused_headers", Integer, nullable=False, server_default="0"),
    Column("left_files", TextTuple, nullable=False, server_default="[]"),
    _integer_column("contacts_untold"),
)

credential = Table(
    "credential",
    metadata,
    Column("source", SqlText, primary_key=True),
    Column("part", SqlText, primary_key=True),
    Column("name", SqlText, primary_key=True),
    _datetime_column("expires_at"),
    Column("use", SqlText, nullable=False, server_default="other"),
)

part_scope = Table(
    "part_scope",
    metadata,
    Column("source", SqlText, primary_key=True),
    Column("part", SqlText, primary_key=True),
    Column("scope", SqlText, primary_key=True),
    Column("as_of", Date, nullable=False),
    _text_column("fingerprint", null=True),
    Column("findings", JsonText(ScopeFindings), nullable=False, server_default="{}"),
    _text_column("judged_under", null=True),
)

# --- what is believed --------------------------------------------------------------------------------------------------

record = Table(
    "record",
    metadata,
    Column("id", Integer, primary_key=True),
    _text_column("source"),
    _text_column("part"),
    _text_column("type"),
    _text_column("source_id"),
    _text_column("scope", null=True),
    _text_column("own_id"),
    _text_column("thing_id", null=True),
    Column("fingerprint", Unsigned64, nullable=False),
    _text_column("body"),
    _datetime_column("first_seen"),
    _datetime_column("changed_at"),
    _datetime_column("absent_since", null=True),
    _integer_column("absent_pulls"),
    _boolean_column("gone"),
    _boolean_column("masked"),
    Column("read_fingerprint", Unsigned64),  # None: the next pull that reads it judges it anew
    UniqueConstraint("source", "part", "type", "source_id"),
)

# Apart, since it moves daily on nearly every device while nothing else does.
contact = Table(
    "contact",
    metadata,
    Column("record_id", ForeignKey("record.id", ondelete="CASCADE"), primary_key=True),
    _datetime_column("last_contact_at"),
)

# --- the outcome, for people who query it ------------------------------------------------------------------------------

# No last contact here: a join over record.thing_id gives it, and these rows stay unwritten while devices check in.
device = Table(  # of `DeviceCase`
    "device",
    metadata,
    _key_column("id", reads="device.id"),
    _text_column("serial", null=True, reads="device.serial"),
    _text_column("manufacturer", null=True, reads="device.manufacturer"),
    _text_column("model", null=True, reads="device.model"),
    _text_column("platform", reads="device.platform"),
    _text_column("form_factor", reads="device.form_factor"),
    _text_column("os_version", null=True, reads="device.os_version"),
    _text_column("os_edition", null=True, reads="device.os_edition"),
    _text_column("asset_tag", null=True, reads="device.asset_tag"),
    _text_column("ownership", null=True, reads="device.ownership"),
    _column("managed", Boolean, null=True, reads="device.managed"),
    _text_column("compliance", null=True, reads="device.compliance"),
    _column("encrypted", Boolean, null=True, reads="device.encrypted"),
    _datetime_column("enrolled_at", null=True, reads="device.enrolled_at"),
    _date_column("purchased_on", reads="device.purchased_on"),
    _date_column("warranty_until", reads="device.warranty_until"),
    _date_column("support_until", reads="device.support_until"),
    _text_column("holder", null=True, reads="placement.holder"),
    _text_column("purpose", reads="placement.purpose"),
    _text_column("unit", reads="placement.unit"),
    _column("serves", TextTuple, reads="placement.serves"),
    _text_column("stage", null=True, reads="device_state.stage"),
    _datetime_column("stage_since", reads="device_state.since"),
    _column("works", Boolean, null=True, reads="device_state.works"),
    _boolean_column("ours", reads="device_state.ours"),
    _column("secure", Boolean, null=True, reads="device_state.secure"),
    _boolean_column("masked", reads="device.masked"),
)

person = Table(  # of `PersonCase`
    "person",
    metadata,
    _key_column("id", reads="person.id"),
    _text_column("name", null=True, reads="person.name"),
    _text_column("unit", reads="person_state.unit"),
    _column("groups", TextTuple, reads="person_state.groups"),
    _text_column("school_form", null=True, reads="person_state.school_form"),
    _column("grade_index", Integer, null=True, reads="person_state.grade_index"),
    _date_column("began_on", reads="person_state.began_on"),
    _date_column("ends_on", reads="person_state.ends_on"),
    _date_column("ended_on", reads="person_state.ended_on"),
    _date_column("starts_on", reads="person_state.starts_on"),
    _boolean_column("counted", reads="person_state.counted"),
    _boolean_column("has_login", reads="person_state.has_login"),
    _boolean_column("is_child", reads="person_state.is_child"),
    _boolean_column("masked", reads="person.masked"),
)

unit = Table(  # of `Unit`
    "unit",
    metadata,
    _key_column("slug"),
    _text_column("name"),
    _column("codes", TextTuple),
    _column("school_forms", TextTuple),
    _boolean_column("published"),
)

membership = Table(  # of `PersonMembership`
    "membership",
    metadata,
    _key_column("source", reads="believed.source"),
    _key_column("part", reads="believed.part"),
    _key_column("source_id", reads="believed.record.source_id"),
    _text_column("person"),
    _text_column("membership", reads="believed.record.membership"),
    _column("codes", TextTuple, reads="believed.record.codes"),
    _text_column("group_id", null=True, reads="believed.record.group"),
    _text_column("school_form", null=True, reads="believed.record.school_form"),
    _column("year", Integer, null=True, reads="believed.record.year"),
    _text_column("employment_form", null=True, reads="believed.record.employment_form"),
    _column("share", Float, null=True, reads="believed.record.share"),
    _date_column("start_on", reads="believed.record.start"),
    _date_column("end_on", reads="believed.record.end"),
    _date_column("leave_from", reads="believed.record.leave_from"),
    _date_column("leave_to", reads="believed.record.leave_to"),
)

login = Table(  # of `Login`
    "login",
    metadata,
    _key_column("scheme", reads="key.scheme"),
    _key_column("namespace", reads="key.namespace"),
    _key_column("value", reads="key.value"),
    _key_column("person"),
    _datetime_column("first_seen"),
    _datetime_column("last_seen", null=True),  # None while it is the person's
)

# --- intervals of knowledge, [since, until); until None: it is known now ----------------------------------------------

owed = Table(  # of `OwedDevices`
    "owed",
    metadata,
    Column("id", Integer, primary_key=True),
    _text_column("entitlement"),
    _text_column("subject"),
    _text_column("subject_id"),
    _text_column("unit"),
    Column("groups", TextTuple, nullable=False),
    Column("count", Integer, nullable=False),
    Column("heads", Integer, nullable=False),
    _boolean_column("decidable"),
    Column("reason", BilingualText, nullable=False),
    _datetime_column("since"),
    _datetime_column("until", null=True),
    Index(None, "until", "since"),
    Index(None, "subject_id"),
)

assignment = Table(  # of `RunningAssignment`
    "assignment",
    metadata,
    Column("id", Integer, primary_key=True),
    _text_column("device", reads="assignment.device"),
    _text_column("by", reads="assignment.by"),
    _text_column("entitlement", reads="assignment.entitlement"),
    _text_column("subject_id", reads="assignment.subject_id"),
    _text_column("unit", reads="assignment.unit"),
    _column("groups", TextTuple, reads="assignment.groups"),
    _column("works", Boolean, null=True, reads="assignment.works"),
    _boolean_column("without_contact", reads="assignment.without_contact"),
    _column("reason", BilingualText, reads="assignment.reason"),
    _datetime_column("assigned_at", reads="since"),  # of the assignment, which may have stopped and begun to work since
    _boolean_column("known_before"),
    _datetime_column("since"),
    _datetime_column("until", null=True),
    Index(None, "until", "since"),
    Index(None, "device"),
    Index(None, "subject_id"),
)

gap = Table(  # of `Episode`
    "gap",
    metadata,
    Column("id", Integer, primary_key=True),
    _text_column("kind"),
    _text_column("subject"),
    _text_column("subject_id"),
    _text_column("unit"),
    _datetime_column("opened_at"),  # of the episode, which may have closed and opened again since
    _boolean_column("known_before"),
    Column("parked_until", Date),
    Column("reason", BilingualText, nullable=False),
    _datetime_column("since"),
    _datetime_column("until", null=True),
    Index(None, "until", "since"),
    Index(None, "subject_id"),
)

# --- numbers without personal data -------------------------------------------------------------------------------------

coverage = Table(  # of `CoverageDay`
    "coverage",
    metadata,
    Column("day", Date, primary_key=True),
    Column("unit", SqlText, primary_key=True),
    Column("entitlement", SqlText, primary_key=True),
    _integer_column("entitled"),
    _integer_column("heads"),
    _integer_column("assigned_own"),
    _integer_column("assigned_set"),
    _integer_column("assigned_pool"),
    _integer_column("covered_own"),
    _integer_column("covered_set"),
    _integer_column("covered_pool"),
    _integer_column("covered_without_contact"),
    _integer_column("unknown"),
    _integer_column("surplus"),
    _integer_column("undecided"),
    _integer_column("on_leave"),
    _integer_column("working_devices"),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("id", Integer, primary_key=True),
    _datetime_column("at"),
    Column("day", Date, nullable=False),
    Column("pulls", JsonText(tuple[int, ...]), nullable=False),
    _text_column("policy_fingerprint"),
    Column("duration_seconds", Float, nullable=False),
)

counter = Table(
    "counter",
    metadata,
    Column("name", SqlText, primary_key=True),
    Column("label", SqlText, primary_key=True),
    Column("total", BigInteger, nullable=False),
)

# Which of several daemons pulls by the clock, where the database is a server. One row.
schedule_lease = Table(
    "schedule_lease",
    metadata,
    Column("name", SqlText, primary_key=True),
    Column("number", BigInteger, nullable=False),  # one more each time that another daemon takes over
    _text_column("holder"),  # "": nobody
    _datetime_column("renewed_at"),
)

# --- what people decided, and what follows from it ---------------------------------------------------------------------

override = Table(
    "override",
    metadata,
    Column("id", Integer, primary_key=True),
    _text_column("serial", null=True),
    _text_column("login_scheme", null=True),
    _text_column("login_namespace", null=True),
    _text_column("login_value", null=True),
    _text_column("person_scheme"),
    _text_column("person_namespace"),
    _text_column("person_value"),
    Column("until", Date),
    _text_column("who"),
    _datetime_column("at"),
)

parked = Table(
    "parked",
    metadata,
    Column("kind", SqlText, primary_key=True),
    Column("subject_id", SqlText, primary_key=True),
    Column("until", Date, nullable=False),
    _text_column("reason"),
    _text_column("who"),
    _datetime_column("at"),
)

# A fact of a device, or the count of a set or pool, that a person corrected. It counts until its last day, unless it was
# ended before.
correction = Table(
    "correction",
    metadata,
    Column("id", Integer, primary_key=True),
    _text_column("subject_id"),
    _text_column("field"),
    _text_column("value"),
    Column("until", Date),
    _text_column("reason"),
    _text_column("who"),
    _datetime_column("at"),
    _datetime_column("ended_at", null=True),
    _text_column("ended_how", null=True),
    _text_column("ended_by", null=True),
    Index(None, "subject_id"),
)

turnover = Table(
    "turnover",
    metadata,
    Column("first_school_day", Date, primary_key=True),  # of the year that is turned to
    Column("last_school_day", Date, nullable=False),  # of the year that ends
    _datetime_column("copied_at"),
    _datetime_column("turned_at", null=True),
    _text_column("how", null=True),
)

turnover_membership = Table(
    "turnover_membership",
    metadata,
    Column("first_school_day", ForeignKey("turnover.first_school_day", ondelete="CASCADE"), primary_key=True),
    Column("source", SqlText, primary_key=True),
    Column("part", SqlText, primary_key=True),
    Column("type", SqlText, primary_key=True),  # membership, or a group that one names
    Column("source_id", SqlText, primary_key=True),
    _text_column("body"),
    _boolean_column("masked"),
)

unit_state = Table(
    "unit_state",
    metadata,
    Column("unit", SqlText, primary_key=True),
    _datetime_column("published_at"),
    _text_column("published_by"),
)

account = Table(
    "account",
    metadata,
    Column("name", SqlText, primary_key=True),
    _text_column("password_hash"),
    _text_column("role"),
    Column("units", TextTuple, nullable=False),
    _text_column("entitlement", null=True),
    _datetime_column("created_at"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("name", SqlText, primary_key=True),
    Column("token_hash", SqlText, nullable=False, unique=True),
    _text_column("role"),
    Column("units", TextTuple, nullable=False),
    Column("last_day", Date),
    _datetime_column("created_at"),
    _text_column("created_by"),
    Column("last_used_on", Date),
)

# The newest week of which a unit was sent its digest; the week is its Monday.
digest_mail = Table(
    "digest_mail",
    metadata,
    Column("unit", SqlText, primary_key=True),
    Column("week", Date, nullable=False),
    _datetime_column("sent_at"),
)

protected_token = Table(
    "protected_token", metadata, Column("token", SqlText, primary_key=True), _datetime_column("since")
)

# By which pull a part marked a protected person, first or anew; one row for each of the person's keys that it showed. It
# survives the retention of the pulls: a wrong mark may be noticed late.
protection_mark = Table(
    "protection_mark",
    metadata,
    Column("token", SqlText, primary_key=True),
    Column("source", SqlText, primary_key=True),
    Column("part", SqlText, primary_key=True),
    _text_column("person"),  # the token of the person's id at the source
    Column("pull_id", Integer, nullable=False),
    _datetime_column("marked_at"),
)

# Pulls whose marks somebody takes back: each person's ends when their part is read and does not mark them any more.
mark_release = Table(
    "mark_release",
    metadata,
    Column("pull_id", Integer, primary_key=True, autoincrement=False),
    _text_column("source"),
    _text_column("part"),
    _text_column("who"),
    _text_column("reason"),
    _datetime_column("decided_at"),
)

erased_token = Table(
    "erased_token", metadata, Column("token", SqlText, primary_key=True), _datetime_column("erased_at")
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    _datetime_column("at"),
    _text_column("who"),
    _text_column("what"),
    _text_column("subject", null=True),
    Index(None, "at"),
)
