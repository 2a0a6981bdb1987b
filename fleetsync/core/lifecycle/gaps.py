"""GAPS: every kind of gap as a value, and the one walk over all of them.

A kind is one function (`of_people`, `of_devices`, `of_units`) and one entry here; page, documentation and metrics are
made from the entries.
"""

from collections.abc import Callable, Iterable
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Any

from msgspec import Struct

from fleetsync.core.calendar import Calendars
from fleetsync.core.identity import UnitBook
from fleetsync.core.lifecycle import of_devices, of_people, of_units
from fleetsync.core.lifecycle.episodes import Finding, episodes
from fleetsync.core.lifecycle.scene import Scene
from fleetsync.core.model import (
    RESERVED_UNITS,
    UNPLACED,
    Believed,
    Episode,
    Known,
    Outcome,
    Policy,
    Severity,
    Subject,
    Text,
)

SCHOOL_DAYS_TO_SETTLE = 15


class Opens(StrEnum):
    """When a kind may open; what is open stays open for as long as it holds."""

    ANY_DAY = "any_day"
    OUTSIDE_BREAKS = "outside_breaks"  # gaps of a person, and kinds that count school days
    IN_A_SETTLED_TERM = "in_a_settled_term"  # as well only from the fifteenth school day of a term on


class Cases(Struct, frozen=True):
    """What a kind is asked of: the cases, and of each its subject's id, its unit, and the records it rests on.

    `records` None: it rests on all sources. `until`: the last day on which what it rests on was not overdue.
    """

    all: Callable[[Scene], Iterable[Any]]
    id: Callable[[Any], str]
    unit: Callable[[Scene, Any], str]
    records: Callable[[Any], Iterable[Known]] | None = None
    until: Callable[[Scene, Any], date] = lambda scene, _: scene.today


class GapKind(Struct, frozen=True):
    """A kind of gap: what it is called, what to do about it, and the function that gives a case's reason or None."""

    id: str
    subject: Subject
    severity: Severity
    title: Text
    remedy: Text
    reason: Callable[[Scene, Any], Text | None]
    cases: Cases
    opens: Opens = Opens.ANY_DAY


_PEOPLE = Cases(
    lambda scene: scene.shown_people,
    lambda case: str(case.person.id),
    lambda scene, case: scene.unit_of(case),
    until=lambda scene, case: scene.roster_until(case),
)


def _devices(cases: Callable[[Scene], Iterable[Any]]) -> Cases:
    return Cases(
        cases,
        lambda case: str(case.device.id),
        lambda _, case: str(case.placement.unit),
        lambda case: (*case.device.records, *case.device.gone),
        lambda scene, case: scene.contact_until(case.device),
    )


_KNOWN = _devices(lambda scene: scene.known_devices)
_PRESENT = _devices(lambda scene: scene.present_devices)
_STANDING = _devices(lambda scene: scene.standing_devices)
_OTHERS = _devices(lambda scene: scene.others_devices)
_COVERAGE = Cases(
    lambda scene: scene.outcome.coverage, lambda row: f"{row.entitlement}@{row.unit}", lambda _, row: str(row.unit)
)
_UNITS = Cases(
    lambda scene: (unit for unit in scene.book.units if unit.slug not in RESERVED_UNITS),
    lambda unit: str(unit.slug),
    lambda _, unit: str(unit.slug),
)
_ORGANISATIONS = Cases(
    lambda scene: scene.book.unmapped, lambda one: f"{one.source}/{one.source_id}", lambda _, __: UNPLACED
)
_SETS = Cases(lambda scene: scene.outcome.sets, lambda one: str(one.id), lambda _, one: str(one.unit))
_POOLS = Cases(
    lambda scene: (share for share in scene.outcome.shares if share.subject is Subject.POOL),
    lambda share: str(share.subject_id),
    lambda _, share: str(share.unit),
)
_PARTS = Cases(lambda scene: scene.parts, lambda part: str(part.name), lambda _, __: "", lambda _: ())

