"""What a snapshot holds, by id; made once per snapshot and thrown away with it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property

from fleetsync.core.calendar import Calendar, local_day
from fleetsync.core.lifecycle import GAPS, ActingRole, GapKind, acting_roles
from fleetsync.core.model import (
    UNPLACED,
    Assignment,
    DeviceCase,
    Entitlement,
    Episode,
    FormFactor,
    OwedDevices,
    PartRole,
    PartState,
    PersonCase,
    Subject,
    Unit,
)
from fleetsync.core.snapshot import Snapshot

GAP_KINDS: Mapping[str, GapKind] = {kind.id: kind for kind in GAPS}
ROLES_BEHIND_NUMBERS = frozenset(
    {PartRole.ROSTER, PartRole.MDM, PartRole.LIST}
)  # a part of these makes the numbers old with it


class Lookup:
    """Cases by id, gaps by subject, and who may be shown. Nothing here changes after it was made."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    @cached_property
    def people(self) -> Mapping[str, PersonCase]:
        """By person; those who may not be shown included."""
        return {case.person.id: case for case in self.snapshot.outcome.people}

    @cached_property
    def devices(self) -> Mapping[str, DeviceCase]:
        """By device."""
        return {case.device.id: case for case in self.snapshot.outcome.devices}

    @cached_property
    def units(self) -> Mapping[str, Unit]:
        """By slug."""
        return {unit.slug: unit for unit in self.snapshot.outcome.units}

    @cached_property
    def rules(self) -> Mapping[str, Entitlement]:
        """The entitlements in force on the snapshot's day."""
        today = self.snapshot.outcome.moment.today
        return {rule.id: rule for rule in self.snapshot.context.policy.entitlements if rule.is_valid_on(today)}

    @cached_property
    def concealed(self) -> frozenset[str]:
        """Persons who are counted and never listed, searched or linked: protected ones, and children."""
        children = (case.person.id for case in self.snapshot.outcome.people if case.person_state.is_child)
        return self.snapshot.hidden | frozenset(children)

    def person(self, person_id: str) -> PersonCase | None:
        """The person, if there is one and he may be shown."""
        return None if person_id in self.concealed else self.people.get(person_id)

    @cached_property
    def gaps(self) -> Mapping[str, Sequence[Episode]]:
        """Open gaps by subject."""
        return gaps_by_subject(self.snapshot)

    @cached_property
    def owed(self) -> Mapping[str, OwedDevices]:
        """By person or pool."""
        return {debt.subject_id: debt for debt in self.snapshot.outcome.owed}

    @cached_property
    def assignments(self) -> Mapping[str, Assignment]:
        """By device."""
        return {one.device: one for one in self.snapshot.outcome.assignments}

    @cached_property
    def set_entitlements(self) -> Mapping[str, str]:
        """Set → the entitlement it serves."""
        return {one.id: one.entitlement or "" for one in self.snapshot.outcome.sets}

    @cached_property
    def devices_by_holder(self) -> Mapping[str, Sequence[DeviceCase]]:
        """Person → the devices of which he is the holder."""
        found: defaultdict[str, list[DeviceCase]] = defaultdict(list)
        for case in self.snapshot.outcome.devices:
            if case.placement.holder:
                found[case.placement.holder].append(case)
        return found

    def calendar(self, unit: str) -> Calendar:
        """By which the unit's days are counted."""
        return self.snapshot.context.calendar_of(unit)

    def school_days_since(self, unit: str, at: datetime, until: date) -> int:
        """School days from the local day of *at* to *until*."""
        day = local_day(at, self.snapshot.context.policy.time_zone)
        return self.calendar(unit).school_days_between(day, until)

    # --- gaps ---------------------------------------------------------------------------------------------------------

    def acting_roles(self, episode: Episode) -> Sequence[ActingRole]:
        """Who acts on the gap, by the plan."""
        return acting_roles(episode.kind, self.entitlement_of(episode), self._form_factor_of(episode))

    def entitlement_of(self, episode: Episode) -> str | None:
        """The entitlement that a gap is about, if it is about one."""
        subject = episode.subject_id
        if episode.subject is Subject.DEVICE:
            serving = self.assignments.get(subject)
            return serving.entitlement if serving else None
        if episode.subject is Subject.SET:
            return self.set_entitlements.get(subject)
        if episode.subject is Subject.PERSON:
            debt = self.owed.get(subject)
            return debt.entitlement if debt else None
        return subject.partition("@")[0] if "@" in subject else None

    def _form_factor_of(self, episode: Episode) -> FormFactor | None:
        if episode.subject is Subject.DEVICE:
            case = self.devices.get(episode.subject_id)
            return case.device.form_factor if case else None
        case_of_person = self.people.get(episode.subject_id)
        if case_of_person is None or not case_of_person.devices:
            return None
        return self.devices[case_of_person.devices[0]].device.form_factor

    def platform_of(self, episode: Episode) -> str:
        """Of a device's gap, or of a person's device; "" for none."""
        if episode.subject is Subject.PERSON:
            case_of_person = self.people.get(episode.subject_id)
            subject = case_of_person.devices[0] if case_of_person and case_of_person.devices else ""
        else:
            subject = episode.subject_id
        case = self.devices.get(subject)
        return str(case.device.platform) if case else ""

    # --- units --------------------------------------------------------------------------------------------------------

    def in_trial(self, slug: str) -> bool:
        """Whether the unit waits to be published."""
        unit = self.units.get(slug)
        return unit is not None and slug != UNPLACED and not unit.published


class LookupCache:
    """The lookup of the snapshot that was asked for last; replaced by one assignment, so any thread may ask."""

    def __init__(self) -> None:
        self._cached: Lookup | None = None

    def for_snapshot(self, snapshot: Snapshot) -> Lookup:
        """The lookup of *snapshot*."""
        last = self._cached
        if last is None or last.snapshot is not snapshot:
            last = self._cached = Lookup(snapshot)
        return last


def gaps_by_subject(snapshot: Snapshot) -> Mapping[str, Sequence[Episode]]:
    """The open gaps of what is shown, by subject."""
    found: defaultdict[str, list[Episode]] = defaultdict(list)
    for episode in snapshot.outcome.episodes:
        found[episode.subject_id].append(episode)
    return found


# --- how old a part is ------------------------------------------------------------------------------------------------


def is_overdue(part: PartState, today: date) -> bool:
    """Whether a part's content is older than it is expected to be; a frozen part is nobody's delay."""
    if part.disabled:
        return False
    return part.as_of is None or part.as_of + max(part.expected_every, timedelta(days=1)) < today


def freshness(part: PartState, today: date) -> str:
    """One word for how a part does, the worst that holds; a key of `words.FRESHNESS`."""
    if part.disabled:
        return "frozen"
    if part.held_pull is not None:
        return "held"
    if is_failing(part):
        return "failing"
    if part.as_of is None:
        return "never"
    return "old" if is_overdue(part, today) else "fresh"


def is_failing(part: PartState) -> bool:
    """Whether the last attempt did not come through."""
    if not part.reason or part.last_attempt_at is None:
        return False
    return part.last_complete_at is None or part.last_complete_at < part.last_attempt_at


def overdue_parts(parts: Sequence[PartState], today: date) -> Sequence[PartState]:
    """Those that make the numbers old, the oldest first."""
    asked = [
        part
        for part in parts
        if part.role in ROLES_BEHIND_NUMBERS and part.as_of is not None and is_overdue(part, today)
    ]
    return sorted(asked, key=lambda part: part.as_of or date.min)
