"""HTTP with dbt Cloud: bounded in size and in time, and the token goes to one host only.

What may be repeated is repeated, with growing pauses, until `retry_seconds` are over: when the connection is
lost, when the answer is damaged, after 429 (as late as Retry-After asks) and 5xx. What may not be repeated is
sent again only if it was certainly not taken: no connection came about, or the answer is 429 (RFC 6585, 4).
No redirect is followed, since the token would go with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, Final, TypeVar

import httpx

from floe_compiler.builtin.dbt_runtime._cloud_answers import Unreadable, words_of_refusal
from floe_compiler.builtin.dbt_runtime._workers import Ending, Patience
from floe_compiler.errors import FloeError, Problem

T = TypeVar("T")

TICK: Final = 0.1
LONGEST_PAUSE: Final = 30.0
MAX_JSON: Final = 16 * 2**20
JSON_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 30.0
"""How long nothing may come; `JSON_SECONDS` is for an answer that comes drop by drop."""
MAX_WORDS: Final = 500
OK: Final = range(200, 300)
REDIRECT: Final = range(300, 400)
TROUBLE: Final = range(500, 600)
TOO_MANY: Final = 429
NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)

REFUSALS: Final[dict[int, tuple[str, str]]] = {
    401: ("FLOE-P242", "does not know the token"),
    403: ("FLOE-P243", "does not allow this token to do it"),
    404: ("FLOE-P244", "knows nothing of the kind"),
}
REFUSED: Final = ("FLOE-P245", "refuses the request")


class Lost(Exception):
    """The answer to a request that may not be repeated is lost: it was carried out, or it was not."""


class Interrupted(Exception):
    """The caller does not want to wait any longer."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to ask. `poll` and `retry` are the first pauses and `retry_for` the limit, in seconds."""

    poll: float
    retry: float
    retry_for: float

    def polls(self) -> Iterator[float]:
        """Pauses between two looks at a run that goes on: up to six times the first."""
        pause = self.poll
        while True:
            yield pause
            pause = min(pause * 1.5, self.poll * 6)


def sleep(seconds: float, patience: Patience) -> None:
    """Raises Interrupted as soon as the caller's patience is over."""
    end = time.monotonic() + seconds
    while True:
        if ending := patience.over():
            raise Interrupted(ending)
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, TICK))


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole. `retry_after` is in seconds."""

    status: int
    body: bytes
    location: str | None
    retry_after: float | None


class Wire:
    """Requests to one address with one token."""

    def __init__(self, address: str, token: str, agent: str, pace: Pace) -> None:
        self._host = httpx.URL(address).host
        self._token = token
        self._pace = pace
        self._http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": agent},
            timeout=httpx.Timeout(min(ANSWER_SECONDS, pace.retry_for)),
            # A connection that the server has closed meanwhile would make every answer an ambiguous one.
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            # A proxy may stand between this machine and dbt Cloud, never between it and itself.
            trust_env=not is_loopback(self._host),
        )

    def close(self) -> None:
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], T],
        patience: Patience,
        *,
        repeatable: bool = True,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        limit: int = MAX_JSON,
        seconds: float = JSON_SECONDS,
    ) -> T:
        """What `read` makes of the answer's body; it raises Unreadable for a body that cannot be right.

        Raises FloeError: FLOE-P242 to P246 and P248; Interrupted; Lost when the request is not `repeatable`.
        """
        request = self._http.build_request(method, path, params=params, json=body)
        pauses = _Pauses(self._pace)
        while True:
            wanted: float | None = None
            try:
                answer = self._exchange(request, limit, seconds)
                if answer.status in OK:
                    return read(answer.body)
                self._refuse(answer, f"{method} {path}")
                code, trouble, wanted = "FLOE-P246", f"it answered {answer.status}", answer.retry_after
                taken = answer.status != TOO_MANY
            except httpx.TransportError as error:
                code, trouble = "FLOE-P246", self._shown(str(error) or type(error).__name__)
                taken = not isinstance(error, NOT_SENT)
            except (Unreadable, httpx.DecodingError) as error:
                code, trouble, taken = "FLOE-P248", self._shown(str(error)), True
            if taken and not repeatable:
                raise Lost(trouble)
            if not pauses.allow(wanted):
                raise self._gave_up(code, trouble, wanted, pauses)
            sleep(pauses.next(wanted), patience)

    def _exchange(self, request: httpx.Request, limit: int, seconds: float) -> Answer:
        """One request, one answer. Raises httpx.TransportError, httpx.DecodingError, Unreadable."""
        end = time.monotonic() + seconds
        with self._sent(request) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > limit:
                    raise Unreadable(f"the answer is larger than {limit} bytes")
                if time.monotonic() > end:
                    raise httpx.ReadTimeout(f"the answer was not complete after {seconds:g} seconds")
            headers = response.headers
            retry_after = _seconds(headers.get("Retry-After"))
            return Answer(response.status_code, bytes(body), headers.get("Location"), retry_after)

    @contextmanager
    def _sent(self, request: httpx.Request) -> Iterator[httpx.Response]:
        response = self._http.send(request, stream=True)
        try:
            yield response
        finally:
            response.close()

    def _refuse(self, answer: Answer, asked: str) -> None:
        """Raises what no repetition would change."""
        if answer.status in REDIRECT:
            where = self._shown(_host(answer.location or ""))
            message = f"{self._host} answered with a redirect to {where or 'nowhere'}, which is not followed"
            hint = f"If that is the address of your account, configure it: `url: https://{where}`." if where else None
            raise FloeError(Problem("FLOE-P248", message, hint=hint))
        if answer.status == TOO_MANY or answer.status in TROUBLE:
            return
        code, what = REFUSALS.get(answer.status, REFUSED)
        message = f"dbt Cloud {what}: {asked} was answered with {answer.status}"
        said = self._shown(words_of_refusal(answer.body))
        raise FloeError(Problem(code, f"{message}: {said}" if said else message))

    def _gave_up(self, code: str, trouble: str, wanted: float | None, pauses: _Pauses) -> FloeError:
        asks = f" and asks to wait for {wanted:g} seconds" if wanted else ""
        tried = f"asked {pauses.attempts} times in {pauses.spent:.1f} s"
        return FloeError(Problem(code, f"dbt Cloud ({self._host}) does not answer: {trouble}{asks} ({tried})"))

    def _shown(self, text: str) -> str:
        """Foreign words, fit to be shown: short, on one line, and without the token whatever they repeat."""
        plain = "".join(c if c.isprintable() else " " for c in text.replace(self._token, "***"))
        return " ".join(plain.split())[:MAX_WORDS]


class _Pauses:
    """The growing pauses between repetitions of one request."""

    def __init__(self, pace: Pace) -> None:
        self._start = time.monotonic()
        self._pace = pace
        self._pause = pace.retry
        self.attempts = 1

    @property
    def spent(self) -> float:
        return time.monotonic() - self._start

    def allow(self, wanted: float | None) -> bool:
        """Whether the next pause still fits; `wanted` is what the server asks for."""
        return self.spent + max(self._pause, wanted or 0.0) <= self._pace.retry_for

    def next(self, wanted: float | None) -> float:
        pause = max(self._pause, wanted or 0.0)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self.attempts += 1
        return pause


def _host(location: str) -> str:
    """The host of a Location, which anybody may have written; nothing for none."""
    try:
        return httpx.URL(location).host
    except httpx.InvalidURL:
        return ""


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in its two forms, RFC 9110 10.2.3: seconds, or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
