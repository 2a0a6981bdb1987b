"""MEASURES and FACTS: every published number about the municipality, one entry each with its title and explanation.

Pure. A measure counts cases, each under its labels; the published number is the sum of its counts. A row is made of a
counted case only where it is shown, so the rows behind a number always add up to it. A value that is no sum (a ratio, an
instant, a name) is a fact.
Metrics, page, lists and documentation are made from these two tables.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from fleetsync.core.context import Context
from fleetsync.core.model import (
    CENTRAL,
    UNPLACED,
    CoverageShare,
    DeviceCase,
    EntitlementDecision,
    Episode,
    MeasureRow,
    Outcome,
    PersonCase,
    PersonState,
    Stage,
    Subject,
    Text,
)

METRIC_PREFIX = "fleetsync_"

Labels = tuple[str, ...]
# Labels, how many, and the case that is counted: a share, a device, an episode, or a decision about a person.
CountedCase = tuple[Labels, int, Any]
CountedCases = Iterator[CountedCase]

SECURE_STAGES = frozenset({Stage.IN_USE, Stage.SHARED, Stage.LOAN})
CONTACT_AGES = ("0", "1_5", "6_15", "16_60", "over_60", "never", "unknown")
CONTACT_AGE_LIMITS = ((0, "0"), (5, "1_5"), (15, "6_15"), (60, "16_60"))
MIN_SHOWN_UNPLACED = 5
GAP_SUBJECTS = frozenset({Subject.PERSON, Subject.DEVICE, Subject.UNIT, Subject.SET, Subject.POOL})


class DecidedPerson(NamedTuple):
    """A person and one of the decisions about them."""

    case: PersonCase
    decision: EntitlementDecision


class CaseRows(msgspec.Struct, frozen=True, kw_only=True):
    """How a counted case becomes a row. `person_of`: the id of the person it is of; None for no person."""

    row_of: Callable[[Labels, int, Any], MeasureRow]
    person_of: Callable[[Any], str | None]


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A number with rows.

    `title`: as the page calls it. `zero_labels`: the labels under which it is published even where nothing is counted.
    """

    name: str
    title: Text
    help: Text
    labels: Labels
    counts: Callable[[Outcome, Context], CountedCases]
    case_rows: CaseRows
    zero_labels: Callable[[Outcome, Context], Iterable[Labels]]

    @property
    def short_name(self) -> str:
        """The name without the prefix of the metrics, as page and API use it."""
        return self.name.removeprefix(METRIC_PREFIX)

    def rows(self, outcome: Outcome, context: Context) -> Iterator[tuple[Labels, MeasureRow]]:
        """Every row with its labels."""
        row_of = self.case_rows.row_of
        return ((labels, row_of(labels, count, case)) for labels, count, case in self.counts(outcome, context))


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is no count; what is unknown is left out, never 0."""

    name: str
    help: Text
    labels: Labels
    values: Callable[[Outcome, Context], Iterable[tuple[Labels, float]]]


# --- small numbers of persons -----------------------------------------------------------------------------------------------


def entitlements_with_few_unplaced(states: Iterable[PersonState]) -> frozenset[str]:
    """Entitlements with fewer than five persons without a unit: so small a number would reveal who is hidden.

    These persons are shown in `central` instead (`domain.md` §10), and so are those of them who are undecided or on
    leave.
    """
    counts = Counter(
        decision.entitlement
        for person_state in states
        if person_state.unit == UNPLACED
        for decision in person_state.decisions
        if decision.owed or decision.undecided or decision.on_leave
    )
    return frozenset(entitlement for entitlement, count in counts.items() if count < MIN_SHOWN_UNPLACED)


def shown_unit(unit: str, entitlement: str, hidden: frozenset[str]) -> str:
    """The unit under which a person of *unit* is counted; *hidden* is what `entitlements_with_few_unplaced` gives."""
    return CENTRAL if unit == UNPLACED and entitlement in hidden else unit


# --- shares -----------------------------------------------------------------------------------------------------------


def _share_row(_: Labels, count: int, share: CoverageShare) -> MeasureRow:
    return MeasureRow(
        count=count,
        subject=share.subject,
        subject_id=share.subject_id,
        unit=share.unit,
        reason=share.reason,
        devices=share.devices,
    )


SHARE_ROWS = CaseRows(
    row_of=_share_row, person_of=lambda share: share.subject_id if share.subject is Subject.PERSON else None
)


def _share_counts(field: str) -> Callable[[Outcome, Context], CountedCases]:
    def counts(outcome: Outcome, _: Context) -> CountedCases:
        for share in outcome.shares:
            if count := int(getattr(share, field)):
                yield (share.unit, share.entitlement), count, share

    return counts


def _share_counts_by(word: str) -> Callable[[Outcome, Context], CountedCases]:
    fields = tuple((by, f"{word}_{by}") for by in ("own", "set", "pool"))

    def counts(outcome: Outcome, _: Context) -> CountedCases:
        for share in outcome.shares:
            for by, field in fields:
                if count := int(getattr(share, field)):
                    yield (share.unit, share.entitlement, by), count, share

    return counts


# --- decisions about persons ------------------------------------------------------------------------------------------


def _decision_row(labels: Labels, count: int, decided: DecidedPerson) -> MeasureRow:
    return MeasureRow(
        count=count,
        subject=Subject.PERSON,
        subject_id=decided.case.person.id,
        unit=labels[0],
        reason=decided.decision.reason,
    )


DECISION_ROWS = CaseRows(row_of=_decision_row, person_of=lambda decided: decided.case.person.id)


def _decision_counts(field: str) -> Callable[[Outcome, Context], CountedCases]:
    def counts(outcome: Outcome, _: Context) -> CountedCases:
        hidden = entitlements_with_few_unplaced(case.person_state for case in outcome.people)
        for case in outcome.people:
            for decision in case.person_state.decisions:
                if getattr(decision, field):
                    unit = shown_unit(case.person_state.unit, decision.entitlement, hidden)
                    yield (unit, decision.entitlement), 1, DecidedPerson(case, decision)

    return counts


def _undecided_counts(outcome: Outcome, context: Context) -> CountedCases:
    """The undecided persons, and the undecided heads of head counts."""
    yield from _UNDECIDED_PERSONS(outcome, context)
    yield from _UNDECIDED_HEADS(outcome, context)


_UNDECIDED_PERSONS, _UNDECIDED_HEADS = _decision_counts("undecided"), _share_counts("undecided")
UNDECIDED_ROWS = CaseRows(
    row_of=lambda labels, count, case: _rows_of(case).row_of(labels, count, case),
    person_of=lambda case: _rows_of(case).person_of(case),
)


def _rows_of(case: DecidedPerson | CoverageShare) -> CaseRows:
    return DECISION_ROWS if isinstance(case, DecidedPerson) else SHARE_ROWS


def _cell_labels(outcome: Outcome, context: Context) -> Iterable[Labels]:
    return ((row.unit, row.entitlement) for row in outcome.coverage)


def _cell_by_labels(outcome: Outcome, context: Context) -> Iterable[Labels]:
    return ((*cell, by) for cell in _cell_labels(outcome, context) for by in ("own", "set", "pool"))


# --- devices ----------------------------------------------------------------------------------------------------------


def _counted_devices(outcome: Outcome) -> Iterator[DeviceCase]:
    """The municipality's devices, including phones and retired ones, without ignored and personally owned ones."""
    return (case for case in outcome.devices if case.device_state.stage is not None and case.device_state.ours)


