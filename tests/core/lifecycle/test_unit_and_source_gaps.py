from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fleetsync.core.calendar import Calendars
from fleetsync.core.lifecycle import ActingRole, acting_roles
from fleetsync.core.model import (
    BelievedState,
    CoverageDay,
    CoverageShare,
    Credential,
    CredentialUse,
    DeviceSet,
    Episode,
    LocalPlan,
    Subject,
    Text,
    UnitRecord,
)
from tests.core.lifecycle.lifecycle_samples import (
    LIST,
    MDM,
    REGISTER,
    ROSTER,
    SCHOOLS,
    TODAY,
    LifecycleCase,
    believed_record,
    day,
    day_later,
    part,
    parts,
)


def row(on: str, covered: int, entitled: int = 100, unit: str = "bjorkskolan", **fields: Any) -> CoverageDay:
    counts: dict[str, Any] = {"entitlement": "pupils", "entitled": entitled, "covered_own": covered} | fields
    return CoverageDay(day=day(on), unit=unit, **counts)


def below(today: str, covered: int, *earlier: CoverageDay, sources: Any = None, **fields: Any) -> list[Episode]:
    room = LifecycleCase(
        today, sources=sources or parts(ROSTER, MDM, as_of=today), believed=BelievedState(coverage=earlier)
    )
    opened, _ = room.find(coverage=(row(today, covered, **fields),))
    return [episode for episode in opened if episode.kind == "below_target"]


# --- below_target -----------------------------------------------------------------------------------------------------


def days_of(covered: int, first: str, count: int, **fields: Any) -> tuple[CoverageDay, ...]:
    return tuple(row(day_later(first, number), covered, **fields) for number in range(count))


def test_below_target_rings_after_five_school_days_of_it() -> None:
    since = days_of(94, "2026-11-16", 7), days_of(94, "2026-11-17", 7)

    assert [finding.reason.en for finding in below("2026-11-23", 94, *since[0])] == [
        "coverage below 95 % since 2026-11-16"
    ]
    assert below("2026-11-23", 94, *since[1]) == []


def test_below_target_is_one_gap_per_unit_and_entitlement() -> None:
    findings = below("2026-11-23", 94, *days_of(94, "2026-11-16", 7))

    assert [(finding.subject, finding.subject_id, finding.unit) for finding in findings] == [
        (Subject.UNIT, "pupils@bjorkskolan", "bjorkskolan")
    ]


@pytest.mark.parametrize(
    ("covered", "entitled", "rings"), [(95, 100, False), (94, 100, True), (15, 19, False), (15, 20, True)]
)
def test_below_target_takes_a_low_share_and_enough_that_are_short(covered: int, entitled: int, rings: bool) -> None:
    earlier = days_of(covered, "2026-11-16", 7, entitled=entitled)

    assert bool(below("2026-11-23", covered, *earlier, entitled=entitled)) is rings


def test_one_good_day_begins_the_count_anew() -> None:
    earlier = (*days_of(94, "2026-11-02", 16), row("2026-11-18", 97), *days_of(94, "2026-11-19", 4))

    assert below("2026-11-23", 94, *earlier) == []


def test_a_number_that_rests_on_a_dead_source_grows_no_older() -> None:
    dead = parts(ROSTER, MDM, as_of="2026-11-18")
    disabled = (part(ROSTER), part(MDM), part(LIST, "2026-01-01", disabled=True))

    assert below(TODAY, 94, *days_of(94, "2026-11-16", 8), sources=dead) == []
    assert below(TODAY, 94, *days_of(94, "2026-11-16", 8), sources=disabled)
    assert below(TODAY, 94, *days_of(94, "2026-11-16", 8), sources=parts(REGISTER))


def test_nothing_entitled_and_a_rule_that_is_none_ring_nothing() -> None:
    assert below("2026-11-23", 0, *days_of(0, "2026-11-16", 7, entitled=0), entitled=0) == []
    assert below("2026-11-23", 0, *days_of(0, "2026-11-16", 7, entitlement="old"), entitlement="old") == []


