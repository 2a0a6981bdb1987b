"""A stub of a school register's API, SS12000:2020 in versions 2.0 and 2.1, optionally with the deviations of Edlevo.

A page token must be sent without filters (else 400) and expires (410). The last page has no token; after a full last
page an empty one follows. Look-ups answer with a bare array. The API does not tell its version.
"""

import binascii
import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from itertools import count
from secrets import compare_digest
from typing import Literal

import msgspec

from fleetsync.clock import Clock
from fleetsync.demo.register import JsonObject, OrganisationRelation, RegisterContents, school_of_organisation
from fleetsync.demo.stub_server import (
    ServerFault,
    StubReply,
    StubRequest,
    StubServer,
    json_reply,
    refusal_status,
    retry_after_headers,
)

CLIENT, SECRET = "fleetsync-exempelby", "Exempelby-hemlighet-2"
LARGEST_LOOKUP = 500
RESOURCES = ("organisations", "persons", "groups", "duties", "placements")

_TOKEN_AND_BASE_PATHS = {
    False: ("/connect/token", "/ss12000/v2.0/"),
    True: ("/WE.Education.IdentityServer.Web/connect/token", "/WE.Education.IntegrationPortal.ExternalApi/api/v1/"),
}
_PAGING = frozenset({"limit", "pageToken"})
_DATES = ("startDate", "endDate")

StandardVersion = Literal["2.0", "2.1"]


