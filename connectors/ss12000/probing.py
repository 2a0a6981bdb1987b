"""One request per resource: it proves address, sign-in and permission, and shows what the register does not have."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from connectors.ss12000.parts import PARTS
from connectors.ss12000.register_client import NO_FILTER, RegisterClient
from connectors.ss12000.schema import Duty, GroupWithMembers, MinimalPerson, Organisation, RegisterPlacement
from connectors.ss12000.settings import Settings
from fleetsync.pull.contract import Connect, Params, Part, ProbeResult
from fleetsync.pull.decoding import probe_part

# The resource that each part cannot do without.
_RESOURCES: Mapping[str, tuple[str, type[Any]]] = MappingProxyType(
    {
        "units": ("organisations", Organisation),
        "groups": ("groups", GroupWithMembers),
        "pupils": ("persons", MinimalPerson),
        "children": ("placements", RegisterPlacement),
        "staff": ("duties", Duty),
    }
)
# The words by which `counts` names a part: itself, or the type of its memberships.
_COUNTED_AS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "units": frozenset({"pupils", "enrolment", "children", "placement", "staff", "employment"}),  # all need them
        "groups": frozenset(),
        "pupils": frozenset({"pupils", "enrolment"}),
        "children": frozenset({"children", "placement"}),
        "staff": frozenset({"staff", "employment"}),
    }
)


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Asks for one object of each resource, and says which parts can be read."""
    register = RegisterClient(settings, connect)
    for part in PARTS:
        if part.name not in settings.without:
            is_needed = not part.optional and not _COUNTED_AS[part.name].isdisjoint(settings.counts)
            yield _probe_resource(replace(part, optional=not is_needed), register)


def _probe_resource(part: Part, register: RegisterClient) -> ProbeResult:
    resource, kind = _RESOURCES[part.name]
    # Edlevo refuses a listing of persons without a relation.
    queries: tuple[Params, ...] = (
        ({"relationship.entity.type": "enrolment"}, {}) if resource == "persons" else NO_FILTER
    )
    return probe_part(
        part,
        lambda: bool(register.first(resource, kind, queries)),
        readable=f"/{resource} can be read",
        empty=f"/{resource} can be read, and is empty",
        remedy=f"Let this client read /{resource} at the register, and check that base_url is the address above it",
        missing_remedy=f"Take {part.name} out of counts; another source must have them",
    )
