"""Numbers without personal data, and which daemon pulls by the clock."""

from sqlalchemy import BigInteger, Column, Date, Float, Integer, Table
from sqlalchemy import Text as SqlText

from fleetsync.store.tables.columns import JsonText, datetime_column, integer_column, metadata, text_column

coverage = Table(  # of `CoverageDay`
    "coverage",
    metadata,
    Column("day", Date, primary_key=True),
    Column("unit", SqlText, primary_key=True),
    Column("entitlement", SqlText, primary_key=True),
    integer_column("entitled"),
    integer_column("heads"),
    integer_column("assigned_own"),
    integer_column("assigned_set"),
    integer_column("assigned_pool"),
    integer_column("covered_own"),
    integer_column("covered_set"),
    integer_column("covered_pool"),
    integer_column("covered_without_contact"),
    integer_column("unknown"),
    integer_column("surplus"),
    integer_column("undecided"),
    integer_column("on_leave"),
    integer_column("working_devices"),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("id", Integer, primary_key=True),
    datetime_column("at"),
    Column("day", Date, nullable=False),
    Column("pulls", JsonText(tuple[int, ...]), nullable=False),
    text_column("policy_fingerprint"),
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
    text_column("holder"),  # "": nobody
    datetime_column("renewed_at"),
)
