"""Shows the first rows of a pull as they were understood: devices and memberships, and never who a person is."""

from collections.abc import Iterator
from itertools import islice

from fleetsync.core.model import DeviceRecord, MembershipRecord, PullEffect, Record

ROWS_SHOWN = 3


def first_rows(effect: PullEffect) -> Iterator[str]:
    """The first three rows of what was read, in words."""
    records = (row.record for row in effect.rows if row.record is not None)
    return islice((text for record in records if (text := _understood(record))), ROWS_SHOWN)


def _understood(record: Record) -> str:
    """A record in words; "" for a person, who is not shown, and for organisations, which are counted as units."""
    if isinstance(record, DeviceRecord):
        return ", ".join(filter(None, _device_words(record)))
    if isinstance(record, MembershipRecord):
        return ", ".join(filter(None, _membership_words(record)))
    return ""


def _device_words(record: DeviceRecord) -> Iterator[str]:
    yield " ".join(filter(None, (record.manufacturer, record.model))) or "a device"
    yield record.platform.value
    yield f"at {record.unit or record.location}" if record.unit or record.location else "no place"
    yield "with a holder" if record.keys else "without a holder"
    yield f"last contact {record.last_contact_at.date()}" if record.last_contact_at else ""
    yield f"purchased {record.purchased_on}" if record.purchased_on else ""


def _membership_words(record: MembershipRecord) -> Iterator[str]:
    yield f"{record.membership.value} at {record.unit_name or ' '.join(record.codes) or 'no unit'}"
    yield f"form {record.employment_form.value}" if record.employment_form else ""
    yield f"{record.school_form}, year {record.year}" if record.school_form and record.year is not None else ""
    yield f"from {record.start}" if record.start else ""
    yield f"to {record.end}" if record.end else ""
