from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleetsync.core.identity import resolve_people
from fleetsync.core.model import BelievedRecord, Key, PartRole, Person, Policy
from tests.core.identity.identity_samples import (
    account,
    address,
    civic,
    day,
    membership_record,
    number,
    object_id,
    part,
    person,
)

PARTS = (part("sis", PartRole.ROSTER, trust=2), part("hr", PartRole.ROSTER, trust=1), part("entra", PartRole.REGISTER))
WITH_CIVIC = Policy(match_on_civic_number=True)


def resolve(*known: BelievedRecord, policy: Policy = Policy()) -> tuple[Person, ...]:
    return resolve_people(known, PARTS, policy)


def together(people: Sequence[Person]) -> set[frozenset[str]]:
    """The records of each person, as "source/source id"."""
    return {frozenset(f"{known.source}/{known.record.source_id}" for known in each.records) for each in people}


def test_records_that_share_a_key_are_one_person_over_several_steps() -> None:
    people = resolve(
        person("sis", "1", address("ann@exempelby.se")),
        person("entra", "a", address("ann@exempelby.se"), number("77")),
        person("hr", "9", number("77")),
        person("hr", "8", number("78")),
    )

    assert together(people) == {frozenset({"sis/1", "entra/a", "hr/9"}), frozenset({"hr/8"})}
    assert not any(each.duplicate for each in people)


def test_a_number_of_another_namespace_is_another_number() -> None:
    people = resolve(person("sis", "1", number("77")), person("hr", "9", replace(number("77"), namespace="sis")))

    assert len(people) == 2


def test_a_name_never_joins() -> None:
    assert len(resolve(person("sis", "1", name="Ann Ek"), person("hr", "9", name="Ann Ek"))) == 2


def test_civic_numbers_join_only_where_that_is_declared() -> None:
    known = (person("sis", "1", civic("x")), person("hr", "9", civic("x")))

    assert len(resolve(*known)) == 2
    assert len(resolve(*known, policy=WITH_CIVIC)) == 1


def test_tokens_of_any_other_scheme_join_as_they_are() -> None:
    assert len(resolve(person("sis", "1", address("~x")), person("hr", "9", address("~x")))) == 1


def test_records_of_one_id_in_several_parts_are_one_person_with_each_membership_once() -> None:
    (joined,) = resolve(
        person("sis", "1", part="children"),
        person("sis", "1", address("ann@exempelby.se"), part="pupils"),
        person("hr", "9", address("ann@exempelby.se")),
        membership_record("sis", "e1", "1"),
    )

    assert [record.part for record in joined.records if record.source == "sis"] == ["children", "pupils"]
    assert [record.record.source_id for record in joined.memberships] == ["e1"]
    assert not joined.duplicate


def test_a_person_gone_from_one_part_and_present_in_another_is_counted_once() -> None:
    (joined,) = resolve(
        person("sis", "1", part="children", gone=True, thing_id="p1", since=0),
        person("sis", "1", address("ann@exempelby.se"), part="pupils", since=3),
        membership_record("sis", "e1", "1"),
    )

    assert (joined.id, [record.part for record in joined.records]) == ("p1", ["pupils"])
    assert len(joined.memberships) == 1


def test_a_gone_record_of_a_present_id_is_the_same_person_although_its_keys_are_anothers_by_now() -> None:
    people = resolve(
        person("sis", "1", number("77"), part="pupils", gone=True, since=0),
        membership_record("sis", "e1", "1", gone=True),
        person("sis", "1", number("90"), part="staff", since=1),
        membership_record("sis", "d1", "1"),
        person("sis", "2", number("77"), part="pupils", since=1),
    )

    memberships = [[known.record.source_id for known in each.memberships] for each in people]
    assert sorted(memberships) == [[], ["d1", "e1"]]