def _device_row(count: int, case: DeviceCase, reason: Text) -> MeasureRow:
    return MeasureRow(
        count=count,
        subject=Subject.DEVICE,
        subject_id=case.device.id,
        unit=case.placement.unit,
        reason=reason,
        devices=(case.device.id,),
    )


def _no_person(_: DeviceCase) -> None:
    """A row of a device names no person, also where somebody holds it."""


PURPOSE_ROWS = CaseRows(
    row_of=lambda _, count, case: _device_row(count, case, case.placement.purpose_reason), person_of=_no_person
)
WORKS_ROWS = CaseRows(
    row_of=lambda _, count, case: _device_row(count, case, case.device_state.works_reason), person_of=_no_person
)


def _stage_counts(outcome: Outcome, context: Context) -> CountedCases:
    for case in _counted_devices(outcome):
        yield (case.placement.unit, case.device.platform, case.device_state.stage or ""), 1, case


def _contact_age(case: DeviceCase) -> str:
    days = case.device_state.silent_school_days
    if case.device_state.contact_unknown:
        return "unknown"
    if days is None:
        return "never"
    return next((age for limit, age in CONTACT_AGE_LIMITS if days <= limit), "over_60")


def _contact_age_counts(outcome: Outcome, context: Context) -> CountedCases:
    for case in _counted_devices(outcome):
        yield (case.placement.unit, case.device.platform, _contact_age(case)), 1, case


