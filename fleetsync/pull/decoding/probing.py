"""What `fleetsync check` reports of a source: one result per part, file and credential, with what to do about it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta

from fleetsync.pull.contract import (
    Part,
    PartMissing,
    ProbeResult,
    SourceFile,
    SourceRefused,
    SourceUnavailable,
    UnknownValue,
    WrongAnswer,
)

EXPIRY_WARNING_PERIOD = timedelta(days=30)

MISSING_COLUMN = "missing column"  # the field by which a pull reports one
_SINGULARS = {"people": "person", "devices": "device", "pupils": "pupil"}

FieldGroups = Mapping[str, tuple[str, ...]]
"""Fields of a file by what they are for: of each group one column is enough."""


def probe_part(
    part: Part,
    has_records: Callable[[], bool],
    *,
    readable: str,
    empty: str,
    remedy: str,
    missing_remedy: str = "",
    is_needed: bool = True,
) -> ProbeResult:
    """Asks an API for one record of *part* and says what came of it.

    *has_records*: makes the request; whether it gave a record. *readable* and *empty*: what is said of either. *remedy*:
    what to grant when the request is refused; *missing_remedy*: what to do when the system does not have the part.
    *is_needed* False: neither that nor a permission that was not granted is a failure, though both are said. Raises
    SourceUnavailable.
    """
    try:
        what = readable if has_records() else empty
    except PartMissing as missing:
        is_fine = part.optional or not is_needed
        what = f"not there, and not needed here: {missing}" if is_fine else str(missing)
        how_to_get_it = remedy if missing.is_forbidden else missing_remedy or remedy
        return ProbeResult(part.name, ok=is_fine, what=what, remedy="" if part.optional else how_to_get_it)
    except (SourceRefused, WrongAnswer) as refused:
        return ProbeResult(part.name, ok=False, what=str(refused), remedy=remedy)
    return ProbeResult(part.name, ok=True, what=what)


def probe_files(
    part: Part,
    files: Iterable[SourceFile],
    count: Callable[[SourceFile], int],
    *,
    noun: str,
    groups: FieldGroups,
) -> Iterator[ProbeResult]:
    """Reads every file to its end, and says for which day it speaks, how many records it has and which columns it lacks.

    *count*: reads a file and counts its records, which are called *noun*.
    """
    is_any_new = False
    try:
        for file in files:
            is_any_new = True
            yield _file_result(part, file, _counted(count(file), noun), missing_fields(file, groups))
    except (SourceRefused, SourceUnavailable) as error:
        yield ProbeResult(part.name, ok=False, what=str(error))
    else:
        if not is_any_new:
            yield ProbeResult(part.name, ok=True, what="no file has changed since the last complete pull")


def _file_result(part: Part, file: SourceFile, records: str, missing: tuple[str, ...]) -> ProbeResult:
    if file.problem:
        return ProbeResult(part.name, ok=False, what=f"{file.name} cannot be read, the others can: {file.problem}")
    what = "; ".join((f"{file.name} speaks for {file.as_of} and has {records}", *file.notes, *_taken(file)))
    if not missing:
        return ProbeResult(part.name, ok=not file.suspected_fields, what=what)
    return ProbeResult(
        part.name,
        ok=False,
        what=f"{what}; no column for {', '.join(missing)}",
        remedy='Name the header: columns = { field = "header" }, or have the column added to the file',
    )


def _counted(count: int, noun: str) -> str:
    return f"1 {_SINGULARS.get(noun, noun)}" if count == 1 else f"{count} {noun}"


def _taken(file: SourceFile) -> tuple[str, ...]:
    taken = ", ".join(f"{header} → {field.replace('_', ' ')}" for field, header in file.taken_headers.items())
    return (f"taken: {taken}",) if taken else ()


def missing_fields(file: SourceFile, groups: FieldGroups) -> tuple[str, ...]:
    """The names of *groups* for which the file has no column at all."""
    missing = set(file.missing_fields)
    return tuple(name for name, fields in groups.items() if missing.issuperset(fields))


def missing_columns(file: SourceFile, groups: FieldGroups) -> tuple[UnknownValue, ...]:
    """`missing_fields` as a pull reports them."""
    return tuple(UnknownValue(MISSING_COLUMN, name) for name in missing_fields(file, groups))


def credential_result(expires: date, today: date, remedy: str) -> ProbeResult:
    """Whether our own credential still works on *today*. *remedy* is shown from thirty days before it expires."""
    if expires <= today:
        return ProbeResult(None, ok=False, what=f"the credential ran out on {expires}", remedy=remedy)
    is_soon = expires - today <= EXPIRY_WARNING_PERIOD
    return ProbeResult(None, ok=True, what=f"the credential runs out on {expires}", remedy=remedy if is_soon else "")
