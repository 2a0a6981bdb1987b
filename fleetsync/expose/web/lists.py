"""The lists: coverage, gaps, devices, the rows behind a number, and sources, each as columns, filters and rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import url_for

from fleetsync.core.model import (
    Assignment,
    By,
    CoverageDay,
    DeviceCase,
    Episode,
    MembershipType,
    PartState,
    Row,
    Subject,
    Text,
)
from fleetsync.expose.web import words as w
from fleetsync.expose.web.listing import Column, Filter, Listing, Value
from fleetsync.expose.web.lookup import KINDS, Lookup, freshness
from fleetsync.expose.web.opened import SHARED, Opened
from fleetsync.expose.web.tasks import WEIGHT
from fleetsync.expose.web.visit import Visit

UNIT, ENTITLEMENT, PLATFORM = Text("Enhet", "Unit"), Text("Rättighet", "Entitlement"), Text("Plattform", "Platform")
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
        ties = {getattr(known.record, "membership", None) for known in case.person.memberships}
        if MembershipType.ENROLMENT in ties:
            return str(speech.t("Elev", "Pupil"))
        is_employee = MembershipType.EMPLOYMENT in ties
        return str(speech.t("Anställd", "Employee") if is_employee else speech.t("Person", "Person"))

    def device(self, device_id: str) -> str:
        """Its model."""
        case = self.lookup.devices.get(device_id)
        return (case.device.model if case else None) or str(self.seen.speech.t("Verktyg", "Device"))

    def idle_first(self, devices: Sequence[str]) -> Sequence[str]:
        """*devices* of a row, those that do not work before the others: of many, only the first are shown."""
        return sorted(devices, key=lambda device: (self.seen.working(device) or (True,))[0])

    def rule(self, rule_id: str) -> str:
        """An entitlement's title."""
        rule = self.lookup.rules.get(rule_id)
        return self.seen.speech.say(rule.title) if rule else rule_id

    def shared(self, subject_id: str) -> str:
        """What a set or pool is called among those of all units."""
        entitlement, is_pool, unit = subject_id.partition("@")
        if is_pool:
            return f"{self.seen.unit_name(unit)}, {self.rule(entitlement)}"
        unit, _, groups = subject_id.partition("/")
        return f"{self.seen.unit_name(unit)} {groups}"

    def kind_of(self, given: Assignment) -> Subject:
        """Whether an assignment is to a person, a set or a pool."""
        return SUBJECTS[given.by]

    def shown_id(self, given: Assignment) -> str:
        """To whom or what; "" for whom nothing is told."""
        is_told = given.by is not By.OWN or self.lookup.person(given.subject_id)
        return given.subject_id if is_told else ""

    def mark(self, subject: Subject, subject_id: str) -> str:
        """What tells it from its like: a serial, else an id."""
        if subject is Subject.DEVICE:
            case = self.lookup.devices.get(subject_id)
            return (case.device.serial if case else None) or subject_id
        return subject_id if subject is Subject.PERSON else ""

    def href(self, subject: Subject, subject_id: str, unit: str) -> str | None:
        """Its page; None for what has none, and for whom none is shown."""
        if subject is Subject.PERSON:
            is_known = self.lookup.person(subject_id)
            return url_for("pages.person", person_id=subject_id, as_of=self.seen.as_of) if is_known else None
        if subject is Subject.DEVICE:
            is_there = subject_id in self.lookup.devices
            return url_for("pages.device", device_id=subject_id, as_of=self.seen.as_of) if is_there else None
        if subject is Subject.SOURCE:
            return url_for("pages.sources", _anchor=subject_id)
        if subject in SHARED:
            return url_for("pages.assignments", shared=subject_id, as_of=self.seen.as_of)
        return url_for("pages.unit", slug=unit, as_of=self.seen.as_of) if unit else None


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
    """Open and parked gaps, the gravest and oldest first; those of persons who may not be shown are counted in the
    numbers and stand in no list.
    """
    lookup, subjects, speech, day = seen.lookup, Subjects(seen), seen.speech, seen.day

    def opened(row: Episode) -> Value:
        return None if row.known_before else row.opened_at

    def age(row: Episode) -> Value:
        return None if row.known_before else lookup.school_days_since(row.unit, row.opened_at, day)

    def roles(row: Episode) -> Sequence[str]:
        return [str(role) for role in lookup.acting(row)]

    def about(row: Episode) -> str:
        return subjects.name(row.subject, row.subject_id)

    columns = [
        Column("kind", Text("Avvikelse", "Gap"), lambda row: KINDS[row.kind].title, "gap"),
        Column("unit", UNIT, lambda row: seen.unit_name(row.unit) if row.unit else "", link=lambda row: url_for(
            "pages.unit", slug=row.unit, as_of=seen.as_of) if row.unit else None),
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
        rows=sorted(shown_gaps(seen), key=lambda row: (WEIGHT[KINDS[row.kind].severity], row.opened_at)),
        filters=(
            word_filter("kind", Text("Slag", "Kind"), lambda row: (row.kind,), w.KINDS, seen),
            unit_filter(lambda row: row.unit, seen),
            word_filter("role", ROLE, roles, w.ACTING, seen),
            word_filter("state", Text("Läge", "State"), lambda row: (state_of(row, day),), w.STATES, seen),
            word_filter("severity", Text("Vikt", "Severity"), lambda row: (KINDS[row.kind].severity.value,), w.SEVERITIES,
                        seen),
            word_filter("platform", PLATFORM, lambda row: tuple(filter(None, (lookup.platform_of(row),))), w.PLATFORMS,
                        seen),
        ),
        nothing=Text("Inga avvikelser här.", "No gaps here."),
    )  # fmt: skip


