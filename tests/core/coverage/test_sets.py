"""How sets are dealt: counts by largest remainder, two rounds, and what is left stands on the last set asked."""

import itertools
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.coverage.sets import GroupNeed, SetAllocation, SetSupply, allocate_sets, apportion, sum_by_group

NAMES = ("A", "B", "C", "D")


@st.composite
def members(draw: st.DrawFn) -> GroupNeed:
    owed = draw(st.integers(0, 30))
    working = draw(st.integers(0, owed))
    broken = draw(st.integers(0, owed - working))
    return GroupNeed(owed, working, broken, draw(st.integers(0, owed - working - broken)))


groups = st.dictionaries(st.sampled_from(NAMES), members())
chosen = st.lists(st.frozensets(st.sampled_from(NAMES), min_size=1), min_size=1, max_size=6, unique=True)


@st.composite
def stocks(draw: st.DrawFn) -> list[SetSupply]:
    counts = st.integers(0, 40)
    return [
        SetSupply("+".join(sorted(names)), tuple(sorted(names)), draw(counts), draw(counts)) for names in draw(chosen)
    ]


def joined(sets: Sequence[SetSupply]) -> list[list[SetSupply]]:
    """Sets joined by common groups, found the slow way."""
    result: list[list[SetSupply]] = []
    for allocated in sets:
        touching = [others for others in result if any(set(allocated.groups) & set(other.groups) for other in others)]
        result = [others for others in result if others not in touching]
        result.append([allocated, *itertools.chain.from_iterable(touching)])
    return result


def of(sets: Sequence[SetSupply], members: Mapping[str, GroupNeed]) -> GroupNeed:
    names = {name for device_set in sets for name in device_set.groups}
    counts = [members.get(name, GroupNeed()) for name in names]
    return GroupNeed(
        sum(allocated.owed for allocated in counts),
        sum(allocated.working_own for allocated in counts),
        sum(allocated.broken_own for allocated in counts),
        sum(allocated.undecidable for allocated in counts),
    )


# --- one set ----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 90), st.integers(0, 90), members())
def test_one_set_is_always_dealt_by_the_formula(working: int, other: int, group: GroupNeed) -> None:
    dealt = allocate_sets([SetSupply("s", ("A",), working, other)], {"A": group})["s"]

    need = group.owed - group.working_own
    covered, assigned = min(working, need), min(working + other, need)
    own = min(group.broken_own, need - assigned)
    unknown = min(group.undecidable, need - assigned - own)
    assert dealt == SetAllocation(covered, assigned, group.owed, own, unknown, need - covered - unknown)


@given(st.integers(0, 90), st.integers(0, 90), members(), st.sampled_from([("A",), ("A", "B"), ("A", "B", "C")]))
def test_a_set_gives_the_same_however_its_members_stand_in_groups(
    working: int, other: int, group: GroupNeed, names: tuple[str, ...]
) -> None:
    allocated = allocate_sets([SetSupply("s", ("A",), working, other)], {"A": group})
    all_in_the_last = allocate_sets([SetSupply("s", names, working, other)], {names[-1]: group})

    assert allocated == all_in_the_last


def test_a_cart_of_thirty_for_three_classes_covers_thirty() -> None:
    class_ = GroupNeed(owed=25)
    dealt = allocate_sets([SetSupply("s", ("2A", "2B", "2C"), 30, 0)], dict.fromkeys(("2A", "2B", "2C"), class_))

    assert dealt["s"] == SetAllocation(covered=30, assigned=30, members=75, short=45)


def test_own_devices_that_do_not_work_come_last() -> None:
    class_ = GroupNeed(owed=10, working_own=1, broken_own=4)

    assert allocate_sets([SetSupply("s", ("2A",), 5, 2)], {"2A": class_})["s"] == SetAllocation(
        5, 7, 10, broken_own=2, short=4
    )


