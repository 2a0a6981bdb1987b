"""The index of a list chooses and sorts as a plain reading of all rows does."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.model import Text
from fleetsync.expose.bounded_cache import BoundedCache
from fleetsync.expose.gate import view_for
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListContext, ListDefinition, ListFilter
from fleetsync.expose.lists.names import same_text
from fleetsync.expose.lists.row_index import KEPT_ORDERS, SMALL_SHARE, RowIndex, collation_key
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.scope import FULL_SCOPE
from tests.expose import example_page as e

FORMS = {"a": Text("öppen", "open"), "b": Text("ängen", "zoo"), "c": Text("zoo", "meadow")}


@dataclass(frozen=True)
class Row:
    """A row of an invented list."""

    number: int | None
    name: str | None
    forms: tuple[str, ...]
    seen: datetime | None


ROWS = st.lists(
    st.builds(
        Row,
        number=st.none() | st.integers(0, 5),
        name=st.none() | st.sampled_from(["", "Åsa", "asp", "Ö", "zon", "Ärla", "Alm"]),
        forms=st.sets(st.sampled_from(sorted(FORMS))).map(lambda forms: tuple(sorted(forms))),
        seen=st.none() | st.integers(0, 3).map(lambda days: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=days)),
    ),
    max_size=60,
)
COLUMNS: tuple[ListColumn[Row], ...] = (
    ListColumn("number", same_text("n"), CellKind.COUNT, lambda row, _: row.number, is_nullable=True),
    ListColumn("name", same_text("n"), CellKind.TEXT, lambda row, _: row.name, is_nullable=True),
    ListColumn("form", same_text("f"), CellKind.WORD, lambda row, _: next(iter(row.forms), None), words=FORMS),
    ListColumn("seen", same_text("s"), CellKind.INSTANT, lambda row, _: row.seen, is_nullable=True),
)
FILTERS: tuple[ListFilter[Row], ...] = (
    ListFilter("form", same_text("f"), lambda row, _: row.forms, lambda value, _: FORMS[value], FORMS),
    ListFilter("number", same_text("n"), lambda row, _: (str(row.number),), lambda value, _: same_text(value)),
)


def list_of(rows, sort=""):
    """An index over *rows*."""
    definition = ListDefinition("invented", same_text("x"), "", COLUMNS, lambda _: rows, FILTERS, sort)
    lookup = Lookup(view_for(e.empty_snapshot(), FULL_SCOPE))
    return RowIndex(definition, ListContext(scope=FULL_SCOPE, today=e.TODAY, open_lookup=lambda: lookup))


def plainly_selected(rows, chosen, sort, language):
    """The same by the definition of order: stable, without a value last."""
    for key, values in (("form", lambda row: row.forms), ("number", lambda row: (str(row.number),))):
        if wanted := chosen.get(key, ""):
            rows = [row for row in rows if wanted in values(row)]
    key = sort.removeprefix("-")

    def shown(row):
        value = {"number": row.number, "name": row.name or None, "seen": row.seen,
                 "form": FORMS[row.forms[0]].in_language(language) if row.forms else None}[key]  # fmt: skip
        return collation_key(value) if isinstance(value, str) else value

    if not key:
        return list(rows)
    known = [row for row in rows if shown(row) is not None]
    return sorted(known, key=shown, reverse=sort.startswith("-")) + [row for row in rows if shown(row) is None]


@given(
    ROWS,
    st.fixed_dictionaries(
        {}, optional={"form": st.sampled_from(["", "a", "b", "x"]), "number": st.sampled_from("0123")}
    ),
    st.lists(
        st.sampled_from(["", *(sign + column.key for column in COLUMNS for sign in ("", "-"))]), min_size=1, max_size=4
    ),
    st.sampled_from(["sv", "en"]),
)
def test_rows_are_chosen_and_sorted_as_a_plain_reading_does(rows, chosen, sorts, language):
    index = list_of(rows)
    for sort in sorts:
        selection = index.select(chosen, sort, language)
        expected = plainly_selected(rows, chosen, sort, language)

        assert list(selection) == expected
        assert len(selection) == len(expected)
        assert selection[1:3] == expected[1:3]


@given(ROWS)
def test_each_choice_of_a_filter_says_how_many_rows_it_keeps(rows):
    index = list_of(rows)
    for list_filter, values in zip(FILTERS, (lambda row: row.forms, lambda row: (str(row.number),)), strict=True):
        choices = {value: count for value, _, count in index.choices(list_filter, "sv")}
        assert choices == {
            value: sum(value in values(row) for row in rows) for value in {v for row in rows for v in values(row)}
        }
        assert all(len(index.select({list_filter.key: value}, "", "sv")) == count for value, count in choices.items())


def test_choices_are_sorted_by_their_names_as_swedish_does():
    rows = [Row(None, None, tuple(FORMS), None)]

    assert [name for _, name, _ in list_of(rows).choices(FILTERS[0], "sv")] == ["zoo", "ängen", "öppen"]
    assert [name for _, name, _ in list_of(rows).choices(FILTERS[0], "en")] == ["meadow", "open", "zoo"]


class CountingRows(list):  # type: ignore[type-arg]
    """Rows that count how often one is read."""

    reads = 0

    def __getitem__(self, place):
        self.reads += 1
        return super().__getitem__(place)


def test_an_order_is_made_once_and_a_small_choice_is_sorted_by_itself():
    rows = CountingRows(Row(number % 40, None, ("a",) if number % 40 else ("b",), None) for number in range(400))
    index = list_of(rows)
    index.select({}, "-number", "sv")
    assert rows.reads == 400
    index.select({}, "-number", "sv")
    index.select({"form": "a"}, "-number", "sv")
    assert rows.reads == 400  # the kept order, and of it those that are chosen

    small = index.select({"form": "b"}, "name", "sv")
    assert len(small) * SMALL_SHARE <= len(rows)
    assert rows.reads == 400 + 10


def test_few_orders_are_kept():
    rows = CountingRows([Row(1, "Alm", (), None), Row(2, "Ek", (), None)])
    index = list_of(rows)
    orders = [
        (f"{sign}{column.key}", language) for column in COLUMNS for sign in ("", "-") for language in ("sv", "en")
    ]
    for sort, language in orders[: KEPT_ORDERS + 1]:
        index.select({}, sort, language)
    reads = rows.reads

    index.select({}, *orders[KEPT_ORDERS])
    assert rows.reads == reads
    index.select({}, *orders[0])
    assert rows.reads == reads + len(rows)


@pytest.mark.parametrize(
    ("rows", "expected"), [([], False), ([Row(None, None, (), None)], False), ([Row(0, None, (), None)], True)]
)
def test_whether_any_row_has_a_value_in_a_column(rows, expected):
    index = list_of(rows)

    assert index.has_values(COLUMNS[0]) is expected
    assert index.has_values(COLUMNS[0]) is expected


# --- the cache --------------------------------------------------------------------------------------------------------


def test_a_cache_forgets_what_was_asked_for_longest_ago():
    computed: list[str] = []
    cache: BoundedCache[str, str] = BoundedCache(2)

    def ask(key: str) -> str:
        def compute() -> str:
            computed.append(key)
            return key.upper()

        return cache.get(key, compute)

    assert [ask(key) for key in "abacab"] == list("ABACAB")
    assert "".join(computed) == "abcb"
