from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.identity import UnitDirectory, UnmappedOrganisation, build_unit_directory
from fleetsync.core.model import CENTRAL, UNPLACED, BelievedRecord, Policy, Unit, UnitMap, UnitRecord
from tests.core.identity.identity_samples import group, membership_record, organisation, person

VRETA = Unit(slug="vretaskolan", name="Vretaskolan", codes=("12345678", "KST-4711"), school_forms=("FKLASS", "GR"))
TALLEN = Unit(slug="tallen", name="Förskolan Tallen", codes=("tallen-id",), school_forms=("FS",))
STAFF = Unit(slug=CENTRAL, name="Förvaltningen", codes=("huvudman",))
POLICY = Policy(
    units=(VRETA, TALLEN, STAFF),
    unit_maps=(
        UnitMap(source="jamf", field="location", pattern="Vreta*", unit="vretaskolan"),
        UnitMap(source="jamf", field="location", pattern="*", unit="tallen"),
    ),
    organisation_numbers=("212000-1234",),
    not_ours=("Friskolan", "556677-8899"),
)


def directory_of(*known: BelievedRecord, policy: Policy = POLICY) -> UnitDirectory:
    return build_unit_directory(known, policy)


def test_the_units_are_those_configured_with_central_and_unplaced() -> None:
    assert [unit.slug for unit in directory_of().units] == ["vretaskolan", "tallen", CENTRAL, UNPLACED]
    assert [unit.slug for unit in directory_of(policy=Policy()).units] == [CENTRAL, UNPLACED]
    assert directory_of().by_slug[CENTRAL] is STAFF


def test_a_code_or_id_names_the_unit_that_lists_it_in_any_case() -> None:
    directory = directory_of(organisation("sis", "u1", "Skolenhet", codes=("12345678",)))

    assert directory.of("sis", ("12345678",), None) == "vretaskolan"
    assert directory.of("hr", (" kst-4711 ",), None) == "vretaskolan"
    assert directory.of("sis", ("TALLEN-ID",), None) == "tallen"
    assert directory.of("sis", ("U1",), None) == "vretaskolan"
    assert directory.of("hr", ("u1",), None) is None


def test_of_several_codes_a_listed_one_comes_first() -> None:
    directory = directory_of(organisation("sis", "u1", parent="tallen-id"), organisation("sis", "tallen-id"))

    assert directory.of("sis", ("u1", "12345678"), None) == "vretaskolan"


def test_of_two_units_that_list_a_code_the_first_has_it() -> None:
    twice = Policy(units=(Unit(slug="a", name="A", codes=("1",)), Unit(slug="b", name="B", codes=("1",))))

    assert directory_of(policy=twice).of("sis", ("1",), None) == "a"


def test_a_name_counts_only_whole_and_after_all_codes() -> None:
    directory = directory_of()

    assert directory.of("hr", (), "VRETASKOLAN") == "vretaskolan"
    assert directory.of("hr", ("tallen-id",), "Vretaskolan") == "tallen"
    assert directory.of("hr", ("999",), "Vretaskolan F-3") is None
    assert directory.of("hr", (), None) is None


def test_everything_below_a_school_is_its_unit() -> None:
    directory = directory_of(
        organisation("sis", "s", codes=("12345678",)),
        organisation("sis", "e", "Skolenhet", parent="S"),
        organisation("sis", "a", "Övrigt", parent="e"),
    )

    assert directory.of("sis", ("e",), None) == directory.of("sis", ("a",), None) == "vretaskolan"


def test_a_school_has_the_unit_of_what_is_listed_below_it() -> None:
    directory = directory_of(
        organisation("sis", "s"),
        organisation("sis", "e", "Skolenhet", parent="s", codes=("12345678",)),
        organisation("sis", "f", "Skolenhet", parent="s"),
    )

    assert [directory.of("sis", (at,), None) for at in "sef"] == ["vretaskolan"] * 3
    assert directory.unmapped == ()


def test_a_school_split_by_configuration_has_no_unit_of_its_own() -> None:
    directory = directory_of(
        organisation("sis", "s"),
        organisation("sis", "e", "Skolenhet", parent="s", codes=("12345678",)),
        organisation("sis", "f", "Skolenhet", parent="s", codes=("tallen-id",)),
    )

    assert [directory.of("sis", (at,), None) for at in "sef"] == [None, "vretaskolan", "tallen"]


