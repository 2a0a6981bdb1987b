"""A list as JSON: machine values under stable keys, sentences in both languages. For the API and the commands."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from fleetsync.core.model import Text
from fleetsync.expose.lists.definitions import CellValue, ListContext, ListDefinition


def json_rows(definition: ListDefinition[Any], rows: Sequence[Any], context: ListContext) -> list[Mapping[str, Any]]:
    """Each row as key → machine value, with the columns that the account may see."""
    columns = definition.columns_for(context.scope)
    return [{column.key: json_value(column.value(row, context)) for column in columns} for row in rows]


def json_value(value: CellValue) -> Any:
    """A machine value in JSON: instants and days in ISO form, a sentence as {"sv": …, "en": …}."""
    if isinstance(value, Text):
        return {"sv": value.sv, "en": value.en}
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple | list) else value
