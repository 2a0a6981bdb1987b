"""The commands of the bench. See README.md."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.comparison import Step, compare_commands, median_of
from bench.contenders import Fleetsync, Script
from bench.graph_server import GraphServer
from bench.municipality import Change, Municipality
from bench.processes import compile_modules, program_environment
from bench.server_process import ROOT, ServerProcess
from bench.workplace import Workplace

SIZE = click.option("--size", default=100_000, show_default=True, help="Devices, and as many employees.")
CHECKOUT = click.option(
    "--checkout",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=ROOT,
    help="Measure the fleetsync of this folder instead, with its own .venv.",
)


@click.group()
def bench() -> None:
    """Measures fleetsync beside other programs that do the same job."""


@bench.command()
@SIZE
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="For configuration, files, databases.")
@click.option("--port", default=0, help="Of the server; 0: any free one.")
@click.option("--page-port", default=8470, help="Of the page in the configuration.")
def serve(size: int, folder: Path, port: int, page_port: int) -> None:
    """Serve a municipality until interrupted, with a configuration of fleetsync for it in FOLDER. Prints the address."""
    workplace = Workplace(folder.resolve())
    workplace.prepare()

    def when_ready(address: str) -> None:
        workplace.write_config(address, page_port)
        click.echo(address)

    municipality = Municipality(size, datetime.now(UTC))
    asyncio.run(GraphServer(municipality, workplace.staff_file).serve(when_ready, port))


@bench.command()
@SIZE
@CHECKOUT
@click.option("--rounds", default=3, show_default=True)
def commands(size: int, checkout: Path, rounds: int) -> None:
    """Time the first sync and a repeat of fleetsync and of the Core script."""
    compile_modules(checkout)
    with TemporaryDirectory(prefix="bench-") as folder, ServerProcess(size, Path(folder)) as server:
        workplace = Workplace(Path(folder))
        contenders = (
            Script("Core script", "core_script.py", workplace, server.address),
            Fleetsync(workplace, checkout),
        )
        measured = compare_commands(server, contenders, rounds, click.echo)
    for step in Step:
        ours, script = (
            median_of(measured, contender.name, step, lambda run: run.cost.cpu_seconds)
            for contender in reversed(contenders)
        )
        click.echo(f"{step}: {'no ratio' if ours is None or script is None else f'{ours / script:.2f}'}")
    if any(measurement.wrong_units for measurement in measured):
        sys.exit("an answer was wrong")


@bench.command()
@SIZE
@CHECKOUT
@click.argument("step", type=click.Choice(["first", "repeat", "contacts"]))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The profile; read it with python -m pstats."
)
def profile(size: int, checkout: Path, step: str, out: Path) -> None:
    """Write a cProfile of one `fleetsync sync`, all threads added up: a first one, after 1 % changed, after contacts moved."""
    compile_modules(checkout)
    with TemporaryDirectory(prefix="bench-") as folder, ServerProcess(size, Path(folder)) as server:
        workplace = Workplace(Path(folder))
        if step != "first":
            Fleetsync(workplace, checkout).sync()
            server.advance(Change.SOME if step == "repeat" else Change.CONTACTS)
        python = checkout / ".venv/bin/python"
        sync = [str(ROOT / "bench/profiled.py"), str(out.resolve()), "--config", str(workplace.config), "sync"]
        subprocess.run([str(python), *sync], cwd=checkout, env=program_environment(), check=True)


if __name__ == "__main__":
    bench()
