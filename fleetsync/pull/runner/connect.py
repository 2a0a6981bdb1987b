"""What a connector's `pull` and `probe` are given to reach their source: HTTP, files, tokens and the bookmark."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from threading import Event
from typing import Any

from fleetsync.clock import Clock
from fleetsync.core.model import Key, Scheme
from fleetsync.pull.contract import Auth, Part, SourceFile
from fleetsync.pull.files import FileFormat, StableFiles
from fleetsync.pull.http import PullSession
from fleetsync.pull.registry import Source
from fleetsync.pull.runner.normalisation import NormalisationRules
from fleetsync.pull.runner.staging import Staging

FINGERPRINT_SEPARATOR = "."  # between a file's own fingerprint and that of the settings it was read with


class PullConnect:
    """The `Connect` of the connector contract, for one pull of one part."""

    def __init__(
        self,
        staging: Staging,
        clock: Clock,
        rules: NormalisationRules,
        source: Source,
        part: Part,
        session: PullSession,
        stop: Event,
        today: date,
    ) -> None:
        self._staging, self._clock, self._rules = staging, clock, rules
        self._source, self._part, self._session = source, part, session
        self.stop, self.today = stop, today
        self.opened: list[StableFiles] = []

    @property
    def mark(self) -> str | None:
        """The bookmark of the last complete pull."""
        return self._staging.mark(self._source.name, self._part.name)

    def __call__(
        self,
        base_url: str,
        auth: Auth,
        *,
        headers: Mapping[str, str] | None = None,
        requests_per_minute: float | None = None,
        first_byte_seconds: float | None = None,
    ) -> Any:
        return self._session.client(
            base_url,
            auth,
            headers=headers,
            requests_per_minute=requests_per_minute,
            first_byte_seconds=first_byte_seconds,
        )

    def files(self, pattern: str | Path, columns: Sequence[Any] = (), **reading: Any) -> Iterator[SourceFile]:
        """The files that match *pattern*, each once it has stopped growing."""
        form = reading.pop("form", None) or self._source.settings
        if not isinstance(form, FileFormat):
            raise TypeError(f"{self._source.kind}: its Settings must say how its files look (FileFormat)")
        files = StableFiles(
            pattern,
            columns,
            form=form,
            source=self._source.name,
            clock=self._clock,
            stop=self.stop,
            known=self._known_fingerprints(),
            **reading,
        )
        self.opened.append(files)
        return iter(files)

    def _known_fingerprints(self) -> dict[str | None, str]:
        """Of files that were read to their end with the settings of now."""
        known = self._staging.known_files(self._source.name, self._part.name)
        settings = self._rules.read_settings_fingerprint(self._source.settings)
        parts = {
            scope: (fingerprint or "").partition(FINGERPRINT_SEPARATOR) for scope, (fingerprint, _) in known.items()
        }
        return {scope: file for scope, (file, _, read_with) in parts.items() if read_with == settings}

    def token(self, value: str) -> str:
        """The token of a civic number."""
        return self._rules.token_of(Key(Scheme.CIVIC, "", value)).value
