"""The nouns that cross rooms, as frozen values.

Pure. What a source says is a record; what is believed of it is a `BelievedRecord`; what the core makes of all
of it is an `Outcome` of cases. Nothing here decides anything, and nothing here can touch the world.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

CENTRAL = "central"
UNPLACED = "unplaced"
RESERVED_UNITS = frozenset({CENTRAL, UNPLACED})

# A key whose plain value may not be kept is its keyed token, marked so that no rule mistakes it for text.
TOKEN_PREFIX = "~"


class FrozenStruct(msgspec.Struct, frozen=True, gc=False):
    """The base of all nouns. They are values without cycles, so the collector need not walk a million of them."""


class Text(FrozenStruct, frozen=True, array_like=True):
    """A sentence in both languages of the page; reasons cite days, never ages, so they hold until the facts change."""

    sv: str
    en: str

    def in_language(self, language: str) -> str:
        """The sentence in *language* ("sv" or "en")."""
        return self.sv if language == "sv" else self.en


# --- words ------------------------------------------------------------------------------------------------------------


class RecordType(StrEnum):
    """What a record speaks of."""

    DEVICE = "device"
    PERSON = "person"
    MEMBERSHIP = "membership"
    UNIT = "unit"
    GROUP = "group"
    PURCHASE = "purchase"
    HEADCOUNT = "headcount"


class PartRole(StrEnum):
    """What a part is to us: it decides whose silence means what (`domain.md` §2.5, §4 Working)."""

    ROSTER = "roster"
    MDM = "mdm"
    LIST = "list"
    REGISTER = "register"
    PURCHASES = "purchases"


class Scheme(StrEnum):
    """Kinds of key, strongest first; the order of definition is the order of strength."""

    OBJECT_ID = "object_id"
    NUMBER = "number"
    CIVIC = "civic"
    ADDRESS = "address"
    ACCOUNT = "account"


SCHEME_STRENGTH: Mapping[Scheme, int] = {scheme: place for place, scheme in enumerate(Scheme)}


class Platform(StrEnum):
    """The label value of a device's operating system."""

    WINDOWS = "windows"
    MACOS = "macos"
    IPADOS = "ipados"
    IOS = "ios"
    TVOS = "tvos"
    ANDROID = "android"
    CHROMEOS = "chromeos"
    LINUX = "linux"
    OTHER = "other"


class FormFactor(StrEnum):
    """What sort of thing a device is."""

    COMPUTER = "computer"
    CHROMEBOOK = "chromebook"
    TABLET = "tablet"
    PHONE = "phone"
    TV = "tv"
    VIRTUAL = "virtual"
    OTHER = "other"


class Purpose(StrEnum):
    """What a device is for."""

    PERSONAL = "personal"
    SET = "set"
    POOL = "pool"
    LOAN = "loan"
    ROOM = "room"
    STOCK = "stock"
    REPAIR = "repair"
    IGNORE = "ignore"
    UNSORTED = "unsorted"


class Ownership(StrEnum):
    """Whose a device is, as its source says."""

    ORGANISATION = "organisation"
    PERSONAL = "personal"


class Condition(StrEnum):
    """What a source says has become of a device."""

    ACTIVE = "active"
    PENDING = "pending"
    IN_REPAIR = "in_repair"
    LOST = "lost"
    WIPED = "wiped"
    DISABLED = "disabled"
    RETIRED = "retired"


class Compliance(StrEnum):
    """An MDM's judgement over its own rules."""

    COMPLIANT = "compliant"
    NONCOMPLIANT = "noncompliant"
    GRACE = "grace"


class MembershipType(StrEnum):
    """How a person is tied to a unit or group."""

    EMPLOYMENT = "employment"
    ENROLMENT = "enrolment"
    PLACEMENT = "placement"
    GROUP = "group"


class EmploymentForm(StrEnum):
    """Form of employment; UNKNOWN is a value that was there and could not be read, or a blank where others have one."""

    PERMANENT = "permanent"
    FIXED = "fixed"
    HOURLY = "hourly"
    OTHER = "other"
    UNKNOWN = "unknown"


