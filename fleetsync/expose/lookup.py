"""Indexes over a visible snapshot: cases by id, gaps by subject, rules, calendars; and how fresh a part is.

Built once per snapshot and scope. Everything comes through the gate, so an index never holds what the account may not see.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from fleetsync.core.calendar import Calendar, local_day
from fleetsync.core.identity import folded
from fleetsync.core.lifecycle import GAPS, ActingRole, GapKind, acting_roles
from fleetsync.core.local_plans import plans_in_force, raised_by
from fleetsync.core.model import (
    UNPLACED,
    Assignment,
    DeviceCase,
    DeviceSet,
    Entitlement,
    Episode,
    FormFactor,
    LocalPlan,
    OwedDevices,
    PartRole,
    PartState,
    PersonCase,
    Subject,
    Unit,
)
from fleetsync.expose.gate import VisibleSnapshot

GAP_KINDS: Mapping[str, GapKind] = {kind.id: kind for kind in GAPS}
ROLES_BEHIND_NUMBERS = frozenset(
    {PartRole.ROSTER, PartRole.MDM, PartRole.LIST}
)  # a part of these makes the numbers old with it


class Lookup:
    """Cases by id, gaps by subject, and who may be shown. Immutable."""

    def __init__(self, visible: VisibleSnapshot) -> None:
        self.visible = visible
        self._acting_roles: dict[tuple[str, str | None, FormFactor | None], Sequence[ActingRole]] = {}

    @cached_property
    def people(self) -> Mapping[str, PersonCase]:
        """By person; those who may not be shown included."""
        return {case.person.id: case for case in self.visible.people}

    @cached_property
    def devices(self) -> Mapping[str, DeviceCase]:
        """By device."""
        return {case.device.id: case for case in self.visible.devices}

    @cached_property
    def units(self) -> Mapping[str, Unit]:
        """By slug."""
        return {unit.slug: unit for unit in self.visible.units}

    @cached_property
    def rules(self) -> Mapping[str, Entitlement]:
        """The entitlements in force on the snapshot's day."""
        today = self.visible.today
        return {rule.id: rule for rule in self.visible.policy.entitlements if rule.is_valid_on(today)}

    @cached_property
    def local_plans(self) -> Mapping[str, LocalPlan]:
        """The local plan in force on the snapshot's day, by unit."""
        return plans_in_force(self.visible.policy.local_plans, self.visible.today)

    def rule_at(self, entitlement: str, unit: str) -> Entitlement | None:
        """The entitlement as it is at *unit*, where a local plan may have raised it; None when it is not in force."""
        rule = self.rules.get(entitlement)
        return None if rule is None else raised_by(rule, self.local_plans.get(unit))

    @cached_property
    def withdrawn_rules(self) -> Sequence[tuple[Entitlement, date]]:
        """The newest rule of each id that was in force and is withdrawn, with the first day on which it owed nothing."""
        today, policy = self.visible.today, self.visible.policy
        newest = {rule.id: rule for rule in sorted(policy.entitlements, key=lambda rule: rule.valid_to or date.max)}
        withdrawn = ((rule, policy.withdrawn_from(rule.id)) for rule in newest.values())
        return [(rule, day) for rule, day in withdrawn if day is not None and day <= today]

    @cached_property
    def concealed(self) -> frozenset[str]:
        """Persons who are counted and never listed, searched or linked: protected persons and children."""
        return self.visible.hidden

    def person(self, person_id: str) -> PersonCase | None:
        """The person; None for an unknown id and for a person who may not be shown."""
        return None if person_id in self.concealed else self.people.get(person_id)

    def find_person(self, text: str) -> str | None:
        """The id of the person whose id or log-in is *text* (folded); None also for one who may not be shown."""
        for person_id, case in self.people.items():
            keys = (key.value for key in case.person.keys if not key.is_token)
            if person_id not in self.concealed and text in {folded(person_id), *map(folded, keys)}:
                return person_id
        return None

    @cached_property
    def gaps(self) -> Mapping[str, Sequence[Episode]]:
        """Open gaps by subject."""
        return gaps_by_subject(self.visible)

    @cached_property
    def owed(self) -> Mapping[str, OwedDevices]:
        """By person or pool."""
        return {row.subject_id: row for row in self.visible.owed}

    @cached_property
    def assignments(self) -> Mapping[str, Assignment]:
        """By device."""
        return {assignment.device: assignment for assignment in self.visible.assignments}

    @cached_property
    def sets(self) -> Mapping[str, DeviceSet]:
        """By id."""
        return {device_set.id: device_set for device_set in self.visible.sets}

    @cached_property
    def devices_by_holder(self) -> Mapping[str, Sequence[DeviceCase]]:
        """Person → the devices they hold."""
        by_holder: defaultdict[str, list[DeviceCase]] = defaultdict(list)
        for case in self.visible.devices:
            if case.placement.holder:
                by_holder[case.placement.holder].append(case)
        return by_holder

    def calendar(self, unit: str) -> Calendar:
        """The calendar by which the unit's school days are counted."""
        return self.visible.calendars.for_unit(unit, self.visible.unit_directory.is_preschool_only(unit))

    def school_days_since(self, unit: str, at: datetime, until: date) -> int:
        """School days from the local day of *at* to *until*."""
        day = local_day(at, self.visible.time_zone)
        return self.calendar(unit).school_days_between(day, until)

    # --- gaps ---------------------------------------------------------------------------------------------------------

    def acting_roles(self, episode: Episode) -> Sequence[ActingRole]:
        """Who acts on the gap, by the plan."""
        key = (episode.kind, self.entitlement_of(episode), self._form_factor_of(episode))
        roles = self._acting_roles.get(key)
        if roles is None:
            roles = self._acting_roles[key] = acting_roles(*key)
        return roles

    def entitlement_of(self, episode: Episode) -> str | None:
        """The entitlement that a gap is about, if it is about one."""
        subject = episode.subject_id
        if episode.subject is Subject.DEVICE:
            serving = self.assignments.get(subject)
            return serving.entitlement if serving else None
        if episode.subject is Subject.SET:
            shared = self.sets.get(subject)
            return (shared.entitlement or "") if shared else None
        if episode.subject is Subject.PERSON:
            owed = self.owed.get(subject)
            return owed.entitlement if owed else None
        return subject.partition("@")[0] if "@" in subject else None

    def _form_factor_of(self, episode: Episode) -> FormFactor | None:
        if episode.subject is Subject.DEVICE:
            case = self.devices.get(episode.subject_id)
            return case.device.form_factor if case else None
        case_of_person = self.people.get(episode.subject_id)
        if case_of_person is None or not case_of_person.devices:
            return None
        device = self.devices.get(case_of_person.devices[0])  # None: it is placed in a unit out of scope
        return device.device.form_factor if device else None

    def platform_of(self, episode: Episode) -> str:
        """The platform of a gap's device, or of the first device of its person; "" for none."""
        if episode.subject is Subject.PERSON:
            case_of_person = self.people.get(episode.subject_id)
            subject = case_of_person.devices[0] if case_of_person and case_of_person.devices else ""
        else:
            subject = episode.subject_id
        case = self.devices.get(subject)
        return str(case.device.platform) if case else ""

    # --- units --------------------------------------------------------------------------------------------------------

    def in_trial(self, slug: str) -> bool:
        """Whether the unit is still in trial, that is not published."""
        unit = self.units.get(slug)
        return unit is not None and slug != UNPLACED and not unit.published


