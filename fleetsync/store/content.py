"""The whole content of a database: carried into another one, of whatever kind, and compared row by row."""

import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Table, delete, insert, select

from fleetsync.store import tables as t
from fleetsync.store.bulk import read_many
from fleetsync.store.database import database_of
from fleetsync.store.errors import StoreRefused

Content = Mapping[str, tuple[int, str]]
"""By table: the number of its rows, and a fingerprint of them that does not depend on their order."""

_FINGERPRINT_BITS = 128


def carried_tables() -> Sequence[Table]:
    """Every table whose rows mean the same elsewhere, those that others refer to first."""
    return [table for table in t.metadata.sorted_tables if table is not t.schedule_lease]


def content_of(connection: Connection) -> Content:
    """What the database holds, as of the connection's transaction."""
    return {table.name: _table_content(connection, table) for table in carried_tables()}


def _table_content(connection: Connection, table: Table) -> tuple[int, str]:
    count = total = 0
    for row in read_many(connection, select(table)):
        digest = hashlib.blake2b(
            repr(row).encode("utf-8", "surrogatepass"), digest_size=_FINGERPRINT_BITS // 8
        ).digest()
        count, total = count + 1, total + int.from_bytes(digest)
    return count, f"{total % (1 << _FINGERPRINT_BITS):032x}"


def require_empty(connection: Connection) -> None:
    """Raise StoreRefused where any of the tables has a row."""
    for table in carried_tables():
        if connection.execute(select(table).limit(1)).first() is not None:
            raise StoreRefused(
                f"{database_of(connection).name}: holds rows already, in {table.name}. Choose an empty database"
            )


def carry_content(source: Connection, target: Connection) -> Content:
    """Write all rows of *source* into the empty tables of *target*; what was carried.

    Raises StoreRefused when *target* does not hold the same afterwards: the caller's transaction then leaves nothing.
    """
    database = database_of(target)
    for table in carried_tables():
        names = [column.name for column in table.columns]
        database.write_rows(target, insert(table), names, read_many(source, select(table)))
    database.continue_ids(target)
    was, arrived = content_of(source), content_of(target)
    if different := [name for name in was if was[name] != arrived[name]]:
        raise StoreRefused(
            f"{database.name}: the rows of {', '.join(different)} did not arrive as they were. Nothing was changed. "
            "Check the disks of both, and try again"
        )
    return was


def delete_content(connection: Connection) -> None:
    """Remove every row that `carry_content` writes."""
    for table in reversed(carried_tables()):
        connection.execute(delete(table))
