"""MEASURES: every published domain number as a question asked of each case.

Pure. A measure yields rows with the labels they count under; the published number is the sum of its rows, so a number
and its explanation are one thing. What is no sum of rows (a ratio, an instant, a name) is a fact. Metrics, page,
lists and documentation walk these two tables and know no domain word of their own.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import msgspec

from fleetsync.core.calendar import Calendars
from fleetsync.core.identity import UnitBook
from fleetsync.core.model import (
    CENTRAL,
    UNPLACED,
    DeviceCase,
    Episode,
    Outcome,
    Policy,
    Row,
    Share,
    Stage,
    Standing,
    Subject,
    Text,
)

Labels = tuple[str, ...]
Counted = Iterator[tuple[Labels, Row]]

SECURE_STAGES = frozenset({Stage.IN_USE, Stage.SHARED, Stage.LOAN})
AGES = ("0", "1_5", "6_15", "16_60", "over_60", "never")
AGE_LIMITS = ((0, "0"), (5, "1_5"), (15, "6_15"), (60, "16_60"))
FEWEST_UNPLACED = 5
GAP_SUBJECTS = frozenset({Subject.PERSON, Subject.DEVICE, Subject.UNIT, Subject.SET, Subject.POOL})


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a measure may look at: one outcome, and the policy and calendars it was judged under."""

    outcome: Outcome
    policy: Policy
    calendars: Calendars
    book: UnitBook


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A number with rows. `zeros` are the labels under which it is published even where nothing is counted."""

    name: str
    help: Text
    labels: Labels
    rows: Callable[[View], Counted]
    zeros: Callable[[View], Iterable[Labels]]


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is no count; what is unknown is left out, never 0."""

    name: str
    help: Text
    labels: Labels
    values: Callable[[View], Iterable[tuple[Labels, float]]]


# --- where a few are shown -----------------------------------------------------------------------------------------------


def too_few_unplaced(standings: Iterable[Standing]) -> frozenset[str]:
    """Entitlements with fewer than five persons without a unit: alone there, who is hidden would be found by the number.

    They are shown in `central` (`domain.md` §10), and so are those of them who are undecided or on leave.
    """
    counts = Counter(
        decision.entitlement
        for standing in standings
        if standing.unit == UNPLACED
        for decision in standing.decisions
        if decision.owed or decision.undecided or decision.on_leave
    )
    return frozenset(entitlement for entitlement, count in counts.items() if count < FEWEST_UNPLACED)


def shown_unit(unit: str, entitlement: str, hidden: frozenset[str]) -> str:
    """The unit under which somebody of *unit* is counted, given the entitlements that `too_few_unplaced` found."""
    return CENTRAL if unit == UNPLACED and entitlement in hidden else unit


# --- shares -----------------------------------------------------------------------------------------------------------


def _row(share: Share, count: int) -> Row:
    return Row(
        count=count,
        subject=share.subject,
        subject_id=share.subject_id,
        unit=share.unit,
        reason=share.reason,
        devices=share.devices,
    )


def _person_row(person: str, unit: str, reason: Text) -> Row:
    return Row(count=1, subject=Subject.PERSON, subject_id=person, unit=unit, reason=reason)


def _of_shares(field: str) -> Callable[[View], Counted]:
    def rows(view: View) -> Counted:
        for share in view.outcome.shares:
            if count := int(getattr(share, field)):
                yield (share.unit, share.entitlement), _row(share, count)

    return rows


def _of_shares_by(word: str) -> Callable[[View], Counted]:
    fields = tuple((by, f"{word}_{by}") for by in ("own", "set", "pool"))

    def rows(view: View) -> Counted:
        for share in view.outcome.shares:
            for by, field in fields:
                if count := int(getattr(share, field)):
                    yield (share.unit, share.entitlement, by), _row(share, count)

    return rows


