"""The explain command: why a unit, a person, a device or a gap is as it is, down to the record and the pull."""

from collections.abc import Iterable
from datetime import datetime

import click

from fleetsync.cli.application import open_application
from fleetsync.cli.correcting import correction_text
from fleetsync.cli.errors import CommandError
from fleetsync.cli.listing import AS_OF_OPTION, snapshot_of
from fleetsync.cli.manual_decisions import manual_decisions
from fleetsync.core.disagreements import Disagreement, device_disagreements, person_disagreements
from fleetsync.core.measures import MEASURES
from fleetsync.core.model import (
    Assignment,
    AssignmentInterval,
    BelievedRecord,
    CoveredBy,
    DeviceCase,
    MeasureRow,
    MembershipRecord,
    PersonCase,
)
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.composition import Application
from fleetsync.expose.gate import view_for
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.scope import FULL_SCOPE

UNIT_MEASURES = (
    "entitled",
    "assigned",
    "covered",
    "covered_without_contact",
    "unknown",
    "short",
    "surplus",
    "undecided",
    "on_leave",
)


@click.command(help="Why: WHAT is unit, person, device or gap; ID as lists show it (a gap: KIND:ID).")
@click.argument("what", type=click.Choice(["unit", "person", "device", "gap"]))
@click.argument("id_", metavar="ID")
@AS_OF_OPTION
@click.pass_context
def explain(ctx: click.Context, what: str, id_: str, as_of: datetime | None) -> None:
    """Print the rows behind each number; each row names the rule and the fact."""
    with open_application(ctx) as application:
        snapshot = snapshot_of(application, as_of)
        current = snapshot if as_of is None else snapshot_of(application, None)
        lines = {"unit": _explain_unit, "person": _explain_person, "device": _explain_device, "gap": _explain_gap}[
            what
        ](snapshot, current, id_)
        if what == "device":
            past = _past_assignment_lines(application.ledger.assignments_of(id_), current)
            lines = (*lines, *past, *_correction_lines(application, current, id_))
        application.ledger.audit("command line", f"explain {what}", id_)
        if as_of is not None:
            click.echo(f"as known at the end of {as_of.date()}")
        for line in lines:
            click.echo(line)


# --- a unit -----------------------------------------------------------------------------------------------------------


def _explain_unit(snapshot: Snapshot, _current: Snapshot, slug: str) -> Iterable[str]:
    cells = [row for row in snapshot.outcome.coverage if row.unit == slug]
    if not cells:
        raise CommandError(
            f"{slug} is no unit with numbers. Units: {', '.join(sorted({row.unit for row in snapshot.outcome.coverage}))}"
        )
    for cell in cells:
        ratio = "nothing entitled" if cell.ratio is None else f"{cell.ratio:.1%}"
        yield f"{slug}, {cell.entitlement}: {cell.covered} of {cell.entitled} covered ({ratio})"
        for word in UNIT_MEASURES:
            yield from _number_lines(snapshot, f"fleetsync_{word}", slug, cell.entitlement)


def _number_lines(snapshot: Snapshot, name: str, unit: str, entitlement: str) -> Iterable[str]:
    measure = next(measure for measure in MEASURES if measure.name == name)
    for labels, number in sorted(snapshot.numbers.get(name, {}).items()):
        if labels[:2] == (unit, entitlement) and number:
            other_labels = "".join(
                f" {label} {value}" for label, value in zip(measure.labels[2:], labels[2:], strict=True)
            )
            yield f"  {name.removeprefix('fleetsync_')}{other_labels}: {number}"
            yield from (f"    {_row_text(row)}" for row in snapshot.rows(name, labels))


def _row_text(row: MeasureRow) -> str:
    subject = f"{row.subject.value} {row.subject_id}" if row.subject_id else "n"
    devices = f" [{' '.join(row.devices)}]" if row.devices else ""
    return f"{row.count} × {subject}: {row.reason.en}{devices}"


# --- a person ---------------------------------------------------------------------------------------------------------


