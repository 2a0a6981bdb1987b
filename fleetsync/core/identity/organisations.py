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
from fleetsync.core.model import Known, Policy, Unit, UnitRecord

SCHOOL = "skola"  # what people call a school; its Skolenheter are parts of it
SCHOOLS = frozenset({SCHOOL, "skolenhet"})

Name = tuple[str, str]  # source, folded id or code


class Verdict(Struct, frozen=True):
    """The unit of an organisation, or that it is foreign, or neither: unmapped."""

    slug: str | None = None
    foreign: bool = False


class Organisations(Struct, frozen=True, kw_only=True):
    """All organisations by (source, folded source id), gone ones included: memberships outlive them."""

    known: Mapping[Name, Known]
    verdicts: Mapping[Name, Verdict]
    names: Mapping[Name, Name]  # by id and by code → by id
    endings: Mapping[Name, Known | None]  # by id and by code → the organisation that ends it; None: none does

    @property
    def slugs(self) -> dict[Name, str]:
        """The unit of every id and code that has one."""
        found = ((name, self.verdicts[at].slug) for name, at in self.names.items())
        return {name: slug for name, slug in found if slug}

    @property
    def foreign(self) -> frozenset[Name]:
        """Every id and code of another's organisation."""
        return frozenset(name for name, at in self.names.items() if self.verdicts[at].foreign)

    def record(self, at: Name) -> UnitRecord:
        """What its source says of it."""
        return _record(self.known[at])

    def school_of(self, at: Name) -> Name:
        """The Skola that it is or lies below, else itself."""
        return next((up for up in _upward(self.known, at) if _kind(self.record(up)) == SCHOOL), at)

    def unmapped(self, named: Iterable[Name]) -> Iterator[Name]:
        """Those present without a unit and not foreign: schools, what has no kind, and what memberships have *named*.

        Huvudman, förvaltning and rektorsområde only hold others; they are no loss until somebody belongs to one.
        """
        missed = set(named)
        for at, one in self.known.items():
            is_missed = at in missed or _kind(_record(one)) in SCHOOLS | {""}
            if is_missed and not one.gone and self.verdicts[at] == Verdict():
                yield at


def judge_organisations(
    known: Iterable[Known], policy: Policy, slugs_by_code: Mapping[str, str], by_slug: Mapping[str, Unit]
) -> Organisations:
    """The verdict on every organisation; `unit_book` tells the rules of a unit.

    Whose an organisation is, its nearest evidence tells, itself first: a unit that lists it, `not_ours`, or an
    organisation number, where `organisation_numbers` says which are ours.
    """
    units = sorted((one for one in known if isinstance(one.record, UnitRecord)), key=lambda one: one.ref)
    tree = {(one.source, folded(one.record.source_id)): one for one in units}
    own, owners = _own_units(tree, slugs_by_code), _Owners.of(policy)
    formless = frozenset(slug for slug, unit in by_slug.items() if not unit.school_forms)
    return Organisations(
        known=tree,
        verdicts={at: _verdict(at, tree, own, formless, owners) for at in tree},
        names={(at[0], folded(code)): at for at, one in tree.items() for code in _record(one).codes}
        | {at: at for at in tree},
        endings=_endings(tree),
    )


def last_day(one: Known | None) -> date:
    """The last day of an organisation; `date.max` when there is none."""
    return date.max if one is None else _record(one).end or date.max


def organisation_number(text: str) -> str:
    """Its ten digits: SS12000 puts SE before them, some registers 16."""
    return "".join(filter(str.isdigit, text))[-10:]


class _Owners(Struct, frozen=True):
    """Which organisation numbers, ids, codes and names are ours, and which are another's."""

    numbers: frozenset[str]
    not_ours: frozenset[str]
    numbers_not_ours: frozenset[str]

    @classmethod
    def of(cls, policy: Policy) -> "_Owners":
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


def _record(one: Known) -> UnitRecord:
    return cast("UnitRecord", one.record)


def _kind(record: UnitRecord) -> str:
    return folded(record.kind or "")


def _upward(tree: Mapping[Name, Known], at: Name) -> Iterator[Name]:
    """An organisation, its parent and so on; a circle ends where it closes."""
    passed: set[Name] = set()
    while at in tree and at not in passed:
        yield at
        passed.add(at)
        at = (at[0], folded(_record(tree[at]).parent or ""))


def _endings(tree: Mapping[Name, Known]) -> Mapping[Name, Known | None]:
    """What ends each: of itself and all above it what ends first; of several with one code what ends last."""
    found: dict[Name, Known | None] = {}
    for at, one in tree.items():
        first = min((tree[up] for up in _upward(tree, at)), key=last_day)
        ending = first if last_day(first) < date.max else None
        for name in {at, *((at[0], folded(code)) for code in _record(one).codes)}:
            found[name] = max(found.get(name, ending), ending, key=last_day)
    return found


def _own_units(tree: Mapping[Name, Known], slugs_by_code: Mapping[str, str]) -> Mapping[Name, str]:
    """Units by listing, and of a Skola that is not listed by what is listed below it, if that is one unit."""
    listed: dict[Name, str] = {}
    for at, one in tree.items():
        words = map(folded, (*_record(one).codes, one.record.source_id))
        slug = next((slugs_by_code[word] for word in words if word in slugs_by_code), None)
        if slug:
            listed[at] = slug
    below: defaultdict[Name, set[str]] = defaultdict(set)
    for at, slug in listed.items():
        for school in _schools(tree, at):
            below[school].add(slug)
    return {at: min(slugs) for at, slugs in below.items() if len(slugs) == 1} | listed


def _schools(tree: Mapping[Name, Known], at: Name) -> Iterator[Name]:
    return (up for up in _upward(tree, at) if _kind(_record(tree[up])) == SCHOOL)


def _verdict(
    at: Name, tree: Mapping[Name, Known], own: Mapping[Name, str], formless: frozenset[str], owners: _Owners
) -> Verdict:
    passed_school = is_ours = False
    for up in _upward(tree, at):
        kind, slug = _kind(_record(tree[up])), own.get(up)
        # A Skola and all below it is one unit, whether or not its forms are told.
        if slug and (up == at or kind == SCHOOL or not passed_school or slug not in formless):
            return Verdict(slug=slug)
        said = owners.say(_record(tree[up]))
        if said is False and not is_ours:
            return Verdict(foreign=True)
        is_ours = is_ours or said is True
        passed_school = passed_school or kind in SCHOOLS
    return Verdict()
