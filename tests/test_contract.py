"""What every connector keeps to, by existing: `connectors/<kind>.py` is tried here with its recorded payloads.

A part is whole or it raises; normalise is pure; what is never kept is not kept; a secret is never shown. A connector
brings `tests/connectors/<kind>_case.py` and `tests/recorded/<kind>/`, and nothing else.
"""

import json
import re
import shutil
import sys
import threading
import zipfile
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from inspect import getdoc
from itertools import zip_longest
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, get_args

import msgspec
import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import update

from fleetsync.clock import ManualClock
from fleetsync.core.model import RECORD_TYPES, DeviceRecord, MembershipRecord, Policy, PullLimits, Record, Verdict
from fleetsync.pull.contract import (
    Credential,
    DroppedRow,
    MarkWord,
    PageTokenExpired,
    PartMissing,
    ProbeResult,
    PullError,
    RecordError,
    SourceRefused,
    SourceSettings,
    SourceUnavailable,
    UncertainRecord,
    UnknownValue,
    UnreadableFact,
)
from fleetsync.pull.http import OutboundNetwork
from fleetsync.pull.registry import Source, connector_kinds, load_connector, secret_keys
from fleetsync.pull.runner import NormalisationRules, PullRunner
from fleetsync.store import tables
from tests.connectors.case_runner import STUB_TOKEN, CaseRunner, RecordedFault, as_new, records_in, running_case
from tests.connectors.connector_case import CANARY, SECRET, ConnectorCase, RecordedListing
from tests.empty_database import write_empty_database
from tests.store.ledger_samples import MONDAY, believed_records, ledger_at
from tests.store.ledger_samples import SECRET as SECRET_KEY

KINDS = connector_kinds()


def case_of(kind: str) -> ConnectorCase | None:
    name = f"tests.connectors.{kind}_case"
    return import_module(name).CASE if find_spec(name) else None


CASES = {kind: case for kind in KINDS if (case := case_of(kind)) is not None}
PARTS = [(kind, part) for kind, case in CASES.items() for part in case.expected_counts]
LISTINGS = [(kind, part) for kind, case in CASES.items() for part in case.listings]
PAGES = [
    pytest.param(kind, part, place, id=f"{kind}-{part}-{name} page")
    for kind, part in LISTINGS
    for name, place in (("first", 0), ("last", len(CASES[kind].listings[part].pages) - 1))
    if name == "first" or place > 0
]
"""The first and the last page of every listing. Of a listing with one page, that page."""
FILES = [kind for kind, case in CASES.items() if case.files]

of_every_kind = pytest.mark.parametrize("kind", KINDS)
of_every_case = pytest.mark.parametrize("kind", CASES)
of_every_part = pytest.mark.parametrize(("kind", "part"), PARTS)


@pytest.fixture
def runner(kind: str, tmp_path: Path) -> Iterator[CaseRunner]:
    with running_case(CASES[kind], tmp_path) as here:
        yield here


# ------------------------------------------------------------------------------------------------------ what is written


@of_every_kind
def test_a_connector_brings_its_case_and_recorded_payloads(kind: str) -> None:
    case = case_of(kind)

    assert case is not None, f"write tests/connectors/{kind}_case.py with a CASE, and record tests/recorded/{kind}/"
    assert case.kind == kind == case.table["kind"]
    assert case.payloads
    assert all(case.recorded(name).is_file() for name in case.payloads)
    assert set(case.expected_counts) == {part.name for part in load_connector(kind).PARTS}


SAID = {
    "where it reads": re.compile(r"\b(?:API|Endpoints?):"),
    "what right it needs": re.compile(r"\bPermissions?:"),
    "when its documentation was read": re.compile(r"\bread 20\d\d-\d\d"),
    "its quirks": re.compile(r"\bQuirks?:"),
}


@of_every_kind
@pytest.mark.parametrize("what", SAID)
def test_a_connector_says(kind: str, what: str) -> None:
    module: Any = load_connector(kind)

    assert SAID[what].search(module.__doc__ or "")
    assert getdoc(module.pull)
    assert getdoc(module.normalise)


