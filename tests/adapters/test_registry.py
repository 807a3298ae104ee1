"""Providers by name: those of the project, and those that other packages register."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from tidewire.adapters import registry
from tidewire.adapters.compatible_host import host, takes
from tidewire.adapters.openai_chat_dialect import Dialect
from tidewire.adapters.registry import ENTRY_POINTS, find_adapter, provider_names, split_model
from tidewire.events.errors import ConfigurationError

# What another package would register.
ACME = host("acme_pro", "ChatAcme", "https://acme.example/v1", "ACME_KEY", takes("max_tokens"), Dialect())
NONE = "no adapter"


@pytest.fixture
def _others(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {
        name: EntryPoint(name, f"{__name__}:{attribute}", ENTRY_POINTS)
        for name, attribute in (("acme_pro", "ACME"), ("broken", "NONE"))
    }
    monkeypatch.setattr(registry, "_third_party", lambda: points)


def test_every_name_leads_to_the_adapter_of_that_name() -> None:
    names = provider_names()
    assert names == sorted(set(names))
    assert [find_adapter(name).provider for name in names] == names


@pytest.mark.usefixtures("_others")
def test_another_package_may_register_a_provider() -> None:
    assert "acme_pro" in provider_names()
    assert find_adapter("Acme-Pro") is ACME
    assert split_model("acme-pro:anvil") == ("acme_pro", "anvil")
    with pytest.raises(ConfigurationError, match=r"provider 'broken' cannot be used: another package .* is a str, not"):
        find_adapter("broken")


def test_a_name_that_is_nearly_a_providers_is_told_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="there is no provider 'opnai'; did you mean 'openai'"):
        split_model("opnai:my-model")
    with pytest.raises(ConfigurationError, match="there is no provider 'Opnai'; did you mean 'openai'"):
        find_adapter("Opnai")
    with pytest.raises(ConfigurationError, match=r"there is no provider 'qqqqqq'; providers are .*anthropic, "):
        find_adapter("qqqqqq")
    with pytest.raises(ConfigurationError, match="cannot tell the provider of model 'qqqqqq:my-model': "):
        split_model("qqqqqq:my-model")


def test_a_provider_is_loaded_when_it_is_used() -> None:
    code = (
        "import sys; from tidewire.adapters.registry import find_adapter, split_model\n"
        "find_adapter(split_model('anthropic:claude')[0])\n"
        "print([name for name in sys.modules if name.endswith(('.compatible', '.bedrock', '.ollama', '.azure'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
