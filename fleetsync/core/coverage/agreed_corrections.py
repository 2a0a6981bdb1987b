"""Which corrections have become superfluous, because the sources have come to say the same.

Pure. The store ends them; the next reconciliation comes to the same numbers without them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from fleetsync.core.context import Context
from fleetsync.core.model import COUNT_FIELD, AgreedCorrection, Assignment, Condition, CoveredBy, DeviceCase


def agreed_corrections(
    context: Context, cases: Sequence[DeviceCase], assignments: Iterable[Assignment]
) -> tuple[AgreedCorrection, ...]:
    """The corrections and counts in force that the sources agree with."""
    return (*_agreed_facts(context, cases), *_agreed_counts(context, assignments))


def _agreed_facts(context: Context, cases: Sequence[DeviceCase]) -> Iterable[AgreedCorrection]:
    """Of holder, unit and purpose `matching` has found it out; the condition is compared here."""
    corrected = {
        (each.device, each.field): each.value
        for each in context.believed.corrections
        if each.is_in_force(context.today)
    }
    if not corrected:
        return
    for case in cases:
        yield from (AgreedCorrection(case.device.id, field) for field in case.placement.agreed_fields)
        value = corrected.get((case.device.id, "condition"))
        # A device without a word about its condition is in use.
        if value is not None and (case.device.conditions or {Condition.ACTIVE}) == {Condition(value)}:
            yield AgreedCorrection(case.device.id, "condition")


def _agreed_counts(context: Context, assignments: Iterable[Assignment]) -> Iterable[AgreedCorrection]:
    counted = [each for each in context.believed.device_counts if each.is_in_force(context.today)]
    if not counted:
        return
    working = Counter(each.subject_id for each in assignments if each.works and each.by is not CoveredBy.OWN)
    for each in counted:
        if working[each.subject_id] == each.count:
            yield AgreedCorrection(each.subject_id, COUNT_FIELD)
