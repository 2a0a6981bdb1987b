"""A connector itself, as Protocols of a module."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Protocol

from fleetsync.pull.contract.connect import Connect
from fleetsync.pull.contract.listings import NormalisedItem, Page, Part, ProbeResult, RawRecord
from fleetsync.pull.contract.source_settings import SourceSettings


class Connector(Protocol):
    """A module of `connectors/`. `settings` is always an instance of its own `Settings`."""

    @property
    def PARTS(self) -> tuple[Part, ...]: ...  # noqa: N802 - a module's constant

    @property
    def Settings(self) -> type[SourceSettings]: ...  # noqa: N802 - a module's class

    @property
    def pull(self) -> Callable[[str, Any, Connect], Iterator[Page]]:
        """The part whole, page by page, or it raises."""
        ...

    @property
    def normalise(self) -> Callable[[str, Any, RawRecord], tuple[NormalisedItem, ...]]:
        """Pure: one raw record as records of the core; `RecordError` for one that cannot be used."""
        ...


class ContactSplittingConnector(Connector, Protocol):
    """A connector whose rows say when a device was last in contact, which moves while nothing else of it changes."""

    @property
    def split_contact(self) -> Callable[[Any, RawRecord], tuple[RawRecord, datetime | None]]:
        """A raw record without its last contact, and that contact exactly as `normalise` gives it: with nothing else changed
        the record is not normalised again. `RecordError` for a contact that cannot be read.
        """
        ...


class ProbingConnector(Connector, Protocol):
    """A connector that can check what it may read, with one request per address and permission."""

    @property
    def probe(self) -> Callable[[Any, Connect], Iterator[ProbeResult]]: ...
