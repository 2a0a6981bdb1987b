"""Addresses of pages for the links that lists carry as data, and names of subjects in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from fleetsync.core.model import Assignment, Subject
from fleetsync.expose.drill_down import SHARED_SUBJECTS
from fleetsync.expose.lists.columns import works_order
from fleetsync.expose.lists.definitions import Link, NumberLink, SubjectLink
from fleetsync.expose.lists.names import SUBJECT_BY, SubjectNames
from fleetsync.expose.web.request_context import RequestContext


def link_url(link: Link | None, context: RequestContext) -> str | None:
    """The page a link leads to; None where there is none, and where the account may not see it."""
    if link is None:
        return None
    if isinstance(link, NumberLink):
        labels: dict[str, Any] = dict(link.labels)
        return url_for("pages.numbers", measure=link.measure, as_of=context.as_of, **labels)
    return subject_url(link, context)


def changed_url(**changes: str | int | None) -> str:
    """The address of this page with other choices, but no file of it; None removes a choice."""
    kept = {key: value for key, value in request.args.items() if key not in {"lang", "theme", "format"}}
    chosen = {**kept, **(request.view_args or {}), **changes}
    values: dict[str, Any] = {key: value for key, value in chosen.items() if value not in (None, "")}
    return url_for(request.endpoint or "pages.overview", **values)


def subject_url(link: SubjectLink, context: RequestContext) -> str | None:
    """The page of a person, device or unit; sets and pools lead to their assignments."""
    lookup = context.lookup
    if link.subject is Subject.PERSON:
        is_shown = lookup.person(link.id) is not None
        return url_for("pages.person", person_id=link.id, as_of=context.as_of) if is_shown else None
    if link.subject is Subject.DEVICE:
        is_known = link.id in lookup.devices
        return url_for("pages.device", device_id=link.id, as_of=context.as_of) if is_known else None
    if link.subject is Subject.SOURCE:
        return url_for("pages.sources", _anchor=link.id)
    if link.subject in SHARED_SUBJECTS:
        return url_for("pages.assignments", shared=link.id, as_of=context.as_of)
    return url_for("pages.unit", slug=link.unit, as_of=context.as_of) if link.unit else None


@dataclass(frozen=True)
class TranslatedNames:
    """`SubjectNames` for templates: the reader's language, and links."""

    context: RequestContext

    @property
    def names(self) -> SubjectNames:
        """The names in both languages."""
        return self.context.today_indexes.list_context.names

    def name(self, subject: Subject, subject_id: str) -> str:
        """The name of any subject; "not shown" for an empty id."""
        return self.context.localiser.translate(self.names.subject(subject, subject_id))

    def person(self, person_id: str) -> str:
        """Pupil of a class, or employee."""
        return self.context.localiser.translate(self.names.person(person_id))

    def device(self, device_id: str) -> str:
        """A device's model."""
        return self.context.localiser.translate(self.names.device(device_id))

    def rule(self, rule_id: str) -> str:
        """An entitlement's title."""
        return self.context.localiser.translate(self.names.rule(rule_id))

    def shared_name(self, subject_id: str) -> str:
        """The name of a set or pool among those of all units."""
        return self.context.localiser.translate(self.names.shared(subject_id))

    def identifier(self, subject: Subject, subject_id: str) -> str:
        """A serial, else an id."""
        return self.names.identifier(subject, subject_id)

    def visible_id(self, assignment: Assignment) -> str:
        """The id of the person, set or pool that is served; "" for a person who is not shown."""
        return self.names.visible_id(assignment)

    def served_subject(self, assignment: Assignment) -> Subject:
        """Whether an assignment is to a person, a set or a pool."""
        return SUBJECT_BY[assignment.by]

    def href(self, subject: Subject, subject_id: str, unit: str) -> str | None:
        """The page of a subject; None where there is none."""
        return subject_url(SubjectLink(subject, subject_id, unit), self.context)

    def not_working_first(self, devices: Sequence[str]) -> Sequence[str]:
        """*devices* of a row, those that do not work first: of many, only the first are shown."""
        return sorted(devices, key=lambda device: works_order((self.context.works_on_day(device) or (True,))[0]))
