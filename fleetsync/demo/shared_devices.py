"""The devices of Exempelby that belong to no single person: carts, pools, stock, rooms, loaners, unused tablets."""

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from fleetsync.core.model import UNPLACED, Platform, Stage
from fleetsync.demo.builder import (
    LONG_AGO,
    STALE_AFTER,
    StagePhases,
    UseSpans,
    WorldBuilder,
    silence_phases,
)
from fleetsync.demo.days import DEMO_DAY, OPEN_END, WORLD_BEGINS
from fleetsync.demo.jamf_school_rows import PLACES_WITHOUT_UNIT
from fleetsync.demo.model import (
    DemoDevice,
    EmploymentContract,
    ExpectedAdjustment,
    ExpectedGap,
    ExpectedPhase,
    ExpectedSharing,
    ExpectedStages,
    RowVersion,
    SourceRow,
)
from fleetsync.demo.names import PUPIL_DOMAIN, Name
from fleetsync.demo.preschool import PLACES_PER_COHORT
from fleetsync.demo.pupils import CLASS_SETS_ONLY_UNIT, ONE_DAY, ClassSeat, PupilBuilder, building_of, login_of
from fleetsync.demo.school_years import LAST_DAY, TRACKS
from fleetsync.demo.start_year import same_weekday
from fleetsync.demo.units import SCHOOL_UNITS, SHARED_BUILDING_NAME, UNIT_BY_SLUG, school_days_of

CART_SIZE = 27
POOL_WORD = "Förskoleklass"  # how the technicians call the tablets of a school's six-year-olds
PUT_AWAY_ON = same_weekday(2026, 4, 15)
WORN_OUT_ON = same_weekday(2026, 9, 25)

GroupNames = tuple[str, ...]


def _add_shared_tablet(
    builder: WorldBuilder,
    unit: str,
    name: str,
    groups: GroupNames = (),
    *,
    login: str = "",
    use: str = "",
    used: UseSpans = ((LONG_AGO, OPEN_END),),
    phases: StagePhases = ((LONG_AGO, Stage.SHARED, True),),
) -> DemoDevice:
    """A tablet shared by the classes *groups*, or without *groups* by the children of the unit."""
    facts = {"name": name, "place": building_of(unit), "use": use, "is_shared": True}
    device = builder.add_school_tablet(unit, login, facts=facts, used=used, phases=phases)
    builder.expected_sharings.append(ExpectedSharing(device.key, unit, groups))
    return device


# --- carts ------------------------------------------------------------------------------------------------------------


class DeviceCart(msgspec.Struct, frozen=True):
    """The tablets of one or several classes. *unused*: how many were last used on *since*."""

    unit: str
    groups: GroupNames
    used: int = CART_SIZE
    unused: int = 0
    since: date = PUT_AWAY_ON
    name_prefix: str = ""  # the device names begin with it instead of the class
    is_short: bool = False


def _carts() -> Iterator[DeviceCart]:
    for class_track in TRACKS:
        for grade in range(1, 7 if class_track.low == CLASS_SETS_ONLY_UNIT else 4):
            yield DeviceCart(class_track.unit(grade), (class_track.class_name(grade),))


# Carts that differ from the ordinary ones.
SPECIAL_CARTS = (
    DeviceCart("akerbyskolan", ("1A", "1B", "1C"), used=30, name_prefix="VAGN1", is_short=True),
    DeviceCart("vretaskolan", ("3A",), used=20),
    DeviceCart("vretaskolan", ("3A", "3B"), used=10, name_prefix="VAGN3", is_short=True),
    DeviceCart("ostanaskolan", ("2B",), used=19, unused=5, since=WORN_OUT_ON, is_short=True),
    DeviceCart(CLASS_SETS_ONLY_UNIT, ("4B",), used=22, is_short=True),
    *(DeviceCart("hojdens-skola-lag", (name,), unused=8) for name in ("2A", "2B", "2C")),
)
ACCOUNTS_OF_CLASSES = ("ostanaskolan", ("1A", "1B", "1C"))  # each device of the cart has a log-in such as 1a-07@…
OVERLAPPING_SETS = ("vretaskolan", ("3A", "3B"))  # two sets that share a class; their numbers are written by hand


def _add_carts(builder: WorldBuilder) -> None:
    elsewhere = {(cart.unit, group) for cart in SPECIAL_CARTS for group in cart.groups}
    for cart in (
        *(class_cart for class_cart in _carts() if (class_cart.unit, class_cart.groups[0]) not in elsewhere),
        *SPECIAL_CARTS,
    ):
        if cart.unit == ACCOUNTS_OF_CLASSES[0] and cart.groups[0] in ACCOUNTS_OF_CLASSES[1]:
            _add_account_cart(builder, cart)
            continue
        name_part = cart.name_prefix or cart.groups[0]
        for number in range(1, cart.used + cart.unused + 1):
            _add_cart_device(
                builder, cart, f"{UNIT_BY_SLUG[cart.unit].short}-{name_part}-{number:02}", number > cart.used
            )
        builder.case_counts["cart_for_three_classes"] += len(cart.groups) == 3
        builder.case_counts["cart_of_one_class"] += len(cart.groups) == 1
        builder.case_counts["class_with_a_cart_and_a_share"] += len(cart.groups) == 2
        builder.case_counts["tablet_in_a_drawer"] += cart.unused
        _add_set_short_gap(builder, cart)


