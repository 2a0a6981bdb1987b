"""What is aimed at, as a table of values, and the Markdown table of what was measured."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

Figures = Mapping[str, float | None]  # key of a goal → what was measured; None: an answer was wrong, so it has no worth


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. *limit*: the highest figure that meets the goal; None: the figure is only told.

    *share_of_before*: instead of a limit, the highest share of the figure that was measured before. *at_size*: the size
    that the limit is meant for; None: any.
    """

    key: str
    what: str
    unit: str = "×"
    limit: float | None = None
    share_of_before: float | None = None
    at_size: int | None = None

    def limit_after(self, before: float | None) -> float | None:
        """The highest figure that meets the goal, where *before* was measured earlier."""
        if self.share_of_before is None:
            return self.limit
        return None if before is None else before * self.share_of_before


GOAL_SIZE = 100_000
GOALS = (
    Goal(key="first", what="first sync / Core script, CPU", limit=2.5),
    Goal(key="repeat", what="repeat, 1 % changed, `fleetsync sync` / Core script, CPU", limit=1.5),
    Goal(key="repeat_lean", what="the same / leanest program"),
    Goal(key="daemon_repeat", what="repeat, 1 % changed, in a running daemon / Core script, CPU", limit=0.5),
    Goal(key="daemon_contacts", what="repeat, 80 % of contacts moved, in the daemon / Core script, CPU", limit=1),
    Goal(key="peak", what="peak memory of a sync", unit="MB", limit=450, at_size=GOAL_SIZE),
    Goal(key="daemon_peak", what="peak memory of the daemon, in a run", unit="MB"),
    Goal(key="rest_exempelby", what="daemon at rest, Exempelby, resident", unit="MB", limit=150),
    Goal(key="rest_exempelby_pss", what="the same, proportional", unit="MB"),
    Goal(key="rest", what="daemon at rest, resident", unit="MB", limit=400, at_size=GOAL_SIZE),
    Goal(key="rest_pss", what="the same, proportional", unit="MB"),
    Goal(key="written_first", what="written by a first sync / the database", limit=3),
    Goal(key="written_repeat", what="written by a repeat / the pages of the database that changed", limit=3),
    Goal(key="growth", what="growth, size / 10 → size: slope of the CPU, the steeper of first and repeat", limit=1.05),
    Goal(key="million_growth", what="growth, size → 1,000,000: slope of the CPU", limit=1.05),
    Goal(key="million_peak", what="peak memory of a sync of 1,000,000 + 1,000,000", unit="MB", limit=4000),
    Goal(key="page_ready", what="page ready after the daemon's start, CPU until then", unit="s", share_of_before=1 / 8),
    Goal(key="page_ready_exempelby", what="the same, Exempelby", unit="s", share_of_before=1 / 8),
    Goal(key="page_ms", what="slowest page, CPU of the server", unit="ms", limit=200, at_size=GOAL_SIZE),
    Goal(key="page_kb", what="largest page", unit="kB", limit=100, at_size=GOAL_SIZE),
    Goal(key="api_ms", what="API: a page of the devices, CPU of the server", unit="ms", limit=100, at_size=GOAL_SIZE),
    Goal(key="api_kb", what="the same, its size", unit="kB"),
    Goal(key="healthcheck", what="`fleetsync healthcheck`, CPU", unit="s", limit=0.15),
    Goal(key="cold_address", what="cold `make run`: until the page answers", unit="s", limit=30),
    Goal(key="cold_run", what="cold `make run`: until the past is replayed", unit="s", limit=60),
    Goal(key="dlt_first", what="dlt / `fleetsync sync`, first, CPU"),
    Goal(key="dlt_repeat", what="dlt / `fleetsync sync`, repeat, CPU"),
)


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a whole run of the bench, and what is needed to judge them."""

    size: int
    day: date
    machine: str
    rounds: int
    load: float  # what the machine did beside the bench: its load average when the bench began
    figures: Mapping[str, float | None]
    runs: Sequence[str] = ()  # one line per measured run


def this_machine() -> str:
    """Processors, memory and Python of this machine, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def markdown_table(results: Results, before: Results | None) -> str:
    """The table of all figures that were measured, with goal and verdict. *before*: of an earlier version, if any."""
    earlier = before.figures if before else {}
    return "\n".join([*_heading(results, before), "", *_rows(results, earlier)])


def _heading(results: Results, before: Results | None) -> Iterator[str]:
    yield f"Measured on {results.day}: {results.machine}; {results.size:,} devices and as many employees, 500 units."
    yield f"Median of {results.rounds}; load of the machine when it began: {results.load:.1f}."
    if before is not None:
        yield f"*Before* was measured on {before.day} with {before.size:,} of each, load {before.load:.1f}."


def _rows(results: Results, before: Figures) -> Iterator[str]:
    yield "| what | before | now | goal | met |"
    yield "|---|---|---|---|---|"
    for goal in GOALS:
        if goal.key in results.figures:
            figure, earlier = results.figures[goal.key], before.get(goal.key)
            limit = goal.limit_after(earlier) if goal.at_size in (None, results.size) else None
            goal_words = "–" if limit is None else f"≤ {_words(limit, goal.unit)}"
            before_words = _words(earlier, goal.unit) if goal.key in before else "–"
            yield f"| {goal.what} | {before_words} | {_words(figure, goal.unit)} | {goal_words} | {_verdict(figure, limit)} |"


def _words(figure: float | None, unit: str) -> str:
    if figure is None:
        return "wrong answer"
    digits = 0 if figure >= 100 else 1 if figure >= 10 else 2
    return f"{figure:,.{digits}f} {unit}"


def _verdict(figure: float | None, limit: float | None) -> str:
    if figure is None:
        return "**no**"
    if limit is None:
        return ""
    return "yes" if figure <= limit else "**no**"


def write_between_markers(file: Path, table: str) -> None:
    """Replace what stands between the two markers of a document. Raises ValueError for a document without them."""
    text = file.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{file} has no lines {BEGIN} and {END} for the table to stand between")
    file.write_text(f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}", encoding="utf-8")
