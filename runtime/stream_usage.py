"""Which hosts refuse the option that asks for the usage of a stream, ``stream_options``: learnt, not tried again."""

from __future__ import annotations

from tidewire.adapters.spec import HttpRequest

#: Hosts that are remembered; it is hard to have so many, and then all are asked once more.
MOST_HOSTS = 1000

_refusing: set[tuple[str, str]] = set()


def is_usage_refused(request: HttpRequest, status: int, body: bytes) -> bool:
    """Whether a refusal is one of this option: it was sent, and the error names it.

    Hosts have no common code for it; but whichever words they use, the name of the field is among them.
    """
    sent = b'"stream_options"' in request.body
    return sent and status in (400, 422) and (b"stream_options" in body or b"include_usage" in body)


def remember_refusal(provider: str, base_url: str) -> None:
    """This host is not asked for the usage of streams any more."""
    if len(_refusing) >= MOST_HOSTS:
        _refusing.clear()
    _refusing.add((provider, base_url))


def refuses_usage(provider: str, base_url: str) -> bool:
    """Whether this host has refused the option."""
    return (provider, base_url) in _refusing


def forget_refusals() -> None:
    """Ask every host again."""
    _refusing.clear()


__all__ = ["MOST_HOSTS", "forget_refusals", "is_usage_refused", "refuses_usage", "remember_refusal"]
