"""The lists: coverage, gaps, devices, people, assignments, sources, as columns and rows of plain values.

What the commands print; the page draws its own tables of the same snapshot, with links and filters (`web/lists.py`). A
person is shown by id alone, a masked person and a child not at all. Nothing here formats or translates a value.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from fleetsync.core.lifecycle import GAPS
from fleetsync.core.model import DeviceCase, Episode, PartState, PersonCase, Subject, Text
from fleetsync.core.snapshot import Snapshot


class CellFormat(StrEnum):
    """How a cell is to be written."""

    TEXT = "text"
    NUMBER = "number"
    RATIO = "ratio"
    DAY = "day"
    INSTANT = "instant"
    SENTENCE = "sentence"  # a Text


class OutputColumn(msgspec.Struct, frozen=True):
    """A column: its name in machine-readable forms, its title, and how its cells are written."""

    name: str
    title: Text
    kind: CellFormat = CellFormat.TEXT


class OutputTable(msgspec.Struct, frozen=True, kw_only=True):
    """A list: `rows` hold one value per column; None is unknown."""

    name: str
    title: Text
    columns: tuple[OutputColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    as_of: date | None = None


class OutputFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to show; None: all."""

    unit: str | None = None
    entitlement: str | None = None
    kind: str | None = None
    platform: str | None = None
    state: str | None = None
    stage: str | None = None

    def matches(self, **values: str | None) -> bool:
        """Whether each of *values* is what is asked for."""
        return all(getattr(self, name) in (None, value) for name, value in values.items())


def coverage(snapshot: Snapshot, wanted: OutputFilter) -> OutputTable:
    """Per unit and entitlement: owed, existing, working, unknown, short, over, and the ratio with its upper end."""
    columns = (
        OutputColumn("unit", Text("Enhet", "Unit")),
        OutputColumn("entitlement", Text("Rättighet", "Entitlement")),
        OutputColumn("entitled", Text("Ska ha", "Entitled"), CellFormat.NUMBER),
        OutputColumn("assigned", Text("Har", "Assigned"), CellFormat.NUMBER),
        OutputColumn("covered", Text("Har och i drift", "Covered"), CellFormat.NUMBER),
        OutputColumn("unknown", Text("Vet inte", "Unknown"), CellFormat.NUMBER),
        OutputColumn("short", Text("Saknar", "Short"), CellFormat.NUMBER),
        OutputColumn("surplus", Text("Över", "Surplus"), CellFormat.NUMBER),
        OutputColumn("undecided", Text("Oavgjorda", "Undecided"), CellFormat.NUMBER),
        OutputColumn("on_leave", Text("Lediga", "On leave"), CellFormat.NUMBER),
        OutputColumn("ratio", Text("Täckning", "Coverage"), CellFormat.RATIO),
        OutputColumn("ratio_at_best", Text("Täckning som mest", "Coverage at best"), CellFormat.RATIO),
    )
    rows = tuple(
        tuple(getattr(row, column.name) for column in columns)
        for row in snapshot.outcome.coverage
        if wanted.matches(unit=row.unit, entitlement=row.entitlement)
    )
    return _snapshot_table("coverage", Text("Täckning", "Coverage"), columns, rows, snapshot)


GAP_TITLES = {gap.id: gap.title for gap in GAPS}


def gaps(snapshot: Snapshot, wanted: OutputFilter) -> OutputTable:
    """Open gaps, oldest first; those that a first complete pull found have no age."""
    columns = (
        OutputColumn("kind", Text("Avvikelse", "Gap")),
        OutputColumn("title", Text("Rubrik", "Title"), CellFormat.SENTENCE),
        OutputColumn("unit", Text("Enhet", "Unit")),
        OutputColumn("subject", Text("Gäller", "Subject")),
        OutputColumn("subject_id", Text("Id", "Id")),
        OutputColumn("opened_at", Text("Öppnad", "Opened"), CellFormat.INSTANT),
        OutputColumn("state", Text("Läge", "State")),
        OutputColumn("reason", Text("Varför", "Why"), CellFormat.SENTENCE),
    )
    rows = [
        (
            episode.kind,
            GAP_TITLES.get(episode.kind, Text(episode.kind, episode.kind)),
            episode.unit,
            episode.subject.value,
            _visible_subject_id(episode, snapshot),
            None if episode.known_before else episode.opened_at,
            gap_state(episode, snapshot),
            episode.reason,
        )
        for episode in sorted(snapshot.outcome.episodes, key=lambda one: (one.opened_at, one.key))
        if wanted.matches(unit=episode.unit, kind=episode.kind, state=gap_state(episode, snapshot))
    ]
    return _snapshot_table("gaps", Text("Avvikelser", "Gaps"), columns, rows, snapshot)


