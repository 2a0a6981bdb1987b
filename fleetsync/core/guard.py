"""Decides whether a finished pull may change what is believed, and computes what would be believed then.

A pull that loses, changes or adds too much is held: nothing of it is applied until a person accepts it. The rules have
letters, (a) to (h), in `domain.md` §2.2; each `_check_…` function is one rule and returns its reasons to hold.
A record that an accepted pull lacks is not deleted: it counts fully until its grace has passed (`domain.md` §2.3).

Pure. Compares with what is believed only; never asks a source, and never says which record or person is concerned.
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
from fleetsync.core.pull_findings import worst_reason

# A floor is a number of records: so many are always allowed, however small the part is. Ratios are 0..1.
REJECTED_FLOOR = 10
SHRINK_FLOOR = 10  # (a)
UNIT_FLOOR = 10  # (b), and below it (d) and (g) compare nothing
MAX_UNIT_LOSS_RATIO = 0.5  # (b)
GROWTH_FLOOR = 25  # (c), and up to it (e) compares nothing
MAX_FILLED_DROP = 0.10  # (d)
MIN_KNOWN_IDS_RATIO = 0.5  # (e)
MAX_YEARS_CHANGED_RATIO = 0.10  # (g)
MAX_OUTCOME_RATIO = 0.20  # (h)
OUTCOME_FLOOR = 10  # (h)

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
    """What the guard must know besides the pull: the part's role, the time of year, and how old the believed content is."""

    role: PartRole
    in_turnover_window: bool = False
    as_of_by_scope: Mapping[str, str] = {}  # file name, or "" → ISO day that the believed content describes
    contacts_untold: int = 0  # as `PartState.contacts_untold`

    @property
    def is_turning(self) -> bool:
        """Whether the pull may change much because it is a roster in the turnover between two school years."""
        return self.in_turnover_window and self.role is PartRole.ROSTER


# --- what would be believed -------------------------------------------------------------------------------------------


def projected_records(
    before: Sequence[BelievedRecord], effect: PullEffect, limits: PullLimits
) -> tuple[BelievedRecord, ...]:
    """The part's records as they would be believed after *effect*. Records that it does not mention stay unchanged."""
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
    """The part's state after *effect*. Of several files, the oldest decides how old the content is."""
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
        unreadable_rows=sum(effect.rejected.values()),
        unreadable_facts=sum(effect.unreadable_facts.values()),
        unreadable_reason=worst_reason(effect.rejected, effect.unreadable_facts),
        unused_headers=sum(len(headers) for headers in effect.unused_headers.values()),
    )


# --- rules (a) to (g), on one pull ------------------------------------------------------------------------------------


def pull_hold_reasons(
    before: Sequence[BelievedRecord], effect: PullEffect, limits: PullLimits, context: PullContext
) -> tuple[HoldReason, ...]:
    """Why *effect* must wait for a person; empty when it may be applied.

    The first complete pull of a part is only checked for unreadable records, emptiness and age: there is nothing to
    compare it with.
    """
    reasons = [*_check_rejected(effect, limits), *_check_empty(effect, limits), *_check_as_of(effect, context)]
    if effect.is_first:
        return tuple(reasons)
    projected = projected_records(before, effect, limits)
    for record_type in sorted({known.type for known in projected}):
        was = [known for known in before if known.type is record_type and not known.gone]
        will_be = [known for known in projected if known.type is record_type]
        reasons += _type_hold_reasons(record_type, was, will_be, effect, limits, context)
    return tuple(reasons)


def _type_hold_reasons(
    record_type: RecordType,
    was: Sequence[BelievedRecord],
    will_be: Sequence[BelievedRecord],
    effect: PullEffect,
    limits: PullLimits,
    context: PullContext,
) -> list[HoldReason]:
    present = [known for known in will_be if known.absent_since is None]
    reasons = [*_check_shrink(record_type, was, will_be, limits, context), *_check_year_labels(was, present, context)]
    if not context.is_turning:
        reasons += [
            *_check_unit_loss(record_type, was, will_be),
            *_check_filled_fields(record_type, was, present, _missing_contacts(effect, context)),
        ]
    # A part that is read piece by piece takes days to fill up: growth and unknown ids are normal there.
    if not effect.reads_some:
        reasons += [
            *_check_growth(record_type, was, present, limits, context),
            *_check_known_ids(record_type, was, present, context),
        ]
    return reasons


