"""Counts the municipality's devices, by unit and platform."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date

from fleetsync.core.context import Context
from fleetsync.core.measures.definitions import CaseRows, CountedCases, Labels
from fleetsync.core.model import DeviceCase, MeasureRow, Outcome, Stage, Subject, Text

SECURE_STAGES = frozenset({Stage.IN_USE, Stage.SHARED, Stage.LOAN})
CONTACT_AGES = ("0", "1_5", "6_15", "16_60", "over_60", "never", "unknown")
CONTACT_AGE_LIMITS = ((0, "0"), (5, "1_5"), (15, "6_15"), (60, "16_60"))
# Whole years since the purchase; "unknown": no source says when it was bought.
AGES_IN_YEARS = ("0", "1", "2", "3", "4", "5_or_more", "unknown")
OLDEST_AGE_IN_YEARS = 5


def _counted_devices(outcome: Outcome) -> Iterator[DeviceCase]:
    """The municipality's devices, including phones and retired ones, without ignored and personally owned ones."""
    return (case for case in outcome.devices if case.device_state.stage is not None and case.device_state.ours)


def _device_row(count: int, case: DeviceCase, reason: Text) -> MeasureRow:
    return MeasureRow(
        count=count,
        subject=Subject.DEVICE,
        subject_id=case.device.id,
        unit=case.placement.unit,
        reason=reason,
        devices=(case.device.id,),
    )


def _no_person(_: DeviceCase) -> None:
    """A row of a device names no person, also where somebody holds it."""


PURPOSE_ROWS = CaseRows(
    row_of=lambda _, count, case: _device_row(count, case, case.placement.purpose_reason), person_of=_no_person
)
AGE_ROWS = CaseRows(row_of=lambda _, count, case: _device_row(count, case, _bought_text(case)), person_of=_no_person)
WORKS_ROWS = CaseRows(
    row_of=lambda _, count, case: _device_row(count, case, case.device_state.works_reason), person_of=_no_person
)


def stage_counts(outcome: Outcome, context: Context) -> CountedCases:
    """Each device under its unit, platform and stage."""
    for case in _counted_devices(outcome):
        yield (case.placement.unit, case.device.platform, case.device_state.stage or ""), 1, case


def _contact_age(case: DeviceCase) -> str:
    days = case.device_state.silent_school_days
    if case.device_state.contact_unknown:
        return "unknown"
    if days is None:
        return "never"
    return next((age for limit, age in CONTACT_AGE_LIMITS if days <= limit), "over_60")


def contact_age_counts(outcome: Outcome, context: Context) -> CountedCases:
    """Each device under its unit, platform and band of school days since its last contact."""
    for case in _counted_devices(outcome):
        yield (case.placement.unit, case.device.platform, _contact_age(case)), 1, case


def _bought_text(case: DeviceCase) -> Text:
    bought = case.device.purchased_on
    return (
        Text(f"inköpt {bought}", f"bought on {bought}")
        if bought
        else Text("inköpsdag okänd", "day of purchase unknown")
    )


def _age_in_years(case: DeviceCase, today: date) -> str:
    bought = case.device.purchased_on
    if bought is None:
        return "unknown"
    years = max(0, today.year - bought.year - ((today.month, today.day) < (bought.month, bought.day)))
    return str(years) if years < OLDEST_AGE_IN_YEARS else "5_or_more"


def age_in_years_counts(outcome: Outcome, context: Context) -> CountedCases:
    """Each device that is not retired under its unit, platform and whole years since its purchase."""
    for case in _counted_devices(outcome):
        if case.device_state.stage is not Stage.RETIRED:
            yield (case.placement.unit, case.device.platform, _age_in_years(case, outcome.moment.today)), 1, case


def secure_device_counts(outcome: Outcome, context: Context) -> CountedCases:
    """The devices in use, shared or on loan that are supported, encrypted and compliant."""
    for case in _counted_devices(outcome):
        if case.device_state.stage in SECURE_STAGES and case.device_state.secure:
            yield (case.placement.unit, case.device.platform), 1, case


def unit_platforms(outcome: Outcome, context: Context) -> Sequence[tuple[str, str]]:
    """Every pair of unit and platform that has a device."""
    return sorted({(case.placement.unit, str(case.device.platform)) for case in _counted_devices(outcome)})


def unit_platforms_by(words: Iterable[str]) -> Callable[[Outcome, Context], Iterable[Labels]]:
    """A function that gives each pair of unit and platform with each of *words*."""
    kept = tuple(words)
    return lambda outcome, context: ((*place, word) for place in unit_platforms(outcome, context) for word in kept)
