"""The lists: coverage, gaps, devices, the rows behind a number, and sources, each as columns, filters and rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import url_for

from fleetsync.core.model import CoverageDay, DeviceCase, Episode, PartState, Row, Subject, Text
from fleetsync.expose.web import words as w
from fleetsync.expose.web.listing import Column, Filter, Listing, Value
from fleetsync.expose.web.lookup import KINDS, Lookup, freshness
from fleetsync.expose.web.opened import Opened
from fleetsync.expose.web.visit import Visit

UNIT, ENTITLEMENT, PLATFORM = Text("Enhet", "Unit"), Text("Rätt", "Entitlement"), Text("Plattform", "Platform")
ROLE = Text("Vem agerar", "Who acts")


def word_filter(
    key: str, title: Text, values: Callable[[Any], Sequence[str]], words: Mapping[str, Text], seen: Visit
) -> Filter:
    """A filter whose values have names in *words*."""
    return Filter(key, title, values, lambda value: seen.speech.say(w.word(words, value)))


def unit_filter(unit_of: Callable[[Any], str], seen: Visit) -> Filter:
    """By unit."""
    return Filter("unit", UNIT, lambda row: (unit_of(row),), seen.unit_name)


# --- what a row is about ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subjects:
    """Names and links of persons, devices, sets and pools; a person is a class and an id, never a log-in."""

    seen: Visit

    @property
    def lookup(self) -> Lookup:
        """Today's cases."""
        return self.seen.lookup

    def name(self, subject: Subject, subject_id: str) -> str:
        """What it is called in a list."""
        speech = self.seen.speech
        if not subject_id:
            return str(speech.t("visas inte", "not shown"))
        if subject is Subject.PERSON:
            return self.person(subject_id)
        if subject is Subject.DEVICE:
            return self.device(subject_id)
        if subject is Subject.SET:
            return str(speech.t("Klassuppsättning {name}", "Set {name}", name=subject_id.partition("/")[2]))
        if subject is Subject.POOL:
            return str(speech.t("Gemensamma verktyg", "Pool"))
        if subject is Subject.UNIT and "@" in subject_id:
            return self.rule(subject_id.partition("@")[0])
        return self.seen.unit_name(subject_id) if subject is Subject.UNIT else subject_id

    def person(self, person_id: str) -> str:
        """Pupil of a class, or employee."""
        case, speech = self.lookup.person(person_id), self.seen.speech
        if case is None:
            return str(speech.t("Person", "Person"))
        if case.person.name and self.seen.sees_logins:
            return case.person.name
        if case.standing.class_group:
            return str(speech.t("Elev {group}", "Pupil {group}", group=case.standing.class_group))
        if case.standing.grade_index is not None:
            return str(speech.t("Elev", "Pupil"))
        return str(speech.t("Anställd", "Employee")) if case.standing.owed else str(speech.t("Person", "Person"))

    def device(self, device_id: str) -> str:
        """Its model."""
        case = self.lookup.devices.get(device_id)
        return (case.device.model if case else None) or str(self.seen.speech.t("Verktyg", "Device"))

    def rule(self, rule_id: str) -> str:
        """An entitlement's title."""
        rule = self.lookup.rules.get(rule_id)
        return self.seen.speech.say(rule.title) if rule else rule_id

    def mark(self, subject: Subject, subject_id: str) -> str:
        """What tells it from its like: a serial, else an id."""
        if subject is Subject.DEVICE:
            case = self.lookup.devices.get(subject_id)
            return (case.device.serial if case else None) or subject_id
        return subject_id if subject is Subject.PERSON else ""

    def href(self, subject: Subject, subject_id: str, unit: str) -> str | None:
        """Its page; None for what has none, and for whom none is shown."""
        if subject is Subject.PERSON:
            return url_for("pages.person", person_id=subject_id) if self.lookup.person(subject_id) else None
        if subject is Subject.DEVICE:
            return url_for("pages.device", device_id=subject_id) if subject_id in self.lookup.devices else None
        if subject is Subject.SOURCE:
            return url_for("pages.sources", _anchor=subject_id)
        return url_for("pages.unit", slug=unit) if unit else None


# --- coverage ---------------------------------------------------------------------------------------------------------

COUNTED = ("entitled", "assigned", "covered", "short", "unknown", "surplus", "undecided", "on_leave")


