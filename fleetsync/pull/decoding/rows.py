"""Types the rows of a page one by one, so that one odd value never costs more than its fact or its row.

    reader = RowReader(ManagedDevice)
    read = reader.read(page.value)        # page.value: list[msgspec.Raw]

A row as documented is decoded at once. Of any other row each field is read by itself: a value of a wrong simple type is
accepted where its meaning is clear ("false" for false, a number as text, a single text where a list of texts stands, an id
where a reference stands), and else costs its fact. Only fields that the type names are ever decoded, and no reason quotes a value.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import inspect

from fleetsync.core.model import DeviceRecord, RecordType
from fleetsync.pull.contract import RecordError, RejectedRecord, UnreadableFact
from fleetsync.pull.decoding.text import clean_text

T = TypeVar("T")

REPLACEMENT: Final = "\ufffd"
"""Stands where bytes were no letters. A text with it is not the text that the source meant."""
NOT_A_ROW = "a row is no object"
WRONG_KIND = "is of another kind than documented"
BROKEN_LETTERS = "holds bytes that are no letters"

DecodeHook = Callable[[type, Any], Any]

_TRUE_WORDS = frozenset({"true", "1", "yes", "ja", "y", "j"})
_FALSE_WORDS = frozenset({"false", "0", "no", "nej", "n"})


class _Lost:
    """Stands for a value that could not be read."""


_LOST: Final = _Lost()


class SourceRow(msgspec.Struct, frozen=True):
    """A row, or an object in one, that says which of its fields were filled in and could not be read.

    *unreadable*: as the source spells them; `enrolments[]` for an entry of a list.
    """

    unreadable: tuple[str, ...] = msgspec.field(default=(), name="#unreadable")


def unreadable_fields(row: SourceRow) -> tuple[str, ...]:
    """The paths of fields of *row*, and of objects within it, that could not be read: `("name", "owner.email")`."""
    inner = (
        f"{field.encode_name}.{path}"
        for field in msgspec.structs.fields(type(row))
        if isinstance(value := getattr(row, field.name), SourceRow)
        for path in unreadable_fields(value)
    )
    return (*row.unreadable, *inner)


def with_unreadable(
    record: DeviceRecord, paths: Iterable[str], fields_of_paths: Mapping[str, tuple[str, ...]]
) -> DeviceRecord:
    """*record* with the names of its fields that are unknown because *paths* of its row could not be read.

    *fields_of_paths*: the fields that a path decides; one that is not in it decides none.
    """
    names = {name for path in paths for name in fields_of_paths.get(path, ())}
    return msgspec.structs.replace(record, unreadable=tuple(sorted(names))) if names else record


@dataclass(frozen=True, slots=True)
class ReadRows(Generic[T]):
    """The rows of a page, those that could not be read, and the facts that could not."""

    rows: list[T] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    facts: list[UnreadableFact] = field(default_factory=list)


class RowReader(Generic[T]):
    """Reads rows as *kind*, a msgspec struct.

    *hook*: decodes values of types of the connector's own. *essential*: fields without which a row says nothing: when such a
    one cannot be read, the row is present and unreadable. *id_field* names the row in what is reported; *record_type*: what
    a row becomes, where the part has several types. *normalise_id*: how the connector spells an id.
    """

    def __init__(
        self,
        kind: type[T],
        hook: DecodeHook | None = None,
        *,
        essential: Iterable[str] = (),
        id_field: str = "id",
        record_type: RecordType | None = None,
        normalise_id: Callable[[object], str | None] = clean_text,
    ) -> None:
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind, dec_hook=hook)
        self._structure = inspect.type_info(kind)
        self._hook = hook
        self._essential = frozenset(essential)
        self._id_field, self._record_type, self._normalise_id = id_field, record_type, normalise_id

    def read(self, raws: Iterable[msgspec.Raw]) -> ReadRows[T]:
        """The rows that can be read, and what could not be."""
        read: ReadRows[T] = ReadRows()
        for raw in raws:
            try:
                row = self._decoder.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self._read_leniently(raw, read)
                continue
            # Letters were replaced in the whole body where the page could not be taken apart without it.
            if _has_replacement(bytes(raw)):
                self._read_leniently(raw, read)
            else:
                read.rows.append(row)
        return read

    def _read_leniently(self, raw: msgspec.Raw, read: ReadRows[T]) -> None:
        body = with_letters_replaced(bytes(raw))
        if body.strip() == b"null":
            read.facts.append(UnreadableFact("row", "is null"))  # it holds nothing, so nothing is lost with it
            return
        fields = _fields_of(body)
        if fields is None:
            read.rejected.append(RejectedRecord(NOT_A_ROW))
            return
        source_id = self._source_id(fields)
        lost: list[tuple[str, str]] = []
        row = _LenientReader(self._hook, lost).value(self._structure, body, "")
        decisive = [problem for problem in lost if problem[0] in self._essential]
        if isinstance(row, _Lost) or decisive:
            path, reason = (decisive or lost)[0]
            read.rejected.append(RejectedRecord(f"{path} {reason}", source_id or "", source_id, self._record_type))
            return
        read.rows.append(row)
        read.facts.extend(UnreadableFact(path, reason, source_id or "") for path, reason in lost)

    def _source_id(self, fields: Mapping[str, msgspec.Raw]) -> str | None:
        raw = fields.get(self._id_field)
        value = None if raw is None else _plain(raw)
        is_text = isinstance(value, str | int) and not isinstance(value, bool) and REPLACEMENT not in str(value)
        return self._normalise_id(value) if is_text else None


class UnreadableFacts:
    """Collects the facts of one record that were filled in and could not be read, so that they cost nothing else."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._facts: list[UnreadableFact] = []

    def read(self, parse: Callable[..., T], value: object, field: str, *options: Any) -> T | None:
        """What *parse* makes of *value*; None where it raises RecordError, whose reason is kept under the name of *field*."""
        try:
            return parse(value, field, *options)
        except RecordError as error:
            self._facts.append(UnreadableFact(field, str(error).removeprefix(f"{field} "), self._place))
            return None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(fact.field for fact in self._facts)

    def __iter__(self) -> Iterator[UnreadableFact]:
        return iter(self._facts)


