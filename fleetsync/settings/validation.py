"""Turns the errors of pydantic into sentences about the configuration: file, table, key and what the value must be.

Never shows a secret. A value is quoted only if it cannot be one: a number, a date, true, false, or a word close to an
allowed word. Nothing is quoted under a key whose name suggests a secret.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from enum import Enum
from typing import Annotated, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from fleetsync.log import looks_secret
from fleetsync.settings.errors import Loc, did_you_mean

SLUG = r"^[a-z0-9][a-z0-9_-]{0,62}$"
SLUG_IN_WORDS = "of small letters a to z, digits, - and _, at most 63"

LocateValue = Callable[[Loc], tuple[str, str]]
"""From the place of a value to its words: ("config.toml: [web]", "listen")."""

_BOUND_ERRORS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})

_REQUIREMENTS: Mapping[str, str] = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text in quotation marks",
    "tuple_type": 'a list, such as ["one", "two"]',
    "list_type": 'a list, such as ["one", "two"]',
    "path_type": "the path of a file, in quotation marks",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "date_type": "a date without quotation marks: 2026-08-17",
    "date_parsing": "a date without quotation marks: 2026-08-17",
    "date_from_datetime_parsing": "a date without quotation marks: 2026-08-17",
    "date_from_datetime_inexact": "a date without a time: 2026-08-17",
    "string_too_short": "not empty",
    "too_short": "not empty",
    "url_parsing": "an address such as https://mdm.exempelby.se",
}


def validation_messages(error: ValidationError, model: type[BaseModel], place: LocateValue) -> Iterator[str]:
    """A sentence for each error that pydantic reports in a table of *model*."""
    for entry in error.errors(include_url=False):
        where, key = place(entry["loc"])
        yield _validation_message(entry, model, where, key)


def _validation_message(entry: ErrorDetails, model: type[BaseModel], where: str, key: str) -> str:
    parent, field = _field_at(model, entry["loc"])
    kind = entry["type"]
    if kind == "extra_forbidden":
        return f"{where} {key} is not a known key." + _nearest_key(key, str(entry["loc"][-1]), parent)
    if kind == "missing":
        return f"{where} {key} is missing. Add it; config.example.toml shows how"
    if entry["loc"][-1:] == ("[key]",):
        return f"{where} {key} is not a known key." + did_you_mean(
            str(entry["loc"][-2]), map(str, _allowed_words(field))
        )
    if kind == "tuple_type" and len(entry["loc"]) == 1:
        return f"{where} {key} must be given as tables: write {key} above each"
    if kind in {"value_error", "assertion_error"}:
        return _own_validator_message(where, key, str(entry["ctx"]["error"]), field)
    subject = f"{where} {key}{_given_value(entry, key, field)}" if key else where
    return f"{subject} must be {_requirement(entry, field)}"


def _own_validator_message(where: str, key: str, text: str, field: FieldInfo | None) -> str:
    """The sentence of our own validator: "must be …" about a value, "key = … must be …" about a table."""
    if not key:
        return f"{where} {text}"
    is_inner_table = field is not None and not key.startswith("[") and any(_models_in(field.annotation))
    return f"{where} {key}{'.' if is_inner_table else ' '}{text}"


def _nearest_key(key: str, last: str, table: type[BaseModel]) -> str:
    """The nearest key of *table*, spelled like *key*: in capitals with its prefix if it came from a variable."""
    if key.endswith(last.upper()):
        return did_you_mean(
            last.upper(), map(str.upper, table.model_fields), (key.removesuffix(last.upper()) + "{}").format
        )
    return did_you_mean(last, table.model_fields)


def _requirement(entry: ErrorDetails, field: FieldInfo | None) -> str:
    kind, context = entry["type"], entry.get("ctx", {})
    if kind in _BOUND_ERRORS:
        return _bounds_text(field)
    if kind in {"enum", "literal_error"}:
        words = [str(word) for word in _allowed_words(field)]
        nearest = _nearest_word(entry, field)
        return f"one of {', '.join(words)}" + (f". Did you mean {nearest}?" if nearest else "")
    if kind == "string_pattern_mismatch":
        return SLUG_IN_WORDS if context.get("pattern") == SLUG else f"of the form {context.get('pattern')}"
    return _REQUIREMENTS.get(kind) or "of another form: " + entry["msg"].removeprefix("Input should be ")


def _nearest_word(entry: ErrorDetails, field: FieldInfo | None) -> str | None:
    """The allowed word that was probably meant; None: the text is like none of them and may be a secret."""
    given, words = entry["input"], [str(word) for word in _allowed_words(field)]
    nearest = get_close_matches(given, words, n=1) if isinstance(given, str) else []
    return nearest[0] if nearest else None


def _given_value(entry: ErrorDetails, key: str, field: FieldInfo | None) -> str:
    """An equals sign and the value, or nothing if it might be a secret."""
    value = entry["input"]
    if looks_secret(key):
        return ""
    if isinstance(value, bool):
        return f" = {str(value).lower()}"
    if isinstance(value, int | float | date):
        return f" = {value}"
    if entry["type"] in {"enum", "literal_error"} and _nearest_word(entry, field):
        return f" = {value!r}"
    return ""


def _bounds_text(field: FieldInfo | None) -> str:
    """The bounds of *field* in words: "0..1", "1 or more", "more than 0"."""
    bounds = {
        name: getattr(mark, name)
        for mark in _annotations(field)
        for name in ("ge", "gt", "le", "lt")
        if hasattr(mark, name)
    }
    if "ge" in bounds and "le" in bounds:
        return f"{bounds['ge']}..{bounds['le']}"
    words = {"ge": "{} or more", "gt": "more than {}", "le": "{} or less", "lt": "less than {}"}
    return " and ".join(words[name].format(bound) for name, bound in bounds.items())


def _annotations(field: object) -> Iterator[object]:
    """Annotations of a field, however deep: `Annotated[int, Field(ge=1)] | None`."""
    if isinstance(field, FieldInfo):
        yield from field.metadata
        yield from _annotations(field.annotation)
    elif get_origin(field) is Annotated:
        for mark in field.__metadata__:  # type: ignore[attr-defined]
            yield from _annotations(mark) if isinstance(mark, FieldInfo) else (mark,)
    else:
        for inner in get_args(field):
            yield from _annotations(inner)


def _allowed_words(field: FieldInfo | None) -> Iterator[object]:
    return _literal_words(field.annotation) if field else iter(())


def _literal_words(annotation: object) -> Iterator[object]:
    """All words that an annotation of enums and literals allows."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (member.value for member in annotation)
    elif get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for inner in get_args(annotation):
            yield from _literal_words(inner)


def _field_at(model: type[BaseModel], loc: Loc) -> tuple[type[BaseModel], FieldInfo | None]:
    """The table that holds *loc* and its field there; None for a key that the table does not have."""
    parent, field = model, None
    here: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, int) or here is None:
            continue
        parent, field = here, here.model_fields.get(part)
        here = next(_models_in(field.annotation), None) if field else None
    return parent, field


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
