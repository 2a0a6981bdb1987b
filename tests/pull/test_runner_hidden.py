"""A hidden person stays hidden in every later pull, of any source and under any of the person's keys."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

from fleetsync.clock import ManualClock
from fleetsync.core.model import (
    DeviceRecord,
    Key,
    PersonRecord,
    Policy,
    PullEffect,
    PullLimits,
    Record,
    Scheme,
    Verdict,
)
from fleetsync.pull.contract import Page
from fleetsync.pull.http import OutboundNetwork
from fleetsync.pull.runner import NormalisationRules, PullRunner
from fleetsync.store.ledger import Ledger
from tests.flow.fake_connector import FakeConnector, pages
from tests.flow.installation import Installation, StaffFileRow, login, serial
from tests.store.ledger_samples import SECRET, address, believed_records, bytes_of, device, person, token_of

ANNA, BO, TINDRA = "anna.ek@exempelby.se", "bo.al@exempelby.se", "tindra.al@exempelby.se"
ACCOUNT = Key(Scheme.ACCOUNT, "exempelby", "aek01")


def read(ledger: Ledger, clock: ManualClock, name: str, connector: FakeConnector) -> PullEffect:
    """Pulled a day later, and believed."""
    clock.set(clock.now() + timedelta(days=1))
    source = connector.source(name)
    rules = NormalisationRules(policy=Policy(), token_secret=SECRET, row_secret=SECRET)
    pulled = PullRunner(ledger, clock, rules, lambda _: OutboundNetwork()).pull(source, source.parts[0], Event())
    assert pulled.verdict is Verdict.COMPLETE, pulled.reason
    effect = ledger.effect(pulled.pull)
    ledger.apply(effect, PullLimits(grace_pulls=1, grace_hours=1))
    return effect


def saying(*records: Record) -> FakeConnector:
    return FakeConnector(pages(records))


def words_on_disk(file: Path, *words: str) -> list[str]:
    there = bytes_of(file)
    return [word for word in words if word.encode() in there]


def is_masked(ledger: Ledger) -> dict[str, bool]:
    return {entry.record.source_id: entry.masked for entry in believed_records(ledger) if entry.type == "device"}


def test_an_erased_person_does_not_come_back_by_the_device(ledger: Ledger, clock: ManualClock, file: Path) -> None:
    ipad = device("7", ANNA, location="Vretaskolan")
    read(ledger, clock, "skola", saying(person("u-1", ANNA), person("u-2", BO)))
    read(ledger, clock, "jamf", saying(ipad, device("9", BO)))
    ledger.erase([token_of(address(ANNA))], clock.now())

    newer = device("7", ANNA, location="Vretaskolan", os_version="28")
    staged = [read(ledger, clock, "jamf", saying(entry, device("9", BO))).rows for entry in (ipad, newer, newer)]

    # The print of a row says that it is masked: so the same device is another row at first, and then is not.
    assert [[(row.source_id, row.masked) for row in rows] for rows in staged] == [[("7", True)], [("7", True)], []]
    assert words_on_disk(file, ANNA, "Vretaskolan", BO) == [BO]
    assert is_masked(ledger) == {"7": True, "9": False}


def test_a_key_that_is_learnt_beside_the_marking_masks_the_device_of_a_third_source(
    ledger: Ledger, clock: ManualClock, file: Path
) -> None:
    def beside(_: Any) -> Iterator[Page]:
        read(ledger, clock, "skola", saying(PersonRecord(source_id="u1", keys=(address(ANNA),), protected=True)))
        yield Page([PersonRecord(source_id="4711", keys=(address(ANNA), ACCOUNT))])

    by_account = DeviceRecord(source_id="8", serial="SERIAL8", keys=(ACCOUNT,))
    read(ledger, clock, "hr", FakeConnector(beside))
    read(ledger, clock, "jamf", saying(by_account))

    assert is_masked(ledger) == {"8": True}
    assert words_on_disk(file, ANNA, "aek01") == []


def test_a_child_who_left_the_register_is_hidden_in_the_next_list_of_devices(
    ledger: Ledger, clock: ManualClock, file: Path
) -> None:
    child = PersonRecord(source_id="b-1", keys=(address(TINDRA),), child=True)
    other = person("b-2", BO)
    read(ledger, clock, "skola", saying(child, other))
    for _ in range(3):
        read(ledger, clock, "skola", saying(other))

    read(ledger, clock, "jamf", saying(device("7", TINDRA)))

    assert [entry.gone for entry in believed_records(ledger) if entry.record.source_id == "b-1"] == [True]
    assert words_on_disk(file, TINDRA) == []


class Renamed(StaffFileRow, frozen=True, kw_only=True):
    """An employee with a log-in of their own choice."""

    address: str = ""

    @property
    def login(self) -> str:
        return self.address or login(self.n)


def test_a_person_renamed_before_the_marking_is_hidden_by_the_former_log_in(tmp_path: Path) -> None:
    """The list of devices lags behind: it says the old log-in for days."""
    with Installation(tmp_path) as installation, installation.open() as opened:
        opened.run()
        for mark in ("", "Ja"):
            installation.advance_clock(days=1)
            installation.staff[2] = Renamed(n=3, address="nytt.namn@exempelby.se", mark=mark)
            installation.write_staff(installation.today)
            opened.run()
        installation.advance_clock(days=1)
        opened.run()

        (case,) = (case for case in opened.snapshot.outcome.devices if case.device.serial == serial(3))
        assert (case.device.masked, case.placement.unit) == (True, "unplaced")
        assert words_on_disk(installation.database, login(3), "nytt.namn") == []
