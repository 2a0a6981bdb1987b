from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def book(*known: BelievedRecord, policy: Policy = POLICY) -> UnitDirectory:
    return build_unit_directory(known, policy)


def test_the_units_are_those_configured_with_central_and_unplaced() -> None:
    assert [unit.slug for unit in book().units] == ["vretaskolan", "tallen", CENTRAL, UNPLACED]
    assert [unit.slug for unit in book(policy=Policy()).units] == [CENTRAL, UNPLACED]
    assert book().by_slug[CENTRAL] is STAFF


def test_a_code_or_id_names_the_unit_that_lists_it_in_any_case() -> None:
    found = book(organisation("sis", "u1", "Skolenhet", codes=("12345678",)))

    assert found.of("sis", ("12345678",), None) == "vretaskolan"
    assert found.of("hr", (" kst-4711 ",), None) == "vretaskolan"
    assert found.of("sis", ("TALLEN-ID",), None) == "tallen"
    assert found.of("sis", ("U1",), None) == "vretaskolan"
    assert found.of("hr", ("u1",), None) is None


def test_of_several_codes_a_listed_one_comes_first() -> None:
    found = book(organisation("sis", "u1", parent="tallen-id"), organisation("sis", "tallen-id"))

    assert found.of("sis", ("u1", "12345678"), None) == "vretaskolan"


def test_of_two_units_that_list_a_code_the_first_has_it() -> None:
    twice = Policy(units=(Unit(slug="a", name="A", codes=("1",)), Unit(slug="b", name="B", codes=("1",))))

    assert book(policy=twice).of("sis", ("1",), None) == "a"


def test_a_name_counts_only_whole_and_after_all_codes() -> None:
    found = book()

    assert found.of("hr", (), "VRETASKOLAN") == "vretaskolan"
    assert found.of("hr", ("tallen-id",), "Vretaskolan") == "tallen"
    assert found.of("hr", ("999",), "Vretaskolan F-3") is None
    assert found.of("hr", (), None) is None


def test_everything_below_a_school_is_its_unit() -> None:
    found = book(
        organisation("sis", "s", codes=("12345678",)),
        organisation("sis", "e", "Skolenhet", parent="S"),
        organisation("sis", "a", "Övrigt", parent="e"),
    )

    assert found.of("sis", ("e",), None) == found.of("sis", ("a",), None) == "vretaskolan"


def test_a_school_has_the_unit_of_what_is_listed_below_it() -> None:
    found = book(
        organisation("sis", "s"),
        organisation("sis", "e", "Skolenhet", parent="s", codes=("12345678",)),
        organisation("sis", "f", "Skolenhet", parent="s"),
    )

    assert [found.of("sis", (at,), None) for at in "sef"] == ["vretaskolan"] * 3
    assert found.unmapped == ()


def test_a_school_split_by_configuration_has_no_unit_of_its_own() -> None:
    found = book(
        organisation("sis", "s"),
        organisation("sis", "e", "Skolenhet", parent="s", codes=("12345678",)),
        organisation("sis", "f", "Skolenhet", parent="s", codes=("tallen-id",)),
    )

    assert [found.of("sis", (at,), None) for at in "sef"] == [None, "vretaskolan", "tallen"]


def test_central_is_inherited_only_by_what_is_no_school_nor_below_one() -> None:
    found = book(
        organisation("sis", "huvudman", "Huvudman"),
        organisation("sis", "f", "Förvaltning", parent="huvudman"),
        organisation("sis", "s", "Skola", parent="f"),
        organisation("sis", "a", "Övrigt", parent="s"),
        organisation("sis", "e", "Skolenhet", parent="f"),
    )

    assert [found.of("sis", (at,), None) for at in ("huvudman", "f", "s", "a", "e")] == [
        CENTRAL,
        CENTRAL,
        None,
        None,
        None,
    ]


def test_a_unit_whose_forms_nobody_told_is_still_all_of_its_school() -> None:
    untold = Policy(units=(Unit(slug="a", name="A", codes=("s",)),))
    found = book(organisation("sis", "s"), organisation("sis", "e", "Skolenhet", parent="s"), policy=untold)

    assert found.of("sis", ("e",), None) == "a"


def test_a_unit_with_forms_is_inherited_by_a_school_below_it() -> None:
    found = book(organisation("sis", "12345678", "Rektorsområde"), organisation("sis", "s", parent="12345678"))

    assert found.of("sis", ("s",), None) == "vretaskolan"


def test_a_circle_of_parents_ends() -> None:
    found = book(organisation("sis", "a", parent="b"), organisation("sis", "b", parent="a"))

    assert found.of("sis", ("a",), None) is None


def test_a_gone_organisation_still_names_its_unit_and_is_not_asked_for() -> None:
    found = book(organisation("sis", "s", codes=("12345678",), gone=True), organisation("sis", "t", gone=True))

    assert found.of("sis", ("s",), None) == "vretaskolan"
    assert found.unmapped == ()


# --- ours, foreign, unmapped ------------------------------------------------------------------------------------------


