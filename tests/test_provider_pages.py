"""The pages of ``docs/providers/`` say what the adapters do. Their code runs in ``tests/test_docs.py``.

Here their tables and lists are held against the adapters::

    <!-- of: openai:gpt-5 openai.chat | openai:gpt-5 openai.responses -->
    | | chat completions | Responses |
                    whom the columns are about: a provider, perhaps with a model and a codec; what ``LABELS`` knows is
                    asked of the adapter, and compared with the cell up to its first ``;``
    | host | class | key | …
                    the same, with the hosts of the table of hosts in the first column
    <!-- parameters: groq openai.chat -->
                    the paragraph below lists what a provider takes, or one codec of it
    | model | `reasoning_effort="low"` is | …
                    what of the body says so, for the model that stands in ``MODELS``
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.test_docs import PageError
from tests.test_layers import ROOT
from tidewire.adapters.compatible import HOSTS
from tidewire.adapters.reasoning import EFFORTS
from tidewire.adapters.registry import find_adapter, provider_names
from tidewire.adapters.schema_check import is_object
from tidewire.adapters.spec import Adapter, Codec, HttpRequest, ModelRequest, OutputSchema, ToolSpec
from tidewire.errors import ConfigurationError
from tidewire.events.blocks import JSON
from tidewire.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

FOLDER = ROOT / "docs/providers"
INDEX = (FOLDER / "README.md").read_text()
PAGES = {page.stem: page.read_text() for page in sorted(FOLDER.glob("*.md")) if page.name != "README.md"}

# ---------------------------------------------------------------- what the adapters do

#: Keywords by which an adapter knows where it is, for those that are told.
_PLACES: Mapping[str, dict[str, Any]] = {
    "azure_openai": {"azure_endpoint": "https://example.openai.azure.com"},
    "bedrock": {"region_name": "us-east-1"},
    "bedrock_converse": {"region_name": "us-east-1"},
    "google_vertexai": {"project": "some", "access_token": "any"},
    "snowflake": {"account": "some"},
}


@dataclass(frozen=True)
class Subject:
    """Whom a page speaks of."""

    adapter: Adapter
    codec: Codec
    base_url: str
    model: str = "some"

    @classmethod
    def of(cls, words: str) -> Subject:
        """From ``provider``, ``provider:model`` or either with the name of a codec."""
        name, _, codec_name = words.strip().partition(" ")
        provider, _, model = name.partition(":")
        adapter = placed = find_adapter(provider)
        if provider in _PLACES and adapter.configure is not None:
            placed, _ = adapter.configure(_PLACES[provider])
        for codec in placed.codecs or (placed.codec,):
            if codec_name in ("", codec.name):
                return cls(adapter, codec, placed.base_url, model or "some")
        raise PageError(f"{provider} has no codec {codec_name!r}")

    def spell(self, **fields: Any) -> HttpRequest | None:
        """A request; None where the codec refuses it, or has no such parameter."""
        if not fields.get("parameters", {}).keys() <= self.codec.parameters:
            return None
        whole: dict[str, Any] = {"messages": (HumanMessage("hi"),), **fields}
        try:
            return self.codec.encode(ModelRequest(model=self.model, base_url=self.base_url, **whole))
        except ConfigurationError:
            return None


_CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_TOOLS = (ToolSpec("lookup", "Looks it up.", _CITY), ToolSpec("now", "Tells the time.", _CITY))
_CALLING = AIMessage("", tool_calls=[{"type": "tool_call", "name": "lookup", "args": {}, "id": "call12345"}])

#: Bytes of each kind: type of the block, MIME type, end of a name.
_MEDIA = {
    "images in": ("image", "image/png", "png"),
    "audio in": ("audio", "audio/wav", "wav"),
    "video in": ("video", "video/mp4", "mp4"),
    "PDF in": ("file", "application/pdf", "pdf"),
}


def _block(medium: str, way: str) -> dict[str, Any]:
    kind, mime_type, end = _MEDIA[medium]
    place = {
        "base64": {"base64": "AAAA"},
        "URL": {"url": f"https://example.org/file.{end}"},
        "`s3://`": {"url": f"s3://example/file.{end}"},
        "file id": {"file_id": "file-1"},
    }
    return {"type": kind, "mime_type": mime_type, **place[way]}


def _result(content: str | list[Any], **more: Any) -> dict[str, Any]:
    messages = (HumanMessage("hi"), _CALLING, ToolMessage(content, tool_call_id="call12345", **more))
    return {"messages": messages, "tools": _TOOLS}


def _media(medium: str, *, in_result: bool = False) -> Callable[[Subject], str]:
    """How bytes of a kind may be given. Where any address is taken, one in S3 is nothing of its own."""

    def ways_of(subject: Subject) -> str:
        ways: list[str] = []
        for way in ("base64", "URL", "`s3://`", "file id"):
            content: list[Any] = [{"type": "text", "text": "See."}, _block(medium, way)]
            fields = _result(content) if in_result else {"messages": (HumanMessage(content),)}
            if subject.spell(**fields) is not None and not (way == "`s3://`" and "URL" in ways):
                ways.append(way)
        return _listed(ways)

    return ways_of


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "no"


def _choices(subject: Subject) -> str:
    choices: Mapping[str, Any] = {"`auto`": "auto", "`none`": "none", "`any`": "any", "a tool": ("tool", "lookup")}
    return _listed([word for word, choice in choices.items() if subject.spell(tools=_TOOLS, tool_choice=choice)])


def _forms(subject: Subject) -> str:
    forms = {"`json_schema`": _CITY, "`json_mode`": None}
    return _listed([word for word, schema in forms.items() if subject.spell(output=OutputSchema("place", schema))])


def _efforts(subject: Subject) -> str:
    taken = [effort for effort in EFFORTS if subject.spell(parameters={"reasoning_effort": effort})]
    return "all" if taken == list(EFFORTS) else _listed([f"`{effort}`" for effort in taken])


def _reasons(wanted: JSON) -> Callable[[Subject], str]:
    return lambda subject: _yes(subject.spell(parameters={"reasoning": wanted}) is not None)


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _is_told(subject: Subject, one: dict[str, Any], other: dict[str, Any]) -> str:
    """Whether two requests differ in what is sent."""
    first, second = subject.spell(**one), subject.spell(**other)
    return _yes(first is not None and second is not None and first.body != second.body)


def _marks(subject: Subject) -> str:
    text = {"type": "text", "text": "hi"}
    marked = {**text, "cache_control": {"type": "ephemeral"}}
    return _is_told(subject, *({"messages": (HumanMessage([text, block]),)} for block in (text, marked)))


def _late_system(subject: Subject) -> str:
    said = (SystemMessage("a"), HumanMessage("b"), AIMessage("c"), SystemMessage("d"), HumanMessage("e"))
    request = subject.spell(messages=said)
    assert request is not None
    return "to the top" if any(warning.code == "system_message_moved" for warning in request.warnings) else "in place"


def _key(subject: Subject) -> str:
    names = [f"`{name}`" for name in subject.adapter.key_env]
    return _listed(names if subject.adapter.key_required else [*names, "or none"])


#: What an adapter says of itself, by the label of its cell.
FACTS: Mapping[str, Callable[[Subject], str]] = {
    "name": lambda subject: f"`{subject.adapter.provider}:`",
    "class": lambda subject: f"`{subject.adapter.class_name}`",
    "key": _key,
    "base URL": lambda subject: f"`{subject.adapter.base_url}`",
    "base URL from": lambda subject: _listed([f"`{name}`" for name in subject.adapter.base_url_env]),
}

#: What a codec spells and what it refuses.
FEATURES: Mapping[str, Callable[[Subject], str]] = {
    "tool choice": _choices,
    "one tool at a time": lambda subject: _yes(subject.spell(tools=_TOOLS, parallel_tool_calls=False) is not None),
    "structured output": _forms,
    "reasoning efforts": _efforts,
    "`reasoning=True`": _reasons(True),
    "`reasoning=False`": _reasons(False),
    "token budget": _reasons({"budget_tokens": 2048}),
    **{medium: _media(medium) for medium in _MEDIA},
    "images in tool results": _media("images in", in_result=True),
    "PDF in tool results": _media("PDF in", in_result=True),
    "a tool's failure": lambda subject: _is_told(subject, _result("no"), _result("no", status="error")),
    "`cache_control`": _marks,
    "logprobs": lambda subject: _yes("logprobs" in subject.codec.parameters),
    "names of speakers": lambda subject: _is_told(
        subject, {"messages": (HumanMessage("hi"),)}, {"messages": (HumanMessage("hi", name="ann"),)}
    ),
    "later system messages": _late_system,
}
LABELS: Mapping[str, Callable[[Subject], str]] = {
    **FACTS,
    **FEATURES,
    "Responses API": lambda subject: _yes(len(subject.adapter.codecs) > 1),
}

#: The models that tables on reasoning speak of.
MODELS = {
    "3.7 to 4.5": ("anthropic:claude-3-7-sonnet-20250219", "anthropic:claude-haiku-4-5"),
    "4.6": ("anthropic:claude-opus-4-6",),
    "4.7 and later": ("anthropic:claude-opus-4-7", "anthropic:claude-sonnet-5"),
    "Gemini 2.5": ("google_genai:gemini-2.5-flash", "google_vertexai:gemini-2.5-pro"),
    "Gemini 3": ("google_genai:gemini-3-pro-preview", "google_vertexai:gemini-3-flash-preview"),
    "Claude 3.7 to 4.5": (
        "bedrock:us.anthropic.claude-3-7-sonnet-20250219-v1:0",
        "bedrock:anthropic.claude-haiku-4-5-20251001-v1:0",
    ),
    "Claude 4.6 and later": ("bedrock:us.anthropic.claude-opus-4-6-v1", "bedrock:anthropic.claude-opus-4-7"),
    "Nova 2": ("bedrock:us.amazon.nova-2-lite-v1:0",),
    "gpt-oss, Kimi K2": ("bedrock:openai.gpt-oss-20b-1:0", "bedrock:moonshot.kimi-k2-thinking"),
    "other models of OpenAI's": ("bedrock:openai.gpt-5.2",),
    "Qwen 3, DeepSeek V3": ("bedrock:qwen.qwen3-32b-v1:0", "bedrock:deepseek.v3-v1:0"),
    "GLM": ("bedrock:zai.glm-4.7",),
}

# ---------------------------------------------------------------- what the pages say


@dataclass(frozen=True)
class Table:
    """A table of a page.

    Attributes:
        of: What the comment before it says of its columns; empty if there is none.
        rows: Its cells, those of the heading first, each up to its first ``;``.
    """

    of: str
    rows: list[list[str]]

    def cells(self) -> Iterator[tuple[Subject, str, str]]:
        """Whom a cell is about, its label, and what it says."""
        head, *rows = self.rows
        if head[0] == "host":
            for host, *cells in rows:
                subject = Subject.of(f"{host} openai.chat")
                yield from ((subject, label, cell) for label, cell in zip(head[1:], cells, strict=True))
        elif self.of:
            subjects = [Subject.of(words) for words in self.of.split("|")]
            for label, *cells in rows:
                yield from ((subject, label, cell) for subject, cell in zip(subjects, cells, strict=True))


def tables(page: str) -> Iterator[Table]:
    """The tables of a page."""
    of = ""
    rows: list[list[str]] = []
    for line in [*page.splitlines(), ""]:
        if line.startswith("|"):
            cells = re.split(r"\s*\|\s*", line.strip().removeprefix("|").removesuffix("|").strip(" "))
            rows.append([cell.partition(";")[0] for cell in cells])
            continue
        if rows:
            yield Table(of, [row for row in rows if set("".join(row)) != {"-"}])
            rows, of = [], ""
        comment = re.fullmatch(r"<!-- of: (.+) -->", line)
        of = comment[1] if comment else ""


def untrue_cells(page: str) -> list[str]:
    """What tables say that is not so, or do not say though they should."""
    wrong: list[str] = []
    for table in tables(page):
        labels = [label for _, label, _ in table.cells()]
        for subject, label, said in table.cells():
            if label in LABELS and LABELS[label](subject) != said:
                provider = subject.adapter.provider
                wrong.append(f"{label} of {provider}: {said}, should be: {LABELS[label](subject)}")
        if table.rows[0][0] == "host":
            wrong += [f"no column {label}" for label in labels if label not in LABELS]
            wrong += [f"no row {host}" for host in HOSTS if host not in [row[0] for row in table.rows]]
        elif labels:
            needed = FACTS if "name" in labels else FEATURES
            wrong += [f"no row {label}" for label in needed if label not in labels]
    return wrong


def parameter_lists(page: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The lists of parameters of a page: whose, and what they hold."""
    for whose, text in re.findall(r"<!-- parameters: (.+?) -->\n((?:.+\n)+)", page):
        if re.sub(r"`[a-z0-9_]+`", "", text).strip(" ,\n"):
            raise PageError(f"the list of parameters of {whose} holds something else")
        yield whose, frozenset(re.findall(r"`(.+?)`", text))


