"""What the gap kinds look things up in: the cases of an outcome, and how far each source lets one see.

Pure. No limit here is simply today. What a source announces is trusted until the source is overdue, and what no source
has shown is evaluated only up to the day until which all sources that could show it are known. So a source that no
longer delivers opens and closes no gap that rests on it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property

from msgspec import Struct

from fleetsync.core.calendar import add_months
from fleetsync.core.context import Context
from fleetsync.core.lifecycle.support_dates import SupportDates
from fleetsync.core.model import (
    BelievedRecord,
    CoverageDay,
    CoveredBy,
    Device,
    DeviceCase,
    Key,
    Login,
    Outcome,
    PartRole,
    PartState,
    PersonCase,
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


class GapEvidence(Struct, frozen=True, kw_only=True, dict=True):
    """One outcome with the context it was found in, indexed for the gap kinds. Look-ups are built on first use."""

    outcome: Outcome
    context: Context

    @property
    def today(self) -> date:
        """The local day that is evaluated."""
        return self.context.today

    @cached_property
    def support_dates(self) -> SupportDates:
        """Until when systems and hardware are supported."""
        return SupportDates(self.context.policy.reference)

    # --- cases --------------------------------------------------------------------------------------------------------

    @cached_property
    def people(self) -> Mapping[str, PersonCase]:
        """Cases by person."""
        return {case.person.id: case for case in self.outcome.people}

    @cached_property
    def devices(self) -> Mapping[str, DeviceCase]:
        """Cases by device."""
        return {case.device.id: case for case in self.outcome.devices}

    @cached_property
    def devices_by_holder(self) -> Mapping[str, Sequence[DeviceCase]]:
        """Person → the devices they hold."""
        held: defaultdict[str, list[DeviceCase]] = defaultdict(list)
        for case in self.outcome.devices:
            if case.placement.holder is not None and case.placement.purpose in _HELD_PURPOSES and is_active(case):
                held[case.placement.holder].append(case)
        return held

    @cached_property
    def running_own_assignments(self) -> Mapping[str, RunningAssignment]:
        """Device → its stored assignment as a person's own."""
        running = self.context.believed.assignments
        return {own.assignment.device: own for own in running if own.assignment.by is CoveredBy.OWN}

    @cached_property
    def _owed_unit_by_person(self) -> Mapping[str, str]:
        return {debt.subject_id: debt.unit for debt in self.outcome.owed}

    def counted_unit(self, case: PersonCase) -> str:
        """The unit under which a person is counted and shown; for a few without a unit that is `central`."""
        return self._owed_unit_by_person.get(case.person.id, case.person_state.unit)

    @cached_property
    def directories_by_entitlement(self) -> Mapping[str, Sequence[PartState]]:
        """Entitlement → the directories that have at least half of the persons whom it owes: others are not for them."""
        directories = [
            part for part in self.context.parts if part.is_directory and not part.disabled and part.as_of is not None
        ]
        if not directories:
            return {}
        owed: Counter[str] = Counter()
        having: Counter[tuple[str, str]] = Counter()  # entitlement and name of the directory
        for case in self.outcome.people:
            if case.person_state.owed is not None:
                entitlement = case.person_state.owed.entitlement
                owed[entitlement] += 1
                having.update((entitlement, name) for name in part_names(case.person.records))
        return {
            entitlement: [part for part in directories if 2 * having[entitlement, part.name] >= persons]
            for entitlement, persons in owed.items()
        }

    @cached_property
    def earlier_coverage(self) -> Mapping[CoverageKey, Sequence[CoverageDay]]:
        """Coverage of earlier days, newest first."""
        rows: defaultdict[CoverageKey, list[CoverageDay]] = defaultdict(list)
        for row in sorted(self.context.believed.coverage, key=lambda row: row.day, reverse=True):
            if row.day < self.today:
                rows[(row.unit, row.entitlement)].append(row)
        return rows

    @cached_property
    def open_gap_reasons(self) -> Mapping[tuple[str, str], Text]:
        """The stored reasons of the gaps that are open, by kind and subject id."""
        return {episode.key: episode.reason for episode in self.context.believed.episodes if episode.closed_at is None}

    @cached_property
    def reused_logins(self) -> Mapping[str, date]:
        """Person → the day on which they were given a log-in that had been somebody else's, for twelve months."""
        given_on: dict[str, date] = {}
        for login in _reassigned_logins([login for login in self.outcome.logins if self._tells_of_reuse(login)]):
            day = self.context.local_day(login.first_seen)
            if self.today < add_months(day, MONTHS_A_REUSED_LOGIN_IS_A_GAP):
                given_on[login.person] = max(day, given_on.get(login.person, day))
        return given_on

    def _tells_of_reuse(self, login: Login) -> bool:
        """Whether *login* can show that a log-in was given from one person to another.

        The log-ins of a person who leaves are closed; those of one who turned out to be another one stay current. A
        token ends when its person is hidden no more: the source that notices later still has it, as of somebody else.
        """
        return not login.key.is_token and (not login.is_current or login.person in self._person_ids)

    @cached_property
    def _person_ids(self) -> frozenset[str]:
        return frozenset(case.person.id for case in self.outcome.people)

    # --- how far one can see ------------------------------------------------------------------------------------------

    def _parts_of_records(self, records: Iterable[BelievedRecord]) -> Iterable[PartState]:
        refs = {(record.source, record.part): record for record in records}
        return [part for record in refs.values() if (part := self.context.part_of(record)) is not None]

    def known_until(self, part: PartState) -> date:
        """The day until which the content of *part* is known; `date.min` when it was never read whole."""
        return self.context.known_until_of(part) or date.min

    def announcements_fresh_until(self, records: Iterable[BelievedRecord]) -> date:
        """The day until which the announcements of *records* can be trusted: until one of their parts is overdue."""
        return min((self._fresh_until(part) for part in self._parts_of_records(records)), default=self.today)

    def contact_fresh_until(self, device: Device) -> date:
        """The day until which facts of a device can be trusted: by the part that gave its contact, else by all its parts."""
        part = self.context.parts_by_name.get(device.contact_part or "")
        return self.announcements_fresh_until(device.records) if part is None else self._fresh_until(part)

    def observed_until(self, records: Iterable[BelievedRecord]) -> date:
        """The day until which the parts of *records* are known: the oldest of their days, at most today."""
        days = (self.known_until(part) for part in self._parts_of_records(records))
        return min(min(days, default=self.today), self.today)

    def roster_fresh_until(self, case: PersonCase) -> date:
        """The day until which a person's present records can be trusted: by the parts that count, else by all.

        A witness adds nothing to what a person is owed, so a witness that is overdue holds nothing back.
        """
        present = (*case.person.records, *(known for known in case.person.memberships if not known.gone))
        return self.announcements_fresh_until(self._counted_records(present) or present)

    def endings_observed_until(self, case: PersonCase) -> date:
        """The day until which the parts that would announce a person's end are known: those that count, else all."""
        return self.observed_until(self._counted_records(case.person.memberships) or case.person.memberships)

    def _counted_records(self, records: Iterable[BelievedRecord]) -> list[BelievedRecord]:
        return [record for record in records if (part := self.context.part_of(record)) is not None and part.counts]

    def _fresh_until(self, part: PartState) -> date:
        """The last day on which a part is not overdue; at most today."""
        known_until = self.context.known_until_of(part)
        if known_until is None:
            return date.min
        if part.disabled:
            return min(known_until, self.today)
        # Content speaks for a whole day, so a part that is pulled hourly is not overdue at midnight.
        return min(known_until + max(part.expected_every, timedelta(days=1)), self.today)

    def is_overdue(self, part: PartState) -> bool:
        """Whether a part's content is older than it is expected to be."""
        return self._fresh_until(part) < self.today

    def coverage_fresh_until(self, entitlement: str) -> date:
        """The day until which an entitlement's numbers rest on nothing overdue: rosters that count, and parts of devices."""
        rosters = [
            part for part in self.context.parts if part.role is PartRole.ROSTER and part.counts and not part.disabled
        ]
        fresh = min((self._fresh_until(part) for part in rosters), default=self.today)
        return min(fresh, self.device_parts_fresh_until(entitlement))

    def device_parts_fresh_until(self, entitlement: str | None) -> date:
        """The day until which the parts that show devices of an entitlement can be trusted; None: of any entitlement."""
        return min((self._fresh_until(part) for part in self._parts_showing(entitlement)), default=self.today)

    @cached_property
    def _device_parts(self) -> Sequence[PartState]:
        parts = [part for part in self.context.parts if part.role in _DEVICE_ROLES]
        return [part for part in parts if not part.disabled] or parts

    @cached_property
    def mdms_observed_until(self) -> date:
        """The day until which all MDMs are known, at most today."""
        mdms = [part for part in self.context.parts if part.role is PartRole.MDM]
        days = map(self.known_until, [part for part in mdms if not part.disabled] or mdms)
        return min(min(days, default=self.today), self.today)

    @cached_property
    def registers_observed_until(self) -> date | None:
        """The day until which all asset registers are known, at most today; None where none is configured."""
        registers = [part for part in self.context.parts if part.role is PartRole.REGISTER and not part.disabled]
        days = [self.known_until(part) for part in registers]
        return min(*days, self.today) if days else None

    @cached_property
    def first_pulled_today(self) -> frozenset[str]:
        """Parts whose first complete pull came today: what they show began before, on an unknown day."""
        firsts = ((part, part.first_complete_at) for part in self.context.parts)
        return frozenset(
            part.name for part, at in firsts if at is not None and self.context.local_day(at) == self.today
        )

    @cached_property
    def parts_by_entitlement(self) -> Mapping[str, set[tuple[str, str]]]:
        """Entitlement → the parts that show devices assigned by it, as (source, part)."""
        parts: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for assignment in self.outcome.assignments:
            if (case := self.devices.get(assignment.device)) is not None:
                parts[assignment.entitlement].update([(known.source, known.part) for known in case.device.records])
        return dict(parts)

    @cached_property
    def _absence_observed_cache(self) -> dict[str, date]:
        return {}

    def absence_observed_until(self, entitlement: str) -> date:
        """The day until which the lack of a device is evaluated: the oldest day of the parts that show such devices.

        Where no device is assigned by the entitlement yet, of all parts that show devices.
        """
        if entitlement not in self._absence_observed_cache:
            days = map(self.known_until, self._parts_showing(entitlement))
            self._absence_observed_cache[entitlement] = min(min(days, default=self.today), self.today)
        return self._absence_observed_cache[entitlement]

    def _parts_showing(self, entitlement: str | None) -> Sequence[PartState]:
        showing = (
            self.parts_by_entitlement.values()
            if entitlement is None
            else (self.parts_by_entitlement.get(entitlement, set()),)
        )
        shown_by = set[tuple[str, str]]().union(*showing)
        return [part for part in self._device_parts if (part.source, part.part) in shown_by] or self._device_parts

    def first_seen_on(self, device: Device) -> date:
        """The local day on which a device was first seen."""
        return self.context.local_day(device.first_seen)


