"""Which device is whose, what it is for, and where: each with its evidence.

Pure. Exact or not at all: what two people claim belongs to neither, what nothing tells stays `unsorted` or `unplaced`,
and a name is never evidence.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from fleetsync.core.calendar import Calendars
from fleetsync.core.identity import UnitBook
from fleetsync.core.matching.globs import name_pattern_match
from fleetsync.core.matching.holders import Held, Register
from fleetsync.core.matching.logins import claims_of, dated
from fleetsync.core.matching.places import Atlas, Place
from fleetsync.core.matching.rules import RuleBook, Ruling, body
from fleetsync.core.model import (
    Believed,
    Condition,
    Device,
    Known,
    Login,
    Moment,
    Noun,
    Person,
    Placement,
    Policy,
    Purpose,
    Standing,
    Text,
)

__all__ = ["Matched", "match", "name_pattern_match"]

_UNCOUNTED = frozenset({Purpose.SET, Purpose.POOL, Purpose.ROOM, Purpose.STOCK, Purpose.LOAN})
_OUT_OF_USE = frozenset({Condition.RETIRED, Condition.WIPED, Condition.DISABLED, Condition.LOST})

_CORRECTED = Text("enligt en rättelse", "by a correction")
_OF_A_CHILD = Text("inloggningen är ett barns", "the log-in is a child's")
_TOO_MANY = Text("kontot har fler verktyg än en person har", "the account has more devices than a person has")
_HAS_A_LOGIN = Text("har en inloggning", "has a log-in")
_SHARED = Text("delat enligt MDM", "shared, as its MDM says")
_AT_A_PRESCHOOL = Text("utan inloggning på en förskola", "without a log-in at a förskola")
_NOTHING_TELLS = Text("inget talar om vad det är till för", "nothing tells what it is for")


class Matched(Noun, frozen=True):
    """The placements in the order of the devices, and the dated log-ins."""

    placements: tuple[Placement, ...]
    logins: tuple[Login, ...]


class _Found(Noun, frozen=True):
    """What is known of a device before accounts with too many are told apart."""

    device: Device
    records: tuple[Known, ...]
    held: Held
    word: Ruling | None
    rule: Ruling | None

    @property
    def decided(self) -> Purpose | None:
        """The purpose that a list or a rule gives."""
        said = (found.purpose for found in (self.word, self.rule) if found is not None)
        return next((purpose for purpose in said if purpose is not None), None)


def match(
    devices: Sequence[Device],
    people: Sequence[Person],
    standings: Mapping[str, Standing],
    book: UnitBook,
    policy: Policy,
    believed: Believed,
    moment: Moment,
    calendars: Calendars,
) -> Matched:
    """Holder, purpose and unit of each device, and the log-ins as they are dated now.

    A device all of whose records have gone is placed by what they said last.
    """
    logins = dated(people, believed.logins, moment)
    by_id = {person.id: person for person in people}
    register = Register(
        claims=claims_of(people, logins),
        people=by_id,
        policy=policy,
        believed=believed,
        moment=moment,
    )
    atlas = Atlas(book=book, policy=policy, people=by_id, standings=standings)
    rules = RuleBook(policy.device_rules, book)
    found = [_find(device, register, atlas, rules) for device in devices]
    crowded = _crowded(found, policy.max_devices_per_user)
    placed = tuple(_placement(_without_a_crowd(one, crowded), register, atlas, rules) for one in found)
    return Matched(placed, logins)


def _find(device: Device, register: Register, atlas: Atlas, rules: RuleBook) -> _Found:
    records = device.records or device.gone
    held = register.holder(device, records)
    word = rules.word_of(records)

    def unit_otherwise() -> str:
        return atlas.place(records, (word,), held).unit

    return _Found(device, records, held, word, rules.ruling(records, unit_otherwise))


# --- accounts with too many devices -----------------------------------------------------------------------------------


def _account(held: Held) -> object:
    return held.person or held.account_key


def _crowded(found: Sequence[_Found], most: int) -> frozenset[object]:
    """Accounts with more than *most* devices, those in use whose purpose is not of many or of nobody."""
    counts = Counter(
        _account(one.held)
        for one in found
        if one.held.account == "person"
        and one.device.records
        and one.decided not in _UNCOUNTED
        and _OUT_OF_USE.isdisjoint(one.device.conditions)
    )
    return frozenset(account for account, count in counts.items() if count > most)


def _without_a_crowd(found: _Found, crowded: frozenset[object]) -> _Found:
    held = found.held
    if held.decided or held.account != "person" or _account(held) not in crowded:
        return found
    nobody = Held(reason=_TOO_MANY, account="function", account_of=held.person)
    return _Found(found.device, found.records, nobody, found.word, found.rule)


# --- all of it --------------------------------------------------------------------------------------------------------


def _placement(found: _Found, register: Register, atlas: Atlas, rules: RuleBook) -> Placement:
    held = found.held
    place = _place(found, register, atlas)
    purpose, why = _purpose(found, place.unit, register, atlas)
    is_childs = _is_childs(held, atlas)
    return Placement(
        device=found.device.id,
        holder=None if is_childs else held.person,
        holder_reason=_OF_A_CHILD if is_childs else held.reason,
        troubles=() if is_childs else held.troubles,
        claimed_by=held.claimed_by,
        non_holder_account=held.account in ("function", "manager"),
        reused_login_of=None if is_childs else held.reused_login_of,
        purpose=purpose,
        purpose_reason=why,
        unit=place.unit,
        unit_reason=place.reason,
        unit_elsewhere=place.elsewhere,
        serves=rules.spelled(place.unit, _groups(found)) if purpose is Purpose.SET else (),
    )


def _place(found: _Found, register: Register, atlas: Atlas) -> Place:
    correction = register.corrected.get((found.device.id, "unit"))
    if correction is not None and correction.value in atlas.book.by_slug:
        return Place(correction.value, _CORRECTED)
    return atlas.place(found.records, (found.word, found.rule), found.held)


def _purpose(found: _Found, unit: str, register: Register, atlas: Atlas) -> tuple[Purpose, Text]:
    """What it is for: a correction, the list's word, the first rule, else what its log-in and its MDM tell."""
    correction = register.corrected.get((found.device.id, "purpose"))
    if correction is not None:
        return Purpose(correction.value), _CORRECTED
    for ruling in (found.word, found.rule):
        if ruling is not None and ruling.purpose is not None:
            return ruling.purpose, ruling.reason
    if _is_childs(found.held, atlas):
        return Purpose.POOL, _OF_A_CHILD
    if any(body(known).reported_shared for known in found.records):
        return Purpose.POOL, _SHARED
    if found.held.account == "person":
        return Purpose.PERSONAL, _HAS_A_LOGIN
    if atlas.book.only_preschool(unit):
        return Purpose.POOL, _AT_A_PRESCHOOL
    return Purpose.UNSORTED, _NOTHING_TELLS


def _is_childs(held: Held, atlas: Atlas) -> bool:
    """Children of förskola and förskoleklass hold nothing by name: what is theirs counts in the unit's pool."""
    standing = atlas.standings.get(held.person) if held.person is not None else None
    return standing is not None and standing.is_child


def _groups(found: _Found) -> tuple[str, ...]:
    said = (ruling.groups for ruling in (found.word, found.rule) if ruling is not None)
    return next((groups for groups in said if groups), ())
