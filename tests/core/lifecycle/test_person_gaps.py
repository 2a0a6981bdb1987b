from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from fleetsync.core.model import (
    Assignment,
    BelievedState,
    Condition,
    CoveredBy,
    Episode,
    FormFactor,
    Key,
    Login,
    PersonCase,
    PersonRecord,
    Purpose,
    RunningAssignment,
    Scheme,
    Subject,
    Text,
)
from tests.core.lifecycle.lifecycle_samples import (
    LIST,
    MDM,
    OTHER_MDM,
    ROSTER,
    TODAY,
    WITNESS,
    LifecycleCase,
    believed_record,
    day,
    device,
    instant,
    owed,
    part,
    parts,
    pupil,
)


def kinds_on(today: str, *cases: PersonCase, sources: Any = None, **fields: Any) -> set[str]:
    return LifecycleCase(today, sources=sources or parts(ROSTER, MDM, as_of=today), **fields).kinds(*cases)


# --- no_device --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("began", "opens_on", "shut_on"),
    [
        ("2026-11-10", "2026-11-13", "2026-11-12"),  # a Tuesday: three school days after it
        ("2026-08-01", "2026-08-19", "2026-08-18"),  # in the break: the third school day
        ("2026-08-17", "2026-08-19", "2026-08-18"),  # with the term: the third school day
        ("2026-10-28", "2026-11-04", "2026-11-03"),  # in the autumn holiday
        ("2026-11-02", "2026-11-05", "2026-11-04"),  # a Monday after it: no term begins there
    ],
)
def test_no_device_opens_on_its_day(began: str, opens_on: str, shut_on: str) -> None:
    case = pupil(began_on=day(began))

    assert "no_device" not in kinds_on(shut_on, case)
    assert "no_device" in kinds_on(opens_on, case)


@pytest.mark.parametrize("began", ["2024-08-19", None, "2026-08-01"])
def test_no_device_of_whom_the_turn_moved_waits_for_the_third_school_day(began: str | None) -> None:
    case = pupil(began_on=day(began) if began else None, turnover_changed_on=day("2026-08-17"))

    assert "no_device" not in kinds_on("2026-08-18", case)
    assert "no_device" in kinds_on("2026-08-19", case)


@pytest.mark.parametrize("today", ["2026-07-27", "2026-08-14", "2026-08-17", "2026-08-18"])
@pytest.mark.parametrize("began", ["2024-08-19", "2026-08-17"])
def test_a_gap_open_at_the_turn_stays_open_with_its_age(today: str, began: str) -> None:
    without = pupil(began_on=day("2024-08-19"))
    nameless = pupil("p2", began_on=day("2024-08-19"), has_login=False, case={"unknown": 1})
    opened, _ = LifecycleCase("2026-06-08", sources=parts(ROSTER, MDM, as_of="2026-06-08")).find(without, nameless)
    turned: dict[str, Any] = {"began_on": day(began), "turnover_changed_on": day("2026-08-17")}
    room = LifecycleCase(today, sources=parts(ROSTER, MDM, as_of=today), believed=BelievedState(episodes=opened))
    found, shut = room.find(pupil(**turned), pupil("p2", has_login=False, case={"unknown": 1}, **turned))

    assert shut == ()
    assert {(gap_episode.kind, gap_episode.opened_at) for gap_episode in found} == {
        (episode.kind, episode.opened_at) for episode in opened
    }
    assert {"no_device", "no_account"} <= {gap_episode.kind for gap_episode in found}


def test_no_device_of_somebody_who_began_after_the_turn_waits_for_their_own_day() -> None:
    case = pupil(began_on=day("2026-11-10"), turnover_changed_on=day("2026-08-17"))

    assert "no_device" not in kinds_on("2026-11-12", case)


def test_no_device_of_somebody_whose_beginning_nobody_knows_is_open() -> None:
    assert kinds_on(TODAY, pupil(began_on=None)) == {"no_device"}


@pytest.mark.parametrize(
    "case",
    [
        pupil(owed=None),
        pupil(case={"assigned": 1, "covered": 1}),
        pupil(case={"unknown": 1}),
        pupil(case={"serving_set": "bjorkskolan/2B"}),
        pupil(is_child=True),
        pupil(person={"masked": True}),
    ],
)
def test_no_device_is_only_of_those_who_are_owed_one_and_have_none(case: PersonCase) -> None:
    assert "no_device" not in kinds_on(TODAY, case)


