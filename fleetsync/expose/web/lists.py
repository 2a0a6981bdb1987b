"""The lists: coverage, gaps, devices, the rows behind a number, and sources, each as columns, filters and rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import url_for

from fleetsync.core.model import (
    Assignment,
    CoverageDay,
    CoveredBy,
    DeviceCase,
    Episode,
    MeasureRow,
    MembershipType,
    PartState,
    Subject,
    Text,
)
from fleetsync.expose.web import display_names as w
from fleetsync.expose.web.drill_down import SHARED_SUBJECTS, DrillDown
from fleetsync.expose.web.list_view import CellValue, ListColumn, ListFilter, ListView
from fleetsync.expose.web.lookup import GAP_KINDS, Lookup, freshness
from fleetsync.expose.web.request_context import RequestContext
from fleetsync.expose.web.tasks import SEVERITY_RANK

UNIT_TITLE, ENTITLEMENT_TITLE, PLATFORM_TITLE = (
    Text("Enhet", "Unit"),
    Text("Rättighet", "Entitlement"),
    Text("Plattform", "Platform"),
)
ROLE_TITLE = Text("Vem agerar", "Who acts")


def named_filter(
    key: str, title: Text, values: Callable[[Any], Sequence[str]], words: Mapping[str, Text], seen: RequestContext
) -> ListFilter:
    """A filter whose values have names in *words*."""
    return ListFilter(key, title, values, lambda value: seen.localiser.translate(w.word(words, value)))


def unit_filter(unit_of: Callable[[Any], str], seen: RequestContext) -> ListFilter:
    """By unit."""
    return ListFilter("unit", UNIT_TITLE, lambda row: (unit_of(row),), seen.unit_name)


# --- what a row is about ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SubjectNames:
    """Names and links of persons, devices, sets and pools; a person is a class and an id, never a log-in."""

    seen: RequestContext

    @property
    def lookup(self) -> Lookup:
        """Today's cases."""
        return self.seen.lookup

    def name(self, subject: Subject, subject_id: str) -> str:
        """What it is called in a list."""
        localiser = self.seen.localiser
        if not subject_id:
            return str(localiser.t("visas inte", "not shown"))
        if subject is Subject.PERSON:
            return self.person(subject_id)
        if subject is Subject.DEVICE:
            return self.device(subject_id)
        if subject is Subject.SET:
            return str(localiser.t("Klassuppsättning {name}", "Set {name}", name=subject_id.partition("/")[2]))
        if subject is Subject.POOL:
            return str(localiser.t("Gemensamma verktyg", "Pool"))
        if subject is Subject.UNIT and "@" in subject_id:
            return self.rule(subject_id.partition("@")[0])
        return self.seen.unit_name(subject_id) if subject is Subject.UNIT else subject_id

    def person(self, person_id: str) -> str:
        """Pupil of a class, or employee."""
        case, localiser = self.lookup.person(person_id), self.seen.localiser
        if case is None:
            return str(localiser.t("Person", "Person"))
        if case.person.name and self.seen.may_see_logins:
            return case.person.name
        if case.person_state.class_group:
            return str(localiser.t("Elev {group}", "Pupil {group}", group=case.person_state.class_group))
        ties = {getattr(known.record, "membership", None) for known in case.person.memberships}
        if MembershipType.ENROLMENT in ties:
            return str(localiser.t("Elev", "Pupil"))
        is_employee = MembershipType.EMPLOYMENT in ties
        return str(localiser.t("Anställd", "Employee") if is_employee else localiser.t("Person", "Person"))

    def device(self, device_id: str) -> str:
        """Its model."""
        case = self.lookup.devices.get(device_id)
        return (case.device.model if case else None) or str(self.seen.localiser.t("Verktyg", "Device"))

    def not_working_first(self, devices: Sequence[str]) -> Sequence[str]:
        """*devices* of a row, those that do not work before the others: of many, only the first are shown."""
        return sorted(devices, key=lambda device: (self.seen.works_on_day(device) or (True,))[0])

    def rule(self, rule_id: str) -> str:
        """An entitlement's title."""
        rule = self.lookup.rules.get(rule_id)
        return self.seen.localiser.translate(rule.title) if rule else rule_id

    def shared_name(self, subject_id: str) -> str:
        """What a set or pool is called among those of all units."""
        entitlement, is_pool, unit = subject_id.partition("@")
        if is_pool:
            return f"{self.seen.unit_name(unit)}, {self.rule(entitlement)}"
        unit, _, groups = subject_id.partition("/")
        return f"{self.seen.unit_name(unit)} {groups}"

    def served_subject(self, given: Assignment) -> Subject:
        """Whether an assignment is to a person, a set or a pool."""
        return SUBJECT_BY[given.by]

    def visible_id(self, given: Assignment) -> str:
        """To whom or what; "" for whom nothing is told."""
        is_told = given.by is not CoveredBy.OWN or self.lookup.person(given.subject_id)
        return given.subject_id if is_told else ""

    def identifier(self, subject: Subject, subject_id: str) -> str:
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
        if subject in SHARED_SUBJECTS:
            return url_for("pages.assignments", shared=subject_id, as_of=self.seen.as_of)
        return url_for("pages.unit", slug=unit, as_of=self.seen.as_of) if unit else None