def test_what_has_another_s_organisation_number_is_foreign_with_all_below() -> None:
    found = book(
        organisation("sis", "ab", "Huvudman", organisation_number="165599887766"),
        organisation("sis", "s", parent="ab", codes=("87654321",)),
    )

    assert found.is_foreign("sis", ("S",), None)
    assert found.is_foreign("sis", ("87654321",), None)
    assert not found.is_foreign("hr", ("87654321",), None)
    assert found.of("sis", ("s",), None) is None
    assert found.of("sis", ("s",), "Vretaskolan") is None
    assert found.unmapped == ()


def test_what_has_our_organisation_number_is_ours_and_unmapped() -> None:
    found = book(
        organisation("sis", "h", "Huvudman", organisation_number="SE2120001234", name="Friskolan AB"),
        organisation("sis", "s", parent="h"),
    )

    assert not found.is_foreign("sis", ("s",), None)
    assert [one.source_id for one in found.unmapped] == ["s"]


def test_the_nearest_number_decides() -> None:
    found = book(
        organisation("sis", "ab", "Huvudman", organisation_number="5599887766"),
        organisation("sis", "s", parent="ab", organisation_number="2120001234"),
    )

    assert not found.is_foreign("sis", ("s",), None)


def test_without_numbers_of_ours_no_number_is_foreign() -> None:
    found = book(organisation("sis", "s", organisation_number="5599887766"), policy=Policy())

    assert not found.is_foreign("sis", ("s",), None)


@pytest.mark.parametrize(
    "told", [{"name": "friskolan"}, {"codes": ("FRISKOLAN",)}, {"organisation_number": "5566778899"}]
)
def test_what_is_declared_not_ours_is_foreign(told: dict[str, Any]) -> None:
    assert book(organisation("sis", "s", **told)).is_foreign("sis", ("s",), None)


def test_a_file_without_organisations_names_foreign_ones_by_code_or_name() -> None:
    assert book().is_foreign("hr", ("Friskolan",), None)
    assert book().is_foreign("hr", (), "friskolan")
    assert not book().is_foreign("hr", ("1",), "Vretaskolan")


def test_what_a_unit_lists_is_ours_whatever_its_number() -> None:
    found = book(organisation("sis", "s", codes=("12345678",), organisation_number="5599887766"))

    assert found.of("sis", ("s",), None) == "vretaskolan"
    assert not found.is_foreign("sis", ("s",), None)
    assert not found.is_foreign("sis", ("12345678",), "Friskolan")


def test_a_school_without_a_unit_is_asked_for_once_with_all_below_it() -> None:
    found = book(
        organisation("sis", "s", name="Ekskolan", codes=("8",)),
        organisation("sis", "f", "Skolenhet", parent="s"),
        organisation("sis", "e", "Skolenhet", parent="s"),
        organisation("sis", "x", "Skolenhet", name="Ensam"),
        organisation("sis", "r", "Rektorsområde"),
        organisation("csv", "c", None),
    )

    assert found.unmapped == (
        UnmappedOrganisation("csv", "c", "C"),
        UnmappedOrganisation("sis", "s", "Ekskolan", ("8",), ("e", "f")),
        UnmappedOrganisation("sis", "x", "Ensam"),
    )


def test_what_only_holds_others_is_asked_for_when_somebody_belongs_to_it() -> None:
    area = organisation("sis", "r", "Rektorsområde", codes=("77",))

    assert book(area, membership_record("sis", "1", "p", codes=("77",), gone=True)).unmapped == ()
    assert book(area, membership_record("sis", "1", "p", codes=("77",), masked=True)).unmapped == ()
    assert [one.source_id for one in book(area, membership_record("sis", "1", "p", codes=("77",))).unmapped] == ["r"]


def test_a_place_of_a_file_that_nothing_lists_is_asked_for_once() -> None:
    found = book(
        person("hr", "p"),
        membership_record("hr", "1", "p", codes=("88",), unit_name="Ekskolan"),
        membership_record("hr", "2", "p", codes=("88",), unit_name="EKSKOLAN"),
        membership_record("hr", "3", "p", unit_name="Kansliet"),
        membership_record("hr", "4", "p", codes=("99",)),
        membership_record("hr", "5", "p", unit_name="Friskolan"),
        membership_record("hr", "6", "p", unit_name="Vretaskolan"),
        membership_record("hr", "7", "p"),
    )

    assert found.unmapped == (
        UnmappedOrganisation("hr", "88", "EKSKOLAN", ("88",)),
        UnmappedOrganisation("hr", "99", "99", ("99",)),
        UnmappedOrganisation("hr", "Kansliet", "Kansliet"),
    )


# --- what has ended ---------------------------------------------------------------------------------------------------

JUNE, JULY = date(2026, 6, 30), date(2026, 7, 31)


def ends(found: UnitDirectory, *codes: str) -> str | None:
    """The id of the organisation that ends what is at those codes."""
    ending = found.ending("sis", codes)
    return ending.record.source_id if ending else None