def test_central_is_inherited_only_outside_of_schools() -> None:
    directory = directory_of(
        organisation("sis", "huvudman", "Huvudman"),
        organisation("sis", "f", "Förvaltning", parent="huvudman"),
        organisation("sis", "s", "Skola", parent="f"),
        organisation("sis", "a", "Övrigt", parent="s"),
        organisation("sis", "e", "Skolenhet", parent="f"),
    )

    assert [directory.of("sis", (at,), None) for at in ("huvudman", "f", "s", "a", "e")] == [
        CENTRAL,
        CENTRAL,
        None,
        None,
        None,
    ]


def test_a_unit_without_known_school_forms_still_has_everything_below_its_school() -> None:
    policy = Policy(units=(Unit(slug="a", name="A", codes=("s",)),))
    directory = directory_of(organisation("sis", "s"), organisation("sis", "e", "Skolenhet", parent="s"), policy=policy)

    assert directory.of("sis", ("e",), None) == "a"


def test_a_unit_with_forms_is_inherited_by_a_school_below_it() -> None:
    directory = directory_of(
        organisation("sis", "12345678", "Rektorsområde"), organisation("sis", "s", parent="12345678")
    )

    assert directory.of("sis", ("s",), None) == "vretaskolan"


def test_organisations_that_are_each_others_parent_are_handled() -> None:
    directory = directory_of(organisation("sis", "a", parent="b"), organisation("sis", "b", parent="a"))

    assert directory.of("sis", ("a",), None) is None


def test_a_gone_organisation_still_has_its_unit_and_is_not_reported_as_unmapped() -> None:
    directory = directory_of(
        organisation("sis", "s", codes=("12345678",), gone=True), organisation("sis", "t", gone=True)
    )

    assert directory.of("sis", ("s",), None) == "vretaskolan"
    assert directory.unmapped == ()


# --- ours, foreign, unmapped ------------------------------------------------------------------------------------------


def test_an_organisation_with_a_foreign_number_is_foreign_with_everything_below() -> None:
    directory = directory_of(
        organisation("sis", "ab", "Huvudman", organisation_number="165599887766"),
        organisation("sis", "s", parent="ab", codes=("87654321",)),
    )

    assert directory.is_foreign("sis", ("S",), None)
    assert directory.is_foreign("sis", ("87654321",), None)
    assert not directory.is_foreign("hr", ("87654321",), None)
    assert directory.of("sis", ("s",), None) is None
    assert directory.of("sis", ("s",), "Vretaskolan") is None
    assert directory.unmapped == ()


def test_an_organisation_with_our_number_is_ours_and_unmapped() -> None:
    directory = directory_of(
        organisation("sis", "h", "Huvudman", organisation_number="SE2120001234", name="Friskolan AB"),
        organisation("sis", "s", parent="h"),
    )

    assert not directory.is_foreign("sis", ("s",), None)
    assert [each.source_id for each in directory.unmapped] == ["s"]


def test_the_nearest_number_decides() -> None:
    directory = directory_of(
        organisation("sis", "ab", "Huvudman", organisation_number="5599887766"),
        organisation("sis", "s", parent="ab", organisation_number="2120001234"),
    )

    assert not directory.is_foreign("sis", ("s",), None)


def test_without_numbers_of_ours_no_number_is_foreign() -> None:
    directory = directory_of(organisation("sis", "s", organisation_number="5599887766"), policy=Policy())

    assert not directory.is_foreign("sis", ("s",), None)


@pytest.mark.parametrize(
    "fields", [{"name": "friskolan"}, {"codes": ("FRISKOLAN",)}, {"organisation_number": "5566778899"}]
)
def test_an_organisation_declared_not_ours_is_foreign(fields: dict[str, Any]) -> None:
    assert directory_of(organisation("sis", "s", **fields)).is_foreign("sis", ("s",), None)


def test_a_file_without_organisations_names_foreign_ones_by_code_or_name() -> None:
    assert directory_of().is_foreign("hr", ("Friskolan",), None)
    assert directory_of().is_foreign("hr", (), "friskolan")
    assert not directory_of().is_foreign("hr", ("1",), "Vretaskolan")


def test_an_organisation_that_a_unit_lists_is_ours_whatever_its_number() -> None:
    directory = directory_of(organisation("sis", "s", codes=("12345678",), organisation_number="5599887766"))

    assert directory.of("sis", ("s",), None) == "vretaskolan"
    assert not directory.is_foreign("sis", ("s",), None)
    assert not directory.is_foreign("sis", ("12345678",), "Friskolan")


