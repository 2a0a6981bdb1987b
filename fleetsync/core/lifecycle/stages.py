"""Where in its life each device is, exactly one stage, and whether it works.

Pure. Silence is counted on the clock of the source that gave the last contact, which stops when the source does: a
dead source makes a device old, never silent. Works means in contact and manageable, not undamaged and not used.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property

from msgspec import Struct

from fleetsync.core.calendar import Calendar, Calendars, local_day
from fleetsync.core.identity import UnitDirectory
from fleetsync.core.lifecycle.support_dates import SupportDates
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    Compliance,
    Condition,
    Device,
    DeviceState,
    FormFactor,
    FrozenStruct,
    Moment,
    Ownership,
    PartRole,
    PartState,
    PersonState,
    Placement,
    Platform,
    Policy,
    Purpose,
    Stage,
    Text,
)

_RETIRED_CONDITIONS = frozenset({Condition.RETIRED, Condition.WIPED, Condition.DISABLED})
_NEVER_WORKING_FORM_FACTORS = frozenset({FormFactor.PHONE, FormFactor.TV, FormFactor.VIRTUAL})
_ROLES_PROVING_OWNERSHIP = frozenset({PartRole.PURCHASES, PartRole.REGISTER, PartRole.LIST})
_STAGE_BY_PURPOSE: Mapping[Purpose, Stage] = {
    Purpose.LOAN: Stage.LOAN,
    Purpose.ROOM: Stage.ROOM,
    Purpose.STOCK: Stage.STOCK,
    Purpose.SET: Stage.SHARED,
    Purpose.POOL: Stage.SHARED,
    Purpose.PERSONAL: Stage.IN_USE,
}

_GONE = Text("ingen källa har det längre", "no source has it any more")
_NOT_OURS = Text("privatägt", "personally owned")
_UNMANAGED = Text("inget MDM säger att det är hanterat", "no MDM says that it is managed")
_NO_ENROLMENT = Text("aldrig i kontakt, och inskrivningens dag är okänd", "never in contact, day of enrolment unknown")
_WEEKDAYS_COUNT = Text("; vardagar räknas, kalendern är slut", "; weekdays count, the calendar has ended")
_REASON_BY_CONDITION: Mapping[Condition, Text] = {
    Condition.LOST: Text("borttappat", "lost"),
    Condition.RETIRED: Text("utrangerat", "retired"),
    Condition.WIPED: Text("raderat", "wiped"),
    Condition.DISABLED: Text("spärrat", "disabled"),
    Condition.IN_REPAIR: Text("på reparation", "in repair"),
}


class Silence(FrozenStruct, frozen=True):
    """How long a device has been silent: from `since` (its contact, else its enrolment, else None) by its own clock."""

    since: date | None
    was_in_contact: bool
    evaluated_until: date
    school_days: int


class Bench(Struct, frozen=True, kw_only=True, dict=True):
    """All that is asked while devices are judged, made once for all of them."""

    policy: Policy
    calendars: Calendars
    parts: Sequence[PartState]
    believed: BelievedState
    moment: Moment
    book: UnitDirectory

    @cached_property
    def parts_by_name(self) -> Mapping[str, PartState]:
        """Parts by "source/part"."""
        return {part.name: part for part in self.parts}

    @cached_property
    def support_dates(self) -> SupportDates:
        """Dates of support."""
        return SupportDates(self.policy.reference)

    @cached_property
    def condition_corrections(self) -> Mapping[str, Condition]:
        """Device → the condition that a person knows better than the sources."""
        today = self.moment.today
        return {
            one.device: Condition(one.value)
            for one in self.believed.corrections
            if one.field == "condition" and (one.until is None or today <= one.until)
        }

    @cached_property
    def _calendar_cache(self) -> dict[str, Calendar]:
        return {}

    @cached_property
    def _working_reason_cache(self) -> dict[tuple[int, bool, bool], Text]:
        return {}

    def calendar(self, unit: str) -> Calendar:
        """The calendar by which the unit's days are counted."""
        found = self._calendar_cache.get(unit)
        if found is None:
            found = self._calendar_cache[unit] = self.calendars.for_unit(unit, self.book.is_preschool_only(unit))
        return found

    def day(self, instant: datetime) -> date:
        """The municipality's local day of *instant*."""
        return local_day(instant, self.policy.time_zone)

    def limit(self, unit: str, platform: Platform) -> int:
        """School days of silence with which a device still works: the unit's word, else the platform's, else all's."""
        of_unit = self.book.by_slug.get(unit)
        if of_unit is not None and of_unit.stale_after_school_days is not None:
            return of_unit.stale_after_school_days
        staleness = self.policy.staleness
        return staleness.by_platform.get(platform.value, staleness.stale_after_school_days)

    # --- silence ------------------------------------------------------------------------------------------------------

    def silence(self, device: Device, unit: str) -> Silence:
        """How long *device* has been silent, in school days of *unit*."""
        contact = self._last_contact(device)
        since = contact[0] if contact else self.day(device.enrolled_at) if device.enrolled_at else None
        judged = contact[1] if contact else self._mdms_as_of(device)
        judged = min(judged, self.moment.today)
        days = 0 if since is None else self.calendar(unit).school_days_between(since, judged)
        return Silence(since, contact is not None, judged, days)

    def _last_contact(self, device: Device) -> tuple[date, date] | None:
        """The day of the newest contact, and until when the part that gave it has looked."""
        if device.last_contact_at is not None:
            day = self.day(device.last_contact_at)
            return day, self._contact_part_as_of(device) or day
        if device.ever_in_mdm:
            return None
        # That a list which has no "seen on" still names a device is its contact.
        days = [listed for known in device.records if (listed := self._list_as_of(known)) is not None]
        return (max(days), max(days)) if days else None

    def _contact_part_as_of(self, device: Device) -> date | None:
        part = self.parts_by_name.get(device.contact_part or "")
        if part is None:
            return None
        heard = (*device.records, *device.superseded, *device.gone)
        scopes = (known.scope for known in heard if f"{known.source}/{known.part}" == part.name)
        return part.scope_as_of.get(next(scopes, None) or "", part.as_of)

    def _list_as_of(self, known: BelievedRecord) -> date | None:
        part = self.parts_by_name.get(f"{known.source}/{known.part}")
        if part is None or part.role is not PartRole.LIST:
            return None
        return part.scope_as_of.get(known.scope or "", part.as_of)

    def _mdms_as_of(self, device: Device) -> date:
        """Until when those who could have shown a contact have looked: the MDMs that have it, else all of them."""
        mdms = [part for part in self.parts if part.role is PartRole.MDM]
        having = {f"{known.source}/{known.part}" for known in device.records}
        asked = [part for part in mdms if part.name in having] or [part for part in mdms if not part.disabled] or mdms
        days = [part.as_of or self.day(device.first_seen) for part in asked]
        return min(days, default=self.moment.today)

    # --- works --------------------------------------------------------------------------------------------------------

    def conditions(self, device: Device) -> frozenset[Condition]:
        """What has become of *device*; a person's correction stands for all that the sources say."""
        condition_corrections = self.condition_corrections.get(device.id)
        return device.conditions if condition_corrections is None else frozenset({condition_corrections})

    def not_working_reason(
        self, device: Device, purpose: Purpose, unit: str, silence: Silence, ours: bool
    ) -> Text | None:
        """The first reason for which *device* does not work; None when it does."""
        if not device.records:
            return _GONE
        conditions = self.conditions(device)
        for condition, words in _REASON_BY_CONDITION.items():
            if condition in conditions:
                return words
        if purpose is Purpose.REPAIR:
            return _REASON_BY_CONDITION[Condition.IN_REPAIR]
        if device.form_factor in _NEVER_WORKING_FORM_FACTORS:
            kind = device.form_factor.value
            return Text(f"{kind} är aldrig ett sådant verktyg", f"a {kind} is never such a device")
        if not ours:
            return _NOT_OURS
        return self._unmanaged_reason(device) or self._no_contact_reason(device, unit, silence)

    def _unmanaged_reason(self, device: Device) -> Text | None:
        if PartRole.MDM in device.roles:
            return None if device.managed is True else _UNMANAGED
        if PartRole.LIST in device.roles and not device.ever_in_mdm:
            is_in_use = self.conditions(device) <= {Condition.ACTIVE}
            return None if is_in_use else Text("listan säger inte att det används", "its list does not say in use")
        return _UNMANAGED

    def _no_contact_reason(self, device: Device, unit: str, silence: Silence) -> Text | None:
        if silence.since is None:
            return _NO_ENROLMENT
        if silence.school_days <= self.limit(unit, device.platform):
            return None
        return self.silence_reason(device, unit, silence)

    def silence_reason(self, device: Device, unit: str, silence: Silence) -> Text:
        """The sentence of a device that has been silent for longer than it may; dates, never ages."""
        limit, since = self.limit(unit, device.platform), silence.since
        said = (
            Text(
                f"ingen kontakt sedan {since}, gräns {limit} skoldagar",
                f"no contact since {since}, limit {limit} school days",
            )
            if silence.was_in_contact
            else Text(
                f"aldrig i kontakt sedan inskrivningen {since}, gräns {limit} skoldagar",
                f"never in contact since its enrolment {since}, limit {limit} school days",
            )
        )
        return self._with_calendar_note(said, unit, silence)

    def working_reason(self, device: Device, unit: str, silence: Silence) -> Text:
        """Why it works. No date: contact moves daily, and a reason that moved would end the assignment's interval."""
        key = (self.limit(unit, device.platform), silence.was_in_contact, self._is_without_calendar(unit, silence))
        if key not in self._working_reason_cache:
            said = (
                Text(
                    f"i kontakt inom {key[0]} skoldagar och hanterat",
                    f"in contact within {key[0]} school days, managed",
                )
                if key[1]
                else Text(f"inskrivet för högst {key[0]} skoldagar sedan", f"enrolled at most {key[0]} school days ago")
            )
            self._working_reason_cache[key] = self._with_calendar_note(said, unit, silence)
        return self._working_reason_cache[key]

    def _with_calendar_note(self, said: Text, unit: str, silence: Silence) -> Text:
        if not self._is_without_calendar(unit, silence):
            return said
        return Text(said.sv + _WEEKDAYS_COUNT.sv, said.en + _WEEKDAYS_COUNT.en)

    def _is_without_calendar(self, unit: str, silence: Silence) -> bool:
        calendar = self.calendar(unit)
        return (
            calendar.ends_on is not None
            and silence.evaluated_until > calendar.ends_on
            and calendar.is_beyond_calendar(silence.evaluated_until)
        )

    # --- stage --------------------------------------------------------------------------------------------------------

    def stage(self, device: Device, purpose: Purpose, silence: Silence) -> Stage | None:
        """The first stage that holds; None for a device that is to be ignored."""
        if purpose is Purpose.IGNORE:
            return None
        conditions = self.conditions(device)
        if conditions & _RETIRED_CONDITIONS:
            return Stage.RETIRED
        if Condition.LOST in conditions:
            return Stage.LOST
        if Condition.IN_REPAIR in conditions or purpose is Purpose.REPAIR:
            return Stage.IN_REPAIR
        if self._is_silent(device, silence):
            return Stage.SILENT
        return _STAGE_BY_PURPOSE.get(purpose) or (Stage.ORDERED if is_purchase_only(device) else Stage.UNSORTED)

    def _is_silent(self, device: Device, silence: Silence) -> bool:
        if not device.records or (device.ever_in_mdm and PartRole.MDM not in device.roles):
            return True
        # What was only bought has never been there to fall silent.
        return not is_purchase_only(device) and silence.school_days > self.policy.staleness.silent_after_school_days

    def since(self, device: Device, stage: Stage | None) -> datetime:
        """Since when it is in the stage: what is believed while the stage stays, else now; an ignored one has none."""
        if stage is None:
            return device.first_seen
        believed = self.believed.stages.get(device.id)
        return believed.since if believed is not None and believed.stage is stage else self.moment.at

    def device_state(self, device: Device, placement: Placement) -> DeviceState:
        """All of it for one device."""
        purpose, unit, ours = placement.purpose, placement.unit, is_municipal_device(device)
        silence = self.silence(device, unit)
        not_working_reason = self.not_working_reason(device, purpose, unit, silence, ours)
        stage = self.stage(device, purpose, silence)
        supported = self.support_dates.is_supported(device, silence.evaluated_until)
        return DeviceState(
            device=device.id,
            stage=stage,
            since=self.since(device, stage),
            works=not_working_reason is None,
            works_reason=not_working_reason or self.working_reason(device, unit, silence),
            silent_school_days=silence.school_days if silence.was_in_contact else None,
            evaluated_until=silence.evaluated_until,
            ours=ours,
            supported=supported,
            secure=_is_secure(device, supported),
        )