_person = partial(GapKind, subject=Subject.PERSON, cases=_PEOPLE, opens=Opens.OUTSIDE_BREAKS)
_device = partial(GapKind, subject=Subject.DEVICE, cases=_STANDING)
_counting = partial(GapKind, subject=Subject.DEVICE, cases=_STANDING, opens=Opens.OUTSIDE_BREAKS)
_unit = partial(GapKind, subject=Subject.UNIT)
_part = partial(GapKind, subject=Subject.SOURCE, cases=_PARTS)
GAPS: tuple[GapKind, ...] = (
    _person(
        id="no_device",
        severity=Severity.WARNING,
        title=Text("Saknar verktyg", "No device"),
        remedy=Text(
            "Dela ut ett verktyg, eller rätta innehavaren på ett som redan finns.",
            "Hand out a device, or correct whose one is.",
        ),
        reason=of_people.no_device,
    ),
    _person(
        id="no_account",
        severity=Severity.WARNING,
        title=Text("Saknar konto", "No account"),
        remedy=Text(
            "Skapa kontot, eller se till att någon källa ger inloggningen.",
            "Create the account, or have a source give the log-in.",
        ),
        reason=of_people.no_account,
    ),
    _person(
        id="device_not_working",
        severity=Severity.WARNING,
        title=Text("Verktyget är inte i drift", "Device not working"),
        remedy=Text(
            "Slå på det i skolans nät, laga det eller byt ut det.",
            "Switch it on in the school's network, mend or replace it.",
        ),
        reason=of_people.device_not_working,
    ),
    _person(
        id="extra_device",
        severity=Severity.INFO,
        title=Text("Extra verktyg", "Extra device"),
        remedy=Text(
            "Fråga om båda behövs; lämna annars tillbaka det ena.", "Ask whether both are needed; else take one back."
        ),
        reason=of_people.extra_device,
    ),
    _person(
        id="ending_with_device",
        severity=Severity.INFO,
        title=Text("Slutar snart, har verktyg", "Ending soon with a device"),
        remedy=Text("Boka återlämning före sista dagen.", "Arrange its return before the last day."),
        reason=of_people.ending_with_device,
    ),
    _person(
        id="starting_without_device",
        severity=Severity.INFO,
        title=Text("Börjar snart, saknar verktyg", "Starting soon without a device"),
        remedy=Text("Förbered ett verktyg till första dagen.", "Prepare a device for the first day."),
        reason=of_people.starting_without_device,
    ),
    _person(
        id="duplicate_person",
        severity=Severity.WARNING,
        title=Text("Dubblett av person", "Duplicate person"),
        remedy=Text("Slå ihop posterna i registret.", "Merge the records in their register."),
        reason=of_people.duplicate_person,
    ),
    _person(
        id="login_reused",
        severity=Severity.INFO,
        title=Text("Återanvänd inloggning", "Log-in reused"),
        remedy=Text(
            "Kontrollera att äldre verktyg inte följt med inloggningen.", "Check that no older device came with it."
        ),
        reason=of_people.login_reused,
    ),
    _counting(
        id="stale",
        severity=Severity.WARNING,
        title=Text("Ingen kontakt", "No contact"),
        remedy=Text("Leta upp det, slå på det eller utrangera det.", "Find it, switch it on, or retire it."),
        reason=of_devices.stale,
        cases=_KNOWN,
    ),
    _counting(
        id="never_enrolled",
        severity=Severity.INFO,
        title=Text("Aldrig inskrivet", "Never enrolled"),
        remedy=Text("Skriv in det i MDM, eller ange det som lager.", "Enrol it in its MDM, or declare it stock."),
        reason=of_devices.never_enrolled,
    ),
    _counting(
        id="leaver_holds",
        severity=Severity.WARNING,
        title=Text("Den som slutat har kvar verktyget", "Held by a leaver"),
        remedy=Text("Hämta in verktyget och byt innehavare.", "Collect the device and change its holder."),
        reason=of_devices.leaver_holds,
    ),
    _device(
        id="unknown_holder",
        severity=Severity.WARNING,
        title=Text("Okänd innehavare", "Unknown holder"),
        remedy=Text(
            "Rätta användaren i MDM, eller ange kontot som funktionskonto.",
            "Correct the user in the MDM, or declare a function account.",
        ),
        reason=of_devices.unknown_holder,
    ),
    _device(
        id="ambiguous_holder",
        severity=Severity.WARNING,
        title=Text("Flera möjliga innehavare", "Several possible holders"),
        remedy=Text("Rätta inloggningarna, eller ange innehavaren.", "Correct the log-ins, or state the holder."),
        reason=of_devices.ambiguous_holder,
    ),
    _device(
        id="holder_conflict",
        severity=Severity.INFO,
        title=Text("Motstridig innehavare", "Contradicting holder"),
        remedy=Text("Rätta den källa som har fel.", "Correct the source that is wrong."),
        reason=of_devices.holder_conflict,
    ),
    _device(
        id="unplaced",
        severity=Severity.WARNING,
        title=Text("Utan enhet", "Without a unit"),
        remedy=Text(
            "Lägg till en rad i [[unit_map]], eller rätta platsen.", "Add a [[unit_map]] line, or correct its place."
        ),
        reason=of_devices.unplaced,
    ),
    _device(
        id="unsorted",
        severity=Severity.WARNING,
        title=Text("Osorterat", "Unsorted"),
        remedy=Text(
            "Skriv en [[device_rule]], eller ange vad det är till för.",
            "Write a [[device_rule]], or say what it is for.",
        ),
        reason=of_devices.unsorted,
    ),
    _counting(
        id="unit_mismatch",
        severity=Severity.INFO,
        title=Text("Två enheter anges", "Two units named"),
        remedy=Text("Rätta platsen i den källa som har fel.", "Correct the place in the source that is wrong."),
        reason=of_devices.unit_mismatch,
        opens=Opens.IN_A_SETTLED_TERM,
    ),
    _device(
        id="duplicate_serial",
        severity=Severity.WARNING,
        title=Text("Delat serienummer", "Shared serial"),
        remedy=Text("Rätta serienumret i källan.", "Correct the serial in its source."),
        reason=of_devices.duplicate_serial,
    ),
    _device(
        id="not_in_register",
        severity=Severity.INFO,
        title=Text("Inte i registret", "Not in the register"),
        remedy=Text("För in det i inventarieregistret.", "Enter it in the asset register."),
        reason=of_devices.not_in_register,
    ),
    _device(
        id="not_in_mdm",
        severity=Severity.WARNING,
        title=Text("Inte i något MDM", "In no MDM"),
        remedy=Text(
            "Skriv in det igen, eller utrangera det i registret.", "Enrol it again, or retire it in the register."
        ),
        reason=of_devices.not_in_mdm,
    ),
    _device(
        id="lost",
        severity=Severity.WARNING,
        title=Text("Borttappat", "Lost"),
        remedy=Text(
            "Lås och spärra det, anmäl förlusten och ersätt det.", "Lock and block it; report it, and replace it."
        ),
        reason=of_devices.lost,
        cases=_PRESENT,
    ),
    _counting(
        id="long_in_repair",
        severity=Severity.WARNING,
        title=Text("Länge på reparation", "Long in repair"),
        remedy=Text("Fråga verkstaden, eller ersätt det.", "Ask the workshop, or replace it."),
        reason=of_devices.long_in_repair,
    ),
    _device(
        id="os_unsupported",
        severity=Severity.WARNING,
        title=Text("System utan stöd", "System unsupported"),
        remedy=Text("Uppgradera systemet, eller byt ut verktyget.", "Upgrade the system, or replace the device."),
        reason=of_devices.os_unsupported,
    ),
    _device(
        id="os_support_ending",
        severity=Severity.INFO,
        title=Text("Systemets stöd slutar snart", "System support ending"),
        remedy=Text("Planera uppgraderingen.", "Plan the upgrade."),
        reason=of_devices.os_support_ending,
    ),
    _device(
        id="hardware_support_ending",
        severity=Severity.INFO,
        title=Text("Hårdvarans stöd slutar", "Hardware support ending"),
        remedy=Text("Ta med det i nästa inköp.", "Include it in the next purchase."),
        reason=of_devices.hardware_support_ending,
    ),
    _device(
        id="warranty_ending",
        severity=Severity.INFO,
        title=Text("Garantin slutar snart", "Warranty ending"),
        remedy=Text("Reklamera fel medan garantin gäller.", "Claim defects while the warranty lasts."),
        reason=of_devices.warranty_ending,
    ),
    _device(
        id="over_age",
        severity=Severity.INFO,
        title=Text("För gammalt", "Over age"),
        remedy=Text("Ta med det i nästa inköp.", "Include it in the next purchase."),
        reason=of_devices.over_age,
    ),
    _device(
        id="unencrypted",
        severity=Severity.WARNING,
        title=Text("Inte krypterat", "Not encrypted"),
        remedy=Text("Slå på kryptering i MDM.", "Turn encryption on in the MDM."),
        reason=of_devices.unencrypted,
    ),
    _device(
        id="noncompliant",
        severity=Severity.WARNING,
        title=Text("Följer inte reglerna", "Noncompliant"),
        remedy=Text("Se i MDM vilken regel det bryter mot.", "See in the MDM which rule it breaks."),
        reason=of_devices.noncompliant,
    ),
    _device(
        id="personally_owned",
        severity=Severity.INFO,
        title=Text("Privatägt", "Personally owned"),
        remedy=Text(
            "Rätta ägarskapet i MDM, eller avregistrera det.", "Correct its ownership in the MDM, or unenrol it."
        ),
        reason=of_devices.personally_owned,
        cases=_OTHERS,
    ),
    _unit(
        id="below_target",
        severity=Severity.CRITICAL,
        title=Text("Under målet", "Below target"),
        remedy=Text("Se enhetens avvikelser och vad som saknas.", "See the unit's gaps and what is short."),
        reason=of_units.below_target,
        cases=_COVERAGE,
        opens=Opens.OUTSIDE_BREAKS,
    ),
    GapKind(
        id="set_short",
        subject=Subject.SET,
        severity=Severity.WARNING,
        title=Text("Klassuppsättning för liten", "Set too small"),
        remedy=Text("Fyll på uppsättningen, eller laga dess verktyg.", "Fill the set up, or mend its devices."),
        reason=of_units.set_short,
        cases=_SETS,
    ),
    GapKind(
        id="pool_short",
        subject=Subject.POOL,
        severity=Severity.WARNING,
        title=Text("För få gemensamma verktyg", "Pool too small"),
        remedy=Text("Fyll på enhetens gemensamma verktyg.", "Fill the unit's shared devices up."),
        reason=of_units.pool_short,
        cases=_POOLS,
    ),
    _unit(
        id="no_calendar",
        severity=Severity.WARNING,
        title=Text("Kalender saknas", "No calendar"),
        remedy=Text("Lägg in nästa läsårs terminer.", "Enter the terms of the next school year."),
        reason=of_units.no_calendar,
        cases=_UNITS,
    ),
    _unit(
        id="unmapped_unit",
        severity=Severity.WARNING,
        title=Text("Okänd organisation", "Unmapped organisation"),
        remedy=Text("Lägg koden i en [[unit]], eller i not_ours.", "Put its code into a [[unit]], or into not_ours."),
        reason=of_units.unmapped_unit,
        cases=_ORGANISATIONS,
    ),
    _part(
        id="source_stale",
        severity=Severity.WARNING,
        title=Text("Källan är gammal", "Source stale"),
        remedy=Text(
            "Se på källans sida varför ingen ny hämtning gått igenom.",
            "See on the source's page why no pull came through.",
        ),
        reason=of_units.source_stale,
    ),
    _part(
        id="pull_held",
        severity=Severity.WARNING,
        title=Text("Hämtning väntar på beslut", "Pull held"),
        remedy=Text("Granska hämtningen och godta eller avvisa den.", "Look at the pull, and accept or reject it."),
        reason=of_units.pull_held,
    ),
    _part(
        id="credential_expiring",
        severity=Severity.WARNING,
        title=Text("Behörighet går ut", "Credential expiring"),
        remedy=Text(
            "Förnya den hos källan och lägg den nya i filen som konfigurationen namnger.",
            "Renew it at the source and put the new one into the file that the configuration names.",
        ),
        reason=of_units.credential_expiring,
    ),
    _part(
        id="schema_drift",
        severity=Severity.INFO,
        title=Text("Okända ord i källan", "Unknown words in the source"),
        remedy=Text(
            "Se på källans sida vilka; ange dem i källans tabell eller uppdatera fleetsync.",
            "See on the source's page which; say in the source's table what they mean, or update fleetsync.",
        ),
        reason=of_units.schema_drift,
    ),
)


