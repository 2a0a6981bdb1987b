"""The list of devices."""

from collections.abc import Sequence

from fleetsync.core.model import DeviceCase, Subject, Text
from fleetsync.expose.display_names import PLATFORMS, PURPOSES, YES_NO_UNKNOWN
from fleetsync.expose.lists.columns import (
    PLATFORM_TITLE,
    REASON_TITLE,
    WORKS_TITLE,
    unit_column,
    unit_filter,
    word_filter,
    works_order,
    yes_or_no,
)
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListContext, ListDefinition, SubjectLink
from fleetsync.expose.lists.subjects import (
    ASSET_TAG_TITLE,
    HOLDER_TITLE,
    LISTED_STAGES,
    SERIAL_TITLE,
    STAGE_TITLE,
    group_column,
    group_filter,
    holder_of,
    login_column,
)

PURPOSE_TITLE = Text("Till för", "Purpose")


def _subject(row: DeviceCase) -> tuple[Subject, str]:
    return Subject.DEVICE, row.device.id


def _holder_link(row: DeviceCase, context: ListContext) -> SubjectLink | None:
    holder = holder_of(row, context)
    return SubjectLink(Subject.PERSON, holder) if holder else None


def _holder_name(row: DeviceCase, context: ListContext) -> Text | None:
    holder = holder_of(row, context)
    return context.names.person(holder) if holder else None


def _holder_identifier(row: DeviceCase, context: ListContext) -> str:
    holder = holder_of(row, context)
    return context.names.identifier(Subject.PERSON, holder) if holder else ""


def _gap_count(row: DeviceCase, context: ListContext) -> int:
    return len(context.lookup.gaps.get(row.device.id, ()))


def _stage(row: DeviceCase) -> str:
    return row.device_state.stage.value if row.device_state.stage else ""


def _rows(context: ListContext) -> Sequence[DeviceCase]:
    """Devices that do not work first, then those with most gaps. Devices of purpose ignore are not listed."""
    return sorted(
        (case for case in context.lookup.visible.devices if case.device_state.stage is not None),
        key=lambda case: (
            works_order(case.device_state.works),
            -_gap_count(case, context),
            case.device.model or "",
            case.device.serial or "",
        ),
    )


DEVICES: ListDefinition[DeviceCase] = ListDefinition(
    name="devices",
    title=Text("Verktyg", "Devices"),
    summary="Every device that is not ignored",
    columns=(
        ListColumn("device_id", Text("Id", "Id"), CellKind.ID, lambda row, _: row.device.id, is_on_page=False),
        ListColumn(
            "model",
            Text("Modell", "Model"),
            CellKind.TEXT,
            lambda row, _: row.device.model,
            link=lambda row, _: SubjectLink(Subject.DEVICE, row.device.id),
            is_nullable=True,
        ),
        ListColumn(
            "serial",
            SERIAL_TITLE,
            CellKind.TEXT,
            lambda row, _: row.device.serial,
            cell_style="code",
            is_nullable=True,
        ),
        ListColumn(
            "platform", PLATFORM_TITLE, CellKind.WORD, lambda row, _: row.device.platform.value, words=PLATFORMS
        ),
        unit_column(lambda row: row.placement.unit),
        ListColumn("purpose", PURPOSE_TITLE, CellKind.WORD, lambda row, _: row.placement.purpose.value, words=PURPOSES),
        ListColumn("stage", STAGE_TITLE, CellKind.WORD, lambda row, _: _stage(row), words=LISTED_STAGES),
        ListColumn(
            "holder_id",
            HOLDER_TITLE,
            CellKind.ID,
            holder_of,
            _holder_name,
            link=_holder_link,
            second_line=_holder_identifier,
            is_nullable=True,
        ),
        ListColumn("works", WORKS_TITLE, CellKind.FLAG, lambda row, _: row.device_state.works, is_nullable=True),
        ListColumn(
            "last_contact_at",
            Text("Senaste kontakt", "Last contact"),
            CellKind.INSTANT,
            lambda row, _: row.device.last_contact_at,
            is_nullable=True,
        ),
        ListColumn("gaps", Text("Avvikelser", "Gaps"), CellKind.COUNT, _gap_count),
        ListColumn(
            "reason", REASON_TITLE, CellKind.SENTENCE, lambda row, _: row.device_state.works_reason, is_on_page=False
        ),
        ListColumn(
            "asset_tag",
            ASSET_TAG_TITLE,
            CellKind.TEXT,
            lambda row, _: row.device.asset_tag,
            is_nullable=True,
            is_on_page=False,
            is_in_files=True,
        ),
        login_column(_subject),
        group_column(_subject),
    ),
    rows=_rows,
    row_key=lambda row: row.device.id,
    page_size=60,
    filters=(
        unit_filter(lambda row: row.placement.unit),
        group_filter(_subject),
        word_filter("platform", PLATFORM_TITLE, PLATFORMS, lambda row, _: (row.device.platform.value,)),
        word_filter("stage", STAGE_TITLE, LISTED_STAGES, lambda row, _: (_stage(row),)),
        word_filter("purpose", PURPOSE_TITLE, PURPOSES, lambda row, _: (row.placement.purpose.value,)),
        word_filter("works", WORKS_TITLE, YES_NO_UNKNOWN, lambda row, _: (yes_or_no(row.device_state.works),)),
    ),
    empty_text=Text("Inga verktyg här.", "No devices here."),
)
