"""The request of ``rich``, as it is written with each provider's own client; all of them are sent to a simulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from typing import Any, TypeAlias

import anthropic
import ollama
import openai
from botocore.config import Config
from google import genai
from google.genai import types
from huggingface_hub import InferenceClient

from tests.adapters.requests.rich import (
    CITY,
    FAILED,
    FOUND,
    HUGGINGFACE_KEY,
    LAST,
    NOTHING,
    PIXELS,
    PIXELS_BASE64,
    QUESTION,
    SAID,
    SIGNATURE,
    SYSTEM,
    THOUGHT,
    TIDE,
)
from tests.adapters.simulator.test_huggingface_client import Ways, client_of
from tidewire.adapters.simulator import Simulator

#: Sends the request: to a simulator, for a stream or not.
Send: TypeAlias = Callable[[Simulator, bool], None]

_DATA_URL = f"data:image/png;base64,{PIXELS_BASE64}"
_BREST, _CORK = '{"city":"Brest"}', '{"city":"Cork"}'
_SCHEMA: dict[str, Any] = {"name": "tide", "description": "The next high water.", "schema": TIDE, "strict": True}


def _function(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _call(id: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "lookup", "arguments": arguments}}


_TOOLS = [_function("lookup", "Looks a port up.", CITY), _function("now", "Tells the time.", NOTHING)]
_CHAT: dict[str, Any] = {
    "model": "demo",
    "messages": [
        {"role": "system", "content": SYSTEM},
        {
            "role": "user",
            "content": [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": _DATA_URL}}],
        },
        {"role": "assistant", "content": SAID, "tool_calls": [_call("call_1", _BREST), _call("call_2", _CORK)]},
        {"role": "tool", "tool_call_id": "call_1", "content": FOUND},
        {"role": "tool", "tool_call_id": "call_2", "content": FAILED},
        {"role": "user", "content": LAST},
    ],
    "tools": _TOOLS,
    "tool_choice": {"type": "function", "function": {"name": "lookup"}},
    "response_format": {"type": "json_schema", "json_schema": _SCHEMA},
    "temperature": 1.0,
    "top_p": 0.95,
    "stop": ["END"],
    "seed": 7,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.25,
    "logprobs": True,
    "top_logprobs": 2,
}
_CHAT_OF_OPENAI: dict[str, Any] = {
    **_CHAT,
    "parallel_tool_calls": False,
    "max_completion_tokens": 4000,
    "reasoning_effort": "low",
    "user": "me",
}


def openai_chat(simulator: Simulator, stream: bool) -> None:
    """Send it with OpenAI's client to chat completions."""
    with openai.OpenAI(base_url=simulator.openai_url, api_key="any", max_retries=0) as client:
        more = {"verbosity": "low", "prompt_cache_key": "tides", "service_tier": "default"}
        _ask_chat(client, {**_CHAT_OF_OPENAI, **more}, stream)


def azure_chat(simulator: Simulator, stream: bool) -> None:
    """Send it with OpenAI's client for Azure."""
    with openai.AzureOpenAI(
        azure_endpoint=simulator.azure_url, api_version="2025-04-01-preview", api_key="any", max_retries=0
    ) as client:
        _ask_chat(client, _CHAT_OF_OPENAI, stream)


def _ask_chat(client: openai.OpenAI, request: dict[str, Any], stream: bool) -> None:
    if stream:
        list(client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}))
    else:
        client.chat.completions.create(**request)


def openai_responses(simulator: Simulator, stream: bool) -> None:
    """Send it with OpenAI's client to the Responses API."""
    request: dict[str, Any] = {
        "model": "demo",
        "input": [
            {"role": "system", "content": SYSTEM},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": QUESTION},
                    {"type": "input_image", "image_url": _DATA_URL, "detail": "auto"},
                ],
            },
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": THOUGHT}],
                "encrypted_content": SIGNATURE,
            },
            {"role": "assistant", "content": SAID},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "lookup", "arguments": _BREST},
            {"type": "function_call", "call_id": "call_2", "name": "lookup", "arguments": _CORK},
            {"type": "function_call_output", "call_id": "call_1", "output": FOUND},
            {"type": "function_call_output", "call_id": "call_2", "output": FAILED},
            {"role": "user", "content": LAST},
        ],
        "tools": [{"type": "function", **tool["function"], "strict": False} for tool in _TOOLS],
        "tool_choice": {"type": "function", "name": "lookup"},
        "parallel_tool_calls": False,
        "text": {"format": {"type": "json_schema", **_SCHEMA}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
        "temperature": 1.0,
        "top_p": 0.95,
        "top_logprobs": 2,
        "max_output_tokens": 4000,
        "store": False,
        "prompt_cache_key": "tides",
        "truncation": "auto",
    }
    with openai.OpenAI(base_url=simulator.openai_url, api_key="any", max_retries=0) as client:
        if stream:
            list(client.responses.create(**request, stream=True))
        else:
            client.responses.create(**request)


