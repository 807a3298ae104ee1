"""Google: Gemini on Vertex AI, generateContent and streamGenerateContent, v1beta1.

Documentation: "Generate content with the Gemini API in Vertex AI", "Locations", "Vertex AI in express mode", "Stream
function call arguments" on docs.cloud.google.com; the types of Google's Python client (google-genai). Read 2026-11-25.

The bodies are those of the Gemini API (``google_genai``). What differs: an address has a project and a location, and
calls are paid by Google credentials:

    access_token=…      a token, or a function (sync or async) that gives one for each request
    credentials=…       credentials of the package google-auth
    api_key=…           a key of express mode, or of a service account; an address without a project
    (none of them)      application default credentials, found and refreshed by google-auth (extra ``vertex``)
"""

from __future__ import annotations

import importlib
import os
import threading
from typing import Protocol, cast, runtime_checkable
from urllib.parse import quote

import anyio.to_thread
import msgspec

from tidewire.adapters.addresses import host_label, path_segments
from tidewire.adapters.credentials import ApiKey
from tidewire.adapters.google_genai import GoogleCodec, with_usual_key
from tidewire.adapters.google_genai_request import Flavour
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import Adapter, Credentials, HttpRequest, KeySource
from tidewire.adapters.status_errors import visible_text
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import APIConnectionError, AuthenticationError, ConfigurationError

PROVIDER = "google_vertexai"

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"

#: What stands for the project until the credentials tell it; no project is called so.
_UNKNOWN_PROJECT = "/projects/-/"

#: Locations that span regions, and their host.
_MULTI_REGIONS = ("eu", "us")


class VertexCodec(GoogleCodec):
    """The wire format ``google_vertex.generate_content``.

    Args:
        parent: Where models are: ``projects/…/locations/…``, or empty in express mode.
    """

    name = "google_vertex.generate_content"
    version = "v1beta1"

    def __init__(self, parent: str = "") -> None:
        super().__init__(Flavour(provider=PROVIDER, has_files=False, server_parts=False))
        self._parent = parent

    def path(self, model: str) -> str:
        """Where a model is: one of Google's, unless its name says otherwise."""
        if model.startswith("projects/"):
            return path_segments(model)
        if not model.startswith(("publishers/", "endpoints/")):
            model = f"publishers/google/models/{model.removeprefix('models/').removeprefix('google/')}"
        return path_segments(f"{self._parent}/{model}" if self._parent else model)


# ---------------------------------------------------------------- credentials


@runtime_checkable
class GoogleAuth(Protocol):
    """Credentials of the package google-auth, as far as they are used here."""

    token: str | None

    @property
    def valid(self) -> bool:
        """Whether the token can be used now."""
        ...

    def refresh(self, request: object) -> None:
        """Get a new token; takes a while."""
        ...


class GoogleCredentials:
    """Signs requests with the token of Google credentials, and renews it when it has expired.

    Args:
        credentials: Credentials of google-auth; None finds the application default credentials at the first request.
    """

    def __init__(self, credentials: GoogleAuth | None = None) -> None:
        self._credentials = credentials
        self._project: str | None = None
        self._lock = threading.Lock()

    async def apply(self, request: HttpRequest) -> HttpRequest:
        """The request with a token.

        Raises:
            ConfigurationError: There are no credentials, or no project; names the ways to set them.
            AuthenticationError: Google gave no token for the credentials.
            APIConnectionError: Google could not be asked for a token.
        """
        credentials = self._credentials
        if credentials is None or not credentials.valid:
            credentials = await anyio.to_thread.run_sync(self._renew, abandon_on_cancel=True)
        request.headers["authorization"] = Secret(f"Bearer {credentials.token}", "access_token")
        payer = getattr(credentials, "quota_project_id", None)
        if payer:
            request.headers["x-goog-user-project"] = payer
        return _with_project(request, self._project)

    def __repr__(self) -> str:
        return "GoogleCredentials()"

    def _renew(self) -> GoogleAuth:
        """Find the credentials and renew their token, once for all who wait for it."""
        try:
            auth = importlib.import_module("google.auth")
            exceptions = importlib.import_module("google.auth.exceptions")
            transport = importlib.import_module("google.auth.transport.requests")
        except ImportError as error:
            raise ConfigurationError(
                "Google credentials need the package google-auth: pip install 'tidewire[vertex]'; "
                "or pass access_token=… or api_key=…"
            ) from error
        with self._lock:
            try:
                if self._credentials is None:
                    found = cast("tuple[GoogleAuth, str | None]", auth.default(scopes=[_SCOPE]))
                    self._credentials, self._project = found
                if not self._credentials.valid:
                    self._credentials.refresh(transport.Request())
            except exceptions.DefaultCredentialsError as error:
                raise ConfigurationError(
                    "no Google credentials: run `gcloud auth application-default login`, set the environment variable "
                    "GOOGLE_APPLICATION_CREDENTIALS, or pass credentials=…, access_token=… or api_key=…"
                ) from error
            except exceptions.TransportError as error:
                raise APIConnectionError("Google could not be asked for an access token") from error
            except exceptions.GoogleAuthError as error:
                raise AuthenticationError(f"Google gave no access token: {visible_text(str(error), 300)}") from error
            return self._credentials


