"""The rules for what people decide by hand: which gaps may be parked and until when, and which facts may be corrected.

Page and commands ask here, so both refuse the same, in the same words. For a person who may not be shown every answer is
the one for somebody who does not exist.
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import get_args

from fleetsync.core.model import (
    UNPLACED,
    Condition,
    CorrectedField,
    Correction,
    CoverageShare,
    DeviceCase,
    DeviceCount,
    Episode,
    Purpose,
    Subject,
    Text,
)
from fleetsync.expose.drill_down import SHARED_SUBJECTS
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.ports import DecisionError

CORRECTED_FIELDS: tuple[CorrectedField, ...] = get_args(CorrectedField)
# A set has groups, which a correction does not name: those are given by its list or by a rule.
CORRECTED_PURPOSES = tuple(purpose for purpose in Purpose if purpose not in {Purpose.SET, Purpose.UNSORTED})
CORRECTED_CONDITIONS = (
    Condition.ACTIVE,
    Condition.IN_REPAIR,
    Condition.LOST,
    Condition.RETIRED,
)
LONGEST_CORRECTION = timedelta(days=366)
LARGEST_COUNT = 9_999
DAYS_WITHOUT_CALENDAR = timedelta(days=90)


class DecisionRefused(DecisionError):
    """A decision that the rules do not allow."""

    def __init__(self, sv: str, en: str) -> None:
        super().__init__(Text(sv, en))


# --- days ---------------------------------------------------------------------------------------------------------------


def usual_end(lookup: Lookup, unit: str) -> date:
    """The last day of the term at *unit*; in a break that of the next one; without a calendar in three months."""
    today = lookup.visible.today
    coming = (term.last for term in lookup.calendar(unit).terms if term.last >= today)
    return min(coming, default=today + DAYS_WITHOUT_CALENDAR)


def read_day(text: str) -> date:
    """The day of a form. Raises DecisionRefused."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise DecisionRefused(
            "Skriv dagen som ÅÅÅÅ-MM-DD, till exempel 2026-12-18.", "Write the day as YYYY-MM-DD, such as 2026-12-18."
        ) from None


# --- gaps ---------------------------------------------------------------------------------------------------------------


def open_gap(lookup: Lookup, gap: str) -> Episode:
    """The open gap that is written KIND:ID. Raises DecisionRefused."""
    kind, _, subject_id = gap.partition(":")
    for episode in lookup.gaps.get(subject_id, ()):
        is_shown = episode.subject is not Subject.PERSON or subject_id not in lookup.concealed
        if episode.kind == kind and is_shown:
            return episode
    raise DecisionRefused(
        f"{gap} är ingen öppen avvikelse. Den kan ha stängts sedan sidan visades.",
        f"{gap} is no open gap. It may have closed meanwhile. Open gaps: fleetsync gaps",
    )


def last_day_to_park(lookup: Lookup, episodes: Sequence[Episode]) -> date:
    """Until when gaps may be parked together: the first end of a term among their units."""
    return min(usual_end(lookup, episode.unit) for episode in episodes)


def check_parking(lookup: Lookup, episodes: Sequence[Episode], until: date) -> None:
    """Gaps may be parked from today to the end of the term (`domain.md` §6). Raises DecisionRefused."""
    today, last = lookup.visible.today, last_day_to_park(lookup, episodes)
    if until < today:
        raise DecisionRefused(
            f"{until} har passerat. Välj {today} eller en senare dag.",
            f"{until} has passed. Name today, {today}, or a later day",
        )
    if until > last:
        raise DecisionRefused(
            f"{until} ligger efter terminens slut. Välj en dag till och med {last}.",
            f"{until} is after the end of the term. Name a day up to {last}",
        )


# --- facts of devices ---------------------------------------------------------------------------------------------------


def is_correctable(case: DeviceCase, lookup: Lookup) -> bool:
    """Whether facts of a device may be corrected: not of one whose holder may not be shown."""
    return not case.device.masked and (case.placement.holder is None or case.placement.holder not in lookup.concealed)


