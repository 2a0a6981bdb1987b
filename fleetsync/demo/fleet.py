"""The devices of Exempelby that are nobody's own: carts, pools, stock, rooms, loaners, and what lies in drawers."""

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from fleetsync.core.model import UNPLACED, Platform, Stage
from fleetsync.demo.days import OPEN_END, WORLD_BEGINS
from fleetsync.demo.making import LONG_AGO, STALE_AFTER, Making, Phases, Used, falls_silent, held_by
from fleetsync.demo.names import PUPIL_DOMAIN, Name
from fleetsync.demo.nouns import Extra, Flaw, Job, Life, Phase, Row, Sharing, Thing, Version
from fleetsync.demo.places import BUILDING_OF_TWO, PLACE_OF, SCHOOL_PLACES, days_at, name_at
from fleetsync.demo.preschool import PLACES_OF_AGE
from fleetsync.demo.pupils import BY_CLASS_ONLY, Desk, Seat, building_of, login_of
from fleetsync.demo.school_years import LAST_DAY, TRACKS

SHARED_TABLET: Row = {"deviceEnrollmentType": "appleBulkWithoutUser"}
IN_A_CART = 27
PUT_AWAY_ON = date(2026, 4, 15)
WORN_OUT_ON = date(2026, 9, 25)

Classes = tuple[str, ...]


def _shared(
    m: Making,
    unit: str,
    name: str,
    groups: Classes = (),
    *,
    login: str = "",
    used: Used = ((LONG_AGO, OPEN_END),),
    phases: Phases = ((LONG_AGO, Stage.SHARED, True),),
) -> Thing:
    """A tablet that a class uses, several classes, or (no *groups*) the children of the unit."""
    fields = {"deviceName": name, "deviceCategoryDisplayName": building_of(unit), **SHARED_TABLET}
    thing = m.tablet(unit, login, fields=fields, used=used, phases=phases)
    m.sharings.append(Sharing(thing.key, unit, groups))
    return thing


# ---------------------------------------------------------------------------------------------------------------- carts


class Cart(msgspec.Struct, frozen=True):
    """The tablets of one class or several: how many are used, and how many are not any more, since when."""

    unit: str
    groups: Classes
    used: int = IN_A_CART
    unused: int = 0
    since: date = PUT_AWAY_ON
    named: str = ""  # how its devices are called where that is not the class
    is_short: bool = False


def _carts() -> Iterator[Cart]:
    for way in TRACKS:
        for grade in range(1, 7 if way.low == BY_CLASS_ONLY else 4):
            yield Cart(way.unit(grade), (way.class_name(grade),))


# Carts that are not as the others, by unit and first class.
PECULIAR = (
    Cart("akerbyskolan", ("1A", "1B", "1C"), used=30, named="VAGN1", is_short=True),
    Cart("vretaskolan", ("3A",), used=20),
    Cart("vretaskolan", ("3A", "3B"), used=10, named="VAGN3", is_short=True),
    Cart("ostanaskolan", ("2B",), used=19, unused=5, since=WORN_OUT_ON, is_short=True),
    Cart(BY_CLASS_ONLY, ("4B",), used=22, is_short=True),
    *(Cart("hojdens-skola-lag", (name,), unused=8) for name in ("2A", "2B", "2C")),
)
ACCOUNTS_OF_CLASSES = ("ostanaskolan", ("1A", "1B", "1C"))  # 1a-07@…: a log-in for each device of the cart
BY_HAND = ("vretaskolan", ("3A", "3B"))  # two sets that share a class: what they give is written down


def _plant_carts(m: Making) -> None:
    elsewhere = {(cart.unit, group) for cart in PECULIAR for group in cart.groups}
    for cart in (*(one for one in _carts() if (one.unit, one.groups[0]) not in elsewhere), *PECULIAR):
        if cart.unit == ACCOUNTS_OF_CLASSES[0] and cart.groups[0] in ACCOUNTS_OF_CLASSES[1]:
            _plant_accounts(m, cart)
            continue
        named = cart.named or cart.groups[0]
        for number in range(1, cart.used + cart.unused + 1):
            _in_a_cart(m, cart, f"{PLACE_OF[cart.unit].short}-{named}-{number:02}", number > cart.used)
        m.planted["cart_for_three_classes"] += len(cart.groups) == 3
        m.planted["cart_of_one_class"] += len(cart.groups) == 1
        m.planted["class_with_a_cart_and_a_share"] += len(cart.groups) == 2
        m.planted["tablet_in_a_drawer"] += cart.unused
        _tell_short(m, cart)