def untrue_lists(page: str) -> list[str]:
    """Lists of parameters that are not those of the adapter."""
    wrong: list[str] = []
    for whose, listed in parameter_lists(page):
        subject = Subject.of(whose)
        parameters = subject.codec.parameters if " " in whose else subject.adapter.parameters
        if listed != parameters:
            wrong.append(f"{whose}: {sorted(listed ^ parameters)}")
    return wrong


def untrue_efforts(page: str) -> list[str]:
    """Rows that show a low effort otherwise than it is spelled."""
    wrong: list[str] = []
    for table in tables(page):
        if 'reasoning_effort="low"' not in table.rows[0][1]:
            continue
        for label, said, *_ in table.rows[1:]:
            fields = json.loads(said.strip("`"))
            for model in MODELS[label]:
                request = Subject.of(model).spell(parameters={"reasoning_effort": "low"})
                if request is None or not _holds(json.loads(request.body), fields):
                    wrong.append(f"{label}: {said}")
    return wrong


def _holds(value: object, fields: dict[str, Any]) -> bool:
    """Whether an object, or one within it, has these fields."""
    if not is_object(value):
        return False
    return fields.items() <= value.items() or any(_holds(inner, fields) for inner in value.values())


# ---------------------------------------------------------------- they agree


@pytest.mark.parametrize("provider", provider_names())
def test_each_provider_is_on_a_page_and_in_the_index(provider: str) -> None:
    named = [page for page, text in PAGES.items() if f"`{provider}:" in text or f"\n| {provider} |" in text]
    assert named or f'"{provider}:' in PAGES["embedded"]
    assert f"`{provider}:`" in INDEX


