"""Reads the overrides file, in which people decide to whom a serial or a log-in belongs, and until when.

Columns: `serial` or `login`, `person` (a log-in, or NAMESPACE:NUMBER), `until` (empty: without end). An override outranks
all matching, so a single unreadable row refuses the whole file: half of the decisions would be another decision.
"""

from collections.abc import Mapping
from pathlib import Path
from threading import Event

from fleetsync.clock import Clock
from fleetsync.core.identity import canonical_key, canonical_serial
from fleetsync.core.model import Key, Override, Policy, Scheme
from fleetsync.pull.contract import RecordError, SourceRefused
from fleetsync.pull.files import FileColumn, FileFormat, StableFiles, TableRow

COLUMNS = (
    FileColumn("serial", aliases=("serienummer", "serial number")),
    FileColumn("login", aliases=("inloggning", "användarnamn", "konto")),
    FileColumn("person", aliases=("person", "innehavare", "holder"), required=True),
    FileColumn("until", aliases=("till", "t.o.m", "tom", "slutdatum"), kind="day"),
)


def read_overrides(file: Path, policy: Policy, clock: Clock) -> tuple[Override, ...]:
    """All lines of *file*. Raises SourceRefused, SourceUnavailable with the row's number and never its words."""
    overrides: list[Override] = []
    for opened in StableFiles(
        file, COLUMNS, form=FileFormat(), source="[identity] overrides_file", clock=clock, stop=Event(), known={}
    ):
        for row in opened.rows():
            try:
                overrides.append(_override(row, policy))
            except RecordError as error:
                raise SourceRefused(
                    f"{file}: row {row.number}: {error}. Correct the row; none of the file is used"
                ) from None
    return tuple(overrides)


def _override(row: TableRow, policy: Policy) -> Override:
    serial, login, person = row.text("serial"), row.text("login"), row.text("person")
    if bool(serial) == bool(login) or person is None:
        raise RecordError("a row needs a person, and either a serial or a login")
    canonical = canonical_serial(serial, None, None, policy.reference.serials)[0] if serial else None
    if serial and canonical is None:
        raise RecordError("the serial is no serial of a device")
    return Override(
        serial=canonical,
        login=_key(login, policy.domain_aliases) if login else None,
        person=_key(person, policy.domain_aliases),
        until=row.day("until"),
    )


def _key(text: str, aliases: Mapping[str, str]) -> Key:
    r"""NAMESPACE:NUMBER, DOMAIN\account, or an address."""
    if "@" in text:
        raw = Key(Scheme.ADDRESS, "", text)
    elif "\\" in text:
        raw = Key(Scheme.ACCOUNT, "", text)
    else:
        namespace, _, number = text.partition(":")
        raw = Key(Scheme.NUMBER, namespace, number)
    key = canonical_key(raw, aliases)
    if key is None:
        raise RecordError("a person is an address, DOMAIN\\account, or NAMESPACE:NUMBER")
    return key
