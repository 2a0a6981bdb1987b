"""Which units a page shows: those that meet a search text and a school form, a page at a time. All in the address.

A municipality whose units fit on one page sees no form and no pages.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import request

from fleetsync.core.model import Text, Unit
from fleetsync.core.text import folded
from fleetsync.expose.display_names import SCHOOL_FORMS, word
from fleetsync.expose.lists.row_index import collation_key
from fleetsync.expose.web.coverage_overview import UnitTotals
from fleetsync.expose.web.links import changed_url
from fleetsync.expose.web.request_context import RequestContext

UNITS_PER_PAGE = 20
MAX_SEARCH_CHARACTERS = 80

SortKey = Callable[[UnitTotals, RequestContext], Any]


def _by_name(unit: UnitTotals, context: RequestContext) -> str:
    return collation_key(context.unit_name(unit.slug))


# Value of ?order= → its name, and the sort key. The first one is the order without a choice.
UNIT_ORDERS: Mapping[str, tuple[Text, SortKey]] = {
    "short": (Text("flest saknade först", "most short first"), lambda unit, _: (-unit.short, unit.slug)),
    "coverage": (Text("lägst täckning först", "lowest coverage first"), lambda unit, _: (unit.ratio, unit.slug)),
    "name": (Text("efter namn", "by name"), _by_name),
}


class UnitChoice:
    """The units of one page among *units*, as the address chooses them."""

    def __init__(self, context: RequestContext, units: Sequence[UnitTotals], default_order: str = "short") -> None:
        self._context = context
        self.is_needed = len(units) > UNITS_PER_PAGE
        self.find = request.args.get("find", "").strip()[:MAX_SEARCH_CHARACTERS]
        self.form = request.args.get("form", "").strip()
        order = request.args.get("order", "")
        self.order = order if order in UNIT_ORDERS else default_order
        self.forms = self._forms(units)
        matching = [unit for unit in units if self._matches(unit.slug)]
        matching.sort(key=lambda unit: UNIT_ORDERS[self.order][1](unit, context))
        self.count = len(matching)
        self.pages = max(1, -(-self.count // UNITS_PER_PAGE))
        self.page = min(max(1, request.args.get("page", 1, type=int)), self.pages)
        first = (self.page - 1) * UNITS_PER_PAGE
        self.slugs = [unit.slug for unit in matching[first : first + UNITS_PER_PAGE]]

    @property
    def is_narrowed(self) -> bool:
        """Whether a search text or a school form is chosen."""
        return bool(self.find or self.form)

    def url(self, **changes: str | int | None) -> str:
        """This page with other choices, at its units; None removes a choice."""
        return f"{changed_url(**changes)}#units"

    @property
    def orders(self) -> Sequence[tuple[str, Text]]:
        """(value of ?order=, its name)."""
        return [(key, title) for key, (title, _) in UNIT_ORDERS.items()]

    def _forms(self, units: Sequence[UnitTotals]) -> Sequence[tuple[str, str, int]]:
        """(school form, its name, how many units have it); several codes may share a name."""
        counts = Counter(form for unit in units for form in self._names_of_forms(unit.slug))
        return [(name, name, counts[name]) for name in sorted(counts, key=collation_key)]

    def _names_of_forms(self, slug: str) -> set[str]:
        unit = self._unit(slug)
        return {self._context.localiser.translate(word(SCHOOL_FORMS, form)) for form in unit.school_forms}

    def _matches(self, slug: str) -> bool:
        if self.form and self.form not in self._names_of_forms(slug):
            return False
        unit, wanted = self._unit(slug), folded(self.find)
        return not wanted or any(wanted in folded(text) for text in (self._context.unit_name(slug), slug, *unit.codes))

    def _unit(self, slug: str) -> Unit:
        return self._context.lookup.units.get(slug) or Unit(slug=slug, name=slug)
