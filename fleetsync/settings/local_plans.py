"""Refuses local plans that promise less than the municipality does, and names both lines.

A plan is compared with every rule of the same id that is in force on one of its days.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from fleetsync.core.entitlement import MODES
from fleetsync.core.local_plans import fields_lowered, raised_fields
from fleetsync.core.model import CENTRAL, Entitlement, LocalPlan, LocalRaise
from fleetsync.settings.errors import did_you_mean
from fleetsync.settings.layers import ConfigLayers
from fleetsync.settings.policy import entitlements_of, local_plan, unknown_unit_messages
from fleetsync.settings.tables import ConfigTables
from fleetsync.settings.toml_lines import line_of_key

ENOUGH = {"per": "{} or less", "platforms": "only what the rule accepts", "form_factors": "only what the rule accepts"}


def local_plan_contradictions(tables: ConfigTables, layers: ConfigLayers) -> Iterator[str]:
    """A sentence for each fault of a local plan: it lowers a rule, names no rule or unit, or is decided twice."""
    rules = entitlements_of(tables)
    units = {unit.slug for unit in tables.unit} | {CENTRAL}
    decided: dict[tuple[str, date], int] = {}
    for index, plan in enumerate(map(local_plan, tables.local_plan)):
        at, _ = layers.place(("local_plan", index, ""))
        yield from unknown_unit_messages(plan.unit, units, at)
        former = decided.setdefault((plan.unit, plan.decided_on), index)
        if former != index:
            yield (
                f"{at} {plan.unit} has two plans decided on {plan.decided_on}: {former + 1} and {index + 1}. Remove one"
            )
        for local_raise in plan.raises:
            line = _line(layers, "local_plan", index, ("raises", local_raise.entitlement))
            yield from _faults_of_raise(
                plan, local_raise, rules, f"{at} raises.{local_raise.entitlement}{line}", layers
            )


def _faults_of_raise(
    plan: LocalPlan, local_raise: LocalRaise, rules: Iterable[Entitlement], at: str, layers: ConfigLayers
) -> Iterator[str]:
    in_force = [
        (index, rule)
        for index, rule in enumerate(rules)
        if rule.id == local_raise.entitlement
        and (rule.valid_from or date.min) <= plan.ends_on
        and plan.decided_on <= (rule.valid_to or date.max)
    ]
    if not in_force:
        hint = did_you_mean(local_raise.entitlement, {rule.id for rule in rules})
        yield f"{at}: no [[entitlement]] of this id is in force while the plan is.{hint}"
    for index, rule in in_force:
        if rule.units and plan.unit not in rule.units:
            yield f"{at}: {_rule_place(rule, index, 'units', layers)} is for other units than {plan.unit}"
        if not MODES[rule.mode].takes_per and local_raise.per is not None:
            yield f"{at}: per = {local_raise.per} is for a pool alone. Remove it"
            continue
        if not MODES[rule.mode].takes_devices and local_raise.devices is not None:
            yield f"{at}: devices = {local_raise.devices} is not for a pool: how many share one device is per"
            continue
        for field in fields_lowered(rule, local_raise):
            given, promised = raised_fields(local_raise)[field], getattr(rule, field)
            enough = ENOUGH.get(field, "{} or more").format(_as_toml(promised))
            yield (
                f"{at}: {field} = {_as_toml(given)} promises less than {_rule_place(rule, index, field, layers)}, where "
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
