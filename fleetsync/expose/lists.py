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


class Kind(StrEnum):
    """How a cell is to be written."""

    TEXT = "text"
    NUMBER = "number"
    RATIO = "ratio"
    DAY = "day"
    INSTANT = "instant"
    SENTENCE = "sentence"  # a Text


class Column(msgspec.Struct, frozen=True):
    """A column: its name in machine-readable forms, its title, and how its cells are written."""

    name: str
    title: Text
    kind: Kind = Kind.TEXT


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A list: `rows` hold one value per column; None is unknown."""

    name: str
    title: Text
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    as_of: date | None = None


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What to show; None: all."""

    unit: str | None = None
    entitlement: str | None = None
    kind: str | None = None
    platform: str | None = None
    state: str | None = None
    stage: str | None = None

    def takes(self, **values: str | None) -> bool:
        """Whether each of *values* is what is asked for."""
        return all(getattr(self, name) in (None, value) for name, value in values.items())


def coverage(snapshot: Snapshot, wanted: Filter) -> Listing:
    """Per unit and entitlement: owed, existing, working, unknown, short, over, and the ratio with its upper end."""
    columns = (
        Column("unit", Text("Enhet", "Unit")),
        Column("entitlement", Text("Rättighet", "Entitlement")),
        Column("entitled", Text("Ska ha", "Entitled"), Kind.NUMBER),
        Column("assigned", Text("Har", "Assigned"), Kind.NUMBER),
        Column("covered", Text("Har och i drift", "Covered"), Kind.NUMBER),
        Column("unknown", Text("Vet inte", "Unknown"), Kind.NUMBER),
        Column("short", Text("Saknar", "Short"), Kind.NUMBER),
        Column("surplus", Text("Över", "Surplus"), Kind.NUMBER),
        Column("undecided", Text("Oavgjorda", "Undecided"), Kind.NUMBER),
        Column("on_leave", Text("Lediga", "On leave"), Kind.NUMBER),
        Column("ratio", Text("Täckning", "Coverage"), Kind.RATIO),
        Column("ratio_at_best", Text("Täckning som mest", "Coverage at best"), Kind.RATIO),
    )
    rows = tuple(
        tuple(getattr(row, column.name) for column in columns)
        for row in snapshot.outcome.coverage
        if wanted.takes(unit=row.unit, entitlement=row.entitlement)
    )
    return _listing("coverage", Text("Täckning", "Coverage"), columns, rows, snapshot)


GAP_TITLES = {gap.id: gap.title for gap in GAPS}


def gaps(snapshot: Snapshot, wanted: Filter) -> Listing:
    """Open gaps, oldest first; those that a first complete pull found have no age."""
    columns = (
        Column("kind", Text("Avvikelse", "Gap")),
        Column("title", Text("Rubrik", "Title"), Kind.SENTENCE),
        Column("unit", Text("Enhet", "Unit")),
        Column("subject", Text("Gäller", "Subject")),
        Column("subject_id", Text("Id", "Id")),
        Column("opened_at", Text("Öppnad", "Opened"), Kind.INSTANT),
        Column("state", Text("Läge", "State")),
        Column("reason", Text("Varför", "Why"), Kind.SENTENCE),
    )
    rows = [
        (
            episode.kind,
            GAP_TITLES.get(episode.kind, Text(episode.kind, episode.kind)),
            episode.unit,
            episode.subject.value,
            _shown_subject(episode, snapshot),
            None if episode.known_before else episode.opened_at,
            state_of(episode, snapshot),
            episode.reason,
        )
        for episode in sorted(snapshot.outcome.episodes, key=lambda one: (one.opened_at, one.key))
        if wanted.takes(unit=episode.unit, kind=episode.kind, state=state_of(episode, snapshot))
    ]
    return _listing("gaps", Text("Avvikelser", "Gaps"), columns, rows, snapshot)


def state_of(episode: Episode, snapshot: Snapshot) -> str:
    """Return "parked" while somebody has taken it out of alerts, else "open"."""
    until = episode.parked_until
    return "parked" if until is not None and snapshot.outcome.moment.today <= until else "open"


def _shown_subject(episode: Episode, snapshot: Snapshot) -> str | None:
    is_hidden = episode.subject is Subject.PERSON and episode.subject_id in snapshot.hidden
    return None if is_hidden else episode.subject_id


def devices(snapshot: Snapshot, wanted: Filter) -> Listing:
    """The devices of this moment, what they are for, where, and whether they work. Ignored ones are not listed."""
    columns = (
        Column("id", Text("Id", "Id")),
        Column("serial", Text("Serienummer", "Serial")),
        Column("unit", Text("Enhet", "Unit")),
        Column("platform", Text("Plattform", "Platform")),
        Column("model", Text("Modell", "Model")),
        Column("purpose", Text("Ändamål", "Purpose")),
        Column("stage", Text("Skede", "Stage")),
        Column("holder", Text("Innehavare", "Holder")),
        Column("works", Text("I drift", "Works")),
        Column("last_contact_at", Text("Senaste kontakt", "Last contact"), Kind.INSTANT),
        Column("why", Text("Varför", "Why"), Kind.SENTENCE),
    )
    rows = [
        _device_row(case, snapshot)
        for case in snapshot.outcome.devices
        if case.life.stage is not None
        and wanted.takes(unit=case.placement.unit, platform=case.device.platform.value, stage=case.life.stage.value)
    ]
    return _listing("devices", Text("Verktyg", "Devices"), columns, rows, snapshot)