class Stage(StrEnum):
    """Where in its life a device is: exactly one, the first that holds, in the order of definition."""

    RETIRED = "retired"
    LOST = "lost"
    IN_REPAIR = "in_repair"
    SILENT = "silent"
    LOAN = "loan"
    ROOM = "room"
    STOCK = "stock"
    SHARED = "shared"
    IN_USE = "in_use"
    ORDERED = "ordered"
    UNSORTED = "unsorted"


class Subject(StrEnum):
    """What a gap or a row is about."""

    PERSON = "person"
    DEVICE = "device"
    UNIT = "unit"
    SET = "set"
    POOL = "pool"
    SOURCE = "source"


class CoveredBy(StrEnum):
    """By what an owed device is covered; disjoint."""

    OWN = "own"
    SET = "set"
    POOL = "pool"


class EntitlementMode(StrEnum):
    """How an entitlement counts."""

    PER_HEAD = "per_head"
    PERSONAL = "personal"
    POOL = "pool"


class RoundBy(StrEnum):
    """Where a pool's places are rounded up."""

    UNIT_AND_FORM = "unit_and_form"
    UNIT = "unit"
    MUNICIPALITY = "municipality"


class Severity(StrEnum):
    """How loudly a gap speaks."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


# --- records: what one source says about one thing ---------------------------------------------------------------------


class Key(FrozenStruct, frozen=True, array_like=True, order=True):
    """One name under which somebody is known: tenant for object ids, `namespace` for numbers, "" for addresses,
    Windows domain for accounts.
    """

    scheme: Scheme
    namespace: str
    value: str

    @property
    def is_token(self) -> bool:
        """Whether only a keyed token is left of the value."""
        return self.value.startswith(TOKEN_PREFIX)


class _Record(FrozenStruct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """`source_id` is the source's own id of the thing, unique within (source, part, type)."""

    source_id: str


class DeviceRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="device"):
    """What one source says about one device. Unknown is None, never "", 0 or a sentinel date.

    The runner makes `serial` canonical, turns `name` into `name_matches` and moves `last_contact_at` out of the body.
    """

    serial: str | None = None
    serial_problem: Literal["placeholder", "virtual", "damaged"] | None = None
    name: str | None = None
    name_matches: tuple[tuple[str, str], ...] = ()  # (pattern of a [[device_rule]], what its braces caught) per match
    manufacturer: str | None = None
    model: str | None = None
    platform: Platform = Platform.OTHER
    os_version: str | None = None
    os_edition: str | None = None
    keys: tuple[Key, ...] = ()  # of the assigned user; strongest first within a scheme
    enrolled_by_manager: bool = False
    reported_shared: bool = False
    location: str | None = None
    groups: tuple[str, ...] = ()
    profile: str | None = None
    tag: str | None = None
    order: str | None = None
    status: str | None = None
    asset_tag: str | None = None
    enrolled_at: datetime | None = None
    last_contact_at: datetime | None = None
    ownership: Ownership | None = None
    managed: bool | None = None
    condition: Condition = Condition.ACTIVE
    compliance: Compliance | None = None
    encrypted: bool | None = None
    purpose: Purpose | None = None  # a list's own word; comes before any rule
    unit: str | None = None  # a list's own word: slug, code or name of a unit
    serves: tuple[str, ...] = ()  # a list's groups of a set
    purchased_on: date | None = None
    warranty_until: date | None = None
    support_until: date | None = None


class PersonRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="person"):
    """What one source says about one person; `protected` lives until the runner has masked the row."""

    keys: tuple[Key, ...] = ()
    name: str | None = None
    protected: bool = False
    child: bool = False  # of förskola or förskoleklass: keys are kept as tokens


class MembershipRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="membership"):
    """A dated tie of a person to a unit or group; both ends inclusive, `end` None is open."""

    person: str
    membership: MembershipType
    codes: tuple[str, ...] = ()  # of the unit, as the source spells them: code, organisation id, cost centre
    unit_name: str | None = None
    group: str | None = None  # source id of a GroupRecord
    school_form: str | None = None
    year: int | None = None
    employment_form: EmploymentForm | None = None  # None: this roster has no such field
    share: float | None = None  # 0..1 of full time
    start: date | None = None
    end: date | None = None
    leave_from: date | None = None
    leave_to: date | None = None
    protected: bool = False


class UnitRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="unit"):
    """An organisation as its register spells it."""

    name: str
    kind: str | None = None  # organisationType
    codes: tuple[str, ...] = ()
    parent: str | None = None
    school_forms: tuple[str, ...] = ()
    organisation_number: str | None = None
    start: date | None = None
    end: date | None = None


class GroupRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="group"):
    """A class or department."""

    name: str
    kind: str | None = None  # groupType
    unit: str | None = None  # source id of a UnitRecord
    school_form: str | None = None
    start: date | None = None
    end: date | None = None


Record = DeviceRecord | PersonRecord | MembershipRecord | UnitRecord | GroupRecord

RECORD_TYPES: Mapping[type[Record], RecordType] = {
    DeviceRecord: RecordType.DEVICE,
    PersonRecord: RecordType.PERSON,
    MembershipRecord: RecordType.MEMBERSHIP,
    UnitRecord: RecordType.UNIT,
    GroupRecord: RecordType.GROUP,
}


# --- what is believed --------------------------------------------------------------------------------------------------


class BelievedRecord(FrozenStruct, frozen=True, kw_only=True):
    """One record as it is believed now, with its absence judged (`domain.md` §2.3)."""

    source: str
    part: str
    record: Record
    own_id: str  # opaque: keyed by the store, so that no number can be guessed from it
    thing_id: str | None = None  # id of the person or device it was found to be of
    scope: str | None = None  # what its last pull was whole for; None: the part
    first_seen: datetime
    absent_since: datetime | None = None
    absent_pulls: int = 0  # complete pulls after the one that gave `absent_since`
    gone: bool = False
    last_contact_at: datetime | None = None
    masked: bool = False

    @property
    def type(self) -> RecordType:
        """The record's type."""
        return RECORD_TYPES[type(self.record)]

    @property
    def ref(self) -> tuple[str, str, str]:
        """(source, type, source id): unique among all that is believed."""
        return (self.source, self.type.value, self.record.source_id)


class PartState(FrozenStruct, frozen=True, kw_only=True):
    """A configured part of a source and what its pulls have come to."""

    source: str
    part: str
    role: PartRole
    types: tuple[RecordType, ...]
    counts: bool = False  # founds entitlements (`domain.md` §3); else a witness
    counts_at: tuple[str, ...] = ()  # the units where it does; empty: everywhere
    expects_mdm: bool = False
    trust: int = 0  # higher first
    expected_every: timedelta = timedelta(days=1)
    disabled: bool = False
    last_attempt_at: datetime | None = None
    last_complete_at: datetime | None = None
    as_of: date | None = None  # the day its believed content speaks for; of several scopes, the oldest
    scope_as_of: Mapping[str, date] = {}
    held_pull: int | None = None
    reason: str | None = None  # why the last attempt did not change what is believed
    drift: int = 0  # words of its last complete pull that the connector did not know
    contacts_untold: int = 0  # devices that came without a contact in its last complete pull, and had one before
    credentials: Mapping[str, datetime] = {}  # name → when it runs out
    first_complete_at: datetime | None = None

    @property
    def name(self) -> str:
        """As commands and messages spell it."""
        return f"{self.source}/{self.part}"


class Login(FrozenStruct, frozen=True):
    """A key somebody was known by, with the days it was seen on him; past ones keep resolving."""

    key: Key
    person: str
    first_seen: datetime
    last_seen: datetime


class Override(FrozenStruct, frozen=True, kw_only=True):
    """Somebody's decision that outranks matching: a serial or a log-in belongs to the person who has this key."""

    serial: str | None = None
    login: Key | None = None
    person: Key
    until: date | None = None


class Correction(FrozenStruct, frozen=True, kw_only=True):
    """A fact of a device that a person knows better than the sources; ends by default with the term."""

    device: str
    field: Literal["purpose", "unit", "condition", "holder"]
    value: str
    until: date | None = None
    reason: str = ""


class Parking(FrozenStruct, frozen=True, kw_only=True):
    """A gap that somebody has taken out of alerts until a day."""

    kind: str
    subject_id: str
    until: date
    reason: str = ""


class StageSince(FrozenStruct, frozen=True):
    """The stage a device was last seen to be in, and since when."""

    stage: Stage
    since: datetime