@of_every_kind
def test_parts_are_sane(kind: str) -> None:
    names = [part.name for part in load_connector(kind).PARTS]

    assert len(names) == len(set(names)) > 0
    for place, part in enumerate(load_connector(kind).PARTS):
        assert re.fullmatch(r"[a-z][a-z_]*", part.name)
        assert len(part.types) == len(set(part.types))
        assert part.types or part.may_be_empty, "a part that gives credentials alone has no record at any time"
        assert set(part.after) <= set(names[:place])


# ------------------------------------------------------------------------------------------------------------- settings


def table_of(kind: str) -> dict[str, Any]:
    return CASES[kind].filled_table("https://exempelby.se", Path("/srv"))


@of_every_case
def test_settings_are_source_settings_and_refuse_a_key_they_do_not_know(kind: str) -> None:
    settings = load_connector(kind).Settings

    assert issubclass(settings, SourceSettings)
    with pytest.raises(ValidationError, match="max_shrinkage"):
        settings.model_validate(table_of(kind) | {"max_shrinkage": 0.1})


SECRET_KEYS = [(kind, key) for kind in CASES for key in secret_keys(load_connector(kind).Settings)]


@pytest.mark.parametrize(("kind", "key"), SECRET_KEYS)
def test_settings_never_show_a_secret(kind: str, key: str) -> None:
    settings: Any = load_connector(kind).Settings.model_validate(table_of(kind) | {key: SECRET})
    shown = (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json(), f"{settings}")

    assert settings.secret(key).get_secret_value() == SECRET
    assert SECRET not in " ".join(shown)


