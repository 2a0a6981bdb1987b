from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.model import (
    UNPLACED,
    BelievedRecord,
    BelievedState,
    Condition,
    Correction,
    DeviceRule,
    HolderProblem,
    Key,
    Login,
    Moment,
    Override,
    PersonState,
    Platform,
    Purpose,
    Scheme,
    UnitMap,
    UnitRecord,
)
from tests.core.matching.matching_samples import (
    AT,
    LONG_AGO,
    TODAY,
    MatchingCase,
    account,
    address,
    believed_record,
    device,
    group,
    object_id,
    organisation,
    person,
    person_id,
)

ALVA, BO = person_id("alva"), person_id("bo")


def at(unit: str, who: str = ALVA, **fields: Any) -> PersonState:
    return PersonState(person=who, unit=unit, **fields)


def rule(
    purpose: Purpose | None = Purpose.SET,
    *,
    number: int = 1,
    unit: str | None = None,
    groups: Sequence[str] = (),
    **when: str,
) -> DeviceRule:
    return DeviceRule(when=when, purpose=purpose, unit=unit, groups=tuple(groups), name=f"[[device_rule]] {number}")


# --- holder -----------------------------------------------------------------------------------------------------------


def test_a_device_is_held_by_the_one_person_of_its_login() -> None:
    placed = MatchingCase(person("alva", address("alva")), device("d", address("alva"))).placement()

    assert (placed.holder, placed.holder_problems, placed.purpose) == (ALVA, (), Purpose.PERSONAL)
    assert placed.holder_reason.en == "the log-in's address is exactly one person's"


def test_a_device_without_a_login_is_held_by_nobody() -> None:
    placed = MatchingCase(person("alva", address("alva")), device("d")).placement()

    assert (placed.holder, placed.holder_problems, placed.non_holder_account) == (None, (), False)


def test_the_strongest_key_wins_and_a_weaker_one_that_disagrees_is_a_conflict() -> None:
    builder = MatchingCase(
        person("alva", object_id(1)), person("bo", address("bo")), device("d", address("bo"), object_id(1))
    )

    assert (builder.placement().holder, builder.placement().holder_problems) == (ALVA, (HolderProblem.CONFLICT,))


def test_a_weaker_key_with_one_person_wins_over_a_stronger_one_with_several_and_the_tie_is_told() -> None:
    builder = MatchingCase(
        person("alva", address("a"), account("a")),
        person("bo", address("a")),
        device("d", address("a"), account("a")),
    )

    assert (builder.placement().holder, builder.placement().holder_problems) == (ALVA, ())


def test_a_key_of_several_people_that_leaves_out_the_winner_is_a_conflict() -> None:
    builder = MatchingCase(
        person("alva", address("a")), person("bo", address("a")), person("cim", account("c")),
        device("d", address("a"), account("c")),
    )  # fmt: skip

    assert (builder.placement().holder, builder.placement().holder_problems) == (
        person_id("cim"),
        (HolderProblem.CONFLICT,),
    )


def test_a_device_claimed_by_two_people_belongs_to_neither() -> None:
    placed = MatchingCase(
        person("alva", address("a")), person("bo", address("a")), device("d", address("a"))
    ).placement()

    assert (placed.holder, placed.holder_problems, placed.claimed_by) == (None, (HolderProblem.AMBIGUOUS,), (ALVA, BO))


def test_a_login_that_is_nobodys_is_an_unknown_holder_and_still_personal() -> None:
    placed = MatchingCase(device("d", address("alva"))).placement()

    assert (placed.holder, placed.holder_problems, placed.purpose) == (None, (HolderProblem.UNKNOWN,), Purpose.PERSONAL)


UNREADABLE_HOLDER: dict[str, Any] = {"source": "list", "unreadable": ("keys",)}


def test_a_holder_who_cannot_be_read_is_unknown_and_the_device_still_personal() -> None:
    placed = MatchingCase(device("d", **UNREADABLE_HOLDER)).placement(source="list")

    assert (placed.holder, placed.holder_problems, placed.purpose) == (None, (HolderProblem.UNKNOWN,), Purpose.PERSONAL)
    assert placed.holder_reason == placed.purpose_reason
    assert placed.holder_reason.en == "its source names a holder who could not be read"
    assert not placed.is_use_undecided


