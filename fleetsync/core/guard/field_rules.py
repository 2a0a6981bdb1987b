"""Rule (d), on what the records of one pull say: deciding fields, their words, and ends that come earlier.

Pure. Each kind of record is judged by itself: the fields of another kind are blank in it anyway.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from fleetsync.core.guard.comparison import Comparison
from fleetsync.core.guard.deciding_fields import DECIDING_FIELDS, DecidingField, RecordKind, ends_earlier
from fleetsync.core.guard.pull_context import FEW_RECORDS, SHARE_FLOOR, PullContext
from fleetsync.core.guard.reasons import allowed_count, swedish_percent
from fleetsync.core.model import HoldReason, PullEffect, RecordType, Text

MAX_SHARE_DROP = 0.10
MAX_ENDS_RATIO = 0.10
ENDS_FLOOR = 5
WORDS_FLOOR = 5  # missing columns are counted among the unknown words, once each


def field_hold_reasons(
    record_type: RecordType, comparison: Comparison, effect: PullEffect, context: PullContext
) -> Iterable[HoldReason]:
    """Rule (d), for each kind of record by itself: the fields of another kind are blank in it anyway."""
    for kind, of_kind in comparison.by_kind(record_type).items():
        for field in DECIDING_FIELDS[kind]:
            yield from _check_filled(kind, field, of_kind, _missing_contacts(field, effect, context))
            yield from _check_known_words(kind, field, of_kind, context)
        yield from _check_ends(kind, of_kind)


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
    kind: RecordKind, field: DecidingField, comparison: Comparison, missing_contacts: tuple[int, int]
) -> Iterable[HoldReason]:
    """Rule (d) filled: a deciding field is filled for a smaller share of the records than before."""
    old_missing, new_missing = missing_contacts
    # On most days too few records differ for any share to drop so much: then no field is counted.
    if comparison.max_share_drop <= MAX_SHARE_DROP and not new_missing:
        return
    believed, present = comparison.believed_count, comparison.present_count
    old, new = (sum(map(field.is_filled, records)) for records in (comparison.old, comparison.new))
    unchanged = sum(map(field.is_filled, comparison.unchanged))
    old_share = max(0, unchanged + old - old_missing) / believed
    new_share = max(0, unchanged + new - new_missing) / present
    if _has_dropped(old_share, believed, new_share, present):
        yield HoldReason(
            "filled",
            Text(
                f"fältet {field.name_sv} är ifyllt för {swedish_percent(new_share)} av {present} poster ({kind.name_sv}), "
                f"förut {swedish_percent(old_share)}; gränsen är {swedish_percent(MAX_SHARE_DROP, 0)} lägre",
                f"the field {field.name} is filled for {new_share:.1%} of {present} {kind.name} records, before "
                f"{old_share:.1%}; the limit is {MAX_SHARE_DROP:.0%} lower",
            ),
        )


def _check_known_words(
    kind: RecordKind, field: DecidingField, comparison: Comparison, context: PullContext
) -> Iterable[HoldReason]:
    """Rule (d) known: the words of a deciding field are known ones for a smaller share than before."""
    old_words, new_words = field.words_of(comparison.old), field.words_of(comparison.new)
    if old_words == new_words:
        return
    # Only from here on all records of the kind are read: another word may be much where few have any.
    unchanged_words = field.words_of(comparison.unchanged)
    (old, old_count), (new, new_count) = (
        _known_share(unchanged_words + words, context.known_school_forms) for words in (old_words, new_words)
    )
    if old_count and new_count and _has_dropped(old, old_count, new, new_count):
        yield HoldReason(
            "known",
            Text(
                f"ordet i fältet {field.name_sv} är känt för {swedish_percent(new)} av {new_count} poster "
                f"({kind.name_sv}), förut {swedish_percent(old)}; gränsen är {swedish_percent(MAX_SHARE_DROP, 0)} lägre",
                f"the word of the field {field.name} is known for {new:.1%} of {new_count} {kind.name} records, "
                f"before {old:.1%}; the limit is {MAX_SHARE_DROP:.0%} lower",
            ),
        )


def _known_share(words: Counter[str], known_words: AbstractSet[str]) -> tuple[float, int]:
    """The share of *words* that are known, and how many there are."""
    known = sum(count for word, count in words.items() if word in known_words)
    return known / max(1, words.total()), words.total()


def _has_dropped(old: float, old_count: int, new: float, new_count: int) -> bool:
    # Ten points must be allowed exactly, in spite of rounding.
    is_lower = old - new > MAX_SHARE_DROP + 1e-9
    return is_lower and (old_count >= FEW_RECORDS or (old - new) * new_count >= SHARE_FLOOR - 1e-9)


def _check_ends(kind: RecordKind, comparison: Comparison) -> Iterable[HoldReason]:
    """Rule (d) ends: too many end earlier than was said, begin later, or are in use no longer, at once."""
    ended = sum(ends_earlier(old, new) for old, new in comparison.changed_pairs)
    compared = comparison.familiar_count
    limit = allowed_count(ENDS_FLOOR, MAX_ENDS_RATIO, compared)
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
                f"{ended} av {compared} poster ({kind.name_sv}) {what_sv} på en gång; gränsen är {limit} ({share_sv})",
                f"{ended} of {compared} {kind.name} records {what} at once; the limit is {limit} ({share})",
            ),
        )


def check_unknown_words(effect: PullEffect, context: PullContext) -> Iterable[HoldReason]:
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
