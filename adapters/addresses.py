"""What of a caller's may stand in an address: it changes neither the host that is asked nor the headers that are sent.

Model names, deployments and regions often come from a program's own users. In a path they are escaped, and what no
escape makes harmless (``..``, which clients and proxies resolve) is refused.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from tidewire.adapters.secrets import Secret
from tidewire.events.errors import ConfigurationError
from tidewire.events.visible_text import visible_text

# White space and control characters end a request line or a header; clients disagree on where a host ends at a
# backslash.
_NEVER = re.compile(r"[\x00-\x20\x7f\\]")

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def checked_address(url: str, name: str, *, bare_hosts: bool = False) -> str:
    """An address without the slash at its end, once it is known to be one that paths can be added to.

    Args:
        url: The address, without user and password.
        name: What to call it in errors.
        bare_hosts: Whether it may lack its scheme.

    Raises:
        ConfigurationError: It is none.
    """
    url = url.strip().rstrip("/")
    scheme, separator, rest = url.partition("://")
    if not bare_hosts and not (scheme and separator and rest):
        where = f"https://{url.removeprefix('//')}" if url else "https://…"
        raise ConfigurationError(
            f"{name} must be a whole URL such as {_shown(where)}, got {_shown(url)}, which has no scheme"
        )
    if _NEVER.search(url):
        raise ConfigurationError(f"{name} has a space, a control character or a backslash in it: {_shown(url)}")
    if "?" in url or "#" in url:
        raise ConfigurationError(f"{name} ends with its path; a query goes into default_query={{…}}: got {_shown(url)}")
    if separator:
        try:
            parts = urlsplit(url)
            is_place = bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
        except ValueError:  # a port that is no number, or too large a one; brackets without an address
            is_place = False
        if not is_place:
            raise ConfigurationError(f"{name} names no host, or a port that is none: {_shown(url)}")
    return url


def path_segment(text: str, name: str = "the model's name") -> str:
    """A text as one segment of a path, escaped.

    >>> path_segment("org/model:1")
    'org%2Fmodel%3A1'

    Raises:
        ConfigurationError: It is empty, ``.`` or ``..``, or no text that an address can spell.
    """
    return _escaped(text, name, safe="")


def path_segments(text: str, name: str = "the model's name") -> str:
    """A text as several segments of a path, each escaped but for ``@``.

    Raises:
        ConfigurationError: One of them is empty, ``.`` or ``..``, or no text that an address can spell.
    """
    return "/".join(_escaped(segment, name, safe="@") for segment in text.split("/"))


def _escaped(segment: str, name: str, safe: str) -> str:
    if segment in ("", ".", ".."):
        raise ConfigurationError(f"{name} cannot stand in an address: {segment!r} is no part of one")
    try:
        return quote(segment, safe=safe)
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"{name} has half a character in it: {_shown(segment)}") from error


def host_label(text: str, name: str) -> str:
    """A text as a part of a host's name, such as a region.

    Raises:
        ConfigurationError: It is none: a slash or a dot in it would send keys elsewhere.
    """
    if not _LABEL.fullmatch(text):
        raise ConfigurationError(f"{name} is letters, digits and hyphens, not {_shown(text)}")
    return text


def check_header(name: object, value: object) -> None:
    """Whether a caller's header can be sent.

    Raises:
        ConfigurationError: It cannot; its value is not quoted.
    """
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ConfigurationError(f"default_headers has a name that is none of a header: {_shown(str(name))}")
    if isinstance(value, Secret):
        value.check()
        return
    if not isinstance(value, str):
        raise ConfigurationError(f"the header {name!r} must be a text, got a {type(value).__name__}")
    if _NO_VALUE.search(value) or not value.isascii():
        raise ConfigurationError(
            f"the header {name!r} has a control character or non-ASCII in its value; percent-encode what belongs there"
        )


def _shown(url: str) -> str:
    scheme, separator, rest = url.rpartition("://")
    # Whatever stands before an @ may be a password, wherever the host begins.
    return repr(f"{scheme}{separator}{visible_text(rest.rpartition('@')[2], 300)}")


__all__ = ["check_header", "checked_address", "host_label", "path_segment", "path_segments"]