def _secure_device_counts(outcome: Outcome, context: Context) -> CountedCases:
    for case in _counted_devices(outcome):
        if case.device_state.stage in SECURE_STAGES and case.device_state.secure:
            yield (case.placement.unit, case.device.platform), 1, case


def _unit_platforms(outcome: Outcome, context: Context) -> Sequence[tuple[str, str]]:
    return sorted({(case.placement.unit, str(case.device.platform)) for case in _counted_devices(outcome)})


def _unit_platforms_by(words: Iterable[str]) -> Callable[[Outcome, Context], Iterable[Labels]]:
    kept = tuple(words)
    return lambda outcome, context: ((*place, word) for place in _unit_platforms(outcome, context) for word in kept)


# --- gaps -------------------------------------------------------------------------------------------------------------


def _gap_state(episode: Episode, outcome: Outcome) -> str:
    return "parked" if episode.is_parked(outcome.moment.today) else "open"


def _counted_gaps(outcome: Outcome) -> Iterator[Episode]:
    return (episode for episode in outcome.episodes if episode.subject in GAP_SUBJECTS)


def _gap_row(_: Labels, count: int, episode: Episode) -> MeasureRow:
    return MeasureRow(
        count=count, subject=episode.subject, subject_id=episode.subject_id, unit=episode.unit, reason=episode.reason
    )


GAP_ROWS = CaseRows(
    row_of=_gap_row, person_of=lambda episode: episode.subject_id if episode.subject is Subject.PERSON else None
)


def _gap_counts(outcome: Outcome, context: Context) -> CountedCases:
    for episode in _counted_gaps(outcome):
        yield (episode.unit, episode.kind, _gap_state(episode, outcome)), 1, episode


def _gap_zero_labels(outcome: Outcome, context: Context) -> Iterable[Labels]:
    known = outcome.gap_unit_kinds | {(episode.unit, episode.kind) for episode in _counted_gaps(outcome)}
    return ((*place, state) for place in sorted(known) for state in ("open", "parked"))


def _oldest_gap_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    """Gaps that a first complete pull found are left out: their age is unknown."""
    oldest: dict[Labels, datetime] = {}
    for episode in _counted_gaps(outcome):
        if not episode.known_before:
            labels = (episode.unit, episode.kind, _gap_state(episode, outcome))
            oldest[labels] = min(episode.opened_at, oldest.get(labels, episode.opened_at))
    return ((labels, oldest[labels].timestamp()) for labels in sorted(oldest))


# --- facts ------------------------------------------------------------------------------------------------------------


def _coverage_ratio_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    return (((row.unit, row.entitlement), row.ratio) for row in outcome.coverage if row.ratio is not None)


def _entitlement_values(field: str) -> Callable[[Outcome, Context], Iterable[tuple[Labels, float]]]:
    def values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
        rules = context.rules_by_id
        cells = ((row.unit, row.entitlement) for row in outcome.coverage if row.entitlement in rules)
        return ((cell, float(getattr(context.rule_at(rules[cell[1]], cell[0]), field))) for cell in cells)

    return values


def _unit_info_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    for unit in outcome.units:
        yield (unit.slug, unit.name, unit.codes[0] if unit.codes else "", ",".join(unit.school_forms)), 1.0


def _unit_published_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    return (((unit.slug,), float(unit.published)) for unit in outcome.units if unit.slug != UNPLACED)


def _calendar_end_values(outcome: Outcome, context: Context) -> Iterable[tuple[Labels, float]]:
    zone = ZoneInfo(context.policy.time_zone)
    for unit in outcome.units:
        ends_on = context.calendar_of(unit.slug).ends_on
        if unit.slug != UNPLACED and ends_on is not None:
            yield (unit.slug,), datetime.combine(ends_on, time(23, 59, 59), zone).astimezone(UTC).timestamp()


