"""Which device is whose, what it is for, and where: each with its evidence.

Pure. Exact or not at all: what two people claim belongs to neither, what nothing tells stays `unsorted` or `unplaced`,
and a name is never evidence.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from fleetsync.core.calendar import Calendars
from fleetsync.core.identity import UnitDirectory
from fleetsync.core.matching.globs import name_pattern_match
from fleetsync.core.matching.holders import Register, ResolvedHolder
from fleetsync.core.matching.logins import claims_by_key, update_logins
from fleetsync.core.matching.rules import DeviceClassification, DeviceClassifier, device_record
from fleetsync.core.matching.unit_resolution import Atlas, ResolvedUnit
from fleetsync.core.model import (
    BelievedRecord,
    BelievedState,
    Condition,
    Device,
    FrozenStruct,
    Login,
    Moment,
    Person,
    PersonState,
    Placement,
    Policy,
    Purpose,
    Text,
)

__all__ = ["MatchingResult", "match", "name_pattern_match"]

_PURPOSES_WITHOUT_USER_LIMIT = frozenset({Purpose.SET, Purpose.POOL, Purpose.ROOM, Purpose.STOCK, Purpose.LOAN})
_OUT_OF_USE_CONDITIONS = frozenset({Condition.RETIRED, Condition.WIPED, Condition.DISABLED, Condition.LOST})

_CORRECTED = Text("enligt en rättelse", "by a correction")
_OF_A_CHILD = Text("inloggningen är ett barns", "the log-in is a child's")
_TOO_MANY = Text("kontot har fler verktyg än en person har", "the account has more devices than a person has")
_HAS_A_LOGIN = Text("har en inloggning", "has a log-in")
_SHARED = Text("delat enligt MDM", "shared, as its MDM says")
_AT_A_PRESCHOOL = Text("utan inloggning på en förskola", "without a log-in at a förskola")
_NOTHING_TELLS = Text("inget talar om vad det är till för", "nothing tells what it is for")


class MatchingResult(FrozenStruct, frozen=True):
    """The placements in the order of the devices, and the dated log-ins."""

    placements: tuple[Placement, ...]
    logins: tuple[Login, ...]


class _DeviceEvidence(FrozenStruct, frozen=True):
    """What is known of a device before accounts with too many are told apart."""

    device: Device
    records: tuple[BelievedRecord, ...]
    resolved_holder: ResolvedHolder
    from_list: DeviceClassification | None
    from_rule: DeviceClassification | None

    @property
    def classified_purpose(self) -> Purpose | None:
        """The purpose that a list or a rule gives."""
        said = (found.purpose for found in (self.from_list, self.from_rule) if found is not None)
        return next((purpose for purpose in said if purpose is not None), None)


def match(
    devices: Sequence[Device],
    people: Sequence[Person],
    standings: Mapping[str, PersonState],
    book: UnitDirectory,
    policy: Policy,
    believed: BelievedState,
    moment: Moment,
    calendars: Calendars,
) -> MatchingResult:
    """Holder, purpose and unit of each device, and the log-ins as they are dated now.

    A device all of whose records have gone is placed by what they said last.
    """
    logins = update_logins(people, believed.logins, moment)
    by_id = {person.id: person for person in people}
    register = Register(
        claims=claims_by_key(people, logins),
        people=by_id,
        policy=policy,
        believed=believed,
        moment=moment,
    )
    atlas = Atlas(book=book, policy=policy, people=by_id, standings=standings)
    rules = DeviceClassifier(policy.device_rules, book)
    found = [_collect_evidence(device, register, atlas, rules) for device in devices]
    crowded = _overloaded_accounts(found, policy.max_devices_per_user)
    placed = tuple(_placement(_without_overloaded_account(one, crowded), register, atlas, rules) for one in found)
    return MatchingResult(placed, logins)


def _collect_evidence(device: Device, register: Register, atlas: Atlas, rules: DeviceClassifier) -> _DeviceEvidence:
    records = device.records or device.gone
    resolved_holder = register.resolve_holder(device, records)
    from_list = rules.classify_by_lists(records)

    def unit_otherwise() -> str:
        return atlas.resolve_unit(records, (from_list,), resolved_holder).unit

    return _DeviceEvidence(
        device, records, resolved_holder, from_list, rules.classify_by_rules(records, unit_otherwise)
    )


# --- accounts with too many devices -----------------------------------------------------------------------------------


def _account_identity(resolved_holder: ResolvedHolder) -> object:
    return resolved_holder.person or resolved_holder.account_key


def _overloaded_accounts(found: Sequence[_DeviceEvidence], most: int) -> frozenset[object]:
    """Accounts with more than *most* devices, those in use whose purpose is not of many or of nobody."""
    counts = Counter(
        _account_identity(one.resolved_holder)
        for one in found
        if one.resolved_holder.account == "person"
        and one.device.records
        and one.classified_purpose not in _PURPOSES_WITHOUT_USER_LIMIT
        and _OUT_OF_USE_CONDITIONS.isdisjoint(one.device.conditions)
    )
    return frozenset(account for account, count in counts.items() if count > most)


def _without_overloaded_account(found: _DeviceEvidence, crowded: frozenset[object]) -> _DeviceEvidence:
    resolved_holder = found.resolved_holder
    if (
        resolved_holder.is_manual
        or resolved_holder.account != "person"
        or _account_identity(resolved_holder) not in crowded
    ):
        return found
    nobody = ResolvedHolder(reason=_TOO_MANY, account="function", account_owner=resolved_holder.person)
    return _DeviceEvidence(found.device, found.records, nobody, found.from_list, found.from_rule)


# --- all of it --------------------------------------------------------------------------------------------------------


def _placement(found: _DeviceEvidence, register: Register, atlas: Atlas, rules: DeviceClassifier) -> Placement:
    resolved_holder = found.resolved_holder
    place = _resolve_unit(found, register, atlas)
    purpose, why = _resolve_purpose(found, place.unit, register, atlas)
    is_childs = _is_childs_device(resolved_holder, atlas)
    return Placement(
        device=found.device.id,
        holder=None if is_childs else resolved_holder.person,
        holder_reason=_OF_A_CHILD if is_childs else resolved_holder.reason,
        holder_problems=() if is_childs else resolved_holder.holder_problems,
        claimed_by=resolved_holder.claimed_by,
        non_holder_account=resolved_holder.account in ("function", "manager"),
        reused_login_of=None if is_childs else resolved_holder.reused_login_of,
        purpose=purpose,
        purpose_reason=why,
        unit=place.unit,
        unit_reason=place.reason,
        conflicting_unit=place.conflicting_unit,
        serves=rules.roster_spelling(place.unit, _served_groups(found)) if purpose is Purpose.SET else (),
    )


def _resolve_unit(found: _DeviceEvidence, register: Register, atlas: Atlas) -> ResolvedUnit:
    correction = register.active_corrections.get((found.device.id, "unit"))
    if correction is not None and correction.value in atlas.book.by_slug:
        return ResolvedUnit(correction.value, _CORRECTED)
    return atlas.resolve_unit(found.records, (found.from_list, found.from_rule), found.resolved_holder)


def _resolve_purpose(found: _DeviceEvidence, unit: str, register: Register, atlas: Atlas) -> tuple[Purpose, Text]:
    """What it is for: a correction, the list's word, the first rule, else what its log-in and its MDM tell."""
    correction = register.active_corrections.get((found.device.id, "purpose"))
    if correction is not None:
        return Purpose(correction.value), _CORRECTED
    for ruling in (found.from_list, found.from_rule):
        if ruling is not None and ruling.purpose is not None:
            return ruling.purpose, ruling.reason
    if _is_childs_device(found.resolved_holder, atlas):
        return Purpose.POOL, _OF_A_CHILD
    if any(device_record(known).reported_shared for known in found.records):
        return Purpose.POOL, _SHARED
    if found.resolved_holder.account == "person":
        return Purpose.PERSONAL, _HAS_A_LOGIN
    if atlas.book.is_preschool_only(unit):
        return Purpose.POOL, _AT_A_PRESCHOOL
    return Purpose.UNSORTED, _NOTHING_TELLS


def _is_childs_device(resolved_holder: ResolvedHolder, atlas: Atlas) -> bool:
    """Children of förskola and förskoleklass hold nothing by name: what is theirs counts in the unit's pool."""
    person_state = atlas.standings.get(resolved_holder.person) if resolved_holder.person is not None else None
    return person_state is not None and person_state.is_child


def _served_groups(found: _DeviceEvidence) -> tuple[str, ...]:
    said = (ruling.groups for ruling in (found.from_list, found.from_rule) if ruling is not None)
    return next((groups for groups in said if groups), ())
