"""May this pull be believed? Reasons why not, or none; and what would be believed if it were.

Pure. Absence is not deletion (`domain.md` §2): a pull that loses, changes or invents too much is held for a
person, and a record that a believed pull lacks counts fully until its grace has passed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec

from fleetsync.core.model import (
    BelievedRecord,
    CoverageDay,
    DeviceRecord,
    EmploymentForm,
    GroupRecord,
    HoldReason,
    MembershipRecord,
    MembershipType,
    PartRole,
    PartState,
    PersonRecord,
    PullEffect,
    PullLimits,
    Record,
    RecordType,
    RowChange,
    Scheme,
    StagedRow,
    Text,
)

SHRINK_FLOOR = 10
GROWTH_FLOOR = 25
REJECTED_FLOOR = 10
UNIT_FLOOR = 10
MAX_UNIT_LOSS_RATIO = 0.5
MAX_FILLED_DROP = 0.10
MIN_KNOWN_IDS_RATIO = 0.5
MAX_YEARS_CHANGED_RATIO = 0.10
MAX_OUTCOME_RATIO = 0.20
OUTCOME_FLOOR = 10

TYPES_SV: Mapping[RecordType, str] = {
    RecordType.DEVICE: "verktyg",
    RecordType.PERSON: "personer",
    RecordType.MEMBERSHIP: "placeringar och anställningar",
    RecordType.UNIT: "enheter",
    RecordType.GROUP: "grupper",
}
FIELDS_SV: Mapping[str, str] = {
    "serial": "serienummer",
    "holder": "innehavare",
    "unit": "enhet",
    "last_contact": "senaste kontakt",
    "year": "årskurs",
    "start": "första dag",
    "employment_form": "anställningsform",
    "login": "inloggning",
}

LOGIN_SCHEMES = frozenset({Scheme.OBJECT_ID, Scheme.ADDRESS, Scheme.ACCOUNT})


class PullContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard has to know beside the pull itself."""

    role: PartRole
    in_turnover_window: bool = False
    as_of_by_scope: Mapping[str, str] = {}  # ISO day each scope's believed content speaks for
    contacts_untold: int = 0  # as `PartState.contacts_untold`

    @property
    def is_turning(self) -> bool:
        """Whether a roster may change much because the school year turns."""
        return self.in_turnover_window and self.role is PartRole.ROSTER


# --- what would be believed -------------------------------------------------------------------------------------------


def projected_records(
    before: Sequence[BelievedRecord], effect: PullEffect, limits: PullLimits
) -> tuple[BelievedRecord, ...]:
    """The part's records as they would be believed once *effect* is applied; those it does not touch stay as they are."""
    rows = {row.ref: row for row in effect.rows}
    kept = [
        _projected_record(known, rows.pop((known.type.value, known.record.source_id), None), effect, limits)
        for known in before
    ]
    fresh = [_new_record(row, effect) for row in rows.values() if row.change is RowChange.PUT]
    return (*kept, *fresh)


def _new_record(row: StagedRow, effect: PullEffect) -> BelievedRecord:
    assert row.record is not None, "a row that puts carries its record"
    return BelievedRecord(
        source=effect.source,
        part=effect.part,
        record=row.record,
        own_id=row.own_id,
        scope=row.scope,
        first_seen=effect.started_at,
        last_contact_at=row.last_contact_at,
        masked=row.masked,
    )


def _projected_record(
    known: BelievedRecord, row: StagedRow | None, effect: PullEffect, limits: PullLimits
) -> BelievedRecord:
    if row is None:
        return known
    if row.change is RowChange.ABSENT:
        return _record_missed_again(known, effect, limits)
    present = msgspec.structs.replace(
        known,
        absent_since=None,
        absent_pulls=0,
        gone=False,
        scope=row.scope,
        last_contact_at=row.last_contact_at or known.last_contact_at,
    )
    if row.change is not RowChange.PUT or row.record is None:
        return present
    return msgspec.structs.replace(present, record=row.record, masked=row.masked)


