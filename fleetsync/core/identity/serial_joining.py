"""Which device records speak of one thing: by serial, within one vendor's numbering.

Pure. A record that names no vendor is never guessed to be one's: it joins where exactly one device has its serial.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from msgspec import Struct

from fleetsync.core.identity.serials import VendorClass, compact_serial, vendor_class
from fleetsync.core.model import BelievedRecord, DeviceRecord, Moment, Platform

MAX_IDS_OF_ONE_SERIAL = 3  # of one part; more, in contact at one time, are things that share a serial
RECENT_CONTACT_WINDOW = timedelta(days=30)
CLOCK_SKEW = timedelta(days=1)  # a contact further ahead of us comes from a clock gone wrong

SerialKey = tuple[VendorClass | None, str]  # whose numbering, compact serial

# Where a record may join that does not tell everything: a maker other than Apple without a platform is a register's
# way to write down a Chromebook too.
_POSSIBLE_VENDORS: Mapping[VendorClass | None, tuple[VendorClass, ...]] = {
    None: ("apple", "chromeos", "other"),
    "other": ("chromeos", "other"),
}


class JoinedRecords(Struct, frozen=True):
    """Records that speak of one thing, by ref; `serial` is compact."""

    records: tuple[BelievedRecord, ...]
    serial: str | None = None
    has_ambiguous_serial: bool = False


def device_record(one: BelievedRecord) -> DeviceRecord:
    """What a device's record says."""
    return cast("DeviceRecord", one.record)


def last_contact_of(one: BelievedRecord, moment: Moment) -> datetime | None:
    """When its source last heard of it; None also for an instant that has not come yet."""
    contact = one.last_contact_at
    return contact if contact is not None and contact <= moment.at + CLOCK_SKEW else None


def joined_by_serial(records: Sequence[BelievedRecord], moment: Moment) -> list[JoinedRecords]:
    """The things that *records* speak of; without a usable serial a record stands for itself.

    A serial on more than three ids of one part of a source, in contact within 30 days of the newest of them or once
    enrolled at one time, means no thing: all its records stand alone. Where a part tells no contact at all, all its ids
    count.
    """
    found = [JoinedRecords((one,)) for one in records if not device_record(one).serial]
    for (_, serial), together in _records_by_serial_key([one for one in records if device_record(one).serial]).items():
        if _is_shared(together, moment):
            found += [JoinedRecords((one,), serial, has_ambiguous_serial=True) for one in together]
        else:
            found.append(JoinedRecords(tuple(together), serial))
    return found


def _records_by_serial_key(records: Iterable[BelievedRecord]) -> Mapping[SerialKey, list[BelievedRecord]]:
    places: defaultdict[SerialKey, list[BelievedRecord]] = defaultdict(list)
    opened: dict[VendorClass | None, list[BelievedRecord]] = {"other": [], None: []}
    for one in records:
        record = device_record(one)
        vendor = vendor_class(record.manufacturer, record.platform)
        if vendor in opened and record.platform is Platform.OTHER:
            opened[vendor].append(one)
        else:
            places[vendor, compact_serial(record.serial or "")].append(one)
    _join_barcodes(places)
    for vendor, waiting in opened.items():
        # Decided before any of them is put: what one finds must not depend on who came before.
        taken = [
            (_serial_key_to_join(vendor, compact_serial(device_record(one).serial or ""), places), one)
            for one in waiting
        ]
        for place, one in taken:
            places[place].append(one)
    return places


def _is_barcode(serial: str) -> bool:
    """Whether it may be what Apple prints as a barcode: S and the serial."""
    return serial.startswith("S") and 11 <= len(serial) <= 13


def _join_barcodes(places: dict[SerialKey, list[BelievedRecord]]) -> None:
    barcodes = [serial for vendor, serial in places if vendor == "apple" and _is_barcode(serial)]
    for serial in sorted(barcodes, key=len, reverse=True):
        scanned, read = places["apple", serial], places.get(("apple", serial[1:]))
        # One source knows how it spells its own: there, both are serials.
        if read and {one.source for one in scanned}.isdisjoint(one.source for one in read):
            read += places.pop(("apple", serial))


def _serial_key_to_join(vendor: VendorClass | None, serial: str, places: Mapping[SerialKey, object]) -> SerialKey:
    found: list[SerialKey] = [(other, serial) for other in _POSSIBLE_VENDORS[vendor] if (other, serial) in places]
    if not found and vendor is None and _is_barcode(serial) and ("apple", serial[1:]) in places:
        return "apple", serial[1:]
    return found[0] if len(found) == 1 else (vendor, serial)


def _is_shared(records: Sequence[BelievedRecord], moment: Moment) -> bool:
    if len(records) <= MAX_IDS_OF_ONE_SERIAL:
        return False
    by_part: defaultdict[tuple[str, str], list[BelievedRecord]] = defaultdict(list)
    for one in records:
        if not one.gone:
            by_part[one.source, one.part].append(one)
    counts = (
        max(_count_in_recent_contact(ids, moment), _count_enrolled_concurrently(ids, moment))
        for ids in by_part.values()
    )
    return any(count > MAX_IDS_OF_ONE_SERIAL for count in counts)


def _count_in_recent_contact(ids: Sequence[BelievedRecord], moment: Moment) -> int:
    heard = [contact for one in ids if (contact := last_contact_of(one, moment)) is not None]
    if not heard:
        return len(ids)
    newest = max(heard)
    return sum(newest - contact <= RECENT_CONTACT_WINDOW for contact in heard)


def _count_enrolled_concurrently(ids: Sequence[BelievedRecord], moment: Moment) -> int:
    """How many were enrolled at one time and heard of after it: more than one thing, however long ago.

    Without this the first that comes back after a summer would be taken for all the others, enrolled again.
    """
    spans = [
        (enrolled, contact)
        for one in ids
        if (enrolled := device_record(one).enrolled_at) is not None
        and (contact := last_contact_of(one, moment)) is not None
        and enrolled < contact
    ]
    begun, over = sorted(since for since, _ in spans), sorted(until for _, until in spans)
    return max((bisect_right(begun, at) - bisect_right(over, at) for at in begun), default=0)
