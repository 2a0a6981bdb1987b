"""A connector whose pages, bookmarks and errors are chosen by the test."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from fleetsync.core.model import DeviceRecord, RecordType
from fleetsync.pull.contract import Connect, NormalisedItem, Page, Part, RecordError, SourceSettings
from fleetsync.pull.registry import Source

ALL_RECORD_TYPES = (RecordType.PERSON, RecordType.MEMBERSHIP, RecordType.DEVICE)
THINGS_PART = Part("things", ALL_RECORD_TYPES)


@dataclass
class FakeConnector:
    """Stands for a module of `connectors/`. *says* returns the pages of each pull."""

    says: Callable[[Connect], Iterator[Page]] = lambda _: iter(())
    part: Part = THINGS_PART
    marks_given: list[str | None] = field(default_factory=list)  # the bookmark at each pull
    Settings: type[SourceSettings] = SourceSettings

    @property
    def PARTS(self) -> tuple[Part, ...]:
        return (self.part,)

    def pull(self, part: str, settings: SourceSettings, connect: Connect) -> Iterator[Page]:
        self.marks_given.append(connect.mark)
        return self.says(connect)

    def normalise(self, part: str, settings: SourceSettings, raw: Any) -> tuple[NormalisedItem, ...]:
        if isinstance(raw, str):
            raise RecordError(raw)
        if isinstance(raw, RecordError):
            raise raw
        return raw if isinstance(raw, tuple) else (raw,)

    def split_contact(self, settings: SourceSettings, raw: Any) -> tuple[Any, datetime | None]:
        """The contact of the devices of a row. A row whose devices have different ones is none that can be split."""
        if not isinstance(raw, tuple):
            return _without_contact(raw), getattr(raw, "last_contact_at", None)
        contacts = {item.last_contact_at for item in raw if isinstance(item, DeviceRecord)} or {None}
        if len(contacts) > 1:
            raise RecordError("its devices were in contact at different times")
        return tuple(map(_without_contact, raw)), contacts.pop()

    def source(self, name: str = "invented", **keys: Any) -> Source:
        """It as a configured source."""
        return Source(SourceSettings(kind="invented", name=name, **keys), self)


def _without_contact(raw: Any) -> Any:
    return msgspec.structs.replace(raw, last_contact_at=None) if isinstance(raw, DeviceRecord) else raw


def pages(*pieces: Sequence[Any], **page: Any) -> Callable[[Connect], Iterator[Page]]:
    """Returns each of *pieces* as a page."""
    return lambda _: iter([Page(list(piece), **page) for piece in pieces])


def pages_then_error(error: Exception, *pages_before: Page) -> Callable[[Connect], Iterator[Page]]:
    """Returns *pages_before*, then raises *error*."""

    def says(_connect: Connect) -> Iterator[Page]:
        yield from pages_before
        raise error

    return says
