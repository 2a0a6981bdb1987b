"""Finds the holder of a device by its user keys, and the accounts that are nobody's.

Pure. Ties are reported, never guessed: a device that two people claim belongs to neither. A name is never evidence.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Literal

from msgspec import Struct

from fleetsync.core.calendar import add_months
from fleetsync.core.context import Context
from fleetsync.core.identity import compact_serial
from fleetsync.core.matching.globs import is_match
from fleetsync.core.matching.logins import ClaimsByKey, claimants
from fleetsync.core.matching.rules import LOGIN_SCHEMES, device_record
from fleetsync.core.model import (
    SCHEME_STRENGTH,
    BelievedRecord,
    Correction,
    Device,
    DeviceRecord,
    FrozenStruct,
    HolderProblem,
    Key,
    Override,
    Person,
    Policy,
    Scheme,
    Text,
)
from fleetsync.core.text import folded

MONTHS_A_REUSED_LOGIN_IS_FLAGGED = 12
AccountType = Literal["person", "function", "manager", "none"]

_SCHEME_TEXTS: Mapping[Scheme, Text] = {
    Scheme.OBJECT_ID: Text("objekt-id", "object id"),
    Scheme.NUMBER: Text("nummer", "number"),
    Scheme.CIVIC: Text("personnummer", "civic number"),
    Scheme.ADDRESS: Text("adress", "address"),
    Scheme.ACCOUNT: Text("kontonamn", "account name"),
}
_REASON_BY_SCHEME = {
    scheme: Text(
        f"inloggningens {words.sv} hör till en enda person", f"the log-in's {words.en} is exactly one person's"
    )
    for scheme, words in _SCHEME_TEXTS.items()
}
_NO_LOGIN = Text("ingen inloggning", "no log-in")
HOLDER_UNREADABLE = Text(
    "källan nämner en innehavare som inte gick att läsa", "its source names a holder who could not be read"
)
_UNKNOWN = Text("ingen källa känner den som har inloggningen", "the log-in is nobody's that any source knows")
_AMBIGUOUS = Text("inloggningen hör till flera personer", "the log-in is several people's")
_MANAGER = Text("inskrivet av ett inskrivningskonto", "enrolled by an enrolment manager")
_FUNCTION = Text("inloggningen är ett funktionskonto", "the log-in is a function account")
_OVERRIDE = Text("enligt undantagsfilen", "by the overrides file")


class ResolvedHolder(FrozenStruct, frozen=True, kw_only=True):
    """The person who holds a device, or why nobody does.

    `account_owner`: the person who has the account although they are not the holder; their unit may place the device.
    `is_manual`: a person decided it, so the limit of devices per account does not apply.
    """

    person: str | None = None
    reason: Text = _NO_LOGIN
    holder_problems: tuple[HolderProblem, ...] = ()
    claimed_by: tuple[str, ...] = ()
    contradicted_by: tuple[str, ...] = ()
    account: AccountType = "none"
    account_owner: str | None = None
    account_key: Key | None = None
    reused_login_of: str | None = None
    is_manual: bool = False
    is_unreadable: bool = False  # a source names somebody, and nobody can say whom


class HolderIndex(Struct, frozen=True, kw_only=True, dict=True):
    """Looks up the person behind a device's keys: by corrections, overrides and log-ins. Made once per reconciliation."""

    claims: ClaimsByKey
    people: Mapping[str, Person]
    context: Context

    @cached_property
    def _active_overrides(self) -> Sequence[Override]:
        return [each for each in self.context.believed.overrides if each.is_in_force(self.context.today)]

    @cached_property
    def _overrides_by_serial(self) -> Mapping[str, Override]:
        by_serial = ((override.serial, override) for override in self._active_overrides)
        return {_comparable_serial(serial): override for serial, override in by_serial if serial is not None}

    @cached_property
    def _overrides_by_login(self) -> Mapping[Key, Override]:
        return {override.login: override for override in self._active_overrides if override.login is not None}

    def resolve_holder(self, device: Device, records: Sequence[BelievedRecord]) -> ResolvedHolder:
        """The holder of *device*: by a correction, else an override, else its user keys, strongest first."""
        return self._resolve_by_decision(device, records) or self._resolve_by_keys(device, records)

    def is_decided(self, device: Device, records: Sequence[BelievedRecord]) -> bool:
        """Whether a person has decided about *device*, by a correction or an override that holds today."""
        if self.is_corrected(device):
            return True
        return self._override_for(device, records) is not None

    def is_corrected(self, device: Device) -> bool:
        """Whether a correction of *device* holds today."""
        return device.id in self._corrected_devices

    @cached_property
    def _corrected_devices(self) -> frozenset[str]:
        return frozenset(device for device, _ in self.context.corrections_in_force)

    def _resolve_by_decision(self, device: Device, records: Sequence[BelievedRecord]) -> ResolvedHolder | None:
        correction = self.context.corrections_in_force.get((device.id, "holder"))
        if correction is not None and (not correction.value or correction.value in self.people):
            return ResolvedHolder(
                person=correction.value or None,
                reason=correction_reason(correction),
                account=_account_type_for(correction.value),
                is_manual=True,
            )
        return self._resolve_by_override(device, records)

    def resolve_by_sources(self, device: Device, records: Sequence[BelievedRecord]) -> ResolvedHolder:
        """The holder of *device* without any correction."""
        return self._resolve_by_override(device, records) or self._resolve_by_keys(device, records)

    def _resolve_by_override(self, device: Device, records: Sequence[BelievedRecord]) -> ResolvedHolder | None:
        override = self._override_for(device, records)
        if override is None:
            return None
        named = {claim.person for claim in claimants(self.claims, override.person, self.context.moment.at)}
        if len(named) != 1:
            return None
        return ResolvedHolder(person=named.pop(), reason=_OVERRIDE, account="person", is_manual=True)

    def _override_for(self, device: Device, records: Sequence[BelievedRecord]) -> Override | None:
        if not self._active_overrides:
            return None
        if device.serial is not None and (serial := _comparable_serial(device.serial)) in self._overrides_by_serial:
            return self._overrides_by_serial[serial]
        keys = (key for known in records for key in device_record(known).keys)
        return next((self._overrides_by_login[key] for key in keys if key in self._overrides_by_login), None)

    def _resolve_by_keys(self, device: Device, records: Sequence[BelievedRecord]) -> ResolvedHolder:
        named = [known for known in records if device_record(known).keys]
        if not named and any("keys" in device_record(known).unreadable for known in records):
            return ResolvedHolder(
                reason=HOLDER_UNREADABLE,
                holder_problems=_unknown_holder(device),
                account="person",
                is_unreadable=True,
            )
        if not named:
            is_managed = any(device_record(known).enrolled_by_manager for known in records)
            return ResolvedHolder(reason=_MANAGER, account="manager") if is_managed else ResolvedHolder()
        enrolled_at = device.enrolled_at or device.first_seen
        policy = self.context.policy
        accounts = [(known, account_type_of(device_record(known), policy)) for known in named]
        keys = self._strongest_first([known for known, account in accounts if account == "person"])
        if keys:
            return self._resolve_by_person_keys(device, keys, enrolled_at)
        return self._resolve_non_holder_account(accounts, enrolled_at)

    def _resolve_non_holder_account(
        self, accounts: Iterable[tuple[BelievedRecord, AccountType]], enrolled_at: datetime
    ) -> ResolvedHolder:
        functions = self._strongest_first([known for known, account in accounts if account == "function"])
        if not functions:
            return ResolvedHolder(reason=_MANAGER, account="manager")
        claims_of_keys = (claimants(self.claims, key, enrolled_at) for key in functions)
        owner = next((claims[0].person for claims in claims_of_keys if len(claims) == 1), None)
        return ResolvedHolder(reason=_FUNCTION, account="function", account_owner=owner)

    def _resolve_by_person_keys(self, device: Device, keys: Sequence[Key], enrolled_at: datetime) -> ResolvedHolder:
        claims = [(key, claimants(self.claims, key, enrolled_at)) for key in keys]
        winner = next(((key, of_key[0].person) for key, of_key in claims if len(of_key) == 1), None)
        if winner is not None:
            key, person = winner
            others = [of_key for other, of_key in claims if of_key and not self._has_claimed(other, person)]
            contradicted_by = tuple(sorted({claim.person for of_key in others for claim in of_key}))
            return ResolvedHolder(
                person=person,
                reason=_REASON_BY_SCHEME[key.scheme],
                holder_problems=(HolderProblem.CONFLICT,) if contradicted_by else (),
                contradicted_by=contradicted_by,
                account="person",
                account_key=key,
                reused_login_of=self._other_login_owner(key, person),
            )
        several = sorted({claim.person for _, of_key in claims for claim in of_key})
        if several:
            holder_problems: tuple[HolderProblem, ...] = (HolderProblem.AMBIGUOUS,)
            return ResolvedHolder(
                reason=_AMBIGUOUS,
                holder_problems=holder_problems,
                claimed_by=tuple(several),
                account="person",
                account_key=keys[0],
            )
        return ResolvedHolder(
            reason=_UNKNOWN, holder_problems=_unknown_holder(device), account="person", account_key=keys[0]
        )

    def _has_claimed(self, key: Key, person: str) -> bool:
        """Whether *key* is or was the person's: that somebody else has had it since is no contradiction."""
        return any(claim.person == person for claim in self.claims[key])

    def _other_login_owner(self, key: Key, person: str) -> str | None:
        """Who else has or had the log-in, for twelve months from the day on which it was given."""
        claims = self.claims[key]
        if len(claims) < 2:
            return None
        newest = max(claims, key=lambda claim: claim.first_seen)
        given_on = self.context.local_day(newest.first_seen)
        if self.context.today >= add_months(given_on, MONTHS_A_REUSED_LOGIN_IS_FLAGGED):
            return None
        return max((claim for claim in claims if claim.person != person), key=lambda claim: claim.first_seen).person

    def _strongest_first(self, records: Iterable[BelievedRecord]) -> tuple[Key, ...]:
        """Keys by strength; within a scheme in the order of the records, which are ranked most trusted first."""
        keys = dict.fromkeys(key for known in records for key in device_record(known).keys)
        return tuple(keys) if len(keys) < 2 else tuple(sorted(keys, key=lambda key: SCHEME_STRENGTH[key.scheme]))


