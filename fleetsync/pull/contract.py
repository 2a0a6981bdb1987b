"""The contract of a connector: what it offers, and what it is given.

A connector is a module with `PARTS`, `Settings`, `pull`, `normalise` and, if it can, `probe`. It says which addresses
and files to read and what a record means. Time limits, tokens, retries, keys, masking and SQL are done elsewhere.
This module holds plain values and Protocols. It opens no connection, and no secret in it can be printed.

**Ids.** A record's id is what the source calls it. Where the source gives none, the id is made of facts of the row, and the
same rule holds for each of them: *a fact that cannot be read must not become another id*, or the record that is believed
would vanish beside a new one. Nothing in place of the fact and nothing guessed may stand in it. Such a row is given as an
`UncertainRecord` where only some of the facts are lost, and as a `RecordError` or `RejectedRecord` where nobody can say whose
row it is. A number behind an id (`a/2`, the second row of that name) counts as part of it: an unreadable row `a` may be any.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Generic, Literal, Protocol, TypeAlias, TypeVar

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, SecretStr

from fleetsync import log
from fleetsync.core.model import DroppedKind, PartRole, Record, RecordType

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# ---------------------------------------------------------------------------------------------------- errors by remedy


class PullError(Exception):
    """A pull or a record could not be read. The text is for people: what happened, to what, what to do next.

    It never holds a secret, a query string, or a value read from a source.
    """


class SourceUnavailable(PullError):
    """Try later: the source or the network is down or slow, or a response was incomplete."""


class WrongAnswer(SourceUnavailable):
    """The source answered with something else than documented: a notice of maintenance, an error in place of a page, another host.

    Such an answer mostly passes by itself. Where it stays from the first pull on, the address is wrong, and the text says so.
    """


class PageTokenExpired(SourceUnavailable):
    """The source no longer knows the page token of a listing. Reading it again from the first page may help, once."""


class Stopped(SourceUnavailable):
    """The daemon is stopping. Nothing is wrong with the source, and nothing is reported."""


class SourceRefused(PullError):
    """A person must act: a credential, a permission, an address or a file is wrong. The text says what to do."""


class AccessRefused(SourceRefused):
    """A credential or a permission was refused at the door: at the token address, or at the first page of a listing.

    After two in a row the part waits some hours before it is asked again, since asking can lock an account.
    """


class QueryRefused(SourceRefused):
    """The source refuses the query (400, 422), for instance an unknown filter. A simpler query may work.

    Of an *optional_query* also 500 and 501: some servers fail on a filter that they do not know.
    """


class PartMissing(PullError):
    """This system does not have the part (an edition, a cloud or a licence without it). This is not the same as "none".

    *has_json*: whether the response that said so was JSON. Where a system always answers in JSON, a 404 without it came from
    another host or from a gateway in between, and says nothing about the part.
    """

    def __init__(self, text: str, *, has_json: bool = True) -> None:
        super().__init__(text)
        self.has_json = has_json


class RecordError(PullError):
    """One record cannot be read: `RecordError("start is not a date", source_id="4711")`. A reason never holds a value.

    With *source_id* (and *record_type*, where the part has several) the record is present and unreadable: what is believed of it
    stays. Without, nobody can say which record it was, and nothing of its scope is taken for absent by this pull.
    *place*: where a person finds it, such as "personal.csv line 17"; default: the id.
    """

    def __init__(
        self, reason: str, *, source_id: str | None = None, record_type: RecordType | None = None, place: str = ""
    ) -> None:
        super().__init__(reason)
        self.source_id, self.record_type, self.place = source_id, record_type, place or source_id or ""


# ------------------------------------------------------------------------------------------------- what a connector has

RawRecord: TypeAlias = Any
"""One record as the connector decoded it: its own struct of just the fields it keeps, or a row of a file."""


@dataclass(frozen=True, slots=True)
class Part:
    """A listing that is pulled, checked and applied by itself: `Part("devices", (RecordType.DEVICE,))`.

    *role*: the kind of system (roster, MDM, list …); it decides what it means when a device or person is missing from
    the part. *after*: parts of the same connector that are pulled earlier in a run. *expects_mdm*: devices known here
    should be in an MDM too (registers and purchases, not lists). *reads* "some": a pull adds and changes, never marks
    absent, and keeps a bookmark (`Page.mark`). *optional*: `PartMissing` is no failure.
    """

    name: str
    types: tuple[RecordType, ...]
    role: PartRole = PartRole.ROSTER
    after: tuple[str, ...] = ()
    expects_mdm: bool = False
    reads: Literal["whole", "some"] = "whole"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential of the source that expires, such as the yearly token between an MDM and Apple."""

    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """A word of the source that the connector does not know.

    *value* is a word of the source's schema and never personal. People write anything into a cell of a file: see
    `decoding.reportable_word`.
    """

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class UnreadableFact:
    """A field of a record that was filled in and could not be read. The record itself is kept, without the fact.

    The record names the field in `unreadable` too, where it decides something. *reason* never holds a value.
    """

    field: str
    reason: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """A row that was read and is left out on purpose, such as a mailbox among devices. It is counted and shown."""

    kind: DroppedKind


