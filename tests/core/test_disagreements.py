"""What several sources say differently, and which of it counts, asked of real outcomes."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from fleetsync.core.context import Context
from fleetsync.core.coverage import build_context
from fleetsync.core.disagreements import Disagreement, device_disagreements, person_disagreements, sources_of_value
from fleetsync.core.model import (
    BelievedRecord,
    Condition,
    DeviceRecord,
    EmploymentForm,
    Key,
    MembershipType,
    Outcome,
    Ownership,
    PartRole,
    PartState,
    PersonRecord,
    Platform,
)
from tests.core.coverage.coverage_samples import (
    CALENDARS,
    LONG_AGO,
    MOMENT,
    NOW,
    PARTS,
    PEOPLE,
    POLICY,
    RecordsBuilder,
    address,
    part,
)

SERIAL = "DMPF2ABC12"
SYSTEMS = (
    *PARTS,
    part("register", "assets", PartRole.REGISTER, trust=9),
    part("skola", "employees", PartRole.ROSTER, PEOPLE),
)


class Town(RecordsBuilder):
    """Records of several systems, and what is concluded from them."""

    def concluded(self) -> Outcome:
        return self.outcome(parts=SYSTEMS)

    def context(self, parts: Sequence[PartState] = SYSTEMS) -> Context:
        return build_context(self.believed(parts=parts), POLICY, CALENDARS, MOMENT)

    def says(self, source: str, name: str = "devices", /, **fields: Any) -> None:
        """What one source says of the device with the serial."""
        contact = fields.pop("contact", None)
        fields = {"serial": SERIAL, "manufacturer": "Apple", "platform": Platform.IPADOS} | fields
        seen = NOW - timedelta(days=contact) if contact is not None else None
        self.add(source, name, DeviceRecord(source_id=f"{source}-1", **fields), last_contact_at=seen)

    def of_device(self) -> dict[str, Disagreement]:
        outcome = self.concluded()
        (case,) = outcome.devices
        people = {each.person.id: each.person for each in outcome.people}
        return by_field(device_disagreements(case, people, self.context()))

    def of_person(self) -> dict[str, Disagreement]:
        (case,) = self.concluded().people
        return by_field(person_disagreements(case, self.context()))


def by_field(disagreements: Iterable[Disagreement]) -> dict[str, Disagreement]:
    return {disagreement.field: disagreement for disagreement in disagreements}


def told(disagreement: Disagreement) -> list[tuple[str, str, bool]]:
    return [(claim.value, claim.by.en, claim.counts) for claim in disagreement.claims]


# --- devices ----------------------------------------------------------------------------------------------------------


def test_each_source_that_gives_a_value_is_named_and_the_most_trusted_counts() -> None:
    town = Town()
    town.says("jamf", contact=1, model="iPad (9th generation)", encrypted=True, ownership=Ownership.ORGANISATION)
    town.says("ledger", "rows", purchased_on=date(2024, 8, 1), ownership=Ownership.ORGANISATION)
    town.says("register", "assets", model="iPad 10", encrypted=False, purchased_on=date(2024, 9, 1))

    found = town.of_device()

    assert found.keys() == {"model", "encrypted", "purchased_on"}
    assert told(found["model"]) == [
        ("iPad 10", "register/assets", True),
        ("iPad (9th generation)", "jamf/devices", False),
    ]
    assert told(found["encrypted"]) == [("false", "register/assets", True), ("true", "jamf/devices", False)]
    assert told(found["purchased_on"]) == [
        ("2024-09-01", "register/assets", True),
        ("2024-08-01", "ledger/rows", False),
    ]
    assert found["model"].rule.en == "the source that comes first by trust counts"


def test_sources_that_agree_or_say_nothing_or_write_in_other_case_do_not_disagree() -> None:
    town = Town()
    town.says("jamf", manufacturer="Apple", model="iPad 10")
    town.says("intune", model="iPad 10", platform=Platform.IOS)
    town.says("register", "assets", manufacturer="APPLE", model=None)

    assert town.of_device() == {}


def test_the_sources_of_a_value_are_those_that_give_the_one_that_counts() -> None:
    town = Town()
    town.says("register", "assets", manufacturer="APPLE", model="iPad 10", platform=Platform.OTHER)
    town.says("jamf", contact=1, manufacturer="Apple", model="iPad 9", enrolled_at=LONG_AGO)
    (case,) = town.concluded().devices

    sources = {
        field: sources_of_value(case.device, field)
        for field in ("manufacturer", "model", "platform", "enrolled_at", "encrypted")
    }
    assert sources == {
        "manufacturer": ("jamf", "register"),
        "model": ("register",),
        "platform": ("jamf", "register"),
        "enrolled_at": ("jamf",),
        "encrypted": (),
    }


def test_of_two_mdms_the_one_in_contact_last_counts() -> None:
    town = Town()
    town.says("intune", contact=9, os_version="18.1")
    town.says("jamf", contact=1, os_version="18.6")
    found = town.of_device()["os_version"]

    assert told(found) == [("18.6", "jamf/devices", True), ("18.1", "intune/devices", False)]
    assert found.rule.en == "of several MDMs the one in contact last counts"


def test_while_a_device_moves_between_mdms_the_one_that_manages_it_counts() -> None:
    town = Town()
    town.says("intune", contact=0, managed=False, condition=Condition.WIPED)
    town.says("jamf", contact=1, managed=True)
    town.says("ledger", "rows", migrating=True)
    found = town.of_device()

    assert told(found["managed"]) == [("true", "jamf/devices", True), ("false", "intune/devices", False)]
    assert [word for word, _, counts in told(found["condition"]) if counts] == ["active", "active"]
    assert {found[field].rule.en for field in ("managed", "condition")} == {
        "during its move between two MDMs the one that manages it counts"
    }


def test_a_value_that_could_not_be_read_in_the_source_that_comes_first_lets_none_count() -> None:
    town = Town()
    unread = ("encrypted", "platform")
    town.says("register", "assets", unreadable=unread, platform=Platform.OTHER)
    town.says("jamf", contact=1, encrypted=True)
    town.says("list", encrypted=False, platform=Platform.TVOS)
    found = town.of_device()

    assert {counts for field in unread for _, _, counts in told(found[field])} == {False}
    assert {found[field].rule.en for field in unread} == {
        "none counts: the value of the source that comes first could not be read"
    }


def test_a_scanned_serial_is_shown_beside_the_one_that_joins() -> None:
    town = Town()
    town.says("jamf", contact=1)
    town.says("register", "assets", serial=f"S{SERIAL}")

    assert told(town.of_device()["serial"]) == [
        (f"S{SERIAL}", "register/assets", False),
        (SERIAL, "jamf/devices", True),
    ]


def test_what_any_source_calls_lost_is_lost_and_what_waits_for_its_enrolment_contradicts_nothing() -> None:
    lost, waiting = Town(), Town()
    for town, condition in ((lost, Condition.LOST), (waiting, Condition.PENDING)):
        town.says("jamf", contact=1, managed=True)
        town.says("list", condition=condition)

    assert told(lost.of_device()["condition"]) == [("active", "jamf/devices", False), ("lost", "list/devices", True)]
    assert waiting.of_device() == {}


def test_a_device_that_no_source_has_any_more_has_no_disagreement() -> None:
    town = Town()
    for source, model in (("jamf", "iPad 9"), ("intune", "iPad 10")):
        record = DeviceRecord(source_id="1", serial=SERIAL, manufacturer="Apple", model=model)
        town.add(source, "devices", record, gone=True, absent_since=LONG_AGO)

    assert town.of_device() == {}


def test_the_unit_is_shown_with_what_gives_each_answer() -> None:
    town = Town()
    town.staff("tea", at="bj")
    town.says("list", unit="ekskolan", keys=(address("tea"),))
    found = town.of_device()["unit"]

    assert [(value, counts) for value, _, counts in told(found)] == [("ekskolan", True), ("bjorkskolan", False)]
    assert found.claims[1].by.en == "the holder's unit"
    assert found.rule.en.startswith("the first counts of: list or rule")


def holders(town: Town, *keys: Key) -> dict[str, Disagreement]:
    town.staff("alva")
    town.staff("bo")
    town.says("intune", contact=1, keys=keys[:1])
    town.says("list", keys=keys[1:])
    return town.of_device()


def test_two_persons_named_by_two_sources_are_shown_and_the_first_key_counts() -> None:
    found = holders(Town(), address("alva"), address("bo"))["holder"]

    assert [(by, counts) for _, by, counts in told(found)] == [("intune/devices", True), ("list/devices", False)]
    assert len({value for value, _, _ in told(found)}) == 2
    assert found.rule.en == "the strongest key that leads to exactly one person counts"


def test_two_addresses_of_one_teacher_are_no_disagreement() -> None:
    town = Town()
    town.staff("tea")
    town.add("entra", "users", PersonRecord(source_id="e1", keys=(address("tea"), address("tea.alias"))))
    town.says("jamf", contact=1, keys=(address("tea"),))
    town.says("intune", contact=2, keys=(address("tea.alias"),))

    outcome = town.concluded()
    assert (len(outcome.people), town.of_device()) == (1, {})
    assert outcome.devices[0].placement.holder == outcome.people[0].person.id


def test_persons_who_share_a_log_in_are_named_and_none_counts() -> None:
    town = Town()
    for who in ("alva", "bo"):
        town.staff(who, login=False)
    town.known = [with_key(known, address("shared")) for known in town.known]
    town.says("intune", contact=1, keys=(address("shared"),))
    found = town.of_device()["holder"]

    assert [(by, counts) for _, by, counts in told(found)] == [("intune/devices", False)] * 2
    assert found.rule.en == "none counts: the keys lead to several persons"


def with_key(known: BelievedRecord, key: Key) -> BelievedRecord:
    if not isinstance(known.record, PersonRecord):
        return known
    return replace(known, record=replace(known.record, keys=(key,)))


def test_a_person_whom_only_an_earlier_log_in_names_is_shown_with_that() -> None:
    town = Town()
    holders(town, address("alva"), address("bo"))
    (case,) = town.concluded().devices
    found = by_field(device_disagreements(case, {}, town.context()))["holder"]

    assert {claim.by.en for claim in found.claims} == {"an earlier log-in"}


@pytest.mark.parametrize("hidden", [DeviceRecord, PersonRecord])
def test_of_a_hidden_person_s_device_neither_holder_nor_unit_is_compared(hidden: type) -> None:
    town = Town()
    town.staff("alva", at="ek")
    town.says("list", unit="bjorkskolan", keys=(address("bo"),))
    town.staff("bo")
    town.says("intune", contact=1, keys=(address("alva"),))
    assert {"holder", "unit"} <= town.of_device().keys()

    town.known = [replace(known, masked=isinstance(known.record, hidden)) for known in town.known]

    assert {"holder", "unit"}.isdisjoint(town.of_device())


# --- persons ----------------------------------------------------------------------------------------------------------


def teacher(at: str = "ek", form: EmploymentForm | None = EmploymentForm.PERMANENT, **more: Any) -> Town:
    """A teacher of Björkskolan whom the pupil register employs elsewhere."""
    town = Town()
    town.staff("tea", at="bj")
    town.person(("skola", "employees"), "tea")
    town.add_membership(
        ("skola", "employees"),
        "tea",
        MembershipType.EMPLOYMENT,
        at,
        employment_form=form,
        **{"start": date(2020, 8, 1)} | more,
    )
    return town


def test_a_teacher_at_two_units_is_shown_with_both_and_the_source_that_counts() -> None:
    found = teacher().of_person()

    assert found.keys() == {"unit"}
    assert told(found["unit"]) == [("bjorkskolan", "hr/staff", True), ("ekskolan", "skola/employees", False)]
    assert found["unit"].rule.en == "the source that entitles (counts) decides; others are witnesses"


def test_form_and_days_of_an_employment_are_compared_and_what_a_source_does_not_say_is_not() -> None:
    found = teacher("bj", EmploymentForm.HOURLY, start=date(2021, 1, 1), end=date(2027, 6, 30)).of_person()

    assert found.keys() == {"employment_form", "start"}
    assert told(found["start"]) == [("2020-08-01", "hr/staff", True), ("2021-01-01", "skola/employees", False)]
    assert teacher("bj", form=None).of_person() == {}


def test_a_second_employment_contradicts_no_source_that_knows_the_first() -> None:
    town = teacher()
    town.add_membership(("hr", "staff"), "tea", MembershipType.EMPLOYMENT, "ek", start=date(2020, 8, 1))

    assert town.of_person() == {}


@pytest.mark.parametrize(
    "more",
    [{"start": date(2026, 12, 1)}, {"start": date(2020, 8, 1), "end": date(2026, 11, 1)}],
)
def test_a_membership_that_is_not_valid_today_says_nothing(more: dict[str, Any]) -> None:
    assert teacher(**more).of_person() == {}


def test_a_source_counts_only_at_the_units_that_are_its_own() -> None:
    town = teacher()
    (case,) = town.concluded().people
    parts = tuple(replace(each, counts_at=("ekskolan",)) if each.source == "hr" else each for each in SYSTEMS)
    (found,) = person_disagreements(case, town.context(parts))

    assert told(found) == [("bjorkskolan", "hr/staff", False), ("ekskolan", "skola/employees", False)]


def test_nothing_is_said_about_a_hidden_person() -> None:
    town = teacher()
    (case,) = town.concluded().people
    hidden = replace(case, person=replace(case.person, masked=True))

    assert person_disagreements(hidden, town.context()) == ()
