"""What the reasons of the guard share: Swedish words, percentages, limits, and whether a person may accept a pull."""

from collections.abc import Iterable, Mapping

from fleetsync.core.model import HoldReason, RecordType

# Rules whose pulls would leave nothing of what there is: a person can mend the source, and gains nothing by accepting.
RULES_WITHOUT_ACCEPT = frozenset({"empty", "unreadable"})

TYPES_SV: Mapping[RecordType, str] = {
    RecordType.DEVICE: "verktyg",
    RecordType.PERSON: "personer",
    RecordType.MEMBERSHIP: "placeringar och anställningar",
    RecordType.UNIT: "enheter",
    RecordType.GROUP: "grupper",
    RecordType.HEADCOUNT: "antal",
}


def may_be_accepted(reasons: Iterable[HoldReason]) -> bool:
    """Whether accepting the held pull is a remedy to offer: not where nobody, or no device, would be believed any more."""
    return all(reason.rule not in RULES_WITHOUT_ACCEPT for reason in reasons)


def swedish_percent(ratio: float, decimals: int = 1) -> str:
    """A ratio as a Swedish percentage: 10,0 %."""
    return f"{ratio:.{decimals}%}".replace(".", ",").replace("%", "\u00a0%")


def allowed_count(floor: int, ratio: float, count: int) -> int:
    """The whole number that *ratio* of *count* allows, at least *floor*."""
    # 0.29 × 100 is 28.999…: a configured limit must be exact to the record.
    return max(floor, int(ratio * count + 1e-9))
