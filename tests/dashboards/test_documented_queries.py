"""The queries of the documents name series and labels that are published."""

import re

import pytest

from tests.dashboards.series_catalogue import DASHBOARDS, unknown_names

NUMBERS = (DASHBOARDS.parent / "docs" / "numbers.md").read_text(encoding="utf-8")
# A query is the code in the last cell of a row; a cell of a table writes a bar with a backslash before it.
QUERIES = [query.replace("\\|", "|") for query in re.findall(r"^\| .* \| `(.+)` \|$", NUMBERS, re.MULTILINE)]


def test_the_queries_of_the_document_are_found() -> None:
    assert len(QUERIES) == 8


@pytest.mark.parametrize("query", QUERIES)
def test_a_documented_query_names_only_what_is_published(query: str) -> None:
    assert unknown_names(query) == set()
