"""The keys of a `[[source]]` table that describe its files. Every key has a default that fits most exports."""

import codecs
import re
from io import BytesIO, TextIOWrapper
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fleetsync.pull.decoding import DateOrder


def _validated_encoding(name: str) -> str:
    try:
        TextIOWrapper(BytesIO(), encoding=name)  # refuses what is a codec and no encoding, such as hex
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError(
            f"{name} is not an encoding; use cp1252, utf-8, utf-16-le, iso8859-1, cp850 or mac_roman"
        ) from None


def _validated_name_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error.msg}") from None
    if not {"year", "month"} <= groups.keys():
        raise ValueError("needs the named groups year and month, and may have day: (?P<year>\\d{4})(?P<month>\\d\\d)")
    return pattern


class FileFormat(BaseModel):
    """How the files of a source look. A connector's Settings inherits it beside SourceSettings:
    `class Settings(SourceSettings, FileFormat)`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    encoding: Annotated[str, AfterValidator(_validated_encoding)] = "cp1252"
    """What a file is that has no byte order mark and is not UTF-8."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """None: that of ; tab , | which finds the most headers."""
    sheet: str | None = None
    """Of a workbook; None: the first that is not hidden and has headers that are known."""
    columns: dict[str, str | Annotated[int, Field(ge=1, strict=True)] | Literal[False]] = {}
    """Field = its header; "Från#2" is the second of two headers that are the same. Field = the number of its column, from
    1, beside headers or in a file without any. Field = false: no column of the file is this field."""
    date_order: DateOrder = "ymd"
    """ "dmy": DD/MM/YYYY is a date; else it is refused."""
    as_of_pattern: Annotated[str, AfterValidator(_validated_name_pattern)] | None = None
    """Finds in a file's name the day it speaks for."""
    as_of_column: str | None = None
    """The header of a column with the day that the file speaks for; used when its name has none."""
    settle_seconds: Annotated[float, Field(ge=0, le=60)] = 2
    """A file that changes within this time is still being written."""
    max_mebibytes: Annotated[int, Field(ge=1, le=1024)] = 64
    max_rows: Annotated[int, Field(ge=1)] = 300_000
    max_cells: Annotated[int, Field(ge=1)] = 20_000_000
    """Rows times columns of a workbook's table, up to its last cell with something in it."""