class Episode(FrozenStruct, frozen=True, kw_only=True):
    """A gap with its opening and closing; `known_before` marks what a first complete pull found: no age is claimed."""

    kind: str
    subject: Subject
    subject_id: str
    unit: str
    opened_at: datetime
    closed_at: datetime | None = None
    known_before: bool = False
    parked_until: date | None = None
    reason: Text

    @property
    def key(self) -> tuple[str, str]:
        """(kind, subject id): what makes two sightings one episode."""
        return (self.kind, self.subject_id)

    def is_parked(self, on: date) -> bool:
        """Whether somebody has taken it out of alerts as of the day *on*."""
        return self.parked_until is not None and on <= self.parked_until


class OwedDevices(FrozenStruct, frozen=True, kw_only=True):
    """Who or what is owed devices, by which rule and why. A person's, or a pool's (then `heads` are its children)."""

    entitlement: str
    subject: Subject  # PERSON or POOL
    subject_id: str
    unit: str
    groups: tuple[str, ...] = ()
    count: int
    heads: int = 1
    decidable: bool = True  # False: without an assigned device it is unknown, not short
    reason: Text


class Assignment(FrozenStruct, frozen=True, kw_only=True):
    """Which device serves whom or what, and whether it works."""

    device: str
    by: CoveredBy
    entitlement: str
    subject_id: str  # person, set or pool
    unit: str
    groups: tuple[str, ...] = ()  # of a set
    works: bool
    reason: Text


class RunningAssignment(FrozenStruct, frozen=True):
    """An assignment that holds now, with its start; `known_before`: found by a first complete pull."""

    assignment: Assignment
    since: datetime
    known_before: bool = False


class AssignmentInterval(FrozenStruct, frozen=True):
    """An assignment as it was known from `since` until `until` (None: still); it ends when whether it works changes."""

    assignment: Assignment
    since: datetime
    until: datetime | None = None
    known_before: bool = False  # found by a first complete pull: it began some time before `since`


class CoverageDay(FrozenStruct, frozen=True, kw_only=True):
    """The published numbers of one unit, entitlement and day; no personal data."""

    day: date
    unit: str
    entitlement: str
    entitled: int
    heads: int = 0
    assigned_own: int = 0
    assigned_set: int = 0
    assigned_pool: int = 0
    covered_own: int = 0
    covered_set: int = 0
    covered_pool: int = 0
    unknown: int = 0
    surplus: int = 0
    undecided: int = 0
    on_leave: int = 0
    working_devices: int = 0

    @property
    def assigned(self) -> int:
        """Owed devices that exist."""
        return self.assigned_own + self.assigned_set + self.assigned_pool

    @property
    def covered(self) -> int:
        """Owed devices that exist and work."""
        return self.covered_own + self.covered_set + self.covered_pool

    @property
    def short(self) -> int:
        """entitled − covered − unknown."""
        return self.entitled - self.covered - self.unknown

    @property
    def ratio(self) -> float | None:
        """covered / entitled; None with nothing entitled."""
        return self.covered / self.entitled if self.entitled else None

    @property
    def ratio_at_best(self) -> float | None:
        """The upper end of the band: as if all that is unknown were covered."""
        return (self.covered + self.unknown) / self.entitled if self.entitled else None


class Turnover(FrozenStruct, frozen=True, kw_only=True):
    """One school year's turn, one switch for the municipality; until it turns, the copies are judged (`domain.md` §4).

    `copies` are memberships as they stood on the last school day, and the groups that they name; once the year has
    turned, for as long as somebody must be told from what he was.
    """

    first_school_day: date  # of the year that is turned to
    last_school_day: date  # of the year that ends
    copied_at: datetime
    turned_at: datetime | None = None
    how: Literal["most", "first_complete", "latest", "by_hand"] | None = None
    copies: tuple[BelievedRecord, ...] = ()


class BelievedState(FrozenStruct, frozen=True, kw_only=True):
    """The core's whole input from the store, so that rebuilding is deterministic."""

    known: Sequence[BelievedRecord] = ()
    parts: Sequence[PartState] = ()
    logins: Sequence[Login] = ()
    episodes: Sequence[Episode] = ()  # open ones, and those closed within 24 hours
    assignments: Sequence[RunningAssignment] = ()
    stages: Mapping[str, StageSince] = {}
    coverage: Sequence[CoverageDay] = ()  # of the last 90 days
    gap_unit_kinds: frozenset[tuple[str, str]] = (
        frozenset()
    )  # (unit, kind) wherever a gap is or was, those of parts apart
    overrides: Sequence[Override] = ()
    corrections: Sequence[Correction] = ()
    parkings: Sequence[Parking] = ()
    turnover: Turnover | None = None  # the newest
    privacy_generation: int = 0  # how often somebody had been protected, erased or found to be a child; it only grows


