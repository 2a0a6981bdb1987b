"""Every pull of a part, and what the pulls of a part have come to."""

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, Table
from sqlalchemy import Text as SqlText

from fleetsync.core.model import HoldReason, ScopeFindings, UnreadableRow
from fleetsync.store.tables.columns import (
    CountPairs,
    JsonText,
    TextTuple,
    Unsigned64,
    boolean_column,
    datetime_column,
    integer_column,
    metadata,
    text_column,
)

pull = Table(
    "pull",
    metadata,
    Column("id", Integer, primary_key=True),
    text_column("source"),
    text_column("part"),
    datetime_column("started_at"),
    datetime_column("finished_at", null=True),  # None: still reading, or the process died
    text_column("verdict", null=True),  # None: not judged yet
    text_column("reason", null=True),
    integer_column("seen"),
    integer_column("duplicates"),
    integer_column("contacts_untold"),
    integer_column("puts"),
    integer_column("returns"),
    integer_column("contacts"),
    integer_column("absences"),
    Column("rejected", CountPairs, nullable=False),
    Column("drift", CountPairs, nullable=False),
    Column("unreadable_facts", CountPairs, nullable=False, server_default="[]"),
    Column("unreadable", JsonText(tuple[UnreadableRow, ...]), nullable=False, server_default="[]"),
    Column("unused_headers", JsonText(dict[str, tuple[str, ...]]), nullable=False, server_default="{}"),
    Column("dropped", CountPairs, nullable=False, server_default="[]"),
    integer_column("newly_marked"),
    integer_column("released_persons"),
    Column("mark_words", CountPairs, nullable=False, server_default="[]"),
    integer_column("conflicting_duplicates"),
    boolean_column("is_first"),
    boolean_column("reads_some"),
    text_column("mark", null=True),
    Column("refusals", JsonText(tuple[HoldReason, ...]), nullable=False),
    text_column("decision", null=True),  # of a held one: accepted, rejected, dissolved, followed
    text_column("decided_by", null=True),
    datetime_column("decided_at", null=True),
    text_column("decision_reason", null=True),
    Index(None, "source", "part", "started_at"),
)

pull_scope = Table(
    "pull_scope",
    metadata,
    Column("pull_id", ForeignKey("pull.id", ondelete="CASCADE"), primary_key=True),
    Column("scope", SqlText, primary_key=True),  # "": the part
    Column("as_of", Date, nullable=False),
    text_column("fingerprint", null=True),
    Column("findings", JsonText(ScopeFindings), nullable=False, server_default="{}"),
    text_column("judged_under", null=True),
)

staged_record = Table(
    "staged_record",
    metadata,
    Column("pull_id", ForeignKey("pull.id", ondelete="CASCADE"), primary_key=True),
    Column("type", SqlText, primary_key=True),
    Column("source_id", SqlText, primary_key=True),
    text_column("change"),
    text_column("scope", null=True),
    text_column("body", null=True),
    Column("fingerprint", Unsigned64, nullable=False),
    text_column("own_id"),
    datetime_column("last_contact_at", null=True),
    boolean_column("masked"),
    Column("read_fingerprint", Unsigned64),
)

# Of persons whom a pull marks that is not believed yet: they are not shown, and nothing is rewritten for good.
pending_mark = Table(
    "pending_mark",
    metadata,
    Column("pull_id", ForeignKey("pull.id", ondelete="CASCADE"), primary_key=True),
    Column("token", SqlText, primary_key=True),
    text_column("person", null=True),  # as in `protection_mark`; None: a further key of somebody protected before
)

# What the pulls of a part have come to; it survives the retention of the pulls themselves.
part_state = Table(
    "part_state",
    metadata,
    Column("source", SqlText, primary_key=True),
    Column("part", SqlText, primary_key=True),
    datetime_column("last_attempt_at", null=True),
    datetime_column("last_complete_at", null=True),
    datetime_column("first_complete_at", null=True),
    Column("complete_pull", Integer),
    Column("held_pull", Integer),
    text_column("mark", null=True),
    text_column("reason", null=True),
    Column("drift", Integer, nullable=False, server_default="0"),
    Column("unreadable_rows", Integer, nullable=False, server_default="0"),
    Column("unreadable_facts", Integer, nullable=False, server_default="0"),
    text_column("unreadable_reason", null=True),
    Column("unused_headers", Integer, nullable=False, server_default="0"),
    Column("left_files", TextTuple, nullable=False, server_default="[]"),
    integer_column("contacts_untold"),
)

credential = Table(
    "credential",
    metadata,
    Column("source", SqlText, primary_key=True),
    Column("part", SqlText, primary_key=True),
    Column("name", SqlText, primary_key=True),
    datetime_column("expires_at"),
    Column("use", SqlText, nullable=False, server_default="other"),
)

part_scope = Table(
    "part_scope",
    metadata,
    Column("source", SqlText, primary_key=True),
    Column("part", SqlText, primary_key=True),
    Column("scope", SqlText, primary_key=True),
    Column("as_of", Date, nullable=False),
    text_column("fingerprint", null=True),
    Column("findings", JsonText(ScopeFindings), nullable=False, server_default="{}"),
    text_column("judged_under", null=True),
)
