"""Takes out tables and columns that nothing writes, and lets a log-in that is still in use have no last sighting.

Written as it was on the day, and never changed afterwards: databases out there were migrated by it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ("correction", "individual", "headcount", "deferred_count"):
        op.drop_table(table)
    # Not as a batch: building `pull` anew would drop it, and delete by cascade what refers to it.
    op.drop_column("pull", "requests")
    with op.batch_alter_table("login") as login:
        login.alter_column("last_seen", existing_type=sa.DateTime(timezone=True), nullable=True)
    # Until now the two were equal for as long as the log-in was the person's.
    op.execute("UPDATE login SET last_seen = NULL WHERE last_seen = first_seen")
