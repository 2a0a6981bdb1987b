"""Turns an error response into an exception whose text says what happened and what to do.

The source's own message is shown where it helps, after everything that could be a secret, an address with a query or a
person has been removed from it. Where people were requested by their ids, a response may name them in any words: then
only the error's code is shown.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import requests

from fleetsync.pull.contract import (
    AccessRefused,
    PageTokenExpired,
    PartMissing,
    PullError,
    QueryRefused,
    SourceRefused,
)
from fleetsync.pull.http.address import Origin
from fleetsync.pull.http.json_bodies import without_byte_order_mark
from fleetsync.pull.http.retrying import RETRIED_STATUSES, RetryableError, parse_retry_after

_MAX_MESSAGE_CHARACTERS = 240
_MISSING_STATUSES = frozenset({404, 405, 501})
_REJECTED_QUERY_STATUSES = frozenset({400, 422})
_BROKEN_LISTING_STATUSES = frozenset({400, 403, 404, 405})  # on a later page: the first one was given
_REFUSED_TOKEN_STATUSES = frozenset({400, 401, 403})
_PATIENCE_WORDS = re.compile(
    r"rate[ _-]?limit|daily[ _-]?limit|throttl|too[ _-]?many[ _-]?requests|quota[ _-]?exceeded", re.IGNORECASE
)
_RETRY_AFTER_FIELDS = frozenset({"retryafter", "retryafterseconds", "retrydelay"})
_WAIT_IN_WORDS = re.compile(r"\b(?:in|after|wait)\s+(\d{1,5})\s*(s|m)(?:ec|econds?|in|inutes?)?\b", re.IGNORECASE)
_MAX_ERROR_DEPTH, _MAX_ERROR_ENTRIES = 5, 20
_ERROR_HEAD_BYTES = 4096
_PLAIN_ERROR_FIELDS = frozenset({"code", "message", "detail", "details", "status", "timestamp", "retryAfter", "path"})

_ENTRA_ERRORS = {
    7000215: "the client secret is wrong; often its id was pasted instead of its value",
    7000222: "the client secret has expired; make a new one in the app registration",
    700016: "the client id is not known in this tenant; check tenant and client_id",
    90002: "there is no such tenant; check tenant",
    700027: "the certificate is not the one of the app registration, or the key does not belong to it",
    700024: "the signed request is outside of its time; check this machine's clock (NTP)",
    50034: "the account does not exist in this tenant, or conditional access stops it",
    53003: "conditional access stops this app; exempt its service principal",
}
_OAUTH_ERRORS = {
    "invalid_client": "the client id, or the secret or key that proves it, is wrong or was replaced",
    "invalid_grant": "the signed request was not accepted: key, account or this machine's clock is wrong",
    "invalid_scope": "the scope is not one that this client may ask for",
    "unauthorized_client": "the client may not ask for these scopes; with Google, delegate each of them to it",
    "access_denied": "the client was denied access",
}
_REDACTED_PATTERNS = (
    re.compile(r"\w+://\S+"),  # an address may hold a query, and that a token
    re.compile(r"\S+@\S+"),  # a log-in
    re.compile(r"\S*\\\S+|\b[a-zåäö]{2,}\d{2,}\w*"),  # an account, of a domain or as many are made up
    re.compile(r"\(.*\)|\(.*$", re.DOTALL),  # brackets and quotes hold what the message is about
    re.compile(r"\[.*\]|\[.*$", re.DOTALL),
    re.compile(r"[\"“”„«»][^\"“”„«»]*(?:[\"“”„«»]|$)"),
    re.compile(r"(?<!\w)['‘’`´][^'‘’`´]*(?:['‘’`´]|$)"),  # and not the one in "doesn't"
    re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE),  # an id
    re.compile(r"\b\d(?:[ +-]?\d){5,}\b"),  # a civic number, or another of a person
    re.compile(r"[\w.~+/=-]{40,}"),  # a token
)
# The code of an error is one word. A name with a blank is not, nor is an id.
_ERROR_CODE = re.compile(r"(?!.*\d{6})[A-Za-z0-9]+(?:[_.][A-Za-z0-9]+)*")
_MAX_ERROR_CODE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class RequestDescription:
    """What an error text needs to know of a request.

    *names_ids*: it named ids of people, so the response may name them too. *has_optional_query*: it may be asked without.
    """

    source: str
    origin: Origin
    needs: str = ""
    may_be_missing: bool = False
    may_be_forbidden: bool = False
    is_later_page: bool = False
    secrets: frozenset[str] = frozenset()
    names_ids: bool = False
    has_optional_query: bool = False

    def remedy(self) -> str:
        return f"then run: fleetsync check {self.source}"


def response_error(response: requests.Response, request: RequestDescription) -> PullError | None:
    """The error that a response stands for; None for a successful response."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    if status in RETRIED_STATUSES or (status == 403 and _asks_for_patience(response)):
        return retryable_error(response, request.source, request.origin)
    if status == 410 or (request.is_later_page and status in _BROKEN_LISTING_STATUSES):
        return _page_token_error(response, request)
    if status == 501 and request.has_optional_query:
        return QueryRefused(f"{request.source}: {request.origin} cannot answer the query (501)")
    if status in _MISSING_STATUSES:
        return _not_found_error(response, request)
    if status in (401, 403):
        return _permission_error(response, request)
    refusal = QueryRefused if status in _REJECTED_QUERY_STATUSES else SourceRefused
    return refusal(
        f"{request.source}: {request.origin} refused the request ({status}){error_message(response, request)}. Check the "
        f"[[source]] table, {request.remedy()}"
    )


