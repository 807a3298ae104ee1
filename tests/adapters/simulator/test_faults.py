"""Each fault puts on the wire what it promises, seen through a bare socket."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
from itertools import islice
from typing import cast

import msgspec
import pytest

from tests.test_layers import ROOT
from tidewire import init_chat_model
from tidewire.adapters.script import FAIL_KINDS, Fail, FailKind, Reply
from tidewire.adapters.simulator import FAULT_HEADER, Simulator, simulate
from tidewire.adapters.simulator.api import Frame, HttpReply
from tidewire.adapters.simulator.faults import Act, Close, Hang, Reset, Send, fault_of_header, transmit
from tidewire.adapters.simulator.openai_chat import OpenAIChatApi
from tidewire.events.errors import ConfigurationError, TidewireError

ANSWER = Reply(["Grüße", " an", " die", " Flut"])


def ask(sim: Simulator, *, stream: bool = True, fault: str | None = None) -> socket.socket:
    """A connection on which a request was sent."""
    body = {"model": "demo", "messages": [{"role": "user", "content": "Hello!"}], "stream": stream}
    data = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(data)}\r\n"
    if fault is not None:
        head += f"{FAULT_HEADER}: {fault}\r\n"
    connection = socket.create_connection(("127.0.0.1", int(sim.url.rpartition(":")[2])), timeout=5)
    connection.sendall(head.encode() + b"\r\n" + data)
    return connection


def read_to_end(connection: socket.socket) -> tuple[bytes, str]:
    """All bytes, and how they ended: ``closed`` or ``reset``."""
    received = b""
    with connection:
        while True:
            try:
                data = connection.recv(65536)
            except ConnectionResetError:
                return received, "reset"
            if not data:
                return received, "closed"
            received += data


def read_until(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        received += connection.recv(65536)
    return received


def on_the_wire(fail: Fail | None, *, stream: bool = True) -> tuple[dict[str, str], bytes, str]:
    """The headers, the body with its framing, and how the connection ended (``kept`` if it did not)."""
    fail = fail and msgspec.structs.replace(fail, reply=ANSWER)
    with simulate([fail or ANSWER]) as sim:
        connection = ask(sim, stream=stream)
        if fail is None or fail.kind not in _ENDING:
            data, ended = read_whole(connection), "kept"
        else:
            data, ended = read_to_end(connection)
    if b"\r\n\r\n" not in data:
        return {}, data, ended
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return {"status": lines[0].split(" ")[1], **headers}, body, ended


#: The kinds that end the connection.
_ENDING = {
    *("reset_before_head", "reset_in_head", "reset", "cut", "bad_chunk"),
    *("length_too_short", "length_too_long", "no_length"),
}


def read_whole(connection: socket.socket) -> bytes:
    """A reply that leaves the connection open, by its framing."""
    with connection:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0]) if b"content-length" in head else None
        while len(body) < length if length is not None else not body.endswith(b"0\r\n\r\n"):
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


def unchunked(body: bytes) -> list[bytes]:
    """The chunks of a body that ends as it should, or where it was cut."""
    chunks: list[bytes] = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        chunks.append(rest[:length])
        body = rest[length + 2 :]
    return chunks


def contents(body: bytes) -> list[str]:
    """The pieces of the answer in a streamed body."""
    events = b"".join(unchunked(body)).decode().split("\n\n")
    found = [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: {")]
    return [choice["delta"].get("content") for chunk in found for choice in chunk.get("choices", ())]


def test_without_a_fault_each_event_is_one_chunk_and_the_connection_is_kept() -> None:
    headers, body, ended = on_the_wire(None)
    assert (headers["status"], headers["transfer-encoding"], ended) == ("200", "chunked", "kept")
    assert all(chunk.endswith(b"\n\n") and chunk.count(b"\n\n") == 1 for chunk in unchunked(body))
    assert contents(body) == ["", "Grüße", " an", " die", " Flut", None]
    assert unchunked(body)[-1] == b"data: [DONE]\n\n"
    headers, body, _ = on_the_wire(None, stream=False)
    assert int(headers["content-length"]) == len(body)


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(("kind", "how"), [("reset", "reset"), ("cut", "closed"), ("end", "kept")])
def test_a_stream_breaks_off_after_as_many_pieces_as_it_should(kind: FailKind, how: str, after: int) -> None:
    headers, body, ended = on_the_wire(Fail(kind=kind, after_tokens=after))
    assert headers["status"] == "200"
    assert ended == how
    assert contents(body) == ["", "Grüße", " an"][: after and after + 1]
    assert body.endswith(b"0\r\n\r\n") == (kind == "end")


@pytest.mark.parametrize(("kind", "how"), [("reset", "reset"), ("cut", "closed"), ("end", "kept")])
def test_a_plain_answer_breaks_off_in_its_middle(kind: FailKind, how: str) -> None:
    headers, body, ended = on_the_wire(Fail(kind=kind, after_tokens=1), stream=False)
    assert ended == how
    assert body.startswith(b"{")
    assert not body.endswith(b"}")
    assert (int(headers["content-length"]) == len(body)) == (kind == "end")


def test_a_connection_is_reset_before_and_within_the_head() -> None:
    assert on_the_wire(Fail(kind="reset_before_head")) == ({}, b"", "reset")
    _, data, ended = on_the_wire(Fail(kind="reset_in_head"))
    assert data.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert (len(data), ended) == (25, "reset")


@pytest.mark.parametrize("stream", [True, False])
def test_an_error_object_stands_in_a_reply_that_began_well(stream: bool) -> None:
    headers, body, _ = on_the_wire(Fail(kind="error", status=429, message="slow down", after_tokens=1), stream=stream)
    assert headers["status"] == "200"
    last = json.loads(unchunked(body)[-1].removeprefix(b"data: ")) if stream else json.loads(body)
    assert last["error"]["message"] == "slow down"
    assert last["error"]["code"] == "rate_limit_exceeded"


def test_a_proxys_page_and_a_redirect_are_no_json() -> None:
    headers, body, _ = on_the_wire(Fail(kind="html", status=502))
    assert (headers["status"], headers["content-type"]) == ("502", "text/html")
    assert b"<title>502 Bad Gateway</title>" in body
    headers, body, _ = on_the_wire(Fail(kind="redirect", location="http://127.0.0.1:1/x"))
    assert (headers["status"], headers["location"], body) == ("307", "http://127.0.0.1:1/x", b"")


def test_a_chunk_has_a_size_that_is_no_number() -> None:
    _, body, ended = on_the_wire(Fail(kind="bad_chunk", after_tokens=1))
    good, _, bad = body.partition(b"zz\r\n")
    assert contents(good) == ["", "Grüße"]
    assert bad
    assert ended == "closed"


@pytest.mark.parametrize("stream", [True, False])
def test_the_announced_length_is_too_short_or_too_long(stream: bool) -> None:
    headers, body, ended = on_the_wire(Fail(kind="length_too_short"), stream=stream)
    assert int(headers["content-length"]) == len(body) // 2
    assert ended == "closed"
    headers, body, ended = on_the_wire(Fail(kind="length_too_long"), stream=stream)
    assert int(headers["content-length"]) == len(body) + 100
    assert "transfer-encoding" not in headers


@pytest.mark.parametrize("stream", [True, False])
def test_a_body_may_be_ended_by_the_connection_alone(stream: bool) -> None:
    headers, body, ended = on_the_wire(Fail(kind="no_length"), stream=stream)
    assert not {"content-length", "transfer-encoding"} & headers.keys()
    assert headers["connection"] == "close"
    assert body.endswith(b"data: [DONE]\n\n" if stream else b"}")
    assert ended == "closed"


def test_characters_are_cut_over_two_chunks() -> None:
    _, body, _ = on_the_wire(Fail(kind="split_utf8"))
    assert any(chunk.endswith(b"\xc3") for chunk in unchunked(body))
    assert contents(body) == ["", "Grüße", " an", " die", " Flut", None]


@pytest.mark.parametrize("stream", [True, False])
def test_one_piece_is_not_what_it_should_be(stream: bool) -> None:
    _, body, _ = on_the_wire(Fail(kind="bad_json", after_tokens=2), stream=stream)
    broken = unchunked(body)[3].removeprefix(b"data: ") if stream else body
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(broken)
    _, body, _ = on_the_wire(Fail(kind="bad_utf8", after_tokens=2), stream=stream)
    with pytest.raises(UnicodeDecodeError):
        (unchunked(body)[3] if stream else body).decode()
    if stream:
        assert b"".join(unchunked(body)[:3]).decode()


@pytest.mark.parametrize("stream", [True, False])
def test_a_compressed_body_is_the_same_after_decompression(stream: bool) -> None:
    headers, body, _ = on_the_wire(Fail(kind="gzip"), stream=stream)
    assert headers["content-encoding"] == "gzip"
    if stream:
        assert gzip.decompress(b"".join(unchunked(body))).endswith(b"data: [DONE]\n\n")
    else:
        assert json.loads(gzip.decompress(body))["choices"][0]["message"]["content"] == "Grüße an die Flut"


def test_cookies_and_another_content_type_change_only_the_head() -> None:
    headers, body, _ = on_the_wire(Fail(kind="content_type"))
    assert headers["content-type"] == "text/plain; charset=latin-1"
    assert unchunked(body)[-1] == b"data: [DONE]\n\n"
    with simulate([Fail(kind="cookies", reply=ANSWER)]) as sim:
        reply = read_whole(ask(sim, stream=False))
    assert reply.count(b"set-cookie: ") == 2


@pytest.mark.parametrize(("kind", "after"), [("stall_before_head", 0), ("stall", 0), ("stall", 2)])
def test_a_reply_that_hangs_ends_when_the_client_leaves(kind: FailKind, after: int) -> None:
    fail = Fail(kind=kind, after_tokens=after, reply=ANSWER)
    with simulate([fail]) as sim:
        with ask(sim) as connection:
            if kind == "stall":
                read_until(connection, b"\r\n\r\n" if after == 0 else b"}]}\n\n\r\n")
            sim.wait_until(lambda sim: sim.open_streams == 1)
        sim.wait_idle()
        assert [request.outcome for request in sim.requests] == ["disconnected"]


def test_pings_come_for_ever_and_nothing_else() -> None:
    with simulate([Fail(kind="pings", after_tokens=1, reply=ANSWER)]) as sim:
        with ask(sim) as connection:
            received = b""
            while received.count(b": still here\n\n") < 3:
                received += connection.recv(65536)
        sim.wait_idle()
    assert "Grüße".encode() in received
    assert b" an" not in received


# --- without a socket ---


def acts_of(fail: Fail) -> list[Act]:
    frames = (Frame("ü1\n\n".encode(), delay_s=0.5, tokens=1), Frame(b"2\n\n", delay_s=0.25, tokens=1))
    reply = HttpReply(200, {"content-type": "text/event-stream"}, frames, streamed=True)
    return list(islice(transmit(reply, fail, OpenAIChatApi()), 1000))


@pytest.mark.parametrize("kind", FAIL_KINDS)
def test_every_kind_of_failure_can_be_sent(kind: FailKind) -> None:
    acts = acts_of(Fail(kind=kind, after_tokens=1))
    assert acts
    assert all(isinstance(act, Send) for act in acts[:-1])
    assert isinstance(acts[-1], Send | Reset | Close | Hang)


def test_a_trickle_keeps_the_bytes_and_the_pace() -> None:
    acts = [act for act in acts_of(Fail(kind="trickle")) if isinstance(act, Send)]
    assert all(len(act.data) == 1 for act in acts)
    assert b"".join(act.data for act in acts).endswith(b"\r\n3\r\n2\n\n\r\n0\r\n\r\n")
    assert [act.delay_s for act in acts if act.delay_s] == [0.5, 0.25]


def test_the_pace_survives_every_fault_that_sends_the_whole_answer() -> None:
    kinds: list[FailKind] = ["split_utf8", "gzip", "cookies", "content_type", "no_length", "bad_json"]
    for kind in kinds:
        acts = acts_of(Fail(kind=kind))
        assert [act.delay_s for act in acts if isinstance(act, Send) and act.delay_s] == [0.5, 0.25]


# --- the header ---


def test_a_request_asks_for_a_fault_by_a_header() -> None:
    assert fault_of_header("reset; after_tokens=3") == Fail(kind="reset", after_tokens=3)
    wanted = Fail(status=429, retry_after_s=1.5, code="x")
    assert fault_of_header("status;status=429; retry_after_s = 1.5;code=x;") == wanted
    with simulate([ANSWER]) as sim:
        data, ended = read_to_end(ask(sim, fault="cut; after_tokens=1"))
    assert "Grüße".encode() in data
    assert ended == "closed"


@pytest.mark.parametrize("value", ["nonsense", "cut; after=3", "cut; after_tokens=many"])
def test_a_header_that_cannot_be_read_is_an_error_that_names_it(value: str) -> None:
    with pytest.raises(ConfigurationError, match=FAULT_HEADER):
        fault_of_header(value)


def test_the_page_on_testing_has_a_row_for_each_fault_and_says_who_knows_it() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (yes)? ?\|$", (ROOT / "docs/testing.md").read_text(), re.MULTILINE)
    assert [kind for kind, _ in rows if kind in FAIL_KINDS] == list(FAIL_KINDS)
    for kind, embedded in rows:
        assert bool(embedded) == embedded_knows(kind), kind


def embedded_knows(kind: str) -> bool:
    """Whether the embedded provider fails in a way, whatever error that gives."""
    fail = Fail(kind=cast("FailKind", kind), reply=Reply("a b c"))
    model = init_chat_model("embedded:demo", script=[fail], max_retries=0, streaming=True)
    if kind.startswith("stall"):  # the others end by themselves, however slowly
        model = model.bind(timeout=0.01)
    try:
        model.invoke("hi")
    except ConfigurationError as error:
        return "the simulator can" not in error.message
    except TidewireError:
        return True
    raise AssertionError(f"{kind} did not fail")


def test_a_fault_that_there_is_not_is_the_clients_mistake() -> None:
    with Simulator() as simulator:
        connection = http.client.HTTPConnection(simulator.url.removeprefix("http://"), timeout=10)
        connection.request("POST", "/v1/chat/completions", '{"model": "demo", "messages": []}', {FAULT_HEADER: "rest"})
        reply = connection.getresponse()
        text = reply.read().decode()
        connection.close()
    assert reply.status == 400
    assert "nothing fails by 'rest'" in text
    assert "'reset'" in text
