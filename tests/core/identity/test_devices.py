from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.calendar import Calendars
from fleetsync.core.context import Context
from fleetsync.core.coverage import build_context
from fleetsync.core.identity import resolve_devices
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    Compliance,
    Condition,
    Device,
    FormFactor,
    ModelRule,
    Ownership,
    PartRole,
    PartState,
    Platform,
    Policy,
    ReferenceFacts,
    SerialRules,
)
from tests.core.identity.identity_samples import MOMENT, day, device, part

PARTS = (
    part("intune", PartRole.MDM, trust=5),
    part("jamf", PartRole.MDM, trust=1),
    part("register", PartRole.REGISTER, trust=9),
    part("lists", PartRole.LIST, trust=3),
    part("intune", PartRole.PURCHASES, name="autopilot"),
    part("care", PartRole.DETAILS),
)
POLICY = Policy(
    reference=ReferenceFacts(
        serials=SerialRules(virtual_models=("Virtual Machine",)),
        models=(
            ModelRule(pattern="apple appletv*", form_factor=FormFactor.TV),
            ModelRule(platform=Platform.ANDROID, pattern="*galaxy*", form_factor=FormFactor.PHONE),
            ModelRule(pattern="*galaxy*", form_factor=FormFactor.OTHER),
        ),
    )
)


def context(known: Sequence[BelievedRecord], parts: Sequence[PartState] = PARTS) -> Context:
    return build_context(BelievedState(known=known, parts=parts), POLICY, Calendars(), MOMENT)


def resolve(*known: BelievedRecord) -> tuple[Device, ...]:
    return resolve_devices(context(known))


def the(*known: BelievedRecord) -> Device:
    (device_,) = resolve(*known)
    return device_


def names(records: tuple[BelievedRecord, ...]) -> list[str]:
    return [f"{known.source}/{known.record.source_id}" for known in records]


# --- which records are one device -------------------------------------------------------------------------------------


def test_records_of_one_serial_are_one_device_hyphens_or_not() -> None:
    joined = the(
        device("intune", "1", "PF2ABC12", manufacturer="LENOVO"),
        device("register", "r", "PF2-ABC12", manufacturer="Lenovo"),
    )

    assert names(joined.records) == ["register/r", "intune/1"]
    assert joined.serial == "PF2-ABC12"


def test_serials_of_two_vendors_never_meet() -> None:
    assert (
        len(resolve(device("intune", "1", "ABCDE12345"), device("jamf", "2", "ABCDE12345", platform=Platform.IPADOS)))
        == 2
    )


def test_records_without_a_serial_stand_for_themselves() -> None:
    separate = resolve(device("intune", "1"), device("jamf", "2"), device("jamf", "3", serial_problem="placeholder"))

    assert len(separate) == 3
    assert not any(each.has_ambiguous_serial for each in separate)


def test_a_record_that_names_no_vendor_joins_the_only_device_of_its_serial() -> None:
    bare = device("lists", "row", "ABCDE12345", platform=Platform.OTHER)
    windows = device("intune", "1", "ABCDE12345")
    tablet = device("jamf", "2", "ABCDE12345", platform=Platform.IPADOS)

    assert len(resolve(bare, windows)) == 1
    assert len(resolve(bare, tablet)) == 1
    assert len(resolve(bare, windows, tablet)) == 3


def test_records_that_name_no_vendor_are_one_among_themselves() -> None:
    bare = [device(source, "row", "ABCDE12345", platform=Platform.OTHER) for source in ("lists", "register")]

    assert len(resolve(*bare)) == 1


def test_a_maker_without_a_platform_may_mean_a_chromebook_but_no_apple() -> None:
    register = device("register", "r", "ABCDE12345", platform=Platform.OTHER, manufacturer="Acer")
    chromebook = device("intune", "1", "ABCDE12345", platform=Platform.CHROMEOS)
    tablet = device("jamf", "2", "ABCDE12345", platform=Platform.IPADOS)

    assert len(resolve(register, chromebook)) == 1
    assert len(resolve(register, tablet)) == 2
    assert len(resolve(register, chromebook, device("lists", "row", "ABCDE12345"))) == 2