def find_gaps(
    outcome: Outcome, believed: Believed, policy: Policy, calendars: Calendars, book: UnitBook
) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
    """The gaps that are open, and those that close now: every kind asked of all its cases once."""
    scene = Scene(outcome=outcome, believed=believed, policy=policy, calendars=calendars, book=book)
    found = (finding for kind in GAPS for finding in _found(kind, scene))
    return episodes(found, believed.episodes, believed.parkings, outcome.moment)


def _found(kind: GapKind, scene: Scene) -> Iterable[Finding]:
    new_parts = _first_pulled_today(scene)
    for case in kind.cases.all(scene):
        if (reason := kind.reason(scene, case)) is not None:
            unit = kind.cases.unit(scene, case)
            yield Finding(
                kind=kind.id,
                subject=kind.subject,
                subject_id=kind.cases.id(case),
                unit=unit,
                reason=reason,
                may_open=_may_open(kind.opens, scene, unit, kind.cases.until(scene, case)),
                known_before=bool(new_parts) and _rests_on(kind.cases, case, new_parts),
            )


def _first_pulled_today(scene: Scene) -> frozenset[str]:
    """Parts of which the first complete pull came today: what they show was so before, for nobody knows how long."""
    firsts = ((part, part.first_complete_at) for part in scene.parts)
    return frozenset(part.name for part, at in firsts if at is not None and scene.bench.day(at) == scene.today)


def _rests_on(cases: Cases, case: Any, parts: frozenset[str]) -> bool:
    if cases.records is None:
        return True
    return any(f"{known.source}/{known.part}" in parts for known in cases.records(case))


def _may_open(opens: Opens, scene: Scene, unit: str, until: date) -> bool:
    """Whether a kind may open today: outside of breaks, and not by what fell silent in one and has been so since."""
    if opens is Opens.ANY_DAY:
        return True
    calendar = scene.calendar(unit)
    if calendar.in_break(scene.today) or calendar.in_break(until):
        return False
    term = calendar.term_of(scene.today)
    if opens is Opens.OUTSIDE_BREAKS or term is None:
        return True
    return calendar.nth_school_day_of_term(term, SCHOOL_DAYS_TO_SETTLE) <= until
