"""The list definitions: machine values that join, shown values for people, and a description of the API made from them."""

import ast
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import jsonschema
import pytest

from fleetsync import expose
from fleetsync.core.measures import MEASURES
from fleetsync.core.model import Text
from fleetsync.expose import lists
from fleetsync.expose.gate import view_for
from fleetsync.expose.lists import API_LISTS, COMMAND_LISTS, NUMBERS, ListContext
from fleetsync.expose.lists.definitions import CellKind
from fleetsync.expose.lists.json_rows import json_rows
from fleetsync.expose.lists.openapi import openapi_document
from fleetsync.expose.lists.row_index import RowIndex
from fleetsync.expose.lookup import Lookup
from fleetsync.expose.scope import FULL_SCOPE
from tests.expose import example_page as e
from tests.expose.page_client import signed_in_client

ALL_LISTS = {**COMMAND_LISTS, "numbers": NUMBERS}
CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER


@pytest.fixture(scope="module")
def context() -> ListContext:
    lookup = Lookup(view_for(e.example_snapshot(4), FULL_SCOPE))
    return ListContext(scope=FULL_SCOPE, today=e.TODAY, open_lookup=lambda: lookup, open_parts=e.parts)


def api_rows(path):
    return signed_in_client()[1].get(f"/api/v1/{path}").get_json()["rows"]


# --- machine values ---------------------------------------------------------------------------------------------------


def test_two_lists_are_joined_by_id():
    devices = {row["device_id"]: row for row in api_rows("devices")}
    assignments = api_rows("assignments")
    own = [row for row in assignments if row["subject"] == "person"]

    assert assignments
    assert {row["device_id"] for row in assignments} <= set(devices)
    assert own
    assert all(devices[row["device_id"]]["holder_id"] == row["subject_id"] for row in own)
    assert all(devices[row["device_id"]]["works"] == row["works"] for row in assignments)
    coverage = {(row["unit"], row["entitlement"]): row for row in api_rows("coverage")}
    assert {(row["unit"], row["entitlement"]) for row in assignments} <= set(coverage)


def test_the_rows_behind_a_number_name_their_subject_by_id():
    rows = api_rows("numbers/not_working?entitlement=staff")
    devices = {row["device_id"] for row in api_rows("devices")}

    assert rows
    assert all(row["subject"] == "person" and row["subject_id"] for row in rows)
    assert all(set(row["device_ids"]) <= devices for row in rows)


def test_a_person_is_joined_by_the_commands_list_too(context):
    people = {
        row["person_id"] for row in json_rows(COMMAND_LISTS["people"], COMMAND_LISTS["people"].rows(context), context)
    }
    owners = {row["subject_id"] for row in api_rows("assignments") if row["subject"] == "person"}

    assert owners
    assert owners <= people


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_row_of_the_api_is_the_same_in_every_language(language):
    client = signed_in_client()[1]
    for definition in API_LISTS:
        plain = client.get(f"/api/v1/{definition.name}").get_json()["rows"]
        translated = client.get(f"/api/v1/{definition.name}?lang={language}").get_json()["rows"]
        client.delete_cookie("lang")
        assert sorted(map(str, plain)) == sorted(map(str, translated))


KIND_TYPES = {
    CellKind.TEXT: str, CellKind.ID: str, CellKind.IDS: tuple | list, CellKind.WORD: str, CellKind.WORDS: tuple | list,
    CellKind.COUNT: int, CellKind.NUMBER: int | float, CellKind.RATIO: int | float, CellKind.FLAG: bool,
    CellKind.DAY: date, CellKind.INSTANT: datetime, CellKind.SENTENCE: Text,
}  # fmt: skip


@pytest.mark.parametrize("name", COMMAND_LISTS)
def test_every_cell_is_of_its_kind_and_every_value_of_an_enumeration_has_a_name(context, name):
    definition = COMMAND_LISTS[name]
    rows = definition.rows(context)
    assert rows
    for column in definition.columns:
        values = [column.value(row, context) for row in rows]
        known = [value for value in values if value is not None]
        assert column.is_nullable or len(known) == len(values), column.key
        assert all(isinstance(value, KIND_TYPES[column.kind]) for value in known), column.key
        if column.words is not None:
            values_of_cells = [(value,) if isinstance(value, str) else value for value in known]
            single = [value for cell in values_of_cells if isinstance(cell, tuple | list) for value in cell]
            assert set(single) <= set(map(str, column.words)), column.key


