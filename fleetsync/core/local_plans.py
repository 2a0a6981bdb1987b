"""Local plans: what a unit promises beyond the municipality's policy, and which plan is in force there on a day.

Pure. A local plan may only raise: more devices for each person, fewer children for each device, a higher target, or fewer
accepted kinds of device. Settings refuse one that lowers anything, by `fields_lowered`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from msgspec.structs import replace

from fleetsync.core.model import Entitlement, LocalPlan, LocalRaise

RAISABLE_FIELDS = ("devices", "per", "target", "platforms", "form_factors")


def plans_in_force(plans: Iterable[LocalPlan], day: date) -> Mapping[str, LocalPlan]:
    """The plan in force on *day*, by unit: of those decided and not ended, the one decided last."""
    in_force = (plan for plan in plans if plan.decided_on <= day <= plan.ends_on)
    return {plan.unit: plan for plan in sorted(in_force, key=lambda plan: plan.decided_on)}


def raised_by(rule: Entitlement, plan: LocalPlan | None) -> Entitlement:
    """*rule* as it is at the unit of *plan*; the very rule where the plan does not raise it, or there is none."""
    local_raise = next((each for each in plan.raises if each.entitlement == rule.id), None) if plan else None
    return rule if local_raise is None else replace(rule, **raised_fields(local_raise))


def raised_fields(local_raise: LocalRaise) -> Mapping[str, Any]:
    """The fields of the rule that are raised, with their values."""
    values = {field: getattr(local_raise, field) for field in RAISABLE_FIELDS}
    return {field: value for field, value in values.items() if value is not None}


def fields_lowered(rule: Entitlement, local_raise: LocalRaise) -> Iterator[str]:
    """The fields in which *local_raise* would promise less than *rule*. Equal values are no less."""
    for field, value in raised_fields(local_raise).items():
        promised = getattr(rule, field)
        if field == "per":
            is_less = value > promised
        elif field == "platforms":
            is_less = bool(promised) and not (value and set(value) <= set(promised))
        elif field == "form_factors":
            is_less = not set(value) <= set(promised)
        else:
            is_less = value < promised
        if is_less:
            yield field
