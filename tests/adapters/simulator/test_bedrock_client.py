"""AWS's own client reads what the simulator sends, and the simulator reads what it sends."""

from __future__ import annotations

import functools
import json
from collections.abc import Generator
from contextlib import closing, contextmanager
from importlib import import_module
from typing import Any

import httpx
import pydantic
import pytest
from botocore.config import Config
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

from tidewire.adapters.schema_check import problems
from tidewire.adapters.simulator import Call, Fail, FailKind, Reply, Script, SimRequest, Simulator, simulate
from tidewire.events.types import Usage

USER: list[Any] = [{"role": "user", "content": [{"text": "What is the tide doing?"}]}]
CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOKUP: dict[str, Any] = {"toolSpec": {"name": "lookup", "description": "Looks it up.", "inputSchema": {"json": CITY}}}
NOW: dict[str, Any] = {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}}
THINKING: dict[str, Any] = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}


@functools.cache
def session() -> Any:  # noqa: ANN401 - boto3 has no types, and the methods of its clients are made at run time
    """One session for all tests: it reads the model of the service once."""
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
    return import_module("boto3").Session(**keys, region_name="us-east-1")


@contextmanager
def client_of(sim: Simulator, *, attempts: int = 1) -> Generator[Any]:
    """A client, closed at the end."""
    retries: Any = {"total_max_attempts": attempts, "mode": "standard"}
    client = session().client("bedrock-runtime", endpoint_url=sim.bedrock_url, config=Config(retries=retries))
    with closing(client):
        yield client


def ask(sim: Simulator, stream: bool, **request: Any) -> dict[str, Any]:
    """The answer as AWS's client reads it: plain, or the events of a stream put together."""
    request = {"modelId": "demo", "messages": USER, **request}
    with client_of(sim) as client:
        if stream:
            return one_of(list(client.converse_stream(**request)["stream"]))
        answered: dict[str, Any] = client.converse(**request)
    del answered["ResponseMetadata"]
    return answered


