"""Reads the registers' trees of organisations: which unit each belongs to, which are another principal's, when each ends.

Pure. An organisation gets its unit from the unit that lists it or from an organisation above it, never from a similar
name. It ends with the first of itself and all above it; from which day on that counts is not decided here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import cast

from msgspec import Struct

from fleetsync.core.model import BelievedRecord, Policy, Unit, UnitRecord
from fleetsync.core.text import folded
from fleetsync.core.unit_directory import OrganisationRef, last_day_of_organisation

SCHOOL_KIND = "skola"  # a school; its Skolenheter are parts of it
SCHOOL_KINDS = frozenset({SCHOOL_KIND, "skolenhet"})


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
        slugs = ((name, self.mappings[at].slug) for name, at in self.names.items())
        return {name: slug for name, slug in slugs if slug}

    @property
    def slugs_by_name(self) -> dict[OrganisationRef, str | None]:
        """The unit of every name that has one; None for a name whose organisations are of several units."""
        slugs: dict[OrganisationRef, str | None] = {}
        for at in self.known:
            if (slug := self.mappings[at].slug) is not None and not self.known[at].gone:
                name = (at[0], folded(self.record(at).name))
                slugs[name] = slug if slugs.get(name, slug) == slug else None
        return slugs

    @property
    def names_by_ref(self) -> dict[OrganisationRef, str]:
        """The name of every id and code that is not another principal's."""
        return {ref: self.record(at).name for ref, at in self.names.items() if not self.mappings[at].foreign}

    @property
    def forms(self) -> dict[OrganisationRef, tuple[str, ...]]:
        """The school forms of every id and code whose organisation gives any, in capitals."""
        forms = ((ref, self.record(at).school_forms) for ref, at in self.names.items())
        return {ref: tuple(form.strip().upper() for form in of_one) for ref, of_one in forms if of_one}

    @property
    def foreign(self) -> frozenset[OrganisationRef]:
        """Every id and code of another principal's organisation."""
        return frozenset(name for name, at in self.names.items() if self.mappings[at].foreign)

    def record(self, at: OrganisationRef) -> UnitRecord:
        """The record of an organisation."""
        return _record(self.known[at])

    def school_of(self, at: OrganisationRef) -> OrganisationRef:
        """The Skola that an organisation is or lies below, else the organisation itself."""
        return next((up for up in _with_ancestors(self.known, at) if _kind(self.record(up)) == SCHOOL_KIND), at)

    def unmapped(self, named: Iterable[OrganisationRef]) -> Iterator[OrganisationRef]:
        """Organisations that should have a unit and have none: schools, those without a kind, and those in *named*.

        *named* are those that memberships name. Huvudman, förvaltning and rektorsområde only hold others, so they need
        no unit until somebody is a member of one.
        """
        missed = set(named)
        for at, organisation in self.known.items():
            is_missed = at in missed or _kind(_record(organisation)) in SCHOOL_KINDS | {""}
            if is_missed and not organisation.gone and self.mappings[at] == OrganisationMapping():
                yield at


def map_organisations(
    known: Iterable[BelievedRecord], policy: Policy, slugs_by_code: Mapping[str, str], by_slug: Mapping[str, Unit]
) -> Organisations:
    """Maps every organisation to a unit, or to another principal; the rules of a unit are those of `build_unit_directory`.

    The nearest evidence decides, the organisation's own first: a unit that lists it, `not_ours`, or an organisation
    number, where `organisation_numbers` says which are ours.
    """
    records = (record for record in known if isinstance(record.record, UnitRecord))
    tree = {
        (record.source, folded(record.record.source_id)): record
        for record in sorted(records, key=lambda record: record.ref)
    }
    own, owners = _listed_units(tree, slugs_by_code), _OwnershipRules.of(policy)
    formless = frozenset(slug for slug, unit in by_slug.items() if not unit.school_forms)
    return Organisations(
        known=tree,
        mappings={at: _mapping(at, tree, own, formless, owners) for at in tree},
        names={(at[0], folded(code)): at for at, organisation in tree.items() for code in _record(organisation).codes}
        | {at: at for at in tree},
        ending_organisations=_ending_organisations(tree),
    )


def organisation_number(text: str) -> str:
    """The ten digits of an organisation number: SS12000 puts SE before them, some registers 16."""
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

    def claims(self, record: UnitRecord) -> bool | None:
        """Whether the record itself shows that an organisation is ours; None: it does not show."""
        if not self.not_ours.isdisjoint(map(folded, (record.source_id, record.name, *record.codes))):
            return False
        number = organisation_number(record.organisation_number or "")
        if number in self.numbers_not_ours:
            return False
        return number in self.numbers if number and self.numbers else None


def _record(organisation: BelievedRecord) -> UnitRecord:
    return cast("UnitRecord", organisation.record)


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
    """Per id and code the organisation that ends first of itself and all above it; of several with one code the last."""
    endings: dict[OrganisationRef, BelievedRecord | None] = {}
    for at, organisation in tree.items():
        first = min((tree[up] for up in _with_ancestors(tree, at)), key=last_day_of_organisation)
        ending = first if last_day_of_organisation(first) < date.max else None
        for name in {at, *((at[0], folded(code)) for code in _record(organisation).codes)}:
            endings[name] = max(endings.get(name, ending), ending, key=last_day_of_organisation)
    return endings


def _listed_units(
    tree: Mapping[OrganisationRef, BelievedRecord], slugs_by_code: Mapping[str, str]
) -> Mapping[OrganisationRef, str]:
    """Units by listing, and of a Skola that is not listed by what is listed below it, if that is one unit."""
    listed: dict[OrganisationRef, str] = {}
    for at, organisation in tree.items():
        words = map(folded, (*_record(organisation).codes, organisation.record.source_id))
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
        # A Skola and all below it is one unit, whether or not its forms are known.
        if slug and (up == at or kind == SCHOOL_KIND or not passed_school or slug not in formless):
            return OrganisationMapping(slug=slug)
        claim = owners.claims(_record(tree[up]))
        if claim is False and not is_ours:
            return OrganisationMapping(foreign=True)
        is_ours = is_ours or claim is True
        passed_school = passed_school or kind in SCHOOL_KINDS
    return OrganisationMapping()