# --- a pull, as it is judged and applied ------------------------------------------------------------------------------


class Verdict(StrEnum):
    """What became of a pull; only `complete` changes what is believed."""

    COMPLETE = "complete"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    HELD = "held"


class RowChange(StrEnum):
    """What a staged row does to what is believed."""

    PUT = "put"  # new, or its fingerprint differs
    RETURN = "return"  # was absent, is there again unchanged
    CONTACT = "contact"  # only the last contact moved
    ABSENT = "absent"  # believed and not gone, and this complete pull did not show it


class StagedRow(FrozenStruct, frozen=True, kw_only=True):
    """One difference between a pull and what is believed."""

    change: RowChange
    type: RecordType
    source_id: str
    scope: str | None = None
    record: Record | None = None  # of PUT
    fingerprint: int = 0  # keyed, of the kept fields before masking, and of whether the row was masked
    own_id: str = ""
    last_contact_at: datetime | None = None
    masked: bool = False

    @property
    def ref(self) -> tuple[str, str]:
        """(type, source id): unique within a part."""
        return (self.type.value, self.source_id)


class PulledScope(FrozenStruct, frozen=True, kw_only=True):
    """What a pull read whole: the part (name ""), or a file for its unit."""

    name: str = ""
    as_of: date
    fingerprint: str | None = None  # of a file's content


class PullEffect(FrozenStruct, frozen=True, kw_only=True):
    """A finished pull of a part: what it would put and what it would mark absent."""

    pull: int
    source: str
    part: str
    started_at: datetime
    scopes: tuple[PulledScope, ...]
    rows: tuple[StagedRow, ...]
    seen: int  # records, duplicates not counted
    duplicates: int = 0
    contacts_untold: int = 0  # devices that came without a contact, and have one that is believed
    rejected: Mapping[str, int] = {}  # by reason
    drift: Mapping[str, int] = {}  # "field=value" the connector did not know
    is_first: bool = False
    reads_some: bool = False  # adds and changes, never marks absent
    mark: str | None = None


class PullLimits(FrozenStruct, frozen=True, kw_only=True):
    """How much a pull may change before a person must look (`domain.md` §2.2, §2.3)."""

    max_shrink_ratio: float = 0.1
    turnover_max_shrink_ratio: float = 0.5
    max_growth_ratio: float = 0.25
    max_rejected_ratio: float = 0.1
    allow_empty: bool = False
    grace_pulls: int = 2
    grace_hours: float = 20.0


class HoldReason(FrozenStruct, frozen=True):
    """Why a pull is held: the rule ("shrink", "per_unit", …) and a sentence with what, how many and the limit."""

    rule: str
    text: Text


# --- policy: what people configured -----------------------------------------------------------------------------------


class EligibilityCriteria(FrozenStruct, frozen=True, kw_only=True):
    """Whom an entitlement is for, by any of the membership types. Empty school forms: any; no grades: any."""

    memberships: tuple[MembershipType, ...]
    school_forms: tuple[str, ...] = ()
    lowest_grade_index: int | None = None
    highest_grade_index: int | None = None
    employment: tuple[EmploymentForm, ...] = ()  # of EMPLOYMENT: these, a fixed one if longer than `longer_than_months`
    longer_than_months: int = 3


