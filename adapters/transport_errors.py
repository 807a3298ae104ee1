"""What goes wrong on the network, in one set of words for all HTTP clients.

A client's own exception is neither shown nor chained: its text or its attributes may hold the whole address, the
headers with the key, or a proxy's password. What the operating system or the TLS library said is chained, since it is
the reason and holds none of these.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from typing import cast

from tidewire.events.errors import APIConnectionError, APITimeoutError, ConfigurationError, ResponseLimitError

#: The end of a body that came too early.
BROKEN_BODY = "the connection broke off before the end of the answer"


def system_error(error: BaseException | None) -> OSError | None:
    """What the operating system or the TLS library said, from below a client's exception."""
    found = [cause for cause in causes(error) if isinstance(cause, OSError) and type(cause).__module__ in _PLAIN]
    for cause in found:
        # The frames of a client hold headers and proxies, and some record the local variables of a traceback.
        cause.__traceback__ = cause.__cause__ = cause.__context__ = None
    by_tls = [cause for cause in found if isinstance(cause, ssl.SSLError)]
    by_number = [cause for cause in found if cause.errno]
    return next(reversed(by_tls or by_number or found), None)


_PLAIN = ("builtins", "ssl", "socket")


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, what caused it, what caused that, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            # Several addresses of one host were tried; the first one speaks for all.
            error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
        else:
            error = error.__cause__ or error.__context__


def cannot_connect(origin: str, cause: OSError | None, *, proxy: bool = False) -> APIConnectionError:
    """No connection came about: refused, unreachable, unknown host, or TLS that failed."""
    peer = f"the proxy for {origin}" if proxy else origin
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = cause.verify_message or "not trusted"
        error = APIConnectionError(
            f"the certificate of {peer} was refused: {reason}. If a proxy or a server of your own signs it, pass its "
            "CA certificate as verify='/path/to/ca.pem'"
        )
        error.is_retryable = False
    elif isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
        reason = cause.reason or "handshake failed"
        error = APIConnectionError(f"no TLS with {peer}: {reason}. Does the server speak https on this port?")
        error.is_retryable = False
    else:
        error = APIConnectionError(f"cannot connect to {peer}: {_reason(cause)}")
    error.__cause__ = cause
    return error


def _reason(cause: OSError | None) -> str:
    if cause is None:
        return "no reason given"
    # The text of a name that cannot be resolved is its own; others hold what each event loop adds to the system's.
    if cause.errno and not isinstance(cause, socket.gaierror):
        return os.strerror(cause.errno)
    return cause.strerror or type(cause).__name__


def proxy_refused(origin: str, status: int | None) -> APIConnectionError:
    """The proxy answered for itself."""
    said = f"with status {status}" if status else "the connection"
    hint = "; write user and password into its URL" if status == 407 else ""
    error = APIConnectionError(f"the proxy refused {said} on the way to {origin}{hint}")
    error.is_retryable = status is None or status >= 500
    return error


def connect_timeout(origin: str, seconds: float | None) -> APITimeoutError:
    """No connection in time."""
    within = f" within {seconds:g} s" if seconds is not None else " in time"
    return APITimeoutError(f"no connection to {origin}{within}", phase="connect")


def no_answer(origin: str, cause: OSError | None = None) -> APIConnectionError:
    """The connection broke before the head of the answer was read."""
    error = APIConnectionError(f"{origin} closed the connection before it answered")
    error.__cause__ = cause
    return error


def not_http(origin: str) -> APIConnectionError:
    """The answer's head is no HTTP."""
    error = APIConnectionError(f"{origin} answered with something that is not HTTP/1.1")
    error.is_retryable = False
    return error


def head_too_large(origin: str, limit_bytes: int) -> ResponseLimitError:
    """A header that is longer than the client reads."""
    return ResponseLimitError(f"the head of the answer of {origin} passes the limit of {limit_bytes} bytes")


def broken_body(cause: OSError | None = None) -> APIConnectionError:
    """The body broke off, or is framed wrongly."""
    error = APIConnectionError(BROKEN_BODY)
    error.__cause__ = cause
    return error


def aborted() -> APIConnectionError:
    """The response was aborted, or its connections were closed, while it was being read."""
    return APIConnectionError("the connection was closed by this side before the end of the answer")


def cannot_send(origin: str, reason: str) -> ConfigurationError:
    """The request itself cannot be written as HTTP."""
    return ConfigurationError(f"the request to {origin} cannot be sent: {reason}")


__all__ = [
    "BROKEN_BODY",
    "aborted",
    "broken_body",
    "cannot_connect",
    "cannot_send",
    "causes",
    "connect_timeout",
    "head_too_large",
    "no_answer",
    "not_http",
    "proxy_refused",
    "system_error",
]
