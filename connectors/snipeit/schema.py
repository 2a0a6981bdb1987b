"""The rows of Snipe-IT: of each only the fields that are kept or that decide something."""

from fleetsync.pull.decoding import SourceRow

USER, LOCATION, ASSET = "user", "location", "asset"
"""What an asset may be handed out to."""


class Reference(SourceRow, frozen=True):
    """What an asset refers to: its model, maker, category, location or company."""

    id: int | None = None
    name: str | None = None


class StatusLabel(SourceRow, frozen=True):
    """The status label of an asset, whose name an administrator chose."""

    name: str | None = None
    status_type: str | None = None


class Day(SourceRow, frozen=True):
    """A day, which the server writes beside a text for people."""

    date: str | None = None


class Assignee(SourceRow, frozen=True):
    """What an asset is handed out to. Of a location and an asset only the id is there."""

    id: int | None = None
    type: str | None = None
    username: str | None = None
    email: str | None = None
    employee_number: str | None = None


class Asset(SourceRow, frozen=True):
    """An asset. Its status label stands under an old name and a new one; the old one is to go."""

    id: int | None = None
    name: str | None = None
    asset_tag: str | None = None
    serial: str | None = None
    model: Reference | None = None
    byod: bool | None = None
    asset_eol_date: Day | None = None
    status_label: StatusLabel | None = None
    status: StatusLabel | None = None
    category: Reference | None = None
    manufacturer: Reference | None = None
    order_number: str | None = None
    company: Reference | None = None
    location: Reference | None = None
    rtd_location: Reference | None = None
    assigned_to: Assignee | None = None
    warranty_expires: Day | None = None
    purchase_date: Day | None = None


class Place(SourceRow, frozen=True):
    """A location or a company."""

    id: int | None = None
    name: str | None = None
    parent: Reference | None = None
