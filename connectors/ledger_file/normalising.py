"""What a purchase of a ledger means. Pure."""

from connectors.ledger_file.netting import LeftOut, Purchase
from connectors.ledger_file.settings import Settings
from fleetsync.core.model import DeviceRecord, Ownership, Platform
from fleetsync.pull.contract import DroppedRow, NormalisedItem, UnreadableFact
from fleetsync.pull.decoding import platform_of_model

_FIELDS_OF_RECORD = frozenset({"purchased_on", "warranty_until"})


def normalise(part: str, settings: Settings, raw: Purchase | LeftOut | UnreadableFact) -> tuple[NormalisedItem, ...]:
    """A device that was bought; of pieces that are left out only their kind, once for each."""
    match raw:
        case UnreadableFact():
            return (raw,)
        case LeftOut(kind, pieces):
            return (DroppedRow(kind),) * pieces
        case Purchase(serial, line):
            return (
                DeviceRecord(
                    source_id=serial,
                    serial=serial,
                    model=line.model,
                    platform=platform_of_model(line.model) or Platform.OTHER,
                    location=line.unit if settings.cost_centre_is_unit else None,
                    order=line.order,
                    ownership=Ownership.ORGANISATION,
                    purchased_on=line.purchased_on,
                    warranty_until=line.warranty_until,
                    unreadable=tuple(sorted(_FIELDS_OF_RECORD.intersection(fact.field for fact in line.unreadable))),
                ),
            )
