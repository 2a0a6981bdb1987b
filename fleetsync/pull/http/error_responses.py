"""What a refusal means to the person who reads it.

The other side's words are shown where they help, after everything that could be a secret, an address with a query, or
a person has been taken out of them. Where we asked for people by their ids, an answer may name them in any words: of that
only the error's code is shown.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import requests

from fleetsync.pull.contract import PageTokenExpired, PartMissing, PullError, QueryRefused, SourceRefused
from fleetsync.pull.http.address import Origin
from fleetsync.pull.http.retrying import RETRIED_STATUSES, RetryableError, parse_retry_after

_MAX_MESSAGE_CHARACTERS = 240
_MISSING_STATUSES = frozenset({404, 405, 501})
_REJECTED_QUERY_STATUSES = frozenset({400, 422})
_QUOTA_REASONS = frozenset({"userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded"})

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
    re.compile(r"\(.*\)|\(.*$", re.DOTALL),  # what is in brackets or quoted is what it was about
    re.compile(r"\[.*\]|\[.*$", re.DOTALL),
    re.compile(r"[\"“”„«»][^\"“”„«»]*(?:[\"“”„«»]|$)"),
    re.compile(r"(?<!\w)['‘’`´][^'‘’`´]*(?:['‘’`´]|$)"),  # and not the one in "doesn't"
    re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE),  # an id
    re.compile(r"\b\d(?:[ +-]?\d){5,}\b"),  # a civic number, or another of a person
    re.compile(r"[\w.~+/=-]{40,}"),  # a token
)
# The code of an error is one word, which no name with its blank is, nor an id.
_ERROR_CODE = re.compile(r"(?!.*\d{6})[A-Za-z0-9]+(?:[_.][A-Za-z0-9]+)*")
_MAX_ERROR_CODE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class RequestDescription:
    """What a request was for, as far as a refusal needs it. *by_id*: it named what it wants, so that the answer may too."""

    source: str
    origin: Origin
    needs: str = ""
    may_be_missing: bool = False
    is_later_page: bool = False
    secrets: frozenset[str] = frozenset()
    names_ids: bool = False

    def remedy(self) -> str:
        return f"then run: fleetsync check {self.source}"


def response_error(answer: requests.Response, asked: RequestDescription) -> PullError | None:
    """Why *answer* is none; None when it is one."""
    status = answer.status_code
    if 200 <= status < 300:
        return None
    if status in RETRIED_STATUSES or (status == 403 and _is_quota(answer)):
        return retryable_error(answer, asked.source, asked.origin)
    if status == 410 or (asked.is_later_page and status == 400):
        return _page_token_error(answer, asked)
    if status in _MISSING_STATUSES:
        return _not_found_error(answer, asked)
    if status in (401, 403):
        return _permission_error(answer, asked)
    refusal = QueryRefused if status in _REJECTED_QUERY_STATUSES else SourceRefused
    return refusal(
        f"{asked.source}: {asked.origin} refused the request ({status}){error_message(answer, asked)}. Check the "
        f"[[source]] table, {asked.remedy()}"
    )


def retryable_error(answer: requests.Response, source: str, origin: Origin) -> RetryableError:
    """A status that may be another next time."""
    status, headers = answer.status_code, answer.headers
    is_rate_limited = status in (403, 429)
    says = f"{origin} asks for patience ({status})" if is_rate_limited else f"{origin} is not in order ({status})"
    return RetryableError(
        f"{source}: {says}", parse_retry_after(headers.get("Retry-After"), headers.get("Date")), is_rate_limited
    )


def _page_token_error(answer: requests.Response, asked: RequestDescription) -> PullError:
    if asked.may_be_missing and not asked.is_later_page:
        return _not_found_error(answer, asked)
    return PageTokenExpired(
        f"{asked.source}: {asked.origin} no longer knows where the listing was ({answer.status_code}). It is read from "
        "the beginning at the next pull"
    )


def _not_found_error(answer: requests.Response, asked: RequestDescription) -> PullError:
    if asked.may_be_missing and not asked.is_later_page:
        return PartMissing(f"{asked.source}: {asked.origin} does not have this part ({answer.status_code})")
    right = f" or the right {asked.needs} is not granted" if asked.needs and answer.status_code == 405 else ""
    return SourceRefused(
        f"{asked.source}: {asked.origin} has nothing at the address that was asked for ({answer.status_code})"
        f"{error_message(answer, asked)}. The base address is wrong, the version is another{right}; correct the "
        f"[[source]] table, {asked.remedy()}"
    )


def _permission_error(answer: requests.Response, asked: RequestDescription) -> SourceRefused:
    status, said = answer.status_code, error_message(answer, asked)
    if status == 401:
        return SourceRefused(
            f"{asked.source}: {asked.origin} does not accept our credential (401){said}. Renew it over there and here, "
            f"{asked.remedy()}"
        )
    grant = f"Grant the permission {asked.needs} (and consent, where that is a step of its own)"
    return SourceRefused(
        f"{asked.source}: {asked.origin} refused our token (403){said}. "
        f"{grant if asked.needs else 'Grant this client the right to read'}, {asked.remedy()}"
    )


# --------------------------------------------------------------------------------------------------- the token endpoint


def token_response_error(
    answer: requests.Response, source: str, origin: Origin, secrets: frozenset[str]
) -> PullError | None:
    """Why the answer of a token endpoint holds no token; None when it does."""
    said = _json(answer)
    if answer.status_code in RETRIED_STATUSES:
        return retryable_error(answer, source, origin)
    if answer.status_code == 200 and isinstance(said.get("access_token"), str):
        return None if str(said.get("token_type", "bearer")).lower() == "bearer" else _token_type_error(source, origin)
    if answer.status_code == 200 and not said:
        return RetryableError(f"{source}: {origin} answered a request for a token with {_describe_body(answer)}")
    return SourceRefused(
        f"{source}: no token from {origin} ({answer.status_code}): {_token_reason(answer, said, secrets)}. "
        f"Correct it, then run: fleetsync check {source}"
    )


def _token_type_error(source: str, origin: Origin) -> SourceRefused:
    return SourceRefused(f"{source}: {origin} gives tokens that are no bearer tokens. Check the token address")


def _token_reason(answer: requests.Response, said: Mapping[str, Any], secrets: frozenset[str]) -> str:
    code, description = said.get("error"), str(said.get("error_description") or "")
    entra = re.search(r"AADSTS(\d+)", description)
    if entra is not None and int(entra[1]) in _ENTRA_ERRORS:
        return f"{_ENTRA_ERRORS[int(entra[1])]} (AADSTS{entra[1]})"
    if isinstance(code, str):
        theirs = ": ".join(filter(None, (redacted(one.partition("\n")[0], secrets) for one in (code, description))))
        return f"{_OAUTH_ERRORS.get(code, 'the request was refused')} ({theirs})"
    if 300 <= answer.status_code < 400:
        return "the token address leads elsewhere, and the secret does not follow; check it"
    if answer.status_code in _MISSING_STATUSES:
        return "there is no token endpoint at that address; check it"
    if answer.status_code == 200:
        return "the answer holds none; check the token address"
    return "the client id, or the secret or key that proves it, was not accepted"


# --------------------------------------------------------------------------------------------------------- their words


def non_json_description(answer: requests.Response, body: bytes) -> str | None:
    """What came in place of JSON, by its look; None when it may be JSON."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml") or body.lstrip()[:1] == b"<":
        return "a web page instead of JSON: a sign-in page, a proxy or a notice of maintenance is in between"
    return None


