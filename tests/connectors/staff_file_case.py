"""A staff file as a case: a report of an invented personnel system, with columns that nobody should keep."""

from tests.connectors.connector_case import ConnectorCase

FILE = "personal_2026-10-31.csv"

CASE = ConnectorCase(
    kind="staff_file",
    table={"kind": "staff_file", "name": "personal", "path": "{folder}/personal_*.csv"},
    expected_counts={"staff": {"person": 9, "membership": 11}},
    files=(FILE,),
)
