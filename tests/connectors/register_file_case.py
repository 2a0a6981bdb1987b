"""Lists of a register as a case: an export of pupils in cp1252, and a workbook of children with a place or waiting for one."""

from tests.connectors.connector_case import ConnectorCase

PUPILS = "elever_2026-11-15.csv"
CHILDREN = "placeringar_2026-11-20.xlsx"

CASE = ConnectorCase(
    kind="register_file",
    table={"kind": "register_file", "name": "elevlistor", "path": "{folder}"},
    expected_counts={
        "groups": {"group": 8},
        "pupils": {"person": 6, "membership": 15},
        "children": {"person": 4, "membership": 4},
    },
    files=(PUPILS, CHILDREN),
)
