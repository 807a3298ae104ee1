"""Refusals: each status in each provider's own form and as the page of a proxy, and every way to ask for patience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.faults.fault import ALL_TRIES, Case, Expected, Fault, Reply, always, fails
from tests.faults.wires import CLASS_OF, RETRIED, WIRES, Wire, dump
from tidewire.events.errors import (
    APIStatusError,
    AuthenticationError,
    InternalServerError,
    QuotaExceededError,
    RateLimitError,
)

_HTML = b"<html><head><title>%d Gateway</title></head><body>proxy</body></html>"


def _refused(case: Case, status: int, headers: Mapping[str, str] | None = None) -> Reply:
    refusal = case.wire.refusal(status)
    return Reply(refusal.body, status, {**refusal.headers, **(headers or {})})


def _expected(case: Case, status: int, requests: int | None = None, **says: Any) -> Expected:
    tries = requests or (ALL_TRIES if status in RETRIED else 1)
    says = {"status_code": status, "is_retryable": status in RETRIED, **says}
    return fails(CLASS_OF[status], requests=tries, **says)


def _with_status(status: int) -> list[Fault]:
    """A status in the provider's form, in a proxy's, and as one that passes."""
    faults = [
        Fault(
            f"status {status}",
            always(lambda case: _refused(case, status)),
            lambda case: _expected(case, status, provider_code=case.wire.refusal(status).code, retry_after_s=None),
        ),
        Fault(
            f"status {status} with the page of a proxy",
            always(lambda case: Reply(_HTML % status, status, content_type="text/html")),
            lambda case: _expected(case, status),
        ),
    ]
    if status in RETRIED:
        faults.append(
            Fault(
                f"status {status} once, and then a good answer",
                lambda case: [_refused(case, status), Reply(case.body)],
                lambda case: Expected(requests=2),
            )
        )
    return faults


def _shaped(word: str, body: bytes) -> Fault:
    return Fault(f"an error that is {word}", always(lambda case: Reply(body, 500)), lambda case: _expected(case, 500))


_faults: list[Fault] = [
    *(fault for status in CLASS_OF for fault in _with_status(status)),
    Fault(
        "an error in JSON that calls itself text",
        always(lambda case: Reply(case.wire.refusal(404).body, 404, case.wire.refusal(404).headers, "text/plain")),
        lambda case: _expected(case, 404, provider_code=case.wire.refusal(404).code),
    ),
    Fault(
        "an error without a body",
        always(lambda case: Reply(b"", 400)),
        lambda case: _expected(case, 400),
    ),
    Fault(
        "an error in JSON that is cut",
        always(lambda case: Reply(case.wire.refusal(400).body[:-9], 400)),
        lambda case: _expected(case, 400),
    ),
    Fault(
        "an error in bytes that are no text",
        always(lambda case: Reply(b'{"error":{"message":"\xff\xfe\x00"}}', 500)),
        lambda case: _expected(case, 500),
    ),
    Fault(
        "an error that is nested very deep",
        always(lambda case: Reply(b'{"error":' * 5000 + b"1" + b"}" * 5000, 403)),
        lambda case: _expected(case, 403),
    ),
    Fault(
        "an error of another shape",
        always(lambda case: Reply(b'{"detail":[{"loc":["body"],"msg":"field required"}]}', 422)),
        lambda case: _expected(case, 422),
    ),
    *(
        _shaped(word, body)
        for word, body in {
            "null": b"null",
            "a list": b"[]",
            "a number": b"5",
            "an object of nulls": b'{"error":null,"message":null,"type":null,"code":null}',
            "a list in the place of its message": b'{"error":{"message":["a"],"type":{},"code":[1]},"message":[1]}',
        }.items()
    ),
    Fault(
        "an error whose message is 60 kB long",
        always(lambda case: Reply(case.wire.refusal(400, "x" * 60_000).body, 400, case.wire.refusal(400).headers)),
        lambda case: _expected(case, 400),
    ),
    Fault(
        "an error whose message deceives the reader",
        always(lambda case: Reply(case.wire.refusal(400, "a\x1b[2J\r\n\u202eb").body, 400)),
        lambda case: _expected(case, 400),
    ),
    Fault(
        "an unknown status above 500",
        always(lambda case: Reply(b"", 599)),
        lambda case: fails(InternalServerError, status_code=599),
    ),
    Fault(
        "an unknown status above 400",
        always(lambda case: Reply(b"", 418)),
        lambda case: fails(APIStatusError, status_code=418, is_retryable=False),
    ),
    Fault(
        "status 304",
        always(lambda case: Reply(b"", 304)),
        lambda case: fails(APIStatusError, status_code=304, is_retryable=False),
    ),
]


# ---------------------------------------------------------------- what providers alone say


def _special(wire: Wire, code: str) -> Fault:
    status, body, kind = wire.special[code]
    return Fault(
        f"what {wire.name} says for {kind.__name__}",
        always(lambda case: Reply(body, status, case.wire.refusal(status).headers)),
        lambda case: fails(kind, status_code=status, provider_code=code, is_retryable=False),
        wires=(wire.name,),
    )


_faults += [_special(wire, code) for wire in WIRES.values() for code in wire.special]
_BAD_KEY = {
    "code": 400,
    "message": "API key not valid.",
    "status": "INVALID_ARGUMENT",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
}
_PER_DAY = {
    "code": 429,
    "message": "You exceeded your current quota.",
    "status": "RESOURCE_EXHAUSTED",
    "details": [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}],
}
_DELAY = {**_PER_DAY, "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "99s"}]}
_faults += [
    Fault(
        "a wrong key at Google",
        always(lambda case: Reply(dump({"error": _BAD_KEY}), 400)),
        lambda case: fails(AuthenticationError, status_code=400, provider_code="INVALID_ARGUMENT"),
        wires=("google_genai",),
    ),
    Fault(
        "a limit by the day at Google",
        always(lambda case: Reply(dump({"error": _PER_DAY}), 429)),
        lambda case: fails(QuotaExceededError, status_code=429, is_retryable=False),
        wires=("google_genai",),
    ),
    Fault(
        "a long delay at Google",
        always(lambda case: Reply(dump({"error": _DELAY}), 429)),
        lambda case: fails(RateLimitError, status_code=429, retry_after_s=99.0),
        wires=("google_genai",),
    ),
]

# ---------------------------------------------------------------- patience

#: What stands in a header, what it asks for in seconds (None: nothing usable), and how many requests that makes.
_PATIENCE: Sequence[tuple[Mapping[str, str], float | None, int]] = (
    ({}, None, 3),
    ({"retry-after": "0"}, 0.0, 3),
    ({"retry-after": "0.001"}, 0.001, 3),
    ({"retry-after-ms": "1"}, 0.001, 3),
    ({"retry-after-ms": "1", "retry-after": "3600"}, 0.001, 3),
    ({"retry-after": "61"}, 61.0, 1),
    ({"retry-after-ms": "600000"}, 600.0, 1),
    ({"retry-after": "99999999999999999999"}, 1e20, 1),
    ({"retry-after": "-5"}, None, 3),
    ({"retry-after": "soon"}, None, 3),
    ({"retry-after": ""}, None, 3),
    ({"retry-after": "nan"}, None, 3),
    ({"retry-after": "inf"}, None, 3),
    ({"retry-after": "1e999"}, None, 3),
    ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0, 3),
    (
        {"date": "Wed, 21 Oct 2015 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2015 07:30:00 GMT"},
        120.0,
        1,
    ),
    ({"retry-after": "Wed, 99 Foo 2015 07:28:00 GMT"}, None, 3),
    ({"retry-after": "9" * 400}, None, 3),
)


def _patient(status: int, headers: Mapping[str, str], seconds: float | None, requests: int) -> Fault:
    words = ", ".join(f"{name}: {text[:30]}" for name, text in headers.items())
    return Fault(
        f"status {status} with {words or 'no word of when'}",
        always(lambda case: _refused(case, status, headers)),
        lambda case: _expected(case, status, requests, retry_after_s=seconds),
    )


_faults += [_patient(status, *row) for status in (429, 503) for row in _PATIENCE]

STATUS_FAULTS: Sequence[Fault] = tuple(_faults)

__all__ = ["STATUS_FAULTS"]
