"""A list as JSON: machine values under stable keys, sentences in both languages. For the API and the commands."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from fleetsync.core.model import Text
from fleetsync.expose.lists.definitions import CellValue, ListContext, ListDefinition

MAX_JSON_ROWS = 500  # of one answer of the API
ROWS_PER_CHUNK = 100


def json_rows(definition: ListDefinition[Any], rows: Sequence[Any], context: ListContext) -> list[Mapping[str, Any]]:
    """Each row as key → machine value, with the columns that the account may see."""
    columns = definition.columns_for(context.scope)
    return [{column.key: json_value(column.value(row, context)) for column in columns} for row in rows]


def json_document(
    head: Mapping[str, Any], definition: ListDefinition[Any], rows: Sequence[Any], context: ListContext
) -> Iterator[bytes]:
    """A JSON object in pieces: the members of *head* (at least one), and last "rows"."""
    yield msgspec.json.encode(head)[:-1] + b',"rows":['
    for first in range(0, len(rows), ROWS_PER_CHUNK):
        chunk = json_rows(definition, rows[first : first + ROWS_PER_CHUNK], context)
        yield (b"," if first else b"") + b",\n".join(map(msgspec.json.encode, chunk))
    yield b"]}\n"


def json_value(value: CellValue) -> Any:
    """A machine value in JSON: instants and days in ISO form, a sentence as {"sv": …, "en": …}."""
    if isinstance(value, Text):
        return {"sv": value.sv, "en": value.en}
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple | list) else value