def coverage(seen: Visit) -> Listing:
    """Unit × entitlement with its numbers."""
    subjects, lookup = Subjects(seen), seen.lookup

    def opens(measure: str) -> Callable[[CoverageDay], str | None]:
        return lambda row: url_for(
            "pages.numbers", measure=measure, unit=row.unit, entitlement=row.entitlement, as_of=seen.as_of
        )

    def counted(measure: str) -> Callable[[CoverageDay], Value]:
        return lambda row: int(getattr(row, measure))

    def target(row: CoverageDay) -> Value:
        rule = lookup.rules.get(row.entitlement)
        return rule.target if rule else None

    columns = [
        Column("unit", UNIT, lambda row: seen.unit_name(row.unit), link=lambda row: url_for(
            "pages.unit", slug=row.unit, as_of=seen.as_of)),
        Column("entitlement", ENTITLEMENT, lambda row: subjects.rule(row.entitlement)),
        *(
Column(name, w.MEASURE_TITLES[name], counted(name), "number", opens(name))
            for name in COUNTED
        ),
        Column("ratio", Text("Täckning", "Coverage"), lambda row: row.ratio, "percent", opens("covered")),
        Column("ratio_at_best", Text("Som högst", "At best"), lambda row: row.ratio_at_best, "percent"),
        Column("target", Text("Mål", "Target"), target, "percent"),
    ]  # fmt: skip
    rows = [row for row in seen.snapshot.outcome.coverage if row.entitled or row.surplus or row.undecided]
    return Listing(
        name="coverage",
        title=Text("Täckning", "Coverage"),
        columns=columns,
        rows=rows,
        filters=(
            unit_filter(lambda row: row.unit, seen),
            Filter("entitlement", ENTITLEMENT, lambda row: (row.entitlement,), subjects.rule),
        ),
        sort="-short",
        nothing=Text("Ingen enhet ska ha några verktyg än.", "No unit is owed any device yet."),
    )


# --- gaps -------------------------------------------------------------------------------------------------------------


def gaps(seen: Visit) -> Listing:
    """Open and parked gaps; those of persons who may not be shown are counted in the numbers and stand in no list."""
    lookup, subjects, speech = seen.lookup, Subjects(seen), seen.speech
    now = seen.as_of is None

    def opened(row: Episode) -> Value:
        return None if row.known_before else row.opened_at

    def age(row: Episode) -> Value:
        return lookup.school_days_since(row.unit, row.opened_at) if now and not row.known_before else None

    def roles(row: Episode) -> Sequence[str]:
        return [str(role) for role in lookup.acting(row)]

    def about(row: Episode) -> str:
        return subjects.name(row.subject, row.subject_id)

    columns = [
        Column("kind", Text("Avvikelse", "Gap"), lambda row: KINDS[row.kind].title, "gap"),
        Column("unit", UNIT, lambda row: seen.unit_name(row.unit) if row.unit else "", link=lambda row: url_for(
            "pages.unit", slug=row.unit) if row.unit else None),
        Column("subject", Text("Gäller", "About"), about, "text",
               lambda row: subjects.href(row.subject, row.subject_id, row.unit),
               lambda row: subjects.mark(row.subject, row.subject_id)),
        Column("reason", Text("Varför", "Why"), lambda row: row.reason, "reason"),
        Column("opened", Text("Sedan", "Since"), opened, "opened"),
        Column("age", Text("Skoldagar", "School days"), age, "number"),
        Column("role", ROLE, lambda row: ", ".join(speech.say(w.word(w.ACTING, one)) for one in roles(row))),
        Column("parked", Text("Parkerad till", "Parked until"), lambda row: row.parked_until, "day", is_optional=True),
    ]  # fmt: skip
    return Listing(
        name="gaps",
        title=Text("Avvikelser", "Gaps"),
        columns=columns,
        rows=shown_gaps(seen),
        filters=(
            word_filter("kind", Text("Slag", "Kind"), lambda row: (row.kind,), w.KINDS, seen),
            unit_filter(lambda row: row.unit, seen),
            word_filter("role", ROLE, roles, w.ACTING, seen),
            word_filter("state", Text("Läge", "State"), lambda row: (state_of(row, lookup),), w.STATES, seen),
            word_filter("severity", Text("Vikt", "Severity"), lambda row: (KINDS[row.kind].severity.value,), w.SEVERITIES,
                        seen),
            word_filter("platform", PLATFORM, lambda row: tuple(filter(None, (lookup.platform_of(row),))), w.PLATFORMS,
                        seen),
        ),
        sort="-age",
        nothing=Text("Inga avvikelser här.", "No gaps here."),
    )  # fmt: skip


def shown_gaps(seen: Visit) -> Sequence[Episode]:
    """Gaps whose subject may stand in a list."""
    concealed = seen.lookup.concealed
    return [
        one
        for one in seen.snapshot.outcome.episodes
        if not (one.subject is Subject.PERSON and one.subject_id in concealed)
    ]


def state_of(episode: Episode, lookup: Lookup) -> str:
    """open or parked."""
    return "parked" if lookup.is_parked(episode) else "open"


# --- devices ----------------------------------------------------------------------------------------------------------