def test_a_record_without_vendor_joins_one_that_names_only_its_maker() -> None:
    named = device("register", "r", "ABCDE12345", platform=Platform.OTHER, manufacturer="Acer")

    assert len(resolve(device("lists", "row", "ABCDE12345", platform=Platform.OTHER), named)) == 1


@pytest.mark.parametrize("platform", [Platform.IPADOS, Platform.OTHER])
def test_a_scanned_barcode_joins_the_apple_serial_of_another_source(platform: Platform) -> None:
    joined = the(
        device("jamf", "2", "DMPXK1ABCD12", platform=Platform.IPADOS),
        device("register", "r", "SDMPXK1ABCD12", platform=platform),
    )

    assert joined.serial == "DMPXK1ABCD12"


def test_a_serial_that_looks_like_a_barcode_stays_when_its_own_source_or_no_source_has_the_shorter_one() -> None:
    scanned = device("register", "r", "SDMPXK1ABCD12", platform=Platform.IPADOS)

    assert len(resolve(scanned, device("register", "q", "DMPXK1ABCD12", platform=Platform.IPADOS))) == 2
    assert the(scanned).serial == "SDMPXK1ABCD12"
    assert the(device("lists", "row", "SDMPXK1ABCD12", platform=Platform.OTHER)).serial == "SDMPXK1ABCD12"


def nine(**more: object) -> list[BelievedRecord]:
    return [device("intune", str(at), "SAME12345", last_contact_at=day(60 + at), since=at, **more) for at in range(9)]


def test_a_serial_shared_by_nine_identifies_none_of_them() -> None:
    separate = resolve(*nine(), device("register", "r", "SAME12345"))

    assert len(separate) == 10
    assert all(each.has_ambiguous_serial and each.serial == "SAME12345" for each in separate)


@given(back=st.integers(0, 9))
def test_nine_enrolled_at_the_same_time_are_never_one_whichever_is_in_contact_first(back: int) -> None:
    known = [
        replace(record, last_contact_at=day(70 if at < back else 5 + at))
        for at, record in enumerate(nine(enrolled_at=day(1)))
    ]

    assert len(resolve(*known)) == 9


def test_nine_enrolled_one_after_the_other_are_one_device() -> None:
    known = [
        device("intune", str(at), "SAME12345", enrolled_at=day(40 * at), last_contact_at=day(40 * at + 5), since=at)
        for at in range(9)
    ]

    assert names(the(*known).records) == ["intune/8"]


def test_nine_in_a_row_over_time_are_one_device_enrolled_again() -> None:
    known = [replace(record, last_contact_at=day(11 * at - 20)) for at, record in enumerate(nine())]

    assert names(the(*known).records) == ["intune/8"]


def test_gone_records_do_not_make_a_serial_ambiguous() -> None:
    assert len(resolve(*(replace(record, gone=int(record.record.source_id) > 2) for record in nine()))) == 1


def test_four_rows_of_a_register_with_one_serial_and_no_contact_stand_alone() -> None:
    rows = [device("register", str(at), "SAME12345") for at in range(4)]

    assert len(resolve(*rows)) == 4
    assert len(resolve(*rows[1:])) == 1


# --- which record counts ----------------------------------------------------------------------------------------------


def test_of_two_records_of_one_part_the_newest_enrolment_counts() -> None:
    joined = the(
        device("intune", "old", "PF2ABC12", enrolled_at=day(1), last_contact_at=day(50)),
        device("intune", "new", "PF2ABC12", enrolled_at=day(40), last_contact_at=day(45)),
        device("intune", "bought", "PF2ABC12", part="autopilot"),
    )

    assert names(joined.records) == ["intune/new", "intune/bought"]
    assert names(joined.superseded) == ["intune/old"]
    assert (joined.enrolled_at, joined.last_contact_at) == (day(40), day(50))


def test_where_a_record_has_no_enrolment_the_newest_contact_counts() -> None:
    joined = the(
        device("intune", "old", "PF2ABC12", enrolled_at=day(1), last_contact_at=day(40)),
        device("intune", "new", "PF2ABC12", last_contact_at=day(45)),
    )

    assert names(joined.records) == ["intune/new"]


