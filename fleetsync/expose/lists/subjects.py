"""Columns about the subject of a row: its device, whose it is, their class and log-in, so that no row needs a second call.

For machines and files; on the page the subject's own cell says the most important of it in its second line.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from fleetsync.core.model import DeviceCase, PersonCase, Subject, Text
from fleetsync.expose.display_names import STAGES
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListContext, ListFilter
from fleetsync.expose.lists.names import login_of, same_text
from fleetsync.expose.scope import Permission

Row = TypeVar("Row")
SubjectOf = Callable[[Row], tuple[Subject, str]]

GROUP_TITLE, STAGE_TITLE = Text("Klass eller grupp", "Class or group"), Text("Skede", "Stage")
HOLDER_TITLE, SERIAL_TITLE = Text("Innehavare", "Holder"), Text("Serienummer", "Serial")
ASSET_TAG_TITLE, LOGIN_TITLE = Text("Inventarienummer", "Asset tag"), Text("Inloggning", "Log-in")
LISTED_STAGES = {stage: name for stage, name in STAGES.items() if stage}


def holder_of(case: DeviceCase, context: ListContext) -> str | None:
    """The holder's id; None without a holder and for a holder who may not be shown."""
    holder = case.placement.holder
    return holder if holder and not case.device.masked and context.lookup.person(holder) else None


def device_of(subject: Subject, subject_id: str, context: ListContext) -> DeviceCase | None:
    """The device itself, or the first one that a person has; None for other subjects and where there is none."""
    if subject is Subject.DEVICE:
        return context.lookup.devices.get(subject_id)
    person = context.lookup.person(subject_id) if subject is Subject.PERSON else None
    return context.lookup.devices.get(person.devices[0]) if person is not None and person.devices else None


def person_of(subject: Subject, subject_id: str, context: ListContext) -> PersonCase | None:
    """The person itself, or the one who holds a device; None for nobody and for somebody who may not be shown."""
    if subject is Subject.DEVICE:
        device = context.lookup.devices.get(subject_id)
        holder = holder_of(device, context) if device else None
        return context.lookup.person(holder) if holder else None
    return context.lookup.person(subject_id) if subject is Subject.PERSON else None


def groups_of(subject: Subject, subject_id: str, context: ListContext) -> Sequence[str]:
    """The class of a person, or the groups that share a device or a set."""
    if subject is Subject.SET:
        shared = context.lookup.sets.get(subject_id)
        return shared.groups if shared else ()
    person = person_of(subject, subject_id, context)
    if person is not None and person.person_state.class_group:
        return [person.person_state.class_group]
    device = context.lookup.devices.get(subject_id) if subject is Subject.DEVICE else None
    return device.placement.serves if device else ()


def group_filter(subject_of: SubjectOf[Row]) -> ListFilter[Row]:
    """By class or group."""
    return ListFilter(
        "group",
        GROUP_TITLE,
        lambda row, context: groups_of(*subject_of(row), context),
        lambda value, _: same_text(value),
    )


def group_column(subject_of: SubjectOf[Row], *, is_on_page: bool = False) -> ListColumn[Row]:
    """The class or groups of a row's subject."""

    def group(row: Row, context: ListContext) -> str | None:
        return ", ".join(groups_of(*subject_of(row), context)) or None

    return ListColumn(
        "group",
        GROUP_TITLE,
        CellKind.TEXT,
        group,
        is_nullable=True,
        is_optional=True,
        is_on_page=is_on_page,
        is_in_files=True,
    )


def login_column(subject_of: SubjectOf[Row]) -> ListColumn[Row]:
    """The log-in of a row's person, for accounts that may see it."""

    def login(row: Row, context: ListContext) -> str | None:
        person = person_of(*subject_of(row), context)
        return login_of(person.person) if person is not None else None

    return ListColumn(
        "login",
        LOGIN_TITLE,
        CellKind.TEXT,
        login,
        is_nullable=True,
        is_on_page=False,
        is_in_files=True,
        needs=Permission.LOGINS,
    )


def serial_column(subject_of: SubjectOf[Row]) -> ListColumn[Row]:
    """The serial of a row's device."""

    def serial(row: Row, context: ListContext) -> str | None:
        case = device_of(*subject_of(row), context)
        return case.device.serial if case else None

    return ListColumn(
        "serial", SERIAL_TITLE, CellKind.TEXT, serial, is_nullable=True, is_on_page=False, is_in_files=True
    )


def holder_column(subject_of: SubjectOf[Row]) -> ListColumn[Row]:
    """The id of a row's person."""

    def holder(row: Row, context: ListContext) -> str | None:
        person = person_of(*subject_of(row), context)
        return person.person.id if person else None

    return ListColumn("holder_id", HOLDER_TITLE, CellKind.ID, holder, is_nullable=True, is_on_page=False)


def stage_column(subject_of: SubjectOf[Row]) -> ListColumn[Row]:
    """The stage of a row's device; None for a device that is ignored."""

    def stage(row: Row, context: ListContext) -> str | None:
        case = device_of(*subject_of(row), context)
        return case.device_state.stage.value if case and case.device_state.stage else None

    return ListColumn(
        "stage", STAGE_TITLE, CellKind.WORD, stage, words=LISTED_STAGES, is_nullable=True, is_on_page=False
    )


def subject_columns(subject_of: SubjectOf[Row]) -> tuple[ListColumn[Row], ...]:
    """All of them."""
    return tuple(make(subject_of) for make in (serial_column, login_column, group_column, holder_column, stage_column))