def one_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The events of a stream as the plain answer that they make."""
    whole: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        [(kind, told)] = event.items()
        match kind:
            case "messageStart":
                whole["output"] = {"message": {**told, "content": []}}
            case "contentBlockStart":
                blocks[told["contentBlockIndex"]] = {"toolUse": {**told["start"]["toolUse"], "input": ""}}
            case "contentBlockDelta":
                add(blocks.setdefault(told["contentBlockIndex"], {}), told["delta"])
            case "contentBlockStop":
                block = blocks[told["contentBlockIndex"]]
                if "toolUse" in block:
                    block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
                content_of(whole).append(block)
            case _:
                whole |= told
    return whole


def add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match delta:
        case {"text": text}:
            block["text"] = block.get("text", "") + text
        case {"toolUse": {"input": piece}}:
            block["toolUse"]["input"] += piece
        case {"reasoningContent": pieces}:
            thought = block.setdefault("reasoningContent", {"reasoningText": {}})["reasoningText"]
            for name, piece in pieces.items():
                thought[name] = thought.get(name, "") + piece
        case _:
            raise AssertionError(delta)


def answer(stream: bool, script: Script = (), **request: Any) -> dict[str, Any]:
    with simulate(script) as sim:
        return ask(sim, stream, **request)


def content_of(answered: dict[str, Any]) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = answered["output"]["message"]["content"]
    return content


def text_of(answered: dict[str, Any]) -> str:
    return "".join(block.get("text", "") for block in content_of(answered))


def uses_of(answered: dict[str, Any]) -> list[dict[str, Any]]:
    return [block["toolUse"] for block in content_of(answered) if "toolUse" in block]


def inference(**config: Any) -> dict[str, Any]:
    return {"inferenceConfig": config}


def tools(*specs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"toolConfig": {"tools": list(specs), **more}}


@pytest.fixture(params=[False, True], ids=["plain", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    value: bool = request.param
    return value


# --- answers ---


def test_text_arrives_with_its_usage(stream: bool) -> None:
    answered = answer(stream, ["Hello, Tide – ü!"])
    assert content_of(answered) == [{"text": "Hello, Tide – ü!"}]
    assert answered["output"]["message"]["role"] == "assistant"
    assert answered["stopReason"] == "end_turn"
    assert answered["metrics"] == {"latencyMs": 1}
    usage = answered["usage"]
    assert (usage["inputTokens"], usage["outputTokens"], usage["totalTokens"]) == (10, 6, 16)


def test_a_stream_adds_up_to_the_plain_answer() -> None:
    requests: list[dict[str, Any]] = [{}, tools(LOOKUP, NOW), THINKING, {**tools(NOW), **THINKING}]
    for request in [*requests, inference(maxTokens=7)]:
        assert answer(False, **request) == answer(True, **request)


def test_a_model_may_be_named_by_an_address_with_colons_and_slashes(stream: bool) -> None:
    seen: list[SimRequest] = []
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.demo-v1:0"
    answer(stream, lambda request: seen.append(request), modelId=arn)
    assert (seen[0].model, seen[0].stream) == (arn, stream)


def test_a_single_tool_is_used_with_input_that_fits(stream: bool) -> None:
    answered = answer(stream, **tools(LOOKUP))
    [use] = uses_of(answered)
    assert use["name"] == "lookup"
    assert not [*problems(use["input"], CITY)]
    assert answered["stopReason"] == "tool_use"


def test_several_tools_are_used_at_once_unless_one_is_named(stream: bool) -> None:
    uses = uses_of(answer(stream, **tools(LOOKUP, NOW)))
    assert [use["name"] for use in uses] == ["lookup", "now"]
    assert len({use["toolUseId"] for use in uses}) == 2
    named = {"toolChoice": {"tool": {"name": "now"}}}
    assert [use["name"] for use in uses_of(answer(stream, **tools(LOOKUP, NOW, **named)))] == ["now"]
    assert uses_of(answer(stream, **tools(LOOKUP, NOW, toolChoice={"any": {}})))
    assert uses_of(answer(stream, **tools(LOOKUP, {"cachePoint": {"type": "default"}}, toolChoice={"auto": {}})))


def test_reasoning_comes_first_signed_and_may_be_sent_back(stream: bool) -> None:
    with simulate() as sim:
        first = ask(sim, stream, **tools(LOOKUP), **THINKING)
        thought = content_of(first)[0]["reasoningContent"]["reasoningText"]
        assert thought["text"]
        assert thought["signature"]
        [use] = uses_of(first)
        result = {"toolUseId": use["toolUseId"], "content": [{"text": "falling "}, {"json": {"cm": 3}}]}
        turns = [*USER, first["output"]["message"], {"role": "user", "content": [{"toolResult": result}]}]
        assert 'lookup gave back: falling {"cm":3}' in text_of(ask(sim, stream, messages=turns, **tools(LOOKUP)))
    off: dict[str, Any] = {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}}
    assert len(content_of(answer(stream, **off))) == 1


class _Level(pydantic.BaseModel):
    metres: float
    rising: bool


def test_structured_output_fits_its_schema(stream: bool) -> None:
    schema = json.dumps(_Level.model_json_schema())
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema, "name": "level"}}}
    text = text_of(answer(stream, outputConfig={"textFormat": form}))
    assert isinstance(_Level.model_validate_json(text), _Level)


def test_limits_and_stop_texts_end_the_answer(stream: bool) -> None:
    cut = answer(stream, ["one two three four"], **inference(maxTokens=2))
    assert (text_of(cut), cut["stopReason"]) == ("one two", "max_tokens")
    stopped = answer(stream, ["one two three four"], **inference(stopSequences=["three"]))
    assert (text_of(stopped), stopped["stopReason"]) == ("one two ", "stop_sequence")


def test_input_that_was_cut_is_still_an_object_in_a_plain_answer() -> None:
    answered = answer(False, [Reply(tool_calls=[Call("now", {"zone": "CET", "days": 3})])], **inference(maxTokens=4))
    assert answered["stopReason"] == "max_tokens"
    assert isinstance(uses_of(answered)[0]["input"], dict)


def test_what_is_filtered_and_what_is_empty_is_told(stream: bool) -> None:
    assert answer(stream, [Reply("No.", finish="content_filter")])["stopReason"] == "content_filtered"
    assert content_of(answer(stream, [Reply()])) == []


def test_cached_tokens_are_reported_apart(stream: bool) -> None:
    usage = Usage(input_tokens=10, output_tokens=4, total_tokens=14, cache_read=6, cache_creation=1)
    assert answer(stream, [Reply("x", usage=usage)])["usage"] == {
        "inputTokens": 3,
        "outputTokens": 4,
        "totalTokens": 14,
        "cacheReadInputTokens": 6,
        "cacheWriteInputTokens": 1,
    }


# --- the stream's grammar ---


def test_events_come_in_the_order_that_the_api_documents() -> None:
    with simulate() as sim, client_of(sim) as client:
        request = {"modelId": "demo", "messages": USER, **tools(NOW), **THINKING}
        told: list[dict[str, Any]] = list(client.converse_stream(**request)["stream"])
    kinds = [kind for event in told for kind in event]
    assert [kind for kind, before in zip(kinds, ["", *kinds], strict=False) if kind != before] == [
        "messageStart", "contentBlockDelta", "contentBlockStop", "contentBlockStart", "contentBlockDelta",
        "contentBlockStop", "messageStop", "metadata",
    ]  # fmt: skip
    stops = [event["contentBlockStop"]["contentBlockIndex"] for event in told if "contentBlockStop" in event]
    assert stops == [0, 1]


# --- errors ---


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ValidationException"),
        (401, "MissingAuthenticationTokenException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ],
)
def test_a_failure_is_the_clients_error_of_its_status(stream: bool, status: int, code: str) -> None:
    with pytest.raises(ClientError, match="told to fail") as caught:
        answer(stream, [Fail(status=status, retry_after_s=3)])
    response: Any = caught.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert response["ResponseMetadata"]["RequestId"].startswith("req_")
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "3"


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "validationException"),
        (424, "modelStreamErrorException"),
        (429, "throttlingException"),
        (500, "internalServerException"),
        (503, "serviceUnavailableException"),
    ],
)
def test_an_exception_inside_the_stream_is_read_after_what_came_before(status: int, code: str, after: int) -> None:
    fail = Fail(kind="error", status=status, message="out of order", after_tokens=after, reply=Reply("one two three"))
    texts: list[str] = []
    with (
        simulate([fail]) as sim,
        client_of(sim) as client,
        closing(client.converse_stream(modelId="demo", messages=USER)["stream"]) as events,
        pytest.raises(EventStreamError, match="out of order") as caught,
    ):
        for event in events:
            texts.append(event.get("contentBlockDelta", {}).get("delta", {}).get("text", ""))
    assert "".join(texts) == ("one two" if after else "")
    response: Any = caught.value.response
    assert response["Error"]["Code"] == code


def test_a_client_that_tries_again_gets_the_next_entry_of_the_script() -> None:
    with simulate([Fail(status=503), "there"]) as sim:
        with client_of(sim, attempts=2) as client:
            assert text_of(client.converse(modelId="demo", messages=USER)) == "there"
        assert len(sim.requests) == 2


#: What a frame may look like when it is not as it should be, with what its payload then is.
BROKEN: list[tuple[FailKind, type[ValueError]]] = [("bad_json", json.JSONDecodeError), ("bad_utf8", UnicodeDecodeError)]


@pytest.mark.parametrize(("kind", "error"), BROKEN)
def test_a_broken_piece_stands_in_a_frame_that_is_whole(kind: FailKind, error: type[ValueError]) -> None:
    fail = Fail(kind=kind, after_tokens=2, reply=Reply("one two three"))
    with simulate([fail]) as sim:
        reply = httpx.post(f"{sim.bedrock_url}/model/demo/converse-stream", json={"messages": USER})
    assert reply.headers["content-type"] == "application/vnd.amazon.eventstream"
    buffer = EventStreamBuffer()  # it looks at lengths and checksums
    buffer.add_data(reply.content)
    *_, good, bad, after = [message.payload for message in buffer][:5]
    assert json.loads(good)["delta"] == {"text": " two"}
    with pytest.raises(error):
        json.loads(bad.decode())
    assert "contentBlockIndex" in json.loads(after)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "conversation is empty"),
    ({"messages": [{"role": "pilot", "content": [{"text": "x"}]}]}, "a turn is of the role"),
    ({"messages": [{"role": "user", "content": []}]}, "content field"),
    ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "is blank"),
    ({"messages": [{"role": "user", "content": [{"text": "x", "image": {}}]}]}, "one member"),
    ({"messages": [{"role": "user", "content": [{"toolResult": {}}]}]}, "wrong shape"),
    ({"messages": [{"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": []}}]}]}, "toolConfig"),
    ({"inferenceConfig": {"maxTokens": 0}}, "at least 1"),
    ({"inferenceConfig": {"maxTokens": "many"}}, "max_tokens"),
    (tools({"systemTool": {"name": "nova_grounding"}}), "own tools"),
    (tools(NOW, toolChoice={"some": {}}), "does not exist"),
    (tools(NOW, toolChoice={"tool": {"name": "other"}}), "'other'"),
    ({"outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": "{"}}}}}, "no JSON"),
]


@pytest.mark.parametrize(("fields", "says"), WRONG)
def test_a_wrong_request_is_refused_with_the_reason(fields: dict[str, Any], says: str) -> None:
    with simulate() as sim:
        reply = httpx.post(f"{sim.bedrock_url}/model/demo/converse", json={"messages": USER, **fields})
    assert reply.status_code == 400
    assert reply.headers["x-amzn-errortype"].startswith("ValidationException:")
    assert says in reply.json()["message"]


# --- requests ---


def test_a_whole_conversation_is_read() -> None:
    seen: list[SimRequest] = []
    image = {"image": {"format": "png", "source": {"bytes": b"x"}}}
    used = {"toolUse": {"toolUseId": "t_1", "name": "lookup", "input": {"city": "Kiel"}}}
    result = {"toolUseId": "t_1", "content": [{"text": "no"}, image], "status": "error"}
    turns = [
        {"role": "user", "content": [{"text": "Look: "}, image, {"cachePoint": {"type": "default"}}]},
        {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "Hm."}}}, used]},
        {"role": "user", "content": [{"toolResult": result}, {"text": "And?"}]},
    ]
    system = [{"text": "Be kind."}, {"cachePoint": {"type": "default"}}]
    answer(False, lambda request: seen.append(request), system=system, messages=turns, **tools(LOOKUP))
    [request] = seen
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool", "user"]
    assert request.messages[0].text == "Be kind."
    assert (request.messages[1].text, request.messages[1].media) == ("Look: ", ("image",))
    assert (request.messages[2].text, request.messages[2].tool_calls[0].args) == ("", {"city": "Kiel"})
    failed = request.messages[3]
    assert (failed.tool_call_id, failed.text, failed.media, failed.failed) == ("t_1", "no", ("image",), True)
    assert request.messages[4].text == "And?"


def test_other_models_do_not_exist_and_paths_neither() -> None:
    with Simulator(models=["one"]) as sim:
        assert text_of(ask(sim, stream=False, modelId="one"))
        with pytest.raises(ClientError, match="'demo' does not exist"):
            ask(sim, stream=True)
        elsewhere = httpx.get(f"{sim.bedrock_url}/foundation-models", headers={"x-amz-date": "20261125T000000Z"})
    assert elsewhere.headers["x-amzn-errortype"].startswith("ResourceNotFoundException")


def test_the_key_is_an_access_keys_id_or_a_bearer_key() -> None:
    with simulate(api_key="AKIDEXAMPLE") as sim:
        assert text_of(ask(sim, stream=False))
    with simulate(api_key="right") as sim:
        with pytest.raises(ClientError, match="MissingAuthenticationTokenException"):
            ask(sim, stream=False)
        # AWS's client sends bearer keys over TLS only.
        url, headers = f"{sim.bedrock_url}/model/demo/converse", {"authorization": "Bearer right"}
        assert text_of(httpx.post(url, json={"messages": USER}, headers=headers).json())
