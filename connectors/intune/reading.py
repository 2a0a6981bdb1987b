"""Which addresses are asked for a part of Intune, and by which version of Graph."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from connectors.intune.purchases import APPLE, AUTOPILOT, CORPORATE, listed_id_or_none, without_telephone_number
from connectors.intune.schema import (
    AppleDevice,
    AppToken,
    AutopilotDevice,
    CorporateIdentifier,
    EnrolmentToken,
    ManagedDevice,
    PrimaryUser,
    PushCertificate,
)
from connectors.intune.settings import Settings
from fleetsync.core.model import PartRole, RecordType
from fleetsync.pull.contract import Client, Connect, Page, Params, Part, PartMissing, ProbeResult
from fleetsync.pull.decoding import RowReader, SourceRow, fold_text, pages_of_accepted_query
from fleetsync.pull.microsoft_graph import (
    GraphPage,
    follow_listing,
    page_of,
    probe_credential,
    probe_listing,
    select_fields,
    signed_in_result,
)

DEVICES = Part("devices", (RecordType.DEVICE,), role=PartRole.MDM)
_purchases = partial(Part, types=(RecordType.DEVICE,), role=PartRole.PURCHASES, expects_mdm=True, may_be_empty=True)
_credentials = partial(Part, types=(), role=PartRole.PURCHASES, may_be_empty=True)
PARTS = (
    DEVICES,
    _purchases("autopilot"),
    _purchases("corporate_identifiers"),
    _purchases("apple_enrolment"),
    _credentials("push_certificate"),
    _credentials("app_tokens"),
)
PERMISSION = "DeviceManagementManagedDevices.Read.All"
SERVICE_PERMISSION = "DeviceManagementServiceConfig.Read.All"
DEVICES_PATH = "deviceManagement/managedDevices"
ENROLMENT_TOKENS_PATH = "deviceManagement/depOnboardingSettings"
PAGE_SIZE = 500  # 1000 is allowed; full pages gave 504 for days in large tenants (Intune-PowerShell-SDK#146)


# ------------------------------------------------------------------------------------------------------------- reading


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """A part whole, 500 rows a page.

    The expiry of our own credential comes first, with the devices, so that it is known even when sign-in fails.
    """
    if part == DEVICES.name:
        yield from settings.own_credential_pages()
    yield from _READERS[part](settings, connect, PAGE_SIZE)


def _read_devices(settings: Settings, connect: Connect, size: int) -> Iterator[Page]:
    client = _client(settings, connect, is_beta=settings.beta)
    reader = RowReader[SourceRow](ManagedDevice, record_type=RecordType.DEVICE)
    fields = select_fields(ManagedDevice, frozenset() if settings.beta else frozenset({"lost_mode_state"}))
    for listing in _device_listings(client, fields, size):
        read = reader.read(listing.value)
        read.rows[:] = [_with_primary_user(row, settings.enrollers, client) for row in read.rows]
        yield page_of(read)


def _device_listings(client: Client, fields: str, size: int) -> Iterator[GraphPage]:
    """The pages of the listing. A server that fails on `$select` is asked without it; what is not kept is not decoded then."""
    narrow: Params = {"$select": fields, "$top": size}
    return pages_of_accepted_query(
        follow_listing(client, DEVICES_PATH, narrow, needs=PERMISSION, optional_query=True),
        follow_listing(client, DEVICES_PATH, {"$top": size}, needs=PERMISSION),
    )


def _with_primary_user(row: SourceRow, enrollers: Sequence[str], client: Client) -> SourceRow:
    """*row* with its primary user in place of the listed one, where that is one of *enrollers*.

    The list may name whom a device was enrolled by. A primary user who is one of *enrollers* too is nobody.
    """
    if not isinstance(row, ManagedDevice) or not row.id or not _is_enroller(row.user_principal_name, enrollers):
        return row
    path = f"{DEVICES_PATH}/{quote(row.id, safe='')}/users"
    try:
        response = client.get(
            path, {"$select": select_fields(PrimaryUser)}, decode=GraphPage, needs=PERMISSION, may_be_missing=True
        )
    except PartMissing:
        users: list[SourceRow] = []  # it was removed meanwhile
    else:
        users = RowReader[SourceRow](PrimaryUser).read(response.value).rows
    user = next((each for each in users if isinstance(each, PrimaryUser)), PrimaryUser())
    if _is_enroller(user.user_principal_name, enrollers):
        user = PrimaryUser()
    return msgspec.structs.replace(
        row, user_id=user.id, user_principal_name=user.user_principal_name, email_address=user.mail
    )


def _is_enroller(login: str | None, enrollers: Sequence[str]) -> bool:
    return any(fnmatchcase(fold_text(login), pattern.casefold()) for pattern in enrollers)


def _read_autopilot(settings: Settings, connect: Connect, size: int) -> Iterator[Page]:
    """Without `$select` and `$filter`: the first makes the whole listing fail, the second fails on serials with hyphens."""
    client = _client(settings, connect, is_beta=False)
    reader = RowReader[SourceRow](AutopilotDevice, normalise_id=partial(listed_id_or_none, AUTOPILOT))
    return _extra_pages(client, "deviceManagement/windowsAutopilotDeviceIdentities", reader, {"$top": size})


def _read_corporate_identifiers(settings: Settings, connect: Connect, size: int) -> Iterator[Page]:
    client = _client(settings, connect, is_beta=True)
    reader = RowReader[SourceRow](CorporateIdentifier, normalise_id=partial(listed_id_or_none, CORPORATE))
    for page in _extra_pages(client, "deviceManagement/importedDeviceIdentities", reader, {"$top": size}):
        # The number of a telephone goes before anything else sees it.
        yield replace(page, raws=[without_telephone_number(row) for row in page.raws])


def _read_apple_enrolment(settings: Settings, connect: Connect, size: int) -> Iterator[Page]:
    """The enrolment tokens, then the devices of each."""
    client = _client(settings, connect, is_beta=True)
    tokens: list[str] = []
    for page in _extra_pages(
        client, ENROLMENT_TOKENS_PATH, RowReader[SourceRow](EnrolmentToken, essential=("id",)), {}
    ):
        tokens += (row.id for row in page.raws if isinstance(row, EnrolmentToken) and row.id)
        yield page
    reader = RowReader[SourceRow](AppleDevice, essential=("isDeleted",), normalise_id=partial(listed_id_or_none, APPLE))
    for token in dict.fromkeys(tokens):
        path = f"{ENROLMENT_TOKENS_PATH}/{quote(token, safe='')}/importedAppleDeviceIdentities"
        for listing in follow_listing(client, path, {"$top": size}, needs=SERVICE_PERMISSION):
            yield page_of(reader.read(listing.value))


def _read_push_certificate(settings: Settings, connect: Connect, size: int) -> Iterator[Page]:
    """A tenant without Apple devices has none, and says 404."""
    path = "deviceManagement/applePushNotificationCertificate"
    client = _client(settings, connect, is_beta=False)
    try:
        certificate = client.get(
            path, decode=PushCertificate, needs=PERMISSION, may_be_missing=True, may_be_forbidden=True
        )
    except PartMissing as missing:
        if missing.is_forbidden or not missing.has_json:
            raise
        yield Page([])
    else:
        yield Page([certificate])


def _read_app_tokens(settings: Settings, connect: Connect, size: int) -> Iterator[Page]:
    client = _client(settings, connect, is_beta=False)
    reader = RowReader[SourceRow](AppToken, essential=("id",))
    return _extra_pages(client, "deviceAppManagement/vppTokens", reader, {})


def _extra_pages(client: Client, path: str, reader: RowReader[SourceRow], query: Params) -> Iterator[Page]:
    """The pages of a listing that a tenant may lack, or may not have granted."""
    for listing in follow_listing(client, path, query, needs=SERVICE_PERMISSION, is_extra=True):
        yield page_of(reader.read(listing.value))


def _client(settings: Settings, connect: Connect, *, is_beta: bool) -> Client:
    # Without it, Android Enterprise and every newer way to enrol is "unknownFutureValue".
    return settings.client(connect, "beta" if is_beta else "v1.0", {"Prefer": "include-unknown-enum-members"})


_Reader = Callable[[Settings, Connect, int], Iterator[Page]]
_READERS: Mapping[str, _Reader] = MappingProxyType(
    {
        DEVICES.name: _read_devices,
        "autopilot": _read_autopilot,
        "corporate_identifiers": _read_corporate_identifiers,
        "apple_enrolment": _read_apple_enrolment,
        "push_certificate": _read_push_certificate,
        "app_tokens": _read_app_tokens,
    }
)

# --------------------------------------------------------------------------------------------------------------- check

# What each part but the devices needs, and what it means that it holds nothing.
_EXTRAS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "autopilot": (SERVICE_PERMISSION, "no computer is registered for Autopilot"),
        "corporate_identifiers": (SERVICE_PERMISSION, "no corporate identifier was entered"),
        "apple_enrolment": (SERVICE_PERMISSION, "no enrolment token of Apple is there"),
        "push_certificate": (PERMISSION, "Intune manages no Apple devices"),
        "app_tokens": (SERVICE_PERMISSION, "no token of apps is there"),
    }
)


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Our credential's expiry, then a row of each part: that proves sign-in, permissions and address."""
    yield from probe_credential(settings, connect)
    for part in PARTS:
        if part is DEVICES:
            yield from _probe_devices(settings, connect)
        elif part.name not in settings.without:
            yield _probe_extra(part, settings, connect)


def _probe_devices(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    client = _client(settings, connect, is_beta=settings.beta)
    result = probe_listing(
        settings,
        DEVICES,
        PERMISSION,
        lambda: bool(next(_device_listings(client, "id", 1)).value),
        "no device is enrolled",
    )
    if result.ok:
        yield signed_in_result(settings)
    yield result


def _probe_extra(part: Part, settings: Settings, connect: Connect) -> ProbeResult:
    permission, empty = _EXTRAS[part.name]
    reader = _READERS[part.name]
    return probe_listing(
        settings,
        part,
        permission,
        lambda: bool(next(reader(settings, connect, 1)).raws),
        empty,
        is_needed=False,
    )
