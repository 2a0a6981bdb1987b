"""Works out the state of each device: exactly one stage of its life, since when, and whether it works.

Pure. A device works when it is in contact and managed; that does not say that it is undamaged or in use.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property

from msgspec import Struct

from fleetsync.core.context import Context
from fleetsync.core.lifecycle.silence import (
    Silence,
    is_beyond_calendar,
    list_word_reason,
    silence_of,
    silence_reason,
    stale_limit,
    with_calendar_note,
)
from fleetsync.core.lifecycle.support_dates import SupportDates
from fleetsync.core.lifecycle.unreadable_facts import is_ownership_proven, undecided_fact_reason, unreadable_reason
from fleetsync.core.model import (
    Compliance,
    Condition,
    Device,
    DeviceState,
    FormFactor,
    Ownership,
    PartRole,
    Placement,
    Purpose,
    Stage,
    Text,
)

_RETIRED_CONDITIONS = frozenset({Condition.RETIRED, Condition.WIPED, Condition.DISABLED})
_NEVER_WORKING_FORM_FACTORS = frozenset({FormFactor.PHONE, FormFactor.TV, FormFactor.VIRTUAL})
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
_NO_ENROLMENT = Text(
    "ingen källa ger en kontakt eller en inskrivningsdag", "no source gives a contact or a day of enrolment"
)
_LIST_GIVES_NO_CONTACT = Text(
    "vet inte: listan ger kontakter, men ingen för detta verktyg",
    "unknown: its list gives contacts, and none for this device",
)
_REASON_BY_CONDITION: Mapping[Condition, Text] = {
    Condition.LOST: Text("borttappat", "lost"),
    Condition.RETIRED: Text("utrangerat", "retired"),
    Condition.WIPED: Text("raderat", "wiped"),
    Condition.DISABLED: Text("spärrat", "disabled"),
    Condition.IN_REPAIR: Text("på reparation", "in repair"),
}


def _corrected(reason: Text) -> Text:
    return Text(f"{reason.sv}, enligt en rättelse", f"{reason.en}, by a correction")


class DeviceEvaluation(Struct, frozen=True, dict=True):
    """Evaluates devices under one context; made once, since corrections, support dates and sentences repeat."""

    context: Context

    @cached_property
    def support_dates(self) -> SupportDates:
        """Until when systems and hardware are supported."""
        return SupportDates(self.context.policy.reference)

    @cached_property
    def _condition_corrections(self) -> Mapping[str, Condition]:
        """Device → the condition that a person has set in place of what the sources give."""
        in_force = self.context.corrections_in_force.items()
        return {device: Condition(each.value) for (device, field), each in in_force if field == "condition"}

    @cached_property
    def _working_reason_cache(self) -> dict[tuple[int, bool, bool, bool], Text]:
        return {}

    # --- works --------------------------------------------------------------------------------------------------------

    def conditions(self, device: Device) -> frozenset[Condition]:
        """The conditions of *device*; a correction made by a person replaces all that the sources give."""
        correction = self._condition_corrections.get(device.id)
        return device.conditions if correction is None else frozenset({correction})

    def not_working_reason(
        self, device: Device, purpose: Purpose, unit: str, silence: Silence, ours: bool
    ) -> Text | None:
        """The first reason why *device* certainly does not work; None when it works, or when that cannot be decided."""
        if not device.records:
            return _GONE
        conditions = self.conditions(device)
        for condition, words in _REASON_BY_CONDITION.items():
            if condition in conditions:
                return _corrected(words) if device.id in self._condition_corrections else words
        if purpose is Purpose.REPAIR:
            return _REASON_BY_CONDITION[Condition.IN_REPAIR]
        is_kind_known = device.unreadable.keys().isdisjoint({"platform", "model"})
        if is_kind_known and device.form_factor in _NEVER_WORKING_FORM_FACTORS:
            kind = device.form_factor.value
            return Text(f"{kind} är aldrig ett sådant verktyg", f"a {kind} is never such a device")
        if not ours:
            return _NOT_OURS
        return self._unmanaged_reason(device) or self._no_contact_reason(device, unit, silence)

    def _unmanaged_reason(self, device: Device) -> Text | None:
        if PartRole.MDM in device.roles:
            return None if device.managed is True or "managed" in device.unreadable else _UNMANAGED
        if PartRole.LIST in device.roles and not device.ever_in_mdm:
            is_in_use = self.conditions(device) <= {Condition.ACTIVE}
            return None if is_in_use else Text("listan säger inte att det används", "its list does not say in use")
        return _UNMANAGED

    def _no_contact_reason(self, device: Device, unit: str, silence: Silence) -> Text | None:
        if silence.is_unknown or silence.is_list_word:
            return None
        if silence.since is None:
            return _NO_ENROLMENT
        if silence.school_days <= stale_limit(unit, device.platform, self.context):
            return None
        return silence_reason(device, unit, silence, self.context)

    def undecided_reason(self, device: Device, silence: Silence) -> Text | None:
        """Why it cannot be decided whether a device works that is not known not to work; None when it works."""
        if (reason := undecided_fact_reason(device)) is not None:
            return reason
        if PartRole.MDM in device.roles and device.managed is not True:
            return unreadable_reason(device, ("managed",))
        if not silence.is_unknown:
            return None
        return unreadable_reason(device, ("last_contact_at", "enrolled_at")) or _LIST_GIVES_NO_CONTACT

    def working_reason(self, device: Device, unit: str, silence: Silence) -> Text:
        """Why a device works. Without the day of a contact, which would make the sentence another one with every contact."""
        if silence.is_list_word and silence.since is not None:
            return list_word_reason(silence.since, self.context.today)
        limit, was_in_contact = stale_limit(unit, device.platform, self.context), silence.was_in_contact
        is_managed = PartRole.MDM in device.roles
        key = (limit, was_in_contact, is_managed, is_beyond_calendar(unit, silence, self.context))
        if key not in self._working_reason_cache:
            reason = (
                Text(
                    f"i kontakt inom {limit} skoldagar{' och hanterat' if is_managed else ', står i en lista'}",
                    f"in contact within {limit} school days, {'managed' if is_managed else 'named by a list'}",
                )
                if was_in_contact
                else Text(f"inskrivet för högst {limit} skoldagar sedan", f"enrolled at most {limit} school days ago")
            )
            self._working_reason_cache[key] = with_calendar_note(reason, unit, silence, self.context)
        return self._working_reason_cache[key]

    # --- stage --------------------------------------------------------------------------------------------------------

    def stage(self, device: Device, purpose: Purpose, silence: Silence) -> Stage | None:
        """The first stage that holds, in the order of `Stage`; None for a device that is to be ignored."""
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
        if not device.records:
            return True
        # On its way to another MDM a device may be in none for a while.
        if device.ever_in_mdm and PartRole.MDM not in device.roles and not device.is_migrating:
            return True
        # A device that was only bought has never been in contact, so it cannot fall silent.
        return (
            not is_purchase_only(device)
            and not silence.is_unknown
            and silence.school_days > self.context.policy.staleness.silent_after_school_days
        )

    def since(self, device: Device, stage: Stage | None) -> datetime:
        """Since when a device is in *stage*: as stored while the stage stays, else now; since first seen when ignored."""
        if stage is None:
            return device.first_seen
        stored = self.context.believed.stages.get(device.id)
        return stored.since if stored is not None and stored.stage is stage else self.context.moment.at

    def _works(self, device: Device, placement: Placement, silence: Silence, ours: bool) -> tuple[bool | None, Text]:
        not_working_reason = self.not_working_reason(device, placement.purpose, placement.unit, silence, ours)
        if not_working_reason is not None:
            return False, not_working_reason
        undecided_reason = self.undecided_reason(device, silence)
        if placement.is_use_undecided:
            undecided_reason = unreadable_reason(device, ("keys",))
        if undecided_reason is not None:
            return None, undecided_reason
        return True, self.working_reason(device, placement.unit, silence)

    def device_state(self, device: Device, placement: Placement) -> DeviceState:
        """The state of one device."""
        purpose, unit, ours = placement.purpose, placement.unit, is_municipal_device(device)
        silence = silence_of(device, unit, self.context)
        works, works_reason = self._works(device, placement, silence, ours)
        stage = self.stage(device, purpose, silence)
        supported = self.support_dates.is_supported(device, silence.evaluated_until)
        return DeviceState(
            device=device.id,
            stage=stage,
            since=self.since(device, stage),
            works=works,
            works_reason=works_reason,
            without_contact=works is True and silence.is_list_word,
            contact_unknown=silence.is_unknown or silence.is_list_word,
            silent_school_days=silence.school_days if silence.was_in_contact and not silence.is_unknown else None,
            evaluated_until=silence.evaluated_until,
            ours=ours,
            supported=supported,
            secure=_is_secure(device, supported),
        )


def is_municipal_device(device: Device) -> bool:
    """Whether a device is the municipality's: bought, registered or listed by it, or not called personal by its MDM."""
    return is_ownership_proven(device) or device.ownership is not Ownership.PERSONAL


