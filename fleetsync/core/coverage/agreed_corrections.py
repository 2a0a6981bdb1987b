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
    """Holder, unit and purpose were compared with the sources by `matching`; the condition is compared here."""
    if not context.corrections_in_force:
        return
    for case in cases:
        yield from (AgreedCorrection(case.device.id, field) for field in case.placement.agreed_fields)
        correction = context.corrections_in_force.get((case.device.id, "condition"))
        # A device without a word about its condition is in use.
        if correction is not None and (case.device.conditions or {Condition.ACTIVE}) == {Condition(correction.value)}:
            yield AgreedCorrection(case.device.id, "condition")


def _agreed_counts(context: Context, assignments: Iterable[Assignment]) -> Iterable[AgreedCorrection]:
    if not context.counted_by_hand:
        return
    working = Counter(each.subject_id for each in assignments if each.works and each.by is not CoveredBy.OWN)
    for subject_id, count in context.counted_by_hand.items():
        if working[subject_id] == count:
            yield AgreedCorrection(subject_id, COUNT_FIELD)
