"""coverage, gaps, devices, people, assignments, sources: the same lists as the page's."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.output import FORMATS, print_list
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.composition import Application
from fleetsync.daemon.ledger_ports import LedgerHistory
from fleetsync.expose import lists
from fleetsync.expose.report import DIALECTS

MAX_TERMINAL_ROWS = 200


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
    """What is true now, or what was published on a past day. Raises Told where nothing was."""
    now = sync.rebuild_snapshot(application.run_context)
    if as_of is None:
        return now
    day = as_of.date()
    found = LedgerHistory(lambda: application.run_context, lambda: now).past(day)
    if found is None:
        raise CommandError(f"nothing is known of {day}: {_why_nothing_known(application, day)}")
    return found


def _why_nothing_known(application: Application, day: date) -> str:
    first = application.ledger.first_day()
    if day > application.run_context.moment().today:
        return "it is yet to come"
    return f"the first day with numbers is {first}" if first else "there are no numbers yet; run: fleetsync sync"


def _list_command(name: str, about: str, *filters: str) -> click.Command:
    @click.pass_context
    def command(
        ctx: click.Context,
        /,
        form: str | None,
        output: Path | None,
        dialect: str,
        limit: int,
        as_of: Any = None,
        **wanted: Any,
    ) -> None:
        with open_application(ctx) as application:
            _check_unit_exists(application, wanted.get("unit"))
            snapshot = snapshot_of(application, as_of)
            print_list(lists.LISTS[name](snapshot, lists.OutputFilter(**wanted)), form, output, limit or None, dialect)

    made = _output_options(command)
    made = click.option("--limit", default=MAX_TERMINAL_ROWS, help="Rows shown on a terminal; 0: all.")(made)
    for word in filters:
        made = click.option(f"--{word}", help=f"Only this {word}.")(made)
    if name in lists.AS_OF_LISTS:
        made = AS_OF_OPTION(made)
    return click.command(name, help=about)(made)


def _check_unit_exists(application: Application, unit: str | None) -> None:
    from fleetsync.settings import did_you_mean

    known = [one.slug for one in application.run_context.policy.units] + ["central", "unplaced"]
    if unit is not None and unit not in known:
        raise CommandError(f"--unit {unit}: there is no such unit.{did_you_mean(unit, known)}", EXIT_UNUSABLE)


@click.command(help="Every part of every source: how old its content is, and what stands in its way.")
@click.pass_context
@_output_options
def sources(ctx: click.Context, form: str | None, output: Path | None, dialect: str) -> None:
    """Every part of every source."""
    with open_application(ctx) as application:
        print_list(
            lists.sources(application.ledger.part_states(application.run_context.parts())),
            form,
            output,
            dialect=dialect,
        )


COMMANDS: dict[str, click.Command] = {
    "coverage": _list_command(
        "coverage", "Per unit and entitlement: entitled, assigned, covered, unknown, short.", "unit", "entitlement"
    ),
    "gaps": _list_command("gaps", "What is wrong, oldest first.", "unit", "kind", "state"),
    "devices": _list_command(
        "devices", "Devices: what they are for, where, and whether they work.", "unit", "platform", "stage"
    ),
    "people": _list_command("people", "Persons by id, with what they are owed and have.", "unit", "entitlement"),
    "assignments": _list_command("assignments", "Which device serves whom or what.", "unit", "entitlement"),
    "sources": sources,
}
