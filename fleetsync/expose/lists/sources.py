"""The list of sources: every configured part and its state."""

from fleetsync.core.model import PartState, Text
from fleetsync.expose.display_names import FRESHNESS, PART_ROLES
from fleetsync.expose.lists.columns import REASON_TITLE, word_filter
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListContext, ListDefinition
from fleetsync.expose.lookup import freshness
from fleetsync.expose.scope import Permission

STATE_TITLE = Text("Läge", "State")


def _state(row: PartState, context: ListContext) -> str:
    return freshness(row, context.today)


SOURCES: ListDefinition[PartState] = ListDefinition(
    name="sources",
    title=Text("Källor", "Sources"),
    summary="Every part of every source",
    columns=(
        ListColumn("source", Text("Källa", "Source"), CellKind.TEXT, lambda row, _: row.source),
        ListColumn("part", Text("Del", "Part"), CellKind.TEXT, lambda row, _: row.part),
        ListColumn("role", Text("Roll", "Role"), CellKind.WORD, lambda row, _: row.role.value, words=PART_ROLES),
        ListColumn("state", STATE_TITLE, CellKind.WORD, _state, words=FRESHNESS),
        ListColumn("as_of", Text("Gäller", "As of"), CellKind.DAY, lambda row, _: row.as_of, is_nullable=True),
        ListColumn(
            "expected_hours",
            Text("Väntas var … timme", "Expected every … hours"),
            CellKind.NUMBER,
            lambda row, _: row.expected_every.total_seconds() / 3600,
        ),
        ListColumn(
            "last_attempt_at",
            Text("Senaste försök", "Last attempt"),
            CellKind.INSTANT,
            lambda row, _: row.last_attempt_at,
            is_nullable=True,
        ),
        ListColumn(
            "last_complete_at",
            Text("Senast komplett", "Last complete"),
            CellKind.INSTANT,
            lambda row, _: row.last_complete_at,
            is_nullable=True,
        ),
        ListColumn(
            "held_pull",
            Text("Väntar på beslut", "Held pull"),
            CellKind.COUNT,
            lambda row, _: row.held_pull,
            is_nullable=True,
        ),
        ListColumn(
            "unreadable_rows",
            Text("Oläsliga rader", "Unreadable rows"),
            CellKind.COUNT,
            lambda row, _: row.unreadable_rows,
        ),
        ListColumn(
            "unreadable_facts",
            Text("Oläsliga uppgifter", "Unreadable facts"),
            CellKind.COUNT,
            lambda row, _: row.unreadable_facts,
        ),
        ListColumn(
            "unused_headers",
            Text("Oanvända rubriker", "Unused headers"),
            CellKind.COUNT,
            lambda row, _: row.unused_headers,
        ),
        ListColumn(
            "left_files",
            Text("Lämnade filer", "Left files"),
            CellKind.TEXT,
            lambda row, _: ", ".join(row.left_files) or None,
            is_nullable=True,
            is_on_page=False,
            needs=Permission.PULL_DETAILS,
        ),
        ListColumn(
            "reason",
            REASON_TITLE,
            CellKind.TEXT,
            lambda row, _: row.reason,
            is_nullable=True,
            is_on_page=False,
            needs=Permission.PULL_DETAILS,
        ),
    ),
    rows=lambda context: context.parts,
    is_of_snapshot=False,
    filters=(word_filter("state", STATE_TITLE, FRESHNESS, lambda row, context: (_state(row, context),)),),
)
