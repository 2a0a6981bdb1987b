from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.matching.logins import claimants, claims_by_key, update_logins
from fleetsync.core.model import Login, Moment, Person
from tests.core.matching.matching_samples import AT, LONG_AGO, TODAY, address, object_id, person

NOW = Moment(AT, TODAY)
LATER = Moment(AT + timedelta(days=1), TODAY + timedelta(days=1))


def present_person(name: str, *names: str, **fields: Any) -> Person:
    keys = tuple(address(login_name) for login_name in names)
    return Person(id=name, records=(person(name, *keys),), keys=keys, first_seen=LONG_AGO, **fields)


def departed_person(name: str, *names: str) -> Person:
    return Person(id=name, records=(), keys=tuple(address(login_name) for login_name in names), first_seen=LONG_AGO)


def login(name: str, of: str, first: datetime = LONG_AGO, last: datetime | None = None) -> Login:
    return Login(address(name), of, first, last)


def test_a_new_login_is_first_seen_now() -> None:
    assert update_logins([present_person("p1", "alva")], [], NOW) == (Login(address("alva"), "p1", AT),)


def test_a_login_that_still_belongs_to_its_person_is_left_as_it_is() -> None:
    believed = (login("alva", "p1"),)

    assert update_logins([present_person("p1", "alva")], believed, NOW) == believed


def test_a_login_that_disappears_is_last_seen_then_and_changes_no_more() -> None:
    first = update_logins([present_person("p1", "alva.ny")], [login("alva", "p1")], NOW)
    second = update_logins([present_person("p1", "alva.ny")], first, LATER)

    assert first[0] == login("alva", "p1", LONG_AGO, AT)
    assert second == first


def test_a_login_that_returns_is_current_again_with_its_first_day() -> None:
    assert update_logins([present_person("p1", "alva")], [login("alva", "p1", LONG_AGO, AT)], LATER) == (
        login("alva", "p1"),
    )


def test_the_logins_of_a_person_who_has_left_are_former_ones() -> None:
    assert update_logins([departed_person("p1", "alva")], [login("alva", "p1")], NOW) == (
        login("alva", "p1", LONG_AGO, AT),
    )


def test_the_logins_of_an_unknown_person_are_kept_and_lead_to_nobody() -> None:
    believed = (login("alva", "erased"),)

    assert update_logins([], believed, NOW) == believed
    assert claims_by_key([], believed) == {}


def test_an_undated_key_of_a_person_who_has_left_is_a_former_one() -> None:
    claims = claims_by_key([departed_person("p1", "alva")], ())

    assert [(claim.person, claim.is_current) for claim in claims[address("alva")]] == [("p1", False)]


def test_a_dated_key_of_a_person_who_has_left_is_claimed_once() -> None:
    claims = claims_by_key([departed_person("p1", "alva")], [login("alva", "p1", LONG_AGO, AT)])

    assert len(claims[address("alva")]) == 1


def test_a_key_that_nobody_has_means_nobody() -> None:
    assert claimants({}, address("alva"), AT) == ()


def test_two_who_have_a_key_at_the_same_time_both_claim_it() -> None:
    claims = claims_by_key([present_person("p1", "a"), present_person("p2", "a")], [login("a", "p1"), login("a", "p2")])

    assert {claim.person for claim in claimants(claims, address("a"), AT)} == {"p1", "p2"}


def given_on(day: datetime) -> Any:
    return claims_by_key(
        [departed_person("old", "a"), present_person("new", "a")],
        [login("a", "old", LONG_AGO, AT), login("a", "new", day)],
    )


def test_a_device_enrolled_before_the_new_persons_first_sighting_stays_with_the_old() -> None:
    day = LONG_AGO + timedelta(days=60)
    claims = given_on(day)

    assert [claim.person for claim in claimants(claims, address("a"), day - timedelta(seconds=1))] == ["old"]
    assert [claim.person for claim in claimants(claims, address("a"), day)] == ["new"]


def test_a_device_older_than_every_sighting_stays_with_the_first() -> None:
    assert [claim.person for claim in claimants(given_on(AT), address("a"), LONG_AGO - timedelta(days=1))] == ["old"]


def test_an_object_id_means_its_current_person_whenever_the_device_was_enrolled() -> None:
    key = object_id(1)
    new = Person(id="new", records=(person("new", key),), keys=(key,), first_seen=AT)
    claims = claims_by_key([departed_person("old"), new], [Login(key, "old", LONG_AGO, AT), Login(key, "new", AT)])

    assert [claim.person for claim in claimants(claims, key, LONG_AGO)] == ["new"]


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c"]), unique=True), min_size=1, max_size=6))
def test_a_second_run_of_the_same_input_always_changes_nothing(histories: list[list[str]]) -> None:
    logins: tuple[Login, ...] = ()
    for hours, names in enumerate(histories):
        people = [present_person("p1", *names), departed_person("p2", "a")]
        moment = Moment(AT + timedelta(hours=hours), TODAY)
        logins = update_logins(people, logins, moment)
        assert update_logins(people, logins, Moment(moment.at + timedelta(minutes=1), TODAY)) == logins
