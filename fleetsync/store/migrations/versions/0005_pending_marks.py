"""Keeps the marks of a pull that marks many persons at once apart until somebody has confirmed them.

Written as it was on the day, and never changed afterwards: databases out there were migrated by it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "pending_mark",
        sa.Column("pull_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["pull_id"], ["pull.id"], name="fk_pending_mark_pull_id_pull", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pull_id", "token", name="pk_pending_mark"),
    )
