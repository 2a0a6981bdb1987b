"""Which kind of source an exported list is: every kind that reads files reads it, and the one that can take it is it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from fleetsync import sync
from fleetsync.core.model import PullEffect
from fleetsync.daemon.composition import open_application, with_memory_staging
from fleetsync.pull.decoding.probing import MISSING_COLUMN
from fleetsync.pull.files import EXPORT_OF
from fleetsync.pull.registry import connector_kinds, load_connector
from fleetsync.pull.runner import PullResult
from fleetsync.settings import load
from fleetsync.settings.toml_text import toml_text


class UnrecognisedFileError(Exception):
    """A file that is none of the lists that can be read, or may be several; the text says why and what to do."""


def kinds_of_files() -> tuple[str, ...]:
    """The kinds that read files."""
    return tuple(kind for kind in connector_kinds() if "path" in load_connector(kind).Settings.model_fields)


def kind_of_file(file: Path) -> str:
    """The kind that finds most of its columns in *file*. Raises UnrecognisedFileError where none can read it, or two do equally well."""
    results = list(_read_as_every_kind(file))
    # A list that one kind knows and refuses must not become another kind, which would read of it what it can.
    for known in (result for result in results if result.effect is None and EXPORT_OF in result.reason):
        raise UnrecognisedFileError(f"{file.name}: read as {known.reason}")
    by_fit: dict[tuple[int, int], list[str]] = {}
    for result in results:
        if result.effect is not None and result.effect.seen:
            by_fit.setdefault(_lack_of_fit(result.effect), []).append(result.source)
    if not by_fit:
        reasons = dict.fromkeys(f"as {result.reason}" for result in results if result.reason)  # often of each part
        raise UnrecognisedFileError("\n".join([f"{file.name}: no kind of list could be read from it", *reasons]))
    fitting = list(dict.fromkeys(by_fit[min(by_fit)]))  # a kind of several parts finds the same columns in each
    if len(fitting) > 1:
        kinds = " or ".join(fitting)
        raise UnrecognisedFileError(
            f"{file.name}: may be {kinds}. Say which: fleetsync init --kind {fitting[0]} --set {fitting[0]}.path=FILE"
        )
    return fitting[0]


def _lack_of_fit(effect: PullEffect) -> tuple[int, int]:
    """How many columns the kind misses in the file, and how many headers of the file it does not take up."""
    missing = sum(word.startswith(f"{MISSING_COLUMN}=") for word in effect.drift)
    return missing, sum(map(len, effect.unused_headers.values()))


def _read_as_every_kind(file: Path) -> Iterator[PullResult]:
    with TemporaryDirectory(prefix="fleetsync-init-") as name:
        folder = Path(name)
        config = folder / "config.toml"
        config.write_text("\n".join(_config_lines(file.resolve())), encoding="utf-8")
        with open_application(load(config)) as application:
            reading = with_memory_staging(application)
            due = [(source, part) for source in reading.sources for part in source.parts]
            yield from sync.pull_side_by_side(reading.run_context, due)


def _config_lines(file: Path) -> Iterator[str]:
    """A configuration with a source for each kind, which is called as its kind."""
    yield '[database]\nurl = "database/fleetsync.db"\n[privacy]\nkey_file = "privacy.key"'
    for kind in kinds_of_files():
        yield f"[[source]]\nkind = {toml_text(kind)}\nname = {toml_text(kind)}"
        # What a file is does not depend on what counts, and two kinds may count the same by default.
        yield f"path = {toml_text(str(file))}\ncounts = []\nsettle_seconds = 0"