class Entitlement(FrozenStruct, frozen=True, kw_only=True):
    """One line of the plan as data; asked in file order, the first that says yes owns the person."""

    id: str
    title: Text
    origin: str
    who: EligibilityCriteria
    mode: EntitlementMode
    devices: int = 1
    per: int = 1
    round_by: RoundBy = RoundBy.UNIT_AND_FORM
    platforms: tuple[Platform, ...] = ()  # empty: any
    form_factors: tuple[FormFactor, ...] = (FormFactor.COMPUTER, FormFactor.CHROMEBOOK, FormFactor.TABLET)
    require: tuple[Literal["supported", "encrypted", "compliant"], ...] = ()
    target: float = 1.0
    alert_below: float = 0.95
    alert_short: int = 5
    alert_after_school_days: int = 5
    on_leave: Literal["apart", "owed"] = "apart"
    on_unit_change: Literal["follows", "stays"] = "follows"
    units: tuple[str, ...] = ()  # empty: all
    price_kronor: int | None = None
    life_years: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None

    def is_valid_on(self, day: date) -> bool:
        """Whether the rule is in force on *day*; both ends inclusive."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


class Unit(FrozenStruct, frozen=True, kw_only=True):
    """What people call a school, a förskola, or "central"."""

    slug: str
    name: str
    codes: tuple[str, ...] = ()
    school_forms: tuple[str, ...] = ()  # empty: unknown; staff can occur everywhere all the same
    published: bool = False
    stale_after_school_days: int | None = None


class UnitMap(FrozenStruct, frozen=True, kw_only=True):
    """`[[unit_map]]`: a field of a source's device record that matches *pattern* names the unit."""

    source: str
    field: str
    pattern: str
    unit: str


class DeviceRule(FrozenStruct, frozen=True, kw_only=True):
    """`[[device_rule]]`: one record that meets all conditions (case-insensitive globs) decides what a device is for."""

    when: Mapping[str, str]
    purpose: Purpose | None = None
    unit: str | None = None
    groups: tuple[str, ...] = ()
    name: str = ""  # shown as the reason: "[[device_rule]] 3"


class Staleness(FrozenStruct, frozen=True, kw_only=True):
    """When silence means something, in school days."""

    stale_after_school_days: int = 15
    silent_after_school_days: int = 60
    by_platform: Mapping[str, int] = {}


class SerialRules(FrozenStruct, frozen=True, kw_only=True):
    """Which serials name nothing (`domain.md` §3); compared case-folded with spaces and dots removed."""

    placeholders: frozenset[str] = frozenset()
    placeholder_patterns: tuple[str, ...] = ()
    placeholder_prefixes: tuple[str, ...] = ()
    virtual_serial_patterns: tuple[str, ...] = ()
    virtual_models: tuple[str, ...] = ()
    virtual_manufacturers: tuple[str, ...] = ()


class ModelRule(FrozenStruct, frozen=True, kw_only=True):
    """A glob over "manufacturer model" that tells what sort of thing it is; the first that matches decides."""

    platform: Platform | None = None
    pattern: str
    form_factor: FormFactor
    hardware_support_until: date | None = None


class OsSupport(FrozenStruct, frozen=True, kw_only=True):
    """Until when an operating system release is supported; an estimate where the vendor publishes no date."""

    platform: Platform
    version_prefix: str
    edition: str | None = None
    ends_on: date | None = None
    estimated: bool = False


class ReferenceFacts(FrozenStruct, frozen=True, kw_only=True):
    """Facts of the outside world that ship with us, each with source and date (`fleetsync/data`)."""

    serials: SerialRules = SerialRules()
    models: tuple[ModelRule, ...] = ()
    os_support: tuple[OsSupport, ...] = ()
    checked_on: date | None = None


class Policy(FrozenStruct, frozen=True, kw_only=True):
    """Everything that people decided by configuration and the core needs; `fingerprint` changes when any of it does."""

    entitlements: tuple[Entitlement, ...] = ()
    units: tuple[Unit, ...] = ()
    unit_maps: tuple[UnitMap, ...] = ()
    device_rules: tuple[DeviceRule, ...] = ()
    staleness: Staleness = Staleness()
    reference: ReferenceFacts = ReferenceFacts()
    domain_aliases: Mapping[str, str] = {}  # alias domain → the domain it stands for
    function_accounts: tuple[str, ...] = ()  # globs of log-ins that are nobody
    enrolment_managers: tuple[str, ...] = ()
    max_devices_per_user: int = 5
    match_on_civic_number: bool = False
    organisation_numbers: tuple[str, ...] = ()
    not_ours: tuple[str, ...] = ()
    ending_after_school_days: int = 15
    time_zone: str = "Europe/Stockholm"
    fingerprint: str = ""


# --- what the core makes of it ----------------------------------------------------------------------------------------


class Moment(FrozenStruct, frozen=True):
    """The instant of a reconciliation and the local day it speaks of; the core never asks for either."""

    at: datetime
    today: date


class FieldClaim(FrozenStruct, frozen=True):
    """One source's value of a field, and whether it is the one that counts."""

    source: str
    value: str
    counts: bool