def _describe_body(answer: requests.Response) -> str:
    return non_json_description(answer, answer.content) or "something that is no JSON"


def error_message(answer: requests.Response, asked: RequestDescription) -> str:
    """What the other side says about it, as `: …` to put behind a status; empty when it says nothing usable."""
    said = _json(answer)
    prose = "" if asked.names_ids else next((text for text in _error_texts(said) if text), "")
    found = without_person_names(redacted(prose, asked.secrets))
    if not any(map(str.isalnum, found)):
        found = next((redacted(code, asked.secrets) for code in _error_codes(said)), "")
    return f": {found}" if found else ""


def redacted(text: str, secrets: frozenset[str]) -> str:
    """*text* in one line, cut, without secrets, addresses, log-ins, ids, numbers, and what is quoted or in brackets."""
    for secret in secrets:
        text = text.replace(secret, "…") if secret else text
    for pattern in _REDACTED_PATTERNS:
        text = pattern.sub("…", text)
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _MAX_MESSAGE_CHARACTERS else f"{text[:_MAX_MESSAGE_CHARACTERS].rstrip()}…"


def without_person_names(text: str) -> str:
    """*text* without words that are written as names are, but for one that begins a sentence by itself."""
    found = text.split()
    kept = ("…" if _may_be_name(found, at) else word for at, word in enumerate(found))
    return re.sub(r"…(?: …)+", "…", " ".join(kept))