def _of_decisions(field: str) -> Callable[[View], Counted]:
    def rows(view: View) -> Counted:
        hidden = too_few_unplaced(case.standing for case in view.outcome.people)
        for case in view.outcome.people:
            for decision in case.standing.decisions:
                if getattr(decision, field):
                    unit = shown_unit(case.standing.unit, decision.entitlement, hidden)
                    yield (unit, decision.entitlement), _person_row(case.person.id, unit, decision.reason)

    return rows


def _cells(view: View) -> Iterable[Labels]:
    return ((row.unit, row.entitlement) for row in view.outcome.coverage)


def _cells_by(view: View) -> Iterable[Labels]:
    return ((*cell, by) for cell in _cells(view) for by in ("own", "set", "pool"))


# --- devices ----------------------------------------------------------------------------------------------------------


def _counted_devices(view: View) -> Iterator[DeviceCase]:
    """The municipality's devices; phones and retired ones too, ignored and personally owned ones not."""
    return (case for case in view.outcome.devices if case.life.stage is not None and case.life.ours)


def _device_row(case: DeviceCase, reason: Text) -> Row:
    return Row(
        count=1,
        subject=Subject.DEVICE,
        subject_id=case.device.id,
        unit=case.placement.unit,
        reason=reason,
        devices=(case.device.id,),
    )


def _by_stage(view: View) -> Counted:
    for case in _counted_devices(view):
        stage = case.life.stage or ""
        yield (case.placement.unit, case.device.platform, stage), _device_row(case, case.placement.purpose_reason)


def _age(case: DeviceCase) -> str:
    silent = case.life.silent_school_days
    if silent is None:
        return "never"
    return next((age for limit, age in AGE_LIMITS if silent <= limit), "over_60")


def _by_contact_age(view: View) -> Counted:
    for case in _counted_devices(view):
        yield (case.placement.unit, case.device.platform, _age(case)), _device_row(case, case.life.works_reason)


def _secure(view: View) -> Counted:
    for case in _counted_devices(view):
        if case.life.stage in SECURE_STAGES and case.life.secure:
            yield (case.placement.unit, case.device.platform), _device_row(case, case.life.works_reason)


def _places(view: View) -> Sequence[tuple[str, str]]:
    return sorted({(case.placement.unit, str(case.device.platform)) for case in _counted_devices(view)})


def _places_by(words: Iterable[str]) -> Callable[[View], Iterable[Labels]]:
    kept = tuple(words)
    return lambda view: ((*place, word) for place in _places(view) for word in kept)


# --- gaps -------------------------------------------------------------------------------------------------------------


def _state(episode: Episode, view: View) -> str:
    return "parked" if episode.is_parked(view.outcome.moment.today) else "open"


def _counted_gaps(view: View) -> Iterator[Episode]:
    return (episode for episode in view.outcome.episodes if episode.subject in GAP_SUBJECTS)


def _by_kind(view: View) -> Counted:
    for episode in _counted_gaps(view):
        yield (
            (episode.unit, episode.kind, _state(episode, view)),
            Row(
                count=1,
                subject=episode.subject,
                subject_id=episode.subject_id,
                unit=episode.unit,
                reason=episode.reason,
            ),
        )


def _kinds_seen(view: View) -> Iterable[Labels]:
    seen = view.outcome.gap_places | {(one.unit, one.kind) for one in _counted_gaps(view)}
    return ((*place, state) for place in sorted(seen) for state in ("open", "parked"))


def _oldest(view: View) -> Iterable[tuple[Labels, float]]:
    """Of what a first complete pull found no age is claimed."""
    oldest: dict[Labels, datetime] = {}
    for episode in _counted_gaps(view):
        if not episode.known_before:
            labels = (episode.unit, episode.kind, _state(episode, view))
            oldest[labels] = min(episode.opened_at, oldest.get(labels, episode.opened_at))
    return ((labels, oldest[labels].timestamp()) for labels in sorted(oldest))


