"""Proposes units: one for each organisation of the registers, and each name in a staff file, that no unit lists yet.

Pure. Organisations of several sources are one unit when their names are equal but for case.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fleetsync.core.context import Context
from fleetsync.core.model import (
    RESERVED_UNITS,
    FrozenStruct,
    MembershipRecord,
    MembershipType,
    UnitRecord,
)
from fleetsync.core.school_forms import KNOWN_FORMS
from fleetsync.core.text import folded
from fleetsync.core.unit_directory import UnmappedOrganisation

LONGEST_SLUG = 63
SCHOOL_UNIT_KIND = "skolenhet"  # a legal part of a school, with a principal of its own

OrganisationName = tuple[str, str]  # source, folded id, code or name


class UnitProposal(FrozenStruct, frozen=True, kw_only=True):
    """A unit that may be configured, and who belongs to it by the sources that name it.

    `learners`: enrolments and placements; `employments`. `lacks_learners`: none belongs to it, though pupils or children of
    other units are known; it may be another department's.
    `organisation_number`: of the organisation or the nearest above it; another than that of most is another principal's.
    """

    slug: str
    name: str
    codes: tuple[str, ...]
    school_forms: tuple[str, ...]
    sources: tuple[str, ...]
    learners: int
    employments: int
    lacks_learners: bool = False
    organisation_number: str = ""


class _Members(FrozenStruct, frozen=True):
    """The memberships that name an organisation."""

    learners: int = 0
    employments: int = 0
    school_forms: frozenset[str] = frozenset()


class _Registers(FrozenStruct, frozen=True, kw_only=True):
    """What the registers say of organisations, and who belongs to them."""

    organisations: Mapping[OrganisationName, UnitRecord]
    members: Mapping[OrganisationName, _Members]

    @property
    def know_learners(self) -> bool:
        """Whether any pupil or child is known."""
        return any(each.learners for each in self.members.values())


def propose_units(context: Context) -> tuple[UnitProposal, ...]:
    """A unit for each name that no unit lists, those with the most learners first."""
    registers = _Registers(organisations=_organisations(context), members=_members_by_name(context))
    by_name: defaultdict[str, list[UnmappedOrganisation]] = defaultdict(list)
    for organisation in context.unit_directory.unmapped:
        for each in _parts_of(organisation, registers):
            by_name[folded(each.name)].append(each)
    taken = {unit.slug for unit in context.policy.units} | RESERVED_UNITS
    proposals = []
    for name in sorted(by_name):
        proposal = _proposal(by_name[name], registers, taken)
        taken.add(proposal.slug)
        proposals.append(proposal)
    return tuple(sorted(proposals, key=lambda each: (-each.learners, -each.employments, each.name)))


def _parts_of(organisation: UnmappedOrganisation, registers: _Registers) -> Iterator[UnmappedOrganisation]:
    """The organisation, or, of a school of several Skolenheter, each of them: each has its own principal."""
    below = _organisations_below(organisation, registers)
    units = [record for record in below if folded(record.kind or "") == SCHOOL_UNIT_KIND]
    if len({folded(record.name) for record in units}) < 2:
        yield organisation
        return
    for record in units:
        yield UnmappedOrganisation(organisation.source, record.source_id, record.name, record.codes)


def _proposal(
    organisations: Sequence[UnmappedOrganisation], registers: _Registers, taken: Iterable[str]
) -> UnitProposal:
    names = dict.fromkeys(ref for organisation in organisations for ref in _names_of(organisation, registers))
    of_all = [registers.members[ref] for ref in names if ref in registers.members]
    learners = sum(each.learners for each in of_all)
    records = (registers.organisations[ref] for ref in names if ref in registers.organisations)
    forms = {form for record in records for form in _forms_of(record)}
    codes = dict.fromkeys(code for organisation in organisations for code in _codes_of(organisation, registers))
    return UnitProposal(
        slug=_free_slug(organisations[0].name, taken),
        name=organisations[0].name,
        codes=tuple(codes),
        school_forms=tuple(sorted(forms.union(*(each.school_forms for each in of_all)) & KNOWN_FORMS)),
        sources=tuple(sorted({organisation.source for organisation in organisations})),
        learners=learners,
        employments=sum(each.employments for each in of_all),
        lacks_learners=not learners and registers.know_learners,
        organisation_number=next(filter(None, (_number_of(each, registers) for each in organisations)), ""),
    )


def own_organisation_number(proposals: Iterable[UnitProposal]) -> str:
    """The organisation number of the units with most of the pupils and children; "" where no register gives one."""
    learners: Counter[str] = Counter()
    for proposal in proposals:
        if proposal.organisation_number:
            learners[proposal.organisation_number] += proposal.learners + 1
    return learners.most_common(1)[0][0] if learners else ""


def _number_of(organisation: UnmappedOrganisation, registers: _Registers) -> str:
    """The organisation number of the organisation, or of the nearest above it that has one."""
    source, passed = organisation.source, set[str]()
    at = folded(organisation.source_id)
    while at not in passed and (record := registers.organisations.get((source, at))) is not None:
        if record.organisation_number:
            return record.organisation_number
        passed.add(at)
        at = folded(record.parent or "")
    return ""


def _codes_of(organisation: UnmappedOrganisation, registers: _Registers) -> tuple[str, ...]:
    """What a unit lists to have the organisation: its codes, else those below it, else its id.

    A unit that a file knows by name alone has none.
    """
    codes_below = tuple(code for record in _organisations_below(organisation, registers) for code in record.codes)
    own_id = () if organisation.source_id == organisation.name else (organisation.source_id,)
    return organisation.codes or codes_below or own_id


def _names_of(organisation: UnmappedOrganisation, registers: _Registers) -> Iterator[OrganisationName]:
    """Every id, code and name that a membership may name the organisation by, or one below it."""
    words = (organisation.source_id, *organisation.codes, organisation.name, *organisation.below)
    codes_below = (code for record in _organisations_below(organisation, registers) for code in record.codes)
    yield from ((organisation.source, folded(word)) for word in (*words, *codes_below))


def _organisations_below(organisation: UnmappedOrganisation, registers: _Registers) -> list[UnitRecord]:
    """The organisations below it of which a register has a record."""
    refs = ((organisation.source, folded(id_)) for id_ in organisation.below)
    return [registers.organisations[ref] for ref in refs if ref in registers.organisations]


def _organisations(context: Context) -> Mapping[OrganisationName, UnitRecord]:
    """By id and by code."""
    records = [
        (known.source, known.record)
        for known in context.believed.known
        if isinstance(known.record, UnitRecord) and not known.gone
    ]
    return {(source, folded(word)): record for source, record in records for word in (*record.codes, record.source_id)}


def _forms_of(record: UnitRecord) -> tuple[str, ...]:
    return tuple(form.strip().upper() for form in record.school_forms)


def _members_by_name(context: Context) -> Mapping[OrganisationName, _Members]:
    """By each code of a membership's organisation, or by its name where it has no code."""
    memberships: defaultdict[OrganisationName, list[MembershipRecord]] = defaultdict(list)
    for known in context.believed.known:
        record = known.record
        if isinstance(record, MembershipRecord) and not known.gone and not known.masked:
            words = record.codes or ((record.unit_name,) if record.unit_name else ())
            for word in dict.fromkeys(map(folded, words)):
                memberships[known.source, word].append(record)
    return {name: _counted(records) for name, records in memberships.items()}


def _counted(records: Iterable[MembershipRecord]) -> _Members:
    records = tuple(records)
    employments = sum(record.membership is MembershipType.EMPLOYMENT for record in records)
    learners = sum(record.membership in (MembershipType.ENROLMENT, MembershipType.PLACEMENT) for record in records)
    return _Members(
        learners, employments, frozenset(record.school_form.upper() for record in records if record.school_form)
    )


def _free_slug(name: str, taken: Iterable[str]) -> str:
    """A slug made of *name* that is not taken: small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(
        letter if letter.isascii() and letter.isalnum() else "" if unicodedata.combining(letter) else "-"
        for letter in plain
    )
    slug = "-".join(filter(None, letters.split("-")))[: LONGEST_SLUG - 3].strip("-") or "unit"
    used = set(taken)
    return next(
        each for number in range(1, len(used) + 2) if (each := slug if number == 1 else f"{slug}-{number}") not in used
    )
