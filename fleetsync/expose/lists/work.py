"""Lists to work from, per unit: what to hand out, what to collect, and what to have repaired.

A row is one errand: about one person, set or pool, one device, or both. A row of somebody who may not be shown is left
out and counted, as in the list of gaps.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fleetsync.core.model import DeviceCase, Episode, Purpose, Stage, Subject, Text
from fleetsync.expose.display_names import GAP_KIND_TITLES, PLATFORMS
from fleetsync.expose.lists.columns import PLATFORM_TITLE, REASON_TITLE, unit_column, unit_filter, word_filter
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListContext, ListDefinition, SubjectLink
from fleetsync.expose.lists.gaps import gap_key
from fleetsync.expose.lists.subjects import (
    ASSET_TAG_TITLE,
    SERIAL_TITLE,
    group_column,
    group_filter,
    holder_of,
    login_column,
)

IN_REPAIR, LOAN_TO_RETURN = "in_repair", "loan_to_return"
ERRANDS: Mapping[str, Text] = {
    **GAP_KIND_TITLES,
    IN_REPAIR: Text("På reparation", "In repair"),
    LOAN_TO_RETURN: Text("Lånet behövs inte längre", "Loan no longer needed"),
}
HAND_OUT_KINDS = frozenset({"no_device", "starting_without_device", "set_short", "pool_short"})
HELD_BY_PERSON_KINDS = frozenset({"ending_with_device", "extra_device"})
AWAY_STAGES = frozenset({Stage.IN_REPAIR, Stage.LOST})  # somebody else has it, or nobody knows where it is
AT_HOLDER_STAGES = frozenset({Stage.IN_USE, Stage.SILENT})
OWN_DEVICE_WORKS = Text("det egna verktyget är i drift igen", "their own device works again")


@dataclass(frozen=True)
class Errand:
    """One row. *other*: the loan that stands in for *device*, or the device that the loan *device* stands in for."""

    kind: str  # of a gap, or IN_REPAIR or LOAN_TO_RETURN
    subject: Subject
    subject_id: str  # a person, set or pool; a device that nobody has; "" for a holder who may not be shown
    unit: str
    reason: Text
    since: datetime | None  # None: nobody knows since when
    device: DeviceCase | None = None
    other: DeviceCase | None = None
    previous_holder: str | None = None  # a person who may be shown


# --- which errands there are --------------------------------------------------------------------------------------------


def _listed_episodes(context: ListContext) -> Iterator[Episode]:
    """Gaps of today that are not parked, without those of persons who may not be shown."""
    for episode in context.lookup.visible.episodes:
        is_hidden = episode.subject is Subject.PERSON and episode.subject_id in context.concealed
        if not is_hidden and not episode.is_parked(context.today):
            yield episode


def _of_episode(episode: Episode, device: DeviceCase | None = None, other: DeviceCase | None = None) -> Errand:
    since = None if episode.known_before else episode.opened_at
    return Errand(episode.kind, episode.subject, episode.subject_id, episode.unit, episode.reason, since, device, other)


def _of_device(case: DeviceCase, kind: str, reason: Text, since: datetime | None, context: ListContext) -> Errand:
    holder = holder_of(case, context)
    is_held = case.placement.holder is not None
    subject = Subject.PERSON if is_held else Subject.DEVICE
    return Errand(kind, subject, holder or "" if is_held else case.device.id, case.placement.unit, reason, since, case)


def _held(person: str, context: ListContext) -> Sequence[DeviceCase]:
    return context.lookup.devices_by_holder.get(person, ())


def _loan_of(person: str | None, context: ListContext) -> DeviceCase | None:
    """The device that a person has on loan."""
    held = _held(person, context) if person else ()
    return next((case for case in held if case.device_state.stage is Stage.LOAN), None)


def _device_away(person: str | None, context: ListContext) -> DeviceCase | None:
    """The own device of a person that is in repair or lost."""
    held = _held(person, context) if person else ()
    return next((case for case in held if case.device_state.stage in AWAY_STAGES), None)


def hand_out_errands(context: ListContext) -> Iterator[Errand]:
    """Who lacks a device, and whose is in repair or lost and who has no loan meanwhile."""
    for episode in _listed_episodes(context):
        person = episode.subject_id if episode.subject is Subject.PERSON else None
        away = _device_away(person, context)
        waits = episode.kind == "device_not_working" and away is not None and _loan_of(person, context) is None
        if episode.kind in HAND_OUT_KINDS or waits:
            yield _of_episode(episode, other=away)


def collect_errands(context: ListContext) -> Iterator[Errand]:
    """What leavers hold, what somebody has twice, and loans whose repaired device works again."""
    for episode in _listed_episodes(context):
        if episode.kind == "leaver_holds":
            case = context.lookup.devices[episode.subject_id]
            since = None if episode.known_before else episode.opened_at
            yield _of_device(case, episode.kind, episode.reason, since, context)
        elif episode.kind in HELD_BY_PERSON_KINDS:
            yield from (_of_episode(episode, case) for case in _to_collect(episode, context))
    for case in context.lookup.visible.devices:
        if case.device_state.stage is Stage.LOAN and (own := _working_own_device(case, context)) is not None:
            errand = _of_device(case, LOAN_TO_RETURN, OWN_DEVICE_WORKS, own.device_state.since, context)
            yield replace(errand, other=own)


def _to_collect(episode: Episode, context: ListContext) -> Iterable[DeviceCase]:
    """Everything that somebody holds who leaves; of somebody with too many, what they have in use."""
    held = _held(episode.subject_id, context)
    if episode.kind == "extra_device":
        return (case for case in held if case.device_state.stage is Stage.IN_USE and case.device_state.works)
    return (case for case in held if case.device_state.stage is not None)


def _working_own_device(loan: DeviceCase, context: ListContext) -> DeviceCase | None:
    """The device of the loan's holder that works, where none of theirs is away; None: the loan is still needed."""
    holder = holder_of(loan, context)
    if holder is None or _device_away(holder, context) is not None:
        return None
    own = (case for case in _held(holder, context) if case.placement.purpose is Purpose.PERSONAL)
    return next((case for case in own if case.device_state.works), None)


