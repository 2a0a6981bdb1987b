"""What is decoded of Google's answers. The names of these fields are also what `fields` asks for."""

from typing import Protocol

import msgspec

from fleetsync.pull.decoding import WITHHELD_TEXT, SourceRow, clean_text


class Device(SourceRow, frozen=True, rename="camel"):
    """A ChromeOS device."""

    device_id: str | None = None
    serial_number: str | None = None
    status: str | None = None
    annotated_user: str | None = None
    annotated_asset_id: str | None = None
    annotated_location: str | None = None
    model: str | None = None
    os_version: str | None = None
    os_version_compliance: str | None = None
    chrome_os_type: str | None = None
    last_sync: str | None = None
    last_enrollment_time: str | None = None
    org_unit_path: str | None = None
    auto_update_through: str | None = None
    auto_update_expiration: str | None = None
    extended_support_eligible: bool | None = None
    extended_support_enabled: bool | None = None
    extended_support_start: str | None = None


def user_address(text: str | None) -> str | None:
    """An annotated user as an address; None for a blank, and for any other text."""
    user = clean_text(text)
    is_address = user is not None and "@" in user[1:] and not any(map(str.isspace, user))
    return user if is_address else None


def without_free_text(row: SourceRow) -> SourceRow:
    """*row* without an annotated user that is no address: such a text may be a person's name, which is kept nowhere."""
    if not isinstance(row, Device) or clean_text(row.annotated_user) is None or user_address(row.annotated_user):
        return row
    return msgspec.structs.replace(row, annotated_user=WITHHELD_TEXT)


class OrganisationalUnit(SourceRow, frozen=True, rename="camel"):
    """An organisational unit of the customer."""

    org_unit_id: str | None = None
    name: str | None = None
    org_unit_path: str | None = None
    parent_org_unit_id: str | None = None


class User(SourceRow, frozen=True, rename="camel"):
    """An account."""

    id: str | None = None
    primary_email: str | None = None


class RowPage(Protocol):
    """A page of a listing. *rows*: None where it has none. *kind*: what it is a page of, by which it is told from `{}`."""

    @property
    def kind(self) -> str | None: ...
    @property
    def rows(self) -> list[msgspec.Raw] | None: ...
    @property
    def next_page_token(self) -> str | None: ...


class DevicePage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of ChromeOS devices."""

    kind: str | None = None
    rows: list[msgspec.Raw] | None = msgspec.field(default=None, name="chromeosdevices")
    next_page_token: str | None = None


class OrganisationalUnitPage(msgspec.Struct, frozen=True, rename="camel"):
    """All organisational units: the listing has a single page."""

    kind: str | None = None
    rows: list[msgspec.Raw] | None = msgspec.field(default=None, name="organizationUnits")

    @property
    def next_page_token(self) -> str | None:
        """None: there is no second page."""
        return None


class UserPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of users."""

    kind: str | None = None
    rows: list[msgspec.Raw] | None = msgspec.field(default=None, name="users")
    next_page_token: str | None = None
