"""The command `demo`: shows Exempelby, an invented municipality, on this machine.

Its systems answer on loopback, some of its past days are replayed, and the real daemon then serves its page.
"""

import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from fleetsync import log
from fleetsync.cli.accounts import hash_password
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.output import LANGUAGE
from fleetsync.cli.progress import showing
from fleetsync.clock import Clock
from fleetsync.core.model import Text
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.daemon.http_servers import PAGE_THREADS, Server
from fleetsync.daemon.service import Daemon
from fleetsync.demo.configuration import MUNICIPALITY_NAME
from fleetsync.demo.replay import TODAY, DemoEnvironment, first_run_at, publish_all_units, replay
from fleetsync.expose.web.starting import StartProgress, starting_wsgi
from fleetsync.settings import Settings
from fleetsync.settings.listening import ListenAddress

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
    log.setup("ERROR")  # failures of the past are planted on purpose; the page shows them
    with ExitStack() as resources:
        server = _open_page_server(port)  # first of all, since everything else takes a while
        resources.callback(server.stop)
        progress = ReplayProgress()
        server.serve(starting_wsgi(MUNICIPALITY_NAME, progress.shown))
        parent = folder or Path(resources.enter_context(TemporaryDirectory(prefix="fleetsync-demo-")))
        environment = DemoEnvironment(parent, seed, f"{LOOPBACK}:{server.port}", with_schools=not staff_only)
        settings = resources.enter_context(environment.open())
        click.echo(
            f"Exempelby is an invented municipality: {len(settings.units)} units, {len(settings.sources)} sources."
        )
        click.echo(f"Its files are {'kept' if folder else 'until the end'} in {parent}")
        click.echo(_welcome(f"http://{LOOPBACK}:{server.port}", _create_demo_account(environment, settings)))
        publish_all_units(environment, settings)
        replaying = resources.enter_context(ExitStack())
        replaying.enter_context(showing(progress.lines))
        weekly_before = None if every_day else TODAY - timedelta(days=DAYS_REPLAYED_DAILY)
        replay(environment, settings, TODAY - timedelta(days=days), TODAY, progress.record, weekly_before=weekly_before)
        environment.clock = Clock.moved_to(first_run_at(TODAY))
        daemon = Daemon(settings, environment.clock, server)

        def announce() -> None:
            replaying.close()
            click.echo(f"On the page it is {TODAY}. Ctrl-C stops the demo.")

        daemon.run(announce)


def _open_page_server(port: int) -> Server:
    """A server at *port*, or at a free one for 0. Raises CommandError when the port is in use."""
    try:
        return Server(ListenAddress(LOOPBACK, port), PAGE_THREADS)
    except OSError as error:
        raise CommandError(
            f"port {port} of {LOOPBACK} cannot be used ({error.strerror}). Stop the program that uses it, "
            'or take any free port: fleetsync demo --port 0, or make run ARGS="--port 0"',
            EXIT_UNUSABLE,
        ) from None


class ReplayProgress:
    """How many of the past days have been replayed: printed, and shown on the page."""

    def __init__(self) -> None:
        self._shown = StartProgress(
            Text(
                sv="Exempelbys förflutna spelas upp: den första dagen läses.",
                en="The past of Exempelby is being replayed: its first day is being read.",
            ),
            done=0,
            total=1,
        )

    def shown(self) -> StartProgress:
        """The progress as the page shows it."""
        return self._shown

    def record(self, day: date, number: int, of: int) -> None:
        """*day*, the *number*th of *of* days, has been replayed."""
        step = Text(
            sv=f"Exempelbys förflutna spelas upp: dag {number} av {of}, den {day}.",
            en=f"The past of Exempelby is being replayed: day {number} of {of}, {day}.",
        )
        self._shown = StartProgress(step, number, of)
        if number in (1, of) or number % 10 == 0:
            click.echo(f"replayed {day} ({number} of {of})")

    def lines(self) -> Sequence[str]:
        """The progress as it is shown between the days that are printed."""
        return [self._shown.step.in_language(LANGUAGE)]


def _create_demo_account(environment: DemoEnvironment, settings: Settings) -> str:
    """Gives the demo's account a new password, which is returned."""
    password = secrets.token_urlsafe(9)
    with open_configured_ledger(settings, environment.clock) as ledger:
        if ledger.account(DEMO_ACCOUNT) is not None:
            ledger.set_password(DEMO_ACCOUNT, hash_password(password))
        else:
            ledger.add_account(DEMO_ACCOUNT, hash_password(password), "technician")
    return password


def _welcome(address: str, password: str) -> str:
    return (
        f"\n  page      {address}\n  name      {DEMO_ACCOUNT}\n  password  {password}\n  metrics   {address}/metrics\n\n"
        "The page is there already. It says how much of the past has been replayed, and then shows the numbers."
    )


COMMANDS = {"demo": demo}
