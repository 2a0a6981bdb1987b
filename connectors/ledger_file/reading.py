"""Reads a ledger's export to its end, and sets its lines off against each other."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from connectors.ledger_file.columns import COLUMNS, NEEDED_FIELDS
from connectors.ledger_file.lines import LedgerLine, misfit_reader, read_line
from connectors.ledger_file.netting import LeftOut, Purchase, net_purchases
from connectors.ledger_file.settings import Settings
from fleetsync.core.model import DroppedKind, PartRole, RecordType
from fleetsync.pull.contract import (
    Connect,
    Page,
    Part,
    ProbeResult,
    RejectedRecord,
    SourceFile,
    SourceRefused,
)
from fleetsync.pull.decoding import fold_text, missing_columns, probe_files
from fleetsync.pull.files import pages_of_records, single_list

PARTS = (Part("purchases", (RecordType.DEVICE,), role=PartRole.PURCHASES, expects_mdm=True),)


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """Every device of the newest edition that was bought and not credited; none before the last line is read.

    Raises SourceRefused when *path* matches several lists, or nothing but credits was read.
    """
    file = single_list(list(connect.files(settings.path, COLUMNS, form=settings)), settings.name)
    if file is not None:
        yield from _pages(file, settings)


def _pages(file: SourceFile, settings: Settings) -> Iterator[Page]:
    lines: list[LedgerLine] = []
    rejected: list[RejectedRecord] = []
    for page in file.pages(read_line, misfit=misfit_reader):
        lines += page.raws
        rejected += page.rejected
    _check_for_purchases(file, settings, lines)
    kept = [line for line in lines if _is_of_an_article(settings, line)]
    others = sum(line.pieces for line in lines) - sum(line.pieces for line in kept)
    left_out = [LeftOut(DroppedKind.OTHER_CATEGORY, others)] if others else []
    facts = [fact for line in kept for fact in line.unreadable]
    records = [*net_purchases(kept), *left_out, *facts]
    yield from pages_of_records(file, records, rejected, missing_columns(file, NEEDED_FIELDS))


def _check_for_purchases(file: SourceFile, settings: Settings, lines: Sequence[LedgerLine]) -> None:
    """A ledger of what is owed to suppliers writes purchases below zero: no line of it would be a device."""
    signs = {line.is_credit for line in lines if line.serials}
    if signs == {True}:
        raise SourceRefused(
            f"{settings.name}: every line of {file.name} with a serial number is a credit. If its amounts are written below "
            "zero for purchases, say columns = { amount = false } in the [[source]] table, and the quantity decides"
        )


def _is_of_an_article(settings: Settings, line: LedgerLine) -> bool:
    article = fold_text(line.model)
    return not settings.articles or any(fnmatchcase(article, fold_text(pattern)) for pattern in settings.articles)


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Whether the file can be read to its end, for which day it speaks, and which columns it lacks."""
    files = connect.files(settings.path, COLUMNS, form=settings)
    yield from probe_files(
        PARTS[0],
        files,
        lambda file: sum(isinstance(raw, Purchase) for page in _pages(file, settings) for raw in page.raws),
        noun="devices",
        groups=NEEDED_FIELDS,
    )