def is_purchase_only(device: Device) -> bool:
    """Whether only purchases (a ledger, Autopilot, Apple) have a device, and nothing else ever had it."""
    return device.roles == {PartRole.PURCHASES} and not device.ever_in_mdm and not device.ever_in_list


def _is_secure(device: Device, supported: bool | None) -> bool | None:
    compliant = None if device.compliance is None else device.compliance is Compliance.COMPLIANT
    facts = (supported, device.encrypted, compliant)
    if False in facts:
        return False
    return None if None in facts else True


def device_states(
    devices: Sequence[Device], placements: Sequence[Placement], context: Context
) -> tuple[DeviceState, ...]:
    """The stage of each device, since when, and whether it works, in the order of *devices*.

    *placements* are in the same order. A device that has never been in contact works for as long from its enrolment as
    another from its last contact.
    """
    evaluation = DeviceEvaluation(context)
    return tuple(
        _earlier_state(device, placement, context) or evaluation.device_state(device, placement)
        for device, placement in zip(devices, placements, strict=True)
    )


def _earlier_state(device: Device, placement: Placement, context: Context) -> DeviceState | None:
    """The state as it was concluded before, if the device and its placement are the very same, and its stage was stored."""
    case = context.earlier.devices.get(device.id)
    if case is None or case.device is not device or case.placement is not placement:
        return None
    stage, since = case.device_state.stage, case.device_state.since
    stored = context.believed.stages.get(device.id)
    is_stored = stage is None or (stored is not None and stored.stage is stage and stored.since == since)
    return case.device_state if is_stored else None