def devices(seen: Visit) -> Listing:
    """Every device; those of purpose ignore are counted by the page and not listed."""
    lookup = seen.lookup
    rows = [case for case in seen.latest.outcome.devices if case.life.stage is not None]
    columns = [
        Column("model", Text("Modell", "Model"), lambda row: row.device.model, "text",
               lambda row: url_for("pages.device", device_id=row.device.id)),
        Column("serial", Text("Serienummer", "Serial"), lambda row: row.device.serial, "code"),
        Column("platform", PLATFORM, lambda row: w.word(w.PLATFORMS, row.device.platform)),
        Column("unit", UNIT, lambda row: seen.unit_name(row.placement.unit), "text",
               lambda row: url_for("pages.unit", slug=row.placement.unit)),
        Column("purpose", Text("Till för", "Purpose"), lambda row: w.word(w.PURPOSES, row.placement.purpose)),
        Column("stage", Text("Skede", "Stage"), lambda row: w.word(w.STAGES, row.life.stage)),
        Column("works", Text("I drift", "Works"), lambda row: w.word(w.YES_NO, _yes(row.life.works)), "works"),
        Column("contact", Text("Senaste kontakt", "Last contact"), lambda row: row.device.last_contact_at, "instant"),
        Column("gaps", Text("Avvikelser", "Gaps"), lambda row: len(lookup.gaps.get(row.device.id, ())), "number"),
    ]  # fmt: skip
    return Listing(
        name="devices",
        title=Text("Verktyg", "Devices"),
        columns=columns,
        rows=rows,
        filters=(
            unit_filter(lambda row: row.placement.unit, seen),
            word_filter("platform", PLATFORM, lambda row: (row.device.platform.value,), w.PLATFORMS, seen),
            word_filter("stage", Text("Skede", "Stage"), lambda row: (row.life.stage.value,), w.STAGES, seen),
            word_filter("purpose", Text("Till för", "Purpose"), lambda row: (row.placement.purpose.value,), w.PURPOSES,
                        seen),
            word_filter("works", Text("I drift", "Works"), lambda row: (_yes(row.life.works),), w.YES_NO, seen),
        ),
        sort="model",
        nothing=Text("Inga verktyg här.", "No devices here."),
    )  # fmt: skip


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def holder_of(case: DeviceCase, seen: Visit) -> str | None:
    """The holder's id; None where there is none, or none who may be shown."""
    holder = case.placement.holder
    return holder if holder and not case.device.masked and seen.lookup.person(holder) else None


# --- rows behind a number ---------------------------------------------------------------------------------------------


def rows_behind(seen: Visit, found: Opened) -> Listing:
    """The rows of an opened number."""
    subjects, lookup = Subjects(seen), seen.lookup

    def of_devices(row: Row) -> Value:
        return ", ".join(subjects.mark(Subject.DEVICE, device) for device in row.devices)

    columns = [
        Column("count", Text("Antal", "Count"), lambda row: row.count, "number"),
        Column("subject", Text("Vem eller vad", "Who or what"), lambda row: subjects.name(row.subject, row.subject_id),
               "text", lambda row: subjects.href(row.subject, row.subject_id, row.unit),
               lambda row: subjects.mark(row.subject, row.subject_id)),
        Column("unit", UNIT, lambda row: seen.unit_name(row.unit) if row.unit else "", "text",
               lambda row: url_for("pages.unit", slug=row.unit, as_of=seen.as_of) if row.unit else None),
        Column("reason", Text("Varför", "Why"), lambda row: row.reason, "reason"),
        Column("devices", Text("Verktyg", "Devices"), of_devices, "devices"),
        Column("gaps", Text("Avvikelser", "Gaps"), lambda row: len(lookup.gaps.get(row.subject_id, ())), "number"),
    ]  # fmt: skip
    return Listing(
        name=found.name,
        title=w.MEASURE_TITLES[found.name],
        columns=columns,
        rows=found.rows,
        sort="-count",
        total=lambda rows: sum(row.count for row in rows),
        nothing=Text("Inget räknas här: talet är noll.", "Nothing is counted here: the number is zero."),
    )


# --- sources ----------------------------------------------------------------------------------------------------------


def sources(seen: Visit) -> Listing:
    """Every configured part and how it does."""

    def instant(field: str) -> Callable[[PartState], datetime | date | None]:
        return lambda part: getattr(part, field)

    def state(part: PartState) -> str:
        return freshness(part, seen.today)

    columns = [
        Column("source", Text("Källa", "Source"), lambda part: part.source),
        Column("part", Text("Del", "Part"), lambda part: part.part),
        Column("role", Text("Roll", "Role"), lambda part: w.word(w.ROLES_OF_PARTS, part.role)),
        Column("state", Text("Läge", "State"), lambda part: w.word(w.FRESHNESS, state(part))),
        Column("as_of", Text("Gäller", "As of"), instant("as_of"), "day"),
        Column("expected_hours", Text("Väntas var … timme", "Expected every … hours"),
               lambda part: part.expected_every.total_seconds() / 3600, "number"),
        Column("last_attempt", Text("Senaste försök", "Last attempt"), instant("last_attempt_at"), "instant"),
        Column("last_complete", Text("Senast komplett", "Last complete"), instant("last_complete_at"), "instant"),
        Column("held_pull", Text("Väntar på beslut", "Held pull"), lambda part: part.held_pull),
    ]  # fmt: skip
    return Listing(
        name="sources",
        title=Text("Källor", "Sources"),
        columns=columns,
        rows=seen.parts,
        filters=(word_filter("state", Text("Läge", "State"), lambda part: (state(part),), w.FRESHNESS, seen),),
    )