def _add_cart_device(builder: WorldBuilder, cart: DeviceCart, name: str, is_unused: bool) -> None:
    if not is_unused:
        _add_shared_tablet(builder, cart.unit, name, cart.groups)
        return
    phases = silence_phases(cart.unit, cart.since, Stage.SHARED)
    device = _add_shared_tablet(builder, cart.unit, name, cart.groups, used=((LONG_AGO, cart.since),), phases=phases)
    builder.add_device_gap(
        "stale", device, first=school_days_of(cart.unit).after(cart.since, STALE_AFTER + 1), counted=True
    )


def _add_set_short_gap(builder: WorldBuilder, cart: DeviceCart) -> None:
    if cart.is_short:
        first = school_days_of(cart.unit).after(cart.since, STALE_AFTER + 1) if cart.unused else WORLD_BEGINS
        builder.expected_gaps.append(ExpectedGap("set_short", cart.unit, f"{cart.unit}/{'+'.join(cart.groups)}", first))


def _add_account_cart(builder: WorldBuilder, cart: DeviceCart) -> None:
    (name,) = cart.groups
    for number in range(1, cart.used + 1):
        login = f"{name.lower()}-{number:02}@{PUPIL_DOMAIN}"
        _add_shared_tablet(builder, cart.unit, f"EXB-IPAD-{name}{number}", cart.groups, login=login)
        builder.case_counts["account_of_a_class"] += 1


def _add_overlapping_sets(builder: WorldBuilder) -> None:
    """One class has a cart of 20 and shares 10 tablets with the next class: both together have 30."""
    unit, _ = OVERLAPPING_SETS
    for number in ("covered_set", "assigned_set", "working_devices"):
        builder.expected_adjustments.append(ExpectedAdjustment(unit, "pupils", number, 30))


# --- pools ------------------------------------------------------------------------------------------------------------


def _add_pools(builder: WorldBuilder, pupils: PupilBuilder) -> None:
    for demo_unit in SCHOOL_UNITS:
        tracks = sum(1 for class_track in TRACKS if class_track.low == demo_unit.slug)
        for number in range(1, tracks * 5 + 3 if tracks else 1):
            _add_shared_tablet(builder, demo_unit.slug, f"{demo_unit.short}-FKL-{number:02}", use=POOL_WORD)
            builder.case_counts["pool_of_a_school"] += 1
    for unit, (working, silent) in POOL_SIZES.items():
        _add_pool(builder, unit, working, silent)
    builder.expected_gaps.append(ExpectedGap("pool_short", "fagelboet", "preschool@fagelboet"))
    builder.expected_gaps.append(ExpectedGap("pool_short", UNPLACED, f"preschool@{UNPLACED}"))
    _add_tablets_in_childrens_names(builder, pupils)


# (used, unused) devices of each preschool; five children share one.
POOL_SIZES = {
    "gasslan": (50, 0),
    "fagelboet": (36, 2),
    "skogsgarden": (37, 0),
    "aspangen": (33, 0),
    "sjostjarnan": (28, 0),
}
assert POOL_SIZES.keys() == PLACES_PER_COHORT.keys()


def _add_pool(builder: WorldBuilder, unit: str, working: int, silent: int) -> None:
    for number in range(1, working + silent + 1):
        is_silent = number > working
        phases = silence_phases(unit, PUT_AWAY_ON, Stage.SHARED) if is_silent else [(LONG_AGO, Stage.SHARED, True)]
        device = builder.add_school_tablet(
            unit,
            "",
            facts={"name": f"{UNIT_BY_SLUG[unit].short}-{number:02}"},
            used=((LONG_AGO, PUT_AWAY_ON if is_silent else OPEN_END),),
            phases=phases,
        )
        builder.expected_sharings.append(ExpectedSharing(device.key, unit))
        builder.case_counts["pool_of_a_preschool"] += 1
        if is_silent:
            since = school_days_of(unit).after(PUT_AWAY_ON, STALE_AFTER + 1)
            builder.add_device_gap("stale", device, first=since, counted=True)


