"""The whole bench: every figure of the table, measured one after another in one run."""

import math
import os
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec

from bench.comparison import Measurement, Report, Step, compare_commands, measure, median_of
from bench.contenders import Contender, DltScript, Fleetsync, Script, differing_units, stored_coverage
from bench.daemon import DaemonProcess, free_port
from bench.exempelby import measure_cold_run, measure_exempelby
from bench.goals import Results, this_machine
from bench.municipality import Change
from bench.processes import MEGABYTE, compile_modules
from bench.server_process import ServerProcess
from bench.workplace import Workplace

CORE, LEAN, FLEETSYNC, DAEMON = "Core script", "lean", Fleetsync.name, "daemon"
MILLION = 1_000_000
KILOBYTE = 1000
SPARE_SECONDS = 60  # between two runs of the daemon: in it the municipality changes and the script runs
PAGES = ("/", "/coverage", "/gaps", "/devices", "/assignments", "/units/skola-001", "/sources")
DEVICE_LINK = '/devices/[^"?]+'
API_LIST = "/api/v1/devices"

Figures = dict[str, float | None]


class Options(msgspec.Struct, frozen=True):
    """What is measured. *checkout*: the folder of the version; *dlt_python*: with dlt installed, None: without dlt."""

    size: int
    rounds: int
    checkout: Path
    dlt_python: Path | None = None
    with_daemon: bool = True
    with_exempelby: bool = True
    with_million: bool = False
    with_cold_run: bool = False


def run_suite(options: Options, say: Callable[[str], None]) -> Results:
    """Measure everything that *options* ask for. *say* is given a line per measured run."""
    load = os.getloadavg()[0]
    compile_modules(options.checkout)
    lines: list[str] = []

    def report(line: object) -> None:
        lines.append(str(line))
        say(lines[-1])

    figures: Figures = {}
    measured = _measure_municipality(options, figures, report)
    figures |= _growth(options, measured, report)
    if options.with_exempelby:
        figures |= measure_exempelby(options.checkout, report)
    if options.with_cold_run:
        figures |= measure_cold_run(options.checkout, report)
    return Results(
        size=options.size,
        day=date.today(),  # noqa: DTZ011 - the day of this machine
        machine=this_machine(),
        rounds=options.rounds,
        load=load,
        figures=figures,
        runs=lines,
    )


# --- commands -----------------------------------------------------------------------------------------------------------


def _measure_municipality(options: Options, figures: Figures, report: Report) -> list[Measurement]:
    with TemporaryDirectory(prefix="bench-") as folder, ServerProcess(options.size, Path(folder)) as server:
        workplace = Workplace(Path(folder))
        core = Script(CORE, "core_script.py", workplace, server.address)
        fleetsync = Fleetsync(workplace, options.checkout)
        contenders: list[Contender] = [core, Script(LEAN, "lean.py", workplace, server.address), fleetsync]
        if options.dlt_python is not None:
            contenders.append(DltScript(workplace, server.address, options.dlt_python))
        measured = compare_commands(server, contenders, options.rounds, report)
        figures |= _command_figures(measured)
        if options.with_daemon:
            port = free_port()
            workplace.write_config(server.address, port, _seconds_between_runs(measured))
            fleetsync.sync()  # so that the daemon does not pull at once
            with DaemonProcess(options.checkout, workplace.config, port) as daemon:
                figures |= _daemon_figures(daemon, server, core, workplace, options.rounds, report)
        return measured


def _command_figures(measured: Sequence[Measurement]) -> Figures:
    cpu = _cpu_medians(measured)
    figures: Figures = {
        "first": _ratio(cpu(FLEETSYNC, Step.FIRST), cpu(CORE, Step.FIRST)),
        "repeat": _ratio(cpu(FLEETSYNC, Step.REPEAT), cpu(CORE, Step.REPEAT)),
        "repeat_lean": _ratio(cpu(FLEETSYNC, Step.REPEAT), cpu(LEAN, Step.REPEAT)),
        "peak": max(run.cost.peak_bytes for run in measured if run.contender == FLEETSYNC) / MEGABYTE,
        "written_first": median_of(
            measured, FLEETSYNC, Step.FIRST, lambda run: run.cost.written_bytes / run.database_bytes
        ),
        "written_repeat": median_of(
            measured, FLEETSYNC, Step.REPEAT, lambda run: run.cost.written_bytes / run.changed_bytes
        ),
    }
    if any(run.contender == DltScript.name for run in measured):
        figures["dlt_first"] = _ratio(cpu(DltScript.name, Step.FIRST), cpu(FLEETSYNC, Step.FIRST))
        figures["dlt_repeat"] = _ratio(cpu(DltScript.name, Step.REPEAT), cpu(FLEETSYNC, Step.REPEAT))
    return figures