def test_the_condition_of_a_superseded_record_does_not_count() -> None:
    joined = the(
        device("intune", "old", "PF2ABC12", enrolled_at=day(1), condition=Condition.RETIRED),
        device("intune", "new", "PF2ABC12", enrolled_at=day(2)),
        device("register", "r", "PF2ABC12", condition=Condition.IN_REPAIR),
    )

    assert joined.conditions == {Condition.ACTIVE, Condition.IN_REPAIR}


def test_the_condition_in_one_of_several_lists_counts_even_if_another_has_a_newer_contact() -> None:
    stolen = device("lists", "stolen/1", "PF2ABC12", scope="stolen", condition=Condition.LOST)
    newer = {"last_contact_at": day(40), "scope": "school"}

    assert Condition.LOST in the(stolen, device("lists", "school/1", "PF2ABC12", **newer)).conditions
    # Within one list the newer row replaces the older one.
    again = device("lists", "stolen/2", "PF2ABC12", **(newer | {"scope": "stolen"}))
    assert the(stolen, again).conditions == {Condition.ACTIVE}


def test_absent_records_count_and_gone_ones_do_not() -> None:
    joined = the(
        device("intune", "1", "PF2ABC12", absent_since=day(80), gone=True, os_version="10"),
        device("register", "r", "PF2ABC12", absent_since=day(80)),
    )

    assert (names(joined.records), names(joined.gone)) == (["register/r"], ["intune/1"])
    assert joined.os_version is None
    assert joined.roles == {PartRole.REGISTER}
    assert (joined.ever_in_mdm, joined.ever_in_list) == (True, False)


def test_details_are_facts_of_a_device_and_no_role_of_it() -> None:
    joined = the(device("register", "r", "PF2ABC12"), device("care", "c", "PF2ABC12", warranty_until=date(2027, 6, 1)))

    assert (joined.roles, joined.warranty_until) == (frozenset({PartRole.REGISTER}), date(2027, 6, 1))
    assert set(names(joined.records)) == {"register/r", "care/c"}


def test_details_alone_make_no_device() -> None:
    assert resolve(device("care", "c", "PF2ABC12")) == ()


def test_a_device_of_which_only_details_are_left_is_gone() -> None:
    joined = the(device("register", "r", "PF2ABC12", gone=True), device("care", "c", "PF2ABC12"))

    assert (joined.records, joined.superseded, joined.roles, joined.conditions) == ((), (), frozenset(), frozenset())
    assert set(names(joined.gone)) == {"register/r", "care/c"}


def test_a_device_whose_records_are_all_gone_is_kept_with_their_values() -> None:
    joined = the(
        device("intune", "1", "PF2ABC12", gone=True, os_version="10", condition=Condition.LOST, last_contact_at=day(3)),
        device("lists", "row", "PF2ABC12", gone=True),
    )

    assert (joined.records, joined.os_version, joined.serial) == ((), "10", "PF2ABC12")
    assert (joined.conditions, joined.roles, joined.ever_in_list) == (frozenset(), frozenset(), True)
    assert (joined.last_contact_at, joined.contact_part) == (day(3), "intune/part")


# --- which value counts -----------------------------------------------------------------------------------------------


def test_the_most_trusted_value_counts_and_blank_never_overwrites() -> None:
    joined = the(
        device(
            "register", "r", "PF2ABC12", platform=Platform.OTHER, manufacturer="Lenovo", purchased_on=date(2025, 8, 1)
        ),
        device("intune", "1", "PF2ABC12", manufacturer="LENOVO", encrypted=False, ownership=Ownership.ORGANISATION),
        device("lists", "row", "PF2ABC12", encrypted=True, purchased_on=date(2025, 9, 1), compliance=Compliance.GRACE),
    )

    assert (joined.platform, joined.manufacturer, joined.encrypted) == (Platform.WINDOWS, "Lenovo", False)
    assert (joined.purchased_on, joined.compliance) == (date(2025, 8, 1), Compliance.GRACE)


