"""How many functions are called for a token and for a call: a figure with little noise, which may fall but not rise."""

from collections.abc import Iterator

import pytest

from benchmarks.server import running_server
from benchmarks.worker import Job, Worker, running_worker


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_server() as url:
        yield url


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with running_worker("tidewire") as running:
        yield running


@pytest.mark.parametrize(
    ("path", "tokens", "most"),
    [
        pytest.param("/burst/5000", 5000, 30, id="of a long stream"),
        pytest.param("/burst/200", 200, 40, id="of a short stream, which includes what is called once for a stream"),
    ],
)
def test_a_token_takes_few_function_calls(server: str, worker: Worker, path: str, tokens: int, most: int) -> None:
    cost = worker.run(Job("stream", server + path, tokens, repeat=5, profile="count"))
    assert cost.function_calls / tokens / 5 <= most


def test_a_plain_call_takes_few_function_calls(server: str, worker: Worker) -> None:
    cost = worker.run(Job("call", f"{server}/plain/50", 50, repeat=20, profile="count"))
    # 776 where head and body of the reply come in one read, 809 where the event loop turns once more between them.
    assert cost.function_calls / 20 <= 900
