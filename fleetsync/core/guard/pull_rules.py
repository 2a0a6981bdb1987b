"""Rules (a) to (g), on one pull: each `_check_…` function is one rule and returns its reasons to hold.

Those of rule (d) are in `field_rules.py`.

Pure. Compares with what is believed only, and never says which record or person is concerned.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from fleetsync.core.guard.comparison import Comparison, compare_by_type
from fleetsync.core.guard.field_rules import check_unknown_words, field_hold_reasons
from fleetsync.core.guard.projection import projected_records
from fleetsync.core.guard.pull_context import FEW_RECORDS, SHARE_FLOOR, PullContext
from fleetsync.core.guard.reasons import TYPES_SV, allowed_count, swedish_percent
from fleetsync.core.model import (
    BelievedRecord,
    DeviceRecord,
    GroupRecord,
    HoldReason,
    MembershipRecord,
    MembershipType,
    PullEffect,
    PullLimits,
    Record,
    RecordType,
    Text,
)
from fleetsync.core.privacy import MAX_MARKED_RATIO, MAX_MARKS_UNASKED, is_mass_marking

# A floor is a number of records: so many are always allowed, however small the part is. Ratios are 0..1.
REJECTED_FLOOR = 10
SHRINK_FLOOR = 5  # (a)
UNIT_FLOOR = 4  # (b): fewer losses than these are those of any week
MAX_UNIT_LOSS_RATIO = 0.25  # (b)
GROWTH_FLOOR = 25  # (c)
MIN_KNOWN_IDS_RATIO = 0.5  # (e)
MAX_YEARS_CHANGED_RATIO = 0.10  # (g)

# Types without which a part entitles nobody and shows no device.
DECIDING_TYPES = frozenset({RecordType.PERSON, RecordType.MEMBERSHIP, RecordType.DEVICE, RecordType.HEADCOUNT})


def pull_hold_reasons(
    before: Sequence[BelievedRecord], effect: PullEffect, limits: PullLimits, context: PullContext
) -> tuple[HoldReason, ...]:
    """Why *effect* must wait for a person; empty when it may be applied.

    The first complete pull of a part is only checked for unreadable records, emptiness and age: there is nothing to
    compare it with.
    """
    reasons = [
        *_check_rejected(effect, limits),
        *_check_empty(before, effect, limits),
        *_check_as_of(effect, context),
        *_check_marks(before, effect),
    ]
    if effect.is_first:
        return tuple(reasons)
    for record_type, comparison in compare_by_type(before, projected_records(before, effect, limits)).items():
        reasons += _type_hold_reasons(record_type, comparison, effect, limits, context)
    return (*reasons, *check_unknown_words(effect, context))


def _type_hold_reasons(
    record_type: RecordType, comparison: Comparison, effect: PullEffect, limits: PullLimits, context: PullContext
) -> list[HoldReason]:
    reasons = [
        *_check_none_left(record_type, comparison, effect, limits),
        *_check_shrink(record_type, comparison, limits, context),
        *_check_year_labels(comparison, context),
    ]
    if not context.is_turning:
        reasons += _check_unit_loss(record_type, comparison)
        reasons += field_hold_reasons(record_type, comparison, effect, context)
    # A part that is read piece by piece takes days to fill up: growth and unknown ids are normal there.
    if not effect.reads_some:
        reasons += [
            *_check_growth(record_type, comparison, limits, context),
            *_check_known_ids(record_type, comparison, context),
        ]
    return reasons


def _check_rejected(effect: PullEffect, limits: PullLimits) -> Iterable[HoldReason]:
    """Completeness (§2.1): no row could be read at all, or more rows could not than `max_rejected_ratio` allows."""
    count = sum(effect.rejected.values())
    if not count:
        return
    read = effect.seen + count
    limit = allowed_count(REJECTED_FLOOR, limits.max_rejected_ratio, read)
    worst = max(sorted(effect.rejected), key=lambda problem: effect.rejected[problem])
    sv, en = (f"{count} av {read} rader gick inte att läsa, oftast: {worst}",
              f"{count} of {read} rows could not be read, most often: {worst}")  # fmt: skip
    if effect.seen == 0 and not effect.reads_some:
        yield HoldReason(
            "unreadable",
            Text(
                f"{sv}. Det som vi redan vet står kvar. Rätta filen eller källan, eller namnge kolumnerna i källans tabell "
                "(columns = { … })",
                f"{en}. What is believed stays. Mend the file or the source, or name the columns in the source's table "
                "(columns = { … })",
            ),
        )
    elif count > limit:
        ratio = f"(max_rejected_ratio {limits.max_rejected_ratio:g})"
        yield HoldReason("rejected", Text(f"{sv}; gränsen är {limit} {ratio}", f"{en}; the limit is {limit} {ratio}"))


def _check_empty(before: Sequence[BelievedRecord], effect: PullEffect, limits: PullLimits) -> Iterable[HoldReason]:
    """Rule (f) not empty: the pull shows no record and no row, and `allow_empty` is not set."""
    if effect.seen or effect.rejected or limits.allow_empty or effect.reads_some:
        return
    believed = sum(1 for known in before if not known.gone)
    if believed:
        # To allow it would be to believe that there is nobody, or no device: what is offered must help.
        yield HoldReason(
            "empty",
            Text(
                f"hämtningen är tom; de {believed} poster som vi redan vet står kvar. {EMPTY_REMEDY.sv}",
                f"the pull is empty; the {believed} records that are believed stay. {EMPTY_REMEDY.en}",
            ),
        )
    elif not limits.may_begin_empty:
        yield HoldReason(
            "empty",
            Text(
                "hämtningen är tom; får den vara det, sätt allow_empty i källans tabell",
                "the pull is empty; if it may be, set allow_empty in the source's table",
            ),
        )


EMPTY_REMEDY = Text(
    "Se efter varför källan inte visar något (behörighet, filter, fel fil eller blad); ska källan inte finnas mer: "
    "fleetsync drop",
    "Find out why the source shows nothing (permission, filter, wrong file or sheet); if the source is to be no more: "
    "fleetsync drop",
)


def _check_none_left(
    record_type: RecordType, comparison: Comparison, effect: PullEffect, limits: PullLimits
) -> Iterable[HoldReason]:
    """Rule (f) not empty, for one record type: other records came, and none of those that decide."""
    believed, is_none_left = comparison.believed_count, not comparison.present_count
    if record_type in DECIDING_TYPES and believed and is_none_left and effect.seen and not limits.allow_empty:
        yield HoldReason(
            "empty",
            Text(
                f"{effect.seen} poster kom, men ingen av dem som finns ({TYPES_SV[record_type]}, {believed}) och ingen ny; "
                f"de står kvar. {EMPTY_REMEDY.sv}",
                f"{effect.seen} records came, but no {record_type} record; the {believed} that are believed stay. "
                f"{EMPTY_REMEDY.en}",
            ),
        )


def _check_marks(before: Sequence[BelievedRecord], effect: PullEffect) -> Iterable[HoldReason]:
    """A pull that newly marks many persons as protected: they are not shown from now on, and no number moves before a
    person has looked. The limit is the one by which the marks wait (`core.privacy.is_mass_marking`).
    """
    if not effect.pending_marks and not effect.newly_marked:
        return
    believed = sum(1 for known in before if known.type is RecordType.PERSON and not known.gone)
    # Of a first pull every record is a row.
    roster = believed or sum(row.type is RecordType.PERSON for row in effect.rows) or effect.seen
    limit = allowed_count(MAX_MARKS_UNASKED, MAX_MARKED_RATIO, roster)
    if effect.pending_marks or is_mass_marking(effect.newly_marked, roster):
        words = ", ".join(f"{word} ({count})" for word, count in sorted(effect.mark_words.items()))
        yield HoldReason(
            "marks",
            Text(
                f"{effect.newly_marked} personer får skyddade uppgifter på en gång, av {roster}; gränsen är {limit} "
                f"({swedish_percent(MAX_MARKED_RATIO, 0)}). De visas inte längre; läs källans ord för skydd innan "
                f"detta godtas{f': {words}' if words else ''}",
                f"{effect.newly_marked} persons of {roster} are newly marked as protected at once; the limit is {limit} "
                f"({MAX_MARKED_RATIO:.0%}). They are not shown any more; check the source's word for a mark before this "
                f"is accepted{f': {words}' if words else ''}",
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
    record_type: RecordType, comparison: Comparison, limits: PullLimits, context: PullContext
) -> Iterable[HoldReason]:
    """Rule (a) shrink: too large a share of the believed records is absent, earlier absences included."""
    ratio = limits.turnover_max_shrink_ratio if context.is_turning else limits.max_shrink_ratio
    absent, believed = comparison.absent_count, comparison.believed_count
    limit = allowed_count(SHRINK_FLOOR, ratio, believed)
    if absent > limit:
        word = "turnover_max_shrink_ratio" if context.is_turning else "max_shrink_ratio"
        yield HoldReason(
            "shrink",
            Text(
                f"{absent} av {believed} poster ({TYPES_SV[record_type]}) saknas; gränsen är {limit} ({word} {ratio:g})",
                f"{absent} of {believed} {record_type} records are absent; the limit is {limit} ({word} {ratio:g})",
            ),
        )


def _check_unit_loss(record_type: RecordType, comparison: Comparison) -> Iterable[HoldReason]:
    """Rule (b) per unit: a unit loses more than a quarter of its records, and at least four."""
    losses = _counts_by_unit(comparison.old)
    losses.subtract(_counts_by_unit(known for known in comparison.new if not known.gone))
    large_losses = {unit: lost for unit, lost in sorted(losses.items()) if unit and lost >= UNIT_FLOOR}
    if not large_losses:
        return
    had = _counts_by_unit(comparison.unchanged) + _counts_by_unit(comparison.old)
    for unit, lost in large_losses.items():
        count = had[unit]
        if lost > MAX_UNIT_LOSS_RATIO * count:
            yield HoldReason(
                "per_unit",
                Text(
                    f"{unit} förlorar {lost} av {count} poster ({TYPES_SV[record_type]}); gränsen är en fjärdedel",
                    f"{unit} loses {lost} of {count} {record_type} records; the limit is a quarter of them",
                ),
            )


def _counts_by_unit(records: Iterable[BelievedRecord]) -> Counter[str]:
    return Counter(_record_unit(known.record) for known in records)


def _check_growth(
    record_type: RecordType, comparison: Comparison, limits: PullLimits, context: PullContext
) -> Iterable[HoldReason]:
    """Rule (c) growth: too many new records at once, outside the turnover window."""
    fresh, believed = comparison.present_count - comparison.familiar_count, comparison.believed_count
    limit = allowed_count(GROWTH_FLOOR, limits.max_growth_ratio, believed)
    # Devices too: those bought for the new school year are enrolled during the turnover.
    if fresh > limit and not context.in_turnover_window:
        yield HoldReason(
            "growth",
            Text(
                f"{fresh} nya poster ({TYPES_SV[record_type]}) på en gång, utöver {believed}; gränsen är {limit} "
                f"(max_growth_ratio {limits.max_growth_ratio:g})",
                f"{fresh} new {record_type} records at once, beside {believed}; the limit is {limit} "
                f"(max_growth_ratio {limits.max_growth_ratio:g})",
            ),
        )


def _check_known_ids(record_type: RecordType, comparison: Comparison, context: PullContext) -> Iterable[HoldReason]:
    """Rule (e) identity: fewer than half of the ids are known ones; of few records, none."""
    familiar, present = comparison.familiar_count, comparison.present_count
    is_strange = not familiar if present <= FEW_RECORDS else familiar < MIN_KNOWN_IDS_RATIO * present
    if comparison.believed_count and present and is_strange and not context.is_turning:
        yield HoldReason(
            "identity",
            Text(
                f"bara {familiar} av {present} poster ({TYPES_SV[record_type]}) har ett känt id, gränsen är hälften: är "
                "det en annan kommuns eller ett annat systems innehåll?",
                f"only {familiar} of {present} {record_type} records have a known id, the limit is half of them: is "
                "this the content of another municipality or system?",
            ),
        )


def _check_year_labels(comparison: Comparison, context: PullContext) -> Iterable[HoldReason]:
    """Rule (g) year labels: too many enrolments change year outside the turnover window."""
    if context.in_turnover_window:
        return
    year_pairs = [
        (old_year, new_year)
        for old, new in comparison.changed_pairs
        if (old_year := _enrolment_year(old)) is not None and (new_year := _enrolment_year(new)) is not None
    ]
    changed = sum(old_year != new_year for old_year, new_year in year_pairs)
    if not changed:
        return
    unchanged = sum(_enrolment_year(known.record) is not None for known in comparison.unchanged)
    compared = unchanged + len(year_pairs)
    is_more_than_one = compared >= FEW_RECORDS or changed >= SHARE_FLOOR
    if changed > MAX_YEARS_CHANGED_RATIO * compared and is_more_than_one:
        yield HoldReason(
            "years",
            Text(
                f"{changed} av {compared} inskrivningar byter årskurs mitt i läsåret; gränsen är "
                f"{swedish_percent(MAX_YEARS_CHANGED_RATIO, 0)}",
                f"{changed} of {compared} enrolments change year within the school year; the limit is "
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