def test_everybody_without_a_device_has_a_gap_of_their_own() -> None:
    opened, _ = LifecycleCase().find(pupil("p1"), pupil("p2"))

    assert {episode.subject_id for episode in opened if episode.kind == "no_device"} == {"p1", "p2"}


def test_a_second_device_owed_is_missing_too() -> None:
    assert kinds_on(TODAY, pupil(owed=owed(count=2), case={"assigned": 1, "covered": 1})) == {"no_device"}


def test_no_device_never_opens_in_a_break_and_stays_open_over_it() -> None:
    case = pupil(began_on=day("2026-10-19"))
    room = LifecycleCase("2026-10-28", sources=parts(ROSTER, MDM, as_of="2026-10-28"))
    opened, _ = LifecycleCase("2026-10-23", sources=parts(ROSTER, MDM, as_of="2026-10-23")).find(case)

    assert room.kinds(case) == set()
    room.believed = BelievedState(episodes=opened)
    assert room.kinds(case) == {"no_device"}


def test_no_device_is_judged_up_to_the_oldest_day_of_those_who_could_show_one() -> None:
    case = pupil(began_on=day("2026-11-10"))
    dead = (part(ROSTER), part(MDM), part(OTHER_MDM, "2026-11-12"))
    disabled = (part(ROSTER), part(MDM), part(OTHER_MDM, "2026-11-12", disabled=True))
    never = (part(ROSTER), part(MDM, None))

    assert "no_device" not in kinds_on(TODAY, case, sources=dead)
    assert "no_device" in kinds_on(TODAY, case, sources=disabled)
    assert "no_device" not in kinds_on(TODAY, case, sources=never)
    assert "no_device" in kinds_on(TODAY, case, sources=parts(ROSTER))


def assigned(own: str, who: str) -> Assignment:
    return Assignment(
        device=own, by=CoveredBy.OWN, entitlement="pupils", subject_id=who, unit="", works=True, reason=Text("", "")
    )


def test_a_list_of_other_peoples_devices_does_not_hold_a_missing_one_back() -> None:
    case = pupil(began_on=day("2026-11-10"))
    sources = (part(ROSTER), part(MDM), part(LIST, "2026-10-30", expected_every=timedelta(days=35)))
    room = LifecycleCase(sources=sources)
    shown = room.case(device("d9"))

    assert "no_device" not in room.kinds(case, shown)
    assert "no_device" in room.kinds(case, shown, assignments=(assigned("d9", "p9"), assigned("nowhere", "p9")))


def test_no_device_trusts_a_roster_until_it_is_overdue() -> None:
    case = pupil(began_on=day("2026-11-17"))
    monthly = {"expected_every": timedelta(days=35)}

    assert "no_device" in kinds_on(TODAY, case, sources=(part(ROSTER, "2026-10-30", **monthly), part(MDM)))
    assert "no_device" not in kinds_on(TODAY, case, sources=(part(ROSTER, "2026-10-10", **monthly), part(MDM)))
    assert "no_device" not in kinds_on(
        TODAY, case, sources=(part(ROSTER, "2026-10-30", disabled=True, **monthly), part(MDM))
    )


def test_the_reason_of_no_device_cites_the_day_on_which_the_person_began() -> None:
    opened, _ = LifecycleCase().find(pupil())

    assert opened[0].reason.en == "is owed 1 since 2025-08-18, has 0"


def test_a_person_is_shown_where_they_are_counted() -> None:
    opened, _ = LifecycleCase().find(pupil(unit="unplaced"), owed=(owed(unit="central"),))

    assert {episode.unit for episode in opened if episode.kind == "no_device"} == {"central"}


# --- no_account, device_not_working -----------------------------------------------------------------------------------


def test_no_account_opens_three_school_days_after_the_person_began() -> None:
    case = pupil(began_on=day("2026-11-10"), has_login=False, case={"unknown": 1})

    assert kinds_on("2026-11-12", case) == set()
    assert kinds_on("2026-11-13", case) == {"no_account"}