# --- coverage ---------------------------------------------------------------------------------------------------------

COVERAGE_COUNTS = ("entitled", "assigned", "covered", "short", "unknown", "surplus", "undecided", "on_leave")


def coverage(seen: RequestContext) -> ListView:
    """Unit × entitlement with its numbers."""
    subjects, lookup = SubjectNames(seen), seen.lookup

    def opens(measure: str) -> Callable[[CoverageDay], str | None]:
        return lambda row: url_for(
            "pages.numbers", measure=measure, unit=row.unit, entitlement=row.entitlement, as_of=seen.as_of
        )

    def counted(measure: str) -> Callable[[CoverageDay], CellValue]:
        return lambda row: int(getattr(row, measure))

    def target(row: CoverageDay) -> CellValue:
        rule = lookup.rules.get(row.entitlement)
        return rule.target if rule else None

    columns = [
        ListColumn("unit", UNIT_TITLE, lambda row: seen.unit_name(row.unit), link=lambda row: url_for(
            "pages.unit", slug=row.unit, as_of=seen.as_of)),
        ListColumn("entitlement", ENTITLEMENT_TITLE, lambda row: subjects.rule(row.entitlement)),
        *(
ListColumn(name, w.MEASURE_TITLES[name], counted(name), "number", opens(name))
            for name in COVERAGE_COUNTS
        ),
        ListColumn("ratio", Text("Täckning", "Coverage"), lambda row: row.ratio, "percent", opens("covered")),
        ListColumn("ratio_at_best", Text("Som högst", "At best"), lambda row: row.ratio_at_best, "percent"),
        ListColumn("target", Text("Mål", "Target"), target, "percent"),
    ]  # fmt: skip
    rows = [row for row in seen.snapshot.outcome.coverage if row.entitled or row.surplus or row.undecided]
    return ListView(
        name="coverage",
        title=Text("Täckning", "Coverage"),
        columns=columns,
        rows=rows,
        filters=(
            unit_filter(lambda row: row.unit, seen),
            ListFilter("entitlement", ENTITLEMENT_TITLE, lambda row: (row.entitlement,), subjects.rule),
        ),
        sort="-short",
        empty_text=Text("Ingen enhet ska ha några verktyg än.", "No unit is owed any device yet."),
    )


# --- gaps -------------------------------------------------------------------------------------------------------------


