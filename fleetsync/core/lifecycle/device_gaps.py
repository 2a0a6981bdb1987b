"""What can be wrong with a device: one pure function per kind, giving the reason or None.

Facts are judged by the day until which the device's source has looked, never by today.
"""

from datetime import date, timedelta

from fleetsync.core.calendar import add_months
from fleetsync.core.lifecycle.acceptance import accepts
from fleetsync.core.lifecycle.context import Scene
from fleetsync.core.lifecycle.stages import is_purchase_only
from fleetsync.core.model import (
    UNPLACED,
    Compliance,
    DeviceCase,
    FormFactor,
    HolderProblem,
    PartRole,
    Purpose,
    Stage,
    Text,
)

SCHOOL_DAYS_FOR_LEAVER_TO_RETURN = 10
SCHOOL_DAYS_UNTIL_LONG_REPAIR = 20
SUPPORT_END_NOTICE_DAYS = 90  # of an end of support by software or of warranty: a quarter to act in
HARDWARE_SUPPORT_END_NOTICE_DAYS = 365  # replacing hardware takes a budget year

_CAN_BE_STALE = frozenset({Purpose.PERSONAL, Purpose.SET, Purpose.POOL, Purpose.LOAN, Purpose.ROOM, Purpose.UNSORTED})
_STAGES_NEVER_STALE = frozenset({Stage.RETIRED, Stage.LOST, Stage.IN_REPAIR})
_HELD_PURPOSES = frozenset({Purpose.PERSONAL, Purpose.LOAN})
_STAGES_NOT_ENROLLED = frozenset({Stage.IN_REPAIR, Stage.STOCK})


# --- contact ----------------------------------------------------------------------------------------------------------


def stale(scene: Scene, case: DeviceCase) -> Text | None:
    """Silent for longer than it may; stays while it is silent for good."""
    device_state, placement = case.device_state, case.placement
    if placement.purpose not in _CAN_BE_STALE or device_state.stage in _STAGES_NEVER_STALE:
        return None
    if device_state.stage is not Stage.SILENT:
        limit = scene.bench.limit(placement.unit, case.device.platform)
        if device_state.silent_school_days is None or device_state.silent_school_days <= limit:
            return None
    silence = scene.bench.silence(case.device, placement.unit)
    if silence.since is None or not case.device.records:
        return device_state.works_reason
    return scene.bench.silence_reason(case.device, placement.unit, silence)


def never_enrolled(scene: Scene, case: DeviceCase) -> Text | None:
    """Bought and in no MDM, or listed by one and never in contact, for longer than a device may be silent."""
    device, device_state = case.device, case.device_state
    if device_state.stage in _STAGES_NOT_ENROLLED or device_state.silent_school_days is not None:
        return None
    if not (is_purchase_only(device) or PartRole.MDM in device.roles):
        return None
    since = (
        scene.bench.day(device.enrolled_at)
        if device.enrolled_at
        else device.purchased_on or scene.first_seen_on(device)
    )
    limit = scene.bench.limit(case.placement.unit, device.platform)
    if scene.calendar(case.placement.unit).school_days_between(since, device_state.evaluated_until) <= limit:
        return None
    return Text(
        f"känt sedan {since}, aldrig i kontakt, gräns {limit} skoldagar",
        f"known since {since}, never in contact, limit {limit} school days",
    )


def not_in_mdm(scene: Scene, case: DeviceCase) -> Text | None:
    """Known to a part that expects it in an MDM, and no MDM has it."""
    device = case.device
    if PartRole.MDM in device.roles or is_purchase_only(device) or case.device_state.stage in _STAGES_NOT_ENROLLED:
        return None
    expecting = {part.name for part in scene.parts if part.expects_mdm}
    sources = sorted({known.source for known in device.records if f"{known.source}/{known.part}" in expecting})
    if (
        not sources
        or device.form_factor is FormFactor.VIRTUAL
        or scene.mdms_observed_until < scene.first_seen_on(device)
    ):
        return None
    names = ", ".join(sources)
    return Text(f"finns i {names} men inte i något MDM", f"in {names} but in no MDM")


