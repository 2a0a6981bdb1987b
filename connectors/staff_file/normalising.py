"""Turns a person of a staff file into records. Pure: an employment has an id made of person, workplace and first day."""

from collections.abc import Iterator

import msgspec

from connectors.staff_file.reading import StaffFilePerson
from connectors.staff_file.settings import Settings
from fleetsync.core.model import EmploymentForm, MembershipRecord, MembershipType, PersonRecord
from fleetsync.pull.contract import MarkWord, NormalisedItem, UncertainRecord, UnknownValue, UnreadableFact
from fleetsync.pull.decoding import IdNumbering, make_id, parse_employment_form


def normalise(part: str, settings: Settings, raw: StaffFilePerson) -> tuple[NormalisedItem, ...]:
    """A person and their employments, each with an id made of person, workplace and first day."""
    keys, unknown = raw.keys.read(settings.number_namespace, settings.domain)
    person = PersonRecord(
        source_id=raw.person,
        keys=keys,
        name=raw.name,
        protected=raw.mark is not None,
    )
    marks = () if raw.mark is None else (MarkWord("protected", raw.mark),)
    facts = (fact for fact in raw.unreadable if fact.field != "start")
    return (person, *marks, *_memberships(raw, settings, unknown), *unknown, *facts)


def _memberships(
    raw: StaffFilePerson, settings: Settings, unknown: list[UnknownValue]
) -> Iterator[MembershipRecord | UncertainRecord | UnreadableFact]:
    numbered = IdNumbering()
    starts = [fact for fact in raw.unreadable if fact.field == "start"]
    # Sorted by content, because the order of the rows in the file may change from one edition to the next.
    for employment in sorted(raw.employments, key=msgspec.json.encode):
        workplace = next(iter(employment.codes), employment.unit_name or "")
        start = None if "start" in employment.unreadable else str(employment.start or "")
        made = make_id(raw.person, workplace.casefold(), start)
        record = MembershipRecord(
            source_id=numbered(made.source_id),
            person=raw.person,
            membership=MembershipType.EMPLOYMENT,
            codes=employment.codes,
            unit_name=employment.unit_name,
            employment_form=_parse_form(employment.form, settings, unknown),
            share=employment.share,
            start=employment.start,
            end=employment.end,
            leave_from=employment.leave_from,
            leave_to=employment.leave_to,
            protected=raw.mark is not None,
            unreadable=employment.unreadable,
        )
        if made.prefix:
            fact, starts = starts[:1], starts[1:]
            yield UncertainRecord(record, made.prefix, tuple(fact))
        else:
            yield record
    yield from starts  # of rows that are equal to another one


def _parse_form(word: str | None, settings: Settings, unknown: list[UnknownValue]) -> EmploymentForm | None:
    if word is None:
        return None
    form = parse_employment_form(word, settings.employment_forms)
    if word and form is EmploymentForm.UNKNOWN:
        unknown.append(UnknownValue("employment_form", word))
    return form
