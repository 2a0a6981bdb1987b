"""The same device in several systems, and the same person in several rosters: one of each, found by the right rules."""

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from fleetsync.core.coverage import build_context, reconcile_in
from fleetsync.core.model import (
    Condition,
    DeviceCase,
    DeviceRecord,
    Key,
    MembershipType,
    Outcome,
    Ownership,
    PartRole,
    PersonRecord,
    Platform,
    Policy,
    Purpose,
    Scheme,
    Stage,
)
from tests.core.coverage.coverage_samples import (
    CALENDARS,
    LONG_AGO,
    MOMENT,
    NOW,
    PARTS,
    PEOPLE,
    POLICY,
    TODAY,
    RecordsBuilder,
    address,
    part,
)

SERIAL = "DMPF2ABC12"
IPAD: dict[str, Any] = {"serial": SERIAL, "manufacturer": "Apple", "model": "iPad 10", "platform": Platform.IPADOS}
BOUGHT: dict[str, Any] = {"expects_mdm": True}
SYSTEMS = (
    *(
        replace(each, is_directory=True) if each.source == "entra" else each
        for each in PARTS
        if each.source != "ledger"
    ),
    part("ledger", "rows", PartRole.PURCHASES, **BOUGHT),
    part("apple", "devices", PartRole.PURCHASES, **BOUGHT),
    part("intune", "autopilot", PartRole.PURCHASES, **BOUGHT),
    part("intune", "corporate_identifiers", PartRole.PURCHASES, **BOUGHT),
    part("snipeit", "assets", PartRole.REGISTER, **BOUGHT),
    part("skola", "employees", PartRole.ROSTER, PEOPLE),
)
GAPS_OF_A_DEVICE = {"never_enrolled", "not_in_mdm", "warranty_ending", "over_age", "duplicate_serial", "stale"}


class Town(RecordsBuilder):
    """What several systems say."""

    def says(self, source: str, name: str = "devices", /, *, contact: float | None = None, **fields: Any) -> None:
        """What one source says of the iPad, in contact so many days ago; None: it gives no contact."""
        seen = None if contact is None else NOW - timedelta(days=contact)
        self.add(source, name, DeviceRecord(source_id=f"{source}-{name}", **IPAD | fields), last_contact_at=seen)

    def concluded(self, systems: Any = SYSTEMS, policy: Policy = POLICY) -> Outcome:
        return self.outcome(policy, parts=systems)

    def the_device(self, systems: Any = SYSTEMS, policy: Policy = POLICY) -> tuple[DeviceCase, set[str]]:
        """The only device, and those of its gaps that several systems decide together."""
        outcome = self.concluded(systems, policy)
        (case,) = outcome.devices
        found = {episode.kind for episode in outcome.episodes if episode.subject_id == case.device.id}
        return case, found & GAPS_OF_A_DEVICE


def gaps_of(*sources: tuple[str, str], **fields: Any) -> set[str]:
    """The gaps of an iPad that these parts have, all without a contact."""
    town = Town()
    for source, name in sources:
        town.says(source, name, **fields)
    return town.the_device()[1]


# --- a device in several systems --------------------------------------------------------------------------------------


def test_an_ipad_in_jamf_apple_and_a_ledger_is_one_device_with_three_witnesses() -> None:
    town = Town()
    town.pupil("elev")
    town.says("jamf", contact=1, managed=True, keys=(address("elev"),), ownership=Ownership.ORGANISATION)
    town.says("apple")
    town.says("ledger", "rows", manufacturer="APPLE INC", serial=f"S{SERIAL}", purchased_on=date(2025, 8, 1))
    case, found = town.the_device()

    assert {known.source for known in case.device.records} == {"jamf", "apple", "ledger"}
    assert (case.device_state.works, case.device_state.stage, found) == (True, Stage.IN_USE, set())
    assert case.device.purchased_on == date(2025, 8, 1)
    assert town.row("bjorkskolan", "pupils", parts=SYSTEMS).covered == 1


