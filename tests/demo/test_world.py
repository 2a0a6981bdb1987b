"""A seed always builds the same Exempelby, every special case is in its known number, and reading changes nothing."""

from collections import Counter
from datetime import date, timedelta

import msgspec
import pytest

from fleetsync.core.model import Stage
from fleetsync.demo.days import DEMO_DAY, WORLD_BEGINS, WORLD_ENDS
from fleetsync.demo.model import DemoDevice, RowVersion, row_on, text_on
from fleetsync.demo.names import CANARY
from fleetsync.demo.school_years import FIRST_COHORT, LAST_COHORT, TRACKS, class_size
from fleetsync.demo.units import DEMO_UNITS
from fleetsync.demo.world import DemoWorld, last_used

STAFF_CASES = {
    "two_accounts": 16, "two_schools": 6, "holds_nothing": 12, "silent_tablet": 6, "never_in_contact": 2,
    "two_laptops": 5, "stolen": 2, "in_repair": 3, "leaver_holds": 4, "starts_soon": 5, "entered_late": 2, "hourly": 20,
    "exactly_three_months": 4, "three_months_and_a_day": 3, "over_the_summer": 6, "leave_with_substitute": 7,
    "blank_form": 3, "no_login": 2, "shared_login": 1, "protected_with_device": 3, "protected_without_device": 1,
    "unknown_holder": 5, "placeholder_serial": 4, "serial_of_nine": 9, "enrolled_again": 7, "private_phone": 25,
    "mail_only": 10, "private_computer": 3, "ours_marked_personal": 4, "unencrypted": 3, "noncompliant": 4,
    "enrolled_by_a_manager": 10, "front_desk": 4, "in_stock": 8, "asleep_in_stock": 4, "scrapped": 20,
    "computer_and_tablet": 72, "mac": 8, "unencrypted_mac": 2, "silent_mac": 1, "mac_under_an_alias": 1, **{f"substitute_{months}_months": 1 for months in (2, 4, 5, 6, 7, 8, 9, 10, 11)},
}  # fmt: skip
SCHOOL_CASES = {
    "cart_of_one_class": 44, "cart_for_three_classes": 1, "class_with_a_cart_and_a_share": 1, "tablet_of_one_teacher": 25,
    "account_of_a_class": 81, "tablet_in_a_drawer": 29, "pool_of_a_school": 80, "pool_of_a_preschool": 186,
    "in_a_childs_name": 5, "reserve": 156, "room_computer": 30, "loaner_at_hand": 20, "nowhere": 6,
    "building_of_two_units": 4, "scrap": 3, "pupil_leaves_with_device": 8, "pupil_leaves_and_hands_in": 12,
    "pupil_login_reused": 1, "pupil_protected": 7, "pupil_in_repair_with_loaner": 10, "pupil_in_repair": 10,
    "pupil_stolen": 5, "pupil_placeholder_serial": 6, "pupil_without_year": 3, "pupil_of_unknown_form": 2,
    "pupil_twice_enrolled": 4, "pupil_silent": 16, "pupil_enrolled_again": 15, "pupil_new_without_account": 20,
    "pupil_elsewhere": 12, "pupil_in_adapted_school": 24, "child_protected": 5, "child_newly_marked": 1,
    "tablet_between_two_mdms": 40, "computer_never_enrolled": 12, "tablet_never_enrolled": 8, "mac_with_warranty_ending": 12,
    "child_leaves": 6, "child_at_two_preschools": 3, "child_starts": 8,
}  # fmt: skip


def snapshot_of(world: DemoWorld, day: date) -> bytes:
    contents = world.contents_on(day)
    rows = (
        contents.employments,
        contents.managed_devices,
        contents.jamf_pro,
        contents.jamf_school,
        contents.google,
        contents.apple,
        contents.autopilot,
        contents.accounts,
        contents.listed_computers,
        contents.workshop,
    )
    return msgspec.json.encode((rows, contents.register.persons, contents.register.placements))


def test_the_same_seed_builds_the_same_staff():
    assert snapshot_of(DemoWorld(7), DEMO_DAY) == snapshot_of(DemoWorld(7), DEMO_DAY)


def test_the_same_seed_builds_the_same_municipality(whole):
    assert snapshot_of(DemoWorld(1, with_schools=True), DEMO_DAY) == snapshot_of(whole, DEMO_DAY)


def test_another_seed_builds_other_people_and_the_same_cases(staff_only):
    other = DemoWorld(2)

    assert snapshot_of(other, DEMO_DAY) != snapshot_of(staff_only, DEMO_DAY)
    assert other.case_counts == staff_only.case_counts


def test_reading_another_day_changes_nothing(staff_only):
    before = snapshot_of(staff_only, DEMO_DAY)
    staff_only.contents_on(WORLD_BEGINS)

    assert snapshot_of(staff_only, DEMO_DAY) == before