def test_within_a_source_a_purchase_comes_last_whatever_its_id() -> None:
    parts = (part("intune", PartRole.MDM), part("intune", PartRole.PURCHASES, name="autopilot"))
    ordered = device(
        "intune", "autopilot/1", "PF3EX001", part="autopilot", model="ThinkPad L13 Gen 5", purchased_on=date(2025, 8, 1)
    )
    for managed_id in ("0e0e", "b3f1"):
        managed = device("intune", managed_id, "PF3EX001", model="21EXS00100")

        (joined,) = resolve_devices(context((ordered, managed), parts))

        assert (joined.model, joined.purchased_on) == ("21EXS00100", date(2025, 8, 1))


def test_among_mdms_the_newest_contact_comes_first_whatever_their_trust() -> None:
    known = (
        device("intune", "1", "PF2ABC12", os_version="10", model="A", last_contact_at=day(10)),
        device("jamf", "2", "PF2ABC12", os_version="11", model="B", last_contact_at=day(70)),
        device("lists", "row", "PF2ABC12", model="C"),
    )
    joined = the(*known)

    assert names(joined.records) == ["jamf/2", "lists/row", "intune/1"]
    assert (joined.os_version, joined.model) == ("11", "B")
    assert (joined.last_contact_at, joined.contact_part) == (day(70), "jamf/part")


def test_a_contact_of_days_to_come_counts_as_now_since_our_clock_may_be_behind() -> None:
    joined = the(device("intune", "1", "PF2ABC12", last_contact_at=day(90)))

    assert (joined.last_contact_at, joined.contact_part) == (day(84), "intune/part")


def test_a_contact_far_in_the_future_is_ignored() -> None:
    joined = the(device("intune", "1", "PF2ABC12", last_contact_at=day(900)))

    assert (joined.last_contact_at, joined.contact_part) == (None, None)


WAITING = {"condition": Condition.PENDING, "ownership": Ownership.ORGANISATION}


def test_an_mdm_that_waits_for_the_first_enrolment_knows_a_device_as_a_purchase_does() -> None:
    joined = the(device("jamf", "1", "PF2ABC12", **WAITING))

    assert (joined.roles, joined.ever_in_mdm) == (frozenset({PartRole.PURCHASES}), False)


@pytest.mark.parametrize(
    ("source", "fields", "role"),
    [
        ("jamf", {"condition": Condition.PENDING}, PartRole.MDM),
        ("jamf", WAITING | {"ownership": Ownership.PERSONAL}, PartRole.MDM),
        ("jamf", WAITING | {"condition": Condition.ACTIVE}, PartRole.MDM),
        ("jamf", WAITING | {"managed": True}, PartRole.MDM),
        ("jamf", WAITING | {"last_contact_at": day(84)}, PartRole.MDM),
        ("lists", WAITING, PartRole.LIST),
    ],
)
def test_what_waits_for_no_enrolment_has_the_role_of_its_part(
    source: str, fields: dict[str, Any], role: PartRole
) -> None:
    assert the(device(source, "1", "PF2ABC12", **fields)).roles == {role}


def test_a_device_that_moves_between_two_mdms_is_in_the_one_that_has_it() -> None:
    joined = the(
        device("intune", "1", "PF2ABC12", managed=True, last_contact_at=day(84)),
        device("jamf", "1", "PF2ABC12", **WAITING),
    )

    assert (joined.roles, joined.managed) == (frozenset({PartRole.MDM, PartRole.PURCHASES}), True)


def moving(**old_mdm: Any) -> Device:
    """An iPad that Apple moves from Intune, in contact last, to Jamf, which enrolled it at the same time and manages it."""
    ipad: dict[str, Any] = {"manufacturer": "Apple", "platform": Platform.IPADOS}
    return the(
        device("intune", "1", "DMPF2ABC12", **ipad | {"enrolled_at": day(60), "last_contact_at": day(84)} | old_mdm),
        device("jamf", "1", "DMPF2ABC12", **ipad, managed=True, enrolled_at=day(60), last_contact_at=day(83)),
        device("intune", "1", "DMPF2ABC12", **ipad, part="autopilot", migrating=old_mdm.get("managed") is False),
    )


