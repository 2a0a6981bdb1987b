from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.calendar import Calendar, Calendars, Term
from fleetsync.core.lifecycle import accepts, counts_as_assigned, device_states, works_for
from fleetsync.core.model import (
    BelievedState,
    Compliance,
    Condition,
    Correction,
    Device,
    DeviceRecord,
    EligibilityCriteria,
    Entitlement,
    EntitlementMode,
    FormFactor,
    OsSupport,
    Ownership,
    PartRole,
    Platform,
    Purpose,
    ReferenceFacts,
    Stage,
    StageSince,
    Staleness,
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
    believed_record,
    day,
    device,
    instant,
    part,
    parts,
    placement,
)

# Fifteen school days before 24 November, nothing closed between, is 3 November; the holiday week lies before.
LAST_DAY_WITHIN = "2026-11-03"
FIRST_DAY_WITHOUT = "2026-11-02"


# --- silence ----------------------------------------------------------------------------------------------------------


def test_a_device_in_contact_within_the_limit_works_and_its_reason_holds_no_day() -> None:
    device_state = LifecycleCase().device_state(device(contact=LAST_DAY_WITHIN))

    assert (device_state.works, device_state.silent_school_days) == (True, 15)
    assert device_state.works_reason == Text(
        "i kontakt inom 15 skoldagar och hanterat", "in contact within 15 school days, managed"
    )


def test_a_device_silent_for_longer_does_not_work_and_its_reason_cites_the_day() -> None:
    device_state = LifecycleCase().device_state(device(contact=FIRST_DAY_WITHOUT))

    assert (device_state.works, device_state.silent_school_days, device_state.stage) == (False, 16, Stage.IN_USE)
    assert device_state.works_reason.en == "no contact since 2026-11-02, limit 15 school days"
    assert device_state.works_reason.sv == "ingen kontakt sedan 2026-11-02, gräns 15 skoldagar"


def test_a_device_silent_over_the_holidays_works() -> None:
    device_state = LifecycleCase("2027-01-12", sources=parts(MDM, as_of="2027-01-12")).device_state(
        device(contact="2026-12-17")
    )

    assert (device_state.works, device_state.silent_school_days) == (True, 3)


def test_a_platform_has_a_limit_of_its_own_and_a_unit_goes_before_it() -> None:
    room = LifecycleCase(staleness=Staleness(by_platform={"windows": 5}))
    silent = device(contact=LAST_DAY_WITHIN)

    assert not room.device_state(silent).works
    assert room.device_state(silent, unit="ekskolan").works
    assert room.device_state(replace(silent, platform=Platform.LINUX)).works


def test_the_clock_of_a_source_stops_with_it() -> None:
    silent = device(contact="2026-10-20")
    dead = LifecycleCase("2027-05-03", sources=parts(MDM, as_of="2026-10-21"))
    other_dead = LifecycleCase(sources=(part(MDM), part(OTHER_MDM, "2026-10-21")))

    assert (dead.device_state(silent).works, dead.device_state(silent).evaluated_until) == (True, day("2026-10-21"))
    assert not other_dead.device_state(silent).works


def test_of_several_files_a_contact_is_judged_by_its_own() -> None:
    record = believed_record(LIST, DeviceRecord(source_id="d1"), scope="ekskolan")
    listed = device("d1", LIST, contact="2026-10-20", records=(record,))
    sources = (part(LIST, "2026-10-21", scope_as_of={"ekskolan": day(TODAY), "ugglan": day("2026-10-21")}),)

    assert LifecycleCase(sources=sources).device_state(listed).evaluated_until == day(TODAY)


def test_a_contact_of_a_source_that_is_configured_no_longer_is_judged_by_its_own_day() -> None:
    device_state = LifecycleCase(sources=()).device_state(device(contact="2026-03-02"))

    assert (device_state.silent_school_days, device_state.evaluated_until) == (0, day("2026-03-02"))


