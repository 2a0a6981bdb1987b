"""The expected numbers are consistent: sums add up on every day, and each special case is in them."""

from collections import Counter
from datetime import date, timedelta

import pytest

from fleetsync.core.model import CENTRAL, UNPLACED
from fleetsync.demo.days import DEMO_DAY, SCHOOLS
from fleetsync.demo.model import ExpectedGap
from fleetsync.demo.truth import GroundTruth

DAYS = [date(2025, 8, 11) + timedelta(days=29 * number) for number in range(26)]
WATCHED_SINCE = date(2026, 9, 28)


@pytest.fixture(scope="module")
def truth(whole):
    return GroundTruth(whole, WATCHED_SINCE)


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_each_number_is_part_of_the_larger_one(whole, day):
    for row in GroundTruth(whole).coverage(day).values():
        assert 0 <= row.covered <= row.assigned <= row.entitled
        assert row.entitled == row.covered + row.short + row.unknown
        assert row.short >= 0
        for by in ("own", "set", "pool"):
            assert getattr(row, f"covered_{by}") <= getattr(row, f"assigned_{by}")


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_every_person_is_owed_once_and_at_a_unit(whole, day):
    persons = [owed.person for owed in whole.builder.expected_owed if owed.first <= day <= owed.last]

    assert len(persons) == len(set(persons))


def test_with_schools_there_is_one_teacher_more_than_with_staff_only(staff_only, whole):
    small = sum(row.entitled for row in GroundTruth(staff_only).coverage().values())
    large = sum(row.entitled for (_, id_), row in GroundTruth(whole).coverage().items() if id_ == "staff")

    assert large == small + 1


def test_4724_devices_are_counted(truth):
    assert sum(truth.devices().values()) == 4724


def test_a_cart_of_thirty_covers_thirty_of_three_classes(truth):
    row = truth.coverage()["akerbyskolan", "pupils"]

    assert row.entitled - row.covered > 40
    assert row.covered_set == 30 + 151  # and the six carts of years 2 and 3 cover all of theirs


def test_a_class_with_a_cart_and_its_neighbour_without_get_thirty_devices_together(truth, whole):
    members = [
        owed for owed in whole.builder.expected_owed
        if owed.unit == "vretaskolan" and owed.group in {"3A", "3B"} and owed.first <= DEMO_DAY <= owed.last
    ]  # fmt: skip

    assert truth.coverage()["vretaskolan", "pupils"].short >= len(members) - 30