def test_a_device_on_its_way_between_two_mdms_is_one_and_managed_if_either_manages_it() -> None:
    joined = moving(managed=False)

    assert (joined.is_migrating, joined.managed, joined.has_ambiguous_serial) == (True, True, False)
    assert names(joined.records) == ["jamf/1", "intune/1", "intune/1"]
    assert (joined.last_contact_at, joined.contact_part) == (day(84), "intune/part")


@pytest.mark.parametrize("ended", [Condition.RETIRED, Condition.WIPED])
def test_the_end_in_the_mdm_that_a_migrating_device_left_is_no_end_of_the_device(ended: Condition) -> None:
    assert moving(managed=False, condition=ended).conditions == {Condition.ACTIVE}
    assert moving(condition=ended).conditions == {Condition.ACTIVE, ended}


def test_a_migrating_device_that_no_mdm_manages_has_all_its_conditions() -> None:
    joined = the(
        device("intune", "1", "PF2ABC12", managed=True, condition=Condition.WIPED, migrating=True),
        device("jamf", "1", "PF2ABC12", managed=False, condition=Condition.LOST),
    )

    assert joined.conditions == {Condition.WIPED, Condition.LOST}


def test_what_a_list_says_of_a_migrating_device_holds() -> None:
    joined = the(
        device("intune", "1", "PF2ABC12", managed=True, migrating=True),
        device("lists", "1", "PF2ABC12", condition=Condition.RETIRED),
    )

    assert joined.conditions == {Condition.ACTIVE, Condition.RETIRED}


def test_a_part_that_is_configured_no_longer_has_no_role() -> None:
    joined = the(device("former", "1", "PF2ABC12", masked=True, since=3))

    assert (joined.roles, joined.ever_in_mdm, joined.masked, joined.first_seen) == (frozenset(), False, True, day(3))


@pytest.mark.parametrize(
    ("fields", "form"),
    [
        ({"platform": Platform.WINDOWS}, FormFactor.COMPUTER),
        ({"platform": Platform.MACOS}, FormFactor.COMPUTER),
        ({"platform": Platform.LINUX}, FormFactor.COMPUTER),
        ({"platform": Platform.CHROMEOS}, FormFactor.CHROMEBOOK),
        ({"platform": Platform.IPADOS}, FormFactor.TABLET),
        ({"platform": Platform.IOS, "model": "iPhone 15"}, FormFactor.PHONE),
        ({"platform": Platform.IOS, "model": "iPad (9th generation)"}, FormFactor.TABLET),
        ({"platform": Platform.TVOS}, FormFactor.TV),
        ({"platform": Platform.ANDROID, "model": "Lenovo Tab M10"}, FormFactor.TABLET),
        ({"platform": Platform.ANDROID, "model": "Redmi Pad"}, FormFactor.TABLET),
        ({"platform": Platform.ANDROID, "model": "Pixel 8"}, FormFactor.PHONE),
        ({"platform": Platform.OTHER}, FormFactor.OTHER),
        ({"platform": Platform.IOS, "model": "AppleTV11,1"}, FormFactor.TV),
        ({"platform": Platform.ANDROID, "manufacturer": "Samsung", "model": "Galaxy Tab A"}, FormFactor.PHONE),
        ({"platform": Platform.WINDOWS, "manufacturer": "Samsung", "model": "Galaxy Book"}, FormFactor.OTHER),
        ({"platform": Platform.WINDOWS, "model": "Virtual Machine"}, FormFactor.VIRTUAL),
        ({"platform": Platform.WINDOWS, "serial_problem": "virtual"}, FormFactor.VIRTUAL),
    ],
)
def test_a_form_factor_is_the_model_s_else_the_platform_s(fields: dict[str, Any], form: FormFactor) -> None:
    assert the(device("intune", "1", **fields)).form_factor is form


