"""The gap kinds of devices: one pure function per kind, which gives the reason why a device has the gap, or None.

Facts are evaluated as of the day until which the device's source is known, never as of today.
"""

from datetime import date, timedelta

from fleetsync.core.calendar import add_months
from fleetsync.core.lifecycle.acceptance import accepts
from fleetsync.core.lifecycle.evidence import GapEvidence
from fleetsync.core.lifecycle.silence import silence_of, silence_reason, stale_limit
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
SUPPORT_END_NOTICE_DAYS = 90  # before the end of software support or of warranty: a quarter to act in
HARDWARE_SUPPORT_END_NOTICE_DAYS = 365  # replacing hardware takes a budget year

_CAN_BE_STALE = frozenset({Purpose.PERSONAL, Purpose.SET, Purpose.POOL, Purpose.LOAN, Purpose.ROOM, Purpose.UNSORTED})
_STAGES_NEVER_STALE = frozenset({Stage.RETIRED, Stage.LOST, Stage.IN_REPAIR})
_HELD_PURPOSES = frozenset({Purpose.PERSONAL, Purpose.LOAN})
_STAGES_NOT_ENROLLED = frozenset({Stage.IN_REPAIR, Stage.STOCK})


# --- contact ----------------------------------------------------------------------------------------------------------


