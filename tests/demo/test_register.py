"""The school register's content on a day: organisations, persons, and the quirks of real registers."""

import unicodedata
from collections import Counter
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.names import CANARY
from fleetsync.demo.preschool import NEWLY_MARKED_ON
from fleetsync.demo.pupil_cases import REUSED_ON
from fleetsync.demo.register import organisation_id, school_of, school_of_organisation
from fleetsync.demo.school_years import PROTECTION_MARKS


@pytest.fixture(scope="module")
def register(whole):
    return whole.contents_on(DEMO_DAY).register


def on(whole, day: date):
    return whole.contents_on(day).register


def test_two_units_are_skolenheter_of_the_same_skola(register):
    by_id = {organisation["id"]: organisation for organisation in register.organisations}
    low, middle = (by_id[organisation_id(f"hojdens-skola-{name}")] for name in ("lag", "mellan"))

    assert low["parentOrganisation"] == middle["parentOrganisation"]
    assert by_id[low["parentOrganisation"]["id"]]["organisationType"] == "Skola"


def test_every_parent_is_in_the_tree_and_the_two_roots_have_none(register):
    ids = {row["id"] for row in register.organisations}
    roots = [row for row in register.organisations if "parentOrganisation" not in row]

    assert {row["parentOrganisation"]["id"] for row in register.organisations if row not in roots} <= ids
    assert [row["organisationType"] for row in roots] == ["Huvudman", "Huvudman"]
    assert len({row["organisationNumber"] for row in roots}) == 2


def test_a_preschool_has_no_skolenhetskod(register):
    preschools = [row for row in register.organisations if row.get("schoolTypes") == ["FS"]]

    assert len(preschools) == 5
    assert all("schoolUnitCode" not in row and row["organisationCode"] for row in preschools)


def test_text_is_partly_nfc_and_partly_nfd(register):
    names = [row["displayName"] for row in register.organisations]
    composed = [name == unicodedata.normalize("NFC", name) for name in names]

    assert True in composed
    assert False in composed


def test_a_new_school_appears_that_is_not_configured(whole):
    new = organisation_id("nyskolan")

    assert new not in {row["id"] for row in on(whole, date(2026, 11, 1)).organisations}
    assert new in {row["id"] for row in on(whole, date(2026, 11, 2)).organisations}


def test_every_reference_leads_to_an_object_of_the_register(register):
    persons = {row["id"] for row in register.persons}
    groups = {row["id"] for row in register.groups}
    places = {row["id"] for row in register.organisations}

    assert {row["person"]["id"] for row in register.duties} <= persons
    assert {row["child"]["id"] for row in register.placements} <= persons
    assert {owner["id"] for row in register.placements for owner in row.get("owners", ())} <= persons
    assert {member["person"]["id"] for row in register.groups for member in row["groupMemberships"]} <= persons
    assert {row["group"]["id"] for row in register.placements if "group" in row} <= groups
    assert {
        enrolment["enroledAt"]["id"] for row in register.persons for enrolment in row.get("enrolments", ())
    } <= places
    assert {row["placedAt"]["id"] for row in register.placements} <= places


def test_every_id_is_given_once(register):
    for resource in ("organisations", "persons", "groups", "duties", "placements"):
        ids = [row["id"] for row in getattr(register, resource)]
        assert len(ids) == len(set(ids)), resource


def test_duties_sit_at_the_skola_and_never_at_its_skolenhet(register):
    kinds = {row["id"]: row["organisationType"] for row in register.organisations}
    duties_by_kind = Counter(kinds[row["dutyAt"]["id"]] for row in register.duties)

    assert duties_by_kind["Skola"] > 300
    assert duties_by_kind["Skolenhet"] == sum(
        1 for row in register.duties if row["dutyAt"]["id"] in {organisation_id(p) for p in PRESCHOOLS}
    )


PRESCHOOLS = ("gasslan", "fagelboet", "skogsgarden", "aspangen", "sjostjarnan")


def test_fields_that_may_never_be_stored_are_there_and_carry_the_canary(register):
    pupil = next(row for row in register.persons if row.get("enrolments"))

    for field in ("civicNo", "birthDate", "sex", "phoneNumbers", "addresses", "photo"):
        assert pupil[field]
    assert CANARY in msgspec.json.encode([pupil["addresses"], pupil["photo"]]).decode().casefold()
    assert any(email["type"] == "Privat" and CANARY in email["value"] for email in pupil["emails"])


# --- over the year ----------------------------------------------------------------------------------------------------


def years(register, day: date) -> Counter[int | None]:
    """How many current enrolments have each school year on *day*."""
    return Counter(
        enrolment.get("schoolYear")
        for person in register.persons
        for enrolment in person.get("enrolments", ())
        if enrolment["startDate"] <= day.isoformat() <= enrolment.get("endDate", "9999")
        and enrolment["schoolType"] in {"GR", "GRS"}
    )


def test_every_year_of_the_compulsory_school_is_there_in_june_and_in_september(whole):
    for day in (date(2026, 6, 8), date(2026, 9, 1), date(2027, 9, 1)):
        pupils_by_year = years(on(whole, day), day)
        assert all(330 < pupils_by_year[year] < 380 for year in range(1, 10)), (day, pupils_by_year)


