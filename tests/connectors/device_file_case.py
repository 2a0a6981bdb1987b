"""Device lists as a case: a school's workbook and a preschool's text file, with notes and network addresses."""

from tests.connectors.connector_case import ConnectorCase

WORKBOOK = "datorer-vretaskolan_2026-11-15.xlsx"
TEXT = "plattor-asen_2026-10-31.csv"

CASE = ConnectorCase(
    kind="device_file",
    table={"kind": "device_file", "name": "listor", "path": "{folder}"},
    expected_counts={"devices": {"device": 12}},
    files=(WORKBOOK, TEXT),
)
