"""Builds the directory of units from the configuration and from what the registers say of their organisations.

Pure. Only an organisation that a unit lists, or that lies below one, has a unit: a similar name is no evidence. An
organisation of another principal (huvudman) entitles nobody. One that is neither ours nor another principal's is
reported as unmapped, so that somebody lists it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from msgspec.structs import replace

from fleetsync.core.identity.globs import glob_test
from fleetsync.core.identity.organisations import Organisations, map_organisations
from fleetsync.core.model import (
    CENTRAL,
    UNPLACED,
    BelievedRecord,
    GroupRecord,
    MembershipRecord,
    Policy,
    Unit,
    UnitRecord,
)
from fleetsync.core.text import folded
from fleetsync.core.unit_directory import (
    OrganisationRef,
    TextMatcher,
    UnitDirectory,
    UnmappedOrganisation,
    last_day_of_organisation,
)

RESERVED_UNITS = (Unit(slug=CENTRAL, name="Centralt"), Unit(slug=UNPLACED, name="Utan enhet"))


def build_unit_directory(known: Sequence[BelievedRecord], policy: Policy) -> UnitDirectory:
    """The directory of all units: those configured, `central` and `unplaced`.

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
    directory = replace(
        bare,
        slugs_by_organisation=organisations.slugs,
        slugs_by_organisation_name=organisations.slugs_by_name,
        organisation_names=organisations.names_by_ref,
        organisation_forms=organisations.forms,
        foreign=organisations.foreign,
        ending_organisations=organisations.ending_organisations,
    )
    return _with_groups(replace(directory, unmapped=_unmapped(known, organisations, directory)), known)


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


def _with_groups(directory: UnitDirectory, known: Iterable[BelievedRecord]) -> UnitDirectory:
    groups: dict[tuple[str, str], GroupRecord] = {}
    names: defaultdict[str, set[str]] = defaultdict(set)
    for record in known:
        if isinstance(record.record, GroupRecord):
            groups[record.source, record.record.source_id] = record.record
            # A list knows the unit of a class by its code, or by its name alone.
            slug = directory.of(record.source, (record.record.unit or "",), record.record.unit)
            if slug and not record.gone:
                names[slug].add(record.record.name)
    group_names = {slug: tuple(sorted(of_unit)) for slug, of_unit in names.items()}
    return replace(directory, groups=groups, group_names=group_names)


def _unmapped(
    known: Iterable[BelievedRecord], organisations: Organisations, directory: UnitDirectory
) -> tuple[UnmappedOrganisation, ...]:
    """Organisations without a unit: one entry for a Skola with all below it.

    The organisations that a file names are known by its memberships only. A place of an MDM needs no unit of its own
    where its devices have one all the same.
    """
    named: set[OrganisationRef] = set()
    alone: dict[OrganisationRef, UnmappedOrganisation] = {}
    for source, codes, name in _organisations_named(known):
        if directory.of(source, codes, name) or directory.is_foreign(source, codes, name):
            continue
        organisations_named = {at for code in codes if (at := organisations.names.get((source, folded(code))))}
        if organisations_named:
            named |= organisations_named
        else:
            place = _unmapped_from_membership(source, codes, name)
            spelt = alone.setdefault((source, folded(place.source_id)), place)
            alone[source, folded(place.source_id)] = min(spelt, place)
    below: defaultdict[OrganisationRef, list[OrganisationRef]] = defaultdict(list)
    for at in organisations.unmapped(named):
        if at in named or not _is_place_with_unit(at[0], organisations.record(at), directory):
            below[organisations.school_of(at)].append(at)
    return tuple(
        sorted([*alone.values(), *(_unmapped_from_organisation(organisations, at, below[at]) for at in below)])
    )


def _is_place_with_unit(source: str, record: UnitRecord, directory: UnitDirectory) -> bool:
    """Whether *record* is no school by its kind, and its devices have a unit: by a `[[unit_map]]` or by its name."""
    slugs = (directory.slug_of_location(source, "location", record.source_id), directory.slug_of_text(record.name))
    return not record.kind and any(slugs)


def _organisations_named(known: Iterable[BelievedRecord]) -> set[tuple[str, tuple[str, ...], str | None]]:
    records = (
        (record.source, record.record)
        for record in known
        if isinstance(record.record, MembershipRecord) and _is_present_and_unmasked(record)
    )
    return {(source, record.codes, record.unit_name) for source, record in records if record.codes or record.unit_name}


def _is_present_and_unmasked(record: BelievedRecord) -> bool:
    return not record.gone and not record.masked


def _unmapped_from_membership(source: str, codes: tuple[str, ...], name: str | None) -> UnmappedOrganisation:
    words = (*codes, name or "")
    return UnmappedOrganisation(source, words[0], name or words[0], codes)


def _unmapped_from_organisation(
    organisations: Organisations, at: OrganisationRef, below: Sequence[OrganisationRef]
) -> UnmappedOrganisation:
    record = organisations.record(at)
    others = sorted(organisations.record(other).source_id for other in below if other != at)
    last = max(last_day_of_organisation(organisations.ending_organisations[name]) for name in below)
    ends_on = None if last == date.max else last
    return UnmappedOrganisation(at[0], record.source_id, record.name, record.codes, tuple(others), ends_on)
