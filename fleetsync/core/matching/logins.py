"""Which log-in is, or was, whose, and since when.

Pure. A past log-in keeps resolving to who had it; one given to somebody new resolves by the day the device was
enrolled. A log-in that two people have at the same time is nobody's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from fleetsync.core.model import FrozenStruct, Key, Login, Moment, Person, Scheme


class LoginClaim(FrozenStruct, frozen=True):
    """One person's hold on a key; `is_current`: a present record of his has it."""

    person: str
    first_seen: datetime
    is_current: bool


ClaimsByKey = Mapping[Key, tuple[LoginClaim, ...]]


def update_logins(people: Sequence[Person], logins: Sequence[Login], moment: Moment) -> tuple[Login, ...]:
    """The log-ins known now: those believed, then new ones, first seen at *moment*.

    `last_seen` says when a log-in was found to be no longer his, and equals `first_seen` for as long as it is: so it
    moves once, when the key disappears (or back, when it returns), and a second run of the same input changes nothing.
    """
    of_person: defaultdict[str, list[Login]] = defaultdict(list)
    for login in logins:
        of_person[login.person].append(login)
    dated_now = tuple(
        one for person in people for one in _update_logins_of_person(person, of_person.pop(person.id, ()), moment.at)
    )
    return dated_now + tuple(login for others in of_person.values() for login in others)


def _update_logins_of_person(person: Person, logins: Sequence[Login], at: datetime) -> Iterable[Login]:
    keys = person.keys if person.records else ()
    for login in logins:
        has_ended = login.last_seen != login.first_seen
        if (login.key in keys) == has_ended:
            yield replace(login, last_seen=login.first_seen if has_ended else at)
        else:
            yield login
    known = [login.key for login in logins]
    yield from (Login(key, person.id, at, at) for key in keys if key not in known)


def claims_by_key(people: Sequence[Person], logins: Iterable[Login]) -> ClaimsByKey:
    """Who claims each key. Log-ins of people nobody knows any more resolve to nobody.

    The keys of a person whose records have all gone are past ones of his, even if they were never dated.
    """
    known = {person.id for person in people}
    claims: dict[Key, tuple[LoginClaim, ...]] = {}
    for login in logins:
        if login.person in known:
            claim = LoginClaim(login.person, login.first_seen, login.last_seen == login.first_seen)
            claims[login.key] = (*claims.get(login.key, ()), claim)
    for person in people:
        for key in person.keys if not person.records else ():
            earlier = claims.get(key, ())
            if all(claim.person != person.id for claim in earlier):
                claims[key] = (*earlier, LoginClaim(person.id, person.first_seen, False))
    return claims


def claimants(claims: ClaimsByKey, key: Key, enrolled_at: datetime) -> tuple[LoginClaim, ...]:
    """Who *key* means on a device enrolled at that instant: none, one, or several at the same time."""
    found = claims.get(key, ())
    if len(found) < 2:
        return found
    current = tuple(claim for claim in found if claim.is_current)
    if len(current) > 1 or (current and key.scheme is Scheme.OBJECT_ID):
        return current
    # Devices enrolled before the new person's first sighting stay with the old one.
    before = [claim for claim in found if claim.first_seen <= enrolled_at]
    chosen = max(before, key=_recency) if before else min(found, key=_recency)
    return tuple(claim for claim in found if _recency(claim) == _recency(chosen))


def _recency(claim: LoginClaim) -> tuple[datetime, bool]:
    return (claim.first_seen, claim.is_current)
