"""What every step of one reconciliation looks things up in: stored state, policy, calendars, units, and the day.

Pure. `coverage.build_context` makes it once per reconciliation, and every step is handed the same one. It answers what
the steps have in common (a unit's calendar, the rules in force, the part that a record came from, the local day of an
instant, and until which day a part's content is known) and decides nothing itself.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from fleetsync.core.calendar import Calendar, Calendars, local_day
from fleetsync.core.local_plans import plans_in_force, raised_by
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    Correction,
    DeviceCase,
    DeviceCount,
    DeviceRecord,
    Entitlement,
    GroupRecord,
    LocalPlan,
    Moment,
    Override,
    PartState,
    PersonCase,
    Policy,
    Turnover,
    UnitRecord,
)
from fleetsync.core.unit_directory import UnitDirectory

ListKey = tuple[str, str, str]  # source, part, scope
_ORGANISATIONS = (UnitRecord, GroupRecord)


class StepBasis(Struct, frozen=True, kw_only=True):
    """What the conclusions about every single person and device rest on, besides the subject itself and the turnover.

    As long as both are equal, a person or a device that has not changed gives the same conclusions.
    """

    today: date
    policy: Policy
    calendars: Calendars
    parts: tuple[PartState, ...]
    organisations: tuple[BelievedRecord, ...]
    lists_with_contacts: frozenset[ListKey]
    overrides: tuple[Override, ...]
    corrections: tuple[Correction, ...]
    device_counts: tuple[DeviceCount, ...]
    known_until: date | None


class EarlierCases(Struct, frozen=True, kw_only=True):
    """What the reconciliation before this one concluded of each subject, by id.

    A step uses it again for a subject that consists of the very same objects. Empty where basis or turnover was another.
    `at`: when it was concluded. `staff_rosters_known_until`: the days up to which the staff rosters were known then.
    """

    at: datetime = datetime.min.replace(tzinfo=UTC)
    people: Mapping[str, PersonCase] = {}
    devices: Mapping[str, DeviceCase] = {}
    staff_rosters_known_until: tuple[date, ...] = ()


class Context(Struct, frozen=True, kw_only=True, dict=True):
    """The inputs of one reconciliation, with the look-ups that its steps share.

    `turnover` is the school year's turnover as it stands at this step: reconciling begins with the stored one and may
    replace it. `known_until` is set for a day to come only: it says up to which day all sources are taken to have been
    read. None: each part is known until the day that its content speaks for.
    """

    believed: BelievedState
    policy: Policy
    calendars: Calendars
    moment: Moment
    unit_directory: UnitDirectory
    turnover: Turnover | None = None
    known_until: date | None = None
    earlier: EarlierCases = EarlierCases()

    @cached_property
    def basis(self) -> StepBasis:
        """What this context gives to every subject alike."""
        return StepBasis(
            today=self.today,
            policy=self.policy,
            calendars=self.calendars,
            parts=tuple(map(_without_attempts, self.parts)),
            organisations=tuple(known for known in self.believed.known if isinstance(known.record, _ORGANISATIONS)),
            lists_with_contacts=self.lists_with_contacts,
            overrides=tuple(self.believed.overrides),
            corrections=tuple(self.believed.corrections),
            device_counts=tuple(self.believed.device_counts),
            known_until=self.known_until,
        )

    @property
    def today(self) -> date:
        """The local day that is evaluated."""
        return self.moment.today

    @property
    def parts(self) -> Sequence[PartState]:
        """The configured parts of all sources."""
        return self.believed.parts

    # --- policy and calendars -----------------------------------------------------------------------------------------

    @cached_property
    def rules(self) -> tuple[Entitlement, ...]:
        """The entitlements in force today, in the order in which they are asked."""
        return self.rules_on(self.today)

    @cached_property
    def rules_by_id(self) -> Mapping[str, Entitlement]:
        """The entitlements in force today, by id."""
        return {rule.id: rule for rule in self.rules}

    def rules_on(self, day: date) -> tuple[Entitlement, ...]:
        """The entitlements in force on *day*, in the order in which they are asked."""
        return tuple(rule for rule in self.policy.entitlements if rule.is_valid_on(day))

    @cached_property
    def local_plans(self) -> Mapping[str, LocalPlan]:
        """The local plan in force today, by unit."""
        return plans_in_force(self.policy.local_plans, self.today)

    def rule_at(self, rule: Entitlement, unit: str) -> Entitlement:
        """*rule* as it is at *unit*, where a local plan may have raised it."""
        return raised_by(rule, self.local_plans.get(unit)) if self.local_plans else rule

    @cached_property
    def corrections_in_force(self) -> Mapping[tuple[str, str], Correction]:
        """The corrections of devices that hold today, by device and field."""
        return {(each.device, each.field): each for each in self.believed.corrections if each.is_in_force(self.today)}

    @cached_property
    def counted_by_hand(self) -> Mapping[str, int]:
        """The working devices of each set and pool that a person has counted, where the count holds today."""
        return {each.subject_id: each.count for each in self.believed.device_counts if each.is_in_force(self.today)}

    def calendar_of(self, unit: str) -> Calendar:
        """The calendar by which the unit's school days are counted."""
        calendar = self._calendars_by_unit.get(unit)
        if calendar is None:
            is_preschool_only = self.unit_directory.is_preschool_only(unit)
            calendar = self._calendars_by_unit[unit] = self.calendars.for_unit(unit, is_preschool_only)
        return calendar

    @cached_property
    def _calendars_by_unit(self) -> dict[str, Calendar]:
        return {}

    def local_day(self, instant: datetime) -> date:
        """The municipality's local day of *instant*."""
        return local_day(instant, self.policy.time_zone)

    # --- sources ------------------------------------------------------------------------------------------------------

    @cached_property
    def parts_by_name(self) -> Mapping[str, PartState]:
        """Parts by "source/part"."""
        return {part.name: part for part in self.parts}

    @cached_property
    def _parts_by_source(self) -> Mapping[tuple[str, str], PartState]:
        return {(part.source, part.part): part for part in self.parts}

    def part_of(self, record: BelievedRecord) -> PartState | None:
        """The part that *record* came from; None when it is no longer configured."""
        return self._parts_by_source.get((record.source, record.part))

    @cached_property
    def lists_with_contacts(self) -> frozenset[ListKey]:
        """The device lists that give the contact of some device, or have contacts that could not be read."""
        return frozenset(
            self.list_of(known)
            for known in self.believed.known
            if isinstance(known.record, DeviceRecord)
            and (known.last_contact_at is not None or "last_contact_at" in known.record.unreadable)
            and not known.gone
        )

    @staticmethod
    def list_of(record: BelievedRecord) -> ListKey:
        """The list that a device record stands in: a part, or one file of it."""
        return record.source, record.part, record.scope or ""

    def known_until_of(self, part: PartState, scope: str | None = None) -> date | None:
        """The day up to which the content of *part* is known; None when it was never read whole.

        *scope*: of a part that is read file by file, the file; None asks for the oldest of them. An explicit
        `known_until` takes the place of the day of every part that is still read: one that is switched off, or was
        never read whole, shows nothing newer on a day to come either.
        """
        as_of = part.as_of if scope is None else part.scope_as_of.get(scope, part.as_of)
        if self.known_until is None or as_of is None or part.disabled:
            return as_of
        return self.known_until

    def record_known_until(self, record: BelievedRecord, part: PartState) -> date | None:
        """The day up to which the content of *part*, which *record* came from, is known where the record stands."""
        return self.known_until_of(part, record.scope or "")


def _without_attempts(part: PartState) -> PartState:
    """A part without what only its own pulls are judged by: it changes with every pull, and no subject rests on it."""
    return replace(
        part,
        last_attempt_at=None,
        last_complete_at=None,
        held_pull=None,
        reason=part.reason if part.is_not_there else None,
        drift=0,
        unreadable_rows=0,
        unreadable_facts=0,
        unreadable_reason=None,
        unused_headers=0,
        left_files=(),
        scope_findings={},
        contacts_untold=0,
        credentials=(),
    )
