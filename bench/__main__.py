"""The commands of the bench. See README.md."""

import asyncio
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from bench.contenders import Fleetsync
from bench.dlt_environment import installed_dlt
from bench.goals import Results, markdown_table, write_between_markers
from bench.graph_server import GraphServer
from bench.municipality import Change, Municipality
from bench.processes import compile_modules, program_environment
from bench.server_process import ROOT, ServerProcess
from bench.suite import Options, run_suite
from bench.workplace import Workplace

SIZE = click.option("--size", default=100_000, show_default=True, help="Devices, and as many employees.")
CHECKOUT = click.option(
    "--checkout",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=ROOT,
    help="Measure the fleetsync of this folder instead, with its own .venv.",
)

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def bench() -> None:
    """Measures fleetsync beside other programs that do the same job."""
    # So that processes and folders of a bench that is ended are cleared away too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


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
@click.option("--rounds", default=3, show_default=True, help="The table has the median of them.")
@click.option("--commands-only", is_flag=True, help="Without the daemon, its pages, and Exempelby.")
@click.option("--with-dlt", is_flag=True, help="Compare with dlt too; installs it in an environment of its own.")
@click.option("--with-million", is_flag=True, help="Growth to 1,000,000 devices too.")
@click.option("--with-cold-run", is_flag=True, help="`make run` in a fresh clone too.")
@click.option("--save", type=click.Path(path_type=Path), help="Keep the results in this file, as JSON.")
@click.option("--before", type=EXISTING_FILE, help="Results kept earlier, for the column of that name.")
@click.option("--write", type=EXISTING_FILE, help="Put the table between the markers of this document.")
def compare(
    size: int,
    checkout: Path,
    rounds: int,
    save: Path | None,
    before: Path | None,
    write: Path | None,
    *,
    commands_only: bool,
    with_dlt: bool,
    with_million: bool,
    with_cold_run: bool,
) -> None:
    """Measure everything and print the table. Ends with an error when an answer was wrong."""
    options = Options(
        size,
        rounds,
        checkout.resolve(),
        installed_dlt() if with_dlt else None,
        with_daemon=not commands_only,
        with_exempelby=not commands_only,
        with_million=with_million,
        with_cold_run=with_cold_run,
    )
    results = run_suite(options, lambda line: click.echo(line, err=True))
    if save is not None:
        save.write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    table = markdown_table(results, msgspec.json.decode(before.read_bytes(), type=Results) if before else None)
    click.echo(table)
    if write is not None:
        write_between_markers(write, table)
    if None in results.figures.values():
        sys.exit("an answer was wrong: it has no ratio")


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
