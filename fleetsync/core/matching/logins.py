"""Which person a log-in belongs to, or belonged to, and since when.

Pure. A former log-in still leads to the person who had it. When a log-in was given to a new person, the day on which
the device was enrolled decides which of the two is meant. A log-in that two persons have at the same time leads to
neither of them alone: both are returned, and the caller reports the conflict.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from msgspec.structs import replace

from fleetsync.core.model import FrozenStruct, Key, Login, Moment, Person, Scheme


class LoginClaim(FrozenStruct, frozen=True):
    """That a person has or had a key. `is_current`: a present record of theirs has it."""

    person: str
    first_seen: datetime
    is_current: bool


ClaimsByKey = Mapping[Key, tuple[LoginClaim, ...]]
_PERSON_OF = attrgetter("person")


def update_logins(
    people: Sequence[Person], logins: Sequence[Login], moment: Moment, unchanged: Collection[str] = ()
) -> tuple[Login, ...]:
    """All log-ins known at *moment*: the believed ones brought up to date, then new ones first seen now.

    `last_seen` is set once, when the key disappears from the person, and cleared when it returns. So a second run with
    the same input changes nothing. Log-ins of unknown persons are kept as they are, and so are those of the persons who
    are *unchanged* since they were last brought up to date.
    """
    believed_by_person: defaultdict[str, list[Login]] = defaultdict(list)
    kept: list[Login] = []
    for login in logins:
        (kept if login.person in unchanged else believed_by_person[login.person]).append(login)
    updated = tuple(
        login
        for person in people
        if person.id not in unchanged
        for login in _update_logins_of_person(person, believed_by_person.pop(person.id, ()), moment.at)
    )
    return (*kept, *updated, *(login for unknown in believed_by_person.values() for login in unknown))


def _update_logins_of_person(person: Person, logins: Sequence[Login], at: datetime) -> Iterable[Login]:
    keys = person.keys if person.records else ()
    for login in logins:
        if (login.key in keys) == login.is_current:
            yield login
        else:
            yield replace(login, last_seen=at if login.is_current else None)
    known = [login.key for login in logins]
    yield from (Login(key, person.id, at) for key in keys if key not in known)


def claims_by_key(
    people: Sequence[Person], logins: Iterable[Login], wanted: Collection[Key] | None = None
) -> ClaimsByKey:
    """The persons who claim each key, or each of the keys that are *wanted*. Log-ins of persons who are not in *people*
    are left out.

    The keys of a person whose records are all gone count as former ones, even if they were never dated.
    """
    known = {person.id for person in people}
    dated: defaultdict[Key, list[Login]] = defaultdict(list)
    for login in logins:
        if (wanted is None or login.key in wanted) and login.person in known:
            dated[login.key].append(login)
    claims = {
        key: (_claim_of(sharing[0]),) if len(sharing) == 1 else tuple(map(_claim_of, sorted(sharing, key=_PERSON_OF)))
        for key, sharing in dated.items()
    }
    for person in people:
        for key in person.keys if not person.records else ():
            earlier = claims.get(key, ())
            if all(claim.person != person.id for claim in earlier):
                claims[key] = (*earlier, LoginClaim(person.id, person.first_seen, False))
    return claims


def _claim_of(login: Login) -> LoginClaim:
    return LoginClaim(login.person, login.first_seen, login.is_current)


def claimants(claims: ClaimsByKey, key: Key, enrolled_at: datetime) -> tuple[LoginClaim, ...]:
    """Claims of the persons whom *key* means on a device enrolled at that instant: none, one, or several at once."""
    matches = claims.get(key, ())
    if len(matches) < 2:
        return matches
    current = tuple(claim for claim in matches if claim.is_current)
    if len(current) > 1 or (current and key.scheme is Scheme.OBJECT_ID):
        return current
    # Devices enrolled before the new person was first seen stay with the old one.
    before = [claim for claim in matches if claim.first_seen <= enrolled_at]
    chosen = max(before, key=_recency) if before else min(matches, key=_recency)
    return tuple(claim for claim in matches if _recency(claim) == _recency(chosen))


def _recency(claim: LoginClaim) -> tuple[datetime, bool]:
    return (claim.first_seen, claim.is_current)
