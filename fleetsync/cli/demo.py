"""The command `demo`: shows Exempelby, an invented municipality, on this machine.

Its systems answer on loopback, some of its past days are replayed, and the real daemon then serves its page.
"""

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
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.clock import Clock
from fleetsync.daemon.service import Daemon
from fleetsync.demo.replay import TODAY, DemoEnvironment, first_run_at, publish_all_units, replay

DEMO_ACCOUNT = "tekniker"
DEFAULT_DAYS = 45
DAYS_REPLAYED_DAILY = 7
LOOPBACK = "127.0.0.1"


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
@click.option("--every-day", is_flag=True, help="Replay every past day, not one a week before the last seven days.")
@click.option("--staff-only", is_flag=True, help="Without pupils and children: a tenth of the rows.")
def demo(days: int, port: int, seed: int, folder: Path | None, *, every_day: bool, staff_only: bool) -> None:
    """Everybody in it is invented. Ctrl-C stops it, and nothing is left unless a folder was named."""
    listen = f"{LOOPBACK}:{_usable_port(port)}"
    log.setup("ERROR")  # failures of the past are planted on purpose; the page shows them
    with ExitStack() as resources:
        parent = folder or Path(resources.enter_context(TemporaryDirectory(prefix="fleetsync-demo-")))
        environment = DemoEnvironment(parent, seed, listen, with_schools=not staff_only)
        settings = resources.enter_context(environment.open())
        click.echo(
            f"Exempelby is an invented municipality: {len(settings.units)} units, {len(settings.sources)} sources."
        )
        click.echo(f"Its files are {'kept' if folder else 'until the end'} in {parent}")
        publish_all_units(environment, settings)
        weekly_before = None if every_day else TODAY - timedelta(days=DAYS_REPLAYED_DAILY)
        replay(environment, settings, TODAY - timedelta(days=days), TODAY, _print_progress, weekly_before=weekly_before)
        environment.clock = Clock.moved_to(first_run_at(TODAY))
        daemon = Daemon(settings, environment.clock)
        _run_daemon(daemon, _create_demo_account(daemon))


def _usable_port(port: int) -> int:
    """The port that the page can listen on; a free one for 0.

    Checked before the replay, which takes a while. Raises CommandError when the port is in use.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the daemon does
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise CommandError(
                f"port {port} of {LOOPBACK} cannot be used ({error.strerror}). Stop the program that uses it, "
                "or take any free port: fleetsync demo --port 0",
                EXIT_UNUSABLE,
            ) from None
        return int(probe.getsockname()[1])


def _print_progress(day: date, number: int, of: int) -> None:
    text = f"replayed {day} ({number} of {of})"
    if sys.stdout.isatty():
        click.echo(f"\r{text}", nl=number == of)
    elif number in (1, of) or number % 10 == 0:
        click.echo(text)


def _create_demo_account(daemon: Daemon) -> str:
    """Gives the demo's account a new password, which is returned."""
    password = secrets.token_urlsafe(9)
    if daemon.ledger.account(DEMO_ACCOUNT) is not None:
        daemon.ledger.set_password(DEMO_ACCOUNT, hash_password(password))
    else:
        daemon.ledger.add_account(DEMO_ACCOUNT, hash_password(password), "technician")
    return password


def _run_daemon(daemon: Daemon, password: str) -> None:
    daemon.run(lambda: click.echo(_welcome(daemon.address, password)))


def _welcome(address: str, password: str) -> str:
    return (
        f"\n  page      {address}\n  name      {DEMO_ACCOUNT}\n  password  {password}\n  metrics   {address}/metrics\n\n"
        f"On the page it is {TODAY}. Ctrl-C stops the demo."
    )


COMMANDS = {"demo": demo}
