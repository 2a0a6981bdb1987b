"""A connector's case for the contract suite: its table, its recorded payloads, and how many records they hold.

A connector `connectors/<kind>.py` has `tests/connectors/<kind>_case.py` with one `CASE`, and its payloads, of invented
people, under `tests/recorded/<kind>/`. Values in the payloads that must never be kept contain CANARY.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent.parent / "recorded"
CANARY = "kanarie"
SECRET = "hemlig-7f3a-mycket"

Query = Mapping[str, list[str]]


def _only_page(query: Query) -> int:
    return 0


def _without_link(body: Any, here: str, following: int | None) -> Any:
    return body


@dataclass(frozen=True)
class RecordedListing:
    """A listing of an API: *pages* are recorded bodies, in order. An unpaged listing has one, and needs nothing else.

    *page_of*: which page (from 0) a query asks for. *with_next_link*: a body (recorded, whole address of the listing
    without a query, number of the following page or None) with its link to the following page. *id_field*: the field of a
    row that holds its id.
    """

    path: str
    pages: tuple[str, ...]
    page_of: Callable[[Query], int] = _only_page
    with_next_link: Callable[[Any, str, int | None], Any] = _without_link
    id_field: str = "id"


@dataclass(frozen=True)
class ConnectorCase:
    """*table*: the `[[source]]` table; `{server}` and `{folder}` in its values are the stub server's address, and a folder.

    Secrets of the table, whatever their key, have the value SECRET. *expected_counts*: by part how many records of each
    type the recorded payloads hold. *listings*: by part, of an API. *also_served*: further addresses that a part asks, which
    are never made to fail. *token_paths*: where the stub server gives tokens; none for Basic, Bearer and API keys. *files*:
    recorded files, put into the folder before each pull. *is_set*: they are one whole, of which no file can be missing.
    """

    kind: str
    table: Mapping[str, Any]
    expected_counts: Mapping[str, Mapping[str, int]]
    listings: Mapping[str, RecordedListing] = field(default_factory=dict)
    also_served: tuple[RecordedListing, ...] = ()
    token_paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    is_set: bool = False

    def filled_table(self, server: str, folder: Path) -> dict[str, Any]:
        """The table for a stub server at *server* and files in *folder*."""
        names = {"server": server, "folder": str(folder)}
        return {key: value.format(**names) if isinstance(value, str) else value for key, value in self.table.items()}

    @property
    def payloads(self) -> tuple[str, ...]:
        """Everything recorded that a pull reads."""
        listings = (*self.listings.values(), *self.also_served)
        return (*(page for listing in listings for page in listing.pages), *self.files)

    def recorded(self, name: str) -> Path:
        """A recorded payload of this kind."""
        return RECORDED / self.kind / name