def test_at_a_preschool_it_is_undecided_whether_such_a_device_is_in_the_pool() -> None:
    placed = MatchingCase(device("d", **UNREADABLE_HOLDER, unit="ugglan")).placement(source="list")

    assert (placed.unit, placed.purpose, placed.is_use_undecided) == ("ugglan", Purpose.POOL, True)


def test_a_purpose_that_the_list_gives_needs_no_holder() -> None:
    case = MatchingCase(device("d", **UNREADABLE_HOLDER, unit="ugglan", purpose=Purpose.POOL))

    assert not case.placement(source="list").is_use_undecided


def test_holders_who_cannot_be_read_are_not_one_account_with_too_many_devices() -> None:
    case = MatchingCase(*(device(f"d{number}", **UNREADABLE_HOLDER) for number in range(9)))

    assert {placed.purpose for placed in case.matched().placements} == {Purpose.PERSONAL}


def test_a_login_that_another_source_gives_says_who_a_name_in_a_list_is() -> None:
    case = MatchingCase(person("alva", address("alva")), device("d", address("alva")), device("d", **UNREADABLE_HOLDER))

    assert (case.placement().holder, case.placement().holder_problems) == (ALVA, ())


def test_a_masked_login_that_is_nobodys_is_no_unknown_holder() -> None:
    placed = MatchingCase(device("d", Key(Scheme.ADDRESS, "", "~token"), fields={"masked": True})).placement()

    assert (placed.holder_problems, placed.purpose) == ((), Purpose.PERSONAL)


def test_a_token_finds_the_person_who_has_it() -> None:
    token = Key(Scheme.ADDRESS, "", "~token")
    builder = MatchingCase(person("alva", token, masked=True), device("d", token), states=[at("bjorkskolan")])

    assert (builder.placement().holder, builder.placement().unit) == (ALVA, UNPLACED)


@given(name=st.sampled_from(["alva", "Alva Ek", "alva@edu.exempelby.se"]), tag=st.sampled_from(["alva", "Alva Ek"]))
def test_nobody_ever_holds_by_name(name: str, tag: str) -> None:
    record = device("d", name=name, tag=tag, asset_tag=tag, location=tag, groups=(name,), profile=name)

    assert MatchingCase(person("alva", address("alva")), record).placement().holder is None


@given(st.permutations([address("bo"), object_id(1), account("cim")]))
def test_the_order_of_a_records_keys_never_decides(keys: list[Key]) -> None:
    people = (person("alva", object_id(1)), person("bo", address("bo")), person("cim", account("cim")))

    assert MatchingCase(*people, device("d", *keys)).placement().holder == ALVA


def test_of_two_records_the_most_trusted_names_the_holder() -> None:
    builder = MatchingCase(
        person("alva", address("alva")),
        person("bo", address("bo")),
        device("d", address("alva"), source="list"),
        device("d", address("bo")),
    )
    placed = builder.matched().placements[0]

    assert (placed.holder, placed.holder_problems) == (BO, (HolderProblem.CONFLICT,))


def test_a_device_that_every_source_has_lost_is_placed_by_what_they_said_last() -> None:
    builder = MatchingCase(person("alva", address("alva")), device("d", address("alva"), fields={"gone": True}))

    assert builder.placement().holder == ALVA


# --- reused log-ins ---------------------------------------------------------------------------------------------------

GIVEN = LONG_AGO + timedelta(days=30)
REUSED = (Login(address("a"), ALVA, LONG_AGO, GIVEN), Login(address("a"), BO, GIVEN))


def reused(enrolled_at: Any, today: date = TODAY) -> MatchingCase:
    return MatchingCase(
        person("alva", address("alva.ny")), person("bo", address("a")), device("d", address("a"), enrolled_at=enrolled_at),
        believed=BelievedState(logins=REUSED), moment=Moment(AT, today),
    )  # fmt: skip


