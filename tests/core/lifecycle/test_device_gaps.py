from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from fleetsync.core.entitlement import RULES
from fleetsync.core.model import (
    UNPLACED,
    BelievedState,
    Compliance,
    Condition,
    Episode,
    FormFactor,
    HolderProblem,
    ModelRule,
    OsSupport,
    Ownership,
    Platform,
    Purpose,
    ReferenceFacts,
    Stage,
    StageSince,
    Text,
)
from tests.core.lifecycle.lifecycle_samples import (
    BOUGHT,
    LIST,
    MDM,
    OTHER_MDM,
    REGISTER,
    ROSTER,
    TODAY,
    LifecycleCase,
    day,
    device,
    instant,
    part,
    parts,
    pupil,
)

LAST_DAY_WITHIN, FIRST_DAY_WITHOUT = "2026-11-03", "2026-11-02"
STALE = {"contact": FIRST_DAY_WITHOUT}


def kinds(
    device_fields: dict[str, Any] | None = None,
    *,
    room: LifecycleCase | None = None,
    names: tuple[str, ...] = (),
    **placed: Any,
) -> set[str]:
    where = room or LifecycleCase()
    return where.kinds(where.case(device("d1", *names, **(device_fields or {})), **placed))


def test_a_device_in_order_has_no_gap() -> None:
    assert kinds() == set()


# --- contact ----------------------------------------------------------------------------------------------------------


def test_stale_opens_past_the_limit() -> None:
    assert kinds({"contact": LAST_DAY_WITHIN}) == set()
    assert kinds(STALE) == {"stale"}


@pytest.mark.parametrize("purpose", [Purpose.PERSONAL, Purpose.SET, Purpose.POOL, Purpose.LOAN, Purpose.ROOM])
def test_stale_is_of_devices_that_are_in_use(purpose: Purpose) -> None:
    assert kinds(STALE, purpose=purpose) == {"stale"}


@pytest.mark.parametrize("purpose", [Purpose.STOCK, Purpose.REPAIR, Purpose.IGNORE])
def test_stale_is_not_of_devices_that_lie_still(purpose: Purpose) -> None:
    assert kinds(STALE, purpose=purpose) == set()


@pytest.mark.parametrize("condition", [Condition.RETIRED, Condition.LOST, Condition.IN_REPAIR])
def test_stale_is_not_of_devices_out_of_reach(condition: Condition) -> None:
    assert "stale" not in kinds({**STALE, "conditions": frozenset({condition})})


def test_stale_stays_while_a_device_is_silent_for_good_and_when_every_mdm_has_lost_it() -> None:
    assert kinds({"contact": "2026-02-02"}) == {"stale"}
    assert kinds({"records": (), "roles": frozenset()}) == {"stale"}
    assert kinds({"records": (), "roles": frozenset(), "contact": None}) == {"stale"}


def test_stale_never_opens_in_a_break() -> None:
    room = LifecycleCase("2026-10-28", sources=parts(MDM, as_of="2026-10-28"))

    assert kinds({"contact": "2026-09-01"}, room=room) == set()


def test_a_source_that_died_in_a_break_opens_nothing_after_it() -> None:
    dead = LifecycleCase("2026-11-05", sources=parts(MDM, as_of="2026-10-26"))
    alive = LifecycleCase("2026-11-05", sources=parts(MDM, as_of="2026-11-05"))

    assert kinds({"contact": "2026-09-01"}, room=dead) == {"source_stale"}
    assert kinds({"contact": "2026-09-01"}, room=alive) == {"stale"}


def test_what_no_source_has_any_more_is_not_said_to_be_silent_since_today() -> None:
    room = LifecycleCase()
    gone = room.case(device(records=(), ever_in_mdm=True), holder="p1")

    assert [episode.reason.en for episode in room.find(gone)[0] if episode.kind == "stale"] == [
        "no source has it any more"
    ]


