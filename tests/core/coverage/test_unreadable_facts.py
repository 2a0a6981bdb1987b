"""What could not be read is unknown or undecided: never covered, never short, and never a gap of a person."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from fleetsync.core.model import CoverageDay, DeviceRecord, Outcome, Platform, Purpose, Unit
from tests.core.coverage.coverage_samples import (
    NOW,
    PARTS,
    POLICY,
    RecordsBuilder,
    address,
    row,
)

CONTACT = ("last_contact_at",)


@pytest.fixture
def builder() -> RecordsBuilder:
    return RecordsBuilder()


def unreadable_device(builder: RecordsBuilder, *fields: str, holder: str | None = None, **more: Any) -> None:
    builder.device(holder, unreadable=tuple(sorted(fields)), silent=100, **more)


def split(row: CoverageDay) -> tuple[int, int, int, int, int]:
    assert row.entitled == row.covered + row.short + row.unknown
    assert row.covered <= row.assigned <= row.entitled - row.unknown
    return row.entitled, row.assigned, row.covered, row.unknown, row.short


def kinds_of(outcome: Outcome) -> set[str]:
    return {episode.kind for episode in outcome.episodes}


# --- own --------------------------------------------------------------------------------------------------------------


def test_a_person_whose_own_device_is_unknown_is_neither_covered_nor_short(builder: RecordsBuilder) -> None:
    unreadable_device(builder, *CONTACT, holder=builder.pupil("alva"))
    outcome = builder.outcome()

    assert split(row(outcome, "bjorkskolan", "pupils")) == (1, 0, 0, 1, 0)
    assert kinds_of(outcome).isdisjoint({"no_device", "device_not_working", "stale", "no_account"})
    (case,) = outcome.people
    assert (case.covered, case.unknown, case.assigned) == (0, 1, 0)


def test_a_person_who_is_covered_otherwise_is_covered(builder: RecordsBuilder) -> None:
    builder.pupil("alva")
    unreadable_device(builder, *CONTACT, holder="alva")
    builder.device("alva")

    assert split(builder.row("bjorkskolan", "pupils")) == (1, 1, 1, 0, 0)


def test_an_unknown_device_counts_before_one_that_does_not_work(builder: RecordsBuilder) -> None:
    builder.pupil("alva")
    unreadable_device(builder, "condition", holder="alva", source="jamf", last_contact_at=None)
    builder.device("alva", silent=100)
    builder.known[2] = replace(builder.known[2], last_contact_at=NOW)
    outcome = builder.outcome()

    assert split(row(outcome, "bjorkskolan", "pupils")) == (1, 0, 0, 1, 0)
    assert "device_not_working" not in kinds_of(outcome)


# --- sets and pools ---------------------------------------------------------------------------------------------------


def test_of_a_set_as_many_are_unknown_as_it_has_unknown_devices(builder: RecordsBuilder) -> None:
    for number in range(6):
        builder.pupil(f"p{number}", group="1A")
    builder.cart(2, "1A", silent=1)
    for _ in range(2):
        unreadable_device(builder, *CONTACT, purpose=Purpose.SET, unit="bj", serves=("1A",))
    outcome = builder.outcome()

    assert split(row(outcome, "bjorkskolan", "pupils")) == (6, 3, 2, 2, 2)
    (share,) = (share for share in outcome.shares if share.covered_set)
    assert share.reason.en == "shares set 1A: 2 working and 2 unknown for 6"


def test_a_member_with_an_unknown_device_of_their_own_is_unknown_where_the_set_covers_nobody_more(
    builder: RecordsBuilder,
) -> None:
    for number in range(3):
        builder.pupil(f"p{number}", group="1A")
    builder.cart(1, "1A")
    unreadable_device(builder, *CONTACT, holder="p0")

    assert split(builder.row("bjorkskolan", "pupils")) == (3, 1, 1, 1, 1)


def test_unknown_devices_of_a_pool_are_unknown_up_to_its_places(builder: RecordsBuilder) -> None:
    for number in range(15):
        builder.child(f"c{number}")
    builder.pool(1, silent=3)
    unreadable_device(builder, *CONTACT, purpose=Purpose.POOL, unit="ug")

    assert split(builder.row("ugglan", "preschool")) == (3, 2, 1, 1, 1)
    for _ in range(4):
        unreadable_device(builder, *CONTACT, purpose=Purpose.POOL, unit="ug")
    assert split(builder.row("ugglan", "preschool")) == (3, 1, 1, 2, 0)


def test_a_set_whose_purpose_could_not_be_read_is_still_asked_for_its_groups(builder: RecordsBuilder) -> None:
    builder.pupil("alva", group="1A")
    builder.device(serial="EXBSET")
    row_of_list = DeviceRecord(source_id="l", serial="EXBSET", unit="bj", serves=("1A",), unreadable=("purpose",))
    builder.add("list", "devices", row_of_list)

    assert split(builder.row("bjorkskolan", "pupils")) == (1, 0, 0, 1, 0)


# --- the word of a list -----------------------------------------------------------------------------------------------


def listed(builder: RecordsBuilder, who: str | None, **fields: Any) -> None:
    number = len(builder.known)
    record = DeviceRecord(
        source_id=f"w{number}",
        serial=f"EXW{number:05d}",
        manufacturer="Lenovo",
        model="ThinkPad L13",
        keys=(address(who),) if who else (),
        **fields,
    )
    builder.add("list", "devices", record)


def test_what_only_a_list_without_contacts_names_is_covered_on_its_word_and_counted_apart(
    builder: RecordsBuilder,
) -> None:
    listed(builder, builder.pupil("alva"), platform=Platform.WINDOWS)
    builder.device(builder.pupil("bo"))
    result = builder.outcome()
    numbers = row(result, "bjorkskolan", "pupils")

    assert (numbers.covered, numbers.covered_without_contact) == (2, 1)
    shown = builder.shown()
    assert shown.numbers["fleetsync_covered_without_contact"][("bjorkskolan", "pupils")] == 1
    assert shown.numbers["fleetsync_devices_by_contact_age"][("bjorkskolan", "windows", "unknown")] == 1
    reasons = {assignment.reason.en for assignment in result.assignments if assignment.without_contact}
    assert reasons == {"named by the list of 24 Nov., contact unknown"}


def test_devices_in_contact_cover_before_those_that_a_list_only_names(builder: RecordsBuilder) -> None:
    for number in range(2):
        builder.pupil(f"p{number}", group="1A")
    listed(builder, None, platform=Platform.WINDOWS, purpose=Purpose.SET, unit="bj", serves=("1A",))
    builder.cart(1, "1A")
    assert builder.row("bjorkskolan", "pupils").covered_without_contact == 1
    builder.cart(1, "1A")
    numbers = builder.row("bjorkskolan", "pupils")
    assert (numbers.covered, numbers.covered_without_contact) == (2, 0)


def test_a_list_with_an_unread_column_of_contacts_covers_nobody(builder: RecordsBuilder) -> None:
    listed(builder, builder.pupil("alva"), platform=Platform.WINDOWS, unreadable=CONTACT)
    outcome = builder.outcome()

    assert split(row(outcome, "bjorkskolan", "pupils")) == (1, 0, 0, 1, 0)
    (case,) = outcome.devices
    assert case.device_state.works_reason.en == "unknown: the last contact could not be read in list"


# --- whose fact counts ------------------------------------------------------------------------------------------------


def test_a_fact_of_a_register_settles_what_a_less_trusted_source_could_not_tell(builder: RecordsBuilder) -> None:
    builder.device(builder.pupil("alva"), serial="EXB1", model=None, unreadable=("model", "warranty_until"))
    ledger = DeviceRecord(source_id="x", serial="EXB1", model="ThinkPad", warranty_until=date(2027, 1, 1))
    builder.add("ledger", "rows", ledger)

    def case_with(trust: int) -> Any:
        parts = tuple(replace(part, trust=trust if part.source == "ledger" else 5) for part in PARTS)
        (case,) = builder.outcome(parts=parts).devices
        return case

    trusted, doubted = case_with(9), case_with(1)
    assert (trusted.device.model, trusted.device.unreadable, trusted.device_state.works) == ("ThinkPad", {}, True)
    assert (doubted.device.model, doubted.device_state.works) == (None, None)
    assert doubted.device.unreadable == {"model": "intune", "warranty_until": "intune"}


# --- a register's word against a unit's -------------------------------------------------------------------------------


def test_an_enrolment_that_contradicts_its_unit_is_undecided_and_counted_so(builder: RecordsBuilder) -> None:
    upper = Unit(slug="gymnasiet", name="Gymnasiet", codes=("gy",), school_forms=("GY",))
    policy = replace(POLICY, units=(*POLICY.units, upper))
    builder.device(builder.pupil("alva", at="gy", year=1))
    outcome = builder.outcome(policy)
    numbers = row(outcome, "gymnasiet", "pupils")

    assert (numbers.entitled, numbers.covered, numbers.undecided) == (0, 0, 1)
    (case,) = outcome.people
    decision = next(decision for decision in case.person_state.decisions if decision.undecided)
    assert decision.reason.en == "The register says GR, but the unit has GY"
