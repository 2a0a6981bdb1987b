"""From what is believed to the numbers: whose device serves whom, where it is counted, and where nothing can be said."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from fleetsync.core.coverage import reconcile
from fleetsync.core.model import (
    CENTRAL,
    UNPLACED,
    Condition,
    Correction,
    CoveredBy,
    DeviceRecord,
    Entitlement,
    EntitlementMode,
    MembershipType,
    Moment,
    Outcome,
    Ownership,
    PartRole,
    PersonCase,
    Platform,
    Purpose,
    Subject,
    UnitMap,
)
from tests.core.coverage.coverage_samples import (
    CALENDARS,
    DEVICES,
    NOW,
    PARTS,
    POLICY,
    TODAY,
    RecordsBuilder,
    address,
    masked_records,
    part,
    row,
    rule,
    with_recorded_outcome,
    with_rules,
)

STAFF, PUPILS, PRESCHOOL = rule("staff"), rule("pupils"), rule("preschool")


def person(outcome: Outcome, who: str) -> PersonCase:
    (result,) = (case for case in outcome.people if address(who) in case.person.keys)
    return result


@pytest.fixture
def builder() -> RecordsBuilder:
    return RecordsBuilder()


# --- own --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", [None, Purpose.PERSONAL, Purpose.LOAN])
def test_a_working_device_in_a_pupils_name_covers_the_pupil(builder: RecordsBuilder, purpose: Purpose | None) -> None:
    builder.device(builder.pupil("alva"), purpose=purpose)

    case = person(builder.outcome(), "alva")

    assert (case.covered, case.assigned, case.working, len(case.devices)) == (1, 1, 1, 1)


@pytest.mark.parametrize("purpose", [Purpose.ROOM, Purpose.STOCK, Purpose.IGNORE, Purpose.UNSORTED, Purpose.REPAIR])
def test_a_device_that_is_for_something_else_covers_nobody(builder: RecordsBuilder, purpose: Purpose) -> None:
    builder.device(builder.pupil("alva"), purpose=purpose)

    assert not builder.outcome().assignments


@pytest.mark.parametrize(
    ("fields", "assigned"),
    [
        ({"silent": 100}, 1),
        ({"condition": Condition.IN_REPAIR}, 1),
        ({"condition": Condition.LOST}, 0),
        ({"condition": Condition.RETIRED}, 0),
        ({"ownership": Ownership.PERSONAL}, 0),
        ({"platform": Platform.IOS}, 0),
    ],
)
def test_what_is_silent_or_in_repair_is_assigned_and_what_is_lost_or_not_of_a_kind_is_not(
    builder: RecordsBuilder, fields: dict[str, Any], assigned: int
) -> None:
    builder.device(builder.pupil("alva"), **fields)

    result = builder.row("bjorkskolan", "pupils")

    assert (result.assigned_own, result.covered_own, result.short) == (assigned, 0, 1)


def test_a_device_of_somebody_who_is_owed_nothing_is_nobodys(builder: RecordsBuilder) -> None:
    builder.device(builder.pupil("alva", school_form="GY"))

    assert not builder.outcome().assignments


def test_staff_of_a_school_who_have_no_unit_are_not_dropped(builder: RecordsBuilder) -> None:
    for number in range(5):
        builder.staff(f"s{number}", at="nowhere")

    assert builder.row(UNPLACED, "staff").entitled == 5


# --- what cannot be said ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [PartRole.MDM, PartRole.LIST])
def test_until_every_source_of_devices_was_read_once_nobody_is_short(builder: RecordsBuilder, role: PartRole) -> None:
    builder.pupil("alva")
    builder.child("~c1")
    unread = part("new", "devices", role, DEVICES, first_complete_at=None)

    for disabled, unknown in ((False, 1), (True, 0)):
        parts = (*PARTS, replace(unread, disabled=disabled))
        assert builder.row("bjorkskolan", "pupils", parts=parts).unknown == unknown
        assert builder.row("ugglan", "preschool", parts=parts).unknown == unknown


def test_a_roster_that_was_never_read_makes_nobody_unknown(builder: RecordsBuilder) -> None:
    builder.pupil("alva")
    unread = part("new", "pupils", PartRole.ROSTER, DEVICES, first_complete_at=None)

    assert builder.row("bjorkskolan", "pupils", parts=(*PARTS, unread)).short == 1


def test_who_has_no_log_in_is_unknown(builder: RecordsBuilder) -> None:
    builder.pupil("alva", login=False)

    assert builder.row("bjorkskolan", "pupils").unknown == 1


def test_who_shares_a_claim_with_somebody_else_is_unknown(builder: RecordsBuilder) -> None:
    builder.pupil("alva")
    builder.person(("sis", "pupils"), "bo", login=False)
    builder.add_membership(("sis", "pupils"), "bo", MembershipType.ENROLMENT, "bj", year=5, school_form="GR")
    twins = [
        replace(record, record=replace(record.record, keys=(address("alva"),)))
        if record.type == "person" and record.record.source_id == "bo"
        else record
        for record in builder.known
    ]
    builder.known = twins
    builder.device("alva", condition=Condition.RETIRED)
    builder.device("alva", platform=Platform.IOS)
    # What would cover neither of them makes neither unknown.
    assert builder.row("bjorkskolan", "pupils").short == 2

    builder.device("alva")

    assert builder.row("bjorkskolan", "pupils").unknown == 2


# --- sets -------------------------------------------------------------------------------------------------------------


def test_a_cart_of_thirty_for_three_classes_of_twenty_five(builder: RecordsBuilder) -> None:
    for name in ("2A", "2B", "2C"):
        for seat in range(25):
            builder.pupil(f"{name}{seat}".lower(), year=2, group=name)
    builder.cart(30, "2A", "2B", "2C")

    outcome = builder.outcome()
    result = row(outcome, "bjorkskolan", "pupils")
    (set_,) = outcome.sets

    assert (result.entitled, result.covered_set, result.short) == (75, 30, 45)
    assert (set_.id, set_.groups, set_.members) == ("bjorkskolan/2A+2B+2C", ("2A", "2B", "2C"), 75)
    assert (set_.covered, set_.assigned, set_.working, set_.short) == (30, 30, 30, 45)


def test_devices_that_name_the_same_groups_in_another_order_are_one_set(builder: RecordsBuilder) -> None:
    builder.pupil("alva", group="2A")
    builder.cart(1, "2A", "2B")
    builder.cart(1, "2B", "2A", "2B")

    (set_,) = builder.outcome().sets

    assert (set_.groups, set_.working) == (("2A", "2B"), 2)


def test_a_class_whose_name_holds_a_plus_is_not_two_classes(builder: RecordsBuilder) -> None:
    builder.pupil("alva", group="4+5")
    builder.pupil("bo", group="4")
    builder.cart(1, "4+5")
    builder.cart(1, "4", "5")

    outcome = builder.outcome()

    assert {device_set.groups: device_set.covered for device_set in outcome.sets} == {("4+5",): 1, ("4", "5"): 1}
    assert person(outcome, "alva").serving_set == "bjorkskolan/4\\+5"
    assert person(outcome, "bo").serving_set == "bjorkskolan/4+5"


def test_of_several_sets_a_member_is_said_to_be_served_by_the_one_asked_first(builder: RecordsBuilder) -> None:
    builder.pupil("alva", group="2B")
    builder.cart(1, "2A", "2B")
    builder.cart(1, "2B")

    assert person(builder.outcome(), "alva").serving_set == "bjorkskolan/2B"


def test_a_member_is_served_only_by_a_set_of_the_same_entitlement(builder: RecordsBuilder) -> None:
    builder.pupil("alva", year=2, group="1-2")
    builder.pupil("bo", year=1, group="1-2")
    builder.cart(2, "1-2")
    first = replace(PUPILS, id="first", who=replace(PUPILS.who, highest_grade_index=1))

    outcome = builder.outcome(with_rules(first, PUPILS))

    assert person(outcome, "bo").serving_set == "bjorkskolan/1-2"
    assert person(outcome, "alva").serving_set is None
    assert row(outcome, "bjorkskolan", "first").covered_set == 1
    assert row(outcome, "bjorkskolan", "pupils").short == 1


def test_a_set_serves_the_first_entitlement_in_file_order_that_its_members_are_owed_by(builder: RecordsBuilder) -> None:
    builder.pupil("alva", year=5, group="A")
    builder.pupil("bo", year=1, group="B")
    builder.pupil("cilla", year=5, group="B")
    builder.cart(3, "A", "B")
    young = replace(PUPILS, id="young", who=replace(PUPILS.who, highest_grade_index=1))

    outcome = builder.outcome(with_rules(STAFF, PUPILS, young))
    turned = builder.outcome(with_rules(STAFF, young, PUPILS))

    assert {device_set.entitlement for device_set in outcome.sets} == {"pupils"}
    assert {device_set.entitlement for device_set in turned.sets} == {"young"}


def test_a_person_who_may_only_have_their_own_device_is_not_served_by_a_set(builder: RecordsBuilder) -> None:
    builder.pupil("alva", group="2A")
    builder.cart(2, "2A")

    outcome = builder.outcome(with_rules(replace(PUPILS, mode=EntitlementMode.PERSONAL)))

    assert row(outcome, "bjorkskolan", "pupils").short == 1
    assert person(outcome, "alva").serving_set is None


def test_a_group_of_another_type_serves_whose_class_no_set_names(builder: RecordsBuilder) -> None:
    builder.pupil("alva", group="2A")
    builder.in_group("alva", "Fritids", "bj", kind="Undervisning")
    builder.pupil("bo")
    builder.cart(1, "Fritids")

    outcome = builder.outcome()

    assert person(outcome, "alva").serving_set == "bjorkskolan/Fritids"
    assert person(outcome, "bo").serving_set is None


@pytest.mark.parametrize("end", [Condition.RETIRED, Condition.LOST, None])
def test_a_cart_that_is_no_more_keeps_no_other_from_its_class(builder: RecordsBuilder, end: Condition | None) -> None:
    builder.pupil("alva", group="2A")
    builder.in_group("alva", "Arbetslag röd", "bj", kind="Undervisning")
    builder.cart(1, "Arbetslag röd")
    builder.device(purpose=Purpose.SET, unit="bj", serves=("2A",), condition=end or Condition.ACTIVE)
    if end is None:
        builder.known[-2:] = [replace(record, gone=True, absent_since=NOW) for record in builder.known[-2:]]

    result = builder.row("bjorkskolan", "pupils")
    assert (result.covered_set, result.short) == (1, 0)


@pytest.mark.parametrize("names", [("list", "zlist"), ("zlist", "list")])
def test_of_two_lists_one_says_where_and_the_other_what_for(builder: RecordsBuilder, names: tuple[str, str]) -> None:
    builder.pupil("alva", group="2A")
    builder.device(None, serial="CART0001")
    inventory, carts = names
    builder.add(inventory, "devices", DeviceRecord(source_id="i", serial="CART0001", unit="bj"))
    builder.add(carts, "devices", DeviceRecord(source_id="c", serial="CART0001", purpose=Purpose.SET, serves=("2A",)))

    outcome = builder.outcome(parts=(*PARTS, part("zlist", "devices", PartRole.LIST)))

    assert row(outcome, "bjorkskolan", "pupils").covered_set == 1
    (device,) = outcome.devices
    assert set(
        device.placement.purpose_reason.en.removeprefix("as the lists ").removesuffix(" say").split(" and ")
    ) == {
        "list",
        "zlist",
    }


def test_a_list_that_names_a_place_nobody_knows_says_nothing(builder: RecordsBuilder) -> None:
    builder.device(builder.pupil("alva"), serial="LAPTOP01")
    builder.add("list", "devices", DeviceRecord(source_id="i", serial="LAPTOP01", unit="ingenstans"))

    assert builder.row("bjorkskolan", "pupils").covered_own == 1


def test_what_a_rule_requires_decides_whether_a_device_works_for_it_and_not_whether_it_is_there(
    builder: RecordsBuilder,
) -> None:
    builder.device(builder.pupil("alva"))
    builder.device(builder.pupil("bo"), encrypted=True)
    builder.stock(2, at="bj")
    asking = with_rules(replace(PUPILS, require=("encrypted",)))

    outcome = builder.outcome(asking)

    result = row(outcome, "bjorkskolan", "pupils")
    assert (result.assigned_own, result.covered_own, result.short, result.surplus) == (2, 1, 1, 2)
    assert [(episode.kind, episode.reason.en) for episode in outcome.episodes if episode.subject is Subject.PERSON] == [
        ("device_not_working", "not known to be encrypted, as is required")
    ]


def test_a_set_without_members_is_surplus_of_the_first_rule_whose_forms_the_unit_has(builder: RecordsBuilder) -> None:
    elsewhere = replace(PUPILS, id="elsewhere", units=("ekskolan",))
    builder.cart(3, "2A")
    builder.cart(2, "2A", at="ma")
    policy = with_rules(STAFF, elsewhere, PUPILS, PRESCHOOL)

    outcome = builder.outcome(policy)

    assert [(device_set.unit, device_set.entitlement, device_set.working) for device_set in outcome.sets] == [
        ("bjorkskolan", "pupils", 3)
    ]
    assert row(outcome, "bjorkskolan", "pupils").surplus == 3


def test_a_set_that_names_no_group_is_surplus(builder: RecordsBuilder) -> None:
    builder.pupil("alva")
    builder.cart(2)

    outcome = builder.outcome()

    assert (row(outcome, "bjorkskolan", "pupils").surplus, outcome.sets[0].groups, outcome.sets[0].members) == (
        2,
        (),
        0,
    )


def test_a_set_of_a_kind_that_the_rule_does_not_take_covers_nobody(builder: RecordsBuilder) -> None:
    builder.pupil("alva", group="2A")
    builder.cart(2, "2A")

    assert not builder.outcome(with_rules(replace(PUPILS, platforms=(Platform.IPADOS,)))).sets


# --- pools ------------------------------------------------------------------------------------------------------------


def children(builder: RecordsBuilder, count: int, at: str | None = "ug", form: str = "FS") -> None:
    for _ in range(count):
        builder.child(f"~c{len(builder.known)}", at, form)


def test_a_pool_is_owed_for_every_five_children_begun(builder: RecordsBuilder) -> None:
    children(builder, 11)
    builder.pool(2, silent=2)

    result = builder.row("ugglan", "preschool")

    assert (result.entitled, result.heads, result.covered_pool, result.assigned_pool) == (3, 11, 2, 3)
    assert (result.short, result.surplus) == (1, 0)


def two_pools() -> tuple[Entitlement, Entitlement]:
    return (
        replace(PRESCHOOL, id="toddlers", who=replace(PRESCHOOL.who, school_forms=("FS",))),
        replace(PRESCHOOL, id="sixes", who=replace(PRESCHOOL.who, school_forms=("FKLASS",)), per=2),
    )


def test_shared_devices_serve_the_pool_of_their_own_unit(builder: RecordsBuilder) -> None:
    children(builder, 4, "bj", "FKLASS")
    builder.pool(2, at="bj")

    outcome = builder.outcome(with_rules(*two_pools()))

    assert row(outcome, "bjorkskolan", "sixes").covered_pool == 2
    assert all(assignment.entitlement != "toddlers" for assignment in outcome.assignments)


def test_of_two_pools_of_a_unit_the_first_takes_its_places_and_the_next_what_is_left(builder: RecordsBuilder) -> None:
    children(builder, 8, "ug", "FS")
    children(builder, 4, "ug", "FKLASS")
    builder.pool(3, silent=2)

    outcome = builder.outcome(with_rules(*two_pools()))

    assert (row(outcome, "ugglan", "toddlers").covered_pool, row(outcome, "ugglan", "sixes").covered_pool) == (2, 1)
    assert row(outcome, "ugglan", "sixes").assigned_pool == 2
    assert row(outcome, "ugglan", "toddlers").assigned_pool == 2


def test_shared_devices_where_nobody_is_owed_a_pool_are_surplus_of_what_could_be(builder: RecordsBuilder) -> None:
    builder.pool(2, at="bj")
    builder.pool(1, at="ce")

    outcome = builder.outcome(with_rules(*two_pools()))

    assert row(outcome, "bjorkskolan", "sixes").surplus == 2
    assert row(outcome, "central", "toddlers").surplus == 1


def test_shared_devices_that_no_pool_takes_cover_nobody(builder: RecordsBuilder) -> None:
    children(builder, 5)
    builder.pool(2)

    assert not builder.outcome(with_rules(STAFF, PUPILS)).assignments


# --- stock ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "surplus"),
    [
        ({}, 1),
        ({"silent": 200}, 1),
        ({"condition": Condition.LOST}, 0),
        ({"condition": Condition.RETIRED}, 0),
        ({"condition": Condition.WIPED}, 0),
        ({"condition": Condition.IN_REPAIR}, 0),
        ({"platform": Platform.IOS}, 0),
    ],
)
def test_a_device_in_stock_is_surplus_in_contact_or_not(
    builder: RecordsBuilder, fields: dict[str, Any], surplus: int
) -> None:
    builder.stock(1, **fields)

    assert builder.row("central", "staff").surplus == surplus


def test_a_personally_owned_device_is_no_stock(builder: RecordsBuilder) -> None:
    builder.device(ownership=Ownership.PERSONAL, location="Lager 2")

    assert builder.row("central", "staff").surplus == 0


def test_stock_that_no_source_has_any_more_is_none(builder: RecordsBuilder) -> None:
    builder.stock(1)
    builder.known = [replace(record, gone=True, absent_since=NOW) for record in builder.known]

    assert builder.row("central", "staff").surplus == 0


def test_a_persons_word_that_it_was_lost_takes_a_device_out_of_stock(builder: RecordsBuilder) -> None:
    builder.stock(1)
    (device,) = (case.device.id for case in builder.outcome().devices)
    lost = Correction(device=device, field="condition", value="lost")

    assert builder.row("central", "staff", corrections=(lost,)).surplus == 0


def test_stock_is_counted_at_the_first_rule_that_accepts_its_kind(builder: RecordsBuilder) -> None:
    builder.stock(1)
    tablets = replace(STAFF, platforms=(Platform.IPADOS,))

    outcome = builder.outcome(with_rules(tablets, PUPILS))

    assert (row(outcome, "central", "staff").surplus, row(outcome, "central", "pupils").surplus) == (0, 1)


# --- where it is counted ----------------------------------------------------------------------------------------------


def test_every_cell_in_which_somebody_can_be_owed_has_a_row(builder: RecordsBuilder) -> None:
    cells = {(row.unit, row.entitlement) for row in builder.outcome().coverage}

    staffed = {(unit, "staff") for unit in ("bjorkskolan", "ekskolan", "masen", "ugglan", CENTRAL, UNPLACED)}
    schools = {("bjorkskolan", "pupils"), ("ekskolan", "pupils")}
    young = {("bjorkskolan", "preschool"), ("masen", "preschool"), ("ugglan", "preschool")}
    assert cells == staffed | schools | young | {(UNPLACED, "pupils"), (UNPLACED, "preschool")}


def test_a_rule_for_some_units_has_rows_there_and_at_unplaced(builder: RecordsBuilder) -> None:
    outcome = builder.outcome(with_rules(replace(STAFF, units=("masen",))))

    assert {row.unit for row in outcome.coverage} == {"masen", UNPLACED}


def test_a_rule_that_is_not_in_force_has_no_rows(builder: RecordsBuilder) -> None:
    builder.staff("alva")

    assert not builder.outcome(with_rules(replace(STAFF, valid_from=TODAY + timedelta(days=1)))).coverage


def test_a_place_that_is_no_configured_unit_is_counted_all_the_same(builder: RecordsBuilder) -> None:
    builder.device(location="Förrådet", reported_shared=True)
    builder.device(location="Lager")
    policy = replace(POLICY, unit_maps=(UnitMap(source="intune", field="location", pattern="*", unit="forradet"),))

    outcome = builder.outcome(policy)

    assert row(outcome, "forradet", "preschool").surplus == 1
    assert row(outcome, "forradet", "staff").surplus == 1


def test_a_set_at_a_place_that_is_no_configured_unit_is_no_rules(builder: RecordsBuilder) -> None:
    builder.device(location="Förrådet", purpose=Purpose.SET, serves=("2A",))
    maps = (UnitMap(source="intune", field="location", pattern="*", unit="forradet"),)

    assert not builder.outcome(replace(POLICY, unit_maps=maps)).assignments


@pytest.mark.parametrize(("people", "unit"), [(4, CENTRAL), (5, UNPLACED)])
def test_fewer_than_five_without_a_unit_are_shown_at_central(builder: RecordsBuilder, people: int, unit: str) -> None:
    for number in range(people):
        builder.device(builder.staff(f"s{number}", at=None))

    result = builder.row(unit, "staff")

    assert (result.entitled, result.covered_own) == (people, people)
    assert sum(row.entitled for row in builder.outcome().coverage) == people


@pytest.mark.parametrize(("count", "unit"), [(4, CENTRAL), (5, UNPLACED)])
def test_a_few_children_without_a_unit_are_shown_at_central_with_the_devices_for_them(
    builder: RecordsBuilder, count: int, unit: str
) -> None:
    children(builder, count, at=None)
    builder.device(reported_shared=True)

    outcome = builder.outcome()
    result = row(outcome, unit, "preschool")

    assert (result.entitled, result.heads, result.covered_pool) == (1, count, 1)
    assert row(outcome, UNPLACED, "preschool").heads == (count if unit == UNPLACED else 0)


def test_children_of_central_and_without_a_unit_are_one_pool_there(builder: RecordsBuilder) -> None:
    children(builder, 6, at="ce")
    children(builder, 2, at=None)

    outcome = builder.outcome()
    pools = [share for share in outcome.shares if share.subject is Subject.POOL]

    assert [(share.unit, share.subject_id, share.heads, share.entitled) for share in pools] == [
        (CENTRAL, "preschool@central", 8, 3)
    ]


@pytest.mark.parametrize(("owed", "unit"), [(3, CENTRAL), (4, UNPLACED)])
def test_those_undecided_without_a_unit_are_counted_among_the_few(
    builder: RecordsBuilder, owed: int, unit: str
) -> None:
    for number in range(owed):
        builder.pupil(f"p{number}", at=None)
    builder.pupil("alva", at=None, year=None)

    result = builder.row(unit, "pupils")

    assert (result.entitled, result.undecided) == (owed, 1)


def test_who_is_on_leave_is_counted_apart(builder: RecordsBuilder) -> None:
    builder.staff("alva", leave_from=date(2026, 9, 1))
    builder.staff("bo")

    result = builder.row("bjorkskolan", "staff")

    assert (result.entitled, result.on_leave, result.undecided) == (1, 1, 0)


# --- protected --------------------------------------------------------------------------------------------------------


def test_a_protected_pupil_is_covered_by_their_own_device_among_all_without_a_unit(builder: RecordsBuilder) -> None:
    for number in range(4):
        builder.pupil(f"p{number}", at=None)
    builder.device(builder.pupil("alva", group="2A"))
    builder.cart(1, "2A")
    builder.known = list(masked_records(builder.known, "alva"))

    outcome = builder.outcome()
    result = row(outcome, UNPLACED, "pupils")

    assert (result.entitled, result.covered_own, result.short) == (5, 1, 4)
    assert row(outcome, "bjorkskolan", "pupils").entitled == 0


def test_a_protected_pupil_without_a_device_is_unknown(builder: RecordsBuilder) -> None:
    builder.pupil("alva", group="2A")
    builder.cart(1, "2A")
    builder.known = list(masked_records(builder.known, "alva"))

    assert builder.row(CENTRAL, "pupils").unknown == 1


def test_a_protected_pupils_device_is_nowhere_though_a_list_names_a_unit(builder: RecordsBuilder) -> None:
    builder.device(builder.pupil("alva"), purpose=Purpose.PERSONAL, unit="bj")
    builder.known = list(masked_records(builder.known, "alva"))

    (case,) = builder.outcome().devices

    assert case.placement.unit == UNPLACED


# --- a dead source ----------------------------------------------------------------------------------------------------


def test_who_left_after_their_register_was_last_read_is_still_counted(builder: RecordsBuilder) -> None:
    builder.device(builder.staff("alva", end=date(2026, 11, 10)))
    read = [replace(part_state, as_of=TODAY) for part_state in PARTS]

    assert builder.row("bjorkskolan", "staff").covered_own == 1
    assert builder.row("bjorkskolan", "staff", parts=read).entitled == 0


# --- the school year turns --------------------------------------------------------------------------------------------


def test_a_register_that_ends_its_rows_early_moves_no_number_of_the_summer(builder: RecordsBuilder) -> None:
    builder.device(builder.pupil("alva", start=date(2025, 8, 18)))
    last_school_day, in_july = (
        Moment(datetime(*day, 6, tzinfo=UTC), date(*day)) for day in ((2026, 6, 11), (2026, 7, 2))
    )
    copied = with_recorded_outcome(builder.believed(), builder.outcome(moment=last_school_day))
    ended = [
        replace(record, record=replace(record.record, end=date(2026, 6, 5))) if record.type == "membership" else record
        for record in copied.known
    ]

    later = reconcile(replace(copied, known=ended), POLICY, CALENDARS, in_july)
    forgotten = reconcile(replace(copied, known=ended, turnover=None), POLICY, CALENDARS, in_july)

    assert row(later, "bjorkskolan", "pupils").covered_own == 1
    assert row(forgotten, "bjorkskolan", "pupils").entitled == 0


# --- what else is found -----------------------------------------------------------------------------------------------


def test_every_record_that_is_a_thing_has_its_id(builder: RecordsBuilder) -> None:
    builder.device(builder.pupil("alva"))
    builder.cart(1, "2A")

    outcome = builder.outcome()
    resolved_ids = {case.person.id for case in outcome.people} | {case.device.id for case in outcome.devices}

    assert {thing_id for _, thing_id in outcome.resolved_ids} == resolved_ids
    assert {record.ref for record, _ in outcome.resolved_ids} == {
        record.ref for record in builder.known if record.type in ("person", "device")
    }


def test_only_records_with_another_id_than_before_are_written_again(builder: RecordsBuilder) -> None:
    builder.device(builder.pupil("alva"))
    recorded = with_recorded_outcome(builder.believed(), builder.outcome())

    assert reconcile(recorded, POLICY, CALENDARS, Moment(NOW, TODAY)).resolved_ids == ()


def test_the_outcome_says_of_which_moment_and_policy_it_is(builder: RecordsBuilder) -> None:
    at = Moment(NOW, TODAY)

    outcome = builder.outcome(moment=at)

    assert (outcome.moment, outcome.policy_fingerprint, outcome.parts) == (at, "exempelby", PARTS)


def test_an_assignment_says_by_what_and_why(builder: RecordsBuilder) -> None:
    builder.device(builder.pupil("alva"))

    (result,) = builder.outcome().assignments

    assert (result.by, result.entitlement, result.unit, result.groups, result.works) == (
        CoveredBy.OWN, "pupils", "bjorkskolan", (), True,
    )  # fmt: skip
    assert result.reason.en == "in contact within 15 school days, managed"
