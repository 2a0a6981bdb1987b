"""What can be wrong for a person: one pure function per kind, giving the reason or None.

No reason holds a name or a log-in, and none an age: a day stays true until the facts change.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from fleetsync.core.lifecycle.acceptance import not_working_reason_for
from fleetsync.core.lifecycle.context import Scene
from fleetsync.core.model import DeviceCase, OwedDevices, PersonCase, Purpose, RunningAssignment, Text

SCHOOL_DAYS_TO_GET_A_DEVICE = 3
SCHOOL_DAYS_TO_RETURN_AN_EXTRA = 10
LAST_GRADE_INDEX = 9


def no_device(scene: Scene, case: PersonCase) -> Text | None:
    """Owed more than is assigned to him, three school days after he began."""
    debt = _owed_without_set(case)
    if debt is None or case.assigned + case.unknown >= debt.count:
        return None
    day = min(scene.roster_fresh_until(case), scene.absence_observed_until(debt.entitlement))
    if not _is_waiting_period_over(scene, case, day, "no_device"):
        return None
    began = case.person_state.began_on
    if began is None:
        return Text(f"ska ha {debt.count}, har {case.assigned}", f"is owed {debt.count}, has {case.assigned}")
    return Text(
        f"ska ha {debt.count} sedan {began}, har {case.assigned}",
        f"is owed {debt.count} since {began}, has {case.assigned}",
    )


def no_account(scene: Scene, case: PersonCase) -> Text | None:
    """Cannot be decided for lack of a log-in, three school days after he began."""
    if _owed_without_set(case) is None or not case.unknown or case.person_state.has_login:
        return None
    if not _is_waiting_period_over(scene, case, scene.roster_fresh_until(case), "no_account"):
        return None
    return Text("ingen källa ger en inloggning", "no source gives a log-in")


def device_not_working(scene: Scene, case: PersonCase) -> Text | None:
    """Has a device that does not work, and is not covered otherwise; why is the device's own reason."""
    debt = _owed_without_set(case)
    if debt is None or case.covered + case.unknown >= debt.count or case.assigned <= case.covered:
        return None
    rule = scene.rules[debt.entitlement]
    held = (scene.devices[device] for device in case.devices)
    return next((why_not for one in held if (why_not := not_working_reason_for(rule, one)) is not None), None)


def _owed_without_set(case: PersonCase) -> OwedDevices | None:
    """What he is owed, unless a set serves him: then what is short is the set's gap."""
    return None if case.serving_set is not None else case.person_state.owed


def _is_waiting_period_over(scene: Scene, case: PersonCase, day: date, kind: str) -> bool:
    """Whether three school days have passed since he began; who begins with a term has that day counted.

    To whom the turn gave another grade index, unit or group, the school year is a beginning, though not of a gap that
    was open before it: who went into the break without comes out of it without.
    """
    began = max(filter(None, (case.person_state.began_on, case.person_state.turnover_changed_on)), default=None)
    if began is None:
        return True
    calendar = scene.calendar(case.person_state.unit)
    term = calendar.term_of(began)
    begins_with_term = term is not None and began == calendar.nth_school_day_of_term(term, 1)
    if (begins_with_term or calendar.is_in_break(began)) and (kind, case.person.id) in scene.open_gap_reasons:
        return True
    start = began - timedelta(days=1) if begins_with_term else began
    return calendar.school_days_between(start, day) >= SCHOOL_DAYS_TO_GET_A_DEVICE


# --- more than he needs -----------------------------------------------------------------------------------------------


def extra_device(scene: Scene, case: PersonCase) -> Text | None:
    """A second working device of one form factor, ten school days after it was assigned; loans are none."""
    if case.working < 2:
        return None
    first_of: set[str] = set()
    for device, running in _working_own_devices_by_age(scene, case):
        form = device.device.form_factor.value
        if form in first_of and _is_return_overdue(scene, device, running):
            return Text(f"har en andra {form} i drift", f"has a second working {form}")
        first_of.add(form)
    return None


