"""Keeps what could not be read by file, so that it stays told while the file is not read again; and files that are no lists.

Written as it was on the day, and never changed afterwards: databases out there were migrated by it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for table in ("pull_scope", "part_scope"):
        op.add_column(table, sa.Column("findings", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("part_state", sa.Column("left_files", sa.Text(), nullable=False, server_default="[]"))