def test_a_past_login_keeps_resolving() -> None:
    logins = (Login(address("alva"), ALVA, LONG_AGO, AT),)
    builder = MatchingCase(
        person("alva", address("alva.ny")), device("d", address("alva")), believed=BelievedState(logins=logins)
    )

    assert (builder.placement().holder, builder.placement().reused_login_of) == (ALVA, None)


def test_an_older_device_stays_with_the_old_person_and_is_flagged() -> None:
    placed = reused(GIVEN - timedelta(days=1)).placement()

    assert (placed.holder, placed.reused_login_of, placed.holder_problems) == (ALVA, BO, ())


def test_a_later_device_is_the_new_persons_and_is_flagged() -> None:
    placed = reused(GIVEN).placement()

    assert (placed.holder, placed.reused_login_of) == (BO, ALVA)


@pytest.mark.parametrize(("today", "of"), [(date(2027, 8, 30), ALVA), (date(2027, 8, 31), None)])
def test_a_reused_login_is_flagged_for_twelve_months(today: date, of: str | None) -> None:
    assert reused(GIVEN, today).placement().reused_login_of == of


def test_an_object_id_decides_before_a_reused_login() -> None:
    builder = MatchingCase(
        person("alva", object_id(1)), person("bo", address("a")),
        device("d", address("a"), object_id(1), enrolled_at=AT), believed=BelievedState(logins=REUSED),
    )  # fmt: skip

    assert (builder.placement().holder, builder.placement().holder_problems) == (ALVA, ())


# --- decisions of people ----------------------------------------------------------------------------------------------


def overridden(*overrides: Override, today: date = TODAY, **fields: Any) -> MatchingCase:
    people = (person("alva", address("alva")), person("bo", address("bo")))
    record = device("d", address("bo"), **fields)
    return MatchingCase(*people, record, believed=BelievedState(overrides=overrides), moment=Moment(AT, today))


@pytest.mark.parametrize(
    "override",
    [
        Override(serial="ser-d", person=address("alva")),
        Override(serial="SERd", person=address("alva")),
        Override(login=address("bo"), person=address("alva")),
    ],
)
def test_an_override_by_serial_or_login_outranks_the_keys(override: Override) -> None:
    placed = overridden(override).placement()

    assert (placed.holder, placed.holder_reason.en) == (ALVA, "by the overrides file")


@pytest.mark.parametrize(("today", "holder"), [(TODAY, ALVA), (TODAY + timedelta(days=1), BO)])
def test_an_override_ends_with_its_last_day(today: date, holder: str) -> None:
    override = Override(serial="SER-d", person=address("alva"), until=TODAY)

    assert overridden(override, today=today).placement().holder == holder


def test_an_override_to_somebody_nobody_knows_leaves_the_keys_to_decide() -> None:
    assert overridden(Override(serial="SER-d", person=address("nobody"))).placement().holder == BO


def test_an_override_of_another_device_or_login_changes_nothing() -> None:
    overrides = (Override(serial="other", person=address("alva")), Override(login=address("x"), person=address("alva")))

    assert overridden(*overrides).placement().holder == BO
    assert overridden(*overrides, serial=None).placement().holder == BO


def corrected(field: Any, value: str, **fields: Any) -> MatchingCase:
    correction = Correction(device="dintune-d", field=field, value=value, **fields)
    return MatchingCase(
        person("alva", address("alva")), device("d", address("bo"), location="ek"),
        states=[at("bjorkskolan")], believed=BelievedState(corrections=(correction,)),
    )  # fmt: skip


def test_a_correction_of_the_holder_outranks_all() -> None:
    assert corrected("holder", ALVA).placement().holder == ALVA


def test_a_correction_can_say_that_nobody_holds_it() -> None:
    placed = corrected("holder", "").placement()

    assert (placed.holder, placed.holder_problems, placed.purpose) == (None, (), Purpose.UNSORTED)


def test_a_correction_to_somebody_nobody_knows_is_passed_over() -> None:
    assert corrected("holder", "p-nobody").placement().holder_problems == (HolderProblem.UNKNOWN,)


