"""The list of assignments: which device serves which person, set or pool."""

from collections.abc import Sequence

from fleetsync.core.model import Assignment, CoveredBy, Subject, Text
from fleetsync.expose.display_names import COVERED_BY, YES_NO_UNKNOWN
from fleetsync.expose.lists.columns import (
    REASON_TITLE,
    SUBJECT_TITLE,
    SUBJECTS,
    WORKS_TITLE,
    entitlement_column,
    entitlement_filter,
    unit_column,
    unit_filter,
    word_filter,
    works_order,
    yes_or_no,
)
from fleetsync.expose.lists.definitions import (
    CellKind,
    ListColumn,
    ListContext,
    ListDefinition,
    ListFilter,
    SubjectLink,
)
from fleetsync.expose.lists.names import SUBJECT_BY
from fleetsync.expose.lists.subjects import group_filter, login_column, serial_column, stage_column

BY_TITLE = Text("Genom", "By")


def _is_listed(row: Assignment, context: ListContext) -> bool:
    return row.by is not CoveredBy.OWN or row.subject_id not in context.concealed


def _subject(row: Assignment) -> tuple[Subject, str]:
    return SUBJECT_BY[row.by], row.subject_id


def _device(row: Assignment) -> tuple[Subject, str]:
    return Subject.DEVICE, row.device


def _rows(context: ListContext) -> Sequence[Assignment]:
    """Devices that do not work first."""
    listed = [row for row in context.visible.assignments if _is_listed(row, context)]
    return sorted(listed, key=lambda row: (works_order(row.works), row.unit, row.subject_id, row.device))


def _hidden_rows(context: ListContext) -> int:
    return sum(1 for row in context.visible.assignments if not _is_listed(row, context))


ASSIGNMENTS: ListDefinition[Assignment] = ListDefinition(
    name="assignments",
    title=Text("Tilldelningar", "Assignments"),
    summary="Which device serves which person, set or pool. Persons who are not shown are left out",
    columns=(
        ListColumn(
            "device_id",
            Text("Verktyg", "Device"),
            CellKind.ID,
            lambda row, _: row.device,
            lambda row, context: context.names.device(row.device),
            link=lambda row, _: SubjectLink(Subject.DEVICE, row.device, row.unit),
            second_line=lambda row, context: context.names.identifier(Subject.DEVICE, row.device),
        ),
        ListColumn(
            "subject",
            SUBJECT_TITLE,
            CellKind.WORD,
            lambda row, _: SUBJECT_BY[row.by].value,
            words={subject: SUBJECTS[subject] for subject in SUBJECT_BY.values()},
            is_on_page=False,
        ),
        ListColumn(
            "subject_id",
            Text("För", "For"),
            CellKind.ID,
            lambda row, _: row.subject_id,
            lambda row, context: context.names.subject(SUBJECT_BY[row.by], row.subject_id),
            link=lambda row, _: SubjectLink(SUBJECT_BY[row.by], row.subject_id, row.unit),
            second_line=lambda row, context: context.names.identifier(SUBJECT_BY[row.by], row.subject_id),
        ),
        unit_column(lambda row: row.unit),
        entitlement_column(lambda row: row.entitlement),
        ListColumn("by", BY_TITLE, CellKind.WORD, lambda row, _: row.by.value, words=COVERED_BY),
        ListColumn("works", WORKS_TITLE, CellKind.FLAG, lambda row, _: row.works, is_nullable=True),
        ListColumn("reason", REASON_TITLE, CellKind.SENTENCE, lambda row, _: row.reason, cell_style="reason"),
        serial_column(_device),
        stage_column(_device),
        login_column(_subject),
    ),
    rows=_rows,
    filters=(
        unit_filter(lambda row: row.unit),
        group_filter(_subject),
        entitlement_filter(lambda row: row.entitlement),
        ListFilter(
            "shared",
            Text("Delas av", "Shared by"),
            # Persons are no choice: some of them are not shown.
            lambda row, _: () if row.by is CoveredBy.OWN else (row.subject_id,),
            lambda value, context: context.names.shared(value),
        ),
        word_filter("by", BY_TITLE, COVERED_BY, lambda row, _: (row.by.value,)),
        word_filter("works", WORKS_TITLE, YES_NO_UNKNOWN, lambda row, _: (yes_or_no(row.works),)),
    ),
    empty_text=Text("Inga tilldelningar här.", "No assignments here."),
    hidden_rows=_hidden_rows,
    keeps_past_days=True,
)