@pytest.mark.parametrize(("kind", "key"), SECRET_KEYS)
def test_a_refusal_of_settings_never_shows_a_secret(kind: str, key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        load_connector(kind).Settings.model_validate(
            table_of(kind) | {key: SECRET, "every": SECRET, SECRET[:6]: SECRET}
        )

    assert SECRET not in str(refused.value)


@of_every_case
def test_every_secret_can_come_from_a_file(kind: str) -> None:
    fields = load_connector(kind).Settings.model_fields

    for key in secret_keys(load_connector(kind).Settings):
        assert Path in get_args(fields[f"{key}_file"].annotation)
        assert SecretStr in get_args(fields[key].annotation)


# ------------------------------------------------------------------------------------------------------- a pull is whole


_whole_parts: dict[tuple[str, str], list[Record]] = {}


def whole_part(runner: CaseRunner, part: str) -> list[Record]:
    """All records of *part*. Pulled once, since `test_two_pulls_of_the_same_give_the_same`; before any fault is set."""
    if (runner.case.kind, part) not in _whole_parts:
        _whole_parts[runner.case.kind, part] = runner.records(part)
    return _whole_parts[runner.case.kind, part]


def spelled(records: list[Record]) -> list[bytes]:
    """Records as they can be compared: by content, not by order."""
    return sorted(map(msgspec.json.encode, records))


@of_every_part
def test_a_pull_gives_every_record(runner: CaseRunner, part: str) -> None:
    types = [RECORD_TYPES[type(record)] for record in runner.records(part)]

    assert Counter(kind.value for kind in types) == runner.case.expected_counts[part]
    assert set(types) <= set(runner.part(part).types)


@of_every_part
def test_two_pulls_of_the_same_give_the_same(runner: CaseRunner, part: str) -> None:
    assert spelled(runner.records(part)) == spelled(runner.records(part))


def page(text: str) -> dict[str, Any]:
    return {"body": f"<!doctype html><title>{text}</title>".encode(), "headers": {"Content-Type": "text/html"}}


BROKEN: dict[str, tuple[Callable[[], RecordedFault], tuple[type[PullError], ...]]] = {
    "led in a circle": (lambda: RecordedFault(following=0), (SourceUnavailable,)),
    "led to another host": (lambda: RecordedFault(elsewhere="https://exempel.invalid"), (SourceRefused,)),
    "sent to another host": (
        lambda: RecordedFault(302, b"", {"Location": "https://exempel.invalid/underhall"}),
        (SourceUnavailable,),
    ),
    "an answer without content": (lambda: RecordedFault(204, b""), (SourceUnavailable,)),
    "an answer without a letter": (lambda: RecordedFault(body=b" \n"), (SourceUnavailable,)),
    "null": (lambda: RecordedFault(body=b"null"), (SourceUnavailable,)),
    "an empty object": (lambda: RecordedFault(body=b"{}"), (SourceUnavailable,)),
    "an error in place of a page": (
        lambda: RecordedFault(body=b'{"error": {"code": "ServiceException", "message": "not now"}}'),
        (SourceUnavailable,),
    ),
    "failing for ever": (lambda: RecordedFault(501, b"{}"), (SourceRefused, SourceUnavailable, PartMissing)),
    "torn": (lambda: RecordedFault(cut=True), (SourceUnavailable,)),
    "not JSON to its end": (lambda: RecordedFault(body=b'{"value": [{"id": "1"}, '), (SourceUnavailable,)),
    "a sign-in page": (lambda: RecordedFault(**page("Logga in")), (SourceUnavailable,)),
    "not signed in": (lambda: RecordedFault(401, b"{}"), (SourceRefused,)),
    "not allowed": (lambda: RecordedFault(403, b"{}"), (SourceRefused, PartMissing)),
    "not there": (lambda: RecordedFault(404, b"{}"), (SourceRefused, PartMissing)),
    "asking for patience for ever": (lambda: RecordedFault(429, b"{}", {"Retry-After": "30"}), (SourceUnavailable,)),
    "out of order": (lambda: RecordedFault(500, b"{}"), (SourceUnavailable,)),
    "closed for maintenance": (lambda: RecordedFault(503, **page("Underhåll")), (SourceUnavailable,)),
}
MENDED: dict[str, Callable[[], RecordedFault]] = {
    "torn once": lambda: RecordedFault(cut=True, times=1),
    "asking for patience": lambda: RecordedFault(429, b"{}", {"Retry-After": "7"}, times=2),
    "asking for patience without a time": lambda: RecordedFault(429, b"{}", times=1),
    "out of order for a moment": lambda: RecordedFault(503, b"{}", times=2),
    "asking for patience for long": lambda: RecordedFault(429, b"{}", times=8),
    "asking for patience in the past": lambda: RecordedFault(429, b"{}", {"Retry-After": "-7"}, times=2),
    "asking for patience in decimals": lambda: RecordedFault(503, b"{}", {"Retry-After": "1.5"}, times=8),
    "asking for patience by a reason": lambda: RecordedFault(
        403, b'{"error": {"code": "TooManyRequests", "retryAfterSeconds": 5}}', times=2
    ),
    "asking for patience in an answer": lambda: RecordedFault(
        200, b'{"error": {"code": "ApplicationThrottled", "message": "slow down"}}', times=2
    ),
    "a gateway's page for a moment": lambda: RecordedFault(502, **page("Bad Gateway"), times=1),
}
on_every_listing = pytest.mark.parametrize(("kind", "part"), LISTINGS)
on_first_and_last_page = pytest.mark.parametrize(("kind", "part", "place"), PAGES)


def credentials_of(headers: Mapping[str, str]) -> str:
    """What a request proves itself by: a bearer token, a key in any header, or name and password of HTTP Basic."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    decoded = b64decode(value).decode() if kind.casefold() == "basic" else value
    return " ".join((decoded, *headers.values()))


def attempt(runner: CaseRunner, part: str) -> list[Record] | PullError:
    try:
        return runner.records(part)
    except PullError as error:
        return error


@on_first_and_last_page
@pytest.mark.parametrize("what", BROKEN)
def test_a_listing_that_breaks_raises_and_says_what_to_do(runner: CaseRunner, part: str, place: int, what: str) -> None:
    listing = runner.case.listings[part]
    whole = spelled(whole_part(runner, part))
    make, expected = BROKEN[what]
    fault = make()
    runner.server.fail(listing, place, fault)
    came = attempt(runner, part)

    if isinstance(came, PullError):
        assert isinstance(came, (*expected, PageTokenExpired))
        # Only a part that many tenants do not grant may call a refusal "not there".
        if what == "not allowed" and isinstance(came, PartMissing):
            assert came.is_forbidden
            assert runner.part(part).may_be_empty
        assert str(came).startswith(f"{runner.settings.name}: ")
        assert SECRET not in str(came)
    else:
        # A listing that has no links, or no more of them, cannot be led astray; short it may never be.
        assert fault.following is not None or fault.elsewhere is not None
        assert spelled(came) == whole


@on_first_and_last_page
@pytest.mark.parametrize("what", MENDED)
def test_a_listing_that_is_mended_in_time_is_whole(runner: CaseRunner, part: str, place: int, what: str) -> None:
    listing = runner.case.listings[part]
    whole = spelled(whole_part(runner, part))
    runner.server.fail(listing, place, MENDED[what]())

    assert spelled(runner.records(part)) == whole


def with_link(listing: RecordedListing, body: dict[str, Any], link: str) -> dict[str, Any]:
    """The page *body* with *link* wherever it would name a next page."""
    last, linked = (listing.with_next_link(body, "https://exempel.invalid", following) for following in (None, 0))
    changed: dict[str, Any] = {name: link for name, value in linked.items() if value != last.get(name)}
    return {**last, **changed}


@on_every_listing
@pytest.mark.parametrize("link", ["null", "NULL", " ", "None", "\u00a0"], ids=repr)
def test_a_last_page_that_points_to_null_is_the_last(runner: CaseRunner, part: str, link: str) -> None:
    listing = runner.case.listings[part]
    whole = spelled(whole_part(runner, part))
    body = json.loads(runner.case.recorded(listing.pages[-1]).read_text(encoding="utf-8"))
    pointing = json.dumps(with_link(listing, body, link)).encode()
    runner.server.fail(listing, len(listing.pages) - 1, RecordedFault(body=pointing))

    assert spelled(runner.records(part)) == whole


@on_first_and_last_page
def test_an_expired_token_is_renewed_and_a_static_credential_is_refused_at_once(
    runner: CaseRunner, part: str, place: int
) -> None:
    listing = runner.case.listings[part]
    whole = spelled(whole_part(runner, part))
    runner.server.fail(listing, place, RecordedFault(401, b"{}", times=1))
    outcome = attempt(runner, part)

    if runner.case.token_paths:
        assert not isinstance(outcome, PullError)
        assert spelled(outcome) == whole
    else:
        assert isinstance(outcome, SourceRefused)
        assert SECRET not in str(outcome)


@on_every_listing
def test_every_request_is_signed_in(runner: CaseRunner, part: str) -> None:
    runner.pages(part)
    credential = STUB_TOKEN if runner.case.token_paths else SECRET

    assert runner.server.headers
    assert all(credential in credentials_of(headers) for headers in runner.server.headers)


@on_every_listing
def test_a_pull_waits_as_long_as_it_is_asked_to(runner: CaseRunner, part: str) -> None:
    runner.server.fail(runner.case.listings[part], 0, RecordedFault(429, b"{}", {"Retry-After": "7"}, times=2))
    runner.pages(part)

    assert [seconds for seconds in runner.waited if seconds == 7] == [7, 7]


# ------------------------------------------------------------------------------------------- one odd value in one row


def rows_of(body: Any) -> list[Any]:
    """The rows of a recorded page, whatever its connector calls them."""
    return body if isinstance(body, list) else next(value for value in body.values() if isinstance(value, list))


def body_with(runner: CaseRunner, part: str, place: int, change: Callable[[list[Any]], None]) -> bytes:
    listing = runner.case.listings[part]
    body = json.loads(runner.server.body(listing, place, None))
    change(rows_of(body))
    return json.dumps(body).encode()


def unkept(value: str) -> Callable[[list[Any]], None]:
    return lambda rows: rows[0].update(fieldThatIsNotKept=value)


ODD_BYTES: dict[str, Callable[[bytes], bytes]] = {
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "a byte that is no letter": lambda body: body.replace(b"ODD", b"\xe5"),
    "half a surrogate pair": lambda body: body.replace(b"ODD", b"\\ud83d"),
    "a control character": lambda body: body.replace(b"ODD", b"\x07"),
}


@on_first_and_last_page
@pytest.mark.parametrize("what", ODD_BYTES)
def test_odd_bytes_that_are_not_kept_change_nothing(runner: CaseRunner, part: str, place: int, what: str) -> None:
    listing = runner.case.listings[part]
    whole = spelled(whole_part(runner, part))
    body = ODD_BYTES[what](body_with(runner, part, place, unkept("ODD")))
    runner.server.fail(listing, place, RecordedFault(body=body))

    assert spelled(runner.records(part)) == whole


@on_first_and_last_page
@pytest.mark.parametrize("row", [None, "a row", 7, ["a", "row"]], ids=repr)
def test_a_row_that_is_none_costs_no_other_and_is_named(runner: CaseRunner, part: str, place: int, row: Any) -> None:
    listing = runner.case.listings[part]
    whole = spelled(whole_part(runner, part))
    body = body_with(runner, part, place, lambda rows: rows.append(row))
    runner.server.fail(listing, place, RecordedFault(body=body))
    pages = runner.pages(part)

    assert spelled(records_in(runner.items_of(part, pages))) == whole
    assert any(page.rejected for page in pages) or any(
        isinstance(raw, UnreadableFact) for page in pages for raw in page.raws
    )


@on_every_listing
@pytest.mark.parametrize("value", [{"odd": 1}, [None], 7, True, "\ufffd"], ids=repr)
def test_one_odd_value_costs_no_other_row(runner: CaseRunner, part: str, value: Any) -> None:
    listing = runner.case.listings[part]
    whole = whole_part(runner, part)
    first = rows_of(json.loads(runner.server.body(listing, 0, None)))[0]
    own_id = str(first[listing.id_field]).casefold()
    others = spelled([record for record in whole if own_id not in repr(record).casefold()])
    runner.stay_signed_in()
    for name in first:
        if name == listing.id_field:
            continue
        body = body_with(runner, part, 0, lambda rows, name=name: rows[0].update({name: value}))  # type: ignore[misc]
        runner.server.fail(listing, 0, RecordedFault(body=body))
        records = runner.records(part)

        assert spelled([record for record in records if own_id not in repr(record).casefold()]) == others


FactPath = tuple[str | int, ...]


def paths_in(value: Any, path: FactPath) -> Iterator[FactPath]:
    """The path of everything that is filled in within *value*."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        if child not in (None, "", [], {}):
            yield (*path, name)
            yield from paths_in(child, (*path, name))


def put(rows: list[Any], path: FactPath, value: Any) -> None:
    """Put *value* at *path*."""
    place: Any = rows
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value


def read_part(runner: CaseRunner, part: str) -> tuple[list[Record], tuple[str, ...]]:
    """The records that are certain, and what the ids begin with of those that may be there all the same."""
    records: list[Record] = []
    may_be: list[str] = []
    for page in runner.pages(part):
        may_be += (rejected.source_id or "" for rejected in page.rejected)
        for raw in page.raws:
            try:
                items = runner.module.normalise(part, runner.settings, raw)
            except RecordError as error:
                may_be.append(error.source_id or "")
                continue
            records += (item for item in items if isinstance(item, Record))
            may_be += (item.id_prefix for item in items if isinstance(item, UncertainRecord))
    return records, tuple(may_be)


def refs(record: Record) -> Iterator[str]:
    """The id of *record*, and that of the person whose membership it is: an unreadable membership keeps both."""
    yield record.source_id
    if isinstance(record, MembershipRecord):
        yield record.person


@on_every_listing
def test_a_fact_that_cannot_be_read_makes_no_other_id(runner: CaseRunner, part: str) -> None:
    listing = runner.case.listings[part]
    runner.stay_signed_in()
    before, _ = read_part(runner, part)
    page = runner.server.body(listing, 0, None)
    rows = rows_of(json.loads(page))
    for paths in zip_longest(*(list(paths_in(row, (place,))) for place, row in enumerate(rows))):
        broken = [path for path in paths if path is not None]

        def break_facts(rows: list[Any], broken: list[FactPath] = broken) -> None:
            for path in broken:
                put(rows, path, [["odd"]])

        runner.server.fail(listing, 0, RecordedFault(body=body_with(runner, part, 0, break_facts)))
        records, may_be = read_part(runner, part)
        kept = {ref for record in before if record.source_id.startswith(may_be) for ref in refs(record)}
        lost = {record.source_id for record in before} - {record.source_id for record in records} - kept
        new = {record.source_id for record in records} - {record.source_id for record in before}
        new = {
            source_id for source_id in new if source_id.encode() not in page.lower()
        }  # a row that nobody knows to have ended long ago

        assert (broken, lost, new) == (broken, set(), set())


# ------------------------------------------------------------------------------------------------ a listing without an end


@on_every_listing
def test_a_listing_that_repeats_itself_under_new_links_is_left_within_a_few_pages(
    runner: CaseRunner, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = runner.case.listings[part]
    if len(listing.pages) == 1:
        return
    page = 0

    def body(*_: Any) -> bytes:
        nonlocal page
        page += 1
        recorded = json.loads(runner.case.recorded(listing.pages[0]).read_text(encoding="utf-8"))
        return json.dumps(listing.with_next_link(recorded, runner.server.url + listing.path, page)).encode()

    monkeypatch.setattr(runner.server, "body", body)
    monkeypatch.setattr(runner.server, "fault", lambda *_: None)
    came = attempt(runner, part)

    assert isinstance(came, SourceUnavailable)
    assert page < 12


# ---------------------------------------------------------------------------------------------------- a file is whole


def no_folder(file: Path) -> None:
    shutil.rmtree(file.parent)


def no_file(file: Path) -> None:
    for every in file.parent.iterdir():
        every.unlink()


def unreadable(file: Path) -> None:
    file.unlink()
    file.symlink_to("/proc/self/mem")  # is there, has a size, and gives an error when it is read, even to root


def empty(file: Path) -> None:
    file.write_bytes(b"")


def without_headers(file: Path) -> None:
    file.write_text("Kolumn A;Kolumn B\n1;2\n", encoding="utf-8")


def torn(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 2 // 3])


FILE_FAULTS: dict[Callable[[Path], None], type[PullError]] = {
    no_folder: SourceUnavailable,
    no_file: SourceUnavailable,
    unreadable: SourceUnavailable,
    empty: SourceUnavailable,
    torn: SourceUnavailable,
    without_headers: SourceRefused,
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("spoil", FILE_FAULTS, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("place", [0, -1], ids=["first file", "last file"])
def test_a_spoilt_file_among_others_is_named_and_takes_nothing_for_absent(
    runner: CaseRunner, spoil: Callable[[Path], None], place: int
) -> None:
    name = runner.case.files[place]
    spoil(runner.folder / name)
    for part in runner.case.expected_counts:
        try:
            pages = runner.pages(part)
        except PullError:
            assert len(runner.case.files) == 1 or runner.case.is_set or spoil in {no_folder, no_file}
            continue
        if spoil is unreadable:  # a link that leads out of the folder of several lists is left, and never opened
            assert all(page.is_whole and page.file != name for page in pages)
            continue
        (broken,) = (page for page in pages if not page.is_whole)
        assert (broken.file, broken.raws, broken.fingerprint) == (name, [], None)
        assert [rejected.place for rejected in broken.rejected] == [name]
        assert CANARY not in broken.rejected[0].reason.casefold()


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("spoil", FILE_FAULTS, ids=lambda spoil: spoil.__name__)
def test_spoilt_files_without_a_whole_one_raise_and_say_what_to_do(
    runner: CaseRunner, spoil: Callable[[Path], None]
) -> None:
    for name in runner.case.files:
        if (runner.folder / name).exists():
            spoil(runner.folder / name)
    for part in runner.case.expected_counts:
        with pytest.raises(PullError) as refused:
            runner.records(part)

        assert isinstance(refused.value, FILE_FAULTS[spoil])
        assert str(refused.value).startswith(f"{runner.settings.name}: ")
        assert CANARY not in str(refused.value).casefold()


@pytest.mark.parametrize("kind", FILES)
def test_files_that_were_read_before_are_not_read_again(runner: CaseRunner) -> None:
    for part in runner.case.expected_counts:
        known = {result.scope: result.fingerprint for result in runner.pages(part)}

        assert runner.pages(part, known=known) == []


# ------------------------------------------------------------------------------------------------ what a record means


WATCHED = ("open", "os.listdir", "os.scandir", "socket.", "subprocess.", "import")
_is_watching: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _is_watching is not None and event.startswith(WATCHED):
        _is_watching.append(event)


sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[list[str]]:
    """What reaches out of the process meanwhile."""
    global _is_watching  # noqa: PLW0603 - an audit hook cannot be taken away, only told to look elsewhere
    seen: list[str] = []
    _is_watching = seen
    try:
        yield seen
    finally:
        _is_watching = None


def test_a_look_outside_is_seen() -> None:
    with watched() as seen:
        Path(__file__).read_bytes()

    assert seen == ["open"]


def meant(module: Any, part: str, settings: Any, raw: Any) -> bytes:
    try:
        return repr(module.normalise(part, settings, raw)).encode()
    except RecordError as error:
        return str(error).encode()


@of_every_part
def test_normalise_is_pure(runner: CaseRunner, part: str) -> None:
    raws = [raw for result in runner.pages(part) for raw in result.raws]
    before = repr(raws)
    first = [meant(runner.module, part, runner.settings, raw) for raw in raws]
    with watched() as seen:
        again = [meant(runner.module, part, runner.settings, raw) for raw in reversed(raws)]

    assert again == first[::-1]
    assert repr(raws) == before
    assert seen == []


@of_every_part
def test_ids_are_unique(runner: CaseRunner, part: str) -> None:
    refs = Counter((type(record), record.source_id) for record in runner.records(part))

    assert [ref for ref, count in refs.items() if count > 1] == []
    assert all(source_id for _, source_id in refs)


@of_every_part
def test_every_item_is_of_a_known_type_and_every_instant_is_aware(runner: CaseRunner, part: str) -> None:
    for noted in runner.noted(part):
        assert isinstance(noted, Record | Credential | UnknownValue | UnreadableFact | DroppedRow | MarkWord)
        if isinstance(noted, Record):
            values = msgspec.structs.asdict(noted).values()
            assert all(value.utcoffset() is not None for value in values if isinstance(value, datetime))
        if isinstance(noted, Credential):
            assert noted.expires_at.utcoffset() is not None


@of_every_part
def test_what_is_not_known_is_none_and_no_sentinel(runner: CaseRunner, part: str) -> None:
    for record in runner.records(part):
        for field, value in msgspec.structs.asdict(record).items():
            assert value != "", field
            assert not (hasattr(value, "year") and not 1900 < value.year < 2100), field


# ------------------------------------------------------------------------------------------------- what is never kept

NEVER_KEPT = frozenset(
    {
        "birth", "birthday", "birthdate", "sex", "gender", "phone", "phones", "telephone", "mobile", "photo", "photos",
        "guardian", "guardians", "grade", "grades", "absence", "salary", "wage", "cause", "reason", "latitude", "longitude",
        "gps", "app", "apps", "imei", "meid", "iccid", "mac", "wifi", "ethernet", "ip", "notes", "note", "comment",
        "comments", "street", "postal", "zip", "password",
    }
)  # fmt: skip

OTHER_MEANINGS = frozenset({("oneroster", "grades")})
"""Fields that are called like something that is never kept and are not: OneRoster's grades are school years, no marks."""


def words(name: str) -> frozenset[str]:
    """The words of a field's name. A mobile device is a device, while "mobile" alone is a number to call."""
    name = re.sub(r"mobile_?device", "device", name, flags=re.IGNORECASE)
    return frozenset(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).casefold().split("_"))


def structs(module: ModuleType) -> list[type[msgspec.Struct]]:
    """The structures of a connector; of a folder, those of all its modules."""
    names = [f"{module.__name__}.{each.name}" for each in iter_modules(getattr(module, "__path__", ()))]
    modules = [module, *map(import_module, names)]
    return [
        value
        for each in modules
        for value in vars(each).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == each.__name__
    ]


@of_every_kind
def test_no_structure_has_a_field_for_what_is_never_kept(kind: str) -> None:
    module: Any = load_connector(kind)
    fields = [
        (struct.__name__, name)
        for struct in structs(module)
        for field in msgspec.structs.fields(struct)
        for name in (field.name, field.encode_name)
        if (kind, name) not in OTHER_MEANINGS
    ]

    assert [(struct, name) for struct, name in fields if words(name) & NEVER_KEPT] == []


def test_the_words_of_a_field_are_told_apart() -> None:
    assert words("wiFiMacAddress") & NEVER_KEPT
    assert words("ip_address") & NEVER_KEPT
    assert not words("machine_description") & NEVER_KEPT
    assert not words("mobileDeviceId") & NEVER_KEPT
    assert words("mobilePhone") & NEVER_KEPT


def text_of(file: Path) -> str:
    """A payload as text; a workbook's cells too."""
    if not zipfile.is_zipfile(file):
        return file.read_bytes().decode("utf-8", "replace")
    with zipfile.ZipFile(file) as archive:
        return "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


@of_every_part
def test_what_is_never_kept_is_in_the_payloads_and_in_no_record(runner: CaseRunner, part: str) -> None:
    recorded = "".join(text_of(runner.case.recorded(name)) for name in runner.case.payloads)
    pages = runner.pages(part)
    items = runner.items_of(part, pages)
    kept = b"".join(map(msgspec.json.encode, records_in(items))).decode()

    assert CANARY in recorded.casefold()
    assert CANARY not in kept.casefold()
    assert CANARY not in repr(as_new(items)).casefold()
    assert CANARY not in repr(pages).casefold()


# ------------------------------------------------------------------------------------------ rows that have not changed


@of_every_part
def test_a_contact_split_from_a_row_is_the_one_of_its_record_and_nothing_else_goes(
    runner: CaseRunner, part: str
) -> None:
    split_contact = getattr(runner.module, "split_contact", None)
    if split_contact is None:
        pytest.skip("its rows have no contact that moves by itself")

    for raw in (raw for page in runner.pages(part) for raw in page.raws):
        with suppress(RecordError):
            items = runner.module.normalise(part, runner.settings, raw)
            rest, contact = split_contact(runner.settings, raw)

            without = runner.module.normalise(part, runner.settings, rest)

            assert [_with_contact(item, contact) for item in without] == list(items)


def _with_contact(item: Any, contact: datetime | None) -> Any:
    return msgspec.structs.replace(item, last_contact_at=contact) if isinstance(item, DeviceRecord) else item


@of_every_part
def test_a_second_pull_that_passes_over_the_same_rows_comes_to_the_same(
    runner: CaseRunner, part: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("databases")  # not the one that the files of the case are read from
    quick = _two_pulls(runner, part, folder / "quick.db", judges_anew=False)
    whole = _two_pulls(runner, part, folder / "whole.db", judges_anew=True)

    assert quick == whole


def _two_pulls(runner: CaseRunner, part: str, database: Path, *, judges_anew: bool) -> list[object]:
    """What comes of pulling *part* twice. *judges_anew*: the second time every row is normalised again."""
    shown: list[object] = []
    clock, rules = ManualClock(MONDAY), NormalisationRules(Policy(), SECRET_KEY, SECRET_KEY)
    write_empty_database(database)
    read_again = {"fingerprint": None} | ({"judged_under": None} if judges_anew else {})
    with ledger_at(database) as ledger:
        pull_runner = PullRunner(ledger, clock, rules, lambda _: OutboundNetwork())
        for _ in range(2):
            with ledger._write_transaction() as connection:
                connection.execute(update(tables.part_scope).values(read_again))
            pulled = pull_runner.pull(Source(runner.settings, runner.module), runner.part(part), threading.Event())
            assert pulled.verdict is Verdict.COMPLETE, pulled.reason
            effect = ledger.effect(pulled.pull)
            ledger.apply(effect, PullLimits())
            rows = [msgspec.structs.replace(row, read_fingerprint=None) for row in effect.rows]
            shown += [rows, msgspec.structs.replace(effect, scopes=(), rows=())]
            clock.set(clock.now() + timedelta(hours=2))
        return [*shown, believed_records(ledger)]


# --------------------------------------------------------------------------------------------------------------- probe


@of_every_case
def test_a_probe_finds_every_part_of_a_source_in_order(runner: CaseRunner) -> None:
    if not hasattr(runner.module, "probe"):
        return
    findings = runner.findings()

    assert all(isinstance(finding, ProbeResult) and finding.ok for finding in findings)
    assert {finding.part for finding in findings} >= set(runner.case.expected_counts)


@on_every_listing
def test_a_probe_says_what_to_grant(runner: CaseRunner, part: str) -> None:
    if not hasattr(runner.module, "probe"):
        return
    listings = runner.case.listings
    runner.server.fail(listings[part], 0, RecordedFault(403, b"{}"))
    # A part that a system may do without is no failure, and says what to grant all the same.
    refused = [finding for finding in runner.findings() if not finding.ok or "not needed here" in finding.what]

    assert [finding.part for finding in refused] == [
        name for name, listing in listings.items() if listing.path == listings[part].path
    ]
    for finding in refused:
        assert finding.what
        assert finding.remedy
        assert SECRET not in finding.what + finding.remedy
