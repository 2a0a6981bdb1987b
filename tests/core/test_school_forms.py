"""School forms, and who is a child by their enrolments."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.school_forms import (
    AFTER_SCHOOL_FORMS,
    CHILD_FORMS,
    FORMS_WITHOUT_YEAR,
    GRADED_FORMS,
    KNOWN_FORMS,
    OLDER_FORMS,
    STANDARD_FORMS,
    EnrolmentPeriod,
    is_child,
)

TODAY = date(2026, 11, 24)
AUTUMN = date(2026, 8, 17)
LAST_YEAR = date(2025, 8, 18)


def enrolled(form: str, year: int | None = None, first: date = AUTUMN, last: date = date.max) -> EnrolmentPeriod:
    return EnrolmentPeriod(form, year, first, last)


def test_every_known_form_is_of_one_kind() -> None:
    kinds = (CHILD_FORMS, frozenset(GRADED_FORMS), FORMS_WITHOUT_YEAR, OLDER_FORMS)

    assert sum(map(len, kinds)) == len(KNOWN_FORMS)
    assert {"PC"} == KNOWN_FORMS - STANDARD_FORMS, "a word of one vendor, and of no standard"


@pytest.mark.parametrize(
    ("rows", "child"),
    [
        pytest.param([enrolled("FKLASS")], True, id="förskoleklass"),
        pytest.param([enrolled("GR", 0)], True, id="a six-year-old in the compulsory school"),
        pytest.param([enrolled("GR", 1)], False, id="a pupil of year 1"),
        pytest.param([enrolled("GR")], False, id="the compulsory school without a year"),
        pytest.param([enrolled("GY", 1)], False, id="gymnasium has a year 1 of its own"),
        pytest.param([enrolled("GY", 1, first=date(2027, 8, 16))], False, id="gymnasium to come"),
        pytest.param([enrolled("FSK")], True, id="an unknown form without a year"),
        pytest.param([enrolled("FSK", 8)], False, id="an unknown form with a pupil's year"),
        pytest.param([enrolled("FKLASS"), enrolled("FTH")], True, id="after-school care says nothing of age"),
        pytest.param([enrolled("FTH")], False, id="after-school care alone begins with school"),
        pytest.param([enrolled("FTH", first=date(2027, 8, 16))], True, id="after-school care to come"),
        pytest.param([enrolled("KU")], True, id="kulturskola alone: perhaps in förskola"),
        pytest.param([], True, id="no enrolment"),
        pytest.param(
            [enrolled("FKLASS", first=LAST_YEAR), enrolled("GR", 1)], False, id="a grade outranks an open row"
        ),
        pytest.param(
            [enrolled("FKLASS"), enrolled("GR", 1, LAST_YEAR, date(2026, 1, 9))], True, id="back to förskoleklass"
        ),
        pytest.param(
            [enrolled("FKLASS"), enrolled("GR", 2, LAST_YEAR, date(2026, 1, 9))], False, id="never back from year 2"
        ),
        pytest.param(
            [enrolled("FKLASS"), enrolled("GR", 1, first=date(2027, 8, 16))], True, id="a grade to come proves nothing"
        ),
    ],
)
def test_a_child_is_known_by_enrolments(rows: list[EnrolmentPeriod], child: bool) -> None:
    assert is_child(rows, TODAY) is child
    assert is_child(rows[::-1], TODAY) is child


@pytest.mark.parametrize(("year", "child"), [(1, True), (2, False)])
def test_a_year_is_read_by_the_ten_year_school_from_its_first_day(year: int, child: bool) -> None:
    rows = [enrolled("GR", year, first=date(2028, 8, 14))]

    assert is_child(rows, date(2028, 9, 1)) is child


def test_a_year_is_read_as_it_was_called_when_the_row_ended() -> None:
    assert not is_child([enrolled("GR", 1, date(2027, 8, 16), date(2028, 6, 9))], date(2028, 7, 20))


@given(st.sampled_from(sorted(AFTER_SCHOOL_FORMS)), st.dates(date(2024, 1, 1), TODAY))
def test_after_school_care_never_makes_a_pupil_of_a_child(form: str, first: date) -> None:
    assert is_child([enrolled("FKLASS"), enrolled(form, first=first)], TODAY)