def anthropic_messages(simulator: Simulator, stream: bool) -> None:
    """Send it with Anthropic's client."""
    request: dict[str, Any] = {
        "model": "claude-opus-4-6",
        "max_tokens": 4000,
        "system": SYSTEM,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": QUESTION},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PIXELS_BASE64},
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE},
                    {"type": "text", "text": SAID},
                    {"type": "tool_use", "id": "call_1", "name": "lookup", "input": {"city": "Brest"}},
                    {"type": "tool_use", "id": "call_2", "name": "lookup", "input": {"city": "Cork"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": FOUND},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": FAILED, "is_error": True},
                    {"type": "text", "text": LAST},
                ],
            },
        ],
        "tools": [
            {"name": "lookup", "description": "Looks a port up.", "input_schema": CITY},
            {"name": "now", "description": "Tells the time.", "input_schema": NOTHING},
        ],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": TIDE}},
        "stop_sequences": ["END"],
        "metadata": {"user_id": "me"},
        "service_tier": "standard_only",
        # Its newest models do not take these, and so its newest client does not name them.
        "extra_body": {"temperature": 1.0, "top_p": 0.95, "top_k": 40},
    }
    with anthropic.Anthropic(base_url=simulator.anthropic_url, api_key="any", max_retries=0) as client:
        if stream:
            list(client.messages.create(**request, stream=True))
        else:
            client.messages.create(**request)


def google(simulator: Simulator, stream: bool) -> None:
    """Send it with Google's client."""
    part = types.Part
    call, result = types.FunctionCall, types.FunctionResponse
    contents = [
        types.Content(role="user", parts=[part(text=QUESTION), part.from_bytes(data=PIXELS, mime_type="image/png")]),
        types.Content(
            role="model",
            parts=[
                part(text=THOUGHT, thought=True),
                part(text=SAID),
                part(
                    function_call=call(id="call_1", name="lookup", args={"city": "Brest"}),
                    thought_signature=b"signed by its maker",
                ),
                part(function_call=call(id="call_2", name="lookup", args={"city": "Cork"})),
            ],
        ),
        types.Content(
            role="user",
            parts=[
                part(function_response=result(id="call_1", name="lookup", response={"output": FOUND})),
                part(function_response=result(id="call_2", name="lookup", response={"error": FAILED})),
                part(text=LAST),
            ],
        ),
    ]
    declaration = types.FunctionDeclaration
    config = types.GenerateContentConfig(
        system_instruction=SYSTEM,
        temperature=1.0,
        top_p=0.95,
        top_k=40,
        candidate_count=1,
        max_output_tokens=4000,
        stop_sequences=["END"],
        seed=7,
        frequency_penalty=0.5,
        presence_penalty=0.25,
        response_logprobs=True,
        logprobs=2,
        response_modalities=["TEXT"],
        response_mime_type="application/json",
        response_json_schema=TIDE,
        thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW, include_thoughts=True),
        safety_settings=[
            types.SafetySetting(
                category=types.HarmCategory.HARM_CATEGORY_HARASSMENT, threshold=types.HarmBlockThreshold.BLOCK_NONE
            )
        ],
        cached_content="cachedContents/tides",
        tools=[
            types.Tool(
                function_declarations=[
                    declaration(name="lookup", description="Looks a port up.", parameters_json_schema=CITY),
                    declaration(name="now", description="Tells the time.", parameters_json_schema=NOTHING),
                ]
            )
        ],
        tool_config=types.ToolConfig(
            function_calling_config=types.FunctionCallingConfig(
                mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["lookup"]
            )
        ),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    # Certificates are not needed here, and loading them takes longer than a test.
    options = types.HttpOptions(base_url=simulator.google_url, client_args={"verify": False})
    client = genai.Client(api_key="any", http_options=options)
    models: Any = client.models  # its signatures name types of PIL, which is not here
    request: dict[str, Any] = {"model": "gemini-3-pro", "contents": contents, "config": config}
    if stream:
        list(models.generate_content_stream(**request))
    else:
        models.generate_content(**request)
    client.close()