def _record_missed_again(known: BelievedRecord, effect: PullEffect, limits: PullLimits) -> BelievedRecord:
    if known.absent_since is None:
        return msgspec.structs.replace(known, absent_since=effect.started_at, absent_pulls=0)
    pulls = known.absent_pulls + 1
    waited = effect.started_at - known.absent_since
    is_gone = known.gone or (pulls >= limits.grace_pulls and waited >= timedelta(hours=limits.grace_hours))
    return msgspec.structs.replace(known, absent_pulls=pulls, gone=is_gone)


def projected_part_state(state: PartState, effect: PullEffect) -> PartState:
    """The part's state once *effect* is applied: its content speaks for its oldest scope."""
    days = {**state.scope_as_of, **{scope.name: scope.as_of for scope in effect.scopes}}
    return msgspec.structs.replace(
        state,
        last_attempt_at=effect.started_at,
        last_complete_at=effect.started_at,
        first_complete_at=state.first_complete_at or effect.started_at,
        as_of=min(days.values()),
        scope_as_of=days,
        held_pull=None,
        reason=None,
    )


# --- whether it may be ------------------------------------------------------------------------------------------------


def pull_hold_reasons(
    before: Sequence[BelievedRecord], effect: PullEffect, limits: PullLimits, setting: PullContext
) -> tuple[HoldReason, ...]:
    """Why *effect* may not be believed by itself; empty when it may.

    The first complete pull of a part is judged by completeness and emptiness alone: there is nothing to compare with.
    """
    refusals = [*_check_rejected(effect, limits), *_check_empty(effect, limits), *_check_as_of(effect, setting)]
    if effect.is_first:
        return tuple(refusals)
    then = projected_records(before, effect, limits)
    for kind in sorted({known.type for known in then}):
        was = [known for known in before if known.type is kind and not known.gone]
        will = [known for known in then if known.type is kind]
        refusals += _type_hold_reasons(kind, was, will, effect, limits, setting)
    return tuple(refusals)


def _type_hold_reasons(
    kind: RecordType,
    was: Sequence[BelievedRecord],
    will: Sequence[BelievedRecord],
    effect: PullEffect,
    limits: PullLimits,
    setting: PullContext,
) -> list[HoldReason]:
    present = [known for known in will if known.absent_since is None]
    refusals = [*_check_shrink(kind, was, will, limits, setting), *_check_year_labels(was, present, setting)]
    if not setting.is_turning:
        refusals += [
            *_check_unit_loss(kind, was, will),
            *_check_filled_fields(kind, was, present, _missing_contacts(effect, setting)),
        ]
    # A part that is read piece by piece fills up for days: that it grows and shows what nobody knew is its way.
    if not effect.reads_some:
        refusals += [
            *_check_growth(kind, was, present, limits, setting),
            *_check_known_ids(kind, was, present, setting),
        ]
    return refusals


def _swedish_percent(ratio: float, decimals: int = 1) -> str:
    """10,0 %: a ratio as Swedish writes it."""
    return f"{ratio:.{decimals}%}".replace(".", ",").replace("%", "\u00a0%")


def _allowed_count(floor: int, ratio: float, count: int) -> int:
    """The whole number that *ratio* of *count* allows, at least *floor*."""
    # 0.29 × 100 is 28.999…: a limit that somebody wrote down holds to the record.
    return max(floor, int(ratio * count + 1e-9))


