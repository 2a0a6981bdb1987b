"""What the store refuses is told in both languages, and a full disk is never told as a decision that came too late."""

import pytest

from fleetsync.daemon.store_refusals import decision_error
from fleetsync.store.errors import DatabaseLocked, DiskFull, PartBusy, PullNotHeld, StoreError, StoreUnavailable

REFUSED = "Avvikelsen är inte parkerad längre."


@pytest.mark.parametrize(
    ("error", "swedish"),
    [
        (StoreError("no_device:p1 is not parked"), REFUSED),
        (DiskFull("the disk is full"), "Disken är full"),
        (DatabaseLocked("locked"), "håller databasen låst"),
        (StoreUnavailable("input/output error"), "Databasen går inte att läsa eller skriva"),
        (PartBusy("jamf/devices is being pulled"), "hämtas eller beslutas just nu"),
        (PullNotHeld("pull 3 does not wait for a decision", 4), "väntar inte på ett beslut längre"),
    ],
)
def test_each_refusal_says_in_swedish_what_it_says_in_english(error: StoreError, swedish: str) -> None:
    refusal = decision_error(error, REFUSED)

    assert swedish in refusal.text.sv
    assert refusal.text.en == str(refusal) == str(error)