def test_a_person_gone_from_all_parts_has_left() -> None:
    (joined,) = resolve(
        person("sis", "1", part="children", gone=True),
        person("sis", "1", address("ann@exempelby.se"), part="pupils", gone=True),
        membership_record("sis", "e1", "1", gone=True),
    )

    assert (joined.records, len(joined.memberships)) == ((), 1)


def test_two_records_of_one_source_are_separated_by_ignoring_the_weakest_scheme() -> None:
    people = resolve(
        person("sis", "1", object_id("a"), account("annek")),
        person("entra", "a", object_id("a")),
        person("sis", "2", account("annek")),
        person("hr", "9", account("annek"), address("ann@exempelby.se")),
        person("entra", "b", address("ann@exempelby.se")),
    )

    assert together(people) == {frozenset({"sis/1", "entra/a"}), frozenset({"sis/2"}), frozenset({"hr/9", "entra/b"})}
    assert all(each.duplicate for each in people)


def test_records_that_the_strongest_scheme_contradicts_stand_alone() -> None:
    people = resolve(
        person("sis", "1", object_id("a")), person("sis", "2", object_id("a")), person("hr", "9", object_id("a"))
    )

    assert together(people) == {frozenset({"sis/1"}), frozenset({"sis/2"}), frozenset({"hr/9"})}
    assert all(each.duplicate for each in people)


def test_a_person_has_the_id_of_the_earliest_record() -> None:
    (new,) = resolve(person("sis", "1", address("ann"), since=2), person("hr", "9", address("ann"), since=1))
    (kept,) = resolve(
        person("sis", "1", address("ann"), since=2, thing_id="p2"),
        person("hr", "9", address("ann"), since=1, thing_id="p1"),
    )

    assert (new.id, new.first_seen) == ("p-hr-9", day(1))
    assert kept.id == "p1"


def test_where_the_earliest_record_has_no_id_yet_the_earliest_that_has_one_gives_it() -> None:
    (joined,) = resolve(
        person("entra", "a", address("ann"), since=0),
        person("hr", "9", address("ann"), since=3, thing_id="p3"),
        person("sis", "1", address("ann"), since=2, thing_id="p2"),
    )

    assert joined.id == "p2"


def test_records_first_seen_together_are_ordered_by_their_ref() -> None:
    (joined,) = resolve(person("sis", "1", address("ann")), person("hr", "9", address("ann")))

    assert joined.id == "p-hr-9"


def test_when_a_person_is_separated_the_group_with_the_earliest_record_keeps_the_id() -> None:
    people = resolve(
        person("sis", "1", address("ann"), since=1, thing_id="p1"),
        person("hr", "9", address("bo"), since=0, thing_id="p1"),
    )

    assert {each.id: together([each]) for each in people} == {
        "p1": {frozenset({"hr/9"})},
        "p-sis-1": {frozenset({"sis/1"})},
    }


def test_an_id_that_another_person_has_is_not_given_again() -> None:
    held = person("hr", "7", since=5, thing_id="p-sis-1")
    first = person("hr", "9", since=0, thing_id="p1")
    apart = (person("sis", "1", address("bo"), since=1, thing_id="p1"), person("entra", "a", address("bo"), since=2))

    assert {each.id for each in resolve(held, first, apart[0])} == {"p1", "p-sis-1", "p-sis-1-2"}
    assert {each.id for each in resolve(held, first, *apart)} == {"p1", "p-sis-1", "p-entra-a"}


def test_a_person_s_keys_are_the_strongest_first_and_each_once() -> None:
    (joined,) = resolve(
        person("entra", "a", object_id("a"), address("ann@x.se"), address("ann@y.se")),
        person("sis", "1", account("annek"), address("ann@y.se")),
        person("hr", "9", number("7"), account("annek")),
    )

    assert joined.keys == (object_id("a"), number("7"), address("ann@y.se"), address("ann@x.se"), account("annek"))


