"""What most commands begin with: the configuration, the database, and the house built on both."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import click

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.daemon.composition import Application, build_application, clock_for, open_configured_ledger
from fleetsync.settings import Settings, load, unknown_environment
from fleetsync.store.ledger import Ledger


def load_settings(ctx: click.Context, *, is_daemon: bool = False) -> Settings:
    """The configuration the command line names; the log is set up by it. Raises SettingsError.

    A daemon speaks by its log. A command says itself what came of it, and its log is for errors of our own.
    """
    given: dict[str, Any] = ctx.obj
    settings = load(given["path"])
    level = given["log_level"] or ("INFO" if is_daemon else "ERROR")
    log.setup(level, secrets=settings.secret_texts(), to=sys.stdout if is_daemon else sys.stderr)
    for name in unknown_environment(settings):
        click.echo(f"fleetsync: the environment variable {name} is not known and was not read", err=True)
    return settings


@contextmanager
def open_application(ctx: click.Context) -> Iterator[Application]:
    """The house, closed afterwards."""
    settings = load_settings(ctx)
    clock = clock_for(settings)
    with open_configured_ledger(settings, clock) as ledger:
        yield build_application(settings, clock, ledger, Event())


@contextmanager
def open_ledger_only(ctx: click.Context) -> Iterator[tuple[Ledger, Clock]]:
    """The database alone, for what needs no source."""
    settings = load_settings(ctx)
    clock = clock_for(settings)
    with open_configured_ledger(settings, clock) as ledger:
        yield ledger, clock