def _swedish_percent(ratio: float, decimals: int = 1) -> str:
    """A ratio as a Swedish percentage: 10,0 %."""
    return f"{ratio:.{decimals}%}".replace(".", ",").replace("%", "\u00a0%")


def _allowed_count(floor: int, ratio: float, count: int) -> int:
    """The whole number that *ratio* of *count* allows, at least *floor*."""
    # 0.29 × 100 is 28.999…: a configured limit must be exact to the record.
    return max(floor, int(ratio * count + 1e-9))


def _check_rejected(effect: PullEffect, limits: PullLimits) -> Iterable[HoldReason]:
    """Completeness (§2.1): more records could not be read than `max_rejected_ratio` allows."""
    count = sum(effect.rejected.values())
    read = effect.seen + count
    limit = _allowed_count(REJECTED_FLOOR, limits.max_rejected_ratio, read)
    if count > limit:
        worst = max(sorted(effect.rejected), key=lambda problem: effect.rejected[problem])
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
    """Rule (f) not empty: the pull shows no record, and `allow_empty` is not set."""
    if effect.seen == 0 and not limits.allow_empty and not effect.reads_some:
        yield HoldReason(
            "empty",
            Text(
                "hämtningen är tom; får den vara det, sätt allow_empty i källans tabell",
                "the pull is empty; if it may be, set allow_empty in the source's table",
            ),
        )


def _check_as_of(effect: PullEffect, context: PullContext) -> Iterable[HoldReason]:
    """Two clocks (§2.4): the content describes an earlier day than what is already believed."""
    for scope in effect.scopes:
        last = context.as_of_by_scope.get(scope.name)
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
    record_type: RecordType,
    was: Sequence[BelievedRecord],
    will_be: Sequence[BelievedRecord],
    limits: PullLimits,
    context: PullContext,
) -> Iterable[HoldReason]:
    """Rule (a) shrink: too large a share of the believed records is absent, earlier absences included."""
    ratio = limits.turnover_max_shrink_ratio if context.is_turning else limits.max_shrink_ratio
    believed = {known.ref for known in was}
    absent = sum(1 for known in will_be if known.absent_since is not None and known.ref in believed)
    limit = _allowed_count(SHRINK_FLOOR, ratio, len(was))
    if absent > limit:
        word = "turnover_max_shrink_ratio" if context.is_turning else "max_shrink_ratio"
        yield HoldReason(
            "shrink",
            Text(
                f"{absent} av {len(was)} poster ({TYPES_SV[record_type]}) saknas; gränsen är {limit} ({word} {ratio:g})",
                f"{absent} of {len(was)} {record_type} records are absent; the limit is {limit} ({word} {ratio:g})",
            ),
        )


def _check_unit_loss(
    record_type: RecordType, was: Sequence[BelievedRecord], will_be: Sequence[BelievedRecord]
) -> Iterable[HoldReason]:
    """Rule (b) per unit: a unit with enough records loses more than half of them."""
    had = Counter(_record_unit(known.record) for known in was)
    has = Counter(_record_unit(known.record) for known in will_be if known.absent_since is None and not known.gone)
    for unit, count in sorted(had.items()):
        lost = count - has[unit]
        if unit and count >= UNIT_FLOOR and lost > MAX_UNIT_LOSS_RATIO * count:
            yield HoldReason(
                "per_unit",
                Text(
                    f"{unit} förlorar {lost} av {count} poster ({TYPES_SV[record_type]}); gränsen är hälften",
                    f"{unit} loses {lost} of {count} {record_type} records; the limit is half of them",
                ),
            )


