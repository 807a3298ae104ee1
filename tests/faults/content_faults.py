"""Faults of an answer's bytes: where they end, what they hold, what stands between, and how they are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.faults.fault import ALL_TRIES, Case, Expected, Fault, Reply, always, broken, fails
from tests.faults.wires import CLASS_OF, PIECES, PIECEWISE, TEXT, WIRES, dump
from tidewire.events.errors import (
    APIStatusError,
    OverloadedError,
    ResponseDecodeError,
    ResponseLimitError,
    StreamInterruptedError,
)
from tidewire.events.messages import AIMessage

_SSE = tuple(name for name, wire in WIRES.items() if wire.is_sse)
_JSON_LINES = (*_SSE, "ollama")
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>\n\n<p>Sign in.</p></body></html>"


def _ok(case: Case) -> Expected:
    return Expected()


def _undecodable(count: int) -> Callable[[Case], Expected]:
    return lambda case: fails(ResponseDecodeError, "".join(PIECES[:count]) if case.streamed else "")


# ---------------------------------------------------------------- where it ends


def _ended_after(count: int) -> Fault:
    return Fault(
        f"a proper end after {count} pieces",
        always(lambda case: Reply(case.part(count))),
        lambda case: broken(case, count),
    )


def _followed(word: str, more: Callable[[Case], bytes]) -> Fault:
    return Fault(
        f"{word} after the terminator",
        always(lambda case: Reply(case.body + more(case))),
        _ok,
        modes=(True,),
        wires=tuple(name for name in WIRES if name != "google_genai"),
    )


_MORE: Mapping[str, Callable[[Case], bytes]] = {
    "a second terminator": lambda case: case.wire.stream().end,
    "another piece": lambda case: case.wire.stream().pieces[0],
    "another answer": lambda case: case.body,
    "an error": lambda case: case.wire.error_event(500),
    "something that is no frame": lambda case: b"\xff\x00garbage\n\n",
}

_faults: list[Fault] = [
    *(_ended_after(count) for count in range(3)),
    Fault(
        "a proper end within a piece",
        always(lambda case: Reply(case.part(3)[:-9])),
        lambda case: broken(case, 2),
        modes=(True,),
    ),
    Fault(
        "a proper end after the finish reason",
        always(lambda case: Reply(case.wire.stream().upto(3) + case.wire.stream().finish)),
        lambda case: Expected() if case.wire.stream().finish else broken(case, 3),
        modes=(True,),
    ),
    Fault(
        "a proper end after all pieces",
        always(lambda case: Reply(case.wire.stream().upto(3))),
        lambda case: broken(case, 3),
        modes=(True,),
    ),
    Fault("no bytes at all", always(lambda case: Reply(b"")), lambda case: broken(case, 0)),
    Fault(
        "blank lines alone", always(lambda case: Reply(b"\n\n \n\n")), lambda case: broken(case, 0), wires=_JSON_LINES
    ),
    Fault(
        "signs of life alone",
        always(lambda case: Reply(case.wire.ping * 3)),
        lambda case: broken(case, 0),
        modes=(True,),
    ),
    Fault(
        "an answer that says nothing",
        always(lambda case: Reply(case.wire.stream([]).whole if case.streamed else dump(case.wire.plain("")))),
        lambda case: Expected(text=""),
    ),
    *(_followed(word, more) for word, more in _MORE.items()),
    Fault(
        "the last event without its blank line",
        always(lambda case: Reply(case.body[:-2])),
        _ok,
        wires=_SSE,
        modes=(True,),
    ),
    Fault(
        "the last line without its end",
        always(lambda case: Reply(case.body[:-1])),
        _ok,
        wires=("ollama",),
        modes=(True,),
    ),
]

# ---------------------------------------------------------------- errors inside


def _told(status: int, text: str = "") -> Callable[[Case], Expected]:
    """The error of a status without the status: Ollama has no words for errors, so it may be any."""

    def expected(case: Case) -> Expected:
        if case.wire.name == "ollama":
            return fails(APIStatusError, text, is_retryable=False)
        kind = OverloadedError if status == 503 else CLASS_OF[status]
        return fails(kind, text, 1 if text or status == 400 else ALL_TRIES)

    return expected


def _error_after(status: int, word: str, before: Callable[[Case], bytes], text: str) -> Fault:
    return Fault(
        f"an error like {status} {word}",
        always(lambda case: Reply(before(case) + case.wire.error_event(status))),
        _told(status, text),
        modes=(True,),
    )


_PLACES: Sequence[tuple[str, Callable[[Case], bytes], str]] = (
    ("in place of the answer", lambda case: b"", ""),
    ("before the first piece", lambda case: case.part(0), ""),
    ("after two pieces", lambda case: case.part(2), "".join(PIECES[:2])),
    ("before the terminator", lambda case: case.wire.stream().unterminated, TEXT),
)
_faults += [_error_after(status, *place) for status in (400, 429, 500, 503) for place in _PLACES]


def _as_body(case: Case, status: int) -> bytes:
    refusal = case.wire.refusal(status)
    if case.wire.name == "bedrock_converse":
        return dump({"__type": f"com.amazon.coral.service#{refusal.code}", "message": "no luck"})
    return refusal.body


def _error_as_body(status: int) -> Fault:
    return Fault(
        f"an error like {status} as the body of a success",
        always(lambda case: Reply(_as_body(case, status), content_type="application/json")),
        _told(status),
    )


_faults += [_error_as_body(status) for status in (400, 429)]
_faults += [
    Fault(
        "an error as the body of a success that calls itself a stream",
        always(lambda case: Reply(_as_body(case, 429))),
        _told(429),
        modes=(True,),
        wires=_JSON_LINES,
    ),
]

# ---------------------------------------------------------------- what it holds


def _saying(text: str, raw: bytes, name: str, expected: Callable[[Case], Expected] | None = None) -> Fault:
    """A text that is spelled in some way."""

    def build(case: Case) -> Reply:
        if not case.streamed:
            return Reply(dump(case.wire.plain("@@")).replace(b"@@", raw))
        stream = case.wire.stream([text])
        return Reply(stream.begin + case.wire.piece_with(raw) + stream.finish + stream.end)

    return Fault(name, always(build), expected or (lambda case: Expected(text=text)))


def _after_a_piece(name: str, data: bytes, kinds: Mapping[str, str] | None = None) -> Fault:
    """A frame with this data after the first piece."""

    def build(case: Case) -> Reply:
        kind = {"bedrock_converse": "contentBlockDelta", "anthropic": "content_block_delta"} | dict(kinds or {})
        frame = case.wire.event(data, kind.get(case.wire.name, ""))
        return Reply(case.part(1) + frame + case.body[len(case.part(1)) :])

    return Fault(name, always(build), _undecodable(1), modes=(True,))


def _long_number(digits: int) -> Fault:
    number = b"9" * digits
    return Fault(
        f"a number of {digits} digits",
        always(lambda case: Reply(case.body.replace(b":3,", b":%b," % number).replace(b":7}", b":%b}" % number))),
        _ok,
        wires=_JSON_LINES,
    )


def _instead(data: bytes) -> Fault:
    return Fault(
        f"{data.decode()} in place of the answer",
        always(lambda case: Reply(data, content_type="application/json")),
        lambda case: fails(ResponseDecodeError),
    )


_faults += [
    _saying("ü字😀", "ü字😀".encode(), "characters that are cut between reads"),
    _saying("😀", b"\\ud83d\\ude00", "a pair of surrogates"),
    _saying("a\ufffdb", b"a\\ud83db", "half a pair of surrogates"),
    _saying("a\ufffdb", b"a\\ude00b", "the other half"),
    _saying("a\x01\tb", b"a\x01\tb", "control characters that JSON forbids"),
    _saying("a\x00b", b"a\\u0000b", "a zero character"),
    _saying('"\\/\n', b'\\"\\\\\\/\\n', "escapes"),
    _saying("", b"a\xff\xfeb", "bytes that are no UTF-8", lambda case: fails(ResponseDecodeError)),
    _saying("", b"a\xc3", "half a character of UTF-8", lambda case: fails(ResponseDecodeError)),
    _saying("x" * 1_000_000, b"x" * 1_000_000, "a piece of 1 MB"),
    _after_a_piece("JSON that is broken", b'{"type": nonsense}'),
    _after_a_piece("JSON that is cut", b'{"type": "a'),
    _after_a_piece("JSON with something behind it", b'{"type":"a"} {"type":"b"}'),
    Fault(
        "JSON that is nested very deep",
        always(lambda case: Reply(case.part(1) + case.wire.event(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"))),
        lambda case: fails(ResponseLimitError, PIECES[0]),
        modes=(True,),
        wires=_JSON_LINES,
    ),
    Fault(
        "a plain answer that is nested very deep",
        always(lambda case: Reply(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"," + case.body[1:])),
        lambda case: fails(ResponseLimitError),
        modes=(False,),
    ),
    *(_long_number(digits) for digits in (20, 400)),
    Fault(
        "a page in place of the answer",
        always(lambda case: Reply(_HTML, content_type="text/html")),
        lambda case: fails(ResponseDecodeError),
    ),
    Fault(
        "a page that calls itself an answer",
        always(lambda case: Reply(_HTML)),
        # In a stream of events it is lines that nobody reads, and no answer.
        lambda case: broken(case, 0) if case.streamed and case.wire.is_sse else fails(ResponseDecodeError),
    ),
    *(_instead(data) for data in (b"null", b"{}", b'"text"', b"5", b"true", b'{"unknown": {}}')),
    Fault(
        "something behind a plain answer",
        always(lambda case: Reply(case.body + b"garbage")),
        lambda case: fails(ResponseDecodeError),
        modes=(False,),
    ),
    Fault(
        "blanks around a plain answer", always(lambda case: Reply(b"\n " + case.body + b" \r\n")), _ok, modes=(False,)
    ),
    Fault("a mark of byte order", always(lambda case: Reply(b"\xef\xbb\xbf" + case.body)), _ok, wires=_JSON_LINES),
    Fault(
        "a mark of byte order before a plain answer",
        always(lambda case: Reply(b"\xef\xbb\xbf" + case.body)),
        _ok,
        modes=(False,),
    ),
]

# ---------------------------------------------------------------- what nobody reads

#: Frames that mean nothing, by format.
_ODD: Mapping[str, tuple[bytes, ...]] = {
    "openai chat": (
        b'{"id":"c1","model":"m","choices":[]}',
        b'{"id":null,"model":null,"choices":[{"index":null,"delta":null,"finish_reason":null}],"usage":null}',
        b'{"choices":[{"index":0,"delta":{"role":null,"content":null,"tool_calls":null,"refusal":null}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"","unheard_of":{"a":[1]}},"unheard_of":5}],"unheard_of":[{}]}',
        b'{"object":"unheard.of","data":{}}',
    ),
    "openai responses": (
        b'{"type":"response.unheard_of.delta","delta":"x"}',
        b'{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":""}',
        b'{"type":"keepalive","sequence_number":3}',
        b'{"type":"response.in_progress","response":{"id":"r1","status":"in_progress","output":null,"usage":null}}',
    ),
    "anthropic": (
        b'{"type":"unheard_of","index":0}',
        b'{"type":"ping"}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"unheard_of_delta","text":null}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":null,"more":[]}}',
        b'{"type":"message_delta","delta":{"stop_reason":null,"stop_sequence":null},"usage":null}',
    ),
    "google_genai": (
        b"{}",
        b'{"candidates":null,"usageMetadata":null}',
        b'{"candidates":[]}',
        b'{"candidates":[{"content":null,"finishReason":null,"index":null}],"unheardOf":1}',
        b'{"candidates":[{"content":{"parts":null,"role":null}}]}',
        b'{"candidates":[{"content":{"parts":[{"text":""},{"unheardOf":{}}]}}]}',
    ),
    "bedrock_converse": (),
    "ollama": (
        b'{"model":null,"message":null,"done":null}',
        b'{"model":"m","message":{"role":null,"content":null,"tool_calls":null},"done":false}',
        b'{"unheard_of":{"a":[]},"message":{"content":"","unheard_of":1},"done":false}',
        b"{}",
    ),
}


def _with_odd_frames(case: Case) -> Reply:
    wire = case.wire
    frames = b"".join(wire.event(data) for data in _ODD[wire.name])
    if wire.name == "bedrock_converse":
        frames = wire.event({"unheardOf": 1}, "unheardOf")
        frames += wire.event({"contentBlockIndex": 0, "delta": None, "p": "abc"}, "contentBlockDelta")
        frames += wire.event({"contentBlockIndex": 0, "delta": {"unheardOf": {}}}, "contentBlockDelta")
        frames += wire.event({"contentBlockIndex": 0, "delta": {"text": None}}, "contentBlockDelta")
    before = case.part(1)
    return Reply(before + frames + wire.ping + case.body[len(before) :])


_faults += [
    Fault("frames that mean nothing", always(_with_odd_frames), _ok, modes=(True,)),
    Fault(
        "frames under names that nobody knows",
        always(lambda case: Reply(case.part(1) + b"event: unheard_of\ndata: {}\n\n" + case.body[len(case.part(1)) :])),
        _ok,
        modes=(True,),
        wires=_SSE,
    ),
]

# ---------------------------------------------------------------- lines


def _respelled(name: str, change: Callable[[bytes], bytes], wires: tuple[str, ...] = _SSE) -> Fault:
    return Fault(name, always(lambda case: Reply(change(case.body))), _ok, modes=(True,), wires=wires)


_faults += [
    _respelled("lines that end with CR LF", lambda body: body.replace(b"\n", b"\r\n"), _JSON_LINES),
    _respelled("lines that end with CR", lambda body: body.replace(b"\n", b"\r")),
    _respelled("comments between the lines", lambda body: body.replace(b"data:", b": no data: {}\ndata:")),
    _respelled("ids and times to reconnect", lambda body: body.replace(b"data:", b"id: 5\nretry: 3000\ndata:")),
    _respelled("fields that nobody knows", lambda body: body.replace(b"data:", b"unheard: of\nalone\ndata:")),
    _respelled("data in several lines", lambda body: body.replace(b',"', b',\ndata: "')),
    _respelled("no blank behind the colon", lambda body: body.replace(b"data: ", b"data:")),
    _respelled("events with empty data", lambda body: b"data:\n\n" + body.replace(b"\n\n", b"\n\ndata: \n\n", 2)),
    _respelled("events without data", lambda body: b"event: nothing\n\nid: 1\n\n\n\n" + body),
    _respelled("a comment before all", lambda body: b": OPENROUTER PROCESSING\n\n" + body),
    _respelled("blank lines between the lines", lambda body: b"\n\n" + body.replace(b"\n", b"\n \n\n"), ("ollama",)),
]

# ---------------------------------------------------------------- what it is called


def _called(kind: str) -> Fault:
    return Fault(
        f"an answer that is called {kind or 'nothing'}", always(lambda case: Reply(case.body, content_type=kind)), _ok
    )


_faults += [_called(kind) for kind in ("", "text/plain; charset=latin-1", "application/octet-stream", "TEXT/PLAIN")]
_faults += [
    Fault("a stream that is called JSON", always(lambda case: Reply(case.body, content_type="application/json")), _ok),
    Fault(
        "a plain answer where a stream was asked for",
        always(lambda case: Reply(case.wire.body(False), content_type="application/json")),
        _ok,
        modes=(True,),
    ),
    Fault(
        "a plain answer that is called a stream",
        always(lambda case: Reply(case.wire.body(False))),
        _ok,
        modes=(True,),
        wires=_JSON_LINES,
    ),
    Fault(
        "a stream where none was asked for",
        always(lambda case: Reply(case.wire.body(True), content_type=case.wire.stream_type)),
        _ok,
        modes=(False,),
    ),
]

# ---------------------------------------------------------------- two answers at once

_faults += [
    Fault(
        "two answers of which one begins within the other",
        always(lambda case: Reply(case.part(1) + case.body)),
        lambda case: (
            fails(ResponseDecodeError, PIECES[0])  # a block that begins twice
            if case.wire.name == "anthropic"
            else Expected(text=PIECES[0] + TEXT)
        ),
        modes=(True,),
    ),
]

# ---------------------------------------------------------------- tool calls


def _calls(whole: int, broken_ones: int) -> Callable[[AIMessage], None]:
    def look(message: AIMessage) -> None:
        assert (len(message.tool_calls), len(message.invalid_tool_calls)) == (whole, broken_ones), message

    return look


def _tools(
    name: str,
    build: Callable[[Case], bytes],
    whole: int,
    broken_ones: int,
    wires: tuple[str, ...] = PIECEWISE,
) -> Fault:
    expected = Expected(text="", look=_calls(whole, broken_ones))
    return Fault(name, always(lambda case: Reply(build(case))), lambda case: expected, modes=(True,), wires=wires)


_GOOD_ARGS = ('{"at":', ' "six"}')
_faults += [
    _tools("a call", lambda case: case.wire.tool_call(_GOOD_ARGS) + case.wire.finish("tool"), 1, 0),
    _tools("a call without arguments", lambda case: case.wire.tool_call(()) + case.wire.finish("tool"), 1, 0),
    _tools(
        "arguments that never become JSON",
        lambda case: case.wire.tool_call(('{"at": ', "oops")) + case.wire.finish("tool"),
        0,
        1,
    ),
    _tools(
        "arguments that are no object", lambda case: case.wire.tool_call(("[1,", "2]")) + case.wire.finish("tool"), 0, 1
    ),
    _tools(
        "half a call, cut by the length",
        lambda case: case.wire.tool_call(('{"at": "s',)) + case.wire.finish("length"),
        0,
        1,
    ),
    _tools(
        "two calls",
        lambda case: (
            case.wire.tool_call(_GOOD_ARGS)
            + case.wire.tool_call(_GOOD_ARGS, index=1, id="call_2")
            + case.wire.finish("tool")
        ),
        2,
        0,
    ),
    _tools(
        "two calls under one index",
        lambda case: (
            case.wire.tool_call(_GOOD_ARGS) + case.wire.tool_call(_GOOD_ARGS, id="call_2") + case.wire.finish("tool")
        ),
        2,
        0,
        ("openai chat", "bedrock_converse"),
    ),
    _tools(
        "calls that come out of order",
        lambda case: (
            case.wire.tool_call(_GOOD_ARGS, index=7, id="call_2")
            + case.wire.tool_call(_GOOD_ARGS, index=2)
            + case.wire.finish("tool")
        ),
        2,
        0,
        ("openai chat", "bedrock_converse"),
    ),
    Fault(
        "a call that breaks off",
        always(lambda case: Reply(case.wire.tool_call(('{"at": "s',)))),
        lambda case: fails(StreamInterruptedError),
        modes=(True,),
        wires=PIECEWISE,
    ),
]

CONTENT_FAULTS: Sequence[Fault] = tuple(_faults)

__all__ = ["CONTENT_FAULTS"]
