"""Reads an XML file of records as a table: a line of headers, then one line per record.

Only what is known by its outermost element is read: PAXml, which Swedish payroll systems exchange. Headers are the names of
attributes and elements; an element that refers to something by a dimension ("resenhet", dim 1 = cost centre) is headed by
both. Entities and references to other files are refused, not resolved.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from fleetsync.pull.contract import SourceRefused, SourceUnavailable
from fleetsync.pull.decoding.text import clean
from fleetsync.pull.files.values import Cell, cell_text, may_hold_damage

_BEGINNING_BYTES = 4096
_PAXML: Final = re.compile(rb"<(?:\w+:)?paxml[\s>]")
_END: Final = re.compile(rb"</(?:\w+:)?paxml\s*>\s*\Z")
_RECORD = "person"


@dataclass(frozen=True, slots=True)
class XmlTable:
    """The records of an XML file. Lines are numbered as if it were a table: the first record is line 2."""

    headers: Sequence[str]
    records: Sequence[Sequence[str]]
    encoding: str = "xml"
    lacks_final_newline: bool = False
    is_1904: bool = False
    left_sheets: tuple[str, ...] = ()
    merged_rows: tuple[tuple[int, int, range], ...] = ()

    def lines(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """The headers, then the records."""
        yield 1, self.headers
        yield from enumerate(self.records, 2)

    def may_be_damaged(self, cells: Sequence[Cell]) -> bool:
        """Whether a spreadsheet may have damaged a cell before it came into the file."""
        return may_hold_damage(map(cell_text, cells))


def is_xml_of_records(content: bytes) -> bool:
    """Whether a file is XML of a known kind, by its beginning."""
    return _PAXML.search(content[:_BEGINNING_BYTES].replace(b"\0", b"")) is not None


def open_xml_records(content: bytes, max_records: int, where: str) -> XmlTable:
    """The persons of a PAXml file. *where* begins each message.

    Raises SourceUnavailable for a file that ends early, SourceRefused for one that is damaged, has no persons, or more
    than *max_records*.
    """
    try:
        records = list(_records(content, max_records, where))
    except DefusedXmlException:
        raise SourceRefused(f"{where}: it declares entities of its own, which are not read. Export it again") from None
    except ParseError:
        if _END.search(content) is None:
            raise SourceUnavailable(f"{where}: its end is missing. Is it still being written?") from None
        raise SourceRefused(f"{where}: it is damaged, and no XML. Export it again") from None
    if not records:
        raise SourceRefused(
            f"{where}: it is PAXml without any person. Export the register of employees (personal), not only what they are paid"
        )
    headers = tuple(dict.fromkeys(header for record in records for header in record))
    return XmlTable(headers, [[record.get(header, "") for header in headers] for record in records])


def _records(content: bytes, max_records: int, where: str) -> Iterator[dict[str, str]]:
    count = 0
    for _, element in iterparse(BytesIO(content), events=("end",)):
        if _name(element) != _RECORD:
            continue
        # What a payroll system asks another one to delete is employed no more.
        if element.get("delete") != "true":
            count += 1
            if count > max_records:
                raise SourceRefused(
                    f"{where}: it has more than {max_records} persons. If that is right, set max_rows in the [[source]] table"
                )
            yield _record(element, where)
        element.clear()


def _record(element: Element, where: str) -> dict[str, str]:
    cells: dict[str, str] = {}
    for header, text in _cells(element):
        if header in cells:
            raise SourceRefused(
                f"{where}: a person has {header} twice, and which one counts cannot be decided. Export it again"
            )
        cells[header] = text
    return cells


def _cells(record: Element) -> Iterator[tuple[str, str]]:
    """The attributes and elements of a record, with what stands there."""
    for name, text in record.attrib.items():
        yield name, clean(text)
    for element in record:
        if len(element) == 0:
            yield _name(element), clean(element.text or "")
        for reference in element:
            if "id" in reference.attrib:
                yield f"{_name(reference)} {reference.get('dim', '')}".strip(), clean(reference.attrib["id"])


def _name(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]
