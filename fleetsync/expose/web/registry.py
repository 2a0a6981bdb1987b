"""The pages: one table that navigation, access check, banner of past days and tests walk.

A new page is a function with `@page(…)` in a module of `PAGE_MODULES` (`fleetsync.expose.web`) and its template. Nothing else
lists pages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flask import Blueprint, Response
from werkzeug.wrappers import Response as Redirect

from fleetsync.core.model import Text
from fleetsync.expose.scope import Permission

PageResponse = Response | Redirect | str | tuple[str, int]
PageFunction = TypeVar("PageFunction", bound=Callable[..., PageResponse])

pages = Blueprint("pages", __name__)


@dataclass(frozen=True)
class PageEntry:
    """A page. Its section is the navigation entry that is marked while it is open."""

    endpoint: str
    rule: str  # its address, with <parameters>
    navigation_title: Text | None  # None: not in the navigation
    section: str
    keeps_past_days: bool
    needs: Permission | None  # accounts without it get 403

    @property
    def is_in_navigation(self) -> bool:
        """Whether the navigation has an entry for it."""
        return self.navigation_title is not None


PAGES: dict[str, PageEntry] = {}  # by endpoint, in the order of the navigation


def page(
    rule: str,
    *,
    navigation_title: Text | None = None,
    section: str = "",
    keeps_past_days: bool = False,
    needs: Permission | None = None,
) -> Callable[[PageFunction], PageFunction]:
    """Register a page function under *rule*. *section* is the name of another page's function; by default its own."""

    def register(function: PageFunction) -> PageFunction:
        name = function.__name__
        entry = PageEntry(f"pages.{name}", rule, navigation_title, f"pages.{section or name}", keeps_past_days, needs)
        PAGES[entry.endpoint] = entry
        pages.add_url_rule(rule, endpoint=name, view_func=function, methods=["GET"])
        return function

    return register
