"""The command `demo`: shows Exempelby, an invented municipality, on this machine.

Its systems answer on loopback, some of its past days are replayed, and the real daemon then serves its page and lives on.
"""

from datetime import datetime
from pathlib import Path

import click

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.demo.mornings import ZONE, first_run_at
from fleetsync.demo.start_year import START_YEAR, school_year_shown_on

DEFAULT_DAYS = 45


@click.command(
    help="Show Exempelby, an invented municipality: its systems on loopback, its past replayed, the real daemon."
)
@click.option(
    "--days", type=click.IntRange(0, 450), default=DEFAULT_DAYS, show_default=True, help="Past days to replay."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8470,
    show_default=True,
    help="Port of the page; 0 takes any free port.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed makes other people and devices.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep everything there. Default: keep nothing."
)
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Show the morning of another day. Default: the real time.",
)
@click.option("--every-day", is_flag=True, help="Replay every past day, not one a week before the last seven days.")
@click.option("--staff-only", is_flag=True, help="Without pupils and children: a tenth of the rows.")
@click.option(
    "--with-monitoring",
    is_flag=True,
    help="Start Prometheus, Alertmanager and Grafana beside it, as far as they are installed.",
)
def demo(
    days: int,
    port: int,
    seed: int,
    folder: Path | None,
    today: datetime | None,
    *,
    every_day: bool,
    staff_only: bool,
    with_monitoring: bool,
) -> None:
    """Everybody in it is invented. Ctrl-C stops it, and nothing is left unless a folder was named."""
    log.setup("ERROR")  # failures of the past are planted on purpose; the page shows them
    clock = Clock() if today is None else Clock.moved_to(first_run_at(today.date()))
    # Before the import: the modules that describe the municipality are for one school year.
    START_YEAR.choose(school_year_shown_on(clock.now().astimezone(ZONE).date()))
    from fleetsync.cli.demo_run import DemoRequest, run_demo

    run_demo(DemoRequest(clock, days, port, seed, folder, every_day, staff_only, with_monitoring))


COMMANDS = {"demo": demo}
