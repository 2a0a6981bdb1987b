"""What people decided, and what follows from it."""

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, Table
from sqlalchemy import Text as SqlText

from fleetsync.store.tables.columns import TextTuple, boolean_column, datetime_column, metadata, text_column

override = Table(
    "override",
    metadata,
    Column("id", Integer, primary_key=True),
    text_column("serial", null=True),
    text_column("login_scheme", null=True),
    text_column("login_namespace", null=True),
    text_column("login_value", null=True),
    text_column("person_scheme"),
    text_column("person_namespace"),
    text_column("person_value"),
    Column("until", Date),
    text_column("who"),
    datetime_column("at"),
)

parked = Table(
    "parked",
    metadata,
    Column("kind", SqlText, primary_key=True),
    Column("subject_id", SqlText, primary_key=True),
    Column("until", Date, nullable=False),
    text_column("reason"),
    text_column("who"),
    datetime_column("at"),
)

# A fact of a device, or the count of a set or pool, that a person corrected. It counts until its last day, unless it was
# ended before.
correction = Table(
    "correction",
    metadata,
    Column("id", Integer, primary_key=True),
    text_column("subject_id"),
    text_column("field"),
    text_column("value"),
    Column("until", Date),
    text_column("reason"),
    text_column("who"),
    datetime_column("at"),
    datetime_column("ended_at", null=True),
    text_column("ended_how", null=True),
    text_column("ended_by", null=True),
    Index(None, "subject_id"),
)

turnover = Table(
    "turnover",
    metadata,
    Column("first_school_day", Date, primary_key=True),  # of the year that is turned to
    Column("last_school_day", Date, nullable=False),  # of the year that ends
    datetime_column("copied_at"),
    datetime_column("turned_at", null=True),
    text_column("how", null=True),
)

turnover_membership = Table(
    "turnover_membership",
    metadata,
    Column("first_school_day", ForeignKey("turnover.first_school_day", ondelete="CASCADE"), primary_key=True),
    Column("source", SqlText, primary_key=True),
    Column("part", SqlText, primary_key=True),
    Column("type", SqlText, primary_key=True),  # membership, or a group that one names
    Column("source_id", SqlText, primary_key=True),
    text_column("body"),
    boolean_column("masked"),
)

unit_state = Table(
    "unit_state",
    metadata,
    Column("unit", SqlText, primary_key=True),
    datetime_column("published_at"),
    text_column("published_by"),
)

account = Table(
    "account",
    metadata,
    Column("name", SqlText, primary_key=True),
    text_column("password_hash"),
    text_column("role"),
    Column("units", TextTuple, nullable=False),
    text_column("entitlement", null=True),
    datetime_column("created_at"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("name", SqlText, primary_key=True),
    Column("token_hash", SqlText, nullable=False, unique=True),
    text_column("role"),
    Column("units", TextTuple, nullable=False),
    Column("last_day", Date),
    datetime_column("created_at"),
    text_column("created_by"),
    Column("last_used_on", Date),
)

# The newest week of which a unit was sent its digest; the week is its Monday.
digest_mail = Table(
    "digest_mail",
    metadata,
    Column("unit", SqlText, primary_key=True),
    Column("week", Date, nullable=False),
    datetime_column("sent_at"),
)

protected_token = Table(
    "protected_token", metadata, Column("token", SqlText, primary_key=True), datetime_column("since")
)

# By which pull a part marked a protected person, first or anew; one row for each of the person's keys that it showed. It
# survives the retention of the pulls: a wrong mark may be noticed late.
protection_mark = Table(
    "protection_mark",
    metadata,
    Column("token", SqlText, primary_key=True),
    Column("source", SqlText, primary_key=True),
    Column("part", SqlText, primary_key=True),
    text_column("person"),  # the token of the person's id at the source
    Column("pull_id", Integer, nullable=False),
    datetime_column("marked_at"),
)

# Pulls whose marks somebody takes back: each person's ends when their part is read and does not mark them any more.
mark_release = Table(
    "mark_release",
    metadata,
    Column("pull_id", Integer, primary_key=True, autoincrement=False),
    text_column("source"),
    text_column("part"),
    text_column("who"),
    text_column("reason"),
    datetime_column("decided_at"),
)

erased_token = Table("erased_token", metadata, Column("token", SqlText, primary_key=True), datetime_column("erased_at"))

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    datetime_column("at"),
    text_column("who"),
    text_column("what"),
    text_column("subject", null=True),
    Index(None, "at"),
)