def not_in_register(scene: Scene, case: DeviceCase) -> Text | None:
    """Not in the asset register, where there is one that has looked since the device was first seen."""
    device, looked = case.device, scene.registers_observed_until
    if looked is None or PartRole.REGISTER in device.roles or device.form_factor is FormFactor.VIRTUAL:
        return None
    if looked < scene.first_seen_on(device) or is_purchase_only(device):
        return None
    return Text("finns inte i inventarieregistret", "not in the asset register")


# --- whose and where --------------------------------------------------------------------------------------------------


def leaver_holds(scene: Scene, case: DeviceCase) -> Text | None:
    """Ten school days after its holder's end, by a roster that has spoken since."""
    holder = scene.people.get(case.placement.holder or "")
    if holder is None or holder.person.masked or case.placement.purpose not in _HELD_PURPOSES:
        return None
    ended = holder.person_state.ended_on
    if ended is None or holder.person_state.counted or holder.person_state.may_return:
        return None
    looked = scene.endings_observed_until(holder)
    if scene.calendar(holder.person_state.unit).school_days_between(ended, looked) < SCHOOL_DAYS_FOR_LEAVER_TO_RETURN:
        return None
    return Text(f"innehavaren slutade {ended}", f"its holder ended on {ended}")


def unknown_holder(_: Scene, case: DeviceCase) -> Text | None:
    """Its log-in is nobody's, and nobody said that it is a function account's."""
    if HolderProblem.UNKNOWN not in case.placement.holder_problems or case.placement.purpose not in _HELD_PURPOSES:
        return None
    return case.placement.holder_reason


def ambiguous_holder(_: Scene, case: DeviceCase) -> Text | None:
    """Several people have its log-in."""
    return case.placement.holder_reason if HolderProblem.AMBIGUOUS in case.placement.holder_problems else None


def holder_conflict(_: Scene, case: DeviceCase) -> Text | None:
    """Its keys name different people."""
    if HolderProblem.CONFLICT not in case.placement.holder_problems:
        return None
    return Text(
        "nycklarna pekar på olika personer; den starkaste gäller",
        "its keys name different people; the strongest counts",
    )


def _is_hidden(scene: Scene, case: DeviceCase) -> bool:
    """Whether its place says nothing because its holder's identity is hidden."""
    holder = scene.people.get(case.placement.holder or "")
    return case.device.masked or (holder is not None and holder.person.masked)


def unplaced(scene: Scene, case: DeviceCase) -> Text | None:
    """Nothing tells at which unit it is."""
    if case.placement.unit != UNPLACED or case.device_state.stage is Stage.ORDERED or _is_hidden(scene, case):
        return None
    return case.placement.unit_reason


def unsorted(_: Scene, case: DeviceCase) -> Text | None:
    """Nothing tells what it is for; it covers nobody."""
    if case.placement.purpose is not Purpose.UNSORTED or case.device_state.stage is Stage.ORDERED:
        return None
    return case.placement.purpose_reason


def unit_mismatch(scene: Scene, case: DeviceCase) -> Text | None:
    """Two answers to where it is."""
    unit, other = case.placement.unit, case.placement.conflicting_unit
    if other is None or _is_hidden(scene, case):
        return None
    return Text(f"{unit} gäller, en annan uppgift säger {other}", f"{unit} counts, another answer says {other}")


def duplicate_serial(_: Scene, case: DeviceCase) -> Text | None:
    """Its serial is shared by too many records to mean one thing."""
    if not case.device.has_ambiguous_serial:
        return None
    return Text(
        "serienumret delas av för många för att peka ut ett enda verktyg",
        "too many share its serial for it to mean one",
    )


def personally_owned(_: Scene, case: DeviceCase) -> Text | None:
    """Not the municipality's, and not a phone."""
    if case.device.form_factor is FormFactor.PHONE:
        return None
    return Text("privatägt enligt MDM", "personally owned, as its MDM says")


# --- condition --------------------------------------------------------------------------------------------------------


def lost(_: Scene, case: DeviceCase) -> Text | None:
    """A source, or a person, says that it is lost."""
    return Text("borttappat", "lost") if case.device_state.stage is Stage.LOST else None


