"""A limiter of requests and tokens a minute, which follows what the provider says about its limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from tidewire.adapters.rate_limit_headers import LimitKind
from tidewire.adapters.spec import ModelRequest
from tidewire.allowance import MINUTE_S, Allowance
from tidewire.events.errors import ConfigurationError
from tidewire.events.types import Usage
from tidewire.limiter import Reservation, ReservingRateLimiter
from tidewire.request_limiter import check_rate
from tidewire.token_estimate import Demand, answer_limit, estimate_tokens, used
from tidewire.token_queue import TokenQueue

_REQUEST = Demand()
_NOTHING = Usage()


class TokenRateLimiter(ReservingRateLimiter):
    """So many requests and tokens a minute, for all the models that it is given to.

    Each request reserves what it is about to use: its input as it is estimated, and its answer's limit. When it is
    over, the tokens that the provider reported take the place of the estimate. Requests that have to wait are let
    through in the order in which they came, as soon as all limits allow it; a cancelled one takes nothing. One that is
    larger than a limit goes when that limit's bucket is full, and the next ones wait until this is made up for.

    Limits that are not given are those that the provider reports with its replies; those that are given count besides
    them. Models that share a limiter should share the provider's limits too.

    Args:
        requests_per_minute: Requests, retries included.
        tokens_per_minute: Tokens of input and output together, as OpenAI limits them.
        input_tokens_per_minute: Tokens of input, as Anthropic limits them.
        output_tokens_per_minute: Tokens of output.
        burst_s: How many seconds' worth of each limit may be used at once, after a time of rest.
        expected_output_tokens: Reserved for the answer of a request without a limit of its own (``max_tokens``).
        count_cached_input: False for providers that do not count what they read from their cache, as Anthropic.
        follow_headers: False not to read what the provider says.
        count_tokens: Estimates the input tokens of a request, where you know better.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: A number cannot be used, or there is nothing to limit by.
    """

    def __init__(
        self,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        input_tokens_per_minute: float | None = None,
        output_tokens_per_minute: float | None = None,
        burst_s: float = MINUTE_S,
        expected_output_tokens: int = 0,
        count_cached_input: bool = True,
        follow_headers: bool = True,
        count_tokens: Callable[[ModelRequest], int] = estimate_tokens,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        given: dict[LimitKind, float | None] = {
            "requests": requests_per_minute,
            "tokens": tokens_per_minute,
            "input_tokens": input_tokens_per_minute,
            "output_tokens": output_tokens_per_minute,
        }
        limits: dict[LimitKind, float] = {kind: amount for kind, amount in given.items() if amount is not None}
        for kind, amount in limits.items():
            check_rate(f"{kind}_per_minute", amount, above=0.0)
        check_rate("burst_s", burst_s, above=0.0)
        if expected_output_tokens < 0:
            raise ConfigurationError(f"expected_output_tokens must be 0 or more, got {expected_output_tokens!r}")
        if not limits and not follow_headers:
            raise ConfigurationError(
                "a TokenRateLimiter without limits that follows no headers limits nothing; give it requests_per_minute "
                "or tokens_per_minute"
            )
        self._limits = limits
        self._expected_output = expected_output_tokens
        self._count_cached_input = count_cached_input
        self._follow_headers = follow_headers
        self._count_tokens = count_tokens
        self._queue = TokenQueue(Allowance(limits, burst_s=burst_s, clock=clock))

    def reserve(self, request: ModelRequest) -> Reservation:
        """A reservation for one attempt: its input as it is estimated, and what its answer may have at most."""
        output = answer_limit(request.parameters)
        demand = Demand(1, self._count_tokens(request), self._expected_output if output is None else output)
        return _Place(
            self._queue, demand, count_cached_input=self._count_cached_input, follow_headers=self._follow_headers
        )

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take a request without tokens; see :class:`BaseRateLimiter`."""
        if not blocking:
            return self._taken(self._queue.try_enter(_REQUEST))
        self._queue.enter_blocking(_REQUEST)
        return self._taken(True)

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Take a request without tokens; see :class:`BaseRateLimiter`."""
        if not blocking:
            return self._taken(self._queue.try_enter(_REQUEST))
        await self._queue.enter(_REQUEST)
        return self._taken(True)

    def expected_wait_s(self) -> float:
        """Seconds that a request without tokens will wait, if nobody gives up and all estimates are right."""
        return self._queue.expected_wait_s(_REQUEST)

    def __repr__(self) -> str:
        limits = ", ".join(f"{kind}_per_minute={amount:g}" for kind, amount in self._limits.items())
        return f"TokenRateLimiter({limits})"

    def _taken(self, is_taken: bool) -> bool:
        """A request of which nothing more will be heard."""
        if is_taken:
            self._queue.see(_REQUEST)
        return is_taken


class _Place(Reservation):
    """The place of a request in the queue."""

    __slots__ = ("_count_cached_input", "_demand", "_follow_headers", "_is_refused", "_is_seen", "_queue")

    def __init__(self, queue: TokenQueue, demand: Demand, *, count_cached_input: bool, follow_headers: bool) -> None:
        self._queue = queue
        self._demand = demand
        self._count_cached_input = count_cached_input
        self._follow_headers = follow_headers
        self._is_seen = False
        self._is_refused = False

    def take_nowait(self) -> bool:
        return self._queue.try_enter(self._demand)

    async def take(self) -> None:
        await self._queue.enter(self._demand)

    def expected_wait_s(self) -> float:
        return self._queue.expected_wait_s(self._demand)

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        self._is_refused = status >= 300
        self._see()
        if self._follow_headers:
            self._queue.learn(status, headers)

    def settle(self, usage: Usage | None) -> None:
        self._see()
        if usage is None and self._is_refused:
            usage = _NOTHING
        if usage is not None:  # else the estimate stands
            self._queue.give_back(self._demand - used(usage, count_cached_input=self._count_cached_input))

    def cancel(self) -> None:
        self._see()
        self._queue.give_back(self._demand)

    def _see(self) -> None:
        if not self._is_seen:
            self._is_seen = True
            self._queue.see(self._demand)


__all__ = ["TokenRateLimiter"]