def test_what_cannot_be_decided_is_at_most_what_nothing_is_assigned_to() -> None:
    class_ = GroupNeed(owed=10, undecidable=6)

    assert allocate_sets([SetSupply("s", ("2A",), 3, 4)], {"2A": class_})["s"] == SetAllocation(
        3, 7, 10, unknown=3, short=4
    )
    assert allocate_sets([SetSupply("s", ("2A",), 1, 0)], {"2A": class_})["s"] == SetAllocation(
        1, 1, 10, unknown=6, short=3
    )


def test_a_set_without_members_gives_nothing() -> None:
    assert allocate_sets([SetSupply("s", ("2A",), 9, 1)], {})["s"] == SetAllocation(0, 0, 0)
    assert allocate_sets([SetSupply("s", (), 9, 1)], {"2A": GroupNeed(owed=3)})["s"] == SetAllocation(0, 0, 0)


# --- several sets -----------------------------------------------------------------------------------------------------


def test_a_class_with_a_cart_of_its_own_takes_less_of_the_shared_one() -> None:
    classes = dict.fromkeys(("A", "B", "C"), GroupNeed(owed=20))
    sets = [SetSupply("A", ("A",), 10, 0), SetSupply("A+B+C", ("A", "B", "C"), 12, 0)]

    dealt = allocate_sets(sets, classes)

    assert dealt["A"] == SetAllocation(covered=10, assigned=10, members=20)
    assert dealt["A+B+C"] == SetAllocation(covered=12, assigned=12, members=60, short=38)


def test_working_devices_of_every_set_come_before_any_that_do_not_work() -> None:
    # The class's own cart is broken: the shared one covers its members before the broken ones are assigned.
    sets = [SetSupply("A", ("A",), 0, 20), SetSupply("A+B", ("A", "B"), 20, 0)]

    dealt = allocate_sets(sets, {"A": GroupNeed(owed=20), "B": GroupNeed(owed=20)})

    assert dealt["A+B"] == SetAllocation(covered=20, assigned=20, members=40, short=20)
    assert dealt["A"] == SetAllocation(covered=0, assigned=10, members=20)


def test_what_is_short_stands_once_on_the_last_set_asked() -> None:
    sets = [SetSupply("B", ("B",), 1, 0), SetSupply("A", ("A",), 1, 0), SetSupply("A+B", ("A", "B"), 1, 0)]

    dealt = allocate_sets(sets, {"A": GroupNeed(owed=5, undecidable=1), "B": GroupNeed(owed=5)})

    assert {name: (allocated.short, allocated.unknown) for name, allocated in dealt.items()} == {
        "A": (0, 0),
        "B": (0, 0),
        "A+B": (6, 1),
    }


def test_of_sets_with_as_many_groups_the_name_decides() -> None:
    sets = [SetSupply("B+C", ("B", "C"), 4, 0), SetSupply("A+B", ("A", "B"), 4, 0)]

    dealt = allocate_sets(sets, {"B": GroupNeed(owed=6)})

    assert (dealt["A+B"].covered, dealt["B+C"].covered, dealt["B+C"].short) == (4, 2, 0)


@given(stocks(), groups)
def test_nobody_is_ever_given_two_and_nobody_is_forgotten(sets: list[SetSupply], members: dict[str, GroupNeed]) -> None:
    dealt = allocate_sets(sets, members)
    for component in joined(sets):
        all_, given_ = of(component, members), [dealt[allocated.id] for allocated in component]
        covered = all_.working_own + sum(allocated.covered for allocated in given_)
        assigned = all_.working_own + sum(allocated.assigned + allocated.broken_own for allocated in given_)
        unknown, short = sum(allocated.unknown for allocated in given_), sum(allocated.short for allocated in given_)
        assert covered + unknown + short == all_.owed
        assert covered <= assigned <= assigned + unknown <= all_.owed
        assert unknown <= all_.undecidable
        assert sum(allocated.broken_own for allocated in given_) <= all_.broken_own
        assert sum(1 for allocated in given_ if allocated.short or allocated.unknown or allocated.broken_own) <= 1


