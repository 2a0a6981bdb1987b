"""Whether a record, or a key of a person, may be stored as it is: the one place that decides it.

Pure. A person with a protected identity is stored without anything that tells who or where they are, an erased person
not at all, and a child of förskola or förskoleklass without readable keys. Persons are recognised by tokens: HMAC-SHA256
of a canonical key under a secret that is kept outside of the database. Masking fails closed: what is not known to be
harmless is dropped, so a new field of a record must be kept here by name to be kept.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import assert_never

from msgspec.structs import replace

from fleetsync.core.base32 import base32_text
from fleetsync.core.model import (
    TOKEN_PREFIX,
    BelievedRecord,
    DeviceRecord,
    FrozenStruct,
    GroupRecord,
    HeadcountRecord,
    Key,
    MembershipRecord,
    PersonRecord,
    Record,
    RecordType,
    Scheme,
    StagedRow,
    UnitRecord,
)

Tokeniser = Callable[[Key], Key]

TOKEN_BYTES = 20  # of the digest's 32: beyond guessing and beyond meeting by chance, in 32 characters


# --- tokens -----------------------------------------------------------------------------------------------------------


def key_tokeniser(secret: bytes) -> Tokeniser:
    """Replaces the value of a canonical key by its token under *secret*; a key that is one already passes unchanged."""
    prepared = hmac.new(secret, digestmod="sha256")  # copied for each key: most of the work is on the secret itself

    def token_of(key: Key) -> Key:
        if key.is_token:
            return key
        of_key = prepared.copy()
        of_key.update(f"{key.scheme}\x1f{key.namespace}\x1f{key.value}".encode())
        return Key(key.scheme, key.namespace, TOKEN_PREFIX + base32_text(of_key.digest()[:TOKEN_BYTES]))

    return token_of


def tokenise_key(secret: bytes, key: Key) -> Key:
    """The token of a single *key* under *secret*; for several see `key_tokeniser`."""
    return key_tokeniser(secret)(key)


def tokenise_id(source: str, source_id: str, token_of: Tokeniser) -> str:
    """A person's id at *source* as a token: two sources that both number from 1 must not meet."""
    if source_id.startswith(TOKEN_PREFIX):
        return source_id
    return token_of(Key(Scheme.NUMBER, source, source_id)).value


class RecordTokens(FrozenStruct, frozen=True):
    """The tokens of one record. They are computed once, where it is read, and carried along with it.

    They are the same for the record as it was read, for its keys as tokens, and for the masked record.
    """

    keys: tuple[Key, ...] = ()  # the record's keys as tokens, in their order
    person_id: str | None = None  # token of the id that the source gives the person; none of a device's user

    @property
    def of_keys(self) -> frozenset[str]:
        """Tokens of the keys alone."""
        return frozenset(key.value for key in self.keys)

    @property
    def of_persons(self) -> frozenset[str]:
        """All tokens by which a protected or erased person is recognised in the record."""
        return self.of_keys if self.person_id is None else self.of_keys | {self.person_id}


def record_tokens(record: Record, token_of: Tokeniser, *, source: str) -> RecordTokens:
    """The tokens of *record* of *source*: of its keys, and of the person's id. Empty where it is of no person."""
    match record:
        case PersonRecord():
            keys = tuple(map(token_of, record.keys))
            return RecordTokens(keys, tokenise_id(source, record.source_id, token_of))
        case MembershipRecord():
            return RecordTokens((), tokenise_id(source, record.person, token_of))
        case DeviceRecord():
            return RecordTokens(tuple(map(token_of, record.keys)))
        case UnitRecord() | GroupRecord() | HeadcountRecord():
            return RecordTokens()
        case unknown:
            assert_never(unknown)


def person_tokens(record: Record, token_of: Tokeniser, *, source: str) -> frozenset[str]:
    """All tokens by which a protected or erased person is recognised in *record*."""
    return record_tokens(record, token_of, source=source).of_persons


def linked_tokens(record: Record, tokens: RecordTokens) -> frozenset[str]:
    """The tokens that are a hidden person's as well once *record* is known to be theirs.

    A key beside theirs on a device protects nobody else, for the device may name two people; with an object id, all its
    keys are those of one account, aliases of the log-in included.
    """
    if not isinstance(record, DeviceRecord):
        return tokens.of_persons
    return tokens.of_keys if any(key.scheme is Scheme.OBJECT_ID for key in record.keys) else frozenset()


class RowToStage(StagedRow, frozen=True, kw_only=True):
    """A row on its way to the staging area, with the tokens of its record; they are in memory only."""

    tokens: RecordTokens | None = None  # None: not computed yet


