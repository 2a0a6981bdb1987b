"""A part that its system does not have, and that is not needed, is no failure."""

from datetime import UTC, date, datetime

import pytest

from fleetsync.core.model import NOT_THERE, PartRole, PartState, RecordType
from fleetsync.expose.lookup import freshness, is_failing, is_overdue

TODAY = date(2026, 11, 24)


def part(reason: str, as_of: date | None = None) -> PartState:
    return PartState(
        source="register",
        part="children",
        role=PartRole.ROSTER,
        types=(RecordType.PERSON,),
        last_attempt_at=datetime(2026, 11, 24, 5, tzinfo=UTC),
        reason=reason,
        as_of=as_of,
    )


def test_a_part_that_is_not_there_is_neither_failing_nor_overdue() -> None:
    state = part(f"{NOT_THERE}register does not have this part (404)")

    assert state.is_not_there
    assert (freshness(state, TODAY), is_failing(state), is_overdue(state, TODAY)) == ("missing", False, False)


@pytest.mark.parametrize(("reason", "as_of"), [("is down", None), (f"{NOT_THERE}now", date(2026, 11, 1))])
def test_a_part_that_fails_or_was_read_before_is_not_called_not_there(reason: str, as_of: date | None) -> None:
    assert not part(reason, as_of).is_not_there
    assert is_failing(part(reason, as_of))