def error_in_success(response: requests.Response, request: RequestDescription) -> PullError | None:
    """The error that a response with status 200 holds in place of what was requested; None where it holds none."""
    head = response_body(response)[:_ERROR_HEAD_BYTES]
    if b'"error' not in head and b'"Error' not in head and b'"code"' not in head:
        return None
    body = _json(response)
    is_page = any(isinstance(value, list) for name, value in body.items() if name != "errors")
    is_error = (
        any(body.get(name) for name in ("error", "errors", "Error"))
        or body.get("status") == "error"
        or ({"code", "message"} <= body.keys() <= _PLAIN_ERROR_FIELDS)
    )
    if is_page or not is_error:
        return None
    if _asks_for_patience(response):
        return retryable_error(response, request.source, request.origin)
    return RetryableError(
        f"{request.source}: {request.origin} sent an error in place of an answer{error_message(response, request)}"
    )


def retryable_error(response: requests.Response, source: str, origin: Origin) -> RetryableError:
    """The error for a response that may pass by itself."""
    status, headers = response.status_code, response.headers
    is_rate_limited = status in (200, 403, 429)
    problem = f"{origin} is limiting our rate ({status})" if is_rate_limited else f"{origin} is not working ({status})"
    seconds = parse_retry_after(headers.get("Retry-After"), headers.get("Date"))
    if seconds is None and (is_rate_limited or status == 503):
        seconds = _retry_after_in_body(_json(response))
    return RetryableError(
        f"{source}: {problem}", seconds, is_rate_limited, asks_for_patience=status == 503, status=status
    )


def _page_token_error(response: requests.Response, request: RequestDescription) -> PullError:
    if request.may_be_missing and not request.is_later_page:
        return _not_found_error(response, request)
    return PageTokenExpired(
        f"{request.source}: {request.origin} did not give the rest of a listing ({response.status_code}): its page token is no longer "
        "known, or it changed its mind while it was read. What was believed stays; the listing is read from the beginning"
    )


def _not_found_error(response: requests.Response, request: RequestDescription) -> PullError:
    if request.may_be_missing and not request.is_later_page:
        return PartMissing(
            f"{request.source}: {request.origin} does not have this part ({response.status_code})",
            has_json=_json_or_none(response) is not None,
        )
    right = f" or the right {request.needs} is not granted" if request.needs and response.status_code == 405 else ""
    return SourceRefused(
        f"{request.source}: {request.origin} has nothing at the address that was asked ({response.status_code})"
        f"{error_message(response, request)}. The base address is wrong, the version is another{right}; correct the "
        f"[[source]] table, {request.remedy()}"
    )


