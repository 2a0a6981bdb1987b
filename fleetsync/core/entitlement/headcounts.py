"""What head counts entitle to: how many persons of a unit each rule owes, where nothing is known of who they are.

Pure. A head count is judged as one membership that all its heads have, by the same rules and with the same doubts as the
membership of a person. It never says which device is whose, so what it entitles to is owed to the unit.
"""

from collections.abc import Iterable
from datetime import date
from typing import cast

from fleetsync.core.context import Context
from fleetsync.core.entitlement.decisions import evaluate_rules
from fleetsync.core.entitlement.membership_index import MembershipIndex
from fleetsync.core.model import (
    BelievedRecord,
    EmploymentForm,
    FrozenStruct,
    HeadcountRecord,
    MembershipRecord,
    MembershipType,
    Text,
)


class JudgedHeads(FrozenStruct, frozen=True, kw_only=True):
    """The heads of one head count that a rule owes something, or cannot decide about (`undecided`), and why."""

    entitlement: str
    unit: str
    school_form: str  # "" of employments
    heads: int
    undecided: bool = False
    reason: Text
    counted_on: date | None = None
    counted_by: str | None = None


def judged_heads(context: Context) -> tuple[JudgedHeads, ...]:
    """The heads of every head count that counts today; those whom no rule owes anything are left out."""
    index = MembershipIndex(context)
    counts = (known for known in context.believed.known if isinstance(known.record, HeadcountRecord))
    return tuple(judged for known in counts for judged in _judge(known, index))


def _judge(known: BelievedRecord, index: MembershipIndex) -> Iterable[JudgedHeads]:
    count = cast("HeadcountRecord", known.record)
    span = index.span(known, _as_membership(count))
    result = evaluate_rules((span,), index.evaluation_dates, index.context.rules, index)
    # A rule that owes outranks one that cannot decide: no head has two of these.
    decisions = sorted(result.decisions, key=lambda decision: not decision.owed)
    decision = next((each for each in decisions if each.owed or each.undecided), None)
    if decision is not None and count.heads:
        yield JudgedHeads(
            entitlement=decision.entitlement,
            unit=span.unit,
            school_form=span.form or "",
            heads=count.heads,
            undecided=decision.undecided,
            reason=decision.reason,
            counted_on=count.counted_on,
            counted_by=count.counted_by,
        )


def _as_membership(count: HeadcountRecord) -> MembershipRecord:
    """The membership that each of the heads has. A count of employees is of those who entitle."""
    is_employment = count.membership is MembershipType.EMPLOYMENT
    return MembershipRecord(
        source_id=count.source_id,
        person="",
        membership=count.membership,
        codes=count.codes,
        unit_name=count.unit_name,
        school_form=count.school_form,
        year=count.year,
        employment_form=EmploymentForm.PERMANENT if is_employment else None,
        unreadable=count.unreadable,
    )