class Ss12000Stub:
    """Answers as a school register does. *register*: returns the content of the day.

    *edlevo*: with the deviations of Edlevo. *largest_page*: most rows of a page, even if more are requested.
    *missing*: resource → status, for resources that it does not have. *page_token_seconds*: how long a page token is
    valid.
    """

    def __init__(
        self,
        register: Callable[[], RegisterContents],
        *,
        version: StandardVersion = "2.1",
        edlevo: bool = False,
        largest_page: int = 500,
        missing: Mapping[str, int] | None = None,
        token_seconds: int = 3600,
        page_token_seconds: float = 600.0,
        clock: Clock | None = None,
    ) -> None:
        self.version: StandardVersion = version
        self.edlevo = edlevo
        self.largest_page = largest_page
        self.missing = dict(missing or {})
        self.token_seconds = token_seconds
        self.page_token_seconds = page_token_seconds
        self._register = register
        self._clock = clock or Clock()
        self._tokens: dict[str, float] = {}
        self._numbers = count()
        self._last_listing: tuple[RegisterContents | None, object, Sequence[JsonObject]] = (None, None, ())
        self._stub_server = StubServer(self.answer, _refusal, "ss12000")

    @property
    def stub_server(self) -> StubServer:
        """The HTTP server: start it, make it fail, stop it."""
        return self._stub_server

    @property
    def base_url(self) -> str:
        """The base address of the resources."""
        return self._stub_server.address + _TOKEN_AND_BASE_PATHS[self.edlevo][1].rstrip("/")

    @property
    def token_url(self) -> str:
        """The address of the sign-in."""
        return self._stub_server.address + _TOKEN_AND_BASE_PATHS[self.edlevo][0]

    def answer(self, request: StubRequest) -> StubReply:
        """The answer of the API, or of its sign-in."""
        token_path, base = _TOKEN_AND_BASE_PATHS[self.edlevo]
        if request.path == token_path:
            return self._sign_in(request)
        if request.fault_kind == "token_expires":
            self._tokens.clear()
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or self._tokens.get(token, 0.0) <= self._clock.monotonic():
            return _error(401, "UNAUTHORIZED", "The token is missing or has expired.")
        if not request.path.startswith(base):
            return StubReply(404)
        resource, _, rest = request.path.removeprefix(base).partition("/")
        if resource in self.missing:
            return _error(self.missing[resource], "NOT_SUPPORTED", "This resource is not supported.")
        return self._resource(request, resource, rest)

    # --- sign-in ------------------------------------------------------------------------------------------------------

    def _sign_in(self, request: StubRequest) -> StubReply:
        form = request.form()
        client, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        if form.get("grant_type") != "client_credentials":
            return json_reply({"error": "unsupported_grant_type"}, 400)
        if client != CLIENT or not compare_digest(secret, SECRET):
            return json_reply({"error": "invalid_client"}, 400)
        token = sha256(f"{CLIENT}/{next(self._numbers)}/{self._clock.monotonic()}".encode()).hexdigest()
        self._tokens[token] = self._clock.monotonic() + self.token_seconds
        return json_reply({"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds})

    # --- resources ----------------------------------------------------------------------------------------------------

    def _resource(self, request: StubRequest, resource: str, rest: str) -> StubReply:
        register = self._register()
        if resource == "placements" and register.placements_forbidden:
            return _error(403, "FORBIDDEN", "The client may not read this.")
        if resource.lower() == "deletedentities" and request.method == "GET" and not rest:
            return self._deleted(request, register)
        if resource not in RESOURCES:
            return StubReply(404)
        if request.method == "POST":
            return self._lookup(request, resource, register) if rest == "lookup" else StubReply(404)
        if rest:
            matches = [row for row in self._all(resource, register) if row["id"] == rest.lower()]
            return json_reply(matches[0]) if matches else StubReply(404)
        return self._listing(request, resource, register)

    def _all(self, resource: str, register: RegisterContents) -> Iterable[JsonObject]:
        objects: Sequence[JsonObject] = getattr(register, resource)
        return objects if not self.edlevo and self.version == "2.1" else self._in_dialect(resource, objects)

    def _in_dialect(self, resource: str, objects: Iterable[JsonObject]) -> Iterable[JsonObject]:
        """The objects in the form of this version and vendor."""
        for row in objects:
            versioned = _as_version_20(resource, row) if self.version == "2.0" else row
            translated = _as_edlevo(resource, versioned) if self.edlevo else versioned
            if translated is not None:
                yield translated

    def _deleted(self, request: StubRequest, register: RegisterContents) -> StubReply:
        after = _instant(request.query_value("after"))
        if request.query_value("after") is not None and after is None:
            return _error(400, "BAD_REQUEST", "after must be an instant with its zone.")
        return json_reply({"data": register.deleted_since(after.date() if after else date.min)})

    def _lookup(self, request: StubRequest, resource: str, register: RegisterContents) -> StubReply:
        try:
            body = msgspec.json.decode(request.body, type=dict[str, list[str]])
        except msgspec.DecodeError:
            return _error(400, "BAD_REQUEST", "The body is not valid.")
        if sum(map(len, body.values())) > LARGEST_LOOKUP:
            return _error(503, "TOO_LARGE", "The answer is too large.")
        accepted = {name: frozenset(values) for name, values in body.items()}
        return json_reply([row for row in self._all(resource, register) if _is_looked_up(row, accepted)])

    # --- a listing ----------------------------------------------------------------------------------------------------

    def _listing(self, request: StubRequest, resource: str, register: RegisterContents) -> StubReply:
        limit = request.query_value("limit")
        if limit is not None and (not limit.isdigit() or not int(limit)):
            return _error(400, "BAD_REQUEST", "limit must be 1 or more.")
        token = request.query_value("pageToken")
        if token is None:
            query, offset = tuple(pair for pair in request.query if pair[0] not in _PAGING), 0
        else:
            cursor = self._cursor(request, resource, token)
            if isinstance(cursor, StubReply):
                return cursor
            query, offset = cursor
        problem = self._problem(resource, query)
        if problem is not None:
            return _error(400, "BAD_REQUEST", problem)
        objects = self._matching_objects(resource, query, register)
        size = min(int(limit or self.largest_page), self.largest_page)
        return self._page(request, resource, query, objects, offset, size, register)

    def _matching_objects(
        self, resource: str, query: tuple[tuple[str, str], ...], register: RegisterContents
    ) -> Sequence[JsonObject]:
        """All objects that match the query. The last result is cached, because a listing repeats it for every page."""
        register_then, query_then, objects = self._last_listing
        if register_then is not register or query_then != (resource, query):
            objects = list(filter(_filter_of(resource, query, register), self._all(resource, register)))
            self._last_listing = (register, (resource, query), objects)
        return objects

    def _cursor(
        self, request: StubRequest, resource: str, token: str
    ) -> tuple[tuple[tuple[str, str], ...], int] | StubReply:
        """The query and offset in a page token, or the error answer for a token that is not valid."""
        if any(name not in _PAGING for name, _ in request.query):
            return _error(400, "BAD_REQUEST", "pageToken cannot be combined with filters.")
        try:
            token_resource, pairs, offset, made_at, _ = json.loads(urlsafe_b64decode(token))
        except (binascii.Error, ValueError):
            return _error(400, "BAD_REQUEST", "The pageToken is unknown.")
        is_forgotten = request.fault_kind == "page_token_expired"
        if is_forgotten or self._clock.monotonic() - made_at > self.page_token_seconds:
            return _error(410, "GONE", "The pageToken has expired.")
        if token_resource != resource:
            return _error(400, "BAD_REQUEST", "The pageToken is of another resource.")
        return tuple((name, value) for name, value in pairs), offset

    def _problem(self, resource: str, query: Sequence[tuple[str, str]]) -> str | None:
        names = {name for name, _ in query}
        if any(name.startswith("meta.") and _instant(value) is None for name, value in query):
            return "meta filters must be instants with their zone."
        if self.edlevo and resource == "persons":
            asks_where = any(name.startswith("relationship.") and name != "relationship.entity.type" for name in names)
            if asks_where and "relationship.entity.type" not in names:
                return "relationship.organisation needs relationship.entity.type."
            if ("relationship.entity.type", "placement.owner") in query:
                return "placement.owner is not supported."
        return None

    def _page(
        self,
        request: StubRequest,
        resource: str,
        query: tuple[tuple[str, str], ...],
        objects: Sequence[JsonObject],
        offset: int,
        size: int,
        register: RegisterContents,
    ) -> StubReply:
        fault = request.fault_kind
        page = list(objects[offset : offset + size])
        following: int | None = offset + size
        if len(page) < size:
            following = None
        if fault == "loop":
            return self._paged(page, request.query_value("pageToken") or self._token(resource, query, offset))
        if fault == "duplicate" and following is not None:
            following -= 1
        elif fault == "empty_page":
            page, following = [], offset
        elif fault == "lost_rows":
            page, following = page[: len(page) // 10], None
        shown = [_expanded(resource, row, query, register) for row in page]
        return self._paged(shown, None if following is None else self._token(resource, query, following))

    def _paged(self, page: Sequence[JsonObject], token: str | None) -> StubReply:
        return json_reply({"data": page, **({"pageToken": token} if token else {})})

    def _token(self, resource: str, query: tuple[tuple[str, str], ...], offset: int) -> str:
        cursor = (resource, query, offset, self._clock.monotonic(), next(self._numbers))
        return urlsafe_b64encode(json.dumps(cursor).encode()).decode()


# --- filters ----------------------------------------------------------------------------------------------------------


def _basic(request: StubRequest) -> tuple[str, str] | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client, _, secret = b64decode(value).decode().partition(":")
    except ValueError:
        return None
    return client, secret


def _instant(text: str | None) -> datetime | None:
    """An instant with its zone; None for anything else."""
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant if instant.tzinfo else None


def _reference_or_text(row: JsonObject, field: str) -> str:
    """The id of a reference, or the text of a field."""
    value = row.get(field)
    return str(value.get("id", value.get("value", ""))) if isinstance(value, dict) else str(value or "")


def _is_below(field: str) -> Callable[[RegisterContents, JsonObject, frozenset[str]], bool]:
    def test(register: RegisterContents, row: JsonObject, accepted: frozenset[str]) -> bool:
        return any(
            _reference_or_text(row, field) in register.descendants.get(organisation, ()) for organisation in accepted
        )

    return test


def _is(field: str) -> Callable[[RegisterContents, JsonObject, frozenset[str]], bool]:
    return lambda _, row, accepted: _reference_or_text(row, field) in accepted


def _has_any(field: str) -> Callable[[RegisterContents, JsonObject, frozenset[str]], bool]:
    def test(_: RegisterContents, row: JsonObject, accepted: frozenset[str]) -> bool:
        values = row.get(field)
        texts = values if isinstance(values, list) else [values]
        return any((value.get("id") if isinstance(value, dict) else value) in accepted for value in texts)

    return test


_FILTERS: Mapping[str, Mapping[str, Callable[[RegisterContents, JsonObject, frozenset[str]], bool]]] = {
    "organisations": {
        "parent": _is("parentOrganisation"),
        "schoolUnitCode": _is("schoolUnitCode"),
        "organisationCode": _is("organisationCode"),
        "municipalityCode": _is("municipalityCode"),
        "type": _is("organisationType"),
        "schoolTypes": _has_any("schoolTypes"),
    },
    "persons": {"eduPersonPrincipalName": _has_any("eduPersonPrincipalNames"), "civicNo": _is("civicNo")},
    "groups": {
        "groupType": _is("groupType"),
        "schoolTypes": _is("schoolType"),
        "organisation": _is("organisation"),
    },
    "duties": {"organisation": _is_below("dutyAt"), "dutyRole": _is("dutyRole"), "person": _is("person")},
    "placements": {
        "organisation": _is_below("placedAt"),
        "group": _is("group"),
        "child": _is("child"),
        "owner": _has_any("owners"),
    },
}


def _filter_of(
    resource: str, query: Sequence[tuple[str, str]], register: RegisterContents
) -> Callable[[JsonObject], bool]:
    """Whether an object meets all filters of *query*. Unknown filters are ignored."""
    filters: dict[str, list[str]] = {}
    for name, value in query:
        filters.setdefault(name, []).append(value)
    known = _FILTERS[resource]
    tests = [(known[name], frozenset(values)) for name, values in filters.items() if name in known]
    asks_relations = resource == "persons" and any(name.startswith("relationship.") for name in filters)

    def is_wanted(row: JsonObject) -> bool:
        if not all(test(register, row, values) for test, values in tests):
            return False
        if asks_relations and not _is_related(register.relations.get(str(row["id"]), ()), filters):
            return False
        return _meets_date_filters(row.get("startDate"), row.get("endDate"), filters, "") and _meets_meta_filters(
            row, filters
        )

    return is_wanted


def _is_related(relations: Sequence[OrganisationRelation], filters: Mapping[str, Sequence[str]]) -> bool:
    kinds, organisations = filters.get("relationship.entity.type"), filters.get("relationship.organisation")
    return any(
        (kinds is None or relation.kind in kinds)
        and (organisations is None or relation.organisation in organisations)
        and _meets_date_filters(relation.first, relation.last, filters, "relationship.")
        for relation in relations
    )


def _meets_date_filters(first: object, last: object, filters: Mapping[str, Sequence[str]], prefix: str) -> bool:
    """Whether the dates meet the date filters. An object without the date always does."""
    for field, value in zip(_DATES, (first, last), strict=True):
        if value is None:
            continue
        before, after = filters.get(f"{prefix}{field}.onOrBefore"), filters.get(f"{prefix}{field}.onOrAfter")
        if (before and str(value) > before[0]) or (after and str(value) < after[0]):
            return False
    return True


def _meets_meta_filters(row: JsonObject, filters: Mapping[str, Sequence[str]]) -> bool:
    """Whether the stamps meet the filters: `after` is exclusive, `before` is inclusive."""
    meta = row.get("meta")
    if not isinstance(meta, dict) or not any(name.startswith("meta.") for name in filters):
        return True
    for field in ("created", "modified"):
        stamp = datetime.fromisoformat(str(meta[field]))
        after, before = (
            _instant(next(iter(filters.get(f"meta.{field}.{side}", ())), None)) for side in ("after", "before")
        )
        if (after and stamp <= after) or (before and stamp > before):
            return False
    return True


def _is_looked_up(row: JsonObject, accepted: Mapping[str, frozenset[str]]) -> bool:
    fields = {
        "ids": "id",
        "schoolUnitCodes": "schoolUnitCode",
        "organisationCodes": "organisationCode",
        "civicNos": "civicNo",
    }
    return any(_reference_or_text(row, fields[name]) in values for name, values in accepted.items() if name in fields)


# --- expand -----------------------------------------------------------------------------------------------------------

_EXPANDABLE_OF_PERSON = frozenset({"duties", "placements", "ownedPlacements", "groupMemberships"})
_REFERENCES = {"person": "person", "child": "child"}


def _expanded(
    resource: str, row: JsonObject, query: Sequence[tuple[str, str]], register: RegisterContents
) -> JsonObject:
    """The object, with `_embedded` for the query's `expand`."""
    words = {word for name, value in query if name == "expand" for word in value.split(",")}
    if not words:
        return row
    embedded: JsonObject = {}
    if resource == "persons":
        for word in words & _EXPANDABLE_OF_PERSON:
            embedded[word] = register.objects_by_person[word].get(str(row["id"]), [])
    for word in words & _REFERENCES.keys():
        person = _reference_or_text(row, _REFERENCES[word])
        embedded[word] = next((other for other in register.persons if other["id"] == person), None)
    return {**row, "_embedded": embedded}


# --- versions and vendors ---------------------------------------------------------------------------------------------


def _as_version_20(resource: str, row: JsonObject) -> JsonObject:
    """The object in version 2.0: without stamps, with another word for the reason, and without some enum values."""
    translated = {
        name: value for name, value in row.items() if name not in {"meta", "description"} or resource == "organisations"
    }
    if translated.get("reason") == "Omsorgsbehov":
        translated["reason"] = "Omsorg"
    if translated.get("organisationType") == "Förvaltning":
        translated["organisationType"] = "Övrigt"
    return translated


_FIELDS_EDLEVO_LACKS = {
    "organisations": frozenset({"organisationNumber"}),
    "persons": frozenset({"externalIdentifiers", "photo"}),
    "placements": frozenset({"owners"}),
}


def _as_edlevo(resource: str, row: JsonObject) -> JsonObject | None:
    """The object in Edlevo's form; None for objects that Edlevo does not have."""
    translated = {name: value for name, value in row.items() if name not in _FIELDS_EDLEVO_LACKS.get(resource, ())}
    if resource == "organisations":
        return _organisation_of_edlevo(translated)
    if resource == "groups":
        return {
            **translated,
            "organisation": {"id": school_of_organisation(_reference_or_text(translated, "organisation"))},
        }
    if resource == "duties" and translated["dutyRole"] not in {"Lärare", "Rektor"}:
        translated["dutyRole"] = "Annan personal"
    enrolments = translated.get("enrolments")
    if isinstance(enrolments, list):
        translated["enrolments"] = [
            {name: value for name, value in enrolment.items() if name != "cancelled"} for enrolment in enrolments
        ]
    return translated


def _organisation_of_edlevo(organisation: JsonObject) -> JsonObject | None:
    """Edlevo has only Skola and Skolenhet, without a root. A preschool is a Skola, and only it has a code."""
    if organisation["organisationType"] not in {"Skola", "Skolenhet"}:
        return None
    is_preschool = organisation.get("schoolTypes") == ["FS"]
    if is_preschool or organisation["organisationType"] == "Skola":
        organisation.pop("parentOrganisation", None)
        organisation["organisationType"] = "Skola"
    if not is_preschool:
        organisation.pop("organisationCode", None)
    return organisation


# --- refusals ---------------------------------------------------------------------------------------------------------


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> StubReply:
    reply = json_reply({"code": code, "message": message}, status)
    return StubReply(reply.status, reply.body, reply.kind, headers or {})


def _refusal(fault: ServerFault) -> StubReply:
    status = refusal_status(fault)
    return (
        StubReply(404) if status == 404 else _error(status, fault.kind.upper(), "Not now.", retry_after_headers(fault))
    )