def test_a_drop_of_five_points_and_ten_persons_within_a_week_rings_at_once() -> None:
    assert [finding.reason.en for finding in below(TODAY, 190, row("2026-11-17", 200, 200), entitled=200)] == [
        "coverage was 200 of 200 on 2026-11-17"
    ]
    assert below(TODAY, 190, row("2026-11-16", 200, 200), entitled=200) == []
    assert below(TODAY, 191, row("2026-11-17", 200, 200), entitled=200) == []
    assert below(TODAY, 291, row("2026-11-17", 300, 300), entitled=300) == []
    assert below(TODAY, 190, row("2026-11-17", 0, 0), entitled=200) == []


def test_a_drop_onto_a_dead_source_stays_as_it_was() -> None:
    dead = parts(ROSTER, MDM, as_of="2026-11-24")
    earlier = (row("2026-11-23", 200, 200), *days_of(190, TODAY, 9, entitled=200))

    assert below("2026-12-03", 190, *earlier, entitled=200, sources=dead)


def test_below_target_never_opens_in_a_break() -> None:
    assert below("2026-10-28", 80, *days_of(80, "2026-09-28", 30)) == []


def test_below_target_stays_open_over_a_summer_and_says_the_same() -> None:
    """What is known of past days reaches back a month, which in July holds no school day."""
    expected = Text("täckningen under 95 % sedan 2026-05-04", "coverage below 95 % since 2026-05-04")
    is_open = Episode(
        kind="below_target",
        subject=Subject.UNIT,
        subject_id="pupils@bjorkskolan",
        unit="bjorkskolan",
        opened_at=LifecycleCase("2026-05-11").moment.at,
        reason=expected,
    )
    believed = BelievedState(coverage=days_of(80, "2026-06-20", 30), episodes=(is_open,))
    room = LifecycleCase("2026-07-20", sources=parts(ROSTER, MDM, as_of="2026-07-20"), believed=believed)

    opened, closed = room.find(coverage=(row("2026-07-20", 80),))

    assert [episode.reason for episode in opened if episode.kind == "below_target"] == [expected]
    assert not [finding for finding in closed if finding.kind == "below_target"]


# --- calendar and organisations ---------------------------------------------------------------------------------------


def of_kind(kind: str, room: LifecycleCase, **outcome: Any) -> list[tuple[str, str, str]]:
    opened, _ = room.find(**outcome)
    return [(episode.subject_id, episode.unit, episode.reason.en) for episode in opened if episode.kind == kind]


def test_no_calendar_opens_sixty_days_before_the_end() -> None:
    calendars = Calendars(default=SCHOOLS, preschool=SCHOOLS)
    ends = [(slug, slug, "the calendar ends on 2027-12-17") for slug in ("bjorkskolan", "ekskolan", "ugglan")]

    assert of_kind("no_calendar", LifecycleCase("2027-10-17", calendars=calendars)) == []
    assert of_kind("no_calendar", LifecycleCase("2027-10-18", calendars=calendars)) == ends


def test_a_unit_without_any_calendar_is_told() -> None:
    assert of_kind("no_calendar", LifecycleCase()) == [("ugglan", "ugglan", "no calendar; weekdays count")]


def test_an_unmapped_organisation_is_a_gap_of_unplaced() -> None:
    school = believed_record(ROSTER, UnitRecord(source_id="o1", name="Lindskolan", kind="Skola", codes=("li",)))

    assert of_kind("unmapped_unit", LifecycleCase(), records=(school,)) == [
        ("sis/o1", "unplaced", "organisation in sis without a unit")
    ]


@pytest.mark.parametrize(("ago", "is_asked_for"), [(-1, True), (0, True), (1, False)])
def test_an_organisation_that_has_ended_needs_no_unit(ago: int, is_asked_for: bool) -> None:
    end = date.fromisoformat(TODAY) - timedelta(days=ago)
    school = believed_record(
        ROSTER, UnitRecord(source_id="o1", name="Lindskolan", kind="Skola", codes=("li",), end=end)
    )

    assert bool(of_kind("unmapped_unit", LifecycleCase(), records=(school,))) is is_asked_for


# --- sets and pools ---------------------------------------------------------------------------------------------------


def test_set_short_is_what_a_sets_members_are_short_of() -> None:
    def sets(short: int) -> tuple[DeviceSet, ...]:
        finding = DeviceSet(
            id="bjorkskolan/2B",
            unit="bjorkskolan",
            groups=("2B",),
            entitlement="pupils",
            devices=(),
            working=19,
            short=short,
        )
        return (finding,)

    assert of_kind("set_short", LifecycleCase(), sets=sets(5)) == [
        ("bjorkskolan/2B", "bjorkskolan", "short of 5: 19 working")
    ]
    assert of_kind("set_short", LifecycleCase(), sets=sets(0)) == []


