"""The same requests by Google's own client and by ours, as JSON on the wire; each difference has its reason."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google import genai
from google.genai import types

from tests.adapters.raw_server import RawServer, answer, serve
from tidewire.adapters.google_genai import ADAPTER
from tidewire.adapters.json_text import list_of, object_of
from tidewire.adapters.spec import ModelRequest, NativeTool, OutputSchema, ToolSpec
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PIXEL = b"\x89PNG"
SIGNATURE = b"signed"
REPLY = json.dumps({"candidates": [{"content": {"parts": [{"text": "ok"}]}, "finishReason": "STOP"}]}).encode()


def sent_by_google(contents: Any, config: types.GenerateContentConfig) -> JSONObject:  # noqa: ANN401 - the client's
    """The body that Google's client sends."""
    with RawServer(serve(answer(REPLY, b"content-type: application/json", b"connection: close"))) as server:
        client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=server.url, api_version="v1beta"))
        models: Any = client.models  # its signatures name types of PIL, which is not here
        assert models.generate_content(model="gemini-3-pro", contents=contents, config=config).text == "ok"
        client.close()
        head, _, body = server.peer().requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1beta/models/gemini-3-pro:generateContent ")
    assert b"x-goog-api-key: k" in head
    sent: JSONObject = json.loads(body)
    return sent


def sent_by_us(*messages: Any, **fields: Any) -> JSONObject:
    asked = ModelRequest(model="gemini-3-pro", messages=messages, base_url=ADAPTER.base_url, stream=False, **fields)
    sent: JSONObject = json.loads(ADAPTER.codec.encode(asked).body)
    return sent


def same(theirs: object) -> JSON:
    """Their JSON as ours: they write some fields of the same name in snake case, bytes for addresses, and roles."""
    items, fields = list_of(theirs), object_of(theirs)
    if items:
        return [same(item) for item in items]
    if not fields:
        return theirs
    found: JSONObject = {}
    for key, value in fields.items():
        head, *rest = key.split("_")
        name = head + "".join(word.capitalize() for word in rest)
        if name in ("parametersJsonSchema", "responseJsonSchema", "args", "response"):
            found[name] = value
        elif name in ("data", "thoughtSignature"):
            # Both alphabets of base64 are good for bytes in JSON; their client writes the one for addresses.
            found[name] = base64.b64encode(base64.urlsafe_b64decode(value)).decode()
        else:
            found[name] = same(value)
    return found


@pytest.fixture(autouse=True)
def _no_keys_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"):
        monkeypatch.delenv(name, raising=False)


def test_a_conversation_with_everything_in_it() -> None:
    part = types.Part
    theirs = sent_by_google(
        [
            types.Content(
                role="user", parts=[part(text="What is it?"), part.from_bytes(data=PIXEL, mime_type="image/png")]
            ),
            types.Content(
                role="model",
                parts=[
                    part(text="Let me see.", thought=True),
                    part(
                        function_call=types.FunctionCall(id="1", name="weather", args={"city": "Rome"}),
                        thought_signature=SIGNATURE,
                    ),
                ],
            ),
            types.Content(
                role="user",
                parts=[
                    part(
                        function_response=types.FunctionResponse(id="1", name="weather", response={"output": "sunny"})
                    ),
                    part.from_uri(file_uri="https://x/a.pdf", mime_type="application/pdf"),
                ],
            ),
        ],
        types.GenerateContentConfig(
            system_instruction="Be brief.",
            temperature=0.5,
            top_p=0.9,
            top_k=40,
            max_output_tokens=100,
            stop_sequences=["END"],
            seed=7,
            candidate_count=1,
            presence_penalty=0.1,
            frequency_penalty=0.2,
            response_logprobs=True,
            logprobs=3,
            response_modalities=["TEXT"],
            thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW, include_thoughts=True),
            safety_settings=[
                types.SafetySetting(
                    category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
                    threshold=types.HarmBlockThreshold.BLOCK_NONE,
                )
            ],
            cached_content="cachedContents/c",
            tools=[
                types.Tool(
                    function_declarations=[
                        types.FunctionDeclaration(
                            name="weather", description="Tells the weather", parameters_json_schema=SCHEMA
                        )
                    ]
                ),
                types.Tool(google_search=types.GoogleSearch()),
            ],
            tool_config=types.ToolConfig(
                function_calling_config=types.FunctionCallingConfig(
                    mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["weather"]
                ),
                include_server_side_tool_invocations=True,
            ),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        ),
    )
    signature = base64.b64encode(SIGNATURE).decode()
    ours = sent_by_us(
        SystemMessage("Be brief."),
        HumanMessage(
            ["What is it?", {"type": "image", "base64": base64.b64encode(PIXEL).decode(), "mime_type": "image/png"}]
        ),
        AIMessage(
            [
                {"type": "reasoning", "reasoning": "Let me see."},
                {
                    "type": "tool_call",
                    "id": "1",
                    "name": "weather",
                    "args": {"city": "Rome"},
                    "extras": {"signature": signature},
                },
            ],
            response_metadata={"model_provider": "google_genai"},
        ),
        ToolMessage("sunny", tool_call_id="1"),
        HumanMessage([{"type": "file", "url": "https://x/a.pdf"}]),
        tools=(ToolSpec("weather", "Tells the weather", SCHEMA), NativeTool({"googleSearch": {}})),
        tool_choice=("tool", "weather"),
        parameters={
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 40,
            "max_tokens": 100,
            "stop": ["END"],
            "seed": 7,
            "n": 1,
            "presence_penalty": 0.1,
            "frequency_penalty": 0.2,
            "logprobs": True,
            "top_logprobs": 3,
            "response_modalities": ["TEXT"],
            "reasoning_effort": "low",
            "include_thoughts": True,
            "safety_settings": {"HARM_CATEGORY_HARASSMENT": "BLOCK_NONE"},
            "cached_content": "cachedContents/c",
        },
    )
    theirs = same(theirs)
    # The system prompt is nobody's turn; their client says "user" of it all the same, which means nothing.
    del theirs["systemInstruction"]["role"]
    # Their client puts what is declared behind Google's own tools; the order says nothing.
    theirs["tools"].reverse()
    assert ours == theirs


def test_the_form_of_the_answer() -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=SCHEMA)
    assert sent_by_us(HumanMessage("hi"), output=OutputSchema("city", SCHEMA)) == same(sent_by_google("hi", config))