@pytest.mark.parametrize("definition", ALL_LISTS.values(), ids=ALL_LISTS)
def test_keys_are_unique_and_titles_are_in_both_languages(definition):
    keys = [column.key for column in definition.columns]

    assert len(keys) == len(set(keys))
    assert definition.sort.removeprefix("-") in {"", *keys}
    for text in (definition.title, definition.empty_text, *(column.title for column in definition.columns)):
        assert text.sv
        assert text.en


@pytest.mark.parametrize("name", COMMAND_LISTS)
def test_every_choice_of_a_filter_keeps_as_many_rows_as_it_says(context, name):
    definition = COMMAND_LISTS[name]
    index = RowIndex(definition, context)
    for list_filter in definition.filters:
        for value, title, count in index.choices(list_filter, "sv"):
            assert title
            kept = [row for row in index.rows if value in list_filter.values(row, context)]
            assert list(index.select({list_filter.key: value}, "", "sv")) == [
                row for row in index.select({}, "", "sv") if any(row is other for other in kept)
            ]
            assert len(kept) == count


# --- the description of the API ---------------------------------------------------------------------------------------


def test_the_served_description_is_made_from_the_definitions():
    served = signed_in_client()[1].get("/api/v1/openapi.json").get_json()

    assert served == openapi_document()
    for definition in (*API_LISTS, NUMBERS):
        schema = served["components"]["schemas"][definition.name.capitalize()]["properties"]["rows"]["items"]
        assert set(schema["properties"]) == {column.key for column in definition.columns}
        assert set(schema["required"]) == {column.key for column in definition.columns if not column.needs}


@pytest.mark.parametrize("path", [definition.name for definition in API_LISTS] + [m.name for m in MEASURES])
@pytest.mark.parametrize("day", ["", "2026-11-14"])
def test_every_row_of_the_api_is_as_described(path, day):
    is_number = path.startswith("fleetsync_")
    answer = signed_in_client()[1].get(f"/api/v1/{'numbers/' if is_number else ''}{path}?as_of={day}")
    if is_number and day and answer.status_code == 404:
        return  # a number that is not kept for past days
    document = openapi_document()
    schema = document["components"]["schemas"]["Numbers" if is_number else path.capitalize()]

    jsonschema.Draft202012Validator({**schema, "components": document["components"]}, format_checker=CHECKER).validate(
        answer.get_json()
    )


def test_a_row_that_lacks_an_id_is_not_as_described():
    document = openapi_document()
    answer = signed_in_client()[1].get("/api/v1/assignments").get_json()
    del answer["rows"][0]["device_id"]

    with pytest.raises(jsonschema.ValidationError, match="device_id"):
        jsonschema.validate(
            answer, {**document["components"]["schemas"]["Assignments"], "components": document["components"]}
        )


# --- what the lists refuse --------------------------------------------------------------------------------------------


def test_the_lists_know_no_flask_and_no_page():
    program = "import sys, fleetsync.expose.lists, fleetsync.expose.lists.openapi; print('flask' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = {
        node.module
        for path in Path(lists.__file__ or "").parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }

    assert answer.stdout == "False\n"
    assert not any((module or "").startswith(f"{expose.__name__}.web") for module in imported)


def test_nobody_hidden_is_in_any_list(context):
    hidden = e.example_snapshot(4).hidden
    for definition in COMMAND_LISTS.values():
        text = str(json_rows(definition, definition.rows(context), context))
        assert not any(f"'{person}'" in text for person in hidden), definition.name


@pytest.mark.parametrize("name", ["gaps", "assignments"])
def test_rows_of_persons_who_are_not_shown_are_counted(context, name):
    definition = COMMAND_LISTS[name]
    everything = {"gaps": context.visible.episodes, "assignments": context.visible.assignments}[name]

    assert definition.hidden_rows is not None
    assert definition.hidden_rows(context) == len(everything) - len(definition.rows(context))
