"""What was found before is used again only where nothing that it rests on has changed, however indirectly."""

from msgspec.structs import replace

from fleetsync.core.context import Context, EarlierCases
from fleetsync.core.lifecycle import CaseFindings, find_gaps
from fleetsync.core.model import (
    UNPLACED,
    Assignment,
    BelievedState,
    CoveredBy,
    DeviceCase,
    Episode,
    Key,
    Login,
    Moment,
    Outcome,
    PersonCase,
    RunningAssignment,
    Scheme,
    Subject,
    Text,
)
from tests.core.lifecycle.lifecycle_samples import (
    LIST,
    MDM,
    ROSTER,
    LifecycleCase,
    day,
    device,
    instant,
    moment,
    owed,
    part,
    pupil,
)

HELD = LifecycleCase().case(device(), holder="p1")
HAS_DEVICE = {"assigned": 1, "covered": 1, "devices": ("d1",)}
NEWCOMER = pupil(owed=None, began_on=None, starts_on=day("2026-11-30"))


def outcome_of(*cases: PersonCase | DeviceCase, **fields: object) -> Outcome:
    people = tuple(case for case in cases if isinstance(case, PersonCase))
    devices = tuple(case for case in cases if isinstance(case, DeviceCase))
    return Outcome(moment=moment(), people=people, devices=devices, **fields)  # type: ignore[arg-type]


def found_again(
    before: Outcome,
    after: Outcome,
    believed: BelievedState = BelievedState(),
    believed_after: BelievedState | None = None,
    room: LifecycleCase | None = None,
) -> set[str]:
    """The kinds of gap of persons and devices in *after*, found beginning with *before*; the same as found anew."""
    room = room or LifecycleCase()
    first = find_gaps(before, replace(room.context(), believed=replace(believed, parts=room.sources)))
    context = replace(room.context(), believed=replace(believed_after or believed, parts=room.sources))
    again = _with_earlier(before, after, context, first.case_findings)
    assert again == find_gaps(after, context).case_findings
    findings = (*again.people.values(), *again.devices.values())
    return {finding.kind for of_case in findings for finding in of_case}


def _with_earlier(before: Outcome, after: Outcome, context: Context, findings: CaseFindings) -> CaseFindings:
    earlier = EarlierCases(
        people={case.person.id: case for case in before.people},
        devices={case.device.id: case for case in before.devices},
    )
    return find_gaps(after, replace(context, earlier=earlier), findings).case_findings


def test_a_person_who_gets_a_first_device_is_looked_at_again():
    assert found_again(outcome_of(NEWCOMER), outcome_of(NEWCOMER)) == {"starting_without_device"}
    assert found_again(outcome_of(NEWCOMER), outcome_of(NEWCOMER, HELD)) == set()
    assert found_again(outcome_of(NEWCOMER, HELD), outcome_of(NEWCOMER)) == {"starting_without_device"}


def test_a_person_is_looked_at_again_when_a_device_of_theirs_has_changed():
    owner = pupil(case={**HAS_DEVICE, "covered": 0})
    silent = LifecycleCase().case(device(contact="2026-10-01"), holder="p1")

    assert "device_not_working" in found_again(outcome_of(owner, HELD), outcome_of(owner, silent))


def test_a_person_is_looked_at_again_when_a_gap_of_theirs_opens_or_closes():
    # In the first days of a term a gap that is open goes on, and one that is not does not open.
    begun = pupil(began_on=day("2026-08-17"))
    episode = Episode(
        kind="no_device", subject=Subject.PERSON, subject_id="p1", unit="bjorkskolan",
        opened_at=instant("2026-06-01"), reason=Text("", ""),
    )  # fmt: skip
    room, is_open = LifecycleCase("2026-08-18"), BelievedState(episodes=(episode,))
    outcome = replace(outcome_of(begun), moment=Moment(instant("2026-08-18"), day("2026-08-18")))

    assert found_again(outcome, outcome, room=room) == set()
    assert found_again(outcome, outcome, BelievedState(), is_open, room) == {"no_device"}


def test_a_person_is_looked_at_again_when_their_login_turns_out_to_be_reused():
    person, key = pupil(owed=None), Key(Scheme.ADDRESS, "", "a@exempelby.se")
    former = Login(key, "p0", instant("2026-01-01"), instant("2026-03-01"))
    login = Login(key, "p1", instant("2026-03-02"))

    again = found_again(outcome_of(person, logins=(login,)), outcome_of(person, logins=(former, login)))
    assert again == {"login_reused"}


def test_a_person_with_two_devices_is_looked_at_each_time_since_their_assignments_age():
    cases = [LifecycleCase().case(device(own), holder="p1") for own in ("d1", "d2")]
    owner = pupil(case={"assigned": 1, "covered": 1, "working": 2, "devices": ("d1", "d2")})
    believed = BelievedState(
        assignments=tuple(RunningAssignment(_own(own), instant("2026-09-01"), False) for own in ("d1", "d2"))
    )
    outcome = outcome_of(owner, *cases)

    assert found_again(outcome, outcome) == set()
    assert found_again(outcome, outcome, BelievedState(), believed) == {"extra_device"}


def _own(device_id: str, entitlement: str = "pupils") -> Assignment:
    return Assignment(
        device=device_id, by=CoveredBy.OWN, entitlement=entitlement, subject_id="p1", unit="bjorkskolan",
        works=True, reason=Text("", ""),
    )  # fmt: skip


def test_a_person_without_a_unit_is_looked_at_each_time_since_the_unit_shown_depends_on_how_many_there_are():
    debt = owed(unit=UNPLACED)
    person = pupil(unit=UNPLACED, owed=debt)
    before, after = outcome_of(person, owed=(debt,)), outcome_of(person, owed=(replace(debt, unit="central"),))

    assert found_again(before, after) == {"no_device"}


def test_everybody_is_looked_at_again_when_other_parts_show_devices_of_an_entitlement():
    # The list is older than the person's beginning: what it does not have, nobody has missed yet.
    begun, listed = pupil(began_on=day("2026-11-09")), LifecycleCase().case(device("d2", LIST), holder="p2")
    room = LifecycleCase(sources=(part(ROSTER), part(MDM), part(LIST, "2026-11-10")))
    before, after = outcome_of(begun, HELD, listed), outcome_of(begun, HELD, listed)
    before, after = replace(before, assignments=(_own("d1"),)), replace(after, assignments=(_own("d2"),))

    assert "no_device" in found_again(after, before, room=room)
    assert "no_device" not in found_again(before, after, room=room)


def test_a_device_is_looked_at_again_when_its_holder_has_changed():
    gone = pupil(owed=None, counted=False, ended_on=day("2026-11-06"))

    assert found_again(outcome_of(pupil(case=HAS_DEVICE), HELD), outcome_of(gone, HELD)) == {"leaver_holds"}
    assert found_again(outcome_of(gone, HELD), outcome_of(HELD)) == set()
