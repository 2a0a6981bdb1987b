"""Sends requests, follows pages and decodes answers: the implementation of `contract.Client`."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import msgspec
import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from fleetsync.pull.contract import (
    Decode,
    DecodedResponse,
    NextPage,
    Params,
    PullError,
    SourceRefused,
    SourceUnavailable,
)
from fleetsync.pull.http.address import Origin, join_path, resolve_link, url_with_query
from fleetsync.pull.http.error_responses import RequestDescription, non_json_description, response_error
from fleetsync.pull.http.exchange import BoundedSession, RequestMeter
from fleetsync.pull.http.retrying import MAX_ATTEMPTS, PullDeadline, RequestPacer, RetryableError, retry_wait_seconds
from fleetsync.pull.http.sign_in import TokenSession

T = TypeVar("T")

_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE_DECODE_ERRORS = ("Expected ", "Object missing required field ", "JSON is malformed", "Input data was truncated")


class HttpClient:
    """A signed-in client for one origin. See `contract.Client` for what its methods promise."""

    def __init__(
        self,
        base_url: str,
        origin: Origin,
        session: BoundedSession,
        deadline: PullDeadline,
        meter: RequestMeter,
        secrets: frozenset[str],
        pacer: RequestPacer | None = None,
    ) -> None:
        self._base_url = base_url
        self._origin = origin
        self._session = session
        self._deadline = deadline
        self._meter = meter
        self._secrets = secrets
        self._pacer = pacer

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        decode: Decode[T],
        needs: str = "",
        may_be_missing: bool = False,
    ) -> T:
        return self.get_with_headers(path, params, decode=decode, needs=needs, may_be_missing=may_be_missing).body

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
    ) -> Iterator[T]:
        first = join_path(self._base_url, path)
        url, seen = self._checked_url(first, params), set[str]()
        while url not in seen:
            description = self._describe_request(needs, may_be_missing, is_later_page=bool(seen))
            seen.add(url)
            page = self._with_retries("GET", url, description, decode).body
            yield page
            following = next_page(page)
            if not following:
                return
            if isinstance(following, str):
                url = self._checked_url(resolve_link(url, following), None)
            else:
                url = self._checked_url(first, following)
        raise SourceUnavailable(
            f"{self._deadline.source}: {self._origin} sent a loop of pages: page {len(seen)} of the listing points to a page that "
            "was read before. Nothing of it is used; report it to the vendor if it continues"
        )

    def _describe_request(self, needs: str, may_be_missing: bool, is_later_page: bool = False) -> RequestDescription:
        return RequestDescription(
            self._deadline.source, self._origin, needs, may_be_missing, is_later_page, self._secrets
        )

    def _checked_url(self, url: str, params: Params | None) -> str:
        """The whole address, checked to be of our origin, because the token is sent with every request."""
        try:
            whole = url_with_query(url, params)
        except ValueError:
            whole = ""
        origin = Origin.of(whole)
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
        tries = Retrying(
            retry=retry_if_exception_type(RetryableError),
            wait=retry_wait_seconds,
            stop=self._should_stop if again else self._should_stop_unless_rate_limited,
            sleep=self._deadline.wait_for_source,
            before_sleep=self._count_retry,
            reraise=True,
        )
        try:
            return tries(self._attempt, method, url, description, decode, body)
        except RetryableError as error:
            count = int(tries.statistics["attempt_number"])
            raise SourceUnavailable(f"{error}; tried {count} {'time' if count == 1 else 'times'}") from None

    def _should_stop(self, state: RetryCallState) -> bool:
        return state.attempt_number >= MAX_ATTEMPTS or not self._deadline.has_time_for(state.upcoming_sleep)

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
                url = self._checked_url(resolve_link(url, response.headers.get("Location", "")), None)
            else:
                return response
        raise SourceUnavailable(f"{self._deadline.source}: {self._origin} redirects without end")

    def _send(self, method: str, url: str, body: bytes | None) -> requests.Response:
        if self._pacer is not None:
            self._deadline.wait(self._pacer.seconds_to_wait())
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self._session.request(method, url, data=body, headers=headers)

    def _renew(self, response: requests.Response) -> bool:
        if not isinstance(self._session, TokenSession):
            return False
        self._session.renew(refused=_credential_sent(response))
        return True

    def _decode(self, response: requests.Response, decode: Decode[T]) -> T:
        body = response.raw.getvalue() if isinstance(response.raw, io.BytesIO) else response.content
        try:
            return (
                decode.decode(body)
                if isinstance(decode, msgspec.json.Decoder)
                else msgspec.json.decode(body, type=decode)
            )
        except msgspec.ValidationError as error:
            raise self._schema_error(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            instead = non_json_description(response, body) or "broken JSON"
            raise RetryableError(f"{self._deadline.source}: {self._origin} sent {instead}") from None

    def _schema_error(self, error: msgspec.ValidationError) -> PullError:
        text, _, path = str(error).partition(" - at ")
        # Only these messages are known to quote names of the schema and never a value.
        message = text if text.startswith(_SAFE_DECODE_ERRORS) else "a value is not one of those that are documented"
        return SourceRefused(
            f"{self._deadline.source}: {self._origin} answered in another shape than documented: {message}"
            f"{f' at {path}' if path else ''}. The version of its interface has changed, or the address is another's"
        )


def _credential_sent(response: requests.Response) -> str:
    return str(response.request.headers.get("Authorization", "")).partition(" ")[2]
