"""A ledger's export as a case: lines with many serial numbers, an order without any, a credit, and a line of totals."""

from tests.connectors.connector_case import ConnectorCase

CASE = ConnectorCase(
    kind="ledger_file",
    table={"kind": "ledger_file", "name": "ekonomi", "path": "{folder}"},
    expected_counts={"purchases": {"device": 6}},
    files=("inkop_2026-10-31.csv",),
)
