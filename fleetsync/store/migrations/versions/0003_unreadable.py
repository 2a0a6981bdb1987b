"""Keeps with each pull what could not be read, which headers no field took up, and how many persons it marked.

Written as it was on the day, and never changed afterwards: databases out there were migrated by it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name, empty in (("unreadable_facts", "[]"), ("unreadable", "[]"), ("unused_headers", "{}"), ("dropped", "[]")):
        op.add_column("pull", sa.Column(name, sa.Text(), nullable=False, server_default=empty))
    for name in ("newly_marked", "conflicting_duplicates"):
        op.add_column("pull", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    for name in ("unreadable_rows", "unreadable_facts", "unused_headers"):
        op.add_column("part_state", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("part_state", sa.Column("unreadable_reason", sa.Text(), nullable=True))