@given(stocks(), groups)
def test_a_set_never_gives_what_it_has_not(sets: list[SetSupply], members: dict[str, GroupNeed]) -> None:
    dealt = allocate_sets(sets, members)
    for allocated in sets:
        given_ = dealt[allocated.id]
        need = of([allocated], members)
        assert 0 <= given_.covered <= min(allocated.working, need.owed - need.working_own)
        assert given_.covered <= given_.assigned <= given_.covered + allocated.other
        assert min(given_.short, given_.unknown, given_.broken_own) >= 0
        assert given_.members == need.owed


@given(stocks(), groups)
def test_a_working_device_is_never_left_over_while_a_member_of_its_groups_alone_lacks_one(
    sets: list[SetSupply], members: dict[str, GroupNeed]
) -> None:
    dealt = allocate_sets(sets, members)
    for component in joined(sets):
        if all(dealt[allocated.id].covered < allocated.working for allocated in component):
            assert all(dealt[allocated.id].short == dealt[allocated.id].unknown == 0 for allocated in component)


@given(stocks(), groups, st.randoms(use_true_random=False))
def test_the_order_of_sets_and_groups_never_matters(
    sets: list[SetSupply], members: dict[str, GroupNeed], chance: object
) -> None:
    shuffled = list(sets)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    assert allocate_sets(shuffled, dict(reversed(members.items()))) == allocate_sets(sets, members)


@given(stocks(), groups)
def test_sets_that_share_no_group_are_never_of_each_others_concern(
    sets: list[SetSupply], members: dict[str, GroupNeed]
) -> None:
    alone = {
        name: allocated for component in joined(sets) for name, allocated in allocate_sets(component, members).items()
    }

    assert alone == allocate_sets(sets, members)


# --- largest remainder ------------------------------------------------------------------------------------------------


@given(st.integers(0, 200), st.dictionaries(st.sampled_from(NAMES), st.integers(0, 60)))
def test_shares_always_add_up_and_never_exceed_the_need(count: int, need: dict[str, int]) -> None:
    shares = apportion(count, need)
    total = sum(need.values())

    assert sum(shares.values()) == min(count, total)
    for name, wanted in need.items():
        assert 0 <= shares[name] <= wanted
        assert count >= total or abs(shares[name] - count * wanted / total) < 1


@pytest.mark.parametrize(
    ("count", "need", "shares"),
    [
        (3, {"A": 1, "B": 1, "C": 1, "D": 1}, {"A": 1, "B": 1, "C": 1, "D": 0}),
        (10, {"B": 30, "A": 30}, {"A": 5, "B": 5}),
        (7, {"A": 30, "B": 20, "C": 10}, {"A": 4, "B": 2, "C": 1}),
        (1, {"A": 2, "B": 3}, {"A": 0, "B": 1}),
        (5, {}, {}),
    ],
)
def test_the_largest_remainder_takes_what_is_left_and_the_first_name_a_tie(
    count: int, need: dict[str, int], shares: dict[str, int]
) -> None:
    assert apportion(count, need) == shares


def test_members_are_added_up_per_group() -> None:
    assert sum_by_group([("A", GroupNeed(1, 1)), ("B", GroupNeed(2, 0, 1)), ("A", GroupNeed(1, 0, 0, 1))]) == {
        "A": GroupNeed(2, 1, 0, 1),
        "B": GroupNeed(2, 0, 1),
    }


def test_a_working_device_of_a_set_goes_to_a_member_without_one_before_a_member_whose_own_may_work() -> None:
    groups = {"1A": GroupNeed(owed=1, unknown_own=1), "1B": GroupNeed(owed=1)}

    given = allocate_sets([SetSupply("s", ("1A", "1B"), working=1, other=0)], groups)["s"]

    assert (given.covered, given.unknown, given.short) == (1, 1, 0)
