"""Which units a page shows: those that meet a search text and a school form, a page at a time. All in the address.

Where all units fit on one page there is no form and there are no pages.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class UnitOrder:
    """An order of units, by slug."""

    title: Text
    key: Callable[[str], Any]


def order_by_name(context: RequestContext) -> UnitOrder:
    """By the name that people call the unit."""
    return UnitOrder(Text("efter namn", "by name"), lambda slug: collation_key(context.unit_name(slug)))


def orders_by_coverage(context: RequestContext, units: Sequence[UnitTotals]) -> Mapping[str, UnitOrder]:
    """Value of ?order= → an order of the overview; the first one is that without a choice."""
    totals = {unit.slug: unit for unit in units}
    return {
        "short": UnitOrder(Text("flest saknade först", "most short first"), lambda slug: (-totals[slug].short, slug)),
        "coverage": UnitOrder(
            Text("lägst täckning först", "lowest coverage first"), lambda slug: (totals[slug].ratio, slug)
        ),
        "name": order_by_name(context),
    }


class UnitChoice:
    """The units of one page among *units*, as the address chooses them. The first of *orders* needs no choice."""

    def __init__(self, context: RequestContext, units: Sequence[str], orders: Mapping[str, UnitOrder]) -> None:
        self._context = context
        self.orders = orders
        self.is_needed = len(units) > UNITS_PER_PAGE
        self.find = request.args.get("find", "").strip()[:MAX_SEARCH_CHARACTERS]
        self.form = request.args.get("form", "").strip()
        order = request.args.get("order", "")
        self.order = order if order in orders else next(iter(orders))
        self.forms = self._forms(units)
        matching = sorted((slug for slug in units if self._matches(slug)), key=orders[self.order].key)
        self.count = len(matching)
        self.pages = max(1, -(-self.count // UNITS_PER_PAGE))
        self.page = min(max(1, request.args.get("page", 1, type=int)), self.pages)
        first = (self.page - 1) * UNITS_PER_PAGE
        self.slugs = matching[first : first + UNITS_PER_PAGE]

    @property
    def is_narrowed(self) -> bool:
        """Whether a search text or a school form is chosen."""
        return bool(self.find or self.form)

    def url(self, **changes: str | int | None) -> str:
        """This page with other choices, at its units; None removes a choice."""
        return f"{changed_url(**changes)}#units"

    def _forms(self, units: Sequence[str]) -> Sequence[tuple[str, int]]:
        """(name of a school form, how many units have it); several codes may share a name."""
        counts = Counter(form for slug in units for form in self._names_of_forms(slug))
        return [(name, counts[name]) for name in sorted(counts, key=collation_key)]

    def _names_of_forms(self, slug: str) -> set[str]:
        return {self._context.localiser.translate(word(SCHOOL_FORMS, form)) for form in self._unit(slug).school_forms}

    def _matches(self, slug: str) -> bool:
        if self.form and self.form not in self._names_of_forms(slug):
            return False
        wanted = folded(self.find)
        texts = (self._context.unit_name(slug), slug, *self._unit(slug).codes)
        return not wanted or any(wanted in folded(text) for text in texts)

    def _unit(self, slug: str) -> Unit:
        return self._context.lookup.units.get(slug) or Unit(slug=slug, name=slug)
