"""Invented names and numbers that no real person can have."""

from datetime import date

from fleetsync.demo.names import CANARY, Namer
from fleetsync.pull.decoding import civic_number


def test_the_same_seed_gives_the_same_names():
    first, second = Namer("a"), Namer("a")

    assert [first.name() for _ in range(50)] == [second.name() for _ in range(50)]
    assert Namer("b").name() != Namer("a").name()


def test_no_account_is_given_twice():
    namer = Namer("a")
    accounts = [namer.name().account for _ in range(3000)]

    assert len(set(accounts)) == 3000


def test_no_civic_number_is_valid():
    namer = Namer("a")

    numbers = [civic_number(namer.civic(1950, 2020), date(2026, 11, 24)) for _ in range(500)]

    assert {number.kind for number in numbers if number} == {"person"}
    assert not any(number.valid for number in numbers if number)


def test_a_person_who_may_not_be_named_has_the_canary_in_every_text():
    name = Namer("a").canary_name()

    assert CANARY in name.given.casefold()
    assert CANARY in name.account
