"""What is left of a protected person's records: tokens instead of keys, nothing that tells where or who.

Pure. A token is HMAC-SHA256 of a canonical key under a secret that is kept outside of the database. Masking fails
closed: what is not known to be harmless is dropped, so a new field of a record must be kept here by name to be kept.
"""

import base64
import hmac
from collections.abc import Callable
from typing import assert_never

from msgspec.structs import replace

from fleetsync.core.model import (
    TOKEN_PREFIX,
    DeviceRecord,
    GroupRecord,
    Key,
    MembershipRecord,
    PersonRecord,
    Record,
    Scheme,
    UnitRecord,
)

Tokeniser = Callable[[Key], Key]

TOKEN_BYTES = 20  # of the digest's 32: beyond guessing and beyond meeting by chance, in 32 characters


def tokenise_key(secret: bytes, key: Key) -> Key:
    """The canonical *key* with its value replaced by a token; a key that is one already passes unchanged."""
    if key.is_token:
        return key
    message = f"{key.scheme}\x1f{key.namespace}\x1f{key.value}".encode()
    digest = hmac.digest(secret, message, "sha256")[:TOKEN_BYTES]
    return Key(key.scheme, key.namespace, TOKEN_PREFIX + base64.b32encode(digest).decode().lower())


def key_tokeniser(secret: bytes) -> Tokeniser:
    """`tokenise_key` under *secret*."""
    return lambda key: tokenise_key(secret, key)


def tokenise_id(source: str, source_id: str, token_of: Tokeniser) -> str:
    """A person's id at *source* as a token: two sources that both number from 1 must not meet."""
    if source_id.startswith(TOKEN_PREFIX):
        return source_id
    return token_of(Key(Scheme.NUMBER, source, source_id)).value


def person_tokens(record: Record, token_of: Tokeniser, *, source: str) -> frozenset[str]:
    """All tokens by which a protected or erased person is recognised in *record*: those of its keys and of the id of
    the person at *source*. Empty for units and groups.
    """
    match record:
        case PersonRecord():
            return _key_tokens(record.keys, token_of) | {tokenise_id(source, record.source_id, token_of)}
        case MembershipRecord():
            return frozenset((tokenise_id(source, record.person, token_of),))
        case DeviceRecord():
            return _key_tokens(record.keys, token_of)
        case UnitRecord() | GroupRecord():
            return frozenset()
        case stranger:
            assert_never(stranger)


def mask_record(record: Record, token_of: Tokeniser, *, source: str) -> Record:
    """*record* with keys and ids of the person as tokens, without names, places, groups and free text.

    What an entitlement is judged by stays (form, year, employment, dates), and what a device is. Masking what is masked
    changes nothing. Ids of persons and memberships are tokens too: they are often a log-in or a number.
    """
    match record:
        case PersonRecord():
            return PersonRecord(
                source_id=tokenise_id(source, record.source_id, token_of), keys=_mask_keys(record.keys, token_of)
            )
        case MembershipRecord():
            return _mask_membership(record, token_of, source)
        case DeviceRecord():
            return _mask_device(record, token_of)
        case UnitRecord() | GroupRecord():
            return record
        case stranger:
            assert_never(stranger)


def mask_child_keys(record: Record, children: frozenset[str], token_of: Tokeniser) -> Record:
    """*record* with its keys as tokens and without a name, when it is a child's of förskola or förskoleklass: one that
    says so, or one with a key that is among the tokens *children*. Everything else about it stays.
    """
    if not isinstance(record, PersonRecord | DeviceRecord):
        return record
    is_childs = isinstance(record, PersonRecord) and record.child
    if not is_childs and (not children or _key_tokens(record.keys, token_of).isdisjoint(children)):
        return record
    return replace(record, keys=_mask_keys(record.keys, token_of), name=None)


def _key_tokens(keys: tuple[Key, ...], token_of: Tokeniser) -> frozenset[str]:
    return frozenset(key.value for key in _mask_keys(keys, token_of))


def _mask_keys(keys: tuple[Key, ...], token_of: Tokeniser) -> tuple[Key, ...]:
    return tuple(key if key.is_token else token_of(key) for key in keys)


def _mask_membership(record: MembershipRecord, token_of: Tokeniser, source: str) -> MembershipRecord:
    return MembershipRecord(
        source_id=tokenise_id(source, record.source_id, token_of),
        person=tokenise_id(source, record.person, token_of),
        membership=record.membership,
        school_form=record.school_form,
        year=record.year,
        employment_form=record.employment_form,
        share=record.share,
        start=record.start,
        end=record.end,
        leave_from=record.leave_from,
        leave_to=record.leave_to,
    )


def _mask_device(record: DeviceRecord, token_of: Tokeniser) -> DeviceRecord:
    return DeviceRecord(
        source_id=record.source_id,
        serial=record.serial,
        serial_problem=record.serial_problem,
        manufacturer=record.manufacturer,
        model=record.model,
        platform=record.platform,
        os_version=record.os_version,
        os_edition=record.os_edition,
        keys=_mask_keys(record.keys, token_of),
        enrolled_by_manager=record.enrolled_by_manager,
        reported_shared=record.reported_shared,
        order=record.order,
        asset_tag=record.asset_tag,
        enrolled_at=record.enrolled_at,
        last_contact_at=record.last_contact_at,
        ownership=record.ownership,
        managed=record.managed,
        condition=record.condition,
        compliance=record.compliance,
        encrypted=record.encrypted,
        purpose=record.purpose,
        purchased_on=record.purchased_on,
        warranty_until=record.warranty_until,
        support_until=record.support_until,
    )
