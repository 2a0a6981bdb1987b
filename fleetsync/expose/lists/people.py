"""The list of persons, by id only: never a name, a log-in, a child or a protected person.

For the commands alone. On the page persons are opened one at a time, and each look is written into the audit.
"""

from collections.abc import Sequence

from fleetsync.core.model import PersonCase, Text
from fleetsync.expose.lists.columns import (
    REASON_TITLE,
    entitlement_column,
    entitlement_filter,
    unit_column,
    unit_filter,
)
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListContext, ListDefinition


def _entitlement(row: PersonCase) -> str | None:
    return row.person_state.owed.entitlement if row.person_state.owed else None


def _owed(row: PersonCase, _: ListContext) -> int:
    return row.person_state.owed.count if row.person_state.owed else 0


def _reason(row: PersonCase, _: ListContext) -> Text | None:
    """Why the person is owed a device; else what the first rule says against it."""
    if row.person_state.owed:
        return row.person_state.owed.reason
    return next((decision.reason for decision in row.person_state.decisions), None)


def _rows(context: ListContext) -> Sequence[PersonCase]:
    return [
        case for case in context.visible.people if case.person_state.counted and case.person.id not in context.concealed
    ]


PEOPLE: ListDefinition[PersonCase] = ListDefinition(
    name="people",
    title=Text("Personer", "People"),
    summary="Persons by id, with what they are owed and have",
    columns=(
        ListColumn("person_id", Text("Id", "Id"), CellKind.ID, lambda row, _: row.person.id),
        unit_column(lambda row: row.person_state.unit),
        entitlement_column(_entitlement, is_nullable=True),
        ListColumn("owed", Text("Ska ha", "Owed"), CellKind.COUNT, _owed),
        ListColumn("assigned", Text("Har", "Assigned"), CellKind.COUNT, lambda row, _: row.assigned),
        ListColumn("covered", Text("I drift", "Covered"), CellKind.COUNT, lambda row, _: row.covered),
        ListColumn("device_ids", Text("Verktyg", "Devices"), CellKind.IDS, lambda row, _: row.devices),
        ListColumn("reason", REASON_TITLE, CellKind.SENTENCE, _reason, is_nullable=True),
    ),
    rows=_rows,
    filters=(unit_filter(lambda row: row.person_state.unit), entitlement_filter(_entitlement)),
)