def test_an_ipad_that_moves_between_two_mdms_covers_its_holder_though_the_old_one_wiped_it() -> None:
    town = Town()
    town.pupil("elev")
    both: dict[str, Any] = {"keys": (address("elev"),), "enrolled_at": LONG_AGO}
    town.says("intune", contact=0.1, managed=False, condition=Condition.WIPED, **both)
    town.says("jamf", contact=1, managed=True, **both)
    town.says("apple", migrating=True)
    case, found = town.the_device()

    assert (case.device_state.works, case.device_state.stage, found) == (True, Stage.IN_USE, set())
    assert town.row("bjorkskolan", "pupils", parts=SYSTEMS).covered == 1


def test_what_is_bought_and_never_enrolled_is_one_finding_however_many_lists_of_purchases_have_it() -> None:
    autopilot, identifiers = ("intune", "autopilot"), ("intune", "corporate_identifiers")

    assert gaps_of(("ledger", "rows")) == {"never_enrolled"}
    assert gaps_of(("ledger", "rows"), ("apple", "devices")) == {"never_enrolled"}
    assert gaps_of(autopilot, identifiers, manufacturer="Lenovo", platform=Platform.WINDOWS) == {"never_enrolled"}


def test_what_is_bought_lately_is_not_missed_yet() -> None:
    assert gaps_of(("ledger", "rows"), purchased_on=TODAY - timedelta(days=14)) == set()


@pytest.mark.parametrize("known_by", [("snipeit", "assets"), ("list", "devices")])
def test_what_is_bought_and_in_a_register_or_list_is_in_no_mdm_rather_than_never_enrolled(
    known_by: tuple[str, str],
) -> None:
    assert gaps_of(("ledger", "rows"), known_by) == {"not_in_mdm"}


def test_what_only_a_list_knows_need_be_in_no_mdm() -> None:
    assert gaps_of(("list", "devices")) == set()


def test_an_mdm_that_waits_for_a_device_and_one_that_never_heard_of_it_have_not_enrolled_it() -> None:
    waiting, listed = Town(), Town()
    for town in (waiting, listed):
        town.says("ledger", "rows")
    waiting.says("jamf", condition=Condition.PENDING, ownership=Ownership.ORGANISATION)
    listed.says("jamf", managed=True, enrolled_at=NOW - timedelta(days=50))

    assert waiting.the_device()[1] == listed.the_device()[1] == {"never_enrolled"}


def test_the_mdm_of_another_platform_that_has_stopped_holds_back_nothing_of_a_device_that_a_live_one_has() -> None:
    stopped = tuple(
        replace(each, as_of=date(2026, 8, 3)) if each.name == "intune/devices" else each for each in SYSTEMS
    )
    town = Town()
    town.says("apple")
    town.says("jamf", managed=True, enrolled_at=NOW - timedelta(days=50))

    assert town.the_device(stopped)[1] == {"never_enrolled"}


def test_what_lies_in_stock_by_its_list_need_not_be_enrolled() -> None:
    town = Town()
    town.says("ledger", "rows")
    town.says("list", purpose=Purpose.STOCK)

    assert town.the_device()[1] == set()


@pytest.mark.parametrize(("ends", "found"), [(30, {"warranty_ending"}), (91, set()), (-1, set())])
def test_the_warranty_that_counts_is_the_most_trusted_one_whatever_else_a_list_says(ends: int, found: set[str]) -> None:
    town = Town()
    town.says("jamf", contact=1, managed=True)
    town.says("apple", warranty_until=TODAY + timedelta(days=ends))
    town.says("snipeit", "assets", warranty_until=TODAY + timedelta(days=400))
    trusted = tuple(replace(each, trust=9) if each.source == "apple" else each for each in SYSTEMS)

    assert town.the_device(trusted)[1] == found
    assert town.the_device()[1] == found  # of equal trust the first source by name


@pytest.mark.parametrize(("bought", "found"), [(date(2021, 11, 24), {"over_age"}), (date(2024, 11, 25), set())])
def test_the_age_of_a_device_is_that_of_its_purchase_wherever_that_is_known(bought: date, found: set[str]) -> None:
    town = Town()
    town.pupil("elev")
    town.says("jamf", contact=1, managed=True, keys=(address("elev"),))
    town.says("ledger", "rows", purchased_on=bought)
    four_years = replace(POLICY, entitlements=tuple(replace(rule, life_years=4) for rule in POLICY.entitlements))

    assert town.the_device(policy=four_years)[1] == found
    assert town.the_device()[1] == set()  # the shipped policy limits no life


