"""What a connector is given: HTTP clients, files and tokens, as Protocols. Nothing here opens a connection."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from fleetsync.pull.contract.listings import Page, UnknownValue
from fleetsync.pull.contract.signing_in import Auth

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

ParamValue: TypeAlias = str | int | bool | Sequence[str]
Params: TypeAlias = Mapping[str, ParamValue]
Decode: TypeAlias = type[T] | msgspec.json.Decoder[T]
NextPage: TypeAlias = str | Params | None
"""The next page of a listing: a link as received, or the whole new query of the same address; None at the end."""


@dataclass(frozen=True, slots=True)
class DecodedResponse(Generic[T_co]):
    """A decoded response with its headers (names in lower case), for totals and links in headers."""

    body: T_co
    headers: Mapping[str, str]


class Client(Protocol):
    """A signed-in client for one origin. Every method raises a `PullError` and ends soon when the daemon stops.

    *path* is joined to the base URL, or a whole URL of the same origin. *decode* is a msgspec type (or decoder): what it
    does not name is never in memory. *needs* names the permission, for the text of an error. With *may_be_missing*
    the statuses 404, 405 and 501 mean `PartMissing`; without, that the address is wrong (`SourceRefused`). With
    *may_be_forbidden* so does 403: the permission for a part that a source can do without was not granted.
    """

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        decode: Decode[T],
        needs: str = "",
        may_be_missing: bool = False,
        may_be_forbidden: bool = False,
    ) -> T: ...

    def get_with_headers(
        self,
        path: str,
        params: Params | None = None,
        *,
        decode: Decode[T],
        needs: str = "",
        may_be_missing: bool = False,
    ) -> DecodedResponse[T]:
        """As `get`, with the response's headers."""
        ...

    def follow(
        self,
        path: str,
        params: Params | None = None,
        *,
        decode: Decode[T],
        next_page: Callable[[T], NextPage],
        needs: str = "",
        may_be_missing: bool = False,
        may_be_forbidden: bool = False,
        optional_query: bool = False,
    ) -> Iterator[T]:
        """Every page of a listing, from the first, until *next_page* says None (or a blank).

        A link is followed verbatim and only to our origin. A link or query that was read before is a loop, and so are
        pages in a row of which every row was read before: `SourceUnavailable`. So is a listing without an end. A later page
        refused with 400, 403, 404 or 410 is `PageTokenExpired`. *may_be_missing* and *may_be_forbidden* apply to the first
        page only.
        *optional_query*: the source may be asked without (a part of) it, so a failure of the server is `QueryRefused` soon.
        """
        ...

    def follow_with_headers(
        self,
        path: str,
        params: Params | None = None,
        *,
        decode: Decode[T],
        next_page: Callable[[DecodedResponse[T]], NextPage],
        needs: str = "",
        may_be_missing: bool = False,
        may_be_forbidden: bool = False,
        optional_query: bool = False,
    ) -> Iterator[DecodedResponse[T]]:
        """As `follow`, with the headers of each page, for totals and links in them."""
        ...

    def post(
        self,
        path: str,
        body: object = None,
        *,
        decode: Decode[T],
        needs: str = "",
        may_be_missing: bool = False,
        idempotent: bool = False,
    ) -> T:
        """Sends *body* as JSON.

        It is tried again when *idempotent* (a look-up that changes nothing), or when it was refused for our rate.
        """
        ...


class FileRow(Protocol):
    """A row of a file. A blank cell, and a field that the file has no column for (`has`), are None.

    A value that cannot be read raises `RecordError` without the value.
    """

    @property
    def number(self) -> int: ...
    @property
    def place(self) -> str:
        """Where a person finds it: "personal.csv line 17"."""
        ...

    def has(self, field: str) -> bool: ...
    def text(self, field: str) -> str | None: ...
    def day(self, field: str) -> date | None: ...
    def amount(self, field: str) -> Decimal | None: ...
    def boolean(self, field: str) -> bool | None: ...


class SourceFile(Protocol):
    """A stable file. *as_of*: the day that it describes; *fingerprint*: a hash of its bytes.

    *scope*: its name without day and ending, the same for every edition of one list. *missing_fields*: deciding fields
    that it has no column for.
    """

    @property
    def name(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def as_of(self) -> date: ...
    @property
    def modified_at(self) -> datetime: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def missing_fields(self) -> tuple[str, ...]: ...
    @property
    def suspected_fields(self) -> Mapping[str, str]:
        """Fields without a column that may stand under a header that no field took up: field → that header."""
        ...

    @property
    def unused_headers(self) -> tuple[str, ...]: ...
    @property
    def taken_headers(self) -> Mapping[str, str]:
        """Field → the header that it took up."""
        ...

    @property
    def left_out(self) -> tuple[UnknownValue, ...]:
        """Headers that may be a deciding field, and sheets that are not read."""
        ...

    @property
    def problem(self) -> str:
        """Why it cannot be read, where other files of the part can; "" for a file that can."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was passed over around its table, for people."""
        ...

    def rows(self) -> Iterator[FileRow]: ...

    def records(self, build: Callable[[FileRow], T]) -> Iterator[T]:
        """What *build* makes of each row; a row for which it raises `RecordError` is rejected."""
        ...

    def pages(self, build: Callable[[FileRow], Any], scope: str | None = None, misfit: Any = None) -> Iterator[Page]:
        """The whole file as pages of what *build* makes, ready to be yielded by `pull`. *misfit*: see `OpenedFile.records`."""
        ...


class Connect(Protocol):
    """What a pull is given: clients, files, tokens, and a few facts about the run."""

    @property
    def today(self) -> date:
        """The local day of the run."""
        ...

    @property
    def mark(self) -> str | None:
        """The last applied `Page.mark` of a part that reads some."""
        ...

    @property
    def stop(self) -> Event:
        """Set when the daemon stops. Requests and waits check it themselves; a long loop of a connector should check it."""
        ...

    def __call__(
        self,
        base_url: str,
        auth: Auth,
        *,
        headers: Mapping[str, str] | None = None,
        requests_per_minute: float | None = None,
        first_byte_seconds: float | None = None,
    ) -> Client:
        """A client for one origin. *requests_per_minute*: only where the source documents or needs a limit. All sources that
        read from the same origin share the pace.

        *first_byte_seconds*: how long a response may take to begin, only where a source makes a whole listing of one.
        """
        ...

    def files(self, pattern: str | Path, columns: Sequence[Any] = (), **reading: Any) -> Iterator[SourceFile]:
        """Stable files of *pattern*, oldest content first, without those of the last complete pull's fingerprint.

        *columns*: `files.FileColumn`s; *reading*: options of `files.StableFiles` (*form*, *which*, *each_whole*,
        *reads_together*, *scopes*, *layouts*).
        """
        ...

    def token(self, value: str) -> str:
        """A civic number as a token. Call it while decoding, so that the number itself is never kept."""
        ...
