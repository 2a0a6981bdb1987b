"""headcount: types how many persons a unit has, takes such a number back, and lists what was typed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

import click

from fleetsync import sync
from fleetsync.cli.application import open_application
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.operator import operator_name
from fleetsync.cli.progress import showing_pulls
from fleetsync.cli.pull_output import part_states_by_name
from fleetsync.cli.syncing import print_and_exit
from fleetsync.daemon.composition import Application
from fleetsync.daemon.head_counts import HeadCounts
from fleetsync.expose.ports import CountedGroup, DecisionError, TypedCount

UNIT_ARGUMENT = click.argument("unit")
GROUP_ARGUMENT = click.argument("whom", type=click.Choice([group.value for group in CountedGroup]))
FORM_OPTION = click.option("--school-form", default="", metavar="FORM", help="FS, FKLASS, GR …; none for staff.")
YEAR_OPTION = click.option("--year", type=int, help="The school year; left out: all together.")
DAY_OPTION = click.option(
    "--on", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="The day of the count; left out: today."
)


@click.group(help="Type how many persons a unit has, where no register is read.")
def headcount() -> None:
    """The numbers are kept in the file of the source of kind headcount that has typed = true."""


@headcount.command(name="list", help="What was typed, the newest first.")
@click.pass_context
def list_counts(ctx: click.Context) -> None:
    """Print every number with its day and who answers for it."""
    with open_application(ctx) as application, _refused_as_command_error():
        counts = HeadCounts(lambda: application, lambda _: None).typed_counts()
    for count in counts:
        click.echo(f"{_place(count)}, {count.counted_on}: {count.heads} ({count.counted_by})")
    if not counts:
        click.echo("no number has been typed")


@headcount.command(name="set", help="Type the number of a unit. WHOM is children (of FS), pupils or staff.")
@UNIT_ARGUMENT
@GROUP_ARGUMENT
@click.argument("heads", type=int)
@FORM_OPTION
@YEAR_OPTION
@DAY_OPTION
@click.option("--by", "counted_by", required=True, metavar="FUNCTION", help="Who answers for it, such as a principal.")
@click.pass_context
def set_count(
    ctx: click.Context,
    unit: str,
    whom: str,
    heads: int,
    school_form: str,
    year: int | None,
    on: datetime | None,
    counted_by: str,
) -> None:
    """Keep the number and have its source read it. A number of the same day is replaced."""
    with open_application(ctx) as application:
        count = TypedCount(
            unit=unit,
            whom=CountedGroup(whom),
            school_form=school_form.upper(),
            year=year,
            heads=heads,
            counted_on=_day(application, on),
            counted_by=counted_by,
        )
        changed: list[str] = []
        with _refused_as_command_error():
            replaced = HeadCounts(lambda: application, changed.append).enter(count, who=operator_name())
        instead = "" if replaced is None else f", in place of {replaced.heads}"
        click.echo(f"{_place(count)}, {count.counted_on}: {heads} is kept{instead}")
        _read_typed(application, changed)


@headcount.command(help="Take a number back, so that the one before it counts.")
@UNIT_ARGUMENT
@GROUP_ARGUMENT
@FORM_OPTION
@YEAR_OPTION
@DAY_OPTION
@click.pass_context
def remove(ctx: click.Context, unit: str, whom: str, school_form: str, year: int | None, on: datetime | None) -> None:
    """Remove the number of a day."""
    with open_application(ctx) as application:
        day, changed = _day(application, on), list[str]()
        head_counts = HeadCounts(lambda: application, changed.append)
        with _refused_as_command_error():
            counts = head_counts.typed_counts()
        wanted = (unit, CountedGroup(whom), school_form.upper(), year, day)
        count = next((each for each in counts if each.place_and_day == wanted), None)
        if count is None:
            raise CommandError(
                f"{unit}: no such number of {day}. See what was typed: fleetsync headcount list", EXIT_UNUSABLE
            )
        with _refused_as_command_error():
            head_counts.remove(count, who=operator_name())
        click.echo(f"{_place(count)}, {count.counted_on}: {count.heads} is taken back")
        _read_typed(application, changed)


def _read_typed(application: Application, names: Sequence[str]) -> None:
    """Read the sources of *names* now, and exit 1 if the guard holds what was typed, as after any pull."""
    due = [(source, part) for source in application.sources if source.name in names for part in source.parts]
    with showing_pulls(application.run_context):
        report = sync.run(application.run_context, due)
    print_and_exit(report, due, part_states_by_name(application))


@contextmanager
def _refused_as_command_error() -> Iterator[None]:
    try:
        yield
    except DecisionError as refusal:
        raise CommandError(str(refusal), EXIT_UNUSABLE) from None


def _day(application: Application, on: datetime | None) -> date:
    return on.date() if on is not None else application.run_context.moment().today


def _place(count: TypedCount) -> str:
    year = "" if count.year is None else f"year {count.year}"
    return " ".join(filter(None, (count.unit, count.whom, count.school_form, year)))


COMMANDS = {"headcount": headcount}