def _add_tablets_in_childrens_names(builder: WorldBuilder, pupils: PupilBuilder) -> None:
    """Tablets that were enrolled in the name of a child of förskoleklass. They belong to the pool."""
    begins, ends = same_weekday(2026, 8, 24), LAST_DAY[DEMO_DAY.year]
    for number in range(5):
        child = pupils.by_key[ClassSeat(DEMO_DAY.year, 0, number).key]
        without_user = {"name": f"VRE-FKL-9{number}", "login": "", "use": POOL_WORD, "is_shared": True}
        device = builder.add_school_tablet(
            "vretaskolan",
            login_of(child, begins),
            enrolled=begins,
            facts={"name": f"{child.given}s iPad"},
            changes=[(ends, without_user)],
            phases=[(begins + ONE_DAY, Stage.SHARED, True)],
        )
        builder.expected_sharings.append(ExpectedSharing(device.key, "vretaskolan"))
        builder.case_counts["in_a_childs_name"] += 1


# --- the rest ---------------------------------------------------------------------------------------------------------


def _add_tablets_of_one_teacher(builder: WorldBuilder) -> None:
    """Twenty-five tablets and a computer on one account: too many for one person, so they stay unsorted."""
    unit = "tallmoskolan"
    teacher = builder.add_employee(EmploymentContract(unit), name=Name("Bildora", "Exempelsson", "bildora.exempelsson"))
    builder.add_owed(teacher, unit)
    builder.add_person_gap("no_device", teacher, unit)
    computer = builder.add_computer(unit, teacher.login, phases=[(LONG_AGO, Stage.UNSORTED, True)])
    builder.add_device_gap("unsorted", computer)
    for number in range(25):
        name = {"name": f"iPad {number + 1} bild"}
        builder.add_device_gap(
            "unsorted",
            builder.add_school_tablet(unit, teacher.login, facts=name, phases=[(LONG_AGO, Stage.UNSORTED, True)]),
        )
        builder.case_counts["tablet_of_one_teacher"] += 1


def _add_reserves(builder: WorldBuilder, units: Sequence[str]) -> None:
    for number in range(156):
        unit = units[number % len(units)]
        builder.add_laptop(unit, "", facts={"use": "Lager"}, phases=[(LONG_AGO, Stage.STOCK, True)])
        builder.expected_adjustments.append(ExpectedAdjustment(unit, "staff", "surplus", 1))
        builder.case_counts["reserve"] += 1
    for number in range(30):
        unit = units[number % len(units)]
        builder.add_laptop(unit, "", facts={"use": "Sal"}, phases=[(LONG_AGO, Stage.ROOM, True)])
        builder.case_counts["room_computer"] += 1
    for number in range(20):
        unit = units[number % len(units)]
        builder.add_laptop(unit, "", facts={"use": "Lån"}, phases=[(LONG_AGO, Stage.LOAN, True)])
        builder.case_counts["loaner_at_hand"] += 1


def _add_unplaced_devices(builder: WorldBuilder) -> None:
    """Devices without any hint of a unit, and devices that only name a building of two units."""
    for place, number, name in (("", 6, "nowhere"), (SHARED_BUILDING_NAME, 4, "building_of_two_units")):
        for _ in range(number):
            phases = [(LONG_AGO, Stage.UNSORTED, True)]
            device = builder.add_school_tablet(
                "hojdens-skola-lag", "", facts={"place": place}, phases=phases, shown_at=UNPLACED
            )
            for kind in ("unplaced", "unsorted"):
                builder.expected_gaps.append(ExpectedGap(kind, UNPLACED, device.key))
            builder.case_counts[name] += 1
    for place in PLACES_WITHOUT_UNIT:
        builder.expected_gaps.append(ExpectedGap("unmapped_unit", UNPLACED, f"{place} in Jamf School"))


def _add_scrapped_serials(builder: WorldBuilder) -> None:
    """Scrapped devices that are only in the workshop's list."""
    for _ in range(3):
        number = builder.number()
        row: SourceRow = {"status": "Skrotad", "seen": None}
        device = DemoDevice(
            f"scrap-{number}",
            f"SKR{number:05}",
            UNPLACED,
            used=(),
            rows={"workshop_list": (RowVersion(LONG_AGO, row),)},
        )
        builder.devices.append(device)
        phase = ExpectedPhase(LONG_AGO, Stage.RETIRED, works=False, unit=UNPLACED, platform=Platform.OTHER)
        builder.expected_stages.append(ExpectedStages(device.key, (phase,)))
        builder.case_counts["scrap"] += 1


def add_shared_devices(builder: WorldBuilder, pupils: PupilBuilder) -> None:
    """Adds all devices that belong to no single person."""
    _add_carts(builder)
    _add_overlapping_sets(builder)
    _add_pools(builder, pupils)
    _add_tablets_of_one_teacher(builder)
    _add_reserves(builder, [demo_unit.slug for demo_unit in SCHOOL_UNITS])
    _add_unplaced_devices(builder)
    _add_scrapped_serials(builder)
    for unit in ("akerbyskolan", "vretaskolan"):
        builder.expected_gaps.append(ExpectedGap("below_target", unit, f"pupils@{unit}", outside_breaks=True, after=5))
