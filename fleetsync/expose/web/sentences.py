"""The policy read aloud: every rule of the configuration as a sentence in both languages."""

from collections.abc import Iterable, Mapping

from fleetsync.core.model import (
    DeviceRule,
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
from fleetsync.expose.web.words import EMPLOYMENT_FORMS, FORM_FACTORS, PLATFORMS, SCHOOL_FORMS, word

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
    """a, b och c."""
    told = list(words)
    if len(told) < 2:
        return "".join(told)
    return f"{', '.join(told[:-1])} {speech.say(last)} {told[-1]}"


OR = Text("eller", "or")


def of_entitlement(rule: Entitlement, speech: Speech) -> list[str]:
    """What the rule gives, to whom, what is accepted, and what rings."""
    return [
        _what(rule, speech),
        _whom(rule, speech),
        _accepted(rule, speech),
        speech.t(
            "Målet är {target}. Larm under {alert} när minst {short} saknas, i {days} skoldagar.",
            "The target is {target}. It rings below {alert} with at least {short} short, for {days} school days.",
            target=speech.limit(rule.target),
            alert=speech.limit(rule.alert_below),
            short=rule.alert_short,
            days=rule.alert_after_school_days,
        ),
        *_besides(rule, speech),
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
        return speech.t("{n} eget verktyg var.", "{n} device of their own each.", n=rule.devices)
    return speech.t(
        "{n} verktyg var: ett eget, eller en del av klassuppsättningen.",
        "{n} device each: their own, or a share of the set.",
        n=rule.devices,
    )


def _whom(rule: Entitlement, speech: Speech) -> str:
    who = rule.who
    if MembershipType.EMPLOYMENT in who.memberships:
        forms = listed((speech.say(word(EMPLOYMENT_FORMS, form)) for form in who.employment), speech, OR)
        return speech.t(
            "Gäller anställda med {forms}; en visstid ska vara längre än {months} månader.",
            "For employees who are {forms}; a fixed term must be longer than {months} months.",
            forms=forms,
            months=who.longer_than_months,
        )
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


def _besides(rule: Entitlement, speech: Speech) -> list[str]:
    said = []
    if MembershipType.EMPLOYMENT in rule.who.memberships and rule.on_leave == "apart":
        said.append(speech.t("Den som är ledig räknas för sig.", "Whoever is on leave is counted apart."))
    if rule.units:
        said.append(speech.t("Bara på {units}.", "Only at {units}.", units=listed(rule.units, speech)))
    if rule.valid_from:
        said.append(speech.t("Gäller från {day}.", "In force from {day}.", day=speech.day(rule.valid_from)))
    if rule.valid_to:
        said.append(speech.t("Gäller till och med {day}.", "In force until {day}.", day=speech.day(rule.valid_to)))
    return said


def of_device_rule(rule: DeviceRule, speech: Speech) -> str:
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
    results = []
    if rule.purpose is not None:
        results.append(speech.say(BECOMES[rule.purpose]))
    if rule.unit is not None:
        results.append(speech.t("hör det till {unit}", "it belongs to {unit}", unit=rule.unit))
    if rule.groups:
        results.append(speech.t("betjänar det {groups}", "it serves {groups}", groups=listed(rule.groups, speech)))
    return speech.t("När {conditions} {results}.", "When {conditions}, {results}.",
                    conditions=conditions, results=listed(results, speech))  # fmt: skip


def of_unit_map(line: UnitMap, names: Mapping[str, Unit], speech: Speech) -> str:
    """What a source calls a place."""
    name = names[line.unit].name if line.unit in names else line.unit
    return speech.t(
        "{field} ”{pattern}” i {source} är {unit}.",
        "{field} “{pattern}” of {source} is {unit}.",
        field=speech.say(FIELDS[line.field]).capitalize(),
        pattern=line.pattern,
        source=line.source,
        unit=name,
    )


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
