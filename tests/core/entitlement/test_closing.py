"""An organisation that has ended ends all below it: its memberships, on its last day and for that reason."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.coverage import reconcile
from fleetsync.core.model import (
    UNPLACED,
    BelievedRecord,
    BelievedState,
    MembershipType,
    Outcome,
    PartRole,
    PartState,
    PersonState,
    RecordType,
    Turnover,
    UnitRecord,
)
from tests.core.entitlement.entitlement_samples import (
    CALENDARS,
    FIXED,
    PERMANENT,
    TODAY,
    believed_record,
    day,
    decision,
    employed,
    enrolled,
    group,
    in_group,
    membership_record,
    moment,
    owed_by,
    parts,
    people_of,
    person_state_of,
    placed,
    policy,
    pooled_by,
)

LAST, CLOSED, LATEST = "2027-06-10", "2027-06-30", "2027-08-27"
DAYS = st.dates(date(2026, 8, 1), date(2027, 6, 30))


def organisation(at: str, end: str | None = None, parent: str | None = None, **more: Any) -> BelievedRecord:
    """An organisation of the school register, or of the `source` that is named."""
    source = more.pop("source", "sis")
    more = {"kind": "Skola", "name": at.title(), **more}
    return believed_record(
        source, "units", UnitRecord(source_id=at, parent=parent, end=day(end) if end else None, **more)
    )


def units_read(as_of: str, source: str = "sis") -> PartState:
    return PartState(source=source, part="units", role=PartRole.ROSTER, types=(RecordType.UNIT,), as_of=day(as_of))


def said(person_state: PersonState, entitlement: str = "pupils") -> tuple[str, str]:
    reason = decision(person_state, entitlement).reason
    return (reason.sv, reason.en)


def pupil(*organisations: BelievedRecord, on: str = TODAY, **more: Any) -> PersonState:
    """A pupil of year 5 at Ekskolan whose enrolment has no end."""
    return person_state_of(enrolled("GR", 5, "2024-08-19"), beside=organisations, on=on, **more)


# --- on which day -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("on", "is_owed"), [("2026-10-29", True), ("2026-10-30", True), ("2026-10-31", False)])
def test_an_enrolment_without_an_end_runs_to_the_last_day_of_its_school(on: str, is_owed: bool) -> None:
    assert (owed_by(pupil(organisation("ek", "2026-10-30"), on=on)) == "pupils") is is_owed


def test_whose_school_has_ended_has_left_it_on_its_last_day_and_is_told_why() -> None:
    person_state = pupil(organisation("ek", "2026-10-30"))

    assert (person_state.counted, person_state.ended_on, person_state.unit) == (False, day("2026-10-30"), "ekskolan")
    assert said(person_state) == ("Enheten upphörde 2026-10-30", "The unit ended on 2026-10-30")
    assert said(person_state, "preschool") == ("Enheten upphörde 2026-10-30", "The unit ended on 2026-10-30")
    assert said(person_state, "staff") == ("Ingen anställning", "No employment")


def test_an_end_to_come_ends_nothing_yet() -> None:
    person_state = pupil(organisation("ek", CLOSED))

    assert (owed_by(person_state), person_state.ends_on, person_state.ended_on) == ("pupils", None, None)


def test_a_school_to_close_makes_no_fixed_term_of_an_employment_without_an_end() -> None:
    # Three months before the end a fixed term would be too short to entitle.
    closing = organisation("ek", "2027-06-30", source="hr")
    person_state = person_state_of(employed(None, "2027-05-03"), beside=[closing], on="2027-05-10")

    assert person_state.owed is not None
    assert person_state.owed.reason.en == "Employed from 2027-05-03 with no last day"


@pytest.mark.parametrize(
    ("read", "is_owed"), [("2026-10-30", True), ("2026-10-31", False), ("2026-11-24", False)], ids=str
)
def test_an_end_that_has_passed_is_believed_once_the_organisations_were_read_later(read: str, is_owed: bool) -> None:
    closing = organisation("ek", "2026-10-30")
    person_state = pupil(closing, read=(*parts(TODAY), units_read(read)))

    assert (owed_by(person_state) == "pupils") is is_owed


def test_an_organisation_that_its_register_has_deleted_has_ended_as_it_said() -> None:
    gone = replace(organisation("ek", "2026-10-30"), gone=True)

    assert owed_by(pupil(gone, read=(*parts(TODAY), units_read("2026-10-29")))) is None


def test_who_is_to_begin_where_there_will_be_nothing_by_then_is_not_to_come() -> None:
    row = enrolled("GR", 5, "2026-12-07")

    assert person_state_of(row).starts_on == day("2026-12-07")
    assert person_state_of(row, beside=[organisation("ek", "2026-12-06")]).starts_on is None
    assert person_state_of(row, beside=[organisation("ek", "2026-12-07")]).starts_on == day("2026-12-07")


# --- what it ends -----------------------------------------------------------------------------------------------------


def test_what_is_above_ends_what_is_below_unless_that_ends_earlier() -> None:
    area = organisation("rektor", "2026-10-30", kind="Rektorsområde")

    assert pupil(organisation("ek", parent="rektor"), area).ended_on == day("2026-10-30")
    assert pupil(organisation("ek", "2026-11-20", parent="rektor"), area).ended_on == day("2026-10-30")
    assert pupil(organisation("ek", "2026-10-02", parent="rektor"), area).ended_on == day("2026-10-02")
    assert pupil(organisation("ek", parent="annat"), area).ended_on is None


def test_what_had_ended_before_keeps_its_own_day_and_reason() -> None:
    row = enrolled("GR", 5, "2024-08-19", "2026-09-30")
    person_state = person_state_of(row, beside=[organisation("ek", "2026-10-30")])

    assert person_state.ended_on == day("2026-09-30")
    assert said(person_state) == ("Ingen inskrivning", "No enrolment")


def test_an_end_in_between_is_the_schools_and_after_the_rows_own_it_is_the_rows() -> None:
    row = enrolled("GR", 5, "2024-08-19", "2026-11-20")
    closing = organisation("ek", "2026-10-30")

    assert said(person_state_of(row, beside=[closing], on="2026-11-20"))[1] == "The unit ended on 2026-10-30"
    assert said(person_state_of(row, beside=[closing], on="2026-11-21"))[1] == "No enrolment"
    assert person_state_of(row, beside=[closing]).ended_on == day("2026-10-30")


def test_a_vanished_row_is_no_row_that_only_its_school_has_ended() -> None:
    missing = enrolled("GR", 5, "2024-08-19", gone=True, absent_since=moment("2026-11-20").at)

    assert said(person_state_of(missing, beside=[organisation("ek", "2026-10-30")]))[1] == "No enrolment"


def test_another_source_that_names_the_unit_by_its_code_is_not_ended() -> None:
    person_state = person_state_of(employed(PERMANENT, "2020-01-01"), beside=[organisation("ek", "2026-10-30")])

    assert owed_by(person_state) == "staff"


def test_a_later_enrolment_elsewhere_counts_and_says_nothing_of_the_school_that_ended() -> None:
    moved = (enrolled("GR", 5, "2024-08-19"), enrolled("GR", 5, "2026-11-02", at="bj"))
    person_state = person_state_of(*moved, beside=[organisation("ek", "2026-10-30")])

    assert (person_state.unit, owed_by(person_state)) == ("bjorkskolan", "pupils")


def test_an_earlier_enrolment_that_still_runs_counts_when_the_later_school_has_ended() -> None:
    both = (enrolled("GR", 5, "2024-08-19", at="bj"), enrolled("GR", 5, "2026-08-17"))
    person_state = person_state_of(*both, beside=[organisation("ek", "2026-10-30")])

    assert (person_state.unit, owed_by(person_state)) == ("bjorkskolan", "pupils")


def test_children_of_a_forskola_that_has_ended_are_in_no_pool() -> None:
    person_state = person_state_of(placed("2024-08-19"), beside=[organisation("ug", "2026-10-30")])

    assert pooled_by(person_state) is None
    assert said(person_state, "preschool")[1] == "The unit ended on 2026-10-30"


def test_a_class_of_a_school_that_has_ended_is_nobodys() -> None:
    rows = (enrolled("GR", 5, "2024-08-19", at="bj"), in_group("5a", "2026-08-17"))
    class_ = group("5a", "5A", "Klass", at=None)
    of_old = group("5a", "5A", "Klass", at="gamla")
    old = organisation("gamla", "2026-10-30")

    assert person_state_of(*rows, beside=[class_, old]).class_group == "5A"
    assert person_state_of(*rows, beside=[of_old, organisation("gamla")]).class_group == "5A"
    assert person_state_of(*rows, beside=[of_old, old]).class_group is None


def test_a_person_whose_row_names_a_unit_leaves_with_that_unit_and_not_with_their_group() -> None:
    row = membership_record("sis", "children", MembershipType.PLACEMENT, "2024-08-19", None, {"at": "ug", "group": "g"})
    row = replace(row, record=replace(row.record, school_form="FS"))
    beside = [group("g", "Blåbäret", "Avdelning", at="gamla"), organisation("gamla", "2026-10-30")]

    assert pooled_by(person_state_of(row, beside=beside)) == "preschool"


def test_a_protected_person_is_not_ended_since_nobody_knows_where_they_are() -> None:
    row = enrolled("GR", 5, "2024-08-19", at=None, masked=True)
    person_state = person_state_of(row, beside=[organisation("ek", "2026-10-30")], masked=True)

    assert (owed_by(person_state), person_state.unit) == ("pupils", UNPLACED)


# --- staff ------------------------------------------------------------------------------------------------------------


def served(*rows: BelievedRecord, on: str) -> PersonState:
    return person_state_of(*rows, beside=[organisation("ek", LAST, source="hr")], on=on)


def test_nobody_returns_to_a_school_that_has_ended() -> None:
    term = employed(FIXED, "2026-08-10", "2027-06-11")

    assert person_state_of(term, on="2027-07-01").may_return
    assert not served(term, on="2027-07-01").counted
    assert said(served(employed(None, "2026-08-10"), on="2027-07-01"), "staff")[1] == "The unit ended on 2027-06-10"


def test_who_goes_on_elsewhere_after_the_summer_was_never_away() -> None:
    rows = (employed(None, "2026-08-10"), employed(None, "2027-08-16", "2028-06-10", at="bj"))
    person_state = served(*rows, on="2027-07-01")

    assert owed_by(person_state) == "staff"
    assert person_state.owed is not None
    assert person_state.owed.reason.en == "Fixed term 2026-08-10–2028-06-10, longer than 3 months (adjoining terms)"


# --- the turn of the year ---------------------------------------------------------------------------------------------


def judged(on: str, turnover: Turnover | None = None) -> Outcome:
    rows = (enrolled("GR", 5, "2024-08-19", source_id="old"),)
    result = (*people_of(rows), *rows, organisation("ek", CLOSED))
    return reconcile(
        BelievedState(known=result, parts=(*parts(on), units_read(on)), turnover=turnover),
        policy(),
        CALENDARS,
        moment(on),
    )


def test_a_school_that_ends_in_the_break_moves_nobody_until_the_year_has_turned() -> None:
    turnover = judged(LAST).turnover
    assert turnover is not None
    in_break, turned = judged("2027-07-20", turnover), judged(LATEST, turnover)

    (case,) = in_break.people
    assert owed_by(case.person_state) == "pupils"
    assert case.person_state.owed is not None
    assert case.person_state.owed.reason.en == (
        "Attends GR from 2024-08-19, year 5; ended 2027-06-30, counts on until the school year has turned"
    )
    (case,) = turned.people
    assert turned.turnover is not None
    assert turned.turnover.turned_at is not None
    assert (owed_by(case.person_state), case.person_state.ended_on) == (None, day(CLOSED))


# --- always -----------------------------------------------------------------------------------------------------------


@given(st.none() | DAYS, st.none() | DAYS, st.none() | DAYS, DAYS)
def test_nobody_is_ever_owed_after_the_last_day_of_their_school_or_of_what_is_above_it(
    end: date | None, of_school: date | None, of_area: date | None, today: date
) -> None:
    days = [last_day.isoformat() if last_day else None for last_day in (end, of_school, of_area)]
    row = enrolled("GR", 5, "2024-08-19", days[0])
    school, area = organisation("ek", days[1], parent="rektor"), organisation("rektor", days[2])
    last = min(last_day or date.max for last_day in (end, of_school, of_area))

    person_state = person_state_of(row, beside=[school, area], on=today.isoformat(), read=parts("2027-07-01"))

    assert (owed_by(person_state) == "pupils") is (today <= last)
    assert person_state.ended_on == (None if today <= last else last)
    assert all(decision.reason.sv for decision in person_state.decisions)


@given(DAYS, st.integers(1, 400))
def test_what_an_end_to_come_is_never_changes_the_day(end: date, ahead: int) -> None:
    today = end - timedelta(days=ahead)
    closing = organisation("ek", end.isoformat())
    row = enrolled("GR", 5, "2024-08-19")

    assert person_state_of(row, beside=[closing], on=today.isoformat()) == person_state_of(row, on=today.isoformat())