def _in_a_cart(m: Making, cart: Cart, name: str, is_unused: bool) -> None:
    if not is_unused:
        _shared(m, cart.unit, name, cart.groups)
        return
    phases = falls_silent(cart.unit, cart.since, Stage.SHARED)
    thing = _shared(m, cart.unit, name, cart.groups, used=((LONG_AGO, cart.since),), phases=phases)
    m.of_device("stale", thing, first=days_at(cart.unit).after(cart.since, STALE_AFTER + 1), counted=True)


def _tell_short(m: Making, cart: Cart) -> None:
    if cart.is_short:
        first = days_at(cart.unit).after(cart.since, STALE_AFTER + 1) if cart.unused else WORLD_BEGINS
        m.flaws.append(Flaw("set_short", cart.unit, f"{cart.unit}/{'+'.join(cart.groups)}", first))


def _plant_accounts(m: Making, cart: Cart) -> None:
    (name,) = cart.groups
    for number in range(1, cart.used + 1):
        login = f"{name.lower()}-{number:02}@{PUPIL_DOMAIN}"
        _shared(m, cart.unit, f"EXB-IPAD-{name}{number}", cart.groups, login=login)
        m.planted["account_of_a_class"] += 1


def _plant_by_hand(m: Making) -> None:
    """A class of its own cart of twenty and a share in ten: with its neighbour that has only the share, thirty."""
    unit, _ = BY_HAND
    for number in ("covered_set", "assigned_set", "working_devices"):
        m.extras.append(Extra(unit, "pupils", number, 30))


# ---------------------------------------------------------------------------------------------------------------- pools


def _plant_pools(m: Making, desk: Desk) -> None:
    for place in SCHOOL_PLACES:
        tracks = sum(1 for way in TRACKS if way.low == place.slug)
        for number in range(1, tracks * 5 + 3 if tracks else 1):
            _shared(m, place.slug, f"{place.short}-FKL-{number:02}")
            m.planted["pool_of_a_school"] += 1
    for unit, (working, silent) in POOLS.items():
        _plant_pool(m, unit, working, silent)
    m.flaws.append(Flaw("pool_short", "fagelboet", "preschool@fagelboet"))
    m.flaws.append(Flaw("pool_short", UNPLACED, f"preschool@{UNPLACED}"))
    _plant_in_childrens_names(m, desk)


# One place for five children; of each unit's devices, how many are used and how many are not.
POOLS = {"gasslan": (50, 0), "fagelboet": (36, 2), "skogsgarden": (37, 0), "aspangen": (33, 0), "sjostjarnan": (28, 0)}
assert POOLS.keys() == PLACES_OF_AGE.keys()


def _plant_pool(m: Making, unit: str, working: int, silent: int) -> None:
    for number in range(1, working + silent + 1):
        is_silent = number > working
        phases = falls_silent(unit, PUT_AWAY_ON, Stage.SHARED) if is_silent else [(LONG_AGO, Stage.SHARED, True)]
        thing = m.tablet(
            unit,
            "",
            fields={"deviceName": f"{PLACE_OF[unit].short}-{number:02}", "deviceCategoryDisplayName": name_at(unit)},
            used=((LONG_AGO, PUT_AWAY_ON if is_silent else OPEN_END),),
            phases=phases,
        )
        m.sharings.append(Sharing(thing.key, unit))
        m.planted["pool_of_a_preschool"] += 1
        if is_silent:
            since = days_at(unit).after(PUT_AWAY_ON, STALE_AFTER + 1)
            m.of_device("stale", thing, first=since, counted=True)


