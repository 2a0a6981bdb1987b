"""A list of head counts as a case: an old count beside a new one, two classes of one year, and a row without a number."""

from tests.connectors.connector_case import ConnectorCase

CASE = ConnectorCase(
    kind="headcount",
    table={"kind": "headcount", "name": "antal", "path": "{folder}"},
    expected_counts={"children": {"headcount": 1}, "pupils": {"headcount": 3}, "staff": {"headcount": 1}},
    files=("antal_2026-10-31.csv",),
)