# --- the tables -------------------------------------------------------------------------------------------------------

CELL_LABELS = ("unit", "entitlement")
CELL_BY_LABELS = ("unit", "entitlement", "by")

MEASURES: tuple[Measure, ...] = (
    Measure(
        name="fleetsync_entitled",
        title=Text("Ska ha", "Entitled"),
        help=Text("Verktyg som planen ger rätt till (ska ha)", "Devices owed by the policy"),
        labels=CELL_LABELS,
        counts=_share_counts("entitled"),
        case_rows=SHARE_ROWS,
        zero_labels=_cell_labels,
    ),
    Measure(
        name="fleetsync_assigned",
        title=Text("Har", "Assigned"),
        help=Text("Verktyg som finns av dem som ska finnas (har)", "Owed devices that exist"),
        labels=CELL_BY_LABELS,
        counts=_share_counts_by("assigned"),
        case_rows=SHARE_ROWS,
        zero_labels=_cell_by_labels,
    ),
    Measure(
        name="fleetsync_covered",
        title=Text("Har och i drift", "Covered"),
        help=Text(
            "Verktyg som finns och är i drift: kontakt inom gränsen och hanterbara",
            "Owed devices that exist and work: in contact within the limit and manageable",
        ),
        labels=CELL_BY_LABELS,
        counts=_share_counts_by("covered"),
        case_rows=SHARE_ROWS,
        zero_labels=_cell_by_labels,
    ),
    Measure(
        name="fleetsync_covered_without_contact",
        title=Text("I drift enligt en lista, kontakt okänd", "Covered on a list's word alone"),
        help=Text(
            "Del av fleetsync_covered: verktyg som en lista utan kontakter nämner, och inget annat visar",
            "Part of fleetsync_covered: devices that a list without any contacts names, and nothing else shows",
        ),
        labels=CELL_LABELS,
        counts=_share_counts("covered_without_contact"),
        case_rows=SHARE_ROWS,
        zero_labels=_cell_labels,
    ),
    Measure(
        name="fleetsync_unknown",
        title=Text("Vet inte", "Unknown"),
        help=Text("Verktyg som inte kan avgöras (vet inte)", "Owed devices that cannot be decided"),
        labels=CELL_LABELS,
        counts=_share_counts("unknown"),
        case_rows=SHARE_ROWS,
        zero_labels=_cell_labels,
    ),
    Measure(
        name="fleetsync_short",
        title=Text("Saknar", "Short"),
        help=Text("Verktyg som saknas: ska ha − i drift − vet inte", "Devices short: entitled − covered − unknown"),
        labels=CELL_LABELS,
        counts=_share_counts("short"),
        case_rows=SHARE_ROWS,
        zero_labels=_cell_labels,
    ),
    Measure(
        name="fleetsync_surplus",
        title=Text("Över", "Surplus"),
        help=Text(
            "Verktyg över: lager, och det som klassuppsättningar och gemensamma har utöver vad de ska ha",
            "Devices over: stock, and what sets and pools have beyond what they owe",
        ),
        labels=CELL_LABELS,
        counts=_share_counts("surplus"),
        case_rows=SHARE_ROWS,
        zero_labels=_cell_labels,
    ),
    Measure(
        name="fleetsync_undecided",
        title=Text("Oavgjorda personer", "Undecided persons"),
        help=Text(
            "Personer vars skolform, årskurs eller anställningsform är okänd, också i lämnade antal; de ger ingen rätt",
            "Persons whose school form, year or employment form is unknown, also of head counts; they are owed nothing",
        ),
        labels=CELL_LABELS,
        counts=_undecided_counts,
        case_rows=UNDECIDED_ROWS,
        zero_labels=_cell_labels,
    ),
    Measure(
        name="fleetsync_on_leave",
        title=Text("Lediga anställda", "On leave"),
        help=Text("Anställda som är lediga och räknas för sig", "Employees on leave, counted apart"),
        labels=CELL_LABELS,
        counts=_decision_counts("on_leave"),
        case_rows=DECISION_ROWS,
        zero_labels=_cell_labels,
    ),
    Measure(
        name="fleetsync_heads",
        title=Text("Personer som ger rätt", "Heads"),
        help=Text(
            "Personer som ger rätt, också i lämnade antal; för gemensamma verktyg: barnen",
            "Persons who entitle, also of head counts; of a pool its children",
        ),
        labels=CELL_LABELS,
        counts=_share_counts("heads"),
        case_rows=SHARE_ROWS,
        zero_labels=_cell_labels,
    ),
    Measure(
        name="fleetsync_working_devices",
        title=Text("Verktyg i drift, utan tak", "Working devices, uncapped"),
        help=Text(
            "Verktyg i drift utan tak, för barn per verktyg", "Working devices, uncapped, for children per device"
        ),
        labels=CELL_LABELS,
        counts=_share_counts("working_devices"),
        case_rows=SHARE_ROWS,
        zero_labels=_cell_labels,
    ),
    Measure(
        name="fleetsync_devices",
        title=Text("Verktyg", "Devices"),
        help=Text("Kommunens verktyg efter skede", "The municipality's devices by stage"),
        labels=("unit", "platform", "stage"),
        counts=_stage_counts,
        case_rows=PURPOSE_ROWS,
        zero_labels=_unit_platforms_by(stage.value for stage in Stage),
    ),
    Measure(
        name="fleetsync_devices_by_contact_age",
        title=Text("Verktyg efter senaste kontakt", "Devices by last contact"),
        help=Text(
            "Kommunens verktyg efter skoldagar sedan senaste kontakt",
            "The municipality's devices by school days since the last contact; disjoint bands",
        ),
        labels=("unit", "platform", "age"),
        counts=_contact_age_counts,
        case_rows=WORKS_ROWS,
        zero_labels=_unit_platforms_by(CONTACT_AGES),
    ),
    Measure(
        name="fleetsync_secure_devices",
        title=Text("Säkra verktyg", "Secure devices"),
        help=Text(
            "Verktyg i bruk som har stöd, är krypterade och följer reglerna",
            "Devices in use, shared or on loan that are supported, encrypted and compliant",
        ),
        labels=("unit", "platform"),
        counts=_secure_device_counts,
        case_rows=WORKS_ROWS,
        zero_labels=_unit_platforms,
    ),
    Measure(
        name="fleetsync_gaps",
        title=Text("Avvikelser", "Gaps"),
        help=Text("Avvikelser", "Gaps by kind, open or parked"),
        labels=("unit", "kind", "state"),
        counts=_gap_counts,
        case_rows=GAP_ROWS,
        zero_labels=_gap_zero_labels,
    ),
)

