"""Why a unit, a person, a device or a gap is as it is, as plain values for the API: each decision with its reason.

Reads what an account may see. The description of the API is made from these classes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from fleetsync.core.model import (
    BelievedRecord,
    CoverageDay,
    DeviceCase,
    EntitlementDecision,
    Episode,
    PersonCase,
    Subject,
    Text,
)
from fleetsync.expose.gate import VisibleSnapshot
from fleetsync.expose.lists.definitions import ListContext
from fleetsync.expose.lists.gaps import gap_key
from fleetsync.expose.lists.names import login_of
from fleetsync.expose.lists.subjects import holder_of
from fleetsync.expose.lookup import GAP_KINDS


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base: frozen, by keyword."""


class Sentence(_Value, frozen=True, kw_only=True):
    """A text in both languages."""

    sv: str
    en: str


class GapExplanation(_Value, frozen=True, kw_only=True):
    """A gap: what it is, why it was found, and what to do."""

    key: str  # KIND:ID
    kind: str
    title: Sentence
    subject: str
    subject_id: str
    unit: str
    reason: Sentence
    remedy: Sentence
    opened_at: datetime | None  # None: it is older than the first pull
    roles: Sequence[str]


class RecordExplanation(_Value, frozen=True, kw_only=True):
    """A record behind a person or device."""

    source: str
    part: str
    first_seen: datetime
    absent_since: datetime | None
    is_gone: bool


class DeviceExplanation(_Value, frozen=True, kw_only=True):
    """A device, each answer with its reason."""

    device_id: str
    serial: str | None
    asset_tag: str | None
    model: str | None
    platform: str
    unit: str
    unit_reason: Sentence
    holder_id: str | None
    holder_reason: Sentence | None  # None where the holder may not be shown
    purpose: str
    purpose_reason: Sentence
    stage: str | None
    stage_since: datetime
    works: bool | None
    works_reason: Sentence
    last_contact_at: datetime | None
    gaps: Sequence[GapExplanation]
    records: Sequence[RecordExplanation]


class DecisionExplanation(_Value, frozen=True, kw_only=True):
    """What a rule says about a person."""

    entitlement: str
    verdict: str  # owed, undecided, on_leave, not_owed
    reason: Sentence


class PersonExplanation(_Value, frozen=True, kw_only=True):
    """A person, by id."""

    person_id: str
    login: str | None  # None also for tokens that may not see log-ins
    unit: str
    unit_reason: Sentence
    group: str | None
    decisions: Sequence[DecisionExplanation]
    owed: int
    assigned: int
    covered: int
    device_ids: Sequence[str]
    gaps: Sequence[GapExplanation]


class CoverageExplanation(_Value, frozen=True, kw_only=True):
    """The numbers of a unit and entitlement: entitled = covered + short + unknown."""

    entitlement: str
    entitled: int
    covered: int
    short: int
    unknown: int
    ratio: float | None


class UnitExplanation(_Value, frozen=True, kw_only=True):
    """A unit with its numbers, and its gaps that are not parked by kind."""

    unit: str
    name: str
    is_published: bool
    coverage: Sequence[CoverageExplanation]
    open_gaps: dict[str, int]


EXPLANATIONS: dict[str, type[_Value]] = {
    "units": UnitExplanation,
    "people": PersonExplanation,
    "devices": DeviceExplanation,
    "gaps": GapExplanation,
}


def explanation_of(what: str, id_: str, context: ListContext) -> Any:
    """The explanation of a unit, person, device or gap (KIND:ID) of today; None where the account sees no such thing."""
    lookup = context.lookup
    if what == "units":
        return _unit(id_, context) if id_ in lookup.units else None
    if what == "people":
        person = lookup.person(id_)
        return _person(person, context) if person is not None else None
    if what == "devices":
        device = lookup.devices.get(id_)
        return _device(device, context) if device is not None else None
    kind, _, subject_id = id_.partition(":")
    return next((_gap(row, context) for row in _gaps_of(subject_id, context) if row.kind == kind), None)


def _sentence(text: Text) -> Sentence:
    return Sentence(sv=text.sv, en=text.en)


