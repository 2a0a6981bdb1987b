"""Which unit an organisation, a place or a word means.

Pure. Only what is listed, or lies below what is listed, has a unit: a name that merely looks alike has none. What is
another's (huvudman) entitles nobody; what is neither ours nor foreign is named, so that somebody lists it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from fleetsync.core.identity.globs import glob_test
from fleetsync.core.identity.keys import folded
from fleetsync.core.identity.organisations import OrganisationRef, Organisations, last_day, map_organisations
from fleetsync.core.model import (
    CENTRAL,
    UNPLACED,
    BelievedRecord,
    GroupRecord,
    MembershipRecord,
    Policy,
    Unit,
)

PRESCHOOL_FORM = "fs"
RESERVED_UNITS = (Unit(slug=CENTRAL, name="Centralt"), Unit(slug=UNPLACED, name="Utan enhet"))

TextMatcher = Callable[[str], bool]


class UnmappedOrganisation(Struct, frozen=True, order=True):
    """An organisation that is neither ours by a unit nor foreign; `below` are ids of what it stands for besides.

    `ends_on`: the last day of the last of them, where all have one.
    """

    source: str
    source_id: str
    name: str
    codes: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    ends_on: date | None = None


class UnitDirectory(Struct, frozen=True, kw_only=True):
    """All that is known of units; built once per reconciliation by `build_unit_directory`."""

    units: tuple[Unit, ...]
    by_slug: Mapping[str, Unit]
    unmapped: tuple[UnmappedOrganisation, ...] = ()
    slugs_by_word: Mapping[str, str | None] = {}  # folded slug, code or name; None: a name of several
    slugs_by_code: Mapping[str, str] = {}
    slugs_by_organisation: Mapping[OrganisationRef, str] = {}
    foreign: frozenset[OrganisationRef] = frozenset()
    ending_organisations: Mapping[OrganisationRef, BelievedRecord | None] = {}
    not_ours: frozenset[str] = frozenset()
    places: Mapping[
        tuple[str, str], tuple[tuple[TextMatcher, str], ...]
    ] = {}  # (source, field) → patterns in file order
    groups: Mapping[tuple[str, str], GroupRecord] = {}
    group_names: Mapping[str, tuple[str, ...]] = {}  # by slug

    def of(self, source: str, codes: Sequence[str], name: str | None) -> str | None:
        """Slug of the unit that a source names by *codes* (codes or ids, as it spells them), else by *name*.

        A code that a unit lists comes before any organisation's, and *name* counts only as a unit's whole name, code or
        slug. None: foreign, or mapped nowhere.
        """
        words = [folded(code) for code in codes]
        listed = (self.slugs_by_code.get(word) for word in words)
        below = (self.slugs_by_organisation.get((source, word)) for word in words)
        found = next((slug for slug in (*listed, *below) if slug), None)
        if found or name is None or self.is_foreign(source, codes, name):
            return found
        return self.slug_of_text(name)

    def is_foreign(self, source: str, codes: Sequence[str], name: str | None) -> bool:
        """Whether another's organisation is named, and no unit lists it.

        Another's is what `not_ours` has, and what has an organisation number that is none of ours.
        """
        words = [folded(code) for code in codes]
        if not self.slugs_by_code.keys().isdisjoint(words):
            return False
        if not self.not_ours.isdisjoint(words if name is None else (*words, folded(name))):
            return True
        return any((source, word) in self.foreign for word in words)

    def ending(self, source: str, codes: Sequence[str]) -> BelievedRecord | None:
        """The organisation whose last day is the last of everything at the one that *source* names by *codes*.

        It is that one or one above it, whichever ends first; of several that are named, what ends last. None: nothing
        ends it, or it is not known.
        """
        names = ((source, folded(code)) for code in codes)
        return max(
            (self.ending_organisations[name] for name in names if name in self.ending_organisations),
            key=last_day,
            default=None,
        )

    def slug_of_text(self, text: str) -> str | None:
        """Slug of the unit with this slug, code or name, in any case; None for a name that several units have."""
        return self.slugs_by_word.get(folded(text))

    def slug_of_location(self, source: str, field: str, value: str) -> str | None:
        """Slug by the first `[[unit_map]]` of *source* and *field* whose glob matches *value*, in any case."""
        text = folded(value)
        return next((slug for matches, slug in self.places.get((source, field), ()) if matches(text)), None)

    def is_preschool_only(self, slug: str) -> bool:
        """Whether the unit has förskola and no other form; a unit whose forms nobody told has not."""
        unit = self.by_slug.get(slug)
        return unit is not None and {folded(form) for form in unit.school_forms} == {PRESCHOOL_FORM}

    def group(self, source: str, source_id: str) -> GroupRecord | None:
        """The class or department; those gone included, since memberships outlive them."""
        return self.groups.get((source, source_id))

    def group_name(self, source: str, source_id: str) -> str | None:
        """Its name, None when the source does not list it."""
        found = self.group(source, source_id)
        return found.name if found else None

    def groups_of(self, unit: str) -> tuple[str, ...]:
        """Names of the groups of a unit that are not gone, in order, each once."""
        return self.group_names.get(unit, ())


def build_unit_directory(known: Sequence[BelievedRecord], policy: Policy) -> UnitDirectory:
    """The book of all units: those configured, `central` and `unplaced`.

    An organisation has the unit that lists its code or id, else its nearest parent's. A Skola that is not listed has
    the unit of what lies below it, if that is one unit: registers keep the code on the Skolenhet and staff at the
    Skola. A unit without school forms that something above a Skola or Skolenhet lists is not inherited by these, nor
    by anything below them.
    """
    units = _with_reserved(policy.units)
    bare = UnitDirectory(
        units=units,
        by_slug={unit.slug: unit for unit in units},
        slugs_by_word=_slugs_by_word(units),
        slugs_by_code=_slugs_by_code(units),
        not_ours=frozenset(map(folded, policy.not_ours)),
        places=_location_patterns(policy),
    )
    organisations = map_organisations(known, policy, bare.slugs_by_code, bare.by_slug)
    book = replace(
        bare,
        slugs_by_organisation=organisations.slugs,
        foreign=organisations.foreign,
        ending_organisations=organisations.ending_organisations,
    )
    return _with_groups(replace(book, unmapped=_unmapped(known, organisations, book)), known)


# --- what is configured -----------------------------------------------------------------------------------------------


def _with_reserved(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    configured = {unit.slug for unit in units}
    return units + tuple(unit for unit in RESERVED_UNITS if unit.slug not in configured)


def _slugs_by_code(units: Sequence[Unit]) -> dict[str, str]:
    # Reversed: of two units that list one code, the first in the file has it.
    return {folded(code): unit.slug for unit in reversed(units) for code in unit.codes}


def _slugs_by_word(units: Sequence[Unit]) -> Mapping[str, str | None]:
    words: dict[str, str | None] = {}
    for unit in units:
        name = folded(unit.name)
        words[name] = None if name in words else unit.slug
    return words | _slugs_by_code(units) | {folded(unit.slug): unit.slug for unit in units}


def _location_patterns(policy: Policy) -> Mapping[tuple[str, str], tuple[tuple[TextMatcher, str], ...]]:
    places: defaultdict[tuple[str, str], tuple[tuple[TextMatcher, str], ...]] = defaultdict(tuple)
    for line in policy.unit_maps:
        places[line.source, line.field] += ((glob_test(line.pattern), line.unit),)
    return places


# --- what the registers say -------------------------------------------------------------------------------------------


def _with_groups(book: UnitDirectory, known: Iterable[BelievedRecord]) -> UnitDirectory:
    groups: dict[tuple[str, str], GroupRecord] = {}
    names: defaultdict[str, set[str]] = defaultdict(set)
    for one in known:
        if isinstance(one.record, GroupRecord):
            groups[one.source, one.record.source_id] = one.record
            slug = book.of(one.source, (one.record.unit or "",), None)
            if slug and not one.gone:
                names[slug].add(one.record.name)
    return replace(book, groups=groups, group_names={slug: tuple(sorted(found)) for slug, found in names.items()})


def _unmapped(
    known: Iterable[BelievedRecord], organisations: Organisations, book: UnitDirectory
) -> tuple[UnmappedOrganisation, ...]:
    """Organisations without a unit, one for a Skola with all below it; those of a file are known by memberships only."""
    named: set[OrganisationRef] = set()
    alone: dict[OrganisationRef, UnmappedOrganisation] = {}
    for source, codes, name in _organisations_named(known):
        if book.of(source, codes, name) or book.is_foreign(source, codes, name):
            continue
        found = {at for code in codes if (at := organisations.names.get((source, folded(code))))}
        if found:
            named |= found
        else:
            place = _unmapped_from_membership(source, codes, name)
            spelt = alone.setdefault((source, folded(place.source_id)), place)
            alone[source, folded(place.source_id)] = min(spelt, place)
    below: defaultdict[OrganisationRef, list[OrganisationRef]] = defaultdict(list)
    for at in organisations.unmapped(named):
        below[organisations.school_of(at)].append(at)
    return tuple(
        sorted([*alone.values(), *(_unmapped_from_organisation(organisations, at, below[at]) for at in below)])
    )


def _organisations_named(known: Iterable[BelievedRecord]) -> set[tuple[str, tuple[str, ...], str | None]]:
    records = (
        (one.source, one.record)
        for one in known
        if isinstance(one.record, MembershipRecord) and _is_present_and_unmasked(one)
    )
    return {(source, record.codes, record.unit_name) for source, record in records if record.codes or record.unit_name}


def _is_present_and_unmasked(one: BelievedRecord) -> bool:
    return not one.gone and not one.masked


def _unmapped_from_membership(source: str, codes: tuple[str, ...], name: str | None) -> UnmappedOrganisation:
    words = (*codes, name or "")
    return UnmappedOrganisation(source, words[0], name or words[0], codes)


def _unmapped_from_organisation(
    organisations: Organisations, at: OrganisationRef, below: Sequence[OrganisationRef]
) -> UnmappedOrganisation:
    record = organisations.record(at)
    others = sorted(organisations.record(other).source_id for other in below if other != at)
    last = max(last_day(organisations.ending_organisations[name]) for name in below)
    ends_on = None if last == date.max else last
    return UnmappedOrganisation(at[0], record.source_id, record.name, record.codes, tuple(others), ends_on)