def present_value(case: DeviceCase, field: CorrectedField) -> str:
    """What counts for *field* of a device now, as `Correction.value` writes it; "" for no holder."""
    if field == "purpose":
        return case.placement.purpose.value
    if field == "unit":
        return case.placement.unit
    if field == "holder":
        return case.placement.holder or ""
    return condition_of(case).value


def condition_of(case: DeviceCase) -> Condition:
    """The gravest of the conditions that sources give; a device without any is in use."""
    gravest_first = reversed(Condition)
    return next((condition for condition in gravest_first if condition in case.device.conditions), Condition.ACTIVE)


def check_correction(lookup: Lookup, case: DeviceCase, entry: Correction, corrected: Collection[str] = ()) -> None:
    """Whether *entry* may be kept; *corrected*: the fields of the device with a correction in force.

    Raises DecisionRefused.
    """
    _check_end(lookup, entry.until)
    if not is_correctable(case, lookup):
        raise DecisionRefused("Det verktyget kan inte rättas.", "this device cannot be corrected")
    _check_value(lookup, entry)
    if entry.field not in corrected and present_value(case, entry.field) == entry.value:
        raise DecisionRefused(
            "Källorna säger redan det. Ingen rättelse behövs.", "the sources say so already. No correction is needed"
        )


def _check_value(lookup: Lookup, entry: Correction) -> None:
    allowed = {
        "purpose": {purpose.value for purpose in CORRECTED_PURPOSES},
        "condition": {condition.value for condition in CORRECTED_CONDITIONS},
        "unit": set(lookup.units) - {UNPLACED},
        "holder": {"", *(person for person in lookup.people if person not in lookup.concealed)},
    }[entry.field]
    if entry.value in allowed:
        return
    if entry.field == "holder":
        raise DecisionRefused(
            "Ingen sådan person finns, eller så får personen inte visas. Skriv en inloggning eller ett id.",
            "there is no such person, or the person may not be shown. Name an id of: fleetsync people",
        )
    raise DecisionRefused(
        f"{entry.value} går inte att välja här.",
        f"{entry.value} is no {entry.field} that can be stated. There are: {', '.join(sorted(allowed))}",
    )


def _check_end(lookup: Lookup, until: date | None) -> None:
    today = lookup.visible.today
    if until is None or not today <= until <= today + LONGEST_CORRECTION:
        raise DecisionRefused(
            f"En rättelse gäller till en dag, från {today} till och med {today + LONGEST_CORRECTION}.",
            f"a correction has a last day, from {today} to {today + LONGEST_CORRECTION}",
        )


# --- counts of sets and pools -------------------------------------------------------------------------------------------


def shared_share(lookup: Lookup, subject_id: str) -> CoverageShare:
    """The share of a set or pool. Raises DecisionRefused."""
    shares = (share for share in lookup.visible.shares if share.subject in SHARED_SUBJECTS)
    share = next((share for share in shares if share.subject_id == subject_id), None)
    if share is None:
        raise DecisionRefused(
            f"{subject_id} är ingen klassuppsättning och inget gemensamt förråd.",
            f"{subject_id} is no set and no pool. Sets are UNIT/GROUPS, pools ENTITLEMENT@UNIT",
        )
    return share


def check_count(lookup: Lookup, entry: DeviceCount, *, is_corrected: bool = False) -> None:
    """Whether a count may be kept; *is_corrected*: another count of it is in force. Raises DecisionRefused."""
    share = shared_share(lookup, entry.subject_id)
    _check_end(lookup, entry.until)
    if not 0 <= entry.count <= LARGEST_COUNT:
        raise DecisionRefused(
            f"Skriv ett antal från 0 till {LARGEST_COUNT}.", f"a count is a number from 0 to {LARGEST_COUNT}"
        )
    if not is_corrected and share.working_devices == entry.count:
        raise DecisionRefused(
            "Källorna säger redan det. Ingen rättelse behövs.", "the sources say so already. No correction is needed"
        )
