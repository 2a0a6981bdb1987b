"""Rules (a) to (g), on one pull: each `_check_…` function is one rule and returns its reasons to hold.

Pure. Compares with what is believed only, and never says which record or person is concerned.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from fleetsync.core.guard.deciding_fields import DECIDING_FIELDS, DecidingField, RecordKind, ends_earlier, record_kind
from fleetsync.core.guard.projection import projected_records
from fleetsync.core.guard.reasons import TYPES_SV, allowed_count, swedish_percent
from fleetsync.core.model import (
    BelievedRecord,
    DeviceRecord,
    GroupRecord,
    HoldReason,
    MembershipRecord,
    MembershipType,
    PartRole,
    PullEffect,
    PullLimits,
    Record,
    RecordType,
    Text,
)
from fleetsync.core.privacy import MAX_MARKED_RATIO, MAX_MARKS_UNASKED, is_mass_marking
from fleetsync.core.school_forms import KNOWN_FORMS

# A floor is a number of records: so many are always allowed, however small the part is. Ratios are 0..1.
REJECTED_FLOOR = 10
SHRINK_FLOOR = 5  # (a)
UNIT_FLOOR = 4  # (b): fewer losses than these are those of any week
MAX_UNIT_LOSS_RATIO = 0.25  # (b)
GROWTH_FLOOR = 25  # (c)
MAX_SHARE_DROP = 0.10  # (d)
SHARE_FLOOR = 2  # (d): one blank of few is more than ten points, and no change of meaning
ENDS_FLOOR = 5  # (d)
WORDS_FLOOR = 5  # (d): missing columns are counted among the unknown words, once each
MAX_ENDS_RATIO = 0.10  # (d)
MIN_KNOWN_IDS_RATIO = 0.5  # (e)
FEW_RECORDS = 10  # up to so many, (e) asks only whether any id is known; (d) and (g) compare single records
MAX_YEARS_CHANGED_RATIO = 0.10  # (g)

# Types without which a part entitles nobody and shows no device.
DECIDING_TYPES = frozenset({RecordType.PERSON, RecordType.MEMBERSHIP, RecordType.DEVICE})


class PullContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard must know besides the pull: the part's role, the time of year, how old the believed content is, and
    which words were known or unknown before.
    """

    role: PartRole
    in_turnover_window: bool = False
    as_of_by_scope: Mapping[str, str] = {}  # file name, or "" → ISO day that the believed content describes
    contacts_untold: int = 0  # as `PartState.contacts_untold`
    known_school_forms: frozenset[str] = KNOWN_FORMS  # in capitals
    unknown_words: Mapping[str, int] = {}  # as `PullEffect.drift`: the most of each in a recent complete pull

    @property
    def is_turning(self) -> bool:
        """Whether the pull may change much because it is a roster in the turnover between two school years."""
        return self.in_turnover_window and self.role is PartRole.ROSTER


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
    projected = projected_records(before, effect, limits)
    for record_type in sorted({known.type for known in projected}):
        was = [known for known in before if known.type is record_type and not known.gone]
        will_be = [known for known in projected if known.type is record_type]
        reasons += _type_hold_reasons(record_type, was, will_be, effect, limits, context)
    return (*reasons, *_check_unknown_words(effect, context))


def _type_hold_reasons(
    record_type: RecordType,
    was: Sequence[BelievedRecord],
    will_be: Sequence[BelievedRecord],
    effect: PullEffect,
    limits: PullLimits,
    context: PullContext,
) -> list[HoldReason]:
    present = [known for known in will_be if known.absent_since is None]
    reasons = [
        *_check_none_left(record_type, was, present, effect, limits),
        *_check_shrink(record_type, was, will_be, limits, context),
        *_check_year_labels(was, present, context),
    ]
    if not context.is_turning:
        reasons += _check_unit_loss(record_type, was, will_be)
        reasons += _kind_hold_reasons(was, present, effect, context)
    # A part that is read piece by piece takes days to fill up: growth and unknown ids are normal there.
    if not effect.reads_some:
        reasons += [
            *_check_growth(record_type, was, present, limits, context),
            *_check_known_ids(record_type, was, present, context),
        ]
    return reasons


def _kind_hold_reasons(
    was: Sequence[BelievedRecord], present: Sequence[BelievedRecord], effect: PullEffect, context: PullContext
) -> Iterable[HoldReason]:
    """Rule (d), for each kind of record by itself: the fields of another kind are blank in it anyway."""
    old_by_kind, new_by_kind = _by_kind(was), _by_kind(present)
    for kind in sorted(old_by_kind.keys() & new_by_kind.keys()):
        old, new = old_by_kind[kind], new_by_kind[kind]
        for field in DECIDING_FIELDS[kind]:
            yield from _check_filled(kind, field, old, new, _missing_contacts(field, effect, context))
            yield from _check_known_words(kind, field, old, new, context)
        yield from _check_ends(kind, old, new)