def find_person_case(snapshot: Snapshot, id_: str) -> PersonCase:
    """The person with the id *id_*. Raises CommandError for an unknown id and for a person who may not be shown."""
    case = next((case for case in snapshot.outcome.people if case.person.id == id_), None)
    if case is None or id_ in snapshot.hidden or case.person_state.is_child:
        raise CommandError(f"{id_} is no person that can be shown. Ids stand in: fleetsync people")
    return case


def _explain_person(snapshot: Snapshot, current: Snapshot, id_: str) -> Iterable[str]:
    case = find_person_case(current, id_)
    if snapshot.as_of is None:
        yield f"person {id_} at {case.person_state.unit}: {case.person_state.unit_reason.en}"
        yield from _decision_lines(case)
    else:
        yield f"person {id_}"
        yield from _owed_on_past_day(snapshot, id_)
    yield from (
        f"  has {assignment.device} ({_works_word(assignment.works)}): {assignment.reason.en}"
        for assignment in snapshot.outcome.assignments
        if assignment.subject_id == id_
    )
    yield from _subject_gap_lines(snapshot, id_)
    yield from _today_heading(snapshot)
    yield from _disagreement_lines(person_disagreements(case, current.context), current)
    yield from _record_lines((*case.person.records, *case.person.memberships), current)


def _decision_lines(case: PersonCase) -> Iterable[str]:
    for decision in case.person_state.decisions:
        verdict = "owed" if decision.owed else "undecided" if decision.undecided else "not owed"
        yield f"  {decision.entitlement}: {verdict}: {decision.reason.en}"


def _owed_on_past_day(snapshot: Snapshot, id_: str) -> Iterable[str]:
    owed = [row for row in snapshot.outcome.owed if row.subject_id == id_]
    for row in owed:
        yield f"  {row.entitlement}: owed {row.count} at {row.unit}: {row.reason.en}"
    if not owed:
        yield "  owed nothing, as far as was known"


def _today_heading(snapshot: Snapshot) -> Iterable[str]:
    """The heading before what is not kept for past days."""
    if snapshot.as_of is not None:
        yield "today:"


# --- a device ---------------------------------------------------------------------------------------------------------


def _explain_device(snapshot: Snapshot, current: Snapshot, id_: str) -> Iterable[str]:
    case = next((case for case in current.outcome.devices if case.device.id == id_), None)
    if case is None:
        raise CommandError(f"{id_} is no device. Ids stand in: fleetsync devices")
    if snapshot.as_of is None:
        yield from _device_fact_lines(case, current)
    else:
        yield f"device {id_}"
    for assignment in snapshot.outcome.assignments:
        if assignment.device == id_:
            works = _works_word(assignment.works)
            yield f"  serves {_served_subject(assignment, current)}: {works}: {assignment.reason.en}"
    yield from _subject_gap_lines(snapshot, id_)
    yield from _today_heading(snapshot)
    if snapshot.as_of is not None:
        yield from _device_fact_lines(case, current)
    yield from _record_lines((*case.device.records, *case.device.superseded, *case.device.gone), current)


def _works_word(works: bool | None) -> str:
    return {True: "works", False: "does not work", None: "unknown whether it works"}[works]


def _served_subject(assignment: Assignment, current: Snapshot) -> str:
    """Which person, set or pool a device serves. A person who is hidden or unknown today is not named."""
    person_id = assignment.subject_id
    is_shown = assignment.by is not CoveredBy.OWN or any(
        case.person.id == person_id and person_id not in current.hidden for case in current.outcome.people
    )
    subject = assignment.subject_id if is_shown else "somebody not shown"
    return f"{subject} ({assignment.entitlement}, {assignment.by.value})"


def _past_assignment_lines(intervals: Iterable[AssignmentInterval], current: Snapshot) -> Iterable[str]:
    """What a device has served, as far back as the history is kept, the newest first."""
    for interval in intervals:
        since = f"{'before ' if interval.known_before else ''}{interval.since:%Y-%m-%d}"
        until = f"{interval.until:%Y-%m-%d}" if interval.until else "now"
        works = {True: "working", False: "not working", None: "unknown"}[interval.assignment.works]
        yield f"  served {_served_subject(interval.assignment, current)} from {since} to {until}, {works}"