def test_a_correction_of_the_purpose_outranks_all() -> None:
    assert corrected("purpose", "stock").placement().purpose is Purpose.STOCK


def test_a_correction_of_the_unit_outranks_all_and_is_no_mismatch() -> None:
    placed = corrected("unit", "ugglan").placement()

    assert (placed.unit, placed.conflicting_unit) == ("ugglan", None)


def test_a_correction_to_a_unit_that_is_not_configured_is_passed_over() -> None:
    assert corrected("unit", "closed").placement().unit == "ekskolan"


def test_a_correction_that_has_ended_is_passed_over() -> None:
    assert corrected("purpose", "stock", until=TODAY - timedelta(days=1)).placement().purpose is Purpose.PERSONAL


# --- accounts that are nobody's ---------------------------------------------------------------------------------------


def test_a_function_account_holds_nothing_and_its_unit_places_the_device() -> None:
    builder = MatchingCase(
        person("alva", address("info")), device("d", address("info")),
        states=[at("bjorkskolan")], function_accounts=("info@*",),
    )  # fmt: skip
    placed = builder.placement()

    assert (placed.holder, placed.non_holder_account, placed.unit) == (None, True, "bjorkskolan")
    assert (placed.purpose, placed.holder_problems) == (Purpose.UNSORTED, ())


def test_a_function_account_that_is_no_persons_places_nothing() -> None:
    assert MatchingCase(device("d", address("info")), function_accounts=("info@*",)).placement().unit == UNPLACED


@pytest.mark.parametrize("extra", [{"enrolled_by_manager": True}, {}])
def test_an_enrolment_manager_holds_nothing_and_places_nothing(extra: dict[str, Any]) -> None:
    managers = () if extra else ("dem@*",)
    builder = MatchingCase(
        person("alva", address("dem")), device("d", address("dem"), **extra),
        states=[at("bjorkskolan")], enrolment_managers=managers,
    )  # fmt: skip
    placed = builder.placement()

    assert (placed.holder, placed.non_holder_account, placed.unit) == (None, True, UNPLACED)


def test_a_device_enrolled_by_a_manager_and_given_to_nobody_is_a_non_holders() -> None:
    assert MatchingCase(device("d", enrolled_by_manager=True)).placement().non_holder_account


def test_all_keys_of_a_function_account_are_its_own() -> None:
    builder = MatchingCase(
        person("alva", object_id(1)), device("d", address("info"), object_id(1)), function_accounts=("info@*",)
    )

    assert builder.placement().holder is None


def test_another_records_login_counts_beside_a_managers() -> None:
    builder = MatchingCase(
        person("alva", address("alva")), device("d", address("alva"), source="list"),
        device("d", address("dem"), enrolled_by_manager=True),
    )  # fmt: skip
    placed = builder.matched().placements[0]

    assert (placed.holder, placed.non_holder_account) == (ALVA, False)


def many(count: int, *, extra: dict[str, Any] | None = None, **fields: Any) -> MatchingCase:
    records = [device(f"d{number}", address("alva"), **(extra or {})) for number in range(count)]
    return MatchingCase(person("alva", address("alva")), *records, states=[at("bjorkskolan")], **fields)


def holders(builder: MatchingCase) -> set[str | None]:
    return {placement.holder for placement in builder.matched().placements}


def test_an_account_with_more_devices_than_a_person_has_holds_none_and_its_unit_places_them() -> None:
    assert holders(many(5)) == {ALVA}
    assert holders(many(6)) == {None}
    assert {(placement.unit, placement.non_holder_account) for placement in many(6).matched().placements} == {
        ("bjorkskolan", True)
    }


@pytest.mark.parametrize("purpose", [Purpose.SET, Purpose.POOL, Purpose.ROOM, Purpose.STOCK, Purpose.LOAN])
def test_devices_that_a_rule_gives_to_many_or_nobody_are_not_counted(purpose: Purpose) -> None:
    assert holders(many(6, extra={"tag": "x"}, device_rules=(rule(purpose, tag="x"),))) == {ALVA}


