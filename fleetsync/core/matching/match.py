"""Matches devices to people and units: who holds each device, what it is for, and where it is, each with its evidence.

Pure. Exact evidence or none: a device that two people claim belongs to neither, one without evidence stays `unsorted`
or `unplaced`, and a name is never evidence.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from msgspec.structs import replace

from fleetsync.core.context import Context
from fleetsync.core.matching.holders import HOLDER_UNREADABLE, HolderIndex, ResolvedHolder, correction_reason
from fleetsync.core.matching.logins import claims_by_key, update_logins
from fleetsync.core.matching.rules import DeviceClassification, DeviceClassifier, device_record
from fleetsync.core.matching.unit_resolution import ResolvedUnit, UnitLocator
from fleetsync.core.model import (
    BelievedRecord,
    Condition,
    CorrectedField,
    Device,
    FrozenStruct,
    Key,
    Login,
    Person,
    PersonState,
    Placement,
    Purpose,
    Text,
)

_PURPOSES_WITHOUT_USER_LIMIT = frozenset({Purpose.SET, Purpose.POOL, Purpose.ROOM, Purpose.STOCK, Purpose.LOAN})
_OUT_OF_USE_CONDITIONS = frozenset({Condition.RETIRED, Condition.WIPED, Condition.DISABLED, Condition.LOST})

_PLACING_FIELDS: tuple[CorrectedField, ...] = ("holder", "unit", "purpose")
_OF_A_CHILD = Text("inloggningen är ett barns", "the log-in is a child's")
_TOO_MANY = Text("kontot har fler verktyg än en person har", "the account has more devices than a person has")
_HAS_A_LOGIN = Text("har en inloggning", "has a log-in")
_SHARED = Text("delat enligt MDM", "shared, as its MDM says")
_SERVES_GROUPS = Text(
    "listan nämner grupper; syftet gick inte att läsa", "its list names groups; the purpose is unreadable"
)
_AT_A_PRESCHOOL = Text("utan inloggning på en förskola", "without a log-in at a förskola")
_NO_EVIDENCE = Text("inget talar om vad det är till för", "nothing tells what it is for")


class MatchingResult(FrozenStruct, frozen=True):
    """The placements in the order of the devices, and the dated log-ins.

    `evidence` is by device, `overloaded` are the accounts that have too many devices; the next matching begins with them.
    """

    placements: tuple[Placement, ...]
    logins: tuple[Login, ...]
    evidence: Mapping[str, "DeviceEvidence"]
    overloaded: frozenset[object]


class _Matcher(FrozenStruct, frozen=True):
    """The indexes that placing a device takes: whose a log-in is, where things are, and the classification rules."""

    holders: HolderIndex
    locator: UnitLocator
    classifier: DeviceClassifier


class DeviceEvidence(FrozenStruct, frozen=True):
    """What is known of a device before accounts with too many devices are set aside."""

    device: Device
    records: tuple[BelievedRecord, ...]
    resolved_holder: ResolvedHolder
    from_list: DeviceClassification | None
    from_rule: DeviceClassification | None

    @property
    def classified_purpose(self) -> Purpose | None:
        """The purpose that a list or a rule gives."""
        purposes = (source.purpose for source in (self.from_list, self.from_rule) if source is not None)
        return next((purpose for purpose in purposes if purpose is not None), None)


def match(
    devices: Sequence[Device],
    people: Sequence[Person],
    states: Mapping[str, PersonState],
    context: Context,
    previous: MatchingResult | None = None,
) -> MatchingResult:
    """Holder, purpose and unit of each device, and the log-ins as they are dated now; *states* are by person.

    A device whose records have all gone is placed by their last content. *previous*: the matching of `context.earlier`.
    A device is matched anew when it has changed, when a person has decided about it, or when anybody has changed who has
    or had a log-in that it names.
    """
    unchanged = _unchanged_people(people, states, context)
    logins = update_logins(people, context.believed.logins, context.moment, unchanged)
    by_id = {person.id: person for person in people}
    holders = HolderIndex(claims={}, people=by_id, context=context)
    touched = None if previous is None else _touched_keys(people, unchanged, logins, previous.logins, context)
    settled = set() if touched is None else _settled_devices(devices, touched, holders)
    wanted = (
        None if touched is None else _keys_to_look_up([each for each in devices if each.id not in settled], context)
    )
    matcher = _Matcher(
        holders=replace(holders, claims=claims_by_key(people, logins, wanted)),
        locator=UnitLocator(people=by_id, states=states, context=context),
        classifier=DeviceClassifier(context.policy.device_rules, context.unit_directory),
    )
    earlier = {} if previous is None else previous.evidence
    evidence = {
        device.id: earlier[device.id] if device.id in settled else _collect_evidence(device, matcher)
        for device in devices
    }
    overloaded = _overloaded_accounts(evidence.values(), context.policy.max_devices_per_user)
    was_overloaded = frozenset() if previous is None else previous.overloaded

    def placement_of(known: DeviceEvidence) -> Placement:
        device, account = known.device.id, _account_identity(known.resolved_holder)
        if device in settled and (account in overloaded) == (account in was_overloaded):
            return context.earlier.devices[device].placement
        return _placement(_without_overloaded_account(known, overloaded), overloaded, matcher)

    return MatchingResult(tuple(map(placement_of, evidence.values())), logins, evidence, overloaded)


# --- what has changed since the last matching -------------------------------------------------------------------------


def _unchanged_people(people: Sequence[Person], states: Mapping[str, PersonState], context: Context) -> frozenset[str]:
    earlier = context.earlier.people
    return frozenset(
        person.id
        for person in people
        if (case := earlier.get(person.id)) is not None
        and case.person is person
        and case.person_state is states[person.id]
    )


def _touched_keys(
    people: Sequence[Person],
    unchanged: frozenset[str],
    logins: Sequence[Login],
    logins_before: Sequence[Login],
    context: Context,
) -> frozenset[Key]:
    """The keys that may lead to somebody else than before, or to a person who has changed."""
    kept = {id(login) for login in logins}.intersection(map(id, logins_before))
    theirs = (login.key for login in logins if login.person not in unchanged or id(login) not in kept)
    former = (login.key for login in logins_before if login.person not in unchanged or id(login) not in kept)
    changed_people = [person for person in people if person.id not in unchanged]
    changed_people += [case.person for id_, case in context.earlier.people.items() if id_ not in unchanged]
    return frozenset(chain(theirs, former, (key for person in changed_people for key in person.keys)))


def _settled_devices(devices: Iterable[Device], touched: frozenset[Key], holders: HolderIndex) -> set[str]:
    """The devices that would be matched as before."""
    earlier = holders.context.earlier.devices
    return {
        device.id
        for device in devices
        if (case := earlier.get(device.id)) is not None
        and case.device is device
        and touched.isdisjoint(_keys_of(device))
        and not holders.is_decided(device, device.records or device.gone)
    }


def _keys_of(device: Device) -> list[Key]:
    return [key for known in device.records or device.gone for key in device_record(known).keys]


def _keys_to_look_up(devices: Iterable[Device], context: Context) -> frozenset[Key]:
    of_overrides = (override.person for override in context.believed.overrides)
    return frozenset(chain(of_overrides, (key for device in devices for key in _keys_of(device))))


# --- evidence ---------------------------------------------------------------------------------------------------------


def _collect_evidence(device: Device, matcher: _Matcher) -> DeviceEvidence:
    records = device.records or device.gone
    resolved_holder = matcher.holders.resolve_holder(device, records)
    from_list = matcher.classifier.classify_by_lists(records)

    def unit_otherwise() -> str:
        return matcher.locator.resolve_unit(records, (from_list,), resolved_holder).unit

    from_rule = matcher.classifier.classify_by_rules(records, unit_otherwise)
    return DeviceEvidence(device, records, resolved_holder, from_list, from_rule)


# --- accounts with too many devices -----------------------------------------------------------------------------------


def _account_identity(resolved_holder: ResolvedHolder) -> object:
    return resolved_holder.person or resolved_holder.account_key


def _overloaded_accounts(evidence: Iterable[DeviceEvidence], most: int) -> frozenset[object]:
    """Accounts with more than *most* devices; only devices in use count, and no shared, loan or stock devices."""
    counts = Counter(
        _account_identity(device_evidence.resolved_holder)
        for device_evidence in evidence
        if device_evidence.resolved_holder.account == "person"
        and not device_evidence.resolved_holder.is_unreadable
        and device_evidence.device.records
        and device_evidence.classified_purpose not in _PURPOSES_WITHOUT_USER_LIMIT
        and _OUT_OF_USE_CONDITIONS.isdisjoint(device_evidence.device.conditions)
    )
    return frozenset(account for account, count in counts.items() if count > most)


def _without_overloaded_account(evidence: DeviceEvidence, overloaded: frozenset[object]) -> DeviceEvidence:
    resolved_holder = evidence.resolved_holder
    if (
        resolved_holder.is_manual
        or resolved_holder.account != "person"
        or _account_identity(resolved_holder) not in overloaded
    ):
        return evidence
    nobody = ResolvedHolder(reason=_TOO_MANY, account="function", account_owner=resolved_holder.person)
    return DeviceEvidence(evidence.device, evidence.records, nobody, evidence.from_list, evidence.from_rule)


# --- the placement ----------------------------------------------------------------------------------------------------


def _placement(evidence: DeviceEvidence, overloaded: frozenset[object], matcher: _Matcher) -> Placement:
    resolved_holder = evidence.resolved_holder
    resolved_unit = _resolve_unit(evidence, matcher)
    unit = resolved_unit.unit
    purpose, purpose_reason = _resolve_purpose(evidence, unit, matcher)
    is_childs = _is_childs_device(resolved_holder, matcher.locator)
    serves = matcher.classifier.roster_spelling(unit, _served_groups(evidence)) if purpose is Purpose.SET else ()
    return Placement(
        device=evidence.device.id,
        holder=None if is_childs else resolved_holder.person,
        holder_reason=_OF_A_CHILD if is_childs else resolved_holder.reason,
        holder_problems=() if is_childs else resolved_holder.holder_problems,
        claimed_by=resolved_holder.claimed_by,
        contradicted_by=() if is_childs else resolved_holder.contradicted_by,
        non_holder_account=resolved_holder.account in ("function", "manager"),
        reused_login_of=None if is_childs else resolved_holder.reused_login_of,
        purpose=purpose,
        purpose_reason=purpose_reason,
        unit=unit,
        unit_reason=resolved_unit.reason,
        conflicting_unit=resolved_unit.conflicting_unit,
        conflicting_unit_reason=resolved_unit.conflicting_reason,
        serves=serves,
        agreed_fields=_agreed_fields(evidence, overloaded, (resolved_holder.person, unit, purpose), matcher),
        # A device of a förskola may be its staff's or in the pool.
        is_use_undecided=purpose is Purpose.POOL and purpose_reason is HOLDER_UNREADABLE,
    )


def _resolve_unit(evidence: DeviceEvidence, matcher: _Matcher) -> ResolvedUnit:
    correction = matcher.locator.context.corrections_in_force.get((evidence.device.id, "unit"))
    is_possible = correction is not None and correction.value in matcher.locator.context.unit_directory.by_slug
    # A correction would show where a protected person is.
    if correction is not None and is_possible and not _is_protected(evidence, matcher):
        return ResolvedUnit(correction.value, correction_reason(correction))
    return _resolve_unit_by_sources(evidence, matcher)


def _is_protected(evidence: DeviceEvidence, matcher: _Matcher) -> bool:
    holder = evidence.resolved_holder.person
    return evidence.device.masked or (holder is not None and matcher.locator.people[holder].masked)


def _resolve_unit_by_sources(evidence: DeviceEvidence, matcher: _Matcher) -> ResolvedUnit:
    classifications = (evidence.from_list, evidence.from_rule)
    return matcher.locator.resolve_unit(evidence.records, classifications, evidence.resolved_holder)


def _resolve_purpose(evidence: DeviceEvidence, unit: str, matcher: _Matcher) -> tuple[Purpose, Text]:
    """The purpose: by a correction, else a list, else the first rule, else by the log-in and the MDM."""
    correction = matcher.locator.context.corrections_in_force.get((evidence.device.id, "purpose"))
    if correction is not None:
        return Purpose(correction.value), correction_reason(correction)
    return _resolve_purpose_by_sources(evidence, unit, matcher)


def _resolve_purpose_by_sources(evidence: DeviceEvidence, unit: str, matcher: _Matcher) -> tuple[Purpose, Text]:
    for classification in (evidence.from_list, evidence.from_rule):
        if classification is not None and classification.purpose is not None:
            return classification.purpose, classification.reason
    return _purpose_by_use(evidence, unit, matcher)


def _purpose_by_use(evidence: DeviceEvidence, unit: str, matcher: _Matcher) -> tuple[Purpose, Text]:
    """The purpose of a device that no list and no rule classifies: by its log-in, its MDM and its unit."""
    is_at_preschool = matcher.locator.context.unit_directory.is_preschool_only(unit)
    if _is_childs_device(evidence.resolved_holder, matcher.locator):
        return Purpose.POOL, _OF_A_CHILD
    if "purpose" in evidence.device.unreadable and _served_groups(evidence):
        return Purpose.SET, _SERVES_GROUPS
    if any(device_record(known).reported_shared for known in evidence.records):
        return Purpose.POOL, _SHARED
    if evidence.resolved_holder.is_unreadable:
        return Purpose.POOL if is_at_preschool else Purpose.PERSONAL, HOLDER_UNREADABLE
    if evidence.resolved_holder.account == "person" or any(device_record(each).has_user for each in evidence.records):
        return Purpose.PERSONAL, _HAS_A_LOGIN
    if is_at_preschool:
        return Purpose.POOL, _AT_A_PRESCHOOL
    return Purpose.UNSORTED, _NO_EVIDENCE


# --- corrections that the sources agree with --------------------------------------------------------------------------


def _agreed_fields(
    evidence: DeviceEvidence, overloaded: frozenset[object], placed: tuple[str | None, str, Purpose], matcher: _Matcher
) -> tuple[CorrectedField, ...]:
    """The corrected fields of a device of which the sources say the same by now, all of them or none.

    All together, because each rests on the others: without them it must be *placed* (holder, unit, purpose) as it is.
    """
    if not matcher.holders.is_corrected(evidence.device):
        return ()
    by_sources = matcher.holders.resolve_by_sources(evidence.device, evidence.records)
    uncorrected = _without_overloaded_account(replace(evidence, resolved_holder=by_sources), overloaded)
    holder, unit = uncorrected.resolved_holder, _resolve_unit_by_sources(uncorrected, matcher).unit
    purpose, _ = _resolve_purpose_by_sources(uncorrected, unit, matcher)
    # A log-in that nobody is known by is not the same as nobody.
    is_unknown = holder.person is None and holder.account == "person"
    if is_unknown or (holder.person, unit, purpose) != placed:
        return ()
    in_force = matcher.locator.context.corrections_in_force
    return tuple(field for field in _PLACING_FIELDS if (evidence.device.id, field) in in_force)


def _is_childs_device(resolved_holder: ResolvedHolder, locator: UnitLocator) -> bool:
    """Whether a child of förskola or förskoleklass has the log-in: such a device counts in the unit's pool, unnamed."""
    person_state = locator.states.get(resolved_holder.person) if resolved_holder.person is not None else None
    return person_state is not None and person_state.is_child


def _served_groups(evidence: DeviceEvidence) -> tuple[str, ...]:
    named = (source.groups for source in (evidence.from_list, evidence.from_rule) if source is not None)
    return next((groups for groups in named if groups), ())
