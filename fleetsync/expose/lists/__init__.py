"""The lists: one definition each, for the page, its files, the JSON API and the commands.

`definitions.py` says what a list is; every other module holds one list, or writes lists in one form. Children and
protected persons are in no list; they are counted in the numbers.
"""

from collections.abc import Mapping
from typing import Any

from fleetsync.expose.lists.assignments import ASSIGNMENTS
from fleetsync.expose.lists.coverage import COVERAGE
from fleetsync.expose.lists.definitions import ListContext, ListDefinition
from fleetsync.expose.lists.devices import DEVICES
from fleetsync.expose.lists.gaps import GAP_LIST
from fleetsync.expose.lists.numbers import NUMBERS
from fleetsync.expose.lists.people import PEOPLE
from fleetsync.expose.lists.sources import SOURCES
from fleetsync.expose.lists.work import WORK_LISTS

__all__ = [
    "API_LISTS",
    "ASSIGNMENTS",
    "COMMAND_LISTS",
    "COVERAGE",
    "DEVICES",
    "GAP_LIST",
    "NUMBERS",
    "PEOPLE",
    "SOURCES",
    "WORK_LISTS",
    "ListContext",
    "ListDefinition",
]

API_LISTS: tuple[ListDefinition[Any], ...] = (COVERAGE, GAP_LIST, DEVICES, PEOPLE, ASSIGNMENTS, *WORK_LISTS, SOURCES)
COMMAND_LISTS: Mapping[str, ListDefinition[Any]] = {definition.name: definition for definition in API_LISTS}
