"""The formulas of coverage: every share from who is owed and what serves whom, and the rows they add up to."""

from collections.abc import Sequence
from datetime import date
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.coverage import sum_coverage, tally
from fleetsync.core.model import Assignment, CoverageDay, CoverageShare, CoveredBy, OwedDevices, Subject, Text

DAY = date(2026, 11, 24)
WHY = Text("därför", "because")
BYS = ("own", "set", "pool")


def owed(who: str, *groups: str, devices: int = 1, **more: Any) -> OwedDevices:
    defaults: dict[str, Any] = {"unit": "bjorkskolan", "entitlement": "pupils", "reason": WHY}
    return OwedDevices(subject=Subject.PERSON, subject_id=who, groups=groups, count=devices, **{**defaults, **more})


def pool(places: int, heads: int, **more: Any) -> OwedDevices:
    defaults: dict[str, Any] = {"unit": "ugglan", "entitlement": "preschool", "reason": WHY, "subject_id": "pool"}
    return OwedDevices(subject=Subject.POOL, count=places, heads=heads, **{**defaults, **more})


_numbers = count(1)


def serving(by: CoveredBy, subject_id: str, works: bool = True, **more: Any) -> Assignment:
    defaults: dict[str, Any] = {
        "unit": "ugglan" if by is CoveredBy.POOL else "bjorkskolan",
        "entitlement": "preschool" if by is CoveredBy.POOL else "pupils",
        "device": f"d{next(_numbers):04d}",
        "reason": WHY,
    }
    return Assignment(by=by, subject_id=subject_id, works=works, **{**defaults, **more})


def own(who: str, *works: bool) -> list[Assignment]:
    return [serving(CoveredBy.OWN, who, coverage_row) for coverage_row in works or (True,)]


def cart(working: int, other: int = 0, *groups: str) -> list[Assignment]:
    names = groups or ("2A",)
    set_id = f"bjorkskolan/{'+'.join(names)}"
    return [serving(CoveredBy.SET, set_id, place < working, groups=names) for place in range(working + other)]


def shared(working: int, other: int = 0) -> list[Assignment]:
    return [serving(CoveredBy.POOL, "pool", place < working) for place in range(working + other)]


def row(debts: Sequence[OwedDevices], devices: Sequence[Assignment]) -> CoverageDay:
    (result,) = sum_coverage(DAY, tally(debts, devices), (), {})
    return result


def share_of(subject_id: str, debts: Sequence[OwedDevices], devices: Sequence[Assignment]) -> CoverageShare:
    (result,) = (share for share in tally(debts, devices) if share.subject_id == subject_id)
    return result


def by_own(coverage_row: CoverageDay) -> tuple[int, int, int, int]:
    return coverage_row.covered_own, coverage_row.assigned_own, coverage_row.unknown, coverage_row.short


# --- own --------------------------------------------------------------------------------------------------------------


def test_a_person_is_covered_by_a_working_device_of_their_own() -> None:
    assert by_own(row([owed("a")], own("a"))) == (1, 1, 0, 0)


def test_a_device_that_does_not_work_is_assigned_and_short() -> None:
    assert by_own(row([owed("a")], own("a", False))) == (0, 1, 0, 1)


def test_a_person_without_a_device_is_short_or_where_nothing_can_be_decided_unknown() -> None:
    assert by_own(row([owed("a")], [])) == (0, 0, 0, 1)
    assert by_own(row([owed("a", decidable=False)], [])) == (0, 0, 1, 0)


def test_who_cannot_be_decided_and_has_a_device_is_decided_by_it() -> None:
    assert by_own(row([owed("a", decidable=False)], own("a", True))) == (1, 1, 0, 0)
    assert by_own(row([owed("a", decidable=False)], own("a", False))) == (0, 1, 0, 1)


def test_a_person_who_is_owed_two_is_covered_by_what_works_first() -> None:
    two = [owed("a", devices=2)]

    assert by_own(row(two, own("a", True, False, False))) == (1, 2, 0, 1)
    assert by_own(row(two, own("a", False))) == (0, 1, 0, 2)
    assert by_own(row(two, own("a", True, True, True))) == (2, 2, 0, 0)
    assert by_own(row([owed("a", devices=2, decidable=False)], own("a"))) == (1, 1, 1, 0)