@pytest.mark.parametrize("speaks_for", ["2026-11-24", "2026-06-05", "2026-04-20"])
def test_an_old_list_that_names_a_device_as_well_holds_nothing_back(speaks_for: str) -> None:
    room = LifecycleCase(sources=(part(MDM), part(LIST, speaks_for, expected_every=timedelta(days=35))))

    assert kinds({**STALE, "contact_part": MDM}, room=room, names=(MDM, LIST)) - {"source_stale"} == {"stale"}


def test_never_enrolled_opens_when_a_bought_device_stays_away_for_too_long() -> None:
    bought = {"contact": None, "purchased_on": day(LAST_DAY_WITHIN)}
    late = {"contact": None, "purchased_on": day(FIRST_DAY_WITHOUT)}

    assert kinds(bought, names=(BOUGHT,), purpose=Purpose.UNSORTED) == set()
    assert kinds(late, names=(BOUGHT,), purpose=Purpose.UNSORTED) == {"never_enrolled"}
    assert kinds({"contact": None}, names=(BOUGHT,), purpose=Purpose.UNSORTED) == {"never_enrolled"}
    assert kinds(late, names=(BOUGHT,), purpose=Purpose.STOCK) == set()


def test_never_enrolled_is_of_what_an_mdm_lists_and_has_never_heard_of_too() -> None:
    assert kinds({"contact": None, "enrolled_at": instant(LAST_DAY_WITHIN)}) == set()
    assert kinds({"contact": None, "enrolled_at": instant(FIRST_DAY_WITHOUT)}) == {"never_enrolled"}


def test_never_enrolled_is_judged_up_to_the_oldest_day_of_those_who_could_show_it() -> None:
    room = LifecycleCase(sources=(part(MDM), part(OTHER_MDM, LAST_DAY_WITHIN)))

    assert "never_enrolled" not in kinds(
        {"contact": None}, room=LifecycleCase(sources=(part(MDM, "2026-01-10"),)), names=(BOUGHT,)
    )
    assert "never_enrolled" not in kinds(
        {"contact": None, "purchased_on": day("2026-10-20")}, room=room, names=(BOUGHT,)
    )


def test_never_enrolled_is_not_of_what_a_register_has() -> None:
    assert kinds({"contact": None}, names=(REGISTER,), room=LifecycleCase(sources=parts(MDM))) == set()


def test_not_in_mdm_is_what_a_register_or_purchases_expect_there() -> None:
    room = LifecycleCase(sources=parts(ROSTER, MDM, REGISTER, LIST, BOUGHT))

    assert kinds(room=room, names=(REGISTER,)) == {"not_in_mdm"}
    assert "not_in_mdm" in kinds({"ever_in_mdm": True}, room=room, names=(REGISTER, BOUGHT))
    assert "not_in_mdm" not in kinds(room=room, names=(LIST,))
    assert kinds(room=room, names=(REGISTER, MDM)) == set()
    assert "not_in_mdm" not in kinds(room=room, names=(BOUGHT,), purpose=Purpose.UNSORTED)
    assert kinds(room=room, names=(REGISTER,), purpose=Purpose.STOCK) == set()
    assert kinds({"form_factor": FormFactor.VIRTUAL}, room=room, names=(REGISTER,)) == set()


def test_not_in_mdm_waits_until_every_mdm_has_looked_since_the_device_was_first_seen() -> None:
    new = {"first_seen": instant(TODAY)}
    dead = LifecycleCase(sources=(part(REGISTER), part(MDM, "2026-11-23")))

    assert kinds(new, room=LifecycleCase(sources=parts(REGISTER, MDM)), names=(REGISTER,)) == {"not_in_mdm"}
    assert "not_in_mdm" not in kinds(new, room=dead, names=(REGISTER,))
    assert kinds(new, room=LifecycleCase(sources=parts(REGISTER)), names=(REGISTER,)) == {"not_in_mdm"}


def test_not_in_mdm_is_not_of_what_is_on_its_way_from_one_mdm_to_another() -> None:
    def kinds(*, is_migrating: bool) -> set[str]:
        case = LifecycleCase(sources=parts(MDM, BOUGHT))
        return case.kinds(case.case(device("d1", BOUGHT, ever_in_mdm=True, is_migrating=is_migrating)))

    assert kinds(is_migrating=False) - kinds(is_migrating=True) == {"not_in_mdm", "stale"}