@dataclass(frozen=True, slots=True)
class MarkWord:
    """The word by which a source marks one person as protected, and the field that it stands in.

    A cell of a file may name a person: the word is shown only where it marks many.
    """

    field: str
    word: str


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that could not be decoded; the fields are those of `RecordError`.

    *is_prefix*: *source_id* is what the ids of all records begin with that this may have been, up to a slash.
    """

    reason: str
    place: str = ""
    source_id: str | None = None
    record_type: RecordType | None = None
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class UncertainRecord:
    """A record whose id is made of facts of which one could not be read, such as the first day of an employment.

    *id_prefix*: what the ids of all records begin with that it may be, up to a slash and with it. Where one of those is
    believed and no other row of the pull is it, this row is that record: present and unreadable, and what is believed of it
    stays. Else *record* is new; its own id has a "?" in place of the fact, and its `unreadable` names what cannot be decided.
    *facts*: those of the id, with their places.
    """

    record: Record
    id_prefix: str
    facts: tuple[UnreadableFact, ...] = ()


NormalisedItem: TypeAlias = (
    Record | UncertainRecord | Credential | UnknownValue | UnreadableFact | DroppedRow | MarkWord
)
"""What one raw record can become."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a part's raw records.

    *total*: how many records the part has in all, where the source says so. *as_of*: the day that the content describes;
    None is now. *scope*: what is complete when the pull ends, and so what absence is judged within: None is the part; a
    device list's is its file and unit. *mark*: the bookmark of a part that reads "some". *fingerprint*: of the file it
    came from. *rejected*: records that could not be decoded. *drift*: unknown words outside of any record. *unused_headers*:
    of a file, the headers that no field took up; *file*: its name. *is_whole* False: the scope is there and could not be
    read, so that nothing of it is taken for absent and its day stays.
    """

    raws: Sequence[RawRecord]
    total: int | None = None
    as_of: date | None = None
    scope: str | None = None
    mark: str | None = None
    fingerprint: str | None = None
    rejected: tuple[RejectedRecord, ...] = ()
    drift: tuple[UnknownValue, ...] = ()
    file: str = ""
    unused_headers: tuple[str, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One line of `fleetsync check`: the result for a part (None: for the source), and what to do if it is not *ok*."""

    part: str | None
    ok: bool
    what: str
    remedy: str = ""


# ---------------------------------------------------------------------------------------------- signing in to a source


@dataclass(frozen=True, slots=True)
class NoAuth:
    """The source needs no sign-in."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that a person created and configured; it is never renewed."""

    token: SecretStr


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in a header of the source's own, such as `X-API-Key`."""

    header: str
    value: SecretStr