@pytest.mark.parametrize("page", PAGES)
def test_the_index_leads_to_each_page(page: str) -> None:
    assert f"]({page}.md)" in INDEX


@pytest.mark.parametrize("page", PAGES)
def test_the_environment_variables_of_a_page_are_read(page: str) -> None:
    code = "".join(path.read_text() for path in (ROOT / "adapters").glob("*.py"))
    of_hosts = {name for host in HOSTS.values() for name in (*host.key_env, *host.base_url_env)}
    named = {*re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", PAGES[page])} - of_hosts
    assert {name for name in named if f'"{name}"' not in code} == set()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_adapters_do(page: str) -> None:
    assert untrue_cells(PAGES[page]) == []
    assert untrue_lists(PAGES[page]) == []
    assert untrue_efforts(PAGES[page]) == []


#: Providers whose page sends readers to the parameters and features of another one.
SAME_AS = {"azure_openai": "openai", "bedrock": "bedrock_converse", "google_vertexai": "google_genai"}


@pytest.mark.parametrize("provider", provider_names())
def test_all_parameters_of_a_provider_are_listed(provider: str) -> None:
    lists = dict(pair for page in PAGES.values() for pair in parameter_lists(page))
    adapter = find_adapter(provider)
    listed = SAME_AS.get(provider, provider)
    for codec in adapter.codecs or (adapter.codec,):
        # The Responses API is told of on OpenAI's page, for all hosts that have it.
        by_codec = "openai openai.responses" if codec.name == "openai.responses" else f"{listed} {codec.name}"
        assert codec.parameters == lists.get(by_codec, lists.get(listed))


@pytest.mark.parametrize("codec", ["openai.chat", "openai.responses"])
def test_azure_has_the_features_of_openai(codec: str) -> None:
    azure, openai = Subject.of(f"azure_openai:gpt-5 {codec}"), Subject.of(f"openai:gpt-5 {codec}")
    assert {label: ask(azure) for label, ask in FEATURES.items()} == {
        label: ask(openai) for label, ask in FEATURES.items()
    }


# The checks can fail.

OPENAI = PAGES["openai"]


@pytest.mark.parametrize(
    ("true", "false", "told"),
    [
        ("| audio in | base64; WAV or MP3 | no |", "| audio in | no | no |", "audio in of openai"),
        ("| video in | no | no |\n", "", "no row video in"),
        ("| class | `ChatOpenAI`", "| class | `ChatOpenAl`", "class of openai"),
        ("| base URL from | `OPENAI_BASE_URL`, ", "| base URL from | ", "base URL from of openai"),
    ],
)
def test_an_untrue_cell_is_seen(true: str, false: str, told: str) -> None:
    assert true in OPENAI
    [wrong] = untrue_cells(OPENAI.replace(true, false))
    assert told in wrong


def test_a_missing_host_and_an_unknown_column_are_seen() -> None:
    page = "| host | logprobs | taste |\n|---|---|---|\n| groq | yes | good |\n"
    assert untrue_cells(page) == ["no column taste", *(f"no row {host}" for host in HOSTS if host != "groq")]


@pytest.mark.parametrize(("true", "false"), [("`verbosity`", "`verbose`"), ("`seed`, ", "")])
def test_an_untrue_list_is_seen(true: str, false: str) -> None:
    assert true in OPENAI
    assert len(untrue_lists(OPENAI.replace(true, false))) in (1, 2)


def test_words_in_a_list_are_seen() -> None:
    with pytest.raises(PageError):
        list(parameter_lists("<!-- parameters: openai -->\n`seed` and `stop`\n"))


def test_an_unknown_codec_is_seen() -> None:
    with pytest.raises(PageError):
        Subject.of("openai openai.realtime")


@pytest.mark.parametrize(
    ("page", "true", "false"),
    [
        ("anthropic", '"effort": "low"', '"effort": "minimal"'),
        ("bedrock", '"maxReasoningEffort": "low"', '"maxReasoningEffort": "high"'),
        ("google", '"thinkingBudget": 1024', '"thinkingBudget": 1'),
    ],
)
def test_an_untrue_effort_is_seen(page: str, true: str, false: str) -> None:
    assert true in PAGES[page]
    assert untrue_efforts(PAGES[page].replace(true, false)) != []