def repair_errands(context: ListContext) -> Iterator[Errand]:
    """What is in repair, with the loan meanwhile; and what does not work where somebody needs it."""
    for case in context.lookup.visible.devices:
        if case.device_state.stage is Stage.IN_REPAIR:
            state = case.device_state
            errand = _of_device(case, IN_REPAIR, state.works_reason, state.since, context)
            yield replace(errand, other=_loan_of(holder_of(case, context), context))
    for episode in _listed_episodes(context):
        if episode.kind == "device_not_working":
            loan = _loan_of(episode.subject_id, context)
            yield from (
                _of_episode(episode, case, loan)
                for case in _held(episode.subject_id, context)
                if case.device_state.works is False and case.device_state.stage in AT_HOLDER_STAGES
            )


def _rows(find: Callable[[ListContext], Iterator[Errand]]) -> Callable[[ListContext], Sequence[Errand]]:
    """All errands with the previous holder of each device, the oldest first: of unknown age before all others."""

    def rows(context: ListContext) -> Sequence[Errand]:
        errands = list(find(context))
        devices = {errand.device.device.id for errand in errands if errand.device is not None}
        previous = context.previous_holders(devices) if devices else {}
        complete = [_with_previous_holder(errand, previous, context) for errand in errands]
        return sorted(complete, key=lambda row: (row.since is not None, row.since or context.visible.at, row_key(row)))

    return rows


