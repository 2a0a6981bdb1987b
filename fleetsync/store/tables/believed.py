"""What is believed."""

from sqlalchemy import Column, ForeignKey, Integer, Table, UniqueConstraint

from fleetsync.store.tables.columns import (
    Unsigned64,
    boolean_column,
    datetime_column,
    integer_column,
    metadata,
    text_column,
)

record = Table(
    "record",
    metadata,
    Column("id", Integer, primary_key=True),
    text_column("source"),
    text_column("part"),
    text_column("type"),
    text_column("source_id"),
    text_column("scope", null=True),
    text_column("own_id"),
    text_column("thing_id", null=True),
    Column("fingerprint", Unsigned64, nullable=False),
    text_column("body"),
    datetime_column("first_seen"),
    datetime_column("changed_at"),
    datetime_column("absent_since", null=True),
    integer_column("absent_pulls"),
    boolean_column("gone"),
    boolean_column("masked"),
    Column("read_fingerprint", Unsigned64),  # None: the next pull that reads it judges it anew
    UniqueConstraint("source", "part", "type", "source_id"),
)

# Apart, since it moves daily on nearly every device while nothing else does.
contact = Table(
    "contact",
    metadata,
    Column("record_id", ForeignKey("record.id", ondelete="CASCADE"), primary_key=True),
    datetime_column("last_contact_at"),
)
