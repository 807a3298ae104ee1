"""One type for keys, from the constructor to the header; nothing that prints, pickles or logs it shows the value.

    ChatOpenAI(api_key="…")  ─▶  seal_keywords  ─▶  Secret  ─▶  HttpRequest.headers  ─▶  wire_headers (the bytes)

Keys are sealed in the first line of whatever takes them, so that no frame of ours holds the bare text: whoever records
the local variables of a traceback records ``Secret(api_key=**********)``. For the same reason a wrong key is sealed
first and looked at later.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Never, Protocol, Self, cast, runtime_checkable
from urllib.parse import unquote, urlsplit

from tidewire.events.errors import ConfigurationError

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")

#: What stands in the place of a secret.
MASK = "**********"

# The keywords that hold keys, by whatever provider's name they begin, and the headers and fields of a query.
_KEY_NAMES = re.compile(r"(.*_)?(api_key|secret_access_key|access_key_id|(api|access|ad|session)_token)")
_HEADER_NAMES = re.compile(
    r"(?!idempotency).*(auth|key|token|secret|cookie|password|credential|session|signature).*", re.IGNORECASE
)
_ADDRESS_NAMES = re.compile(r"(.*_)?(base_url|api_base|api_url|endpoint|endpoint_url)")
_PROXY_NAMES = re.compile(r"(.*_)?proxy")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]* +(?=\S+$)")


@runtime_checkable
class HoldsSecret(Protocol):
    """A secret of another library, such as pydantic's ``SecretStr``."""

    def get_secret_value(self) -> str:
        """The value itself."""
        ...


class Secret:
    """A key or token. Only :meth:`reveal` gives the value; it is called where a request's bytes are made.

    Args:
        value: The key. White space around it is stripped (keys read from files end with a line feed).
        name: What to call it in errors, such as ``OPENAI_API_KEY``.

    Raises:
        ConfigurationError: The value is empty or has control characters or non-ASCII; the value is not quoted.
    """

    __slots__ = ("_name", "_value")

    def __init__(self, value: str, name: str = "api_key") -> None:
        self._value = value.strip()
        self._name = name
        # What raises below shows its frames, with what they hold.
        del value
        self.check()

    @classmethod
    def sealed(cls, value: str, name: str) -> Self:
        """A secret that nobody has looked at; :meth:`checked` does."""
        secret = cls.__new__(cls)
        secret._value = value.strip()
        secret._name = name
        return secret

    def checked(self) -> Self:
        """The secret, once it is known to be fit for a key.

        Raises:
            ConfigurationError: It is empty, or has control characters, white space or non-ASCII.
        """
        self.check()
        if " " in self._value:
            raise ConfigurationError(f"{self._name} has a space in it, which no key has; copy it again")
        return self

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    @property
    def texts(self) -> tuple[str, ...]:
        """What must not be shown: the value, of a header that names its scheme the key, and a password in Base64."""
        found = [self._value]
        scheme = _SCHEME.match(self._value)
        if scheme is not None:
            found.append(self._value[scheme.end() :])
            if scheme.group().strip().lower() == "basic":
                found += _of_basic(found[-1])
        elif self._value.startswith("AWS4-"):
            found += re.findall(r"(?:Credential|Signature)=([^/,]+)", self._value)
        elif "://" in self._value:  # a proxy's address
            found += [part for part in (urlsplit(self._value).password,) if part]
        return tuple(found)

    def __repr__(self) -> str:
        return f"Secret({self._name}={MASK})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("tidewire.Secret", self._value))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> Never:
        raise TypeError(f"{self._name} is a secret and is never pickled; set it again where it is needed")

    def check(self) -> None:
        """Whether it can stand in a header.

        Raises:
            ConfigurationError: It is empty, or has control characters or non-ASCII.
        """
        if not self._value:
            raise ConfigurationError(f"{self._name} is empty")
        if _FORBIDDEN.search(self._value) or not self._value.isascii():
            raise ConfigurationError(
                f"{self._name} has characters that no key has (control characters or non-ASCII); copy it again"
            )


def _of_basic(credentials: str) -> list[str]:
    try:
        both = base64.b64decode(credentials, validate=True).decode()
    except ValueError:
        return []
    return [both, both.partition(":")[2] or both]


def seal(value: Any, name: str = "api_key") -> Any:  # noqa: ANN401 - whatever a caller hands in
    """The value as a secret, if it is a text or another library's secret; anything else as it is. Never raises."""
    if isinstance(value, str):
        return Secret.sealed(value, name)
    # A class may have the method as well; it holds nothing.
    if isinstance(value, HoldsSecret) and not isinstance(value, type):
        return Secret.sealed(value.get_secret_value(), name)
    return value


def seal_named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Headers, or fields of a query, those sealed whose names say that they are nobody else's business."""
    return {
        name: seal(value, name) if _HEADER_NAMES.fullmatch(str(name)) or isinstance(value, HoldsSecret) else value
        for name, value in values.items()
    }


def seal_keywords(keywords: MutableMapping[str, Any]) -> None:
    """Seal, in place, whatever is secret of the keywords that a model is made with. Never raises.

    User and password in an address become the header that they stand for.
    """
    for name in list(keywords):
        if _KEY_NAMES.fullmatch(name):
            keywords[name] = seal(keywords[name], name)
        elif _PROXY_NAMES.fullmatch(name):
            keywords[name] = seal(keywords[name], "proxy")
        elif name in ("default_headers", "default_query") and isinstance(keywords[name], Mapping):
            keywords[name] = seal_named(keywords[name])
        elif _ADDRESS_NAMES.fullmatch(name) and isinstance(keywords[name], str) and "@" in keywords[name]:
            keywords[name], header = without_user(keywords[name])
            if header is not None:
                headers = cast("Mapping[str, Any]", keywords.get("default_headers") or {})
                if not any(str(held).lower() == "authorization" for held in headers):
                    keywords["default_headers"] = {**headers, "authorization": header}


def without_user(url: str) -> tuple[str, Secret | None]:
    """An address without user and password, and the header that they stand for.

    >>> without_user("https://me:pass@host.example/v1")
    ('https://host.example/v1', Secret(authorization=**********))
    """
    scheme, separator, rest = url.rpartition("://")
    place = re.match(r"[^/?#]*", rest)
    user, at, _ = place.group().rpartition("@") if place is not None else ("", "", "")
    if not at:
        return url, None
    name, _, password = user.partition(":")
    basic = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode("utf-8", "replace")).decode()
    return f"{scheme}{separator}{rest[len(user) + 1 :]}", Secret.sealed(f"Basic {basic}", "authorization")


__all__ = ["MASK", "HoldsSecret", "Secret", "seal", "seal_keywords", "seal_named", "without_user"]