@pytest.mark.parametrize("case", STAFF_CASES)
def test_each_case_of_the_staff_has_its_number(staff_only, case):
    assert staff_only.case_counts[case] == STAFF_CASES[case]


@pytest.mark.parametrize("case", SCHOOL_CASES)
def test_each_case_of_the_schools_has_its_number(whole, case):
    assert whole.case_counts[case] == SCHOOL_CASES[case]


def test_there_are_fourteen_units():
    assert len(DEMO_UNITS) == 14
    assert len({unit.slug for unit in DEMO_UNITS}) == len({unit.short for unit in DEMO_UNITS}) == 14


def test_there_are_3500_pupils_and_900_children_in_preschool(whole):
    ordinary = sum(
        class_size(cohort, track)
        for cohort in range(DEMO_DAY.year - 9, DEMO_DAY.year + 1)
        for track in range(len(TRACKS))
    )
    forms = Counter(
        membership.form
        for learner in whole.contents_on(DEMO_DAY).register.learners
        for membership in learner.placements
        if membership.first <= DEMO_DAY <= (membership.last or DEMO_DAY)
    )

    assert ordinary == 3500
    # Eight have started, six have left, and three have two placements.
    assert forms["FS"] == 900 + 8 - 6 + 3


def test_every_cohort_is_as_large_as_the_others():
    sizes = {
        sum(class_size(cohort, track) for track in range(len(TRACKS)))
        for cohort in range(FIRST_COHORT, LAST_COHORT + 1)
    }

    assert sizes == {350}


@pytest.mark.parametrize("kind", ["staff_only", "whole"])
def test_device_keys_are_unique_and_serials_repeat_only_on_purpose(kind, request):
    builder = request.getfixturevalue(kind).builder
    keys = [device.key for device in builder.devices]
    serials = Counter(device.serial for device in builder.devices if device.serial)
    shared = {serial: times for serial, times in serials.items() if times > 1}

    assert len(keys) == len(set(keys))
    assert shared.pop("PF9DELAD") == 9
    assert set(shared.values()) <= {2, 4}  # enrolled again, or a placeholder of the firmware


def test_every_device_has_expected_stages(whole):
    with_stages = {stages.device_key for stages in whole.builder.expected_stages}

    assert with_stages == {device.key for device in whole.builder.devices}


def test_texts_of_a_child_or_protected_pupil_have_the_canary(whole):
    for learner in whole.builder.learners:
        assert CANARY in learner.given.casefold()
        if learner.marks:
            assert all(CANARY in login for _, login in learner.logins)


def test_everything_that_may_not_be_stored_is_listed(staff_only, whole):
    protected = [employee for employee in staff_only.builder.employees if employee.mark]

    assert {employee.civic for employee in protected} < set(staff_only.canaries)
    assert {learner.civic for learner in whole.builder.learners} < set(whole.canaries)
    assert {CANARY, CANARY.title()} < set(whole.canaries)


def test_children_of_foerskoleklass_have_a_log_in_that_may_not_be_stored_and_get_another_in_year_1(whole):
    six_year_olds = [learner for learner in whole.builder.learners if learner.cohort == 2026 and learner.enrolments]
    child, pupil = date(2026, 11, 24), date(2027, 9, 1)

    assert six_year_olds
    assert all(CANARY in text_on(learner.logins, child) for learner in six_year_olds)
    assert not any(CANARY in text_on(learner.logins, pupil) for learner in six_year_olds)


# --- when a device was last used --------------------------------------------------------------------------------------


def a_device(**changes) -> DemoDevice:
    plain = DemoDevice("x-1", "SERIAL1", "vretaskolan", used=((date(2026, 8, 17), date(9999, 12, 31)),))
    return msgspec.structs.replace(plain, **changes)


def used_on(device: DemoDevice, morning: date) -> date:
    at = last_used(device, morning)
    assert at is not None
    return at.date()


def test_a_device_in_use_was_used_within_a_week_of_school_days():
    for every in (1, 2, 3, 4):
        device = a_device(use_interval=every)
        for number in range(60):
            morning = date(2026, 9, 14) + timedelta(days=number)
            used = used_on(device, morning)
            assert used < morning
            assert (morning - used).days <= 16  # not used during höstlov


def test_a_device_that_was_put_away_was_last_used_on_its_last_day():
    device = a_device(used=((date(2026, 8, 17), date(2026, 10, 2)),), use_interval=4)

    assert used_on(device, date(2026, 11, 24)) == date(2026, 10, 2)


def test_a_device_that_was_never_used_has_no_day_of_use():
    assert last_used(a_device(used=()), DEMO_DAY) is None