def account_type_of(record: DeviceRecord, policy: Policy) -> AccountType:
    """The type of account of the log-in that *record* has keys of; all keys of a record are of one account."""
    kinds = {_account_type_of_key(key, policy) for key in record.keys}
    if record.enrolled_by_manager or "manager" in kinds:
        return "manager"
    return "function" if "function" in kinds else "person"


def _account_type_of_key(key: Key, policy: Policy) -> AccountType:
    if key.scheme not in LOGIN_SCHEMES or key.is_token:
        return "person"
    if any(is_match(pattern, key.value) for pattern in policy.enrolment_managers):
        return "manager"
    is_function = any(is_match(pattern, key.value) for pattern in policy.function_accounts)
    return "function" if is_function else "person"


def correction_reason(correction: Correction) -> Text:
    """The reason of a fact that a person has corrected."""
    if correction.until is None:
        return Text("enligt en rättelse", "by a correction")
    return Text(f"enligt en rättelse till och med {correction.until}", f"by a correction until {correction.until}")


def _comparable_serial(serial: str) -> str:
    """A serial in the form in which it is compared, however a person may have typed it."""
    return folded(compact_serial(serial))


def _account_type_for(person: str) -> AccountType:
    return "person" if person else "none"


def _unknown_holder(device: Device) -> tuple[HolderProblem, ...]:
    # A list of masked log-ins that are nobody's would be a list of the people who are hidden.
    return () if device.masked else (HolderProblem.UNKNOWN,)