def gap_state(episode: Episode, snapshot: Snapshot) -> str:
    """Return "parked" while somebody has taken it out of alerts, else "open"."""
    until = episode.parked_until
    return "parked" if until is not None and snapshot.outcome.moment.today <= until else "open"


def _visible_subject_id(episode: Episode, snapshot: Snapshot) -> str | None:
    is_hidden = episode.subject is Subject.PERSON and episode.subject_id in snapshot.hidden
    return None if is_hidden else episode.subject_id


def devices(snapshot: Snapshot, wanted: OutputFilter) -> OutputTable:
    """The devices of this moment, what they are for, where, and whether they work. Ignored ones are not listed."""
    columns = (
        OutputColumn("id", Text("Id", "Id")),
        OutputColumn("serial", Text("Serienummer", "Serial")),
        OutputColumn("unit", Text("Enhet", "Unit")),
        OutputColumn("platform", Text("Plattform", "Platform")),
        OutputColumn("model", Text("Modell", "Model")),
        OutputColumn("purpose", Text("Ändamål", "Purpose")),
        OutputColumn("stage", Text("Skede", "Stage")),
        OutputColumn("holder", Text("Innehavare", "Holder")),
        OutputColumn("works", Text("I drift", "Works")),
        OutputColumn("last_contact_at", Text("Senaste kontakt", "Last contact"), CellFormat.INSTANT),
        OutputColumn("why", Text("Varför", "Why"), CellFormat.SENTENCE),
    )
    rows = [
        _device_row(case, snapshot)
        for case in snapshot.outcome.devices
        if case.device_state.stage is not None
        and wanted.matches(
            unit=case.placement.unit, platform=case.device.platform.value, stage=case.device_state.stage.value
        )
    ]
    return _snapshot_table("devices", Text("Verktyg", "Devices"), columns, rows, snapshot)


def _device_row(case: DeviceCase, snapshot: Snapshot) -> tuple[Any, ...]:
    holder = case.placement.holder
    return (
        case.device.id,
        case.device.serial,
        case.placement.unit,
        case.device.platform.value,
        case.device.model,
        case.placement.purpose.value,
        case.device_state.stage.value if case.device_state.stage else None,
        None if holder in snapshot.hidden else holder,
        case.device_state.works,
        case.device.last_contact_at,
        case.device_state.works_reason,
    )


def people(snapshot: Snapshot, wanted: OutputFilter) -> OutputTable:
    """Those who may be listed and belong to a unit today, with what they are owed and have; ids alone, never a name."""
    columns = (
        OutputColumn("id", Text("Id", "Id")),
        OutputColumn("unit", Text("Enhet", "Unit")),
        OutputColumn("entitlement", Text("Rättighet", "Entitlement")),
        OutputColumn("owed", Text("Ska ha", "Owed"), CellFormat.NUMBER),
        OutputColumn("assigned", Text("Har", "Assigned"), CellFormat.NUMBER),
        OutputColumn("covered", Text("I drift", "Covered"), CellFormat.NUMBER),
        OutputColumn("devices", Text("Verktyg", "Devices")),
        OutputColumn("why", Text("Varför", "Why"), CellFormat.SENTENCE),
    )
    rows = [
        _person_row(case)
        for case in snapshot.outcome.people
        if is_listed(case, snapshot)
        and wanted.matches(
            unit=case.person_state.unit,
            entitlement=case.person_state.owed.entitlement if case.person_state.owed else None,
        )
    ]
    return _snapshot_table("people", Text("Personer", "People"), columns, rows, snapshot)


