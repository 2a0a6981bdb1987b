"""demo: Exempelby on this machine, its systems on loopback, its past replayed, the real daemon on it."""

import secrets
import socket
import sys
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from fleetsync import log
from fleetsync.cli.accounts import hash_password
from fleetsync.clock import Clock
from fleetsync.daemon.service import Daemon
from fleetsync.demo.replay import TODAY, DemoEnvironment, first_run_at, publish_all_units, replay

DEMO_ACCOUNT = "tekniker"
DEFAULT_DAYS = 45
DAYS_REPLAYED_DAILY = 7


@click.command(help="Exempelby, an invented municipality: its systems on loopback, its past replayed, the real daemon.")
@click.option(
    "--days", type=click.IntRange(0, 450), default=DEFAULT_DAYS, show_default=True, help="Past days to replay."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8470, show_default=True, help="Of the page; 0: any free one."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another Exempelby.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep everything there; default: nowhere."
)
@click.option("--every-day", is_flag=True, help="Live every past day; else one a week but for the last seven.")
@click.option("--staff-only", is_flag=True, help="Without pupils and children: a tenth of the rows.")
def demo(days: int, port: int, seed: int, folder: Path | None, *, every_day: bool, staff_only: bool) -> None:
    """Everybody in it is invented. Ctrl-C ends it, and leaves nothing behind unless a folder was named."""
    log.setup("ERROR")  # what goes wrong in the past is planted, and shows on the page
    with ExitStack() as kept:
        where = folder or Path(kept.enter_context(TemporaryDirectory(prefix="fleetsync-demo-")))
        town = DemoEnvironment(where, seed, f"127.0.0.1:{port or _free_port()}", with_schools=not staff_only)
        settings = kept.enter_context(town.open())
        click.echo(f"Exempelby, seed {seed}: {len(settings.units)} units, {len(settings.sources)} sources, in {where}")
        publish_all_units(town, settings)
        weekly_before = None if every_day else TODAY - timedelta(days=DAYS_REPLAYED_DAILY)
        replay(town, settings, TODAY - timedelta(days=days), TODAY, _print_progress, weekly_before=weekly_before)
        town.clock = Clock.moved_to(first_run_at(TODAY))
        daemon = Daemon(settings, town.clock)
        password = _create_demo_account(daemon)
        _run_daemon(daemon, password)


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def _print_progress(day: date, number: int, of: int) -> None:
    if sys.stdout.isatty():
        click.echo(f"\rreplaying {day} ({number} of {of})", nl=number == of)
    elif number in (1, of) or number % 10 == 0:
        click.echo(f"replaying {day} ({number} of {of})")


def _create_demo_account(daemon: Daemon) -> str:
    """An account that lives as long as the demo."""
    password = secrets.token_urlsafe(9)
    if daemon.ledger.account(DEMO_ACCOUNT) is not None:
        daemon.ledger.set_password(DEMO_ACCOUNT, hash_password(password))
    else:
        daemon.ledger.add_account(DEMO_ACCOUNT, hash_password(password), "technician")
    return password


def _run_daemon(daemon: Daemon, password: str) -> None:
    daemon.run(
        lambda: click.echo(
            f"\n  page      {daemon.address}\n  sign in   {DEMO_ACCOUNT} / {password}\n  metrics   {daemon.address}/metrics\n\n"
            "Ctrl-C ends it."
        )
    )


COMMANDS = {"demo": demo}