def test_not_in_register_is_asked_where_there_is_one_that_has_looked() -> None:
    looked = LifecycleCase(sources=parts(MDM, REGISTER))
    dead = LifecycleCase(sources=(part(MDM), part(REGISTER, "2025-12-31")))

    assert kinds(room=looked) == {"not_in_register"}
    assert kinds() == set()
    assert "not_in_register" not in kinds(room=dead)
    assert kinds(room=looked, names=(MDM, REGISTER)) == set()
    assert kinds({"form_factor": FormFactor.VIRTUAL}, room=looked) == set()
    assert "not_in_register" not in kinds({"contact": None}, room=looked, names=(BOUGHT,), purpose=Purpose.UNSORTED)
    assert kinds(room=LifecycleCase(sources=(part(MDM), part(REGISTER, disabled=True)))) == set()


# --- whose and where --------------------------------------------------------------------------------------------------


def left(today: str, *, sources: Any = None, placed: dict[str, Any] | None = None, **person_state: Any) -> set[str]:
    room = LifecycleCase(today, sources=sources or parts(ROSTER, MDM, as_of=today))
    leaver = pupil(**({"owed": None, "counted": False, "ended_on": day("2026-11-06")} | person_state))
    return room.kinds(leaver, room.case(device(contact=today), **({"holder": "p1"} | (placed or {}))))


def test_leaver_holds_opens_ten_school_days_after_the_end() -> None:
    assert left("2026-11-19") == set()
    assert left("2026-11-20") == {"leaver_holds"}


def test_leaver_holds_waits_for_a_roster_that_has_spoken_since() -> None:
    assert "leaver_holds" not in left("2026-12-04", sources=(part(ROSTER, "2026-11-19"), part(MDM, "2026-12-04")))
    assert "leaver_holds" in left(
        "2026-12-04", sources=(part(ROSTER, "2026-11-20", counts=False), part(MDM, "2026-12-04"))
    )
    assert "leaver_holds" in left("2026-12-04", sources=(part(MDM, "2026-12-04"),))


@pytest.mark.parametrize(
    "fields",
    [
        {"ended_on": None},
        {"counted": True},
        {"may_return": True},
        {"person": {"masked": True}},
        {"placed": {"purpose": Purpose.STOCK}},
        {"placed": {"holder": None}},
    ],
)
def test_leaver_holds_is_only_of_devices_in_the_hands_of_one_who_has_left(fields: dict[str, Any]) -> None:
    assert "leaver_holds" not in left("2026-11-23", **fields)


def test_unknown_holder_is_of_personal_devices_and_loans() -> None:
    trouble: dict[str, Any] = {"holder_problems": (HolderProblem.UNKNOWN,)}

    assert kinds(**trouble) == {"unknown_holder"}
    assert kinds(**trouble, purpose=Purpose.LOAN) == {"unknown_holder"}
    assert kinds(**trouble, purpose=Purpose.STOCK) == set()


def test_a_tie_and_a_contradiction_are_told() -> None:
    assert kinds(holder_problems=(HolderProblem.AMBIGUOUS,)) == {"ambiguous_holder"}
    assert kinds(holder_problems=(HolderProblem.CONFLICT,)) == {"holder_conflict"}


def test_unplaced_and_unsorted_are_of_devices_that_are_there() -> None:
    nowhere: dict[str, Any] = {"unit": UNPLACED, "purpose": Purpose.UNSORTED}
    bought = {"contact": None, "purchased_on": day(TODAY)}

    assert kinds(**nowhere) == {"unplaced", "unsorted"}
    assert kinds(bought, names=(BOUGHT,), **nowhere) == set()
    assert kinds({"conditions": frozenset({Condition.RETIRED})}, **nowhere) == set()
    assert kinds({"conditions": frozenset({Condition.LOST})}, **nowhere) == {"lost"}