@pytest.mark.parametrize(
    "case",
    [
        pupil(has_login=True, case={"unknown": 1}),
        pupil(has_login=False, case={"assigned": 1, "covered": 1}),
        pupil(has_login=False, case={"unknown": 1, "serving_set": "s"}),
        pupil(has_login=False, person={"masked": True}, case={"unknown": 1}),
    ],
)
def test_no_account_is_only_of_those_undecided_for_lack_of_one(case: PersonCase) -> None:
    assert "no_account" not in kinds_on(TODAY, case)


DIRECTORY = part(WITNESS, is_directory=True)


def accounts(*, of: int, without: int, sources: Any = None, **fields: Any) -> dict[str, str]:
    """The persons who have the gap, of so many with an account in the directory and so many without, and the reason."""
    with_account = tuple(believed_record(name, PersonRecord(source_id="p")) for name in (ROSTER, WITNESS))
    cases = [pupil(f"with-{n}", person={"records": with_account}) for n in range(of)]
    cases += [pupil(f"without-{n}", **fields) for n in range(without)]
    opened, _ = LifecycleCase(sources=sources or (*parts(ROSTER, MDM), DIRECTORY)).find(*cases)
    return {episode.subject_id: episode.reason.en for episode in opened if episode.kind == "not_in_directory"}


def test_a_person_who_is_owed_and_lacks_the_account_that_the_others_have_is_shown() -> None:
    assert accounts(of=3, without=2) == dict.fromkeys(("without-0", "without-1"), "has no account in entra")
    assert accounts(of=3, without=2, owed=None) == {}
    assert accounts(of=3, without=2, has_login=False) == {}


def test_a_directory_that_has_fewer_than_half_of_those_owed_is_not_for_them() -> None:
    assert len(accounts(of=2, without=2)) == 2
    assert accounts(of=2, without=3) == {}


@pytest.mark.parametrize(
    "directory",
    [part(WITNESS), part(WITNESS, is_directory=True, disabled=True), part(WITNESS, None, is_directory=True)],
)
def test_only_a_directory_that_is_read_can_lack_an_account(directory: Any) -> None:
    assert accounts(of=3, without=1, sources=(*parts(ROSTER, MDM), directory)) == {}


def test_a_missing_account_is_shown_three_school_days_after_the_person_began_by_a_directory_that_was_read_since() -> (
    None
):
    old = (*parts(ROSTER, MDM), part(WITNESS, "2026-11-20", is_directory=True))

    assert accounts(of=3, without=1, began_on=day("2026-11-20")) == {}
    assert accounts(of=3, without=1, began_on=day("2026-11-19")) == {"without-0": "has no account in entra"}
    assert accounts(of=3, without=1, began_on=day("2026-11-19"), sources=old) == {}


def test_device_not_working_gives_the_devices_own_reason() -> None:
    room = LifecycleCase()
    silent = room.case(device(contact="2026-10-01"), holder="p1")
    opened, _ = room.find(pupil(case={"assigned": 1, "devices": ("d1",)}), silent)
    reasons = {episode.kind: episode.reason.en for episode in opened}

    assert reasons["device_not_working"] == "no contact since 2026-10-01, limit 15 school days"
    assert "no_device" not in reasons


@pytest.mark.parametrize(
    "counts",
    [
        {"assigned": 1, "covered": 1, "devices": ("d1",)},
        {"serving_set": "s", "assigned": 1, "devices": ("d1",)},
        {},
    ],
)
def test_device_not_working_is_only_of_those_whom_nothing_covers(counts: dict[str, Any]) -> None:
    room = LifecycleCase()

    assert "device_not_working" not in room.kinds(pupil(case=counts), room.case(device(contact="2026-10-01")))


# --- extra_device -----------------------------------------------------------------------------------------------------


def holding(*devices: tuple[str, str, dict[str, Any]], today: str = TODAY, known_before: bool = False) -> set[str]:
    """A person's devices, each with the day of its assignment and what is said of its placement."""
    running = tuple(RunningAssignment(assigned(own, "p1"), instant(since), known_before) for own, since, _ in devices)
    room = LifecycleCase(today, sources=parts(ROSTER, MDM, as_of=today), believed=BelievedState(assignments=running))
    cases = [
        room.case(
            device(own, contact=today, form_factor=device_fields.pop("form_factor", FormFactor.COMPUTER)),
            holder="p1",
            **device_fields,
        )
        for own, _, device_fields in devices
    ]
    counts = {"assigned": 1, "covered": 1, "working": len(devices), "devices": tuple(own for own, *_ in devices)}
    return room.kinds(pupil(case=counts), *cases)


