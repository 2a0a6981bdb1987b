"""A row of a page is read by itself: what it can be taken for is taken, and the rest is named without its value."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.model import RecordType
from fleetsync.pull.contract import RejectedRecord, UnreadableFact
from fleetsync.pull.decoding import RowReader, SourceRow, unreadable_fields


class Reference(SourceRow, frozen=True):
    id: str | None = None


class Row(SourceRow, frozen=True, rename="camel"):
    id: str | None = None
    is_on: bool | None = None
    amount: float | None = None
    names: list[str] | None = None
    owner: Reference | None = None
    mark: Any = None


READER = RowReader(Row, essential=("owner",), record_type=RecordType.DEVICE)


def read(**fields: object) -> Row:
    (row,) = READER.read([msgspec.Raw(msgspec.json.encode({"id": "a"} | fields))]).rows
    return row


@pytest.mark.parametrize(
    ("field", "value", "meaning"),
    [
        ("isOn", "false", False),
        ("isOn", "True", True),
        ("isOn", 1, True),
        ("amount", "4.5", 4.5),
        ("names", "x", ["x"]),
        ("names", ["x", None, 7], ["x", "7"]),
        ("owner", "u1", Reference(id="u1")),
        ("mark", {"any": 1}, {"any": 1}),
    ],
)
def test_a_value_whose_meaning_is_clear_is_read(field: str, value: object, meaning: object) -> None:
    assert getattr(read(**{field: value}), {"isOn": "is_on"}.get(field, field)) == meaning


@pytest.mark.parametrize("value", [{}, [], "kanske", {"a": "Anna"}])
def test_a_value_that_cannot_be_read_costs_its_fact_and_is_not_quoted(value: object) -> None:
    result = READER.read([msgspec.Raw(msgspec.json.encode({"id": "a", "isOn": value}))])

    assert [(row.is_on, row.unreadable) for row in result.rows] == [(None, ("isOn",))]
    assert result.facts == [UnreadableFact("isOn", "is of another kind than documented", "a")]


def test_unreadable_fields_within_an_object_are_named_by_their_path() -> None:
    reader = RowReader(Row)
    body = {"id": "a", "isOn": {}, "owner": {"id": ["u1"]}}
    (row,) = reader.read([msgspec.Raw(msgspec.json.encode(body))]).rows

    assert unreadable_fields(row) == ("isOn", "owner.id")


def test_an_essential_field_that_cannot_be_read_makes_the_row_present_and_unreadable() -> None:
    result = READER.read([msgspec.Raw(b'{"id": "a", "owner": 7}')])

    assert result.rows == []
    assert result.rejected == [RejectedRecord("owner is of another kind than documented", "a", "a", RecordType.DEVICE)]


def test_a_text_with_broken_letters_is_no_text_and_costs_no_other() -> None:
    result = READER.read([msgspec.Raw(b'{"id": "a", "names": ["\xe5", "b"], "isOn": true}')])

    assert [(row.names, row.is_on) for row in result.rows] == [(["b"], True)]
    assert [fact.field for fact in result.facts] == ["names[]"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)


@given(
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "isOn", "names", "owner", "mark"), JSON)) | JSON)
)
def test_whatever_rows_hold_each_is_read_or_named(rows: list[Any]) -> None:
    result = READER.read([msgspec.Raw(msgspec.json.encode(row)) for row in rows])
    null_rows = sum(row is None for row in rows)

    assert len(result.rows) + len(result.rejected) + null_rows == len(rows)
