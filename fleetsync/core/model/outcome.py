"""What one reconciliation concludes: persons, devices, who holds what, what works, and every published number.

A *case* is a person or device together with everything that was decided about it. `Outcome` holds all cases. Every
decision carries its reason as a sentence in both languages.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum

from fleetsync.core.model.base import FrozenStruct, Text
from fleetsync.core.model.believed import BelievedRecord, Login, PartState, Turnover
from fleetsync.core.model.decisions import CorrectedField
from fleetsync.core.model.history import Assignment, CoverageDay, Episode, OwedDevices
from fleetsync.core.model.policy import Unit
from fleetsync.core.model.records import Key
from fleetsync.core.model.vocabulary import (
    UNPLACED,
    Compliance,
    Condition,
    FormFactor,
    Ownership,
    PartRole,
    Platform,
    Purpose,
    Stage,
    Subject,
)


class Moment(FrozenStruct, frozen=True):
    """The instant of a reconciliation and its local day. The core never reads a clock."""

    at: datetime
    today: date


class Person(FrozenStruct, frozen=True, kw_only=True):
    """A human: the records of all sources that were found to describe them, and the keys of those records."""

    id: str
    records: tuple[BelievedRecord, ...]  # PersonRecord, none gone
    memberships: tuple[BelievedRecord, ...] = ()  # MembershipRecord, gone ones included: that it ended matters
    copies: tuple[BelievedRecord, ...] = ()  # MembershipRecord of the turnover, as they were on the last school day
    keys: tuple[Key, ...] = ()
    name: str | None = None
    masked: bool = False
    first_seen: datetime
    duplicate: bool = False  # keys connected two persons of one source, so the weakest keys were ignored


class Device(FrozenStruct, frozen=True, kw_only=True):
    """A physical device: the records of all sources that describe it, and one value per field.

    Where sources disagree the most trusted value counts; `fleetsync.core.disagreements` tells what each of them says.
    """

    id: str
    records: tuple[BelievedRecord, ...]  # DeviceRecord; those that count, absent ones within grace included
    superseded: tuple[BelievedRecord, ...] = ()
    gone: tuple[BelievedRecord, ...] = ()
    serial: str | None = None
    has_ambiguous_serial: bool = False  # too many devices share its serial for it to identify one
    manufacturer: str | None = None
    model: str | None = None
    platform: Platform = Platform.OTHER
    form_factor: FormFactor = FormFactor.OTHER
    os_version: str | None = None
    os_edition: str | None = None
    asset_tag: str | None = None
    ownership: Ownership | None = None
    managed: bool | None = None
    is_migrating: bool = False  # a source says that it is on its way from one MDM to another now
    compliance: Compliance | None = None
    encrypted: bool | None = None
    may_be_personal_by_lists: bool = False  # each list that has it says, or may say, that a person owns it
    enrolled_at: datetime | None = None
    last_contact_at: datetime | None = None
    contact_part: str | None = None  # "source/part" that reported the newest contact
    purchased_on: date | None = None
    warranty_until: date | None = None
    support_until: date | None = None
    conditions: frozenset[Condition] = frozenset()
    roles: frozenset[PartRole] = frozenset()  # of the parts whose present or absent records know it
    ever_in_mdm: bool = False
    ever_in_list: bool = False
    masked: bool = False
    first_seen: datetime
    unreadable: Mapping[
        str, str
    ] = {}  # field that is unknown because it could not be read → the source where it stands


class EntitlementDecision(FrozenStruct, frozen=True, kw_only=True):
    """Whether an entitlement owes a person something, and why or why not."""

    entitlement: str
    owed: bool
    undecided: bool = False
    on_leave: bool = False
    reason: Text


class PersonState(FrozenStruct, frozen=True, kw_only=True):
    """Which unit and groups a person belongs to today, and what they are owed."""

    person: str
    unit: str = UNPLACED
    unit_reason: Text = Text("", "")
    class_group: str | None = None  # name of their group of type Klass that began last
    groups: tuple[str, ...] = ()  # names of their groups of other types, the one that began last first
    school_form: str | None = None
    grade_index: int | None = None
    owed: OwedDevices | None = None  # one device over all rules; pools owe by unit
    decisions: tuple[EntitlementDecision, ...] = ()
    began_on: date | None = None
    ends_on: date | None = None  # of the last membership that entitles; None: open-ended
    may_return: bool = False
    ended_on: date | None = None  # of a person who has left
    # Of a person who is to start. In the summer break they may have started already, and count from the turnover on.
    starts_on: date | None = None
    turnover_changed_on: date | None = None  # first school day, when the turnover changed grade index, unit or group
    counted: bool = False  # has a membership of a source that counts, today
    has_login: bool = False
    only_in_witness: bool = False
    is_child: bool = False
    not_yet_in_roster: bool = False


class HolderProblem(StrEnum):
    """Why the holder of a device is not certain."""

    UNKNOWN = "unknown_holder"
    AMBIGUOUS = "ambiguous_holder"
    CONFLICT = "holder_conflict"


class Placement(FrozenStruct, frozen=True, kw_only=True):
    """Who holds a device, what it is for and at which unit it is, each with the reason."""

    device: str
    holder: str | None = None
    holder_reason: Text = Text("", "")
    holder_problems: tuple[HolderProblem, ...] = ()
    claimed_by: tuple[str, ...] = ()  # persons of an ambiguous holder
    contradicted_by: tuple[str, ...] = ()  # persons whom weaker keys name beside the holder
    non_holder_account: bool = False
    reused_login_of: str | None = None
    purpose: Purpose = Purpose.UNSORTED
    purpose_reason: Text = Text("", "")
    unit: str = UNPLACED
    unit_reason: Text = Text("", "")
    conflicting_unit: str | None = None  # the other answer, where two disagree
    conflicting_unit_reason: Text = Text("", "")
    serves: tuple[str, ...] = ()  # groups of a set
    agreed_fields: tuple[CorrectedField, ...] = ()  # corrected by a person; the sources say the same by now
    is_use_undecided: bool = False  # a holder who could not be read decides whether it is anybody's own


class DeviceState(FrozenStruct, frozen=True, kw_only=True):
    """A device's stage, and whether it works. Working means in contact and manageable, not undamaged or in use.

    `works` None: it cannot be decided, because a fact that decides could not be read; `works_reason` says which.
    `without_contact`: it works on the word of a list alone, which gives no contacts. `contact_unknown`: nobody can say how
    long it has been silent.
    """

    device: str
    stage: Stage | None  # None when the purpose is ignore
    since: datetime
    works: bool | None
    works_reason: Text
    without_contact: bool = False
    contact_unknown: bool = False
    silent_school_days: int | None = None  # None: never in contact, or unknown
    evaluated_until: date
    ours: bool = True  # counts as the municipality's
    supported: bool | None = None  # operating system and hardware, on `evaluated_until`; None: unknown
    secure: bool | None = None  # None: at least one source does not say


class PersonCase(FrozenStruct, frozen=True, kw_only=True):
    """A person with everything that was decided about them."""

    person: Person
    person_state: PersonState
    devices: tuple[str, ...] = ()  # assigned to the person, and accepted by the rule that owes them a device
    working: int = 0  # of `devices`
    covered: int = 0  # of what they are owed, by own devices
    assigned: int = 0  # by own devices
    unknown: int = 0
    serving_set: str | None = None  # id of the set that serves their group


class DeviceCase(FrozenStruct, frozen=True, kw_only=True):
    """A device with everything that was decided about it."""

    device: Device
    placement: Placement
    device_state: DeviceState


class DeviceSet(FrozenStruct, frozen=True, kw_only=True):
    """All devices of a unit that serve the same groups, without a holder each."""

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
    """What one person, set or pool adds to the numbers of a unit and entitlement. Published sums are sums of shares."""

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
    covered_without_contact: int = 0  # of the covered ones: by devices that work on a list's word alone
    unknown: int = 0
    short: int = 0
    surplus: int = 0
    undecided: int = 0  # heads of a head count that no rule can decide about
    working_devices: int = 0
    devices: tuple[str, ...] = ()
    reason: Text


class AgreedCorrection(FrozenStruct, frozen=True):
    """A correction that has become superfluous: the sources say the same. `field` may be `COUNT_FIELD`."""

    subject_id: str
    field: str


class Outcome(FrozenStruct, frozen=True, kw_only=True):
    """The complete result of one reconciliation."""

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
    gap_unit_kinds: frozenset[tuple[str, str]] = frozenset()  # (unit, kind) of every gap before this reconciliation
    parts: tuple[PartState, ...] = ()
    logins: tuple[Login, ...] = ()
    # Records whose person or device is another than before, each with the new id.
    resolved_ids: Sequence[tuple[BelievedRecord, str]] = ()
    policy_fingerprint: str = ""
    turnover: Turnover | None = None  # its state after this reconciliation
    agreed_corrections: tuple[AgreedCorrection, ...] = ()


class MeasureRow(FrozenStruct, frozen=True, kw_only=True):
    """One row behind a published number. The counts of all its rows add up to the number."""

    count: int
    subject: Subject
    subject_id: str
    unit: str
    reason: Text
    devices: tuple[str, ...] = ()