def test_years_are_rewritten_on_2_july_and_leavers_deleted_on_10_july(whole):
    def row_of(person: str, day: date) -> list[int]:
        persons = {person_row["id"]: person_row for person_row in on(whole, day).persons}
        return [row.get("schoolYear") for row in persons[person]["enrolments"]] if person in persons else []

    staying = next(
        learner for learner in whole.builder.learners if learner.cohort == 2022 and len(learner.enrolments) == 3
    )
    leaving = next(learner for learner in whole.builder.learners if learner.cohort == 2016)
    first, second = date(2026, 7, 1), date(2026, 7, 2)

    assert (row_of(staying.id, first)[1], row_of(staying.id, second)[1]) == (3, 4)
    assert row_of(leaving.id, date(2026, 7, 9))
    assert not row_of(leaving.id, date(2026, 7, 10))
    assert leaving.id in on(whole, date(2026, 7, 10)).deleted_since(date(2026, 7, 9))["persons"]


def test_next_years_enrolments_are_there_before_the_summer(whole):
    day, first = date(2026, 6, 8), "2026-08-17"
    next_year = [
        row for person in on(whole, day).persons for row in person.get("enrolments", ()) if row["startDate"] == first
    ]

    assert len(next_year) > 1000


def test_a_pupil_without_an_account_gets_one_after_three_days(whole):
    newcomer = next(
        learner
        for learner in whole.builder.learners
        if learner.enrolments and learner.logins and learner.logins[0][0] > learner.known > date(2026, 9, 1)
    )
    monday = newcomer.known

    def names(day: date) -> Any:
        return next(person for person in on(whole, day).persons if person["id"] == newcomer.id)[
            "eduPersonPrincipalNames"
        ]

    assert names(monday) == names(monday + timedelta(days=2)) == []
    assert len(names(monday + timedelta(days=3))) == 1


def test_an_end_is_there_from_the_day_on_which_it_was_entered(whole):
    leaver = next(
        learner
        for learner in whole.builder.learners
        if learner.enrolments and learner.enrolments[-1].end_known > date(2026, 8, 1)
    )
    membership = leaver.enrolments[-1]

    def end(day: date) -> Any:
        person = next(person_row for person_row in on(whole, day).persons if person_row["id"] == leaver.id)
        return person["enrolments"][-1].get("endDate")

    assert end(membership.end_known - timedelta(days=1)) is None
    assert end(membership.end_known) == membership.last.isoformat()
    assert membership.last.weekday() == 2


def test_a_log_in_is_given_to_another_pupil_after_its_first_holder_is_deleted(whole):
    def holders(day: date) -> set[str]:
        return {person["id"] for person in on(whole, day).persons if login in person["eduPersonPrincipalNames"]}

    newcomer = next(learner for learner in whole.builder.learners if learner.known == REUSED_ON)
    login = newcomer.logins[0][1]

    assert len(holders(date(2026, 10, 20))) == 1
    assert holders(date(2026, 10, 28)) == set()
    assert holders(REUSED_ON) == {newcomer.id}


# --- protected persons ------------------------------------------------------------------------------------------------


def test_marks_are_spelled_in_every_way(register):
    marks = {row["securityMarking"] for row in register.persons if "securityMarking" in row} - {"Ingen"}

    assert set(PROTECTION_MARKS) <= marks
    assert any(mark != unicodedata.normalize("NFC", mark) for mark in marks)


def test_the_mark_of_a_child_is_only_in_the_reference_of_the_last_placement(whole):
    before, after = (on(whole, day) for day in (NEWLY_MARKED_ON - timedelta(days=1), NEWLY_MARKED_ON))
    last = after.placements[-1]
    person = next(row for row in after.persons if row["id"] == last["child"]["id"])

    assert "securityMarking" not in before.placements[-1]["child"]
    assert last["child"]["securityMarking"] == "Sekretessmarkering"
    assert person["securityMarking"] == "Ingen"


def test_values_outside_of_the_standard_are_there(register):
    forms = {row["schoolType"] for person in register.persons for row in person.get("enrolments", ())}
    without_year = [
        row for person in register.persons for row in person.get("enrolments", ())
        if row["schoolType"] == "GR" and "schoolYear" not in row
    ]  # fmt: skip

    assert "XGR" in forms
    assert without_year
    assert {"Lärare", "Robotpedagog"} >= {person["dutyRole"] for person in register.duties}


def test_a_skolenhet_belongs_to_its_skola_and_others_to_themselves():
    low, school = organisation_id("hojdens-skola-lag"), organisation_id(school_of("hojdens-skola-lag"))

    assert school_of_organisation(low) == school
    assert school_of_organisation(organisation_id("gasslan")) == organisation_id("gasslan")


def test_the_week_without_placements(whole):
    assert [on(whole, date(2026, 10, day)).placements_forbidden for day in (11, 12, 18, 19)] == [
        False,
        True,
        True,
        False,
    ]
