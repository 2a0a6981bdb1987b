"""Builds the policy of the core from the tables of the configuration, and checks that the tables agree.

Refuses names that are used twice, units that do not exist, and two rules of the same id that are valid on the same day.
Without `[[entitlement]]` tables the policy is the plan that is shipped with fleetsync.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from itertools import combinations
from typing import Any

import msgspec

from fleetsync.core.entitlement import RULES
from fleetsync.core.model import (
    RESERVED_UNITS,
    UNPLACED,
    DeviceRule,
    EligibilityCriteria,
    Entitlement,
    LocalPlan,
    LocalRaise,
    Policy,
    Staleness,
    Text,
    Unit,
    UnitMap,
)
from fleetsync.data import reference
from fleetsync.settings.errors import did_you_mean
from fleetsync.settings.layers import as_variable_name
from fleetsync.settings.tables import (
    ConfigTables,
    DeviceRuleTable,
    EntitlementTable,
    LocalPlanTable,
    StalenessTable,
    UnitMapTable,
    UnitTable,
)

FINGERPRINT_BYTES = 16


def policy_of(tables: ConfigTables) -> Policy:
    """The policy of the core, with reference data and a fingerprint of everything in it."""
    policy = Policy(
        entitlements=entitlements_of(tables),
        local_plans=tuple(map(local_plan, tables.local_plan)),
        units=tuple(map(_unit, tables.unit)),
        unit_maps=tuple(map(_unit_map, tables.unit_map)),
        device_rules=tuple(_device_rule(number, rule) for number, rule in enumerate(tables.device_rule, 1)),
        staleness=_staleness(tables.staleness),
        reference=reference(),
        domain_aliases=dict(tables.identity.domain_aliases),
        function_accounts=tables.identity.function_accounts,
        enrolment_managers=tables.identity.enrolment_managers,
        max_devices_per_user=tables.identity.max_devices_per_user,
        match_on_civic_number=tables.identity.match_on_civic_number,
        organisation_numbers=tables.municipality.organisation_numbers,
        not_ours=tables.municipality.not_ours,
        time_zone=tables.municipality.time_zone,
    )
    return msgspec.structs.replace(policy, fingerprint=fingerprint(policy))


def entitlements_of(tables: ConfigTables) -> tuple[Entitlement, ...]:
    """The municipality's rules in file order: the configured ones, else those that are shipped."""
    return tuple(map(_entitlement, tables.entitlement)) or RULES


def local_plan(table: LocalPlanTable) -> LocalPlan:
    """The local plan that a table describes."""
    raises = tuple(LocalRaise(entitlement=rule, **dict(fields)) for rule, fields in table.raises.items())
    return LocalPlan(
        unit=table.unit, document=table.document, decided_on=table.decided_on, ends_on=table.ends_on, raises=raises
    )


def fingerprint(policy: Policy) -> str:
    """The fingerprint of a policy: the same for equal policies on any machine."""
    bare = msgspec.structs.replace(policy, fingerprint="")
    return blake2b(msgspec.json.encode(bare, order="deterministic"), digest_size=FINGERPRINT_BYTES).hexdigest()


def contradictions(tables: ConfigTables, file: str) -> Iterator[str]:
    """A sentence for each contradiction between the tables."""
    yield from _source_contradictions(tables.source, file)
    yield from _unit_contradictions(tables.unit, file)
    yield from _entitlement_contradictions(tables.entitlement, file)
    yield from _reference_contradictions(tables, file)
    yield from _mail_contradictions(tables, file)
    if not tables.privacy.persons:
        yield from _settings_that_need_persons(tables, file)


def _mail_contradictions(tables: ConfigTables, file: str) -> Iterator[str]:
    for slug in tables.mail.recipients:
        yield from unknown_unit_messages(slug, tables.unit_slugs, f"{file}: [mail]", "recipients:")
    if tables.mail.recipients and tables.mail.host is None:
        yield f"{file}: [mail] recipients are given and host is missing. Name the mail server in host"


# ---------------------------------------------------------------------------------------------------------- translation


def _entitlement(table: EntitlementTable) -> Entitlement:
    plain = {name: getattr(table, name) for name in EntitlementTable.model_fields if name not in {"title", "who"}}
    who = {name: getattr(table.who, name) for name in type(table.who).model_fields}
    return Entitlement(title=Text(table.title.sv, table.title.en), who=EligibilityCriteria(**who), **plain)


def _unit(table: UnitTable) -> Unit:
    return Unit(
        slug=table.slug,
        name=table.name,
        codes=table.codes,
        school_forms=table.school_forms,
        stale_after_school_days=table.stale_after_school_days,
    )


def _unit_map(table: UnitMapTable) -> UnitMap:
    return UnitMap(source=table.source, field=table.field, pattern=table.pattern, unit=table.unit)


def _device_rule(number: int, table: DeviceRuleTable) -> DeviceRule:
    when: Mapping[str, str] = dict(table.when)
    name = f"[[device_rule]] {number}"
    return DeviceRule(when=when, purpose=table.purpose, unit=table.unit, groups=table.groups, name=name)


