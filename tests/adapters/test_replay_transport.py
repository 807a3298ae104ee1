"""A replay gives its bytes whole and in order, whatever it is told to do to them, and counts what happens to them."""

import anyio
import pytest
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.replay_transport import Cuts, Exchange, ReplayTransport
from tidewire.adapters.spec import HttpRequest, Response
from tidewire.events.errors import APIConnectionError, ConfigurationError

BODY = b'data: {"a": 1}\n\ndata: {"a": 2}\r\n\r\ndata: [DONE]\n\n'

REQUEST = HttpRequest("POST", "http://model.example/v1", {}, b"{}")


async def reads_of(response: Response) -> list[bytes]:
    reads: list[bytes] = []
    while piece := await response.read():
        reads.append(piece)
    return reads


async def test_a_body_is_given_whole_and_ends_for_good() -> None:
    transport = ReplayTransport(BODY)
    response = await transport.open(REQUEST)
    assert response.status == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert await reads_of(response) == [BODY]
    assert [await response.read() for _ in range(3)] == [b""] * 3
    await response.aclose()
    await response.aclose()
    await transport.aclose()
    assert transport.requests == [REQUEST]
    assert (transport.opened, transport.closed, transport.aborted) == (1, 1, 0)
    assert transport.open_responses == 0


@pytest.mark.parametrize(
    ("cuts", "reads"),
    [
        ("whole", [BODY]),
        ("event", [b'data: {"a": 1}\n\n', b'data: {"a": 2}\r\n\r\n', b"data: [DONE]\n\n"]),
        ("byte", [bytes([byte]) for byte in BODY]),
        ([20, 5], [BODY[:20], BODY[20:25], BODY[25:45], BODY[45:]]),
        ((1000,), [BODY]),
    ],
    ids=["whole", "event", "byte", "sizes", "one size"],
)
async def test_a_body_is_cut_as_told(cuts: Cuts, reads: list[bytes]) -> None:
    assert await reads_of(await ReplayTransport(BODY, cuts=cuts).open(REQUEST)) == reads


async def test_lines_are_the_events_where_there_is_no_blank_line() -> None:
    transport = ReplayTransport(b'{"a": 1}\n{"a": 2}\n', cuts="event")
    assert await reads_of(await transport.open(REQUEST)) == [b'{"a": 1}\n', b'{"a": 2}\n']


@given(body=st.binary(max_size=2000), seed=st.integers(0, 2**32))
def test_drawn_cuts_are_the_same_for_the_same_seed(body: bytes, seed: int) -> None:
    async def twice() -> tuple[list[bytes], list[bytes]]:
        transport = ReplayTransport(body, cuts=seed)
        return await reads_of(await transport.open(REQUEST)), await reads_of(await transport.open(REQUEST))

    first, second = anyio.run(twice)
    assert first == second
    assert b"".join(first) == body


async def test_drawn_cuts_differ_between_seeds() -> None:
    cut = [await reads_of(await ReplayTransport(BODY * 50, cuts=seed).open(REQUEST)) for seed in range(5)]
    assert len({tuple(map(len, reads)) for reads in cut}) == 5


@pytest.mark.parametrize("sizes", [[], [3, 0]])
async def test_sizes_that_do_not_advance_are_refused(sizes: list[int]) -> None:
    with pytest.raises(ConfigurationError, match="at least 1 byte"):
        await ReplayTransport(BODY, cuts=sizes).open(REQUEST)


@pytest.mark.parametrize("where", [0, 1, 20, len(BODY)])
async def test_a_body_breaks_with_an_error_or_a_proper_end(where: int) -> None:
    response = await ReplayTransport(BODY, cuts="byte", break_at=where).open(REQUEST)
    arrived = b""
    with pytest.raises(APIConnectionError, match="broke off"):
        while True:
            piece = await response.read()
            assert piece
            arrived += piece
    assert arrived == BODY[:where]
    with pytest.raises(APIConnectionError):
        await response.read()
    response = await ReplayTransport(BODY, break_at=where, ending="end").open(REQUEST)
    assert b"".join(await reads_of(response)) == BODY[:where]


async def test_a_body_that_hangs_ends_by_abort() -> None:
    transport = ReplayTransport(BODY, break_at=5, ending="hang")
    response = await transport.open(REQUEST)
    assert await response.read() == b"data:"

    async def read() -> None:
        with pytest.raises(APIConnectionError, match="by this side"):
            await response.read()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            response.abort()
    response.abort()
    await response.aclose()
    assert (transport.opened, transport.closed, transport.aborted) == (1, 1, 1)


async def test_closing_early_is_no_abort_and_ends_the_reading() -> None:
    transport = ReplayTransport(BODY, cuts="byte")
    response = await transport.open(REQUEST)
    await response.read()
    assert transport.open_responses == 1
    await response.aclose()
    assert (transport.closed, transport.aborted, transport.open_responses) == (1, 0, 0)
    with pytest.raises(APIConnectionError):
        await response.read()


async def test_abort_after_the_end_is_none() -> None:
    transport = ReplayTransport(BODY)
    response = await transport.open(REQUEST)
    await reads_of(response)
    response.abort()
    assert await response.read() == b""
    assert (transport.closed, transport.aborted) == (1, 0)


@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": trio.testing.MockClock(autojump_threshold=0)})])
async def test_reads_come_after_their_delays() -> None:
    response = await ReplayTransport(BODY, cuts="event", delay_s=[0.0, 5, 60]).open(REQUEST)
    start = anyio.current_time()
    times: list[float] = []
    for _ in range(3):
        await response.read()
        times.append(anyio.current_time() - start)
    assert times == pytest.approx([0, 5, 65])


async def test_a_read_that_is_delayed_is_cut_short_by_abort() -> None:
    response = await ReplayTransport(BODY, cuts="event", delay_s=60.0).open(REQUEST)

    async def read() -> None:
        with pytest.raises(APIConnectionError):
            await response.read()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            response.abort()


async def test_the_head_may_be_late_and_the_wait_for_it_cancelled() -> None:
    transport = ReplayTransport(Exchange(body=BODY, open_delay_s=60.0))
    with anyio.move_on_after(0.02) as scope:
        await transport.open(REQUEST)
    assert scope.cancelled_caught
    assert (len(transport.requests), transport.opened) == (1, 0)


async def test_every_read_lets_others_run() -> None:
    transport = ReplayTransport(BODY, cuts="byte")
    response = await transport.open(REQUEST)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await response.read()
    assert scope.cancelled_caught


async def test_several_answers_are_given_in_order_and_then_none() -> None:
    refused = APIConnectionError("refused")
    late = Exchange(status=503, headers={"retry-after": "1"}, body=b"busy")
    transport = ReplayTransport([Exchange(error=refused), late, BODY], cuts="event")
    with pytest.raises(APIConnectionError) as caught:
        await transport.open(REQUEST)
    assert caught.value is refused
    response = await transport.open(REQUEST)
    assert (response.status, response.headers["retry-after"]) == (503, "1")
    assert await reads_of(response) == [b"busy"]
    assert len(await reads_of(await transport.open(REQUEST))) == 3
    with pytest.raises(ConfigurationError, match="no answer to request 4"):
        await transport.open(REQUEST)
    assert (len(transport.requests), transport.opened) == (4, 2)


async def test_an_error_may_stand_for_every_answer() -> None:
    transport = ReplayTransport(b"", error=APIConnectionError("refused"))
    for _ in range(2):
        with pytest.raises(APIConnectionError):
            await transport.open(REQUEST)
