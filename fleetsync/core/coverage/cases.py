"""Puts the results together per person and per set of devices.

Pure. Nothing is counted here: the figures are those of the shares.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from fleetsync.core.coverage.resolution import Resolution
from fleetsync.core.model import (
    Assignment,
    BelievedRecord,
    CoverageShare,
    CoveredBy,
    DeviceCase,
    DeviceSet,
    OwedDevices,
    Person,
    PersonCase,
    PersonState,
    Subject,
    Text,
)


def person_cases(
    resolution: Resolution,
    owed: Sequence[OwedDevices],
    assignments: Sequence[Assignment],
    shares: Sequence[CoverageShare],
) -> tuple[PersonCase, ...]:
    """Each person with their devices and what of their debt these cover, in the order of the people."""
    counted = {share.subject_id: share for share in shares if share.subject is Subject.PERSON}
    served = _sets_by_person(owed, assignments)
    nothing = CoverageShare(unit="", entitlement="", subject=Subject.PERSON, subject_id="", reason=Text("", ""))
    earlier = resolution.context.earlier.people

    def case_of(person: Person, person_state: PersonState) -> PersonCase:
        share = counted.get(person.id, nothing)
        case = PersonCase(
            person=person,
            person_state=person_state,
            devices=share.devices,
            working=share.working_devices,
            covered=share.covered_own,
            assigned=share.assigned_own,
            unknown=share.unknown,
            serving_set=served.get(person.id),
        )
        before = earlier.get(person.id)
        is_same = before is not None and before.person is person and before.person_state is person_state
        return before if is_same and before is not None and before == case else case

    return tuple(map(case_of, resolution.people, resolution.states))


def _sets_by_person(owed: Iterable[OwedDevices], assignments: Iterable[Assignment]) -> Mapping[str, str]:
    """Person → the set that serves them, by the same entitlement; of several, the one that is shared out first."""
    of_sets = (assignment for assignment in assignments if assignment.by is CoveredBy.SET)
    sets = {(len(assignment.groups), assignment.subject_id): assignment for assignment in of_sets}
    serving: dict[tuple[str, str, str], str] = {}
    for _, assignment in sorted(sets.items()):
        for group in assignment.groups:
            serving.setdefault((assignment.unit, assignment.entitlement, group), assignment.subject_id)
    people = (debt for debt in owed if debt.subject is Subject.PERSON and debt.groups)
    pairs = ((debt.subject_id, serving.get((debt.unit, debt.entitlement, debt.groups[0]))) for debt in people)
    return {person: set_id for person, set_id in pairs if set_id is not None}


def device_sets(
    shares: Iterable[CoverageShare], owed: Iterable[OwedDevices], assignments: Iterable[Assignment]
) -> tuple[DeviceSet, ...]:
    """Each set of devices, with its members and how many of them it covers."""
    groups = {set_device.subject_id: set_device.groups for set_device in assignments if set_device.by is CoveredBy.SET}
    people = (debt for debt in owed if debt.subject is Subject.PERSON)
    members = Counter((debt.unit, debt.entitlement, group) for debt in people for group in debt.groups)
    return tuple(
        DeviceSet(
            id=share.subject_id,
            unit=share.unit,
            groups=groups[share.subject_id],
            entitlement=share.entitlement,
            devices=share.devices,
            working=share.working_devices,
            members=sum(members[share.unit, share.entitlement, group] for group in groups[share.subject_id]),
            covered=share.covered_set,
            assigned=share.assigned_set,
            short=share.short,
        )
        for share in shares
        if share.subject is Subject.SET
    )


def resolved_ids(people: Iterable[Person], cases: Iterable[DeviceCase]) -> tuple[tuple[BelievedRecord, str], ...]:
    """The records whose person or device is another than was known, each with the id of that person or device."""
    of_people = ((person.id, known) for person in people for known in person.records)
    of_devices = (
        (case.device.id, known)
        for case in cases
        for known in (*case.device.records, *case.device.superseded, *case.device.gone)
    )
    return tuple((known, id_) for id_, known in chain(of_people, of_devices) if known.thing_id != id_)