def shown_gaps(seen: Visit) -> Sequence[Episode]:
    """Gaps whose subject may stand in a list."""
    return [
        one
        for one in seen.snapshot.outcome.episodes
        if not (one.subject is Subject.PERSON and one.subject_id in seen.concealed)
    ]


def state_of(episode: Episode, day: date) -> str:
    """open or parked, as of *day*."""
    return "parked" if episode.is_parked(day) else "open"


# --- devices ----------------------------------------------------------------------------------------------------------


def devices(seen: Visit) -> Listing:
    """Every device, first those that do not work and have most gaps; those of purpose ignore are counted by the page
    and not listed.
    """
    lookup = seen.lookup

    def gaps(row: DeviceCase) -> int:
        return len(lookup.gaps.get(row.device.id, ()))

    listed = [case for case in seen.latest.outcome.devices if case.life.stage is not None]
    rows = sorted(listed, key=lambda row: (row.life.works, -gaps(row), row.device.model or "", row.device.serial or ""))
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
        Column("gaps", Text("Avvikelser", "Gaps"), gaps, "number"),
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
        nothing=Text("Inga verktyg här.", "No devices here."),
    )  # fmt: skip


def _yes(value: bool) -> str:
    return "yes" if value else "no"


# --- assignments ------------------------------------------------------------------------------------------------------

SUBJECTS: Mapping[By, Subject] = {By.OWN: Subject.PERSON, By.SET: Subject.SET, By.POOL: Subject.POOL}


def assignments(seen: Visit) -> Listing:
    """Which device serves whom or what, those that do not work first; those of whom is not shown are left out."""
    subjects = Subjects(seen)

    def device(row: Assignment) -> str:
        return subjects.device(row.device)

    def served(row: Assignment) -> str:
        return subjects.name(SUBJECTS[row.by], row.subject_id)

    columns = [
        Column("device", Text("Verktyg", "Device"), device, "text",
               lambda row: subjects.href(Subject.DEVICE, row.device, row.unit),
               lambda row: subjects.mark(Subject.DEVICE, row.device)),
        Column("subject", Text("För", "For"), served, "text",
               lambda row: subjects.href(SUBJECTS[row.by], row.subject_id, row.unit),
               lambda row: subjects.mark(SUBJECTS[row.by], row.subject_id)),
        Column("unit", UNIT, lambda row: seen.unit_name(row.unit), "text",
               lambda row: url_for("pages.unit", slug=row.unit, as_of=seen.as_of)),
        Column("entitlement", ENTITLEMENT, lambda row: subjects.rule(row.entitlement)),
        Column("by", Text("Genom", "By"), lambda row: w.word(w.WAYS, row.by)),
        Column("works", Text("I drift", "Works"), lambda row: w.word(w.YES_NO, _yes(row.works)), "works"),
        Column("reason", Text("Varför", "Why"), lambda row: row.reason, "reason"),
    ]  # fmt: skip
    return Listing(
        name="assignments",
        title=Text("Tilldelningar", "Assignments"),
        columns=columns,
        rows=sorted(shown_assignments(seen), key=lambda row: (row.works, row.unit, row.subject_id, row.device)),
        filters=(
            unit_filter(lambda row: row.unit, seen),
            Filter("entitlement", ENTITLEMENT, lambda row: (row.entitlement,), subjects.rule),
            Filter("shared", Text("Delas av", "Shared by"), _shared, subjects.shared),
            word_filter("by", Text("Genom", "By"), lambda row: (row.by.value,), w.WAYS, seen),
            word_filter("works", Text("I drift", "Works"), lambda row: (_yes(row.works),), w.YES_NO, seen),
        ),
        nothing=Text("Inga tilldelningar här.", "No assignments here."),
    )


def _shared(row: Assignment) -> Sequence[str]:
    """The set or pool; a person is no choice of a list."""
    return () if row.by is By.OWN else (row.subject_id,)


def shown_assignments(seen: Visit) -> Sequence[Assignment]:
    """Those whose subject may stand in a list."""
    return [
        one for one in seen.snapshot.outcome.assignments if one.by is not By.OWN or one.subject_id not in seen.concealed
    ]


# --- one thing --------------------------------------------------------------------------------------------------------


def holder_of(case: DeviceCase, seen: Visit) -> str | None:
    """The holder's id; None where there is none, or none who may be shown."""
    holder = case.placement.holder
    return holder if holder and not case.device.masked and seen.lookup.person(holder) else None


# --- rows behind a number ---------------------------------------------------------------------------------------------


def rows_behind(seen: Visit, found: Opened) -> Listing:
    """The rows of an opened number."""
    subjects = Subjects(seen)

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
        Column("gaps", Text("Avvikelser", "Gaps"), lambda row: len(seen.gaps.get(row.subject_id, ())), "gaps"),
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