class AccessToken:
    """Signs requests with a token that the caller has."""

    def __init__(self, source: KeySource) -> None:
        bearer = msgspec.structs.replace(ADAPTER, key_header="authorization", key_prefix="Bearer ")
        self._token = ApiKey(bearer, source)

    async def apply(self, request: HttpRequest) -> HttpRequest:
        """The request with the token."""
        return _with_project(await self._token.apply(request), None)

    def __repr__(self) -> str:
        return "AccessToken()"


def _with_project(request: HttpRequest, project: str | None) -> HttpRequest:
    """The request with the project of the credentials, where the caller named none."""
    if _UNKNOWN_PROJECT in request.url:
        if not project:
            raise ConfigurationError(
                f"no project for {PROVIDER}: pass project=…, or set the environment variable GOOGLE_CLOUD_PROJECT"
            )
        request.url = request.url.replace(_UNKNOWN_PROJECT, f"/projects/{quote(project, safe=':')}/", 1)
    return request


# ---------------------------------------------------------------- the provider


def _configure(given: JSONObject) -> tuple[Adapter, JSONObject]:
    """The adapter for a project and location, and the keywords that are left."""
    given = with_usual_key(given)
    project = given.pop("project", None)
    location = given.pop("location", None)
    token = given.pop("access_token", None)
    credentials = given.pop("credentials", None)
    if sum(way is not None for way in (token, credentials, given.get("api_key"))) > 1:
        raise ConfigurationError(f"{PROVIDER} takes one of access_token, credentials and api_key")
    known_project = project or _environment("GOOGLE_CLOUD_PROJECT")
    by_key = given.get("api_key") is not None or (
        token is None and credentials is None and not known_project and _environment("GOOGLE_API_KEY") is not None
    )
    if by_key and project is None:
        return _adapter(None, location), given  # express mode
    if token is not None:
        given["credentials"] = AccessToken(token)
    elif not by_key:
        given["credentials"] = _credentials(credentials)
    return _adapter(known_project or "-", location), given


def _credentials(given: object) -> Credentials:
    if given is None or isinstance(given, GoogleAuth):
        return GoogleCredentials(given)
    if hasattr(given, "apply"):
        return cast("Credentials", given)
    raise ConfigurationError(
        f"credentials must be credentials of google-auth, or have a method apply, got {type(given).__name__}"
    )


def _adapter(project: str | None, location: str | None) -> Adapter:
    location = location or _environment("GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION") or "global"
    host_label(location, "location")
    if project is None:
        return ADAPTER
    host = f"{location}-aiplatform"
    if location == "global":
        host = "aiplatform"
    elif location in _MULTI_REGIONS:
        host = f"aiplatform.{location}.rep"
    codec = VertexCodec(f"projects/{project}/locations/{location}")
    return msgspec.structs.replace(ADAPTER, codec=codec, base_url=f"https://{host}.googleapis.com")


def _environment(*names: str) -> str | None:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


ADAPTER = Adapter(
    provider=PROVIDER,
    codec=VertexCodec(),
    base_url="https://aiplatform.googleapis.com",
    base_url_env=("GOOGLE_VERTEX_BASE_URL",),
    key_env=("GOOGLE_API_KEY",),
    key_header="x-goog-api-key",
    key_prefix="",
    class_name="ChatVertexAI",
    configure=_configure,
)

__all__ = ["ADAPTER", "PROVIDER", "AccessToken", "GoogleAuth", "GoogleCredentials", "VertexCodec"]
