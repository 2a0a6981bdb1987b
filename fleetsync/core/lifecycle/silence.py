"""How long a device has been out of contact, in school days, and the sentences about it.

Pure. Silence is counted up to the day until which the source that gave the last contact is known, never up to today: a
source that no longer delivers makes its numbers old, but no device silent.
"""

from collections.abc import Sequence
from datetime import date

from fleetsync.core.context import Context
from fleetsync.core.model import BelievedRecord, Device, FrozenStruct, PartRole, PartState, Platform, Text

_MONTHS = ("Jan.", "Feb.", "Mar.", "Apr.", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec.")
_MONTHS_SV = ("jan.", "feb.", "mars", "apr.", "maj", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "dec.")
_WEEKDAYS_COUNT = Text("; vardagar räknas, kalendern är slut", "; weekdays count, the calendar has ended")


class Silence(FrozenStruct, frozen=True):
    """How long a device has been silent.

    `since`: the day of its last contact, else of the list that names it, else of its enrolment, else None.
    `evaluated_until`: the day up to which its source is known, at most today. `school_days`: those between the two.
    `is_list_word`: only lists know it, and they give no contacts at all. `is_unknown`: a contact that may be newer stands
    in a source and could not be read, or its list gives contacts and none for it.
    """

    since: date | None
    was_in_contact: bool
    evaluated_until: date
    school_days: int
    is_list_word: bool = False
    is_unknown: bool = False


def stale_limit(unit: str, platform: Platform, context: Context) -> int:
    """School days of silence with which a device still works: the unit's own limit, else the platform's, else the general one."""
    of_unit = context.unit_directory.by_slug.get(unit)
    if of_unit is not None and of_unit.stale_after_school_days is not None:
        return of_unit.stale_after_school_days
    staleness = context.policy.staleness
    return staleness.by_platform.get(platform.value, staleness.stale_after_school_days)


def silence_of(device: Device, unit: str, context: Context) -> Silence:
    """How long *device* has been silent, in school days of *unit*."""
    contact = _last_contact(device, context)
    if contact is None and not device.ever_in_mdm and (listed := _silence_by_lists(device, context)) is not None:
        return listed
    since = contact[0] if contact else context.local_day(device.enrolled_at) if device.enrolled_at else None
    known_until = contact[1] if contact else _mdms_known_until(device, context)
    evaluated_until = min(known_until, context.today)
    days = 0 if since is None else context.calendar_of(unit).school_days_between(since, evaluated_until)
    # A contact that is known and recent enough is not put in doubt by another that could not be read.
    is_recent = since is not None and days <= stale_limit(unit, device.platform, context)
    return Silence(
        since, contact is not None, evaluated_until, days, is_unknown=_is_open(device, contact) and not is_recent
    )


def _is_open(device: Device, contact: tuple[date, date] | None) -> bool:
    """Whether a contact, or of a device without any its enrolment, could not be read."""
    return "last_contact_at" in device.unreadable or (contact is None and "enrolled_at" in device.unreadable)


def _last_contact(device: Device, context: Context) -> tuple[date, date] | None:
    """The day of the newest contact, and the day until which the part that gave it is known."""
    if device.last_contact_at is None:
        return None
    day = context.local_day(device.last_contact_at)
    return day, _contact_part_known_until(device, context) or day


def _silence_by_lists(device: Device, context: Context) -> Silence | None:
    """Of a device that only lists know: their word, where they give no contacts at all; else unknown. None: in no list.

    A list without any contact confirms a device by naming it, for the day that it speaks of.
    """
    rows = [(record, day) for record in device.records if (day := _list_known_until(record, context)) is not None]
    if not rows:
        return None
    words = [day for record, day in rows if context.list_of(record) not in context.lists_with_contacts]
    until = min(max(words or (day for _, day in rows)), context.today)
    return Silence(until if words else None, False, until, 0, is_list_word=bool(words), is_unknown=not words)


def _contact_part_known_until(device: Device, context: Context) -> date | None:
    part = context.parts_by_name.get(device.contact_part or "")
    if part is None:
        return None
    records = (*device.records, *device.superseded, *device.gone)
    scopes = (record.scope for record in records if record.part == part.part and record.source == part.source)
    return context.known_until_of(part, next(scopes, None) or "")


def _list_known_until(record: BelievedRecord, context: Context) -> date | None:
    part = context.part_of(record)
    return context.record_known_until(record, part) if part is not None and part.role is PartRole.LIST else None


def _mdms_known_until(device: Device, context: Context) -> date:
    """The day until which a contact would have been seen: by the MDMs that have the device, else by all of them."""
    first_seen = context.local_day(device.first_seen)
    days = (context.known_until_of(part) or first_seen for part in _mdms_that_would_show(device, context))
    return min(days, default=context.today)


def _mdms_that_would_show(device: Device, context: Context) -> Sequence[PartState]:
    mdms = [part for part in context.parts if part.role is PartRole.MDM]
    names = {f"{record.source}/{record.part}" for record in device.records}
    return [part for part in mdms if part.name in names] or [part for part in mdms if not part.disabled] or mdms


# --- sentences --------------------------------------------------------------------------------------------------------


def silence_reason(device: Device, unit: str, silence: Silence, context: Context) -> Text:
    """The sentence about a device that has been silent for longer than it may. It cites dates, never ages."""
    limit, since = stale_limit(unit, device.platform, context), silence.since
    reason = (
        Text(
            f"ingen kontakt sedan {since}, gräns {limit} skoldagar",
            f"no contact since {since}, limit {limit} school days",
        )
        if silence.was_in_contact
        else Text(
            f"aldrig i kontakt sedan inskrivningen {since}, gräns {limit} skoldagar",
            f"never in contact since its enrolment {since}, limit {limit} school days",
        )
    )
    return with_calendar_note(reason, unit, silence, context)


def list_word_reason(day: date, today: date) -> Text:
    """The sentence about a device that works on the word of a list alone; the year is left out when it is this one."""
    year = "" if day.year == today.year else f" {day.year}"
    return Text(
        f"står i listan från {day.day} {_MONTHS_SV[day.month - 1]}{year}, kontakt okänd",
        f"named by the list of {day.day} {_MONTHS[day.month - 1]}{year}, contact unknown",
    )


def with_calendar_note(reason: Text, unit: str, silence: Silence, context: Context) -> Text:
    """*reason*, with a note where weekdays were counted because the unit's calendar has ended."""
    if not is_beyond_calendar(unit, silence, context):
        return reason
    return Text(reason.sv + _WEEKDAYS_COUNT.sv, reason.en + _WEEKDAYS_COUNT.en)


def is_beyond_calendar(unit: str, silence: Silence, context: Context) -> bool:
    """Whether silence was counted beyond the end of the unit's calendar."""
    calendar = context.calendar_of(unit)
    return (
        calendar.ends_on is not None
        and silence.evaluated_until > calendar.ends_on
        and calendar.is_beyond_calendar(silence.evaluated_until)
    )