def is_municipal_device(device: Device) -> bool:
    """Whether a device is the municipality's: bought, registered or listed by it, else unless its MDM says personal."""
    if device.ever_in_list or not _ROLES_PROVING_OWNERSHIP.isdisjoint(device.roles):
        return True
    return device.ownership is not Ownership.PERSONAL


def is_purchase_only(device: Device) -> bool:
    """Whether only purchases (a ledger, Autopilot, Apple) know a device, and nothing else ever had it."""
    return device.roles == {PartRole.PURCHASES} and not device.ever_in_mdm and not device.ever_in_list


def _is_secure(device: Device, supported: bool | None) -> bool | None:
    compliant = None if device.compliance is None else device.compliance is Compliance.COMPLIANT
    facts = (supported, device.encrypted, compliant)
    if False in facts:
        return False
    return None if None in facts else True


def device_states(
    devices: Sequence[Device],
    placements: Sequence[Placement],
    policy: Policy,
    calendars: Calendars,
    parts: Sequence[PartState],
    believed: BelievedState,
    moment: Moment,
    book: UnitDirectory,
    standings: Mapping[str, PersonState],
) -> tuple[DeviceState, ...]:
    """The stage of each device, since when, and whether it works, in the order of *devices*.

    *placements* are in the same order. A device that has never been in contact works for as long from its enrolment as
    another from its last contact.
    """
    bench = Bench(policy=policy, calendars=calendars, parts=parts, believed=believed, moment=moment, book=book)
    return tuple(bench.device_state(device, placement) for device, placement in zip(devices, placements, strict=True))
