"""The policy in sentences: every rule of the configuration, in both languages."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby

from markupsafe import Markup

from fleetsync.core.entitlement import mode_of
from fleetsync.core.model import (
    DeviceRule,
    EmploymentForm,
    Entitlement,
    LocalPlan,
    LocalRaise,
    MembershipType,
    Policy,
    Purpose,
    RoundBy,
    Text,
    Unit,
    UnitMap,
)
from fleetsync.expose.display_names import FORM_FACTORS, PLATFORMS, SCHOOL_FORMS, word
from fleetsync.expose.web.localiser import Localiser

RULE_FIELDS: Mapping[str, Text] = {
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
REQUIREMENTS: Mapping[str, Text] = {
    "supported": Text("ha ett system med stöd", "be supported"),
    "encrypted": Text("vara krypterat", "be encrypted"),
    "compliant": Text("följa reglerna i MDM", "be compliant"),
}
PURPOSE_CLAUSES: Mapping[Purpose, Text] = {
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


def join_words(words: Iterable[str], localiser: Localiser, last: Text = Text("och", "and")) -> str:
    """a, b och c; words that are markup already are not escaped again."""
    listed = list(words)
    if len(listed) < 2:
        return Markup("").join(listed)
    return Markup("{} {} {}").format(Markup(", ").join(listed[:-1]), localiser.translate(last), listed[-1])


OR = Text("eller", "or")
EMPLOYMENT_CLAUSES: Mapping[EmploymentForm, tuple[str, str]] = {
    EmploymentForm.PERMANENT: ("tillsvidare", "permanently"),
    EmploymentForm.FIXED: ("på visstid i mer än {months} månader", "for a fixed term of more than {months} months"),
    EmploymentForm.HOURLY: ("på timmar", "by the hour"),
    EmploymentForm.OTHER: ("i annan form", "in another form"),
    EmploymentForm.UNKNOWN: ("i okänd form", "in an unknown form"),
}


def entitlement_sentences(
    rule: Entitlement, names: Mapping[str, Unit], localiser: Localiser, withdrawn_from: date | None = None
) -> list[str]:
    """What the rule gives, to whom, which devices are accepted, and when it raises an alarm.

    *withdrawn_from*: the first day without any rule of its id; None: there is always one.
    """
    return [
        _devices_sentence(rule, localiser),
        _persons_sentence(rule, localiser),
        _accepted_sentence(rule, localiser),
        localiser.t(
            "Målet är {target}. Larm när täckningen legat under {alert} i {days} skoldagar och minst {short} saknas.",
            "The target is {target}. It rings once coverage was below {alert} for {days} school days, with at least "
            "{short} short.",
            target=localiser.limit(rule.target),
            alert=localiser.limit(rule.alert_below),
            short=rule.alert_short,
            days=rule.alert_after_school_days,
        ),
        *_further_sentences(rule, names, localiser, withdrawn_from),
    ]


def _devices_sentence(rule: Entitlement, localiser: Localiser) -> str:
    sentence = mode_of(rule).sentence
    where = localiser.translate(ROUNDINGS[rule.round_by])
    return localiser.t(sentence.sv, sentence.en, n=rule.devices, per=rule.per, where=where)


def _persons_sentence(rule: Entitlement, localiser: Localiser) -> str:
    who = rule.who
    if MembershipType.EMPLOYMENT in who.memberships:
        months = who.longer_than_months
        forms = join_words(
            (localiser.t(*EMPLOYMENT_CLAUSES[form], months=months) for form in who.employment), localiser, OR
        )
        return localiser.t("Gäller den som är anställd {forms}.", "For everybody employed {forms}.", forms=forms)
    forms = join_words(
        dict.fromkeys(localiser.translate(word(SCHOOL_FORMS, form)) for form in who.school_forms), localiser
    )
    lowest, highest = who.lowest_grade_index, who.highest_grade_index
    if lowest is None or highest is None:
        return localiser.t("Gäller barn i {forms}.", "For children of {forms}.", forms=forms)
    return localiser.t(
        "Gäller elever i årskurs {lowest}–{highest} i {forms}.",
        "For pupils of years {lowest}–{highest} in {forms}.",
        lowest=lowest,
        highest=highest,
        forms=forms,
    )


def _accepted_sentence(rule: Entitlement, localiser: Localiser) -> str:
    kinds = join_words((localiser.translate(word(FORM_FACTORS, form)) for form in rule.form_factors), localiser, OR)
    sentence = localiser.t("Godtas: {kinds}.", "Accepted: {kinds}.", kinds=kinds)
    if rule.platforms:
        platforms = join_words(
            (localiser.translate(word(PLATFORMS, platform)) for platform in rule.platforms), localiser, OR
        )
        sentence += " " + localiser.t("Bara {platforms}.", "Only {platforms}.", platforms=platforms)
    if rule.require:
        required = join_words(
            (localiser.translate(REQUIREMENTS[requirement]) for requirement in rule.require), localiser
        )
        sentence += " " + localiser.t("Verktyget ska {required}.", "The device must {required}.", required=required)
    return sentence


def _further_sentences(
    rule: Entitlement, names: Mapping[str, Unit], localiser: Localiser, withdrawn_from: date | None
) -> list[str]:
    sentences = []
    if MembershipType.EMPLOYMENT in rule.who.memberships and rule.on_leave == "apart":
        sentences.append(localiser.t("Den som är ledig räknas för sig.", "Persons on leave are counted apart."))
    if rule.units:
        units = join_words((_unit_name(slug, names) for slug in rule.units), localiser)
        sentences.append(localiser.t("Bara på {units}.", "Only at {units}.", units=units))
    if rule.valid_from:
        sentences.append(localiser.t("Gäller från {day}.", "In force from {day}.", day=localiser.day(rule.valid_from)))
    if rule.valid_to and withdrawn_from == rule.valid_to + timedelta(days=1):
        sentences.append(
            localiser.t(
                "Upphör: ingen har rätt enligt den från {day}.",
                "Withdrawn: it owes nobody anything from {day}.",
                day=localiser.day(withdrawn_from),
            )
        )
    elif rule.valid_to:
        sentences.append(
            localiser.t("Gäller till och med {day}.", "In force until {day}.", day=localiser.day(rule.valid_to))
        )
    return sentences


def local_plan_sentence(plan: LocalPlan, localiser: Localiser, today: date | None = None) -> str:
    """Which document the local plan is, when it was decided, and until when it is in force; or when it ended, if that
    was before *today*.
    """
    sentence = ("”{document}”, beslutad {decided}, gäller till och med {end}.",
                "“{document}”, decided on {decided}, in force until {end}.")  # fmt: skip
    if today is not None and plan.ends_on < today:
        sentence = (
            "”{document}”, beslutad {decided}, gick ut {end}.",
            "“{document}”, decided on {decided}, ended on {end}.",
        )
    days = {"decided": localiser.day(plan.decided_on), "end": localiser.day(plan.ends_on)}
    return localiser.t(*sentence, document=plan.document, **days)


def raise_sentences(plan: LocalPlan, titles: Mapping[str, Text], localiser: Localiser) -> list[str]:
    """What the local plan promises beyond the policy, a sentence for each entitlement. *titles*: those of the rules."""
    return [
        localiser.t(
            "{rule}: {raised}.",
            "{rule}: {raised}.",
            rule=localiser.translate(titles[each.entitlement]),
            raised=join_words(_raised_clauses(each, localiser), localiser),
        )
        for each in plan.raises
        if each.entitlement in titles
    ]


def _raised_clauses(local_raise: LocalRaise, localiser: Localiser) -> Iterable[str]:
    if local_raise.devices is not None:
        yield localiser.t("{n} verktyg var", "{n} devices each", n=local_raise.devices)
    if local_raise.per is not None:
        yield localiser.t("ett verktyg per {per} barn", "one device per {per} children", per=local_raise.per)
    if local_raise.target is not None:
        yield localiser.t("målet är {target}", "the target is {target}", target=localiser.limit(local_raise.target))
    for kinds, words in ((local_raise.platforms, PLATFORMS), (local_raise.form_factors, FORM_FACTORS)):
        if kinds is not None:
            names = join_words((localiser.translate(word(words, kind)) for kind in kinds), localiser, OR)
            yield localiser.t("bara {kinds} räknas", "only {kinds} counts", kinds=names)


# After "the device is in stock" the sentence does not repeat "the device".
UNIT_CLAUSE = ("hör verktyget till {unit}", "the device belongs to {unit}")
FURTHER_UNIT_CLAUSE = ("hör till {unit}", "belongs to {unit}")
GROUPS_CLAUSE = ("betjänar verktyget {groups}", "the device serves {groups}")
FURTHER_GROUPS_CLAUSE = ("betjänar {groups}", "serves {groups}")


def device_rule_sentence(rule: DeviceRule, names: Mapping[str, Unit], localiser: Localiser) -> str:
    """A device rule: its conditions, and the purpose, unit and groups that follow."""
    conditions = join_words(
        (
            localiser.t(
                "{field} är ”{pattern}”",
                "{field} is “{pattern}”",
                field=localiser.translate(RULE_FIELDS[field]),
                pattern=pattern,
            )
            for field, pattern in rule.when.items()
        ),
        localiser,
    )
    results = [] if rule.purpose is None else [localiser.translate(PURPOSE_CLAUSES[rule.purpose])]
    if rule.unit is not None:
        belongs = FURTHER_UNIT_CLAUSE if results else UNIT_CLAUSE
        results.append(localiser.t(*belongs, unit=_unit_name(rule.unit, names)))
    if rule.groups:
        serves = FURTHER_GROUPS_CLAUSE if results else GROUPS_CLAUSE
        results.append(localiser.t(*serves, groups=join_words(rule.groups, localiser)))
    return localiser.t("När {conditions} {results}.", "When {conditions}, {results}.",
                    conditions=conditions, results=join_words(results, localiser))  # fmt: skip


def unit_map_sentences(lines: Iterable[UnitMap], names: Mapping[str, Unit], localiser: Localiser) -> list[str]:
    """What the sources call the units, in the order of the rules; neighbours that differ only by pattern are one sentence."""
    return [
        localiser.t(
            "{unit}: {field} i {source} är {patterns}.",
            "{unit}: {field} of {source} is {patterns}.",
            unit=_unit_name(unit, names),
            field=localiser.translate(RULE_FIELDS[field]),
            source=source,
            patterns=join_words(
                (localiser.t("”{pattern}”", "“{pattern}”", pattern=line.pattern) for line in same), localiser, OR
            ),
        )
        for (unit, source, field), same in groupby(lines, key=lambda line: (line.unit, line.source, line.field))
    ]


def _unit_name(slug: str, names: Mapping[str, Unit]) -> str:
    return names[slug].name if slug in names else slug


def staleness_sentences(policy: Policy, localiser: Localiser) -> list[str]:
    """From how many school days without contact a device does not work, and is called silent."""
    silence = policy.staleness
    sentences = [
        localiser.t(
            "Ett verktyg är i drift så länge det varit i kontakt inom {stale} skoldagar, är vårt och är hanterat. Det säger "
            "inte att det är oskadat eller används.",
            "A device works while it has been in contact within {stale} school days, is ours and is managed. That does "
            "not say that it is undamaged or used.",
            stale=silence.stale_after_school_days,
        ),
        localiser.t(
            "Efter {silent} skoldagar utan kontakt kallas det tyst.",
            "After {silent} school days without contact it is called silent.",
            silent=silence.silent_after_school_days,
        ),
    ]
    for platform, days in sorted(silence.by_platform.items()):
        name = localiser.translate(word(PLATFORMS, platform))
        sentences.append(
            localiser.t("För {name}: {days} skoldagar.", "For {name}: {days} school days.", name=name, days=days)
        )
    return sentences