def part_names(records: Iterable[BelievedRecord]) -> frozenset[str]:
    """The parts that *records* come from, as "source/part"."""
    return frozenset(f"{record.source}/{record.part}" for record in records)


def is_listable(case: PersonCase) -> bool:
    """Whether a person may be listed: not a child of förskola or förskoleklass, and not with a hidden identity."""
    return not case.person_state.is_child and not case.person.masked


def is_municipal(case: DeviceCase) -> bool:
    """Whether a device is the municipality's, also when no source has it any more; ignored ones are not."""
    return case.device_state.ours and case.device_state.stage is not None


def is_present(case: DeviceCase) -> bool:
    """Whether a device is the municipality's, and a source still has it."""
    return is_municipal(case) and bool(case.device.records)


def is_active(case: DeviceCase) -> bool:
    """Whether a device is the municipality's, a source has it, and it is neither retired nor lost."""
    return is_present(case) and case.device_state.stage not in _INACTIVE_STAGES


def is_personally_owned(case: DeviceCase) -> bool:
    """Whether a device is not the municipality's, and neither retired nor ignored."""
    stage = case.device_state.stage
    return not case.device_state.ours and bool(case.device.records) and stage not in (Stage.RETIRED, None)


def _reassigned_logins(logins: Sequence[Login]) -> Iterable[Login]:
    """Log-ins that were given to their person after somebody else had had them."""
    counts = Counter(login.key for login in logins)
    by_key: defaultdict[Key, list[Login]] = defaultdict(list)
    for login in logins:
        if counts[login.key] > 1:
            by_key[login.key].append(login)
    for sharing in by_key.values():
        first = min(login.first_seen for login in sharing)
        yield from (login for login in sharing if login.first_seen > first and login.is_current)