@dataclass(frozen=True, slots=True)
class Basic:
    """HTTP Basic."""

    user: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """OAuth 2 client credentials with a secret. *style*: the secret in the form body, or as HTTP Basic.

    *extra*: further form fields that the token endpoint wants (`audience`, `resource`).
    """

    token_url: str
    client_id: str
    secret: SecretStr
    scope: str = ""
    style: Literal["body", "basic"] = "body"
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """OAuth 2 client credentials with a certificate, as Entra wants it (RFC 7523, `x5t#S256` or `x5t`)."""

    token_url: str
    client_id: str
    certificate_pem: str
    key_pem: SecretStr
    key_password: SecretStr | None = None
    scope: str = ""
    alg: Literal["PS256", "RS256"] = "PS256"


@dataclass(frozen=True, slots=True)
class SignedAssertion:
    """OAuth 2 client credentials with an ES256 assertion, as Apple wants it. *audience* is not the token address."""

    token_url: str
    client_id: str
    key_pem: SecretStr
    key_id: str
    audience: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A Google service account (JWT bearer grant, RS256). *subject*: the administrator it acts for.

    *audience*: what the signed request names as its receiver; Google's own address even where *token_url* is another.
    """

    token_url: str
    email: str
    key_pem: SecretStr
    subject: str
    scopes: tuple[str, ...]
    key_id: str = ""
    audience: str = "https://oauth2.googleapis.com/token"


@dataclass(frozen=True, slots=True)
class MutualTls:
    """A client certificate on the connection itself, to the source and to its token endpoint. *inner_auth*: the sign-in on top.

    The TLS library reads them from files; the key must not be encrypted.
    """

    certificate_file: Path
    key_file: Path
    inner_auth: "Auth" = field(default_factory=NoAuth)


Auth: TypeAlias = (
    NoAuth | Bearer | ApiKey | Basic | ClientSecret | ClientCertificate | SignedAssertion | ServiceAccount | MutualTls
)

# ------------------------------------------------------------------------------------------------ what a connector is given

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
    the statuses 404, 405 and 501 mean `PartMissing`; without, that the address is wrong (`SourceRefused`).
    """

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        decode: Decode[T],
        needs: str = "",
        may_be_missing: bool = False,
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
        optional_query: bool = False,
    ) -> Iterator[T]:
        """Every page of a listing, from the first, until *next_page* says None (or a blank).

        A link is followed verbatim and only to our origin. A link or query that was read before is a loop, and so are
        pages in a row of which every row was read before: `SourceUnavailable`. So is a listing without an end. A later page
        refused with 400, 403, 404 or 410 is `PageTokenExpired`. *may_be_missing* applies to the first page only.
        *optional_query*: the source may be asked without (a part of) it, so a failure of the server is `QueryRefused` soon.
        """
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
        """A client for one origin. *requests_per_minute*: only where the source documents or needs a limit.

        *first_byte_seconds*: how long a response may take to begin, only where a source makes a whole listing of one.
        """
        ...

    def files(self, pattern: str | Path, columns: Sequence[Any] = (), **reading: Any) -> Iterator[SourceFile]:
        """Stable files of *pattern*, oldest content first, without those of the last complete pull's fingerprint.

        *columns*: `files.FileColumn`s; *reading*: options of `files.StableFiles` (*form*, *which*, *each_whole*).
        """
        ...

    def token(self, value: str) -> str:
        """A civic number as a token. Call it while decoding, so that the number itself is never kept."""
        ...


# ------------------------------------------------------------------------------------------------- a [[source]] table

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d|w)")
_DURATION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: object) -> timedelta:
    """`"90s"`, `"15m"`, `"1h"`, `"35d"`, `"2w"`; more than nothing. Raises ValueError."""
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError('must be a time such as "30m", "1h" or "7d"')
    return timedelta(**{_DURATION_UNITS[match[2]]: int(match[1])})


