"""The wheel holds everything: both packages, the data beside them, and a command that runs from any folder."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DATA = ("schedules", "dashboards")

# Built once, on one worker.
pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel_file,) = folder.glob("*.whl")
    return wheel_file


@pytest.fixture(scope="module")
def members(wheel: Path) -> frozenset[str]:
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment that has the wheel and uses the libraries of this one."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    bin_folder = home / "bin"
    (site,) = home.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # A folder named in a .pth file is searched, but its own .pth files are not: the editable install stays out.
    (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return bin_folder


def files_of(folder: Path) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def run_in_folder(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(installed / "python"), "-I", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("folder", DATA)
def test_data_beside_the_packages_is_included(members: frozenset[str], folder: str) -> None:
    assert files_of(ROOT / folder)
    assert {f"fleetsync/_data/{name}" for name in files_of(ROOT / folder)} <= members


def test_the_example_configuration_is_included(members: frozenset[str]) -> None:
    assert "fleetsync/_data/config.example.toml" in members


@pytest.mark.parametrize("package", ["fleetsync", "connectors"])
def test_every_file_of_both_packages_is_included(members: frozenset[str], package: str) -> None:
    assert f"{package}/py.typed" in members
    assert files_of(ROOT / package) <= members


def test_nothing_else_is_included(members: frozenset[str]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in members} == {"fleetsync", "connectors"}


def test_the_packages_are_imported_from_the_installation(installed: Path, tmp_path: Path) -> None:
    result = run_in_folder(
        installed, tmp_path, "-c", "import fleetsync, connectors; print(fleetsync.__file__, connectors.__file__)"
    )

    assert result.returncode == 0, result.stderr
    assert all(Path(name).is_relative_to(installed.parent) for name in result.stdout.split())


def test_the_installed_package_knows_its_version(installed: Path, wheel: Path, tmp_path: Path) -> None:
    result = run_in_folder(installed, tmp_path, "-c", "import fleetsync; print(fleetsync.version())")

    assert result.stdout.strip() == wheel.name.split("-")[1]


def test_the_command_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    result = run_in_folder(installed, tmp_path, "-m", "fleetsync", "--help")

    assert result.returncode == 0, result.stderr
    assert "Usage:" in result.stdout


def test_the_command_is_registered(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (entry_points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "fleetsync = fleetsync.__main__:main" in archive.read(entry_points).decode()
