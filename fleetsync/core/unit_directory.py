"""The units of the municipality, and which of them a source's code, organisation, place or word means.

Pure. A look-up table that `identity.build_unit_directory` fills from the configuration and the registers. Only what is
listed, or lies below what is listed, has a unit: a name that merely looks alike has none.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from msgspec import Struct

from fleetsync.core.model import BelievedRecord, GroupRecord, Unit, UnitRecord
from fleetsync.core.text import folded

PRESCHOOL_FORM = "fs"

TextMatcher = Callable[[str], bool]
OrganisationRef = tuple[str, str]  # source, folded id or code


def last_day_of_organisation(organisation: BelievedRecord | None) -> date:
    """The last day of an organisation; `date.max` when there is none."""
    if organisation is None or not isinstance(organisation.record, UnitRecord):
        return date.max
    return organisation.record.end or date.max


class UnmappedOrganisation(Struct, frozen=True, order=True):
    """An organisation of a register that no unit lists and that is not known to be another principal's.

    `below`: ids of the organisations below it, which it stands for as well. `ends_on`: the last day on which any of
    them exists; None when at least one has no end.
    """

    source: str
    source_id: str
    name: str
    codes: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    ends_on: date | None = None


class UnitDirectory(Struct, frozen=True, kw_only=True):
    """The units, and how the sources name them; built once per reconciliation by `identity.build_unit_directory`."""

    units: tuple[Unit, ...]
    by_slug: Mapping[str, Unit]
    unmapped: tuple[UnmappedOrganisation, ...] = ()
    slugs_by_word: Mapping[str, str | None] = {}  # folded slug, code or name; None: a name of several
    slugs_by_code: Mapping[str, str] = {}
    slugs_by_organisation: Mapping[OrganisationRef, str] = {}
    slugs_by_organisation_name: Mapping[OrganisationRef, str | None] = {}  # None: a name of several units of the source
    organisation_names: Mapping[OrganisationRef, str] = {}
    organisation_forms: Mapping[OrganisationRef, tuple[str, ...]] = {}  # only of organisations that give any
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

        A code that a unit lists comes before any organisation's. *name* counts only as a unit's whole name, code or
        slug. None: another principal's, or mapped nowhere.
        """
        words = [folded(code) for code in codes]
        listed = (self.slugs_by_code.get(word) for word in words)
        below = (self.slugs_by_organisation.get((source, word)) for word in words)
        slug = next((slug for slug in (*listed, *below) if slug), None)
        if slug or name is None or self.is_foreign(source, codes, name):
            return slug
        return self.slug_of_text(name)

    def is_foreign(self, source: str, codes: Sequence[str], name: str | None) -> bool:
        """Whether an organisation of another principal is named, and no unit lists it.

        Another principal's is what `not_ours` names, and what has an organisation number that is none of ours.
        """
        words = [folded(code) for code in codes]
        if not self.slugs_by_code.keys().isdisjoint(words):
            return False
        if not self.not_ours.isdisjoint(words if name is None else (*words, folded(name))):
            return True
        return any((source, word) in self.foreign for word in words)

    def ending(self, source: str, codes: Sequence[str]) -> BelievedRecord | None:
        """The organisation with whose last day the one that *source* names by *codes* ends.

        It is that organisation or one above it, whichever ends first. Where *codes* name several, the one that ends
        last. None: nothing ends it, or it is not known.
        """
        names = ((source, folded(code)) for code in codes)
        return max(
            (self.ending_organisations[name] for name in names if name in self.ending_organisations),
            key=last_day_of_organisation,
            default=None,
        )

    def slug_of_text(self, text: str) -> str | None:
        """Slug of the unit with this slug, code or name, in any case; None for a name that several units have."""
        return self.slugs_by_word.get(folded(text))

    def slug_of_source_location(self, source: str, location: str) -> str | None:
        """Slug of the unit at a device's *location*: by the ids, codes and names of the source's own organisations first.

        A source that tells its places writes their ids as well as their names. None: mapped nowhere, or a name that
        several units of the source have.
        """
        place = (source, folded(location))
        if place in self.foreign:
            return None
        if (slug := self.slugs_by_organisation.get(place)) is not None:
            return slug
        if place in self.slugs_by_organisation_name:
            return self.slugs_by_organisation_name[place]
        return self.slug_of_text(self.organisation_names.get(place, location))

    def forms_of_organisation(self, source: str, codes: Sequence[str]) -> tuple[str, ...]:
        """The school forms of the organisations that *source* names by *codes*; empty where none of them gives any."""
        words = (self.organisation_forms.get((source, folded(code)), ()) for code in codes)
        return tuple(dict.fromkeys(form for forms in words for form in forms))

    def slug_of_location(self, source: str, field: str, value: str) -> str | None:
        """Slug by the first `[[unit_map]]` of *source* and *field* whose glob matches *value*, in any case."""
        text = folded(value)
        return next((slug for matches, slug in self.places.get((source, field), ()) if matches(text)), None)

    def is_preschool_only(self, slug: str) -> bool:
        """Whether the unit has förskola and no other school form; False for a unit whose forms are unknown."""
        unit = self.by_slug.get(slug)
        return unit is not None and {folded(form) for form in unit.school_forms} == {PRESCHOOL_FORM}

    def group(self, source: str, source_id: str) -> GroupRecord | None:
        """The class or department. Those that are gone are included, since memberships outlive them."""
        return self.groups.get((source, source_id))

    def group_name(self, source: str, source_id: str) -> str | None:
        """The name of a class or department; None when the source does not list it."""
        group = self.group(source, source_id)
        return group.name if group else None

    def groups_of(self, unit: str) -> tuple[str, ...]:
        """Names of the groups of a unit that are not gone, in order, each once."""
        return self.group_names.get(unit, ())
