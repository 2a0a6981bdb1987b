"""Reads a part from a whole set of files. Absence is judged within each file, and only when all of them were read."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from connectors.sds_files.file_set import FileSet, read_file_set
from connectors.sds_files.people import PartRows, RosterUser, is_wanted, people_of
from connectors.sds_files.schema import (
    CLASSES,
    ENROLMENTS,
    ORGANISATIONS,
    ROLES,
    USERS,
    Organisation,
    SchoolClass,
)
from connectors.sds_files.settings import Settings
from fleetsync.core.model import RecordType
from fleetsync.pull.contract import (
    Connect,
    Page,
    Part,
    PartMissing,
    ProbeResult,
    SourceRefused,
    SourceUnavailable,
)
from fleetsync.pull.files import pages_of_records

_PERSON_RECORDS = (RecordType.PERSON, RecordType.MEMBERSHIP)
PARTS = (
    Part("units", (RecordType.UNIT,)),
    Part("groups", (RecordType.GROUP,), after=("units",), optional=True),
    Part("pupils", _PERSON_RECORDS, after=("units", "groups")),
    Part("staff", _PERSON_RECORDS, after=("units",)),
)

# The files whose rows decide something for a part. The others are read too, to know that the set is whole.
_FILES_OF_PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "units": (ORGANISATIONS,),
        "groups": (CLASSES,),
        "pupils": (USERS, ROLES, CLASSES, ENROLMENTS),
        "staff": (USERS, ROLES),
    }
)


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """The part whole. All files are read each time, since the records of a part stand in several of them.

    Raises SourceRefused where a file is missing or not of the same export, PartMissing for groups of an export without
    classes.
    """
    files = read_file_set(settings, connect)
    if files is None:
        return
    if part == "groups" and not files.has_classes:
        raise PartMissing(f"{settings.name}: the export has no classes.csv")
    rows = _rows_of(part, settings, files, connect)
    for name, each in files.files.items():
        rejected = (*each.rejected, *rows.rejected[name]) if name in _FILES_OF_PARTS[part] else ()
        yield from pages_of_records(each.file, rows.raws[name], rejected, scope=name)


def _rows_of(part: str, settings: Settings, files: FileSet, connect: Connect) -> PartRows:
    if part in ("pupils", "staff"):
        return people_of(part, settings, files, connect.today)
    rows = PartRows()
    if part == "units":
        rows.raws[ORGANISATIONS] += _unique(files.rows(ORGANISATIONS))
    else:
        rows.raws[CLASSES] += _unique([row for row in files.rows(CLASSES) if is_wanted(settings, row)])
    return rows


def _unique(rows: Sequence[Organisation | SchoolClass]) -> Sequence[Any]:
    """A row that stands twice is one."""
    return tuple(dict.fromkeys(rows))


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Whether the set is whole and can be read to its end, and how much of each part it has."""
    try:
        files = read_file_set(settings, connect)
    except (SourceRefused, SourceUnavailable) as error:
        yield ProbeResult(PARTS[0].name, ok=False, what=str(error))
        return
    for part in PARTS:
        if part.name not in settings.without:
            yield _result(part, settings, files, connect)


def _result(part: Part, settings: Settings, files: FileSet | None, connect: Connect) -> ProbeResult:
    if files is None:
        return ProbeResult(part.name, ok=True, what="no file has changed since the last complete pull")
    if part.name == "groups" and not files.has_classes:
        return ProbeResult(part.name, ok=True, what="not there, and not needed here: the export has no classes.csv")
    rows = _rows_of(part.name, settings, files, connect)
    things = [
        raw for raws in rows.raws.values() for raw in raws if isinstance(raw, RosterUser | Organisation | SchoolClass)
    ]
    return ProbeResult(part.name, ok=True, what=f"{part.name} in these files: {len(things)}")
