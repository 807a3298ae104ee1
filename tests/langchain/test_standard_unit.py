"""The standard unit tests of langchain-tests, on each wire format."""

from __future__ import annotations

from typing import Any

from langchain_tests.unit_tests import ChatModelUnitTests

from tests.langchain.standard import STANDARD_WIRES, WARNINGS, OnSimulator
from tidewire.adapters.registry import find_adapter
from tidewire.langchain import ChatTidewire

pytestmark = WARNINGS


class InEnvironment(OnSimulator):
    """A wire whose address stands in the environment."""

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        given = self.chat_model_params
        url = given.pop("base_url", None) or given.pop("azure_endpoint")
        provider = self.wire.model.partition(":")[0]
        names = find_adapter(provider).base_url_env or ("AZURE_OPENAI_ENDPOINT",)
        expected = ChatTidewire(**self.chat_model_params)
        return {names[0]: url}, given, {"base_url": expected.base_url, "model_provider": provider, "model": "demo"}


class TestOpenAIChat(InEnvironment, ChatModelUnitTests):
    wire, limits = STANDARD_WIRES["openai chat"]


class TestOpenAIResponses(InEnvironment, ChatModelUnitTests):
    wire, limits = STANDARD_WIRES["openai responses"]


class TestAzure(InEnvironment, ChatModelUnitTests):
    wire, limits = STANDARD_WIRES["azure chat"]


class TestAnthropic(InEnvironment, ChatModelUnitTests):
    wire, limits = STANDARD_WIRES["anthropic"]


class TestGoogle(InEnvironment, ChatModelUnitTests):
    wire, limits = STANDARD_WIRES["google"]


class TestBedrock(InEnvironment, ChatModelUnitTests):
    wire, limits = STANDARD_WIRES["bedrock"]


class TestOllama(InEnvironment, ChatModelUnitTests):
    wire, limits = STANDARD_WIRES["ollama"]


class TestHuggingFace(InEnvironment, ChatModelUnitTests):
    wire, limits = STANDARD_WIRES["huggingface"]


class TestOpenRouter(InEnvironment, ChatModelUnitTests):
    wire, limits = STANDARD_WIRES["openrouter"]