Duration: TypeAlias = Annotated[timedelta, BeforeValidator(parse_duration)]
Ratio: TypeAlias = Annotated[float, Field(ge=0, le=1)]
SourceName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class SourceSettings(BaseModel):
    """The keys that every `[[source]]` table has; a connector's `Settings` adds its own. Frozen; unknown keys are errors.

    A secret is declared as two fields, `x: SecretStr | None = None` (given by the environment alone) and
    `x_file: Path | None = None`, and read with `secret("x")` at each pull, so that a new one needs no restart.
    Folders to look for `<name>-<x>` in are given as validation context: `model_validate(table, context={"secrets_dirs":
    (Path(...),)})`; no key of the table can name them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: str
    name: SourceName
    every: Duration = timedelta(hours=1)
    expected_every: Duration | None = None
    """How often new content is due, where that is not *every* (a monthly file: 35d)."""
    namespace: str = ""
    """The namespace of this source's numbers, shared by sources with the same numbers; empty: its own."""
    counts: tuple[str, ...] = ()
    """The membership types for which this source is the basis of entitlements; for the others it is a witness."""
    counts_at: tuple[str, ...] = ()
    """The units for which that holds, where several systems share the municipality; empty: everywhere."""
    trust: int = 0
    """When two sources disagree about a field, the higher trust counts."""
    max_shrink_ratio: Ratio = 0.1
    max_growth_ratio: Annotated[float, Field(ge=0)] = 0.25
    turnover_max_shrink_ratio: Ratio = 0.5
    grace_pulls: Annotated[int, Field(ge=0)] = 2
    """A missing record is gone after this many further complete pulls; 0: with the first, and no hours are waited."""
    grace_hours: Annotated[int, Field(ge=0)] = 20
    allow_empty: tuple[str, ...] = ()
    """Parts that may be empty."""
    without: tuple[str, ...] = ()
    """Parts that this system does not have, or that are not wanted: they are never read. `["children"]`"""
    store_names: bool = False
    disabled: bool = False
    time_limit: Duration = timedelta(hours=1)
    """How long a pull of one part may take, waiting included."""
    wait_limit: Duration = timedelta(minutes=10)
    """How much of that may be waiting: between attempts, and because the source limits the rate (429, Retry-After)."""
    proxy: str | None = Field(default=None, repr=False)
    """Overrides `[network] proxy`; empty: no proxy."""
    no_proxy: tuple[str, ...] | None = None
    ca_file: Path | None = None

    _secrets_dirs: tuple[Path, ...] = PrivateAttr(default=())

    def model_post_init(self, context: Any, /) -> None:
        self._secrets_dirs = tuple((context or {}).get("secrets_dirs", ()))

    @property
    def number_namespace(self) -> str:
        """The namespace of this source's numbers: its own name, so that two sources meet only when declared."""
        return self.namespace or self.name

    @property
    def freshness_limit(self) -> timedelta:
        """How old the content may grow before it is late."""
        return self.expected_every or self.every

    def secret(self, key: str) -> SecretStr:
        """The secret *key* as it is now: environment, then `<key>_file`, then the folders for secrets.

        The log hides it from here on. Raises SourceRefused naming the keys to set, or the file that cannot be read.
        """
        secret = self._secret(key)
        log.hide(secret.get_secret_value())
        return secret

    def _secret(self, key: str) -> SecretStr:
        value = getattr(self, key)
        if isinstance(value, SecretStr):
            return value
        file = self._secret_file(key)
        if file is None:
            raise SourceRefused(
                f"{self.name}: no {key} is set. Put it in a file and name that as {key}_file in the [[source]] table, "
                f"or offer it to the daemon as the credential {self.name}-{key}"
            )
        return SecretStr(self._read(key, file))

    def has_secret(self, key: str) -> bool:
        """Whether *key* is set in any of the ways that `secret` knows."""
        return isinstance(getattr(self, key), SecretStr) or self._secret_file(key) is not None

    def _secret_file(self, key: str) -> Path | None:
        named: Path | None = getattr(self, f"{key}_file")
        if named is not None:
            return named
        offered = (folder / f"{self.name}-{key}" for folder in self._secrets_dirs)
        return next((file for file in offered if file.is_file()), None)

    def _read(self, key: str, file: Path) -> str:
        try:
            text = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "it is not text"
            raise SourceRefused(f"{self.name}: {key}_file {file} cannot be read ({cause})") from None
        if not text:
            raise SourceRefused(f"{self.name}: {key}_file {file} is empty. Write the secret into it")
        return text


# -------------------------------------------------------------------------------------------------------- the module itself


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
