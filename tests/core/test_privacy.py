import base64
import hmac
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.model import (
    TOKEN_PREFIX,
    BelievedRecord,
    Condition,
    DeviceRecord,
    GroupRecord,
    Key,
    MembershipRecord,
    MembershipType,
    PersonRecord,
    Purpose,
    Record,
    RecordType,
    RowChange,
    Scheme,
    StagedRow,
    UnitRecord,
)
from fleetsync.core.privacy import (
    HiddenTokens,
    Storage,
    hidden_tokens,
    is_mass_marking,
    key_tokeniser,
    linked_tokens,
    mask_record,
    masked_record,
    needs_token_keys,
    person_tokens,
    record_tokens,
    shareable_mark_words,
    storage_of_key,
    storage_of_record,
    tokenise_id,
    tokenise_key,
    with_ids_in_clear,
    with_marks,
    with_token_keys,
    without_person,
)

SECRET = b"a key that lies outside of the database"
TOKEN_OF = key_tokeniser(SECRET)
LOGIN = Key(Scheme.ADDRESS, "", "anna.ek@exempelby.se")

keys = st.builds(Key, st.sampled_from(Scheme), st.sampled_from(["", "skola", "hr"]), st.text(min_size=1, max_size=12))

A_PERSON = PersonRecord(source_id="anna.ek", keys=(LOGIN,), name="Anna Ek", protected=True)
A_MEMBERSHIP = MembershipRecord(
    source_id="anna.ek|vretaskolan",
    person="anna.ek",
    membership=MembershipType.ENROLMENT,
    codes=("12345678",),
    unit_name="Vretaskolan",
    group="5b",
    school_form="GR",
    year=5,
    start=date(2026, 8, 17),
    end=date(2027, 6, 11),
    protected=True,
)
A_DEVICE = DeviceRecord(
    source_id="7",
    serial="C02XK1",
    name="Annas iPad",
    name_matches=(("{unit} *", "Vretaskolan"),),
    keys=(LOGIN,),
    location="Vretaskolan",
    groups=("Vretaskolan 5B",),
    profile="Vretaskolan elever",
    tag="VRE",
    status="utlånad till Anna",
    unit="vretaskolan",
    serves=("5B",),
    asset_tag="4711",
    condition=Condition.LOST,
    purpose=Purpose.LOAN,
    last_contact_at=datetime(2026, 11, 20, tzinfo=UTC),
)


def test_a_token_is_an_hmac_of_the_whole_key_and_keeps_its_scheme() -> None:
    token = tokenise_key(SECRET, LOGIN)

    assert token == Key(Scheme.ADDRESS, "", "~d42q4akizjprxeu4zldwn6azmr6ij4zm")
    assert token.is_token


@given(st.binary(max_size=80), keys)
def test_a_token_always_is_what_the_standard_library_makes_of_the_key(secret: bytes, key: Key) -> None:
    message = f"{key.scheme}\x1f{key.namespace}\x1f{key.value}".encode()
    digest = hmac.digest(secret, message, "sha256")[:20]

    assert key.is_token or tokenise_key(secret, key).value == "~" + base64.b32encode(digest).decode().lower()


@given(keys)
def test_a_token_never_becomes_another_token(key: Key) -> None:
    once = tokenise_key(SECRET, key)

    assert tokenise_key(SECRET, once) == once


@given(keys, keys)
def test_two_keys_never_share_a_token(key: Key, other: Key) -> None:
    if not key.is_token and not other.is_token:
        assert (tokenise_key(SECRET, key).value == tokenise_key(SECRET, other).value) == (key == other)


def test_another_secret_makes_every_token_new() -> None:
    assert tokenise_key(SECRET, LOGIN) != tokenise_key(b"another", LOGIN)


def test_the_ids_of_two_sources_that_number_from_one_do_not_meet() -> None:
    assert tokenise_id("hr", "1", TOKEN_OF) != tokenise_id("skola", "1", TOKEN_OF)
    assert tokenise_id("hr", tokenise_id("hr", "1", TOKEN_OF), TOKEN_OF) == tokenise_id("hr", "1", TOKEN_OF)


def children_of(record: Record, children: frozenset[str], *, source: str = "entra") -> tuple[bool, Record]:
    """Whether the keys of *record* must be tokens when the register says these are children, and the record then."""
    tokens = record_tokens(record, TOKEN_OF, source=source)
    return needs_token_keys(record, tokens, hidden_tokens(source, {"skola": children})), with_token_keys(record, tokens)


CHILD = frozenset({TOKEN_OF(LOGIN).value})


