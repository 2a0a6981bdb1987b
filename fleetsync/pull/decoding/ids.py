"""Ids for rows to which a source gives none: named by what they hold, and numbered where several hold the same."""

from collections import Counter


class IdNumbering:
    """Numbers equal names: `a`, `a/2`, `a/3`. One numbering serves one pull, or one person of it.

    The order of the rows decides the numbers, so rows are given in an order that does not change from pull to pull.
    """

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()

    def __call__(self, name: str) -> str:
        self._count[name] += 1
        return name if self._count[name] == 1 else f"{name}/{self._count[name]}"