def test_a_hidden_holders_device_is_neither_unplaced_nor_at_two_units() -> None:
    room = LifecycleCase()
    hidden = pupil(person={"masked": True})
    here = room.case(device(), holder="p1", unit=UNPLACED)
    there = room.case(device("d2"), holder="p1", conflicting_unit="ekskolan")

    assert room.kinds(hidden, here, there) == set()
    assert kinds({"masked": True}, unit=UNPLACED) == set()


def test_unit_mismatch_opens_on_the_fifteenth_school_day_of_a_term() -> None:
    def on(today: str) -> set[str]:
        return kinds(
            {"contact": today}, room=LifecycleCase(today, sources=parts(MDM, as_of=today)), conflicting_unit="ekskolan"
        )

    assert on("2026-09-03") == set()
    assert on("2026-09-04") == {"unit_mismatch"}
    assert on("2026-10-28") == set()
    assert on("2028-04-03") == {"unit_mismatch"}


def test_unit_mismatch_that_is_open_stays_open_into_a_new_term() -> None:
    room = LifecycleCase("2026-09-04", sources=parts(MDM, as_of="2026-09-04"))
    opened, _ = room.find(room.case(device(contact="2026-09-04"), conflicting_unit="ekskolan"))
    later = LifecycleCase("2027-01-12", sources=parts(MDM, as_of="2027-01-12"), believed=BelievedState(episodes=opened))

    assert kinds({"contact": "2027-01-12"}, room=later, conflicting_unit="ekskolan") == {"unit_mismatch"}


def test_duplicate_serial_is_each_device_that_stands_alone_for_it() -> None:
    assert kinds({"has_ambiguous_serial": True}) == {"duplicate_serial"}


def test_a_personally_owned_device_has_that_gap_and_no_other() -> None:
    private = {"ownership": Ownership.PERSONAL, "contact": "2026-02-02", "encrypted": False}

    assert kinds(private, unit=UNPLACED) == {"personally_owned"}
    assert kinds({**private, "form_factor": FormFactor.PHONE}) == set()
    assert kinds({**private, "conditions": frozenset({Condition.RETIRED})}) == set()
    assert kinds(private, purpose=Purpose.IGNORE) == set()
    assert kinds({**private, "records": ()}) == set()


# --- condition --------------------------------------------------------------------------------------------------------


def test_lost_is_told_until_the_device_is_gone() -> None:
    assert kinds({"conditions": frozenset({Condition.LOST})}) == {"lost"}
    assert kinds({"conditions": frozenset({Condition.LOST}), "records": ()}) == set()


def repaired(today: str, as_of: str | None = None) -> set[str]:
    stages = {"d1": StageSince(Stage.IN_REPAIR, instant("2026-09-01"))}
    room = LifecycleCase(today, sources=parts(MDM, as_of=as_of or today), believed=BelievedState(stages=stages))
    return kinds({"contact": today, "conditions": frozenset({Condition.IN_REPAIR})}, room=room)


def test_long_in_repair_opens_on_the_twentieth_school_day_of_the_stage() -> None:
    assert repaired("2026-09-28") == set()
    assert repaired("2026-09-29") == {"long_in_repair"}


def test_a_repair_gets_no_longer_while_its_source_is_dead() -> None:
    assert "long_in_repair" not in repaired("2026-11-24", as_of="2026-09-28")


# --- age and security -------------------------------------------------------------------------------------------------


def system(ends_on: str | None, *, estimated: bool = False) -> LifecycleCase:
    row = OsSupport(
        platform=Platform.WINDOWS, version_prefix="10", ends_on=day(ends_on) if ends_on else None, estimated=estimated
    )
    return LifecycleCase(reference=ReferenceFacts(os_support=(row,)))


@pytest.mark.parametrize(
    ("ends_on", "kinds_found"),
    [
        ("2026-11-23", {"os_unsupported"}),
        ("2026-11-24", {"os_support_ending"}),
        ("2027-02-22", {"os_support_ending"}),
        ("2027-02-23", set()),
        (None, set()),
    ],
)
def test_a_systems_support_ends_on_its_day(ends_on: str | None, kinds_found: set[str]) -> None:
    assert kinds({"os_version": "10.1"}, room=system(ends_on)) == kinds_found


