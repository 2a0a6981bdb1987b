"""What the tables are made of: types of columns that every kind of database can hold, and columns in one line."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    false,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.types import TypeDecorator

from fleetsync.core.model import Text

metadata = MetaData(
    naming_convention={
        # Unnamed constraints cannot be dropped where a table is rebuilt to alter it.
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


CACHE_SIZE = 1 << 14


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC: not every database keeps the zone, and a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        write = self.impl_instance.bind_processor(dialect)

        # As they are read: most rows share their instants.
        @lru_cache(maxsize=CACHE_SIZE)
        def in_utc(value: datetime | None) -> Any:
            if value is not None and value.tzinfo is None:
                raise ValueError("an instant must be aware: a naive one means another moment on every machine")
            instant = value and value.astimezone(UTC)
            return write(instant) if write else instant

        return in_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        read = self.impl_instance.result_processor(dialect, coltype)

        # Most rows share their instants, which are those of pulls: a cache saves the time and the copies.
        @lru_cache(maxsize=CACHE_SIZE)
        def aware(value: Any) -> datetime | None:
            instant: datetime | None = read(value) if read else value
            if instant is None:
                return None
            return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)

        return aware


class Unsigned64(TypeDecorator[int]):
    """A fingerprint, 0 .. 2**64 - 1, in a signed column."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        if value is not None and not 0 <= value < 1 << 64:
            raise ValueError("a fingerprint must be an unsigned number of 64 bits")
        return value if value is None or value < 1 << 63 else value - (1 << 64)

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        return value if value is None else value & ((1 << 64) - 1)


class JsonText(TypeDecorator[Any]):
    """A small immutable value of ours as JSON text: groups of a set, a sentence in two languages."""

    impl = SqlText
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        decode = msgspec.json.Decoder(self.kind).decode

        @lru_cache(maxsize=CACHE_SIZE)
        def unpacked(value: str | None) -> Any:
            return None if value is None else decode(value)

        return unpacked


TextTuple = JsonText(tuple[str, ...])
CountPairs = JsonText(tuple[tuple[str, int], ...])
BilingualText = JsonText(Text)


def plain_column(name: str, type_: Any, *, null: bool = False, reads: str = "") -> Column[Any]:
    """A column without a default. *reads*: see `source_attribute`."""
    return Column(name, type_, nullable=null, info={"reads": reads} if reads else {})


def key_column(name: str, *, reads: str = "") -> Column[str]:
    return Column(name, SqlText, primary_key=True, info={"reads": reads} if reads else {})


def text_column(name: str, *, null: bool = False, reads: str = "") -> Column[str]:
    return plain_column(name, SqlText, null=null, reads=reads)


def datetime_column(name: str, *, null: bool = False, reads: str = "") -> Column[datetime]:
    return plain_column(name, UtcDateTime, null=null, reads=reads)


def date_column(name: str, *, reads: str = "") -> Column[date]:
    return plain_column(name, Date, null=True, reads=reads)


def boolean_column(name: str, *, reads: str = "") -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false(), info={"reads": reads} if reads else {})


def integer_column(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def source_attribute(column: Column[Any]) -> str:
    """The attribute of the outcome's value that *column* stores, dotted; the column's own name where nothing else is said.

    Only for the tables of the outcome: their rows are built from these names (`store/ledger/outcomes.py`), so that a
    column and its value are named in one place.
    """
    attribute: str = column.info.get("reads", column.name)
    return attribute
