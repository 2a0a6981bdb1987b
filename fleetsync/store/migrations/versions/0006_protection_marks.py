"""Keeps which pull marked a person as protected, and by which words, so that wrong marks can be taken back together.

Written as it was on the day, and never changed afterwards: databases out there were migrated by it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("pending_mark", sa.Column("person", sa.Text(), nullable=True))
    op.add_column("pull", sa.Column("mark_words", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("pull", sa.Column("released_persons", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "protection_mark",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("pull_id", sa.Integer(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token", "source", "part", name="pk_protection_mark"),
    )
    op.create_table(
        "mark_release",
        sa.Column("pull_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("pull_id", name="pk_mark_release"),
    )
