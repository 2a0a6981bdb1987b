"""A small installation whose numbers rest on one export, and that export with a changed header.

The export is read for the first time, beside a file that names the same persons or devices: nothing earlier is there to
compare it with, which is the hardest case. Nothing is stored: each pull is judged and reconciled in memory.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import msgspec

from fleetsync import sync
from fleetsync.core.model import Outcome
from fleetsync.core.snapshot import build_snapshot
from fleetsync.daemon.composition import with_memory_staging
from fleetsync.pull.runner import PullResult
from fleetsync.pull.table_process.xml_records import read_xml_records
from fleetsync.sync.judging import judge
from tests.connectors.connector_case import RECORDED
from tests.flow.installation import Installation, OpenInstallation

Table = list[list[str]]
Mutation = Callable[[Table, int], Iterator[Table]]
"""Gives tables in which the header at a place is changed."""

DEVICES = range(1, 15)
STAFF_HEADER = "Anst.nr;E-post;Kostnadsställe;Anst.form;Fr.o.m.;T.o.m."
LIST_HEADER = "Serienr;Modell;Plattform;Status;Användare;Senast sedd"


# --------------------------------------------------------------------------------------------------------- the mutations


def renamed(table: Table, place: int) -> Iterator[Table]:
    """The header is a word that nobody knows."""
    yield [[*table[0][:place], "Fritext 9", *table[0][place + 1 :]], *table[1:]]


def unnamed(table: Table, place: int) -> Iterator[Table]:
    """There is no header above the column."""
    yield [[*table[0][:place], "", *table[0][place + 1 :]], *table[1:]]


def dropped(table: Table, place: int) -> Iterator[Table]:
    """The column is not in the file."""
    yield [[*line[:place], *line[place + 1 :]] for line in table]


def doubled(table: Table, place: int) -> Iterator[Table]:
    """The column is there twice, once without values; and its header stands over the next column too."""
    copy = [[*line[:place], line[place] if number == 0 else "", *line[place:]] for number, line in enumerate(table)]
    yield copy
    over = list(table[0])
    over[(place + 1) % len(over)] = over[place]
    yield [over, *table[1:]]


def swapped(table: Table, place: int) -> Iterator[Table]:
    """The header has changed places with the next one, and with the seventh after it; the columns below have not."""
    for distance in (1, 7):
        header, other = list(table[0]), (place + distance) % len(table[0])
        header[place], header[other] = header[other], header[place]
        yield [header, *table[1:]]


def moved(table: Table, place: int) -> Iterator[Table]:
    """The column has changed places with the next one, header and all, as people move columns in a spreadsheet."""
    order = list(range(len(table[0])))
    other = (place + 1) % len(order)
    order[place], order[other] = order[other], order[place]
    yield [[line[index] for index in order] for line in table]


# ------------------------------------------------------------------------------------------------------------ the exports


@dataclass(frozen=True)
class LayoutCase:
    """A recorded export. *keys*: further lines of its `[[source]]` table. *holder*: how the list of devices names an employee."""

    kind: str
    file: str
    delimiter: str = ";"
    encoding: str = "utf-8"
    keys: str = ""
    mutations: tuple[Mutation, ...] = (renamed, unnamed, dropped, doubled, swapped, moved)
    holder: Callable[[int], str] = lambda n: f"larare{n:02}@exempelby.se"

    @property
    def name(self) -> str:
        return self.file.partition(".")[0].removeprefix("layout_")

    def table(self) -> Table:
        """The export as lines of cells, the headers first."""
        if self.file.endswith(".xml"):
            return _table_of_paxml((RECORDED / self.kind / self.file).read_bytes())
        text = (RECORDED / self.kind / self.file).read_text(encoding=self.encoding)
        return list(csv.reader(StringIO(text, newline=""), delimiter=self.delimiter))

    def written(self, table: Table) -> bytes:
        """*table* as the system writes it."""
        if self.file.endswith(".xml"):
            return _written_as_paxml(table)
        text = StringIO(newline="")
        csv.writer(text, delimiter=self.delimiter, lineterminator="\r\n").writerows(table)
        return text.getvalue().encode(self.encoding)


def _table_of_paxml(content: bytes) -> Table:
    return list(read_xml_records(content, 1000, 100_000))


def _written_as_paxml(table: Table) -> bytes:
    """A register of persons; an element that has no name is left out, as is one that has no text."""
    persons = (
        "".join(_element(name, text) for name, text in zip(table[0], line, strict=True) if name and text)
        for line in table[1:]
    )
    return f"<paxml><personal>{''.join(f'<person>{each}</person>' for each in persons)}</personal></paxml>".encode()


def _element(name: str, text: str) -> str:
    word, _, dimension = name.partition(" ")
    if dimension.isdigit():
        return f'<enheter><{word} dim="{dimension}" id="{text}"/></enheter>'
    word = name.replace(" ", "_")
    return f"<{word}>{text}</{word}>"


# An export of some forty columns has enough cases without those that the others try too.
OF_MANY_HEADERS: tuple[Mutation, ...] = (renamed, dropped, doubled, swapped)

CASES = (
    LayoutCase("device_file", "layout_intune_en.csv", delimiter=",", encoding="utf-8-sig", mutations=OF_MANY_HEADERS),
    # The same layout in other words: whether its headers are known can be told without moving them.
    LayoutCase(
        "device_file", "layout_intune_sv.csv", delimiter=",", encoding="utf-8-sig", mutations=(renamed, dropped)
    ),
    LayoutCase("device_file", "layout_google.csv", delimiter=","),
    LayoutCase("device_file", "layout_jamf_school.csv", mutations=OF_MANY_HEADERS),
    LayoutCase("device_file", "layout_snipeit.csv", delimiter=","),
    LayoutCase("device_file", "layout_snipeit_list.csv", delimiter=",", mutations=OF_MANY_HEADERS),
    LayoutCase("staff_file", "layout_agda.csv", encoding="cp1252"),
    LayoutCase("staff_file", "layout_hogia.csv", encoding="cp1252"),
    LayoutCase("staff_file", "layout_personec.csv", encoding="cp1252"),
    # In XML an element that is not there says that nobody has it.
    LayoutCase("staff_file", "layout_paxml.xml", mutations=(renamed, doubled, swapped, moved)),
    LayoutCase(
        "staff_file",
        "layout_stratsys.csv",
        encoding="cp1252",
        keys='domain = "EXB"',
        holder=lambda n: f"EXB\\lar{n:02}",
    ),
)


# ------------------------------------------------------------------------------------------------------ what comes of it


@dataclass(frozen=True)
class Reading:
    """What came of a pull. *outcome*: None where it was refused or held, so that no number moves."""

    outcome: Outcome | None
    numbers: dict[str, dict[tuple[str, ...], float]]
    reason: str = ""


class LayoutInstallation:
    """One export and one file beside it, in a running installation."""

    def __init__(self, case: LayoutCase, installation: Installation, opened: OpenInstallation) -> None:
        self._case, self._installation, self._opened = case, installation, opened
        self._run_context = with_memory_staging(opened.application).run_context
        self._beside = sync.pull_side_by_side(self._run_context, opened.due("beside", "inventory"))
        ((self._source, self._part),) = opened.due("export")
        self._readings: dict[bytes, Reading] = {}

    def read(self, table: Table) -> Reading:
        """What follows from *table* as the export."""
        return self.read_bytes(self._case.written(table))

    def read_bytes(self, content: bytes) -> Reading:
        """What follows from a file with *content*."""
        file = self._installation.deliveries / f"export{Path(self._case.file).suffix}"
        file.write_bytes(content)
        pulled = self._run_context.runner.pull(self._source, self._part, self._run_context.stop)
        if pulled.effect is None:
            return Reading(None, {}, pulled.reason or "")
        # The same rows have the same outcome: most headers are read as nothing, and so change nothing.
        rows = self._run_context.staged_effect(pulled.pull).rows
        content_read = msgspec.json.encode(sorted((row.source_id, str(row.record)) for row in rows))
        if content_read not in self._readings:
            self._readings[content_read] = self._judged(pulled)
        return self._readings[content_read]

    def _judged(self, pulled: PullResult) -> Reading:
        run_context = self._run_context
        judgement = judge(run_context, run_context.believed(), [*self._beside, pulled], run_context.moment())
        refused = [each for each in judgement.refused if each.effect.source == "export"]
        if refused:
            return Reading(None, {}, " ".join(refusal.text.en for each in refused for refusal in each.refusals))
        reconciled = judgement.check.reconciled
        snapshot = build_snapshot(reconciled.outcome, reconciled.context)
        return Reading(reconciled.outcome, {name: dict(cells) for name, cells in snapshot.numbers.items()})


@contextmanager
def layout_installation(case: LayoutCase, folder: Path) -> Iterator[LayoutInstallation]:
    """An installation that reads the export of *case*, and the same persons or devices from a file beside it."""
    with Installation(folder) as installation:
        installation.names = ()
        suffix = Path(case.file).suffix
        other = "device_file" if case.kind == "staff_file" else "staff_file"
        installation.more = f"""
