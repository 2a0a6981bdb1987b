"""Takes files that are given on the page: says what each is and would change, and keeps it once that is accepted.

Until then a file is in memory alone; while it is read, in a private folder that is gone afterwards. It is looked at in the
thread that reconciles, since a web request never reconciles.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from fleetsync import log, sync
from fleetsync.core import pull_findings
from fleetsync.core.model import Text, Verdict
from fleetsync.daemon.composition import Application, with_memory_staging
from fleetsync.daemon.file_kinds import UnrecognisedFileError, kind_of_file
from fleetsync.expose.ports import DecisionError, ReceivedFile
from fleetsync.expose.row_samples import first_rows
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import PullResult

logger = log.get(__name__)

OWN_ERROR = "an error of our own; the log of the daemon says where. Nothing of the file was kept"
GLOB_SIGNS = frozenset("*?[")


@dataclass(frozen=True)
class _Entry:
    """A file of an account."""

    content: bytes
    shown: ReceivedFile


class FileInbox:
    """`ports.FileInbox`. *run_between* runs work in the thread that reconciles; *pull* reads a source soon."""

    def __init__(
        self,
        application: Callable[[], Application],
        run_between: Callable[[Callable[[], None]], None],
        pull: Callable[[str], None],
    ) -> None:
        self._application, self._run_between, self._pull = application, run_between, pull
        self._entries: dict[str, _Entry] = {}

    def receive(self, who: str, name: str, content: bytes) -> None:
        """Take a file in place of the account's earlier one, and look at it in the background."""
        entry = _Entry(content, ReceivedFile(name=name))
        self._entries[who] = entry
        self._run_between(lambda: self._examine(who, entry))

    def received(self, who: str) -> ReceivedFile | None:
        """The account's file."""
        entry = self._entries.get(who)
        return None if entry is None else entry.shown

    def discard(self, who: str) -> None:
        """Forget the file."""
        self._entries.pop(who, None)

    def accept(self, who: str) -> str:
        """Keep the file where its source reads it, readable by nobody else, and have it read. Raises DecisionError."""
        entry = self._entries.get(who)
        if entry is None or not entry.shown.is_examined or entry.shown.problem:
            raise DecisionError(
                Text(
                    "Det finns ingen fil att ta emot. Välj den igen.",
                    "there is no file that could be taken. Choose it again",
                )
            )
        application = self._application()
        source = next((source for source in application.sources if source.name == entry.shown.source), None)
        if source is None:
            raise DecisionError(
                Text(
                    f"{entry.shown.source} är ingen källa längre. Välj filen igen.",
                    f"{entry.shown.source} is no source any more. Choose the file again",
                )
            )
        _keep(_folder_of(source) / entry.shown.name, entry.content)
        application.ledger.audit(who, "gave a file", source.name)
        self.discard(who)
        self._pull(source.name)
        return source.name

    def _examine(self, who: str, entry: _Entry) -> None:
        if self._entries.get(who) is not entry:
            return  # another one was given meanwhile, or it was discarded
        try:
            shown = self._examined(entry)
        except (UnrecognisedFileError, DecisionError) as error:
            shown = msgspec.structs.replace(entry.shown, is_examined=True, problem=str(error))
        except Exception:
            logger.exception("a given file could not be examined")
            shown = msgspec.structs.replace(entry.shown, is_examined=True, problem=OWN_ERROR)
        if self._entries.get(who) is entry:
            self._entries[who] = _Entry(b"" if shown.problem else entry.content, shown)

    def _examined(self, entry: _Entry) -> ReceivedFile:
        with TemporaryDirectory(prefix="fleetsync-file-") as folder:
            file = Path(folder) / entry.shown.name
            _keep(file, entry.content)
            kind = kind_of_file(file)
            application = self._application()
            source = _source_for(application, kind, file.name)
            return _with_effect(msgspec.structs.replace(entry.shown, kind=kind), application, source, file)