def _correction_lines(application: Application, current: Snapshot, id_: str) -> Iterable[str]:
    """What people have corrected of a device, those that have ended included."""
    lookup = Lookup(view_for(current, FULL_SCOPE))
    for entered in manual_decisions(application).corrections({id_}):
        yield "  corrected: " + correction_text(entered, lookup).replace("\t", ", ")


def _device_fact_lines(case: DeviceCase, snapshot: Snapshot) -> Iterable[str]:
    device, placement, device_state = case.device, case.placement, case.device_state
    holder = "somebody not shown" if placement.holder in snapshot.hidden else placement.holder or "nobody"
    yield f"device {device.id}: {device.manufacturer or ''} {device.model or ''} ({device.platform.value}), serial {device.serial or 'none'}"
    yield f"  stage {device_state.stage.value if device_state.stage else 'ignored'} since {device_state.since:%Y-%m-%d}"
    yield f"  {_works_word(device_state.works)}: {device_state.works_reason.en}"
    yield f"  holder {holder}: {placement.holder_reason.en}"
    yield f"  purpose {placement.purpose.value}: {placement.purpose_reason.en}"
    yield f"  unit {placement.unit}: {placement.unit_reason.en}"
    people = {each.person.id: each.person for each in snapshot.outcome.people}
    yield from _disagreement_lines(device_disagreements(case, people, snapshot.context), snapshot)


def _disagreement_lines(disagreements: Iterable[Disagreement], snapshot: Snapshot) -> Iterable[str]:
    """What the sources say differently: each value with its source, which counts, and by which rule."""
    for disagreement in disagreements:
        is_of_person = disagreement.field == "holder"
        claims = (
            f"{claim.by.en} says {'somebody not shown' if is_of_person and claim.value in snapshot.hidden else claim.value}"
            f"{' (counts)' if claim.counts else ''}"
            for claim in disagreement.claims
        )
        yield f"  {disagreement.field}: {', '.join(claims)}; {disagreement.rule.en}"


def _record_lines(records: Iterable[BelievedRecord], snapshot: Snapshot) -> Iterable[str]:
    """The records behind a person or device, with the last complete pull of their part."""
    pulled = {part.name: part.last_complete_at for part in snapshot.outcome.parts}
    for known in records:
        state = (
            "gone" if known.gone else f"absent since {known.absent_since:%Y-%m-%d}" if known.absent_since else "present"
        )
        what = known.record.membership.value if isinstance(known.record, MembershipRecord) else "record"
        at = pulled.get(f"{known.source}/{known.part}")
        last = f", last pulled {at:%Y-%m-%d %H:%M} UTC" if at else ""
        yield f"  {what} of {known.source}/{known.part}, first seen {known.first_seen:%Y-%m-%d}, {state}{last}"


# --- a gap ------------------------------------------------------------------------------------------------------------


def _explain_gap(snapshot: Snapshot, _current: Snapshot, id_: str) -> Iterable[str]:
    kind, _, subject_id = id_.partition(":")
    if not any(episode.key == (kind, subject_id) for episode in snapshot.outcome.episodes):
        raise CommandError(f"{id_} is no open gap. Write KIND:ID as in: fleetsync gaps")
    return _subject_gap_lines(snapshot, subject_id, kind)


def _subject_gap_lines(snapshot: Snapshot, subject_id: str, kind: str | None = None) -> Iterable[str]:
    from fleetsync.core.lifecycle import GAPS

    by_id = {gap.id: gap for gap in GAPS}
    for episode in snapshot.outcome.episodes:
        if episode.subject_id == subject_id and kind in (None, episode.kind):
            since = "since before the first pull" if episode.known_before else f"since {episode.opened_at:%Y-%m-%d}"
            gap = by_id[episode.kind]
            yield f"  gap {episode.kind} ({gap.title.en}) {since}: {episode.reason.en}"
            yield f"    what to do: {gap.remedy.en}"


COMMANDS = {"explain": explain}
