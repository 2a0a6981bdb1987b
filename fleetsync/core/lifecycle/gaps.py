"""GAPS: every kind of gap as an entry with its texts. `finding` looks for them.

A kind is one function (in `person_gaps`, `device_gaps` or `unit_and_source_gaps`) and one entry here; page,
documentation and metrics are made from the entries.
"""

from collections.abc import Callable, Iterable
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Any

from msgspec import Struct

from fleetsync.core.lifecycle import device_gaps, person_gaps, unit_and_source_gaps
from fleetsync.core.lifecycle.evidence import (
    GapEvidence,
    is_active,
    is_listable,
    is_municipal,
    is_personally_owned,
    is_present,
)
from fleetsync.core.model import (
    RESERVED_UNITS,
    UNPLACED,
    BelievedRecord,
    Severity,
    Subject,
    Text,
)


class OpeningRule(StrEnum):
    """When a gap of a kind may open; an open gap stays open for as long as it holds."""

    ANY_DAY = "any_day"
    OUTSIDE_BREAKS = "outside_breaks"  # gaps of a person, and kinds that count school days
    IN_A_SETTLED_TERM = "in_a_settled_term"  # as well only from the fifteenth school day of a term on


class CaseSelector(Struct, frozen=True):
    """The cases that a kind is evaluated for, and how to get a case's subject id, unit and records.

    Of what `select` gives, the kind is evaluated for what it `includes`. `records` None: the kind rests on all sources. `fresh_until`: the last day on which what it rests on was not overdue.
    """

    select: Callable[[GapEvidence], Iterable[Any]]
    id: Callable[[Any], str]
    unit: Callable[[GapEvidence, Any], str]
    records: Callable[[Any], Iterable[BelievedRecord]] | None = None
    fresh_until: Callable[[GapEvidence, Any], date] = lambda evidence, _: evidence.today
    includes: Callable[[Any], bool] = lambda _: True


class GapKind(Struct, frozen=True):
    """A kind of gap: its title, what to do about it, and the function that gives the reason why a case has it, or None."""

    id: str
    subject: Subject
    severity: Severity
    title: Text
    remedy: Text
    reason: Callable[[GapEvidence, Any], Text | None]
    cases: CaseSelector
    opening_rule: OpeningRule = OpeningRule.ANY_DAY


_PEOPLE = CaseSelector(
    lambda evidence: evidence.outcome.people,
    lambda case: str(case.person.id),
    lambda evidence, case: evidence.counted_unit(case),
    fresh_until=lambda evidence, case: evidence.roster_fresh_until(case),
    includes=is_listable,
)


def _device_cases(includes: Callable[[Any], bool]) -> CaseSelector:
    return CaseSelector(
        lambda evidence: evidence.outcome.devices,
        lambda case: str(case.device.id),
        lambda _, case: str(case.placement.unit),
        lambda case: (*case.device.records, *case.device.gone),
        lambda evidence, case: evidence.contact_fresh_until(case.device),
        includes,
    )


_MUNICIPAL_DEVICES = _device_cases(is_municipal)
_PRESENT_DEVICES = _device_cases(is_present)
_ACTIVE_DEVICES = _device_cases(is_active)
_PERSONALLY_OWNED_DEVICES = _device_cases(is_personally_owned)
_COVERAGE = CaseSelector(
    lambda evidence: evidence.outcome.coverage,
    lambda row: f"{row.entitlement}@{row.unit}",
    lambda _, row: str(row.unit),
)
_UNITS = CaseSelector(
    lambda evidence: (unit for unit in evidence.context.unit_directory.units if unit.slug not in RESERVED_UNITS),
    lambda unit: str(unit.slug),
    lambda _, unit: str(unit.slug),
)
_ORGANISATIONS = CaseSelector(
    lambda evidence: evidence.context.unit_directory.unmapped,
    lambda organisation: f"{organisation.source}/{organisation.source_id}",
    lambda _, __: UNPLACED,
)
_SETS = CaseSelector(
    lambda evidence: evidence.outcome.sets,
    lambda device_set: str(device_set.id),
    lambda _, device_set: str(device_set.unit),
)
_POOLS = CaseSelector(
    lambda evidence: (share for share in evidence.outcome.shares if share.subject is Subject.POOL),
    lambda share: str(share.subject_id),
    lambda _, share: str(share.unit),
)
_PARTS = CaseSelector(
    lambda evidence: evidence.context.parts, lambda part: str(part.name), lambda _, __: "", lambda _: ()
)

