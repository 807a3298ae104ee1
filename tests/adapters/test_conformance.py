"""The adapters of this project pass the suite that authors of other adapters run: a row for each.

What the written recordings hold is compared more closely in ``test_recordings.py``; here they are declared as an author
would declare them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import anyio
import msgspec
import pytest

from tests.adapters.recording_kit import WRITTEN, read_recordings
from tests.adapters.recording_kit import Recording as Written
from tidewire import RetryPolicy, init_chat_model
from tidewire.adapters.compatible import HOSTS
from tidewire.adapters.conformance import ConformanceError, Recording, Tests, conformance_tests
from tidewire.adapters.embedded import Call, EmbeddedCodec, Fail, Reply
from tidewire.adapters.embedded_transport import EmbeddedTransport
from tidewire.adapters.openai_responses import OpenAIResponsesCodec
from tidewire.adapters.registry import find_adapter
from tidewire.adapters.script import Script
from tidewire.adapters.spec import Adapter, Codec, ModelRequest, ToolSpec, is_streamed
from tidewire.events.errors import APIStatusError, InternalServerError
from tidewire.events.messages import HumanMessage
from tidewire.events.types import FinishReason, Usage

EFFORT = 100 if os.environ.get("CI") == "true" else 10

#: Retries without the wait.
make_model = partial(init_chat_model, retry=RetryPolicy(random=lambda: 0.0))


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter under test.

    Attributes:
        adapter: The adapter.
        model: The name of a model.
        api: The API of its written recordings, as a pattern of what they name it.
        only: The names of those of them that are read, as a pattern.
        recordings: Recordings besides those.
        base_url: Where requests go, if not to the adapter's own address.
        parameters: Values for parameters whose value cannot be guessed.
        unterminated: Recordings whose end the format does not tell, each with the reason.
        said_before: The text before the error, of recordings that have both.
        without: Tests that do not apply, by how their names begin, each with the reason.
    """

    adapter: Adapter
    model: str
    api: str = "none"
    only: str = ".*"
    recordings: Sequence[Recording] = ()
    base_url: str | None = None
    parameters: dict[str, Any] = {}
    unterminated: Mapping[str, str] = {}
    said_before: Mapping[str, str] = {}
    without: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """The provider and its wire format."""
        return f"{self.adapter.provider} {self.adapter.codec.name}"


def speaking(provider: str, codec: Codec | None = None) -> Adapter:
    """The adapter of a provider with one of its codecs: this one, or the first."""
    adapter = find_adapter(provider)
    return msgspec.structs.replace(adapter, codec=codec or adapter.codec, codecs=(), choose_codec=None)


def embedded(name: str, script: Script, *, stream: bool, **declared: Any) -> Recording:
    """What the embedded provider sends."""
    codec = EmbeddedCodec()
    tools = (ToolSpec("now"), ToolSpec("later"))
    request = ModelRequest("demo", [HumanMessage("hi")], "embedded://here", stream=stream, tools=tools)

    async def fetch() -> bytes:
        response = await EmbeddedTransport(script).open(codec.encode(request))
        body = b""
        while data := await response.read():
            body += data
        return body

    return Recording(name=name, body=anyio.run(fetch), streamed=stream, model="demo", **declared)


HELLO = Reply(["Hel", "lo"], usage=Usage(1, 2, 3))
SAID = Reply(
    ["Two ", "tools."],
    reasoning=["Let me ", "see."],
    tool_calls=[Call("now", {}, "c1"), Call("later", {"hours": 2, "why": "ü"}, "c2")],
    usage=Usage(5, 9, 14, reasoning=2),
)
DECLARED: dict[str, Any] = {
    "text": "Two tools.",
    "reasoning": "Let me see.",
    "tool_calls": [
        {"name": "now", "args": {}, "id": "c1"},
        {"name": "later", "args": {"hours": 2, "why": "ü"}, "id": "c2"},
    ],
    "usage": SAID.usage,
    "finish": "tool_calls",
}
BROKEN = Fail(kind="error", after_tokens=2, status=500, reply=Reply(["one ", "two ", "three"]))

#: Enough to see that a codec whose row reads all of them is in place.
TEXTS = "text-stream|text-plain"

