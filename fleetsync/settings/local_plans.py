"""Refuses local plans that promise less than the municipality does, and names both lines.

A plan is compared with every rule of the same id that is in force on one of its days.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from fleetsync.core.entitlement import MODES
from fleetsync.core.local_plans import fields_lowered, raised_fields
from fleetsync.core.model import Entitlement, LocalPlan, LocalRaise
from fleetsync.settings.errors import did_you_mean
from fleetsync.settings.layers import ConfigLayers
from fleetsync.settings.policy import entitlements_of, local_plan, unknown_unit_messages
from fleetsync.settings.tables import ConfigTables
from fleetsync.settings.toml_lines import line_of_key

ENOUGH = {"per": "{} or less", "platforms": "only what the rule accepts", "form_factors": "only what the rule accepts"}


def local_plan_contradictions(tables: ConfigTables, layers: ConfigLayers) -> Iterator[str]:
    """A sentence for each fault of a local plan: it lowers a rule, names no rule or unit, or is decided twice."""
    rules = entitlements_of(tables)
    decided: dict[tuple[str, date], int] = {}
    for index, plan in enumerate(map(local_plan, tables.local_plan)):
        at, _ = layers.place(("local_plan", index, ""))
        yield from unknown_unit_messages(plan.unit, tables.unit_slugs, at)
        former = decided.setdefault((plan.unit, plan.decided_on), index)
        if former != index:
            yield (
                f"{at} {plan.unit} has two plans decided on {plan.decided_on}: {former + 1} and {index + 1}. Remove one"
            )
        for local_raise in plan.raises:
            line = _line(layers, "local_plan", index, ("raises", local_raise.entitlement))
            for fault in _faults_of_raise(plan, local_raise, rules, layers):
                yield f"{at} raises.{local_raise.entitlement}{line}: {fault}"


def _faults_of_raise(
    plan: LocalPlan, local_raise: LocalRaise, rules: Iterable[Entitlement], layers: ConfigLayers
) -> Iterator[str]:
    in_force = [
        (index, rule)
        for index, rule in enumerate(rules)
        if rule.id == local_raise.entitlement and _is_in_force_during(rule, plan)
    ]
    if not in_force:
        hint = did_you_mean(local_raise.entitlement, {rule.id for rule in rules})
        yield f"no [[entitlement]] of this id is in force while the plan is.{hint}"
    for index, rule in in_force:
        if rule.units and plan.unit not in rule.units:
            yield f"{_rule_place(rule, index, 'units', layers)} is for other units than {plan.unit}"
        if fault := _fault_of_mode(rule, local_raise):
            yield fault
        else:
            yield from _faults_of_values(rule, index, local_raise, layers)


def _is_in_force_during(rule: Entitlement, plan: LocalPlan) -> bool:
    """Whether *rule* is in force on any day of *plan*."""
    return (rule.valid_from or date.min) <= plan.ends_on and plan.decided_on <= (rule.valid_to or date.max)


def _fault_of_mode(rule: Entitlement, local_raise: LocalRaise) -> str:
    """Why something is raised that a rule of this mode does not have; "" where it has all of it."""
    if local_raise.per is not None and not MODES[rule.mode].takes_per:
        return f"per = {local_raise.per} is for a pool alone. Remove it"
    if local_raise.devices is not None and not MODES[rule.mode].takes_devices:
        return f"devices = {local_raise.devices} is not for a pool: how many share one device is per"
    return ""


def _faults_of_values(rule: Entitlement, index: int, local_raise: LocalRaise, layers: ConfigLayers) -> Iterator[str]:
    for field in fields_lowered(rule, local_raise):
        given, promised = raised_fields(local_raise)[field], getattr(rule, field)
        enough = ENOUGH.get(field, "{} or more").format(_as_toml(promised))
        yield (
            f"{field} = {_as_toml(given)} promises less than {_rule_place(rule, index, field, layers)}, where "
            f"it is {_as_toml(promised)}. A local plan may only raise: give {enough}, or remove it"
        )


def _rule_place(rule: Entitlement, index: int, field: str, layers: ConfigLayers) -> str:
    if not layers.layer(("entitlement",)):
        return f"the shipped rule {rule.id}"
    at, _ = layers.place(("entitlement", index, ""))
    return f"{at.removesuffix(':')}{_line(layers, 'entitlement', index, (field,))}"


def _line(layers: ConfigLayers, section: str, index: int, keys: tuple[str, ...]) -> str:
    """The line of a key, in parentheses; "" where the table does not stand in a file under a heading of its own."""
    layer = layers.layer((section,))
    if layer is None or layer.file is None:
        return ""
    line = line_of_key(layer.file.read_text(encoding="utf-8-sig"), section, index, keys)
    return f" (line {line})" if line is not None else ""


def _as_toml(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