def _check_rejected(effect: PullEffect, limits: PullLimits) -> Iterable[HoldReason]:
    count = sum(effect.rejected.values())
    read = effect.seen + count
    limit = _allowed_count(REJECTED_FLOOR, limits.max_rejected_ratio, read)
    if count > limit:
        worst = max(sorted(effect.rejected), key=lambda reason: effect.rejected[reason])
        yield HoldReason(
            "rejected",
            Text(
                f"{count} av {read} poster gick inte att läsa, oftast: {worst}; gränsen är {limit} "
                f"(max_rejected_ratio {limits.max_rejected_ratio:g})",
                f"{count} of {read} records could not be read, most often: {worst}; the limit is {limit} "
                f"(max_rejected_ratio {limits.max_rejected_ratio:g})",
            ),
        )


def _check_empty(effect: PullEffect, limits: PullLimits) -> Iterable[HoldReason]:
    if effect.seen == 0 and not limits.allow_empty and not effect.reads_some:
        yield HoldReason(
            "empty",
            Text(
                "hämtningen är tom; får den vara det, sätt allow_empty i källans tabell",
                "the pull is empty; if it may be, set allow_empty in the source's table",
            ),
        )


def _check_as_of(effect: PullEffect, setting: PullContext) -> Iterable[HoldReason]:
    for scope in effect.scopes:
        last = setting.as_of_by_scope.get(scope.name)
        if last is not None and scope.as_of.isoformat() < last:
            where = f" ({scope.name})" if scope.name else ""
            yield HoldReason(
                "older",
                Text(
                    f"innehållet{where} gäller {scope.as_of}, men vi har redan det som gäller {last}",
                    f"its content{where} speaks for {scope.as_of}, but what is believed already speaks for {last}",
                ),
            )


def _check_shrink(
    kind: RecordType,
    was: Sequence[BelievedRecord],
    will: Sequence[BelievedRecord],
    limits: PullLimits,
    setting: PullContext,
) -> Iterable[HoldReason]:
    ratio = limits.turnover_max_shrink_ratio if setting.is_turning else limits.max_shrink_ratio
    believed = {known.ref for known in was}
    absent = sum(1 for known in will if known.absent_since is not None and known.ref in believed)
    limit = _allowed_count(SHRINK_FLOOR, ratio, len(was))
    if absent > limit:
        word = "turnover_max_shrink_ratio" if setting.is_turning else "max_shrink_ratio"
        yield HoldReason(
            "shrink",
            Text(
                f"{absent} av {len(was)} poster ({TYPES_SV[kind]}) saknas; gränsen är {limit} ({word} {ratio:g})",
                f"{absent} of {len(was)} {kind} records are absent; the limit is {limit} ({word} {ratio:g})",
            ),
        )


def _check_unit_loss(
    kind: RecordType, was: Sequence[BelievedRecord], will: Sequence[BelievedRecord]
) -> Iterable[HoldReason]:
    had = Counter(_record_unit(known.record) for known in was)
    has = Counter(_record_unit(known.record) for known in will if known.absent_since is None and not known.gone)
    for place, count in sorted(had.items()):
        lost = count - has[place]
        if place and count >= UNIT_FLOOR and lost > MAX_UNIT_LOSS_RATIO * count:
            yield HoldReason(
                "per_unit",
                Text(
                    f"{place} förlorar {lost} av {count} poster ({TYPES_SV[kind]}); gränsen är hälften",
                    f"{place} loses {lost} of {count} {kind} records; the limit is half of them",
                ),
            )


def _check_growth(
    kind: RecordType,
    was: Sequence[BelievedRecord],
    present: Sequence[BelievedRecord],
    limits: PullLimits,
    setting: PullContext,
) -> Iterable[HoldReason]:
    believed = {known.ref for known in was}
    fresh = sum(1 for known in present if known.ref not in believed)
    limit = _allowed_count(GROWTH_FLOOR, limits.max_growth_ratio, len(was))
    # Of devices too: what is bought for the school year is enrolled while it turns.
    if fresh > limit and not setting.in_turnover_window:
        yield HoldReason(
            "growth",
            Text(
                f"{fresh} nya poster ({TYPES_SV[kind]}) på en gång, utöver {len(was)}; gränsen är {limit} "
                f"(max_growth_ratio {limits.max_growth_ratio:g})",
                f"{fresh} new {kind} records at once, beside {len(was)}; the limit is {limit} "
                f"(max_growth_ratio {limits.max_growth_ratio:g})",
            ),
        )