def test_an_extra_device_is_never_surplus_and_is_counted_as_working() -> None:
    result = row([owed("a")], own("a", True, True))

    assert (result.surplus, result.working_devices, result.covered_own) == (0, 2, 1)


def test_a_device_serves_its_holder_wherever_its_own_unit_is() -> None:
    devices = [serving(CoveredBy.OWN, "a", unit="ekskolan")]

    assert by_own(row([owed("a")], devices)) == (1, 1, 0, 0)


def test_a_device_of_another_entitlement_covers_nobody_here() -> None:
    assert by_own(row([owed("a")], [serving(CoveredBy.OWN, "a", entitlement="staff")])) == (0, 0, 0, 1)


def test_a_person_is_shown_with_their_devices_and_why_they_are_owed() -> None:
    devices = own("a", True, False)

    share = share_of("a", [owed("a")], list(reversed(devices)))

    assert (share.subject, share.reason, share.heads) == (Subject.PERSON, WHY, 1)
    assert share.devices == tuple(device.device for device in devices)


# --- set --------------------------------------------------------------------------------------------------------------


def class_of(size: int, *groups: str, **more: Any) -> list[OwedDevices]:
    names = groups or ("2A",)
    return [owed(f"{names[0]}-{seat:02d}", *names, **more) for seat in range(size)]


def test_a_set_covers_the_members_who_have_no_working_one_of_their_own() -> None:
    class_ = class_of(24)

    result = row(class_, [*own("2A-00"), *own("2A-01", False), *cart(19, 2)])

    assert (result.covered_own, result.covered_set, result.assigned_set) == (1, 19, 21)
    assert (result.assigned_own, result.short, result.entitled) == (2, 4, 24)


def test_a_cart_of_thirty_for_three_classes_covers_thirty() -> None:
    classes = [*class_of(25, "2A"), *class_of(25, "2B"), *class_of(25, "2C")]

    result = row(classes, cart(30, 0, "2A", "2B", "2C"))

    assert (result.entitled, result.covered_set, result.short, result.surplus) == (75, 30, 45, 0)


def test_a_class_with_its_own_cart_and_a_share_in_another() -> None:
    classes = [*class_of(20, "2A"), *class_of(20, "2B")]
    devices = [*cart(20, 0, "2A"), *cart(15, 0, "2A", "2B")]

    shares = {share.subject_id: share for share in tally(classes, devices) if share.subject is Subject.SET}

    assert shares["bjorkskolan/2A"].covered_set == 20
    assert (shares["bjorkskolan/2A+2B"].covered_set, shares["bjorkskolan/2A+2B"].short) == (15, 5)


def test_inside_a_set_a_device_that_does_not_work_counts_after_the_sets() -> None:
    class_ = class_of(4)
    broken = [*own("2A-00", False), *own("2A-01", False)]

    assert row(class_, [*broken, *cart(3)]).assigned_own == 1
    assert row(class_, [*broken, *cart(2)]).assigned_own == 2
    assert row(class_, [*broken, *cart(4)]).assigned_own == 0


def test_inside_a_set_what_cannot_be_decided_is_at_most_what_nothing_is_assigned_to() -> None:
    class_ = class_of(10, decidable=False)

    result = row(class_, cart(6, 1))

    assert (result.covered, result.assigned, result.unknown, result.short) == (6, 7, 3, 1)


def test_of_a_member_who_is_owed_two_a_set_gives_what_is_left() -> None:
    result = row(class_of(3, devices=2), [*own("2A-00"), *cart(4)])

    assert (result.entitled, result.covered_own, result.covered_set, result.short) == (6, 1, 4, 1)


def test_working_devices_of_a_set_beyond_its_members_are_surplus() -> None:
    assert row(class_of(10), cart(12, 3)).surplus == 2
    assert row([], cart(12, 3)).surplus == 12