def test_what_ends_an_organisation_is_the_earliest_end_from_it_upward() -> None:
    found = book(
        organisation("sis", "h", "Huvudman"),
        organisation("sis", "s", parent="h", end=JUNE),
        organisation("sis", "e", "Skolenhet", parent="S", codes=("99",), end=JULY),
        organisation("sis", "a", "Övrigt", parent="s", end=date(2026, 5, 31)),
    )

    assert [ends(found, at) for at in ("h", "s", "E", "99", "a", "okänd")] == [None, "s", "s", "s", "a", None]
    assert found.ending("hr", ("s",)) is None
    assert ends(found) is None


def test_of_several_that_are_named_the_last_ends() -> None:
    found = book(
        organisation("sis", "old", codes=("7", "8"), end=JUNE),
        organisation("sis", "older", codes=("7",), end=date(2025, 6, 30)),
        organisation("sis", "new", codes=("8",)),
    )

    assert [ends(found, at) for at in ("old", "older", "new", "7", "8")] == ["old", "older", None, "old", None]
    assert ends(found, "older", "old") == "old"
    assert ends(found, "old", "new") is None


def test_what_is_asked_for_tells_when_all_of_it_has_ended() -> None:
    found = book(
        organisation("sis", "s", end=JUNE),
        organisation("sis", "e", "Skolenhet", parent="s"),
        organisation("sis", "t"),
        organisation("sis", "f", "Skolenhet", parent="t", end=JUNE),
        organisation("sis", "x", "Skolenhet", end=JULY),
    )

    assert [(one.source_id, one.ends_on) for one in found.unmapped] == [("s", JUNE), ("t", None), ("x", JULY)]


# --- words, places, groups --------------------------------------------------------------------------------------------


def test_a_word_of_a_list_is_a_slug_a_name_or_a_code() -> None:
    found = book()

    assert [found.slug_of_text(word) for word in ("VRETASKOLAN", " förskolan tallen ", "kst-4711", "Eken")] == [
        "vretaskolan", "tallen", "vretaskolan", None,
    ]  # fmt: skip


def test_a_name_of_two_units_names_neither() -> None:
    twice = Policy(units=(Unit(slug="a", name="Ekskolan"), Unit(slug="b", name="EKSKOLAN")))

    assert book(policy=twice).slug_of_text("Ekskolan") is None


def test_a_place_is_the_unit_of_the_first_pattern_that_matches() -> None:
    found = book()

    assert found.slug_of_location("jamf", "location", "VRETA sal 2") == "vretaskolan"
    assert found.slug_of_location("jamf", "location", "Okänd") == "tallen"
    assert found.slug_of_location("jamf", "tag", "Vreta") is None


def test_only_a_unit_of_forskola_alone_is_only_preschool() -> None:
    assert [book().is_preschool_only(slug) for slug in ("tallen", "vretaskolan", CENTRAL, "okand")] == [
        True,
        False,
        False,
        False,
    ]


def test_a_unit_has_the_groups_of_its_organisations_that_are_not_gone() -> None:
    found = book(
        organisation("sis", "s", codes=("12345678",)),
        group("sis", "2", "2B", "s"),
        group("sis", "1", "2A", "s"),
        group("sis", "3", "2A", "s"),
        group("sis", "4", "9C", "s", gone=True),
        group("sis", "5", "Lös", None),
    )

    assert found.groups_of("vretaskolan") == ("2A", "2B")
    assert found.groups_of("tallen") == ()
    assert [found.group_name("sis", at) for at in "145x"] == ["2A", "9C", "Lös", None]


organisations = st.lists(
    st.builds(
        lambda at, kind, parent, codes: organisation("sis", at, kind, parent=parent, codes=codes),
        st.sampled_from("abcdef"),
        st.sampled_from(["Skola", "Skolenhet", "Huvudman", None]),
        st.sampled_from([None, *"abcdef"]),
        st.sampled_from([(), ("12345678",), ("tallen-id",), ("huvudman",), ("9",)]),
    ),
    max_size=6,
    unique_by=lambda one: one.record.source_id,
)


@given(organisations.flatmap(lambda known: st.tuples(st.just(known), st.permutations(known))))
def test_the_order_of_records_never_matters(orders: tuple[list[BelievedRecord], list[BelievedRecord]]) -> None:
    first, second = (book(*known) for known in orders)

    assert first.unmapped == second.unmapped
    assert first.slugs_by_organisation == second.slugs_by_organisation


@given(organisations)
def test_a_school_always_has_a_unit_or_is_foreign_or_is_asked_for(known: list[BelievedRecord]) -> None:
    found = book(*known)
    asked = {name for one in found.unmapped for name in (one.source_id, *one.below)}
    schools = [one.record for one in known if isinstance(one.record, UnitRecord) and one.record.kind != "Huvudman"]

    for at in (record.source_id for record in schools):
        placed = found.of("sis", (at,), None) is not None or found.is_foreign("sis", (at,), None)
        assert placed != (at in asked)