def test_pool_short_is_what_a_units_children_are_short_of() -> None:
    def shares(short: int, subject: Subject = Subject.POOL) -> tuple[CoverageShare, ...]:
        finding = CoverageShare(
            unit="ugglan", entitlement="preschool", subject=subject, subject_id="preschool@ugglan", entitled=5, heads=23,
            short=short, working_devices=5 - short, reason=Text("", ""),
        )  # fmt: skip
        return (finding,)

    findings = [("preschool@ugglan", "ugglan", "short of 2: 3 working for 23 children")]
    assert of_kind("pool_short", LifecycleCase(), shares=shares(2)) == findings
    assert of_kind("pool_short", LifecycleCase(), shares=shares(0)) == []
    assert of_kind("pool_short", LifecycleCase(), shares=shares(2, Subject.SET)) == []


# --- sources ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "every", "stale"),
    [
        (TODAY, timedelta(hours=1), False),
        ("2026-11-23", timedelta(hours=1), False),
        ("2026-11-22", timedelta(hours=1), True),
        ("2026-10-20", timedelta(days=35), False),
        ("2026-10-19", timedelta(days=35), True),
    ],
)
def test_a_source_is_stale_when_its_content_is_older_than_expected(as_of: str, every: timedelta, stale: bool) -> None:
    room = LifecycleCase(sources=(part(MDM, as_of, expected_every=every),))
    findings = [("intune/devices", "", f"its content speaks for {as_of}")] if stale else []

    assert of_kind("source_stale", room) == findings


def test_a_source_that_was_tried_and_never_came_whole_is_stale() -> None:
    assert of_kind("source_stale", LifecycleCase(sources=(part(MDM, None),))) == [
        ("intune/devices", "", "never pulled whole")
    ]
    assert of_kind("source_stale", LifecycleCase(sources=(part(MDM, None, last_attempt_at=None),))) == []


def test_a_disabled_source_is_frozen_not_stale() -> None:
    assert of_kind("source_stale", LifecycleCase(sources=(part(MDM, "2026-01-01", disabled=True),))) == []


def test_a_pull_that_waits_for_a_decision_is_told() -> None:
    assert of_kind("pull_held", LifecycleCase(sources=(part(MDM, held_pull=7),))) == [
        ("intune/devices", "", "pull 7 waits for a decision")
    ]
    assert of_kind("pull_held", LifecycleCase()) == []


def test_a_sources_gap_was_never_so_before_its_first_pull() -> None:
    opened, _ = LifecycleCase(sources=(part(MDM, held_pull=7, first_complete_at=LifecycleCase().moment.at),)).find()

    assert {episode.known_before for episode in opened if episode.kind == "pull_held"} == {False}


# --- parts ------------------------------------------------------------------------------------------------------------


EXPIRES_AT = datetime(2026, 12, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("today", "kind"),
    [
        ("2026-11-19", None),
        ("2026-11-21", "credential_expiring"),
        ("2026-12-13", "credential_expiring"),
        ("2026-12-14", "credential_lapsing"),
        ("2027-01-07", "credential_lapsing"),
    ],
)
def test_a_credential_is_announced_thirty_days_before_it_runs_out_and_is_urgent_in_the_last_week_and_after(
    today: str, kind: str | None
) -> None:
    later = Credential("other", datetime(2027, 12, 20, 12, tzinfo=UTC), CredentialUse.OTHER)
    state = part(MDM, as_of=today, credentials=(Credential("secret", EXPIRES_AT, CredentialUse.SIGN_IN), later))
    opened = {
        name: of_kind(name, LifecycleCase(today, sources=(state,)))
        for name in ("credential_expiring", "credential_lapsing")
    }

    reason = "secret is good until 2026-12-20, then this source is no longer read"
    assert opened == {"credential_expiring": [], "credential_lapsing": []} | (
        {kind: [(MDM, "", reason)]} if kind else {}
    )