def bedrock(simulator: Simulator, stream: bool) -> None:
    """Send it with AWS's client."""
    request: dict[str, Any] = {
        "modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "system": [{"text": SYSTEM}],
        "messages": [
            {
                "role": "user",
                "content": [{"text": QUESTION}, {"image": {"format": "png", "source": {"bytes": PIXELS}}}],
            },
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": SIGNATURE}}},
                    {"text": SAID},
                    {"toolUse": {"toolUseId": "call_1", "name": "lookup", "input": {"city": "Brest"}}},
                    {"toolUse": {"toolUseId": "call_2", "name": "lookup", "input": {"city": "Cork"}}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"toolResult": {"toolUseId": "call_1", "content": [{"text": FOUND}]}},
                    {"toolResult": {"toolUseId": "call_2", "content": [{"text": FAILED}], "status": "error"}},
                    {"text": LAST},
                ],
            },
        ],
        "inferenceConfig": {"maxTokens": 4000, "temperature": 1.0, "topP": 0.95, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "lookup", "description": "Looks a port up.", "inputSchema": {"json": CITY}}},
                {"toolSpec": {"name": "now", "description": "Tells the time.", "inputSchema": {"json": NOTHING}}},
            ],
            "toolChoice": {"auto": {}},
        },
        "outputConfig": {
            "textFormat": {
                "type": "json_schema",
                "structure": {
                    "jsonSchema": {
                        "name": "tide",
                        "description": "The next high water.",
                        "schema": json.dumps(TIDE, separators=(",", ":")),
                    }
                },
            }
        },
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2048}, "top_k": 40},
        "requestMetadata": {"team": "tides"},
    }
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
    session: Any = import_module("boto3").Session(**keys, region_name="us-east-1")
    once: Any = {"total_max_attempts": 1}
    config = Config(retries=once)
    with closing(session.client("bedrock-runtime", endpoint_url=simulator.bedrock_url, config=config)) as client:
        if stream:
            list(client.converse_stream(**request)["stream"])
        else:
            client.converse(**request)


def ollama_chat(simulator: Simulator, stream: bool) -> None:
    """Send it with Ollama's client."""
    request: dict[str, Any] = {
        "model": "demo",
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": QUESTION, "images": [PIXELS_BASE64]},
            {
                "role": "assistant",
                "content": SAID,
                "thinking": THOUGHT,
                "tool_calls": [
                    {"function": {"name": "lookup", "arguments": {"city": "Brest"}}},
                    {"function": {"name": "lookup", "arguments": {"city": "Cork"}}},
                ],
            },
            {"role": "tool", "content": FOUND, "tool_name": "lookup"},
            {"role": "tool", "content": FAILED, "tool_name": "lookup"},
            {"role": "user", "content": LAST},
        ],
        "tools": _TOOLS,
        "format": TIDE,
        "think": "low",
        "keep_alive": "5m",
        "logprobs": True,
        "top_logprobs": 2,
        "options": {
            "temperature": 1.0,
            "top_p": 0.95,
            "top_k": 40,
            "num_predict": 4000,
            "stop": ["END"],
            "seed": 7,
            "frequency_penalty": 0.5,
            "presence_penalty": 0.25,
        },
    }
    client: Any = ollama.Client(simulator.ollama_url)
    if stream:
        list(client.chat(**request, stream=True))
    else:
        client.chat(**request)
    client.close()


def huggingface(simulator: Simulator, stream: bool) -> None:
    """Send it with HuggingFace's client to the router, by way of the simulator."""
    _ask_huggingface(simulator, lambda _: InferenceClient("demo", provider="auto", api_key=HUGGINGFACE_KEY), stream)


def huggingface_server(simulator: Simulator, stream: bool) -> None:
    """Send it with HuggingFace's client to a server that is named by its address."""
    _ask_huggingface(simulator, lambda sim: InferenceClient(base_url=sim.openai_url, api_key=HUGGINGFACE_KEY), stream)


def _ask_huggingface(simulator: Simulator, way: Ways, stream: bool) -> None:
    request: dict[str, Any] = {**_CHAT, "max_tokens": 4000, "extra_body": {"reasoning_effort": "low"}}
    with client_of(simulator, way) as client:
        if stream:
            list(client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}))
        else:
            client.chat.completions.create(**request)


__all__ = [
    "Send",
    "anthropic_messages",
    "azure_chat",
    "bedrock",
    "google",
    "huggingface",
    "huggingface_server",
    "ollama_chat",
    "openai_chat",
    "openai_responses",
]
