"""The list of gaps: what is wrong, open and parked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from fleetsync.core.model import Episode, Severity, Subject, Text
from fleetsync.expose.display_names import ACTING_ROLES, GAP_KIND_TITLES, GAP_STATES, PLATFORMS, SEVERITIES, word
from fleetsync.expose.lists.columns import (
    PLATFORM_TITLE,
    REASON_TITLE,
    SUBJECT_TITLE,
    SUBJECTS,
    unit_column,
    unit_filter,
    word_filter,
)
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListContext, ListDefinition, SubjectLink
from fleetsync.expose.lists.subjects import group_filter, subject_columns
from fleetsync.expose.lookup import GAP_KINDS

SEVERITY_RANK: Mapping[Severity, int] = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
KIND_TITLE, STATE_TITLE, ROLE_TITLE = Text("Slag", "Kind"), Text("Läge", "State"), Text("Vem agerar", "Who acts")


def gap_state(episode: Episode, day: date) -> str:
    """open or parked, as of *day*."""
    return "parked" if episode.is_parked(day) else "open"


def _state(row: Episode, context: ListContext) -> str:
    return gap_state(row, context.day)


def _severity(row: Episode) -> Severity:
    return GAP_KINDS[row.kind].severity


def _roles(row: Episode, context: ListContext) -> Sequence[str]:
    return [str(role) for role in context.lookup.acting_roles(row)]


def _age(row: Episode, context: ListContext) -> int | None:
    return None if row.known_before else context.lookup.school_days_since(row.unit, row.opened_at, context.day)


def _platforms(row: Episode, context: ListContext) -> Iterable[str]:
    platform = context.lookup.platform_of(row)
    return (platform,) if platform else ()


def _subject(row: Episode) -> tuple[Subject, str]:
    return row.subject, row.subject_id


def gap_key(kind: str, subject_id: str) -> str:
    """The word that a gap is named by in one piece, on the command line and in forms; a kind holds no colon."""
    return f"{kind}:{subject_id}"


def _is_listed(row: Episode, context: ListContext) -> bool:
    return row.subject is not Subject.PERSON or row.subject_id not in context.concealed


def _rows(context: ListContext) -> Sequence[Episode]:
    """Severe gaps first, then old ones."""
    listed = [row for row in context.visible.episodes if _is_listed(row, context)]
    return sorted(listed, key=lambda row: (SEVERITY_RANK[_severity(row)], row.opened_at))


def _hidden_rows(context: ListContext) -> int:
    return sum(1 for row in context.visible.episodes if not _is_listed(row, context))


GAP_LIST: ListDefinition[Episode] = ListDefinition(
    name="gaps",
    title=Text("Avvikelser", "Gaps"),
    summary="Open and parked gaps. Gaps of persons who may not be shown are counted in the numbers only",
    columns=(
        ListColumn(
            "kind",
            Text("Avvikelse", "Gap"),
            CellKind.WORD,
            lambda row, _: row.kind,
            words=GAP_KIND_TITLES,
            cell_style="gap",
        ),
        ListColumn(
            "title",
            Text("Rubrik", "Title"),
            CellKind.SENTENCE,
            lambda row, _: word(GAP_KIND_TITLES, row.kind),
            is_on_page=False,
        ),
        ListColumn(
            "severity",
            Text("Vikt", "Severity"),
            CellKind.WORD,
            lambda row, _: _severity(row).value,
            words=SEVERITIES,
            is_on_page=False,
        ),
        unit_column(lambda row: row.unit, is_nullable=True),
        ListColumn(
            "subject", SUBJECT_TITLE, CellKind.WORD, lambda row, _: row.subject.value, words=SUBJECTS, is_on_page=False
        ),
        ListColumn(
            "subject_id",
            Text("Gäller", "About"),
            CellKind.ID,
            lambda row, _: row.subject_id,
            lambda row, context: context.names.subject(row.subject, row.subject_id),
            link=lambda row, _: SubjectLink(row.subject, row.subject_id, row.unit),
            second_line=lambda row, context: context.names.identifier(row.subject, row.subject_id),
        ),
        ListColumn("reason", REASON_TITLE, CellKind.SENTENCE, lambda row, _: row.reason, cell_style="reason"),
        ListColumn(
            "opened_at",
            Text("Sedan", "Since"),
            CellKind.INSTANT,
            lambda row, _: None if row.known_before else row.opened_at,
            cell_style="opened",
            is_nullable=True,
        ),
        ListColumn("age_school_days", Text("Skoldagar", "School days"), CellKind.COUNT, _age, is_nullable=True),
        ListColumn("roles", ROLE_TITLE, CellKind.WORDS, _roles, words=ACTING_ROLES),
        ListColumn("state", STATE_TITLE, CellKind.WORD, _state, words=GAP_STATES, is_on_page=False),
        ListColumn(
            "parked_until",
            Text("Parkerad till", "Parked until"),
            CellKind.DAY,
            lambda row, _: row.parked_until,
            is_nullable=True,
            is_optional=True,
        ),
        *subject_columns(_subject),
    ),
    rows=_rows,
    row_key=lambda row: gap_key(row.kind, row.subject_id),
    are_rows_gaps=True,
    page_size=50,
    filters=(
        word_filter("kind", KIND_TITLE, GAP_KIND_TITLES, lambda row, _: (row.kind,)),
        unit_filter(lambda row: row.unit),
        group_filter(_subject),
        word_filter("role", ROLE_TITLE, ACTING_ROLES, _roles),
        word_filter("state", STATE_TITLE, GAP_STATES, lambda row, context: (_state(row, context),)),
        word_filter("severity", Text("Vikt", "Severity"), SEVERITIES, lambda row, _: (_severity(row).value,)),
        word_filter("platform", PLATFORM_TITLE, PLATFORMS, _platforms),
    ),
    empty_text=Text("Inga avvikelser här.", "No gaps here."),
    hidden_rows=_hidden_rows,
    keeps_past_days=True,
)
