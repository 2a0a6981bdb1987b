"""What head counts entitle to: how many persons of a unit each rule owes, where nothing is known of who they are.

Pure. A head count is judged as one membership that all its heads have, by the same rules and with the same doubts as the
membership of a person. It never says which device is whose, so what it entitles to is owed to the unit.
"""

from collections.abc import Iterable
from datetime import date
from typing import cast

from msgspec.structs import replace

from fleetsync.core.calendar import grade_index
from fleetsync.core.context import Context
from fleetsync.core.entitlement.decisions import evaluate_rules
from fleetsync.core.entitlement.membership_index import MembershipIndex
from fleetsync.core.entitlement.spans import HIGHEST_YEAR, LEAVING_GRADE_INDEX, MembershipSpan
from fleetsync.core.model import (
    BelievedRecord,
    EmploymentForm,
    EntitlementDecision,
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
    decision = _decision_of_all_years(known, span, index) or _decision(span, index)
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


def _decision(span: MembershipSpan, index: MembershipIndex) -> EntitlementDecision | None:
    """What the rule that owes the heads decides; else one that cannot decide; None where no rule is for them."""
    result = evaluate_rules((span,), index.evaluation_dates, index.context.rules, index)
    decisions = sorted(result.decisions, key=lambda decision: not decision.owed)
    return next((each for each in decisions if each.owed or each.undecided), None)


def _decision_of_all_years(
    known: BelievedRecord, span: MembershipSpan, index: MembershipIndex
) -> EntitlementDecision | None:
    """The decision on a count of all years of a form together, where the same rule owes every year; else None."""
    if not span.is_compulsory or span.record.year is not None or "year" in span.record.unreadable:
        return None
    day = index.evaluation_dates.of(span)
    years = [year for year in range(1, HIGHEST_YEAR + 1) if grade_index(year, day) <= LEAVING_GRADE_INDEX]
    decisions = [_decision(index.span(known, replace(span.record, year=year)), index) for year in years]
    owing = {each.entitlement if each is not None and each.owed else None for each in decisions}
    return decisions[0] if len(owing) == 1 and None not in owing else None


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
