"""Keeps whether a device works as yes, no or unknown, and what is covered on the word of a list alone.

Written as it was on the day, and never changed afterwards: databases out there were migrated by it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in ("device", "assignment"):
        with op.batch_alter_table(table) as batch:
            batch.alter_column("works", existing_type=sa.Boolean(), nullable=True, server_default=None)
    for table, name, empty in (
        ("assignment", "without_contact", sa.false()),
        ("coverage", "covered_without_contact", "0"),
    ):
        type_ = sa.Boolean() if table == "assignment" else sa.Integer()
        op.add_column(table, sa.Column(name, type_, nullable=False, server_default=empty))