@pytest.mark.parametrize(
    ("record", "children"),
    [
        (PersonRecord(source_id="7", keys=(LOGIN,), name="Anna Ek", child=True), frozenset()),
        (PersonRecord(source_id="7", keys=(LOGIN,), name="Anna Ek"), CHILD),
        (DeviceRecord(source_id="7", keys=(LOGIN,), name="Annas iPad"), CHILD),
    ],
    ids=["says so", "another source says so", "device"],
)
def test_a_child_is_kept_by_tokens_without_a_name(record: Any, children: frozenset[str]) -> None:
    needs_tokens, tokenised = children_of(record, children)

    assert needs_tokens
    assert tokenised == msgspec.structs.replace(record, keys=(TOKEN_OF(LOGIN),), name=None)
    assert children_of(tokenised, children) == (True, tokenised)


@pytest.mark.parametrize("record", [A_PERSON, A_MEMBERSHIP, A_DEVICE, UnitRecord(source_id="1", name="Vretaskolan")])
def test_a_record_of_nobody_who_is_a_child_keeps_its_keys(record: Record) -> None:
    assert not children_of(record, frozenset())[0]
    assert not children_of(record, frozenset({"~another"}))[0]


def test_a_source_that_says_who_is_a_child_is_not_overruled_by_another() -> None:
    grown_up = PersonRecord(source_id="7", keys=(LOGIN,))

    assert children_of(grown_up, CHILD, source="entra")[0]
    assert not children_of(grown_up, CHILD, source="skola")[0]
    assert children_of(DeviceRecord(source_id="7", keys=(LOGIN,)), CHILD, source="skola")[0]


@pytest.mark.parametrize("record", [A_MEMBERSHIP, UnitRecord(source_id="1", name="Vretaskolan")])
def test_what_has_no_keys_stays_as_it_is(record: Record) -> None:
    assert with_token_keys(record, record_tokens(record, TOKEN_OF, source="skola")) is record


# --- the decision -----------------------------------------------------------------------------------------------------

HERS = frozenset({TOKEN_OF(LOGIN).value, tokenise_id("skola", "anna.ek", TOKEN_OF)})
UNIT = UnitRecord(source_id="1", name="Vretaskolan")


@pytest.mark.parametrize(
    ("hidden", "person", "membership", "device"),
    [
        (HiddenTokens(), "plain", "plain", "plain"),
        (HiddenTokens(children=HERS), "plain", "plain", "keys as tokens"),
        (HiddenTokens(children=HERS, children_elsewhere=HERS), "keys as tokens", "plain", "keys as tokens"),
        (HiddenTokens(protected=HERS), "masked", "masked", "masked"),
        (HiddenTokens(protected=HERS, children=HERS, children_elsewhere=HERS), "masked", "masked", "masked"),
        (HiddenTokens(erased=HERS), "dropped", "dropped", "masked"),
        (HiddenTokens(erased=HERS, protected=HERS), "dropped", "dropped", "masked"),
        (HiddenTokens(protected=frozenset({"~another"})), "plain", "plain", "plain"),
    ],
)
def test_a_record_is_stored_as_who_is_hidden_says(
    hidden: HiddenTokens, person: str, membership: str, device: str
) -> None:
    storages = [
        storage_of_record(record, record_tokens(record, TOKEN_OF, source="skola"), hidden).value
        for record in (A_PERSON, A_MEMBERSHIP, A_DEVICE, UNIT)
    ]

    assert storages == [person, membership, device, "plain"]


@pytest.mark.parametrize(
    ("hidden", "storage"),
    [
        (HiddenTokens(protected=frozenset({"~another"})), Storage.PLAIN),
        (HiddenTokens(children=HERS), Storage.KEYS_AS_TOKENS),
        (HiddenTokens(protected=HERS), Storage.KEYS_AS_TOKENS),
        (HiddenTokens(protected=HERS, erased=HERS), Storage.DROPPED),
    ],
)
def test_a_single_key_is_stored_as_who_is_hidden_says(hidden: HiddenTokens, storage: Storage) -> None:
    assert storage_of_key(TOKEN_OF(LOGIN).value, hidden) is storage


@pytest.mark.parametrize("record", [A_PERSON, A_MEMBERSHIP, A_DEVICE], ids=["person", "membership", "device"])
def test_the_tokens_of_a_masked_record_are_those_of_the_plain_one(record: Record) -> None:
    tokens = record_tokens(record, TOKEN_OF, source="skola")

    masked = masked_record(record, tokens, TOKEN_OF, source="skola")

    assert record_tokens(masked, TOKEN_OF, source="skola") == tokens
    assert record_tokens(with_token_keys(record, tokens), TOKEN_OF, source="skola") == tokens


