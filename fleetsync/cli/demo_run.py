"""What the command `demo` does once the school year of Exempelby is chosen."""

import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from msgspec import Struct

from fleetsync.cli.accounts import hash_password
from fleetsync.cli.demo_monitoring import running_monitoring
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.output import LANGUAGE
from fleetsync.cli.progress import showing
from fleetsync.clock import Clock
from fleetsync.core.model import Text
from fleetsync.daemon.configured_ledger import open_configured_ledger
from fleetsync.daemon.http_servers import PAGE_THREADS, Server
from fleetsync.daemon.service import Daemon
from fleetsync.demo.configuration import MUNICIPALITY_NAME
from fleetsync.demo.days import SCHOOLS, WORLD_BEGINS
from fleetsync.demo.mornings import ZONE, last_morning
from fleetsync.demo.replay import DemoEnvironment, delivering_each_morning, publish_all_units, replay
from fleetsync.expose.web.localiser import Localiser
from fleetsync.expose.web.starting import StartProgress, starting_wsgi
from fleetsync.settings import Settings
from fleetsync.settings.listening import ListenAddress

DEMO_ACCOUNT = "tekniker"
DAYS_REPLAYED_DAILY = 7
LOOPBACK = "127.0.0.1"
_SWEDISH, _ENGLISH = (Localiser(language, ZONE.key) for language in ("sv", "en"))


class DemoRequest(Struct, frozen=True):
    """What was asked for. *clock*: shows the time to which the past is replayed, and runs on from there.

    *days*: past days to replay. *port*: 0 for any. *folder*: where everything is kept; None: nothing is.
    """

    clock: Clock
    days: int
    port: int
    seed: int
    folder: Path | None
    every_day: bool
    staff_only: bool
    with_monitoring: bool


def run_demo(request: DemoRequest) -> None:
    """Show the municipality until a signal ends it. Raises CommandError when the port is in use."""
    with ExitStack() as resources:
        server = _open_page_server(request.port)  # first of all, since everything else takes a while
        resources.callback(server.stop)
        progress = ReplayProgress()
        server.serve(starting_wsgi(MUNICIPALITY_NAME, progress.shown))
        parent = request.folder or Path(resources.enter_context(TemporaryDirectory(prefix="fleetsync-demo-")))
        address = f"{LOOPBACK}:{server.port}"
        environment = DemoEnvironment(parent, request.seed, address, with_schools=not request.staff_only)
        settings = resources.enter_context(environment.open())
        click.echo(
            f"Exempelby is an invented municipality: {len(settings.units)} units, {len(settings.sources)} sources."
        )
        click.echo(f"Its files are {'kept' if request.folder else 'until the end'} in {parent}")
        click.echo(_welcome(f"http://{address}", _create_demo_account(environment, settings)))
        publish_all_units(environment, settings)
        _replay(request, environment, settings, progress)
        resources.enter_context(delivering_each_morning(environment))

        def announce() -> None:
            if request.with_monitoring:
                for line in resources.enter_context(running_monitoring(parent / "monitoring", address)):
                    click.echo(line)
            click.echo(_running_text(request.clock))

        Daemon(settings, environment.clock, server).run(announce)


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


def _replay(request: DemoRequest, environment: DemoEnvironment, settings: Settings, progress: "ReplayProgress") -> None:
    """Replay the past days up to the last morning of the request's clock, which the environment then has."""
    last = last_morning(request.clock.now())
    first = last - timedelta(days=request.days)
    if SCHOOLS.is_in_break(first):  # what registers delete in a summer is known only to an installation that ran before
        first = SCHOOLS.at_or_before(first)
    first = max(WORLD_BEGINS, first)
    weekly_before = None if request.every_day else last - timedelta(days=DAYS_REPLAYED_DAILY)
    with showing(progress.lines):
        replay(environment, settings, first, last, progress.record, weekly_before=weekly_before)
    environment.clock = request.clock
    click.echo(f"Its past is replayed, from {first} to {last}.")


def _running_text(clock: Clock) -> str:
    if clock.is_moved:
        return f"On the page it is {clock.now().astimezone(ZONE).date()}. Ctrl-C stops the demo."
    return "From here on Exempelby lives: its sources are read by the clock. Ctrl-C stops the demo."


class ReplayProgress:
    """How many of the past days have been replayed: shown in the terminal and on the page."""

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
            sv=f"Exempelbys förflutna spelas upp: dag {number} av {of}, {_SWEDISH.long_day(day)}.",
            en=f"The past of Exempelby is being replayed: day {number} of {of}, {_ENGLISH.long_day(day)}.",
        )
        self._shown = StartProgress(step, number, of)

    def lines(self) -> Sequence[str]:
        """The progress as the terminal shows it."""
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