def test_nothing_is_judged_beyond_today() -> None:
    assert LifecycleCase(sources=parts(MDM, as_of="2026-12-01")).device_state(device()).evaluated_until == day(TODAY)


def test_a_device_that_a_list_without_contacts_names_works_on_its_word_alone() -> None:
    device_state = LifecycleCase(sources=parts(LIST, as_of="2026-11-01")).device_state(device("d1", LIST, contact=None))

    assert (device_state.works, device_state.without_contact, device_state.contact_unknown) == (True, True, True)
    assert (device_state.silent_school_days, device_state.evaluated_until) == (None, day("2026-11-01"))
    assert device_state.works_reason == Text(
        "står i listan från 1 nov., kontakt okänd", "named by the list of 1 Nov., contact unknown"
    )


def test_the_word_of_a_list_of_another_year_says_which() -> None:
    device_state = LifecycleCase(sources=parts(LIST, as_of="2025-06-30")).device_state(device("d1", LIST, contact=None))

    assert device_state.works_reason.en == "named by the list of 30 June 2025, contact unknown"


def test_a_list_that_gives_contacts_is_no_word_for_a_device_without() -> None:
    case = LifecycleCase(sources=parts(LIST, as_of="2026-11-01"))
    other = believed_record(LIST, DeviceRecord(source_id="d2"), last_contact_at=instant("2026-10-30"))
    case.believed = BelievedState(known=(other,))
    listed = device("d1", LIST, contact=None)
    (device_state,) = device_states([listed], [placement("d1")], case.context(other))

    assert (device_state.works, device_state.contact_unknown) == (None, True)
    assert device_state.works_reason.en == "unknown: its list gives contacts, and none for this device"


# --- what could not be read -------------------------------------------------------------------------------------------


def unreadable(own: str = "d1", *names: str, fields: tuple[str, ...], **more: Any) -> Device:
    return device(own, *names, unreadable=dict.fromkeys(fields, "the-source"), **more)


def test_a_holder_who_could_not_be_read_leaves_a_device_undecided_only_where_the_holder_decides_its_use() -> None:
    case, device = LifecycleCase(), unreadable(fields=("keys",))
    undecided = case.device_state(device, purpose=Purpose.POOL, is_use_undecided=True)

    assert (undecided.works, undecided.works_reason.en) == (
        None,
        "unknown: the holder could not be read in the-source",
    )
    assert case.device_state(device, purpose=Purpose.PERSONAL).works is True


@pytest.mark.parametrize("field", ["ownership", "condition", "platform", "model", "purpose"])
def test_a_deciding_fact_that_could_not_be_read_leaves_a_device_undecided(field: str) -> None:
    device_state = LifecycleCase().device_state(unreadable(fields=(field,)))

    assert device_state.works is None
    assert device_state.works_reason.en.startswith("unknown: ")
    assert device_state.works_reason.en.endswith("could not be read in the-source")


def test_management_that_could_not_be_read_is_neither_yes_nor_no() -> None:
    assert LifecycleCase().device_state(unreadable(fields=("managed",), managed=None)).works is None
    assert LifecycleCase().device_state(device(managed=None)).works is False


@pytest.mark.parametrize(
    ("contact", "works"), [(TODAY, True), ("2026-09-01", None), (None, None)], ids=["recent", "old", "none"]
)
def test_a_contact_that_could_not_be_read_puts_only_an_old_one_in_doubt(
    contact: str | None, works: bool | None
) -> None:
    case = LifecycleCase()
    doubtful = unreadable(fields=("last_contact_at",), contact=contact)
    device_state = case.device_state(doubtful)

    assert (device_state.works, device_state.contact_unknown) == (works, works is None)
    assert device_state.stage is Stage.IN_USE
    assert case.kinds(case.case(doubtful)).isdisjoint({"stale", "never_enrolled"})