def with_letters_replaced(body: bytes) -> bytes:
    """*body* with REPLACEMENT where its bytes are not UTF-8."""
    return body.decode("utf-8", errors="replace").encode()


def _has_replacement(body: bytes) -> bool:
    # A single byte is looked for first: nearly no row has it, and to look for more costs as much as to decode the row.
    return (b"\xef" in body and REPLACEMENT.encode() in body) or (b"\\" in body and b"\\ufffd" in body.lower())


def _fields_of(body: bytes | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _plain(raw: bytes | msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _LOST


class _LenientReader:
    """Reads a value of a described type. What it cannot read is added to *lost* as (path, reason)."""

    def __init__(self, hook: DecodeHook | None, lost: list[tuple[str, str]]) -> None:
        self._hook, self._lost = hook, lost

    def value(self, kind: inspect.Type, raw: bytes | msgspec.Raw, path: str) -> Any:
        """The value, or _LOST."""
        kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
        if bytes(raw).strip() == b"null":
            is_allowed = any(isinstance(each, inspect.NoneType | inspect.AnyType) for each in kinds)
            return None if is_allowed else self._lose(path, "is null")
        kinds = tuple(each for each in kinds if not isinstance(each, inspect.NoneType))
        for each in kinds:
            if isinstance(each, inspect.StructType):
                return self._struct(each, raw, path)
            if isinstance(each, inspect.ListType):
                return self._list(each, raw, path)
        return self._scalar(kinds, raw, path)

    def _lose(self, path: str, reason: str) -> _Lost:
        self._lost.append((path, reason))
        return _LOST

    def _struct(self, kind: inspect.StructType, raw: bytes | msgspec.Raw, path: str) -> Any:
        fields = _fields_of(raw)
        if fields is None:
            fields = self._reference(kind, raw)
        if fields is None:
            return self._lose(path, WRONG_KIND)
        values: dict[str, Any] = {}
        unreadable: list[str] = []
        for each in kind.fields:
            inner = f"{path}.{each.encode_name}".lstrip(".")
            count = len(self._lost)
            value = self.value(each.type, fields[each.encode_name], inner) if each.encode_name in fields else _LOST
            unreadable += [
                lost.removeprefix(path).lstrip(".") for lost, _ in self._lost[count:] if lost in (inner, f"{inner}[]")
            ]
            if not isinstance(value, _Lost):
                values[each.name] = value
            elif each.required:
                return self._lose(inner, "is missing or cannot be read")
        if unreadable and issubclass(kind.cls, SourceRow):
            values["unreadable"] = tuple(dict.fromkeys(unreadable))
        return kind.cls(**values)

    def _reference(self, kind: inspect.StructType, raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
        """A text where a reference stands is its id."""
        has_id = any(each.encode_name == "id" for each in kind.fields)
        return {"id": msgspec.Raw(bytes(raw))} if has_id and isinstance(_plain(raw), str) else None

    def _list(self, kind: inspect.ListType, raw: bytes | msgspec.Raw, path: str) -> Any:
        try:
            entries = msgspec.json.decode(raw, type=list[msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError):
            entries = [msgspec.Raw(bytes(raw))]  # a single value where a list stands
            single = self.value(kind.item_type, entries[0], path)
            return single if isinstance(single, _Lost) else [single]
        values = (self.value(kind.item_type, entry, f"{path}[]") for entry in entries)
        return [value for value in values if not isinstance(value, _Lost)]

    def _scalar(self, kinds: tuple[inspect.Type, ...], raw: bytes | msgspec.Raw, path: str) -> Any:
        value = _plain(raw)
        if isinstance(value, _Lost):
            return self._lose(path, "cannot be read")
        for kind in kinds:
            if isinstance(kind, inspect.CustomType):
                return self._custom(kind, value, path)
            if isinstance(kind, inspect.AnyType):
                return value
        if isinstance(value, str) and REPLACEMENT in value:
            return self._lose(path, BROKEN_LETTERS)
        read = next((read for kind in kinds if not isinstance(read := _read_scalar(kind, value), _Lost)), _LOST)
        return self._lose(path, WRONG_KIND) if isinstance(read, _Lost) else read

    def _custom(self, kind: inspect.CustomType, value: Any, path: str) -> Any:
        if self._hook is None:
            return self._lose(path, WRONG_KIND)
        try:
            return self._hook(kind.cls, value)
        except (TypeError, ValueError, AttributeError, KeyError):
            return self._lose(path, WRONG_KIND)


def _read_scalar(kind: inspect.Type, value: Any) -> Any:
    if isinstance(kind, inspect.BoolType):
        word = str(value).strip().casefold() if isinstance(value, str | int | bool) else ""
        return True if word in _TRUE_WORDS else False if word in _FALSE_WORDS else _LOST
    if isinstance(kind, inspect.StrType):
        if isinstance(value, str):
            return value
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else _LOST
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        try:
            return msgspec.convert(value, int if isinstance(kind, inspect.IntType) else float, strict=False)
        except msgspec.ValidationError:
            return _LOST
    return _LOST
