"""How a command fails: a sentence with the remedy on stderr and an exit code, never a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

EXIT_ATTENTION = 1
EXIT_UNUSABLE = 2
EXIT_INTERRUPTED = 130

NO_SOURCE = (
    "no source is configured, so there is nothing to read. Add a [[source]] table to {file}; fleetsync init writes one "
    "for each kind that you name"
)

# Errors whose text is meant for the user: module, name, exit code. The first that fits counts.
_KNOWN_ERRORS = (
    ("fleetsync.settings.errors", "SettingsError", EXIT_UNUSABLE),
    ("fleetsync.schedule", "ScheduleError", EXIT_UNUSABLE),
    ("fleetsync.expose.web", "WebRefused", EXIT_UNUSABLE),
    ("fleetsync.store.errors", "StoreError", EXIT_ATTENTION),
    ("fleetsync.pull.contract", "PullError", EXIT_ATTENTION),
    ("fleetsync.expose.decision_checks", "DecisionRefused", EXIT_UNUSABLE),
    ("fleetsync.expose.ports", "DecisionError", EXIT_ATTENTION),
)


class CommandError(click.ClickException):
    """Ends a command with a message. The exit codes are explained in `fleetsync.cli`."""

    def __init__(self, message: str, exit_code: int = EXIT_ATTENTION) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it on the class and reads it on the instance

    def show(self, file: object = None) -> None:
        """Print the message."""
        for line in self.message.splitlines():
            click.echo(f"fleetsync: {line}", err=True)


@contextmanager
def report_errors() -> Iterator[None]:
    """Turns every exception into a message and an exit code: known errors with their remedy, others as our own fault."""
    try:
        yield
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - no traceback may reach a user
        sys.exit(_report_error(error))


def _report_error(error: Exception) -> int:
    known = _as_command_error(error)
    if known is not None:
        known.show()
        return known.exit_code
    from fleetsync import log

    if log.is_set_up():  # before that, structlog's defaults would print local variables
        log.get(__name__).debug("an error of our own", exc_info=error)
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_filename.rpartition('fleetsync/')[2]}:{where.tb_lineno}" if where else "?"
    # The error's text is left out: it may hold a value of a record.
    CommandError(
        f"an error of our own, {type(error).__name__} at {place}. Nothing believed was changed by it. "
        "Report this line with the version (fleetsync --version) and what --log-level DEBUG adds"
    ).show()
    return EXIT_ATTENTION


def _as_command_error(error: Exception) -> CommandError | None:
    for module, name, exit_code in _KNOWN_ERRORS:
        # A module that nothing has imported cannot have raised; importing it here would cost more than most commands.
        loaded = sys.modules.get(module)
        if loaded is not None and isinstance(error, getattr(loaded, name)):
            return CommandError(str(error), exit_code)
    return None
