"""The gap kinds of persons: one pure function per kind, which gives the reason why a person has the gap, or None.

A reason holds no name, no log-in and no age: it cites days, which stay true until the facts change.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from fleetsync.core.lifecycle.acceptance import not_working_reason_for
from fleetsync.core.lifecycle.evidence import GapEvidence, part_names
from fleetsync.core.model import DeviceCase, OwedDevices, PersonCase, Purpose, RunningAssignment, Text

SCHOOL_DAYS_TO_GET_A_DEVICE = 3
SCHOOL_DAYS_TO_RETURN_AN_EXTRA = 10
LAST_GRADE_INDEX = 9


def no_device(evidence: GapEvidence, case: PersonCase) -> Text | None:
    """Owed more devices than are assigned, three school days after the person began."""
    debt = _owed_without_set(case)
    if debt is None or case.assigned + case.unknown >= debt.count:
        return None
    day = min(evidence.roster_fresh_until(case), evidence.absence_observed_until(debt.entitlement))
    if not _is_waiting_period_over(evidence, case, day, "no_device"):
        return None
    began = case.person_state.began_on
    if began is None:
        return Text(f"ska ha {debt.count}, har {case.assigned}", f"is owed {debt.count}, has {case.assigned}")
    return Text(
        f"ska ha {debt.count} sedan {began}, har {case.assigned}",
        f"is owed {debt.count} since {began}, has {case.assigned}",
    )


def no_account(evidence: GapEvidence, case: PersonCase) -> Text | None:
    """Coverage is unknown for lack of a log-in, three school days after the person began."""
    if _owed_without_set(case) is None or not case.unknown or case.person_state.has_login:
        return None
    if not _is_waiting_period_over(evidence, case, evidence.roster_fresh_until(case), "no_account"):
        return None
    return Text("ingen källa ger en inloggning", "no source gives a log-in")


def not_in_directory(evidence: GapEvidence, case: PersonCase) -> Text | None:
    """Owed a device and in no directory, though a directory has most of those who are owed by the same entitlement.

    Three school days after the person began. Somebody without any log-in has the gap `no_account`.
    """
    owed = case.person_state.owed
    if owed is None or not case.person_state.has_login:
        return None
    directories = evidence.directories_by_entitlement.get(owed.entitlement, ())
    if not directories or any(part.name in part_names(case.person.records) for part in directories):
        return None
    day = min(evidence.roster_fresh_until(case), *map(evidence.known_until, directories))
    if not _is_waiting_period_over(evidence, case, day, "not_in_directory"):
        return None
    names = ", ".join(sorted(part.source for part in directories))
    return Text(f"har inget konto i {names}", f"has no account in {names}")


def device_not_working(evidence: GapEvidence, case: PersonCase) -> Text | None:
    """Has a device that does not work and is not covered otherwise; the reason is the device's own."""
    debt = _owed_without_set(case)
    if debt is None or case.covered + case.unknown >= debt.count or case.assigned <= case.covered:
        return None
    rule = evidence.context.rules_by_id[debt.entitlement]
    held = (evidence.devices[device] for device in case.devices)
    reasons = (not_working_reason_for(rule, device) for device in held)
    return next((reason for reason in reasons if reason is not None), None)


def _owed_without_set(case: PersonCase) -> OwedDevices | None:
    """What the person is owed. None when a set serves them: then the shortage is the set's gap."""
    return None if case.serving_set is not None else case.person_state.owed


def _is_waiting_period_over(evidence: GapEvidence, case: PersonCase, day: date, kind: str) -> bool:
    """Whether three school days have passed since the person began; the first day of a term counts as one.

    For a person to whom the turnover gave another grade index, unit or group, the new school year is a beginning. A gap
    that was open before the break stays open all the same.
    """
    began = max(filter(None, (case.person_state.began_on, case.person_state.turnover_changed_on)), default=None)
    if began is None:
        return True
    calendar = evidence.context.calendar_of(case.person_state.unit)
    term = calendar.term_of(began)
    begins_with_term = term is not None and began == calendar.nth_school_day_of_term(term, 1)
    if (begins_with_term or calendar.is_in_break(began)) and (kind, case.person.id) in evidence.open_gap_reasons:
        return True
    start = began - timedelta(days=1) if begins_with_term else began
    return calendar.school_days_between(start, day) >= SCHOOL_DAYS_TO_GET_A_DEVICE


# --- more than needed -------------------------------------------------------------------------------------------------


def extra_device(evidence: GapEvidence, case: PersonCase) -> Text | None:
    """A second working device of one form factor, ten school days after it was assigned; loans do not count."""
    if case.working < 2:
        return None
    first_of: set[str] = set()
    for device, running in _working_own_devices_by_age(evidence, case):
        form = device.device.form_factor.value
        if form in first_of and _is_return_overdue(evidence, device, running):
            return Text(f"har en andra {form} i drift", f"has a second working {form}")
        first_of.add(form)
    return None


