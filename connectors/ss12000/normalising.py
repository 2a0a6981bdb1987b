"""Turns one object of the register into records.

Pure. Days are read here and not while the page is decoded. One that cannot be read is unknown and named, and costs nothing
else. An unknown status ends no row, and an unknown school form entitles nobody:
it is kept as it was written.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import msgspec

from connectors.ss12000.schema import (
    PRIVATE,
    Group,
    MinimalPerson,
    ObjectReference,
    Organisation,
    PersonWithLogins,
    ProtectionMark,
    StaffPerson,
    id_of,
)
from connectors.ss12000.settings import Identifier, Settings
from fleetsync.core.model import GroupRecord, Key, MembershipRecord, MembershipType, PersonRecord, Scheme, UnitRecord
from fleetsync.pull.contract import MarkWord, NormalisedItem, RecordError, UnknownValue, UnreadableFact
from fleetsync.pull.decoding import (
    STANDARD_FORMS,
    UnreadableFacts,
    clean_text,
    fold_text,
    is_in_domains,
    is_protected,
    parse_day,
    parse_whole_number,
    record_of_made_id,
    report_unknown,
    required_text,
    share_of_percent,
)

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
_DAY_FIELDS = {"startDate": "start", "endDate": "end"}
ENDED_STATUSES = frozenset({"utvandrad", "avliden"})
EMAIL_TYPES = frozenset({"skola elev", "skola personal", "arbete övrigt"})


class RegisterPerson(msgspec.Struct, frozen=True):
    """A person. *child*: of förskola or förskoleklass. *mark*: the word that protects them. *unknown_values*: words of this person's record that we do not know."""

    person: str
    keys: tuple[Key, ...] = ()
    name: str | None = None
    child: bool = False
    mark: str | None = None
    unknown_values: tuple[UnknownValue, ...] = ()


class DatedMembership(msgspec.Struct, frozen=True):
    """A dated row of a person. *latest_possible_end*: the last day on which it can have run, even if its end is later.

    *unreadable*: fields of the membership that were filled in and could not be read. *id_prefix*: what *source_id* begins
    with before the first of those that it is made of; "" if it has none.
    """

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
    unreadable: tuple[str, ...] = ()
    id_prefix: str = ""


def normalise(
    part: str, settings: Settings, raw: Organisation | Group | RegisterPerson | DatedMembership | UnreadableFact
) -> tuple[NormalisedItem, ...]:
    """One object, person or row as a record, with the words of it that no version of the standard has.

    Raises RecordError.
    """
    if isinstance(raw, UnreadableFact):
        return (raw,)
    if isinstance(raw, Organisation):
        return tuple(_unit(settings, raw))
    if isinstance(raw, Group):
        return tuple(_group(settings, raw))
    return tuple(_person(raw) if isinstance(raw, RegisterPerson) else _membership(settings, raw))


# ------------------------------------------------------------------------------------------------------------------ words


def resolve_school_form(settings: Settings, word: str | None) -> str | None:
    """A school form as it is kept: as it is written, unless the source's table says what this register means by it."""
    form = clean_text(word)
    own = {fold_text(word): meaning for word, meaning in settings.school_forms.items()}
    return own.get(fold_text(form), form)


def protecting_word(mark: ProtectionMark) -> str | None:
    """The word of a mark that protects; None of one that does not.

    Every value protects, except an absent one and the words that plainly say no.
    """
    return str(mark) if is_protected(str(mark) if isinstance(mark, float) else mark) else None


def _unknown_words(field: str, word: object, known: frozenset[str]) -> list[UnknownValue]:
    unknown: list[UnknownValue] = []
    report_unknown(known, word, field, unknown)
    return unknown


def _unknown_school_forms(settings: Settings, words: Sequence[str | None]) -> Iterator[UnknownValue]:
    for word in words:
        form = resolve_school_form(settings, word)
        if form and form.upper() not in STANDARD_FORMS:
            yield UnknownValue("schoolType", form)


# ------------------------------------------------------------------------------------------------------- units and groups


def _unit(settings: Settings, raw: Organisation) -> Iterator[NormalisedItem]:
    source_id = required_text(id_of(raw.id), "id")
    facts = UnreadableFacts(source_id)
    codes = tuple(filter(None, (clean_text(raw.school_unit_code), clean_text(raw.organisation_code))))
    forms = (resolve_school_form(settings, word) for word in raw.school_types or ())
    yield UnitRecord(
        source_id=source_id,
        name=clean_text(raw.display_name) or next(iter(codes), source_id),
        kind=clean_text(raw.organisation_type),
        codes=codes,
        parent=_reference_id(raw.parent_organisation),
        school_forms=tuple(dict.fromkeys(form for form in forms if form)),
        organisation_number=clean_text(raw.organisation_number),
        start=facts.read(parse_day, raw.start_date, "startDate"),
        end=facts.read(parse_day, raw.end_date, "endDate"),
    )
    yield from facts
    yield from _unknown_words("organisationType", raw.organisation_type, ORGANISATION_TYPES)
    yield from _unknown_school_forms(settings, raw.school_types or ())