[[source]]
kind = "{case.kind}"
name = "export"
path = "deliveries/export{suffix}"
settle_seconds = 0
{case.keys}
[[source]]
kind = "{other}"
name = "beside"
path = "deliveries/beside.csv"
settle_seconds = 0
"""
        if case.kind == "device_file":
            installation.more += """
[[source]]
kind = "device_file"
name = "inventory"
path = "deliveries/inventory.csv"
settle_seconds = 0
"""
        installation.write()
        _write_files_beside(case, installation)
        with installation.open() as opened:
            yield LayoutInstallation(case, installation, opened)


def _write_files_beside(case: LayoutCase, installation: Installation) -> None:
    if case.kind == "device_file":
        rows = [f"{n:05};{case.holder(n)};3101;Tillsvidare;2019-08-01;" for n in range(1, 13)]
        text = "\n".join((STAFF_HEADER, *rows, ""))
    else:
        rows = [f"DMPEX{n:05};iPad (A16);iPadOS;I drift;{case.holder(n)};2026-11-22" for n in range(1, 13)]
        text = "\n".join((LIST_HEADER, *rows, ""))
    (installation.deliveries / "beside.csv").write_text(text, encoding="utf-8")
    listed = "\n".join(("Serienr;Inköpt", *(f"DMPEX{n:05};2025-05-02" for n in DEVICES), ""))
    (installation.deliveries / "inventory.csv").write_text(listed, encoding="utf-8")


# ------------------------------------------------------------------------------------------------- what changed silently

UNKNOWN_MEASURES = frozenset({"fleetsync_unknown", "fleetsync_undecided"})
UNKNOWN_UNIT = "unplaced"
GAPS = "fleetsync_gaps"
SECURE_DEVICES = "fleetsync_secure_devices"
DEVICES_BY_AGE, UNKNOWN_AGE = "fleetsync_devices_by_age", "unknown"

Cells = Mapping[tuple[str, ...], float]


def silent_changes(before: Reading, after: Reading) -> list[str]:
    """Numbers of *after* that are others than those of *before*, without being called unknown for it.

    A number may only fall, by as much as openly became unknown: undecided persons, devices of which it cannot be said whether
    they work or are secure, and what is placed at no unit.
    """
    if after.outcome is None:
        return []
    became_unknown = sum(
        sum(after.numbers[name].values()) - sum(before.numbers[name].values()) for name in UNKNOWN_MEASURES
    ) + max(_unknown_devices(after) - _unknown_devices(before), 0)
    changes = []
    for name in before.numbers.keys() - UNKNOWN_MEASURES:
        risen, fallen = _movements(before.numbers[name], after.numbers[name])
        openly = became_unknown + _secure_became_unknown(before, after) * (name == SECURE_DEVICES)
        openly += sum(rise for cell, rise in risen.items() if UNKNOWN_UNIT in cell)
        if name == DEVICES_BY_AGE:
            openly += sum(rise for cell, rise in risen.items() if cell[-1] == UNKNOWN_AGE)
        changes += [f"{name}{cell} rose" for cell in risen if not _is_openly_unknown(cell)]
        if sum(fallen.values()) > openly and not (name == GAPS and openly):
            changes.append(f"{name} fell at {', '.join(map(str, fallen))}")
    return changes


def _is_openly_unknown(cell: tuple[str, ...]) -> bool:
    return UNKNOWN_UNIT in cell or any("unknown" in label for label in cell)


def _movements(before: Cells, after: Cells) -> tuple[dict[tuple[str, ...], float], dict[tuple[str, ...], float]]:
    """By cell how much it rose, and how much it fell."""
    moved = {cell: after.get(cell, 0) - before.get(cell, 0) for cell in {*before, *after}}
    return {cell: by for cell, by in moved.items() if by > 0}, {cell: -by for cell, by in moved.items() if by < 0}


def _secure_became_unknown(before: Reading, after: Reading) -> int:
    """Of how many more devices a source does not say whether they are secure."""
    assert before.outcome is not None
    assert after.outcome is not None
    was, will_be = (
        sum(case.device_state.secure is None for case in outcome.devices) for outcome in (before.outcome, after.outcome)
    )
    return max(will_be - was, 0)


def _unknown_devices(reading: Reading) -> int:
    assert reading.outcome is not None
    return sum(case.device_state.works is None for case in reading.outcome.devices)