def test_devices_out_of_use_are_not_counted() -> None:
    assert holders(many(6, extra={"condition": Condition.RETIRED})) == {ALVA}


def test_an_account_that_is_nobodys_can_have_too_many_as_well() -> None:
    builder = MatchingCase(*(device(f"d{number}", address("x")) for number in range(6)))

    assert {placement.holder_problems for placement in builder.matched().placements} == {()}


def test_a_persons_decision_is_no_crowd() -> None:
    overrides = tuple(Override(serial=f"SER-d{number}", person=address("alva")) for number in range(6))

    assert holders(many(6, believed=BelievedState(overrides=overrides))) == {ALVA}


# --- purpose ----------------------------------------------------------------------------------------------------------


def test_a_lists_own_word_comes_before_any_rule() -> None:
    record = device("d", source="list", purpose=Purpose.LOAN, tag="x")
    placed = MatchingCase(record, device_rules=(rule(Purpose.STOCK, tag="x"),)).placement(source="list")

    assert (placed.purpose, placed.purpose_reason.en) == (Purpose.LOAN, "as the list list says")


def test_a_list_that_names_only_a_unit_leaves_the_purpose_to_the_rules() -> None:
    record = device("d", source="list", unit="EK", tag="x")
    placed = MatchingCase(record, device_rules=(rule(Purpose.STOCK, tag="x"),)).placement(source="list")

    assert (placed.purpose, placed.unit) == (Purpose.STOCK, "ekskolan")


@pytest.mark.parametrize(
    ("when", "extra"),
    [
        ({"source": "INTUNE"}, {}),
        ({"location": "hus *"}, {"location": "Hus A"}),
        ({"groups": "*vagn*"}, {"groups": ("Alla", "Vagn 3")}),
        ({"profile": "delad"}, {"profile": "Delad"}),
        ({"tag": "ä"}, {"tag": "Ä"}),
        ({"order": "2026-?"}, {"order": "2026-7"}),
        ({"status": "i lager"}, {"status": "I lager"}),
        ({"model": "ipad*"}, {"model": "iPad (9th generation)"}),
        ({"platform": "ipados"}, {"platform": Platform.IPADOS}),
        ({"name": "VRE-*"}, {"name_matches": (("VRE-*", ""),)}),
    ],
)
def test_a_rule_decides_by_each_field(when: dict[str, str], extra: dict[str, Any]) -> None:
    rules = (DeviceRule(when=when, purpose=Purpose.STOCK, name="r"),)
    empty = device("e", fields={}, platform=Platform.LINUX)
    builder = MatchingCase(device("d", **extra), empty, device_rules=rules)

    assert builder.placement().purpose is Purpose.STOCK
    assert when == {"source": "INTUNE"} or builder.placement("e").purpose is Purpose.UNSORTED


def test_a_rule_decides_by_the_holders_login() -> None:
    rules = (rule(Purpose.STOCK, login="*@edu.exempelby.se"),)
    builder = MatchingCase(device("d", object_id(1), address("alva")), device("e", object_id(1)), device_rules=rules)

    assert builder.placement().purpose is Purpose.STOCK
    assert builder.placement("e").purpose is Purpose.PERSONAL


def test_the_first_rule_in_the_file_decides_whichever_record_meets_it() -> None:
    rules = (rule(Purpose.ROOM, number=1, tag="a"), rule(Purpose.STOCK, number=2, tag="b"))
    builder = MatchingCase(device("d", tag="b"), device("d", tag="a", source="list"), device_rules=rules)

    assert [placement.purpose for placement in builder.matched().placements] == [Purpose.ROOM]


def test_one_record_must_meet_all_conditions_of_a_rule() -> None:
    rules = (rule(Purpose.STOCK, tag="a", location="b"),)
    apart = MatchingCase(device("d", tag="a"), device("d", location="b", source="list"), device_rules=rules)
    together = MatchingCase(device("d", tag="a", location="b"), device_rules=rules)

    assert apart.matched().placements[0].purpose is Purpose.UNSORTED
    assert together.placement().purpose is Purpose.STOCK


