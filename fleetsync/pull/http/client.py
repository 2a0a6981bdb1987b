"""Asking, following and decoding: what `contract.Client` promises."""

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
    """One signed-in road to one origin. See `contract.Client` for what its methods promise."""

    def __init__(
        self,
        base_url: str,
        origin: Origin,
        road: BoundedSession,
        deadline: PullDeadline,
        meter: RequestMeter,
        secrets: frozenset[str],
        pacer: RequestPacer | None = None,
    ) -> None:
        self._base_url = base_url
        self._origin = origin
        self._session = road
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
        asked = replace(self._describe_request(needs, may_be_missing), names_ids=body is not None)
        return self._with_retries("POST", url, asked, decode, msgspec.json.encode(body), again=idempotent).body

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
            asked = self._describe_request(needs, may_be_missing, is_later_page=bool(seen))
            seen.add(url)
            page = self._with_retries("GET", url, asked, decode).body
            yield page
            following = next_page(page)
            if not following:
                return
            if isinstance(following, str):
                url = self._checked_url(resolve_link(url, following), None)
            else:
                url = self._checked_url(first, following)
        raise SourceUnavailable(
            f"{self._deadline.source}: {self._origin} led us in a circle: page {len(seen)} of the listing points to one that "
            "was read before. Nothing of it is believed; tell the vendor if it stays so"
        )

    def _describe_request(self, needs: str, may_be_missing: bool, is_later_page: bool = False) -> RequestDescription:
        return RequestDescription(
            self._deadline.source, self._origin, needs, may_be_missing, is_later_page, self._secrets
        )

    def _checked_url(self, url: str, params: Params | None) -> str:
        """The whole address, proven to be of our origin: the token goes along with whatever is asked."""
        try:
            whole = url_with_query(url, params)
        except ValueError:
            whole = ""
        origin = Origin.of(whole)
        if origin != self._origin:
            raise SourceRefused(
                f"{self._deadline.source}: we were pointed to {origin or 'something that is no address'}, which is not "
                f"{self._origin}. Nothing was sent there. If it is the same system, make it the base address"
            )
        return whole

    # ------------------------------------------------------------------------------------------------ one try, and more

    def _with_retries(
        self,
        method: str,
        url: str,
        asked: RequestDescription,
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
            return tries(self._attempt, method, url, asked, decode, body)
        except RetryableError as stumble:
            count = int(tries.statistics["attempt_number"])
            raise SourceUnavailable(f"{stumble}; tried {count} {'time' if count == 1 else 'times'}") from None

    def _should_stop(self, state: RetryCallState) -> bool:
        return state.attempt_number >= MAX_ATTEMPTS or not self._deadline.has_time_for(state.upcoming_sleep)

    def _should_stop_unless_rate_limited(self, state: RetryCallState) -> bool:
        """For what may change something over there; but what was refused for our rate has changed nothing."""
        stumble = state.outcome.exception() if state.outcome else None
        return not (isinstance(stumble, RetryableError) and stumble.is_rate_limited) or self._should_stop(state)

    def _count_retry(self, state: RetryCallState) -> None:
        self._meter.retries += 1
        stumble = state.outcome.exception() if state.outcome else None
        if isinstance(stumble, RetryableError) and stumble.is_rate_limited:
            self._meter.rate_limited_seconds += state.upcoming_sleep

    def _attempt(
        self, method: str, url: str, asked: RequestDescription, decode: Decode[T], body: bytes | None
    ) -> DecodedResponse[T]:
        answer = self._exchange(method, url, body)
        if (
            refusal := response_error(answer, replace(asked, secrets=asked.secrets | {_credential_sent(answer)}))
        ) is not None:
            raise refusal
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return DecodedResponse(self._decode(answer, decode), headers)

    def _exchange(self, method: str, url: str, body: bytes | None) -> requests.Response:
        """The answer behind at most a few redirects of our own origin, with a new token if the old was refused."""
        is_renewed = False
        for _ in range(_MAX_REDIRECTS + 1):
            answer = self._send(method, url, body)
            if answer.status_code == 401 and not is_renewed and self._renew(answer):
                is_renewed = True
            elif answer.status_code in _REDIRECTS and method == "GET":
                url = self._checked_url(resolve_link(url, answer.headers.get("Location", "")), None)
            else:
                return answer
        raise SourceUnavailable(f"{self._deadline.source}: {self._origin} redirects without end")

    def _send(self, method: str, url: str, body: bytes | None) -> requests.Response:
        if self._pacer is not None:
            self._deadline.wait(self._pacer.seconds_to_wait())
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self._session.request(method, url, data=body, headers=headers)

    def _renew(self, answer: requests.Response) -> bool:
        if not isinstance(self._session, TokenSession):
            return False
        self._session.renew(refused=_credential_sent(answer))
        return True

    def _decode(self, answer: requests.Response, decode: Decode[T]) -> T:
        body = answer.raw.getvalue() if isinstance(answer.raw, io.BytesIO) else answer.content
        try:
            return (
                decode.decode(body)
                if isinstance(decode, msgspec.json.Decoder)
                else msgspec.json.decode(body, type=decode)
            )
        except msgspec.ValidationError as error:
            raise self._schema_error(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            instead = non_json_description(answer, body) or "broken JSON"
            raise RetryableError(f"{self._deadline.source}: {self._origin} sent {instead}") from None

    def _schema_error(self, error: msgspec.ValidationError) -> PullError:
        text, _, path = str(error).partition(" - at ")
        # Of these alone it is known that they quote names of the schema and never a value.
        says = text if text.startswith(_SAFE_DECODE_ERRORS) else "a value is not one of those that are documented"
        return SourceRefused(
            f"{self._deadline.source}: {self._origin} answered in another shape than documented: {says}"
            f"{f' at {path}' if path else ''}. The version of its interface has changed, or the address is another's"
        )


def _credential_sent(answer: requests.Response) -> str:
    return str(answer.request.headers.get("Authorization", "")).partition(" ")[2]
