"""Reads an XML file of records as a table: a line of headers, then one line per record.

Only what is known by its outermost element is read: PAXml, which Swedish payroll systems exchange. Headers are the names of
attributes and elements; an element that refers to something by a dimension ("resenhet", dim 1 = cost centre) is headed by
both. Entities and references to other files are refused, not resolved.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from fleetsync.pull.table_process.errors import TableError

_END: Final = re.compile(rb"</(?:\w+:)?paxml\s*>\s*\Z")
_RECORD = "person"
_MAX_HEADERS = 16_384  # as many columns as a spreadsheet can have


def read_xml_records(content: bytes, max_records: int, max_cells: int) -> Iterator[list[str]]:
    """The headers, and the persons of a PAXml file.

    Raises TableError for a file that ends early or is damaged, has no persons, or more than *max_records* or
    *max_cells*.
    """
    try:
        records = list(_records(content, max_records))
    except DefusedXmlException:
        raise TableError("it declares entities of its own, which are not read. Export it again") from None
    except ParseError:
        if _END.search(content) is None:
            raise TableError("its end is missing. Is it still being written?", is_incomplete=True) from None
        raise TableError("it is damaged, and no XML. Export it again") from None
    if not records:
        raise TableError(
            "it is PAXml without any person. Export the register of employees (personal), not only what they are paid"
        )
    headers = list(dict.fromkeys(header for record in records for header in record))
    if len(headers) > _MAX_HEADERS or len(records) * len(headers) > max_cells:
        raise TableError(
            f"its {len(records)} persons have {len(headers)} kinds of fields, more than a list has ({_MAX_HEADERS}, and "
            f"{max_cells} cells). Export fewer fields"
        )
    yield headers
    for record in records:
        yield [record.get(header, "") for header in headers]


def _records(content: bytes, max_records: int) -> Iterator[dict[str, str]]:
    count = 0
    for _, element in iterparse(BytesIO(content), events=("end",)):
        if _name(element) != _RECORD:
            continue
        # What a payroll system asks another one to delete is employed no more.
        if element.get("delete") != "true":
            count += 1
            if count > max_records:
                raise TableError(
                    f"it has more than {max_records} persons. If that is right, set max_rows in the [[source]] table"
                )
            yield _record(element)
        element.clear()


def _record(element: Element) -> dict[str, str]:
    cells: dict[str, str] = {}
    for header, text in _cells(element):
        if header in cells:
            raise TableError(f"a person has {header} twice, and which one counts cannot be decided. Export it again")
        cells[header] = text
    return cells


def _cells(record: Element) -> Iterator[tuple[str, str]]:
    """The attributes and elements of a record, with what stands there."""
    yield from record.attrib.items()
    for element in record:
        if len(element) == 0:
            yield _name(element), element.text or ""
        for reference in element:
            if "id" in reference.attrib:
                yield f"{_name(reference)} {reference.get('dim', '')}".strip(), reference.attrib["id"]


def _name(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]