def _by_kind(records: Iterable[BelievedRecord]) -> Mapping[RecordKind, list[BelievedRecord]]:
    by_kind: defaultdict[RecordKind, list[BelievedRecord]] = defaultdict(list)
    for known in records:
        by_kind[record_kind(known)].append(known)
    return by_kind


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
    else:
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
    record_type: RecordType,
    was: Sequence[BelievedRecord],
    present: Sequence[BelievedRecord],
    effect: PullEffect,
    limits: PullLimits,
) -> Iterable[HoldReason]:
    """Rule (f) not empty, for one record type: other records came, and none of those that decide."""
    if record_type in DECIDING_TYPES and was and not present and effect.seen and not limits.allow_empty:
        yield HoldReason(
            "empty",
            Text(
                f"{effect.seen} poster kom, men ingen av dem som finns ({TYPES_SV[record_type]}, {len(was)}) och ingen ny; "
                f"de står kvar. {EMPTY_REMEDY.sv}",
                f"{effect.seen} records came, but no {record_type} record; the {len(was)} that are believed stay. "
                f"{EMPTY_REMEDY.en}",
            ),
        )


def _check_marks(before: Sequence[BelievedRecord], effect: PullEffect) -> Iterable[HoldReason]:
    """A pull that newly marks many persons as protected: they are not shown from now on, and no number moves before a
    person has looked. The limit is the one by which the marks wait (`core.privacy.is_mass_marking`).
    """
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
    limit = allowed_count(SHRINK_FLOOR, ratio, len(was))
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
    """Rule (b) per unit: a unit loses more than a quarter of its records, and at least four."""
    had = Counter(_record_unit(known.record) for known in was)
    has = Counter(_record_unit(known.record) for known in will_be if known.absent_since is None and not known.gone)
    for unit, count in sorted(had.items()):
        lost = count - has[unit]
        if unit and lost >= UNIT_FLOOR and lost > MAX_UNIT_LOSS_RATIO * count:
            yield HoldReason(
                "per_unit",
                Text(
                    f"{unit} förlorar {lost} av {count} poster ({TYPES_SV[record_type]}); gränsen är en fjärdedel",
                    f"{unit} loses {lost} of {count} {record_type} records; the limit is a quarter of them",
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
    limit = allowed_count(GROWTH_FLOOR, limits.max_growth_ratio, len(was))
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
    """Rule (e) identity: fewer than half of the ids are known ones; of few records, none."""
    believed = {known.ref for known in was}
    familiar = sum(1 for known in present if known.ref in believed)
    is_strange = not familiar if len(present) <= FEW_RECORDS else familiar < MIN_KNOWN_IDS_RATIO * len(present)
    if was and present and is_strange and not context.is_turning:
        yield HoldReason(
            "identity",
            Text(
                f"bara {familiar} av {len(present)} poster ({TYPES_SV[record_type]}) har ett känt id, gränsen är hälften: är "
                "det en annan kommuns eller ett annat systems innehåll?",
                f"only {familiar} of {len(present)} {record_type} records have a known id, the limit is half of them: is "
                "this the content of another municipality or system?",
            ),
        )


def _missing_contacts(field: DecidingField, effect: PullEffect, context: PullContext) -> tuple[int, int]:
    """How many devices lacked their last contact in the last pull, and in this one; (0, 0) unless every file was read.

    An earlier contact is kept because silence is counted from it. So the believed records do not show that the source
    has stopped reporting contacts.
    """
    is_whole = context.as_of_by_scope.keys() <= {scope.name for scope in effect.scopes}
    if field.name != "last_contact" or not is_whole:
        return 0, 0
    return context.contacts_untold, effect.contacts_untold


def _check_filled(
    kind: RecordKind,
    field: DecidingField,
    was: Sequence[BelievedRecord],
    present: Sequence[BelievedRecord],
    missing_contacts: tuple[int, int],
) -> Iterable[HoldReason]:
    """Rule (d) filled: a deciding field is filled for a smaller share of the records than before."""
    old_missing, new_missing = missing_contacts
    old = max(0, sum(map(field.is_filled, was)) - old_missing) / len(was)
    new = max(0, sum(map(field.is_filled, present)) - new_missing) / len(present)
    if _has_dropped(old, len(was), new, len(present)):
        yield HoldReason(
            "filled",
            Text(
                f"fältet {field.name_sv} är ifyllt för {swedish_percent(new)} av {len(present)} poster ({kind.name_sv}), "
                f"förut {swedish_percent(old)}; gränsen är {swedish_percent(MAX_SHARE_DROP, 0)} lägre",
                f"the field {field.name} is filled for {new:.1%} of {len(present)} {kind.name} records, before {old:.1%}; "
                f"the limit is {MAX_SHARE_DROP:.0%} lower",
            ),
        )


def _check_known_words(
    kind: RecordKind,
    field: DecidingField,
    was: Sequence[BelievedRecord],
    present: Sequence[BelievedRecord],
    context: PullContext,
) -> Iterable[HoldReason]:
    """Rule (d) known: the words of a deciding field are known ones for a smaller share than before."""
    old_words, new_words = ([word for word in map(field.word_of, known) if word] for known in (was, present))
    if not old_words or not new_words:
        return
    old = sum(word in context.known_school_forms for word in old_words) / len(old_words)
    new = sum(word in context.known_school_forms for word in new_words) / len(new_words)
    if _has_dropped(old, len(old_words), new, len(new_words)):
        yield HoldReason(
            "known",
            Text(
                f"ordet i fältet {field.name_sv} är känt för {swedish_percent(new)} av {len(new_words)} poster "
                f"({kind.name_sv}), förut {swedish_percent(old)}; gränsen är {swedish_percent(MAX_SHARE_DROP, 0)} lägre",
                f"the word of the field {field.name} is known for {new:.1%} of {len(new_words)} {kind.name} records, "
                f"before {old:.1%}; the limit is {MAX_SHARE_DROP:.0%} lower",
            ),
        )


def _has_dropped(old: float, old_count: int, new: float, new_count: int) -> bool:
    # Ten points must be allowed exactly, in spite of rounding.
    is_lower = old - new > MAX_SHARE_DROP + 1e-9
    return is_lower and (old_count >= FEW_RECORDS or (old - new) * new_count >= SHARE_FLOOR - 1e-9)


def _check_unknown_words(effect: PullEffect, context: PullContext) -> Iterable[HoldReason]:
    """Rule (d) known: many records carry a word that the connector does not know, where it knew them before."""
    before, now = _counts_by_field(context.unknown_words), _counts_by_field(effect.drift)
    limit = allowed_count(WORDS_FLOOR, MAX_SHARE_DROP, effect.seen)
    for field in sorted(now):
        more = now[field] - before[field]
        if more > limit and not context.is_turning:
            yield HoldReason(
                "known",
                Text(
                    f"fältet {field} har ett okänt ord i {now[field]} av {effect.seen} poster, förut i {before[field]}; "
                    f"gränsen är {swedish_percent(MAX_SHARE_DROP, 0)} fler",
                    f"the field {field} has an unknown word in {now[field]} of {effect.seen} records, before in "
                    f"{before[field]}; the limit is {MAX_SHARE_DROP:.0%} more",
                ),
            )


def _counts_by_field(drift: Mapping[str, int]) -> Counter[str]:
    """How many unknown words each field had: "field=word" → field."""
    counts: Counter[str] = Counter()
    for word, count in drift.items():
        counts[word.partition("=")[0]] += count
    return counts


def _check_ends(
    kind: RecordKind, was: Sequence[BelievedRecord], present: Sequence[BelievedRecord]
) -> Iterable[HoldReason]:
    """Rule (d) ends: too many end earlier than was said, begin later, or are in use no longer, at once."""
    believed = {known.ref: known.record for known in was}
    pairs = [(believed[known.ref], known.record) for known in present if known.ref in believed]
    ended = sum(ends_earlier(old, new) for old, new in pairs)
    limit = allowed_count(ENDS_FLOOR, MAX_ENDS_RATIO, len(pairs))
    if ended > limit:
        is_device = kind.type is RecordType.DEVICE
        what_sv = (
            "tas ur bruk (kasserade, raderade, borttappade …)" if is_device else "slutar tidigare eller börjar senare"
        )
        what = (
            "are in use no longer (retired, wiped, lost …)" if is_device else "end earlier or begin later than before"
        )
        share_sv, share = swedish_percent(MAX_ENDS_RATIO, 0), f"{MAX_ENDS_RATIO:.0%}"
        yield HoldReason(
            "ends",
            Text(
                f"{ended} av {len(pairs)} poster ({kind.name_sv}) {what_sv} på en gång; gränsen är {limit} ({share_sv})",
                f"{ended} of {len(pairs)} {kind.name} records {what} at once; the limit is {limit} ({share})",
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
    is_more_than_one = len(year_pairs) >= FEW_RECORDS or changed >= SHARE_FLOOR
    if changed > MAX_YEARS_CHANGED_RATIO * len(year_pairs) and is_more_than_one:
        yield HoldReason(
            "years",
            Text(
                f"{changed} av {len(year_pairs)} inskrivningar byter årskurs mitt i läsåret; gränsen är "
                f"{swedish_percent(MAX_YEARS_CHANGED_RATIO, 0)}",
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
