"""A school register by SS12000:2020, versions 2.0 and 2.1: units, groups, pupils, children, staff.

API: GET {base_url}/organisations, /groups, /persons, /placements, /duties, POST {base_url}/persons/lookup (SIS OpenAPI
2.0.0 and 2.1.0 with the corrigendum of 2022-08; Edlevo's documentation 1.4.0; read 2026-11-24). A whole read each time.
Permission: to read these; no standard says how it is granted, nor how a token is got: see `auth`.

Quirks:
* A register has what it has, and cannot be asked for its version: filters, page size and look-ups are tried and left.
* A following page is asked for by token and size alone. Its token may be null, blank or absent after the last, and
  grow old (410); an empty page may follow a full one.
* `enroledAt` has one l. An enrolment has no id; `cancelled` ends it early without saying when, and Edlevo lacks it.
* A duty may sit at any level (Edlevo: always a Skola), may be vacant, and knows no form of employment.
* A child may hold several places; förskola has no skolenhetskod. Groups of Edlevo are a Skola's.
* Nobody says whether a token remembers what was to be expanded: `expand` is never asked for.
* Letters come composed or not, ids in any case, days as open as 9999-12-31.

Refuses to take any mark of protection but an absent one and "Ingen" for none, on whatever reference it stands; to decode
birth dates, addresses, phones, photos, guardians and private mail; and to read "missing" as "none".
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from connectors.ss12000 import people
from connectors.ss12000.normalising import DatedMembership, RegisterPerson, to_records
from connectors.ss12000.register_client import NO_FILTER, RegisterClient
from connectors.ss12000.schema import Duty, Group, GroupWithMembers, MinimalPerson, Organisation, RegisterPlacement
from connectors.ss12000.settings import Settings
from fleetsync.core.model import RecordType
from fleetsync.pull.contract import (
    Connect,
    NormalisedItem,
    Page,
    Params,
    Part,
    PartMissing,
    ProbeResult,
    SourceRefused,
)

__all__ = ["PARTS", "Settings", "normalise", "probe", "pull"]

PERSON_RECORD_TYPES = (RecordType.PERSON, RecordType.MEMBERSHIP)
PARTS = (
    Part("units", (RecordType.UNIT,)),
    Part("groups", (RecordType.GROUP,), after=("units",), optional=True),
    Part("pupils", PERSON_RECORD_TYPES, after=("units", "groups")),
    Part("children", PERSON_RECORD_TYPES, after=("units",)),
    Part("staff", PERSON_RECORD_TYPES, after=("units",)),
)

# Each part by the resource that it stands or falls with.
RESOURCES: Mapping[str, tuple[str, type[Any]]] = MappingProxyType(
    {
        "units": ("organisations", Organisation),
        "groups": ("groups", GroupWithMembers),
        "pupils": ("persons", MinimalPerson),
        "children": ("placements", RegisterPlacement),
        "staff": ("duties", Duty),
    }
)


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """The part whole, with rows that ended within a year where the register gives them.

    Raises PartMissing where the register does not have what the part stands or falls with: its own resource, and of
    people also /persons, since there alone it is told who is protected.
    """
    yield from _PULLS[part](RegisterClient(settings, connect), settings, connect)


def _units(register: RegisterClient, settings: Settings, connect: Connect) -> Iterator[Page]:
    # Whole, also what has ended: a school that runs may hang below it.
    for organisations in register.pages("organisations", Organisation):
        yield Page(organisations)


def _groups(register: RegisterClient, settings: Settings, connect: Connect) -> Iterator[Page]:
    days = people.reading_period(connect)
    for groups in register.pages("groups", Group, people.queries_of_groups(settings, days), is_open=people.is_open):
        wanted = (group for group in groups if people.is_wanted(settings, group.group_type))
        yield Page([group for group in wanted if days.is_recent(group.end_date, None)])


_PULLS: Mapping[str, Callable[[RegisterClient, Settings, Connect], Iterator[Page]]] = MappingProxyType(
    {
        "units": _units,
        "groups": _groups,
        "pupils": people.pupils,
        "children": people.children,
        "staff": people.staff,
    }
)


def normalise(
    part: str, settings: Settings, raw: Organisation | Group | RegisterPerson | DatedMembership
) -> tuple[NormalisedItem, ...]:
    """One object, person or row as a record, with the words of it that no version of the standard has."""
    return to_records(settings, raw)


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """One object of each resource: that proves address, sign-in and right, and tells what the register does not have."""
    register = RegisterClient(settings, connect)
    for part in PARTS:
        yield _probe_part(part, register, settings)


def _probe_part(part: Part, register: RegisterClient, settings: Settings) -> ProbeResult:
    resource, kind = RESOURCES[part.name]
    # Edlevo wants to know of which relation it is.
    queries: tuple[Params, ...] = (
        ({"relationship.entity.type": "enrolment"}, {}) if resource == "persons" else NO_FILTER
    )
    try:
        found = register.first(resource, kind, queries)
    except PartMissing as missing:
        remedy = "" if part.optional else f"Leave {part.name} out of counts; another source must tell of them"
        return ProbeResult(part.name, ok=part.optional, what=str(missing), remedy=remedy)
    except SourceRefused as refused:
        remedy = f"Let this client read /{resource} at the register, and see that base_url is the address above it"
        return ProbeResult(part.name, ok=False, what=str(refused), remedy=remedy)
    what = f"/{resource} can be read" + ("" if found else ", and is empty")
    return ProbeResult(part.name, ok=True, what=what)
