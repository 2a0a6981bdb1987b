"""Who holds a device, by what evidence, and whose account is nobody's.

Pure. Ties are reported, never guessed: a device claimed by two people belongs to neither. Never by a name.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Literal

from msgspec import Struct

from fleetsync.core.calendar import add_months, local_day
from fleetsync.core.identity import compact_serial, folded
from fleetsync.core.matching.globs import is_match
from fleetsync.core.matching.logins import Claims, claimants
from fleetsync.core.matching.rules import LOGIN_SCHEMES, body
from fleetsync.core.model import (
    SCHEME_STRENGTH,
    Believed,
    Correction,
    Device,
    Key,
    Known,
    Moment,
    Noun,
    Override,
    Person,
    Policy,
    Scheme,
    Text,
    Trouble,
)

MONTHS_A_REUSED_LOGIN_IS_FLAGGED = 12
Account = Literal["person", "function", "manager", "none"]

_SCHEMES: Mapping[Scheme, Text] = {
    Scheme.OBJECT_ID: Text("objekt-id", "object id"),
    Scheme.NUMBER: Text("nummer", "number"),
    Scheme.CIVIC: Text("personnummer", "civic number"),
    Scheme.ADDRESS: Text("adress", "address"),
    Scheme.ACCOUNT: Text("kontonamn", "account name"),
}
_BY_KEY = {
    scheme: Text(
        f"inloggningens {words.sv} hör till en enda person", f"the log-in's {words.en} is exactly one person's"
    )
    for scheme, words in _SCHEMES.items()
}
_NO_LOGIN = Text("ingen inloggning", "no log-in")
_UNKNOWN = Text("ingen källa känner den som har inloggningen", "the log-in is nobody's that any source knows")
_AMBIGUOUS = Text("inloggningen hör till flera personer", "the log-in is several people's")
_MANAGER = Text("inskrivet av ett inskrivningskonto", "enrolled by an enrolment manager")
_FUNCTION = Text("inloggningen är ett funktionskonto", "the log-in is a function account")
_OVERRIDE = Text("enligt undantagsfilen", "by the overrides file")
_CORRECTION = Text("enligt en rättelse", "by a correction")


class Held(Noun, frozen=True, kw_only=True):
    """Whose a device is. `account_of`: the person whose account it is although he is no holder; his unit may place it.

    `decided`: by a person's decision, which no count of devices overrules.
    """

    person: str | None = None
    reason: Text = _NO_LOGIN
    troubles: tuple[Trouble, ...] = ()
    claimed_by: tuple[str, ...] = ()
    account: Account = "none"
    account_of: str | None = None
    account_key: Key | None = None
    reused_login_of: str | None = None
    decided: bool = False


class Register(Struct, frozen=True, kw_only=True, dict=True):
    """All that tells whose a log-in is; made once per reconciliation."""

    claims: Claims
    people: Mapping[str, Person]
    policy: Policy
    believed: Believed
    moment: Moment

    @cached_property
    def corrected(self) -> Mapping[tuple[str, str], Correction]:
        """(device, field) → the correction that holds today."""
        return {
            (one.device, one.field): one for one in self.believed.corrections if _holds(one.until, self.moment.today)
        }

    @cached_property
    def _overrides(self) -> Sequence[Override]:
        return [one for one in self.believed.overrides if _holds(one.until, self.moment.today)]

    @cached_property
    def _by_serial(self) -> Mapping[str, Override]:
        return {_compared(one.serial): one for one in self._overrides if one.serial is not None}

    @cached_property
    def _by_login(self) -> Mapping[Key, Override]:
        return {one.login: one for one in self._overrides if one.login is not None}

    def holder(self, device: Device, records: Sequence[Known]) -> Held:
        """Whose *device* is: by a correction, an override, else by its user keys, strongest first."""
        return self._by_decision(device, records) or self._by_keys(device, records)

    def _by_decision(self, device: Device, records: Sequence[Known]) -> Held | None:
        correction = self.corrected.get((device.id, "holder"))
        if correction is not None and (not correction.value or correction.value in self.people):
            return Held(
                person=correction.value or None, reason=_CORRECTION, account=_account_if(correction.value), decided=True
            )
        override = self._override(device, records)
        if override is None:
            return None
        found = {claim.person for claim in claimants(self.claims, override.person, self.moment.at)}
        if len(found) != 1:
            return None
        return Held(person=found.pop(), reason=_OVERRIDE, account="person", decided=True)

    def _override(self, device: Device, records: Sequence[Known]) -> Override | None:
        if not self._overrides:
            return None
        if device.serial is not None and (found := self._by_serial.get(_compared(device.serial))) is not None:
            return found
        keys = (key for known in records for key in body(known).keys)
        return next((self._by_login[key] for key in keys if key in self._by_login), None)

    def _by_keys(self, device: Device, records: Sequence[Known]) -> Held:
        named = [known for known in records if body(known).keys]
        if not named:
            is_managed = any(body(known).enrolled_by_manager for known in records)
            return Held(reason=_MANAGER, account="manager") if is_managed else Held()
        enrolled_at = device.enrolled_at or device.first_seen
        accounts = [(known, self._account_of(known)) for known in named]
        keys = self._strongest_first([known for known, account in accounts if account == "person"])
        if keys:
            return self._by_person_keys(device, keys, enrolled_at)
        return self._by_nobodys_account(accounts, enrolled_at)

    def _by_nobodys_account(self, accounts: Iterable[tuple[Known, Account]], enrolled_at: datetime) -> Held:
        functions = self._strongest_first([known for known, account in accounts if account == "function"])
        if not functions:
            return Held(reason=_MANAGER, account="manager")
        people = (claimants(self.claims, key, enrolled_at) for key in functions)
        of = next((claims[0].person for claims in people if len(claims) == 1), None)
        return Held(reason=_FUNCTION, account="function", account_of=of)

    def _by_person_keys(self, device: Device, keys: Sequence[Key], enrolled_at: datetime) -> Held:
        claims = [(key, claimants(self.claims, key, enrolled_at)) for key in keys]
        winner = next(((key, found[0].person) for key, found in claims if len(found) == 1), None)
        if winner is not None:
            key, person = winner
            disagrees = any(found and not self._may_be(key, person) for key, found in claims)
            return Held(
                person=person,
                reason=_BY_KEY[key.scheme],
                troubles=(Trouble.CONFLICT,) if disagrees else (),
                account="person",
                account_key=key,
                reused_login_of=self._reused_of(key, person),
            )
        several = sorted({claim.person for _, found in claims for claim in found})
        if several:
            troubles: tuple[Trouble, ...] = (Trouble.AMBIGUOUS,)
            return Held(
                reason=_AMBIGUOUS, troubles=troubles, claimed_by=tuple(several), account="person", account_key=keys[0]
            )
        # A masked log-in that is nobody's would make a list of those who are hidden.
        troubles = () if device.masked else (Trouble.UNKNOWN,)
        return Held(reason=_UNKNOWN, troubles=troubles, account="person", account_key=keys[0])

    def _may_be(self, key: Key, person: str) -> bool:
        """Whether *key* is or was the person's: what somebody else has had since is no contradiction."""
        return any(claim.person == person for claim in self.claims[key])

    def _reused_of(self, key: Key, person: str) -> str | None:
        """Who else has or had the log-in, for twelve months from the day it was given on."""
        found = self.claims[key]
        if len(found) < 2:
            return None
        newest = max(found, key=lambda claim: claim.first_seen)
        given_on = local_day(newest.first_seen, self.policy.time_zone)
        if self.moment.today >= add_months(given_on, MONTHS_A_REUSED_LOGIN_IS_FLAGGED):
            return None
        return max((claim for claim in found if claim.person != person), key=lambda claim: claim.first_seen).person

    def _strongest_first(self, records: Iterable[Known]) -> tuple[Key, ...]:
        """Keys by strength; within a scheme by record, the most trusted first as identity ranked them."""
        keys = dict.fromkeys(key for known in records for key in body(known).keys)
        return tuple(keys) if len(keys) < 2 else tuple(sorted(keys, key=lambda key: SCHEME_STRENGTH[key.scheme]))

    def _account_of(self, known: Known) -> Account:
        """What sort of account a record's log-in is; all its keys are of one account."""
        record = body(known)
        kinds = {self._kind(key) for key in record.keys}
        if record.enrolled_by_manager or "manager" in kinds:
            return "manager"
        return "function" if "function" in kinds else "person"

    def _kind(self, key: Key) -> Account:
        if key.scheme not in LOGIN_SCHEMES or key.is_token:
            return "person"
        if any(is_match(pattern, key.value) for pattern in self.policy.enrolment_managers):
            return "manager"
        is_nobodys = any(is_match(pattern, key.value) for pattern in self.policy.function_accounts)
        return "function" if is_nobodys else "person"


def _compared(serial: str) -> str:
    """A serial as a person may have typed it, and as it is compared."""
    return folded(compact_serial(serial))


def _holds(until: date | None, today: date) -> bool:
    return until is None or today <= until


def _account_if(person: str) -> Account:
    return "person" if person else "none"