def _with_previous_holder(errand: Errand, previous: Mapping[str, Sequence[str]], context: ListContext) -> Errand:
    if errand.device is None:
        return errand
    holder = errand.device.placement.holder
    earlier = next((person for person in previous.get(errand.device.device.id, ()) if person != holder), None)
    # Of somebody who may not be shown nothing is said; the one before them would be the wrong answer.
    return replace(errand, previous_holder=earlier if earlier and context.lookup.person(earlier) else None)


def _hidden_rows(kinds: frozenset[str]) -> Callable[[ListContext], int]:
    """How many gaps of *kinds* are of persons who may not be shown."""

    def hidden(context: ListContext) -> int:
        return sum(
            1
            for episode in context.lookup.visible.episodes
            if episode.kind in kinds and episode.subject is Subject.PERSON and episode.subject_id in context.concealed
        )

    return hidden


# --- columns ----------------------------------------------------------------------------------------------------------


def row_key(row: Errand) -> str:
    """What an errand is ticked by."""
    return gap_key(row.kind, row.device.device.id if row.device is not None else row.subject_id)


def _subject(row: Errand) -> tuple[Subject, str]:
    return row.subject, row.subject_id


def _device_column(
    key: str, title: Text, case_of: Callable[[Errand], DeviceCase | None], *, is_optional: bool = False
) -> ListColumn[Errand]:
    """A device by id; on the page its model with its serial below."""

    def id_of(row: Errand, _: ListContext) -> str | None:
        case = case_of(row)
        return case.device.id if case else None

    def name(row: Errand, context: ListContext) -> Text | None:
        case = case_of(row)
        return context.names.device(case.device.id) if case else None

    def serial(row: Errand, context: ListContext) -> str:
        case = case_of(row)
        return context.names.identifier(Subject.DEVICE, case.device.id) if case else ""

    def link(row: Errand, _: ListContext) -> SubjectLink | None:
        case = case_of(row)
        return SubjectLink(Subject.DEVICE, case.device.id) if case else None

    return ListColumn(
        key, title, CellKind.ID, id_of, name, link=link, second_line=serial, is_nullable=True, is_optional=is_optional
    )


def _serial_column(key: str, title: Text, case_of: Callable[[Errand], DeviceCase | None]) -> ListColumn[Errand]:
    def serial(row: Errand, _: ListContext) -> str | None:
        case = case_of(row)
        return case.device.serial if case else None

    return ListColumn(key, title, CellKind.TEXT, serial, is_nullable=True, is_on_page=False, is_in_files=True)


_ERRAND_TITLE = Text("Ärende", "Errand")
_KIND_COLUMN: ListColumn[Errand] = ListColumn(
    "kind", _ERRAND_TITLE, CellKind.WORD, lambda row, _: row.kind, words=ERRANDS
)
_SUBJECT_COLUMNS: tuple[ListColumn[Errand], ...] = (
    ListColumn(
        "subject_id",
        Text("Vem", "Who"),
        CellKind.ID,
        lambda row, _: row.subject_id or None,
        lambda row, context: (
            context.names.subject(row.subject, row.subject_id) if row.subject is not Subject.DEVICE else None
        ),
        link=lambda row, _: SubjectLink(row.subject, row.subject_id, row.unit),
        second_line=lambda row, context: context.names.identifier(row.subject, row.subject_id),
        is_nullable=True,
    ),
    login_column(_subject),
    group_column(_subject, is_on_page=True),
)
_DEVICE_COLUMNS: tuple[ListColumn[Errand], ...] = (
    _device_column("device_id", Text("Verktyg", "Device"), lambda row: row.device),
    _serial_column("serial", SERIAL_TITLE, lambda row: row.device),
    ListColumn(
        "asset_tag",
        ASSET_TAG_TITLE,
        CellKind.TEXT,
        lambda row, _: row.device.device.asset_tag if row.device else None,
        is_nullable=True,
        is_on_page=False,
        is_in_files=True,
    ),
    ListColumn(
        "last_contact_at",
        Text("Senaste kontakt", "Last contact"),
        CellKind.INSTANT,
        lambda row, _: row.device.device.last_contact_at if row.device else None,
        is_nullable=True,
    ),
    ListColumn(
        "previous_holder_id",
        Text("Hade det förut", "Had it before"),
        CellKind.ID,
        lambda row, _: row.previous_holder,
        lambda row, context: context.names.person(row.previous_holder) if row.previous_holder else None,
        link=lambda row, _: SubjectLink(Subject.PERSON, row.previous_holder) if row.previous_holder else None,
        second_line=lambda row, context: context.names.identifier(Subject.PERSON, row.previous_holder or ""),
        is_nullable=True,
        is_optional=True,
    ),
)
_LAST_COLUMNS: tuple[ListColumn[Errand], ...] = (
    ListColumn("reason", REASON_TITLE, CellKind.SENTENCE, lambda row, _: row.reason, cell_style="reason"),
    ListColumn(
        "since", Text("Sedan", "Since"), CellKind.INSTANT, lambda row, _: row.since, cell_style="day", is_nullable=True
    ),
)


