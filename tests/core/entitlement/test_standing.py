"""Where somebody belongs, who comes, who has left, and who is known by a witness only."""

from datetime import date

import pytest
from msgspec.structs import replace

from fleetsync.core.model import UNPLACED, Key, MembershipType, PersonRecord, Scheme
from tests.core.entitlement.entitlement_samples import (
    FIXED,
    HOURLY,
    NUMBER,
    PERMANENT,
    absent_since_fields,
    all_person_states,
    believed_record,
    decision,
    employed,
    enrolled,
    group,
    in_group,
    owed_by,
    parts,
    people_of,
    person_state_of,
    placed,
    pooled_by,
    witnessed,
)

# --- unit -------------------------------------------------------------------------------------------------------------


def test_staff_belong_where_their_share_is_largest() -> None:
    person_state = person_state_of(
        employed(PERMANENT, "2019-08-12", at="ek", share=0.4), employed(PERMANENT, "2024-08-12", at="bj", share=0.6)
    )

    assert person_state.unit == "bjorkskolan"
    assert person_state.unit_reason.en == (
        "Employed there from 2024-08-12; of 2 employments the largest share counts, else the earliest start"
    )


def test_at_equal_shares_staff_belong_where_they_began_first_and_then_to_the_lowest_slug() -> None:
    assert (
        person_state_of(employed(PERMANENT, "2019-08-12"), employed(PERMANENT, "2024-08-12", at="bj")).unit
        == "ekskolan"
    )
    assert (
        person_state_of(employed(PERMANENT, "2019-08-12"), employed(PERMANENT, "2019-08-12", at="bj")).unit
        == "bjorkskolan"
    )


def test_only_memberships_that_entitle_place() -> None:
    person_state = person_state_of(
        employed(HOURLY, "2019-08-12", at="ek", share=0.9), employed(PERMANENT, "2024-08-12", at="bj", share=0.1)
    )

    assert person_state.unit == "bjorkskolan"
    assert person_state.unit_reason.en == "Employed there from 2024-08-12"


def test_children_with_two_places_belong_where_they_began_last_and_are_one_child() -> None:
    person_state = person_state_of(placed("2024-08-19", at="ug"), placed("2026-08-17", at="ek"))

    assert (person_state.unit, pooled_by(person_state)) == ("ekskolan", "preschool")
    assert person_state.unit_reason.en == "Attends from 2026-08-17; of 2 the one that began last counts"


def test_a_person_who_is_owed_nothing_belongs_where_they_are() -> None:
    assert person_state_of(enrolled("FTH", None, "2024-08-19", at="bj")).unit == "bjorkskolan"


def test_somebody_with_no_membership_belongs_nowhere() -> None:
    (person_state,) = all_person_states([believed_record("entra", "users", PersonRecord(source_id="alva"))])

    assert (person_state.unit, person_state.unit_reason.sv, person_state.began_on) == (
        UNPLACED,
        "Ingen enhet är känd",
        None,
    )


# --- protected --------------------------------------------------------------------------------------------------------


def test_a_masked_person_is_unplaced_without_groups_and_undecidable_in_words_that_tell_nothing() -> None:
    class_2b = group("g1", "2B", "Klass")
    masked = person_state_of(enrolled("GR", 2, "2026-08-17", group="g1"), masked=True, beside=[class_2b])
    unmapped = person_state_of(enrolled("GR", 2, "2026-08-17", at="zz"))

    assert masked.owed is not None
    assert unmapped.owed is not None
    assert (masked.unit, masked.class_group, masked.groups, masked.owed.groups) == (UNPLACED, None, (), ())
    assert (masked.owed.unit, masked.owed.decidable, masked.owed.count) == (UNPLACED, False, 1)
    assert masked.unit_reason == unmapped.unit_reason
    assert masked.owed.reason == unmapped.owed.reason


