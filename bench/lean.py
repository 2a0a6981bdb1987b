"""The leanest program of our own for the job: what a sync must cost at least.

    python bench/lean.py GRAPH_ADDRESS STAFF_FILE DATABASE ANSWER

Only the kept fields are decoded, into structs. A digest of them decides whether a row is written; the last contact is
compared apart, because it moves on most devices while nothing else does. Like the Core script it keeps no history and
judges nothing, so no program that does will be as quick.
"""

import csv
import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import urllib3

TENANT = "5e1ec7ed-0000-4000-8000-00000000e01b"
CLIENT = "c11e0700-0000-4000-8000-000000000001"
CLIENT_SECRET = "Exempelby-hemlighet-1"
PAGE_SIZE = 1000
STALE_AFTER = timedelta(days=21)

STAFF_COLUMNS = (
    "Anställningsnummer", "Användarnamn", "Kostnadsställe", "Enhet", "Anställningsform", "Anst.from", "Anst.tom",
    "Sysselsättningsgrad",
)  # fmt: skip
SCHEMA = """
create table if not exists device (
    id text primary key, digest blob, contact text, user text, system text, state text, name text, serial text,
    user_id text, mail text, version text, maker text, model text, enrolled text, compliance text, agent text,
    owner text, enrolment text, category text, encrypted integer
) without rowid;
create table if not exists staff (
    number text primary key, digest blob, login text, cost_centre text, unit text, form text, first_day text,
    last_day text, percent text
) without rowid;
"""
INDEX = "create index if not exists device_user on device (user, contact, state, system)"
COVERAGE = """
select unit, count(*), sum(exists (
    select 1 from device where user = login and contact >= ? and state = 'managed' and system != 'iOS'))
from staff where form = 'Tillsvidare' group by unit
"""


class Device(msgspec.Struct, rename="camel"):
    """The fields that are kept."""

    id: str
    last_sync_date_time: str
    user_principal_name: str | None
    operating_system: str | None
    management_state: str | None
    device_name: str | None
    serial_number: str | None
    user_id: str | None
    email_address: str | None
    os_version: str | None
    manufacturer: str | None
    model: str | None
    enrolled_date_time: str | None
    compliance_state: str | None
    management_agent: str | None
    managed_device_owner_type: str | None
    device_enrollment_type: str | None
    device_category_display_name: str | None
    is_encrypted: bool | None


class Page(msgspec.Struct):
    """A page of devices."""

    value: list[Device]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")


class Token(msgspec.Struct):
    """The answer of the sign-in."""

    access_token: str


def main(graph: str, staff_file: Path, database: Path, answer: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.executescript(SCHEMA)
        with connection:
            store_devices(connection, devices(graph))
        with connection:
            store_staff(connection, staff(staff_file))
        connection.execute(INDEX)  # after a first load, because to sort once is quicker than to insert in order
        fresh = (datetime.now(UTC) - STALE_AFTER).strftime("%Y-%m-%dT%H:%M:%SZ")
        units = {unit: counts for unit, *counts in connection.execute(COVERAGE, (fresh,))}
    answer.write_text(json.dumps(units), encoding="utf-8")


def devices(graph: str) -> Iterator[Device]:
    pool = urllib3.PoolManager()
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
        "scope": f"{graph}/.default",
    }
    form_headers = {"Content-Type": "application/x-www-form-urlencoded"}
    signed_in = pool.request("POST", f"{graph}/{TENANT}/oauth2/v2.0/token", body=urlencode(form), headers=form_headers)
    token = msgspec.json.decode(signed_in.data, type=Token).access_token
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    decoder = msgspec.json.Decoder(Page)
    url: str | None = f"{graph}/v1.0/deviceManagement/managedDevices?$top={PAGE_SIZE}"
    while url:
        page = decoder.decode(pool.request("GET", url, headers=headers).data)
        yield from page.value
        url = page.next_link


def store_devices(connection: sqlite3.Connection, shown: Iterable[Device]) -> None:
    known = {
        name: (digest, contact)
        for name, digest, contact in connection.execute("select id, digest, contact from device")
    }
    changed, moved = list[tuple[Any, ...]](), list[tuple[str, str]]()
    for device in shown:
        name, contact, *fields = msgspec.structs.astuple(device)
        digest = digest_of(fields)
        before = known.pop(name, None)
        if before is None or before[0] != digest:
            changed.append((name, digest, contact, *fields))
        elif before[1] != contact:
            moved.append((contact, name))
    changed.sort()  # by id, the order of the table: each of its pages is then written once
    connection.executemany(f"insert or replace into device values ({', '.join('?' * 20)})", changed)
    connection.executemany("update device set contact = ? where id = ?", moved)
    connection.executemany("delete from device where id = ?", ((name,) for name in known))


def staff(file: Path) -> Iterator[list[str]]:
    with file.open(encoding="cp1252", newline="") as text:
        rows = csv.reader(text, delimiter=";")
        header = next(rows)
        places = [header.index(column) for column in STAFF_COLUMNS]
        for row in rows:
            yield [row[place] for place in places]


def store_staff(connection: sqlite3.Connection, shown: Iterable[list[str]]) -> None:
    known = dict(connection.execute("select number, digest from staff"))
    changed = list[Sequence[object]]()
    for number, *fields in shown:
        digest = digest_of(fields)
        if known.pop(number, None) != digest:
            changed.append((number, digest, *fields))
    connection.executemany(f"insert or replace into staff values ({', '.join('?' * 9)})", changed)
    connection.executemany("delete from staff where number = ?", ((number,) for number in known))


def digest_of(fields: Sequence[object]) -> bytes:
    return blake2b(msgspec.msgpack.encode(fields), digest_size=8).digest()


if __name__ == "__main__":
    main(sys.argv[1], *(Path(argument) for argument in sys.argv[2:5]))
