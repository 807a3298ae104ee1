"""What all tests share: the event loops that async tests run on, and how far hypothesis searches."""

import os
import signal

import pytest
from hypothesis import settings

# Small while one works. Large in CI, and there with the same examples each time: a commit that was green stays green.
settings.register_profile("small", max_examples=50, deadline=None)
settings.register_profile("large", max_examples=100, deadline=None, derandomize=True)
settings.load_profile("large" if os.environ.get("CI") == "true" else "small")

# A shell that starts tests in the background has them ignore Ctrl-C, and so the programs that they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

BACKENDS: dict[str, tuple[str, dict[str, bool]]] = {
    "asyncio": ("asyncio", {"use_uvloop": False}),
    "asyncio+uvloop": ("asyncio", {"use_uvloop": True}),
    "trio": ("trio", {}),
}


# The scope is anyio's own: hypothesis refuses a fixture that would be made anew for each of its examples.
@pytest.fixture(scope="module", params=BACKENDS.values(), ids=list(BACKENDS))
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The event loop of an async test. A test that wants one of them only parametrises ``anyio_backend`` itself."""
    backend: tuple[str, dict[str, bool]] = request.param
    return backend
