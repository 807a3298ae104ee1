"""Requests to Converse as JSON; whatever comes out is also checked by botocore's model of the service."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.adapters.bedrock_judge import problem_with
from tidewire.adapters.bedrock_request import PARAMETERS, body_of
from tidewire.adapters.spec import ModelRequest, NativeTool, OutputSchema, ToolSpec
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
LOOK = ToolSpec("look", "Looks", {"properties": {"at": {"type": "string"}}, "required": ["at"]})
NOW = ToolSpec("now")


def request(model: str = CLAUDE, **fields: Any) -> ModelRequest:
    messages = fields.pop("messages", [HumanMessage("hi")])
    return ModelRequest(model=model, messages=messages, base_url="http://x", **fields)


def body(model: str = CLAUDE, **fields: Any) -> dict[str, Any]:
    asked = request(model, **fields)
    spelled, warnings = body_of(asked)
    assert warnings == ()
    decoded: dict[str, Any] = msgspec.json.decode(spelled)
    assert problem_with(decoded, stream=asked.stream) is None
    return decoded


def rest(**fields: Any) -> dict[str, Any]:
    """The body without its messages."""
    return {key: value for key, value in body(**fields).items() if key != "messages"}


def test_a_request_of_one_message_says_only_that() -> None:
    assert body() == {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}


def test_everything_at_once_is_valid() -> None:
    messages = [
        SystemMessage("be brief"),
        HumanMessage([{"type": "image", "base64": "aQ==", "mime_type": "image/png"}, {"type": "text", "text": "?"}]),
        AIMessage("", tool_calls=[{"name": "look", "args": {"at": "it"}, "id": "t1"}]),
        ToolMessage("a dot", tool_call_id="t1"),
    ]
    parameters = {
        "max_tokens": 3000,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "top_k": 5,
        "reasoning_effort": "low",
        "guardrail_config": {"guardrailIdentifier": "g1", "guardrailVersion": "1", "streamProcessingMode": "async"},
        "performance_config": {"latency": "optimized"},
        "request_metadata": {"team": "a"},
        "service_tier": "flex",
        "additional_model_request_fields": {"anthropic_beta": ["x"]},
        "additional_model_response_field_paths": ["/stop_sequence"],
        "prompt_variables": {"v": {"text": "a"}},
        "project_identifier": "default",
        "output_config": {"effort": "low"},
    }
    found = rest(
        messages=messages,
        parameters=parameters,
        tools=(LOOK, NativeTool({"systemTool": {"name": "nova_grounding"}})),
        tool_choice="auto",
        output=OutputSchema("Answer", {"type": "object", "properties": {"a": {"type": "string"}}}, "An answer"),
    )
    assert found == {
        "system": [{"text": "be brief"}],
        "inferenceConfig": {"maxTokens": 3000, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "look",
                        "description": "Looks",
                        "inputSchema": {"json": {"type": "object", **LOOK.parameters}},
                    }
                },
                {"systemTool": {"name": "nova_grounding"}},
            ],
            "toolChoice": {"auto": {}},
        },
        "guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1", "streamProcessingMode": "async"},
        "performanceConfig": {"latency": "optimized"},
        "requestMetadata": {"team": "a"},
        "serviceTier": {"type": "flex"},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "promptVariables": {"v": {"text": "a"}},
        "projectIdentifier": "default",
        "outputConfig": {
            "effort": "low",
            "textFormat": {
                "type": "json_schema",
                "structure": {
                    "jsonSchema": {
                        "name": "Answer",
                        "description": "An answer",
                        "schema": '{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}',
                    }
                },
            },
        },
        "additionalModelRequestFields": {
            "thinking": {"type": "enabled", "budget_tokens": 2048},
            "top_k": 5,
            "anthropic_beta": ["x"],
        },
    }
    assert parameters.keys() <= PARAMETERS


def test_a_plain_call_leaves_out_how_a_stream_is_processed() -> None:
    config = {"guardrailIdentifier": "g1", "guardrailVersion": "1", "streamProcessingMode": "sync"}
    found = rest(stream=False, parameters={"guardrail_config": config})
    assert found == {"guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1"}}


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"stop": "END"}, {"inferenceConfig": {"stopSequences": ["END"]}}),
        ({"stop": []}, {}),
        ({"temperature": 0, "top_p": None}, {"inferenceConfig": {"temperature": 0}}),
        ({"service_tier": {"type": "priority"}}, {"serviceTier": {"type": "priority"}}),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}},
            {"additionalModelRequestFields": {"thinking": {"type": "adaptive", "display": "omitted"}}},
        ),
        ({"reasoning": False}, {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}}),
        ({"additional_model_request_fields": {}}, {}),
    ],
)
def test_parameters_stand_where_converse_has_them(parameters: dict[str, Any], found: dict[str, Any]) -> None:
    assert rest(parameters=parameters) == found


def test_what_the_caller_writes_for_the_model_counts_most_and_joins_the_rest() -> None:
    given = {"inferenceConfig": {"topK": 7, "other": 1}, "reasoningConfig": {"type": "disabled"}}
    found = rest(
        model="us.amazon.nova-2-lite-v1:0",
        parameters={"top_k": 5, "reasoning_effort": "low", "additional_model_request_fields": given},
    )
    assert found["additionalModelRequestFields"] == {
        "inferenceConfig": {"topK": 7, "other": 1},
        "reasoningConfig": {"type": "disabled", "maxReasoningEffort": "low"},
    }


def test_a_model_behind_a_profile_is_named_for_what_its_family_wants() -> None:
    profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    with pytest.raises(ConfigurationError, match="base_model_id"):
        body(profile, parameters={"reasoning_effort": "low"})
    parameters = {"reasoning_effort": "low", "base_model_id": "amazon.nova-2-lite-v1:0"}
    assert "reasoningConfig" in rest(model=profile, parameters=parameters)["additionalModelRequestFields"]


# ---------------------------------------------------------------- tools


@pytest.mark.parametrize(
    ("choice", "spelled"),
    [(None, None), ("auto", {"auto": {}}), ("any", {"any": {}}), (("tool", "now"), {"tool": {"name": "now"}})],
)
def test_the_choice_of_a_tool(choice: object, spelled: object) -> None:
    config = rest(tools=(NOW,), tool_choice=choice)["toolConfig"]
    tool = {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}}
    assert config == {"tools": [tool], **({} if spelled is None else {"toolChoice": spelled})}


def test_a_tool_may_be_strict_and_marked_for_the_cache() -> None:
    marked = ToolSpec("now", strict=True, extras={"cache_control": {"type": "ephemeral", "ttl": "1h"}})
    tool = {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}, "strict": True}}
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert rest(tools=(marked, NOW))["toolConfig"]["tools"][:2] == [tool, point]
    own = ToolSpec("now", extras={"cachePoint": {"type": "default"}})
    assert rest(tools=(own,))["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}


HISTORY = [
    HumanMessage("go"),
    AIMessage("", tool_calls=[{"name": "now", "args": {}, "id": "t1"}]),
    ToolMessage("noon", tool_call_id="t1"),
]


@pytest.mark.parametrize("fields", [{"tools": (NOW,), "tool_choice": "none"}, {}])
def test_a_model_that_may_call_no_tool_gets_none_and_reads_earlier_calls_as_text(fields: dict[str, Any]) -> None:
    spelled, warnings = body_of(request(messages=HISTORY, **fields))
    found = msgspec.json.decode(spelled)
    assert "toolConfig" not in found
    assert b"toolUse" not in spelled
    assert [warning.code for warning in warnings] == ["tool_calls_as_text"]
    assert problem_with(found) is None


def test_tools_in_the_extra_body_are_tools() -> None:
    config: dict[str, Any] = {"tools": [{"toolSpec": {"name": "now", "inputSchema": {"json": {}}}}]}
    found = body(messages=HISTORY, extra_body={"toolConfig": config})
    assert found["messages"][1]["content"][0]["toolUse"]["name"] == "now"
    assert found["toolConfig"] == config


def test_one_call_at_a_time_is_nothing_that_converse_can_spell() -> None:
    with pytest.raises(ConfigurationError, match="bedrock has no parallel_tool_calls"):
        body(tools=(NOW,), parallel_tool_calls=False)
    assert rest(parallel_tool_calls=False) == {}
    assert "toolConfig" in rest(tools=(NOW,), parallel_tool_calls=True)


# ---------------------------------------------------------------- the rest


def test_the_form_of_the_answer_needs_a_schema() -> None:
    form = rest(output=OutputSchema("A", {"type": "object"}))["outputConfig"]["textFormat"]
    schema = '{"type":"object","additionalProperties":false}'
    assert form == {"type": "json_schema", "structure": {"jsonSchema": {"name": "A", "schema": schema}}}
    with pytest.raises(ConfigurationError, match="bedrock has no json_mode"):
        body(output=OutputSchema("A", None))


def test_a_later_system_message_may_stay_where_it_is() -> None:
    messages = [HumanMessage("a"), SystemMessage("b")]
    found = body(messages=messages, mid_conversation_system_messages=True)
    assert [turn["role"] for turn in found["messages"]] == ["user", "system"]


def test_the_extra_body_counts_most() -> None:
    assert rest(parameters={"top_p": 1}, extra_body={"inferenceConfig": {"topP": 0.5}}) == {
        "inferenceConfig": {"topP": 0.5}
    }


def test_reasoning_is_said_once() -> None:
    with pytest.raises(ConfigurationError, match="reasoning and reasoning_effort say the same thing"):
        body(parameters={"reasoning": "low", "reasoning_effort": "low"})


def test_bytes_in_native_blocks_become_base64() -> None:
    found = body(messages=[HumanMessage([{"audio": {"format": "wav", "source": {"bytes": b"raw"}}}])])
    assert found["messages"][0]["content"] == [{"audio": {"format": "wav", "source": {"bytes": "cmF3"}}}]


def test_a_lone_surrogate_is_sent_as_its_escape() -> None:
    spelled, _ = body_of(request(messages=[HumanMessage("a\ud83d")]))
    assert rb"a\ud83d" in spelled


def test_what_json_cannot_say_is_the_caller_s_mistake() -> None:
    with pytest.raises(ConfigurationError, match="cannot be written as JSON"):
        body(extra_body={"a": object()})
    with pytest.raises(ConfigurationError, match="cannot be written as JSON"):
        body(messages=[HumanMessage("a\ud83d")], extra_body={"a": object()})
