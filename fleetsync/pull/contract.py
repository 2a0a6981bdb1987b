"""What a connector offers, and what it is given: the one agreement between the house and `connectors/`.

A connector is a module with `PARTS`, `Settings`, `pull`, `normalise` and, if it can, `probe`. It says which addresses
and files to read and what a record means; time limits, tokens, retries, keys, masking and SQL are never its business.
This module holds plain values and Protocols. It opens no connection, and no secret in it can be printed.
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
from fleetsync.core.model import PartRole, Record, RecordType

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# ---------------------------------------------------------------------------------------------------- errors by remedy


class PullError(Exception):
    """A pull or a record could not be read. The text is for people: what happened, to what, what to do next.

    It never holds a secret, a query string, or a value read from a source.
    """


class SourceUnavailable(PullError):
    """Try later: the source or the road to it is down, slow, or answered with something torn."""


class PageTokenExpired(SourceUnavailable):
    """The source forgot where a listing was. Starting it again from the first page, once, is worth trying."""


class Stopped(SourceUnavailable):
    """The daemon is stopping: nothing is wrong with the source, and nothing needs to be said about it."""


class SourceRefused(PullError):
    """A person must act: a credential, a permission, an address or a file is wrong. The text says what to do."""


class QueryRefused(SourceRefused):
    """The source does not take what was asked for (400, 422): a filter it does not know. Asking for less may be worth it."""


class PartMissing(PullError):
    """This system does not have the part (an edition, a cloud or a licence without it). Not the same as "none"."""


class RecordError(PullError):
    """One record cannot be used: `RecordError("serialNumber is empty")`. The reason is counted, so it holds no value."""


# ------------------------------------------------------------------------------------------------- what a connector has

RawRecord: TypeAlias = Any
"""One record as the connector decoded it: its own struct of just the fields it keeps, or a row of a file."""


@dataclass(frozen=True, slots=True)
class Part:
    """A listing that is pulled, judged, aged and decided by itself: `Part("devices", (RecordType.DEVICE,))`.

    *role*: what the part is to us; it decides whose silence means what. *after* names parts of the same connector that are pulled earlier in a run. *expects_mdm*: what is known here should
    be in an MDM too (registers and purchases, not lists). *reads* "some": a pull adds and changes, never marks absent,
    and keeps a bookmark (`Page.mark`). *optional*: `PartMissing` is no failure.
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
    """A credential of the source's own that runs out, such as the yearly token between an MDM and Apple."""

    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """A word of the source's that the connector does not know. *value* is a word of its schema, never personal: of a cell
    of a file, in which anybody writes anything, see `files.reportable_word`.
    """

    field: str
    value: str


NormalisedItem: TypeAlias = Record | Credential | UnknownValue
"""What one raw record can become."""


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a part.

    *total*: how many records the source says the part has in all, where it says so. *as_of*: the day the content speaks
    for; None is now. *scope*: what the page belongs to and what is whole when the pull ends; None is the part; a list's
    is its file and unit. *mark*: the bookmark of a part that reads some. *fingerprint*: of the file it came from.
    *rejected*: one reason per record that could not even be decoded. *drift*: unknown words met outside of any record.
    """

    raws: Sequence[RawRecord]
    total: int | None = None
    as_of: date | None = None
    scope: str | None = None
    mark: str | None = None
    fingerprint: str | None = None
    rejected: tuple[str, ...] = ()
    drift: tuple[UnknownValue, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One line of `fleetsync check`: what was asked of which part (None: of the source), and what to do if not *ok*."""

    part: str | None
    ok: bool
    what: str
    remedy: str = ""


# ---------------------------------------------------------------------------------------------- how a source is signed in


