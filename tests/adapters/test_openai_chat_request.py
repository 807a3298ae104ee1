"""Requests in the chat completions format."""

import json
from typing import Any

import pytest

from tidewire.adapters.openai_chat import PARAMETERS, Dialect, OpenAIChatCodec
from tidewire.adapters.spec import ModelRequest, NativeTool, OutputSchema, ToolChoice, ToolSpec
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import HumanMessage

Json = dict[str, Any]
SCHEMA: Json = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
TOOL = ToolSpec("add", "Adds.", SCHEMA)


def body(dialect: Dialect | None = None, **fields: Any) -> Json:
    """The body of a request for "Hi", without its model and messages."""
    request = ModelRequest(model="m", messages=[HumanMessage("Hi")], base_url="http://host/v1", **fields)
    found: Json = json.loads(OpenAIChatCodec(dialect).encode(request).body)
    assert found.pop("model") == "m"
    assert found.pop("messages") == [{"role": "user", "content": "Hi"}]
    return found


def test_a_request_goes_to_the_hosts_address_without_credentials() -> None:
    request = ModelRequest(model="m", messages=[HumanMessage("Hi")], base_url="http://host/v1")
    sent = OpenAIChatCodec().encode(request)
    assert (sent.method, sent.url, sent.warnings) == ("POST", "http://host/v1/chat/completions", ())
    assert sent.headers == {"accept": "text/event-stream", "content-type": "application/json"}
    elsewhere = OpenAIChatCodec(Dialect(path="/api/v2/chat")).encode(request)
    assert elsewhere.url == "http://host/v1/api/v2/chat"


def test_a_stream_asks_for_its_usage_where_the_host_knows_how() -> None:
    assert body() == {"stream": True, "stream_options": {"include_usage": True}}
    assert body(stream_usage=False) == {"stream": True}
    assert body(Dialect(stream_options=False)) == {"stream": True}
    assert body(stream=False) == {}


def test_parameters_have_the_hosts_names() -> None:
    assert body(stream=False, parameters={"temperature": 0.5, "max_tokens": 9, "stop": ["a"], "seed": None}) == {
        "temperature": 0.5,
        "max_completion_tokens": 9,
        "stop": ["a"],
    }
    dialect = Dialect(parameters={**PARAMETERS, "max_tokens": "max_tokens", "seed": "random_seed"})
    assert body(dialect, stream=False, parameters={"max_tokens": 9, "seed": 1}) == {"max_tokens": 9, "random_seed": 1}


def test_every_parameter_of_the_codec_can_be_spelled() -> None:
    codec = OpenAIChatCodec()
    assert codec.parameters == PARAMETERS.keys()
    assert len(body(stream=False, parameters=dict.fromkeys(codec.parameters, 1))) == len(codec.parameters)
    with pytest.raises(ConfigurationError, match="openai does not take the parameter 'top_k'"):
        body(parameters={"top_k": 1})


def test_the_callers_own_fields_come_last() -> None:
    extra = {"temperature": 1, "new_field": {"x": 1}}
    found = body(stream=False, parameters={"temperature": 0}, extra_body=extra)
    assert found == {"temperature": 1, "new_field": {"x": 1}}


def test_tools_are_functions_or_what_the_caller_wrote() -> None:
    native = NativeTool({"type": "custom", "custom": {"name": "sql"}})
    assert body(stream=False, tools=(TOOL, ToolSpec("now"), native)) == {
        "tools": [
            {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA}},
            {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
            {"type": "custom", "custom": {"name": "sql"}},
        ]
    }


def test_strictness_is_told_where_it_is_set_and_the_host_knows_it() -> None:
    strict = (ToolSpec("add", "", SCHEMA, strict=True),)
    assert body(stream=False, tools=strict)["tools"][0]["function"]["strict"] is True
    assert "strict" not in body(Dialect(strict_tools=False), stream=False, tools=strict)["tools"][0]["function"]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        (("tool", "add"), {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_the_choice_of_a_tool_is_spelled(choice: ToolChoice, sent: object) -> None:
    assert body(stream=False, tools=(TOOL,), tool_choice=choice)["tool_choice"] == sent


def test_the_word_for_some_tool_is_the_hosts() -> None:
    assert body(Dialect(any_tool="any"), tools=(TOOL,), tool_choice="any")["tool_choice"] == "any"


def test_without_tools_a_choice_that_says_nothing_is_not_sent() -> None:
    assert body(stream=False, tool_choice="auto", parallel_tool_calls=False) == {}
    assert body(stream=False, tool_choice="any") == {"tool_choice": "required"}
    assert body(stream=False, tools=(TOOL,), parallel_tool_calls=False)["parallel_tool_calls"] is False


def test_the_form_of_the_answer_is_a_schema_or_any_json() -> None:
    assert body(stream=False, output=OutputSchema("Answer", SCHEMA)) == {
        "response_format": {"type": "json_schema", "json_schema": {"name": "Answer", "schema": SCHEMA}}
    }
    told = body(stream=False, output=OutputSchema("Answer", SCHEMA, "An answer.", strict=True))
    assert told["response_format"]["json_schema"] == {
        "name": "Answer",
        "schema": SCHEMA,
        "description": "An answer.",
        "strict": True,
    }
    assert body(stream=False, output=OutputSchema("Answer", None)) == {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize("value", [object(), {(1, 2): 3}])
def test_what_json_cannot_hold_is_told(value: object) -> None:
    with pytest.raises(ConfigurationError, match="the request holds something that JSON cannot"):
        body(extra_body={"x": value})
