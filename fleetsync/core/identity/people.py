"""Which records are one person.

Pure. Records are one person by shared keys alone. A person who has left stays one: his records are gone, his
memberships, keys and id are not, so that a device still in his name is his and nobody else's. A log-in is never enough
to make a newcomer of a source the continuation of somebody who left it: log-ins are given again.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import cast

from fleetsync.core.identity.stable_ids import (
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
    PersonRecord,
    Policy,
    Scheme,
)

RecordGroup = tuple[BelievedRecord, ...]  # records taken for one person
Schemes = tuple[Scheme, ...]  # strongest first
SourceRef = tuple[str, str]  # source, id there

# Never given to somebody else: what shares one of these is the same human, even after his record changed its id.
LASTING_SCHEMES = frozenset({Scheme.OBJECT_ID, Scheme.NUMBER, Scheme.CIVIC})

_KEYS_OF: Callable[[BelievedRecord], tuple[Key, ...]] = attrgetter("record.keys")


def resolve_people(
    known: Sequence[BelievedRecord], parts: Sequence[PartState], policy: Policy, copies: Sequence[BelievedRecord] = ()
) -> tuple[Person, ...]:
    """All persons by id: those with records, and those who have left.

    Keys are compared as they stand; the runner made them canonical. Civic-number tokens are compared only with
    `match_on_civic_number`. Every record that is not gone is in exactly one person's `records`. Records of one id at one
    source are one person's whatever their keys: several parts of a source may tell of him.

    Gone records are first joined among themselves, then to the one person who has their id at their source or shares a
    key that lasts (object id, number, civic number), or else to the one who shares a log-in and has no other record of those sources. They lend
    him their id, first sighting and memberships, but no key: dated log-ins hold what he was known by. Whom nobody
    continues is kept as a person with `records` = () and the keys of his gone records, as long as a membership or an
    id is left of him. A membership whose person no record tells of is nobody's; so is one of *copies*, a turnover's.
    """
    records = sorted_by_source_ref(one for one in known if isinstance(one.record, PersonRecord))
    schemes = tuple(scheme for scheme in Scheme if scheme is not Scheme.CIVIC or policy.match_on_civic_number)
    found = _split_by_source(_grouped_by_id(one for one in records if not one.gone), schemes)
    left = _departed_groups(_grouped_by_id(one for one in records if one.gone), schemes)
    groups = _with_departed_attached([group for group, _ in found], left, schemes)
    memberships, copied, trust = _memberships(known), _memberships(copies), trust_by_part(parts)
    marked = [duplicate for _, duplicate in found] + [False] * (len(groups) - len(found))
    ids = assign_ids(groups, "p")
    people = (_person(*each, memberships, copied, trust) for each in zip(ids, groups, marked, strict=True))
    return tuple(sorted((one for one in people if one is not None), key=lambda one: one.id))


# --- which are one ----------------------------------------------------------------------------------------------------


def _grouped_by_id(records: Iterable[BelievedRecord]) -> list[RecordGroup]:
    """*records*, which are in the order of `sorted_by_source_ref`, those of one id at one source together."""
    return [tuple(same) for _, same in groupby(records, key=source_ref)]


def _keys(group: Iterable[BelievedRecord]) -> Iterator[Key]:
    return chain.from_iterable(map(_KEYS_OF, group))


def _connected_by_keys(groups: Sequence[RecordGroup], schemes: Schemes) -> Iterable[list[RecordGroup]]:
    """Connected components over the shared keys of *schemes*."""
    above = list(range(len(groups)))

    def root(at: int) -> int:
        while above[at] != at:
            above[at] = above[above[at]]
            at = above[at]
        return at

    first_with: dict[Key, int] = {}
    for at, group in enumerate(groups):
        for key in _keys(group):
            if key.scheme in schemes and (first := first_with.setdefault(key, at)) != at:
                one, other = root(at), root(first)
                above[max(one, other)] = min(one, other)
    components: defaultdict[int, list[RecordGroup]] = defaultdict(list)
    for at, group in enumerate(groups):
        components[root(at)].append(group)
    return components.values()


def _split_by_source(groups: Sequence[RecordGroup], schemes: Schemes) -> list[tuple[RecordGroup, bool]]:
    """Components without two groups of one source, and whether one was taken apart for it, weakest scheme first."""
    found: list[tuple[RecordGroup, bool]] = []
    for component in _connected_by_keys(groups, schemes):
        if len(component) > 1 and _repeats_a_source(component):
            found += [(group, True) for group, _ in _split_by_source(component, schemes[:-1])]
        else:
            found.append((tuple(chain.from_iterable(component)), False))
    return found


def _repeats_a_source(component: Sequence[RecordGroup]) -> bool:
    sources = list(chain.from_iterable(map(_sources, component)))
    return len(set(sources)) < len(sources)


def _sources(group: RecordGroup) -> Collection[str]:
    return (group[0].source,) if len(group) == 1 else {one.source for one in group}


def _departed_groups(gone: Sequence[RecordGroup], schemes: Schemes) -> list[RecordGroup]:
    # Two gone records of one source that share what lasts are no duplicate: one human whose record changed its id.
    lasting = tuple(scheme for scheme in schemes if scheme in LASTING_SCHEMES)
    selves = [tuple(chain.from_iterable(component)) for component in _connected_by_keys(gone, lasting)]
    return sorted(
        (group for group, _ in _split_by_source(selves, schemes)), key=lambda group: min(map(first_seen_key, group))
    )


def _with_departed_attached(
    living: Sequence[RecordGroup], left: Sequence[RecordGroup], schemes: Schemes
) -> list[RecordGroup]:
    """The living, each with the gone records that are his, and behind them those who have left."""
    asked = {key for group in left for key in _keys(group) if key.scheme in schemes}
    named = {source_ref(one) for group in left for one in group}
    owners: defaultdict[Key | SourceRef, set[int]] = defaultdict(set)
    for at, group in enumerate(living):
        for key in asked.intersection(_keys(group)):
            owners[key].add(at)
        for name in named.intersection(map(source_ref, group)):
            owners[name].add(at)
    grown, apart = list(living), []
    for group in left:
        owner = _continuing_group(group, grown, owners)
        if owner is None:
            apart.append(group)
        else:
            grown[owner] += group
    return grown + apart


def _continuing_group(
    group: RecordGroup, people: Sequence[RecordGroup], owners: Mapping[Key | SourceRef, set[int]]
) -> int | None:
    keys = [key for key in _keys(group) if key in owners]
    lasting: Iterable[Key | SourceRef] = chain(
        (key for key in keys if key.scheme in LASTING_SCHEMES), map(source_ref, group)
    )
    sure = {at for told in lasting for at in owners.get(told, ())}
    likely = sure or {at for key in keys for at in owners[key]}
    if len(likely) != 1:
        return None
    (owner,) = likely
    return owner if sure or set(_sources(group)).isdisjoint(_sources(people[owner])) else None


# --- what they are ----------------------------------------------------------------------------------------------------


def _memberships(known: Iterable[BelievedRecord]) -> Mapping[tuple[str, str], list[BelievedRecord]]:
    found: defaultdict[tuple[str, str], list[BelievedRecord]] = defaultdict(list)
    for one in known:
        if isinstance(one.record, MembershipRecord):
            found[one.source, one.record.person].append(one)
    return found


def _memberships_of(
    group: RecordGroup, memberships: Mapping[tuple[str, str], list[BelievedRecord]]
) -> tuple[BelievedRecord, ...]:
    found = (tie for name in dict.fromkeys(map(source_ref, group)) for tie in memberships.get(name, ()))
    return tuple(sorted(found, key=source_ref))


def _person(
    at: str,
    group: RecordGroup,
    duplicate: bool,
    memberships: Mapping[tuple[str, str], list[BelievedRecord]],
    copied: Mapping[tuple[str, str], list[BelievedRecord]],
    trust: Mapping[tuple[str, str], int],
) -> Person | None:
    his = _memberships_of(group, memberships)
    living = [one for one in group if not one.gone]
    if not living and not his and not any(one.thing_id for one in group):
        return None
    telling = sorted(living or group, key=lambda one: (-trust.get((one.source, one.part), 0), source_ref(one)))
    names = (cast("PersonRecord", one.record).name for one in telling)
    return Person(
        id=at,
        records=tuple(telling) if living else (),
        memberships=his,
        copies=_memberships_of(group, copied) if copied else (),
        keys=tuple(sorted(dict.fromkeys(_keys(telling)), key=lambda key: SCHEME_STRENGTH[key.scheme])),
        name=next((name for name in names if name), None),
        masked=any(one.masked for one in group),
        first_seen=min(one.first_seen for one in group),
        duplicate=duplicate,
    )
