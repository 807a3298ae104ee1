"""What the standard test classes of langchain-tests run on here: each wire format, answered by the simulator.

Most answers are the simulator's own, which follow from the request's shape. Those that a test wants word for word are
scripted in :func:`answer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import add_ai_message_chunks

from tests.adapters.simulator.wires import WIRES, Wire
from tidewire.events.types import Usage
from tidewire.langchain import ChatTidewire
from tidewire.testing import Call, Reply, SimRequest, Simulator

#: A detail of the usage that a test looks for.
Detail: TypeAlias = Literal[
    "audio_input", "audio_output", "reasoning_output", "cache_read_input", "cache_creation_input"
]

#: What the standard tests try that some formats cannot say.
Ability: TypeAlias = Literal[
    "images_by_url", "pdfs", "sounds", "images_of_tools", "pdfs_of_tools", "json_mode", "tool_choice"
]

#: What the simulator reports where a test asks for the details of the usage.
USAGE = Usage(40, 20, 60, cache_read=10, cache_creation=5, input_audio=4, output_audio=3, reasoning=6)


def answer(request: SimRequest) -> Reply | None:
    """What a test wants to be answered; None where any answer will do."""
    asked = request.messages[-1].text
    match [tool.name for tool in request.tools]:
        case ["magic_function"] if "magic_function(3)" in asked:
            return Reply(tool_calls=[Call("magic_function", {"input": 3})])
        case ["unicode_customer"]:
            (name,) = re.findall("'(.*)'", asked)
            return Reply(tool_calls=[Call("unicode_customer", {"customer_name": name, "description": "a customer"})])
        case _:
            pass
    if "'setup' and 'punchline' keys" in asked:
        return Reply('{"setup": "Why do cats sit?", "punchline": "They can."}')
    if asked == "usage":
        return Reply("It is reported.", usage=USAGE)
    return None


class Limits(NamedTuple):
    """What a wire format cannot say, of what the standard tests try, and what it can.

    Attributes:
        cannot: What the format has no word for, and how tidewire refuses it. The standard test is skipped, and
            ``test_standard_skips.py`` shows that it would be refused in these words.
        usage: The details of the usage that it reports.
    """

    cannot: dict[Ability, str]
    usage: tuple[Detail, ...]


_CHAT_USAGE: tuple[Detail, ...] = ("audio_input", "audio_output", "reasoning_output", "cache_read_input")
_TEXT_USAGE: tuple[Detail, ...] = ("reasoning_output", "cache_read_input", "cache_creation_input")
_NO_FILES_OF_TOOLS: dict[Ability, str] = {"pdfs_of_tools": "has no file block in a tool message"}
_TEXTS_OF_TOOLS: dict[Ability, str] = {**_NO_FILES_OF_TOOLS, "images_of_tools": "has no image block in a tool message"}

#: The wires of the standard tests, one for each format and a host that speaks OpenAI's, and their limits.
STANDARD_WIRES: dict[str, tuple[Wire, Limits]] = {
    "openai chat": (WIRES["openai chat"], Limits(_TEXTS_OF_TOOLS, _CHAT_USAGE)),
    "openai responses": (
        WIRES["openai responses"],
        Limits({"sounds": "has no audio block in a user message"}, _TEXT_USAGE),
    ),
    "azure chat": (WIRES["azure chat"], Limits(_TEXTS_OF_TOOLS, _CHAT_USAGE)),
    "anthropic": (
        WIRES["anthropic"],
        Limits(
            {"sounds": "cannot take a block of type 'audio'", "json_mode": "has no json_mode"},
            ("cache_read_input", "cache_creation_input"),
        ),
    ),
    "google": (WIRES["google"], Limits({}, ("audio_input", "reasoning_output", "cache_read_input"))),
    "bedrock": (
        WIRES["bedrock"],
        Limits(
            {"images_by_url": "it loads nothing from the web", "json_mode": "has no json_mode"},
            ("cache_read_input", "cache_creation_input"),
        ),
    ),
    "ollama": (
        WIRES["ollama"],
        Limits(
            {
                **_NO_FILES_OF_TOOLS,
                "images_by_url": "has no image block in a user message by its URL",
                "pdfs": "has no file block in a user message",
                "sounds": "has no audio block in a user message",
                "tool_choice": "cannot be told that a tool must be called",
            },
            (),
        ),
    ),
    "huggingface": (
        WIRES["huggingface"],
        Limits(
            {
                **_TEXTS_OF_TOOLS,
                "pdfs": "has no file block in a user message",
                "sounds": "has no audio block in a user message",
            },
            _CHAT_USAGE,
        ),
    ),
    "openrouter": (replace(WIRES["huggingface"], model="openrouter:demo"), Limits(_NO_FILES_OF_TOOLS, _CHAT_USAGE)),
}


class OnSimulator:
    """What the standard tests are told of a wire, which a subclass names."""

    wire: Wire
    limits: Limits
    simulator: Simulator

    @pytest.fixture(autouse=True)
    def simulated(self) -> Iterator[None]:
        """Answers the test's requests."""
        with Simulator(script=answer) as self.simulator:
            yield

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatTidewire

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.wire.model, **self.wire.parameters(self.simulator)}

    @property
    def model_override_value(self) -> str:
        return "another"

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return "images_by_url" not in self.limits.cannot

    @property
    def supports_pdf_inputs(self) -> bool:
        return "pdfs" not in self.limits.cannot

    @property
    def supports_audio_inputs(self) -> bool:
        return "sounds" not in self.limits.cannot

    @property
    def supports_image_tool_message(self) -> bool:
        return "images_of_tools" not in self.limits.cannot

    @property
    def supports_pdf_tool_message(self) -> bool:
        return "pdfs_of_tools" not in self.limits.cannot

    @property
    def supports_json_mode(self) -> bool:
        return "json_mode" not in self.limits.cannot

    @property
    def has_tool_choice(self) -> bool:
        return "tool_choice" not in self.limits.cannot

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def enable_vcr_tests(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> dict[Literal["invoke", "stream"], list[Detail]]:
        return {"invoke": [*self.limits.usage], "stream": [*self.limits.usage]}

    def _usage(self, *, stream: bool = False) -> AIMessage:
        model = ChatTidewire(**self.chat_model_params)
        if not stream:
            return model.invoke("usage")
        first, *rest = model.stream("usage")
        return add_ai_message_chunks(first, *rest)

    # What the standard tests call for each detail: the simulator reports them all at once.
    invoke_with_audio_input = _usage
    invoke_with_audio_output = _usage
    invoke_with_reasoning_output = _usage
    invoke_with_cache_read_input = _usage
    invoke_with_cache_creation_input = _usage


#: Warnings that the standard tests bring about by calling what LangChain itself calls beta or deprecated.
WARNINGS = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning"),
]

__all__ = ["STANDARD_WIRES", "WARNINGS", "Ability", "Detail", "Limits", "OnSimulator", "answer"]