# --- facts ------------------------------------------------------------------------------------------------------------


def _ratio(view: View) -> Iterable[tuple[Labels, float]]:
    return (((row.unit, row.entitlement), row.ratio) for row in view.outcome.coverage if row.ratio is not None)


def _of_rule(field: str) -> Callable[[View], Iterable[tuple[Labels, float]]]:
    def values(view: View) -> Iterable[tuple[Labels, float]]:
        today = view.outcome.moment.today
        rules = {one.id: float(getattr(one, field)) for one in view.policy.entitlements if one.is_valid_on(today)}
        cells = ((row.unit, row.entitlement) for row in view.outcome.coverage)
        return ((cell, rules[cell[1]]) for cell in cells if cell[1] in rules)

    return values


def _unit_info(view: View) -> Iterable[tuple[Labels, float]]:
    for unit in view.outcome.units:
        yield (unit.slug, unit.name, unit.codes[0] if unit.codes else "", ",".join(unit.school_forms)), 1.0


def _published(view: View) -> Iterable[tuple[Labels, float]]:
    return (((unit.slug,), float(unit.published)) for unit in view.outcome.units if unit.slug != UNPLACED)


def _calendar_end(view: View) -> Iterable[tuple[Labels, float]]:
    zone = ZoneInfo(view.policy.time_zone)
    for unit in view.outcome.units:
        ends_on = view.calendars.for_unit(unit.slug, view.book.only_preschool(unit.slug)).ends_on
        if unit.slug != UNPLACED and ends_on is not None:
            yield (unit.slug,), datetime.combine(ends_on, time(23, 59, 59), zone).astimezone(UTC).timestamp()


# --- the tables -------------------------------------------------------------------------------------------------------

CELL = ("unit", "entitlement")
CELL_BY = ("unit", "entitlement", "by")