def _device_row(case: DeviceCase, snapshot: Snapshot) -> tuple[Any, ...]:
    holder = case.placement.holder
    return (
        case.device.id,
        case.device.serial,
        case.placement.unit,
        case.device.platform.value,
        case.device.model,
        case.placement.purpose.value,
        case.life.stage.value if case.life.stage else None,
        None if holder in snapshot.hidden else holder,
        case.life.works,
        case.device.last_contact_at,
        case.life.works_reason,
    )


def people(snapshot: Snapshot, wanted: Filter) -> Listing:
    """Those who may be listed and belong to a unit today, with what they are owed and have; ids alone, never a name."""
    columns = (
        Column("id", Text("Id", "Id")),
        Column("unit", Text("Enhet", "Unit")),
        Column("entitlement", Text("Rättighet", "Entitlement")),
        Column("owed", Text("Ska ha", "Owed"), Kind.NUMBER),
        Column("assigned", Text("Har", "Assigned"), Kind.NUMBER),
        Column("covered", Text("I drift", "Covered"), Kind.NUMBER),
        Column("devices", Text("Verktyg", "Devices")),
        Column("why", Text("Varför", "Why"), Kind.SENTENCE),
    )
    rows = [
        _person_row(case)
        for case in snapshot.outcome.people
        if is_listed(case, snapshot)
        and wanted.takes(
            unit=case.standing.unit, entitlement=case.standing.owed.entitlement if case.standing.owed else None
        )
    ]
    return _listing("people", Text("Personer", "People"), columns, rows, snapshot)


def is_listed(case: PersonCase, snapshot: Snapshot) -> bool:
    """Whether somebody may be in a list: no child, nobody masked, and only who counts today."""
    return case.standing.counted and not case.standing.is_child and case.person.id not in snapshot.hidden


def _person_row(case: PersonCase) -> tuple[Any, ...]:
    owed = case.standing.owed
    reasons = [decision.reason for decision in case.standing.decisions]
    return (
        case.person.id,
        case.standing.unit,
        owed.entitlement if owed else None,
        owed.count if owed else 0,
        case.assigned,
        case.covered,
        " ".join(case.devices),
        owed.reason if owed else (reasons[0] if reasons else None),
    )


def assignments(snapshot: Snapshot, wanted: Filter) -> Listing:
    """Which device serves whom or what."""
    columns = (
        Column("device", Text("Verktyg", "Device")),
        Column("by", Text("Genom", "By")),
        Column("subject_id", Text("För", "For")),
        Column("entitlement", Text("Rättighet", "Entitlement")),
        Column("unit", Text("Enhet", "Unit")),
        Column("works", Text("I drift", "Works")),
        Column("why", Text("Varför", "Why"), Kind.SENTENCE),
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
        if wanted.takes(unit=one.unit, entitlement=one.entitlement)
    ]
    return _listing("assignments", Text("Tilldelningar", "Assignments"), columns, rows, snapshot)


def sources(parts: Sequence[PartState]) -> Listing:
    """Every part of every source, how old its content is, and what stands in its way."""
    columns = (
        Column("source", Text("Källa", "Source")),
        Column("part", Text("Del", "Part")),
        Column("role", Text("Roll", "Role")),
        Column("state", Text("Läge", "State")),
        Column("as_of", Text("Gäller", "As of"), Kind.DAY),
        Column("last_complete_at", Text("Senast hel", "Last complete"), Kind.INSTANT),
        Column("last_attempt_at", Text("Senaste försök", "Last attempt"), Kind.INSTANT),
        Column("held_pull", Text("Väntar på beslut", "Held pull"), Kind.NUMBER),
        Column("reason", Text("Varför", "Why")),
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
    return Listing(name="sources", title=Text("Källor", "Sources"), columns=columns, rows=rows)


def part_state(part: PartState) -> str:
    """One word: disabled, held, failing, never (pulled), fresh."""
    if part.disabled:
        return "disabled"
    if part.held_pull is not None:
        return "held"
    if part.reason:
        return "failing"
    return "fresh" if part.last_complete_at else "never"


def _listing(
    name: str, title: Text, columns: tuple[Column, ...], rows: Iterable[tuple[Any, ...]], snapshot: Snapshot
) -> Listing:
    return Listing(name=name, title=title, columns=columns, rows=tuple(rows), as_of=snapshot.as_of)


LISTS: dict[str, Callable[[Snapshot, Filter], Listing]] = {
    "coverage": coverage,
    "gaps": gaps,
    "devices": devices,
    "people": people,
    "assignments": assignments,
}
AS_OF_LISTS = frozenset({"coverage", "gaps", "assignments"})


def plain(value: Any, language: str) -> str | int | float | None:
    """A cell as a value of JSON, CSV or a workbook: instants in ISO form with their zone, sentences in *language*."""
    if value is None or isinstance(value, str | int | float):
        return value if not isinstance(value, bool) else ("yes" if value else "no")
    if isinstance(value, Text):
        return value.said(language)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
