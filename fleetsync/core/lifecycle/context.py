"""What a gap is judged by: everything one reconciliation knows, and how far each source lets it see.

Pure. A dead source opens and closes nothing that rests on it, so no day here is simply today: what a source announces
holds until it is overdue, and what no source has shown is judged no further than all who could have shown it looked.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property

from msgspec import Struct

from fleetsync.core.calendar import Calendar, Calendars, add_months, local_day
from fleetsync.core.identity import UnitDirectory
from fleetsync.core.lifecycle.stages import Bench
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    CoverageDay,
    CoveredBy,
    Device,
    DeviceCase,
    Entitlement,
    Key,
    Login,
    Moment,
    Outcome,
    PartRole,
    PartState,
    PersonCase,
    Policy,
    Purpose,
    RunningAssignment,
    Stage,
    Text,
)

_DEVICE_ROLES = frozenset({PartRole.MDM, PartRole.LIST})
_HELD_PURPOSES = frozenset({Purpose.PERSONAL, Purpose.LOAN})
_INACTIVE_STAGES = frozenset({Stage.RETIRED, Stage.LOST, None})
MONTHS_A_REUSED_LOGIN_IS_A_GAP = 12
CoverageKey = tuple[str, str]  # unit, entitlement


class Scene(Struct, frozen=True, kw_only=True, dict=True):
    """One reconciliation, as the gap kinds see it. What is looked up is made when it is first asked for."""

    outcome: Outcome
    believed: BelievedState
    policy: Policy
    calendars: Calendars
    book: UnitDirectory

    @property
    def moment(self) -> Moment:
        """The instant and the local day."""
        return self.outcome.moment

    @property
    def today(self) -> date:
        """The local day."""
        return self.outcome.moment.today

    @property
    def parts(self) -> Sequence[PartState]:
        """The configured parts."""
        return self.outcome.parts

    @cached_property
    def bench(self) -> Bench:
        """What devices are judged by."""
        return Bench(
            policy=self.policy,
            calendars=self.calendars,
            parts=self.parts,
            believed=self.believed,
            moment=self.moment,
            book=self.book,
        )

    def calendar(self, unit: str) -> Calendar:
        """The calendar by which the unit's days are counted."""
        return self.bench.calendar(unit)

    # --- cases --------------------------------------------------------------------------------------------------------

    @cached_property
    def rules(self) -> Mapping[str, Entitlement]:
        """The entitlements in force, by id."""
        return {rule.id: rule for rule in self.policy.entitlements if rule.is_valid_on(self.today)}

    @cached_property
    def people(self) -> Mapping[str, PersonCase]:
        """Cases by person."""
        return {case.person.id: case for case in self.outcome.people}

    @cached_property
    def devices(self) -> Mapping[str, DeviceCase]:
        """Cases by device."""
        return {case.device.id: case for case in self.outcome.devices}

    @cached_property
    def listable_people(self) -> Sequence[PersonCase]:
        """People who may stand in a list: no child of förskola or förskoleklass, and nobody whose identity is hidden."""
        return [case for case in self.outcome.people if not case.person_state.is_child and not case.person.masked]

    @cached_property
    def municipal_devices(self) -> Sequence[DeviceCase]:
        """The municipality's devices, those ignored excepted, and those included that no source has any more."""
        return [case for case in self.outcome.devices if case.device_state.ours and case.device_state.stage is not None]

    @cached_property
    def present_devices(self) -> Sequence[DeviceCase]:
        """Of those, the ones that a source still has."""
        return [case for case in self.municipal_devices if case.device.records]

    @cached_property
    def active_devices(self) -> Sequence[DeviceCase]:
        """Of those, the ones that are neither retired nor lost."""
        return [case for case in self.present_devices if case.device_state.stage not in _INACTIVE_STAGES]

    @cached_property
    def personally_owned_devices(self) -> Sequence[DeviceCase]:
        """Devices that are not the municipality's."""
        ignored = (Stage.RETIRED, None)
        return [
            case
            for case in self.outcome.devices
            if not case.device_state.ours and case.device.records and case.device_state.stage not in ignored
        ]

    @cached_property
    def devices_by_holder(self) -> Mapping[str, Sequence[DeviceCase]]:
        """Person → the devices in his hands."""
        found: defaultdict[str, list[DeviceCase]] = defaultdict(list)
        for case in self.active_devices:
            if case.placement.holder is not None and case.placement.purpose in _HELD_PURPOSES:
                found[case.placement.holder].append(case)
        return found

    @cached_property
    def running_own_assignments(self) -> Mapping[str, RunningAssignment]:
        """Device → its assignment as own that was believed before."""
        return {one.assignment.device: one for one in self.believed.assignments if one.assignment.by is CoveredBy.OWN}

    @cached_property
    def _owed_unit_by_person(self) -> Mapping[str, str]:
        return {debt.subject_id: debt.unit for debt in self.outcome.owed}

    def counted_unit(self, case: PersonCase) -> str:
        """Where a person is shown: where he is counted, which for a few without a unit is `central`."""
        return self._owed_unit_by_person.get(case.person.id, case.person_state.unit)

    @cached_property
    def earlier_coverage(self) -> Mapping[CoverageKey, Sequence[CoverageDay]]:
        """Coverage of earlier days, newest first."""
        found: defaultdict[CoverageKey, list[CoverageDay]] = defaultdict(list)
        for row in sorted(self.believed.coverage, key=lambda row: row.day, reverse=True):
            if row.day < self.today:
                found[(row.unit, row.entitlement)].append(row)
        return found

    @cached_property
    def open_gap_reasons(self) -> Mapping[tuple[str, str], Text]:
        """What was said of the gaps that are open, by kind and subject id."""
        return {episode.key: episode.reason for episode in self.believed.episodes if episode.closed_at is None}

    @cached_property
    def reused_logins(self) -> Mapping[str, date]:
        """Person → the day on which he was given a log-in that had been somebody else's, for twelve months."""
        found: dict[str, date] = {}
        for mine in _reassigned_logins(self.outcome.logins):
            day = local_day(mine.first_seen, self.policy.time_zone)
            if self.today < add_months(day, MONTHS_A_REUSED_LOGIN_IS_A_GAP):
                found[mine.person] = max(day, found.get(mine.person, day))
        return found

    # --- how far one can see ------------------------------------------------------------------------------------------

    @cached_property
    def _parts_by_name(self) -> Mapping[str, PartState]:
        return {part.name: part for part in self.parts}

    def _parts_of_records(self, records: Iterable[BelievedRecord]) -> list[PartState]:
        names = {f"{known.source}/{known.part}" for known in records}
        return [self._parts_by_name[name] for name in names if name in self._parts_by_name]

    def announcements_fresh_until(self, records: Iterable[BelievedRecord]) -> date:
        """Until when what *records* announce can be trusted: until one of their sources is overdue."""
        return min((self._fresh_until(part) for part in self._parts_of_records(records)), default=self.today)

    def contact_fresh_until(self, device: Device) -> date:
        """Until when what is known of a device can be trusted: by the part that gave its contact, else by all."""
        part = self._parts_by_name.get(device.contact_part or "")
        return self.announcements_fresh_until(device.records) if part is None else self._fresh_until(part)

    def observed_until(self, records: Iterable[BelievedRecord]) -> date:
        """Until when the sources of *records* have looked: the oldest of their days."""
        days = (part.as_of or date.min for part in self._parts_of_records(records))
        return min(min(days, default=self.today), self.today)

    def roster_fresh_until(self, case: PersonCase) -> date:
        """Until when what a person's present records say can be trusted: those of parts that count, else all.

        A witness adds nothing to what somebody is owed, so one that fell silent holds nothing back.
        """
        present = (*case.person.records, *(one for one in case.person.memberships if not one.gone))
        return self.announcements_fresh_until(self._counted_records(present) or present)

    def endings_observed_until(self, case: PersonCase) -> date:
        """Until when those who would announce a person's end have looked: the parts that count, else all."""
        return self.observed_until(self._counted_records(case.person.memberships) or case.person.memberships)

    def _counted_records(self, records: Iterable[BelievedRecord]) -> list[BelievedRecord]:
        counting = {part.name for part in self.parts if part.counts}
        return [known for known in records if f"{known.source}/{known.part}" in counting]

    def _fresh_until(self, part: PartState) -> date:
        """The last day on which a part is not overdue; at most today."""
        if part.as_of is None:
            return date.min
        if part.disabled:
            return min(part.as_of, self.today)
        # A day speaks for itself, so what is pulled hourly is not overdue at midnight.
        return min(part.as_of + max(part.expected_every, timedelta(days=1)), self.today)

    def is_overdue(self, part: PartState) -> bool:
        """Whether a part's content is older than it is expected to be."""
        return self._fresh_until(part) < self.today

    def coverage_fresh_until(self, entitlement: str) -> date:
        """Until when the numbers of an entitlement rest on nothing overdue: rosters that count, and what shows devices."""
        rosters = [part for part in self.parts if part.role is PartRole.ROSTER and part.counts and not part.disabled]
        fresh = min((self._fresh_until(part) for part in rosters), default=self.today)
        return min(fresh, self.device_parts_fresh_until(entitlement))

    def device_parts_fresh_until(self, entitlement: str | None) -> date:
        """Until when what shows devices of an entitlement can be trusted; of None, of any."""
        return min((self._fresh_until(part) for part in self._parts_showing(entitlement)), default=self.today)

    @cached_property
    def _device_parts(self) -> Sequence[PartState]:
        found = [part for part in self.parts if part.role in _DEVICE_ROLES]
        return [part for part in found if not part.disabled] or found

    @cached_property
    def mdms_observed_until(self) -> date:
        """Until when all MDMs have looked."""
        found = [part for part in self.parts if part.role is PartRole.MDM]
        asked = [part for part in found if not part.disabled] or found
        return min(min((part.as_of or date.min for part in asked), default=self.today), self.today)

    @cached_property
    def registers_observed_until(self) -> date | None:
        """Until when all asset registers have looked; None where none is configured."""
        days = [part.as_of or date.min for part in self.parts if part.role is PartRole.REGISTER and not part.disabled]
        return min(*days, self.today) if days else None

    @cached_property
    def _part_names_by_entitlement(self) -> Mapping[str, frozenset[str]]:
        """Entitlement → the parts that show devices assigned by it."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for one in self.outcome.assignments:
            if (case := self.devices.get(one.device)) is not None:
                found[one.entitlement].update(f"{known.source}/{known.part}" for known in case.device.records)
        return {entitlement: frozenset(names) for entitlement, names in found.items()}

    @cached_property
    def _absence_observed_cache(self) -> dict[str, date]:
        return {}

    def absence_observed_until(self, entitlement: str) -> date:
        """Until when "nobody has shown a device" is judged: the oldest day among the parts that show such devices.

        Where no device is assigned by the entitlement yet, among all parts of devices.
        """
        if entitlement not in self._absence_observed_cache:
            days = (part.as_of or date.min for part in self._parts_showing(entitlement))
            self._absence_observed_cache[entitlement] = min(min(days, default=self.today), self.today)
        return self._absence_observed_cache[entitlement]

    def _parts_showing(self, entitlement: str | None) -> Sequence[PartState]:
        showing = (
            self._part_names_by_entitlement.values()
            if entitlement is None
            else (self._part_names_by_entitlement.get(entitlement, frozenset()),)
        )
        names = frozenset[str]().union(*showing)
        return [part for part in self._device_parts if part.name in names] or self._device_parts

    def first_seen_on(self, device: Device) -> date:
        """The local day on which a device was first seen."""
        return local_day(device.first_seen, self.policy.time_zone)


def _reassigned_logins(logins: Sequence[Login]) -> Iterable[Login]:
    """Log-ins that came to their person after somebody else had them."""
    counts = Counter(login.key for login in logins)
    by_key: defaultdict[Key, list[Login]] = defaultdict(list)
    for login in logins:
        if counts[login.key] > 1:
            by_key[login.key].append(login)
    for sharing in by_key.values():
        first = min(login.first_seen for login in sharing)
        yield from (login for login in sharing if login.first_seen > first and login.is_current)
