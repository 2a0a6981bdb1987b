"""MEASURES and FACTS: every published number about the municipality, one entry each with its title and explanation.

Pure. A measure counts cases, each under its labels; the published number is the sum of its counts. A row is made of a
counted case only where it is shown, so the rows behind a number always add up to it. A value that is no sum (a ratio, an
instant, a name) is a fact.
Metrics, page, lists and documentation are made from these two tables.
"""

from fleetsync.core.measures.definitions import (
    METRIC_PREFIX,
    CaseRows,
    CountedCase,
    CountedCases,
    Fact,
    Labels,
    Measure,
)
from fleetsync.core.measures.publication import FIRST_PUBLISHED, FIRST_TRIED, Publication, Stability
from fleetsync.core.measures.shares_and_decisions import (
    SHARE_ROWS,
    entitlements_with_few_unplaced,
    shown_unit,
)
from fleetsync.core.measures.tables import FACTS, MEASURES

__all__ = [
    "FACTS",
    "FIRST_PUBLISHED",
    "FIRST_TRIED",
    "MEASURES",
    "METRIC_PREFIX",
    "SHARE_ROWS",
    "CaseRows",
    "CountedCase",
    "CountedCases",
    "Fact",
    "Labels",
    "Measure",
    "Publication",
    "Stability",
    "entitlements_with_few_unplaced",
    "shown_unit",
]