def _group(settings: Settings, raw: Group) -> Iterator[NormalisedItem]:
    source_id = required_text(id_of(raw.id), "id")
    facts, name = UnreadableFacts(source_id), clean_text(raw.display_name)
    if name is None:
        raise RecordError("displayName is empty", source_id=source_id)
    yield GroupRecord(
        source_id=source_id,
        name=name,
        kind=clean_text(raw.group_type),
        unit=_reference_id(raw.organisation),
        school_form=resolve_school_form(settings, raw.school_type),
        start=facts.read(parse_day, raw.start_date, "startDate"),
        end=facts.read(parse_day, raw.end_date, "endDate"),
    )
    yield from facts
    yield from _unknown_words("groupType", raw.group_type, GROUP_TYPES)
    yield from _unknown_school_forms(settings, (raw.school_type,))


def _reference_id(reference: ObjectReference | None) -> str | None:
    return None if reference is None else id_of(reference.id)


# ---------------------------------------------------------------------------------------------------------------- people


def register_person(
    settings: Settings, source_id: str, person: MinimalPerson, *, child: bool, mark: str | None
) -> RegisterPerson:
    """What is kept of a person: their keys, where *person* was decoded with any."""
    unknown = _unknown_person_words(person)
    if not isinstance(person, PersonWithLogins):
        return RegisterPerson(source_id, child=child, mark=mark, unknown_values=unknown)
    keys = tuple(dict.fromkeys(_keys(settings, person)))
    return RegisterPerson(source_id, keys, _name(person), child, mark, unknown)


def _unknown_person_words(person: MinimalPerson) -> tuple[UnknownValue, ...]:
    unknown = _unknown_words("personStatus", person.person_status, PERSON_STATUSES)
    for email in person.emails or () if isinstance(person, PersonWithLogins) else ():
        unknown += _unknown_words("emails.type", email.kind, EMAIL_TYPES | {PRIVATE})
    return tuple(unknown)


def _person(raw: RegisterPerson) -> Iterator[NormalisedItem]:
    yield PersonRecord(
        source_id=raw.person, keys=raw.keys, name=raw.name, protected=raw.mark is not None, child=raw.child
    )
    if raw.mark is not None:
        yield MarkWord("securityMarking", raw.mark)
    yield from raw.unknown_values


def _keys(settings: Settings, account: PersonWithLogins) -> Iterator[Key]:
    """Strongest first: the configured identifiers, then principal names before addresses."""
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


def _normalised_context(context: str | None) -> str:
    return fold_text(context).rstrip("/")


def _is_work_address(settings: Settings, kind: str | None, value: str | None) -> bool:
    if value is None:
        return False
    # In 2.0 an address may have no type. Nothing then says whose it is, so it is private unless its domain is ours.
    return is_in_domains(value, settings.mail_domains) or (not settings.mail_domains and fold_text(kind) in EMAIL_TYPES)


def _name(account: PersonWithLogins) -> str | None:
    if not isinstance(account, StaffPerson):
        return None
    parts = (part.value for part in (account.given_name, account.family_name) if part is not None)
    return " ".join(part for part in parts if part) or None


def _membership(settings: Settings, raw: DatedMembership) -> Iterator[NormalisedItem]:
    facts = UnreadableFacts(raw.source_id)
    start, end = facts.read(parse_day, raw.start, "startDate"), facts.read(parse_day, raw.end, "endDate")
    year = parse_whole_number(raw.year)
    is_year_unknown = clean_text(raw.year) is not None and year is None
    unreadable = {_DAY_FIELDS[field] for field in facts.fields} | set(raw.unreadable)
    last = min((day for day in (end, raw.latest_possible_end) if day is not None), default=None)
    if start is not None and last is not None and last < start:
        return  # it was cancelled before it began
    record = MembershipRecord(
        source_id=raw.source_id,
        person=raw.person,
        membership=raw.membership,
        codes=(raw.organisation,) if raw.organisation else (),
        group=raw.group,
        school_form=resolve_school_form(settings, raw.form),
        year=year,
        share=share_of_percent(raw.percent),
        start=start,
        end=last,
        protected=raw.marked,
        unreadable=tuple(sorted(unreadable | {"year"} if is_year_unknown else unreadable)),
    )
    yield from record_of_made_id(record, raw.id_prefix, facts, ("startDate",))
    yield from _unknown_school_forms(settings, (raw.form,))
    if is_year_unknown:
        yield UnknownValue("schoolYear", str(clean_text(raw.year)))