def stale(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """Out of contact for longer than its limit; also while it is in the stage silent."""
    device_state, placement = case.device_state, case.placement
    if placement.purpose not in _CAN_BE_STALE or device_state.stage in _STAGES_NEVER_STALE:
        return None
    if device_state.contact_unknown and device_state.stage is not Stage.SILENT:
        return None
    if device_state.stage is not Stage.SILENT:
        limit = stale_limit(placement.unit, case.device.platform, evidence.context)
        if device_state.silent_school_days is None or device_state.silent_school_days <= limit:
            return None
    silence = silence_of(case.device, placement.unit, evidence.context)
    if silence.since is None or not case.device.records:
        return device_state.works_reason
    return silence_reason(case.device, placement.unit, silence, evidence.context)


def never_enrolled(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """Bought and in no MDM, or in an MDM and never in contact, for longer than a device may be silent."""
    device, device_state = case.device, case.device_state
    if device_state.stage in _STAGES_NOT_ENROLLED or device_state.silent_school_days is not None:
        return None
    if device_state.contact_unknown:
        return None
    if not (is_purchase_only(device) or PartRole.MDM in device.roles):
        return None
    since = (
        evidence.context.local_day(device.enrolled_at)
        if device.enrolled_at
        else device.purchased_on or evidence.first_seen_on(device)
    )
    limit = stale_limit(case.placement.unit, device.platform, evidence.context)
    if (
        evidence.context.calendar_of(case.placement.unit).school_days_between(since, device_state.evaluated_until)
        <= limit
    ):
        return None
    return Text(
        f"känt sedan {since}, aldrig i kontakt, gräns {limit} skoldagar",
        f"known since {since}, never in contact, limit {limit} school days",
    )


def not_in_mdm(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """Known to a part that expects its devices in an MDM, and in no MDM."""
    device = case.device
    if PartRole.MDM in device.roles or device.is_migrating or is_purchase_only(device):
        return None
    if case.device_state.stage in _STAGES_NOT_ENROLLED:
        return None
    expecting = {part.name for part in evidence.context.parts if part.expects_mdm}
    sources = sorted({known.source for known in device.records if f"{known.source}/{known.part}" in expecting})
    if (
        not sources
        or device.form_factor is FormFactor.VIRTUAL
        or evidence.mdms_observed_until < evidence.first_seen_on(device)
    ):
        return None
    names = ", ".join(sources)
    return Text(f"finns i {names} men inte i något MDM", f"in {names} but in no MDM")


def not_in_register(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """Not in the asset register, if one was read since the device was first seen."""
    device, known_until = case.device, evidence.registers_observed_until
    if known_until is None or PartRole.REGISTER in device.roles or device.form_factor is FormFactor.VIRTUAL:
        return None
    if known_until < evidence.first_seen_on(device) or is_purchase_only(device):
        return None
    return Text("finns inte i inventarieregistret", "not in the asset register")


# --- whose and where --------------------------------------------------------------------------------------------------


def leaver_holds(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """Still held ten school days after its holder's end, by a roster that was read since."""
    holder = evidence.people.get(case.placement.holder or "")
    if holder is None or holder.person.masked or case.placement.purpose not in _HELD_PURPOSES:
        return None
    ended = holder.person_state.ended_on
    if ended is None or holder.person_state.counted or holder.person_state.may_return:
        return None
    calendar = evidence.context.calendar_of(holder.person_state.unit)
    if calendar.school_days_between(ended, evidence.endings_observed_until(holder)) < SCHOOL_DAYS_FOR_LEAVER_TO_RETURN:
        return None
    return Text(f"innehavaren slutade {ended}", f"its holder ended on {ended}")


def unknown_holder(_: GapEvidence, case: DeviceCase) -> Text | None:
    """Its log-in belongs to no known person and to no configured function account."""
    if HolderProblem.UNKNOWN not in case.placement.holder_problems or case.placement.purpose not in _HELD_PURPOSES:
        return None
    return case.placement.holder_reason


def ambiguous_holder(_: GapEvidence, case: DeviceCase) -> Text | None:
    """Its log-in belongs to several people."""
    return case.placement.holder_reason if HolderProblem.AMBIGUOUS in case.placement.holder_problems else None


def holder_conflict(_: GapEvidence, case: DeviceCase) -> Text | None:
    """Its keys name different people."""
    if HolderProblem.CONFLICT not in case.placement.holder_problems:
        return None
    return Text(
        "nycklarna pekar på olika personer; den starkaste gäller",
        "its keys name different people; the strongest counts",
    )


def _is_hidden(evidence: GapEvidence, case: DeviceCase) -> bool:
    """Whether its unit is withheld because its holder's identity is hidden."""
    holder = evidence.people.get(case.placement.holder or "")
    return case.device.masked or (holder is not None and holder.person.masked)


def unplaced(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """No source or rule gives its unit."""
    if case.placement.unit != UNPLACED or case.device_state.stage is Stage.ORDERED or _is_hidden(evidence, case):
        return None
    return case.placement.unit_reason


def unsorted(_: GapEvidence, case: DeviceCase) -> Text | None:
    """No source or rule gives its purpose, so it covers nobody."""
    if case.placement.purpose is not Purpose.UNSORTED or case.device_state.stage is Stage.ORDERED:
        return None
    return case.placement.purpose_reason


def unit_mismatch(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """Two sources give different units."""
    unit, other = case.placement.unit, case.placement.conflicting_unit
    if other is None or _is_hidden(evidence, case):
        return None
    return Text(f"{unit} gäller, en annan uppgift säger {other}", f"{unit} counts, another answer says {other}")


def duplicate_serial(_: GapEvidence, case: DeviceCase) -> Text | None:
    """Its serial is on too many records to mean one device."""
    if not case.device.has_ambiguous_serial:
        return None
    return Text(
        "serienumret delas av för många för att peka ut ett enda verktyg",
        "too many share its serial for it to mean one",
    )


def personally_owned(_: GapEvidence, case: DeviceCase) -> Text | None:
    """Not owned by the municipality, and not a phone."""
    if case.device.form_factor is FormFactor.PHONE:
        return None
    return Text("privatägt enligt MDM", "personally owned, as its MDM says")


# --- condition --------------------------------------------------------------------------------------------------------


def lost(_: GapEvidence, case: DeviceCase) -> Text | None:
    """Lost, by a source or by a person's correction."""
    return Text("borttappat", "lost") if case.device_state.stage is Stage.LOST else None


def long_in_repair(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """In repair for twenty school days."""
    if case.device_state.stage is not Stage.IN_REPAIR:
        return None
    since = evidence.context.local_day(case.device_state.since)
    calendar, known_until = (
        evidence.context.calendar_of(case.placement.unit),
        evidence.observed_until(case.device.records),
    )
    if calendar.school_days_between(since, known_until) < SCHOOL_DAYS_UNTIL_LONG_REPAIR:
        return None
    return Text(f"på reparation sedan {since}", f"in repair since {since}")


# --- age and security -------------------------------------------------------------------------------------------------


def os_unsupported(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """The support of its operating system has ended."""
    row = evidence.support_dates.os_release(case.device)
    if row is None or row.ends_on is None or row.ends_on >= case.device_state.evaluated_until:
        return None
    return _ended_text(row.ends_on, row.estimated)


def os_support_ending(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """The support of its operating system ends within ninety days."""
    row = evidence.support_dates.os_release(case.device)
    if row is None or not _ends_within(row.ends_on, case.device_state.evaluated_until, SUPPORT_END_NOTICE_DAYS):
        return None
    return _ends_text("systemets stöd", "the system's support", row.ends_on)


def os_release_unknown(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """It runs a release of its operating system that the shipped support dates do not have."""
    if not evidence.support_dates.is_release_unlisted(case.device):
        return None
    system = f"{case.device.platform.value} {case.device.os_version}"
    return Text(f"stödet för {system} är inte känt", f"the support of {system} is not known")


def hardware_support_ending(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """The support of its hardware ends within a year, or has ended."""
    ends = evidence.support_dates.hardware_support_end(case.device)
    if ends is None or ends > case.device_state.evaluated_until + timedelta(days=HARDWARE_SUPPORT_END_NOTICE_DAYS):
        return None
    return _ends_text("hårdvarans stöd", "the hardware's support", ends)


def warranty_ending(_: GapEvidence, case: DeviceCase) -> Text | None:
    """Its warranty ends within ninety days."""
    if not _ends_within(case.device.warranty_until, case.device_state.evaluated_until, SUPPORT_END_NOTICE_DAYS):
        return None
    return _ends_text("garantin", "the warranty", case.device.warranty_until)


def over_age(evidence: GapEvidence, case: DeviceCase) -> Text | None:
    """Older than the life that its entitlement allows: that of its holder, else the first that accepts it."""
    bought = case.device.purchased_on
    years = _life_years(evidence, case) if bought is not None else None
    if bought is None or years is None or case.device_state.evaluated_until < add_months(bought, 12 * years):
        return None
    return Text(f"inköpt {bought}, livslängd {years} år", f"bought on {bought}, life {years} years")


def _life_years(evidence: GapEvidence, case: DeviceCase) -> int | None:
    holder = evidence.people.get(case.placement.holder or "")
    owed_by = holder.person_state.owed.entitlement if holder and holder.person_state.owed else None
    rules = sorted(evidence.context.rules_by_id.values(), key=lambda rule: rule.id != owed_by)
    return next((rule.life_years for rule in rules if rule.life_years is not None and accepts(rule, case)), None)


def unencrypted(_: GapEvidence, case: DeviceCase) -> Text | None:
    """Not encrypted, as its MDM reports."""
    if case.device.encrypted is not False:
        return None
    return Text("inte krypterat enligt MDM", "not encrypted, as its MDM says")


def noncompliant(_: GapEvidence, case: DeviceCase) -> Text | None:
    """Not compliant with the rules of its MDM."""
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
