"""An export for School Data Sync as a case: two schools, with passwords, names and phones that nobody should keep."""

from tests.connectors.connector_case import ConnectorCase

CASE = ConnectorCase(
    kind="sds_files",
    table={"kind": "sds_files", "name": "sds", "path": "{folder}", "class_titles": ["?[A-F]"]},
    expected_counts={
        "units": {"unit": 4},
        "groups": {"group": 3},
        "pupils": {"person": 4, "membership": 8},
        "staff": {"person": 2, "membership": 3},
    },
    files=("orgs.csv", "users.csv", "roles.csv", "classes.csv", "enrollments.csv"),
    is_set=True,
)
