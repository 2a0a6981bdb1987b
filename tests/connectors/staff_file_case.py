"""A staff file as a case: a report of an invented personnel system, with columns that nobody should keep."""

from tests.connectors.case import Case

FILE = "personal_2026-10-31.csv"

CASE = Case(
    kind="staff_file",
    table={"kind": "staff_file", "name": "personal", "path": "{folder}/personal_*.csv"},
    expects={"staff": {"person": 8, "membership": 10}},
    files=(FILE,),
)