@pytest.mark.parametrize(
    ("version", "platform", "is_found"),
    [
        ("11.2", Platform.WINDOWS, True),
        ("10.1", Platform.WINDOWS, False),
        (None, Platform.WINDOWS, False),
        ("16", Platform.IPADOS, False),
    ],
    ids=["unlisted", "listed", "not told", "no release of the platform is listed"],
)
def test_a_release_that_the_support_dates_lack_is_told(version: str | None, platform: Platform, is_found: bool) -> None:
    kinds_found = kinds({"os_version": version, "platform": platform}, room=system("2029-01-01"))

    assert ("os_release_unknown" in kinds_found) is is_found


def test_a_release_that_is_listed_for_other_editions_is_known() -> None:
    row = OsSupport(platform=Platform.WINDOWS, version_prefix="10", edition="pro", ends_on=day("2029-01-01"))
    room = LifecycleCase(reference=ReferenceFacts(os_support=(row,)))

    assert "os_release_unknown" not in kinds({"os_version": "10", "os_edition": "home"}, room=room)


def test_an_estimated_end_says_so() -> None:
    room = system("2026-01-01", estimated=True)
    opened, _ = room.find(room.case(device(os_version="10")))
    known, _ = system("2026-01-01").find(room.case(device(os_version="10")))

    assert {episode.reason.en for episode in opened if episode.kind == "os_unsupported"} == {
        "the system's support ended on 2026-01-01 (estimated)"
    }
    assert {record.reason.en for record in known if record.kind == "os_unsupported"} == {
        "the system's support ended on 2026-01-01"
    }


def test_hardware_support_is_told_a_year_before_its_end_and_after() -> None:
    rule = ModelRule(pattern="*", form_factor=FormFactor.COMPUTER, hardware_support_until=day("2026-01-01"))

    assert kinds({"support_until": day("2027-11-24")}) == {"hardware_support_ending"}
    assert kinds({"support_until": day("2027-11-25")}) == set()
    assert kinds({}, room=LifecycleCase(reference=ReferenceFacts(models=(rule,)))) == {"hardware_support_ending"}


def test_a_warranty_is_told_ninety_days_before_its_end_and_not_after() -> None:
    assert kinds({"warranty_until": day("2027-02-22")}) == {"warranty_ending"}
    assert kinds({"warranty_until": day("2027-02-23")}) == set()
    assert kinds({"warranty_until": day("2026-11-23")}) == set()


def aged(bought: str | None, **fields: Any) -> set[str]:
    staff, pupils, *others = RULES
    rules = (replace(staff, life_years=3), replace(pupils, life_years=5), *others)
    room = LifecycleCase(entitlements=fields.pop("entitlements", rules))
    bought_device = device(purchased_on=day(bought) if bought else None, **fields)
    return room.kinds(pupil(case={"assigned": 1, "covered": 1}), room.case(bought_device, holder=fields.get("holder")))


def test_over_age_is_by_the_first_rule_that_accepts_the_device() -> None:
    assert aged("2023-11-24") == {"over_age"}
    assert aged("2023-11-25") == set()
    assert aged(None) == set()
    assert aged("2010-01-01", entitlements=RULES) == set()
    assert aged("2010-01-01", form_factor=FormFactor.PHONE) == set()


def test_over_age_is_by_the_holders_rule_first() -> None:
    staff, pupils, *others = RULES
    room = LifecycleCase(entitlements=(replace(staff, life_years=3), replace(pupils, life_years=5), *others))
    held = room.case(device(purchased_on=day("2022-11-24")), holder="p1")
    covered = {"assigned": 1, "covered": 1}

    assert room.kinds(pupil(case=covered), held) == set()
    assert room.kinds(pupil(case=covered, owed=None), held) == {"over_age"}


