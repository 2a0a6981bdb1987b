"""The context: what the steps of a reconciliation share, and until which day the sources are known."""

from datetime import date

from msgspec.structs import replace

from fleetsync.core.context import Context
from fleetsync.core.coverage import build_context
from fleetsync.core.entitlement import person_states
from fleetsync.core.identity import resolve_people
from fleetsync.core.lifecycle import device_states
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    DeviceRecord,
    PartRole,
    PartState,
    PersonState,
    RecordType,
)
from tests.core.entitlement import entitlement_samples as people
from tests.core.lifecycle import lifecycle_samples as devices

READ_ON, LATER = "2026-10-01", "2026-11-24"


def known_until_of(part: PartState, scope: str | None = None, *, known_until: str | None = None) -> date | None:
    return people.context_of((), LATER, read=[part], known_until=known_until).known_until_of(part, scope)


def part(as_of: str | None = READ_ON, *, disabled: bool = False, **scopes: str) -> PartState:
    return PartState(
        source="sis",
        part="pupils",
        role=PartRole.ROSTER,
        types=(RecordType.MEMBERSHIP,),
        as_of=people.day(as_of) if as_of else None,
        scope_as_of={scope: people.day(on) for scope, on in scopes.items()},
        disabled=disabled,
    )


def test_a_part_is_known_until_the_day_that_its_content_speaks_for() -> None:
    assert known_until_of(part()) == people.day(READ_ON)
    assert known_until_of(part(None)) is None


def test_a_file_is_known_until_its_own_day_and_the_part_until_the_oldest() -> None:
    by_file = part(READ_ON, ekskolan="2026-11-15")

    assert known_until_of(by_file, "ekskolan") == people.day("2026-11-15")
    assert known_until_of(by_file, "ugglan") == known_until_of(by_file) == people.day(READ_ON)


def test_an_explicit_day_takes_the_place_of_every_part_that_is_still_read() -> None:
    assert known_until_of(part(), known_until=LATER) == people.day(LATER)
    assert known_until_of(part(READ_ON, ekskolan=READ_ON), "ekskolan", known_until=LATER) == people.day(LATER)


def test_an_explicit_day_adds_nothing_to_a_part_that_is_switched_off_or_was_never_read() -> None:
    assert known_until_of(part(disabled=True), known_until=LATER) == people.day(READ_ON)
    assert known_until_of(part(None), known_until=LATER) is None


def test_a_part_that_is_no_longer_configured_is_none() -> None:
    membership = people.enrolled("GR", 4, "2024-08-19")

    assert people.context_of((membership,)).part_of(membership) is not None
    assert people.context_of((membership,), read=()).part_of(membership) is None


# --- a day to come ----------------------------------------------------------------------------------------------------


def state_with(context: Context) -> PersonState:
    persons = resolve_people(context.believed.known, context.parts, context.policy)
    (state,) = person_states(persons, context)
    return state


def test_endings_are_evaluated_up_to_the_explicit_day_without_changing_any_part() -> None:
    term = people.employed(people.FIXED, "2025-08-18", "2026-11-10")
    known = (*people.people_of([term]), term)
    read = people.parts(READ_ON)
    today = people.context_of(known, LATER, read=read)
    forecast = people.context_of(known, LATER, read=read, known_until=LATER)

    assert state_with(today).ended_on is None
    assert state_with(forecast).ended_on == people.day("2026-11-10")
    assert forecast.parts == today.parts == read


def test_silence_is_counted_up_to_the_explicit_day_without_changing_any_part() -> None:
    read = (devices.part(devices.MDM, READ_ON),)
    computer = devices.device(contact=READ_ON)
    believed = BelievedState(parts=read, known=computer.records)
    today = build_context(believed, devices.policy(), devices.CALENDARS, devices.moment(LATER))
    forecast = replace(today, known_until=devices.day(LATER))

    (now,), (later,) = (device_states([computer], [devices.placement()], context) for context in (today, forecast))
    assert (now.works, now.silent_school_days, now.evaluated_until) == (True, 0, devices.day(READ_ON))
    assert not later.works
    assert (later.silent_school_days or 0) > 15
    assert later.evaluated_until == devices.day(LATER)
    assert forecast.parts is today.parts is read


def test_a_gap_that_waits_for_a_source_opens_by_the_explicit_day() -> None:
    record = BelievedRecord(
        source="intune", part="devices", record=DeviceRecord(source_id="d1"), own_id="d1",
        first_seen=devices.instant("2026-01-01"),
    )  # fmt: skip
    leaver = devices.pupil(counted=False, ended_on=devices.day("2026-10-05"), owed=None)
    sources = (devices.part(devices.ROSTER, READ_ON), devices.part(devices.MDM, READ_ON))

    def kinds(known_until: date | None) -> set[str]:
        case = devices.LifecycleCase(LATER, sources=sources, known_until=known_until)
        return case.kinds(leaver, case.case(devices.device(records=(record,)), holder="p1"))

    assert "leaver_holds" not in kinds(None)
    assert "leaver_holds" in kinds(devices.day(LATER))
