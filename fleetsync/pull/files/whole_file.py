"""A part that is one file: which one it is, and its records as pages when they were put together from all of its rows."""

from collections.abc import Iterator, Sequence
from typing import Any

from fleetsync.pull.contract import Page, RejectedRecord, SourceFile, SourceRefused, UnknownValue

_RECORDS_PER_PAGE = 2000


def single_list(files: Sequence[SourceFile], source: str) -> SourceFile | None:
    """The one file of *source*; None where it was read before. Raises SourceRefused for several."""
    if len(files) > 1:
        raise SourceRefused(
            f"{source}: path matches {len(files)} lists ({', '.join(file.name for file in files)}), and which is "
            "complete cannot be decided. Narrow the pattern so that only editions of one list match"
        )
    return files[0] if files else None


def pages_of_records(
    file: SourceFile,
    records: Sequence[Any],
    rejected: Sequence[RejectedRecord],
    drift: Sequence[UnknownValue] = (),
    scope: str | None = None,
) -> Iterator[Page]:
    """All *records* of *file* as pages, at least one. The first lists what was rejected and unused, and *drift*.

    *scope*: where each file is a whole of its own, that of the file.
    """
    starts = range(0, len(records), _RECORDS_PER_PAGE) or range(1)
    for start in starts:
        yield Page(
            records[start : start + _RECORDS_PER_PAGE],
            as_of=file.as_of,
            scope=scope,
            fingerprint=file.fingerprint,
            rejected=() if start else tuple(rejected),
            drift=() if start else (*drift, *file.left_out),
            file=file.name,
            unused_headers=() if start else file.unused_headers,
        )
