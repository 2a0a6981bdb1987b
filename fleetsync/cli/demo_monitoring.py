"""Prometheus, Alertmanager and Grafana beside the command `demo`, with the shipped rules and dashboards.

Started are those that are installed. The configurations are the shipped examples with the demo's addresses, but nothing
is mailed. Grafana was not installed where this was written, so its start is not tried here.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_server

import msgspec

from fleetsync.schedule import shipped_folder

LOOPBACK = "127.0.0.1"
SECONDS_TO_END = 10.0
_GRAFANA_HOME = Path("/usr/share/grafana")
_RECEIVERS = "receivers:\n  - name: nobody\n  - name: technicians\n  - name: strategist\n"


class MonitoringProgram(msgspec.Struct, frozen=True):
    """A program to start. *executables*: its names in distributions. *download*: where it comes from, if from none."""

    name: str
    executables: tuple[str, ...]
    arguments: Sequence[str]
    address: str
    download: str = ""

    @property
    def executable(self) -> str | None:
        """The path of the installed program; None where it is not installed."""
        return next(filter(None, map(shutil.which, self.executables)), None)


@contextmanager
def running_monitoring(folder: Path, page: str) -> Iterator[Sequence[str]]:
    """While the block runs, the installed programs watch the page at *page*, an address with a port.

    Gives a line for each program: where it answers, or what to do to have it. What they write lies in *folder*.
    """
    programs = _write_configurations(folder, page)
    with ExitStack() as started:
        yield [_start(program, folder, started) for program in programs]


def _start(program: MonitoringProgram, folder: Path, started: ExitStack) -> str:
    executable = program.executable
    if executable is None:
        names = " or ".join(program.executables)
        source = f" ({program.download})" if program.download else ""
        return f"  {program.name:<13} is not installed: put {names}{source} on the PATH and start the demo again"
    log = started.enter_context((folder / f"{program.name.lower()}.log").open("wb"))
    process = subprocess.Popen(  # noqa: S603 - a program of this machine, with arguments of ours
        [executable, *program.arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C goes to the demo alone, which ends its programs in order
    )
    started.callback(_end, process)
    return f"  {program.name:<13} http://{program.address}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _write_configurations(folder: Path, page: str) -> tuple[MonitoringProgram, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    prometheus, alertmanager, grafana = (_free_address() for _ in range(3))
    return (
        _prometheus(folder, page, prometheus, alertmanager),
        _alertmanager(folder, alertmanager),
        _grafana(folder, page, grafana, prometheus),
    )


def _free_address() -> str:
    with create_server((LOOPBACK, 0)) as server:
        return f"{LOOPBACK}:{server.getsockname()[1]}"


def _prometheus(folder: Path, page: str, address: str, alertmanager: str) -> MonitoringProgram:
    dashboards = shipped_folder("dashboards")
    text = _replaced(
        (dashboards / "prometheus.example.yml").read_text(encoding="utf-8"),
        {
            "interval: 1m": "interval: 15s",
            "https://fleetsync.exempelby.se": f"http://{page}",
            "https://git.exempelby.se/fleetsync/dashboards/runbooks": (dashboards / "runbooks").as_uri(),
            "rules/fleetsync.rules.yml": str(dashboards / "rules" / "fleetsync.rules.yml"),
            "127.0.0.1:9093": alertmanager,
            "127.0.0.1:9470": page,
        },
    )
    file = folder / "prometheus.yml"
    file.write_text(text, encoding="utf-8")
    arguments = (
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        "--storage.tsdb.retention.time=400d",
        f"--web.listen-address={address}",
    )
    return MonitoringProgram("Prometheus", ("prometheus",), arguments, address)


def _alertmanager(folder: Path, address: str) -> MonitoringProgram:
    example = (shipped_folder("dashboards") / "alertmanager.example.yml").read_text(encoding="utf-8")
    file = folder / "alertmanager.yml"
    file.write_text(example.partition("receivers:")[0] + _RECEIVERS, encoding="utf-8")
    arguments = (
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    )
    return MonitoringProgram("Alertmanager", ("prometheus-alertmanager", "alertmanager"), arguments, address)


def _grafana(folder: Path, page: str, address: str, prometheus: str) -> MonitoringProgram:
    """Grafana reads its provisioning from *folder*, and everybody on this machine may look."""
    dashboards, provisioning = shipped_folder("dashboards"), folder / "grafana" / "provisioning"
    drawn = folder / "grafana" / "dashboards"
    drawn.mkdir(parents=True, exist_ok=True)
    generator = [sys.executable, str(dashboards / "generate.py"), "--to", str(drawn), "--base-url", f"http://{page}"]
    subprocess.run(generator, check=True)  # noqa: S603 - our own program
    for kind, replacements in (
        ("datasources", {"http://127.0.0.1:9090": f"http://{prometheus}", "timeInterval: 1m": "timeInterval: 15s"}),
        ("dashboards", {"/var/lib/grafana/dashboards/fleetsync": str(drawn)}),
    ):
        text = (dashboards / "provisioning" / kind / "fleetsync.yml").read_text(encoding="utf-8")
        (provisioning / kind).mkdir(parents=True, exist_ok=True)
        (provisioning / kind / "fleetsync.yml").write_text(_replaced(text, replacements), encoding="utf-8")
    file = folder / "grafana" / "grafana.ini"
    file.write_text(
        f"[paths]\ndata = {folder / 'grafana' / 'data'}\nprovisioning = {provisioning}\n"
        f"[server]\nhttp_addr = {LOOPBACK}\nhttp_port = {address.rpartition(':')[2]}\n"
        "[auth.anonymous]\nenabled = true\n",
        encoding="utf-8",
    )
    arguments = ("server", f"--homepath={_GRAFANA_HOME}", f"--config={file}")
    return MonitoringProgram("Grafana", ("grafana",), arguments, address, "grafana.com/grafana/download")


def _replaced(text: str, replacements: Mapping[str, str]) -> str:
    """*text* with each of *replacements*. Raises ValueError for one that is not in it."""
    for old, new in replacements.items():
        if old not in text:
            raise ValueError(f"the shipped file does not contain {old!r}")
        text = text.replace(old, new)
    return text