class Person(FrozenStruct, frozen=True, kw_only=True):
    """A human as identity found him: the records that are his, and all keys of them."""

    id: str
    records: tuple[BelievedRecord, ...]  # PersonRecord, none gone
    memberships: tuple[BelievedRecord, ...] = ()  # MembershipRecord, those gone included: an end is a fact
    copies: tuple[BelievedRecord, ...] = ()  # MembershipRecord of the turnover, as they stood on the last school day
    keys: tuple[Key, ...] = ()
    name: str | None = None
    masked: bool = False
    first_seen: datetime
    duplicate: bool = False  # a component was taken apart around this person


class Device(FrozenStruct, frozen=True, kw_only=True):
    """A physical thing as identity found it, each value by the trust order, with what every source says."""

    id: str
    records: tuple[BelievedRecord, ...]  # DeviceRecord; those that count, absent ones within grace included
    superseded: tuple[BelievedRecord, ...] = ()
    gone: tuple[BelievedRecord, ...] = ()
    serial: str | None = None
    has_ambiguous_serial: bool = False  # its serial is shared by too many things to mean one
    manufacturer: str | None = None
    model: str | None = None
    platform: Platform = Platform.OTHER
    form_factor: FormFactor = FormFactor.OTHER
    os_version: str | None = None
    os_edition: str | None = None
    asset_tag: str | None = None
    ownership: Ownership | None = None
    managed: bool | None = None
    compliance: Compliance | None = None
    encrypted: bool | None = None
    enrolled_at: datetime | None = None
    last_contact_at: datetime | None = None
    contact_part: str | None = None  # "source/part" that gave the newest contact
    purchased_on: date | None = None
    warranty_until: date | None = None
    support_until: date | None = None
    conditions: frozenset[Condition] = frozenset()
    roles: frozenset[PartRole] = frozenset()  # of the parts whose present or absent records know it
    ever_in_mdm: bool = False
    ever_in_list: bool = False
    masked: bool = False
    first_seen: datetime
    field_claims: Mapping[str, tuple[FieldClaim, ...]] = {}  # only fields on which sources disagree


class EntitlementDecision(FrozenStruct, frozen=True, kw_only=True):
    """Whether one rule owes one person something, and why: for those in and those out."""

    entitlement: str
    owed: bool
    undecided: bool = False
    on_leave: bool = False
    reason: Text


class PersonState(FrozenStruct, frozen=True, kw_only=True):
    """Where a person belongs today and what he is owed."""

    person: str
    unit: str = UNPLACED
    unit_reason: Text = Text("", "")
    class_group: str | None = None  # name of his group of type Klass that began last
    groups: tuple[str, ...] = ()  # names of his groups of other types, latest beginning first
    school_form: str | None = None
    grade_index: int | None = None
    owed: OwedDevices | None = None  # one device over all rules; pools owe by unit
    decisions: tuple[EntitlementDecision, ...] = ()
    began_on: date | None = None
    ends_on: date | None = None  # of the last that entitles; None: open
    may_return: bool = False
    ended_on: date | None = None  # of somebody who has left
    starts_on: date | None = None  # of somebody who comes; in the break he may have begun, and counts from the turn
    turnover_changed_on: date | None = None  # first school day of whom the turn gave another grade index, unit or group
    counted: bool = False  # has a membership of a source that counts, today
    has_login: bool = False
    only_in_witness: bool = False
    is_child: bool = False
    not_yet_in_roster: bool = False


class HolderProblem(StrEnum):
    """What is wrong with a device's holder."""

    UNKNOWN = "unknown_holder"
    AMBIGUOUS = "ambiguous_holder"
    CONFLICT = "holder_conflict"


class Placement(FrozenStruct, frozen=True, kw_only=True):
    """Whose a device is, what it is for, and where, each with its evidence."""

    device: str
    holder: str | None = None
    holder_reason: Text = Text("", "")
    holder_problems: tuple[HolderProblem, ...] = ()
    claimed_by: tuple[str, ...] = ()  # persons of an ambiguous holder
    non_holder_account: bool = False
    reused_login_of: str | None = None
    purpose: Purpose = Purpose.UNSORTED
    purpose_reason: Text = Text("", "")
    unit: str = UNPLACED
    unit_reason: Text = Text("", "")
    conflicting_unit: str | None = None  # the other answer, where two disagree
    serves: tuple[str, ...] = ()  # groups of a set


