"""What a case did to a town: its published numbers before, during and after the fault, and what it said."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fleetsync.core.model import Verdict
from fleetsync.core.snapshot import Snapshot

Numbers = Mapping[tuple[str, str], int]  # (unit, entitlement) → heads
MUNICIPALITY_SHARE, MUNICIPALITY_FLOOR = 0.05, 10
UNIT_SHARE, UNIT_FLOOR = 0.2, 5


class Effect(StrEnum):
    """What a case came to, the best first."""

    UNCHANGED = "unchanged"  # the numbers are those of before
    UNKNOWN = "unknown"  # what is missing is counted as undecided or unknown, in the same place
    BELOW_LIMITS = (
        "below the limits"  # they moved less than the guard asks about: nobody can tell it from a real change
    )
    WRONG = "wrong"
    NOT_RECOVERED = "not recovered"  # the fault has passed, and the numbers are not those of before
    BROKEN = "broken"  # an error of our own, or a message that holds a secret or a person


@dataclass(frozen=True)
class Published:
    """The numbers of coverage that are published."""

    entitled: Numbers
    covered: Numbers
    unknown: Numbers

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Published":
        """Those of a snapshot."""
        unknown: dict[tuple[str, str], int] = {}
        for measure in ("unknown", "undecided"):
            for cell, heads in _cells(snapshot, measure).items():
                unknown[cell] = unknown.get(cell, 0) + heads
        return cls(_cells(snapshot, "entitled"), _cells(snapshot, "covered"), unknown)


def _cells(snapshot: Snapshot, measure: str) -> dict[tuple[str, str], int]:
    cells: dict[tuple[str, str], int] = {}
    for labels, number in snapshot.numbers[f"fleetsync_{measure}"].items():
        cell = (labels[0], labels[1])
        cells[cell] = cells.get(cell, 0) + int(number)
    return {cell: heads for cell, heads in cells.items() if heads}


def effect_on(before: Published, after: Published) -> Effect:
    """How the numbers after a fault compare with those before."""
    if (after.entitled, after.covered) == (before.entitled, before.covered):
        return Effect.UNCHANGED
    moved = [_moves(before, after, numbers) for numbers in ("entitled", "covered")]
    if all(not move for moves in moved for move in moves.values()):
        return Effect.UNKNOWN
    return Effect.WRONG if any(_is_too_far(before, moves) for moves in moved) else Effect.BELOW_LIMITS


def _moves(before: Published, after: Published, numbers: str) -> dict[tuple[str, str], int]:
    """How far each cell moved that what is unknown does not account for."""
    then: Numbers = getattr(before, numbers)
    now: Numbers = getattr(after, numbers)
    moves = {}
    for cell in {*then, *now}:
        move = now.get(cell, 0) - then.get(cell, 0)
        more_unknown = after.unknown.get(cell, 0) - before.unknown.get(cell, 0)
        moves[cell] = min(move + more_unknown, 0) if move < 0 else move
    return moves


def _is_too_far(before: Published, moves: Mapping[tuple[str, str], int]) -> bool:
    """Whether the guard should have asked: by the limits of a unit, and by those of the municipality."""
    for (unit, entitlement), move in moves.items():
        if abs(move) > max(UNIT_FLOOR, UNIT_SHARE * before.entitled.get((unit, entitlement), 0)):
            return True
    for wanted in {entitlement for _, entitlement in moves}:
        whole = sum(heads for (_, entitlement), heads in before.entitled.items() if entitlement == wanted)
        lost = sum(-move for (_, entitlement), move in moves.items() if entitlement == wanted and move < 0)
        gained = sum(move for (_, entitlement), move in moves.items() if entitlement == wanted and move > 0)
        if max(lost, gained) > max(MUNICIPALITY_FLOOR, MUNICIPALITY_SHARE * whole):
            return True
    return False


@dataclass
class CaseReport:
    """A case, what it came to, and what the run said of the part."""

    kind: str
    part: str
    family: str
    name: str
    effect: Effect
    verdict: Verdict
    reason: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether fleetsync did not keep what it promises."""
        return self.effect in {Effect.WRONG, Effect.NOT_RECOVERED, Effect.BROKEN}

    def __str__(self) -> str:
        """One line for a person who looks for the cause."""
        return f"{self.kind} {self.part}: {self.name}: {self.effect.value} ({self.verdict.value}) {self.reason}"