def _check_known_ids(
    kind: RecordType, was: Sequence[BelievedRecord], present: Sequence[BelievedRecord], setting: PullContext
) -> Iterable[HoldReason]:
    believed = {known.ref for known in was}
    familiar = sum(1 for known in present if known.ref in believed)
    is_asked = not setting.is_turning and len(present) > GROWTH_FLOOR
    if is_asked and was and familiar < MIN_KNOWN_IDS_RATIO * len(present):
        yield HoldReason(
            "identity",
            Text(
                f"bara {familiar} av {len(present)} poster ({TYPES_SV[kind]}) har ett känt id, gränsen är hälften: är "
                "det en annan kommuns eller ett annat systems innehåll?",
                f"only {familiar} of {len(present)} {kind} records have a known id, the limit is half of them: is "
                "this the content of another municipality or system?",
            ),
        )


def _missing_contacts(effect: PullEffect, setting: PullContext) -> tuple[int, int]:
    """Devices whose contact is believed and was not told: by the last pull, and by this one; of whole parts alone.

    The contact of before is kept, since silence counts from it, so what is believed does not show that it is told no more.
    """
    is_whole = setting.as_of_by_scope.keys() <= {scope.name for scope in effect.scopes}
    return (setting.contacts_untold, effect.contacts_untold) if is_whole else (0, 0)


def _check_filled_fields(
    kind: RecordType, was: Sequence[BelievedRecord], present: Sequence[BelievedRecord], untold: tuple[int, int]
) -> Iterable[HoldReason]:
    if len(was) < UNIT_FLOOR or not present:
        return
    for field, is_filled in DECIDING_FIELDS.get(kind, {}).items():
        untold_before, untold_now = untold if field == "last_contact" else (0, 0)
        old = max(0, sum(1 for known in was if is_filled(known)) - untold_before) / len(was)
        new = max(0, sum(1 for known in present if is_filled(known)) - untold_now) / len(present)
        # Ratios of whole numbers: ten points are ten points, whatever the last bit says.
        if old - new > MAX_FILLED_DROP + 1e-9:
            yield HoldReason(
                "filled",
                Text(
                    f"fältet {FIELDS_SV[field]} är ifyllt för {_swedish_percent(new)} av {len(present)} poster ({TYPES_SV[kind]}), "
                    f"förut {_swedish_percent(old)}; gränsen är {_swedish_percent(MAX_FILLED_DROP, 0)} lägre",
                    f"the field {field} is filled for {new:.1%} of {len(present)} {kind} records, before {old:.1%}; "
                    f"the limit is {MAX_FILLED_DROP:.0%} lower",
                ),
            )


def _check_year_labels(
    was: Sequence[BelievedRecord], present: Sequence[BelievedRecord], setting: PullContext
) -> Iterable[HoldReason]:
    if setting.in_turnover_window:
        return
    years = {known.ref: year for known in was if (year := _enrolment_year(known.record)) is not None}
    both = [
        (years[known.ref], year)
        for known in present
        if known.ref in years and (year := _enrolment_year(known.record)) is not None
    ]
    changed = sum(1 for old, new in both if old != new)
    if changed > MAX_YEARS_CHANGED_RATIO * len(both) and len(both) >= UNIT_FLOOR:
        yield HoldReason(
            "years",
            Text(
                f"{changed} av {len(both)} inskrivningar byter årskurs mitt i läsåret; gränsen är "
                f"{_swedish_percent(MAX_YEARS_CHANGED_RATIO, 0)}",
                f"{changed} of {len(both)} enrolments change year within the school year; the limit is "
                f"{MAX_YEARS_CHANGED_RATIO:.0%}",
            ),
        )