class DeviceState(FrozenStruct, frozen=True, kw_only=True):
    """A device's stage, and whether it works: in contact and manageable, not "undamaged" or "used"."""

    device: str
    stage: Stage | None  # None: purpose ignore
    since: datetime
    works: bool
    works_reason: Text
    silent_school_days: int | None = None  # None: never in contact
    evaluated_until: date
    ours: bool = True  # the municipality's
    supported: bool | None = None  # operating system and hardware, by the day it is judged until; None: unknown
    secure: bool | None = None  # None: a source does not say


class PersonCase(FrozenStruct, frozen=True, kw_only=True):
    """A person with all that was decided about him."""

    person: Person
    person_state: PersonState
    devices: tuple[str, ...] = ()  # assigned as own, accepted by the rule that owes him
    working: int = 0  # of those
    covered: int = 0  # of what he is owed: by own devices
    assigned: int = 0  # by own devices
    unknown: int = 0
    serving_set: str | None = None  # the set that serves his group


class DeviceCase(FrozenStruct, frozen=True, kw_only=True):
    """A device with all that was decided about it."""

    device: Device
    placement: Placement
    device_state: DeviceState


class DeviceSet(FrozenStruct, frozen=True, kw_only=True):
    """All devices of a unit that name the same groups."""

    id: str
    unit: str
    groups: tuple[str, ...]
    entitlement: str | None
    devices: tuple[str, ...]
    working: int
    members: int = 0
    covered: int = 0
    assigned: int = 0
    short: int = 0


class CoverageShare(FrozenStruct, frozen=True, kw_only=True):
    """One subject's part in the numbers of a unit and entitlement; every published sum is a sum over shares."""

    unit: str
    entitlement: str
    subject: Subject
    subject_id: str
    entitled: int = 0
    heads: int = 0
    assigned_own: int = 0
    assigned_set: int = 0
    assigned_pool: int = 0
    covered_own: int = 0
    covered_set: int = 0
    covered_pool: int = 0
    unknown: int = 0
    short: int = 0
    surplus: int = 0
    working_devices: int = 0
    devices: tuple[str, ...] = ()
    reason: Text


class Outcome(FrozenStruct, frozen=True, kw_only=True):
    """What one reconciliation found."""

    moment: Moment
    units: tuple[Unit, ...] = ()
    people: tuple[PersonCase, ...] = ()
    devices: tuple[DeviceCase, ...] = ()
    sets: tuple[DeviceSet, ...] = ()
    owed: tuple[OwedDevices, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    shares: tuple[CoverageShare, ...] = ()
    coverage: tuple[CoverageDay, ...] = ()
    episodes: tuple[Episode, ...] = ()  # open ones
    closed_episodes: tuple[Episode, ...] = ()  # closed by this reconciliation
    gap_unit_kinds: frozenset[tuple[str, str]] = frozenset()  # (unit, kind) wherever a gap was before it
    parts: tuple[PartState, ...] = ()
    logins: tuple[Login, ...] = ()
    resolved_ids: Mapping[tuple[str, str, str], str] = {}  # `BelievedRecord.ref` → id of its person or device
    policy_fingerprint: str = ""
    turnover: Turnover | None = None  # as it stands after this reconciliation


class CoverageChange(FrozenStruct, frozen=True, kw_only=True):
    """How the numbers of a unit and entitlement would move."""

    unit: str
    entitlement: str
    entitled_before: int
    entitled_after: int
    covered_before: int
    covered_after: int


class ChangePlan(FrozenStruct, frozen=True, kw_only=True):
    """What pulls would change if they were believed: computed, shown, judged, and only then done."""

    new: int = 0
    changed: int = 0
    returned: int = 0
    absent: int = 0
    assignments_begun: int = 0
    assignments_ended: int = 0
    gaps_opened: Mapping[str, int] = {}
    gaps_closed: Mapping[str, int] = {}
    coverage_changes: tuple[CoverageChange, ...] = ()


class MeasureRow(FrozenStruct, frozen=True, kw_only=True):
    """One line behind a number; the counts of a number's rows add up to it."""

    count: int
    subject: Subject
    subject_id: str
    unit: str
    reason: Text
    devices: tuple[str, ...] = ()
