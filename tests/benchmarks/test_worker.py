"""The benchmarks measure what they say: every contestant reads every token, and whoever does not is found out."""

from collections.abc import Iterator

import pytest

from benchmarks.measure import Sample, rows, take_turns
from benchmarks.server import running_server
from benchmarks.worker import CONTESTANTS, Job, Kind, running_worker


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_server() as url:
        yield url


CHAT = ("socket", "aiohttp", "httpx", "tidewire")
OTHER_WIRES = [name for name in CONTESTANTS if name.startswith(("aiohttp ", "tidewire "))]


@pytest.mark.parametrize("contestant", CHAT)
def test_a_contestant_sees_all_tokens_of_each_kind_of_reply(server: str, contestant: str) -> None:
    with running_worker(contestant) as worker:
        for job in (
            Job("stream", f"{server}/burst/300", tokens=300, repeat=2),
            Job("stream", f"{server}/paced/5/1", tokens=5),
            Job("call", f"{server}/plain/7", tokens=7, repeat=2),
        ):
            assert worker.run(job).cpu_s > 0


@pytest.mark.parametrize("contestant", OTHER_WIRES)
def test_a_contestant_sees_all_tokens_of_another_wire_format(server: str, contestant: str) -> None:
    with running_worker(contestant) as worker:
        assert worker.run(Job("stream", f"{server}/burst/300", tokens=300)).cpu_s > 0


@pytest.mark.parametrize("contestant", ["aiohttp", "tidewire"])
def test_replies_are_read_at_once(server: str, contestant: str) -> None:
    with running_worker(contestant) as worker:
        batch = Job("batch", f"{server}/late/7/1", tokens=7, repeat=20, at_once=5, warm_url=f"{server}/late/1/1")
        assert worker.run(batch).wall_s > 0
        streams = Job("stamped", f"{server}/stamped/5/1", tokens=5, repeat=10, warm_url=f"{server}/stamped/2/1")
        assert worker.run(streams).delay_s > 0


@pytest.mark.parametrize(
    ("contestant", "kind"), [("tidewire", "sync"), ("tidewire", "records"), ("20 subscribers", "stream")]
)
def test_a_stream_is_read_in_other_ways(server: str, contestant: str, kind: Kind) -> None:
    with running_worker(contestant) as worker:
        assert worker.run(Job(kind, f"{server}/burst/300", tokens=300)).cpu_s > 0


def test_a_contestant_that_sees_too_few_tokens_is_not_measured(server: str, capfd: pytest.CaptureFixture[str]) -> None:
    with running_worker("socket") as worker, pytest.raises(RuntimeError, match="failed"):
        worker.run(Job("stream", f"{server}/burst/3", tokens=4))
    assert "SocketReader saw 3 of 4 tokens" in capfd.readouterr().err


def test_function_calls_are_counted_on_request(server: str) -> None:
    with running_worker("aiohttp") as worker:
        plain = worker.run(Job("call", f"{server}/plain/7", tokens=7))
        counted = worker.run(Job("call", f"{server}/plain/7", tokens=7, profile="count"))
    assert plain.function_calls == 0
    assert counted.function_calls > 50


def test_contestants_take_turns_in_an_order_that_rotates() -> None:
    order = ""

    def sample(name: str) -> Sample:
        nonlocal order
        order += name
        return Sample(1)

    take_turns({"a": lambda: sample("a"), "b": lambda: sample("b"), "c": lambda: sample("c")}, rounds=3)
    assert order == "abc" + "bca" + "cab"


def test_a_ratio_is_taken_within_each_round() -> None:
    base = [Sample(1), Sample(2), Sample(4), Sample(8), Sample(16)]
    twice = [Sample(2 * sample.cpu_us) for sample in base]
    _, row = rows("m", "token", {"base": base, "twice": twice})
    assert (row.ratio.low, row.ratio.median, row.ratio.high) == (2, 2, 2)
    assert (row.cpu_us.low, row.cpu_us.median, row.cpu_us.high) == (4, 8, 16)