# --- tokens and masking -----------------------------------------------------------------------------------------------


def test_a_person_is_recognised_by_keys_and_id_a_membership_by_its_person_a_device_by_its_user() -> None:
    of_login, of_id = TOKEN_OF(LOGIN).value, tokenise_id("skola", "anna.ek", TOKEN_OF)

    assert person_tokens(A_PERSON, TOKEN_OF, source="skola") == {of_login, of_id}
    assert person_tokens(A_MEMBERSHIP, TOKEN_OF, source="skola") == {of_id}
    assert person_tokens(A_DEVICE, TOKEN_OF, source="jamf") == {of_login}


@pytest.mark.parametrize(
    "record",
    [UnitRecord(source_id="1", name="Vretaskolan"), GroupRecord(source_id="5b", name="5B")],
    ids=["unit", "group"],
)
def test_units_and_groups_are_nobody(record: Record) -> None:
    assert person_tokens(record, TOKEN_OF, source="skola") == frozenset()
    assert mask_record(record, TOKEN_OF, source="skola") is record


@pytest.mark.parametrize("record", [A_PERSON, A_MEMBERSHIP, A_DEVICE], ids=["person", "membership", "device"])
def test_nothing_that_tells_who_or_where_is_left(record: Record) -> None:
    left = msgspec.json.encode(mask_record(record, TOKEN_OF, source="skola")).lower()

    for word in (b"anna", b"exempelby", b"vreta", b"vre", b"5b", b"12345678", b"protected"):
        assert word not in left


def test_what_an_entitlement_is_judged_by_stays() -> None:
    left = mask_record(A_MEMBERSHIP, TOKEN_OF, source="skola")

    assert isinstance(left, MembershipRecord)
    assert (left.membership, left.school_form, left.year) == (MembershipType.ENROLMENT, "GR", 5)
    assert (left.start, left.end) == (date(2026, 8, 17), date(2027, 6, 11))


def test_what_a_device_is_stays() -> None:
    left = mask_record(A_DEVICE, TOKEN_OF, source="jamf")

    assert isinstance(left, DeviceRecord)
    assert (left.source_id, left.serial, left.asset_tag) == ("7", "C02XK1", "4711")
    assert (left.condition, left.purpose, left.last_contact_at) == (
        Condition.LOST,
        Purpose.LOAN,
        A_DEVICE.last_contact_at,
    )


def test_a_masked_person_is_still_found_by_the_masked_memberships() -> None:
    person, membership = (mask_record(record, TOKEN_OF, source="skola") for record in (A_PERSON, A_MEMBERSHIP))

    assert isinstance(membership, MembershipRecord)
    assert membership.person == person.source_id
    assert person.source_id.startswith(TOKEN_PREFIX)


@given(st.lists(keys, max_size=3), st.text(min_size=1, max_size=8))
def test_masking_what_is_masked_never_changes_it(some: list[Key], source_id: str) -> None:
    for record in (
        PersonRecord(source_id=source_id, keys=tuple(some)),
        DeviceRecord(source_id=source_id, keys=tuple(some)),
        MembershipRecord(source_id=source_id, person=source_id, membership=MembershipType.GROUP),
    ):
        once = mask_record(record, TOKEN_OF, source="skola")

        assert mask_record(once, TOKEN_OF, source="skola") == once


DROPPED = {
    DeviceRecord: {"name", "name_matches", "location", "groups", "profile", "tag", "status", "unit", "serves"},
    PersonRecord: {"name", "protected", "child"},
    MembershipRecord: {"codes", "unit_name", "group", "protected"},
}


@pytest.mark.parametrize("kind", DROPPED, ids=lambda kind: kind.__name__)
def test_every_field_of_a_record_is_kept_or_dropped_by_name(kind: Any) -> None:
    whole: Any = {DeviceRecord: A_DEVICE, PersonRecord: A_PERSON, MembershipRecord: A_MEMBERSHIP}[kind]
    marked = kind(**{name: _mark(whole, name) for name in kind.__struct_fields__})

    left = mask_record(marked, TOKEN_OF, source="skola")

    unset = {f.name for f in msgspec.structs.fields(kind) if getattr(left, f.name) in (f.default, False, ())}
    assert unset == DROPPED[kind]


def _mark(whole: Any, name: str) -> object:
    """The value of *whole*, or something that is no field's default."""
    value = getattr(whole, name)
    default = {f.name: f.default for f in msgspec.structs.fields(type(whole))}[name]
    return "something" if value in (default, False, ()) else value