def test_a_school_without_a_unit_is_reported_once_with_everything_below_it() -> None:
    directory = directory_of(
        organisation("sis", "s", name="Ekskolan", codes=("8",)),
        organisation("sis", "f", "Skolenhet", parent="s"),
        organisation("sis", "e", "Skolenhet", parent="s"),
        organisation("sis", "x", "Skolenhet", name="Ensam"),
        organisation("sis", "r", "Rektorsområde"),
        organisation("csv", "c", None),
    )

    assert directory.unmapped == (
        UnmappedOrganisation("csv", "c", "C"),
        UnmappedOrganisation("sis", "s", "Ekskolan", ("8",), ("e", "f")),
        UnmappedOrganisation("sis", "x", "Ensam"),
    )


def test_a_place_of_an_mdm_is_reported_unless_its_devices_have_a_unit_by_its_name_or_by_a_unit_map() -> None:
    places = (
        organisation("mdm", "1", None, name="Vretaskolan"),
        organisation("mdm", "2", None, name="Gamla skolan"),
        organisation("mdm", "3", None, name="Kommunen"),
        organisation("mdm", "4", "Skola", name="Vretaskolan"),
    )
    mapped = UnitMap(source="mdm", field="location", pattern="2", unit="vretaskolan")
    directory = directory_of(*places, policy=replace(POLICY, unit_maps=(mapped,)))

    assert [each.source_id for each in directory.unmapped] == ["3", "4"]
    named = membership_record("mdm", "1", "p", codes=("1",))
    assert [each.source_id for each in directory_of(places[0], named).unmapped] == ["1"]


def test_an_organisation_that_only_contains_others_is_reported_when_a_person_belongs_to_it() -> None:
    area = organisation("sis", "r", "Rektorsområde", codes=("77",))

    assert directory_of(area, membership_record("sis", "1", "p", codes=("77",), gone=True)).unmapped == ()
    assert directory_of(area, membership_record("sis", "1", "p", codes=("77",), masked=True)).unmapped == ()
    assert [
        each.source_id for each in directory_of(area, membership_record("sis", "1", "p", codes=("77",))).unmapped
    ] == ["r"]


def test_a_workplace_in_a_file_that_no_unit_lists_is_reported_once() -> None:
    directory = directory_of(
        person("hr", "p"),
        membership_record("hr", "1", "p", codes=("88",), unit_name="Ekskolan"),
        membership_record("hr", "2", "p", codes=("88",), unit_name="EKSKOLAN"),
        membership_record("hr", "3", "p", unit_name="Kansliet"),
        membership_record("hr", "4", "p", codes=("99",)),
        membership_record("hr", "5", "p", unit_name="Friskolan"),
        membership_record("hr", "6", "p", unit_name="Vretaskolan"),
        membership_record("hr", "7", "p"),
    )

    assert directory.unmapped == (
        UnmappedOrganisation("hr", "88", "EKSKOLAN", ("88",)),
        UnmappedOrganisation("hr", "99", "99", ("99",)),
        UnmappedOrganisation("hr", "Kansliet", "Kansliet"),
    )


# --- ended organisations ----------------------------------------------------------------------------------------------

JUNE, JULY = date(2026, 6, 30), date(2026, 7, 31)


def ends(directory: UnitDirectory, *codes: str) -> str | None:
    """The id of the organisation whose end date applies to those codes."""
    ending = directory.ending("sis", codes)
    return ending.record.source_id if ending else None


def test_an_organisation_ends_with_the_earliest_end_of_itself_and_its_parents() -> None:
    directory = directory_of(
        organisation("sis", "h", "Huvudman"),
        organisation("sis", "s", parent="h", end=JUNE),
        organisation("sis", "e", "Skolenhet", parent="S", codes=("99",), end=JULY),
        organisation("sis", "a", "Övrigt", parent="s", end=date(2026, 5, 31)),
    )

    assert [ends(directory, at) for at in ("h", "s", "E", "99", "a", "okänd")] == [None, "s", "s", "s", "a", None]
    assert directory.ending("hr", ("s",)) is None
    assert ends(directory) is None


def test_of_several_organisations_with_a_code_the_last_end_counts() -> None:
    directory = directory_of(
        organisation("sis", "old", codes=("7", "8"), end=JUNE),
        organisation("sis", "older", codes=("7",), end=date(2025, 6, 30)),
        organisation("sis", "new", codes=("8",)),
    )

    assert [ends(directory, at) for at in ("old", "older", "new", "7", "8")] == ["old", "older", None, "old", None]
    assert ends(directory, "older", "old") == "old"
    assert ends(directory, "old", "new") is None