# --- the decision -----------------------------------------------------------------------------------------------------


class Storage(Enum):
    """How a record or a key may be stored."""

    PLAIN = "plain"
    KEYS_AS_TOKENS = "keys as tokens"  # and without a name
    MASKED = "masked"
    DROPPED = "dropped"


class HiddenTokens(FrozenStruct, frozen=True, kw_only=True):
    """The tokens of everyone who may not be stored plainly, as seen from one source."""

    protected: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()  # whichever source says so
    children_elsewhere: frozenset[str] = frozenset()  # those that another source says to be children


def hidden_tokens(
    source: str,
    children: Mapping[str, frozenset[str]],
    protected: frozenset[str] = frozenset(),
    erased: frozenset[str] = frozenset(),
) -> HiddenTokens:
    """The hidden tokens as seen from *source*; *children* by the source that says that they are."""
    elsewhere = (tokens for name, tokens in children.items() if name != source)
    return HiddenTokens(
        protected=protected,
        erased=erased,
        children=frozenset().union(*children.values()),
        children_elsewhere=frozenset().union(*elsewhere),
    )


def needs_token_keys(record: Record, tokens: RecordTokens, hidden: HiddenTokens) -> bool:
    """Whether *record* is a child's of förskola or förskoleklass, or the device of one.

    A source that says itself who is a child is not overruled by another source: so a child grows up.
    """
    if isinstance(record, PersonRecord):
        return record.child or not tokens.of_keys.isdisjoint(hidden.children_elsewhere)
    return isinstance(record, DeviceRecord) and not tokens.of_keys.isdisjoint(hidden.children)


def storage_of_record(record: Record, tokens: RecordTokens, hidden: HiddenTokens) -> Storage:
    """How *record* may be stored. The device of an erased person stays, masked."""
    persons = tokens.of_persons
    if not persons.isdisjoint(hidden.erased):
        return Storage.MASKED if isinstance(record, DeviceRecord) else Storage.DROPPED
    if not persons.isdisjoint(hidden.protected):
        return Storage.MASKED
    return Storage.KEYS_AS_TOKENS if needs_token_keys(record, tokens, hidden) else Storage.PLAIN


def storage_of_key(token: str, hidden: HiddenTokens) -> Storage:
    """How a single key with this *token* may be stored, such as a line of the overrides file names it."""
    if token in hidden.erased:
        return Storage.DROPPED
    if token in hidden.protected or token in hidden.children:
        return Storage.KEYS_AS_TOKENS
    return Storage.PLAIN


# --- many marks at once ------------------------------------------------------------------------------------------------

MAX_MARKS_UNASKED = 5
MAX_MARKED_RATIO = 0.01  # of the persons of a roster; in a municipality fewer than one in a hundred are protected


def is_mass_marking(newly_marked: int, persons: int) -> bool:
    """Whether a pull marks so many *persons* of its roster anew that a person is asked before it takes effect for good."""
    return newly_marked > max(MAX_MARKS_UNASKED, MAX_MARKED_RATIO * persons)


def shareable_mark_words(words: Mapping[str, int]) -> Mapping[str, int]:
    """Of the words that mark persons, by "field=word", those that so many persons share that a mass marking may come from
    them. A word that few share may be a note about a person: it is never repeated.
    """
    return {word: count for word, count in words.items() if count > MAX_MARKS_UNASKED}


def marked_refs(
    known: Iterable[BelievedRecord], marks: frozenset[str], token_of: Tokeniser
) -> Mapping[tuple[str, str, str], RecordTokens]:
    """Of all records that are *known*, those of the people of *marks* and of their devices, with their tokens.

    Widened as a marking is: a key that stands beside a marked one, or an id, leads on.
    """
    linked = set(marks)
    remaining = [(each, record_tokens(each.record, token_of, source=each.source)) for each in known]
    theirs: dict[tuple[str, str, str], RecordTokens] = {}
    while True:
        hits = [(each, tokens) for each, tokens in remaining if not linked.isdisjoint(tokens.of_persons)]
        if not hits:
            return theirs
        for each, tokens in hits:
            theirs[each.ref] = tokens
            linked |= linked_tokens(each.record, tokens)
        remaining = [(each, tokens) for each, tokens in remaining if each.ref not in theirs]