FACTS: tuple[Fact, ...] = (
    Fact(
        name="fleetsync_coverage_ratio",
        help=Text(
            "Täckning: i drift / ska ha; räkna aldrig medelvärde av den",
            "Covered / entitled, 0..1. Never average it: divide sums of covered by sums of entitled",
        ),
        labels=CELL_LABELS,
        values=_coverage_ratio_values,
    ),
    Fact(
        name="fleetsync_coverage_target_ratio",
        help=Text("Målet för täckningen", "The goal of the coverage, 0..1"),
        labels=CELL_LABELS,
        values=_entitlement_values("target"),
    ),
    Fact(
        name="fleetsync_coverage_alert_ratio",
        help=Text("Larmgränsen för täckningen", "The alarm limit of the coverage, 0..1"),
        labels=CELL_LABELS,
        values=_entitlement_values("alert_below"),
    ),
    Fact(
        name="fleetsync_gap_oldest_opened_timestamp_seconds",
        help=Text(
            "När den äldsta avvikelsen öppnades", "When the oldest gap opened; left out where its age is unknown"
        ),
        labels=("unit", "kind", "state"),
        values=_oldest_gap_values,
    ),
    Fact(
        name="fleetsync_unit_info",
        help=Text("Enhetens namn, kod och skolformer", "A unit's name, first code and school forms"),
        labels=("unit", "name", "code", "school_forms"),
        values=_unit_info_values,
    ),
    Fact(
        name="fleetsync_unit_published",
        help=Text("1 om enheten är publicerad, 0 om den är på prov", "1 if the unit is published, 0 while in trial"),
        labels=("unit",),
        values=_unit_published_values,
    ),
    Fact(
        name="fleetsync_calendar_end_timestamp_seconds",
        help=Text("När den sista kända terminen slutar", "When the unit's last known term ends"),
        labels=("unit",),
        values=_calendar_end_values,
    ),
)