_person_gap = partial(GapKind, subject=Subject.PERSON, cases=_PEOPLE, opening_rule=OpeningRule.OUTSIDE_BREAKS)
_device_gap = partial(GapKind, subject=Subject.DEVICE, cases=_ACTIVE_DEVICES)
_school_day_device_gap = partial(
    GapKind, subject=Subject.DEVICE, cases=_ACTIVE_DEVICES, opening_rule=OpeningRule.OUTSIDE_BREAKS
)
_unit_gap = partial(GapKind, subject=Subject.UNIT)
_source_gap = partial(GapKind, subject=Subject.SOURCE, cases=_PARTS)
_RENEWAL = Text(
    "Förnya den hos källan. Är den fleetsyncs egen, lägg den nya i filen som konfigurationen namnger.",
    "Renew it at the source. If it is fleetsync's own, put the new one into the file that the configuration names.",
)
GAPS: tuple[GapKind, ...] = (
    _person_gap(
        id="no_device",
        severity=Severity.WARNING,
        title=Text("Saknar verktyg", "No device"),
        remedy=Text(
            "Dela ut ett verktyg, eller rätta innehavaren på ett som redan finns.",
            "Hand out a device, or correct whose one is.",
        ),
        reason=person_gaps.no_device,
    ),
    _person_gap(
        id="no_account",
        severity=Severity.WARNING,
        title=Text("Saknar konto", "No account"),
        remedy=Text(
            "Skapa kontot, eller se till att någon källa ger inloggningen.",
            "Create the account, or have a source give the log-in.",
        ),
        reason=person_gaps.no_account,
    ),
    _person_gap(
        id="not_in_directory",
        severity=Severity.WARNING,
        title=Text("Saknas i katalogen", "Not in the directory"),
        remedy=Text(
            "Skapa kontot i katalogen, eller rätta inloggningen där den är fel.",
            "Create the account in the directory, or correct the log-in where it is wrong.",
        ),
        reason=person_gaps.not_in_directory,
    ),
    _person_gap(
        id="device_not_working",
        severity=Severity.WARNING,
        title=Text("Verktyget är inte i drift", "Device not working"),
        remedy=Text(
            "Slå på det i skolans nät, laga det eller byt ut det.",
            "Switch it on in the school's network, mend or replace it.",
        ),
        reason=person_gaps.device_not_working,
    ),
    _person_gap(
        id="extra_device",
        severity=Severity.INFO,
        title=Text("Extra verktyg", "Extra device"),
        remedy=Text(
            "Fråga om båda behövs; lämna annars tillbaka det ena.", "Ask whether both are needed; else take one back."
        ),
        reason=person_gaps.extra_device,
    ),
    _person_gap(
        id="ending_with_device",
        severity=Severity.INFO,
        title=Text("Slutar snart, har verktyg", "Ending soon with a device"),
        remedy=Text("Boka återlämning före sista dagen.", "Arrange its return before the last day."),
        reason=person_gaps.ending_with_device,
    ),
    _person_gap(
        id="starting_without_device",
        severity=Severity.INFO,
        title=Text("Börjar snart, saknar verktyg", "Starting soon without a device"),
        remedy=Text("Förbered ett verktyg till första dagen.", "Prepare a device for the first day."),
        reason=person_gaps.starting_without_device,
    ),
    _person_gap(
        id="duplicate_person",
        severity=Severity.WARNING,
        title=Text("Dubblett av person", "Duplicate person"),
        remedy=Text("Slå ihop posterna i registret.", "Merge the records in their register."),
        reason=person_gaps.duplicate_person,
    ),
    _person_gap(
        id="login_reused",
        severity=Severity.INFO,
        title=Text("Återanvänd inloggning", "Log-in reused"),
        remedy=Text(
            "Kontrollera att äldre verktyg inte följt med inloggningen.", "Check that no older device came with it."
        ),
        reason=person_gaps.login_reused,
    ),
    _school_day_device_gap(
        id="stale",
        severity=Severity.WARNING,
        title=Text("Ingen kontakt", "No contact"),
        remedy=Text("Leta upp det, slå på det eller utrangera det.", "Find it, switch it on, or retire it."),
        reason=device_gaps.stale,
        cases=_MUNICIPAL_DEVICES,
    ),
    _school_day_device_gap(
        id="never_enrolled",
        severity=Severity.INFO,
        title=Text("Aldrig inskrivet", "Never enrolled"),
        remedy=Text("Skriv in det i MDM, eller ange det som lager.", "Enrol it in its MDM, or declare it stock."),
        reason=device_gaps.never_enrolled,
    ),
    _school_day_device_gap(
        id="leaver_holds",
        severity=Severity.WARNING,
        title=Text("Den som slutat har kvar verktyget", "Held by a leaver"),
        remedy=Text("Hämta in verktyget och byt innehavare.", "Collect the device and change its holder."),
        reason=device_gaps.leaver_holds,
    ),
    _device_gap(
        id="unknown_holder",
        severity=Severity.WARNING,
        title=Text("Okänd innehavare", "Unknown holder"),
        remedy=Text(
            "Rätta användaren i MDM eller i listan, eller ange kontot som funktionskonto.",
            "Correct the user in the MDM or in the list, or declare a function account.",
        ),
        reason=device_gaps.unknown_holder,
    ),
    _device_gap(
        id="ambiguous_holder",
        severity=Severity.WARNING,
        title=Text("Flera möjliga innehavare", "Several possible holders"),
        remedy=Text("Rätta inloggningarna, eller ange innehavaren.", "Correct the log-ins, or state the holder."),
        reason=device_gaps.ambiguous_holder,
    ),
    _device_gap(
        id="holder_conflict",
        severity=Severity.INFO,
        title=Text("Motstridig innehavare", "Contradicting holder"),
        remedy=Text("Rätta den källa som har fel.", "Correct the source that is wrong."),
        reason=device_gaps.holder_conflict,
    ),
    _device_gap(
        id="unplaced",
        severity=Severity.WARNING,
        title=Text("Utan enhet", "Without a unit"),
        remedy=Text(
            "Rätta platsen i källan, eller ange vilken enhet den betyder (Källor, Förslag).",
            "Correct its place in the source, or say which unit it means (Sources, Proposals).",
        ),
        reason=device_gaps.unplaced,
    ),
    _device_gap(
        id="unsorted",
        severity=Severity.WARNING,
        title=Text("Osorterat", "Unsorted"),
        remedy=Text(
            "Ange vad det är till för i källan, eller låt en regel säga det (Källor, Förslag).",
            "Say what it is for in the source, or let a rule say it (Sources, Proposals).",
        ),
        reason=device_gaps.unsorted,
    ),
    _school_day_device_gap(
        id="unit_mismatch",
        severity=Severity.INFO,
        title=Text("Två enheter anges", "Two units named"),
        remedy=Text("Rätta platsen i den källa som har fel.", "Correct the place in the source that is wrong."),
        reason=device_gaps.unit_mismatch,
        opening_rule=OpeningRule.IN_A_SETTLED_TERM,
    ),
    _device_gap(
        id="duplicate_serial",
        severity=Severity.WARNING,
        title=Text("Delat serienummer", "Shared serial"),
        remedy=Text("Rätta serienumret i källan.", "Correct the serial in its source."),
        reason=device_gaps.duplicate_serial,
    ),
    _device_gap(
        id="not_in_register",
        severity=Severity.INFO,
        title=Text("Inte i registret", "Not in the register"),
        remedy=Text("För in det i inventarieregistret.", "Enter it in the asset register."),
        reason=device_gaps.not_in_register,
    ),
    _device_gap(
        id="not_in_mdm",
        severity=Severity.WARNING,
        title=Text("Inte i något MDM", "In no MDM"),
        remedy=Text(
            "Skriv in det igen, eller utrangera det i registret.", "Enrol it again, or retire it in the register."
        ),
        reason=device_gaps.not_in_mdm,
    ),
    _device_gap(
        id="lost",
        severity=Severity.WARNING,
        title=Text("Borttappat", "Lost"),
        remedy=Text(
            "Lås och spärra det, anmäl förlusten och ersätt det.", "Lock and block it; report it, and replace it."
        ),
        reason=device_gaps.lost,
        cases=_PRESENT_DEVICES,
    ),
    _school_day_device_gap(
        id="long_in_repair",
        severity=Severity.WARNING,
        title=Text("Länge på reparation", "Long in repair"),
        remedy=Text("Fråga verkstaden, eller ersätt det.", "Ask the workshop, or replace it."),
        reason=device_gaps.long_in_repair,
    ),
    _device_gap(
        id="os_unsupported",
        severity=Severity.WARNING,
        title=Text("System utan stöd", "System unsupported"),
        remedy=Text("Uppgradera systemet, eller byt ut verktyget.", "Upgrade the system, or replace the device."),
        reason=device_gaps.os_unsupported,
    ),
    _device_gap(
        id="os_support_ending",
        severity=Severity.INFO,
        title=Text("Systemets stöd slutar snart", "System support ending"),
        remedy=Text("Planera uppgraderingen.", "Plan the upgrade."),
        reason=device_gaps.os_support_ending,
    ),
    _device_gap(
        id="os_release_unknown",
        severity=Severity.INFO,
        title=Text("Okänd version av systemet", "Unknown system release"),
        remedy=Text(
            "Uppdatera fleetsync: dess datum för stöd saknar versionen. Tills dess räknas stödet som okänt.",
            "Update fleetsync: its support dates lack the release. Until then its support counts as unknown.",
        ),
        reason=device_gaps.os_release_unknown,
    ),
    _device_gap(
        id="hardware_support_ending",
        severity=Severity.INFO,
        title=Text("Hårdvarans stöd slutar", "Hardware support ending"),
        remedy=Text("Ta med det i nästa inköp.", "Include it in the next purchase."),
        reason=device_gaps.hardware_support_ending,
    ),
    _device_gap(
        id="warranty_ending",
        severity=Severity.INFO,
        title=Text("Garantin slutar snart", "Warranty ending"),
        remedy=Text("Reklamera fel medan garantin gäller.", "Claim defects while the warranty lasts."),
        reason=device_gaps.warranty_ending,
    ),
    _device_gap(
        id="over_age",
        severity=Severity.INFO,
        title=Text("För gammalt", "Over age"),
        remedy=Text("Ta med det i nästa inköp.", "Include it in the next purchase."),
        reason=device_gaps.over_age,
    ),
    _device_gap(
        id="unencrypted",
        severity=Severity.WARNING,
        title=Text("Inte krypterat", "Not encrypted"),
        remedy=Text("Slå på kryptering i MDM.", "Turn encryption on in the MDM."),
        reason=device_gaps.unencrypted,
    ),
    _device_gap(
        id="noncompliant",
        severity=Severity.WARNING,
        title=Text("Följer inte reglerna", "Noncompliant"),
        remedy=Text("Se i MDM vilken regel det bryter mot.", "See in the MDM which rule it breaks."),
        reason=device_gaps.noncompliant,
    ),
    _device_gap(
        id="personally_owned",
        severity=Severity.INFO,
        title=Text("Privatägt", "Personally owned"),
        remedy=Text(
            "Rätta ägarskapet i MDM, eller avregistrera det.", "Correct its ownership in the MDM, or unenrol it."
        ),
        reason=device_gaps.personally_owned,
        cases=_PERSONALLY_OWNED_DEVICES,
    ),
    _unit_gap(
        id="below_target",
        severity=Severity.CRITICAL,
        title=Text("Under målet", "Below target"),
        remedy=Text("Se enhetens avvikelser och vad som saknas.", "See the unit's gaps and what is short."),
        reason=unit_and_source_gaps.below_target,
        cases=_COVERAGE,
        opening_rule=OpeningRule.OUTSIDE_BREAKS,
    ),
    GapKind(
        id="set_short",
        subject=Subject.SET,
        severity=Severity.WARNING,
        title=Text("Klassuppsättning för liten", "Set too small"),
        remedy=Text("Fyll på uppsättningen, eller laga dess verktyg.", "Fill the set up, or mend its devices."),
        reason=unit_and_source_gaps.set_short,
        cases=_SETS,
    ),
    GapKind(
        id="pool_short",
        subject=Subject.POOL,
        severity=Severity.WARNING,
        title=Text("För få gemensamma verktyg", "Pool too small"),
        remedy=Text("Fyll på enhetens gemensamma verktyg.", "Fill the unit's shared devices up."),
        reason=unit_and_source_gaps.pool_short,
        cases=_POOLS,
    ),
    _unit_gap(
        id="no_calendar",
        severity=Severity.WARNING,
        title=Text("Kalender saknas", "No calendar"),
        remedy=Text("Lägg in nästa läsårs terminer.", "Enter the terms of the next school year."),
        reason=unit_and_source_gaps.no_calendar,
        cases=_UNITS,
    ),
    _unit_gap(
        id="no_local_plan",
        severity=Severity.INFO,
        title=Text("Lokal plan saknas", "No local plan"),
        remedy=Text(
            "Ta fram enhetens lokala IT-plan, och lägg in den som en [[local_plan]].",
            "Write the unit's local plan, and enter it as a [[local_plan]].",
        ),
        reason=unit_and_source_gaps.no_local_plan,
        cases=_UNITS,
    ),
    _unit_gap(
        id="local_plan_expired",
        severity=Severity.WARNING,
        title=Text("Lokal plan har gått ut", "Local plan ended"),
        remedy=Text(
            "Besluta om en ny lokal plan, och lägg in den som en [[local_plan]]. Till dess gäller kommunens regler.",
            "Decide on a new local plan, and enter it as a [[local_plan]]. Until then the municipality's rules hold.",
        ),
        reason=unit_and_source_gaps.local_plan_expired,
        cases=_UNITS,
    ),
    _unit_gap(
        id="unmapped_unit",
        severity=Severity.WARNING,
        title=Text("Okänd organisation", "Unmapped organisation"),
        remedy=Text(
            "Ange vilken enhet den är, eller att den inte är vår (Källor, Förslag).",
            "Say which unit it is, or that it is not ours (Sources, Proposals).",
        ),
        reason=unit_and_source_gaps.unmapped_unit,
        cases=_ORGANISATIONS,
    ),
    _source_gap(
        id="source_stale",
        severity=Severity.WARNING,
        title=Text("Källan är gammal", "Source stale"),
        remedy=Text(
            "Se på källans sida varför ingen ny hämtning gått igenom.",
            "See on the source's page why no pull came through.",
        ),
        reason=unit_and_source_gaps.source_stale,
    ),
    _source_gap(
        id="pull_held",
        severity=Severity.WARNING,
        title=Text("Hämtning väntar på beslut", "Pull held"),
        remedy=Text("Granska hämtningen och godta eller avvisa den.", "Look at the pull, and accept or reject it."),
        reason=unit_and_source_gaps.pull_held,
    ),
    _source_gap(
        id="credential_lapsing",
        severity=Severity.CRITICAL,
        title=Text("Behörighet går ut inom en vecka", "Credential expiring within a week"),
        remedy=_RENEWAL,
        reason=unit_and_source_gaps.credential_lapsing,
    ),
    _source_gap(
        id="credential_expiring",
        severity=Severity.WARNING,
        title=Text("Behörighet går ut", "Credential expiring"),
        remedy=_RENEWAL,
        reason=unit_and_source_gaps.credential_expiring,
    ),
    _source_gap(
        id="rows_unreadable",
        severity=Severity.WARNING,
        title=Text("Rader gick inte att läsa", "Rows could not be read"),
        remedy=Text(
            "Se på källans sida vilka rader och varför, rätta dem hos källan och hämta igen. Till dess gäller det som "
            "var känt om dem.",
            "See on the source's page which rows and why, correct them at the source and pull again. Until then what was "
            "known of them stays.",
        ),
        reason=unit_and_source_gaps.rows_unreadable,
    ),
    _source_gap(
        id="schema_drift",
        severity=Severity.INFO,
        title=Text("Okända ord i källan", "Unknown words in the source"),
        remedy=Text(
            "Se på källans sida vilka; ange dem i källans tabell eller uppdatera fleetsync.",
            "See on the source's page which; say in the source's table what they mean, or update fleetsync.",
        ),
        reason=unit_and_source_gaps.schema_drift,
    ),
)