def _plant_in_childrens_names(m: Making, desk: Desk) -> None:
    """Tablets that somebody enrolled in the name of a child of förskoleklass: they are the pool's."""
    begins, ends = date(2026, 8, 24), LAST_DAY[2026]
    for number in range(5):
        child = desk.by_key[Seat(2026, 0, number).key]
        named = {"deviceName": f"{child.given}s iPad", **held_by(login_of(child, begins))}
        nobodys = {"deviceName": f"VRE-FKL-9{number}", **held_by(""), **SHARED_TABLET}
        thing = m.tablet(
            "vretaskolan",
            "",
            enrolled=begins,
            fields={**named, "deviceCategoryDisplayName": name_at("vretaskolan")},
            changes=[(ends, nobodys)],
            phases=[(begins.replace(day=begins.day + 1), Stage.SHARED, True)],
        )
        m.sharings.append(Sharing(thing.key, "vretaskolan"))
        m.planted["in_a_childs_name"] += 1


# ------------------------------------------------------------------------------------------------------------- the rest


def _plant_tablets_of_one_teacher(m: Making) -> None:
    """Twenty-five tablets and a computer on one account are too many for one person: they are nobody's yet."""
    unit = "tallmoskolan"
    who = m.employee(Job(unit), name=Name("Bildora", "Exempelsson", "bildora.exempelsson"))
    m.owed(who, unit)
    m.of_person("no_device", who, unit)
    computer = m.computer(unit, who.login, phases=[(LONG_AGO, Stage.UNSORTED, True)])
    m.of_device("unsorted", computer)
    for number in range(25):
        name = {"deviceName": f"iPad {number + 1} bild"}
        m.of_device("unsorted", m.tablet(unit, who.login, fields=name, phases=[(LONG_AGO, Stage.UNSORTED, True)]))
        m.planted["tablet_of_one_teacher"] += 1


def _plant_reserves(m: Making, units: Sequence[str]) -> None:
    for number in range(156):
        unit = units[number % len(units)]
        m.laptop(unit, "", fields=_in(f"Lager {name_at(unit)}"), phases=[(LONG_AGO, Stage.STOCK, True)])
        m.extras.append(Extra(unit, "staff", "surplus", 1))
        m.planted["reserve"] += 1
    for number in range(30):
        unit = units[number % len(units)]
        m.laptop(unit, "", fields=_in(f"Sal {name_at(unit)}"), phases=[(LONG_AGO, Stage.ROOM, True)])
        m.planted["room_computer"] += 1
    for number in range(20):
        unit = units[number % len(units)]
        m.laptop(unit, "", fields=_in(f"Lån {name_at(unit)}"), phases=[(LONG_AGO, Stage.LOAN, True)])
        m.planted["loaner_at_hand"] += 1


def _in(category: str) -> Row:
    return {"deviceCategoryDisplayName": category}


def _plant_lost_souls(m: Making) -> None:
    """What nothing tells anything of, and what only says which building it is in."""
    for category, number, name in (("", 6, "nowhere"), (BUILDING_OF_TWO, 4, "building_of_two_units")):
        for _ in range(number):
            phases = [(LONG_AGO, Stage.UNSORTED, True)]
            thing = m.tablet("hojdens-skola-lag", "", fields=_in(category), phases=phases, shown_at=UNPLACED)
            for kind in ("unplaced", "unsorted"):
                m.flaws.append(Flaw(kind, UNPLACED, thing.key))
            m.planted[name] += 1


def _plant_scrap(m: Making) -> None:
    """Serials that the workshop alone remembers."""
    for _ in range(3):
        number = m.number()
        row: Row = {"status": "Skrotad", "seen": None}
        thing = Thing(f"scrap-{number}", f"SKR{number:05}", UNPLACED, used=(), repaired=(Version(LONG_AGO, row),))
        m.things.append(thing)
        phase = Phase(LONG_AGO, Stage.RETIRED, works=False, unit=UNPLACED, platform=Platform.OTHER)
        m.lives.append(Life(thing.key, (phase,)))
        m.planted["scrap"] += 1


def plant_fleet(m: Making, desk: Desk) -> None:
    """Everything that is nobody's own."""
    _plant_carts(m)
    _plant_by_hand(m)
    _plant_pools(m, desk)
    _plant_tablets_of_one_teacher(m)
    _plant_reserves(m, [place.slug for place in SCHOOL_PLACES])
    _plant_lost_souls(m)
    _plant_scrap(m)
    for unit in ("akerbyskolan", "vretaskolan"):
        m.flaws.append(Flaw("below_target", unit, f"pupils@{unit}", outside_breaks=True, after=5))