def test_a_day_of_enrolment_that_could_not_be_read_matters_only_without_a_contact() -> None:
    assert LifecycleCase().device_state(unreadable(fields=("enrolled_at",), contact=None)).works is None
    assert LifecycleCase().device_state(unreadable(fields=("enrolled_at",), contact="2026-09-01")).works is False


def test_what_certainly_does_not_work_is_not_made_unknown_by_another_fact() -> None:
    lost = unreadable(fields=("ownership",), conditions=frozenset({Condition.LOST}))

    assert LifecycleCase().device_state(lost).works is False
    assert LifecycleCase().device_state(unreadable(fields=("condition",), contact="2026-09-01")).works is False


def test_an_owner_that_could_not_be_read_matters_only_where_nothing_proves_the_municipality() -> None:
    case = LifecycleCase(sources=parts(ROSTER, MDM, LIST, BOUGHT))

    assert case.device_state(unreadable("d1", MDM, BOUGHT, fields=("ownership",))).works is True
    assert case.device_state(unreadable("d1", MDM, LIST, fields=("ownership",))).works is True
    denied = unreadable("d1", MDM, LIST, fields=("ownership",), may_be_personal_by_lists=True)
    assert case.device_state(denied).works is None


def test_a_list_that_calls_a_device_personal_does_not_prove_that_it_is_ours() -> None:
    case = LifecycleCase(sources=parts(ROSTER, LIST))
    personal = device("d1", LIST, ownership=Ownership.PERSONAL, may_be_personal_by_lists=True)

    assert (case.device_state(personal).ours, case.device_state(personal).works) == (False, False)


def test_a_requirement_is_open_where_its_fact_could_not_be_read() -> None:
    case = LifecycleCase()
    encrypted = rule(require=("encrypted",))

    assert works_for(encrypted, case.case(unreadable(fields=("encrypted",))))[0] is None
    assert works_for(encrypted, case.case(device()))[0] is False
    both = rule(require=("supported", "encrypted"))
    assert works_for(both, case.case(unreadable(fields=("encrypted",))))[0] is False
    assert works_for(rule(require=("supported",)), case.case(unreadable(fields=("os_version",))))[0] is None
    assert works_for(encrypted, case.case(unreadable(fields=("encrypted", "purpose"))))[0] is None


def test_a_device_whose_kind_could_not_be_read_may_be_of_an_accepted_one() -> None:
    strange = unreadable(fields=("platform",), platform=Platform.OTHER, form_factor=FormFactor.OTHER)
    case = LifecycleCase().case(strange)
    windows = rule(platforms=(Platform.WINDOWS,))

    assert (accepts(windows, case), counts_as_assigned(windows, case)) == (False, True)
    assert not counts_as_assigned(windows, LifecycleCase().case(device(platform=Platform.IPADOS)))
    phone = LifecycleCase().case(unreadable(fields=("model",), platform=Platform.IOS, form_factor=FormFactor.PHONE))
    assert (counts_as_assigned(rule(), phone), works_for(rule(), phone)[0]) == (True, None)


def test_a_device_that_only_lists_have_is_not_called_managed() -> None:
    device_state = LifecycleCase(sources=parts(LIST)).device_state(device("d1", LIST))

    assert device_state.works_reason.en == "in contact within 15 school days, named by a list"


def test_a_list_is_no_contact_of_what_an_mdm_had() -> None:
    device_state = LifecycleCase(sources=parts(LIST, MDM)).device_state(
        device("d1", LIST, contact=None, ever_in_mdm=True)
    )

    assert device_state.silent_school_days is None


def test_a_list_that_is_configured_no_longer_is_no_contact() -> None:
    assert LifecycleCase(sources=()).device_state(device("d1", LIST, contact=None)).silent_school_days is None


