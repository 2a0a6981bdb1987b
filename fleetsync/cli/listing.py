"""coverage, gaps, devices, people, assignments, hand-out, collect, repair, sources: the lists of the page, on the command line."""

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import click
import msgspec

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.output import FORMATS, LANGUAGE, PrintedList, print_list
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.composition import Application
from fleetsync.daemon.ledger_ports import LedgerHistory
from fleetsync.expose.gate import VisibleSnapshot, view_for, visible_previous_holders
from fleetsync.expose.lists import COMMAND_LISTS, SOURCES, ListContext, ListDefinition
from fleetsync.expose.lists.row_index import RowIndex
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.report import DIALECTS
from fleetsync.expose.scope import FULL_SCOPE, Permission

MAX_TERMINAL_ROWS = 200
HELP = {
    "coverage": "Per unit and entitlement: entitled, assigned, covered, unknown, short.",
    "gaps": "What is wrong: severe gaps first, then the oldest.",
    "devices": "Devices: what they are for, where, and whether they work.",
    "people": "Persons by id, with what they are owed and have.",
    "assignments": "Which device serves which person, set or pool.",
    "hand-out": "To hand out: who lacks a device, or waits for one that is in repair.",
    "collect": "To take back: devices of leavers, second ones, loans that are no longer needed.",
    "repair": "To repair: what is in repair, with the loan meanwhile, and what does not work.",
    "sources": "Every part of every source: how old its content is, and its state.",
}


def _output_options(command: Any) -> Any:
    command = click.option("--format", "form", type=click.Choice(FORMATS), help="Default: table on a terminal.")(
        command
    )
    command = click.option(
        "--csv-dialect", "dialect", type=click.Choice(sorted(DIALECTS)), default="excel-sv", show_default=True
    )(command)
    return click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")(
        command
    )


AS_OF_OPTION = click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="What was known at the end of that day."
)


def snapshot_of(application: Application, as_of: datetime | None) -> Snapshot:
    """The current snapshot, or what was published on a past day. Raises CommandError for a day without numbers."""
    now = sync.rebuild_snapshot(application.run_context)
    return now if as_of is None else past_snapshot(application, now, as_of)


def past_snapshot(application: Application, now: Snapshot, as_of: datetime) -> Snapshot:
    """What was published on a past day. Raises CommandError for a day without numbers."""
    day = as_of.date()
    past = LedgerHistory(lambda: application.run_context, lambda: now).past(day)
    if past is None:
        raise CommandError(f"nothing is known of {day}: {_why_nothing_known(application, day)}")
    return past


def _why_nothing_known(application: Application, day: date) -> str:
    first = application.ledger.first_day()
    if day > application.run_context.moment().today:
        return "it is yet to come"
    return f"the first day with numbers is {first}" if first else "there are no numbers yet; run: fleetsync sync"


def list_context_of(application: Application, as_of: datetime | None) -> ListContext:
    """What the lists read on the command line: everything but log-ins, since nothing keeps who read them there.

    The snapshot is rebuilt when a list first needs it.
    """

    @cache
    def now() -> Snapshot:
        return sync.rebuild_snapshot(application.run_context)

    def open_day() -> VisibleSnapshot:
        return view_for(now() if as_of is None else past_snapshot(application, now(), as_of), FULL_SCOPE)

    return ListContext(
        scope=msgspec.structs.replace(FULL_SCOPE, permissions=FULL_SCOPE.permissions - {Permission.LOGINS}),
        today=application.run_context.moment().today,
        open_lookup=lambda: Lookup(view_for(now(), FULL_SCOPE)),
        open_day=open_day,
        open_parts=lambda: application.ledger.part_states(application.run_context.parts()),
        previous_holders=lambda devices: visible_previous_holders(
            LedgerHistory(lambda: application.run_context, now), FULL_SCOPE, devices
        ),
    )


def _list_command(definition: ListDefinition[Any]) -> click.Command:
    @click.pass_context
    def command(
        ctx: click.Context,
        /,
        form: str | None,
        output: Path | None,
        dialect: str,
        limit: int,
        as_of: datetime | None = None,
        **chosen: str | None,
    ) -> None:
        with open_application(ctx) as application:
            _check_unit_exists(application, chosen.get("unit"))
            context = list_context_of(application, as_of)
            choices = {key: value for key, value in chosen.items() if value is not None}
            index = RowIndex(definition, context)
            rows = index.select(choices, "", LANGUAGE)
            if index.hidden_rows:
                click.echo(
                    f"{index.hidden_rows} rows are of persons who are not shown; the numbers count them", err=True
                )
            printed = PrintedList(definition, rows, context, None if definition is SOURCES else context.visible.as_of)
            print_list(printed, form, output, limit or None, dialect)

    decorated = _output_options(command)
    decorated = click.option("--limit", default=MAX_TERMINAL_ROWS, help="Rows shown on a terminal; 0: all.")(decorated)
    for list_filter in definition.filters:
        option = click.option(f"--{list_filter.key}", help=f"{list_filter.title.en}: only rows with this value.")
        decorated = option(decorated)
    if definition.keeps_past_days:
        decorated = AS_OF_OPTION(decorated)
    return click.command(definition.name, help=HELP[definition.name])(decorated)


def _check_unit_exists(application: Application, unit: str | None) -> None:
    from fleetsync.settings import did_you_mean

    known = [configured.slug for configured in application.run_context.policy.units] + ["central", "unplaced"]
    if unit is not None and unit not in known:
        raise CommandError(f"--unit {unit}: there is no such unit.{did_you_mean(unit, known)}", EXIT_UNUSABLE)


COMMANDS: dict[str, click.Command] = {name: _list_command(definition) for name, definition in COMMAND_LISTS.items()}