def test_extra_device_opens_more_than_ten_school_days_after_its_assignment() -> None:
    first: Any = ("d1", "2026-09-01", {})

    assert holding(first, ("d2", "2026-11-10", {})) == set()
    assert holding(first, ("d2", "2026-11-09", {})) == {"extra_device"}


def test_extra_device_of_a_first_pull_opens_after_its_day() -> None:
    pair: Any = (("d1", TODAY, {}), ("d2", TODAY, {}))

    assert holding(*pair, known_before=True) == set()
    assert holding(*pair, known_before=True, today="2026-11-25") == {"extra_device"}


@pytest.mark.parametrize("device_fields", [{"purpose": Purpose.LOAN}, {"form_factor": FormFactor.TABLET}])
def test_a_loan_and_another_form_factor_are_no_extra_device(device_fields: dict[str, Any]) -> None:
    assert holding(("d1", "2026-09-01", {}), ("d2", "2026-09-02", device_fields)) == set()


def test_a_device_assigned_just_now_is_no_extra_device() -> None:
    room = LifecycleCase()
    cases = [room.case(device(own), holder="p1") for own in ("d1", "d2")]
    counts = {"assigned": 1, "covered": 1, "working": 2, "devices": ("d1", "d2")}

    assert room.kinds(pupil(case=counts), *cases) == set()


# --- comes and goes ---------------------------------------------------------------------------------------------------


def leaving(today: str, sources: Any = None, purpose: Purpose = Purpose.PERSONAL, **person_state: Any) -> set[str]:
    room = LifecycleCase(today, sources=sources or parts(ROSTER, MDM, as_of=today))
    held = room.case(device(contact=today), holder="p1", purpose=purpose)
    return room.kinds(pupil(case={"assigned": 1, "covered": 1}, **person_state), held)


def test_ending_with_device_opens_fifteen_school_days_before_the_end() -> None:
    assert leaving("2026-11-06", ends_on=day("2026-11-30")) == set()
    assert leaving("2026-11-09", ends_on=day("2026-11-30")) == {"ending_with_device"}
    assert leaving("2026-11-30", ends_on=day("2026-11-30")) == {"ending_with_device"}
    assert leaving("2026-12-01", ends_on=day("2026-11-30")) == set()


@pytest.mark.parametrize(
    ("end", "grade", "ends"),
    [
        ("2027-06-09", 4, True),
        ("2027-06-10", 4, False),
        ("2027-06-30", 4, False),
        ("2027-06-10", 9, True),
        ("2027-06-10", None, True),
    ],
)
def test_a_pupil_who_ends_with_the_school_year_does_not_leave_unless_it_was_the_last(
    end: str, grade: int | None, ends: bool
) -> None:
    assert (leaving("2027-06-07", ends_on=day(end), grade_index=grade) == {"ending_with_device"}) is ends


def test_a_pupil_of_the_last_grade_without_an_end_leaves_on_the_last_school_day() -> None:
    assert leaving("2027-05-17", grade_index=9) == set()
    assert leaving("2027-05-28", grade_index=9) == {"ending_with_device"}
    assert leaving("2027-05-28", grade_index=8) == set()
    assert leaving("2027-05-28", grade_index=9, owed=None) == set()


def test_a_pupil_whose_calendar_knows_no_summer_ends_when_their_row_does() -> None:
    room = LifecycleCase("2028-06-01", sources=parts(ROSTER, MDM, as_of="2028-06-01"))
    held = room.case(device(contact="2028-06-01"), holder="p1")

    assert "ending_with_device" in room.kinds(
        pupil(ends_on=day("2028-06-09"), case={"assigned": 1, "covered": 1}), held
    )


def test_a_term_that_may_return_and_empty_hands_end_without_a_gap() -> None:
    assert leaving(TODAY, ends_on=day("2026-11-30"), may_return=True) == set()
    assert leaving(TODAY, ends_on=day("2026-11-30"), purpose=Purpose.STOCK) == set()
    assert leaving(TODAY, ends_on=None) == set()