def test_never_in_contact_works_for_as_long_from_enrolment() -> None:
    room = LifecycleCase()
    within = room.device_state(device(contact=None, enrolled_at=instant(LAST_DAY_WITHIN)))
    without = room.device_state(device(contact=None, enrolled_at=instant(FIRST_DAY_WITHOUT)))

    assert (within.works, within.silent_school_days) == (True, None)
    assert within.works_reason.en == "enrolled at most 15 school days ago"
    assert not without.works
    assert without.works_reason.en == "never in contact since its enrolment 2026-11-02, limit 15 school days"


def test_never_in_contact_and_never_enrolled_does_not_work() -> None:
    assert (
        LifecycleCase().device_state(device(contact=None)).works_reason.en
        == "no source gives a contact or a day of enrolment"
    )


def test_never_in_contact_is_judged_up_to_the_oldest_day_of_the_mdms_that_have_it() -> None:
    sources = (part(MDM, "2026-11-01"), part(OTHER_MDM, "2026-10-01"))
    here, both = device(contact=None), device("d2", MDM, OTHER_MDM, contact=None)

    assert LifecycleCase(sources=sources).device_state(here).evaluated_until == day("2026-11-01")
    assert LifecycleCase(sources=sources).device_state(both).evaluated_until == day("2026-10-01")


def test_what_no_mdm_has_is_judged_up_to_the_oldest_day_of_those_that_run() -> None:
    bought = device("d1", BOUGHT, contact=None)
    running = (part(MDM, "2026-11-01"), part(OTHER_MDM, "2026-10-01", disabled=True))
    never = (part(MDM, None),)

    assert LifecycleCase(sources=running).device_state(bought).evaluated_until == day("2026-11-01")
    assert LifecycleCase(sources=(part(MDM, "2026-10-01", disabled=True),)).device_state(bought).evaluated_until == day(
        "2026-10-01"
    )
    assert LifecycleCase(sources=never).device_state(bought).evaluated_until == day("2026-01-01")
    assert LifecycleCase(sources=()).device_state(bought).evaluated_until == day(TODAY)


def test_after_the_end_of_the_calendar_weekdays_count_and_every_reason_says_so() -> None:
    ended = Calendars(default=Calendar(terms=(Term(day("2026-01-08"), day("2026-06-11")),)))
    room = LifecycleCase(calendars=ended)

    assert room.device_state(device()).works_reason.en.endswith("; weekdays count, the calendar has ended")
    assert room.device_state(device(contact="2026-09-01")).works_reason.sv.endswith(
        "; vardagar räknas, kalendern är slut"
    )
    assert "calendar" not in LifecycleCase(calendars=Calendars()).device_state(device()).works_reason.en


# --- works ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"records": ()}, "no source has it any more"),
        ({"conditions": frozenset({Condition.LOST})}, "lost"),
        ({"conditions": frozenset({Condition.RETIRED})}, "retired"),
        ({"conditions": frozenset({Condition.WIPED})}, "wiped"),
        ({"conditions": frozenset({Condition.DISABLED})}, "disabled"),
        ({"conditions": frozenset({Condition.ACTIVE, Condition.IN_REPAIR})}, "in repair"),
        ({"form_factor": FormFactor.PHONE}, "a phone is never such a device"),
        ({"form_factor": FormFactor.VIRTUAL}, "a virtual is never such a device"),
        ({"ownership": Ownership.PERSONAL}, "personally owned"),
        ({"managed": False}, "no MDM says that it is managed"),
        ({"managed": None}, "no MDM says that it is managed"),
    ],
)
def test_a_device_does_not_work_when(fields: dict[str, Any], why: str) -> None:
    device_state = LifecycleCase().device_state(device(**fields))

    assert (device_state.works, device_state.works_reason.en) == (False, why)


def test_a_device_whose_purpose_is_repair_is_in_repair() -> None:
    device_state = LifecycleCase().device_state(device(), purpose=Purpose.REPAIR)

    assert (device_state.works, device_state.works_reason.en, device_state.stage) == (
        False,
        "in repair",
        Stage.IN_REPAIR,
    )