def test_a_rule_without_a_purpose_gives_its_unit_alone() -> None:
    placed = MatchingCase(
        device("d", address("x"), tag="a"), device_rules=(rule(None, unit="EK", tag="a"),)
    ).placement()

    assert (placed.purpose, placed.unit) == (Purpose.PERSONAL, "ekskolan")


SETS = (DeviceRule(when={"groups": "{unit} {class}"}, purpose=Purpose.SET, name="r"),)
CLASSES = (organisation("bj"), group("2B", "bj"), organisation("ek"), group("3A", "ek"))


@pytest.mark.parametrize("spelled", ["Björkskolan 2B", "bjorkskolan 2b", "BJ 2B"])
def test_a_brace_that_equals_a_unit_and_its_class_makes_a_set(spelled: str) -> None:
    builder = MatchingCase(*CLASSES, device("d", groups=("Alla", spelled)), device_rules=SETS)
    placed = builder.placement()

    assert (placed.purpose, placed.unit, placed.serves) == (Purpose.SET, "bjorkskolan", ("2B",))


@pytest.mark.parametrize("spelled", ["Björkskolan 3A", "Björkskola 2B", "Björkskolan 2BB", "2B"])
def test_a_brace_that_equals_nothing_of_the_roster_matches_nothing(spelled: str) -> None:
    assert (
        MatchingCase(*CLASSES, device("d", groups=(spelled,)), device_rules=SETS).placement().purpose
        is Purpose.UNSORTED
    )


def test_of_two_ways_to_cut_a_name_the_roster_chooses() -> None:
    rules = (DeviceRule(when={"name": "{unit} {class}"}, purpose=Purpose.SET, name="r"),)
    caught = "Norra Ekskolan\x1f3A\x1eNorra\x1fEkskolan 3A"
    placed = MatchingCase(
        *CLASSES, device("d", name_matches=(("{unit} {class}", caught),)), device_rules=rules
    ).placement()

    assert (placed.unit, placed.serves) == ("ekskolan", ("3A",))


def test_two_conditions_must_catch_the_same_unit() -> None:
    rules = (DeviceRule(when={"location": "{unit}", "tag": "{unit}"}, purpose=Purpose.STOCK, name="r"),)
    same = MatchingCase(device("d", location="BJ", tag="Björkskolan"), device_rules=rules)
    other = MatchingCase(device("d", location="BJ", tag="EK"), device_rules=rules)

    assert (same.placement().purpose, same.placement().unit) == (Purpose.STOCK, "bjorkskolan")
    assert other.placement().purpose is Purpose.UNSORTED


def test_a_class_alone_is_looked_up_in_the_unit_that_the_rule_names() -> None:
    rules = (DeviceRule(when={"tag": "{class}"}, purpose=Purpose.SET, unit="bj", name="r"),)
    placed = MatchingCase(*CLASSES, device("d", tag="2b"), device_rules=rules).placement()

    assert (placed.unit, placed.serves) == ("bjorkskolan", ("2B",))


def test_a_class_alone_is_looked_up_in_the_devices_unit() -> None:
    rules = (DeviceRule(when={"tag": "{class}"}, purpose=Purpose.SET, name="r"),)
    here = MatchingCase(*CLASSES, device("d", tag="2B", location="bj"), device_rules=rules)
    elsewhere = MatchingCase(*CLASSES, device("d", tag="2B", location="ek"), device_rules=rules)

    assert (here.placement().purpose, here.placement().serves) == (Purpose.SET, ("2B",))
    assert elsewhere.placement().purpose is Purpose.UNSORTED


def test_a_rules_own_groups_come_before_what_was_caught() -> None:
    rules = (DeviceRule(when={"tag": "{unit} {class}"}, purpose=Purpose.SET, groups=("2b", "2C"), name="r"),)

    assert MatchingCase(*CLASSES, device("d", tag="bj 2B"), device_rules=rules).placement().serves == ("2B", "2C")


def test_a_lists_groups_are_spelled_as_the_roster_does() -> None:
    record = device("d", source="list", purpose=Purpose.SET, unit="bj", serves=("2b", "9Z"))

    assert MatchingCase(*CLASSES, record).placement(source="list").serves == ("2B", "9Z")


