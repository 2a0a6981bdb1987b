"""Columns and filters that several lists share."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from fleetsync.core.model import Subject, Text
from fleetsync.expose.display_names import word
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListContext, ListFilter, SubjectLink

Row = TypeVar("Row")

UNIT_TITLE = Text("Enhet", "Unit")
ENTITLEMENT_TITLE = Text("Rättighet", "Entitlement")
PLATFORM_TITLE = Text("Plattform", "Platform")
SUBJECT_TITLE = Text("Sort", "Subject")
REASON_TITLE = Text("Varför", "Why")
WORKS_TITLE = Text("I drift", "Works")
SUBJECTS: Mapping[str, Text] = {
    Subject.PERSON: Text("person", "person"),
    Subject.DEVICE: Text("verktyg", "device"),
    Subject.SET: Text("klassuppsättning", "set"),
    Subject.POOL: Text("gemensamma", "pool"),
    Subject.UNIT: Text("enhet", "unit"),
    Subject.SOURCE: Text("källa", "source"),
}


def unit_column(unit_of: Callable[[Row], str], *, is_nullable: bool = False) -> ListColumn[Row]:
    """A unit: its slug; shown by name, with a link to its page. "" is no unit."""

    def name(row: Row, context: ListContext) -> Text | None:
        slug = unit_of(row)
        return context.names.unit(slug) if slug else None

    def link(row: Row, _: ListContext) -> SubjectLink | None:
        slug = unit_of(row)
        return SubjectLink(Subject.UNIT, slug, slug) if slug else None

    return ListColumn(
        "unit", UNIT_TITLE, CellKind.ID, lambda row, _: unit_of(row) or None, name, link=link, is_nullable=is_nullable
    )


def entitlement_column(entitlement_of: Callable[[Row], str | None], *, is_nullable: bool = False) -> ListColumn[Row]:
    """An entitlement: its id; shown by its title."""

    def title(row: Row, context: ListContext) -> Text | None:
        entitlement = entitlement_of(row)
        return context.names.rule(entitlement) if entitlement else None

    return ListColumn(
        "entitlement",
        ENTITLEMENT_TITLE,
        CellKind.ID,
        lambda row, _: entitlement_of(row),
        title,
        is_nullable=is_nullable,
    )


def unit_filter(unit_of: Callable[[Row], str]) -> ListFilter[Row]:
    """By unit."""
    return ListFilter(
        "unit", UNIT_TITLE, lambda row, _: (unit_of(row),), lambda value, context: context.names.unit(value)
    )


def entitlement_filter(entitlement_of: Callable[[Row], str | None]) -> ListFilter[Row]:
    """By entitlement."""
    return ListFilter(
        "entitlement",
        ENTITLEMENT_TITLE,
        lambda row, _: (entitlement_of(row) or "",),
        lambda value, context: context.names.rule(value),
    )


def word_filter(
    key: str, title: Text, words: Mapping[str, Text], values: Callable[[Row, ListContext], Iterable[str]]
) -> ListFilter[Row]:
    """By a value of an enumeration, whose values are named in *words*."""
    return ListFilter(key, title, values, lambda value, _: word(words, value), words)


def yes_or_no(value: bool | None) -> str:
    """A flag as a filter's value; "unknown" where it cannot be decided."""
    return "unknown" if value is None else "yes" if value else "no"


def works_order(works: bool | None) -> int:
    """Sort key: what does not work comes first, then what cannot be decided."""
    return 0 if works is False else 1 if works is None else 2