@pytest.mark.parametrize(
    ("key", "is_decidable"),
    [
        (Key(Scheme.OBJECT_ID, "tenant", "3f"), True),
        (Key(Scheme.ADDRESS, "", "alva@edu.exempelby.se"), True),
        (Key(Scheme.ACCOUNT, "exempelby", "alva"), True),
        (NUMBER, False),
        (Key(Scheme.CIVIC, "", "~9a"), False),
    ],
)
def test_what_is_owed_can_be_decided_when_some_source_gives_a_log_in(key: Key, is_decidable: bool) -> None:
    person_state = person_state_of(enrolled("GR", 2, "2026-08-17"), keys=(key,))

    assert person_state.owed is not None
    assert person_state.owed.decidable is person_state.has_login is is_decidable


# --- groups -----------------------------------------------------------------------------------------------------------


def test_the_class_that_began_last_counts_and_the_others_are_in_order_of_their_beginning() -> None:
    groups = [
        group("g1", "2A", "Klass"),
        group("g2", "2B", "KLASS"),
        group("g3", "Slöjd", "Undervisning"),
        group("g4", "Kören", None),
    ]
    person_state = person_state_of(
        enrolled("GR", 2, "2026-08-17", group="g1"),
        in_group("g2", "2026-10-01"),
        in_group("g3", "2026-09-01"),
        in_group("g4", "2026-10-01"),
        in_group("g4", "2026-10-02"),
        beside=groups,
    )

    assert (person_state.class_group, person_state.groups) == ("2B", ("Kören", "Slöjd"))
    assert person_state.owed is not None
    assert person_state.owed.groups == ("2B", "Kören", "Slöjd")


def test_groups_of_another_unit_groups_that_ended_and_groups_nobody_lists_are_not_his() -> None:
    person_state = person_state_of(
        enrolled("GR", 2, "2026-08-17"),
        in_group("g1", "2026-08-17"),
        in_group("g2", "2026-08-17", **absent_since_fields("2026-09-10")),
        in_group("g9", "2026-08-17"),
        in_group("g3", "2026-08-17", at="bj"),
        in_group("g4", "2026-08-17"),
        beside=[
            group("g1", "2B", "Klass", at="bj"),
            group("g2", "2B", "Klass"),
            group("g3", "2C", "Klass", at=None),
            group("g4", "2D", "Klass", at="zz"),
        ],
    )

    assert (person_state.class_group, person_state.groups) == ("2D", ())


# --- days -------------------------------------------------------------------------------------------------------------


def test_he_begins_and_ends_with_the_memberships_that_entitle() -> None:
    person_state = person_state_of(
        enrolled("GR", 9, "2026-08-17", "2027-06-10"), enrolled("FTH", None, "2020-08-17", "2028-06-30")
    )

    assert (person_state.began_on, person_state.ends_on) == (date(2026, 8, 17), date(2027, 6, 10))


def test_of_several_that_entitle_the_last_end_counts_and_an_open_one_is_none() -> None:
    two = employed(FIXED, "2026-01-08", "2026-12-31"), employed(FIXED, "2026-02-01", "2027-03-31", at="bj")

    assert person_state_of(*two).ends_on == date(2027, 3, 31)
    assert person_state_of(*two, employed(PERMANENT, "2026-03-01")).ends_on is None


def test_somebody_who_has_left_keeps_their_last_unit_and_day() -> None:
    person_state = person_state_of(
        enrolled("GR", 4, "2023-08-14", "2025-06-12", at="bj"), enrolled("GR", 5, "2025-08-18", "2026-10-30", at="ek")
    )

    assert (person_state.ended_on, person_state.unit, person_state.counted) == (date(2026, 10, 30), "ekskolan", False)


def test_whom_the_roster_lost_has_left_though_their_records_are_gone() -> None:
    ties = [employed(PERMANENT, "2019-08-12", **absent_since_fields("2026-11-10"))]
    records = [replace(record, thing_id="p1", **absent_since_fields("2026-11-10")) for record in people_of(ties)]
    (person_state,) = all_person_states([*records, *ties])

    assert (person_state.person, person_state.ended_on, person_state.unit) == ("p1", date(2026, 11, 9), "ekskolan")