def test_a_set_of_no_group_serves_none() -> None:
    assert MatchingCase(device("d", tag="x"), device_rules=(rule(tag="x"),)).placement().serves == ()


def test_a_childs_login_makes_a_device_of_the_pool_and_nobodys() -> None:
    builder = MatchingCase(
        person("alva", address("alva")), device("d", address("alva")), states=[at("ekskolan", is_child=True)]
    )
    placed = builder.placement()

    assert (placed.holder, placed.purpose, placed.unit) == (None, Purpose.POOL, "ekskolan")


def test_a_device_whose_user_is_not_kept_is_personal_unless_its_mdm_reports_it_as_shared() -> None:
    placement = MatchingCase(device("d", has_user=True)).placement()

    assert (placement.purpose, placement.holder, placement.holder_problems) == (Purpose.PERSONAL, None, ())
    assert MatchingCase(device("d", has_user=True, reported_shared=True)).placement().purpose is Purpose.POOL
    assert MatchingCase(device("d")).placement().purpose is Purpose.UNSORTED


def test_reported_shared_by_its_mdm_makes_a_device_of_the_pool() -> None:
    assert MatchingCase(device("d", reported_shared=True)).placement().purpose is Purpose.POOL


@pytest.mark.parametrize(("location", "purpose"), [("ug", Purpose.POOL), ("ek", Purpose.UNSORTED)])
def test_without_a_login_a_device_is_a_pools_only_where_there_is_only_preschool(
    location: str, purpose: Purpose
) -> None:
    assert MatchingCase(device("d", location=location)).placement().purpose is purpose
    builder = MatchingCase(device("d", address("info"), location=location), function_accounts=("info@*",))
    assert builder.placement().purpose is purpose


# --- unit -------------------------------------------------------------------------------------------------------------


def placed_at(
    *, person_state: str = UNPLACED, extra: dict[str, Any] | None = None, masked: bool = False, **policy: Any
) -> tuple[str, str | None]:
    builder = MatchingCase(
        person("alva", address("alva"), masked=masked), device("d", address("alva"), **(extra or {})),
        states=[at(person_state)], **policy,
    )  # fmt: skip
    return builder.placement().unit, builder.placement().conflicting_unit


MAPS = (
    UnitMap(source="intune", field="tag", pattern="Björk*", unit="bjorkskolan"),
    UnitMap(source="jamf", field="tag", pattern="*", unit="ugglan"),
)


def test_a_devices_unit_is_its_holders() -> None:
    assert placed_at(person_state="bjorkskolan") == ("bjorkskolan", None)


def test_a_protected_holder_places_nothing_whatever_else_does() -> None:
    assert placed_at(person_state="bjorkskolan", masked=True, extra={"location": "ek"}) == (UNPLACED, None)


def test_a_rules_unit_comes_before_the_holders_and_both_are_kept() -> None:
    rules = (rule(unit="ekskolan", tag="x"),)

    assert placed_at(person_state="bjorkskolan", extra={"tag": "x"}, device_rules=rules) == ("ekskolan", "bjorkskolan")


def test_a_holder_comes_before_the_unit_map() -> None:
    assert placed_at(person_state="ugglan", extra={"tag": "Björk 7"}, unit_maps=MAPS) == ("ugglan", "bjorkskolan")


def test_the_unit_map_comes_before_the_location() -> None:
    assert placed_at(extra={"tag": "björk 7", "location": "ek"}, unit_maps=MAPS) == ("bjorkskolan", "ekskolan")


def test_devices_that_say_the_same_are_at_the_same_unit() -> None:
    builder = MatchingCase(device("d", tag="Björk 7"), device("e", tag="Björk 7"), unit_maps=MAPS)

    assert {placement.unit for placement in builder.matched().placements} == {"bjorkskolan"}


def place(source: str, source_id: str, name: str, *codes: str, **fields: Any) -> BelievedRecord:
    """A place as a source of devices lists it."""
    return believed_record(source, UnitRecord(source_id=source_id, name=name, codes=codes, **fields))