ROWS = (
    Row(
        adapter=speaking("openai"),
        model="gpt-5-nano",
        api=r"openai\.chat",
        unterminated={"audio-stream": "what a sound is said to expire at comes behind the finish reason"},
        said_before={"error-after-content-stream": "The first"},
    ),
    Row(
        adapter=speaking("openai", OpenAIResponsesCodec()),
        model="gpt-5-nano",
        api=r"openai\.responses",
        said_before={"failed-stream": "Hel"},
        without={
            "test_a_parameter_is_spelled[background]": "it may only be left out",
            "test_a_parameter_is_spelled[use_previous_response_id]": "it is about a history, and there is none",
            "test_a_parameter_is_spelled[use_responses_api]": "it only says which API is spoken",
        },
    ),
    Row(
        adapter=speaking("azure_openai"),
        model="gpt-5-nano",
        api=r"openai\.chat",
        only=TEXTS,
        base_url="https://here.openai.azure.com",
    ),
    Row(adapter=speaking("huggingface"), model="Qwen/Qwen3-8B", api=r"openai\.chat", only=TEXTS),
    Row(
        adapter=find_adapter("ollama"),
        model="qwen3",
        api=r"ollama\.chat",
        said_before={"error_after_content": "Once"},
    ),
    Row(adapter=find_adapter("anthropic"), model="claude-haiku-4-5", api=r"anthropic\.messages"),
    Row(
        adapter=find_adapter("google_genai"),
        model="gemini-2.5-flash",
        api=r"google\.generate_content",
        unterminated={"gemini_finish_in_every_chunk": "it has a finish reason in every chunk"},
    ),
    Row(
        adapter=find_adapter("google_vertexai"),
        model="gemini-2.5-flash",
        api=r"google_vertex\.generate_content",
        base_url="https://aiplatform.googleapis.com/v1/projects/p/locations/global",
    ),
    Row(
        adapter=find_adapter("bedrock_converse"),
        model="anthropic.claude-haiku-4-5-20251001-v1:0",
        api=r"bedrock\.converse(_stream)?",
        base_url="https://bedrock-runtime.eu-west-1.amazonaws.com",
        said_before={"converse_error_after_content": "Once upon"},
        without={"test_a_parameter_is_spelled[base_model_id]": "it only says how others are spelled"},
    ),
    Row(
        adapter=find_adapter("embedded"),
        model="demo",
        recordings=(
            embedded(
                "text", [Reply(["Hel", "lo"], usage=Usage(1, 2, 3))], stream=True, text="Hello", usage=Usage(1, 2, 3)
            ),
            embedded("everything", [SAID], stream=True, **DECLARED),
            embedded("everything plain", [SAID], stream=False, same_answer_as="everything", **DECLARED),
            embedded("error", [BROKEN], stream=True, text="one two ", error=InternalServerError),
        ),
        without={
            **{
                f"test_nothing_of_a_request_is_lost[{kind}": "it is told that there is something, and looks at none"
                for kind in ("an image", "an uploaded image", "a sound", "a video", "a document", "a text document")
            },
            **{
                f"test_nothing_of_a_request_is_lost[{kind} of another provider": "it has no use for it"
                for kind in ("reasoning", "a server tool")
            },
            **{
                f"test_a_parameter_is_spelled[{name}]": "it is taken so that other programs run, and has no effect"
                for name in (
                    "frequency_penalty",
                    "metadata",
                    "presence_penalty",
                    "temperature",
                    "top_k",
                    "top_p",
                    "user",
                )
            },
        },
    ),
)

WRITTEN_ONES = list(read_recordings(WRITTEN))

#: Providers' words for the end of an answer that mean one thing only.
FINISH: Mapping[str, FinishReason] = {
    "MAX_TOKENS": "length",
    "RECITATION": "content_filter",
    "SAFETY": "content_filter",
    "content_filter": "content_filter",
    "end_turn": "stop",
    "guardrail_intervened": "content_filter",
    "length": "length",
    "max_output_tokens": "length",
    "max_tokens": "length",
    "refusal": "refusal",
    "stop_sequence": "stop",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
}


def declared(written: Written, row: Row) -> Recording:
    """A written recording as an author would declare it."""
    expected = written.expected
    usage = expected["usage"]
    failed = expected.get("error") is not None
    return Recording(
        name=written.id,
        body=written.body,
        streamed=is_streamed(written.headers.get("content-type", ""), asked=written.streaming),
        text=row.said_before.get(written.id, expected["text"]),
        reasoning=expected["reasoning_text"],
        tool_calls=[_call(call) for call in expected["tool_calls"]],
        other_blocks=None,
        finish=None if failed else FINISH.get(expected["finish_reason"]),
        usage=usage and Usage(**{name: count for name, count in usage.items() if name != "also"}),
        model=expected["model"],
        error=APIStatusError if failed else None,
        status=written.status,
        headers=written.headers,
        unterminated=written.id in row.unterminated,
    )


def _call(written: dict[str, Any]) -> dict[str, Any]:
    args = {"input": written["args"]} if written.get("free_form") else written["args"]
    call = {"name": written["name"], "args": args}
    return call if written["id"] is None else {**call, "id": written["id"]}


def checks_of(row: Row) -> Tests:
    """The tests of a row, those that do not apply left out."""
    written = [
        declared(one, row) for one in WRITTEN_ONES if re.fullmatch(row.api, one.api) and re.fullmatch(row.only, one.id)
    ]
    tests = conformance_tests(
        row.adapter,
        make_model,
        model=row.model,
        recordings=[*written, *row.recordings],
        base_url=row.base_url,
        parameters=row.parameters,
        effort=EFFORT,
    )
    for start in row.without:
        out = [name for name in tests if name.startswith(start)]
        assert out, f"there is no test {start}… to leave out"
        for name in out:
            del tests[name]
    return tests


TESTS = {f"{row.name}: {name}": test for row in ROWS for name, test in checks_of(row).items()}


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
def test_an_adapter_of_the_project_conforms(test: Callable[[], None]) -> None:
    test()


#: Hosts that are told how much to reason in fewer words than others.
EFFORTS = {"alibaba": "none", "cohere": "high"}


@pytest.mark.parametrize("provider", HOSTS)
def test_a_host_of_the_table_conforms(provider: str) -> None:
    row = Row(
        adapter=speaking(provider),
        model="some-model",
        api=r"openai\.chat",
        only=TEXTS,
        base_url=find_adapter(provider).base_url or "https://host.example/v1",
        parameters={"reasoning_effort": EFFORTS.get(provider, "low")},
    )
    failed: dict[str, str] = {}
    for name, test in checks_of(row).items():
        try:
            test()
        except ConformanceError as error:
            failed[name] = str(error)
    assert failed == {}
