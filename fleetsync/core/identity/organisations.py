"""What the registers' tree of organisations says: whose each one is, which unit it takes, and what ends it.

Pure. An organisation takes its unit from what lists it or from above, never from a likeness of names. What ends it may
stand above it as well; from which day on that counts is not judged here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import cast

from msgspec import Struct

from fleetsync.core.identity.keys import folded
from fleetsync.core.model import BelievedRecord, Policy, Unit, UnitRecord

SCHOOL_KIND = "skola"  # what people call a school; its Skolenheter are parts of it
SCHOOL_KINDS = frozenset({SCHOOL_KIND, "skolenhet"})

OrganisationRef = tuple[str, str]  # source, folded id or code


class OrganisationMapping(Struct, frozen=True):
    """The unit of an organisation, or that it is foreign, or neither: unmapped."""

    slug: str | None = None
    foreign: bool = False


class Organisations(Struct, frozen=True, kw_only=True):
    """All organisations by (source, folded source id), gone ones included: memberships outlive them."""

    known: Mapping[OrganisationRef, BelievedRecord]
    mappings: Mapping[OrganisationRef, OrganisationMapping]
    names: Mapping[OrganisationRef, OrganisationRef]  # by id and by code → by id
    ending_organisations: Mapping[
        OrganisationRef, BelievedRecord | None
    ]  # by id and by code → the organisation that ends it; None: none does

    @property
    def slugs(self) -> dict[OrganisationRef, str]:
        """The unit of every id and code that has one."""
        found = ((name, self.mappings[at].slug) for name, at in self.names.items())
        return {name: slug for name, slug in found if slug}

    @property
    def foreign(self) -> frozenset[OrganisationRef]:
        """Every id and code of another's organisation."""
        return frozenset(name for name, at in self.names.items() if self.mappings[at].foreign)

    def record(self, at: OrganisationRef) -> UnitRecord:
        """What its source says of it."""
        return _record(self.known[at])

    def school_of(self, at: OrganisationRef) -> OrganisationRef:
        """The Skola that it is or lies below, else itself."""
        return next((up for up in _with_ancestors(self.known, at) if _kind(self.record(up)) == SCHOOL_KIND), at)

    def unmapped(self, named: Iterable[OrganisationRef]) -> Iterator[OrganisationRef]:
        """Those present without a unit and not foreign: schools, what has no kind, and what memberships have *named*.

        Huvudman, förvaltning and rektorsområde only hold others; they are no loss until somebody belongs to one.
        """
        missed = set(named)
        for at, one in self.known.items():
            is_missed = at in missed or _kind(_record(one)) in SCHOOL_KINDS | {""}
            if is_missed and not one.gone and self.mappings[at] == OrganisationMapping():
                yield at


def map_organisations(
    known: Iterable[BelievedRecord], policy: Policy, slugs_by_code: Mapping[str, str], by_slug: Mapping[str, Unit]
) -> Organisations:
    """The verdict on every organisation; `build_unit_directory` tells the rules of a unit.

    Whose an organisation is, its nearest evidence tells, itself first: a unit that lists it, `not_ours`, or an
    organisation number, where `organisation_numbers` says which are ours.
    """
    units = sorted((one for one in known if isinstance(one.record, UnitRecord)), key=lambda one: one.ref)
    tree = {(one.source, folded(one.record.source_id)): one for one in units}
    own, owners = _listed_units(tree, slugs_by_code), _OwnershipRules.of(policy)
    formless = frozenset(slug for slug, unit in by_slug.items() if not unit.school_forms)
    return Organisations(
        known=tree,
        mappings={at: _mapping(at, tree, own, formless, owners) for at in tree},
        names={(at[0], folded(code)): at for at, one in tree.items() for code in _record(one).codes}
        | {at: at for at in tree},
        ending_organisations=_ending_organisations(tree),
    )


def last_day(one: BelievedRecord | None) -> date:
    """The last day of an organisation; `date.max` when there is none."""
    return date.max if one is None else _record(one).end or date.max


def organisation_number(text: str) -> str:
    """Its ten digits: SS12000 puts SE before them, some registers 16."""
    return "".join(filter(str.isdigit, text))[-10:]


