"""A class for each provider: the same as the model that is found by the provider's name."""

import pickle

import pytest

import tidewire
from tidewire import (
    AzureChatOpenAI,
    ChatHuggingFace,
    ChatModel,
    ChatOllama,
    HuggingFaceEndpoint,
    init_chat_model,
    provider_classes,
)
from tidewire.adapters.registry import find_adapter, provider_names
from tidewire.events.errors import ConfigurationError

CLASSES: list[type[ChatModel]] = [
    found
    for name in provider_classes.__all__
    if isinstance(found := getattr(provider_classes, name), type) and issubclass(found, ChatModel)
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_class_names_its_provider_and_the_provider_its_class(
    kind: type[ChatModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOWFLAKE_ACCOUNT", "me")
    assert kind.provider is not None
    assert find_adapter(kind.provider).class_name == kind.__name__
    model = kind("some-model", temperature=0)
    assert repr(model) == f"{kind.__name__}({kind.provider}:some-model)"
    assert type(model.bind(temperature=1)) is kind
    assert (
        model.settings.parameters == init_chat_model(f"{kind.provider}:some-model", temperature=0).settings.parameters
    )


def test_every_provider_but_the_embedded_one_has_a_class_on_the_package() -> None:
    assert {kind.provider for kind in CLASSES} == set(provider_names()) - {"embedded"}
    assert set(provider_classes.__all__) <= set(tidewire.__all__)


def test_a_model_on_azure_is_called_as_its_deployment() -> None:
    assert AzureChatOpenAI(azure_deployment="mine").model == "mine"
    assert AzureChatOpenAI(deployment_name="mine").model == "mine"
    assert AzureChatOpenAI(model="gpt-4.1", azure_deployment="mine").model == "gpt-4.1"
    with pytest.raises(ConfigurationError, match=r"AzureChatOpenAI needs model=… or azure_deployment=…"):
        AzureChatOpenAI(api_version="2024-10-21")


def test_a_model_of_huggingface_is_where_its_endpoint_says() -> None:
    llm = HuggingFaceEndpoint(
        repo_id="microsoft/Phi-3-mini-4k-instruct", temperature=0.7, max_length=1024, provider="together"
    )
    assert repr(llm) == "HuggingFaceEndpoint(microsoft/Phi-3-mini-4k-instruct)"
    model = ChatHuggingFace(llm=llm, temperature=0.1)
    assert model.model == "microsoft/Phi-3-mini-4k-instruct"
    assert model.settings.parameters == {"temperature": 0.1, "max_tokens": 1024}
    assert model.settings.base_url == "https://router.huggingface.co/v1"
    assert ChatHuggingFace(model="org/name").model == "org/name"
    with pytest.raises(ConfigurationError, match=r"ChatHuggingFace needs model=… or llm=HuggingFaceEndpoint\(…\)"):
        ChatHuggingFace(temperature=0)


def test_an_endpoint_of_ones_own_needs_no_name_of_a_model() -> None:
    model = ChatHuggingFace(llm=HuggingFaceEndpoint(endpoint_url="http://localhost:8080/", max_new_tokens=9))
    assert (model.model, model.settings.base_url) == ("tgi", "http://localhost:8080/v1")
    assert model.settings.parameters == {"max_tokens": 9}
    assert HuggingFaceEndpoint(model="org/name").model == "org/name"
    assert HuggingFaceEndpoint().model is None


def test_an_endpoint_keeps_its_key_to_itself() -> None:
    llm = HuggingFaceEndpoint("org/name", huggingfacehub_api_token="hf_secret")
    assert "hf_secret" not in repr(llm.parameters)
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(llm.parameters)
    assert repr(ChatHuggingFace(llm=llm)) == "ChatHuggingFace(huggingface:org/name)"


def test_a_model_of_ollama_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "0.0.0.0:9")
    assert ChatOllama("llama3:8b").settings.base_url == "0.0.0.0:9"
    assert init_chat_model("llama3:8b").settings.adapter.provider == "ollama"