def test_whose_other_membership_runs_has_not_left() -> None:
    person_state = person_state_of(enrolled("GR", 9, "2024-08-19", "2026-10-30"), enrolled("FTH", None, "2024-08-19"))

    assert (person_state.ended_on, person_state.counted) == (None, True)


@pytest.mark.parametrize(("start", "comes"), [("2026-12-15", True), ("2026-12-16", False)])
def test_a_person_is_to_come_when_they_start_within_fifteen_school_days(start: str, comes: bool) -> None:
    person_state = person_state_of(employed(PERMANENT, start, at="bj"))

    assert (person_state.starts_on is not None) == comes
    assert (person_state.owed, person_state.counted, person_state.unit) == (None, False, "bjorkskolan")


def test_somebody_who_will_be_owed_nothing_or_is_owed_already_does_not_come() -> None:
    assert person_state_of(employed(HOURLY, "2026-12-01")).starts_on is None
    assert person_state_of(placed("2026-12-01")).starts_on is None
    assert (
        person_state_of(employed(PERMANENT, "2019-08-12"), employed(PERMANENT, "2026-12-01", at="bj")).starts_on is None
    )
    assert person_state_of(employed(PERMANENT, "2026-12-01", **absent_since_fields("2026-11-10"))).starts_on is None


def test_a_child_of_a_pool_comes_to_a_device_of_their_own() -> None:
    person_state = person_state_of(
        enrolled("FKLASS", None, "2025-08-18", "2026-11-30"), enrolled("GR", 1, "2026-12-01"), on="2026-11-24"
    )

    assert (pooled_by(person_state), person_state.starts_on, person_state.is_child) == (
        "preschool",
        date(2026, 12, 1),
        True,
    )


def test_a_person_who_has_left_and_comes_again_belongs_where_they_come() -> None:
    person_state = person_state_of(
        employed(PERMANENT, "2019-08-12", "2026-10-31"), employed(PERMANENT, "2026-12-01", at="bj"), on="2026-11-24"
    )

    assert (person_state.unit, person_state.starts_on, person_state.ended_on) == (
        "bjorkskolan",
        date(2026, 12, 1),
        date(2026, 10, 31),
    )


# --- witnesses --------------------------------------------------------------------------------------------------------


def test_a_register_counts_at_its_units_and_where_nobody_knows_the_unit() -> None:
    elsewhere, here = enrolled("GR", 5, "2024-08-19", at="ek"), enrolled("GR", 5, "2024-08-19", at="bj")
    nowhere = enrolled("GR", 5, "2024-08-19", at=None)
    read = tuple(replace(part, counts_at=("bjorkskolan",)) for part in parts("2026-11-24"))

    assert [owed_by(person_state_of(row, read=read)) for row in (here, elsewhere, nowhere)] == [
        "pupils",
        None,
        "pupils",
    ]
    assert person_state_of(elsewhere, read=read).only_in_witness


def test_a_witness_founds_nothing_but_says_where_somebody_may_be() -> None:
    person_state = person_state_of(witnessed(MembershipType.EMPLOYMENT, "2020-01-01", employment_form=PERMANENT))

    assert (person_state.only_in_witness, person_state.counted, person_state.owed, person_state.unit) == (
        True,
        False,
        None,
        "ekskolan",
    )
    assert decision(person_state, "staff").reason.en == "No employment"


def test_whom_a_roster_knows_or_knew_is_not_only_in_a_witness() -> None:
    witness = witnessed(MembershipType.EMPLOYMENT, "2020-01-01")

    assert not person_state_of(witness, employed(PERMANENT, "2020-01-01")).only_in_witness
    left = person_state_of(witness, employed(PERMANENT, "2020-01-01", "2026-10-31"))
    assert (left.only_in_witness, left.ended_on) == (False, date(2026, 10, 31))