def test_what_an_mdm_says_of_security_is_told_and_what_it_does_not_say_is_not() -> None:
    assert kinds({"encrypted": False}) == {"unencrypted"}
    assert kinds({"encrypted": True, "compliance": Compliance.GRACE}) == set()
    assert kinds({"compliance": Compliance.NONCOMPLIANT}) == {"noncompliant"}


# --- all of it --------------------------------------------------------------------------------------------------------


def test_what_a_first_complete_pull_finds_was_so_before() -> None:
    new = LifecycleCase(sources=(part(ROSTER), part(MDM, first_complete_at=instant(TODAY)), part(OTHER_MDM)))
    cases = (new.case(device(**STALE)), new.case(device("d2", OTHER_MDM, **STALE)), pupil())
    opened, _ = new.find(*cases)
    kinds_found = {
        (episode.kind, episode.subject_id): episode.known_before for episode in opened if episode.kind != "no_calendar"
    }

    assert kinds_found == {("stale", "d1"): True, ("stale", "d2"): False, ("no_device", "p1"): True}


def test_a_second_run_of_the_same_input_changes_nothing() -> None:
    room = LifecycleCase()
    cases = (room.case(device(**STALE), holder="p1", unit=UNPLACED), pupil(case={"assigned": 1, "devices": ("d1",)}))
    opened, _ = room.find(*cases)
    room.believed = BelievedState(episodes=opened)

    assert room.find(*cases) == (opened, ())


@pytest.mark.parametrize("today", ["2026-11-26", "2026-12-21", "2027-01-20", "2027-06-20", "2027-08-17", "2028-03-01"])
def test_a_dead_source_opens_and_closes_nothing_on_any_later_day(today: str) -> None:
    def kinds_found(room: LifecycleCase) -> tuple[Episode, ...]:
        cases = [
            room.case(device("d1", **STALE), holder="p1"),
            room.case(device("d2", contact=LAST_DAY_WITHIN, warranty_until=day("2027-03-01")), holder="p2"),
            room.case(device("d3", contact=None, enrolled_at=instant(LAST_DAY_WITHIN)), unit=UNPLACED),
            room.case(device("d4", os_version="10", support_until=day("2027-12-01")), conflicting_unit="ekskolan"),
            room.case(device("d5", conditions=frozenset({Condition.IN_REPAIR}))),
        ]
        people = [
            pupil("p1", case={"assigned": 1, "devices": ("d1",)}, ends_on=day("2026-12-20")),
            pupil("p2", owed=None, counted=False, ended_on=day("2026-11-16")),
            pupil("p3", began_on=day("2026-11-23")),
        ]
        return room.find(*cases, *people)[0]

    def keys(episodes: tuple[Episode, ...]) -> set[tuple[str, str]]:
        return {episode.key for episode in episodes if episode.kind not in ("source_stale", "no_calendar")}

    row = OsSupport(platform=Platform.WINDOWS, version_prefix="10", ends_on=day("2027-01-31"))
    stages = {"d5": StageSince(Stage.IN_REPAIR, instant("2026-11-20"))}
    reference = ReferenceFacts(os_support=(row,))

    before = kinds_found(LifecycleCase("2026-11-25", believed=BelievedState(stages=stages), reference=reference))
    assert keys(before) == {
        ("stale", "d1"),
        ("device_not_working", "p1"),
        ("unit_mismatch", "d4"),
        ("unplaced", "d3"),
        ("os_support_ending", "d4"),
    }
    after = kinds_found(
        LifecycleCase(today, believed=BelievedState(stages=stages, episodes=before), reference=reference)
    )
    assert keys(after) == keys(before)


def test_reasons_are_told_in_both_languages() -> None:
    opened, _ = LifecycleCase().find(
        LifecycleCase().case(device(**STALE), unit=UNPLACED, unit_reason=Text("ingenstans", "nowhere"))
    )

    assert {episode.reason for episode in opened if episode.kind == "unplaced"} == {Text("ingenstans", "nowhere")}
    assert all(episode.reason.sv != episode.reason.en for episode in opened)