# --- a person in several rosters --------------------------------------------------------------------------------------


def object_id(value: str) -> Key:
    return Key(Scheme.OBJECT_ID, "tenant", value)


def teacher(*, in_staff_file: bool = True) -> Town:
    """A teacher in the staff file, in the pupil register and in Entra, each with other keys of theirs."""
    town = Town()
    mail, upn = address("tea.berg@exempelby.se"), address("tebe01@exempelby.se")
    if in_staff_file:
        town.staff("4711", login=False)
        town.known[-2] = replace(town.known[-2], record=PersonRecord(source_id="4711", keys=(mail,)))
    town.add("skola", "employees", PersonRecord(source_id="s1", keys=(upn,)))
    town.add_membership(("skola", "employees"), "s1", MembershipType.EMPLOYMENT, "ek")
    town.add("entra", "users", PersonRecord(source_id="e1", keys=(object_id("e1"), upn, mail)))
    return town


def test_a_teacher_in_three_rosters_is_one_person_owed_once_by_the_source_that_counts() -> None:
    town = teacher()
    town.says("jamf", contact=1, managed=True, platform=Platform.MACOS, model="MacBook Air", keys=(object_id("e1"),))
    outcome = town.concluded()
    (case,) = outcome.people

    assert {known.source for known in case.person.records} == {"hr", "skola", "entra"}
    assert (case.person_state.unit, case.person_state.counted, case.covered) == ("bjorkskolan", True, 1)
    assert sum(row.entitled for row in outcome.coverage) == 1
    assert not [episode for episode in outcome.episodes if episode.subject_id == case.person.id]


def test_a_teacher_whom_only_witnesses_know_is_one_person_and_owed_nothing() -> None:
    outcome = teacher(in_staff_file=False).concluded()
    (case,) = outcome.people

    assert (case.person_state.owed, case.person_state.only_in_witness) == (None, True)
    assert sum(row.entitled for row in outcome.coverage) == 0


def test_a_mac_known_to_two_mdms_under_two_addresses_is_its_teacher_s_without_a_conflict() -> None:
    town = teacher()
    mac: dict[str, Any] = {"platform": Platform.MACOS, "model": "MacBook Air", "managed": True}
    town.says("jamf", contact=1, keys=(address("tea.berg@exempelby.se"),), **mac)
    town.says("intune", contact=2, keys=(address("tebe01@exempelby.se"),), **mac)
    outcome = town.concluded()
    (device,), (person,) = outcome.devices, outcome.people

    assert (device.placement.holder, device.placement.holder_problems) == (person.person.id, ())
    assert person.working == 1


def test_an_employee_of_the_staff_file_without_an_account_in_entra_is_found() -> None:
    town = teacher()
    town.staff("bo")
    outcome = town.concluded()
    (missing,) = [case for case in outcome.people if len(case.person.records) == 1]
    found = {episode.kind for episode in outcome.episodes if episode.subject_id == missing.person.id}

    assert found == {"no_device", "not_in_directory"}


def test_once_a_directory_has_half_of_those_owed_the_unchanged_others_are_found_too() -> None:
    town = Town()
    for who in ("alva", "bo", "cia"):
        town.staff(who)
    town.add("entra", "users", PersonRecord(source_id="alva", keys=(address("alva"),)))
    before = reconcile_in(build_context(town.believed(parts=SYSTEMS), POLICY, CALENDARS, MOMENT))
    town.add("entra", "users", PersonRecord(source_id="bo", keys=(address("bo"),)))
    context = build_context(town.believed(parts=SYSTEMS), POLICY, CALENDARS, MOMENT)
    again, anew = reconcile_in(context, before).outcome, reconcile_in(context).outcome

    assert missing_accounts(before.outcome) == 0
    assert missing_accounts(again) == missing_accounts(anew) == 1


def missing_accounts(outcome: Outcome) -> int:
    return sum(episode.kind == "not_in_directory" for episode in outcome.episodes)
