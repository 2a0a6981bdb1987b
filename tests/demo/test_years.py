"""Exempelby lives in the school year of any day: its calendar follows by rule, and its numbers are true in other years."""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from fleetsync import demo
from fleetsync.demo.calendar_rules import calendar_text, preschools_closed, public_holidays, schools_closed, terms_of
from fleetsync.demo.start_year import START_YEAR, school_year_shown_on
from fleetsync.schedule import YEARS_OF_HOLIDAYS, load_calendars
from fleetsync.schedule import public_holidays as listed_holidays

YEARS = range(YEARS_OF_HOLIDAYS.start, YEARS_OF_HOLIDAYS.stop - 1)


@pytest.mark.parametrize("year", YEARS_OF_HOLIDAYS)
def test_the_public_holidays_are_those_of_the_library(year):
    ours = {day for day in public_holidays(year) if day.weekday() < 5}

    assert ours == {day for day in listed_holidays() if day.year == year and day.weekday() < 5}


@pytest.mark.parametrize("year", YEARS)
def test_the_calendar_of_any_year_is_accepted_and_as_long_as_a_school_year(tmp_path, year):
    file = tmp_path / "calendar.toml"
    closed, preschools = schools_closed(year), preschools_closed(year, in_summer=False)
    file.write_text(calendar_text(terms_of(year), closed, preschools), encoding="utf-8")

    calendars = load_calendars(file)

    (first, christmas), (resumes, last) = terms_of(year)
    # The school ordinance: at least 178 school days less up to five for planning and the days that Exempelby gives off.
    assert 172 <= calendars.default.school_days_between(first, last) + 1 <= 183
    assert all(calendars.default.is_school_day(day) for day in (first, christmas, resumes, last))
    assert date(year, 12, 24) > christmas
    assert resumes > date(year + 1, 1, 6)


@pytest.mark.parametrize(
    ("day", "year"),
    [
        ("2026-11-24", 2026),
        ("2027-01-01", 2026),
        ("2027-07-31", 2026),
        ("2027-08-01", 2027),
        ("2028-02-29", 2027),
        ("2031-12-31", 2031),
    ],
)
def test_the_school_year_that_is_shown_changes_in_august(day, year):
    assert school_year_shown_on(date.fromisoformat(day)) == year


def test_a_year_that_is_in_use_cannot_be_exchanged():
    START_YEAR.choose(START_YEAR.year)

    with pytest.raises(RuntimeError, match="is already described for 2026: choose 2031 in a new process"):
        START_YEAR.choose(2031)


def described(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "tests.demo.another_year", *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize(
    "days",
    [
        (
            "2027-08-01",
            "2027-08-16",
            "2028-02-29",
            "2028-07-31",
        ),  # the day of the change, the first of term, a leap day
        ("2029-08-20", "2030-01-01", "2030-07-15"),  # the latest start of a term
        ("2031-08-01", "2031-10-30", "2032-06-20"),
    ],
    ids=lambda days: days[0][:4],
)
def test_on_any_day_of_any_year_each_source_and_each_expected_number_has_content(days):
    year = str(school_year_shown_on(date.fromisoformat(days[0])))

    assert described(year, "sources", *days) == [f"{day} []" for day in days]


def test_every_published_number_of_another_year_is_true():
    assert described("2027", "numbers", "2027-12-01") == ["2027-12-01 []"]


FIXED_DAY = re.compile(r"(?<!\w)date\(202[5-9], \d+, \d+\)")


@pytest.mark.parametrize("module", sorted(Path(demo.__file__).parent.rglob("*.py")), ids=lambda module: module.stem)
def test_no_day_of_the_described_years_is_fixed(module):
    """Such a day belongs to one school year; `same_weekday` or `same_date` gives it in the year that is shown."""
    assert FIXED_DAY.findall(module.read_text(encoding="utf-8")) == []
