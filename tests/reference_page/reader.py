"""What a reader of the page has at hand: keys, the page's earlier snippets, and a provider's server on loopback.

The page's ``model`` is the one that an earlier snippet made, so it is made here by that snippet.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.adapters.raw_server import RawServer, answer, serve
from tests.adapters.recording_kit import WRITTEN, read_recordings
from tests.reference_page.imports import rewrite_imports
from tests.reference_page.page import SNIPPETS
from tests.reference_page.twin import run
from tidewire.adapters.script import Script
from tidewire.callbacks import BaseCallbackHandler
from tidewire.testing import Recorded, Simulator

#: The snippets that make the page's ``model``, by provider.
MAKES_MODEL = {
    "openai": "OpenAI / init_chat_model",
    "anthropic": "Anthropic / init_chat_model",
    "azure_openai": "Azure / init_chat_model",
    "google_genai": "Google Gemini / init_chat_model",
    "bedrock_converse": "AWS Bedrock / init_chat_model",
    "huggingface": "HuggingFace / init_chat_model",
}

#: Where the requests of each of them go.
PATHS = {
    "openai": r"/v1/(chat/completions|responses)",
    "anthropic": r"/v1/messages",
    "azure_openai": r"/openai/deployments/my-deployment/chat/completions",
    "google_genai": r"/v1beta/models/gemini-2\.5-flash-lite:(generateContent|streamGenerateContent)",
    "bedrock_converse": r"/model/anthropic\.claude-3-5-sonnet-20240620-v1:0/(converse|converse-stream)",
    "huggingface": r"/v1/chat/completions",
}

#: What the page leaves to its reader to fill in; ``{url}`` is the address of the simulator.
FILLED_IN = {
    "Azure / init_chat_model": {'["AZURE_OPENAI_ENDPOINT"] = "..."': '["AZURE_OPENAI_ENDPOINT"] = "{url}"'},
    "Azure / Model Class": {'["AZURE_OPENAI_ENDPOINT"] = "..."': '["AZURE_OPENAI_ENDPOINT"] = "{url}"'},
    "Updating or overwriting profile data / Option 1 (quick fix)": {
        'init_chat_model("..."': 'init_chat_model("gpt-4.1"'
    },
    "Base URL": {"MODEL_NAME": "my-model", "BASE_URL": "{url}/v1", "YOUR_API_KEY": "my-key"},
    "Proxy configuration": {"http://proxy.example.com:8080": "{url}"},
}

#: Snippets that do not run as they stand, anywhere: why, and what is mended in them.
FAULTY = {
    "Using a configurable model declaratively": (
        "the fields of the classes are indented deeper than their docstrings",
        {"        location: str": "    location: str"},
    ),
}

#: Blocks that show what was printed, and are no code.
OUTPUT = {"Invoke with server-side tool use / Result": "the value of the snippet before it"}

#: Variables that lead each provider's requests to the simulator.
ADDRESSES = {
    "OPENAI_BASE_URL": "{url}/v1",
    "ANTHROPIC_BASE_URL": "{url}",
    "GOOGLE_GEMINI_BASE_URL": "{url}",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "{url}",
    "HUGGINGFACE_API_BASE": "{url}/v1",
}
#: What else the page takes for granted.
ENVIRONMENT = {
    "OPENAI_API_KEY": "sk-of-the-reader",
    "ANTHROPIC_API_KEY": "sk-ant-of-the-reader",
    "GOOGLE_API_KEY": "of-the-reader",
    "AWS_ACCESS_KEY_ID": "AKIAREADER",
    "AWS_SECRET_ACCESS_KEY": "of-the-reader",
    "AWS_REGION": "us-east-1",
    "HUGGINGFACEHUB_API_TOKEN": "hf_of_the_reader",
    "AZURE_OPENAI_DEPLOYMENT_NAME": "my-deployment",
}


class Reader:
    """Someone who reads the page with an editor open.

    Attributes:
        names: What is defined so far.
        url: The server that all requests go to.
    """

    def __init__(self, url: str, simulator: Simulator | None) -> None:
        self.url = url
        self.names: dict[str, Any] = {}
        self._simulator = simulator
        self._asked_before = 0

    @property
    def requests(self) -> list[Recorded]:
        """What the simulator was asked since all was prepared."""
        return self.simulator.requests[self._asked_before :]

    @property
    def simulator(self) -> Simulator:
        """The simulator; there is none where a recording is played."""
        assert self._simulator is not None
        return self._simulator

    def code_of(self, name: str) -> str:
        """A snippet with other import lines, filled in where the page leaves it to the reader, and mended if faulty."""
        code = SNIPPETS[name].text
        _, mended = FAULTY.get(name, ("", {}))
        for old, new in {**FILLED_IN.get(name, {}), **mended}.items():
            assert old in code, f"{name} has no {old!r}"
            code = code.replace(old, new.replace("{url}", self.url))
        return rewrite_imports(code)

    def type_in(self, *names: str) -> None:
        """Run earlier snippets of the page."""
        for name in names:
            run(self.code_of(name), self.names, name=name)

    def begin(self) -> None:
        """Count requests from here on."""
        if self._simulator is not None:
            self._asked_before = len(self._simulator.requests)

    def make_model(self, provider: str) -> None:
        """Define ``model``, as the page does for a provider, and what else its snippets take for granted."""
        self.type_in(MAKES_MODEL[provider])
        self.know_all()

    def know_all(self) -> None:
        """Define what snippets use that no snippet defines."""
        exec(rewrite_imports(_GIVEN), self.names)
        self.names["my_callback_handler"] = Hears()


_GIVEN = '''
from langchain.chat_models import init_chat_model
from langchain.tools import tool

list_of_inputs = [f"Question {number}" for number in range(12)]

@tool
def tool_1(question: str) -> str:
    """Answer a question."""
    return "42"
'''


class Hears(BaseCallbackHandler):
    """The reader's own handler: keeps the names of the runs and what was said of them."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.ended = 0

    def on_chat_model_start(self, serialized: object, messages: object, **about: Any) -> None:
        self.started.append(about)

    def on_llm_end(self, response: object, **about: Any) -> None:
        self.ended += 1


@contextmanager
def reading(patch: pytest.MonkeyPatch, script: Script = (), *, recording: str | None = None) -> Generator[Reader]:
    """A reader whose requests go to a simulator, or to a server that plays one of the repository's recordings."""
    before = dict(os.environ)
    with ExitStack() as stack:
        if recording is None:
            simulator = stack.enter_context(Simulator(script=script))
            url = simulator.url
        else:
            simulator = None
            url = stack.enter_context(RawServer(serve(_reply(recording)))).url
        for name, address in ADDRESSES.items():
            patch.setenv(name, address.replace("{url}", url))
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        try:
            yield Reader(url, simulator)
        finally:
            for name in os.environ.keys() - before.keys():
                del os.environ[name]
            os.environ.update(before)


def _reply(recording: str) -> bytes:
    (found,) = (one for one in read_recordings(WRITTEN) if one.id == recording)
    return answer(found.body, f"content-type: {found.headers['content-type']}".encode())
