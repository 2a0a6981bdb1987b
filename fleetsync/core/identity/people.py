"""Decides which person records of different sources describe the same human.

Only shared keys join records, never names. A person whose records are all gone is kept with their memberships, keys and
id, so that a device in their name still leads to them and to nobody else. A log-in alone never makes a new person of a
source the successor of a departed one: log-ins are given to new people. Pure.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import cast

from fleetsync.core.identity.stable_ids import (
    are_same,
    assign_ids,
    first_seen_key,
    sorted_by_source_ref,
    source_ref,
    trust_by_part,
)
from fleetsync.core.model import (
    SCHEME_STRENGTH,
    BelievedRecord,
    Key,
    MembershipRecord,
    PartState,
    Person,
    PersonCase,
    PersonRecord,
    Policy,
    Scheme,
)

RecordGroup = tuple[BelievedRecord, ...]  # the records of one person
Schemes = tuple[Scheme, ...]  # strongest first
SourceRef = tuple[str, str]  # source, id there
MembershipsByPerson = Mapping[SourceRef, list[BelievedRecord]]

# Never given to another person: records that share such a key are the same human, even after the source id changed.
LASTING_SCHEMES = frozenset({Scheme.OBJECT_ID, Scheme.NUMBER, Scheme.CIVIC})

_KEYS_OF: Callable[[BelievedRecord], tuple[Key, ...]] = attrgetter("record.keys")


def resolve_people(
    known: Sequence[BelievedRecord],
    parts: Sequence[PartState],
    policy: Policy,
    copies: Sequence[BelievedRecord] = (),
    earlier: Mapping[str, PersonCase] = {},
) -> tuple[Person, ...]:
    """All persons, sorted by id: those with present records, and those who have left.

    *known*: records of every type. *copies*: the memberships that a school-year turnover keeps. Keys are compared as
    they are; the runner made them canonical. Civic-number tokens are compared only with `match_on_civic_number`. Every
    record that is not gone is in exactly one person's `records`. Records with the same id at the same source are the
    same person whatever their keys, since several parts of a source may list a person.

    A gone record belongs to the person who has a present one with the same id at the same source, whatever its keys: so a
    membership is of one person only. The other gone records are first joined among themselves. Then they are attached to
    the one person who shares a lasting key (object id, number, civic number), or else to the one person who shares a
    log-in and has no other record of those sources. They add their id, first sighting and memberships, but no keys:
    former log-ins are kept by date elsewhere. Gone records without such a person become a person with `records` = (), as
    long as they have a membership or an id. A membership whose person has no record belongs to nobody.

    *earlier*: as in `Context.earlier`.
    """
    records = sorted_by_source_ref(each for each in known if isinstance(each.record, PersonRecord))
    schemes = tuple(scheme for scheme in Scheme if scheme is not Scheme.CIVIC or policy.match_on_civic_number)
    present = _split_by_source(_grouped_by_id(each for each in records if not each.gone), schemes)
    gone = {source_ref(group[0]): group for group in _grouped_by_id(each for each in records if each.gone)}
    continued = [group + tuple(_taken_from(gone, group)) for group, _ in present]
    groups = _with_departed_attached(continued, _departed_groups(list(gone.values()), schemes), schemes)
    duplicates = [duplicate for _, duplicate in present] + [False] * (len(groups) - len(present))
    memberships, copied, trust = _memberships(known), _memberships(copies), trust_by_part(parts)
    ids = assign_ids(groups, "p")
    people = (
        _person(id_, group, duplicate, (memberships, copied), trust, earlier.get(id_))
        for id_, group, duplicate in zip(ids, groups, duplicates, strict=True)
    )
    return tuple(sorted((person for person in people if person is not None), key=lambda person: person.id))


# --- which records are one person -------------------------------------------------------------------------------------


def _grouped_by_id(records: Iterable[BelievedRecord]) -> list[RecordGroup]:
    """Groups of records with the same id at the same source. *records* must be sorted by `source_ref`."""
    return [tuple(same) for _, same in groupby(records, key=source_ref)]


def _keys(group: Iterable[BelievedRecord]) -> Iterator[Key]:
    return chain.from_iterable(map(_KEYS_OF, group))


def _connected_by_keys(groups: Sequence[RecordGroup], schemes: Schemes) -> Iterable[list[RecordGroup]]:
    """Connected components over the shared keys of *schemes*."""
    parent = list(range(len(groups)))  # union-find, with path halving

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first_with: dict[Key, int] = {}
    for at, group in enumerate(groups):
        for key in _keys(group):
            if key.scheme in schemes and (first := first_with.setdefault(key, at)) != at:
                this_root, first_root = root(at), root(first)
                parent[max(this_root, first_root)] = min(this_root, first_root)
    components: defaultdict[int, list[RecordGroup]] = defaultdict(list)
    for at, group in enumerate(groups):
        components[root(at)].append(group)
    return components.values()


def _split_by_source(groups: Sequence[RecordGroup], schemes: Schemes) -> list[tuple[RecordGroup, bool]]:
    """The records of each person, without two groups of one source, and whether a component was split to achieve that.

    A component is split by ignoring its weakest scheme, then the next one.
    """
    persons: list[tuple[RecordGroup, bool]] = []
    for component in _connected_by_keys(groups, schemes):
        if len(component) > 1 and _repeats_a_source(component):
            persons += [(group, True) for group, _ in _split_by_source(component, schemes[:-1])]
        else:
            persons.append((tuple(chain.from_iterable(component)), False))
    return persons


def _repeats_a_source(component: Sequence[RecordGroup]) -> bool:
    sources = list(chain.from_iterable(map(_sources, component)))
    return len(set(sources)) < len(sources)


def _sources(group: RecordGroup) -> Collection[str]:
    return (group[0].source,) if len(group) == 1 else {known.source for known in group}


def _taken_from(gone: dict[SourceRef, RecordGroup], group: RecordGroup) -> Iterator[BelievedRecord]:
    """The records of *gone*, by id at the source, that have the id of one of *group*; they are taken out."""
    if gone:
        for ref in dict.fromkeys(map(source_ref, group)):
            yield from gone.pop(ref, ())


def _departed_groups(gone: Sequence[RecordGroup], schemes: Schemes) -> list[RecordGroup]:
    # Two gone records of one source that share a lasting key are no duplicate: the person's source id changed.
    lasting = tuple(scheme for scheme in schemes if scheme in LASTING_SCHEMES)
    merged = [tuple(chain.from_iterable(component)) for component in _connected_by_keys(gone, lasting)]
    return sorted(
        (group for group, _ in _split_by_source(merged, schemes)), key=lambda group: min(map(first_seen_key, group))
    )


def _with_departed_attached(
    present: Sequence[RecordGroup], departed: Sequence[RecordGroup], schemes: Schemes
) -> list[RecordGroup]:
    """The *present* groups, each with the gone records of the same person, then the *departed* groups that are left."""
    departed_keys = {key for group in departed for key in _keys(group) if key.scheme in schemes}
    owners: defaultdict[Key, set[int]] = defaultdict(set)
    for at, group in enumerate(present):
        lasting = (key for key in _keys(known for known in group if known.gone) if key.scheme in LASTING_SCHEMES)
        for key in departed_keys.intersection(chain(_keys(known for known in group if not known.gone), lasting)):
            owners[key].add(at)
    extended, left = list(present), []
    for group in departed:
        owner = _continuing_group(group, extended, owners)
        if owner is None:
            left.append(group)
        else:
            extended[owner] += group
    return extended + left


def _continuing_group(group: RecordGroup, people: Sequence[RecordGroup], owners: Mapping[Key, set[int]]) -> int | None:
    """The index in *people* of the one person whose records continue the departed *group*; None when unclear."""
    keys = [key for key in _keys(group) if key in owners]
    sure = {at for key in keys if key.scheme in LASTING_SCHEMES for at in owners[key]}
    likely = sure or {at for key in keys for at in owners[key]}
    if len(likely) != 1:
        return None
    (owner,) = likely
    return owner if sure or set(_sources(group)).isdisjoint(_sources(people[owner])) else None


# --- building the persons ---------------------------------------------------------------------------------------------


def _memberships(known: Iterable[BelievedRecord]) -> MembershipsByPerson:
    by_person: defaultdict[SourceRef, list[BelievedRecord]] = defaultdict(list)
    for each in known:
        if isinstance(each.record, MembershipRecord):
            by_person[each.source, each.record.person].append(each)
    return by_person


def _memberships_of(group: RecordGroup, memberships: MembershipsByPerson) -> Sequence[BelievedRecord]:
    if len(group) == 1:
        theirs = memberships.get(source_ref(group[0]), ())
        return theirs if len(theirs) < 2 else sorted(theirs, key=source_ref)
    refs = dict.fromkeys(map(source_ref, group))
    return sorted((membership for ref in refs for membership in memberships.get(ref, ())), key=source_ref)


def _is_person_of(
    person: Person,
    group: RecordGroup,
    duplicate: bool,
    memberships: Sequence[BelievedRecord],
    copies: Sequence[BelievedRecord],
) -> bool:
    """Whether *person* was made of these very objects. Not of a group with gone records, which a person does not hold."""
    return (
        are_same(person.memberships, memberships)
        and are_same(person.copies, copies)
        and person.duplicate == duplicate
        and len(person.records) == len(group)
        and {id(record) for record in person.records} == {id(record) for record in group}
    )


def _person(
    id_: str,
    group: RecordGroup,
    duplicate: bool,
    memberships: tuple[MembershipsByPerson, MembershipsByPerson],
    trust: Mapping[tuple[str, str], int],
    earlier: PersonCase | None,
) -> Person | None:
    """The person of *group*. *memberships*: those that are known, and the turnover's copies."""
    of_person, copies = _memberships_of(group, memberships[0]), _memberships_of(group, memberships[1])
    if earlier is not None and _is_person_of(earlier.person, group, duplicate, of_person, copies):
        return earlier.person
    present = [known for known in group if not known.gone]
    if not present and not of_person and not any(known.thing_id for known in group):
        return None
    by_trust = _most_trusted_first(present or group, trust)
    names = (cast("PersonRecord", known.record).name for known in by_trust)
    return Person(
        id=id_,
        records=tuple(by_trust) if present else (),
        memberships=tuple(of_person),
        copies=tuple(copies),
        keys=tuple(sorted(dict.fromkeys(_keys(by_trust)), key=_strength)),
        name=next((name for name in names if name), None),
        masked=any(known.masked for known in group),
        first_seen=min(known.first_seen for known in group),
        duplicate=duplicate,
    )


def _most_trusted_first(
    records: Sequence[BelievedRecord], trust: Mapping[tuple[str, str], int]
) -> Sequence[BelievedRecord]:
    if len(records) == 1:
        return records
    return sorted(records, key=lambda known: (-trust.get((known.source, known.part), 0), source_ref(known)))


def _strength(key: Key) -> int:
    return SCHEME_STRENGTH[key.scheme]
