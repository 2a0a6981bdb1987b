"""coverage, gaps, devices, people, assignments, sources: the same lists as the page's."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from fleetsync import sync
from fleetsync.cli.failing import UNUSABLE, Told
from fleetsync.cli.opening import opened
from fleetsync.cli.showing import FORMATS, show
from fleetsync.core.snapshot import Snapshot
from fleetsync.daemon.house import House
from fleetsync.daemon.services import LedgerHistory
from fleetsync.expose import lists
from fleetsync.expose.report import DIALECTS

TERMINAL_ROWS = 200


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


AS_OF = click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="What was known at the end of that day."
)


def snapshot_of(house: House, as_of: datetime | None) -> Snapshot:
    """What is true now, or what was published on a past day. Raises Told where nothing was."""
    now = sync.rebuilt(house.world)
    if as_of is None:
        return now
    day = as_of.date()
    found = LedgerHistory(lambda: house.world, lambda: now).past(day)
    if found is None:
        raise Told(f"nothing is known of {day}: {_known_days(house, day)}")
    return found


def _known_days(house: House, day: date) -> str:
    first = house.ledger.first_day()
    if day > house.world.moment().today:
        return "it is yet to come"
    return f"the first day with numbers is {first}" if first else "there are no numbers yet; run: fleetsync sync"


def _list(name: str, about: str, *filters: str) -> click.Command:
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
        with opened(ctx) as house:
            _refuse_unknown_unit(house, wanted.get("unit"))
            snapshot = snapshot_of(house, as_of)
            show(lists.LISTS[name](snapshot, lists.Filter(**wanted)), form, output, limit or None, dialect)

    made = _output_options(command)
    made = click.option("--limit", default=TERMINAL_ROWS, help="Rows shown on a terminal; 0: all.")(made)
    for word in filters:
        made = click.option(f"--{word}", help=f"Only this {word}.")(made)
    if name in lists.AS_OF_LISTS:
        made = AS_OF(made)
    return click.command(name, help=about)(made)


def _refuse_unknown_unit(house: House, unit: str | None) -> None:
    from fleetsync.settings import did_you_mean

    known = [one.slug for one in house.world.policy.units] + ["central", "unplaced"]
    if unit is not None and unit not in known:
        raise Told(f"--unit {unit}: there is no such unit.{did_you_mean(unit, known)}", UNUSABLE)


@click.command(help="Every part of every source: how old its content is, and what stands in its way.")
@click.pass_context
@_output_options
def sources(ctx: click.Context, form: str | None, output: Path | None, dialect: str) -> None:
    """Every part of every source."""
    with opened(ctx) as house:
        show(lists.sources(house.ledger.part_states(house.world.parts())), form, output, dialect=dialect)


COMMANDS: dict[str, click.Command] = {
    "coverage": _list(
        "coverage", "Per unit and entitlement: entitled, assigned, covered, unknown, short.", "unit", "entitlement"
    ),
    "gaps": _list("gaps", "What is wrong, oldest first.", "unit", "kind", "state"),
    "devices": _list(
        "devices", "Devices: what they are for, where, and whether they work.", "unit", "platform", "stage"
    ),
    "people": _list("people", "Persons by id, with what they are owed and have.", "unit", "entitlement"),
    "assignments": _list("assignments", "Which device serves whom or what.", "unit", "entitlement"),
    "sources": sources,
}
