"""The list of numbers per unit and entitlement."""

from collections.abc import Sequence

from fleetsync.core.model import CoverageDay, Text
from fleetsync.expose.display_names import MEASURE_TITLES
from fleetsync.expose.lists.columns import entitlement_column, entitlement_filter, unit_column, unit_filter
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListContext, ListDefinition, NumberLink

COUNTED_MEASURES = (
    "entitled",
    "assigned",
    "covered",
    "covered_without_contact",
    "short",
    "unknown",
    "surplus",
    "undecided",
    "on_leave",
)


def _number_link(measure: str, row: CoverageDay) -> NumberLink:
    return NumberLink(measure, {"unit": row.unit, "entitlement": row.entitlement})


def _count_column(measure: str) -> ListColumn[CoverageDay]:
    return ListColumn(
        measure,
        MEASURE_TITLES[measure],
        CellKind.COUNT,
        lambda row, _: int(getattr(row, measure)),
        link=lambda row, _: _number_link(measure, row),
    )


def _target(row: CoverageDay, context: ListContext) -> float | None:
    rule = context.lookup.rule_at(row.entitlement, row.unit)
    return rule.target if rule else None


def _rows(context: ListContext) -> Sequence[CoverageDay]:
    return [row for row in context.visible.coverage if row.entitled or row.surplus or row.undecided]


COVERAGE: ListDefinition[CoverageDay] = ListDefinition(
    name="coverage",
    title=Text("Täckning", "Coverage"),
    summary="Unit × entitlement with its numbers",
    columns=(
        unit_column(lambda row: row.unit),
        entitlement_column(lambda row: row.entitlement),
        *(_count_column(measure) for measure in COUNTED_MEASURES),
        ListColumn(
            "ratio",
            Text("Täckning", "Coverage"),
            CellKind.RATIO,
            lambda row, _: row.ratio,
            link=lambda row, _: _number_link("covered", row),
            is_nullable=True,
        ),
        ListColumn(
            "ratio_at_best",
            Text("Som högst", "At best"),
            CellKind.RATIO,
            lambda row, _: row.ratio_at_best,
            is_nullable=True,
        ),
        ListColumn("target", Text("Mål", "Target"), CellKind.RATIO, _target, is_nullable=True),
    ),
    rows=_rows,
    filters=(unit_filter(lambda row: row.unit), entitlement_filter(lambda row: row.entitlement)),
    sort="-short",
    empty_text=Text("Ingen enhet ska ha några verktyg än.", "No unit is owed any device yet."),
    keeps_past_days=True,
    page_size=25,  # each of its many numbers is a link, so that a row weighs as much as three of another list
)
