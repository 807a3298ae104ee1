"""Who pays for a call to AWS: a bearer key, or access keys that sign it.

The first of these that is there: what the caller gave (``api_key``, the access keys, a profile), the bearer key of the
environment, the access keys of the environment, and then everything that botocore finds for itself (profiles, single
sign-on, roles, containers, instances), for which the extra ``aws`` must be installed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anyio import to_thread

from tidewire.adapters.aws_endpoint import REGION_ENV, region_of
from tidewire.adapters.credentials import key_of, key_source
from tidewire.adapters.secrets import Secret, seal
from tidewire.adapters.sigv4 import AwsKeys, signature_headers
from tidewire.adapters.spec import HttpRequest, KeySource
from tidewire.adapters.status_errors import visible_text
from tidewire.events.errors import ConfigurationError

if TYPE_CHECKING:
    from botocore.credentials import Credentials as BotocoreCredentials

#: The arguments that hold access keys, as :func:`keys_given` takes them.
KEY_ARGUMENTS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


class AwsCredentials:
    """Signs requests to one AWS service. The environment is read at each request, so a missing key is told at the
    first one.

    Args:
        service: The service's name for signing, such as ``bedrock``.
        host: How the service's host name begins, such as ``bedrock-runtime``: an address names its region.
        region: The region for addresses that name none.
        api_key: A bearer key, or a function (sync or async) that gives it anew for each request.
        bearer_env: Environment variables that hold a bearer key, the first one that is set.
        keys: The access keys to sign with.
        profile: The profile of AWS's config files to take keys from.
        clock: The time, with its zone.
    """

    def __init__(
        self,
        service: str,
        host: str,
        region: str | None,
        *,
        api_key: KeySource | None = None,
        bearer_env: Sequence[str] = (),
        keys: AwsKeys | None = None,
        profile: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._service = service
        self._host = host
        self._region = region
        self._api_key = key_source(api_key)
        self._bearer_env = bearer_env
        self._keys = keys
        variables = "".join(f"{name} or " for name in bearer_env[:1])
        self._chain = _Chain(
            profile,
            "pass api_key=…, or aws_access_key_id=… and aws_secret_access_key=…, or set the environment variables "
            f"{variables}AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
        self._profile = profile
        self._clock = clock

    async def apply(self, request: HttpRequest) -> HttpRequest:
        """The request with its credentials.

        Raises:
            ConfigurationError: There are none, they cannot be loaded, or the region to sign for is not known.
        """
        bearer = await self._bearer()
        if bearer is not None:
            request.headers["authorization"] = Secret(f"Bearer {bearer.reveal()}", "api_key")
            return request
        region = region_of(self._host, request.url) or self._region
        if region is None:
            raise ConfigurationError(
                f"no AWS region to sign for: pass region_name=…, or set the environment variable {REGION_ENV[0]}"
            )
        request.headers.update(
            signature_headers(
                request.method,
                request.url,
                {name: _shown(value) for name, value in request.headers.items()},
                request.body,
                keys=self._keys or self._keys_of_environment() or await self._chain.keys(),
                region=region,
                service=self._service,
                now=self._clock(),
            )
        )
        return request

    def __repr__(self) -> str:
        return f"AwsCredentials({self._service}, {self._region})"

    async def _bearer(self) -> Secret | None:
        if self._api_key is not None:
            return await key_of(self._api_key)
        if self._keys is not None or self._profile is not None:
            return None  # what the caller gave counts more than the environment
        return next((key for name in self._bearer_env if (key := _secret_of_environment(name)) is not None), None)

    def _keys_of_environment(self) -> AwsKeys | None:
        if self._profile is not None:
            return None
        key_id = os.environ.get("AWS_ACCESS_KEY_ID", "").strip()
        if not key_id:
            return None
        secret = _secret_of_environment("AWS_SECRET_ACCESS_KEY")
        if secret is None:
            raise ConfigurationError(
                "the environment variable AWS_ACCESS_KEY_ID is set, but not AWS_SECRET_ACCESS_KEY: set both or none"
            )
        return AwsKeys(key_id, secret, _secret_of_environment("AWS_SESSION_TOKEN"))


def keys_given(key_id: str | Secret | None, secret: str | Secret | None, token: str | Secret | None) -> AwsKeys | None:
    """The access keys that a caller passes as arguments; None if none was.

    Raises:
        ConfigurationError: Only a part of them is there; the missing one is named.
    """
    key_id = seal(key_id, KEY_ARGUMENTS[0])
    secret = seal(secret, KEY_ARGUMENTS[1])
    token = seal(token, KEY_ARGUMENTS[2])
    if key_id is None and secret is None and token is None:
        return None
    if key_id is None or secret is None:
        missing = KEY_ARGUMENTS[0] if key_id is None else KEY_ARGUMENTS[1]
        raise ConfigurationError(f"{missing} is missing: an access key has an id and a secret, given together")
    return AwsKeys(
        _checked(key_id, KEY_ARGUMENTS[0]).reveal(),
        _checked(secret, KEY_ARGUMENTS[1]),
        None if token is None else _checked(token, KEY_ARGUMENTS[2]),
    )


class _Chain:
    """The keys that botocore finds, loaded once and renewed when they end.

    botocore reads files, starts programs and asks servers: all in a worker thread, unless the keys at hand are good for
    a while. Calls on several event loops share the keys, and wait for one loading.
    """

    def __init__(self, profile: str | None, ways: str) -> None:
        self._profile = profile
        self._ways = ways
        self._lock = threading.Lock()
        self._found: BotocoreCredentials | None = None

    async def keys(self) -> AwsKeys:
        found = self._found
        if found is not None and not _ends_soon(found):
            return _frozen(found)
        # A call that is cancelled meanwhile need not wait; the next one takes what the thread found.
        return await to_thread.run_sync(self._load, abandon_on_cancel=True)

    def _load(self) -> AwsKeys:
        try:
            from botocore.exceptions import BotoCoreError, ClientError
            from botocore.session import Session
        except ImportError as error:
            raise ConfigurationError(
                f"no AWS credentials: {self._ways}, or install tidewire[aws], which reads profiles and roles"
            ) from error
        with self._lock:
            try:
                if self._found is None:
                    self._found = Session(profile=self._profile).get_credentials()
                if self._found is not None:
                    return _frozen(self._found)
            except (BotoCoreError, ClientError) as error:
                raise ConfigurationError(f"the AWS credentials cannot be loaded: {visible_text(str(error))}") from error
        raise ConfigurationError(
            f"no AWS credentials found: {self._ways}, or name a profile: credentials_profile_name=…"
        )


def _ends_soon(found: BotocoreCredentials) -> bool:
    # Only keys that end have the question.
    refresh_needed: Callable[[], bool] = getattr(found, "refresh_needed", lambda: False)
    return refresh_needed()


def _frozen(found: BotocoreCredentials) -> AwsKeys:
    frozen = found.get_frozen_credentials()
    return AwsKeys(
        str(frozen.access_key),
        Secret(str(frozen.secret_key), "the secret access key"),
        Secret(frozen.token, "the session token") if frozen.token else None,
    )


def _shown(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _checked(value: object, name: str) -> Secret:
    if not isinstance(value, Secret):
        raise ConfigurationError(f"{name} is a text or a Secret, not {type(value).__name__}")
    return value.checked()


def _secret_of_environment(name: str) -> Secret | None:
    return Secret.sealed(os.environ[name], name).checked() if os.environ.get(name, "").strip() else None


__all__ = ["KEY_ARGUMENTS", "AwsCredentials", "keys_given"]
