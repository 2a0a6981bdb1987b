"""correct, uncorrect, corrections: facts that a person knows better than the sources."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import click

from fleetsync.cli.application import open_application
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.manual_decisions import current_lookup, manual_decisions
from fleetsync.cli.operator import REASON_OPTION, operator_name
from fleetsync.core.model import COUNT_FIELD, CorrectedField, Correction, DeviceCount
from fleetsync.daemon.composition import Application
from fleetsync.expose import decision_checks
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.manual_decisions import EnteredCorrection, fields_in_force

NOBODY = "nobody"
ENDINGS: Mapping[str, str] = {
    "taken_back": "taken back",
    "replaced": "replaced",
    "agreed": "ended, the sources say the same,",
}


@click.command(
    help="State a fact that the sources have wrong. SUBJECT is a device of fleetsync devices; for --count a set or pool of fleetsync assignments."
)
@click.argument("subject")
@click.option("--holder", metavar="PERSON", help="Who holds the device: an id of fleetsync people, or nobody.")
@click.option("--unit", help="At which unit the device is.")
@click.option("--purpose", help=f"What the device is for: {', '.join(decision_checks.CORRECTED_PURPOSES)}.")
@click.option("--condition", help=f"Its condition: {', '.join(decision_checks.CORRECTED_CONDITIONS)}.")
@click.option("--count", type=int, help="How many devices of the set or pool are there and work.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Default: the end of the term.")
@REASON_OPTION
@click.pass_context
def correct(
    ctx: click.Context, /, subject: str, count: int | None, until: datetime | None, reason: str, **facts: str | None
) -> None:
    """It outranks the sources until its last day, and ends when they say the same. To take it back: fleetsync uncorrect."""
    with open_application(ctx) as application:
        lookup = current_lookup(application)
        last_day = None if until is None else until.date()
        if count is not None:
            if any(value is not None for value in facts.values()):
                raise CommandError(
                    "--count is of a set or pool, and the other facts are of a device: state them by two commands",
                    EXIT_UNUSABLE,
                )
            entries: list[Correction | DeviceCount] = [_counted(application, lookup, subject, count, last_day, reason)]
        else:
            entries = [*_corrected(application, lookup, subject, facts, last_day, reason)]
        decisions = manual_decisions(application)
        for entry in entries:
            number = decisions.correct(entry, who=operator_name())
            field = COUNT_FIELD if isinstance(entry, DeviceCount) else entry.field
            click.echo(f"correction {number}: {field} of {subject} is corrected until {entry.until}")


def _counted(
    application: Application, lookup: Lookup, subject: str, count: int, until: date | None, reason: str
) -> DeviceCount:
    share = decision_checks.shared_share(lookup, subject)
    last_day = until or decision_checks.usual_end(lookup, share.unit)
    entry = DeviceCount(subject_id=subject, count=count, until=last_day, reason=reason)
    decision_checks.check_count(lookup, entry, is_corrected=bool(_fields_in_force(application, lookup, subject)))
    return entry


def _corrected(
    application: Application,
    lookup: Lookup,
    device: str,
    facts: Mapping[str, str | None],
    until: date | None,
    reason: str,
) -> Iterable[Correction]:
    case = lookup.devices.get(device)
    if case is None:
        raise CommandError(f"{device} is no device. Ids stand in: fleetsync devices", EXIT_UNUSABLE)
    given: dict[CorrectedField, str] = {
        field: value for field in decision_checks.CORRECTED_FIELDS if (value := facts[field]) is not None
    }
    if not given:
        raise CommandError(
            "nothing is stated. Name a fact: --holder, --unit, --purpose, --condition or --count", EXIT_UNUSABLE
        )
    last_day = until or decision_checks.usual_end(lookup, case.placement.unit)
    corrected = _fields_in_force(application, lookup, device)
    for field, value in given.items():
        stated = "" if (field, value) == ("holder", NOBODY) else value
        entry = Correction(device=device, field=field, value=stated, until=last_day, reason=reason)
        decision_checks.check_correction(lookup, case, entry, corrected)
        yield entry


def _fields_in_force(application: Application, lookup: Lookup, subject: str) -> frozenset[str]:
    return fields_in_force(manual_decisions(application).corrections({subject}), lookup.visible.today)


@click.command(help="Take corrections back. NUMBER is one of fleetsync corrections.")
@click.argument("numbers", metavar="NUMBER…", type=click.IntRange(1, 2**63 - 1), nargs=-1, required=True)
@click.pass_context
def uncorrect(ctx: click.Context, numbers: tuple[int, ...]) -> None:
    """From now on the sources count again."""
    with open_application(ctx) as application:
        decisions = manual_decisions(application)
        for number in numbers:
            taken = decisions.take_back(number, who=operator_name())
            click.echo(f"correction {number} of {taken.subject_id} is taken back")


@click.command(help="What people have corrected: in force, expired, and ended.")
@click.pass_context
def corrections(ctx: click.Context) -> None:
    """Those in force first, then the newest."""
    with open_application(ctx) as application:
        lookup = current_lookup(application)
        entered = manual_decisions(application).corrections()
        for each in entered:
            click.echo(f"{each.number}\t{each.subject_id}\t{correction_text(each, lookup)}")
        if not entered:
            click.echo("nothing is corrected. To correct a fact: fleetsync correct --help")


def correction_text(entered: EnteredCorrection, lookup: Lookup) -> str:
    """A correction in one line, tab-separated: what it says, whether it counts, who entered it and why."""
    value = entered.value or NOBODY
    if entered.field == "holder" and entered.value and lookup.person(entered.value) is None:
        value = "somebody not shown"
    state = _state(entered, lookup.visible.today)
    return f"{entered.field} {value}\t{state}\tby {entered.who} {entered.at:%Y-%m-%d}: {entered.reason}"


def _state(entered: EnteredCorrection, today: date) -> str:
    if entered.ended_at is not None:
        return f"{ENDINGS[entered.ended_how]} {entered.ended_at:%Y-%m-%d}"
    return f"in force until {entered.until}" if entered.is_in_force(today) else f"expired {entered.until}"


COMMANDS = {"correct": correct, "uncorrect": uncorrect, "corrections": corrections}
