"""What `fleetsync explain` says of a device and a person about whom sources disagree."""

from msgspec.structs import replace

from fleetsync.cli import explaining
from fleetsync.core.coverage import reconcile
from fleetsync.core.model import BelievedRecord, DeviceRecord, EmploymentForm, MembershipRecord, MembershipType
from fleetsync.core.snapshot import Snapshot
from tests.expose import example_page as e


def example_with(*more: BelievedRecord) -> Snapshot:
    believed = e.believed(4, known=(*e.known(4), *more))
    return e.snapshot_of(believed, reconcile(believed, e.POLICY, e.CALENDARS, e.outcome(4).moment))


def a_held_device() -> BelievedRecord:
    return next(
        known
        for known in e.known(4)
        if known.source == "intune" and isinstance(known.record, DeviceRecord) and known.record.keys
    )


def test_a_device_is_explained_with_both_values_their_sources_and_why_one_counts() -> None:
    row = a_held_device()
    assert isinstance(row.record, DeviceRecord)
    other = replace(row, source="jamf", record=replace(row.record, encrypted=False), last_contact_at=e.at(9))
    snapshot = example_with(other)
    case = next(case for case in snapshot.outcome.devices if len(case.device.records) > 1)

    lines = list(explaining._explain_device(snapshot, snapshot, case.device.id))

    assert (
        "  encrypted: intune/devices says true (counts), jamf/devices says false; "
        "of several MDMs the one in contact last counts"
    ) in lines


def test_a_holder_who_may_not_be_shown_is_not_named_in_a_disagreement() -> None:
    row = a_held_device()
    known = e.example_snapshot(4)
    holder = next(case.person for case in reversed(known.outcome.people) if case.person.keys)
    assert isinstance(row.record, DeviceRecord)
    other = replace(row, source="jamf", record=replace(row.record, keys=holder.keys[:1]), last_contact_at=e.at(9))
    snapshot = example_with(other)
    case = next(case for case in snapshot.outcome.devices if case.placement.contradicted_by == (holder.id,))
    shown = "\n".join(explaining._explain_device(snapshot, snapshot, case.device.id))
    concealing = replace(snapshot, hidden=snapshot.hidden | {holder.id})
    hiding = "\n".join(explaining._explain_device(concealing, concealing, case.device.id))

    assert f"jamf/devices says {holder.id}" in shown
    assert "jamf/devices says somebody not shown" in hiding
    assert holder.id not in hiding


def test_a_person_is_explained_with_what_another_register_says() -> None:
    known = e.known(4)
    row = next(
        row
        for row in known
        if isinstance(row.record, MembershipRecord) and row.record.membership is MembershipType.EMPLOYMENT
    )
    assert isinstance(row.record, MembershipRecord)
    person = next(each for each in known if each.ref == (row.source, "person", row.record.person))
    hourly = replace(row.record, employment_form=EmploymentForm.HOURLY)
    snapshot = example_with(replace(person, source="entra"), replace(row, source="entra", record=hourly))
    case = next(
        case for case in snapshot.outcome.people if any(known.source == "entra" for known in case.person.memberships)
    )

    lines = list(explaining._explain_person(snapshot, snapshot, case.person.id))

    assert (
        f"  employment_form: {row.source}/{row.part} says permanent (counts), entra/{row.part} says hourly; "
        "the source that entitles (counts) decides; others are witnesses"
    ) in lines