# --- many marks at once ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("newly_marked", "persons", "is_mass"),
    [(5, 5, False), (6, 20, True), (6, 599, True), (6, 600, False), (60, 6000, False), (61, 6000, True)],
)
def test_more_than_five_and_more_than_one_in_a_hundred_are_asked_about(
    newly_marked: int, persons: int, is_mass: bool
) -> None:
    assert is_mass_marking(newly_marked, persons) is is_mass


def believed(record: Record, source: str = "hr") -> BelievedRecord:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return BelievedRecord(source=source, part="people", record=record, own_id=f"own-{record.source_id}", first_seen=at)


def test_marks_mask_the_people_their_memberships_and_their_devices_in_every_source() -> None:
    other = PersonRecord(source_id="bo.al", keys=(Key(Scheme.ADDRESS, "", "bo.al@exempelby.se"),))
    at_mdm = DeviceRecord(source_id="7", serial="SERIAL7", keys=(LOGIN,), location="Vretaskolan")
    known = [believed(A_PERSON), believed(A_MEMBERSHIP), believed(other), believed(at_mdm, "mdm")]

    after = with_marks(known, frozenset({tokenise_id("hr", "anna.ek", TOKEN_OF)}), TOKEN_OF)

    assert [each.masked for each in after] == [True, True, False, True]
    assert after[2] == known[2]
    assert [each.own_id for each in after] == [each.own_id for each in known]
    assert "anna" not in str([each.record for each in after])
    assert "Vretaskolan" not in str(after[3])


def test_with_an_object_id_all_keys_of_a_device_are_those_of_one_account() -> None:
    account = Key(Scheme.OBJECT_ID, "tenant", "0e0e0e0e-0000-4000-8000-000000000042")
    alone = DeviceRecord(source_id="7", keys=(LOGIN,))
    with_id = DeviceRecord(source_id="7", keys=(LOGIN, account))

    assert linked_tokens(alone, record_tokens(alone, TOKEN_OF, source="mdm")) == frozenset()
    assert len(linked_tokens(with_id, record_tokens(with_id, TOKEN_OF, source="mdm"))) == 2
    assert len(linked_tokens(A_PERSON, record_tokens(A_PERSON, TOKEN_OF, source="hr"))) == 2


# --- back in clear ------------------------------------------------------------------------------------------------------


def test_a_masked_record_that_is_shown_in_clear_gets_its_id_back_and_stays_the_same_record() -> None:
    anna = PersonRecord(source_id="u1", keys=(Key(Scheme.ADDRESS, "", "anna@exempelby.se"),))
    masked = BelievedRecord(
        source="hr",
        part="staff",
        record=mask_record(anna, TOKEN_OF, source="hr"),
        own_id="own",
        first_seen=datetime(2026, 11, 1, tzinfo=UTC),
        masked=True,
    )
    others = (
        msgspec.structs.replace(masked, record=mask_record(PersonRecord(source_id="u2"), TOKEN_OF, source="hr")),
        msgspec.structs.replace(masked, record=PersonRecord(source_id="u3"), masked=False),
    )
    row = StagedRow(change=RowChange.PUT, type=RecordType.PERSON, source_id="u1", record=anna)

    back, *rest = with_ids_in_clear((masked, *others), [row], "hr", TOKEN_OF)

    assert (back.record.source_id, back.own_id, back.masked) == ("u1", "own", True)
    assert tuple(rest) == others
    assert with_ids_in_clear(others[1:], [row], "hr", TOKEN_OF) == others[1:]
    still_masked = msgspec.structs.replace(row, masked=True)
    assert with_ids_in_clear((masked,), [still_masked], "hr", TOKEN_OF) == (masked,)


def test_only_words_that_many_share_may_be_repeated() -> None:
    assert shareable_mark_words({"protected=Nej.": 6, "protected=bor hos mormor": 5}) == {"protected=Nej.": 6}


def test_without_persons_a_device_keeps_only_that_somebody_has_it() -> None:
    key = Key(Scheme.ADDRESS, "", "alva@edu.exempelby.se")
    record = DeviceRecord(
        source_id="d",
        serial="S1",
        name="Alvas iPad",
        location="Ekskolan",
        keys=(key,),
        unreadable=("keys", "ownership"),
    )

    assert without_person(record, has_user=True, is_managers=False) == DeviceRecord(
        source_id="d", serial="S1", location="Ekskolan", has_user=True, unreadable=("ownership",)
    )
    assert without_person(record, has_user=False, is_managers=True).enrolled_by_manager
