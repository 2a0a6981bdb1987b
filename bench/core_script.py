"""The sync as a competent administrator writes it: requests, csv and SQLAlchemy Core, nothing else.

    python bench/core_script.py GRAPH_ADDRESS STAFF_FILE DATABASE ANSWER

Every row is written again on every run (an upsert per page), what has vanished is deleted, and the coverage per unit is a
join. It keeps no history, judges no pull, and knows neither grace nor protection. A program of its own that imports
nothing of fleetsync, so that it can be read and judged alone.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Column, Connection, Engine, Index, MetaData, String, Table, create_engine, event, func, select
from sqlalchemy.dialects.sqlite import insert

TENANT = "5e1ec7ed-0000-4000-8000-00000000e01b"
CLIENT = "c11e0700-0000-4000-8000-000000000001"
CLIENT_SECRET = "Exempelby-hemlighet-1"
PAGE_SIZE = 1000
STALE_AFTER = timedelta(days=21)

DEVICE_FIELDS = (
    "id", "deviceName", "serialNumber", "userId", "userPrincipalName", "emailAddress", "operatingSystem", "osVersion",
    "manufacturer", "model", "enrolledDateTime", "lastSyncDateTime", "complianceState", "managementState",
    "managementAgent", "managedDeviceOwnerType", "deviceEnrollmentType", "deviceCategoryDisplayName", "isEncrypted",
    "isSupervised", "azureADDeviceId", "wiFiMacAddress", "totalStorageSpaceInBytes", "freeStorageSpaceInBytes",
)  # fmt: skip
STAFF_FIELDS = {
    "Anställningsnummer": "number", "Användarnamn": "login", "Kostnadsställe": "cost_centre", "Enhet": "unit",
    "Efternamn": "family_name", "Förnamn": "given_name", "Anställningsform": "form", "Anst.from": "first_day", "Anst.tom": "last_day", "Sysselsättningsgrad": "percent",
}  # fmt: skip

metadata = MetaData()
device = Table(
    "device",
    metadata,
    *(Column(name, String, primary_key=name == "id") for name in DEVICE_FIELDS),
    Index("device_user", "userPrincipalName"),
)
staff = Table(
    "staff", metadata, *(Column(name, String, primary_key=name == "number") for name in STAFF_FIELDS.values())
)


def main(graph: str, staff_file: Path, database: Path, answer: Path) -> None:
    engine = open_database(database)
    with engine.begin() as connection:
        store(connection, device, device_pages(graph))
    with engine.begin() as connection:
        store(connection, staff, staff_pages(staff_file))
    with engine.connect() as connection:
        answer.write_text(json.dumps(coverage(connection)), encoding="utf-8")


def open_database(database: Path) -> Engine:
    engine = create_engine(f"sqlite:///{database}")

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    metadata.create_all(engine)
    return engine


def device_pages(graph: str) -> Iterator[list[dict[str, Any]]]:
    """All managed devices, a page at a time."""
    session = requests.Session()
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
        "scope": f"{graph}/.default",
    }
    signed_in = session.post(f"{graph}/{TENANT}/oauth2/v2.0/token", data=form, timeout=30)
    signed_in.raise_for_status()
    session.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
    url = f"{graph}/v1.0/deviceManagement/managedDevices?$select={','.join(DEVICE_FIELDS)}&$top={PAGE_SIZE}"
    while url:
        response = session.get(url, timeout=30)
        response.raise_for_status()
        page = response.json()
        yield [{name: row[name] for name in DEVICE_FIELDS} for row in page["value"]]
        url = page.get("@odata.nextLink")


def staff_pages(file: Path) -> Iterator[list[dict[str, Any]]]:
    """All rows of the staff file, as many at a time as a page of devices."""
    with file.open(encoding="cp1252", newline="") as text:
        rows = (
            {name: row[header] for header, name in STAFF_FIELDS.items()} for row in csv.DictReader(text, delimiter=";")
        )
        while page := list(islice(rows, PAGE_SIZE)):
            yield page


def store(connection: Connection, table: Table, pages: Iterable[list[dict[str, Any]]]) -> None:
    """Write all rows, and delete those that are no longer there."""
    key = table.primary_key.columns[0]
    statement = insert(table)
    statement = statement.on_conflict_do_update(
        index_elements=[key],
        set_={column.name: statement.excluded[column.name] for column in table.c if column is not key},
    )
    seen = set[str]()
    for page in pages:
        connection.execute(statement, page)
        seen.update(row[key.name] for row in page)
    vanished = [name for name in connection.scalars(select(key)) if name not in seen]
    for start in range(0, len(vanished), PAGE_SIZE):
        connection.execute(table.delete().where(key.in_(vanished[start : start + PAGE_SIZE])))


def coverage(connection: Connection) -> dict[str, tuple[int, int]]:
    """Per unit: permanent employees, and those of them who hold a computer or tablet that works."""
    fresh = (datetime.now(UTC) - STALE_AFTER).strftime("%Y-%m-%dT%H:%M:%SZ")
    holds_one = (
        select(device.c.id)
        .where(device.c.userPrincipalName == staff.c.login)
        .where(device.c.managementState == "managed", device.c.operatingSystem != "iOS")
        .where(device.c.lastSyncDateTime >= fresh)
        .exists()
    )
    statement = (
        select(staff.c.unit, func.count(), func.count().filter(holds_one))
        .where(staff.c.form == "Tillsvidare")
        .group_by(staff.c.unit)
    )
    return {unit: (expected, covered) for unit, expected, covered in connection.execute(statement)}


if __name__ == "__main__":
    main(sys.argv[1], *(Path(argument) for argument in sys.argv[2:5]))