def _gaps_of(subject_id: str, context: ListContext) -> Sequence[Episode]:
    return [
        row
        for row in context.lookup.gaps.get(subject_id, ())
        if row.subject is not Subject.PERSON or subject_id not in context.concealed
    ]


def _gap(row: Episode, context: ListContext) -> GapExplanation:
    kind = GAP_KINDS[row.kind]
    return GapExplanation(
        key=gap_key(row.kind, row.subject_id),
        kind=row.kind,
        title=_sentence(kind.title),
        subject=row.subject.value,
        subject_id=row.subject_id,
        unit=row.unit,
        reason=_sentence(row.reason),
        remedy=_sentence(kind.remedy),
        opened_at=None if row.known_before else row.opened_at,
        roles=[str(role) for role in context.lookup.acting_roles(row)],
    )


def _record(known: BelievedRecord) -> RecordExplanation:
    return RecordExplanation(
        source=known.source,
        part=known.part,
        first_seen=known.first_seen,
        absent_since=known.absent_since,
        is_gone=known.gone,
    )


def _device(case: DeviceCase, context: ListContext) -> DeviceExplanation:
    device, placement, state = case.device, case.placement, case.device_state
    holder = holder_of(case, context)
    may_tell_of_holder = holder is not None or placement.holder is None
    return DeviceExplanation(
        device_id=device.id,
        serial=device.serial,
        asset_tag=device.asset_tag,
        model=device.model,
        platform=device.platform.value,
        unit=placement.unit,
        unit_reason=_sentence(placement.unit_reason),
        holder_id=holder,
        holder_reason=_sentence(placement.holder_reason) if may_tell_of_holder else None,
        purpose=placement.purpose.value,
        purpose_reason=_sentence(placement.purpose_reason),
        stage=state.stage.value if state.stage else None,
        stage_since=state.since,
        works=state.works,
        works_reason=_sentence(state.works_reason),
        last_contact_at=device.last_contact_at,
        gaps=[_gap(row, context) for row in _gaps_of(device.id, context)],
        records=[_record(known) for known in (*device.records, *device.superseded, *device.gone)],
    )


def _person(case: PersonCase, context: ListContext) -> PersonExplanation:
    state = case.person_state
    return PersonExplanation(
        person_id=case.person.id,
        login=login_of(case.person) if context.names.may_see_logins else None,
        unit=state.unit,
        unit_reason=_sentence(state.unit_reason),
        group=state.class_group,
        decisions=[
            DecisionExplanation(
                entitlement=row.entitlement,
                verdict=_verdict(row),
                reason=_sentence(row.reason),
            )
            for row in state.decisions
        ],
        owed=state.owed.count if state.owed else 0,
        assigned=case.assigned,
        covered=case.covered,
        device_ids=case.devices,
        gaps=[_gap(row, context) for row in _gaps_of(case.person.id, context)],
    )


def _verdict(row: EntitlementDecision) -> str:
    named = {"owed": row.owed, "undecided": row.undecided, "on_leave": row.on_leave, "not_owed": True}
    return next(name for name, holds in named.items() if holds)


def _unit(slug: str, context: ListContext) -> UnitExplanation:
    visible = context.lookup.visible
    unit = context.lookup.units[slug]
    return UnitExplanation(
        unit=slug,
        name=unit.name,
        is_published=unit.published,
        coverage=[_coverage(row) for row in visible.coverage if row.unit == slug],
        open_gaps=open_gaps_by_kind(visible, slug),
    )


def _coverage(row: CoverageDay) -> CoverageExplanation:
    return CoverageExplanation(
        entitlement=row.entitlement,
        entitled=row.entitled,
        covered=row.covered,
        short=row.short,
        unknown=row.unknown,
        ratio=row.ratio,
    )


def open_gaps_by_kind(visible: VisibleSnapshot, unit: str) -> dict[str, int]:
    """How many gaps of a unit are open and not parked, by kind, in the order of the kinds; kinds without any left out."""
    counts = dict.fromkeys(GAP_KINDS, 0)
    for row in visible.episodes:
        if row.unit == unit and not row.is_parked(visible.today):
            counts[row.kind] += 1
    return {kind: count for kind, count in counts.items() if count}
