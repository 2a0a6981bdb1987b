"""Ids for rows to which a source gives none: named by what they hold, and numbered where several hold the same."""


class IdNumbering:
    """Numbers equal names: `a`, `a/2`, `a/3`. One numbering serves one pull, or one person of it.

    The order of the rows decides the numbers, so rows are given in an order that does not change from pull to pull.
    """

    def __init__(self) -> None:
        self._count: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        number = self._count[name] = self._count.get(name, 0) + 1
        return name if number == 1 else f"{name}/{number}"
