"""Names of the core's values in Swedish and English: stages, purposes, verdicts, roles and so on. No Flask."""

from collections.abc import Mapping

from fleetsync.core.lifecycle import GAPS, ActingRole
from fleetsync.core.measures import MEASURES
from fleetsync.core.model import Text
from fleetsync.expose.drill_down import DERIVED_MEASURES

PLATFORMS: Mapping[str, Text] = {
    "windows": Text("Windows", "Windows"),
    "macos": Text("macOS", "macOS"),
    "ipados": Text("iPad", "iPad"),
    "ios": Text("iPhone", "iPhone"),
    "tvos": Text("Apple TV", "Apple TV"),
    "android": Text("Android", "Android"),
    "chromeos": Text("ChromeOS", "ChromeOS"),
    "linux": Text("Linux", "Linux"),
    "other": Text("annat system", "other system"),
}
FORM_FACTORS: Mapping[str, Text] = {
    "computer": Text("dator", "computer"),
    "chromebook": Text("Chromebook", "Chromebook"),
    "tablet": Text("platta", "tablet"),
    "phone": Text("telefon", "phone"),
    "tv": Text("TV-låda", "TV box"),
    "virtual": Text("virtuell maskin", "virtual machine"),
    "other": Text("okänd sort", "unknown sort"),
}
PURPOSES: Mapping[str, Text] = {
    "personal": Text("personligt bruk", "personal"),
    "set": Text("klassuppsättning", "set"),
    "pool": Text("gemensamt bruk", "pool"),
    "loan": Text("lån", "loan"),
    "room": Text("rum", "room"),
    "stock": Text("lager", "stock"),
    "repair": Text("reparation", "repair"),
    "ignore": Text("räknas inte", "ignored"),
    "unsorted": Text("osorterat", "unsorted"),
}
STAGES: dict[str, Text] = {
    "retired": Text("utrangerat", "retired"),
    "lost": Text("borttappat", "lost"),
    "in_repair": Text("på reparation", "in repair"),
    "silent": Text("tyst", "silent"),
    "loan": Text("utlånat", "on loan"),
    "room": Text("i ett rum", "in a room"),
    "stock": Text("i lager", "in stock"),
    "shared": Text("delas", "shared"),
    "in_use": Text("i bruk", "in use"),
    "ordered": Text("beställt", "ordered"),
    "unsorted": Text("osorterat", "unsorted"),
    "": Text("räknas inte", "ignored"),
}
# Plural forms: "3 utlånade". A stage that is not here has one form for singular and plural.
STAGES_PLURAL: Mapping[str, Text] = STAGES | {
    "retired": Text("utrangerade", "retired"),
    "lost": Text("borttappade", "lost"),
    "silent": Text("tysta", "silent"),
    "loan": Text("utlånade", "on loan"),
    "ordered": Text("beställda", "ordered"),
    "unsorted": Text("osorterade", "unsorted"),
}
CONTACT_AGES: Mapping[str, Text] = {
    "0": Text("i dag", "today"),
    "1_5": Text("1–5 skoldagar", "1–5 school days"),
    "6_15": Text("6–15 skoldagar", "6–15 school days"),
    "16_60": Text("16–60 skoldagar", "16–60 school days"),
    "over_60": Text("mer än 60 skoldagar", "more than 60 school days"),
    "never": Text("aldrig i kontakt", "never in contact"),
    "unknown": Text("kontakt okänd", "contact unknown"),
}
AGES_IN_YEARS: Mapping[str, Text] = {
    "0": Text("under 1 år", "under 1 year"),
    "1": Text("1 år", "1 year"),
    "2": Text("2 år", "2 years"),
    "3": Text("3 år", "3 years"),
    "4": Text("4 år", "4 years"),
    "5_or_more": Text("5 år eller mer", "5 years or more"),
    "unknown": Text("ålder okänd", "age unknown"),
}
GAP_STATES: Mapping[str, Text] = {"open": Text("öppen", "open"), "parked": Text("parkerad", "parked")}
COVERED_BY: Mapping[str, Text] = {
    "own": Text("eget", "own"),
    "set": Text("klassuppsättning", "set"),
    "pool": Text("gemensamt", "pool"),
}
SEVERITIES: Mapping[str, Text] = {
    "critical": Text("Allvarlig", "Critical"),
    "warning": Text("Varning", "Warning"),
    "info": Text("Upplysning", "Info"),
}
VERDICTS: Mapping[str, Text] = {
    "complete": Text("komplett", "complete"),
    "unchanged": Text("oförändrad", "unchanged"),
    "failed": Text("misslyckades", "failed"),
    "held": Text("väntar på beslut", "held"),
    "": Text("pågår", "under way"),
}
PULL_DECISIONS: Mapping[str, Text] = {
    "accepted": Text("godtagen", "accepted"),
    "rejected": Text("avvisad", "rejected"),
    "dissolved": Text("löst av en senare hämtning", "dissolved by a later pull"),
    "": Text("", ""),
}
PART_ROLES: Mapping[str, Text] = {
    "roster": Text("register", "roster"),
    "mdm": Text("MDM", "MDM"),
    "list": Text("verktygslista", "device list"),
    "register": Text("inventarieregister", "asset register"),
    "purchases": Text("inköp", "purchases"),
    "details": Text("uppgifter om verktyg", "facts about devices"),
}
FRESHNESS: Mapping[str, Text] = {
    "never": Text("inte hämtad än", "not pulled yet"),
    "held": Text("väntar på beslut", "held"),
    "failing": Text("hämtas inte", "failing"),
    "missing": Text("finns inte där", "not there"),
    "old": Text("gammal", "old"),
    "frozen": Text("frusen", "frozen"),
    "fresh": Text("aktuell", "up to date"),
}
MEMBERSHIPS: Mapping[str, Text] = {
    "employment": Text("anställning", "employment"),
    "enrolment": Text("elevplacering", "enrolment"),
    "placement": Text("barnplacering", "placement"),
    "group": Text("grupp", "group"),
}
SCHOOL_FORMS: Mapping[str, Text] = {
    "FS": Text("förskola", "förskola"),
    "FKLASS": Text("förskoleklass", "förskoleklass"),
    "FTH": Text("fritidshem", "fritidshem"),
    "GR": Text("grundskola", "grundskola"),
    "GRAN": Text("anpassad grundskola", "anpassad grundskola"),
    "GRS": Text("anpassad grundskola", "anpassad grundskola"),
    "TR": Text("anpassad grundskola", "anpassad grundskola"),
    "SP": Text("specialskola", "specialskola"),
    "SAM": Text("sameskola", "sameskola"),
}
EMPLOYMENT_FORMS: Mapping[str, Text] = {
    "permanent": Text("tillsvidare", "permanent"),
    "fixed": Text("visstid", "fixed-term"),
    "hourly": Text("timavlönad", "hourly"),
    "other": Text("annan form", "other form"),
    "unknown": Text("okänd form", "unknown form"),
}
CONDITIONS: Mapping[str, Text] = {
    "active": Text("aktivt", "active"),
    "pending": Text("väntar på inskrivning", "pending"),
    "in_repair": Text("på reparation", "in repair"),
    "lost": Text("borttappat", "lost"),
    "wiped": Text("raderat", "wiped"),
    "disabled": Text("spärrat", "disabled"),
    "retired": Text("utrangerat", "retired"),
}
KEY_SCHEMES: Mapping[str, Text] = {
    "object_id": Text("objekt-id", "object id"),
    "number": Text("nummer", "number"),
    "civic": Text("personnummer (kod)", "civic number (token)"),
    "address": Text("inloggning", "log-in"),
    "account": Text("Windowskonto", "Windows account"),
}
ACTING_ROLES: Mapping[str, Text] = {
    ActingRole.STRATEGIST: Text("IT-strateg", "IT strategist"),
    ActingRole.TECHNICIAN: Text("IT-tekniker", "IT technician"),
    ActingRole.PRINCIPAL: Text("Rektor eller förskolechef", "Principal"),
    ActingRole.LOCAL_TECHNICIAN: Text("Lokalt teknikansvarig", "Local technician"),
    ActingRole.PARTNER: Text("Sydnärke IT", "Sydnärke IT"),
}
ACCOUNT_ROLES: Mapping[str, Text] = {
    "technician": Text("IT-tekniker", "technician"),
    "strategist": Text("IT-strateg", "strategist"),
    "principal": Text("rektor", "principal"),
}
YES_NO_UNKNOWN: Mapping[str, Text] = {
    "yes": Text("ja", "yes"),
    "no": Text("nej", "no"),
    "unknown": Text("vet inte", "unknown"),
}
GAP_KIND_TITLES: Mapping[str, Text] = {kind.id: kind.title for kind in GAPS}
_SHOWN_MEASURES = (*MEASURES, *(measure for measure, _ in DERIVED_MEASURES.values()))
MEASURE_TITLES: Mapping[str, Text] = {measure.short_name: measure.title for measure in _SHOWN_MEASURES}
MEASURE_HELP: Mapping[str, Text] = {measure.short_name: measure.help for measure in _SHOWN_MEASURES}

LABEL_NAMES: Mapping[str, tuple[Text, Mapping[str, Text]]] = {
    "by": (Text("Genom", "By"), COVERED_BY),
    "platform": (Text("Plattform", "Platform"), PLATFORMS),
    "stage": (Text("Skede", "Stage"), STAGES),
    "age": (Text("Senaste kontakt", "Last contact"), CONTACT_AGES),
    "years": (Text("Ålder", "Age"), AGES_IN_YEARS),
    "kind": (Text("Slag", "Kind"), GAP_KIND_TITLES),
    "state": (Text("Läge", "State"), GAP_STATES),
}


def word(words: Mapping[str, Text], value: object) -> Text:
    """The name of *value*. A value without a name is shown as it is."""
    text = str(value if value is not None else "")
    return words.get(text, Text(text, text))