def test_an_ipad_that_one_mdm_calls_ios_is_an_ipad() -> None:
    joined = the(
        device("intune", "1", "DMPXK1ABCD12", platform=Platform.IOS, model="iPad"),
        device("jamf", "2", "DMPXK1ABCD12", platform=Platform.IPADOS, model="iPad"),
    )

    assert joined.platform is Platform.IPADOS


# --- ids --------------------------------------------------------------------------------------------------------------


def test_a_device_has_the_id_of_its_earliest_record_gone_or_not() -> None:
    joined = the(
        device("intune", "1", "PF2ABC12", since=5),
        device("register", "r", "PF2ABC12", since=2, gone=True, thing_id="d7"),
    )

    assert joined.id == "d7"


def test_learning_a_serial_keeps_the_id() -> None:
    unknown = the(device("intune", "1"))
    learned = the(
        device("intune", "1", "PF2ABC12", thing_id=unknown.id),
        device("register", "r", "PF2ABC12", since=9, thing_id="d-register-r"),
    )

    assert unknown.id == learned.id == "d-intune-1"


# --- always, never ----------------------------------------------------------------------------------------------------

SERIALS = ("SAME12345", "SAME-12345", "DMPXK1ABCD12", "SDMPXK1ABCD12", "SSDMPXK1ABC", "SDMPXK1ABC", None)


@st.composite
def some_devices(draw: st.DrawFn) -> list[BelievedRecord]:
    return [
        device(
            draw(st.sampled_from(["intune", "jamf", "register", "lists"])),
            str(at),
            draw(st.sampled_from(SERIALS)),
            platform=draw(st.sampled_from([Platform.WINDOWS, Platform.IPADOS, Platform.CHROMEOS, Platform.OTHER])),
            manufacturer=draw(st.sampled_from([None, "Apple", "Acer", "ACER"])),
            enrolled_at=draw(st.sampled_from([None, day(1), day(2)])),
            last_contact_at=draw(st.sampled_from([None, day(10), day(50), day(60)])),
            thing_id=draw(st.sampled_from([None, "d1", "d2", "d-intune-0"])),
            since=draw(st.integers(0, 2)),
            gone=draw(st.booleans()),
        )
        for at in range(draw(st.integers(0, 12)))
    ]


@given(some_devices().flatmap(lambda known: st.tuples(st.just(known), st.permutations(known))))
def test_the_order_of_records_and_parts_never_matters(
    orders: tuple[list[BelievedRecord], list[BelievedRecord]],
) -> None:
    known, shuffled = orders

    assert resolve_devices(context(known)) == resolve_devices(context(shuffled, PARTS[::-1]))


@given(some_devices())
def test_every_record_is_always_in_exactly_one_device(known: list[BelievedRecord]) -> None:
    refs = Counter(record.ref for each in resolve(*known) for record in (*each.records, *each.superseded, *each.gone))

    assert refs == Counter(record.ref for record in known)


@given(some_devices())
def test_an_id_is_never_given_to_two(known: list[BelievedRecord]) -> None:
    ids = [each.id for each in resolve(*known)]

    assert len(ids) == len(set(ids))


@given(some_devices())
def test_of_one_part_never_two_records_count(known: list[BelievedRecord]) -> None:
    for each in resolve(*known):
        parts = [(record.source, record.part) for record in each.records]
        assert len(parts) == len(set(parts))


@given(some_devices())
def test_a_second_run_of_the_same_input_always_gives_the_same_ids(known: list[BelievedRecord]) -> None:
    first = resolve(*known)
    ids = {record.ref: each.id for each in first for record in (*each.records, *each.superseded, *each.gone)}

    assert [each.id for each in resolve(*(replace(record, thing_id=ids[record.ref]) for record in known))] == [
        each.id for each in first
    ]


@given(some_devices(), st.sampled_from(SERIALS))
def test_the_id_of_the_earliest_device_never_ends_by_learning_a_serial(
    known: list[BelievedRecord], serial: str | None
) -> None:
    (alone,) = resolve(device("jamf", "x", since=-1))
    learned = device("jamf", "x", serial, since=-1, thing_id=alone.id)

    (joined,) = (each for each in resolve(*known, learned) if learned in (*each.records, *each.superseded))

    assert joined.id == alone.id
