"""Joins device records that describe the same device, by serial number within one vendor's numbering.

A record that names no vendor joins only when exactly one device has its serial; otherwise it stays apart. A serial that
many devices share at the same time joins nothing. Pure.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from msgspec import Struct

from fleetsync.core.identity.serials import VendorClass, compact_serial, vendor_class
from fleetsync.core.model import BelievedRecord, DeviceRecord, Moment, Platform

MAX_IDS_OF_ONE_SERIAL = 3  # in one part; more, in contact at the same time, are different devices that share a serial
RECENT_CONTACT_WINDOW = timedelta(days=30)
CLOCK_SKEW = timedelta(
    days=31
)  # our own clock may be behind; a contact further ahead comes from the device's wrong clock

SerialKey = tuple[VendorClass | None, str]  # vendor, compact serial

# Which vendors an incomplete record may belong to. Registers write a Chromebook, too, as a manufacturer other than
# Apple without a platform.
_POSSIBLE_VENDORS: Mapping[VendorClass | None, tuple[VendorClass, ...]] = {
    None: ("apple", "chromeos", "other"),
    "other": ("chromeos", "other"),
}


class JoinedRecords(Struct, frozen=True):
    """The records that describe one device. `serial` is in the compact form; None when no record has a usable one."""

    records: tuple[BelievedRecord, ...]
    serial: str | None = None
    has_ambiguous_serial: bool = False


def device_record(known: BelievedRecord) -> DeviceRecord:
    """The device record inside a believed record."""
    return cast("DeviceRecord", known.record)


def last_contact_of(known: BelievedRecord, moment: Moment) -> datetime | None:
    """When the device was last in contact according to its source, at the latest now; None also for a far future.

    A contact of tomorrow means that our clock is behind, not that the device was never in contact.
    """
    contact = known.last_contact_at
    return min(contact, moment.at) if contact is not None and contact <= moment.at + CLOCK_SKEW else None


def joined_by_serial(records: Sequence[BelievedRecord], moment: Moment) -> list[JoinedRecords]:
    """*records* grouped by device; a record without a usable serial is a device of its own.

    A serial is ambiguous when more than three ids in one part of a source have it and were in contact within 30 days of
    the newest of them, or were enrolled at the same time. Then each of its records is a device of its own. In a part
    that reports no contacts at all, all ids count.
    """
    joined = [JoinedRecords((known,)) for known in records if not device_record(known).serial]
    with_serial = [known for known in records if device_record(known).serial]
    for (_, serial), same_serial in _records_by_serial_key(with_serial).items():
        if _is_shared(same_serial, moment):
            joined += [JoinedRecords((known,), serial, has_ambiguous_serial=True) for known in same_serial]
        else:
            joined.append(JoinedRecords(tuple(same_serial), serial))
    return joined


def _records_by_serial_key(records: Iterable[BelievedRecord]) -> Mapping[SerialKey, list[BelievedRecord]]:
    by_key: defaultdict[SerialKey, list[BelievedRecord]] = defaultdict(list)
    incomplete: dict[VendorClass | None, list[BelievedRecord]] = {"other": [], None: []}
    for known in records:
        record = device_record(known)
        vendor = vendor_class(record.manufacturer, record.platform)
        if vendor in incomplete and record.platform is Platform.OTHER:
            incomplete[vendor].append(known)
        else:
            by_key[vendor, compact_serial(record.serial or "")].append(known)
    _join_barcodes(by_key)
    for vendor, waiting in incomplete.items():
        # Decide for all before adding any, so that the result does not depend on their order.
        decided = [
            (_serial_key_to_join(vendor, compact_serial(device_record(known).serial or ""), by_key), known)
            for known in waiting
        ]
        for key, known in decided:
            by_key[key].append(known)
    return by_key


def _is_barcode(serial: str) -> bool:
    """Whether the serial may come from a barcode: Apple prints an S in front of the serial."""
    return serial.startswith("S") and 11 <= len(serial) <= 13


def _join_barcodes(by_key: dict[SerialKey, list[BelievedRecord]]) -> None:
    barcodes = [serial for vendor, serial in by_key if vendor == "apple" and _is_barcode(serial)]
    for serial in sorted(barcodes, key=len, reverse=True):
        scanned, typed = by_key["apple", serial], by_key.get(("apple", serial[1:]))
        # A source that has both spellings means two serials.
        if typed and {known.source for known in scanned}.isdisjoint(known.source for known in typed):
            typed += by_key.pop(("apple", serial))


def _serial_key_to_join(vendor: VendorClass | None, serial: str, by_key: Mapping[SerialKey, object]) -> SerialKey:
    matches: list[SerialKey] = [(other, serial) for other in _POSSIBLE_VENDORS[vendor] if (other, serial) in by_key]
    if not matches and vendor is None and _is_barcode(serial) and ("apple", serial[1:]) in by_key:
        return "apple", serial[1:]
    return matches[0] if len(matches) == 1 else (vendor, serial)


def _is_shared(records: Sequence[BelievedRecord], moment: Moment) -> bool:
    if len(records) <= MAX_IDS_OF_ONE_SERIAL:
        return False
    by_part: defaultdict[tuple[str, str], list[BelievedRecord]] = defaultdict(list)
    for known in records:
        if not known.gone:
            by_part[known.source, known.part].append(known)
    counts = (
        max(_count_in_recent_contact(of_part, moment), _count_enrolled_concurrently(of_part, moment))
        for of_part in by_part.values()
    )
    return any(count > MAX_IDS_OF_ONE_SERIAL for count in counts)


def _count_in_recent_contact(records: Sequence[BelievedRecord], moment: Moment) -> int:
    contacts = [contact for known in records if (contact := last_contact_of(known, moment)) is not None]
    if not contacts:
        return len(records)
    newest = max(contacts)
    return sum(newest - contact <= RECENT_CONTACT_WINDOW for contact in contacts)


def _count_enrolled_concurrently(records: Sequence[BelievedRecord], moment: Moment) -> int:
    """The largest number of records enrolled at the same time and in contact afterwards, however long ago.

    They are different devices. Without this count, the first one in contact again after a summer would be taken for all
    the others, enrolled once more.
    """
    spans = [
        (enrolled, contact)
        for known in records
        if (enrolled := device_record(known).enrolled_at) is not None
        and (contact := last_contact_of(known, moment)) is not None
        and enrolled < contact
    ]
    starts, ends = sorted(since for since, _ in spans), sorted(until for _, until in spans)
    return max((bisect_right(starts, at) - bisect_right(ends, at) for at in starts), default=0)
