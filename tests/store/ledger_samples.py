"""Samples for the tests of the store: a ledger in a file, a clock that is set by hand, pulls and outcomes in one call."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, inspect

from fleetsync.clock import ManualClock
from fleetsync.core.model import (
    RECORD_TYPES,
    Assignment,
    BelievedRecord,
    CoverageDay,
    CoveredBy,
    Device,
    DeviceCase,
    DeviceRecord,
    DeviceState,
    Episode,
    Key,
    Login,
    MembershipRecord,
    MembershipType,
    Moment,
    Outcome,
    OwedDevices,
    PartRole,
    PartState,
    Person,
    PersonCase,
    PersonRecord,
    PersonState,
    Placement,
    PulledScope,
    PullEffect,
    PullLimits,
    Record,
    RecordType,
    RowChange,
    Scheme,
    Stage,
    StagedRow,
    Subject,
    Text,
)
from fleetsync.core.privacy import tokenise_key
from fleetsync.store.content import Content, content_of
from fleetsync.store.database import Database, open_database
from fleetsync.store.ledger import Ledger, RecordingResult, open_ledger

SECRET = b"a key that lies outside of the database"
MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
REASON = Text("därför", "because")


def ledger_at(file: Path, clock: ManualClock | None = None) -> Ledger:
    return open_ledger(url_of(file), clock or ManualClock(MONDAY), secret_key=SECRET)


def url_of(file: Path) -> str:
    """The URL of the database that *file* is, or that it names."""
    return file.read_text() if is_server(file) else f"sqlite:///{file}"


def is_server(file: Path) -> bool:
    """Whether *file* only names a database of a server."""
    return file.exists() and file.read_bytes().startswith(b"postgresql")


def database_at(file: Path) -> Database:
    """The database in *file* as it is: not migrated."""
    return open_database(url_of(file))


def address(value: str) -> Key:
    return Key(Scheme.ADDRESS, "", value)


def token_of(key: Key) -> str:
    return tokenise_key(SECRET, key).value


def device(source_id: str, login: str | None = None, **fields: object) -> DeviceRecord:
    keys = () if login is None else (address(login),)
    return DeviceRecord(source_id=source_id, serial=f"SERIAL{source_id}", keys=keys, **fields)  # type: ignore[arg-type]


def person(source_id: str, *logins: str, **fields: object) -> PersonRecord:
    return PersonRecord(source_id=source_id, keys=tuple(map(address, logins)), **fields)  # type: ignore[arg-type]


def membership(source_id: str, person: str, **fields: object) -> MembershipRecord:
    return MembershipRecord(
        source_id=source_id,
        person=person,
        membership=MembershipType.ENROLMENT,
        **fields,  # type: ignore[arg-type]
    )


def row_to_put(record: Record, fingerprint: int = 1, **fields: object) -> StagedRow:
    kind = RECORD_TYPES[type(record)]
    return StagedRow(
        change=RowChange.PUT,
        type=kind,
        source_id=record.source_id,
        record=record,
        fingerprint=fingerprint,
        **fields,  # type: ignore[arg-type]
    )


def row_of_change(change: RowChange, record: Record, **fields: object) -> StagedRow:
    kind = RECORD_TYPES[type(record)]
    return StagedRow(change=change, type=kind, source_id=record.source_id, **fields)  # type: ignore[arg-type]


def stage_pull(
    ledger: Ledger,
    rows: Sequence[StagedRow],
    *,
    at: datetime = MONDAY,
    source: str = "jamf",
    part: str = "devices",
    scopes: Iterable[PulledScope] | None = None,
    **fields: object,
) -> PullEffect:
    """A pull that is read whole and waits for its judgement."""
    pull = ledger.begin_pull(source, part, at)
    ledger.stage_rows(pull, rows)
    read = (PulledScope(as_of=at.date()),) if scopes is None else tuple(scopes)
    ledger.finish_pull(
        PullEffect(
            pull=pull,
            source=source,
            part=part,
            started_at=at,
            scopes=read,
            rows=(),
            seen=len(rows),
            **fields,  # type: ignore[arg-type]
        )
    )
    return ledger.effect(pull)


def stage_and_apply(ledger: Ledger, rows: Sequence[StagedRow], **where: object) -> PullEffect:
    effect = stage_pull(ledger, rows, **where)  # type: ignore[arg-type]
    ledger.apply(effect, PullLimits())
    return effect


def part_state(source: str = "jamf", part: str = "devices") -> PartState:
    return PartState(source=source, part=part, role=PartRole.MDM, types=(RecordType.DEVICE,))


def believed_records(ledger: Ledger) -> tuple[BelievedRecord, ...]:
    return tuple(ledger.believed(()).known)


def part_of(ledger: Ledger, source: str = "jamf", part: str = "devices") -> PartState:
    return ledger.believed((part_state(source, part),)).parts[0]


# --- outcomes -----------------------------------------------------------------------------------------------------------


def outcome(at: datetime = MONDAY, **results: object) -> Outcome:
    return Outcome(moment=Moment(at, at.date()), **results)  # type: ignore[arg-type]


def record_outcome(ledger: Ledger, recorded: Outcome, **more: object) -> RecordingResult:
    """Record an outcome as one that was reconciled from what is believed now."""
    return ledger.record(recorded, ledger.believed(()), **more)  # type: ignore[arg-type]


def device_case(device_id: str, records: tuple[BelievedRecord, ...] = (), **device_state: object) -> DeviceCase:
    return DeviceCase(
        device=Device(id=device_id, records=records, first_seen=MONDAY, serial="SERIAL" + device_id),
        placement=Placement(device=device_id, unit="vretaskolan"),
        device_state=DeviceState(
            device=device_id, stage=Stage.IN_USE, since=MONDAY, works=True, works_reason=REASON, evaluated_until=TODAY
        ),
    )


def person_case(
    person_id: str, records: tuple[BelievedRecord, ...] = (), memberships: tuple[BelievedRecord, ...] = ()
) -> PersonCase:
    return PersonCase(
        person=Person(id=person_id, records=records, memberships=memberships, first_seen=MONDAY),
        person_state=PersonState(person=person_id, unit="vretaskolan", groups=("5B",)),
    )


def owed(person: str, **fields: object) -> OwedDevices:
    values = {
        "entitlement": "pupils",
        "subject": Subject.PERSON,
        "subject_id": person,
        "unit": "vretaskolan",
        "groups": ("5B",),
        "count": 1,
        "reason": REASON,
    }
    return OwedDevices(**(values | fields))  # type: ignore[arg-type]


def assignment(device: str, person: str, **fields: object) -> Assignment:
    values = {
        "device": device,
        "by": CoveredBy.OWN,
        "entitlement": "pupils",
        "subject_id": person,
        "unit": "vretaskolan",
        "works": True,
        "reason": REASON,
    }
    return Assignment(**(values | fields))  # type: ignore[arg-type]


def episode(kind: str, subject_id: str, opened_at: datetime = MONDAY, **fields: object) -> Episode:
    values = {"subject": Subject.PERSON, "unit": "vretaskolan", "reason": REASON}
    return Episode(kind=kind, subject_id=subject_id, opened_at=opened_at, **(values | fields))  # type: ignore[arg-type]


def coverage(day: date = TODAY, unit: str = "vretaskolan", **numbers: int) -> CoverageDay:
    return CoverageDay(day=day, unit=unit, entitlement="pupils", **({"entitled": 24} | numbers))


def login(value: str, person: str) -> Login:
    return Login(address(value), person, MONDAY)


def a_whole_outcome(at: datetime = MONDAY, known: tuple[BelievedRecord, ...] = ()) -> Outcome:
    """An outcome with something for every table."""
    people = tuple(entry for entry in known if entry.type is RecordType.PERSON)
    memberships = tuple(entry for entry in known if entry.type is RecordType.MEMBERSHIP)
    devices = tuple(entry for entry in known if entry.type is RecordType.DEVICE)
    return outcome(
        at,
        people=(person_case("p1", people, memberships),),
        devices=(device_case("d1", devices),),
        owed=(owed("p1"),),
        assignments=(assignment("d1", "p1"),),
        coverage=(coverage(at.date(), entitled=1, covered_own=1, assigned_own=1),),
        episodes=(episode("no_device", "p2", MONDAY), episode("stale", "d2", MONDAY, subject=Subject.DEVICE)),
        logins=(login("anna.ek@exempelby.se", "p1"),),
        resolved_ids=tuple(
            (entry, "d1" if entry.type is RecordType.DEVICE else "p1")
            for entry in (*people, *memberships, *devices)
            if entry.thing_id is None
        ),
        policy_fingerprint="policy-1",
    )


# --- the file -----------------------------------------------------------------------------------------------------------


def dump(file: Path, *without: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but those named, as the database keeps it."""
    database = database_at(file)
    try:
        with database.begin_reading() as connection:
            names = [name for name in sorted(inspect(connection).get_table_names()) if name not in without]
            return {name: sorted(_stored_rows(connection, name), key=repr) for name in names}
    finally:
        database.close()


def _stored_rows(connection: Connection, name: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')]


def content_at(file: Path) -> Content:
    """What the database holds, in a form that does not depend on its kind."""
    database = database_at(file)
    try:
        with database.begin_reading() as connection:
            return content_of(connection)
    finally:
        database.close()


def bytes_of(file: Path) -> bytes:
    """All bytes on the disk of a database: file, journal, and the journal's index. Of a server, all that can be read."""
    if is_server(file):
        return repr(dump(file)).encode()
    return b"".join(part.read_bytes() for part in sorted(file.parent.glob(file.name + "*")) if part.is_file())