def _working_own_devices_by_age(
    evidence: GapEvidence, case: PersonCase
) -> Sequence[tuple[DeviceCase, RunningAssignment]]:
    """The person's working devices without loans, with the assignments that were stored before, the earliest first."""
    running = evidence.running_own_assignments
    assigned = [
        (device, running[device_id])
        for device_id in case.devices
        if device_id in running
        and (device := evidence.devices[device_id]).device_state.works
        and device.placement.purpose is not Purpose.LOAN
    ]
    return sorted(assigned, key=lambda pair: (pair[1].since, pair[0].device.id))


def _is_return_overdue(evidence: GapEvidence, device: DeviceCase, running: RunningAssignment) -> bool:
    day, since = min(evidence.today, device.device_state.evaluated_until), evidence.context.local_day(running.since)
    if running.known_before:
        return since < evidence.today
    calendar = evidence.context.calendar_of(device.placement.unit)
    return calendar.school_days_between(since, day) > SCHOOL_DAYS_TO_RETURN_AN_EXTRA


# --- starting and ending ----------------------------------------------------------------------------------------------


def ending_with_device(evidence: GapEvidence, case: PersonCase) -> Text | None:
    """Ends within fifteen school days and holds a device."""
    person_state = case.person_state
    if person_state.may_return or case.person.id not in evidence.devices_by_holder:
        return None
    announced = person_state.ends_on or person_state.ended_on
    if announced is None and person_state.grade_index != LAST_GRADE_INDEX:
        return None
    day = evidence.roster_fresh_until(case)
    end = announced or _last_day_of_the_last_grade(evidence, case, day)
    if end is None or end < day or _ends_with_the_year(evidence, case, end):
        return None
    if (
        evidence.context.calendar_of(person_state.unit).school_days_between(day, end)
        > evidence.context.policy.ending_after_school_days
    ):
        return None
    return Text(f"slutar {end} och har ett verktyg", f"ends on {end} and has a device")


def _last_day_of_the_last_grade(evidence: GapEvidence, case: PersonCase, day: date) -> date | None:
    """The last school day, for a pupil of the last grade whose row has no end."""
    if case.person_state.owed is None:
        return None
    summer = evidence.context.calendar_of(case.person_state.unit).summer_break(day)
    return None if summer is None else summer.last_school_day


def _ends_with_the_year(evidence: GapEvidence, case: PersonCase, end: date) -> bool:
    """Whether a pupil's row only ends with the school year; a pupil of the last grade does leave."""
    grade = case.person_state.grade_index
    if grade is None or grade == LAST_GRADE_INDEX:
        return False
    summer = evidence.context.calendar_of(case.person_state.unit).summer_break(end)
    return summer is not None and summer.last_school_day <= end < summer.first_school_day


def starting_without_device(evidence: GapEvidence, case: PersonCase) -> Text | None:
    """Starts within fifteen school days and has no device."""
    if case.person.id in evidence.devices_by_holder or case.serving_set is not None:
        return None
    owed = case.person_state.owed
    day = min(evidence.roster_fresh_until(case), evidence.device_parts_fresh_until(owed.entitlement if owed else None))
    start = _upcoming_start(evidence, case, day)
    if start is None:
        return None
    if (
        evidence.context.calendar_of(case.person_state.unit).school_days_between(day, start)
        > evidence.context.policy.ending_after_school_days
    ):
        return None
    return Text(f"börjar {start} och har inget verktyg", f"starts on {start} and has no device")


def _upcoming_start(evidence: GapEvidence, case: PersonCase, day: date) -> date | None:
    """The start that is still to come. One that passed while a source was overdue stays, for as long as its gap is open."""
    began = case.person_state.began_on
    if case.person_state.owed is None or began is None:
        return case.person_state.starts_on
    is_open = ("starting_without_device", case.person.id) in evidence.open_gap_reasons
    return began if began > (day if is_open else evidence.today) else case.person_state.starts_on


# --- identity ---------------------------------------------------------------------------------------------------------


def duplicate_person(_: GapEvidence, case: PersonCase) -> Text | None:
    """Two records of one source share keys, so they were kept apart."""
    if not case.person.duplicate:
        return None
    return Text("två poster i en källa delar nycklar", "two records of one source share keys")


def login_reused(evidence: GapEvidence, case: PersonCase) -> Text | None:
    """The person was given a log-in that had been somebody else's."""
    day = evidence.reused_logins.get(case.person.id)
    if day is None:
        return None
    return Text(f"fick {day} en inloggning som varit någon annans", f"was given a log-in of somebody else's on {day}")
