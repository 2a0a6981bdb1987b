"""The description of the JSON API (OpenAPI 3.1), made from the list definitions."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fleetsync.core.measures import MEASURES
from fleetsync.expose.explanations import EXPLANATIONS
from fleetsync.expose.lists import API_LISTS
from fleetsync.expose.lists.definitions import CellKind, ListColumn, ListDefinition, ListFilter
from fleetsync.expose.lists.json_rows import MAX_JSON_ROWS
from fleetsync.expose.lists.numbers import NUMBERS

Json = dict[str, Any]
API_PREFIX = "/api/v1"
INSTANT: Mapping[str, Any] = {"type": "string", "format": "date-time"}
DAY: Mapping[str, Any] = {"type": "string", "format": "date"}
ERROR: Mapping[str, Any] = {"$ref": "#/components/responses/Error"}
ETAG_DESCRIPTION = "changes with the snapshot; sent back in If-None-Match, the answer is 304 while nothing has changed"
EXPLANATION_SCHEMAS, EXPLANATION_COMPONENTS = msgspec.json.schema_components(
    EXPLANATIONS.values(), ref_template="#/components/schemas/{name}"
)
KIND_SCHEMAS: Mapping[CellKind, Mapping[str, Any]] = {
    CellKind.TEXT: {"type": "string"},
    CellKind.ID: {"type": "string"},
    CellKind.IDS: {"type": "array", "items": {"type": "string"}},
    CellKind.WORD: {"type": "string"},
    CellKind.WORDS: {"type": "array"},
    CellKind.COUNT: {"type": "integer"},
    CellKind.NUMBER: {"type": "number"},
    CellKind.RATIO: {"type": "number"},
    CellKind.FLAG: {"type": "boolean"},
    CellKind.DAY: DAY,
    CellKind.INSTANT: INSTANT,
    CellKind.SENTENCE: {"$ref": "#/components/schemas/Text"},
}


DESCRIPTION = (
    "The lists of the page as JSON, for signed-in accounts and for programs with a token. Ids are the same in all lists, so "
    f"that lists can be joined by them. An answer has at most {MAX_JSON_ROWS} rows, and the address of the next answer in "
    "`next`. All answers that are reached by `next` come from one snapshot: when another one is published meanwhile, the "
    "answer is 409, and the list is to be read again from its start."
)
SECURITY_SCHEMES: Mapping[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "made by `fleetsync token create`"},
    "tokenAsPassword": {"type": "http", "scheme": "basic", "description": "any name, the token as password"},
    "session": {"type": "apiKey", "in": "cookie", "name": "fleetsync", "description": "of the page"},
}


def openapi_document() -> Json:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "fleetsync", "version": "1", "description": DESCRIPTION},
        "paths": _paths(),
        "security": [{name: []} for name in SECURITY_SCHEMES],
        "components": {
            "securitySchemes": dict(SECURITY_SCHEMES),
            "schemas": {
                "Text": _object({"sv": {"type": "string"}, "en": {"type": "string"}}),
                **EXPLANATION_COMPONENTS,
                **{_schema_name(definition): _list_schema(definition) for definition in (*API_LISTS, NUMBERS)},
            },
            "responses": {"Error": _error_response()},
        },
    }


def _paths() -> Json:
    explained = [
        _in_path("what", {"type": "string", "enum": list(EXPLANATIONS)}, "what is explained"),
        _in_path("id_", {"type": "string", "minLength": 1}, "its id, as lists have it; of a gap KIND:ID"),
    ]
    explanation = {"oneOf": [dict(schema) for schema in EXPLANATION_SCHEMAS]}
    why = "Why a unit, person, device or gap (KIND:ID) is as it is"
    now = _object({"snapshot_at": INSTANT})
    return {
        **{f"{API_PREFIX}/{definition.name}": _list_path(definition) for definition in API_LISTS},
        f"{API_PREFIX}/numbers/{{measure}}": _list_path(NUMBERS, _number_parameters()),
        f"{API_PREFIX}/explain/{{what}}/{{id_}}": _get("explain", why, explanation, explained),
        f"{API_PREFIX}/now": _get("now", "When the snapshot was reconciled", now, parameters=[]),
        f"{API_PREFIX}/openapi.json": _get("description", "This description", {"type": "object"}, parameters=[]),
    }


def _error_response() -> Json:
    body = _object({"error": {"type": "integer"}, "message": {"type": "string"}})
    return {"description": "The status code", "content": {"application/json": {"schema": body}}}


def _schema_name(definition: ListDefinition[Any]) -> str:
    return definition.name.capitalize()


def _list_path(definition: ListDefinition[Any], more: Sequence[Json] = ()) -> Json:
    parameters = [
        *more,
        *(
            _query(list_filter.key, _filter_schema(list_filter), "only rows of this value")
            for list_filter in definition.filters
        ),
        _query("sort", _sort_schema(definition), "a column's key; with - before it for descending"),
    ]
    if definition.keeps_past_days:
        parameters.append(_query("as_of", DAY, "a past day"))
    schema = {"$ref": f"#/components/schemas/{_schema_name(definition)}"}
    path = _get(definition.name, definition.summary, schema, [*parameters, *_page_parameters()])
    answers = path["get"]["responses"]
    answers.update({"400": ERROR, "409": ERROR})
    if definition.is_of_snapshot:
        answers["200"]["headers"] = {"ETag": {"description": ETAG_DESCRIPTION, "schema": {"type": "string"}}}
        answers["304"] = {"description": "Nothing has changed since the answer with this ETag"}
    return path


def _page_parameters() -> list[Json]:
    limit: Json = {"type": "integer", "minimum": 1, "maximum": MAX_JSON_ROWS, "default": MAX_JSON_ROWS}
    return [
        _query("limit", limit, "how many rows an answer has at most"),
        _query("offset", {"type": "integer", "minimum": 0, "default": 0}, "how many rows to pass over; see `next`"),
        _query("snapshot", INSTANT, "the snapshot that the rows before came from; see `next`"),
    ]


def _get(operation: str, summary: str, schema: Mapping[str, Any], parameters: Sequence[Json]) -> Json:
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": list(parameters),
            "responses": {
                "200": {"description": summary, "content": {"application/json": {"schema": schema}}},
                "401": ERROR,
                "404": ERROR,
            },
        }
    }


def _query(name: str, schema: Mapping[str, Any], description: str) -> Json:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _in_path(name: str, schema: Mapping[str, Any], description: str) -> Json:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _number_parameters() -> list[Json]:
    labels = dict.fromkeys(label for measure in MEASURES for label in measure.labels)
    text = {"type": "string"}
    measure = _in_path("measure", text, "a metric's name, with or without fleetsync_")
    return [measure, *(_query(label, text, "only rows with this label") for label in labels)]


def _filter_schema(list_filter: ListFilter[Any]) -> Json:
    return {"type": "string", **({"enum": sorted(map(str, list_filter.words))} if list_filter.words else {})}


def _sort_schema(definition: ListDefinition[Any]) -> Json:
    return {"type": "string", "enum": [sign + column.key for column in definition.columns for sign in ("", "-")]}


def _list_schema(definition: ListDefinition[Any]) -> Json:
    row = _object(
        {column.key: _column_schema(column) for column in definition.columns},
        optional={column.key for column in definition.columns if column.needs},
    )
    return _object(
        {
            "snapshot_at": INSTANT,
            "day": DAY,
            "count": {"type": "integer", "description": "how many rows the list has, on all pages together"},
            "next": {"type": ["string", "null"], "description": "the address of the next page; null on the last one"},
            "rows": {"type": "array", "items": row, "maxItems": MAX_JSON_ROWS},
        }
    )


def _column_schema(column: ListColumn[Any]) -> Json:
    schema = dict(KIND_SCHEMAS[column.kind])
    if column.words is not None:
        words: Json = {"type": "string", "enum": sorted(map(str, column.words))}
        schema = {**schema, "items": words} if column.kind is CellKind.WORDS else words
    if column.is_nullable:
        schema = {"oneOf": [schema, {"type": "null"}]}
    # Beside a $ref OpenAPI 3.1 allows other keys.
    return {**schema, "description": column.title.en}


def _object(properties: Mapping[str, Any], optional: frozenset[str] | set[str] = frozenset()) -> Json:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
    }
