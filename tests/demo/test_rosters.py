"""The rosters of Exempelby share its pupils and children between them, and the register with OneRoster behaves like one."""

from collections import Counter
from datetime import date, timedelta

import msgspec
import pytest

from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.names import CANARY
from fleetsync.demo.oneroster_rows import NO_RIGHT_SPAN
from fleetsync.demo.preschool import MOVED_ON
from fleetsync.demo.rosters import RosterName, counted_until, is_listed, units_of
from fleetsync.demo.units import PRESCHOOL_UNITS, SCHOOL_UNITS, UNIT_BY_SLUG

ROSTERS: tuple[RosterName, ...] = ("ss12000", "oneroster", "children_list", "headcount")


def users_of(whole, day, role):
    return {
        row["sourcedId"]: row
        for row in whole.contents_on(day).oneroster["users"]
        if any(each["role"] == role for each in row["roles"])
    }


def test_each_unit_is_in_one_roster():
    units = Counter(unit for roster in ROSTERS for unit in units_of(roster))

    assert units == Counter(unit.slug for unit in (*SCHOOL_UNITS, *PRESCHOOL_UNITS))
    assert [len(units_of(roster)) for roster in ROSTERS] == [9, 2, 1, 1]


def test_each_membership_is_in_one_roster(whole):
    def memberships(members):
        rows = (each for learner in members.learners for each in (*learner.enrolments, *learner.placements))
        return Counter((each.unit, each.form, each.first) for each in rows)

    parts = [memberships(whole.roster_parts[roster]) for roster in ROSTERS]
    without_fritidshem = memberships(whole.builder) - sum(parts, Counter())

    assert {(unit, form) for unit, form, _ in without_fritidshem} == {("ostanaskolan", "FTH")}
    assert sum(parts, Counter()) <= memberships(whole.builder)


def test_whoever_is_marked_as_protected_is_in_the_school_register_only(whole):
    marked = {learner.id for learner in whole.builder.learners if learner.marks}
    at_schools_of_oneroster = [
        learner
        for learner in whole.builder.learners
        if learner.marks and any(each.unit in units_of("oneroster") for each in learner.enrolments)
    ]

    for roster in ROSTERS[1:]:
        assert marked.isdisjoint(learner.id for learner in whole.roster_parts[roster].learners)
    assert marked <= {learner.id for learner in whole.roster_parts["ss12000"].learners}
    assert at_schools_of_oneroster


def test_a_child_who_moves_between_rosters_leaves_the_first_before_the_second_has_it(whole):
    moved = [
        learner
        for learner in whole.builder.learners
        if len({each.unit for each in learner.placements if each.form == "FS"}) == 2
    ]
    listed = {learner.id: learner for learner in whole.roster_parts["children_list"].learners}
    last_days = [listed[learner.id].placements[0].last for learner in moved if learner.id in listed]

    assert len(moved) == 3
    assert last_days == [MOVED_ON - timedelta(days=1)]
    assert counted_until("sjostjarnan", MOVED_ON) == date(2026, 1, 14)
    assert counted_until("aspangen", MOVED_ON) == MOVED_ON - timedelta(days=1)


# --- OneRoster --------------------------------------------------------------------------------------------------------


def test_it_lists_the_pupils_and_teachers_of_its_schools(whole):
    pupils, teachers = users_of(whole, DEMO_DAY, "student"), users_of(whole, DEMO_DAY, "teacher")
    schools = {row["sourcedId"]: row for row in whole.contents_on(DEMO_DAY).oneroster["orgs"]}

    assert {row["identifier"] for row in schools.values() if row["type"] == "school"} == {
        UNIT_BY_SLUG[unit].code for unit in units_of("oneroster")
    }
    assert len(pupils) > 1000
    assert len(teachers) > 90
    assert {role["org"]["sourcedId"] for row in pupils.values() for role in row["roles"]} < set(schools)


def test_a_grade_is_that_of_the_enrolment_that_has_begun(whole):
    june, july = date(2026, 6, 30), date(2026, 7, 2)
    before, after = users_of(whole, june, "student"), users_of(whole, july, "student")
    changes = Counter(
        (*before[id_]["grades"], *after[id_]["grades"]) for id_ in before if len(before[id_]["grades"]) == 1
    )

    assert {("KG", "01"), ("01", "02"), ("06", "07"), ("08", "09")} <= set(changes)
    # Pupils of year 9 keep theirs, and those who come in autumn have that of their first year there.
    assert {pair for pair in changes if pair[0] == pair[1]} == {
        ("09", "09"),
        ("07", "07"),
        ("KG", "KG"),
        ("XGR", "XGR"),
    }


def test_an_end_is_the_day_after_the_last(whole):
    ends = {role.get("endDate") for row in users_of(whole, DEMO_DAY, "student").values() for role in row["roles"]}

    assert "2027-07-01" in ends


def test_who_was_deleted_is_listed_as_such_for_two_weeks(whole):
    deleted_on = date(2026, 7, 10)
    gone = {
        learner.id
        for learner in whole.roster_parts["oneroster"].learners
        if is_listed(learner, date(2026, 7, 9)) and not is_listed(learner, deleted_on)
    }
    statuses = [
        {users_of(whole, day, "student").get(id_, {}).get("status", "active") for id_ in gone}
        for day in (deleted_on - timedelta(days=1), deleted_on, deleted_on + timedelta(days=13))
    ]

    assert len(gone) > 200
    assert statuses == [{"active"}, {"tobedeleted"}, {"tobedeleted"}]
    assert gone.isdisjoint(users_of(whole, deleted_on + timedelta(days=14), "student"))


@pytest.mark.parametrize("listing", ["users", "enrollments"])
def test_on_one_day_a_lost_right_makes_listings_empty(whole, listing):
    sizes = [len(whole.contents_on(day).oneroster[listing]) for day in (NO_RIGHT_SPAN[0], DEMO_DAY)]

    assert sizes[0] == 0 < sizes[1]


def test_it_holds_texts_that_may_never_be_stored(whole):
    assert CANARY.encode() in msgspec.json.encode(whole.contents_on(DEMO_DAY).oneroster["users"])