def starting(today: str, sources: Any = None, **person_state: Any) -> set[str]:
    return kinds_on(today, pupil(**({"owed": None, "began_on": None} | person_state)), sources=sources)


def test_starting_without_device_opens_fifteen_school_days_before_the_start() -> None:
    assert starting("2026-11-06", starts_on=day("2026-11-30")) == set()
    assert starting("2026-11-09", starts_on=day("2026-11-30")) == {"starting_without_device"}
    assert starting("2026-11-30", began_on=day("2026-11-30")) == set()


def test_who_comes_and_is_owed_nothing_starts_without_a_gap() -> None:
    assert starting(TODAY, began_on=day("2026-11-30")) == set()
    assert starting(TODAY, began_on=day("2026-11-30"), owed=owed()) == {"starting_without_device"}


def test_somebody_with_a_device_or_a_set_starts_without_a_gap() -> None:
    room = LifecycleCase()
    newcomer = pupil(owed=None, began_on=None, starts_on=day("2026-11-30"))

    assert room.kinds(newcomer, room.case(device(), holder="p1")) == set()
    assert room.kinds(replace(newcomer, serving_set="bjorkskolan/2B")) == set()


def test_a_dead_source_never_lets_somebody_begin_or_end_on_any_later_day() -> None:
    sources = parts(ROSTER, MDM, as_of=TODAY)
    comes = pupil("p1", owed=owed(), began_on=day("2026-11-30"))
    goes = pupil("p2", ended_on=day("2026-11-30"), case={"assigned": 1, "covered": 1})

    def found(today: str, before: tuple[Episode, ...] = ()) -> tuple[Episode, ...]:
        room = LifecycleCase(today, sources=sources, believed=BelievedState(episodes=before))
        opened, _ = room.find(comes, goes, room.case(device(contact=today), holder="p2"))
        return tuple(episode for episode in opened if episode.subject is Subject.PERSON)

    before = found(TODAY)
    assert {gap_episode.key for gap_episode in before} == {
        ("starting_without_device", "p1"),
        ("ending_with_device", "p2"),
    }
    for today in ("2026-11-27", "2026-12-18", "2027-02-01", "2027-09-01"):
        assert {gap_episode.key for gap_episode in found(today, before)} == {gap_episode.key for gap_episode in before}


@pytest.mark.parametrize("speaks_for", ["2026-04-20", "2026-06-05", "2026-11-24"])
def test_a_list_that_nobody_sends_any_more_neither_hides_nor_invents_who_is_without(speaks_for: str) -> None:
    old = part(LIST, speaks_for, expected_every=timedelta(days=35))
    room = LifecycleCase(sources=(*parts(ROSTER, MDM), old))
    shown = [
        room.case(device(f"d{number}", **broken), holder=f"p{number}")
        for number, broken in enumerate[dict[str, Any]](({}, {"conditions": frozenset({Condition.IN_REPAIR})}))
    ]
    held = [pupil(f"p{number}", case={"assigned": 1, "devices": (f"d{number}",)}) for number in (0, 1)]
    held[0] = replace(held[0], covered=1)
    assignments = tuple(assigned(f"d{number}", f"p{number}") for number in (0, 1))

    opened, _ = room.find(*shown, *held, pupil("p2", began_on=day("2026-08-17")), assignments=assignments)

    assert {episode.key for episode in opened if episode.subject is Subject.PERSON} == {
        ("device_not_working", "p1"),
        ("no_device", "p2"),
    }


@pytest.mark.parametrize("speaks_for", ["2026-04-20", "2026-06-05", "2026-11-24"])
def test_a_list_that_nobody_sends_any_more_neither_hides_who_is_to_come_nor_keeps_open_who_has(speaks_for: str) -> None:
    old = part(LIST, speaks_for, expected_every=timedelta(days=35))
    come = pupil("p1", began_on=day("2026-08-17"))
    coming = pupil("p2", owed=None, began_on=None, starts_on=day("2026-11-30"))

    announced = Episode(
        kind="starting_without_device",
        subject=Subject.PERSON,
        subject_id="p1",
        unit="bjorkskolan",
        reason=Text("", ""),
        opened_at=instant("2026-06-01"),
    )
    room = LifecycleCase(sources=(*parts(ROSTER, MDM), old), believed=BelievedState(episodes=(announced,)))

    opened, _ = room.find(room.case(device("d9"), holder="p9"), come, coming, assignments=(assigned("d9", "p9"),))

    assert {episode.key for episode in opened if episode.subject is Subject.PERSON} == {
        ("no_device", "p1"),
        ("starting_without_device", "p2"),
    }