MEASURES: tuple[Measure, ...] = (
    Measure(
        name="fleetsync_entitled",
        help=Text("Verktyg som planen ger rätt till (ska ha)", "Devices owed by the policy"),
        labels=CELL,
        rows=_of_shares("entitled"),
        zeros=_cells,
    ),
    Measure(
        name="fleetsync_assigned",
        help=Text("Verktyg som finns av dem som ska finnas (har)", "Owed devices that exist"),
        labels=CELL_BY,
        rows=_of_shares_by("assigned"),
        zeros=_cells_by,
    ),
    Measure(
        name="fleetsync_covered",
        help=Text(
            "Verktyg som finns och är i drift: kontakt inom gränsen och hanterbara",
            "Owed devices that exist and work: in contact within the limit and manageable",
        ),
        labels=CELL_BY,
        rows=_of_shares_by("covered"),
        zeros=_cells_by,
    ),
    Measure(
        name="fleetsync_unknown",
        help=Text("Verktyg som inte kan avgöras (vet inte)", "Owed devices that cannot be decided"),
        labels=CELL,
        rows=_of_shares("unknown"),
        zeros=_cells,
    ),
    Measure(
        name="fleetsync_short",
        help=Text("Verktyg som saknas: ska ha − i drift − vet inte", "Devices short: entitled − covered − unknown"),
        labels=CELL,
        rows=_of_shares("short"),
        zeros=_cells,
    ),
    Measure(
        name="fleetsync_surplus",
        help=Text(
            "Verktyg över: lager, och det som klassuppsättningar och gemensamma har utöver vad de ska ha",
            "Devices over: stock, and what sets and pools have beyond what they owe",
        ),
        labels=CELL,
        rows=_of_shares("surplus"),
        zeros=_cells,
    ),
    Measure(
        name="fleetsync_undecided",
        help=Text(
            "Personer vars skolform, årskurs eller anställningsform är okänd; de ger ingen rätt",
            "Persons whose school form, year or employment form is unknown; they are owed nothing",
        ),
        labels=CELL,
        rows=_of_decisions("undecided"),
        zeros=_cells,
    ),
    Measure(
        name="fleetsync_on_leave",
        help=Text("Anställda som är lediga och räknas för sig", "Employees on leave, counted apart"),
        labels=CELL,
        rows=_of_decisions("on_leave"),
        zeros=_cells,
    ),
    Measure(
        name="fleetsync_heads",
        help=Text(
            "Personer som ger rätt; för gemensamma verktyg: barnen", "Persons who entitle; of a pool its children"
        ),
        labels=CELL,
        rows=_of_shares("heads"),
        zeros=_cells,
    ),
    Measure(
        name="fleetsync_working_devices",
        help=Text(
            "Verktyg i drift utan tak, för barn per verktyg", "Working devices, uncapped, for children per device"
        ),
        labels=CELL,
        rows=_of_shares("working_devices"),
        zeros=_cells,
    ),
    Measure(
        name="fleetsync_devices",
        help=Text("Kommunens verktyg efter skede", "The municipality's devices by stage"),
        labels=("unit", "platform", "stage"),
        rows=_by_stage,
        zeros=_places_by(stage.value for stage in Stage),
    ),
    Measure(
        name="fleetsync_devices_by_contact_age",
        help=Text(
            "Kommunens verktyg efter skoldagar sedan senaste kontakt",
            "The municipality's devices by school days since the last contact; disjoint bands",
        ),
        labels=("unit", "platform", "age"),
        rows=_by_contact_age,
        zeros=_places_by(AGES),
    ),
    Measure(
        name="fleetsync_secure_devices",
        help=Text(
            "Verktyg i bruk som har stöd, är krypterade och följer reglerna",
            "Devices in use, shared or on loan that are supported, encrypted and compliant",
        ),
        labels=("unit", "platform"),
        rows=_secure,
        zeros=_places,
    ),
    Measure(
        name="fleetsync_gaps",
        help=Text("Avvikelser", "Gaps by kind, open or parked"),
        labels=("unit", "kind", "state"),
        rows=_by_kind,
        zeros=_kinds_seen,
    ),
)

FACTS: tuple[Fact, ...] = (
    Fact(
        name="fleetsync_coverage_ratio",
        help=Text(
            "Täckning: i drift / ska ha; räkna aldrig medelvärde av den",
            "Covered / entitled, 0..1. Never average it: divide sums of covered by sums of entitled",
        ),
        labels=CELL,
        values=_ratio,
    ),
    Fact(
        name="fleetsync_coverage_target_ratio",
        help=Text("Målet för täckningen", "The goal of the coverage, 0..1"),
        labels=CELL,
        values=_of_rule("target"),
    ),
    Fact(
        name="fleetsync_coverage_alert_ratio",
        help=Text("Larmgränsen för täckningen", "The alarm limit of the coverage, 0..1"),
        labels=CELL,
        values=_of_rule("alert_below"),
    ),
    Fact(
        name="fleetsync_gap_oldest_opened_timestamp_seconds",
        help=Text(
            "När den äldsta avvikelsen öppnades", "When the oldest gap opened; left out where its age is unknown"
        ),
        labels=("unit", "kind", "state"),
        values=_oldest,
    ),
    Fact(
        name="fleetsync_unit_info",
        help=Text("Enhetens namn, kod och skolformer", "A unit's name, first code and school forms"),
        labels=("unit", "name", "code", "school_forms"),
        values=_unit_info,
    ),
    Fact(
        name="fleetsync_unit_published",
        help=Text("1 om enheten är publicerad, 0 om den är på prov", "1 if the unit is published, 0 while in trial"),
        labels=("unit",),
        values=_published,
    ),
    Fact(
        name="fleetsync_calendar_end_timestamp_seconds",
        help=Text("När den sista kända terminen slutar", "When the unit's last known term ends"),
        labels=("unit",),
        values=_calendar_end,
    ),
)