def _check_growth(
    record_type: RecordType,
    was: Sequence[BelievedRecord],
    present: Sequence[BelievedRecord],
    limits: PullLimits,
    context: PullContext,
) -> Iterable[HoldReason]:
    """Rule (c) growth: too many new records at once, outside the turnover window."""
    believed = {known.ref for known in was}
    fresh = sum(1 for known in present if known.ref not in believed)
    limit = _allowed_count(GROWTH_FLOOR, limits.max_growth_ratio, len(was))
    # Devices too: those bought for the new school year are enrolled during the turnover.
    if fresh > limit and not context.in_turnover_window:
        yield HoldReason(
            "growth",
            Text(
                f"{fresh} nya poster ({TYPES_SV[record_type]}) på en gång, utöver {len(was)}; gränsen är {limit} "
                f"(max_growth_ratio {limits.max_growth_ratio:g})",
                f"{fresh} new {record_type} records at once, beside {len(was)}; the limit is {limit} "
                f"(max_growth_ratio {limits.max_growth_ratio:g})",
            ),
        )


def _check_known_ids(
    record_type: RecordType, was: Sequence[BelievedRecord], present: Sequence[BelievedRecord], context: PullContext
) -> Iterable[HoldReason]:
    """Rule (e) identity: fewer than half of the ids are known ones."""
    believed = {known.ref for known in was}
    familiar = sum(1 for known in present if known.ref in believed)
    is_asked = not context.is_turning and len(present) > GROWTH_FLOOR
    if is_asked and was and familiar < MIN_KNOWN_IDS_RATIO * len(present):
        yield HoldReason(
            "identity",
            Text(
                f"bara {familiar} av {len(present)} poster ({TYPES_SV[record_type]}) har ett känt id, gränsen är hälften: är "
                "det en annan kommuns eller ett annat systems innehåll?",
                f"only {familiar} of {len(present)} {record_type} records have a known id, the limit is half of them: is "
                "this the content of another municipality or system?",
            ),
        )


def _missing_contacts(effect: PullEffect, context: PullContext) -> tuple[int, int]:
    """How many devices lacked their last contact in the last pull, and in this one; (0, 0) unless every file was read.

    An earlier contact is kept because silence is counted from it. So the believed records do not show that the source
    has stopped reporting contacts.
    """
    is_whole = context.as_of_by_scope.keys() <= {scope.name for scope in effect.scopes}
    return (context.contacts_untold, effect.contacts_untold) if is_whole else (0, 0)


def _check_filled_fields(
    record_type: RecordType,
    was: Sequence[BelievedRecord],
    present: Sequence[BelievedRecord],
    missing_contacts: tuple[int, int],
) -> Iterable[HoldReason]:
    """Rule (d) filled: a deciding field is filled for a smaller share of the records than before."""
    if len(was) < UNIT_FLOOR or not present:
        return
    for field, is_filled in DECIDING_FIELDS.get(record_type, {}).items():
        missing_before, missing_now = missing_contacts if field == "last_contact" else (0, 0)
        old = max(0, sum(1 for known in was if is_filled(known)) - missing_before) / len(was)
        new = max(0, sum(1 for known in present if is_filled(known)) - missing_now) / len(present)
        # Ten points must be allowed exactly, in spite of rounding.
        if old - new > MAX_FILLED_DROP + 1e-9:
            yield HoldReason(
                "filled",
                Text(
                    f"fältet {FIELDS_SV[field]} är ifyllt för {_swedish_percent(new)} av {len(present)} poster ({TYPES_SV[record_type]}), "
                    f"förut {_swedish_percent(old)}; gränsen är {_swedish_percent(MAX_FILLED_DROP, 0)} lägre",
                    f"the field {field} is filled for {new:.1%} of {len(present)} {record_type} records, before {old:.1%}; "
                    f"the limit is {MAX_FILLED_DROP:.0%} lower",
                ),
            )