def long_in_repair(scene: Scene, case: DeviceCase) -> Text | None:
    """In repair for twenty school days."""
    if case.device_state.stage is not Stage.IN_REPAIR:
        return None
    since = scene.bench.day(case.device_state.since)
    looked = scene.observed_until(case.device.records)
    if scene.calendar(case.placement.unit).school_days_between(since, looked) < SCHOOL_DAYS_UNTIL_LONG_REPAIR:
        return None
    return Text(f"på reparation sedan {since}", f"in repair since {since}")


# --- age and security -------------------------------------------------------------------------------------------------


def os_unsupported(scene: Scene, case: DeviceCase) -> Text | None:
    """Its system's support has ended."""
    row = scene.bench.support_dates.os_release(case.device)
    if row is None or row.ends_on is None or row.ends_on >= case.device_state.evaluated_until:
        return None
    return _ended_text(row.ends_on, row.estimated)


def os_support_ending(scene: Scene, case: DeviceCase) -> Text | None:
    """Its system's support ends within ninety days."""
    row = scene.bench.support_dates.os_release(case.device)
    if row is None or not _ends_within(row.ends_on, case.device_state.evaluated_until, SUPPORT_END_NOTICE_DAYS):
        return None
    return _ends_text("systemets stöd", "the system's support", row.ends_on)


def hardware_support_ending(scene: Scene, case: DeviceCase) -> Text | None:
    """Its hardware's support ends within a year, or has ended."""
    ends = scene.bench.support_dates.hardware_support_end(case.device)
    if ends is None or ends > case.device_state.evaluated_until + timedelta(days=HARDWARE_SUPPORT_END_NOTICE_DAYS):
        return None
    return _ends_text("hårdvarans stöd", "the hardware's support", ends)


def warranty_ending(_: Scene, case: DeviceCase) -> Text | None:
    """Its warranty ends within ninety days."""
    if not _ends_within(case.device.warranty_until, case.device_state.evaluated_until, SUPPORT_END_NOTICE_DAYS):
        return None
    return _ends_text("garantin", "the warranty", case.device.warranty_until)


def over_age(scene: Scene, case: DeviceCase) -> Text | None:
    """Older than the life its entitlement gives it: its holder's, else the first that accepts it."""
    bought = case.device.purchased_on
    years = _life_years(scene, case) if bought is not None else None
    if bought is None or years is None or case.device_state.evaluated_until < add_months(bought, 12 * years):
        return None
    return Text(f"inköpt {bought}, livslängd {years} år", f"bought on {bought}, life {years} years")


def _life_years(scene: Scene, case: DeviceCase) -> int | None:
    holder = scene.people.get(case.placement.holder or "")
    owed_by = holder.person_state.owed.entitlement if holder and holder.person_state.owed else None
    rules = sorted(scene.rules.values(), key=lambda rule: rule.id != owed_by)
    return next((rule.life_years for rule in rules if rule.life_years is not None and accepts(rule, case)), None)


def unencrypted(_: Scene, case: DeviceCase) -> Text | None:
    """Its MDM says that it is not encrypted."""
    if case.device.encrypted is not False:
        return None
    return Text("inte krypterat enligt MDM", "not encrypted, as its MDM says")


def noncompliant(_: Scene, case: DeviceCase) -> Text | None:
    """It breaks its MDM's own rules."""
    if case.device.compliance is not Compliance.NONCOMPLIANT:
        return None
    return Text("följer inte reglerna i MDM", "breaks its MDM's rules")


def _ends_within(ends: date | None, day: date, days: int) -> bool:
    return ends is not None and day <= ends <= day + timedelta(days=days)


def _ends_text(sv: str, en: str, day: date | None) -> Text:
    return Text(f"{sv} slutar {day}", f"{en} ends on {day}")


def _ended_text(day: date, estimated: bool) -> Text:
    if estimated:
        return Text(f"systemets stöd slutade {day} (uppskattat)", f"the system's support ended on {day} (estimated)")
    return Text(f"systemets stöd slutade {day}", f"the system's support ended on {day}")
