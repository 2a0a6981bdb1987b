"""The list of devices."""

from collections.abc import Sequence

from fleetsync.core.model import DeviceCase, Subject, Text
from fleetsync.expose.display_names import PLATFORMS, PURPOSES, STAGES, YES_NO_UNKNOWN
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

PURPOSE_TITLE, STAGE_TITLE = Text("Till för", "Purpose"), Text("Skede", "Stage")
LISTED_STAGES = {stage: name for stage, name in STAGES.items() if stage}


def holder_of(case: DeviceCase, context: ListContext) -> str | None:
    """The holder's id; None without a holder and for a holder who may not be shown."""
    holder = case.placement.holder
    return holder if holder and not case.device.masked and context.lookup.person(holder) else None


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
            Text("Serienummer", "Serial"),
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
            "holder_id", Text("Innehavare", "Holder"), CellKind.ID, holder_of, is_nullable=True, is_on_page=False
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
    ),
    rows=_rows,
    filters=(
        unit_filter(lambda row: row.placement.unit),
        word_filter("platform", PLATFORM_TITLE, PLATFORMS, lambda row, _: (row.device.platform.value,)),
        word_filter("stage", STAGE_TITLE, LISTED_STAGES, lambda row, _: (_stage(row),)),
        word_filter("purpose", PURPOSE_TITLE, PURPOSES, lambda row, _: (row.placement.purpose.value,)),
        word_filter("works", WORKS_TITLE, YES_NO_UNKNOWN, lambda row, _: (yes_or_no(row.device_state.works),)),
    ),
    empty_text=Text("Inga verktyg här.", "No devices here."),
)
