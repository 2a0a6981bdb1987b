"""Looks for the gaps of an outcome: every kind of GAPS is evaluated for each of its cases.

Pure. What was found of a person or a device before is used again where all that it rests on is still the same.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Any

from msgspec import Struct

from fleetsync.core.context import Context
from fleetsync.core.lifecycle.episodes import GapFinding, update_episodes
from fleetsync.core.lifecycle.evidence import GapEvidence
from fleetsync.core.lifecycle.gaps import GAPS, CaseSelector, GapKind, OpeningRule
from fleetsync.core.model import UNPLACED, Episode, Outcome, PersonCase, Subject

SCHOOL_DAYS_UNTIL_TERM_SETTLED = 15

_PLACE_OF_KIND: Mapping[str, int] = {kind.id: place for place, kind in enumerate(GAPS)}
_CASE_SUBJECTS = (Subject.PERSON, Subject.DEVICE)


class SharedBasis(Struct, frozen=True, kw_only=True):
    """What gaps of persons rest on beside their own case and those of their devices."""

    parts_by_entitlement: Mapping[str, set[tuple[str, str]]]
    directories_by_entitlement: Mapping[str, tuple[str, ...]]
    holders: frozenset[str]
    open_gaps: frozenset[tuple[str, str]]  # kind, subject id
    reused_logins: Mapping[str, date]

    def concerns_everybody(self, before: "SharedBasis") -> bool:
        """Whether what all persons of an entitlement rest on is another than *before*."""
        return (self.parts_by_entitlement, self.directories_by_entitlement) != (
            before.parts_by_entitlement,
            before.directories_by_entitlement,
        )

    def people_concerned(self, before: "SharedBasis") -> frozenset[str]:
        """The persons for whom it is another than *before*."""
        opened_or_closed = {subject_id for _, subject_id in self.open_gaps ^ before.open_gaps}
        reused = {person for person, _ in self.reused_logins.items() ^ before.reused_logins.items()}
        return (self.holders ^ before.holders) | opened_or_closed | reused


class CaseFindings(Struct, frozen=True, kw_only=True):
    """What was found of persons and devices, by id. Those without any gap are left out."""

    basis: SharedBasis
    people: Mapping[str, tuple[GapFinding, ...]]
    devices: Mapping[str, tuple[GapFinding, ...]]


class FoundGaps(Struct, frozen=True, kw_only=True):
    """The gaps that are open, those that close now, and what was found of every person and device."""

    open_episodes: tuple[Episode, ...]
    closed_episodes: tuple[Episode, ...]
    case_findings: CaseFindings


def find_gaps(outcome: Outcome, context: Context, before: CaseFindings | None = None) -> FoundGaps:
    """The gaps of *outcome*. They are the same with and without *before*, what was found for `context.earlier`."""
    evidence = GapEvidence(outcome=outcome, context=context)
    case_findings = _case_findings(evidence, before)
    others = (kind for kind in GAPS if kind.subject not in _CASE_SUBJECTS)
    findings = chain(
        chain.from_iterable(case_findings.people.values()),
        chain.from_iterable(case_findings.devices.values()),
        chain.from_iterable(_findings_of_kind(kind, evidence) for kind in others),
    )
    in_order = sorted(findings, key=lambda finding: _PLACE_OF_KIND[finding.kind])
    believed = context.believed
    open_episodes, closed_episodes = update_episodes(in_order, believed.episodes, believed.parkings, context.moment)
    return FoundGaps(open_episodes=open_episodes, closed_episodes=closed_episodes, case_findings=case_findings)


def _case_findings(evidence: GapEvidence, before: CaseFindings | None) -> CaseFindings:
    basis = SharedBasis(
        parts_by_entitlement=evidence.parts_by_entitlement,
        directories_by_entitlement={
            entitlement: tuple(part.name for part in directories)
            for entitlement, directories in evidence.directories_by_entitlement.items()
        },
        holders=frozenset(evidence.devices_by_holder),
        open_gaps=frozenset(evidence.open_gap_reasons),
        reused_logins=evidence.reused_logins,
    )
    if before is None or basis.concerns_everybody(before.basis):
        everybody, all_devices = evidence.people.keys(), evidence.devices.keys()
        return CaseFindings(
            basis=basis,
            people=_findings_of(Subject.PERSON, evidence, evidence.people, everybody, {}),
            devices=_findings_of(Subject.DEVICE, evidence, evidence.devices, all_devices, {}),
        )
    earlier = evidence.context.earlier
    changed_people = _changed(evidence.people, earlier.people)
    changed_devices = _changed(evidence.devices, earlier.devices)
    concerned = changed_people | basis.people_concerned(before.basis)
    people = {
        person
        for person, case in evidence.people.items()
        if person in concerned or not changed_devices.isdisjoint(case.devices) or _rests_on_others(case)
    }
    devices = {
        device
        for device, case in evidence.devices.items()
        if device in changed_devices or case.placement.holder in changed_people
    }
    return CaseFindings(
        basis=basis,
        people=_findings_of(Subject.PERSON, evidence, evidence.people, people, before.people),
        devices=_findings_of(Subject.DEVICE, evidence, evidence.devices, devices, before.devices),
    )


def _changed(cases: Mapping[str, object], earlier: Mapping[str, object]) -> set[str]:
    """The ids of cases that are not the very same as *earlier*, those that are no more among them."""
    return {id_ for id_, case in cases.items() if earlier.get(id_) is not case} | (earlier.keys() - cases.keys())


def _rests_on_others(case: PersonCase) -> bool:
    """Whether gaps of a person rest on more: on when devices were assigned, or on how many are without a unit."""
    return case.working > 1 or case.person_state.unit == UNPLACED


def _findings_of(
    subject: Subject,
    evidence: GapEvidence,
    cases: Mapping[str, Any],
    evaluated: Collection[str],
    before: Mapping[str, tuple[GapFinding, ...]],
) -> Mapping[str, tuple[GapFinding, ...]]:
    """What is found of each of *cases*: those that are *evaluated*, evaluated anew; of the others as *before*."""
    selectors = _kinds_by_selector(subject)
    findings = (
        (id_, tuple(_findings_of_case(selectors, evidence, case)) if id_ in evaluated else before.get(id_, ()))
        for id_, case in cases.items()
    )
    return {id_: of_case for id_, of_case in findings if of_case}


def _kinds_by_selector(subject: Subject) -> Sequence[tuple[CaseSelector, Sequence[GapKind]]]:
    kinds: dict[CaseSelector, list[GapKind]] = {}
    for kind in GAPS:
        if kind.subject is subject:
            kinds.setdefault(kind.cases, []).append(kind)
    return list(kinds.items())


def _findings_of_case(
    selectors: Iterable[tuple[CaseSelector, Sequence[GapKind]]], evidence: GapEvidence, case: Any
) -> Iterable[GapFinding]:
    for selector, kinds in selectors:
        if selector.includes(case):
            for kind in kinds:
                if (finding := _finding(kind, evidence, case)) is not None:
                    yield finding


def _findings_of_kind(kind: GapKind, evidence: GapEvidence) -> Iterable[GapFinding]:
    return filter(None, (_finding(kind, evidence, case) for case in kind.cases.select(evidence)))


def _finding(kind: GapKind, evidence: GapEvidence, case: Any) -> GapFinding | None:
    reason = kind.reason(evidence, case)
    if reason is None:
        return None
    unit, new_parts = kind.cases.unit(evidence, case), evidence.first_pulled_today
    return GapFinding(
        kind=kind.id,
        subject=kind.subject,
        subject_id=kind.cases.id(case),
        unit=unit,
        reason=reason,
        may_open=_may_open(kind.opening_rule, evidence, unit, kind.cases.fresh_until(evidence, case)),
        known_before=bool(new_parts) and _rests_on(kind.cases, case, new_parts),
    )


def _rests_on(cases: CaseSelector, case: Any, parts: frozenset[str]) -> bool:
    if cases.records is None:
        return True
    return any(f"{known.source}/{known.part}" in parts for known in cases.records(case))


def _may_open(opening_rule: OpeningRule, evidence: GapEvidence, unit: str, fresh_until: date) -> bool:
    """Whether a kind may open today: outside of breaks, and not by a source that has been overdue since a break."""
    if opening_rule is OpeningRule.ANY_DAY:
        return True
    calendar = evidence.context.calendar_of(unit)
    if calendar.is_in_break(evidence.today) or calendar.is_in_break(fresh_until):
        return False
    term = calendar.term_of(evidence.today)
    if opening_rule is OpeningRule.OUTSIDE_BREAKS or term is None:
        return True
    return calendar.nth_school_day_of_term(term, SCHOOL_DAYS_UNTIL_TERM_SETTLED) <= fresh_until