def _permission_error(response: requests.Response, request: RequestDescription) -> PullError:
    status, message = response.status_code, error_message(response, request)
    if status == 401:
        refusal = SourceRefused if request.is_later_page else AccessRefused
        return refusal(
            f"{request.source}: {request.origin} does not accept our credential (401){message}. Renew it at the source and here, "
            f"{request.remedy()}"
        )
    grant = f"Grant the permission {request.needs} (and consent, where that is a step of its own)"
    text = (
        f"{request.source}: {request.origin} refused our token (403){message}. "
        f"{grant if request.needs else 'Grant this client the right to read'}, {request.remedy()}"
    )
    return PartMissing(text, is_forbidden=True) if request.may_be_forbidden else AccessRefused(text)


# --------------------------------------------------------------------------------------------------- the token endpoint


def token_response_error(
    response: requests.Response, source: str, origin: Origin, secrets: frozenset[str]
) -> PullError | None:
    """The error for a token endpoint's response without a token; None when it holds one."""
    body = _json(response)
    if response.status_code in RETRIED_STATUSES:
        return retryable_error(response, source, origin)
    if response.status_code == 200 and isinstance(body.get("access_token"), str):
        return None if str(body.get("token_type", "bearer")).lower() == "bearer" else _token_type_error(source, origin)
    if response.status_code == 200 and not body:
        return RetryableError(f"{source}: {origin} answered a request for a token with {_describe_body(response)}")
    refusal = AccessRefused if response.status_code in _REFUSED_TOKEN_STATUSES else SourceRefused
    return refusal(
        f"{source}: no token from {origin} ({response.status_code}): {_token_reason(response, body, secrets)}. "
        f"Correct it, then run: fleetsync check {source}"
    )


def _token_type_error(source: str, origin: Origin) -> SourceRefused:
    return SourceRefused(f"{source}: {origin} gives tokens that are no bearer tokens. Check the token address")


def _token_reason(response: requests.Response, body: Mapping[str, Any], secrets: frozenset[str]) -> str:
    code, description = body.get("error"), str(body.get("error_description") or "")
    entra = re.search(r"AADSTS(\d+)", description)
    if entra is not None and int(entra[1]) in _ENTRA_ERRORS:
        return f"{_ENTRA_ERRORS[int(entra[1])]} (AADSTS{entra[1]})"
    if isinstance(code, str):
        message = ": ".join(filter(None, (redacted(text.partition("\n")[0], secrets) for text in (code, description))))
        return f"{_OAUTH_ERRORS.get(code, 'the request was refused')} ({message})"
    if 300 <= response.status_code < 400:
        return "the token address redirects elsewhere, and the secret is not sent there; check it"
    if response.status_code in _MISSING_STATUSES:
        return "there is no token endpoint at that address; check it"
    if response.status_code == 200:
        return "the answer holds none; check the token address"
    return "the client id, or the secret or key that proves it, was not accepted"


# ------------------------------------------------------------------------------------------------ the source's message


def non_json_description(response: requests.Response, body: bytes) -> str | None:
    """What the body seems to be in place of JSON; None when it may be JSON."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml") or body.lstrip()[:1] == b"<":
        return "a web page instead of JSON: a sign-in page, a proxy or a notice of maintenance is in between"
    return None


def _describe_body(response: requests.Response) -> str:
    return non_json_description(response, response.content) or "something that is no JSON"


def error_message(response: requests.Response, request: RequestDescription) -> str:
    """The source's own message, as `: …` to append to a status; empty when it says nothing usable."""
    body = _json(response)
    prose = "" if request.names_ids else next((text for text in _error_texts(body) if text), "")
    message = without_person_names(redacted(prose, request.secrets))
    if not any(map(str.isalnum, message)):
        message = next((redacted(code, request.secrets) for code in _error_codes(body)), "")
    return f": {message}" if message else ""


def redacted(text: str, secrets: frozenset[str]) -> str:
    """*text* in one line, cut, without secrets, addresses, log-ins, ids, numbers, quotes and brackets."""
    for secret in secrets:
        text = text.replace(secret, "…") if secret else text
    for pattern in _REDACTED_PATTERNS:
        text = pattern.sub("…", text)
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _MAX_MESSAGE_CHARACTERS else f"{text[:_MAX_MESSAGE_CHARACTERS].rstrip()}…"


def without_person_names(text: str) -> str:
    """*text* without words that are capitalised like names, except a single one that begins a sentence."""
    words = text.split()
    kept = ("…" if _may_be_name(words, place) else word for place, word in enumerate(words))
    return re.sub(r"…(?: …)+", "…", " ".join(kept))