def _check_year_labels(
    was: Sequence[BelievedRecord], present: Sequence[BelievedRecord], context: PullContext
) -> Iterable[HoldReason]:
    """Rule (g) year labels: too many enrolments change year outside the turnover window."""
    if context.in_turnover_window:
        return
    years = {known.ref: year for known in was if (year := _enrolment_year(known.record)) is not None}
    year_pairs = [
        (years[known.ref], year)
        for known in present
        if known.ref in years and (year := _enrolment_year(known.record)) is not None
    ]
    changed = sum(1 for old, new in year_pairs if old != new)
    if changed > MAX_YEARS_CHANGED_RATIO * len(year_pairs) and len(year_pairs) >= UNIT_FLOOR:
        yield HoldReason(
            "years",
            Text(
                f"{changed} av {len(year_pairs)} inskrivningar byter årskurs mitt i läsåret; gränsen är "
                f"{_swedish_percent(MAX_YEARS_CHANGED_RATIO, 0)}",
                f"{changed} of {len(year_pairs)} enrolments change year within the school year; the limit is "
                f"{MAX_YEARS_CHANGED_RATIO:.0%}",
            ),
        )


def _record_unit(record: Record) -> str:
    """The record's unit in the source's own spelling; "" when it names none."""
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


def _if_device(value_of: Callable[[DeviceRecord], object]) -> Callable[[BelievedRecord], bool]:
    return lambda known: isinstance(known.record, DeviceRecord) and bool(value_of(known.record))


def _if_membership(value_of: Callable[[MembershipRecord], object]) -> Callable[[BelievedRecord], bool]:
    return lambda known: isinstance(known.record, MembershipRecord) and bool(value_of(known.record))


def _has_login(record: PersonRecord) -> bool:
    return any(key.scheme in LOGIN_SCHEMES for key in record.keys)


# The fields of each record type that decide something. A falling share means that the source stopped filling the field.
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
        # A number or a civic number identifies a person, but is not what they log in with.
        "login": lambda known: isinstance(known.record, PersonRecord) and _has_login(known.record),
    },
}


# --- rule (h), on the resulting numbers -------------------------------------------------------------------------------


def outcome_hold_reasons(before: Iterable[CoverageDay], projected: Iterable[CoverageDay]) -> tuple[HoldReason, ...]:
    """Rule (h) outcome: why the numbers that would follow must wait for a person; empty when they may be published.

    For each unit and entitlement, entitled and covered may each change by 20 % or by 10, whichever is more. They are
    compared per entitlement, since the loss of all staff of a school would not show among its pupils. A unit and
    entitlement without numbers before is not compared.
    """
    was = {(row.unit, row.entitlement): row for row in before}
    will_be = {(row.unit, row.entitlement): row for row in projected}
    reasons: list[HoldReason] = []
    for unit, entitlement in sorted(was):
        old, new = was[unit, entitlement], will_be.get((unit, entitlement))
        reasons += _check_movement(unit, entitlement, "entitled", old.entitled, new.entitled if new else 0)
        reasons += _check_movement(unit, entitlement, "covered", old.covered, new.covered if new else 0)
    return tuple(reasons)


NUMBERS_SV = {"entitled": "ska ha", "covered": "har och i drift"}


def _check_movement(unit: str, entitlement: str, word: str, old: int, new: int) -> Iterable[HoldReason]:
    """Rule (h) outcome, for one number of one unit and entitlement."""
    if abs(new - old) > max(OUTCOME_FLOOR, MAX_OUTCOME_RATIO * old):
        yield HoldReason(
            "outcome",
            Text(
                f"{unit}, {entitlement}: {NUMBERS_SV[word]} skulle gå från {old} till {new}; "
                f"gränsen är {_swedish_percent(MAX_OUTCOME_RATIO, 0)} och {OUTCOME_FLOOR}",
                f"{unit}, {entitlement}: {word} would go from {old} to {new}; the limit is {MAX_OUTCOME_RATIO:.0%} and {OUTCOME_FLOOR}",
            ),
        )
