"""Each column of the outcome stores the attribute it is named after: changing one attribute changes one column.

The expectations are written out here, apart from the code, so that two columns that were swapped there fail here. An
attribute is changed alone, so that even columns with few possible values (yes and no) cannot replace each other.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Table, select

from fleetsync.core.model import (
    Assignment,
    BelievedRecord,
    Compliance,
    CoverageDay,
    CoveredBy,
    Device,
    DeviceCase,
    DeviceState,
    EmploymentForm,
    Episode,
    FormFactor,
    Key,
    Login,
    MembershipRecord,
    MembershipType,
    Outcome,
    OwedDevices,
    Ownership,
    Person,
    PersonCase,
    PersonState,
    Placement,
    Platform,
    Purpose,
    Scheme,
    Stage,
    Subject,
    Text,
    Unit,
)
from fleetsync.store import tables as t
from fleetsync.store.ledger import Ledger
from tests.store.ledger_samples import MONDAY, REASON, TODAY, outcome, record_outcome

LATER = datetime(2026, 1, 2, 3, tzinfo=UTC)
DAY = date(2027, 5, 6)


class Column(msgspec.Struct, frozen=True):
    """A value planted in one attribute, and the column that must show it; None where it must not be stored."""

    attribute: str
    column: str
    planted: Any


class Recorded(msgspec.Struct, frozen=True):
    """A table, the value that its row is made of, and where each column comes from."""

    table: Table
    value: Any
    outcome_of: Callable[[Any], Mapping[str, Any]]
    columns: tuple[Column, ...]
    others: frozenset[str] = frozenset()  # columns that no attribute of the value decides


DEVICE = Recorded(
    t.device,
    DeviceCase(
        device=Device(id="d1", records=(), first_seen=MONDAY),
        placement=Placement(device="d1"),
        device_state=DeviceState(
            device="d1", stage=Stage.IN_USE, since=MONDAY, works=False, works_reason=REASON, evaluated_until=TODAY
        ),
    ),
    lambda case: {"devices": (case,)},
    (
        Column("device.id", "id", "d2"),
        Column("device.serial", "serial", "SERIAL"),
        Column("device.manufacturer", "manufacturer", "Apple"),
        Column("device.model", "model", "iPad 10"),
        Column("device.platform", "platform", Platform.IPADOS),
        Column("device.form_factor", "form_factor", FormFactor.TABLET),
        Column("device.os_version", "os_version", "27.1"),
        Column("device.os_edition", "os_edition", "Education"),
        Column("device.asset_tag", "asset_tag", "4711"),
        Column("device.ownership", "ownership", Ownership.PERSONAL),
        Column("device.managed", "managed", True),
        Column("device.compliance", "compliance", Compliance.GRACE),
        Column("device.encrypted", "encrypted", True),
        Column("device.enrolled_at", "enrolled_at", LATER),
        Column("device.purchased_on", "purchased_on", DAY),
        Column("device.warranty_until", "warranty_until", DAY),
        Column("device.support_until", "support_until", DAY),
        Column("placement.holder", "holder", "p1"),
        Column("placement.purpose", "purpose", Purpose.SET),
        Column("placement.unit", "unit", "ekskolan"),
        Column("placement.serves", "serves", ("5B",)),
        Column("device_state.stage", "stage", Stage.SHARED),
        Column("device_state.since", "stage_since", LATER),
        Column("device_state.works", "works", True),
        Column("device_state.ours", "ours", False),
        Column("device_state.secure", "secure", True),
        Column("device.masked", "masked", True),
    ),
)

PERSON = Recorded(
    t.person,
    PersonCase(person=Person(id="p1", records=(), first_seen=MONDAY), person_state=PersonState(person="p1")),
    lambda case: {"people": (case,)},
    (
        Column("person.id", "id", "p2"),
        Column("person.name", "name", "Anna Ek"),
        Column("person_state.unit", "unit", "ekskolan"),
        Column("person_state.groups", "groups", ("5B",)),
        Column("person_state.school_form", "school_form", "GR"),
        Column("person_state.grade_index", "grade_index", 5),
        Column("person_state.began_on", "began_on", DAY),
        Column("person_state.ends_on", "ends_on", DAY),
        Column("person_state.ended_on", "ended_on", DAY),
        Column("person_state.starts_on", "starts_on", DAY),
        Column("person_state.counted", "counted", True),
        Column("person_state.has_login", "has_login", True),
        Column("person_state.is_child", "is_child", True),
        Column("person.masked", "masked", True),
    ),
)


class Membership(msgspec.Struct, frozen=True):
    """A membership in its person."""

    person: Person
    believed: BelievedRecord

    @property
    def case(self) -> PersonCase:
        person = msgspec.structs.replace(self.person, memberships=(self.believed,))
        return PersonCase(person=person, person_state=PersonState(person=person.id))


MEMBERSHIP = Recorded(
    t.membership,
    Membership(
        Person(id="p1", records=(), first_seen=MONDAY),
        BelievedRecord(
            source="skola",
            part="pupils",
            record=MembershipRecord(source_id="m1", person="anna", membership=MembershipType.ENROLMENT),
            own_id="",
            first_seen=MONDAY,
        ),
    ),
    lambda membership: {"people": (membership.case,)},
    (
        Column("believed.source", "source", "hr"),
        Column("believed.part", "part", "staff"),
        Column("believed.record.source_id", "source_id", "m2"),
        Column("person.id", "person", "p2"),
        Column("believed.record.membership", "membership", MembershipType.EMPLOYMENT),
        Column("believed.record.codes", "codes", ("3101",)),
        Column("believed.record.group", "group_id", "5b"),
        Column("believed.record.school_form", "school_form", "GR"),
        Column("believed.record.year", "year", 5),
        Column("believed.record.employment_form", "employment_form", EmploymentForm.HOURLY),
        Column("believed.record.share", "share", 0.5),
        Column("believed.record.start", "start_on", DAY),
        Column("believed.record.end", "end_on", DAY),
        Column("believed.record.leave_from", "leave_from", DAY),
        Column("believed.record.leave_to", "leave_to", DAY),
    ),
)

LOGIN = Recorded(
    t.login,
    Login(Key(Scheme.NUMBER, "skola", "1"), "p1", MONDAY, MONDAY),
    lambda login: {"logins": (login,)},
    (
        Column("key.scheme", "scheme", Scheme.ACCOUNT),
        Column("key.namespace", "namespace", "hr"),
        Column("key.value", "value", "2"),
        Column("person", "person", "p2"),
        Column("first_seen", "first_seen", LATER),
        Column("last_seen", "last_seen", None),
    ),
)

UNIT = Recorded(
    t.unit,
    Unit(slug="vretaskolan", name="Vretaskolan"),
    lambda unit: {"units": (unit,)},
    (
        Column("slug", "slug", "ekskolan"),
        Column("name", "name", "Ekskolan"),
        Column("codes", "codes", ("3101",)),
        Column("school_forms", "school_forms", ("GR",)),
        Column("published", "published", True),
    ),
)

OWED = Recorded(
    t.owed,
    OwedDevices(
        entitlement="pupils", subject=Subject.PERSON, subject_id="p1", unit="vretaskolan", count=1, reason=REASON
    ),
    lambda owed: {"owed": (owed,)},
    (
        Column("entitlement", "entitlement", "staff"),
        Column("subject", "subject", Subject.POOL),
        Column("subject_id", "subject_id", "p2"),
        Column("unit", "unit", "ekskolan"),
        Column("groups", "groups", ("5B",)),
        Column("count", "count", 2),
        Column("heads", "heads", 2),
        Column("decidable", "decidable", False),
        Column("reason", "reason", Text("annat", "other")),
    ),
    frozenset({"id", "since", "until"}),
)

ASSIGNMENT = Recorded(
    t.assignment,
    Assignment(
        device="d1",
        by=CoveredBy.OWN,
        entitlement="pupils",
        subject_id="p1",
        unit="vretaskolan",
        works=True,
        reason=REASON,
    ),
    lambda assignment: {"assignments": (assignment,)},
    (
        Column("device", "device", "d2"),
        Column("by", "by", CoveredBy.SET),
        Column("entitlement", "entitlement", "staff"),
        Column("subject_id", "subject_id", "p2"),
        Column("unit", "unit", "ekskolan"),
        Column("groups", "groups", ("5B",)),
        Column("works", "works", False),
        Column("without_contact", "without_contact", True),
        Column("reason", "reason", Text("annat", "other")),
    ),
    frozenset({"id", "since", "until", "assigned_at", "known_before"}),
)

GAP = Recorded(
    t.gap,
    Episode(
        kind="stale",
        subject=Subject.DEVICE,
        subject_id="d1",
        unit="vretaskolan",
        opened_at=MONDAY,
        known_before=False,
        reason=REASON,
    ),
    lambda episode: {"episodes": (episode,)},
    (
        Column("kind", "kind", "lost"),
        Column("subject", "subject", Subject.SET),
        Column("subject_id", "subject_id", "d2"),
        Column("unit", "unit", "ekskolan"),
        Column("opened_at", "opened_at", LATER),
        Column("known_before", "known_before", True),
        Column("parked_until", "parked_until", DAY),
        Column("reason", "reason", Text("annat", "other")),
    ),
    frozenset({"id", "since", "until"}),
)

NUMBERS = [name for name in CoverageDay.__struct_fields__ if name not in ("day", "unit", "entitlement")]
COVERAGE = Recorded(
    t.coverage,
    CoverageDay(day=TODAY, unit="vretaskolan", entitlement="pupils", entitled=0),
    lambda row: {"coverage": (row,)},
    (
        Column("unit", "unit", "ekskolan"),
        Column("entitlement", "entitlement", "staff"),
        *(Column(name, name, 7) for name in NUMBERS),
    ),
    frozenset({"day"}),
)

TABLES = (DEVICE, PERSON, MEMBERSHIP, LOGIN, UNIT, OWED, ASSIGNMENT, GAP, COVERAGE)
of_tables = pytest.mark.parametrize("recorded", TABLES, ids=lambda recorded: recorded.table.name)


def replaced(value: Any, attribute: str, planted: object) -> Any:
    """*value* with one attribute, dotted, replaced."""
    name, _, rest = attribute.partition(".")
    return msgspec.structs.replace(value, **{name: replaced(getattr(value, name), rest, planted) if rest else planted})


def stored(ledger: Ledger, recorded: Recorded, value: object, number: int) -> dict[str, Any]:
    """The row that is read back of *value*, recorded as the whole outcome."""
    whole: Outcome = outcome(MONDAY + timedelta(minutes=number), **recorded.outcome_of(value))
    record_outcome(ledger, whole)
    rows = select(*(column for column in recorded.table.c if column.name not in recorded.others))
    if "until" in recorded.table.c:
        rows = rows.where(recorded.table.c.until.is_(None))
    with ledger._read_transaction() as connection:
        return dict(connection.execute(rows).one()._mapping)


@of_tables
def test_every_column_is_planted(recorded: Recorded) -> None:
    assert {column.name for column in recorded.table.c} - recorded.others == {
        column.column for column in recorded.columns
    }


@of_tables
def test_an_attribute_is_stored_in_its_column_and_in_no_other(ledger: Ledger, recorded: Recorded) -> None:
    before = stored(ledger, recorded, recorded.value, 0)

    for number, column in enumerate(recorded.columns, start=1):
        after = stored(ledger, recorded, replaced(recorded.value, column.attribute, column.planted), number)

        assert after == before | {column.column: column.planted}, column.attribute
        assert before[column.column] != column.planted, f"{column.attribute}: plant another value than it has"
