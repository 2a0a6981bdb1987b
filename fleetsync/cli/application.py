"""What most commands begin with: load the configuration, then open the database or the whole application."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.settings import Settings, load, unknown_environment

if TYPE_CHECKING:
    from fleetsync.daemon.composition import Application
    from fleetsync.store.ledger import Ledger


def load_settings(ctx: click.Context, *, is_daemon: bool = False) -> Settings:
    """The configuration that the command line names. Also sets up the log. Raises SettingsError.

    A daemon logs to stdout. A command prints its results itself and logs only errors, to stderr.
    """
    given: dict[str, Any] = ctx.obj
    settings = load(given["path"])
    level = given["log_level"] or ("INFO" if is_daemon else "ERROR")
    log.setup(level, secrets=settings.secret_texts(), to=sys.stdout if is_daemon else sys.stderr)
    for name in unknown_environment(settings):
        click.echo(f"fleetsync: the environment variable {name} is not known and was not read", err=True)
    return settings


@contextmanager
def open_application(ctx: click.Context) -> Iterator["Application"]:
    """The application of the configuration that the command line names. Its database is closed afterwards."""
    from fleetsync.daemon import composition

    with composition.open_application(load_settings(ctx)) as application:
        yield application


@contextmanager
def open_ledger_only(ctx: click.Context) -> Iterator[tuple["Ledger", Clock]]:
    """The database and the clock alone, for commands that need no source."""
    from fleetsync.daemon.configured_ledger import clock_for, open_configured_ledger

    settings = load_settings(ctx)
    clock = clock_for(settings)
    with open_configured_ledger(settings, clock) as ledger:
        yield ledger, clock