@dataclass(frozen=True, slots=True)
class NoAuth:
    """The source asks for nothing."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that a person made and pasted; nothing renews it."""

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
    """A client certificate on the connection itself, to the source and to its token endpoint; *then* what comes above.

    Files, since the TLS library reads files; the key must not be encrypted.
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
"""Where a listing goes on: a link as received, or the whole new query of the same address, or nowhere: the end."""


@dataclass(frozen=True, slots=True)
class DecodedResponse(Generic[T_co]):
    """A decoded answer with its headers (names in lower case), for totals and links that are kept there."""

    body: T_co
    headers: Mapping[str, str]


class Client(Protocol):
    """One signed-in road to one origin. Every method raises by remedy and ends soon when the daemon stops.

    *path* is joined to the base URL, or a whole URL of the same origin. *decode* is a msgspec type (or decoder): what it
    does not name never exists in memory. *needs* names the permission, for the text of a refusal. With *may_be_missing*
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
        """As `get`, with the headers."""
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
    ) -> Iterator[T]:
        """Every page of a listing, from the first, until *next_page* says None (or "").

        A link is followed verbatim and only to our origin; a link or query met before is a loop: `SourceUnavailable`.
        A later page refused with 400 or 410 is `PageTokenExpired`. *may_be_missing* is asked of the first page only.
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
        """Send *body* as JSON. Tried again when *idempotent* (a look-up that changes nothing over there), and when it was
        refused for our rate.
        """
        ...


class FileRow(Protocol):
    """A line of a file. A blank cell, and a field that the file has no column for (`has`), are None.

    What cannot be read as asked raises `RecordError` without the value.
    """

    @property
    def number(self) -> int: ...
    def has(self, field: str) -> bool: ...
    def text(self, field: str) -> str | None: ...
    def day(self, field: str) -> date | None: ...
    def amount(self, field: str) -> Decimal | None: ...
    def boolean(self, field: str) -> bool | None: ...


class SourceFile(Protocol):
    """A stable file. *as_of* is the day it speaks for; *fingerprint* that of its bytes.

    *scope*: its name without day and ending, the same for every edition of one list. *lacking*: deciding fields that it
    has no column for.
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
    def rows(self) -> Iterator[FileRow]: ...

    def records(self, build: Callable[[FileRow], T]) -> Iterator[T]:
        """What *build* makes of each row; one for which it raises `RecordError` is rejected."""
        ...

    def pages(self, build: Callable[[FileRow], Any], scope: str | None = None) -> Iterator[Page]:
        """The whole file as pages of what *build* makes, ready to be yielded by `pull`."""
        ...


class Connect(Protocol):
    """What a pull is given: roads out, and the little it may know of the run."""

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
        """Set when the daemon stops. Requests and waits see to it themselves; a long loop of one's own should look."""
        ...

    def __call__(
        self,
        base_url: str,
        auth: Auth,
        *,
        headers: Mapping[str, str] | None = None,
        requests_per_minute: float | None = None,
    ) -> Client:
        """A client for one origin; *requests_per_minute* only where the source documents or needs a pace."""
        ...

    def files(self, pattern: str | Path, columns: Sequence[Any] = (), **reading: Any) -> Iterator[SourceFile]:
        """Stable files of *pattern*, oldest content first, without those of the last complete pull's fingerprint.

        *columns*: `files.Column`s; *reading*: what `files.StableFiles` lets one choose (*form*, *which*, *each_whole*).
        """
        ...

    def token(self, value: str) -> str:
        """A civic number as a token; to be called while decoding, so that the number itself is never kept."""
        ...


# ------------------------------------------------------------------------------------------------- a [[source]] table

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d|w)")
_DURATION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: object) -> timedelta:
    """`"90s"`, `"15m"`, `"1h"`, `"35d"`, `"2w"`; more than nothing. Raises ValueError."""
    if isinstance(text, timedelta):
        return text
    found = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError('must be a time such as "30m", "1h" or "7d"')
    return timedelta(**{_DURATION_UNITS[found[2]]: int(found[1])})


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
    """Whose numbers the numbers of this source are; empty: its own (see `number_namespace`)."""
    counts: tuple[str, ...] = ()
    """The membership types for which this source founds entitlements; for the others it is a witness."""
    counts_at: tuple[str, ...] = ()
    """The units where it does so, where several systems share the municipality; empty: everywhere."""
    trust: int = 0
    """Of two sources that disagree about a field, the one with the higher trust counts."""
    max_shrink_ratio: Ratio = 0.1
    max_growth_ratio: Annotated[float, Field(ge=0)] = 0.25
    turnover_max_shrink_ratio: Ratio = 0.5
    grace_pulls: Annotated[int, Field(ge=0)] = 2
    grace_hours: Annotated[int, Field(ge=0)] = 20
    allow_empty: tuple[str, ...] = ()
    """Parts that may have no record at all."""
    store_names: bool = False
    disabled: bool = False
    time_limit: Duration = timedelta(hours=1)
    """How long a pull of one part may take, waiting included."""
    wait_limit: Duration = timedelta(minutes=10)
    """How much of that may be waiting: between tries, and because the source asks for patience (429, Retry-After)."""
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

        The log never shows it from here on. Raises SourceRefused naming the keys to set, or the file that cannot be read.
        """
        found = self._secret(key)
        log.hide(found.get_secret_value())
        return found

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
        """Pure: one raw record as the house's records; `RecordError` for one that cannot be used."""
        ...


class ProbingConnector(Connector, Protocol):
    """A connector that can tell, with one request per address and permission, what it may read."""

    @property
    def probe(self) -> Callable[[Any, Connect], Iterator[ProbeResult]]: ...
