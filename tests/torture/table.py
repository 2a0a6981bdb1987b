"""The table of a run: what each family of faults came to."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.torture.outcome import CaseReport, Effect

HEADINGS = ("family of fault", "cases", *(effect.value for effect in Effect))


def table_of(reports: Iterable[CaseReport]) -> str:
    """The table in Markdown: a row for each family, and the sum of all."""
    families: dict[str, Counter[Effect]] = {}
    for report in reports:
        families.setdefault(report.family, Counter())[report.effect] += 1
    rows = [_row(name, counts) for name, counts in sorted(families.items())]
    rows.append(_row("all", sum(families.values(), Counter())))
    return "\n".join(map(_line, [HEADINGS, ["---"] + ["--:"] * (len(HEADINGS) - 1), *rows]))


def _row(name: str, counts: Counter[Effect]) -> Sequence[str]:
    return (name, str(counts.total()), *(str(counts[effect]) for effect in Effect))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
