"""The parts of a register, in the order in which they are pulled, and how each of them is read."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from connectors.ss12000 import people
from connectors.ss12000.register_client import RegisterClient
from connectors.ss12000.schema import Group, Organisation
from connectors.ss12000.settings import Settings
from fleetsync.core.model import RecordType
from fleetsync.pull.contract import Connect, Page, Part

_PERSON_RECORDS = (RecordType.PERSON, RecordType.MEMBERSHIP)
PARTS = (
    Part("units", (RecordType.UNIT,)),
    Part("groups", (RecordType.GROUP,), after=("units",), optional=True),
    Part("pupils", _PERSON_RECORDS, after=("units", "groups")),
    Part("children", _PERSON_RECORDS, after=("units",)),
    Part("staff", _PERSON_RECORDS, after=("units",)),
)


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """The part whole, with rows that ended within a year where the register gives them.

    Raises PartMissing where the register does not have what the part needs: its own resource, and for people also
    /persons, since only there a register says who is protected.
    """
    yield from _READERS[part](RegisterClient(settings, connect), settings, connect)


def _units(register: RegisterClient, settings: Settings, connect: Connect) -> Iterator[Page]:
    # Organisations that have ended are read too: a school that runs may belong to one.
    for organisations in register.pages("organisations", Organisation):
        yield Page([*organisations, *register.take_facts()], rejected=register.take_rejected())


def _groups(register: RegisterClient, settings: Settings, connect: Connect) -> Iterator[Page]:
    period = people.reading_period(connect)
    queries = people.queries_of_groups(settings, period)
    for groups in register.pages("groups", Group, queries, is_open=people.is_open):
        wanted = (group for group in groups if people.is_wanted(settings, group.group_type))
        recent = [group for group in wanted if period.is_recent(group.end_date, None)]
        yield Page([*recent, *register.take_facts()], rejected=register.take_rejected())


_READERS: Mapping[str, Callable[[RegisterClient, Settings, Connect], Iterator[Page]]] = MappingProxyType(
    {
        "units": _units,
        "groups": _groups,
        "pupils": people.pupils,
        "children": people.children,
        "staff": people.staff,
    }
)