def _staleness(table: StalenessTable) -> Staleness:
    return Staleness(
        stale_after_school_days=table.stale_after_school_days,
        silent_after_school_days=table.silent_after_school_days,
        by_platform={platform.value: days for platform, days in table.by_platform.items()},
    )


# ------------------------------------------------------------------------------------------------------- contradictions


def _source_contradictions(sources: Sequence[Mapping[str, Any]], file: str) -> Iterator[str]:
    named = [str(source["name"]) for source in sources]
    for name in _duplicates(named):
        yield f"{file}: [[source]] {name}: two sources have this name. Give each its own"
    spelled: dict[str, str] = {}
    for name in dict.fromkeys(named):
        other = spelled.setdefault(as_variable_name(name), name)
        if other != name:
            yield (
                f"{file}: [[source]] {name}: {other} and {name} would read the same environment variables. "
                "Rename one of them"
            )


def _unit_contradictions(units: Sequence[UnitTable], file: str) -> Iterator[str]:
    for slug in _duplicates(unit.slug for unit in units):
        yield f"{file}: [[unit]] {slug}: two units have this slug. Give each its own"
    holders: dict[str, str] = {}
    for unit in units:
        if unit.slug in RESERVED_UNITS:
            yield f"{file}: [[unit]] {unit.slug}: this slug is reserved. Give the unit another"
        for code in unit.codes:
            holder = holders.setdefault(code.strip().casefold(), unit.slug)
            if holder != unit.slug:
                yield f"{file}: [[unit]] {unit.slug}: code {code!r} is given to {holder} too. A code names one unit"


def _entitlement_contradictions(rules: Sequence[EntitlementTable], file: str) -> Iterator[str]:
    for (first, first_rule), (second, second_rule) in combinations(enumerate(rules, 1), 2):
        if first_rule.id == second_rule.id and (day := _first_common_day(first_rule, second_rule)) is not None:
            both = f"rules {first} and {second} of this id are both valid on {day}"
            yield f"{file}: [[entitlement]] {first_rule.id}: {both}. End the former with valid_to, or rename one"


def _first_common_day(first_rule: EntitlementTable, second_rule: EntitlementTable) -> date | None:
    start = max(first_rule.valid_from or date.min, second_rule.valid_from or date.min)
    end = min(first_rule.valid_to or date.max, second_rule.valid_to or date.max)
    if end < start:
        return None
    # Two rules without a start: their last common day is a date that means something to a reader.
    return start if start > date.min else end


def _reference_contradictions(tables: ConfigTables, file: str) -> Iterator[str]:
    units = tables.unit_slugs
    sources = {str(source["name"]) for source in tables.source}
    for number, entry in enumerate(tables.unit_map, 1):
        at = f"{file}: [[unit_map]] {number}:"
        if entry.source not in sources:
            yield f"{at} source = {entry.source!r} is no [[source]] of this file." + did_you_mean(entry.source, sources)
        yield from unknown_unit_messages(entry.unit, units, at)
    for number, rule in enumerate(tables.device_rule, 1):
        if rule.unit is not None:
            yield from unknown_unit_messages(rule.unit, units, f"{file}: [[device_rule]] {number}:")
    for entitlement in tables.entitlement:
        for slug in entitlement.units:
            yield from unknown_unit_messages(
                slug, units | {UNPLACED}, f"{file}: [[entitlement]] {entitlement.id}:", "units:"
            )


def _settings_that_need_persons(tables: ConfigTables, file: str) -> Iterator[str]:
    """Settings that would keep something of a person, or that could never match, under `[privacy] persons = false`."""
    without = "under [privacy] persons = false"
    for key in ("store_names", "store_device_names"):
        if getattr(tables.privacy, key):
            yield f"{file}: [privacy] {key} = true {without}: names are personal. Remove one of them"
    if tables.identity.overrides_file is not None:
        yield f"{file}: [identity] overrides_file {without}: it names persons. Remove one of them"
    for number, rule in enumerate(tables.device_rule, 1):
        if "login" in rule.when:
            yield f"{file}: [[device_rule]] {number}: when.login {without} never matches. Use another field"
    patterns = [
        (f"[[device_rule]] {number}", rule.when.get("name", "")) for number, rule in enumerate(tables.device_rule, 1)
    ]
    patterns += [
        (f"[[unit_map]] {number}", entry.pattern)
        for number, entry in enumerate(tables.unit_map, 1)
        if entry.field == "name"
    ]
    for table, pattern in patterns:
        if "{" in pattern:
            yield f"{file}: {table}: braces {without} would keep a part of a device's name. Write * in their place"


def unknown_unit_messages(slug: str, known: Iterable[str], at: str, key: str = "unit =") -> Iterator[str]:
    """A sentence when *slug* is none of the *known* units."""
    if slug not in known:
        yield f"{at} {key} {slug!r} is no [[unit]] of this file." + did_you_mean(slug, known)


def _duplicates(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
