"""The policy read aloud: every rule of the configuration as a sentence in both languages."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from markupsafe import Markup

from fleetsync.core.model import (
    DeviceRule,
    EmploymentForm,
    Entitlement,
    MembershipType,
    Mode,
    Policy,
    Purpose,
    RoundBy,
    Text,
    Unit,
    UnitMap,
)
from fleetsync.expose.web.speech import Speech
from fleetsync.expose.web.words import FORM_FACTORS, PLATFORMS, SCHOOL_FORMS, word

FIELDS: Mapping[str, Text] = {
    "source": Text("källan", "the source"),
    "location": Text("platsen", "the location"),
    "groups": Text("en grupp", "a group"),
    "name": Text("namnet", "the name"),
    "login": Text("inloggningen", "the log-in"),
    "profile": Text("inskrivningsprofilen", "the enrolment profile"),
    "tag": Text("etiketten", "the tag"),
    "order": Text("ordern", "the order"),
    "status": Text("statusen", "the status"),
    "model": Text("modellen", "the model"),
    "platform": Text("plattformen", "the platform"),
}
REQUIRED: Mapping[str, Text] = {
    "supported": Text("ha ett system med stöd", "be supported"),
    "encrypted": Text("vara krypterat", "be encrypted"),
    "compliant": Text("följa reglerna i MDM", "be compliant"),
}
BECOMES: Mapping[Purpose, Text] = {
    Purpose.PERSONAL: Text("är verktyget personligt", "the device is personal"),
    Purpose.SET: Text("hör verktyget till en klassuppsättning", "the device belongs to a set"),
    Purpose.POOL: Text("är verktyget gemensamt", "the device is the pool's"),
    Purpose.LOAN: Text("är verktyget utlånat", "the device is on loan"),
    Purpose.ROOM: Text("hör verktyget till ett rum", "the device belongs to a room"),
    Purpose.STOCK: Text("ligger verktyget i lager", "the device is in stock"),
    Purpose.REPAIR: Text("är verktyget på reparation", "the device is in repair"),
    Purpose.IGNORE: Text("räknas verktyget inte", "the device is ignored"),
    Purpose.UNSORTED: Text("är verktyget osorterat", "the device is unsorted"),
}
ROUNDINGS: Mapping[RoundBy, Text] = {
    RoundBy.UNIT_AND_FORM: Text("per enhet och skolform", "per unit and school form"),
    RoundBy.UNIT: Text("per enhet", "per unit"),
    RoundBy.MUNICIPALITY: Text("i hela kommunen", "over the municipality"),
}


def listed(words: Iterable[str], speech: Speech, last: Text = Text("och", "and")) -> str:
    """a, b och c; words that are markup already are not escaped again."""
    told = list(words)
    if len(told) < 2:
        return Markup("").join(told)
    return Markup("{} {} {}").format(Markup(", ").join(told[:-1]), speech.say(last), told[-1])


OR = Text("eller", "or")
EMPLOYED: Mapping[EmploymentForm, tuple[str, str]] = {
    EmploymentForm.PERMANENT: ("tillsvidare", "permanently"),
    EmploymentForm.FIXED: ("på visstid i mer än {months} månader", "for a fixed term of more than {months} months"),
    EmploymentForm.HOURLY: ("på timmar", "by the hour"),
    EmploymentForm.OTHER: ("i annan form", "in another form"),
    EmploymentForm.UNKNOWN: ("i okänd form", "in an unknown form"),
}


def of_entitlement(rule: Entitlement, names: Mapping[str, Unit], speech: Speech) -> list[str]:
    """What the rule gives, to whom, what is accepted, and what rings."""
    return [
        _what(rule, speech),
        _whom(rule, speech),
        _accepted(rule, speech),
        speech.t(
            "Målet är {target}. Larm när täckningen legat under {alert} i {days} skoldagar och minst {short} saknas.",
            "The target is {target}. It rings once coverage was below {alert} for {days} school days, with at least "
            "{short} short.",
            target=speech.limit(rule.target),
            alert=speech.limit(rule.alert_below),
            short=rule.alert_short,
            days=rule.alert_after_school_days,
        ),
        *_besides(rule, names, speech),
    ]


def _what(rule: Entitlement, speech: Speech) -> str:
    if rule.mode is Mode.POOL:
        return speech.t(
            "Ett gemensamt verktyg per påbörjade {per} barn, avrundat uppåt {where}.",
            "One shared device per {per} children begun, rounded up {where}.",
            per=rule.per,
            where=speech.say(ROUNDINGS[rule.round_by]),
        )
    if rule.mode is Mode.PERSONAL:
        return speech.t("{n} eget verktyg per person.", "{n} device of their own each.", n=rule.devices)
    return speech.t(
        "{n} verktyg per person: ett eget, eller en del i en klassuppsättning.",
        "{n} device each: their own, or a share in a set.",
        n=rule.devices,
    )


def _whom(rule: Entitlement, speech: Speech) -> str:
    who = rule.who
    if MembershipType.EMPLOYMENT in who.memberships:
        months = who.longer_than_months
        forms = listed((speech.t(*EMPLOYED[form], months=months) for form in who.employment), speech, OR)
        return speech.t("Gäller den som är anställd {forms}.", "For whoever is employed {forms}.", forms=forms)
    forms = listed(dict.fromkeys(speech.say(word(SCHOOL_FORMS, form)) for form in who.school_forms), speech)
    lowest, highest = who.lowest_grade_index, who.highest_grade_index
    if lowest is None or highest is None:
        return speech.t("Gäller barn i {forms}.", "For children of {forms}.", forms=forms)
    return speech.t(
        "Gäller elever i årskurs {lowest}–{highest} i {forms}.",
        "For pupils of years {lowest}–{highest} in {forms}.",
        lowest=lowest,
        highest=highest,
        forms=forms,
    )


def _accepted(rule: Entitlement, speech: Speech) -> str:
    kinds = listed((speech.say(word(FORM_FACTORS, form)) for form in rule.form_factors), speech, OR)
    sentence = speech.t("Godtas: {kinds}.", "Accepted: {kinds}.", kinds=kinds)
    if rule.platforms:
        platforms = listed((speech.say(word(PLATFORMS, one)) for one in rule.platforms), speech, OR)
        sentence += " " + speech.t("Bara {platforms}.", "Only {platforms}.", platforms=platforms)
    if rule.require:
        required = listed((speech.say(REQUIRED[one]) for one in rule.require), speech)
        sentence += " " + speech.t("Verktyget ska {required}.", "The device must {required}.", required=required)
    return sentence


def _besides(rule: Entitlement, names: Mapping[str, Unit], speech: Speech) -> list[str]:
    said = []
    if MembershipType.EMPLOYMENT in rule.who.memberships and rule.on_leave == "apart":
        said.append(speech.t("Den som är ledig räknas för sig.", "Whoever is on leave is counted apart."))
    if rule.units:
        units = listed((_name(slug, names) for slug in rule.units), speech)
        said.append(speech.t("Bara på {units}.", "Only at {units}.", units=units))
    if rule.valid_from:
        said.append(speech.t("Gäller från {day}.", "In force from {day}.", day=speech.day(rule.valid_from)))
    if rule.valid_to:
        said.append(speech.t("Gäller till och med {day}.", "In force until {day}.", day=speech.day(rule.valid_to)))
    return said


# After "the device is in stock" nobody says "the device" again.
BELONGS = ("hör verktyget till {unit}", "the device belongs to {unit}")
BELONGS_TOO = ("hör till {unit}", "belongs to {unit}")
SERVES = ("betjänar verktyget {groups}", "the device serves {groups}")
SERVES_TOO = ("betjänar {groups}", "serves {groups}")


def of_device_rule(rule: DeviceRule, names: Mapping[str, Unit], speech: Speech) -> str:
    """When what is so, the device is for what, and where."""
    conditions = listed(
        (
            speech.t(
                "{field} är ”{pattern}”", "{field} is “{pattern}”", field=speech.say(FIELDS[field]), pattern=pattern
            )
            for field, pattern in rule.when.items()
        ),
        speech,
    )
    results = [] if rule.purpose is None else [speech.say(BECOMES[rule.purpose])]
    if rule.unit is not None:
        belongs = BELONGS_TOO if results else BELONGS
        results.append(speech.t(*belongs, unit=_name(rule.unit, names)))
    if rule.groups:
        serves = SERVES_TOO if results else SERVES
        results.append(speech.t(*serves, groups=listed(rule.groups, speech)))
    return speech.t("När {conditions} {results}.", "When {conditions}, {results}.",
                    conditions=conditions, results=listed(results, speech))  # fmt: skip


def of_unit_maps(lines: Iterable[UnitMap], names: Mapping[str, Unit], speech: Speech) -> list[str]:
    """What the sources call the units, in the order in which it is asked: a sentence for what follows one another."""
    return [
        speech.t(
            "{unit}: {field} i {source} är {patterns}.",
            "{unit}: {field} of {source} is {patterns}.",
            unit=_name(unit, names),
            field=speech.say(FIELDS[field]),
            source=source,
            patterns=listed(
                (speech.t("”{pattern}”", "“{pattern}”", pattern=line.pattern) for line in same), speech, OR
            ),
        )
        for (unit, source, field), same in groupby(lines, key=lambda line: (line.unit, line.source, line.field))
    ]


def _name(slug: str, names: Mapping[str, Unit]) -> str:
    return names[slug].name if slug in names else slug


def of_staleness(policy: Policy, speech: Speech) -> list[str]:
    """When silence means something."""
    silence = policy.staleness
    said = [
        speech.t(
            "Ett verktyg är i drift så länge det varit i kontakt inom {stale} skoldagar, är vårt och är hanterat. Det säger "
            "inte att det är oskadat eller används.",
            "A device works while it has been in contact within {stale} school days, is ours and is managed. That does "
            "not say that it is undamaged or used.",
            stale=silence.stale_after_school_days,
        ),
        speech.t(
            "Efter {silent} skoldagar utan kontakt kallas det tyst.",
            "After {silent} school days without contact it is called silent.",
            silent=silence.silent_after_school_days,
        ),
    ]
    for platform, days in sorted(silence.by_platform.items()):
        name = speech.say(word(PLATFORMS, platform))
        said.append(speech.t("För {name}: {days} skoldagar.", "For {name}: {days} school days.", name=name, days=days))
    return said
