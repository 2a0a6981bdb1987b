"""What is kept of the register, and what it means: one of these values at a time becomes a record.

Pure. A day is read here, so that one that is none costs its row and not the person, whose mark must be heard. Refuses to
end nobody's row by a word it does not know, and to make "entitled" of a school form that nobody knows: it is kept raw.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import msgspec

from connectors.ss12000.settings import Identifier, Settings
from connectors.ss12000.wire import (
    PRIVATE,
    Account,
    Child,
    Employee,
    Group,
    Mark,
    Organisation,
    Reference,
    id_of,
    same,
    text,
)
from connectors.ss12000.young import SCHOOL_FORMS
from fleetsync.core.model import GroupRecord, Key, MembershipRecord, MembershipType, PersonRecord, Scheme, UnitRecord
from fleetsync.pull.contract import Drift, Noted, RecordError
from fleetsync.pull.files import day_of, is_protected

ORGANISATION_TYPES = frozenset(
    {
        "huvudman", "stadsdel", "verksamhetsområde", "förvaltning", "rektorsområde", "skola", "skolenhet", "varumärke",
        "bolag", "övrigt",
    }
)  # fmt: skip
GROUP_TYPES = frozenset(
    {"undervisning", "klass", "mentor", "provgrupp", "schema", "avdelning", "personalgrupp", "övrigt"}
)
STATUSES = frozenset({"", "aktiv", "utvandrad", "avliden"})
OVER = frozenset({"utvandrad", "avliden"})
EMAIL_TYPES = frozenset({"skola elev", "skola personal", "arbete övrigt"})


class Someone(msgspec.Struct, frozen=True):
    """A person. *child*: of förskola or förskoleklass. *new_words*: what the register said of him that we do not know."""

    person: str
    keys: tuple[Key, ...] = ()
    name: str | None = None
    child: bool = False
    marked: bool = False
    new_words: tuple[Drift, ...] = ()


class Tie(msgspec.Struct, frozen=True):
    """A dated row of a person. *latest*: the last day on which it can have run, whatever its end says."""

    source_id: str
    person: str
    membership: MembershipType
    at: str | None = None
    group: str | None = None
    form: str | None = None
    year: str | int | float | None = None
    percent: str | int | float | None = None
    start: str | None = None
    end: str | None = None
    latest: date | None = None
    marked: bool = False


def meant(settings: Settings, raw: Organisation | Group | Someone | Tie) -> tuple[Noted, ...]:
    """*raw* as records, with the words of it that are new to us. Raises RecordError."""
    if isinstance(raw, Organisation):
        return tuple(_unit(settings, raw))
    if isinstance(raw, Group):
        return tuple(_group(settings, raw))
    return tuple(_person(raw) if isinstance(raw, Someone) else _membership(settings, raw))


# ------------------------------------------------------------------------------------------------------------------ words


def form_of(settings: Settings, said: str | None) -> str | None:
    """A school form as the house has it: as it is written, unless the table says what this register means by it."""
    form = text(said)
    own = {same(word): meaning for word, meaning in settings.school_forms.items()}
    return own.get(same(form), form)


def is_marked(*marks: Mark) -> bool:
    """Whether any mark protects; every word but those that plainly say no does."""
    return any(is_protected(str(mark) if isinstance(mark, float) else mark) for mark in marks)


def day(said: str | None, label: str) -> date | None:
    """A day; None for an open one. Raises RecordError naming *label*."""
    return None if said is None else day_of(said, label)


def day_if_any(said: str | None) -> date | None:
    """A day, if it is one."""
    try:
        return day(said, "")
    except RecordError:
        return None


def whole_number(said: str | float | None) -> int | None:
    """A year; None for what is none."""
    try:
        return None if said is None or (isinstance(said, str) and not said.strip()) else int(said)
    except (ValueError, OverflowError):
        return None


def _new_word(field: str, said: str | None, known: frozenset[str]) -> Iterator[Drift]:
    if text(said) and same(said) not in known:
        yield Drift(field, str(text(said)))


def _new_forms(settings: Settings, said: Sequence[str | None]) -> Iterator[Drift]:
    for word in said:
        form = form_of(settings, word)
        if form and form.upper() not in SCHOOL_FORMS:
            yield Drift("schoolType", form)


# ------------------------------------------------------------------------------------------------------- units and groups


def _unit(settings: Settings, raw: Organisation) -> Iterator[Noted]:
    source_id = _needed(id_of(raw.id), "id")
    codes = tuple(filter(None, (text(raw.school_unit_code), text(raw.organisation_code))))
    forms = (form_of(settings, said) for said in raw.school_types or ())
    yield UnitRecord(
        source_id=source_id,
        name=text(raw.display_name) or next(iter(codes), source_id),
        kind=text(raw.organisation_type),
        codes=codes,
        parent=_of(raw.parent_organisation),
        school_forms=tuple(dict.fromkeys(form for form in forms if form)),
        organisation_number=text(raw.organisation_number),
        start=day(raw.start_date, "startDate"),
        end=day(raw.end_date, "endDate"),
    )
    yield from _new_word("organisationType", raw.organisation_type, ORGANISATION_TYPES)
    yield from _new_forms(settings, raw.school_types or ())


def _group(settings: Settings, raw: Group) -> Iterator[Noted]:
    source_id = _needed(id_of(raw.id), "id")
    yield GroupRecord(
        source_id=source_id,
        name=_needed(text(raw.display_name), "displayName"),
        kind=text(raw.group_type),
        unit=_of(raw.organisation),
        school_form=form_of(settings, raw.school_type),
        start=day(raw.start_date, "startDate"),
        end=day(raw.end_date, "endDate"),
    )
    yield from _new_word("groupType", raw.group_type, GROUP_TYPES)
    yield from _new_forms(settings, (raw.school_type,))


def _of(reference: Reference | None) -> str | None:
    return None if reference is None else id_of(reference.id)


def _needed(value: str | None, field: str) -> str:
    if value is None:
        raise RecordError(f"{field} is empty")
    return value


# ---------------------------------------------------------------------------------------------------------------- people


def someone(settings: Settings, person: str, told: Child, *, child: bool, marked: bool) -> Someone:
    """What is kept of a person: his keys if *told* has any, and no word more."""
    if not isinstance(told, Account):
        return Someone(person, child=child, marked=marked, new_words=_new_words(told))
    keys = tuple(dict.fromkeys(_keys(settings, told)))
    return Someone(person, keys, _name(told), child, marked, _new_words(told))


def _new_words(told: Child) -> tuple[Drift, ...]:
    emails = told.emails or () if isinstance(told, Account) else ()
    kinds = (drift for email in emails for drift in _new_word("emails.type", email.kind, EMAIL_TYPES | {PRIVATE}))
    return (*_new_word("personStatus", told.person_status, STATUSES), *kinds)


def _person(raw: Someone) -> Iterator[Noted]:
    yield PersonRecord(source_id=raw.person, keys=raw.keys, name=raw.name, protected=raw.marked, child=raw.child)
    yield from raw.new_words


def _keys(settings: Settings, account: Account) -> Iterator[Key]:
    """Strongest first: what the table makes keys of, then principal names before addresses."""
    for identifier in account.external_identifiers or ():
        meaning = _contexts(settings).get(_context(identifier.context))
        value = text(identifier.value)
        if meaning is not None and value:
            yield meaning.key(value, settings.number_namespace)
    if isinstance(account, Employee) and account.civic is not None and account.civic.token:
        yield Key(Scheme.CIVIC, "", account.civic.token)
    names = (text(name) for name in account.edu_person_principal_names or ())
    mails = (email.value for email in account.emails or () if _is_of_work(settings, email.kind, email.value))
    for address in (*names, *mails):
        if address:
            yield Key(Scheme.ADDRESS, "", address)


def _contexts(settings: Settings) -> Mapping[str, Identifier]:
    return {_context(context): identifier for context, identifier in settings.identifiers.items()}


def _context(said: str | None) -> str:
    return same(said).rstrip("/")


def _is_of_work(settings: Settings, kind: str | None, value: str | None) -> bool:
    if value is None:
        return False
    is_listed = value.rpartition("@")[2].casefold() in {domain.casefold() for domain in settings.mail_domains}
    # 2.0 knows addresses without a type: whose they are is not told, so they are private unless the domain is ours.
    return is_listed or (not settings.mail_domains and same(kind) in EMAIL_TYPES)


def _name(account: Account) -> str | None:
    if not isinstance(account, Employee):
        return None
    parts = (part.value for part in (account.given_name, account.family_name) if part is not None)
    return " ".join(part for part in parts if part) or None


def _membership(settings: Settings, raw: Tie) -> Iterator[Noted]:
    start, end = day(raw.start, "startDate"), day(raw.end, "endDate")
    last = min((one for one in (end, raw.latest) if one is not None), default=None)
    if start is not None and last is not None and last < start:
        return  # it was called off before it began
    yield MembershipRecord(
        source_id=raw.source_id,
        person=raw.person,
        membership=raw.membership,
        codes=(raw.at,) if raw.at else (),
        group=raw.group,
        school_form=form_of(settings, raw.form),
        year=whole_number(raw.year),
        share=_share(raw.percent),
        start=start,
        end=last,
        protected=raw.marked,
    )
    yield from _new_forms(settings, (raw.form,))
    if text(raw.year) and whole_number(raw.year) is None:
        yield Drift("schoolYear", str(text(raw.year)))


def _share(percent: str | float | None) -> float | None:
    """0..1 of full time; what is above counts as full time, and what is no percentage is not known."""
    try:
        share = None if percent is None else float(percent) / 100
    except ValueError:
        return None
    return None if share is None or not share >= 0 else min(share, 1.0)
