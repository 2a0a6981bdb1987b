"""Intervals of knowledge, [since, until); until None: it is known now."""

from sqlalchemy import Boolean, Column, Date, Index, Integer, Table

from fleetsync.store.tables.columns import (
    BilingualText,
    TextTuple,
    boolean_column,
    datetime_column,
    metadata,
    plain_column,
    text_column,
)

owed = Table(  # of `OwedDevices`
    "owed",
    metadata,
    Column("id", Integer, primary_key=True),
    text_column("entitlement"),
    text_column("subject"),
    text_column("subject_id"),
    text_column("unit"),
    Column("groups", TextTuple, nullable=False),
    Column("count", Integer, nullable=False),
    Column("heads", Integer, nullable=False),
    boolean_column("decidable"),
    Column("reason", BilingualText, nullable=False),
    datetime_column("since"),
    datetime_column("until", null=True),
    Index(None, "until", "since"),
    Index(None, "subject_id"),
)

assignment = Table(  # of `RunningAssignment`
    "assignment",
    metadata,
    Column("id", Integer, primary_key=True),
    text_column("device", reads="assignment.device"),
    text_column("by", reads="assignment.by"),
    text_column("entitlement", reads="assignment.entitlement"),
    text_column("subject_id", reads="assignment.subject_id"),
    text_column("unit", reads="assignment.unit"),
    plain_column("groups", TextTuple, reads="assignment.groups"),
    plain_column("works", Boolean, null=True, reads="assignment.works"),
    boolean_column("without_contact", reads="assignment.without_contact"),
    plain_column("reason", BilingualText, reads="assignment.reason"),
    datetime_column("assigned_at", reads="since"),  # of the assignment, which may have stopped and begun to work since
    boolean_column("known_before"),
    datetime_column("since"),
    datetime_column("until", null=True),
    Index(None, "until", "since"),
    Index(None, "device"),
    Index(None, "subject_id"),
)

gap = Table(  # of `Episode`
    "gap",
    metadata,
    Column("id", Integer, primary_key=True),
    text_column("kind"),
    text_column("subject"),
    text_column("subject_id"),
    text_column("unit"),
    datetime_column("opened_at"),  # of the episode, which may have closed and opened again since
    boolean_column("known_before"),
    Column("parked_until", Date),
    Column("reason", BilingualText, nullable=False),
    datetime_column("since"),
    datetime_column("until", null=True),
    Index(None, "until", "since"),
    Index(None, "subject_id"),
)
