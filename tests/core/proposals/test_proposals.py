"""What is proposed for the configuration: with evidence for each line, nothing that the evidence does not bear."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from fleetsync.core.model import TOKEN_PREFIX, GroupRecord, Key, Policy, Purpose, Record, Scheme, Unit, UnitRecord
from fleetsync.core.proposals import Proposals, propose
from tests.core.coverage.coverage_samples import CALENDARS, MOMENT, POLICY, RecordsBuilder, masked_records

WORDS = {"lager": Purpose.STOCK, "sal": Purpose.ROOM, "personlig": Purpose.PERSONAL, "delad": Purpose.POOL}
UNMAPPED = replace(POLICY, unit_maps=(), device_rules=())
NO_UNITS = replace(UNMAPPED, units=())


def proposals(builder: RecordsBuilder, policy: Policy = UNMAPPED, masked: Iterable[str] = ()) -> Proposals:
    known = tuple(builder.known)
    for who in masked:
        known = masked_records(known, who)
    return propose(builder.believed(known=known), policy, CALENDARS, MOMENT, WORDS)


def organisation(id_: str, name: str, **more: Any) -> Record:
    return UnitRecord(source_id=id_, name=name, **{"kind": "Skolenhet", **more})


# --- units ------------------------------------------------------------------------------------------------------------


def test_a_unit_is_proposed_for_each_name_with_the_codes_of_all_sources() -> None:
    builder = RecordsBuilder()
    builder.add("sis", "pupils", organisation("u1", "Åsskolan", codes=("99001",), school_forms=("gr",)))
    builder.pupil("anna", at="99001")
    builder.pupil("bo", at="99001", school_form="XYZ")
    builder.staff("siv", at="3101", unit_name="ÅSSKOLAN")
    builder.staff("per", at=None, unit_name="Vård & omsorg")

    school, department = proposals(builder, NO_UNITS).units

    assert (school.slug, school.name) == ("asskolan", "ÅSSKOLAN")
    assert school.codes == ("3101", "99001")
    assert school.school_forms == ("GR",)
    assert school.sources == ("hr", "sis")
    assert (school.learners, school.employments) == (2, 1)
    assert (department.slug, department.codes, department.learners) == ("vard-omsorg", (), 0)


def test_a_unit_lacks_learners_where_those_of_others_are_known_also_of_units_that_are_configured() -> None:
    school = Unit(slug="holskolan", name="Holskolan", codes=("1",))
    builder = RecordsBuilder()
    builder.staff("siv", at=None, unit_name="Vård")
    (alone,) = proposals(builder, NO_UNITS).units
    builder.pupil("anna", at="1")
    (beside_configured,) = proposals(builder, replace(UNMAPPED, units=(school,))).units

    assert (alone.lacks_learners, beside_configured.lacks_learners) == (False, True)
    assert [unit.lacks_learners for unit in proposals(builder, NO_UNITS).units] == [False, True]


def test_a_school_of_several_units_is_proposed_as_these() -> None:
    builder = RecordsBuilder()
    builder.add("sis", "pupils", organisation("s", "Holskolan", kind="Skola"))
    builder.add("sis", "pupils", organisation("low", "Holskolan F–3", parent="s", codes=("1",)))
    builder.add("sis", "pupils", organisation("high", "Holskolan 4–6", parent="s", codes=("2",)))
    builder.pupil("anna", at="1")
    builder.pupil("bo", at="2")
    builder.pupil("cia", at="2")

    assert [(unit.name, unit.codes, unit.learners) for unit in proposals(builder, NO_UNITS).units] == [
        ("Holskolan 4–6", ("2",), 2),
        ("Holskolan F–3", ("1",), 1),
    ]


def test_a_school_of_one_unit_is_listed_by_the_code_of_the_unit_or_else_by_its_id() -> None:
    builder = RecordsBuilder()
    builder.add("sis", "pupils", organisation("s", "Holskolan", kind="Skola"))
    builder.add("sis", "pupils", organisation("part", "Holskolan", parent="s", codes=("1",)))
    builder.add("sis", "pupils", organisation("lone", "Ensamskolan"))
    builder.pupil("anna", at="1")

    assert {unit.name: unit.codes for unit in proposals(builder, NO_UNITS).units} == {
        "Holskolan": ("1",),
        "Ensamskolan": ("lone",),
    }


def test_two_names_that_give_one_slug_get_two() -> None:
    builder = RecordsBuilder()
    builder.staff("siv", at=None, unit_name="Ås skola")
    builder.staff("per", at=None, unit_name="Ås-skola")
    builder.staff("ulf", at=None, unit_name="???")

    assert [unit.slug for unit in proposals(builder, NO_UNITS).units] == ["unit", "as-skola", "as-skola-2"]


def test_who_is_protected_or_has_no_unit_at_all_gives_no_evidence() -> None:
    builder = RecordsBuilder()
    builder.staff("siv", at=None, unit_name="Ås skola")
    builder.staff("per", at=None)

    assert proposals(builder, NO_UNITS, masked=("siv",)).units == ()


def test_the_organisation_number_of_most_pupils_is_proposed_and_others_are_told_apart() -> None:
    builder = RecordsBuilder()
    builder.add("sis", "pupils", organisation("owner", "Exempelby", kind="Huvudman", organisation_number="212000-0000"))
    builder.add("sis", "pupils", organisation("own", "Holskolan", parent="owner"))
    builder.add("sis", "pupils", organisation("other", "Friskolan", organisation_number="556000-0000"))
    builder.add("sis", "pupils", organisation("loop", "Rundskolan", parent="loop"))
    for number in range(3):
        builder.pupil(f"p{number}", at="own")
    builder.pupil("anna", at="other")

    found = proposals(builder, NO_UNITS)

    assert found.organisation_number == "212000-0000"
    assert {unit.name: unit.organisation_number for unit in found.units} == {
        "Holskolan": "212000-0000",
        "Friskolan": "556000-0000",
        "Rundskolan": "",
    }
    configured = replace(NO_UNITS, organisation_numbers=("212000-0000",))
    assert proposals(builder, configured).organisation_number == ""


# --- places -----------------------------------------------------------------------------------------------------------


def test_a_place_is_the_unit_of_those_who_hold_its_devices() -> None:
    builder = RecordsBuilder()
    for number in range(9):
        builder.device(builder.staff(f"s{number}"), location="Hus A")
    builder.device(location="Hus A")

    (line,) = proposals(builder).unit_maps

    assert (line.source, line.field, line.pattern, line.unit) == ("intune", "location", "Hus A", "bjorkskolan")
    assert (line.evidence.devices, line.evidence.with_holder, line.evidence.at_unit, line.places) == (10, 9, 9, 1)
    assert not line.names_unit


def test_a_place_of_two_units_or_of_too_few_devices_is_proposed_to_none_and_named() -> None:
    builder = RecordsBuilder()
    for number in range(8):
        builder.device(builder.staff(f"s{number}", at="bj" if number % 2 else "ek"), location="Hus A")
    builder.device(builder.staff("few"), location="Hus B")
    for _ in range(3):
        builder.device(location="Hus A")
        builder.device(location="Hus B", status="in use")

    found = proposals(builder)

    assert found.unit_maps == ()
    assert [(group.pattern, group.devices) for group in found.left_over if group.lacking == "unit"] == [
        ("Hus B", 3),
        ("Hus A", 3),
    ]


def test_texts_that_end_with_the_name_of_a_unit_share_a_line() -> None:
    builder = RecordsBuilder()
    for _ in range(3):
        builder.device(groups=("Plattor Ekskolan",))
        builder.device(groups=("Datorer Ekskolan",))
        builder.device(profile="Ekskolan, alla")

    lines = proposals(builder).unit_maps

    assert [(line.field, line.pattern, line.unit, line.places) for line in lines] == [
        ("groups", "*Ekskolan", "ekskolan", 6),
        ("profile", "Ekskolan, alla", "ekskolan", 3),
    ]
    assert all(line.names_unit for line in lines)


def test_a_text_that_may_mean_several_units_is_no_place() -> None:
    low, high = Unit(slug="low", name="Holskolan F–3"), Unit(slug="high", name="Holskolan 4–6")
    policy = replace(UNMAPPED, units=(low, high))
    builder = RecordsBuilder()
    for _ in range(3):
        builder.device(profile="Holskolan")
        builder.device(profile="Holskolan F–3 och Holskolan 4–6")
        builder.device(profile="*[odd]")

    assert proposals(builder, policy).unit_maps == ()


def test_of_units_whose_names_lie_in_each_other_the_longest_counts() -> None:
    policy = replace(UNMAPPED, units=(Unit(slug="ek", name="Ek"), Unit(slug="ekskolan", name="Ekskolan")))
    builder = RecordsBuilder()
    for _ in range(3):
        builder.device(profile="hos Ekskolan")

    assert [line.unit for line in proposals(builder, policy).unit_maps] == ["ekskolan"]


def test_the_beginning_of_a_name_places_where_the_records_hold_names() -> None:
    builder = RecordsBuilder()
    for number in range(4):
        builder.device(builder.staff(f"s{number}"), name=f"BJO-{number}")
    builder.device(name="BJO-9")
    builder.device(name="x")

    (line,) = proposals(builder).unit_maps

    assert (line.field, line.pattern, line.unit) == ("name", "BJO-*", "bjorkskolan")


def test_a_line_that_would_place_nothing_more_is_left_out() -> None:
    builder = RecordsBuilder()
    for number in range(3):
        builder.device(builder.staff(f"s{number}"), location="Hus A", profile="Profil A")
        builder.device(location="Hus A", profile="Profil A")

    assert len(proposals(builder).unit_maps) == 1


def test_ignored_devices_and_those_of_protected_persons_are_no_evidence() -> None:
    builder = RecordsBuilder()
    for number in range(3):
        builder.device(builder.staff(f"s{number}"), location="Hus A")
        builder.device(purpose=Purpose.IGNORE, location="Hus A")
    builder.device(location="Hus A")

    assert proposals(builder, masked=("s0", "s1", "s2")).unit_maps == ()


# --- purposes ---------------------------------------------------------------------------------------------------------


def test_a_word_for_a_purpose_makes_a_rule_for_the_devices_that_nobody_holds() -> None:
    builder = RecordsBuilder()
    for number in range(3):
        builder.device(location="Lager norr")
        builder.device(location="Lager")
        builder.device(profile="Stor sal")
        builder.device(builder.staff(f"s{number}"), location="Sal 1")
        builder.device(location="Personlig", status="Hylla")

    rules = proposals(builder).device_rules

    assert [(rule.field, rule.pattern, rule.purpose, rule.sorts) for rule in rules] == [
        ("location", "Lager*", Purpose.STOCK, 6),
        ("profile", "*sal*", Purpose.ROOM, 3),
    ]
    assert all(rule.evidence.with_holder == 0 for rule in rules)


def test_a_class_of_the_unit_in_a_text_makes_a_rule_for_sets() -> None:
    builder = RecordsBuilder()
    builder.pupil("anna", group="2B")
    builder.add("sis", "groups", GroupRecord(source_id="g-x", name="x", unit="bj"))
    for number in range(3):
        builder.device(location="Björkskolan", name=f"BJO-2B-{number}", reported_shared=True)
        builder.device(location="Björkskolan", groups=("2b",))
        builder.device(f"2b-0{number}", location="Björkskolan")
    builder.device(location="Björkskolan", name="BJO-3C-1")

    rules = {(rule.field, rule.pattern): rule.sorts for rule in proposals(builder).device_rules}

    assert rules == {("name", "*-{class}-*"): 3, ("groups", "{class}"): 3, ("login", "{class}-*@edu.exempelby.se"): 3}


def test_a_class_says_more_than_a_word_that_many_more_devices_share() -> None:
    builder = RecordsBuilder()
    builder.pupil("anna", group="2B")
    for number in range(3):
        builder.device(location="Björkskolan", name=f"BJO-2B-{number}", profile="Delad")
        builder.device(location="Björkskolan", profile="Delad")

    rules = proposals(builder).device_rules

    assert [(rule.pattern, rule.purpose, rule.sorts) for rule in rules] == [
        ("*-{class}-*", Purpose.SET, 3),
        ("Delad*", Purpose.POOL, 6),
    ]


def test_devices_of_protected_persons_and_tokens_make_no_rule_for_sets() -> None:
    builder = RecordsBuilder()
    builder.pupil("anna", group="2B")
    for number in range(3):
        builder.device(builder.pupil(f"2b-0{number}"), location="Björkskolan")
        builder.device(keys=(Key(Scheme.ADDRESS, "", f"{TOKEN_PREFIX}-2b-{number}"),), location="Björkskolan")

    found = proposals(builder, masked=("2b-00", "2b-01", "2b-02"))

    assert found.device_rules == ()


def test_only_the_largest_groups_that_nothing_is_known_of_are_named() -> None:
    builder = RecordsBuilder()
    for place in range(7):
        for _ in range(3 + place):
            builder.device(location=f"Hus {place}")

    left = proposals(builder).left_over

    assert [group.devices for group in left if group.lacking == "unit"] == [9, 8, 7, 6, 5]
    assert [group.devices for group in left if group.lacking == "purpose"] == [9, 8, 7, 6, 5]


def test_nothing_is_proposed_where_everything_is_known() -> None:
    builder = RecordsBuilder()
    builder.device(builder.staff("siv"))

    assert proposals(builder) == Proposals()