def test_what_only_a_list_knows_works_while_its_status_is_in_use() -> None:
    room = LifecycleCase(sources=parts(LIST))
    in_use = device("d1", LIST, conditions=frozenset({Condition.ACTIVE}))
    pending = device("d1", LIST, conditions=frozenset({Condition.PENDING}))

    assert room.device_state(in_use).works
    assert room.device_state(pending).works_reason.en == "its list does not say in use"


def test_what_an_mdm_has_lost_is_not_managed_by_a_list() -> None:
    assert not LifecycleCase(sources=parts(LIST, MDM)).device_state(device("d1", LIST, ever_in_mdm=True)).works


def test_what_only_a_register_knows_is_not_managed() -> None:
    assert LifecycleCase().device_state(device("d1", REGISTER)).works_reason.en == "no MDM says that it is managed"


@pytest.mark.parametrize(
    ("fields", "ours"),
    [
        ({"ownership": Ownership.PERSONAL}, False),
        ({"ownership": Ownership.ORGANISATION}, True),
        ({}, True),
        ({"ownership": Ownership.PERSONAL, "roles": frozenset({PartRole.MDM, PartRole.PURCHASES})}, True),
        ({"ownership": Ownership.PERSONAL, "roles": frozenset({PartRole.MDM, PartRole.REGISTER})}, True),
        ({"ownership": Ownership.PERSONAL, "ever_in_list": True}, True),
    ],
)
def test_a_device_is_the_municipalitys_when_it_has_it_in_writing_or_no_mdm_says_personal(
    fields: dict[str, Any], ours: bool
) -> None:
    assert LifecycleCase().device_state(device(**fields)).ours is ours


def test_a_correction_stands_for_all_conditions() -> None:
    result = Correction(device="d1", field="condition", value="active")
    lost = Correction(device="d1", field="condition", value="lost", until=day(TODAY))
    ended = Correction(device="d1", field="condition", value="lost", until=day("2026-11-23"))

    gone = device(conditions=frozenset({Condition.LOST}))
    assert LifecycleCase(believed=BelievedState(corrections=(result,))).device_state(gone).stage is Stage.IN_USE
    assert LifecycleCase(believed=BelievedState(corrections=(lost,))).device_state(device()).stage is Stage.LOST
    assert LifecycleCase(believed=BelievedState(corrections=(ended,))).device_state(device()).stage is Stage.IN_USE


# --- stages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "purpose", "stage"),
    [
        ({"conditions": frozenset({Condition.RETIRED, Condition.LOST})}, Purpose.PERSONAL, Stage.RETIRED),
        ({"conditions": frozenset({Condition.WIPED})}, Purpose.STOCK, Stage.RETIRED),
        ({"conditions": frozenset({Condition.LOST, Condition.IN_REPAIR})}, Purpose.PERSONAL, Stage.LOST),
        ({"conditions": frozenset({Condition.IN_REPAIR})}, Purpose.LOAN, Stage.IN_REPAIR),
        ({"roles": frozenset({PartRole.REGISTER})}, Purpose.PERSONAL, Stage.SILENT),
        ({"records": ()}, Purpose.PERSONAL, Stage.SILENT),
        ({}, Purpose.LOAN, Stage.LOAN),
        ({}, Purpose.ROOM, Stage.ROOM),
        ({}, Purpose.STOCK, Stage.STOCK),
        ({}, Purpose.SET, Stage.SHARED),
        ({}, Purpose.POOL, Stage.SHARED),
        ({}, Purpose.PERSONAL, Stage.IN_USE),
        ({}, Purpose.UNSORTED, Stage.UNSORTED),
        ({}, Purpose.IGNORE, None),
    ],
)
def test_the_first_stage_that_holds(fields: dict[str, Any], purpose: Purpose, stage: Stage | None) -> None:
    assert LifecycleCase().device_state(device(**fields), purpose=purpose).stage is stage