def test_a_set_serves_only_members_of_its_own_unit_and_entitlement() -> None:
    class_ = [*class_of(2, unit="ekskolan"), *class_of(2, entitlement="upper")]

    covered = {
        (coverage_row.unit, coverage_row.entitlement): coverage_row.covered
        for coverage_row in sum_coverage(DAY, tally(class_, cart(9)), (), {})
    }

    assert covered == {("ekskolan", "pupils"): 0, ("bjorkskolan", "upper"): 0, ("bjorkskolan", "pupils"): 0}


def test_the_reason_of_a_set_says_how_many_work_for_how_many() -> None:
    share = share_of("bjorkskolan/2A", class_of(24), cart(19, 1))

    assert share.reason.en == "shares set 2A: 19 working for 24"
    assert share.reason.sv == "delar klassuppsättning 2A: 19 i drift för 24"


def test_who_is_in_a_group_without_a_set_is_counted_alone() -> None:
    assert share_of("9C-00", class_of(1, "9C"), cart(3)).short == 1


# --- pool -------------------------------------------------------------------------------------------------------------


def test_a_pool_covers_its_places() -> None:
    result = row([pool(13, 63)], shared(9, 6))

    assert (result.entitled, result.heads, result.covered_pool, result.assigned_pool) == (13, 63, 9, 13)
    assert (result.short, result.surplus, result.working_devices) == (4, 0, 9)


def test_a_pool_that_cannot_be_decided_is_unknown_beyond_what_is_assigned() -> None:
    result = row([pool(10, 50, decidable=False)], shared(3, 2))

    assert (result.unknown, result.short) == (5, 2)


def test_pool_devices_without_places_are_surplus() -> None:
    share = share_of("pool", [], shared(4, 1))

    assert (share.entitled, share.surplus, share.reason.en) == (0, 4, "no children who entitle")


# --- always -----------------------------------------------------------------------------------------------------------

UNITS = ("bjorkskolan", "ekskolan")
RULES = ("pupils", "staff")
GROUPS = ("2A", "2B", "2C")

people = st.lists(
    st.builds(
        lambda unit, rule, group, devices, sure: (unit, rule, (group,) if group else (), devices, sure),
        st.sampled_from(UNITS),
        st.sampled_from(RULES),
        st.sampled_from((*GROUPS, None)),
        st.integers(1, 3),
        st.booleans(),
    ),
    max_size=15,
)
devices = st.lists(
    st.tuples(
        st.sampled_from(CoveredBy),
        st.integers(0, 14),
        st.frozensets(st.sampled_from(GROUPS), min_size=1),
        st.sampled_from(UNITS),
        st.sampled_from(RULES),
        st.booleans(),
    ),
    max_size=30,
)
pools = st.lists(
    st.tuples(st.sampled_from(UNITS), st.integers(0, 6), st.booleans()),
    max_size=2,
    unique_by=lambda coverage_row: coverage_row[0],
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[OwedDevices], list[Assignment]]:
    debts = [
        owed(f"p{number}", *groups, unit=unit, entitlement=rule, devices=count, decidable=sure)
        for number, (unit, rule, groups, count, sure) in enumerate(draw(people))
    ]
    holders = {debt.subject_id: debt for debt in debts}
    debts += [
        pool(places, 5 * places, unit=unit, subject_id=f"pool@{unit}", decidable=sure)
        for unit, places, sure in draw(pools)
    ]
    result = []
    for by, who, names, unit, rule, works in draw(devices):
        groups = tuple(sorted(names))
        if by is CoveredBy.POOL:
            result.append(serving(by, f"pool@{unit}", works, unit=unit))
        elif by is CoveredBy.SET:
            result.append(serving(by, f"{unit}/{'+'.join(groups)}", works, unit=unit, entitlement=rule, groups=groups))
        elif (debt := holders.get(f"p{who}")) is not None:
            result.append(serving(by, debt.subject_id, works, unit=debt.unit, entitlement=debt.entitlement))
    return debts, result