def is_listed(case: PersonCase, snapshot: Snapshot) -> bool:
    """Whether somebody may be in a list: no child, nobody masked, and only who counts today."""
    return case.person_state.counted and not case.person_state.is_child and case.person.id not in snapshot.hidden


def _person_row(case: PersonCase) -> tuple[Any, ...]:
    owed = case.person_state.owed
    reasons = [decision.reason for decision in case.person_state.decisions]
    return (
        case.person.id,
        case.person_state.unit,
        owed.entitlement if owed else None,
        owed.count if owed else 0,
        case.assigned,
        case.covered,
        " ".join(case.devices),
        owed.reason if owed else (reasons[0] if reasons else None),
    )


def assignments(snapshot: Snapshot, wanted: OutputFilter) -> OutputTable:
    """Which device serves whom or what."""
    columns = (
        OutputColumn("device", Text("Verktyg", "Device")),
        OutputColumn("by", Text("Genom", "By")),
        OutputColumn("subject_id", Text("För", "For")),
        OutputColumn("entitlement", Text("Rättighet", "Entitlement")),
        OutputColumn("unit", Text("Enhet", "Unit")),
        OutputColumn("works", Text("I drift", "Works")),
        OutputColumn("why", Text("Varför", "Why"), CellFormat.SENTENCE),
    )
    rows = [
        (
            one.device,
            one.by.value,
            None if one.subject_id in snapshot.hidden else one.subject_id,
            one.entitlement,
            one.unit,
            one.works,
            one.reason,
        )
        for one in snapshot.outcome.assignments
        if wanted.matches(unit=one.unit, entitlement=one.entitlement)
    ]
    return _snapshot_table("assignments", Text("Tilldelningar", "Assignments"), columns, rows, snapshot)


def sources(parts: Sequence[PartState]) -> OutputTable:
    """Every part of every source, how old its content is, and what stands in its way."""
    columns = (
        OutputColumn("source", Text("Källa", "Source")),
        OutputColumn("part", Text("Del", "Part")),
        OutputColumn("role", Text("Roll", "Role")),
        OutputColumn("state", Text("Läge", "State")),
        OutputColumn("as_of", Text("Gäller", "As of"), CellFormat.DAY),
        OutputColumn("last_complete_at", Text("Senast hel", "Last complete"), CellFormat.INSTANT),
        OutputColumn("last_attempt_at", Text("Senaste försök", "Last attempt"), CellFormat.INSTANT),
        OutputColumn("held_pull", Text("Väntar på beslut", "Held pull"), CellFormat.NUMBER),
        OutputColumn("reason", Text("Varför", "Why")),
    )
    rows = tuple(
        (
            part.source,
            part.part,
            part.role.value,
            part_state(part),
            part.as_of,
            part.last_complete_at,
            part.last_attempt_at,
            part.held_pull,
            part.reason,
        )
        for part in parts
    )
    return OutputTable(name="sources", title=Text("Källor", "Sources"), columns=columns, rows=rows)


def part_state(part: PartState) -> str:
    """One word: disabled, held, failing, never (pulled), fresh."""
    if part.disabled:
        return "disabled"
    if part.held_pull is not None:
        return "held"
    if part.reason:
        return "failing"
    return "fresh" if part.last_complete_at else "never"


def _snapshot_table(
    name: str, title: Text, columns: tuple[OutputColumn, ...], rows: Iterable[tuple[Any, ...]], snapshot: Snapshot
) -> OutputTable:
    return OutputTable(name=name, title=title, columns=columns, rows=tuple(rows), as_of=snapshot.as_of)


LISTS: dict[str, Callable[[Snapshot, OutputFilter], OutputTable]] = {
    "coverage": coverage,
    "gaps": gaps,
    "devices": devices,
    "people": people,
    "assignments": assignments,
}
AS_OF_LISTS = frozenset({"coverage", "gaps", "assignments"})


def plain_value(value: Any, language: str) -> str | int | float | None:
    """A cell as a value of JSON, CSV or a workbook: instants in ISO form with their zone, sentences in *language*."""
    if value is None or isinstance(value, str | int | float):
        return value if not isinstance(value, bool) else ("yes" if value else "no")
    if isinstance(value, Text):
        return value.in_language(language)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
