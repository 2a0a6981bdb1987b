"""What every source that is read through Microsoft Graph shares: its sign-in, its listings, and what a check of it says.

The sign-in is that of an app registration in Entra, by a secret or a certificate. Nothing here knows what a row means.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from pydantic import AfterValidator, Field, SecretStr

from fleetsync.pull.contract import (
    Auth,
    Client,
    ClientCertificate,
    ClientSecret,
    Connect,
    Credential,
    CredentialUse,
    Page,
    Params,
    Part,
    ProbeResult,
    SourceRefused,
    SourceSettings,
)
from fleetsync.pull.decoding import ReadRows, SourceRow, credential_result, known_text, probe_part

GraphVersion = Literal["v1.0", "beta"]

NULL_GUID = "00000000-0000-0000-0000-000000000000"
RENEWAL = "Make a new one under Certificates & secrets of the app registration, put it here, correct credential_expires"


def _one_tenant(tenant: str) -> str:
    if tenant.casefold() in {"common", "organizations", "consumers"}:
        raise ValueError("must be the id of one tenant: an application cannot sign in to all of them")
    return tenant


class GraphSettings(SourceSettings):
    """The keys by which a source signs in to Microsoft Graph: a secret or a certificate; of both, the certificate is used."""

    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$"), AfterValidator(_one_tenant)]
    """The directory (tenant) id. It is the namespace of object ids, so write the id, not a domain, in every source."""
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    certificate_file: Path | None = None
    """The certificate of the app registration, PEM; its private key is `key_file`."""
    key: SecretStr | None = None
    key_file: Path | None = None
    key_password: SecretStr | None = None
    key_password_file: Path | None = None
    signature: Literal["PS256", "RS256"] = "PS256"
    credential_expires: date | None = None
    """When secret or certificate runs out, as the portal shows it; `fleetsync check` warns thirty days ahead."""
    authority: str = "https://login.microsoftonline.com"
    graph_root: str = "https://graph.microsoft.com"

    def client(self, connect: Connect, version: GraphVersion, headers: Mapping[str, str] | None = None) -> Client:
        """A signed-in client. Raises SourceRefused where the secret, or the certificate, cannot be read."""
        return connect(f"{self.graph_root.rstrip('/')}/{version}", self._sign_in(), headers=headers)

    def _sign_in(self) -> Auth:
        token_url = f"{self.authority.rstrip('/')}/{self.tenant}/oauth2/v2.0/token"
        scope = f"{self.graph_root.rstrip('/')}/.default"
        if self.certificate_file is None:
            return ClientSecret(token_url, self.client_id, self.secret("client_secret"), scope)
        return ClientCertificate(
            token_url,
            self.client_id,
            _certificate(self.name, self.certificate_file),
            self.secret("key"),
            self.secret("key_password") if self.has_secret("key_password") else None,
            scope,
            self.signature,
        )

    def own_credential_pages(self) -> Iterator[Page]:
        """When our own secret or certificate runs out, if that is configured: no listing says it."""
        if self.credential_expires is not None:
            name = "certificate" if self.certificate_file else "client secret"
            yield Page(
                [Credential(name, datetime.combine(self.credential_expires, time(), UTC), CredentialUse.SIGN_IN)]
            )

    def remedy(self, permission: str) -> str:
        """What to do in the portal when *permission*, or the sign-in, is refused."""
        return (
            f"Entra admin center > App registrations > {self.client_id}: under API permissions add the application "
            f"permission {permission} of Microsoft Graph and grant admin consent; under Certificates & secrets check that "
            "the credential is the one named here"
        )


def _certificate(source: str, file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not PEM text"
        raise SourceRefused(f"{source}: certificate_file {file} cannot be read ({cause})") from None


# ------------------------------------------------------------------------------------------------------------ listings


class GraphPage(msgspec.Struct, frozen=True):
    """One page of a listing. Its rows are read one by one: an odd value costs its fact, not the page.

    *count*: of the directory, the objects in all, where `$count` was asked for; of Intune, the rows of the page.
    """

    value: list[msgspec.Raw]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")
    count: int | None = msgspec.field(default=None, name="@odata.count")


def follow_listing(
    client: Client,
    path: str,
    query: Params,
    *,
    needs: str,
    is_extra: bool = False,
    optional_query: bool = False,
) -> Iterator[GraphPage]:
    """Every page of a listing. *is_extra*: a tenant may lack it, and may not have granted the permission it *needs*."""
    return client.follow(
        path,
        query,
        decode=GraphPage,
        next_page=lambda page: page.next_link,
        needs=needs,
        may_be_missing=is_extra,
        may_be_forbidden=is_extra,
        optional_query=optional_query,
    )


def page_of(read: ReadRows[SourceRow], total: int | None = None) -> Page:
    """The rows of a page, and what of them could not be read."""
    return Page([*read.rows, *read.facts], total=total, rejected=tuple(read.rejected))


def select_fields(row: type[SourceRow], without: frozenset[str] = frozenset()) -> str:
    """The fields of *row* as `$select` names them; *without*: attributes that this version does not have."""
    fields = (field for field in msgspec.structs.fields(row) if field.name not in {"unreadable", *without})
    return ",".join(field.encode_name for field in fields)


def known_guid(value: object) -> str | None:
    """An id; None for a blank and for the null guid, which all objects without one share."""
    text = known_text(value)
    return None if text == NULL_GUID else text


# --------------------------------------------------------------------------------------------------------------- check


def probe_credential(settings: GraphSettings, connect: Connect) -> Iterator[ProbeResult]:
    """Whether our own credential still works, if it is configured when it runs out."""
    if settings.credential_expires is not None:
        yield credential_result(settings.credential_expires, connect.today, RENEWAL)


def probe_listing(
    settings: GraphSettings,
    part: Part,
    permission: str,
    has_rows: Callable[[], bool],
    empty: str,
    *,
    is_needed: bool = True,
) -> ProbeResult:
    """Asks for one row of *part* and says whether *permission* is granted. *empty*: what it means that there is none.

    *is_needed* False: a tenant may lack the part, or its permission, and can do without it.
    """
    without = "" if is_needed else f'where {part.name} is not wanted: without = ["{part.name}"]'
    return probe_part(
        part,
        has_rows,
        readable=f"{permission} is granted; the first page holds {part.name.replace('_', ' ')}",
        empty=f"{permission} is granted; the first page is empty: {empty}",
        remedy="; ".join(filter(None, (settings.remedy(permission), without))),
        missing_remedy=without,
        is_needed=is_needed,
    )


def signed_in_result(settings: GraphSettings) -> ProbeResult:
    """Says as whom a request that succeeded was made."""
    return ProbeResult(None, ok=True, what=f"signed in to the tenant {settings.tenant} as {settings.client_id}")