def test_what_only_purchases_know_is_ordered() -> None:
    bought = device("d1", BOUGHT, contact=None, enrolled_at=instant("2026-01-08"))

    assert LifecycleCase().device_state(bought, purpose=Purpose.UNSORTED).stage is Stage.ORDERED
    assert LifecycleCase().device_state(bought, purpose=Purpose.STOCK).stage is Stage.STOCK
    assert (
        LifecycleCase().device_state(replace(bought, ever_in_list=True), purpose=Purpose.UNSORTED).stage is Stage.SILENT
    )


@pytest.mark.parametrize(("limit", "stage"), [(16, Stage.IN_USE), (15, Stage.SILENT)])
def test_a_device_is_silent_for_good_after_its_limit(limit: int, stage: Stage) -> None:
    room = LifecycleCase(staleness=Staleness(silent_after_school_days=limit))

    assert room.device_state(device(contact=FIRST_DAY_WITHOUT)).stage is stage


def test_a_device_that_left_its_mdm_for_another_is_not_silent_while_it_is_on_its_way() -> None:
    def stage(*, is_migrating: bool) -> Stage | None:
        left = device("d1", BOUGHT, ever_in_mdm=True, is_migrating=is_migrating)
        return LifecycleCase(sources=parts(MDM, BOUGHT)).device_state(left).stage

    assert (stage(is_migrating=True), stage(is_migrating=False)) == (Stage.IN_USE, Stage.SILENT)


def test_a_stage_keeps_its_day_while_it_stays() -> None:
    long_ago = instant("2026-09-01")
    stayed = LifecycleCase(believed=BelievedState(stages={"d1": StageSince(Stage.IN_USE, long_ago)}))
    changed = LifecycleCase(believed=BelievedState(stages={"d1": StageSince(Stage.STOCK, long_ago)}))

    assert stayed.device_state(device()).since == long_ago
    assert changed.device_state(device()).since == LifecycleCase().device_state(device()).since == instant(TODAY)


def test_an_ignored_device_has_no_stage_and_a_day_that_never_moves() -> None:
    assert LifecycleCase().device_state(device(), purpose=Purpose.IGNORE).since == instant("2026-01-01")


@given(
    st.builds(
        device,
        st.just("d1"),
        st.sampled_from([MDM, LIST, REGISTER, BOUGHT]),
        contact=st.sampled_from([None, "2026-02-02", LAST_DAY_WITHIN, TODAY]),
        conditions=st.frozensets(st.sampled_from(Condition)),
        form_factor=st.sampled_from(FormFactor),
        ownership=st.sampled_from([None, *Ownership]),
        enrolled_at=st.sampled_from([None, instant("2026-01-08")]),
    ),
    st.sampled_from(Purpose),
)
def test_a_device_always_has_exactly_one_stage_or_is_ignored_and_a_reason_in_both_languages(
    tested: Device, purpose: Purpose
) -> None:
    device_state = LifecycleCase(sources=parts(ROSTER, MDM, LIST, REGISTER)).device_state(tested, purpose=purpose)

    assert (device_state.stage is None) == (purpose is Purpose.IGNORE)
    assert device_state.works_reason.sv
    assert device_state.works_reason.en
    assert not device_state.works or device_state.stage not in (Stage.RETIRED, Stage.LOST, Stage.IN_REPAIR)


@given(st.integers(min_value=0, max_value=400), st.sampled_from([None, "2026-02-02", FIRST_DAY_WITHOUT, TODAY]))
def test_a_dead_source_never_changes_a_device_on_any_later_day(days: int, contact: str | None) -> None:
    tested = device(contact=contact, enrolled_at=instant("2026-10-20"), support_until=day("2026-12-01"))
    stages = {"d1": StageSince(LifecycleCase().device_state(tested).stage or Stage.IN_USE, instant(TODAY))}
    today = day(TODAY).toordinal() + days
    then = LifecycleCase(type(day(TODAY)).fromordinal(today).isoformat(), believed=BelievedState(stages=stages))

    assert then.device_state(tested) == LifecycleCase(believed=BelievedState(stages=stages)).device_state(tested)