def _cpu_medians(measured: Sequence[Measurement]) -> Callable[[str, str], float | None]:
    return lambda contender, step: median_of(measured, contender, step, lambda run: run.cost.cpu_seconds)


def _ratio(ours: float | None, others: float | None) -> float | None:
    """None where an answer was wrong: it has no ratio."""
    return None if ours is None or others is None else ours / others


def _seconds_between_runs(measured: Sequence[Measurement]) -> int:
    """How often the daemon pulls: seldom enough for a run to end, the municipality to change, and the script to run."""
    longest = max(run.cost.wall_seconds for run in measured if run.step == Step.REPEAT)
    return round(3 * longest) + SPARE_SECONDS


# --- the daemon -----------------------------------------------------------------------------------------------------------


def _daemon_figures(
    daemon: DaemonProcess, server: ServerProcess, core: Script, workplace: Workplace, rounds: int, report: Report
) -> Figures:
    figures: Figures = {"page_ready": daemon.start.cpu_seconds}
    report(f"daemon: page after {daemon.start.wall_seconds:.1f} s")
    runs: list[Measurement] = []
    for change in Change:
        for _ in range(rounds):
            cost = daemon.run_after(partial(server.advance, change))
            wrong = differing_units(stored_coverage(workplace.database), server.coverage())
            runs.append(Measurement(DAEMON, change, cost, 0, 0, wrong))
            report(runs[-1])
            runs.append(measure(server, core, change, report))
    cpu = _cpu_medians(runs)
    figures["daemon_repeat"] = _ratio(cpu(DAEMON, Change.SOME), cpu(CORE, Change.SOME))
    figures["daemon_contacts"] = _ratio(cpu(DAEMON, Change.CONTACTS), cpu(CORE, Change.CONTACTS))
    figures["daemon_peak"] = max(run.cost.peak_bytes for run in runs if run.contender == DAEMON) / MEGABYTE
    memory = daemon.memory_at_rest()
    figures |= {"rest": memory.resident / MEGABYTE, "rest_pss": memory.proportional / MEGABYTE}
    return figures | _page_figures(daemon, report)


def _page_figures(daemon: DaemonProcess, report: Report) -> Figures:
    daemon.sign_in()
    device = daemon.first_link("/devices", DEVICE_LINK)
    costs = {path: daemon.page_cost(path) for path in (*PAGES, device, API_LIST)}
    for path, cost in costs.items():
        report(f"{path:30} {cost.seconds * 1000:6.0f} ms CPU {cost.body_bytes / KILOBYTE:8.0f} kB")
    api = costs.pop(API_LIST)
    return {
        "page_ms": max(cost.seconds for cost in costs.values()) * 1000,
        "page_kb": max(cost.body_bytes for cost in costs.values()) / KILOBYTE,
        "api_ms": api.seconds * 1000,
        "api_kb": api.body_bytes / KILOBYTE,
        "healthcheck": median(daemon.healthcheck().cpu_seconds for _ in range(3)),
    }


# --- growth ---------------------------------------------------------------------------------------------------------------


def _growth(options: Options, measured: Sequence[Measurement], report: Report) -> Figures:
    smaller = _fleetsync_alone(options.size // 10, options, options.rounds, report)
    figures: Figures = {"growth": _slope(smaller, measured, 10)}
    if options.with_million:
        larger = _fleetsync_alone(MILLION, options, 1, report)
        figures["million_growth"] = _slope(measured, larger, MILLION / options.size)
        figures["million_peak"] = max(run.cost.peak_bytes for run in larger) / MEGABYTE
    return figures


def _fleetsync_alone(size: int, options: Options, rounds: int, report: Report) -> list[Measurement]:
    with TemporaryDirectory(prefix="bench-") as folder, ServerProcess(size, Path(folder)) as server:
        return compare_commands(server, [Fleetsync(Workplace(Path(folder)), options.checkout)], rounds, report)


def _slope(smaller: Sequence[Measurement], larger: Sequence[Measurement], factor: float) -> float | None:
    """1 where twice the size costs twice the CPU. None where an answer was wrong."""
    ratios = [_ratio(_cpu_medians(larger)(FLEETSYNC, step), _cpu_medians(smaller)(FLEETSYNC, step)) for step in Step]
    return None if None in ratios else max(math.log(ratio, factor) for ratio in ratios if ratio is not None)