@given(worlds())
def test_entitled_is_always_covered_and_short_and_unknown(world: tuple[list[OwedDevices], list[Assignment]]) -> None:
    debts, devices = world
    shares = tally(debts, devices)
    for coverage_row in sum_coverage(DAY, shares, (), {}):
        at = [
            share
            for share in shares
            if (share.unit, share.entitlement) == (coverage_row.unit, coverage_row.entitlement)
        ]
        assert coverage_row.entitled == coverage_row.covered + coverage_row.unknown + sum(share.short for share in at)
        assert coverage_row.short == sum(share.short for share in at)
        assert coverage_row.entitled == sum(
            debt.count
            for debt in debts
            if (debt.unit, debt.entitlement) == (coverage_row.unit, coverage_row.entitlement)
        )


@given(worlds())
def test_covered_is_never_more_than_assigned_nor_assigned_than_entitled(
    world: tuple[list[OwedDevices], list[Assignment]],
) -> None:
    for coverage_row in sum_coverage(DAY, tally(*world), (), {}):
        for by in BYS:
            assert 0 <= getattr(coverage_row, f"covered_{by}") <= getattr(coverage_row, f"assigned_{by}")
        assert coverage_row.assigned + coverage_row.unknown <= coverage_row.entitled
        assert min(coverage_row.unknown, coverage_row.short, coverage_row.surplus) >= 0


@given(worlds())
def test_no_device_is_ever_counted_in_two_shares(world: tuple[list[OwedDevices], list[Assignment]]) -> None:
    counted = [device for share in tally(*world) for device in share.devices]

    assert len(counted) == len(set(counted)) == len(world[1])


@given(worlds())
def test_the_band_never_ends_below_the_ratio(world: tuple[list[OwedDevices], list[Assignment]]) -> None:
    for coverage_row in sum_coverage(DAY, tally(*world), (), {}):
        if coverage_row.ratio is None or coverage_row.ratio_at_best is None:
            assert coverage_row.entitled == 0
        else:
            assert 0 <= coverage_row.ratio <= coverage_row.ratio_at_best <= 1


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_in_which_anything_stands_never_matters(
    world: tuple[list[OwedDevices], list[Assignment]], chance: Any
) -> None:
    debts, devices = list(world[0]), list(world[1])
    chance.shuffle(debts)
    chance.shuffle(devices)

    assert tally(debts, devices) == tally(*world)


# --- rows -------------------------------------------------------------------------------------------------------------


def test_rows_are_filled_with_zero_wherever_somebody_can_be_owed() -> None:
    (result,) = sum_coverage(DAY, (), [("ekskolan", "staff")], {})

    assert result == CoverageDay(day=DAY, unit="ekskolan", entitlement="staff", entitled=0)


def test_what_is_counted_beside_stands_in_the_same_row() -> None:
    beside = {("bjorkskolan", "pupils"): {"undecided": 2}, ("ekskolan", "staff"): {"on_leave": 1}}

    first, second = sum_coverage(DAY, tally([owed("a")], []), (), beside)

    assert (first.unit, first.entitled, first.undecided, first.on_leave) == ("bjorkskolan", 1, 2, 0)
    assert (second.unit, second.entitled, second.undecided, second.on_leave) == ("ekskolan", 0, 0, 1)


# --- counted by hand ----------------------------------------------------------------------------------------------------


@given(worlds(), st.integers(0, 40))
def test_a_count_by_hand_takes_the_place_of_what_sources_know_and_the_sums_hold(world: Any, count: int) -> None:
    debts, devices = world
    subjects = sorted({device.subject_id for device in devices if device.by is not CoveredBy.OWN})
    for share in tally(debts, devices, dict.fromkeys(subjects, count)):
        covered = share.covered_own + share.covered_set + share.covered_pool
        if share.subject_id in subjects:
            assert share.working_devices == count
            assert share.covered_set + share.covered_pool + share.surplus == count
            assert "by a correction" in share.reason.en
        assert covered >= 0
    for coverage_row in sum_coverage(DAY, tally(debts, devices, dict.fromkeys(subjects, count)), (), {}):
        assert coverage_row.covered <= coverage_row.assigned <= coverage_row.entitled