@pytest.mark.parametrize("today", ["2026-07-06", "2026-10-28", "2026-12-28"])
def test_whatever_fell_silent_before_a_break_no_gap_of_a_person_opens_in_it(today: str) -> None:
    old = part(LIST, "2026-04-20", expected_every=timedelta(days=35))
    room = LifecycleCase(today, sources=(*parts(ROSTER, MDM, as_of=today), old))
    broken = room.case(device(contact=today, conditions=frozenset({Condition.IN_REPAIR})), holder="p1")
    people = (pupil("p1", case={"assigned": 1, "devices": ("d1",)}), pupil("p2", began_on=day("2026-03-02")))

    assert {episode.kind for episode in room.find(broken, *people)[0] if episode.subject is Subject.PERSON} == set()


@pytest.mark.parametrize("disabled", [True, False])
def test_a_witness_that_fell_silent_holds_no_gap_back(disabled: bool) -> None:
    witness = part(WITNESS, "2026-06-20", disabled=disabled)
    records = tuple(believed_record(name, PersonRecord(source_id="p1")) for name in (ROSTER, WITNESS))
    room = LifecycleCase(sources=(*parts(ROSTER, MDM), witness))

    assert "no_device" in room.kinds(pupil("p1", began_on=day("2026-08-17"), person={"records": records}))


# --- who is who -------------------------------------------------------------------------------------------------------


def test_duplicate_person_is_one_who_was_taken_apart() -> None:
    assert kinds_on(TODAY, pupil(owed=None, person={"duplicate": True})) == {"duplicate_person"}


def key(name: str) -> Key:
    return Key(Scheme.ADDRESS, "", f"{name}@edu.exempelby.se")


def reusing(today: str, *logins: Login) -> set[str]:
    room = LifecycleCase(today, sources=parts(ROSTER, MDM, as_of=today))
    return room.kinds(pupil("old", owed=None), pupil("new", owed=None), logins=logins)


OLD, NEW = instant("2025-01-08"), instant("2026-03-02")


def test_login_reused_is_the_new_persons_for_twelve_months() -> None:
    given = (Login(key("a"), "old", OLD, NEW), Login(key("a"), "new", NEW), Login(key("b"), "old", OLD))

    assert reusing("2027-03-01", *given) == {"login_reused"}
    assert reusing("2027-03-02", *given) == set()
    opened, _ = LifecycleCase().find(pupil("new", owed=None), logins=given)
    assert [(episode.subject_id, episode.reason.en) for episode in opened if episode.kind == "login_reused"] == [
        ("new", "was given a log-in of somebody else's on 2026-03-02")
    ]


def test_two_who_had_a_login_from_the_start_reuse_nothing() -> None:
    assert reusing(TODAY, Login(key("a"), "old", NEW), Login(key("a"), "new", NEW)) == set()


def test_a_person_who_turned_out_to_be_another_one_has_given_no_log_in_away() -> None:
    merged = (Login(key("a"), "old", OLD), Login(key("a"), "new", NEW))

    assert LifecycleCase().kinds(pupil("new", owed=None), logins=merged) == set()


def test_a_hidden_persons_token_that_another_source_still_has_is_no_reuse() -> None:
    token = replace(key("a"), value="~sz5zdtav4vffuf5vsvuqdoxi7wliyxaz")

    assert token.is_token
    assert reusing(TODAY, Login(token, "old", OLD, NEW), Login(token, "new", NEW)) == set()


def test_a_log_in_that_was_taken_back_is_reused_no_more() -> None:
    taken = Login(key("a"), "new", NEW, instant("2026-04-01"))

    assert reusing(TODAY, Login(key("a"), "old", OLD, NEW), taken) == set()
