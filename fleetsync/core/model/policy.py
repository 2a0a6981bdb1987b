"""What the municipality configured: who is owed which devices, its units, its rules, and the shipped reference facts.

`Policy` holds all of it. Settings build it from `config.toml`; the core only reads it. There is no expression language:
each field is a plain list, number or date.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal

from fleetsync.core.model.base import FrozenStruct, Text
from fleetsync.core.model.vocabulary import (
    EmploymentForm,
    EntitlementMode,
    FormFactor,
    MembershipType,
    Platform,
    Purpose,
    RoundBy,
)


class EligibilityCriteria(FrozenStruct, frozen=True, kw_only=True):
    """Who an entitlement is for: a person with any of the membership types. No school forms or grades given: all."""

    memberships: tuple[MembershipType, ...]
    school_forms: tuple[str, ...] = ()
    lowest_grade_index: int | None = None
    highest_grade_index: int | None = None
    # For EMPLOYMENT: these forms. A fixed term counts only when it is longer than `longer_than_months`.
    employment: tuple[EmploymentForm, ...] = ()
    longer_than_months: int = 3


class Entitlement(FrozenStruct, frozen=True, kw_only=True):
    """One rule about who is owed which devices.

    Rules are applied in file order. The first that owes a person something decides; the others do not count the person.
    """

    id: str
    title: Text
    origin: str  # the decision or document that the rule comes from
    who: EligibilityCriteria
    mode: EntitlementMode
    devices: int = 1  # owed to each person
    per: int = 1  # POOL: how many children share a device
    round_by: RoundBy = RoundBy.UNIT_AND_FORM
    platforms: tuple[Platform, ...] = ()  # empty: any
    form_factors: tuple[FormFactor, ...] = (FormFactor.COMPUTER, FormFactor.CHROMEBOOK, FormFactor.TABLET)
    require: tuple[Literal["supported", "encrypted", "compliant"], ...] = ()
    target: float = 1.0  # as a ratio, 0..1, like `alert_below`
    alert_below: float = 0.95
    alert_short: int = 5
    alert_after_school_days: int = 5
    on_leave: Literal["apart", "owed"] = "apart"  # a person on leave is counted apart, or owed as usual
    units: tuple[str, ...] = ()  # empty: all
    life_years: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None

    def is_valid_on(self, day: date) -> bool:
        """Whether the rule is in force on *day*; both days are inclusive."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


class LocalRaise(FrozenStruct, frozen=True, kw_only=True):
    """What a local plan raises of an entitlement. None: as the municipality's rule says."""

    entitlement: str
    devices: int | None = None
    per: int | None = None
    target: float | None = None
    platforms: tuple[Platform, ...] | None = None
    form_factors: tuple[FormFactor, ...] | None = None


class LocalPlan(FrozenStruct, frozen=True, kw_only=True):
    """`[[local_plan]]`: the plan of one unit, in force from the day it was decided to the day it ends, both inclusive."""

    unit: str
    document: str  # the title or record number under which it can be found
    decided_on: date
    ends_on: date
    raises: tuple[LocalRaise, ...] = ()


class Unit(FrozenStruct, frozen=True, kw_only=True):
    """A school, a förskola or the central administration (slug "central"), as the municipality names it."""

    slug: str
    name: str
    codes: tuple[str, ...] = ()
    school_forms: tuple[str, ...] = ()  # empty: unknown; does not restrict staff
    published: bool = False
    stale_after_school_days: int | None = None


class UnitMap(FrozenStruct, frozen=True, kw_only=True):
    """`[[unit_map]]`: a device belongs to `unit` when `field` of its record from `source` matches the glob `pattern`."""

    source: str
    field: str
    pattern: str
    unit: str


class DeviceRule(FrozenStruct, frozen=True, kw_only=True):
    """`[[device_rule]]`: what a device is for, when one of its records meets all conditions.

    `when` maps a field to a glob; case is ignored.
    """

    when: Mapping[str, str]
    purpose: Purpose | None = None
    unit: str | None = None
    groups: tuple[str, ...] = ()
    name: str = ""  # shown as the reason, such as "[[device_rule]] 3"


class Staleness(FrozenStruct, frozen=True, kw_only=True):
    """After how many school days without contact a device counts as stale, and as silent."""

    stale_after_school_days: int = 15
    silent_after_school_days: int = 60
    by_platform: Mapping[str, int] = {}  # platform → `stale_after_school_days` for it


class SerialRules(FrozenStruct, frozen=True, kw_only=True):
    """Serials that identify no device: placeholders and virtual machines (`domain.md` §3).

    Placeholders are compared case-folded, without spaces and dots.
    """

    placeholders: frozenset[str] = frozenset()
    placeholder_patterns: tuple[str, ...] = ()
    placeholder_prefixes: tuple[str, ...] = ()
    virtual_serial_patterns: tuple[str, ...] = ()
    virtual_models: tuple[str, ...] = ()
    virtual_manufacturers: tuple[str, ...] = ()


class ModelRule(FrozenStruct, frozen=True, kw_only=True):
    """The form factor of devices whose "manufacturer model" matches a glob. The first rule that matches decides."""

    platform: Platform | None = None
    pattern: str
    form_factor: FormFactor
    hardware_support_until: date | None = None


class OsSupport(FrozenStruct, frozen=True, kw_only=True):
    """Until when an operating system release is supported. `estimated`: the vendor publishes no date."""

    platform: Platform
    version_prefix: str
    edition: str | None = None
    ends_on: date | None = None
    estimated: bool = False


class ReferenceFacts(FrozenStruct, frozen=True, kw_only=True):
    """Facts about devices and systems that ship with fleetsync (`fleetsync/data`), each with source and date there."""

    serials: SerialRules = SerialRules()
    models: tuple[ModelRule, ...] = ()
    os_support: tuple[OsSupport, ...] = ()
    checked_on: date | None = None


class Policy(FrozenStruct, frozen=True, kw_only=True):
    """All configuration that the core needs. `fingerprint` changes when any of it changes."""

    entitlements: tuple[Entitlement, ...] = ()
    local_plans: tuple[LocalPlan, ...] = ()
    units: tuple[Unit, ...] = ()
    unit_maps: tuple[UnitMap, ...] = ()
    device_rules: tuple[DeviceRule, ...] = ()
    staleness: Staleness = Staleness()
    reference: ReferenceFacts = ReferenceFacts()
    domain_aliases: Mapping[str, str] = {}  # alias domain → the domain it stands for
    function_accounts: tuple[str, ...] = ()  # globs of log-ins that belong to no person
    enrolment_managers: tuple[str, ...] = ()  # globs of log-ins that only enrol devices, for others
    max_devices_per_user: int = 5
    match_on_civic_number: bool = False
    organisation_numbers: tuple[str, ...] = ()  # of the municipality itself
    not_ours: tuple[str, ...] = ()  # ids, codes, names or numbers of organisations of others
    ending_after_school_days: int = 15
    time_zone: str = "Europe/Stockholm"
    fingerprint: str = ""

    def withdrawn_from(self, entitlement: str) -> date | None:
        """The first day on which no rule of this id is in force any more; None: one has no end."""
        ends = [rule.valid_to for rule in self.entitlements if rule.id == entitlement]
        last = max((end for end in ends if end is not None), default=None)
        return None if last is None or None in ends else last + timedelta(days=1)
