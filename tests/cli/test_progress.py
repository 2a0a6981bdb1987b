"""A command that works says so now and then, also where there is no terminal."""

import io
import sys
from threading import Event

import pytest

from fleetsync.cli.progress import LINE_SECONDS, pull_lines, showing
from tests.flow.installation import Installation

MOST_QUIET_SECONDS = 20


class Terminal(io.StringIO):
    """A terminal that keeps what it was sent."""

    def isatty(self) -> bool:
        return True


def test_lines_come_until_the_work_ends_and_none_after(capsys: pytest.CaptureFixture[str]) -> None:
    asked, times = Event(), 0

    def lines() -> list[str]:
        nonlocal times
        times += 1
        if times == 3:
            asked.set()
        return [f"line {times}"]

    with showing(lines, seconds_between=0.01):
        assert asked.wait(30)
    shown = capsys.readouterr()

    assert shown.out == ""
    assert shown.err.splitlines()[:2] == ["fleetsync: line 1", "fleetsync: line 2"]
    assert len(shown.err.splitlines()) == times


def test_nobody_looks_at_a_quiet_terminal_for_long() -> None:
    assert LINE_SECONDS <= MOST_QUIET_SECONDS


def test_a_terminal_has_one_line_that_is_drawn_anew_and_is_empty_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, asked = Terminal(), Event()
    monkeypatch.setattr(sys, "stderr", terminal)

    def lines() -> list[str]:
        asked.set()
        return ["first " + "x" * 500, "second"]

    with showing(lines):
        assert asked.wait(30)
    shown = terminal.getvalue()

    assert "\n" not in shown
    assert "first xx" in shown
    assert "(and 1 more)" in shown
    assert shown.endswith("\r\x1b[K")


def test_between_the_pulls_it_is_said_that_what_was_read_is_worked_on(tmp_path) -> None:
    with Installation(tmp_path) as built, built.open() as opened:
        lines = pull_lines(opened.application.run_context, 65.0)

    assert lines == ["what was read is being judged and counted, 65 s"]
