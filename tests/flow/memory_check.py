"""Compares what a process remembers with what the database says, whenever it asks what is believed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from fleetsync.core.model import BelievedState, PartState
from fleetsync.store.ledger import Ledger
from fleetsync.sync.belief_memory import BeliefMemory

UNORDERED_FIELDS = ("known", "logins", "episodes", "assignments")


def differing_fields(remembered: BelievedState, stored: BelievedState) -> dict[str, tuple[Any, Any]]:
    """The fields that differ, each with what only one of the two has. The order of a field's values means nothing."""
    fields = {name: (getattr(remembered, name), getattr(stored, name)) for name in BelievedState.__struct_fields__}
    unequal = {name: (_in_order(name, ours), _in_order(name, theirs)) for name, (ours, theirs) in fields.items()}
    return {
        name: (_without(ours, theirs), _without(theirs, ours))
        for name, (ours, theirs) in unequal.items()
        if ours != theirs
    }


def _in_order(name: str, values: Any) -> Any:
    if name in UNORDERED_FIELDS:
        return sorted(values, key=repr)
    return tuple(values) if isinstance(values, list) else values


def _without(values: Any, others: Any) -> Any:
    return [value for value in values if value not in others][:3] if isinstance(values, list) else values


@contextmanager
def memory_is_checked() -> Iterator[None]:
    """As long as it lasts, an assertion fails wherever a process remembers anything else than the database says."""
    remember = BeliefMemory.read

    def read_and_compare(memory: BeliefMemory, ledger: Ledger, parts: Sequence[PartState]) -> BelievedState:
        remembered = remember(memory, ledger, parts)
        stored = ledger.believed(parts)
        differing = differing_fields(remembered, stored)
        # Somebody may have written between the two.
        if differing and stored.revision == remembered.revision:
            pytest.fail(f"remembered and stored differ: {differing}")
        return remembered

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BeliefMemory, "read", read_and_compare)
        yield


@pytest.fixture(scope="module", autouse=True)
def checked_memory() -> Iterator[None]:
    """For the tests of a module that imports it."""
    with memory_is_checked():
        yield