def test_a_group_alone_is_no_membership_that_a_witness_tells_of() -> None:
    assert not person_state_of(in_group("g1", "2026-08-17")).only_in_witness


def test_of_a_part_that_is_not_configured_nothing_counts() -> None:
    person_state = person_state_of(employed(PERMANENT, "2020-01-01", "2026-10-31"), read=())

    assert (person_state.owed, person_state.only_in_witness) == (None, False)


@pytest.mark.parametrize(("file_of", "is_quiet"), [("2026-11-15", True), ("2026-11-16", False)])
def test_a_new_account_is_not_yet_in_a_staff_file_that_is_older_than_its_first_sighting(
    file_of: str, is_quiet: bool
) -> None:
    known_staff = employed(PERMANENT, "2019-08-12", who="bo")
    bo = people_of([known_staff], keys=())
    new = believed_record(
        "entra",
        "users",
        PersonRecord(source_id="cia", keys=(Key(Scheme.ADDRESS, "", "c@exempelby.se"),)),
        since="2026-11-16",
    )
    records = [*bo, known_staff, new]
    states = all_person_states(records, read=parts("2026-11-24", hr=file_of))

    assert [state.not_yet_in_roster for state in states if not state.counted] == [is_quiet]
    assert not any(state.not_yet_in_roster for state in states if state.counted)


def test_without_a_log_in_or_a_record_there_is_no_account_that_a_file_could_lack() -> None:
    known_staff = employed(PERMANENT, "2019-08-12", who="bo")
    silent = believed_record("entra", "users", PersonRecord(source_id="cia"), since="2026-11-16")
    left = replace(
        believed_record("entra", "users", PersonRecord(source_id="dan"), since="2026-11-16"),
        thing_id="p9",
        **absent_since_fields("2026-11-20"),
    )
    states = all_person_states(
        [*people_of([known_staff], keys=()), known_staff, silent, left], read=parts("2026-11-24", hr="2026-11-01")
    )

    assert not any(state.not_yet_in_roster for state in states)


# --- children ---------------------------------------------------------------------------------------------------------


def test_a_person_who_may_be_a_child_of_forskola_or_forskoleklass_is_taken_for_a_child() -> None:
    assert person_state_of(placed("2027-08-16")).is_child
    assert person_state_of(placed("2024-08-19", "2026-10-31")).is_child
    assert person_state_of(placed("2024-08-19", at="friskolan")).is_child
    assert person_state_of(witnessed(MembershipType.PLACEMENT, "2024-08-19", school_form="FS")).is_child
    assert person_state_of(placed("2024-08-19", "2026-10-31", at="friskolan")).is_child
    assert person_state_of(enrolled("GR", 0, "2026-08-17")).is_child
    assert person_state_of(placed("2024-08-19", form="FTH"), enrolled("FKLASS", None, "2026-08-17")).is_child
    # Known by rows to come alone, of which the fritidshem's places the pupil and does not show their age.
    assert person_state_of(placed("2027-08-18", form="FTH"), enrolled("FKLASS", None, "2027-08-16")).is_child
    assert person_state_of(placed("2027-08-16", form="FTH"), enrolled("FKLASS", None, "2027-08-18")).is_child


def test_a_pupil_who_has_left_is_no_child_though_an_old_row_says_so() -> None:
    person_state = person_state_of(
        enrolled("FKLASS", None, "2025-08-18", "2026-06-11"), enrolled("GR", 1, "2026-08-17", "2026-10-30")
    )

    assert (person_state.is_child, person_state.ended_on) == (False, date(2026, 10, 30))
    assert not person_state_of(employed(PERMANENT, "2019-08-12")).is_child


def test_somebody_whose_row_names_no_unit_is_owed_all_the_same() -> None:
    person_state = person_state_of(employed(PERMANENT, "2019-08-12", at=None))

    assert (owed_by(person_state), person_state.unit) == ("staff", UNPLACED)