# --- secure -----------------------------------------------------------------------------------------------------------

WINDOWS = OsSupport(platform=Platform.WINDOWS, version_prefix="10.0.26100", ends_on=day("2027-10-12"))


@pytest.mark.parametrize(
    ("fields", "secure"),
    [
        ({"os_version": "10.0.26100.1", "encrypted": True, "compliance": Compliance.COMPLIANT}, True),
        ({"os_version": "10.0.26100.1", "encrypted": True, "compliance": Compliance.GRACE}, False),
        ({"os_version": "10.0.26100.1", "encrypted": False}, False),
        ({"os_version": "10.0.26100.1", "encrypted": True}, None),
        ({"encrypted": True, "compliance": Compliance.COMPLIANT}, None),
    ],
)
def test_secure_takes_every_fact_and_an_unknown_one_is_unknown(fields: dict[str, Any], secure: bool | None) -> None:
    assert (
        LifecycleCase(reference=ReferenceFacts(os_support=(WINDOWS,))).device_state(device(**fields)).secure is secure
    )


# --- acceptance -------------------------------------------------------------------------------------------------------


def rule(**fields: Any) -> Entitlement:
    return Entitlement(
        id="x",
        title=Text("", ""),
        origin="",
        who=EligibilityCriteria(memberships=()),
        mode=EntitlementMode.PER_HEAD,
        **fields,
    )


def test_a_rule_accepts_its_platforms_and_form_factors_and_only_the_municipalitys() -> None:
    room = LifecycleCase()
    case = room.case(device())

    assert accepts(rule(), case)
    assert accepts(rule(platforms=(Platform.WINDOWS,)), case)
    assert not accepts(rule(platforms=(Platform.IPADOS,)), case)
    assert not accepts(rule(form_factors=(FormFactor.TABLET,)), case)
    assert not accepts(rule(), room.case(device(ownership=Ownership.PERSONAL)))


@pytest.mark.parametrize(
    ("requirement", "fields"),
    [
        ("supported", {"os_version": "10.0.26100.1"}),
        ("encrypted", {"encrypted": True}),
        ("compliant", {"compliance": Compliance.COMPLIANT}),
    ],
)
def test_an_unknown_fact_meets_no_requirement(requirement: Any, fields: dict[str, Any]) -> None:
    room = LifecycleCase(reference=ReferenceFacts(os_support=(WINDOWS,)))

    assert works_for(rule(require=(requirement,)), room.case(device(**fields)))[0] is True
    assert works_for(rule(require=(requirement,)), room.case(device()))[0] is False
    assert accepts(rule(require=(requirement,)), room.case(device()))


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"contact": "2026-02-02"}, True),
        ({"conditions": frozenset({Condition.IN_REPAIR})}, True),
        ({"conditions": frozenset({Condition.LOST})}, False),
        ({"conditions": frozenset({Condition.RETIRED})}, False),
        ({"records": ()}, False),
        ({"form_factor": FormFactor.PHONE}, False),
    ],
)
def test_silent_and_in_repair_count_as_assigned_retired_lost_and_gone_do_not(
    fields: dict[str, Any], counts: bool
) -> None:
    assert counts_as_assigned(rule(), LifecycleCase().case(device(**fields))) is counts


def test_an_ignored_device_is_assigned_to_nobody() -> None:
    assert not counts_as_assigned(rule(), LifecycleCase().case(device(), purpose=Purpose.IGNORE))


def test_lives_stand_in_the_order_of_the_devices() -> None:
    ones = [device(f"d{number}") for number in range(3)]
    cases = [LifecycleCase().case(tested) for tested in ones]

    assert [tested.device for tested in LifecycleCase().device_states(ones, [case.placement for case in cases])] == [
        "d0",
        "d1",
        "d2",
    ]