def test_an_unmapped_school_has_an_end_when_all_of_it_has_ended() -> None:
    directory = directory_of(
        organisation("sis", "s", end=JUNE),
        organisation("sis", "e", "Skolenhet", parent="s"),
        organisation("sis", "t"),
        organisation("sis", "f", "Skolenhet", parent="t", end=JUNE),
        organisation("sis", "x", "Skolenhet", end=JULY),
    )

    assert [(each.source_id, each.ends_on) for each in directory.unmapped] == [("s", JUNE), ("t", None), ("x", JULY)]


# --- unit names, locations, groups ------------------------------------------------------------------------------------


def test_the_unit_of_a_list_may_be_a_slug_a_name_or_a_code() -> None:
    directory = directory_of()

    assert [directory.slug_of_text(word) for word in ("VRETASKOLAN", " förskolan tallen ", "kst-4711", "Eken")] == [
        "vretaskolan", "tallen", "vretaskolan", None,
    ]  # fmt: skip


def test_a_name_of_two_units_means_neither() -> None:
    twice = Policy(units=(Unit(slug="a", name="Ekskolan"), Unit(slug="b", name="EKSKOLAN")))

    assert directory_of(policy=twice).slug_of_text("Ekskolan") is None


def test_a_location_belongs_to_the_unit_of_the_first_matching_pattern() -> None:
    directory = directory_of()

    assert directory.slug_of_location("jamf", "location", "VRETA sal 2") == "vretaskolan"
    assert directory.slug_of_location("jamf", "location", "Okänd") == "tallen"
    assert directory.slug_of_location("jamf", "tag", "Vreta") is None


def test_a_unit_is_only_preschool_when_it_has_no_other_form() -> None:
    assert [directory_of().is_preschool_only(slug) for slug in ("tallen", "vretaskolan", CENTRAL, "okand")] == [
        True,
        False,
        False,
        False,
    ]


def test_a_list_knows_the_unit_of_a_class_by_its_name() -> None:
    directory = directory_of(
        group("lista", "vretaskolan/5b", "5B", "Vretaskolan"), group("lista", "x/5c", "5C", "Okänd")
    )

    assert directory.groups_of("vretaskolan") == ("5B",)


def test_a_unit_has_the_groups_of_its_organisations_that_are_not_gone() -> None:
    directory = directory_of(
        organisation("sis", "s", codes=("12345678",)),
        group("sis", "2", "2B", "s"),
        group("sis", "1", "2A", "s"),
        group("sis", "3", "2A", "s"),
        group("sis", "4", "9C", "s", gone=True),
        group("sis", "5", "Lös", None),
    )

    assert directory.groups_of("vretaskolan") == ("2A", "2B")
    assert directory.groups_of("tallen") == ()
    assert [directory.group_name("sis", at) for at in "145x"] == ["2A", "9C", "Lös", None]


organisations = st.lists(
    st.builds(
        lambda at, kind, parent, codes: organisation("sis", at, kind, parent=parent, codes=codes),
        st.sampled_from("abcdef"),
        st.sampled_from(["Skola", "Skolenhet", "Huvudman", None]),
        st.sampled_from([None, *"abcdef"]),
        st.sampled_from([(), ("12345678",), ("tallen-id",), ("huvudman",), ("9",)]),
    ),
    max_size=6,
    unique_by=lambda known: known.record.source_id,
)


@given(organisations.flatmap(lambda known: st.tuples(st.just(known), st.permutations(known))))
def test_the_order_of_records_never_matters(orders: tuple[list[BelievedRecord], list[BelievedRecord]]) -> None:
    first, second = (directory_of(*known) for known in orders)

    assert first.unmapped == second.unmapped
    assert first.slugs_by_organisation == second.slugs_by_organisation


@given(organisations)
def test_a_school_always_has_a_unit_or_is_foreign_or_is_reported_as_unmapped(known: list[BelievedRecord]) -> None:
    directory = directory_of(*known)
    unmapped = {name for each in directory.unmapped for name in (each.source_id, *each.below)}
    schools = [each.record for each in known if isinstance(each.record, UnitRecord) and each.record.kind != "Huvudman"]

    for at in (record.source_id for record in schools):
        placed = directory.of("sis", (at,), None) is not None or directory.is_foreign("sis", (at,), None)
        assert placed != (at in unmapped)