def _working_own_devices_by_age(scene: Scene, case: PersonCase) -> Sequence[tuple[DeviceCase, RunningAssignment]]:
    """His working devices that are no loans and were assigned before now, the earliest first."""
    found = [
        (device, scene.running_own_assignments[one])
        for one in case.devices
        if one in scene.running_own_assignments
        and (device := scene.devices[one]).device_state.works
        and device.placement.purpose is not Purpose.LOAN
    ]
    return sorted(found, key=lambda pair: (pair[1].since, pair[0].device.id))


def _is_return_overdue(scene: Scene, device: DeviceCase, running: RunningAssignment) -> bool:
    day, since = min(scene.today, device.device_state.evaluated_until), scene.bench.day(running.since)
    if running.known_before:
        return since < scene.today
    calendar = scene.calendar(device.placement.unit)
    return calendar.school_days_between(since, day) > SCHOOL_DAYS_TO_RETURN_AN_EXTRA


# --- who comes and goes -----------------------------------------------------------------------------------------------


def ending_with_device(scene: Scene, case: PersonCase) -> Text | None:
    """Ends within fifteen school days with a device in his hands."""
    person_state = case.person_state
    day = scene.roster_fresh_until(case)
    end = person_state.ends_on or person_state.ended_on or _last_day_of_the_last_grade(scene, case, day)
    if end is None or person_state.may_return or case.person.id not in scene.devices_by_holder:
        return None
    if end < day or _ends_with_the_year(scene, case, end):
        return None
    if scene.calendar(person_state.unit).school_days_between(day, end) > scene.policy.ending_after_school_days:
        return None
    return Text(f"slutar {end} och har ett verktyg", f"ends on {end} and has a device")


def _last_day_of_the_last_grade(scene: Scene, case: PersonCase, day: date) -> date | None:
    """When a pupil of the last grade leaves whose row tells of no end."""
    if case.person_state.owed is None or case.person_state.grade_index != LAST_GRADE_INDEX:
        return None
    summer = scene.calendar(case.person_state.unit).summer_break(day)
    return None if summer is None else summer.last_school_day


def _ends_with_the_year(scene: Scene, case: PersonCase, end: date) -> bool:
    """Whether a pupil's row merely ends with the school year; one who leaves the last grade leaves."""
    grade = case.person_state.grade_index
    if grade is None or grade == LAST_GRADE_INDEX:
        return False
    summer = scene.calendar(case.person_state.unit).summer_break(end)
    return summer is not None and summer.last_school_day <= end < summer.first_school_day


def starting_without_device(scene: Scene, case: PersonCase) -> Text | None:
    """Starts within fifteen school days and has no device."""
    if case.person.id in scene.devices_by_holder or case.serving_set is not None:
        return None
    owed = case.person_state.owed
    day = min(scene.roster_fresh_until(case), scene.device_parts_fresh_until(owed.entitlement if owed else None))
    start = _upcoming_start(scene, case, day)
    if start is None:
        return None
    if scene.calendar(case.person_state.unit).school_days_between(day, start) > scene.policy.ending_after_school_days:
        return None
    return Text(f"börjar {start} och har inget verktyg", f"starts on {start} and has no device")


def _upcoming_start(scene: Scene, case: PersonCase, day: date) -> date | None:
    """The start that is still to come; one that passed while a source was dead stays so for as long as it is open."""
    began = case.person_state.began_on
    if case.person_state.owed is None or began is None:
        return case.person_state.starts_on
    is_open = ("starting_without_device", case.person.id) in scene.open_gap_reasons
    return began if began > (day if is_open else scene.today) else case.person_state.starts_on


# --- who is who -------------------------------------------------------------------------------------------------------


def duplicate_person(_: Scene, case: PersonCase) -> Text | None:
    """His records hold two of one source, so they were taken apart."""
    if not case.person.duplicate:
        return None
    return Text("två poster i en källa delar nycklar", "two records of one source share keys")


def login_reused(scene: Scene, case: PersonCase) -> Text | None:
    """He was given a log-in that had been somebody else's."""
    day = scene.reused_logins.get(case.person.id)
    if day is None:
        return None
    return Text(f"fick {day} en inloggning som varit någon annans", f"was given a log-in of somebody else's on {day}")