def _source_for(application: Application, kind: str, name: str) -> Source:
    """The source that reads a file of this kind and name. Raises DecisionError."""
    of_kind = [source for source in application.sources if source.kind == kind]
    if not of_kind:
        raise DecisionError(
            f"{name} is read as {kind}, and no source of that kind is configured. On the machine of fleetsync this adds it: "
            "fleetsync load FILE"
        )
    fitting = [source for source in of_kind if fnmatchcase(name, _pattern_of(source).name)]
    if len(fitting) != 1:
        patterns = ", ".join(f"{source.name} reads {_pattern_of(source).name}" for source in of_kind)
        raise DecisionError(
            f"{name} is read as {kind}, and by its name no single source reads it ({patterns}). Rename it"
        )
    if fitting[0].settings.disabled:
        raise DecisionError(
            f"{fitting[0].name} is frozen: nothing is pulled from it. Remove disabled = true from its table"
        )
    return fitting[0]


def _pattern_of(source: Source) -> Path:
    """What its files are called, in which folder; of a folder that is read whole any name."""
    path = Path(getattr(source.settings, "path"))  # noqa: B009 - a kind of files has it, which its type does not say
    return path / "*" if path.is_dir() else path


def _folder_of(source: Source) -> Path:
    """The folder that its files are in. Raises DecisionError where the pattern names several."""
    folder = _pattern_of(source).parent
    if GLOB_SIGNS & set(str(folder)):
        raise DecisionError(
            Text(
                f"{source.name} läser flera mappar. Lägg filen i rätt mapp för hand.",
                f"{source.name} reads several folders. Put the file into the right one by hand",
            )
        )
    return folder


def _with_effect(shown: ReceivedFile, application: Application, source: Source, file: Path) -> ReceivedFile:
    """*shown* with what the file holds and would change. Raises DecisionError where it cannot be read."""
    _folder_of(source)
    settings = source.settings.model_copy(update={"path": file, "settle_seconds": 0})
    of_file = replace(source, settings=settings)
    run_context = with_memory_staging(application).run_context
    pulled = sync.pull_side_by_side(run_context, [(of_file, part) for part in of_file.parts])
    if failed := [result.reason for result in pulled if result.verdict is Verdict.FAILED]:
        raise DecisionError(f"{file.name}: {'; '.join(failed)}")
    dry_run = sync.plan_dry_run(run_context, pulled)
    effects = [run_context.staged_effect(result.pull) for result in pulled if result.effect is not None]
    return msgspec.structs.replace(
        shown,
        is_examined=True,
        source=source.name,
        taken=tuple(map(_taken, pulled)),
        rows=tuple(row for effect in effects for row in first_rows(effect)),
        hold_reasons=tuple(reason for held in dry_run.held for reason in held.reasons),
        plan=dry_run.held[0].plan if dry_run.held else dry_run.plan,
    )


def _taken(result: PullResult) -> Text:
    if result.effect is None:
        return Text("oförändrad sedan den lästes sist", "unchanged since it was read last")
    clauses = [pull_findings.taken(result.effect.seen_by_type, result.effect.seen), *pull_findings.left(result.effect)]
    return Text("; ".join(clause.sv for clause in clauses), "; ".join(clause.en for clause in clauses))


def _keep(file: Path, content: bytes) -> None:
    """Write a file that nobody else may read, whole or not at all. Raises DecisionError."""
    written = file.with_name(f"{file.name}.part")  # a name that no source reads
    try:
        written.touch(mode=0o600)
        written.write_bytes(content)
        written.replace(file)
    except OSError as error:
        raise DecisionError(
            Text(
                f"{file.parent}: filen kan inte sparas där ({error.strerror}). Låt fleetsync skriva i mappen, eller lägg filen "
                "där för hand.",
                f"{file.parent}: the file cannot be written there ({error.strerror}). Let fleetsync write into the folder, or "
                "put the file there by hand",
            )
        ) from None
