"""The rows behind a published number. Which number is chosen by the caller, who passes the rows of `drill_down`."""

from fleetsync.core.model import MeasureRow, Subject, Text
from fleetsync.expose.lists.columns import REASON_TITLE, SUBJECT_TITLE, SUBJECTS, unit_column
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListContext, ListDefinition, SubjectLink
from fleetsync.expose.lists.subjects import subject_columns


def _serials(row: MeasureRow, context: ListContext) -> str:
    return ", ".join(context.names.identifier(Subject.DEVICE, device) for device in row.devices)


NUMBERS: ListDefinition[MeasureRow] = ListDefinition(
    name="numbers",
    title=Text("Bakom talet", "Behind the number"),
    summary="The rows behind a published number; their counts add up to it. Persons who are not shown are one row",
    columns=(
        ListColumn("count", Text("Antal", "Count"), CellKind.COUNT, lambda row, _: row.count),
        ListColumn(
            "subject", SUBJECT_TITLE, CellKind.WORD, lambda row, _: row.subject.value, words=SUBJECTS, is_on_page=False
        ),
        ListColumn(
            "subject_id",
            Text("Vem eller vad", "Who or what"),
            CellKind.ID,
            lambda row, _: row.subject_id or None,
            lambda row, context: context.names.subject(row.subject, row.subject_id),
            link=lambda row, _: SubjectLink(row.subject, row.subject_id, row.unit),
            second_line=lambda row, context: context.names.identifier(row.subject, row.subject_id),
            is_nullable=True,
        ),
        unit_column(lambda row: row.unit, is_nullable=True),
        ListColumn("reason", REASON_TITLE, CellKind.SENTENCE, lambda row, _: row.reason, cell_style="reason"),
        ListColumn(
            "device_ids",
            Text("Verktyg", "Devices"),
            CellKind.IDS,
            lambda row, _: row.devices,
            _serials,
            cell_style="devices",
        ),
        ListColumn(
            "gaps",
            Text("Avvikelser", "Gaps"),
            CellKind.COUNT,
            lambda row, context: len(context.gaps.get(row.subject_id, ())),
            cell_style="gaps",
        ),
        *subject_columns(lambda row: (row.subject, row.subject_id)),
    ),
    rows=lambda _: (),
    empty_text=Text("Inget räknas här: talet är noll.", "Nothing is counted here: the number is zero."),
    keeps_past_days=True,
)