def gaps(seen: RequestContext) -> ListView:
    """Open and parked gaps, the gravest and oldest first; those of persons who may not be shown are counted in the
    numbers and stand in no list.
    """
    lookup, subjects, localiser, day = seen.lookup, SubjectNames(seen), seen.localiser, seen.day

    def opened(row: Episode) -> CellValue:
        return None if row.known_before else row.opened_at

    def age(row: Episode) -> CellValue:
        return None if row.known_before else lookup.school_days_since(row.unit, row.opened_at, day)

    def roles(row: Episode) -> Sequence[str]:
        return [str(role) for role in lookup.acting_roles(row)]

    def about(row: Episode) -> str:
        return subjects.name(row.subject, row.subject_id)

    columns = [
        ListColumn("kind", Text("Avvikelse", "Gap"), lambda row: GAP_KINDS[row.kind].title, "gap"),
        ListColumn("unit", UNIT_TITLE, lambda row: seen.unit_name(row.unit) if row.unit else "", link=lambda row: url_for(
            "pages.unit", slug=row.unit, as_of=seen.as_of) if row.unit else None),
        ListColumn("subject", Text("Gäller", "About"), about, "text",
               lambda row: subjects.href(row.subject, row.subject_id, row.unit),
               lambda row: subjects.identifier(row.subject, row.subject_id)),
        ListColumn("reason", Text("Varför", "Why"), lambda row: row.reason, "reason"),
        ListColumn("opened", Text("Sedan", "Since"), opened, "opened"),
        ListColumn("age", Text("Skoldagar", "School days"), age, "number"),
        ListColumn("role", ROLE_TITLE, lambda row: ", ".join(localiser.translate(w.word(w.ACTING_ROLES, one)) for one in roles(row))),
        ListColumn("parked", Text("Parkerad till", "Parked until"), lambda row: row.parked_until, "day", is_optional=True),
    ]  # fmt: skip
    return ListView(
        name="gaps",
        title=Text("Avvikelser", "Gaps"),
        columns=columns,
        rows=sorted(shown_gaps(seen), key=lambda row: (SEVERITY_RANK[GAP_KINDS[row.kind].severity], row.opened_at)),
        filters=(
            named_filter("kind", Text("Slag", "Kind"), lambda row: (row.kind,), w.GAP_KIND_TITLES, seen),
            unit_filter(lambda row: row.unit, seen),
            named_filter("role", ROLE_TITLE, roles, w.ACTING_ROLES, seen),
            named_filter("state", Text("Läge", "State"), lambda row: (gap_state(row, day),), w.GAP_STATES, seen),
            named_filter("severity", Text("Vikt", "Severity"), lambda row: (GAP_KINDS[row.kind].severity.value,), w.SEVERITIES,
                        seen),
            named_filter("platform", PLATFORM_TITLE, lambda row: tuple(filter(None, (lookup.platform_of(row),))), w.PLATFORMS,
                        seen),
        ),
        empty_text=Text("Inga avvikelser här.", "No gaps here."),
    )  # fmt: skip


def shown_gaps(seen: RequestContext) -> Sequence[Episode]:
    """Gaps whose subject may stand in a list."""
    return [
        one
        for one in seen.snapshot.outcome.episodes
        if not (one.subject is Subject.PERSON and one.subject_id in seen.concealed)
    ]


def gap_state(episode: Episode, day: date) -> str:
    """open or parked, as of *day*."""
    return "parked" if episode.is_parked(day) else "open"


# --- devices ----------------------------------------------------------------------------------------------------------


