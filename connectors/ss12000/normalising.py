"""What is kept of the register, and what it means: one of these values at a time becomes a record.

Pure. A day is read here, so that one that is none costs its row and not the person, whose mark must be heard. Refuses to
end nobody's row by a word it does not know, and to make "entitled" of a school form that nobody knows: it is kept raw.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import msgspec

from connectors.ss12000.child_rule import SCHOOL_FORMS
from connectors.ss12000.schema import (
    PRIVATE,
    Group,
    MinimalPerson,
    ObjectReference,
    Organisation,
    PersonWithLogins,
    ProtectionMark,
    StaffPerson,
    clean_text,
    fold_text,
    id_of,
)
from connectors.ss12000.settings import Identifier, Settings
from fleetsync.core.model import GroupRecord, Key, MembershipRecord, MembershipType, PersonRecord, Scheme, UnitRecord
from fleetsync.pull.contract import NormalisedItem, RecordError, UnknownValue
from fleetsync.pull.files import is_protected, parse_day

ORGANISATION_TYPES = frozenset(
    {
        "huvudman", "stadsdel", "verksamhetsområde", "förvaltning", "rektorsområde", "skola", "skolenhet", "varumärke",
        "bolag", "övrigt",
    }
)  # fmt: skip
GROUP_TYPES = frozenset(
    {"undervisning", "klass", "mentor", "provgrupp", "schema", "avdelning", "personalgrupp", "övrigt"}
)
PERSON_STATUSES = frozenset({"", "aktiv", "utvandrad", "avliden"})
ENDED_STATUSES = frozenset({"utvandrad", "avliden"})
EMAIL_TYPES = frozenset({"skola elev", "skola personal", "arbete övrigt"})


class RegisterPerson(msgspec.Struct, frozen=True):
    """A person. *child*: of förskola or förskoleklass. *new_words*: what the register said of him that we do not know."""

    person: str
    keys: tuple[Key, ...] = ()
    name: str | None = None
    child: bool = False
    marked: bool = False
    unknown_values: tuple[UnknownValue, ...] = ()


class DatedMembership(msgspec.Struct, frozen=True):
    """A dated row of a person. *latest*: the last day on which it can have run, whatever its end says."""

    source_id: str
    person: str
    membership: MembershipType
    organisation: str | None = None
    group: str | None = None
    form: str | None = None
    year: str | int | float | None = None
    percent: str | int | float | None = None
    start: str | None = None
    end: str | None = None
    latest_possible_end: date | None = None
    marked: bool = False


def to_records(
    settings: Settings, raw: Organisation | Group | RegisterPerson | DatedMembership
) -> tuple[NormalisedItem, ...]:
    """*raw* as records, with the words of it that are new to us. Raises RecordError."""
    if isinstance(raw, Organisation):
        return tuple(_unit(settings, raw))
    if isinstance(raw, Group):
        return tuple(_group(settings, raw))
    return tuple(_person(raw) if isinstance(raw, RegisterPerson) else _membership(settings, raw))


# ------------------------------------------------------------------------------------------------------------------ words


def resolve_school_form(settings: Settings, said: str | None) -> str | None:
    """A school form as the house has it: as it is written, unless the table says what this register means by it."""
    form = clean_text(said)
    own = {fold_text(word): meaning for word, meaning in settings.school_forms.items()}
    return own.get(fold_text(form), form)


def is_marked(*marks: ProtectionMark) -> bool:
    """Whether any mark protects; every word but those that plainly say no does."""
    return any(is_protected(str(mark) if isinstance(mark, float) else mark) for mark in marks)


def parse_register_day(said: str | None, label: str) -> date | None:
    """A day; None for an open one. Raises RecordError naming *label*."""
    return None if said is None else parse_day(said, label)


def parse_day_or_none(said: str | None) -> date | None:
    """A day, if it is one."""
    try:
        return parse_register_day(said, "")
    except RecordError:
        return None


def parse_whole_number(said: str | float | None) -> int | None:
    """A year; None for what is none."""
    try:
        return None if said is None or (isinstance(said, str) and not said.strip()) else int(said)
    except (ValueError, OverflowError):
        return None


def _unknown_word(field: str, said: str | None, known: frozenset[str]) -> Iterator[UnknownValue]:
    if clean_text(said) and fold_text(said) not in known:
        yield UnknownValue(field, str(clean_text(said)))


def _unknown_school_forms(settings: Settings, said: Sequence[str | None]) -> Iterator[UnknownValue]:
    for word in said:
        form = resolve_school_form(settings, word)
        if form and form.upper() not in SCHOOL_FORMS:
            yield UnknownValue("schoolType", form)


# ------------------------------------------------------------------------------------------------------- units and groups


def _unit(settings: Settings, raw: Organisation) -> Iterator[NormalisedItem]:
    source_id = _required(id_of(raw.id), "id")
    codes = tuple(filter(None, (clean_text(raw.school_unit_code), clean_text(raw.organisation_code))))
    forms = (resolve_school_form(settings, said) for said in raw.school_types or ())
    yield UnitRecord(
        source_id=source_id,
        name=clean_text(raw.display_name) or next(iter(codes), source_id),
        kind=clean_text(raw.organisation_type),
        codes=codes,
        parent=_reference_id(raw.parent_organisation),
        school_forms=tuple(dict.fromkeys(form for form in forms if form)),
        organisation_number=clean_text(raw.organisation_number),
        start=parse_register_day(raw.start_date, "startDate"),
        end=parse_register_day(raw.end_date, "endDate"),
    )
    yield from _unknown_word("organisationType", raw.organisation_type, ORGANISATION_TYPES)
    yield from _unknown_school_forms(settings, raw.school_types or ())


def _group(settings: Settings, raw: Group) -> Iterator[NormalisedItem]:
    source_id = _required(id_of(raw.id), "id")
    yield GroupRecord(
        source_id=source_id,
        name=_required(clean_text(raw.display_name), "displayName"),
        kind=clean_text(raw.group_type),
        unit=_reference_id(raw.organisation),
        school_form=resolve_school_form(settings, raw.school_type),
        start=parse_register_day(raw.start_date, "startDate"),
        end=parse_register_day(raw.end_date, "endDate"),
    )
    yield from _unknown_word("groupType", raw.group_type, GROUP_TYPES)
    yield from _unknown_school_forms(settings, (raw.school_type,))


def _reference_id(reference: ObjectReference | None) -> str | None:
    return None if reference is None else id_of(reference.id)


def _required(value: str | None, field: str) -> str:
    if value is None:
        raise RecordError(f"{field} is empty")
    return value


# ---------------------------------------------------------------------------------------------------------------- people


def register_person(
    settings: Settings, person: str, told: MinimalPerson, *, child: bool, marked: bool
) -> RegisterPerson:
    """What is kept of a person: his keys if *told* has any, and no word more."""
    if not isinstance(told, PersonWithLogins):
        return RegisterPerson(person, child=child, marked=marked, unknown_values=_unknown_words(told))
    keys = tuple(dict.fromkeys(_keys(settings, told)))
    return RegisterPerson(person, keys, _name(told), child, marked, _unknown_words(told))


def _unknown_words(told: MinimalPerson) -> tuple[UnknownValue, ...]:
    emails = told.emails or () if isinstance(told, PersonWithLogins) else ()
    kinds = (drift for email in emails for drift in _unknown_word("emails.type", email.kind, EMAIL_TYPES | {PRIVATE}))
    return (*_unknown_word("personStatus", told.person_status, PERSON_STATUSES), *kinds)


def _person(raw: RegisterPerson) -> Iterator[NormalisedItem]:
    yield PersonRecord(source_id=raw.person, keys=raw.keys, name=raw.name, protected=raw.marked, child=raw.child)
    yield from raw.unknown_values


def _keys(settings: Settings, account: PersonWithLogins) -> Iterator[Key]:
    """Strongest first: what the table makes keys of, then principal names before addresses."""
    for identifier in account.external_identifiers or ():
        meaning = _identifiers_by_context(settings).get(_normalised_context(identifier.context))
        value = clean_text(identifier.value)
        if meaning is not None and value:
            yield meaning.key(value, settings.number_namespace)
    if isinstance(account, StaffPerson) and account.civic is not None and account.civic.token:
        yield Key(Scheme.CIVIC, "", account.civic.token)
    names = (clean_text(name) for name in account.edu_person_principal_names or ())
    mails = (email.value for email in account.emails or () if _is_work_address(settings, email.kind, email.value))
    for address in (*names, *mails):
        if address:
            yield Key(Scheme.ADDRESS, "", address)


def _identifiers_by_context(settings: Settings) -> Mapping[str, Identifier]:
    return {_normalised_context(context): identifier for context, identifier in settings.identifiers.items()}


def _normalised_context(said: str | None) -> str:
    return fold_text(said).rstrip("/")


def _is_work_address(settings: Settings, kind: str | None, value: str | None) -> bool:
    if value is None:
        return False
    is_listed = value.rpartition("@")[2].casefold() in {domain.casefold() for domain in settings.mail_domains}
    # 2.0 knows addresses without a type: whose they are is not told, so they are private unless the domain is ours.
    return is_listed or (not settings.mail_domains and fold_text(kind) in EMAIL_TYPES)


def _name(account: PersonWithLogins) -> str | None:
    if not isinstance(account, StaffPerson):
        return None
    parts = (part.value for part in (account.given_name, account.family_name) if part is not None)
    return " ".join(part for part in parts if part) or None


def _membership(settings: Settings, raw: DatedMembership) -> Iterator[NormalisedItem]:
    start, end = parse_register_day(raw.start, "startDate"), parse_register_day(raw.end, "endDate")
    last = min((one for one in (end, raw.latest_possible_end) if one is not None), default=None)
    if start is not None and last is not None and last < start:
        return  # it was called off before it began
    yield MembershipRecord(
        source_id=raw.source_id,
        person=raw.person,
        membership=raw.membership,
        codes=(raw.organisation,) if raw.organisation else (),
        group=raw.group,
        school_form=resolve_school_form(settings, raw.form),
        year=parse_whole_number(raw.year),
        share=_share(raw.percent),
        start=start,
        end=last,
        protected=raw.marked,
    )
    yield from _unknown_school_forms(settings, (raw.form,))
    if clean_text(raw.year) and parse_whole_number(raw.year) is None:
        yield UnknownValue("schoolYear", str(clean_text(raw.year)))


def _share(percent: str | float | None) -> float | None:
    """0..1 of full time; what is above counts as full time, and what is no percentage is not known."""
    try:
        share = None if percent is None else float(percent) / 100
    except ValueError:
        return None
    return None if share is None or not share >= 0 else min(share, 1.0)
