"""The records of a part before a pull beside those after it, so that a rule looks only at the ones that differ.

Pure. Nearly all records of a part are the same before and after: they are gathered in one pass, and counted further only
by a rule that depends on them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from fleetsync.core.guard.deciding_fields import RecordKind
from fleetsync.core.model import RECORD_TYPES, BelievedRecord, MembershipRecord, MembershipType, Record, RecordType


@dataclass
class Comparison:
    """The records of one type or kind: those *believed* before a pull, and those *present* after it.

    Believed are all that were not gone. Present are all that the source shows, so neither absent nor gone. *unchanged* are
    believed and present, and every rule counts them alike; *old* are the other believed ones as they were, *new* the other
    present ones as they would be.
    """

    unchanged: list[BelievedRecord] = field(default_factory=list)
    old: list[BelievedRecord] = field(default_factory=list)
    new: list[BelievedRecord] = field(default_factory=list)

    @property
    def believed_count(self) -> int:
        """How many records were believed before."""
        return len(self.unchanged) + len(self.old)

    @property
    def present_count(self) -> int:
        """How many records are present after."""
        return len(self.unchanged) + len(self.new)

    @cached_property
    def changed_pairs(self) -> Sequence[tuple[Record, Record]]:
        """The records that were believed and are present in another form: before, after."""
        old = {known.ref: known.record for known in self.old}
        return [(old[known.ref], known.record) for known in self.new if known.ref in old]

    @property
    def familiar_count(self) -> int:
        """How many of the present records were believed before."""
        return len(self.unchanged) + len(self.changed_pairs)

    @property
    def absent_count(self) -> int:
        """How many of the believed records are absent after, those included that were so before."""
        return self.believed_count - self.familiar_count

    @property
    def max_share_drop(self) -> float:
        """No share of the records that have some property can have dropped by more than this; 0..1.

        It is reached where all unchanged records are alike: the property is lost with every old record, or it is one that
        no new record has. Undefined where there are no records.
        """
        differing = max(len(self.old), len(self.new))
        return differing / (len(self.unchanged) + differing)

    def by_kind(self, record_type: RecordType) -> Mapping[RecordKind, "Comparison"]:
        """The comparison of *record_type* for each of its kinds that has both believed and present records."""
        if record_type is not RecordType.MEMBERSHIP:
            kinds = {RecordKind(record_type): self}
        else:
            kinds = {
                RecordKind(record_type, membership): self._of_membership(membership) for membership in MembershipType
            }
        return {kind: kinds[kind] for kind in sorted(kinds) if kinds[kind].believed_count and kinds[kind].present_count}

    def _of_membership(self, membership: MembershipType) -> "Comparison":
        def of_kind(records: Iterable[BelievedRecord]) -> list[BelievedRecord]:
            return [
                known
                for known in records
                if isinstance(record := known.record, MembershipRecord) and record.membership is membership
            ]

        return Comparison(of_kind(self.unchanged), of_kind(self.old), of_kind(self.new))


def compare_by_type(
    before: Sequence[BelievedRecord], projected: Sequence[BelievedRecord]
) -> Mapping[RecordType, Comparison]:
    """Compare the records of a part *before* a pull with the *projected* ones (`projected_records` of the same).

    Types in alphabetical order.
    """
    comparisons: defaultdict[type[Record], Comparison] = defaultdict(Comparison)
    for was, will_be in zip(before, projected, strict=False):
        comparison = comparisons[type(will_be.record)]
        # A contact moves daily on nearly every device; rules ask only whether there is one.
        is_same = will_be is was or (
            will_be.record is was.record and (will_be.last_contact_at is None) == (was.last_contact_at is None)
        )
        if is_same and not was.gone and will_be.absent_since is None:
            comparison.unchanged.append(will_be)
            continue
        if not was.gone:
            comparison.old.append(was)
        if will_be.absent_since is None:
            comparison.new.append(will_be)
    for fresh in projected[len(before) :]:
        comparisons[type(fresh.record)].new.append(fresh)
    by_type = {RECORD_TYPES[record_class]: comparison for record_class, comparison in comparisons.items()}
    return dict(sorted(by_type.items()))
