"""Recorded exchanges: read them, run them through a codec in any cutting, and compare with what they say they hold.

A recording is a JSON file: ``api``, ``streaming``, ``response`` (status, headers, and the body as ``body_base64``, as
text in ``body``, or in the file named by ``body_file``) and ``expected``. Captured ones lie outside the repository, at
``TIDEWIRE_RECORDINGS``; those written from the providers' documentation lie beside this file and always run.

As a command it prints a table of all of them, by API, in every cutting::

    python -m tests.adapters.recording_kit [api …]
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from tidewire.adapters.anthropic import AnthropicCodec
from tidewire.adapters.bedrock import BedrockCodec
from tidewire.adapters.google_genai import GoogleCodec
from tidewire.adapters.google_vertexai import VertexCodec
from tidewire.adapters.huggingface import HuggingFaceCodec
from tidewire.adapters.ollama import OllamaCodec
from tidewire.adapters.openai_chat import OpenAIChatCodec
from tidewire.adapters.openai_responses import OpenAIResponsesCodec
from tidewire.adapters.spec import Codec, is_streamed
from tidewire.events.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTooLargeError,
    TidewireError,
    UnprocessableEntityError,
)
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage
from tidewire.events.types import Event, Finish

HERE = Path(__file__).parent
WRITTEN = HERE / "recordings"
CAPTURED = Path(os.environ.get("TIDEWIRE_RECORDINGS", HERE.parents[1].parent / "shared" / "recordings"))

#: Bodies below this many bytes are cut byte by byte in CI too.
SHORT_BODY = 8 * 1024
#: Cuttings at random, for each recording.
RANDOM_CUTS = 200

# What an API's name, as recordings have it, is read by: the first pattern that fits. A codec added here is tested on
# every recording of its API.
CODECS: list[tuple[str, Callable[[], Codec]]] = [
    (r"ollama\.chat", OllamaCodec),
    (r"hf\.chat", HuggingFaceCodec),
    (r".*\.chat", OpenAIChatCodec),
    (r".*\.responses", OpenAIResponsesCodec),
    (r"anthropic\.messages", AnthropicCodec),
    (r"google\.generate_content", GoogleCodec),
    (r"google_vertex\.generate_content", VertexCodec),
    (r"bedrock\.converse(_stream)?", BedrockCodec),
]

# Refusals that the captured recordings name after their status alone, and the word in the body that says more.
NAMED_BY_STATUS = {
    ("bad_request", "authentication"): '"API_KEY_INVALID"',  # Google tells a wrong key as 400 INVALID_ARGUMENT
}

Json = dict[str, Any]


class Recording(msgspec.Struct, frozen=True):
    """One exchange."""

    id: str
    api: str
    streaming: bool
    status: int
    headers: dict[str, str]
    body: bytes
    expected: Json


class Outcome(msgspec.Struct):
    """What a codec made of an exchange."""

    events: list[Event]
    error: TidewireError | None

    def key(self) -> object:
        """Equal for equal events and the same error."""
        error = self.error
        return (self.events, type(error), error and error.message, getattr(error, "status_code", None))


def codec_for(api: str) -> Codec | None:
    """The codec that reads an API, or None."""
    for pattern, make in CODECS:
        if re.fullmatch(pattern, api):
            return make()
    return None


def read_recordings(folder: Path) -> Iterator[Recording]:
    """The recordings of a folder and the folders in it, of the APIs that a codec reads."""
    for path in sorted(folder.rglob("*.json")):
        given = json.loads(path.read_text(encoding="utf-8"))
        if codec_for(given["api"]) is None:
            continue
        response = given["response"]
        yield Recording(
            id=given.get("id", path.stem),
            api=given["api"],
            streaming=given["streaming"],
            status=response["status"],
            headers={name.lower(): value for name, value in response["headers"].items()},
            body=_body(path, response),
            expected=given["expected"],
        )


def _body(path: Path, response: Json) -> bytes:
    if "body_file" in response:
        return path.parent.joinpath(str(response["body_file"])).read_bytes()
    if "body" in response:
        return str(response["body"]).encode()
    return base64.b64decode(response["body_base64"])


# ---------------------------------------------------------------- run


def replay(recording: Recording, reads: Iterable[bytes], codec: Codec | None = None) -> Outcome:
    """Feed the body in these reads to the codec of its API, or to another one."""
    codec = codec or codec_for(recording.api)
    assert codec is not None, f"no codec reads {recording.api}"
    if recording.status >= 400:
        error = codec.error(recording.status, recording.headers, b"".join(reads))
        return Outcome([], error)
    streamed = is_streamed(recording.headers.get("content-type", ""), asked=recording.streaming)
    decoder = codec.decoder(streamed=streamed)
    events: list[Event] = []
    try:
        for read in reads:
            events.extend(decoder.feed(read))
        events.extend(decoder.close())
    except TidewireError as error:
        return Outcome(events, error)
    return Outcome(events, None)


def whole(body: bytes) -> list[bytes]:
    """The body in one read."""
    return [body]


def per_event(body: bytes) -> list[bytes]:
    """A read for each line, or each event of a stream of events."""
    return re.findall(rb".*?(?:\r?\n)+|.+\Z", body, re.DOTALL)


def byte_by_byte(body: bytes) -> list[bytes]:
    """A read for each byte."""
    return [body[place : place + 1] for place in range(len(body))]


def at_random(body: bytes, seed: object) -> list[bytes]:
    """Reads of random lengths, the same for the same seed."""
    source = random.Random(repr(seed))
    places = sorted(source.sample(range(1, len(body)), min(source.randint(1, 30), len(body) - 1))) if body else []
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


def cuttings(recording: Recording, *, every_byte: bool, random_cuts: int) -> Iterator[tuple[str, list[bytes]]]:
    """The ways to cut a body, with their names."""
    body = recording.body
    yield "per event", per_event(body)
    for number in range(random_cuts):
        yield f"at random ({number})", at_random(body, (recording.id, number))
    if every_byte:
        yield "byte by byte", byte_by_byte(body)


# ---------------------------------------------------------------- compare


def message_of(events: Iterable[Event]) -> AIMessage:
    """The message that the events make."""
    fold = Fold()
    for event in events:
        fold.add(event)
    return AIMessage.from_fold(fold)


def differences(recording: Recording, outcome: Outcome) -> list[str]:
    """Where the outcome is not what the recording expects; empty if it is."""
    expected = recording.expected
    if expected.get("error"):
        return _error_differences(expected["error"], outcome.error)
    if outcome.error is not None:
        return [f"raised {type(outcome.error).__name__}: {outcome.error}"]
    message = message_of(outcome.events)
    found = _neutral(message)
    finish = [event.provider_reason for event in outcome.events if isinstance(event, Finish)]
    found["finish_reason"] = finish[-1] if finish else None
    wrong = [
        f"{name}: expected {expected[name]!r}, found {found[name]!r}"
        for name in found
        # An empty text says as little as none.
        if name in expected and (expected[name] or None) != (found[name] or None)
    ]
    return wrong + _call_differences(expected["tool_calls"], message) + _usage_differences(expected["usage"], message)


def _neutral(message: AIMessage) -> Json:
    blocks = cast("list[Json]", message.content_blocks)
    kinds = Counter(block["type"] for block in blocks)
    metadata = message.response_metadata
    notes = [note for block in blocks for note in block.get("annotations", ())]
    return {
        "text": message.text,
        "reasoning_text": "".join(block.get("reasoning", "") for block in blocks if block["type"] == "reasoning"),
        "invalid_tool_calls": kinds["invalid_tool_call"],
        "server_tool_calls": kinds["server_tool_call"],
        "model": metadata.get("model_name"),
        "response_id": metadata.get("id"),
        "images": kinds["image"],
        "audio": kinds["audio"],
        "citations": len(notes),
        "logprobs": bool(metadata.get("logprobs")),
        "refusal": metadata.get("refusal"),
    }


def _call_differences(expected: list[Json], message: AIMessage) -> list[str]:
    found = message.tool_calls
    if len(expected) != len(found):
        return [f"tool_calls: expected {len(expected)}, found {found}"]
    wrong: list[str] = []
    for want, call in zip(expected, found, strict=True):
        args = {"input": want["args"]} if want.get("free_form") else want["args"]
        if (want["name"], args) != (call["name"], call["args"]):
            wrong.append(f"tool_calls: expected {want}, found {call}")
        elif not call["id"]:
            wrong.append(f"tool_calls: no id in {call}")
        elif want["id"] not in (None, call["id"]):  # without an id on the wire, any will do
            wrong.append(f"tool_calls: expected id {want['id']!r}, found {call['id']!r}")
    return wrong


def _usage_differences(expected: Json | None, message: AIMessage) -> list[str]:
    usage = cast("Json | None", message.usage_metadata)
    if expected is None or usage is None:
        return [] if expected is None and usage is None else [f"usage: expected {expected}, found {usage}"]
    found = {
        **usage,
        "cache_read": usage.get("input_token_details", {}).get("cache_read"),
        "cache_creation": usage.get("input_token_details", {}).get("cache_creation"),
        "reasoning": usage.get("output_token_details", {}).get("reasoning"),
    }
    # Where two readings of a reply are sound, a recording lists the other one.
    also: Mapping[str, list[int]] = expected.get("also") or {}
    return [
        f"usage {name}: expected {value}, found {found[name]}"
        for name, value in expected.items()
        if name != "also" and found[name] not in (value, *also.get(name, ()))
    ]


_ERROR_TYPES: dict[type[TidewireError], str] = {
    AuthenticationError: "authentication",
    BadRequestError: "bad_request",
    InternalServerError: "server",
    NotFoundError: "not_found",
    OverloadedError: "overloaded",
    PermissionDeniedError: "permission",
    RateLimitError: "rate_limit",
    RequestTooLargeError: "too_large",
    UnprocessableEntityError: "unprocessable",
}


def _error_differences(expected: Json, error: TidewireError | None) -> list[str]:
    if not isinstance(error, APIStatusError):
        return [f"error: expected {expected}, found {error!r}"]
    if expected["type"] == "midstream":  # any error that the provider told inside the reply
        return []
    kind = next((name for base, name in _ERROR_TYPES.items() if isinstance(error, base)), "other")
    found = (error.status_code, kind)
    said = NAMED_BY_STATUS.get((expected["type"], kind))
    if said is not None and said in error.body:
        found = (error.status_code, expected["type"])
    return [] if found == (expected["status"], expected["type"]) else [f"error: expected {expected}, found {found}"]


# ---------------------------------------------------------------- the table


def faults(recording: Recording, *, every_byte: bool, random_cuts: int = RANDOM_CUTS) -> list[str]:
    """All that is wrong with the reading of a recording, in any cutting."""
    first = replay(recording, whole(recording.body))
    wrong = differences(recording, first)
    for name, reads in cuttings(recording, every_byte=every_byte, random_cuts=random_cuts):
        if replay(recording, reads).key() != first.key():
            wrong.append(f"cut {name}: other events or another error than whole")
    return wrong


def main(apis: list[str]) -> int:
    """Print the table; the exit status tells whether all is equal."""
    total: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    for folder in (WRITTEN, CAPTURED):
        for recording in read_recordings(folder):
            if apis and recording.api not in apis:
                continue
            total[recording.api] += 1
            wrong = faults(recording, every_byte=True)
            equal[recording.api] += not wrong
            for line in wrong:
                print(f"{recording.id}: {line[:600]}")
    for api in sorted(total):
        print(f"{api:32} {equal[api]:5}/{total[api]}")
    print(f"{'all, in every cutting':32} {equal.total():5}/{total.total()}")
    return 0 if equal == total and total else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