@pytest.mark.parametrize(
    ("location", "unit"),
    [
        ("7", "bjorkskolan"),  # an id of the source's own, whose name is the unit's
        ("8", "ekskolan"),  # an id whose code a unit lists
        ("Hus Väst", "ekskolan"),  # the name of that place
        ("ug", "ugglan"),  # no place of the source: a unit's own code
        ("ek", "bjorkskolan"),  # a place of the source comes before a unit of the same code
        ("9", UNPLACED),  # a place that nothing lists
        ("Filial", UNPLACED),  # the name of two places at different units
    ],
)
def test_a_location_is_looked_up_among_the_places_of_its_own_source_first(location: str, unit: str) -> None:
    case = MatchingCase(
        place("jamf", "7", "Björkskolan"),
        place("jamf", "8", "Hus Väst", "ek"),
        place("jamf", "9", "Förrådet"),
        place("jamf", "ek", "Björkskolan", "bj"),
        place("jamf", "10", "Filial", "bj"),
        place("jamf", "11", "Filial", "ug"),
        place("intune", "ug", "Björkskolan", "bj"),
        device("d", location=location, source="jamf"),
    )

    assert case.placement(source="jamf").unit == unit


def test_a_location_of_another_principals_place_is_no_unit_of_ours() -> None:
    case = MatchingCase(
        place("jamf", "7", "Björkskolan", organisation_number="165560000000"),
        device("d", location="7", source="jamf"),
        organisation_numbers=("2120000001",),
    )

    assert case.placement(source="jamf").unit == UNPLACED


def test_a_unit_map_that_matches_nothing_leaves_the_location() -> None:
    assert placed_at(extra={"tag": "Lind", "location": "ek"}, unit_maps=MAPS) == ("ekskolan", None)


def test_a_unit_map_of_names_is_matched_while_they_are_read() -> None:
    maps = (UnitMap(source="intune", field="name", pattern="VRE-*", unit="bjorkskolan"),)

    assert placed_at(extra={"name_matches": (("VRE-*", ""),)}, unit_maps=maps) == ("bjorkskolan", None)
    assert placed_at(extra={"name_matches": (("EK-*", ""),)}, unit_maps=maps) == (UNPLACED, None)


def test_nothing_that_tells_leaves_a_device_unplaced() -> None:
    assert placed_at(extra={"location": "somewhere"}) == (UNPLACED, None)


def test_answers_that_agree_are_no_mismatch() -> None:
    assert placed_at(person_state="ekskolan", extra={"location": "EK"}) == ("ekskolan", None)


# --- all of it --------------------------------------------------------------------------------------------------------


def test_placements_stand_in_the_order_of_the_devices() -> None:
    builder = MatchingCase(*(device(f"d{number}") for number in range(4)))

    assert [placement.device for placement in builder.matched().placements] == [device.id for device in builder.devices]


def test_a_second_run_of_the_same_input_changes_nothing() -> None:
    records: tuple[BelievedRecord, ...] = (person("alva", address("alva")), device("d", address("alva")))
    first = MatchingCase(*records).matched()
    later = Moment(AT + timedelta(hours=1), TODAY)

    assert MatchingCase(*records, believed=BelievedState(logins=first.logins), moment=later).matched() == first


def test_a_correction_never_shows_where_a_protected_person_is() -> None:
    correction = Correction(device="dintune-d", field="unit", value="bjorkskolan")
    hidden = MatchingCase(
        person("bo", address("bo"), masked=True), device("d", address("bo")),
        states=[at("ekskolan", who=BO)], believed=BelievedState(corrections=(correction,)),
    )  # fmt: skip

    assert hidden.placement().unit == "unplaced"


def test_the_reason_of_a_corrected_fact_names_its_last_day() -> None:
    assert corrected("purpose", "loan").placement().purpose_reason.en == "by a correction"

    until = date(2030, 6, 1)
    assert corrected("purpose", "loan", until=until).placement().purpose_reason.en == "by a correction until 2030-06-01"