def _may_be_name(found: Sequence[str], at: int) -> bool:
    if not _is_capitalised(found[at]):
        return False
    begins = at == 0 or found[at - 1].endswith((".", "!", "?"))
    ends = at + 1 == len(found) or found[at].endswith((".", "!", "?"))
    return not begins or (not ends and _is_capitalised(found[at + 1]))


def _is_capitalised(word: str) -> bool:
    """As Anna, Lind-Ek and ANNA are, and a right (Device.Read.All) or a code (BAD_REQUEST, AADSTS50034) is not."""
    letters = re.sub(r"['’-]", "", word.strip(".,:;!?"))
    return letters.isalpha() and (word.istitle() or word.isupper())


def _error_codes(said: Mapping[str, Any]) -> Iterator[str]:
    """Graph and Google: error.code, error.status; Apple and Jamf: errors[].code; OAuth: error; others: code."""
    error, errors = said.get("error"), said.get("errors")
    told = [error.get("code"), error.get("status")] if isinstance(error, dict) else [error]
    told += [one.get("code") for one in (errors if isinstance(errors, list) else ()) if isinstance(one, dict)]
    for code in (*told, said.get("code")):
        if isinstance(code, str) and len(code) <= _MAX_ERROR_CODE_CHARACTERS and _ERROR_CODE.fullmatch(code):
            yield code


def _error_texts(said: Mapping[str, Any]) -> Iterator[str]:
    """Graph and Google: error.message; Apple and Jamf: errors[].code; others: message, error, detail."""
    error = said.get("error")
    if isinstance(error, dict):
        yield _unwrapped_message(str(error.get("message") or ""))
    for name in ("message", "error_description", "error", "detail", "title"):
        if isinstance(text := said.get(name), str):
            yield text


def _unwrapped_message(message: str) -> str:
    """Intune puts JSON text into the message; what it says is in there under Message."""
    if not message.lstrip().startswith("{"):
        return message
    try:
        inner = msgspec.json.decode(message)
    except msgspec.DecodeError:
        return ""
    text = inner.get("Message") if isinstance(inner, dict) else None
    # From "Url:" on it repeats what was asked.
    return re.split(r"\s*-?\s*\b(?:Url|Operation ID)\b", text)[0] if isinstance(text, str) else ""


def _is_quota(answer: requests.Response) -> bool:
    error = _json(answer).get("error")
    reasons = error.get("errors") if isinstance(error, dict) else None
    each = reasons if isinstance(reasons, list) else []
    return any(isinstance(one, dict) and one.get("reason") in _QUOTA_REASONS for one in each)


def _json(answer: requests.Response) -> Mapping[str, Any]:
    try:
        said = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}