def _platforms(row: Errand, _: ListContext) -> Iterable[str]:
    case = row.device or row.other
    return (case.device.platform.value,) if case else ()


def _work_list(
    name: str,
    title: Text,
    summary: str,
    columns: Sequence[ListColumn[Errand]],
    find: Callable[[ListContext], Iterator[Errand]],
    hidden_kinds: frozenset[str],
) -> ListDefinition[Errand]:
    return ListDefinition(
        name=name,
        title=title,
        summary=summary,
        columns=(_KIND_COLUMN, unit_column(lambda row: row.unit), *_SUBJECT_COLUMNS, *columns, *_LAST_COLUMNS),
        rows=_rows(find),
        filters=(
            unit_filter(lambda row: row.unit),
            group_filter(_subject),
            word_filter("kind", _ERRAND_TITLE, ERRANDS, lambda row, _: (row.kind,)),
            word_filter("platform", PLATFORM_TITLE, PLATFORMS, _platforms),
        ),
        empty_text=Text("Inget att göra här.", "Nothing to do here."),
        hidden_rows=_hidden_rows(hidden_kinds),
        row_key=row_key,
    )


def _other(row: Errand) -> DeviceCase | None:
    return row.other


_LOAN_COLUMNS = (
    _device_column("loan_id", Text("Lån under tiden", "Loan meanwhile"), _other),
    _serial_column("loan_serial", Text("Lånets serienummer", "Loan's serial"), _other),
)
HAND_OUT = _work_list(
    "hand-out",
    Text("Dela ut", "Hand out"),
    "Who is to get a device, and which device of theirs is in repair or lost meanwhile",
    (
        _device_column("stands_for_id", Text("I stället för", "Instead of"), _other, is_optional=True),
        _serial_column("stands_for_serial", Text("Dess serienummer", "Its serial"), _other),
    ),
    hand_out_errands,
    HAND_OUT_KINDS | {"device_not_working"},
)
COLLECT = _work_list(
    "collect",
    Text("Hämta in", "Collect"),
    "Devices to be taken back: of leavers, second ones, and loans that are no longer needed",
    (
        *_DEVICE_COLUMNS,
        _device_column("stands_for_id", Text("Lånat i stället för", "On loan instead of"), _other, is_optional=True),
        _serial_column("stands_for_serial", Text("Dess serienummer", "Its serial"), _other),
    ),
    collect_errands,
    HELD_BY_PERSON_KINDS,
)
REPAIR = _work_list(
    "repair",
    Text("Laga", "Repair"),
    "Devices in repair with the loan meanwhile, and devices that do not work where somebody needs them",
    (*_DEVICE_COLUMNS, *_LOAN_COLUMNS),
    repair_errands,
    frozenset({"device_not_working"}),
)
WORK_LISTS = (HAND_OUT, COLLECT, REPAIR)
