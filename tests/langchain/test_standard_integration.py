"""The standard integration tests of langchain-tests, on each wire format.

A standard test may be overridden only as an expected failure, with the reason why the format cannot do it.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ChatModelIntegrationTests

from tests.langchain.standard import STANDARD_WIRES, WARNINGS, OnSimulator
from tidewire.errors import ConfigurationError

pytestmark = WARNINGS


class TestOpenAIChat(OnSimulator, ChatModelIntegrationTests):
    wire, limits = STANDARD_WIRES["openai chat"]


class TestOpenAIResponses(OnSimulator, ChatModelIntegrationTests):
    wire, limits = STANDARD_WIRES["openai responses"]

    @pytest.mark.xfail(reason="the Responses API has no parameter for stop sequences", raises=ConfigurationError)
    def test_stop_sequence(self, model: BaseChatModel) -> None:
        super().test_stop_sequence(model)


class TestAzure(OnSimulator, ChatModelIntegrationTests):
    wire, limits = STANDARD_WIRES["azure chat"]


class TestAnthropic(OnSimulator, ChatModelIntegrationTests):
    wire, limits = STANDARD_WIRES["anthropic"]


class TestGoogle(OnSimulator, ChatModelIntegrationTests):
    wire, limits = STANDARD_WIRES["google"]


class TestBedrock(OnSimulator, ChatModelIntegrationTests):
    wire, limits = STANDARD_WIRES["bedrock"]


class TestOllama(OnSimulator, ChatModelIntegrationTests):
    wire, limits = STANDARD_WIRES["ollama"]

    @pytest.mark.xfail(reason="Ollama's API has no word for a tool that must be called", raises=ConfigurationError)
    def test_structured_few_shot_examples(self, model: BaseChatModel, my_adder_tool: BaseTool) -> None:
        super().test_structured_few_shot_examples(model, my_adder_tool)

    @pytest.mark.xfail(reason="Ollama's API has no word for a tool that must be called", raises=ConfigurationError)
    def test_unicode_tool_call_integration(self, model: BaseChatModel, **kwargs: Any) -> None:
        super().test_unicode_tool_call_integration(model, **kwargs)


class TestHuggingFace(OnSimulator, ChatModelIntegrationTests):
    wire, limits = STANDARD_WIRES["huggingface"]


class TestOpenRouter(OnSimulator, ChatModelIntegrationTests):
    wire, limits = STANDARD_WIRES["openrouter"]
