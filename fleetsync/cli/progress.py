"""Shows on stderr that a command works: what it does, how far it is, and what it waits for.

On a terminal one line that is drawn anew, elsewhere a line now and then: nobody should look at a quiet terminal for half a
minute, nor at a quiet log of a job.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

import click

from fleetsync.cli.output import LANGUAGE
from fleetsync.core.pull_progress import duration_text, progress_sentence
from fleetsync.sync import RunContext

LINE_SECONDS = 15.0
REDRAW_SECONDS = 1.0
_BEGIN_LINE = "\r\x1b[K"  # to its beginning, and nothing on it


@contextmanager
def showing_pulls(run_context: RunContext) -> Iterator[None]:
    """While the block runs: how far each pull is; between and after the pulls, that what was read is being worked on."""
    begun = run_context.clock.monotonic()

    def lines() -> Sequence[str]:
        return pull_lines(run_context, run_context.clock.monotonic() - begun)

    with showing(lines):
        yield


def pull_lines(run_context: RunContext, seconds: float) -> Sequence[str]:
    """A line for each pull under way; one if there is none, *seconds* after the work began."""
    under_way = run_context.runner.under_way.progress()
    if not under_way:
        return [f"what was read is being judged and counted, {duration_text(seconds)}"]
    return [f"{progress.name}: {progress_sentence(progress).in_language(LANGUAGE)}" for progress in under_way]


@contextmanager
def showing(lines: Callable[[], Sequence[str]], seconds_between: float = LINE_SECONDS) -> Iterator[None]:
    """While the block runs, show what *lines* gives every so often."""
    end = Event()
    is_terminal = sys.stderr.isatty()
    every, show = (REDRAW_SECONDS, _redraw) if is_terminal else (seconds_between, _print)

    def show_until_end() -> None:
        while not end.wait(every):
            show(lines())

    thread = Thread(target=show_until_end, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        if is_terminal:
            click.echo(_BEGIN_LINE, nl=False, err=True)


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(f"fleetsync: {line}", err=True)


def _redraw(lines: Sequence[str]) -> None:
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    width = shutil.get_terminal_size().columns - len(more) - 1
    click.echo(f"{_BEGIN_LINE}{lines[0][:width]}{more}", nl=False, err=True)
