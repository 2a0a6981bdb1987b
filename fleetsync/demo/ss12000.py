"""A stand-in of a school register's interface, SS12000:2020 in its versions 2.0 and 2.1, and with Edlevo's deviations.

A place in a listing is a token that goes alone: with a filter beside it the answer is 400, and an old one is gone (410).
The last page has no token; when a full page happened to be the last, an empty one follows. Look-ups answer with a bare
array. Nothing here can be asked which version it is.
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
    """The system behind the stand. *register*: what it holds now.

    *edlevo*: speaks as Edlevo does. *largest_page*: however much is asked for. *missing*: resource → status of what it
    does not have. *page_token_seconds*: how long a place in a listing is remembered.
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
        """The server to start, fail and stop."""
        return self._stub_server

    @property
    def base_url(self) -> str:
        """The address that the resources hang below."""
        return self._stub_server.address + _TOKEN_AND_BASE_PATHS[self.edlevo][1].rstrip("/")

    @property
    def token_url(self) -> str:
        """Where tokens are given."""
        return self._stub_server.address + _TOKEN_AND_BASE_PATHS[self.edlevo][0]

    def answer(self, asked: StubRequest) -> StubReply:
        """What the interface answers, or its sign-in."""
        token_path, base = _TOKEN_AND_BASE_PATHS[self.edlevo]
        if asked.path == token_path:
            return self._sign_in(asked)
        if asked.fault is not None and asked.fault.kind == "token_expires":
            self._tokens.clear()
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or self._tokens.get(token, 0.0) <= self._clock.monotonic():
            return _error(401, "UNAUTHORIZED", "The token is missing or has expired.")
        if not asked.path.startswith(base):
            return StubReply(404)
        resource, _, rest = asked.path.removeprefix(base).partition("/")
        if resource in self.missing:
            return _error(self.missing[resource], "NOT_SUPPORTED", "This resource is not supported.")
        return self._resource(asked, resource, rest)

    # --- sign-in ------------------------------------------------------------------------------------------------------

    def _sign_in(self, asked: StubRequest) -> StubReply:
        form = asked.form()
        client, secret = _basic(asked) or (form.get("client_id", ""), form.get("client_secret", ""))
        if form.get("grant_type") != "client_credentials":
            return json_reply({"error": "unsupported_grant_type"}, 400)
        if client != CLIENT or not compare_digest(secret, SECRET):
            return json_reply({"error": "invalid_client"}, 400)
        token = sha256(f"{CLIENT}/{next(self._numbers)}/{self._clock.monotonic()}".encode()).hexdigest()
        self._tokens[token] = self._clock.monotonic() + self.token_seconds
        return json_reply({"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds})

    # --- resources ----------------------------------------------------------------------------------------------------

    def _resource(self, asked: StubRequest, resource: str, rest: str) -> StubReply:
        register = self._register()
        if resource == "placements" and register.placements_forbidden:
            return _error(403, "FORBIDDEN", "The client may not read this.")
        if resource.lower() == "deletedentities" and asked.method == "GET" and not rest:
            return self._deleted(asked, register)
        if resource not in RESOURCES:
            return StubReply(404)
        if asked.method == "POST":
            return self._lookup(asked, resource, register) if rest == "lookup" else StubReply(404)
        if rest:
            found = [one for one in self._all(resource, register) if one["id"] == rest.lower()]
            return json_reply(found[0]) if found else StubReply(404)
        return self._listing(asked, resource, register)

    def _all(self, resource: str, register: RegisterContents) -> Iterable[JsonObject]:
        objects: Sequence[JsonObject] = getattr(register, resource)
        return objects if not self.edlevo and self.version == "2.1" else self._in_dialect(resource, objects)

    def _in_dialect(self, resource: str, objects: Iterable[JsonObject]) -> Iterable[JsonObject]:
        """Objects as this version, or this vendor, has them."""
        for one in objects:
            said = _as_version_20(resource, one) if self.version == "2.0" else one
            spoken = _as_edlevo(resource, said) if self.edlevo else said
            if spoken is not None:
                yield spoken

    def _deleted(self, asked: StubRequest, register: RegisterContents) -> StubReply:
        after = _instant(asked.one("after"))
        if asked.one("after") is not None and after is None:
            return _error(400, "BAD_REQUEST", "after must be an instant with its zone.")
        return json_reply({"data": register.deleted_since(after.date() if after else date.min)})

    def _lookup(self, asked: StubRequest, resource: str, register: RegisterContents) -> StubReply:
        try:
            body = msgspec.json.decode(asked.body, type=dict[str, list[str]])
        except msgspec.DecodeError:
            return _error(400, "BAD_REQUEST", "The body is not what it should be.")
        if sum(map(len, body.values())) > LARGEST_LOOKUP:
            return _error(503, "TOO_LARGE", "The answer is too large.")
        wanted = {name: frozenset(values) for name, values in body.items()}
        return json_reply([one for one in self._all(resource, register) if _is_looked_up(one, wanted)])

    # --- a listing ----------------------------------------------------------------------------------------------------

    def _listing(self, asked: StubRequest, resource: str, register: RegisterContents) -> StubReply:
        limit = asked.one("limit")
        if limit is not None and (not limit.isdigit() or not int(limit)):
            return _error(400, "BAD_REQUEST", "limit must be 1 or more.")
        token = asked.one("pageToken")
        if token is None:
            query, offset = tuple(pair for pair in asked.query if pair[0] not in _PAGING), 0
        else:
            place = self._cursor(asked, resource, token)
            if isinstance(place, StubReply):
                return place
            query, offset = place
        problem = self._problem(resource, query)
        if problem is not None:
            return _error(400, "BAD_REQUEST", problem)
        found = self._matching_objects(resource, query, register)
        size = min(int(limit or self.largest_page), self.largest_page)
        return self._page(asked, resource, query, found, offset, size, register)

    def _matching_objects(
        self, resource: str, query: tuple[tuple[str, str], ...], register: RegisterContents
    ) -> Sequence[JsonObject]:
        """All that meet the query; a listing asks for the same page by page, so the last one is remembered."""
        of, asked, found = self._last_listing
        if of is not register or asked != (resource, query):
            found = [one for one in self._all(resource, register) if _is_wanted(resource, one, query, register)]
            self._last_listing = (register, (resource, query), found)
        return found

    def _cursor(
        self, asked: StubRequest, resource: str, token: str
    ) -> tuple[tuple[tuple[str, str], ...], int] | StubReply:
        """The query and the offset that a token stands for, or why it stands for nothing."""
        if any(name not in _PAGING for name, _ in asked.query):
            return _error(400, "BAD_REQUEST", "pageToken cannot be combined with filters.")
        try:
            of, pairs, offset, made_at, _ = json.loads(urlsafe_b64decode(token))
        except (binascii.Error, ValueError):
            return _error(400, "BAD_REQUEST", "The pageToken is not one of ours.")
        is_forgotten = asked.fault is not None and asked.fault.kind == "page_token_expired"
        if is_forgotten or self._clock.monotonic() - made_at > self.page_token_seconds:
            return _error(410, "GONE", "The pageToken has expired.")
        if of != resource:
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
        asked: StubRequest,
        resource: str,
        query: tuple[tuple[str, str], ...],
        found: Sequence[JsonObject],
        offset: int,
        size: int,
        register: RegisterContents,
    ) -> StubReply:
        fault = asked.fault.kind if asked.fault else None
        page = list(found[offset : offset + size])
        following: int | None = offset + size
        if len(page) < size:
            following = None
        if fault == "loop":
            return self._paged(page, asked.one("pageToken") or self._token(resource, query, offset))
        if fault == "duplicate" and following is not None:
            following -= 1
        elif fault == "empty_page":
            page, following = [], offset
        elif fault == "lost_rows":
            page, following = page[: len(page) // 10], None
        shown = [_expanded(resource, one, query, register) for one in page]
        return self._paged(shown, None if following is None else self._token(resource, query, following))

    def _paged(self, page: Sequence[JsonObject], token: str | None) -> StubReply:
        return json_reply({"data": page, **({"pageToken": token} if token else {})})

    def _token(self, resource: str, query: tuple[tuple[str, str], ...], offset: int) -> str:
        place = (resource, query, offset, self._clock.monotonic(), next(self._numbers))
        return urlsafe_b64encode(json.dumps(place).encode()).decode()


# ------------------------------------------------------------------------------------------------------------- filters


def _basic(asked: StubRequest) -> tuple[str, str] | None:
    kind, _, value = asked.headers.get("authorization", "").partition(" ")
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
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def _reference_or_text(one: JsonObject, field: str) -> str:
    """The id of a reference, or the text of a field."""
    value = one.get(field)
    return str(value.get("id", value.get("value", ""))) if isinstance(value, dict) else str(value or "")


def _is_below(field: str) -> Callable[[RegisterContents, JsonObject, frozenset[str]], bool]:
    def test(register: RegisterContents, one: JsonObject, wanted: frozenset[str]) -> bool:
        return any(_reference_or_text(one, field) in register.descendants.get(at, ()) for at in wanted)

    return test


def _is(field: str) -> Callable[[RegisterContents, JsonObject, frozenset[str]], bool]:
    return lambda _, one, wanted: _reference_or_text(one, field) in wanted


def _has_any(field: str) -> Callable[[RegisterContents, JsonObject, frozenset[str]], bool]:
    def test(_: RegisterContents, one: JsonObject, wanted: frozenset[str]) -> bool:
        values = one.get(field)
        texts = values if isinstance(values, list) else [values]
        return any((value.get("id") if isinstance(value, dict) else value) in wanted for value in texts)

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


def _is_wanted(resource: str, one: JsonObject, query: Sequence[tuple[str, str]], register: RegisterContents) -> bool:
    """Whether an object meets all filters; a filter that is not known narrows nothing."""
    asked: dict[str, list[str]] = {}
    for name, value in query:
        asked.setdefault(name, []).append(value)
    tests = _FILTERS[resource]
    if not all(tests[name](register, one, frozenset(values)) for name, values in asked.items() if name in tests):
        return False
    if resource == "persons" and not _is_related(register.relations.get(str(one["id"]), ()), asked):
        return False
    return _meets_date_filters(one.get("startDate"), one.get("endDate"), asked, "") and _meets_meta_filters(one, asked)


def _is_related(relations: Sequence[OrganisationRelation], asked: Mapping[str, Sequence[str]]) -> bool:
    if not any(name.startswith("relationship.") for name in asked):
        return True
    kinds, places = asked.get("relationship.entity.type"), asked.get("relationship.organisation")
    return any(
        (kinds is None or relation.kind in kinds)
        and (places is None or relation.organisation in places)
        and _meets_date_filters(relation.first, relation.last, asked, "relationship.")
        for relation in relations
    )


def _meets_date_filters(first: object, last: object, asked: Mapping[str, Sequence[str]], prefix: str) -> bool:
    """By the date filters; what lacks the date is always included."""
    for field, value in zip(_DATES, (first, last), strict=True):
        if value is None:
            continue
        before, after = asked.get(f"{prefix}{field}.onOrBefore"), asked.get(f"{prefix}{field}.onOrAfter")
        if (before and str(value) > before[0]) or (after and str(value) < after[0]):
            return False
    return True


def _meets_meta_filters(one: JsonObject, asked: Mapping[str, Sequence[str]]) -> bool:
    """By the stamps: after is exclusive, before is not."""
    meta = one.get("meta")
    if not isinstance(meta, dict) or not any(name.startswith("meta.") for name in asked):
        return True
    for field in ("created", "modified"):
        stamp = datetime.fromisoformat(str(meta[field]))
        after, before = (
            _instant(next(iter(asked.get(f"meta.{field}.{side}", ())), None)) for side in ("after", "before")
        )
        if (after and stamp <= after) or (before and stamp > before):
            return False
    return True


def _is_looked_up(one: JsonObject, wanted: Mapping[str, frozenset[str]]) -> bool:
    fields = {
        "ids": "id",
        "schoolUnitCodes": "schoolUnitCode",
        "organisationCodes": "organisationCode",
        "civicNos": "civicNo",
    }
    return any(_reference_or_text(one, fields[name]) in values for name, values in wanted.items() if name in fields)


# --------------------------------------------------------------------------------------------------------------- expand

_EXPANDABLE_OF_PERSON = frozenset({"duties", "placements", "ownedPlacements", "groupMemberships"})
_REFERENCES = {"person": "person", "child": "child"}


def _expanded(
    resource: str, one: JsonObject, query: Sequence[tuple[str, str]], register: RegisterContents
) -> JsonObject:
    """With what *expand* asks for in `_embedded`."""
    asked = {word for name, value in query if name == "expand" for word in value.split(",")}
    if not asked:
        return one
    embedded: JsonObject = {}
    if resource == "persons":
        for word in asked & _EXPANDABLE_OF_PERSON:
            embedded[word] = register.objects_by_person[word].get(str(one["id"]), [])
    for word in asked & _REFERENCES.keys():
        person = _reference_or_text(one, _REFERENCES[word])
        embedded[word] = next((other for other in register.persons if other["id"] == person), None)
    return {**one, "_embedded": embedded}


# ---------------------------------------------------------------------------------------------------- versions and vendors


def _as_version_20(resource: str, one: JsonObject) -> JsonObject:
    """As version 2.0 has it: stamps are optional, a place is given for another reason, and some words are not there."""
    said = {
        name: value for name, value in one.items() if name not in {"meta", "description"} or resource == "organisations"
    }
    if said.get("reason") == "Omsorgsbehov":
        said["reason"] = "Omsorg"
    if said.get("organisationType") == "Förvaltning":
        said["organisationType"] = "Övrigt"
    return said


_FIELDS_EDLEVO_LACKS = {
    "organisations": frozenset({"organisationNumber"}),
    "persons": frozenset({"externalIdentifiers", "photo"}),
    "placements": frozenset({"owners"}),
}


def _as_edlevo(resource: str, one: JsonObject) -> JsonObject | None:
    """As Edlevo has it; None for what it does not have."""
    said = {name: value for name, value in one.items() if name not in _FIELDS_EDLEVO_LACKS.get(resource, ())}
    if resource == "organisations":
        return _organisation_of_edlevo(said)
    if resource == "groups":
        return {**said, "organisation": {"id": school_of_organisation(_reference_or_text(said, "organisation"))}}
    if resource == "duties" and said["dutyRole"] not in {"Lärare", "Rektor"}:
        said["dutyRole"] = "Annan personal"
    enrolments = said.get("enrolments")
    if isinstance(enrolments, list):
        said["enrolments"] = [{name: value for name, value in row.items() if name != "cancelled"} for row in enrolments]
    return said


def _organisation_of_edlevo(said: JsonObject) -> JsonObject | None:
    """Skola and Skolenhet alone, no root above them; a preschool is a Skola, and the only one with a code."""
    if said["organisationType"] not in {"Skola", "Skolenhet"}:
        return None
    is_preschool = said.get("schoolTypes") == ["FS"]
    if is_preschool or said["organisationType"] == "Skola":
        said.pop("parentOrganisation", None)
        said["organisationType"] = "Skola"
    if not is_preschool:
        said.pop("organisationCode", None)
    return said


# --------------------------------------------------------------------------------------------------------------- refusals


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> StubReply:
    reply = json_reply({"code": code, "message": message}, status)
    return StubReply(reply.status, reply.body, reply.kind, headers or {})


def _refusal(fault: ServerFault) -> StubReply:
    status = refusal_status(fault)
    return (
        StubReply(404) if status == 404 else _error(status, fault.kind.upper(), "Not now.", retry_after_headers(fault))
    )