def devices(seen: RequestContext) -> ListView:
    """Every device, first those that do not work and have most gaps; those of purpose ignore are counted by the page
    and not listed.
    """
    lookup = seen.lookup

    def gaps(row: DeviceCase) -> int:
        return len(lookup.gaps.get(row.device.id, ()))

    listed = [case for case in seen.latest.outcome.devices if case.device_state.stage is not None]
    rows = sorted(
        listed, key=lambda row: (row.device_state.works, -gaps(row), row.device.model or "", row.device.serial or "")
    )
    columns = [
        ListColumn("model", Text("Modell", "Model"), lambda row: row.device.model, "text",
               lambda row: url_for("pages.device", device_id=row.device.id)),
        ListColumn("serial", Text("Serienummer", "Serial"), lambda row: row.device.serial, "code"),
        ListColumn("platform", PLATFORM_TITLE, lambda row: w.word(w.PLATFORMS, row.device.platform)),
        ListColumn("unit", UNIT_TITLE, lambda row: seen.unit_name(row.placement.unit), "text",
               lambda row: url_for("pages.unit", slug=row.placement.unit)),
        ListColumn("purpose", Text("Till för", "Purpose"), lambda row: w.word(w.PURPOSES, row.placement.purpose)),
        ListColumn("stage", Text("Skede", "Stage"), lambda row: w.word(w.STAGES, row.device_state.stage)),
        ListColumn("works", Text("I drift", "Works"), lambda row: w.word(w.YES_NO, _yes_or_no(row.device_state.works)), "works"),
        ListColumn("contact", Text("Senaste kontakt", "Last contact"), lambda row: row.device.last_contact_at, "instant"),
        ListColumn("gaps", Text("Avvikelser", "Gaps"), gaps, "number"),
    ]  # fmt: skip
    return ListView(
        name="devices",
        title=Text("Verktyg", "Devices"),
        columns=columns,
        rows=rows,
        filters=(
            unit_filter(lambda row: row.placement.unit, seen),
            named_filter("platform", PLATFORM_TITLE, lambda row: (row.device.platform.value,), w.PLATFORMS, seen),
            named_filter("stage", Text("Skede", "Stage"), lambda row: (row.device_state.stage.value,), w.STAGES, seen),
            named_filter("purpose", Text("Till för", "Purpose"), lambda row: (row.placement.purpose.value,), w.PURPOSES,
                        seen),
            named_filter("works", Text("I drift", "Works"), lambda row: (_yes_or_no(row.device_state.works),), w.YES_NO, seen),
        ),
        empty_text=Text("Inga verktyg här.", "No devices here."),
    )  # fmt: skip


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


# --- assignments ------------------------------------------------------------------------------------------------------

SUBJECT_BY: Mapping[CoveredBy, Subject] = {
    CoveredBy.OWN: Subject.PERSON,
    CoveredBy.SET: Subject.SET,
    CoveredBy.POOL: Subject.POOL,
}


def assignments(seen: RequestContext) -> ListView:
    """Which device serves whom or what, those that do not work first; those of whom is not shown are left out."""
    subjects = SubjectNames(seen)

    def device(row: Assignment) -> str:
        return subjects.device(row.device)

    def served(row: Assignment) -> str:
        return subjects.name(SUBJECT_BY[row.by], row.subject_id)

    columns = [
        ListColumn("device", Text("Verktyg", "Device"), device, "text",
               lambda row: subjects.href(Subject.DEVICE, row.device, row.unit),
               lambda row: subjects.identifier(Subject.DEVICE, row.device)),
        ListColumn("subject", Text("För", "For"), served, "text",
               lambda row: subjects.href(SUBJECT_BY[row.by], row.subject_id, row.unit),
               lambda row: subjects.identifier(SUBJECT_BY[row.by], row.subject_id)),
        ListColumn("unit", UNIT_TITLE, lambda row: seen.unit_name(row.unit), "text",
               lambda row: url_for("pages.unit", slug=row.unit, as_of=seen.as_of)),
        ListColumn("entitlement", ENTITLEMENT_TITLE, lambda row: subjects.rule(row.entitlement)),
        ListColumn("by", Text("Genom", "By"), lambda row: w.word(w.COVERED_BY, row.by)),
        ListColumn("works", Text("I drift", "Works"), lambda row: w.word(w.YES_NO, _yes_or_no(row.works)), "works"),
        ListColumn("reason", Text("Varför", "Why"), lambda row: row.reason, "reason"),
    ]  # fmt: skip
    return ListView(
        name="assignments",
        title=Text("Tilldelningar", "Assignments"),
        columns=columns,
        rows=sorted(shown_assignments(seen), key=lambda row: (row.works, row.unit, row.subject_id, row.device)),
        filters=(
            unit_filter(lambda row: row.unit, seen),
            ListFilter("entitlement", ENTITLEMENT_TITLE, lambda row: (row.entitlement,), subjects.rule),
            ListFilter("shared", Text("Delas av", "Shared by"), _shared_subject, subjects.shared_name),
            named_filter("by", Text("Genom", "By"), lambda row: (row.by.value,), w.COVERED_BY, seen),
            named_filter("works", Text("I drift", "Works"), lambda row: (_yes_or_no(row.works),), w.YES_NO, seen),
        ),
        empty_text=Text("Inga tilldelningar här.", "No assignments here."),
    )


