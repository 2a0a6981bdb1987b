"""The turn of the school year, from the last school day of 2026/27 to ten school days into 2027/28 (and once 2028)."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.calendar import Calendar, Calendars, Term
from fleetsync.core.coverage import reconcile
from fleetsync.core.entitlement import MembershipIndex, TurnoverProgress, turnover_progress
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    DeviceRecord,
    MembershipRecord,
    MembershipType,
    Outcome,
    PartRole,
    PartState,
    Person,
    PersonState,
    Platform,
    Purpose,
    RecordType,
    Turnover,
)
from fleetsync.core.privacy import key_tokeniser, mask_record
from tests.core.entitlement.entitlement_samples import (
    CALENDARS,
    SCHOOLS,
    absent_since_fields,
    believed_record,
    context_of,
    day,
    employed,
    enrolled,
    group,
    in_group,
    instant,
    membership_record,
    moment,
    parts,
    people_of,
    placed,
    policy,
)

LAST, FIRST, LATEST = "2027-06-10", "2027-08-16", "2027-08-27"
EARLIEST = "2027-07-26"  # three weeks before the first school day
SUMMER = [day(LAST) + timedelta(days=passed) for passed in range(1, 67)]  # strictly between the two school days
POLICY = policy()


def judged(
    rows: Iterable[BelievedRecord],
    on: str,
    turnover: Turnover | None = None,
    *,
    read: Sequence[PartState] | None = None,
    calendars: Calendars = CALENDARS,
    people: Sequence[BelievedRecord] | None = None,
) -> Outcome:
    """One reconciliation over the rows and a record for everybody who is named in them."""
    rows = tuple(rows)
    result = (*(people_of(rows, keys=()) if people is None else people), *rows)
    believed = BelievedState(known=result, parts=parts(on) if read is None else read, turnover=turnover)
    return reconcile(believed, POLICY, calendars, moment(on))


def begun(rows: Iterable[BelievedRecord], on: str = LAST, **more: Any) -> Turnover:
    result = judged(rows, on, **more).turnover
    assert result is not None
    return result


def later(rows: Iterable[BelievedRecord], on: str, turnover: Turnover, **more: Any) -> Outcome:
    return judged(rows, on, turnover, **more)


def person_state(outcome: Outcome, who: str = "alva") -> PersonState:
    (result,) = (case.person_state for case in outcome.people if _is(case.person, who))
    return result


def _is(person: Person, who: str) -> bool:
    records = (*person.records, *person.memberships)
    return any(
        who in (known_record.record.source_id, getattr(known_record.record, "person", None)) for known_record in records
    )


def owed(outcome: Outcome, who: str = "alva") -> str | None:
    result = person_state(outcome, who)
    return result.owed.entitlement if result.owed else None


def entitled(outcome: Outcome) -> list[tuple[str, str, int]]:
    return [(row.unit, row.entitlement, row.entitled) for row in outcome.coverage]


def turned(outcome: Outcome) -> str | None:
    assert outcome.turnover is not None
    assert (outcome.turnover.how is None) == (outcome.turnover.turned_at is None)
    return outcome.turnover.how


def pupil(who: str, year: int, start: str | None = "2024-08-19", end: str | None = None, **more: Any) -> BelievedRecord:
    return enrolled("GR", year, start, end, who=who, **{"source_id": f"row-{who}", **more})


def promoted(row: BelievedRecord, **more: Any) -> BelievedRecord:
    assert isinstance(row.record, MembershipRecord)
    year = 1 if row.record.school_form == "FKLASS" else (row.record.year or 0) + 1
    return replace(row, record=replace(row.record, **{"year": year, "school_form": "GR", **more}))


# --- copying ----------------------------------------------------------------------------------------------------------


def test_nothing_is_copied_before_the_last_school_day() -> None:
    assert judged([pupil("alva", 5)], "2027-06-09").turnover is None


def test_on_the_last_school_day_what_holds_of_pupils_and_children_is_copied() -> None:
    rows = [
        pupil("alva", 5),
        placed("2026-08-17", who="bo", source_id="row-bo"),
        in_group("g5b", "2026-08-17", who="alva", source_id="alva-5b"),
        group("g5b", "5B", "Klass"),
        group("g6b", "6B", "Klass"),
        employed(None, "2020-01-01", who="cia"),
        membership_record("sis", "groups", MembershipType.GROUP, "2026-08-17", None, {"group": "team", "who": "cia"}),
        pupil("dan", 5, end="2027-05-31"),
        pupil("eva", 5, start="2027-08-16"),
        placed("2026-08-17", who="fia", source_id="row-fia", **absent_since_fields("2027-05-01")),
    ]
    turnover = begun(rows)

    assert (turnover.first_school_day, turnover.last_school_day) == (day(FIRST), day(LAST))
    assert (turnover.copied_at, turnover.turned_at) == (instant(LAST), None)
    assert {(copy.part, copy.record.source_id) for copy in turnover.copies} == {
        ("pupils", "row-alva"),
        ("children", "row-bo"),
        ("groups", "alva-5b"),
        ("groups", "g5b"),
    }


def test_a_copy_is_masked_as_its_row_is() -> None:
    token_of = key_tokeniser(b"an invented secret")
    rows = [*people_of([pupil("alva", 5)], keys=()), pupil("alva", 5)]
    hidden = [replace(row, record=mask_record(row.record, token_of, source="sis"), masked=True) for row in rows]
    turnover = begun(hidden, people=())

    (copy,) = turnover.copies
    assert (copy.masked, copy.record) == (True, hidden[1].record)
    (case,) = later(hidden, "2027-07-15", turnover, people=()).people
    assert (case.person_state.unit, case.person_state.owed is not None) == ("unplaced", True)


def test_a_year_that_was_not_copied_by_the_first_school_day_has_no_turnover() -> None:
    assert judged([pupil("alva", 5)], FIRST).turnover is None


@pytest.mark.parametrize("on", [LAST, "2027-07-15", "2027-08-10"])
def test_who_comes_to_forskoleklass_by_rows_to_come_alone_is_a_child_whatever_the_calendar(on: str) -> None:
    coming = (
        placed(FIRST, form="FTH", who="alva", source_id="fth"),
        enrolled("FKLASS", None, "2027-08-18", who="alva", source_id="fklass"),
    )
    rows = [pupil(f"p{at}", 5) for at in range(9)]
    turnover = begun([*rows, *coming])
    result = later([*rows, *coming], on, turnover)

    assert person_state(result).is_child


def test_without_a_summer_break_there_is_no_turnover() -> None:
    everywhere = Calendars(default=Calendar(is_year_round=True))

    assert judged([pupil("alva", 5)], LAST, calendars=everywhere).turnover is None


def test_what_is_copied_once_is_not_copied_again() -> None:
    turnover = begun([pupil("alva", 5)])
    rows = [pupil("alva", 6), pupil("bo", 6)]

    assert later(rows, "2027-06-11", turnover).turnover == turnover


def test_a_year_later_the_next_is_copied() -> None:
    old = Turnover(
        first_school_day=date(2026, 8, 17),
        last_school_day=date(2026, 6, 11),
        copied_at=instant("2026-06-11"),
        turned_at=instant("2026-08-10"),
        how="most",
    )
    assert judged([pupil("alva", 5)], "2027-06-09", old).turnover == old
    assert begun([pupil("alva", 5)], turnover=old).first_school_day == day(FIRST)


def test_one_that_never_turned_gives_way_to_the_next() -> None:
    old = Turnover(
        first_school_day=date(2026, 8, 17), last_school_day=date(2026, 6, 11), copied_at=instant("2026-06-11")
    )

    assert begun([pupil("alva", 5)], turnover=old).copied_at == instant(LAST)


def test_a_calendar_that_is_corrected_in_the_break_moves_the_first_school_day_alone() -> None:
    turnover = begun([pupil("alva", 5)])
    terms = (*SCHOOLS.terms[:3], Term(date(2027, 8, 18), date(2027, 12, 17)))
    corrected = Calendars(default=replace(SCHOOLS, terms=terms))

    result = later([pupil("alva", 6)], "2027-07-01", turnover, calendars=corrected).turnover
    assert result == replace(turnover, first_school_day=date(2027, 8, 18))
    done = replace(turnover, turned_at=instant("2027-06-20"), how="by_hand")
    assert later([pupil("alva", 6)], "2027-07-01", done, calendars=corrected).turnover == done


# --- installed in the break -------------------------------------------------------------------------------------------


def first_read(on: str, *names: str) -> tuple[PartState, ...]:
    return tuple(
        replace(part, first_complete_at=instant(on)) if part.name in names else part for part in parts("2027-07-20")
    )


def test_installed_in_the_break_it_copies_what_the_register_still_says() -> None:
    rows = [
        pupil("alva", 5, end="2027-06-30"),
        pupil("bo", 5, end="2027-06-01"),
        pupil("cia", 5, start="2027-07-01"),
        pupil("dan", 5, **absent_since_fields("2027-06-25")),
    ]
    turnover = begun(rows, "2027-07-15")

    assert {copy.record.source_id for copy in turnover.copies} == {"row-alva", "row-dan"}
    result = judged(rows, "2027-07-15")
    assert [owed(result, who) for who in ("alva", "bo", "cia", "dan")] == ["pupils", None, None, "pupils"]


def test_a_part_that_is_first_read_in_the_break_is_copied_then() -> None:
    empty = begun([], "2027-07-01")
    rows = [
        pupil("alva", 5),
        in_group("g5b", "2026-08-17", who="alva", source_id="alva-5b"),
        placed("2026-08-17", who="bo"),
    ]

    read = first_read("2027-07-20", "sis/pupils", "sis/groups")
    filled = later(rows, "2027-07-20", empty, read=read).turnover
    assert filled is not None
    assert {copy.part for copy in filled.copies} == {"pupils", "groups"}
    assert (filled.copied_at, {copy.first_seen for copy in filled.copies}) == (empty.copied_at, {empty.copied_at})
    read = first_read("2027-07-20", "sis/pupils", "sis/groups", "sis/children")
    both = later(rows, "2027-07-21", filled, read=read).turnover
    assert both is not None
    assert {copy.part for copy in both.copies} == {"pupils", "groups", "children"}


def test_groups_that_are_read_before_their_pupils_wait_for_them_and_may_follow() -> None:
    empty = begun([], "2027-07-01")
    rows = [pupil("alva", 5), in_group("g5b", "2026-08-17", who="alva", source_id="alva-5b")]

    groups_alone = later(rows, "2027-07-20", empty, read=first_read("2027-07-20", "sis/groups")).turnover
    assert groups_alone == empty
    pupils = later(rows, "2027-07-20", empty, read=first_read("2027-07-20", "sis/pupils")).turnover
    assert pupils is not None
    read = first_read("2027-07-20", "sis/pupils", "sis/groups")
    both = later(rows, "2027-07-21", pupils, read=read).turnover
    assert both is not None
    assert {copy.record.source_id for copy in both.copies} == {"row-alva", "alva-5b"}


def test_a_part_that_was_read_before_the_break_is_not_copied_late() -> None:
    empty = begun([])

    assert later([pupil("alva", 5)], "2027-07-20", empty, read=first_read("2027-06-09", "sis/pupils")).turnover == empty


def test_installed_when_the_registers_have_turned_it_turns_at_once() -> None:
    rows = [pupil("alva", 5, end="2027-06-30"), pupil("alva", 6, start="2027-07-01", source_id="new")]

    assert turned(judged(rows, "2027-08-05")) == "most"
    assert person_state(judged(rows, "2027-08-05")).grade_index == 6


# --- until it turns ---------------------------------------------------------------------------------------------------


SCHOOL = [
    *(pupil(f"p{year}", year) for year in range(1, 10)),
    enrolled("FKLASS", None, "2026-08-17", who="six", source_id="row-six"),
    placed("2026-08-17", who="bo", source_id="row-bo"),
    employed(None, "2020-01-01", who="cia"),
]


def test_a_register_that_rewrites_its_years_on_2_july_and_deletes_on_10_july_moves_nothing() -> None:
    turnover = begun(SCHOOL)
    before = entitled(later(SCHOOL, "2027-07-01", turnover))
    rewritten = [promoted(row) if row.part == "pupils" else row for row in SCHOOL]
    people = people_of(rewritten, keys=())
    gone = [
        replace(known_record, gone=True, absent_since=instant("2027-07-09")) for known_record in (*people, *rewritten)
    ]

    assert entitled(later(rewritten, "2027-07-02", turnover)) == before
    assert entitled(later(gone, "2027-07-10", turnover, people=())) != []
    staff = [known_record for known_record in (*people, *rewritten) if known_record.source == "hr"]
    left = [*(known_record for known_record in gone if known_record.source != "hr"), *staff]
    assert entitled(later(left, "2027-07-10", turnover, people=())) == before
    assert sum(count for _, _, count in before) == 8 + 1 + 1 + 1  # pupils without year 9; pools of six and bo; cia


def test_a_class_that_is_renamed_keeps_its_cart() -> None:
    cart = believed_record(
        "list",
        "devices",
        DeviceRecord(
            source_id="cart",
            serial="EXB1",
            manufacturer="Lenovo",
            platform=Platform.WINDOWS,
            purpose=Purpose.SET,
            unit="ek",
            serves=("5B",),
            status="i drift",
        ),
    )
    lists = PartState(
        source="list", part="devices", role=PartRole.LIST, types=(RecordType.DEVICE,), as_of=day("2027-07-05")
    )
    rows = [
        pupil("alva", 5),
        in_group("g5b", "2026-08-17", who="alva", source_id="alva-5b"),
        group("g5b", "5B", "Klass"),
    ]
    renamed = [*rows[:2], group("g5b", "6B", "Klass")]
    turnover = begun([*rows, cart], people=people_of(rows, keys=()))

    result = later(
        [*renamed, cart], "2027-07-05", turnover, people=people_of(rows, keys=()), read=(*parts("2027-07-05"), lists)
    )
    assert person_state(result).class_group == "5B"
    (known_record,) = result.sets
    assert (known_record.groups, known_record.entitlement, known_record.members) == (("5B",), "pupils", 1)


def test_the_reason_tells_that_a_row_which_ended_counts_until_the_turn() -> None:
    turnover = begun([pupil("alva", 5, end="2027-06-15")])
    result = person_state(later([pupil("alva", 5, end="2027-06-15")], "2027-06-20", turnover))

    assert result.owed is not None
    assert result.owed.reason.en == (
        "Attends GR from 2024-08-19, year 5; ended 2027-06-15, counts on until the school year has turned"
    )


def test_the_last_grade_leaves_on_the_last_school_day_whatever_its_row_says() -> None:
    rows = [pupil("alva", 9)]
    turnover = begun(rows)

    assert owed(judged(rows, LAST)) == "pupils"
    left = person_state(later(rows, "2027-06-11", turnover))
    assert (left.owed, left.counted, left.ended_on, left.unit) == (None, False, day(LAST), "ekskolan")


def test_the_row_of_one_who_left_never_comes_back_and_one_that_starts_later_counts() -> None:
    left = begun([pupil("alva", 9)])
    done = replace(left, turned_at=instant("2027-08-02"), how="most")
    rewritten = pupil("alva", 10, source_id="another")  # a register that promotes everybody, under another id
    again = pupil("alva", 9, start="2027-08-16", source_id="again")

    for on in ("2027-08-02", FIRST, "2027-10-01", "2028-05-01"):
        assert owed(later([pupil("alva", 9), rewritten], on, done)) is None
        assert owed(later([pupil("alva", 9), again], on, done)) == "pupils"


THREE_YEARS = Calendars(
    default=replace(
        SCHOOLS,
        terms=(
            *SCHOOLS.terms,
            Term(date(2028, 1, 10), date(2028, 6, 9)),
            Term(date(2028, 8, 14), date(2028, 12, 19)),
            Term(date(2029, 1, 9), date(2029, 6, 8)),
            Term(date(2029, 8, 20), date(2029, 12, 19)),
        ),
    )
)


def test_who_has_left_never_comes_back_however_many_years_their_row_stays_open() -> None:
    rows = [pupil("alva", 9, start="2021-08-16"), pupil("bo", 1, start="2026-08-17")]
    turnover = begun(rows, "2026-06-11", calendars=THREE_YEARS)
    for year, first in ((2026, 17), (2027, 16), (2028, 14), (2029, 20)):
        # In 2028 the labels of the ten-year school come, and the open row keeps the old one.
        for on in (f"{year}-06-12", f"{year}-08-{first}", f"{year}-10-01", f"{year + 1}-06-01"):
            result = later(rows, on, turnover, calendars=THREE_YEARS)
            turnover = result.turnover or turnover
            assert (owed(result), person_state(result).ended_on) == (None, day("2026-06-11")), on


def test_who_left_and_takes_the_last_grade_once_more_leaves_with_that_year() -> None:
    rows = [pupil("alva", 9, start="2021-08-16")]
    left = begun(rows, "2026-06-11")
    again = [*rows, pupil("alva", 9, start="2026-08-17", source_id="again")]
    turned = later(again, "2026-10-01", left)
    assert turned.turnover is not None

    on_the_last_day = later(again, LAST, turned.turnover)
    assert on_the_last_day.turnover is not None
    afterwards = later(again, "2027-06-11", on_the_last_day.turnover)

    assert [owed(turned), owed(on_the_last_day), owed(afterwards)] == ["pupils", "pupils", None]
    assert person_state(afterwards).ended_on == day(LAST)


def test_of_a_source_that_fell_silent_before_somebody_of_the_last_grade_should_have_ended_others_count_on() -> None:
    rows = [pupil("bo", 5, end="2026-12-18")]
    silent = parts("2026-12-01")
    turnover = begun(rows, read=silent)

    assert owed(later(rows, "2027-06-11", turnover, read=silent), "bo") == "pupils"


def test_what_ended_before_the_last_school_day_tells_when_somebody_left() -> None:
    rows = [pupil("alva", 5, end="2027-03-31"), pupil("bo", 5)]
    result = person_state(later(rows, "2027-07-01", begun(rows)))

    assert (result.ended_on, result.unit, result.owed) == (date(2027, 3, 31), "ekskolan", None)


def test_a_row_that_is_reopened_in_the_break_waits_for_the_turn() -> None:
    turnover = begun([pupil("alva", 5, end="2027-03-31")])

    assert owed(later([pupil("alva", 5)], "2027-07-01", turnover)) is None


def test_who_comes_in_the_break_stands_apart_until_the_turn() -> None:
    turnover = begun([pupil("bo", 5)])
    rows = [pupil("bo", 5), pupil("alva", 6, start="2027-07-01", at="bj")]

    comes = person_state(later(rows, "2027-07-20", turnover))
    assert (comes.starts_on, comes.owed, comes.unit) == (date(2027, 7, 1), None, "bjorkskolan")
    assert not comes.only_in_witness
    done = replace(turnover, turned_at=instant("2027-07-30"), how="most")
    counts = person_state(later(rows, "2027-07-30", done))
    assert (counts.starts_on, counts.owed is not None, counts.began_on) == (None, True, date(2027, 7, 1))


def test_a_child_who_begins_school_comes_until_the_turn() -> None:
    row = enrolled("FKLASS", None, "2026-08-17", source_id="row")
    turnover = begun([row])
    new = enrolled("GR", 1, "2027-08-16", source_id="new")

    comes = person_state(later([row, new], "2027-07-20", turnover))
    assert (comes.starts_on, comes.is_child, comes.owed) == (day(FIRST), True, None)


def test_an_end_that_the_register_announces_in_the_break_stands_apart_until_the_turn() -> None:
    turnover = begun([pupil("alva", 5)])

    moving = person_state(later([pupil("alva", 5, end="2027-07-15")], "2027-07-20", turnover))
    assert (moving.ends_on, moving.owed is not None, moving.ended_on) == (date(2027, 7, 15), True, None)
    purged = later([], "2027-07-20", turnover, people=people_of([pupil("alva", 5)], keys=()))
    assert (person_state(purged).ends_on, owed(purged)) == (None, "pupils")


def test_employment_is_not_frozen() -> None:
    row = employed(None, "2020-01-01", "2027-06-18")
    rows = [
        row,
        membership_record("sis", "groups", MembershipType.GROUP, "2026-08-17", None, {"group": "team", "at": None}),
    ]
    turnover = begun(rows)

    assert owed(later(rows, "2027-06-18", turnover)) == "staff"
    assert owed(later([employed(None, "2020-01-01", "2027-03-01")], "2027-06-18", turnover)) is None


def test_who_is_employed_and_enrolled_is_owed_as_staff_and_has_not_turned() -> None:
    rows = [employed(None, "2020-01-01"), enrolled("VUX", None, "2026-08-17")]
    turnover = begun(rows)

    assert owed(later(rows, "2027-07-01", turnover)) == "staff"
    done = replace(turnover, turned_at=instant("2027-08-01"), how="by_hand")
    assert person_state(later(rows, "2027-08-01", done)).turnover_changed_on is None


def test_of_the_ten_year_school_a_copy_keeps_the_grade_index_of_its_last_school_day() -> None:
    terms = (Term(date(2028, 1, 10), date(2028, 6, 14)), Term(date(2028, 8, 21), date(2028, 12, 20)))
    calendars = Calendars(default=Calendar(terms=terms))
    rows = [pupil("alva", 9), pupil("bo", 1)]
    turnover = begun(rows, "2028-06-14", calendars=calendars)

    for on in ("2028-06-30", "2028-07-01", "2028-08-20"):
        result = later(rows, on, turnover, calendars=calendars)
        assert (owed(result, "alva"), owed(result, "bo"), person_state(result, "bo").grade_index) == (None, "pupils", 1)
    # Promoted and relabelled: two labels higher is one grade index more.
    relabelled = [pupil("alva", 11), pupil("bo", 3)]
    assert turned(later([pupil("alva", 10), pupil("bo", 2)], "2028-08-10", turnover, calendars=calendars)) is None
    done = later(relabelled, "2028-08-10", turnover, calendars=calendars)
    assert (turned(done), person_state(done, "bo").grade_index, owed(done, "alva")) == ("most", 2, None)


# --- by what it turns -------------------------------------------------------------------------------------------------


def a_class(moved: int, stayed: int) -> tuple[list[BelievedRecord], list[BelievedRecord]]:
    rows = [pupil(f"p{number}", 5) for number in range(moved + stayed)]
    return rows, [promoted(row) if number < moved else row for number, row in enumerate(rows)]


@pytest.mark.parametrize(("moved", "stayed", "how"), [(19, 1, "most"), (95, 5, "most"), (94, 6, None), (18, 1, None)])
def test_it_turns_when_of_a_hundred_copies_ninety_five_have_moved_on(moved: int, stayed: int, how: str | None) -> None:
    before, after = a_class(moved, stayed)

    assert turned(later(after, EARLIEST, begun(before))) == how


def test_it_does_not_turn_earlier_than_three_weeks_before_the_first_school_day() -> None:
    before, after = a_class(20, 0)
    turnover = begun(before)

    assert turned(later(after, "2027-07-25", turnover)) is None
    result = later(after, EARLIEST, turnover)
    assert result.turnover == replace(turnover, turned_at=instant(EARLIEST), how="most")


@pytest.mark.parametrize(
    ("before", "after", "has_moved"),
    [
        (pupil("alva", 5), pupil("alva", 6), True),
        (pupil("alva", 5), pupil("alva", 5), False),
        (pupil("alva", 5), pupil("alva", 7), False),
        (pupil("alva", 5), pupil("alva", 5, at="bj"), True),
        (pupil("alva", 5), pupil("alva", 5, at="friskolan"), True),
        (pupil("alva", 5), pupil("alva", 5, school_form="GRAN"), True),
        (pupil("alva", 5), pupil("alva", 6, end="2027-08-15"), False),
        (pupil("alva", 5), pupil("alva", 6, start="2027-08-17"), False),
        (pupil("alva", 5), enrolled("FTH", 5, "2027-07-01"), False),
        (pupil("alva", 5), enrolled(None, 6, "2027-07-01"), False),
        (pupil("alva", 5), employed(None, "2020-01-01"), False),
        (enrolled("FKLASS", None, "2026-08-17"), pupil("alva", 1), True),
        (enrolled("FKLASS", None, "2026-08-17"), enrolled("FKLASS", None, "2026-08-17"), False),
    ],
)
def test_what_moving_on_is(before: BelievedRecord, after: BelievedRecord, has_moved: bool) -> None:
    turnover = begun([before])

    assert turned(later([after], "2027-08-10", turnover)) == ("most" if has_moved else None)


@pytest.mark.parametrize(
    "row",
    [
        pupil("alva", 9),
        placed("2026-08-17"),
        enrolled("FTH", 2, "2026-08-17"),
        enrolled("GY", 1, "2026-08-17"),
        enrolled("GR", None, "2026-08-17"),
        pupil("alva", 5, at="friskolan"),
    ],
)
def test_what_nobody_follows_is_not_waited_for_and_is_not_enough_either(row: BelievedRecord) -> None:
    turnover = begun([row])

    assert turned(later([pupil("alva", 6, source_id="new")], "2027-08-10", turnover)) is None


def test_of_two_enrolments_the_one_that_counts_must_move_on() -> None:
    rows = [pupil("alva", 4, source_id="old"), pupil("alva", 5, start="2026-10-01", at="bj")]
    turnover = begun(rows)

    assert turned(later(rows, "2027-08-10", turnover)) is None
    assert turned(later([rows[0], promoted(rows[1])], "2027-08-10", turnover)) == "most"


def read_on(instant_of: str, **more: Any) -> tuple[PartState, ...]:
    complete = {"last_complete_at": instant(instant_of), **more}
    return tuple(replace(part, **complete) if part.name == "sis/pupils" else part for part in parts(instant_of))


def test_it_turns_with_the_first_complete_pull_of_pupils_in_the_term() -> None:
    rows = [pupil("alva", 5)]
    turnover = begun(rows)

    assert turned(later(rows, FIRST, turnover, read=read_on("2027-08-15"))) is None
    assert turned(later(rows, FIRST, turnover, read=read_on(FIRST))) == "first_complete"
    assert turned(later(rows, FIRST, turnover, read=read_on(FIRST, counts=False))) is None
    assert turned(later([placed("2026-08-17")], FIRST, begun([placed("2026-08-17")]), read=read_on(FIRST))) is None


def test_of_two_registers_that_count_both_are_read_before_it_turns_with_them() -> None:
    rows = [pupil("alva", 5), replace(pupil("bo", 5), source="second")]
    turnover = begun(rows)
    sis = next(part for part in read_on(FIRST) if part.name == "sis/pupils")
    second = replace(sis, source="second")

    assert turned(later(rows, FIRST, turnover, read=(sis, second))) == "first_complete"
    assert turned(later(rows, FIRST, turnover, read=(sis, replace(second, last_complete_at=None)))) is None
    assert turned(later(rows, FIRST, turnover, read=(sis, replace(second, counts=False)))) == "first_complete"


def test_it_turns_ten_school_days_into_the_term_whatever_the_registers_say() -> None:
    rows = [pupil("alva", 5)]
    turnover = begun(rows)

    assert turned(later(rows, "2027-08-26", turnover)) is None
    assert turned(later(rows, LATEST, turnover)) == "latest"
    assert turned(later([], "2027-11-01", begun([]))) == "latest"


@given(st.sampled_from(SUMMER), st.booleans())
def test_it_never_turns_twice_nor_back(on: date, is_back: bool) -> None:
    before, after = a_class(20, 0)
    done = replace(begun(before), turned_at=instant(LAST), how="by_hand")

    assert later(before if is_back else after, on.isoformat(), done).turnover == done


def test_turned_by_hand_what_holds_on_the_first_school_day_is_judged() -> None:
    before = [
        pupil("alva", 5),
        pupil("bo", 5, end="2027-08-13"),
        pupil("cia", 5, start="2027-08-17"),
        placed("2026-08-17", "2027-08-10", who="dan"),
        pupil("eva", 6, start="2027-08-16"),
    ]
    done = replace(begun(before), turned_at=instant("2027-06-20"), how="by_hand")
    result = later(before, "2027-06-20", done)

    assert [owed(result, who) for who in ("alva", "bo", "cia", "eva")] == ["pupils", None, None, "pupils"]
    assert (person_state(result, "bo").ended_on, person_state(result, "cia").starts_on) == (
        date(2027, 8, 13),
        date(2027, 8, 17),
    )
    assert not person_state(result, "dan").counted
    eva = person_state(result, "eva")
    assert eva.owed is not None
    assert (eva.began_on, eva.owed.reason.en) == (day(FIRST), "Attends GR from 2027-08-16, year 6")


# --- whom it moved ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "is_moved"),
    [
        (pupil("alva", 5), False),
        (pupil("alva", 6), True),
        (pupil("alva", 5, at="bj"), True),
    ],
)
def test_who_has_another_grade_index_or_unit_by_the_turn_is_moved_on_the_first_school_day(
    after: BelievedRecord, is_moved: bool
) -> None:
    done = replace(begun([pupil("alva", 5)]), turned_at=instant("2027-08-10"), how="by_hand")

    for on in ("2027-08-10", "2027-08-20"):
        assert person_state(later([after], on, done)).turnover_changed_on == (day(FIRST) if is_moved else None)


def test_who_has_another_group_by_the_turn_is_moved() -> None:
    rows = [pupil("alva", 5), in_group("a", "2026-08-17", source_id="in-a"), group("a", "5A", "Klass")]
    done = replace(begun(rows), turned_at=instant("2027-08-10"), how="by_hand")
    other = [rows[0], in_group("b", "2026-08-17", source_id="in-b"), group("b", "5B", "Klass")]

    assert person_state(later(rows, "2027-08-20", done)).turnover_changed_on is None
    assert person_state(later(other, "2027-08-20", done)).turnover_changed_on == day(FIRST)


def test_a_protected_pupil_is_moved_by_their_grade_index_alone() -> None:
    token_of = key_tokeniser(b"an invented secret")

    def hidden(row: BelievedRecord) -> list[BelievedRecord]:
        rows = (*people_of([row], keys=()), row)
        return [replace(row, record=mask_record(row.record, token_of, source="sis"), masked=True) for row in rows]

    done = replace(begun(hidden(pupil("alva", 5)), people=()), turned_at=instant("2027-08-10"), how="by_hand")
    for year, moved_on in ((5, None), (6, day(FIRST))):
        (case,) = later(hidden(pupil("alva", year)), "2027-08-20", done, people=()).people
        assert case.person_state.turnover_changed_on == moved_on


def test_who_is_new_or_had_nothing_of_ours_is_not_moved_by_the_turn() -> None:
    before = [pupil("alva", 5, at="friskolan"), pupil("cia", 5)]
    done = replace(begun(before), turned_at=instant("2027-08-10"), how="by_hand")
    result = later([pupil("alva", 6), pupil("bo", 6), pupil("cia", 5, end="2027-06-30")], "2027-08-20", done)

    assert [person_state(result, who).turnover_changed_on for who in ("alva", "bo")] == [None, None]


# --- afterwards -------------------------------------------------------------------------------------------------------


def test_once_the_term_has_begun_only_the_copies_of_those_who_left_stay_while_their_rows_do() -> None:
    rows = [pupil("alva", 9), pupil("bo", 5), pupil("cia", 9), pupil("dan", 9, at="friskolan")]
    done = replace(begun(rows), turned_at=instant("2027-08-10"), how="most")
    after = [rows[0], promoted(rows[1]), rows[3]]

    assert later(after, LATEST, done, people=people_of(rows, keys=())).turnover == done
    dwindled = later(after, "2027-08-28", done, people=people_of(rows, keys=())).turnover
    assert dwindled is not None
    assert [copy.record.source_id for copy in dwindled.copies] == ["row-alva", "row-dan"]
    assert later(after, "2027-08-30", dwindled, people=people_of(rows, keys=())).turnover == dwindled


# --- progress ---------------------------------------------------------------------------------------------------------


def test_how_far_it_has_come_is_told() -> None:
    before, after = a_class(3, 1)
    result = later(after, "2027-07-01", begun(before))
    known = (*people_of(after, keys=()), *after)
    people = [case.person for case in result.people]
    context = replace(context_of(known, "2027-07-01"), turnover=result.turnover)
    without = replace(context, turnover=None)

    assert turnover_progress(people, MembershipIndex(context)) == TurnoverProgress(turned=3, of=4)
    assert turnover_progress(people, MembershipIndex(without)) == TurnoverProgress(turned=0, of=0)
    assert not TurnoverProgress(turned=0, of=0).is_enough


# --- always -----------------------------------------------------------------------------------------------------------

CHANGES = st.sampled_from(["keep", "promote", "end", "delete", "move", "rename", "reopen", "arrive"])


def changed(row: BelievedRecord, change: str, on: date) -> list[BelievedRecord]:
    record = row.record
    if change == "keep" or not isinstance(record, MembershipRecord) or row.source == "hr":
        return [row]
    yesterday = on - timedelta(days=1)
    return {
        "promote": [promoted(row)],
        "end": [replace(row, record=replace(record, end=yesterday))],
        "delete": [replace(row, gone=True, absent_since=instant(on.isoformat()))],
        "move": [replace(row, record=replace(record, codes=("bj",)))],
        "rename": [
            replace(row, gone=True, absent_since=instant(on.isoformat())),
            replace(row, record=replace(record, source_id=f"new-{record.source_id}", year=(record.year or 0) + 1)),
        ],
        "reopen": [replace(row, record=replace(record, start=date(2020, 8, 17), end=None))],
        "arrive": [row, pupil(f"new-{record.person}", 3, start=on.isoformat())],
    }[change]


@given(st.lists(CHANGES, min_size=len(SCHOOL), max_size=len(SCHOOL)), st.sampled_from(SUMMER), st.booleans())
def test_until_the_turn_no_register_ever_moves_what_pupils_and_children_are_owed(
    changes: list[str], on: date, is_all_gone: bool
) -> None:
    turnover = begun(SCHOOL)
    before = later(SCHOOL, "2027-06-11", turnover)
    rows = [new for row, change in zip(SCHOOL, changes, strict=True) for new in changed(row, change, on)]
    people = [*people_of(SCHOOL, keys=()), *people_of([row for row in rows if row not in SCHOOL], keys=())]
    people = list({person.ref: person for person in people}.values())
    if is_all_gone:
        people = [
            replace(person, gone=person.source == "sis", absent_since=instant(on.isoformat())) for person in people
        ]

    result = later(rows, on.isoformat(), turnover, people=people)
    if turned(result) is None:
        assert entitled(result) == entitled(before)
        assert {debt.subject_id for debt in result.owed if debt.entitlement == "pupils"} == {
            debt.subject_id for debt in before.owed if debt.entitlement == "pupils"
        }
    else:
        assert on >= day(EARLIEST)


@given(
    st.lists(CHANGES, min_size=len(SCHOOL), max_size=len(SCHOOL)), st.sampled_from([day(LAST), *SUMMER]), st.randoms()
)
def test_a_second_reconciliation_never_changes_the_turnover_nor_does_the_order_of_rows(
    changes: list[str], on: date, chance: Random
) -> None:
    turnover = begun(SCHOOL)
    rows = [new for row, change in zip(SCHOOL, changes, strict=True) for new in changed(row, change, on)]
    result = later(rows, on.isoformat(), turnover)
    assert result.turnover is not None

    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert later(rows, on.isoformat(), result.turnover) == result
    mixed = later(shuffled, on.isoformat(), turnover)
    assert (mixed.turnover, mixed.coverage) == (result.turnover, result.coverage)