def test_a_name_is_the_most_trusted_source_s_that_has_one() -> None:
    (joined,) = resolve(
        person("entra", "a", address("ann"), name="ANN"),
        person("hr", "9", address("ann"), name="Ann Ek"),
        person("sis", "1", address("ann"), part="unconfigured"),
    )

    assert joined.name == "Ann Ek"
    assert [record.source for record in joined.records] == ["hr", "entra", "sis"]


def test_one_masked_record_masks_the_person() -> None:
    (joined,) = resolve(person("sis", "1", address("~x"), masked=True), person("hr", "9", address("~x")))

    assert joined.masked


def test_memberships_are_their_person_s_within_a_source_gone_ones_included() -> None:
    memberships = (
        membership_record("sis", "b", "1"),
        membership_record("sis", "a", "1", gone=True),
        membership_record("hr", "c", "1"),
        membership_record("hr", "d", "9"),
    )
    (joined,) = resolve(*memberships, person("sis", "1", address("ann")), person("hr", "9", address("ann")))

    assert [record.record.source_id for record in joined.memberships] == ["d", "a", "b"]


# --- persons who have left --------------------------------------------------------------------------------------------


def test_a_person_who_has_left_is_kept_with_their_keys_and_without_records() -> None:
    known = (
        person("sis", "1", address("ann"), gone=True, thing_id="p1", name="Ann"),
        person("hr", "9", address("ann"), gone=True, since=1),
    )
    (joined,) = resolve(*known)

    assert (joined.id, joined.records, joined.keys, joined.name) == ("p1", (), (address("ann"),), "Ann")


def test_a_person_who_has_left_is_kept_only_with_an_id_or_a_membership() -> None:
    gone = person("sis", "1", address("ann"), gone=True)

    assert len(resolve(gone, membership_record("sis", "a", "1", gone=True))) == 1
    assert resolve(gone) == ()


def test_a_gone_record_gives_its_person_an_id_and_memberships_but_no_key() -> None:
    (joined,) = resolve(
        person("sis", "1", address("ann"), account("old"), gone=True, thing_id="p1"),
        membership_record("sis", "a", "1", gone=True),
        person("hr", "9", address("ann"), since=1, thing_id="p1"),
    )

    assert (joined.id, joined.first_seen, joined.keys) == ("p1", day(0), (address("ann"),))
    assert together([joined]) == {frozenset({"hr/9"})}
    assert len(joined.memberships) == 1


def test_a_log_in_given_to_a_new_person_does_not_make_them_the_one_who_left() -> None:
    new, left = resolve(
        person("sis", "1", address("ann"), gone=True, thing_id="p1"), person("sis", "2", address("ann"), since=9)
    )

    assert (left.id, left.records) == ("p1", ())
    assert (new.id, new.duplicate) == ("p-sis-2", False)


@pytest.mark.parametrize("key", [object_id("a"), number("7"), civic("x")])
def test_a_record_that_changed_its_source_id_is_recognised_by_a_lasting_key(key: Key) -> None:
    (joined,) = resolve(
        person("sis", "1", key, gone=True, thing_id="p1"), person("sis", "2", key, since=9), policy=WITH_CIVIC
    )

    assert (joined.id, together([joined])) == ("p1", {frozenset({"sis/2"})})


def test_a_person_whose_source_id_changed_before_they_left_is_still_one() -> None:
    people = resolve(
        person("sis", "1", object_id("a"), gone=True, thing_id="p1"),
        person("sis", "2", object_id("a"), gone=True, since=9, thing_id="p1"),
    )

    assert [each.id for each in people] == ["p1"]


def test_two_who_left_a_source_are_two_even_if_they_shared_a_log_in() -> None:
    people = resolve(
        person("sis", "1", address("ann"), gone=True, thing_id="p1"),
        person("sis", "2", address("ann"), gone=True, thing_id="p2"),
    )

    assert [each.id for each in people] == ["p1", "p2"]
    assert not any(each.duplicate for each in people)