def gaps_by_subject(visible: VisibleSnapshot) -> Mapping[str, Sequence[Episode]]:
    """Open gaps by the id of their subject."""
    by_subject: defaultdict[str, list[Episode]] = defaultdict(list)
    for episode in visible.episodes:
        by_subject[episode.subject_id].append(episode)
    return by_subject


# --- how old a part is ------------------------------------------------------------------------------------------------


def is_overdue(part: PartState, today: date) -> bool:
    """Whether a part's content is older than expected. A disabled part, and one that is not there, is never overdue."""
    if part.disabled or part.is_not_there:
        return False
    return part.as_of is None or part.as_of + max(part.expected_every, timedelta(days=1)) < today


def freshness(part: PartState, today: date) -> str:
    """The state of a part as one word, the worst that applies; a key of `display_names.FRESHNESS`."""
    if part.disabled:
        return "frozen"
    if part.is_not_there:
        return "missing"
    if part.held_pull is not None:
        return "held"
    if is_failing(part):
        return "failing"
    if part.as_of is None:
        return "never"
    return "old" if is_overdue(part, today) else "fresh"


# What a person should see first, of a source with several parts.
_WORST_FIRST = ("failing", "held", "never", "old", "frozen", "fresh", "missing")


@dataclass(frozen=True)
class SourceFreshness:
    """How a source does: its worst part, the state of that, and how many parts it has."""

    name: str
    worst: PartState
    state: str
    parts: int


def freshness_by_source(parts: Sequence[PartState], today: date) -> Sequence[SourceFreshness]:
    """One entry per source, in the order of *parts*; of parts in the same state the oldest stands for it."""
    by_source: dict[str, list[PartState]] = {}
    for part in parts:
        by_source.setdefault(part.source, []).append(part)

    def rank(part: PartState) -> tuple[int, date]:
        return _WORST_FIRST.index(freshness(part, today)), part.as_of or date.min

    worst = {source: min(of_source, key=rank) for source, of_source in by_source.items()}
    return [
        SourceFreshness(source, worst[source], freshness(worst[source], today), len(of_source))
        for source, of_source in by_source.items()
    ]


def is_failing(part: PartState) -> bool:
    """Whether the last attempt failed."""
    if not part.reason or part.last_attempt_at is None or part.is_not_there:
        return False
    return part.last_complete_at is None or part.last_complete_at < part.last_attempt_at


def overdue_parts(parts: Sequence[PartState], today: date) -> Sequence[PartState]:
    """Parts that make the numbers old, the oldest first."""
    overdue = [
        part
        for part in parts
        if part.role in ROLES_BEHIND_NUMBERS and part.as_of is not None and is_overdue(part, today)
    ]
    return sorted(overdue, key=lambda part: part.as_of or date.min)