def _may_be_name(words: Sequence[str], place: int) -> bool:
    if not _is_capitalised(words[place]):
        return False
    begins = place == 0 or words[place - 1].endswith((".", "!", "?"))
    ends = place + 1 == len(words) or words[place].endswith((".", "!", "?"))
    return not begins or (not ends and _is_capitalised(words[place + 1]))


def _is_capitalised(word: str) -> bool:
    """True of Anna, Lind-Ek and ANNA; not of a permission (Device.Read.All) or a code (BAD_REQUEST, AADSTS50034)."""
    letters = re.sub(r"['’-]", "", word.strip(".,:;!?"))
    return letters.isalpha() and (word.istitle() or word.isupper())


def _error_codes(body: Mapping[str, Any]) -> Iterator[str]:
    """Graph and Google: error.code, error.status; Apple and Jamf: errors[].code; OAuth: error; others: code."""
    error, errors = body.get("error"), body.get("errors")
    codes = [error.get("code"), error.get("status")] if isinstance(error, dict) else [error]
    codes += [entry.get("code") for entry in (errors if isinstance(errors, list) else ()) if isinstance(entry, dict)]
    for code in (*codes, body.get("code")):
        if isinstance(code, str) and len(code) <= _MAX_ERROR_CODE_CHARACTERS and _ERROR_CODE.fullmatch(code):
            yield code


def _error_texts(body: Mapping[str, Any]) -> Iterator[str]:
    """Graph and Google: error.message; Apple and Jamf: errors[].code; Snipe-IT: messages; others: message, error, detail."""
    error = body.get("error")
    if isinstance(error, dict):
        yield _unwrapped_message(str(error.get("message") or ""))
    for name in ("message", "messages", "error_description", "error", "detail", "title"):
        if isinstance(text := body.get(name), str):
            yield text


def _unwrapped_message(message: str) -> str:
    """Intune puts JSON into the message; the readable text is under Message."""
    if not message.lstrip().startswith("{"):
        return message
    try:
        inner = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return ""
    text = inner.get("Message") if isinstance(inner, dict) else None
    # From "Url:" on it repeats our request.
    return re.split(r"\s*-?\s*\b(?:Url|Operation ID)\b", text)[0] if isinstance(text, str) else ""


def _asks_for_patience(response: requests.Response) -> bool:
    """Whether a refusal is for our rate and not for our right: by a header, a code, a reason or a message."""
    if response.status_code == 403 and response.headers.get("Retry-After"):
        return True
    return any(_PATIENCE_WORDS.search(text) for text in _all_texts(_json(response)))


def _retry_after_in_body(body: Mapping[str, Any]) -> float | None:
    """The wait that a body asks for, as a field of its own or in words."""
    for name, value in _fields(body):
        if name.replace("_", "").replace("-", "").casefold() in _RETRY_AFTER_FIELDS:
            seconds = parse_retry_after(str(value), None)
            if seconds is not None:
                return seconds
    for text in _all_texts(body):
        if (match := _WAIT_IN_WORDS.search(text)) is not None:
            return float(match[1]) * (60 if match[2].casefold().startswith("m") else 1)
    return None


def _all_texts(body: Mapping[str, Any]) -> Iterator[str]:
    return (value for _, value in _fields(body) if isinstance(value, str))


def _fields(body: object, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The fields of an error's body at any depth that errors have."""
    if depth > _MAX_ERROR_DEPTH:
        return
    if isinstance(body, list):
        for entry in body[:_MAX_ERROR_ENTRIES]:
            yield from _fields(entry, depth + 1)
    elif isinstance(body, dict):
        for name, value in body.items():
            if isinstance(value, dict | list):
                yield from _fields(value, depth + 1)
            else:
                yield str(name), value


def response_body(response: requests.Response) -> bytes:
    """The bytes of a body that was read, without a byte order mark."""
    body = response.raw.getvalue() if isinstance(response.raw, io.BytesIO) else response.content
    return without_byte_order_mark(body)


def _json(response: requests.Response) -> Mapping[str, Any]:
    body = _json_or_none(response)
    return body if isinstance(body, dict) else {}


def _json_or_none(response: requests.Response) -> Any:
    """The decoded body; None where it is no JSON, or null."""
    try:
        return msgspec.json.decode(response_body(response))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
