"""How far a pull is that is under way, and what it waits for. One wording for commands and page.

Pure. Counts only: no value of a record, and no name of a file.
"""

from collections.abc import Mapping
from enum import StrEnum

from fleetsync.core.model import FrozenStruct, Text

SHORTEST_IN_MINUTES = 120  # seconds; a shorter time is said in seconds


class WaitReason(StrEnum):
    """What a pull waits for."""

    ANSWER = "answer"  # the source has been asked
    RETRY = "retry"  # the source refused for now, or asked to be asked later
    RATE_LIMIT = "rate_limit"  # the source allows so many requests a minute


_WAITS: Mapping[WaitReason | None, Text] = {
    WaitReason.ANSWER: Text("väntar på källans svar", "waiting for the answer of the source"),
    WaitReason.RETRY: Text("väntar med nästa försök", "waiting before the next attempt"),
    WaitReason.RATE_LIMIT: Text(
        "väntar på sin tur: källan tillåter ett visst antal frågor i minuten",
        "waiting for its turn: the source allows a number of requests a minute",
    ),
    None: Text("det lästa gås igenom", "going through what was read"),
}


class PullProgress(FrozenStruct, frozen=True, kw_only=True):
    """A pull under way: what it has read, for how long it has run, and what it waits for (None: for nothing)."""

    source: str
    part: str
    records: int
    pages: int
    seconds: float
    waits_for: WaitReason | None

    @property
    def name(self) -> str:
        """source/part."""
        return f"{self.source}/{self.part}"


def progress_sentence(progress: PullProgress) -> Text:
    """Such as "1200 records on 3 pages so far, 42 s; waiting for the answer of the source"."""
    records, pages, time = progress.records, progress.pages, duration_text(progress.seconds)
    waits = _WAITS[progress.waits_for]
    return Text(
        f"{records} {'post' if records == 1 else 'poster'} på {pages} {'sida' if pages == 1 else 'sidor'} hittills, {time}; "
        f"{waits.sv}",
        f"{records} {'record' if records == 1 else 'records'} on {pages} {'page' if pages == 1 else 'pages'} so far, {time}; "
        f"{waits.en}",
    )


def duration_text(seconds: float) -> str:
    """A time that has gone, in seconds or whole minutes; the same in both languages."""
    return f"{seconds:.0f} s" if seconds < SHORTEST_IN_MINUTES else f"{seconds // 60:.0f} min"
