import json
from typing import Any

import pytest

from tidewire import OutputParsingError, init_chat_model
from tidewire.adapters.schema_limits import ANTHROPIC, limited_schema
from tidewire.events import Event, Run, WarningEvent
from tidewire.messages import BaseMessage, HumanMessage, SystemMessage
from tidewire.testing import Exchange, ReplayTransport

SCHEMA: dict[str, Any] = {
    "title": "Movie",
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 3, "description": "Its title"},
        "minimum": {"type": "integer", "minimum": 1888, "maximum": 2100},
        "cast": {
            "type": "array",
            "minItems": 2,
            "items": {"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]},
        },
    },
    "required": ["title"],
}
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-any",
    "content": [{"type": "text", "text": '{"title": "Up"}'}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def test_what_is_refused_is_told_in_words_and_names_of_properties_stay() -> None:
    before = json.dumps(SCHEMA)
    limited, keywords = limited_schema(SCHEMA, ANTHROPIC)
    assert keywords == {"minLength", "minimum", "maximum", "minItems", "maxLength"}
    assert limited["properties"]["title"] == {"type": "string", "description": "Its title (minLength: 3)"}
    assert limited["properties"]["minimum"] == {"type": "integer", "description": "(minimum: 1888, maximum: 2100)"}
    assert limited["properties"]["cast"]["items"]["anyOf"][0] == {"type": "string", "description": "(maxLength: 9)"}
    assert json.dumps(SCHEMA) == before
    assert limited_schema({"type": "array", "minItems": 1}, ANTHROPIC) == (
        {"type": "array", "minItems": 1},
        frozenset(),
    )
    assert limited_schema({"type": "array", "items": True}, ANTHROPIC)[0] == {"type": "array", "items": True}


async def test_anthropic_is_not_sent_what_it_refuses_and_the_answer_is_checked_for_it() -> None:
    warnings: list[str] = []

    def hear(run: Run, event: Event) -> None:
        if isinstance(event, WarningEvent):
            warnings.append(event.text)

    body = json.dumps(ANSWER).encode()
    transport = ReplayTransport(Exchange(body=body, headers={"content-type": "application/json"}))
    model = init_chat_model("anthropic:claude-any", api_key="k", transport=transport, profile={})
    movies = model.with_structured_output(SCHEMA, method="json_schema")
    with pytest.raises(OutputParsingError, match="title"):
        await movies.ainvoke("hi", {"callbacks": [hear]})
    sent = transport.requests[0].body.decode()
    for keyword in ('"minLength"', '"maximum"', '"minItems"', '"maxLength"'):
        assert keyword not in sent
    assert [text for text in warnings if "minLength" in text]


def test_a_strict_tool_is_limited_alike_and_another_one_is_not() -> None:
    parameters = {"type": "object", "properties": {"x": {"type": "integer", "minimum": 1}}}
    tool = {"name": "f", "description": "d", "parameters": parameters}
    model = init_chat_model("anthropic:claude-any", api_key="k")
    for strict, told in ((True, "(minimum: 1)"), (None, None)):
        settings = model.bind_tools([tool], strict=strict).settings
        codec, request = settings.adapter.choose(settings.request([HumanMessage("hi")], stream=False))
        schema = json.loads(codec.encode(request).body)["tools"][0]["input_schema"]["properties"]["x"]
        assert ("minimum" in json.dumps(schema)) is True
        assert ("minimum" in schema) is (strict is None)
        if told:
            assert told in json.dumps(schema)


@pytest.mark.parametrize("provider", ["zai", "moonshot"])
def test_where_only_a_mode_is_known_the_model_is_told_the_schema(provider: str) -> None:
    model = init_chat_model("some-model", model_provider=provider, profile={})
    talks: list[list[BaseMessage]] = [
        [HumanMessage("hi")],
        [SystemMessage("Be brief."), HumanMessage("hi")],
        [SystemMessage(["Be brief."])],
    ]
    for messages in talks:
        request = model.with_structured_output(SCHEMA).settings.request(messages, stream=False)
        assert request.output is not None
        assert request.output.schema is None
        system = request.messages[0]
        assert isinstance(system, SystemMessage)
        assert '"minLength": 3' in system.text
        assert ("Be brief." in system.text) is isinstance(messages[0], SystemMessage)
    asked = model.with_structured_output(SCHEMA, method="json_mode").settings
    assert asked.request([HumanMessage("hi")], stream=False).messages == [HumanMessage("hi")]
