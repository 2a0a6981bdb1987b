"""How many shared devices the children of each unit are owed, by each way of rounding."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.entitlement import (
    RULES,
    heads_by_unit,
    owed_to_pools,
    pool_devices_by_unit,
    pool_devices_for,
    share_by_largest_remainder,
)
from fleetsync.core.model import UNPLACED, EntitlementDecision, OwedDevices, PersonState, RoundBy, Subject, Text
from tests.core.entitlement.entitlement_samples import context_of, enrolled, person_state_of, placed

PRESCHOOL = RULES[2]
HEADS = st.dictionaries(
    st.tuples(st.sampled_from(["bjorkskolan", "ekskolan", "ugglan", UNPLACED]), st.sampled_from(["FS", "FKLASS"])),
    st.integers(1, 60),
)


def children(heads: Mapping[tuple[str, str], int]) -> list[PersonState]:
    owed = EntitlementDecision(entitlement="preschool", owed=True, reason=Text("", ""))
    return [
        PersonState(person=f"{unit}-{form}-{place}", unit=unit, school_form=form, decisions=(owed,))
        for (unit, form), count in heads.items()
        for place in range(count)
    ]


def owed_to(heads: Mapping[tuple[str, str], int], round_by: RoundBy | None = None) -> tuple[OwedDevices, ...]:
    return owed_to_pools(children(heads), context_of(()), round_by)


def counts(heads: Mapping[tuple[str, str], int], round_by: RoundBy | None = None) -> dict[str, int]:
    return {debt.unit: debt.count for debt in owed_to(heads, round_by)}


@pytest.mark.parametrize(("heads", "places"), [(0, 0), (1, 1), (5, 1), (6, 2), (23, 5)])
def test_every_five_children_that_are_begun_owe_one_device(heads: int, places: int) -> None:
    assert pool_devices_for(PRESCHOOL, heads) == places
    assert pool_devices_for(replace(PRESCHOOL, devices=2), heads) == 2 * places


def test_a_pool_is_owed_per_unit_with_its_children_and_says_why() -> None:
    (pool,) = owed_to({("ekskolan", "FKLASS"): 6, ("ekskolan", "FS"): 23})

    assert (pool.entitlement, pool.subject, pool.subject_id) == ("preschool", Subject.POOL, "preschool@ekskolan")
    assert (pool.unit, pool.count, pool.heads, pool.decidable) == ("ekskolan", 7, 29, True)
    assert pool.reason.en == "FKLASS: 6 children, FS: 23 children; 1 per 5 begun of each school form"


def test_a_form_borrows_no_fifth_of_a_device_from_another_unless_the_unit_is_rounded() -> None:
    heads = {("ekskolan", "FKLASS"): 1, ("ekskolan", "FS"): 1}

    assert counts(heads) == {"ekskolan": 2}
    assert counts(heads, RoundBy.UNIT) == {"ekskolan": 1}
    assert owed_to(heads, RoundBy.UNIT)[0].reason.en == "2 children; 1 per 5 begun at the unit"


def test_what_the_municipality_is_owed_is_shared_out_by_largest_remainder_and_ties_by_slug() -> None:
    heads = {("ugglan", "FS"): 3, ("ekskolan", "FKLASS"): 3, ("bjorkskolan", "FS"): 3}

    assert counts(heads, RoundBy.MUNICIPALITY) == {"bjorkskolan": 1, "ekskolan": 1, "ugglan": 0}
    assert owed_to(heads, RoundBy.MUNICIPALITY)[0].reason.en == (
        "3 children; 1 per 5 begun in the municipality, shared out by largest remainder"
    )


def test_the_rule_says_where_it_is_rounded_when_nobody_asks_for_another_way() -> None:
    rules = [replace(PRESCHOOL, round_by=RoundBy.UNIT)]
    heads = {("ekskolan", "FKLASS"): 1, ("ekskolan", "FS"): 1}

    (pool,) = owed_to_pools(children(heads), context_of((), rules=rules))
    assert pool.count == 1


def test_a_unit_that_the_book_lacks_comes_last_and_is_not_dropped() -> None:
    assert list(counts({("nedlagd", "FS"): 1, ("ugglan", "FS"): 1, (UNPLACED, "FS"): 1})) == [
        "ugglan",
        UNPLACED,
        "nedlagd",
    ]


def test_only_children_whom_a_pool_rule_owns_are_counted() -> None:
    states = [
        person_state_of(placed("2024-08-19")),
        person_state_of(enrolled("GR", 4, "2024-08-19")),
        person_state_of(placed("2027-08-16")),
    ]

    assert [pool.heads for pool in owed_to_pools(states, context_of(()))] == [1]


def test_nothing_is_shared_out_to_nobody() -> None:
    assert share_by_largest_remainder(3, {}) == {}


@given(HEADS)
def test_the_shares_of_the_municipality_are_always_what_it_is_owed_and_none_is_a_device_off(
    heads: dict[tuple[str, str], int],
) -> None:
    shares, by_unit = pool_devices_by_unit(PRESCHOOL, heads, RoundBy.MUNICIPALITY), heads_by_unit(heads)
    total = sum(heads.values())

    assert sum(shares.values()) == -(-total // 5)
    assert all(abs(shares[unit] - sum(shares.values()) * by_unit[unit] / total) < 1 for unit in by_unit)


@given(HEADS)
def test_rounding_up_in_more_places_never_owes_less(heads: dict[tuple[str, str], int]) -> None:
    by_form, by_unit, by_all = (sum(pool_devices_by_unit(PRESCHOOL, heads, where).values()) for where in RoundBy)

    assert by_form >= by_unit >= by_all


@given(HEADS, st.sampled_from(RoundBy), st.randoms())
def test_pools_never_depend_on_the_order_of_children_and_always_hold_each_once(
    heads: dict[tuple[str, str], int], round_by: RoundBy, chance: object
) -> None:
    states = children(heads)
    shuffled = list(states)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    pools = owed_to_pools(states, context_of(()), round_by)
    assert pools == owed_to_pools(shuffled, context_of(()), round_by)
    assert sum(pool.heads for pool in pools) == len(states)