def _record_unit(record: Record) -> str:
    """The record's unit in the source's own spelling; "" where it says none."""
    if isinstance(record, MembershipRecord):
        return record.codes[0] if record.codes else record.unit_name or ""
    if isinstance(record, DeviceRecord):
        return record.unit or record.location or ""
    if isinstance(record, GroupRecord):
        return record.unit or ""
    return ""


def _enrolment_year(record: Record) -> int | None:
    if isinstance(record, MembershipRecord) and record.membership is MembershipType.ENROLMENT:
        return record.year
    return None


def _if_device(ask: Callable[[DeviceRecord], object]) -> Callable[[BelievedRecord], bool]:
    return lambda known: isinstance(known.record, DeviceRecord) and bool(ask(known.record))


def _if_membership(ask: Callable[[MembershipRecord], object]) -> Callable[[BelievedRecord], bool]:
    return lambda known: isinstance(known.record, MembershipRecord) and bool(ask(known.record))


def _has_login(record: PersonRecord) -> bool:
    return any(key.scheme in LOGIN_SCHEMES for key in record.keys)


# Per record type the fields that decide something; a share that falls means the source has stopped telling us.
DECIDING_FIELDS: Mapping[RecordType, Mapping[str, Callable[[BelievedRecord], bool]]] = {
    RecordType.DEVICE: {
        "serial": _if_device(lambda record: record.serial),
        "holder": _if_device(lambda record: record.keys),
        "unit": _if_device(lambda record: record.unit or record.location),
        "last_contact": lambda known: known.last_contact_at is not None,
    },
    RecordType.MEMBERSHIP: {
        "unit": _if_membership(lambda record: record.codes or record.unit_name),
        "year": _if_membership(lambda record: record.year is not None),
        "start": _if_membership(lambda record: record.start),
        "employment_form": _if_membership(
            lambda record: record.employment_form not in (None, EmploymentForm.UNKNOWN),
        ),
    },
    RecordType.PERSON: {
        # A number or a civic number tells who somebody is, not what he logs in with.
        "login": lambda known: isinstance(known.record, PersonRecord) and _has_login(known.record),
    },
}


# --- the outcome check ------------------------------------------------------------------------------------------------


def outcome_hold_reasons(before: Iterable[CoverageDay], then: Iterable[CoverageDay]) -> tuple[HoldReason, ...]:
    """Why the numbers that would follow may not be published by themselves: the last question, asked of the result.

    Entitled and covered of each unit, by entitlement, may move by 20 % or by 10. By entitlement, because a whole staff
    that is lost would drown among the pupils of its school; what has no row before has nothing to move from.
    """
    was = {(row.unit, row.entitlement): row for row in before}
    will = {(row.unit, row.entitlement): row for row in then}
    refusals: list[HoldReason] = []
    for place in sorted(was):
        old, new = was[place], will.get(place)
        refusals += _check_movement(*place, "entitled", old.entitled, new.entitled if new else 0)
        refusals += _check_movement(*place, "covered", old.covered, new.covered if new else 0)
    return tuple(refusals)


NUMBERS_SV = {"entitled": "ska ha", "covered": "har och i drift"}


def _check_movement(unit: str, entitlement: str, word: str, old: int, new: int) -> Iterable[HoldReason]:
    if abs(new - old) > max(OUTCOME_FLOOR, MAX_OUTCOME_RATIO * old):
        yield HoldReason(
            "outcome",
            Text(
                f"{unit}, {entitlement}: {NUMBERS_SV[word]} skulle gå från {old} till {new}; "
                f"gränsen är {_swedish_percent(MAX_OUTCOME_RATIO, 0)} och {OUTCOME_FLOOR}",
                f"{unit}, {entitlement}: {word} would go from {old} to {new}; the limit is {MAX_OUTCOME_RATIO:.0%} and {OUTCOME_FLOOR}",
            ),
        )
