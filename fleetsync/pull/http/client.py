"""Sends requests, follows pages and decodes answers: the implementation of `contract.Client`."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import msgspec
import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from fleetsync import log
from fleetsync.pull.contract import (
    Decode,
    DecodedResponse,
    NextPage,
    Params,
    PullError,
    QueryRefused,
    SourceRefused,
    SourceUnavailable,
    WrongAnswer,
)
from fleetsync.pull.decoding import next_page_text
from fleetsync.pull.http.address import Origin, join_path, resolve_link, url_with_query
from fleetsync.pull.http.error_responses import (
    RequestDescription,
    error_in_success,
    non_json_description,
    response_body,
    response_error,
)
from fleetsync.pull.http.exchange import BoundedSession, RequestMeter
from fleetsync.pull.http.json_bodies import repaired
from fleetsync.pull.http.paging import ListingWatch
from fleetsync.pull.http.retrying import (
    MAX_ATTEMPTS,
    MAX_OPTIONAL_ATTEMPTS,
    PullDeadline,
    RetryableError,
    retry_wait_seconds,
)
from fleetsync.pull.http.sign_in import TokenSession

logger = log.get(__name__)

T = TypeVar("T")

_MAX_REDIRECTS = 5
_FAILED_QUERY_STATUS = 500
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE_DECODE_ERRORS = ("Expected ", "Object missing required field ", "JSON is malformed", "Input data was truncated")


class HttpClient:
    """A signed-in client for one origin. See `contract.Client` for what its methods promise.

    *pace*: reserves a moment for the next request, and returns in how many seconds it is.
    """

    def __init__(
        self,
        base_url: str,
        origin: Origin,
        session: BoundedSession,
        deadline: PullDeadline,
        meter: RequestMeter,
        secrets: frozenset[str],
        pace: Callable[[], float] | None = None,
    ) -> None:
        self._base_url = base_url
        self._origin = origin
        self._session = session
        self._deadline = deadline
        self._meter = meter
        self._secrets = secrets
        self._pace = pace

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        decode: Decode[T],
        needs: str = "",
        may_be_missing: bool = False,
        may_be_forbidden: bool = False,
    ) -> T:
        url = self._checked_url(join_path(self._base_url, path), params)
        description = self._describe_request(needs, may_be_missing, may_be_forbidden)
        return self._with_retries("GET", url, description, decode).body

    def get_with_headers(
        self,
        path: str,
        params: Params | None = None,
        *,
        decode: Decode[T],
        needs: str = "",
        may_be_missing: bool = False,
    ) -> DecodedResponse[T]:
        url = self._checked_url(join_path(self._base_url, path), params)
        return self._with_retries("GET", url, self._describe_request(needs, may_be_missing), decode)

    def post(
        self,
        path: str,
        body: object = None,
        *,
        decode: Decode[T],
        needs: str = "",
        may_be_missing: bool = False,
        idempotent: bool = False,
    ) -> T:
        url = self._checked_url(join_path(self._base_url, path), None)
        description = replace(self._describe_request(needs, may_be_missing), names_ids=body is not None)
        return self._with_retries("POST", url, description, decode, msgspec.json.encode(body), again=idempotent).body

    def follow(
        self,
        path: str,
        params: Params | None = None,
        *,
        decode: Decode[T],
        next_page: Callable[[T], NextPage],
        needs: str = "",
        may_be_missing: bool = False,
        may_be_forbidden: bool = False,
        optional_query: bool = False,
    ) -> Iterator[T]:
        pages = self.follow_with_headers(
            path,
            params,
            decode=decode,
            next_page=lambda page: next_page(page.body),
            needs=needs,
            may_be_missing=may_be_missing,
            may_be_forbidden=may_be_forbidden,
            optional_query=optional_query,
        )
        for page in pages:
            yield page.body

    def follow_with_headers(
        self,
        path: str,
        params: Params | None = None,
        *,
        decode: Decode[T],
        next_page: Callable[[DecodedResponse[T]], NextPage],
        needs: str = "",
        may_be_missing: bool = False,
        may_be_forbidden: bool = False,
        optional_query: bool = False,
    ) -> Iterator[DecodedResponse[T]]:
        first = join_path(self._base_url, path)
        url, watch = self._checked_url(first, params), ListingWatch(self._deadline.source, self._origin)
        while url:
            description = replace(
                self._describe_request(needs, may_be_missing, may_be_forbidden),
                is_later_page=watch.has_begun,
                has_optional_query=optional_query and not watch.has_begun,
            )
            watch.take_link(url)
            try:
                page = self._with_retries("GET", url, description, decode)
            except QueryRefused as error:
                if description.has_optional_query:
                    logger.info("query refused, asked without it", source=self._deadline.source, reason=str(error))
                raise
            watch.take_page(page.body)
            yield page
            url = self._following_url(url, first, next_page(page))

    def _following_url(self, here: str, first: str, following: NextPage) -> str:
        """The address of the next page; empty after the last."""
        if not isinstance(following, str):
            return self._checked_url(first, following) if following else ""
        link = next_page_text(following)
        return "" if link is None else self._checked_url(resolve_link(here, link), None)

    def _describe_request(self, needs: str, may_be_missing: bool, may_be_forbidden: bool = False) -> RequestDescription:
        return RequestDescription(
            self._deadline.source, self._origin, needs, may_be_missing, may_be_forbidden, secrets=self._secrets
        )

    def _checked_url(self, url: str, params: Params | None, *, is_redirect: bool = False) -> str:
        """The whole address, checked to be of our origin, because the token is sent with every request."""
        try:
            whole = url_with_query(url, params)
        except ValueError:
            whole = ""
        origin = Origin.of(whole)
        if origin != self._origin and is_redirect:
            raise WrongAnswer(
                f"{self._deadline.source}: {self._origin} redirects to {origin or 'something that is no address'}. Nothing was "
                "sent there. A notice of maintenance passes by itself; if the system has moved, make that the base address"
            )
        if origin != self._origin:
            raise SourceRefused(
                f"{self._deadline.source}: the response points to {origin or 'something that is no address'}, which is not "
                f"{self._origin}. Nothing was sent there. If it is the same system, make it the base address"
            )
        return whole

    # ----------------------------------------------------------------------------------------------- attempts and retries

    def _with_retries(
        self,
        method: str,
        url: str,
        description: RequestDescription,
        decode: Decode[T],
        body: bytes | None = None,
        again: bool = True,
    ) -> DecodedResponse[T]:
        may_retry = self._should_stop if again else self._should_stop_unless_rate_limited
        tries = Retrying(
            retry=retry_if_exception_type(RetryableError),
            wait=retry_wait_seconds,
            stop=lambda state: may_retry(state) or (description.has_optional_query and _is_failed_query(state)),
            sleep=self._deadline.wait_for_source,
            before_sleep=self._count_retry,
            reraise=True,
        )
        try:
            return tries(self._attempt, method, url, description, decode, body)
        except RetryableError as error:
            count = int(tries.statistics["attempt_number"])
            text = f"{error}; tried {count} {'time' if count == 1 else 'times'}"
            if description.has_optional_query and error.status == _FAILED_QUERY_STATUS:
                raise QueryRefused(text) from None
            raise SourceUnavailable(text + self._patience_remedy(error)) from None

    def _patience_remedy(self, error: RetryableError) -> str:
        if not error.asks_for_patience:
            return ""
        queries = (
            f"asks for a wait of {error.retry_after_seconds:.0f} s"
            if error.retry_after_seconds
            else "asks for patience"
        )
        return (
            f". It {queries}, and the pull, which waited {self._deadline.waited_seconds:.0f} s in all, may not wait longer than "
            f"{self._deadline.wait_limit_seconds:.0f} s: raise wait_limit in the [[source]] table if this happens often"
        )

    def _should_stop(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        is_patient = isinstance(error, RetryableError) and error.asks_for_patience
        has_tried_enough = state.attempt_number >= MAX_ATTEMPTS and not is_patient
        return has_tried_enough or not self._deadline.has_time_for(state.upcoming_sleep)

    def _should_stop_unless_rate_limited(self, state: RetryCallState) -> bool:
        """For requests that may change something at the source. One that was refused for our rate has changed nothing."""
        error = state.outcome.exception() if state.outcome else None
        return not (isinstance(error, RetryableError) and error.is_rate_limited) or self._should_stop(state)

    def _count_retry(self, state: RetryCallState) -> None:
        self._meter.retries += 1
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RetryableError) and error.is_rate_limited:
            self._meter.rate_limited_seconds += state.upcoming_sleep

    def _attempt(
        self, method: str, url: str, description: RequestDescription, decode: Decode[T], body: bytes | None
    ) -> DecodedResponse[T]:
        response = self._exchange(method, url, body)
        if (
            refusal := response_error(
                response, replace(description, secrets=description.secrets | {_credential_sent(response)})
            )
        ) is not None:
            raise refusal
        if (mistaken := error_in_success(response, description)) is not None:
            raise mistaken
        headers = {name.lower(): value for name, value in response.headers.items()}
        return DecodedResponse(self._decode(response, decode), headers)

    def _exchange(self, method: str, url: str, body: bytes | None) -> requests.Response:
        """The response after at most a few redirects within our origin, with a new token if the old one was refused."""
        is_renewed = False
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._send(method, url, body)
            if response.status_code == 401 and not is_renewed and self._renew(response):
                is_renewed = True
            elif response.status_code in _REDIRECTS and method == "GET":
                target = resolve_link(url, response.headers.get("Location", ""))
                url = self._checked_url(target, None, is_redirect=True)
            else:
                return response
        raise WrongAnswer(
            f"{self._deadline.source}: {self._origin} redirects without end. Check the base address if it continues"
        )

    def _send(self, method: str, url: str, body: bytes | None) -> requests.Response:
        if self._pace is not None:
            self._deadline.wait_for_turn(self._pace())
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self._session.request(method, url, data=body, headers=headers)

    def _renew(self, response: requests.Response) -> bool:
        if not isinstance(self._session, TokenSession):
            return False
        self._session.renew(refused=_credential_sent(response))
        return True

    def _decode(self, response: requests.Response, decode: Decode[T]) -> T:
        body = response_body(response)
        try:
            return _decoded(body, decode)
        except msgspec.ValidationError as error:
            raise self._schema_error(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            instead = non_json_description(response, body) or _instead_of_json(response, body)
            raise RetryableError(f"{self._deadline.source}: {self._origin} sent {instead}") from None

    def _schema_error(self, error: msgspec.ValidationError) -> PullError:
        text, _, path = str(error).partition(" - at ")
        # Only these messages are known to quote names of the schema and never a value.
        message = text if text.startswith(_SAFE_DECODE_ERRORS) else "a value is not one of those that are documented"
        return WrongAnswer(
            f"{self._deadline.source}: {self._origin} answered in another shape than documented: {message}"
            f"{f' at {path}' if path else ''}. If it continues, the version of its interface has changed, or the address is "
            f"another's: check the base address, then run: fleetsync check {self._deadline.source}"
        )


def _instead_of_json(response: requests.Response, body: bytes) -> str:
    # 204 is "no content", which is not "no records": nothing of a listing may be believed by it.
    return "broken JSON" if body.strip() else f"an empty answer ({response.status_code}) where a listing was asked for"


def _decoded(body: bytes, decode: Decode[T]) -> T:
    """*body* decoded; where a byte of it is no letter, with that replaced."""
    decoder = decode if isinstance(decode, msgspec.json.Decoder) else msgspec.json.Decoder(decode)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return decoder.decode(repaired(body))


def _is_failed_query(state: RetryCallState) -> bool:
    """Whether the server failed on a query that may be left out, twice: asking as often as else would only take time."""
    error = state.outcome.exception() if state.outcome else None
    is_failed = isinstance(error, RetryableError) and error.status == _FAILED_QUERY_STATUS
    return is_failed and state.attempt_number >= MAX_OPTIONAL_ATTEMPTS


def _credential_sent(response: requests.Response) -> str:
    return str(response.request.headers.get("Authorization", "")).partition(" ")[2]
