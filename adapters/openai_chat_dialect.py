"""How hosts that speak OpenAI's chat completions format differ in what they are sent. What is read is one for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from tidewire.adapters.reasoning import Thinking, thinking

#: Public names of parameters, and what OpenAI calls them.
PARAMETERS: Mapping[str, str] = {
    **{
        name: name
        for name in (
            "audio",
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "metadata",
            "modalities",
            "n",
            "parallel_tool_calls",
            "prediction",
            "presence_penalty",
            "prompt_cache_key",
            "prompt_cache_retention",
            "reasoning_effort",
            "response_format",
            "safety_identifier",
            "seed",
            "service_tier",
            "stop",
            "store",
            "temperature",
            "top_logprobs",
            "top_p",
            "user",
            "verbosity",
            "web_search_options",
        )
    },
    "max_tokens": "max_completion_tokens",
}

#: How OpenAI's models are told to reason.
THINKING = thinking(
    "reasoning_effort",
    "minimal low medium high xhigh max",
    off={"reasoning_effort": "none"},
    names=("reasoning_effort",),
)


class Dialect(msgspec.Struct, frozen=True):
    """How a host differs from OpenAI in what it is sent.

    Attributes:
        provider: Its name, as ``response_metadata["model_provider"]`` and errors have it.
        parameters: Public names of the parameters that it takes, and what it calls them.
        path: What follows the base URL.
        thinking: How it is told to reason; None: by ``parameters`` alone.
        system_role: The role of a system message.
        names: Whether messages may have a name.
        any_tool: The word that says that some tool must be called.
        tool_choices: The choices of a tool that it knows: ``auto``, ``none``, ``any``, and ``tool``, a certain one.
        stream_options: Whether it takes ``stream_options``, which ask for usage.
        strict_tools: Whether a tool may say ``strict``.
        json_objects: Whether it can be told to answer in JSON of any form.
        json_schemas: Whether it can be told to answer by a schema.
        call_ids: What ids of tool calls must look like (a regular expression); others are replaced.
        reasoning_field: Where reasoning of its own is sent back: ``reasoning_content``, ``reasoning``,
            ``reasoning_details``, or ``content``, which is a part of the content; None: nowhere.
        empty_reasoning: What stands in that field where a message with calls has no reasoning; None: nothing.
        prefill: The field that says of a last assistant message that it is to be continued; None: none needed.
        cache_control: Whether parts may carry ``cache_control``.
        images: Whether a user message may hold images.
        video_urls: Whether a user message may hold a ``video_url``.
        files: How a document is spelled: as a ``file``, a ``document_url`` or a ``file_url`` (``file_url_or_base64`` if
            that also takes bare base64); None: not at all.
        file_urls: Whether a ``file`` may be named by its address.
        stores: The clouds' stores that addresses may lead into, such as ``gs://``.
        tool_images: Whether a tool's result may hold images.
        audio_formats: Formats of sound that a user message may hold; None: any.
        audio_form: How sound is spelled: an object with its ``base64``, or with its ``address``, which may be a data
            URL, or ``bare``, one of both without the object.
    """

    provider: str = "openai"
    parameters: Mapping[str, str] = msgspec.field(default_factory=lambda: PARAMETERS)
    path: str = "/chat/completions"
    thinking: Thinking | None = None
    system_role: str = "system"
    names: bool = True
    any_tool: str = "required"
    tool_choices: tuple[str, ...] = ("auto", "none", "any", "tool")
    stream_options: bool = True
    strict_tools: bool = True
    json_objects: bool = True
    json_schemas: bool = True
    call_ids: str = ".{0,40}"
    reasoning_field: str | None = None
    empty_reasoning: str | None = None
    prefill: str | None = None
    cache_control: bool = False
    images: bool = True
    video_urls: bool = False
    files: Literal["file", "document_url", "file_url", "file_url_or_base64"] | None = "file"
    file_urls: bool = False
    stores: tuple[str, ...] = ()
    tool_images: bool = False
    audio_formats: tuple[str, ...] | None = ("wav", "mp3")
    audio_form: Literal["base64", "address", "bare"] = "base64"


__all__ = ["PARAMETERS", "THINKING", "Dialect"]