class _OwnershipRules(Struct, frozen=True):
    """Which organisation numbers, ids, codes and names are ours, and which are another's."""

    numbers: frozenset[str]
    not_ours: frozenset[str]
    numbers_not_ours: frozenset[str]

    @classmethod
    def of(cls, policy: Policy) -> "_OwnershipRules":
        return cls(
            frozenset(map(organisation_number, policy.organisation_numbers)),
            frozenset(map(folded, policy.not_ours)),
            frozenset(filter(None, map(organisation_number, policy.not_ours))),
        )

    def say(self, record: UnitRecord) -> bool | None:
        """Whether an organisation is ours by itself; None: it does not tell."""
        if not self.not_ours.isdisjoint(map(folded, (record.source_id, record.name, *record.codes))):
            return False
        number = organisation_number(record.organisation_number or "")
        if number in self.numbers_not_ours:
            return False
        return number in self.numbers if number and self.numbers else None


def _record(one: BelievedRecord) -> UnitRecord:
    return cast("UnitRecord", one.record)


def _kind(record: UnitRecord) -> str:
    return folded(record.kind or "")


def _with_ancestors(tree: Mapping[OrganisationRef, BelievedRecord], at: OrganisationRef) -> Iterator[OrganisationRef]:
    """An organisation, its parent and so on; a circle ends where it closes."""
    passed: set[OrganisationRef] = set()
    while at in tree and at not in passed:
        yield at
        passed.add(at)
        at = (at[0], folded(_record(tree[at]).parent or ""))


def _ending_organisations(
    tree: Mapping[OrganisationRef, BelievedRecord],
) -> Mapping[OrganisationRef, BelievedRecord | None]:
    """What ends each: of itself and all above it what ends first; of several with one code what ends last."""
    found: dict[OrganisationRef, BelievedRecord | None] = {}
    for at, one in tree.items():
        first = min((tree[up] for up in _with_ancestors(tree, at)), key=last_day)
        ending = first if last_day(first) < date.max else None
        for name in {at, *((at[0], folded(code)) for code in _record(one).codes)}:
            found[name] = max(found.get(name, ending), ending, key=last_day)
    return found


def _listed_units(
    tree: Mapping[OrganisationRef, BelievedRecord], slugs_by_code: Mapping[str, str]
) -> Mapping[OrganisationRef, str]:
    """Units by listing, and of a Skola that is not listed by what is listed below it, if that is one unit."""
    listed: dict[OrganisationRef, str] = {}
    for at, one in tree.items():
        words = map(folded, (*_record(one).codes, one.record.source_id))
        slug = next((slugs_by_code[word] for word in words if word in slugs_by_code), None)
        if slug:
            listed[at] = slug
    below: defaultdict[OrganisationRef, set[str]] = defaultdict(set)
    for at, slug in listed.items():
        for school in _schools_above(tree, at):
            below[school].add(slug)
    return {at: min(slugs) for at, slugs in below.items() if len(slugs) == 1} | listed


def _schools_above(tree: Mapping[OrganisationRef, BelievedRecord], at: OrganisationRef) -> Iterator[OrganisationRef]:
    return (up for up in _with_ancestors(tree, at) if _kind(_record(tree[up])) == SCHOOL_KIND)


def _mapping(
    at: OrganisationRef,
    tree: Mapping[OrganisationRef, BelievedRecord],
    own: Mapping[OrganisationRef, str],
    formless: frozenset[str],
    owners: _OwnershipRules,
) -> OrganisationMapping:
    passed_school = is_ours = False
    for up in _with_ancestors(tree, at):
        kind, slug = _kind(_record(tree[up])), own.get(up)
        # A Skola and all below it is one unit, whether or not its forms are told.
        if slug and (up == at or kind == SCHOOL_KIND or not passed_school or slug not in formless):
            return OrganisationMapping(slug=slug)
        said = owners.say(_record(tree[up]))
        if said is False and not is_ours:
            return OrganisationMapping(foreign=True)
        is_ours = is_ours or said is True
        passed_school = passed_school or kind in SCHOOL_KINDS
    return OrganisationMapping()
