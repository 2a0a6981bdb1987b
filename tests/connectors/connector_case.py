"""What a connector gives so that the contract suite can try it: its table, its recorded answers, how many records.

A connector `connectors/<kind>.py` has `tests/connectors/<kind>_case.py` with one `CASE`, and its payloads, of invented
people, under `tests/recorded/<kind>/`. What may never be kept stands in the payloads as values that contain CANARY.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent.parent / "recorded"
CANARY = "kanarie"

Query = Mapping[str, list[str]]


@dataclass(frozen=True)
class RecordedListing:
    """A listing of an API: *pages* are recorded bodies, in order.

    *page_of*: which page (from 0) a query asks for. *linked*: a body as it points to the page *following* (None: it is
    the last); *here* is the whole address of the listing, without a query.
    """

    path: str
    pages: tuple[str, ...]
    page_of: Callable[[Query], int]
    with_next_link: Callable[[dict[str, Any], str, int | None], dict[str, Any]]


@dataclass(frozen=True)
class ConnectorCase:
    """*table*: the `[[source]]` table; `{server}` and `{folder}` in its values are the stand-in's address, and a folder.

    *expects*: by part how many records of each type the recorded payloads hold. *listings*: by part, of an API.
    *token_paths*: where tokens are given. *files*: recorded files, put into the folder before each pull.
    """

    kind: str
    table: Mapping[str, Any]
    expected_counts: Mapping[str, Mapping[str, int]]
    listings: Mapping[str, RecordedListing] = field(default_factory=dict)
    token_paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def filled_table(self, server: str, folder: Path) -> dict[str, Any]:
        """The table for a stand-in at *server* and files in *folder*."""
        names = {"server": server, "folder": str(folder)}
        return {key: value.format(**names) if isinstance(value, str) else value for key, value in self.table.items()}

    @property
    def payloads(self) -> tuple[str, ...]:
        """Everything recorded that a pull reads."""
        return (*(page for listing in self.listings.values() for page in listing.pages), *self.files)

    def recorded(self, name: str) -> Path:
        """A recorded payload of this kind."""
        return RECORDED / self.kind / name