def test_five_children_share_a_device_and_a_sixth_needs_another(whole):
    truth, before, after = GroundTruth(whole), date(2026, 10, 4), date(2026, 10, 5)
    rows = [truth.coverage(day)["gasslan", "preschool"] for day in (before, after)]

    assert rows[1].heads == rows[0].heads + 8
    assert [row.entitled for row in rows] == [-(-row.heads // 5) for row in rows]


def test_protected_persons_are_counted_without_a_unit_and_the_few_of_the_staff_centrally(truth):
    coverage = truth.coverage()

    assert coverage[UNPLACED, "pupils"].covered == 7
    assert coverage[UNPLACED, "preschool"].heads == 6
    assert (coverage[CENTRAL, "staff"].covered, coverage[CENTRAL, "staff"].unknown) == (3, 1)


def test_a_newly_protected_child_stays_in_the_totals(whole):
    truth = GroundTruth(whole)
    sums = [
        sum(row.heads for (_, id_), row in truth.coverage(day).items() if id_ == "preschool")
        for day in (date(2026, 11, 1), date(2026, 11, 2))
    ]

    assert sums[0] == sums[1]


def test_year_9_is_owed_nothing_from_the_day_after_the_last_school_day(whole):
    truth = GroundTruth(whole)
    june, after = (
        truth.coverage(day)["tallmoskolan", "pupils"].entitled for day in (date(2026, 6, 11), date(2026, 6, 12))
    )

    assert june - after == sum(
        1 for owed in whole.builder.expected_owed if owed.unit == "tallmoskolan" and owed.last == date(2026, 6, 11)
    )
    assert 140 < june - after < 160


def test_the_turnover_is_three_weeks_before_the_first_school_day(whole):
    truth = GroundTruth(whole)
    numbers = [truth.coverage(day)["vretaskolan", "pupils"].entitled for day in (date(2026, 7, 26), date(2026, 7, 27))]

    assert numbers[0] != numbers[1]
    assert truth.coverage(date(2026, 8, 17))["vretaskolan", "pupils"].entitled == numbers[1]


def test_a_later_installation_assigns_both_laptops_of_a_reused_log_in_to_the_new_pupil(whole):
    remembering, later = (GroundTruth(whole, day).gaps() for day in (date(2026, 10, 27), date(2026, 11, 2)))
    new = GroundTruth(whole, date(2026, 11, 11))
    unit = next(unit for unit, kind in remembering if kind == "login_reused")

    assert not any(kind == "login_reused" for _, kind in later)
    assert later.get((unit, "extra_device"), 0) == remembering.get((unit, "extra_device"), 0)
    assert new.gaps()[unit, "extra_device"] == remembering.get((unit, "extra_device"), 0) + 1
    assert GroundTruth(whole, date(2026, 11, 2)).gaps(date(2026, 11, 6))[unit, "unknown_holder"] == 1


# --- when a gap opens -------------------------------------------------------------------------------------------------


def opens(truth: GroundTruth, gap: ExpectedGap) -> date:
    day = truth.first_run_on
    while not truth.is_open(gap, day):
        day += timedelta(days=1)
    return day


def a_gap(first: date, **changes) -> ExpectedGap:
    return ExpectedGap("stale", "vretaskolan", "x", first, **changes)


def test_an_old_gap_opens_at_the_first_run(truth):
    assert opens(truth, a_gap(date(2026, 1, 1))) == WATCHED_SINCE


def test_a_gap_does_not_open_during_a_break(truth):
    hoestlov = date(2026, 10, 27)

    assert opens(truth, a_gap(hoestlov, outside_breaks=True)) == date(2026, 11, 2)
    assert opens(truth, a_gap(hoestlov)) == hoestlov


def test_some_gaps_open_after_school_days_or_on_the_next_day(truth):
    first = date(2026, 10, 5)

    assert opens(truth, a_gap(first, after=20)) == SCHOOLS.after(first, 20)
    assert opens(truth, a_gap(date(2026, 1, 1), opens_next_day=True)) == WATCHED_SINCE + timedelta(days=1)
    assert opens(truth, a_gap(first, opens_next_day=True)) == first


def test_a_gap_that_only_a_list_shows_opens_with_the_list(truth):
    saturday = date(2026, 11, 21)

    assert opens(truth, a_gap(saturday, seen_by="list")) == date(2026, 11, 23)
    assert opens(truth, a_gap(date(2026, 11, 24), seen_by="list")) == date(2026, 11, 30)
    assert opens(truth, a_gap(saturday, seen_by="workshop")) == date(2026, 11, 23)


def test_every_kind_of_gap_in_the_demo_is_open_on_its_last_day(truth):
    kinds: Counter[str] = Counter()
    for (_, kind), number in truth.gaps().items():
        kinds[kind] += number

    assert kinds >= Counter(
        no_device=1, not_in_directory=1, device_not_working=1, no_account=1, extra_device=1, ending_with_device=1, starting_without_device=1,
        duplicate_person=1, login_reused=1, stale=1, never_enrolled=1, warranty_ending=1, leaver_holds=1, unknown_holder=1,
        ambiguous_holder=1, unplaced=1, unsorted=1, duplicate_serial=1, lost=1, long_in_repair=1, unencrypted=1,
        noncompliant=1, personally_owned=1, below_target=1, set_short=1, pool_short=1, unmapped_unit=1,
    )  # fmt: skip