def test_a_device_that_is_always_on_is_used_in_breaks_too():
    assert used_on(a_device(use_interval=0), date(2026, 10, 30)) == date(2026, 10, 29)
    assert used_on(a_device(use_interval=0), date(2026, 11, 2)) == date(2026, 10, 30)


def test_a_version_holds_from_its_day_on():
    versions = (RowVersion(date(2026, 1, 1), {"a": 1}), RowVersion(date(2026, 2, 1), None))

    assert row_on(versions, date(2025, 12, 31)) is None
    assert row_on(versions, date(2026, 1, 31)) == {"a": 1}
    assert row_on(versions, date(2026, 2, 1)) is None


def test_a_text_holds_from_its_day_on():
    assert [text_on(((date(2026, 1, 1), "a"),), day) for day in (date(2025, 12, 31), date(2026, 1, 1))] == ["", "a"]


def test_8_percent_of_the_devices_have_no_location(whole):
    contents = whole.contents_on(DEMO_DAY)
    places = [
        *(row["deviceCategoryDisplayName"] for row in contents.managed_devices),
        *(row["locationId"] if row["locationId"] != 1 else "" for row in contents.jamf_school["devices"]),
        *(row["orgUnitPath"].removesuffix("/Skolor") for row in contents.google["devices/chromeos"]),
    ]

    assert 0.075 < places.count("") / len(places) < 0.09


def test_tablets_are_named_after_their_pupils(whole):
    contents = whole.contents_on(DEMO_DAY)
    names = [row["deviceName"] for row in contents.managed_devices]
    names += [row["name"] for row in contents.jamf_school["devices"]]

    assert sum(CANARY in str(name).casefold() for name in names) > 700


def test_a_tablet_in_the_middle_of_the_move_is_in_both_mdms_and_in_contact_with_one(whole):
    contents = whole.contents_on(DEMO_DAY)
    old = {row["serialNumber"]: row["lastSyncDateTime"][:10] for row in contents.managed_devices}
    new = {row["serialNumber"]: row["lastCheckin"][:10] for row in contents.jamf_school["devices"]}
    contacts = Counter((old[serial] >= "2026-11-18", new[serial] >= "2026-11-18") for serial in old.keys() & new.keys())

    assert contacts == {(False, True): 20, (True, False): 20}


def test_apple_calls_the_move_of_each_tablet_started_and_has_assigned_it_to_the_new_mdm(whole):
    contents = whole.contents_on(DEMO_DAY)
    moving = {row["serialNumber"] for row in contents.apple["orgDevices"] if row["mdmMigrationStatus"] == "STARTED"}
    assigned = {row["serverName"]: set(row["devices"]) for row in contents.apple["mdmServers"]}

    assert len(moving) == 40
    assert moving < assigned["Jamf School"]


def test_apple_has_each_ipad_and_mac_that_an_mdm_has_once_and_eight_more(whole):
    contents = whole.contents_on(DEMO_DAY)
    managed = {row["serialNumber"] for row in contents.jamf_school["devices"]}
    managed |= {row["hardware"]["serialNumber"] for row in contents.jamf_pro["computers-inventory"]}
    managed |= {row["serialNumber"] for row in contents.managed_devices if row["operatingSystem"] == "iPadOS"}
    bought = [row["serialNumber"] for row in contents.apple["orgDevices"]]

    assert len(bought) == len(set(bought)) == len(managed) + 8
    assert managed < set(bought)


def test_after_the_move_no_tablet_is_in_two_mdms(whole):
    contents = whole.contents_on(date(2027, 2, 1))
    old = {row["serialNumber"] for row in contents.managed_devices}

    assert old.isdisjoint(row["serialNumber"] for row in contents.jamf_school["devices"])


# --- over the year ----------------------------------------------------------------------------------------------------


def test_every_day_of_the_demo_can_be_read(staff_only):
    day = WORLD_BEGINS
    while day <= WORLD_ENDS:
        assert staff_only.contents_on(day).managed_devices
        day += timedelta(days=50)


def test_a_tablet_goes_from_year_6_to_year_4_over_the_summer(whole):
    """Devices are handed over in the summer. No device has two holders."""
    for day in (date(2026, 6, 1), date(2026, 9, 1), date(2027, 9, 1)):
        holdings = (holding for holding in whole.builder.expected_holdings if holding.observed_by != "late")
        holders_by_device = Counter(holding.device_key for holding in holdings if holding.first <= day <= holding.last)
        assert set(holders_by_device.values()) == {1}


def test_a_device_in_stock_has_no_holder(whole):
    stages_by_device = {stages.device_key: stages for stages in whole.builder.expected_stages}
    for holding in whole.builder.expected_holdings:
        phase = stages_by_device[holding.device_key].phase_on(max(holding.first, WORLD_BEGINS))
        assert phase is None or phase.stage is not Stage.STOCK
