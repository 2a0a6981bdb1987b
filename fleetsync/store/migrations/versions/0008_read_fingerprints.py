"""Keeps what each record was read from, and by what a part was judged, so that what has not changed is passed over.

Written as it was on the day, and never changed afterwards: databases out there were migrated by it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for table in ("record", "staged_record"):
        op.add_column(table, sa.Column("read_fingerprint", sa.BigInteger(), nullable=True))
    for table in ("part_scope", "pull_scope"):
        op.add_column(table, sa.Column("judged_under", sa.Text(), nullable=True))