def with_marks(
    known: Iterable[BelievedRecord], marks: frozenset[str], token_of: Tokeniser
) -> tuple[BelievedRecord, ...]:
    """All records that are *known* as they would be believed once the people of *marks* are protected."""
    everything = tuple(known)
    theirs = marked_refs(everything, marks, token_of)
    return tuple(
        replace(each, record=masked_record(each.record, theirs[each.ref], token_of, source=each.source), masked=True)
        if each.ref in theirs
        else each
        for each in everything
    )


def with_ids_in_clear(
    known: Iterable[BelievedRecord], rows: Iterable[StagedRow], source: str, token_of: Tokeniser
) -> tuple[BelievedRecord, ...]:
    """The masked records of *source* that *rows* show in clear, under the id that they have there.

    They are of persons who are protected no more: so they are the same records, not vanished ones beside new ones.
    """
    before = tuple(known)
    if not any(each.masked for each in before):
        return before
    shown: Mapping[tuple[RecordType, str], str] = {
        (row.type, tokenise_id(source, row.source_id, token_of)): row.source_id
        for row in rows
        if row.record is not None and not row.masked and row.type in (RecordType.PERSON, RecordType.MEMBERSHIP)
    }
    return tuple(
        replace(each, record=replace(each.record, source_id=source_id))
        if each.masked and (source_id := shown.get((each.type, each.record.source_id))) is not None
        else each
        for each in before
    )


# --- no persons at all ------------------------------------------------------------------------------------------------


def without_person(record: DeviceRecord, *, has_user: bool, is_managers: bool) -> DeviceRecord:
    """*record* without anything that leads to a person: only whether somebody has it, or an enrolment manager."""
    return replace(
        record,
        keys=(),
        name=None,
        has_user=has_user,
        enrolled_by_manager=is_managers,
        unreadable=tuple(field for field in record.unreadable if field != "keys"),
    )


# --- what is left -----------------------------------------------------------------------------------------------------


def with_token_keys(record: Record, tokens: RecordTokens) -> Record:
    """*record* with its keys as tokens and without a name. Everything else about it stays."""
    if isinstance(record, PersonRecord | DeviceRecord):
        return replace(record, keys=tokens.keys, name=None)
    return record


def mask_record(record: Record, token_of: Tokeniser, *, source: str) -> Record:
    """`masked_record` of a record whose tokens are not known yet."""
    return masked_record(record, record_tokens(record, token_of, source=source), token_of, source=source)


def masked_record(record: Record, tokens: RecordTokens, token_of: Tokeniser, *, source: str) -> Record:
    """*record* with keys and ids of the person as tokens, without names, places, groups and free text.

    What an entitlement is judged by stays (form, year, employment, dates), and what a device is. Masking what is masked
    changes nothing. Ids of persons and memberships are tokens too: they are often a log-in or a number.
    """
    match record:
        case PersonRecord():
            return PersonRecord(source_id=tokens.person_id or "", keys=tokens.keys)
        case MembershipRecord():
            return _masked_membership(record, tokens, tokenise_id(source, record.source_id, token_of))
        case DeviceRecord():
            return _masked_device(record, tokens)
        case UnitRecord() | GroupRecord() | HeadcountRecord():
            return record
        case unknown:
            assert_never(unknown)


def _masked_membership(record: MembershipRecord, tokens: RecordTokens, source_id: str) -> MembershipRecord:
    return MembershipRecord(
        source_id=source_id,
        person=tokens.person_id or "",
        membership=record.membership,
        school_form=record.school_form,
        year=record.year,
        employment_form=record.employment_form,
        share=record.share,
        start=record.start,
        end=record.end,
        leave_from=record.leave_from,
        leave_to=record.leave_to,
        unreadable=record.unreadable,
    )


def _masked_device(record: DeviceRecord, tokens: RecordTokens) -> DeviceRecord:
    return DeviceRecord(
        source_id=record.source_id,
        serial=record.serial,
        serial_problem=record.serial_problem,
        manufacturer=record.manufacturer,
        model=record.model,
        platform=record.platform,
        os_version=record.os_version,
        os_edition=record.os_edition,
        keys=tokens.keys,
        has_user=record.has_user,
        enrolled_by_manager=record.enrolled_by_manager,
        reported_shared=record.reported_shared,
        order=record.order,
        asset_tag=record.asset_tag,
        enrolled_at=record.enrolled_at,
        last_contact_at=record.last_contact_at,
        ownership=record.ownership,
        managed=record.managed,
        migrating=record.migrating,
        condition=record.condition,
        compliance=record.compliance,
        encrypted=record.encrypted,
        purpose=record.purpose,
        purchased_on=record.purchased_on,
        warranty_until=record.warranty_until,
        support_until=record.support_until,
        unreadable=record.unreadable,
    )
