"""What providers say about their rate limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.rate_limit_headers import LimitReport, read_limits, read_reset_s

DATE = "Wed, 25 Nov 2026 12:00:00 GMT"


def at_zero() -> float:
    return 0.0


OPENAI = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-reset-tokens": "6m0s",
}
ANTHROPIC = {
    "date": DATE,
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2026-11-25T12:00:01Z",
    "anthropic-ratelimit-input-tokens-limit": "40000",
    "anthropic-ratelimit-input-tokens-remaining": "39000",
    "anthropic-ratelimit-input-tokens-reset": "2026-11-25T12:00:02Z",
    "anthropic-ratelimit-output-tokens-limit": "8000",
    "anthropic-ratelimit-output-tokens-remaining": "0",
    "anthropic-ratelimit-output-tokens-reset": "2026-11-25T12:01:00Z",
    "anthropic-priority-input-tokens-remaining": "3",
}
CEREBRAS = {
    "x-ratelimit-limit-requests-day": "14400",
    "x-ratelimit-remaining-requests-day": "14399",
    "x-ratelimit-reset-requests-day": "33011.38",
    "x-ratelimit-limit-tokens-minute": "60000",
    "x-ratelimit-remaining-tokens-minute": "59000",
    "x-ratelimit-reset-tokens-minute": "11.5",
}
MISTRAL = {
    "x-ratelimit-limit-req-minute": "60",
    "x-ratelimit-remaining-req-minute": "59",
    "x-ratelimit-limit-tokens-minute": "50000",
    "x-ratelimit-remaining-tokens-minute": "47196",
    "x-ratelimit-remaining-tokens-month": "3950246",
    "x-ratelimit-tokens-query-cost": "2804",
}
FIREWORKS = {
    "x-ratelimit-limit-tokens-prompt": "7200000",
    "x-ratelimit-remaining-tokens-prompt": "7193993",
    "x-ratelimit-limit-tokens-generated": "72000",
    "x-ratelimit-remaining-tokens-generated": "69338",
    "x-ratelimit-over-limit": "no",
}
TOGETHER = {
    "x-ratelimit-limit": "10",
    "x-ratelimit-remaining": "9",
    "x-ratelimit-reset": "1",
    "x-tokenlimit-limit": "9000",
    "x-tokenlimit-remaining": "8500",
}
OPENROUTER = {
    "date": DATE,
    "x-ratelimit-limit": "20",
    "x-ratelimit-remaining": "0",
    "x-ratelimit-reset": "1795608030000",
}


@pytest.mark.parametrize(
    ("headers", "reports"),
    [
        (
            OPENAI,
            [
                LimitReport("ratelimit-requests", "requests", 59, 60, 1),
                LimitReport("ratelimit-tokens", "tokens", 149984, 150000, 360),
            ],
        ),
        (
            ANTHROPIC,
            [
                LimitReport("ratelimit-requests", "requests", 49, 50, 1),
                LimitReport("ratelimit-input-tokens", "input_tokens", 39000, 40000, 2),
                LimitReport("ratelimit-output-tokens", "output_tokens", 0, 8000, 60),
            ],
        ),
        (
            CEREBRAS,
            [
                LimitReport("ratelimit-requests-day", "requests", 14399, 14400, 33011.38),
                LimitReport("ratelimit-tokens-minute", "tokens", 59000, 60000, 11.5),
            ],
        ),
        (
            MISTRAL,
            [
                LimitReport("ratelimit-req-minute", "requests", 59, 60),
                LimitReport("ratelimit-tokens-minute", "tokens", 47196, 50000),
            ],
        ),
        (
            FIREWORKS,
            [
                LimitReport("ratelimit-tokens-prompt", "input_tokens", 7193993, 7200000),
                LimitReport("ratelimit-tokens-generated", "output_tokens", 69338, 72000),
            ],
        ),
        (
            TOGETHER,
            [LimitReport("ratelimit", "requests", 9, 10, 1), LimitReport("tokenlimit", "tokens", 8500, 9000)],
        ),
        (OPENROUTER, [LimitReport("ratelimit", "requests", 0, 20, 30)]),
        ({"x-ratelimit-remaining-minute": "3"}, [LimitReport("ratelimit-minute", "requests", 3)]),
        ({"ratelimitbysize-remaining": "3"}, [LimitReport("ratelimitbysize", "tokens", 3)]),
        # A limit of 0 is what Mistral says to keys that may do nothing.
        ({"x-ratelimit-limit-requests": "0", "x-ratelimit-remaining-requests": "0"}, [
            LimitReport("ratelimit-requests", "requests", 0)
        ]),
        ({"x-ratelimit-limit-requests": "60"}, []),
        ({"x-ratelimit-remaining-requests": "many"}, []),
        ({"x-ratelimit-remaining-requests": "-1"}, []),
        ({"x-ratelimit-remaining-requests": "nan"}, []),
        ({"content-type": "text/plain", "x-ratelimit": "a"}, []),
    ],
)  # fmt: skip
def test_the_limits_of_the_providers_are_read(headers: dict[str, str], reports: list[LimitReport]) -> None:
    assert read_limits(headers) == reports


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("120ms", 0.12),
        ("1h2m3.5s", 3723.5),
        ("2d", 172800),
        ("5µs", 5e-6),
        ("0", 0),
        ("33011.38", 33011.38),
        (" 60 ", 60),
        ("1795608030", 30),
        ("1795608030000", 30),
        ("2026-11-25T12:00:05Z", 5),
        ("2026-11-25T14:00:05.5+02:00", 5.5),
        ("2026-11-25T12:00:05", 5),
        ("Wed, 25 Nov 2026 12:00:05 GMT", 5),
        ("2026-11-25T11:00:00Z", 0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1x", None),
    ],
)
def test_a_time_of_reset_is_read_however_it_is_written(value: str, seconds: float | None) -> None:
    found = read_reset_s(value, {"date": DATE}, at_zero)
    assert found == (None if seconds is None else pytest.approx(seconds))


def test_without_a_date_of_its_own_a_reply_is_dated_by_the_clock() -> None:
    assert read_reset_s("1000000030", {}, lambda: 1000000000.0) == 30
    assert read_reset_s("1000000030", {"date": "today"}, lambda: 1000000000.0) == 30


@given(st.dictionaries(st.sampled_from([*OPENAI, *TOGETHER, *ANTHROPIC]), st.text(max_size=12)))
def test_nothing_in_a_header_raises(headers: dict[str, str]) -> None:
    for report in read_limits(headers):
        assert report.remaining >= 0
        assert report.reset_s is None or report.reset_s >= 0
