"""Keeps what each credential is for, so that its end can be announced with what stops working then.

Written as it was on the day, and never changed afterwards: databases out there were migrated by it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("credential", sa.Column("use", sa.Text(), server_default="other", nullable=False))