def test_all_credentials_that_run_out_are_named_with_what_stops_then() -> None:
    credentials = tuple(
        Credential(use.value, EXPIRES_AT + timedelta(days=n), use) for n, use in enumerate(CredentialUse)
    )
    state = part(MDM, as_of="2026-12-10", credentials=credentials)
    ((_, _, reason),) = of_kind("credential_expiring", LifecycleCase("2026-12-10", sources=(state,)))

    assert reason.split("; ") == [
        "sign_in is good until 2026-12-20, then this source is no longer read",
        "apple_push is good until 2026-12-21, then the MDM reaches no iPad and no Mac, and every one must be enrolled anew",
        "apple_enrolment is good until 2026-12-22, then new iPads and Macs no longer enrol",
        "apple_apps is good until 2026-12-23, then apps are no longer installed or updated",
        "other is good until 2026-12-24, then what uses it stops working",
    ]


def test_the_credentials_of_a_source_that_is_switched_off_matter_to_nobody() -> None:
    state = part(MDM, disabled=True, credentials=(Credential("secret", EXPIRES_AT, CredentialUse.SIGN_IN),))

    assert of_kind("credential_lapsing", LifecycleCase("2026-12-24", sources=(state,))) == []


def test_rows_and_facts_that_could_not_be_read_are_a_gap_of_their_part() -> None:
    unread = part(MDM, unreadable_rows=5, unreadable_facts=1, unreadable_reason="fewer fields than the header")
    facts_alone = part(MDM, unreadable_facts=3)
    frozen = part(MDM, unreadable_rows=5, disabled=True)

    def reasons(state: Any) -> list[str]:
        return [reason for _, _, reason in of_kind("rows_unreadable", LifecycleCase(TODAY, sources=(state,)))]

    assert reasons(part(MDM)) == []
    assert reasons(unread) == ["5 rows left out, 1 fact could not be read; most often: fewer fields than the header"]
    assert reasons(facts_alone) == ["3 facts could not be read"]
    assert reasons(frozen) == []


def test_unknown_words_of_the_last_complete_pull_are_drift() -> None:
    quiet, drifting = (part(MDM, drift=count) for count in (0, 3))

    assert of_kind("schema_drift", LifecycleCase(TODAY, sources=(quiet,))) == []
    assert [finding[0] for finding in of_kind("schema_drift", LifecycleCase(TODAY, sources=(drifting,)))] == [MDM]


# --- local plans ------------------------------------------------------------------------------------------------------


def local_plan(unit: str, decided_on: str, ends_on: str) -> LocalPlan:
    return LocalPlan(
        unit=unit,
        document=f"Lokal IT-plan {decided_on[:4]}",
        decided_on=date.fromisoformat(decided_on),
        ends_on=date.fromisoformat(ends_on),
    )


PLANS = (
    local_plan("bjorkskolan", "2025-08-20", "2026-06-30"),
    local_plan("bjorkskolan", "2024-08-20", "2025-06-30"),
    local_plan("ekskolan", "2026-08-20", "2026-11-30"),
    local_plan("ugglan", "2026-12-24", "2027-06-30"),
)


def test_nobody_is_asked_for_local_plans_while_the_municipality_follows_none() -> None:
    room = LifecycleCase()

    assert of_kind("no_local_plan", room) == of_kind("local_plan_expired", room) == []


def test_once_a_unit_has_a_local_plan_one_without_any_is_asked_for_it_until_it_is_decided() -> None:
    asked = [("ugglan", "ugglan", "no local plan is entered")]

    assert of_kind("no_local_plan", LifecycleCase("2026-12-23", local_plans=PLANS)) == asked
    assert of_kind("no_local_plan", LifecycleCase("2026-12-24", local_plans=PLANS)) == []


def test_a_local_plan_that_ended_without_a_successor_is_named_from_the_day_after() -> None:
    ended = ("bjorkskolan", "bjorkskolan", "”Lokal IT-plan 2025” ended on 2026-06-30")
    next_ended = ("ekskolan", "ekskolan", "”Lokal IT-plan 2026” ended on 2026-11-30")

    assert of_kind("local_plan_expired", LifecycleCase("2026-11-30", local_plans=PLANS)) == [ended]
    assert of_kind("local_plan_expired", LifecycleCase("2026-12-01", local_plans=PLANS)) == [ended, next_ended]


def test_local_plans_are_the_principals_to_write() -> None:
    for kind in ("no_local_plan", "local_plan_expired"):
        assert acting_roles(kind, None, None) == (ActingRole.PRINCIPAL,)