def test_a_departed_person_who_matches_two_is_attached_to_neither() -> None:
    for first, second in ((object_id("a"), number("7")), (address("ann"), account("annek"))):
        people = resolve(
            person("sis", "1", first, second, gone=True, thing_id="p1"),
            person("hr", "8", first),
            person("hr", "9", second),
        )

        assert [each.id for each in people if not each.records] == ["p1"]


def test_of_two_who_left_one_source_only_the_earlier_is_attached_by_a_log_in() -> None:
    people = resolve(
        person("hr", "9", address("ann"), account("annek"), since=5),
        person("sis", "1", address("ann"), gone=True, since=2, thing_id="p1"),
        person("sis", "2", account("annek"), gone=True, since=1, thing_id="p2"),
    )

    assert {each.id: len(each.records) for each in people} == {"p2": 1, "p1": 0}


# --- always, never ----------------------------------------------------------------------------------------------------

some_keys = st.lists(
    st.builds(
        lambda make, text: make(text),
        st.sampled_from([object_id, number, civic, address, account]),
        st.sampled_from("abcd"),
    ),
    max_size=3,
)


@st.composite
def some_people(draw: st.DrawFn) -> list[BelievedRecord]:
    return [
        person(
            source,
            source_id,
            *draw(some_keys),
            since=draw(st.integers(0, 3)),
            gone=draw(st.booleans()),
            thing_id=draw(st.sampled_from([None, "p1", "p2", "p-sis-1"])),
        )
        for source in ("sis", "hr", "entra")
        for source_id in "12345"[: draw(st.integers(0, 5))]
    ]


policies = st.sampled_from([Policy(), WITH_CIVIC])


@given(some_people().flatmap(lambda known: st.tuples(st.just(known), st.permutations(known))), policies)
def test_the_order_of_records_and_parts_never_matters(
    orders: tuple[list[BelievedRecord], list[BelievedRecord]], policy: Policy
) -> None:
    known, shuffled = orders

    assert resolve_people(known, PARTS, policy) == resolve_people(shuffled, PARTS[::-1], policy)


@given(some_people(), policies)
def test_every_record_that_is_not_gone_is_always_in_exactly_one_person(
    known: list[BelievedRecord], policy: Policy
) -> None:
    refs = Counter(record.ref for each in resolve(*known, policy=policy) for record in each.records)

    assert refs == Counter(record.ref for record in known if not record.gone)


@given(some_people(), some_people(), policies)
def test_a_membership_is_always_of_one_person(
    known: list[BelievedRecord], elsewhere: list[BelievedRecord], policy: Policy
) -> None:
    also = [replace(each, part="another part") for each in elsewhere]
    ids = {(each.source, each.record.source_id) for each in (*known, *also)}
    memberships = [membership_record(source, f"m{id_}", id_) for source, id_ in sorted(ids)]

    people = resolve(*known, *also, *memberships, policy=policy)

    assert Counter(each.ref for person in people for each in person.memberships) == Counter(
        each.ref for each in memberships
    )


@given(some_people(), policies)
def test_no_person_ever_has_two_records_of_one_source(known: list[BelievedRecord], policy: Policy) -> None:
    for each in resolve(*known, policy=policy):
        sources = [record.source for record in each.records]
        assert len(sources) == len(set(sources))


@given(some_people(), policies)
def test_an_id_is_never_given_to_two(known: list[BelievedRecord], policy: Policy) -> None:
    ids = [each.id for each in resolve(*known, policy=policy)]

    assert len(ids) == len(set(ids))


@settings(max_examples=50)
@given(some_people(), policies)
def test_a_second_run_of_the_same_input_always_gives_the_same_ids(known: list[BelievedRecord], policy: Policy) -> None:
    first = resolve(*known, policy=policy)
    ids = {record.ref: each.id for each in first for record in each.records}
    again = [replace(record, thing_id=ids.get(record.ref, record.thing_id)) for record in known if not record.gone]

    assert {record.ref: each.id for each in resolve(*again, policy=policy) for record in each.records} == ids