def _shared_subject(row: Assignment) -> Sequence[str]:
    """The set or pool; a person is no choice of a list."""
    return () if row.by is CoveredBy.OWN else (row.subject_id,)


def shown_assignments(seen: RequestContext) -> Sequence[Assignment]:
    """Those whose subject may stand in a list."""
    return [
        one
        for one in seen.snapshot.outcome.assignments
        if one.by is not CoveredBy.OWN or one.subject_id not in seen.concealed
    ]


# --- one thing --------------------------------------------------------------------------------------------------------


def holder_of(case: DeviceCase, seen: RequestContext) -> str | None:
    """The holder's id; None where there is none, or none who may be shown."""
    holder = case.placement.holder
    return holder if holder and not case.device.masked and seen.lookup.person(holder) else None


# --- rows behind a number ---------------------------------------------------------------------------------------------


def drill_down_list(seen: RequestContext, found: DrillDown) -> ListView:
    """The rows of an opened number."""
    subjects = SubjectNames(seen)

    def of_devices(row: MeasureRow) -> CellValue:
        return ", ".join(subjects.identifier(Subject.DEVICE, device) for device in row.devices)

    columns = [
        ListColumn("count", Text("Antal", "Count"), lambda row: row.count, "number"),
        ListColumn("subject", Text("Vem eller vad", "Who or what"), lambda row: subjects.name(row.subject, row.subject_id),
               "text", lambda row: subjects.href(row.subject, row.subject_id, row.unit),
               lambda row: subjects.identifier(row.subject, row.subject_id)),
        ListColumn("unit", UNIT_TITLE, lambda row: seen.unit_name(row.unit) if row.unit else "", "text",
               lambda row: url_for("pages.unit", slug=row.unit, as_of=seen.as_of) if row.unit else None),
        ListColumn("reason", Text("Varför", "Why"), lambda row: row.reason, "reason"),
        ListColumn("devices", Text("Verktyg", "Devices"), of_devices, "devices"),
        ListColumn("gaps", Text("Avvikelser", "Gaps"), lambda row: len(seen.gaps.get(row.subject_id, ())), "gaps"),
    ]  # fmt: skip
    return ListView(
        name=found.name,
        title=w.MEASURE_TITLES[found.name],
        columns=columns,
        rows=found.rows,
        sort="-count",
        total=lambda rows: sum(row.count for row in rows),
        empty_text=Text("Inget räknas här: talet är noll.", "Nothing is counted here: the number is zero."),
    )


# --- sources ----------------------------------------------------------------------------------------------------------


def sources(seen: RequestContext) -> ListView:
    """Every configured part and how it does."""

    def instant(field: str) -> Callable[[PartState], datetime | date | None]:
        return lambda part: getattr(part, field)

    def state(part: PartState) -> str:
        return freshness(part, seen.today)

    columns = [
        ListColumn("source", Text("Källa", "Source"), lambda part: part.source),
        ListColumn("part", Text("Del", "Part"), lambda part: part.part),
        ListColumn("role", Text("Roll", "Role"), lambda part: w.word(w.PART_ROLES, part.role)),
        ListColumn("state", Text("Läge", "State"), lambda part: w.word(w.FRESHNESS, state(part))),
        ListColumn("as_of", Text("Gäller", "As of"), instant("as_of"), "day"),
        ListColumn("expected_hours", Text("Väntas var … timme", "Expected every … hours"),
               lambda part: part.expected_every.total_seconds() / 3600, "number"),
        ListColumn("last_attempt", Text("Senaste försök", "Last attempt"), instant("last_attempt_at"), "instant"),
        ListColumn("last_complete", Text("Senast komplett", "Last complete"), instant("last_complete_at"), "instant"),
        ListColumn("held_pull", Text("Väntar på beslut", "Held pull"), lambda part: part.held_pull),
    ]  # fmt: skip
    return ListView(
        name="sources",
        title=Text("Källor", "Sources"),
        columns=columns,
        rows=seen.parts,
        filters=(named_filter("state", Text("Läge", "State"), lambda part: (state(part),), w.FRESHNESS, seen),),
    )
