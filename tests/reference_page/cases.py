"""What each snippet of the reference page promises, by its name, as a check of what it gave."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

from pydantic import BaseModel

from tests.reference_page.reader import MAKES_MODEL, Reader
from tests.reference_page.twin import Ran
from tidewire import ChatModel
from tidewire.adapters.schema_check import is_object
from tidewire.adapters.script import Call, Reply, Script, Turn
from tidewire.adapters.sim_request import SimRequest
from tidewire.messages import AIMessage, AIMessageChunk, ToolMessage

#: Raises if the snippet did not give what the page says it does.
Check: TypeAlias = Callable[[Reader, Ran], None]

ALL = tuple(MAKES_MODEL)


@dataclass(frozen=True)
class Case:
    """How a snippet is run and what it promises.

    Attributes:
        check: What it promises.
        after: The page's snippets that the reader ran before, ``model`` made first.
        given: What makes ``model`` where the page has a certain one in mind; empty where the snippet needs none.
        script: What the provider says; by the request's shape without one.
        recording: What the provider says, as one of the repository's recordings.
        providers: Whose model ``model`` is, where the snippet leaves it open.
    """

    check: Check
    after: tuple[str, ...] = ()
    given: str | None = None
    script: Script = ()
    recording: str | None = None
    providers: tuple[str, ...] = ALL


# ---------------------------------------------------------------- what is promised


def is_answer(message: object, kind: type[AIMessage] = AIMessage) -> None:
    """A whole answer: text, the tokens it took, why it ended, and no call."""
    assert isinstance(message, kind)
    assert message.text
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] > 0
    assert message.response_metadata["finish_reason"]
    assert not message.tool_calls
    assert not message.invalid_tool_calls


def is_call(call: Mapping[str, Any], name: str) -> None:
    """A parsed call of a tool, with arguments for it."""
    assert call["type"] == "tool_call"
    assert call["name"] == name
    assert isinstance(call["args"]["location"], str)
    assert isinstance(call["id"], str)


def makes(path: str, key: str, **body: object) -> Check:
    """``model`` answers the page's first question: at this path, with this key, asked with these fields."""

    def check(reader: Reader, ran: Ran) -> None:
        assert isinstance(ran.names["model"], ChatModel)
        assert reader.requests == []  # nothing is sent before one asks
        reader.type_in("HuggingFace / Model Class (2)")
        is_answer(reader.names["response"])
        (request,) = reader.requests
        assert request.path == path
        assert any(key in value for value in request.headers.values())
        sent = request.body
        assert is_object(sent)
        assert {name: sent.get(name) for name in body} == body
        assert "Why do parrots talk?" in json.dumps(sent)

    return check


def prints_an_answer(reader: Reader, ran: Ran) -> None:
    (response,) = ran.printed
    assert response is ran.names["response"]
    is_answer(response)
    assert len(reader.requests) == 1


def answers(_reader: Reader, ran: Ran) -> None:
    is_answer(ran.names["response"])


def prints_a_translation(reader: Reader, ran: Ran) -> None:
    prints_an_answer(reader, ran)
    assert ran.printed[0].text == "J'adore créer des applications."
    sent = json.dumps(reader.requests[0].body, ensure_ascii=False)
    texts = ["translates English to French", "I love programming", "J'adore la programmation", "building applications"]
    assert [text for text in texts if text in sent] == texts


def translates(request: SimRequest) -> Turn:
    """A provider that got the whole conversation, in the right roles, says what the page shows."""
    roles = [message.role for message in request.messages]
    assert roles == ["system", "user", "assistant", "user"]
    return "J'adore créer des applications."


def prints_text_as_it_comes(reader: Reader, ran: Ran) -> None:
    pieces = [piece for piece in ran.printed if piece]
    assert len(pieces) > 3
    assert all(isinstance(piece, str) for piece in pieces)
    assert ran.text == "".join(f"{piece}|" for piece in ran.printed)
    assert isinstance(ran.names["chunk"], AIMessageChunk)
    assert ran.names["chunk"].chunk_position == "last"
    assert len(reader.requests) == 1


def prints_blocks_as_they_come(_reader: Reader, ran: Ran) -> None:
    thought = "".join(line.removeprefix("Reasoning: ") for line in ran.printed if line.startswith("Reasoning: "))
    calls = [line for line in ran.printed if line.startswith("Tool call chunk: ")]
    text = "".join(ran.printed).split("Reasoning: ")[-1].split("Tool call chunk: ")[0]
    assert thought == "Look up. "
    assert text.endswith("Blue.")
    assert calls
    assert "'name': 'look'" in calls[0]


def prints_a_growing_sum(_reader: Reader, ran: Ran) -> None:
    *growing, blocks = ran.printed
    assert growing[-1] == "The sky is typically blue."
    assert all(later.startswith(earlier) for earlier, later in pairwise(growing))
    assert len(set(growing)) > 3
    assert blocks == [{"type": "text", "text": "The sky is typically blue."}]
    is_answer(ran.names["full"], AIMessageChunk)


def prints_events(_reader: Reader, ran: Ran) -> None:
    first, *tokens, last = ran.printed
    assert first == "Input: Hello"
    assert [line for line in tokens if not line.startswith("Token: ")] == []
    assert "".join(line.removeprefix("Token: ") for line in tokens) == last.removeprefix("Full message: ")
    assert last == "Full message: Hi there! How can I help today?"


def prints_each_answer(reader: Reader, ran: Ran) -> None:
    assert len(ran.printed) == len(reader.requests) == 3
    for question, response in zip(["colorful", "airplanes", "quantum"], ran.printed, strict=True):
        is_answer(response)
        assert question in response.text


def echo(request: SimRequest) -> Turn:
    """Says what it was asked."""
    return request.messages[-1].text


def prints_answers_as_they_are_done(reader: Reader, ran: Ran) -> None:
    assert len(reader.requests) == 3
    assert sorted(index for index, _ in ran.printed) == [0, 1, 2]
    for index, response in ran.printed:
        is_answer(response)
        assert ["colorful", "airplanes", "quantum"][index] in response.text


def gives_all_answers(reader: Reader, ran: Ran) -> None:
    assert [answer.text for answer in ran.value] == ran.names["list_of_inputs"]
    assert len(reader.requests) == len(ran.value) == 12


def calls_the_tool(reader: Reader, ran: Ran) -> None:
    calls = ran.names["response"].tool_calls
    assert calls
    for call in calls:
        is_call(call, "get_weather")
    assert ran.printed == [line for call in calls for line in (f"Tool: {call['name']}", f"Args: {call['args']}")]
    assert "Get the weather at a location." in json.dumps(reader.requests[0].body)


def runs_the_loop(reader: Reader, ran: Ran) -> None:
    question, asked, *results = ran.names["messages"]
    assert question["role"] == "user"
    assert [call["name"] for call in asked.tool_calls] == ["get_weather"]
    assert all(isinstance(result, ToolMessage) for result in results)
    assert [(result.tool_call_id, result.text) for result in results] == [
        (call["id"], f"It's sunny in {call['args']['location']}.") for call in asked.tool_calls
    ]
    assert ran.printed == ["The current weather in Boston is 72°F and sunny."]
    assert len(reader.requests) == 2


def one_call_then_the_weather(request: SimRequest) -> Turn:
    """A provider that calls the tool, and answers when it has got what the tool gave."""
    if request.messages[-1].role == "tool":
        assert request.messages[-1].text == "It's sunny in Boston."
        return "The current weather in Boston is 72°F and sunny."
    return Reply(tool_calls=[Call("get_weather", {"location": "Boston"})])


def calls_when_forced(reader: Reader, ran: Ran) -> None:
    response = ran.names["model_with_tools"].invoke("Say nothing.")
    assert [call["name"] for call in response.tool_calls] == ["tool_1"]
    assert len(reader.requests) == 1


def only_if_forced(request: SimRequest) -> Turn | None:
    """A provider that calls tools only where it has to."""
    forced = request.tool_choice == "any" or request.tool_choice == ("tool", "tool_1")
    return None if forced else "No."


def calls_twice(_reader: Reader, ran: Ran) -> None:
    (calls,) = ran.printed
    assert [(call["name"], call["args"]) for call in calls] == BOTH_CITIES
    assert [result.text for result in ran.names["results"]] == ["It's sunny in Boston.", "It's sunny in Tokyo."]
    assert [result.tool_call_id for result in ran.names["results"]] == [call["id"] for call in calls]
    assert len({call["id"] for call in calls}) == 2


BOTH_CITIES = [("get_weather", {"location": "Boston"}), ("get_weather", {"location": "Tokyo"})]
TWO_CALLS = Reply(tool_calls=[Call(name, args) for name, args in BOTH_CITIES])


def calls_once_at_a_time(reader: Reader, ran: Ran) -> None:
    response = ran.value.invoke("What's the weather in Boston and Tokyo?")
    assert len(response.tool_calls) == 1
    assert len(reader.requests) == 1


def prints_calls_as_they_come(_reader: Reader, ran: Ran) -> None:
    kinds = [line.split(": ")[0] for line in ran.printed]
    assert [line for line in ran.printed if line.startswith("Tool: ")] == ["Tool: get_weather"] * 2
    assert kinds.count("ID") == 2
    second = ran.printed.index("Tool: get_weather", 1)
    for place, city in [(slice(0, second), "Boston"), (slice(second, None), "Tokyo")]:
        args = "".join(line.removeprefix("Args: ") for line in ran.printed[place] if line.startswith("Args: "))
        assert json.loads(args) == {"location": city}


def prints_growing_calls(_reader: Reader, ran: Ran) -> None:
    assert [(call["name"], call["args"]) for call in ran.printed[-1]] == BOTH_CITIES
    assert ran.names["gathered"].tool_calls == ran.printed[-1]


INCEPTION = {"title": "Inception", "year": 2010, "director": "Christopher Nolan", "rating": 8.8}


def tells_of_inception(request: SimRequest) -> Turn:
    """A provider that knows the film, in whichever way it is asked for the form."""
    if request.output is None:
        (tool,) = request.tools
        return Reply(tool_calls=[Call(tool.name, dict(INCEPTION))])
    return json.dumps(INCEPTION)


def prints_a_movie(reader: Reader, ran: Ran) -> None:
    (response,) = ran.printed
    assert response is ran.names["response"]
    if "MovieDict" in ran.names or "json_schema" in ran.names:
        assert response == INCEPTION
    else:
        assert type(response) is ran.names["Movie"]
        assert response == ran.names["Movie"](**INCEPTION)
    assert "The title of the movie" in json.dumps(reader.requests[0].body)


def gives_the_raw_answer_too(_reader: Reader, ran: Ran) -> None:
    assert list(ran.value) == ["raw", "parsed", "parsing_error"]
    assert isinstance(ran.value["raw"], AIMessage)
    assert ran.value["raw"].usage_metadata is not None
    assert ran.value["parsed"] == ran.names["Movie"](**INCEPTION)
    assert ran.value["parsing_error"] is None


def gives_nested_details(reader: Reader, ran: Ran) -> None:
    details = ran.names["model_with_structure"].invoke("Provide details about the movie Inception")
    if isinstance(details, BaseModel):
        assert isinstance(details, ran.names["MovieDetails"])
        details = details.model_dump()
    assert details["cast"]
    assert set(details["cast"][0]) == {"name", "role"}
    assert set(details) == {"title", "year", "cast", "genres", "budget"}
    assert "Budget in millions USD" in json.dumps(reader.requests[0].body)


def shows_a_profile(_reader: Reader, ran: Ran) -> None:
    assert type(ran.value).__name__ == "dict"
    assert ran.value["max_input_tokens"] > 10_000
    assert ran.value["tool_calling"] is True
    assert "image_inputs" in ran.value


def has_the_custom_profile(_reader: Reader, ran: Ran) -> None:
    assert ran.names["model"].profile == ran.names["custom_profile"]
    is_answer(ran.names["model"].invoke("Hello"))


def copies_with_a_profile(_reader: Reader, ran: Ran) -> None:
    assert isinstance(ran.value, ChatModel)
    assert ran.value.profile == {**ran.names["model"].profile, "key": "value"}
    assert "key" not in ran.names["model"].profile


def prints_a_picture(_reader: Reader, ran: Ran) -> None:
    (blocks,) = ran.printed
    assert [block["type"] for block in blocks] == ["text", "image"]
    assert blocks[0]["text"]
    assert blocks[1]["base64"]
    assert blocks[1]["mime_type"].startswith("image/")


def prints_reasoning_as_it_comes(_reader: Reader, ran: Ran) -> None:
    steps: list[dict[str, Any]] = []
    for shown in ran.printed:
        steps += () if type(shown) is str else shown
    assert "".join(step["reasoning"] for step in steps) == "Feathers are dyed by what is eaten."
    assert "".join(shown for shown in ran.printed if type(shown) is str) == "Pigments."


def prints_all_reasoning(_reader: Reader, ran: Ran) -> None:
    assert ran.printed == ["Feathers are dyed by what is eaten."]
    assert ran.names["response"].text == "Pigments."


REASONED = Reply(reasoning=["Feathers are dyed ", "by what is eaten."], text=["Pig", "ments."])


def prints_a_search(_reader: Reader, ran: Ran) -> None:
    (blocks,) = ran.printed
    assert [block["type"] for block in blocks] == ["server_tool_call", "server_tool_result", "text"]
    call, result, text = blocks
    assert call["name"] == "web_search"
    assert "query" in call["args"]
    assert result["tool_call_id"] == call["id"]
    assert result["status"] == "success"
    assert text["text"]
    citation = text["annotations"][0]
    assert citation["type"] == "citation"
    assert citation["title"]
    assert citation["url"].startswith("http")
    assert citation["start_index"] < citation["end_index"]


def is_limited(_reader: Reader, ran: Ran) -> None:
    limiter = ran.names["rate_limiter"]
    for _ in range(10):
        assert limiter.acquire(blocking=False)
    assert not limiter.acquire(blocking=False)  # ten at once, as its comments say


def goes_to_the_base_url(reader: Reader, ran: Ran) -> None:
    is_answer(ran.names["model"].invoke("Hello"))
    (request,) = reader.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer my-key"
    assert is_object(request.body)
    assert request.body["model"] == "my-model"


def goes_through_the_proxy(reader: Reader, ran: Ran) -> None:
    # A name that nobody answers for: what gets there went through the proxy, which takes requests for any host.
    model = ran.names["model"].bind(base_url="http://nowhere.invalid/v1")
    is_answer(model.invoke("Hello"))
    (request,) = reader.requests
    assert request.headers["host"] == "nowhere.invalid"


def prints_logprobs(_reader: Reader, ran: Ran) -> None:
    (logprobs,) = ran.printed
    assert "".join(entry["token"] for entry in logprobs["content"]) == ran.names["response"].text
    assert all(entry["logprob"] <= 0 for entry in logprobs["content"])


def prints_usage_by_model(reader: Reader, ran: Ran) -> None:
    (usage,) = ran.printed
    assert set(usage) == {"gpt-4o-mini-2024-07-18", "claude-haiku-4-5-20251001"}
    for counts in usage.values():
        assert counts["total_tokens"] == counts["input_tokens"] + counts["output_tokens"] > 0
    assert [request.path for request in reader.requests] == ["/v1/chat/completions", "/v1/messages"]


def greets_by_its_full_name(request: SimRequest) -> Turn:
    """OpenAI answers under the full name of the model that was asked for."""
    return Reply("Hi!", model="gpt-4o-mini-2024-07-18" if request.model == "gpt-4o-mini" else None)


def is_heard(_reader: Reader, ran: Ran) -> None:
    is_answer(ran.names["response"])
    handler = ran.names["my_callback_handler"]
    (started,) = handler.started
    assert started["name"] == "joke_generation"
    assert started["tags"] == ["humor", "demo"]
    assert started["metadata"]["user_id"] == "123"
    assert handler.ended == 1


def asks_both(reader: Reader, ran: Ran) -> None:
    is_answer(ran.value)
    first, second = reader.requests
    assert [first.path, second.path] == ["/v1/chat/completions", "/v1/messages"]
    assert is_object(first.body)
    assert is_object(second.body)
    assert first.body["model"] == "gpt-5-nano"
    assert second.body["model"] == "claude-sonnet-4-5-20250929"
    assert second.body["temperature"] == 0


def asks_as_configured(reader: Reader, ran: Ran) -> None:
    is_answer(ran.value)
    (request,) = reader.requests
    assert request.path == "/v1/messages"
    assert is_object(request.body)
    assert request.body["model"] == "claude-sonnet-4-5-20250929"
    assert request.body["temperature"] == 0.5
    assert request.body["max_tokens"] == 100


POPULATIONS = Reply(
    tool_calls=[
        Call("GetPopulation", {"location": "Los Angeles, CA"}),
        Call("GetPopulation", {"location": "New York, NY"}),
    ]
)


def calls_on(path: str) -> Check:
    """The configured model, asked at this path, calls the tools that were bound before it was known."""

    def check(reader: Reader, ran: Ran) -> None:
        for call, place in zip(ran.value, ["Los Angeles, CA", "New York, NY"], strict=True):
            is_call(call, "GetPopulation")
            assert call["args"] == {"location": place}
        assert reader.requests[-1].path == path
        assert "The city and state" in json.dumps(reader.requests[-1].body)

    return check


# ---------------------------------------------------------------- the snippets

CLAUDE = "anthropic.claude-3-5-sonnet-20240620-v1:0"
AZURE_PATH = "/openai/deployments/my-deployment/chat/completions"
GEMINI_PATH = "/v1beta/models/gemini-2.5-flash-lite:generateContent"
WEATHER = ("Binding user tools",)

#: A model that thinks, of each provider that has one.
THINKS = inspect.cleandoc("""
    model = init_chat_model("claude-sonnet-4-5-20250929", thinking={"type": "enabled", "budget_tokens": 2000})
""")

CASES: dict[str, Case] = {
    "OpenAI / init_chat_model": Case(makes("/v1/chat/completions", "sk-...", model="gpt-4.1"), given=""),
    "OpenAI / Model Class": Case(makes("/v1/chat/completions", "sk-...", model="gpt-4.1"), given=""),
    "Anthropic / init_chat_model": Case(makes("/v1/messages", "sk-...", model="claude-sonnet-4-5-20250929"), given=""),
    "Anthropic / Model Class": Case(makes("/v1/messages", "sk-...", model="claude-sonnet-4-5-20250929"), given=""),
    "Azure / init_chat_model": Case(makes(AZURE_PATH, "..."), given=""),
    "Azure / Model Class": Case(makes(AZURE_PATH, "..."), given=""),
    "Google Gemini / init_chat_model": Case(makes(GEMINI_PATH, "..."), given=""),
    "Google Gemini / Model Class": Case(makes(GEMINI_PATH, "..."), given=""),
    "AWS Bedrock / init_chat_model": Case(makes(f"/model/{CLAUDE}/converse", "Credential=AKIAREADER/"), given=""),
    "AWS Bedrock / Model Class": Case(makes(f"/model/{CLAUDE}/converse", "Credential=AKIAREADER/"), given=""),
    "HuggingFace / init_chat_model": Case(
        makes(
            "/v1/chat/completions",
            "Bearer hf_...",
            model="microsoft/Phi-3-mini-4k-instruct",
            temperature=0.7,
            max_tokens=1024,
        ),
        given="",
    ),
    "HuggingFace / Model Class": Case(
        makes(
            "/v1/chat/completions",
            "Bearer hf_...",
            model="microsoft/Phi-3-mini-4k-instruct",
            temperature=0.7,
            max_tokens=1024,
        ),
        given="",
    ),
    "HuggingFace / Model Class (2)": Case(answers),
    "Initialize using model parameters": Case(
        makes("/v1/messages", "sk-", temperature=0.7, max_tokens=1000), providers=("anthropic",)
    ),
    "Single message": Case(prints_an_answer),
    "Dictionary format": Case(prints_a_translation, script=translates),
    "Message objects": Case(prints_a_translation, script=translates),
    "Basic text streaming": Case(prints_text_as_it_comes),
    "Stream tool calls, reasoning, and other content": Case(
        prints_blocks_as_they_come,
        given=THINKS,
        script=[Reply(reasoning=["Look ", "up. "], text=["Bl", "ue."], tool_calls=[Call("look", {"where": "up"})])],
    ),
    "Construct an AIMessage": Case(
        prints_a_growing_sum, script=[Reply(["The ", "sky ", "is ", "typically ", "blue."])]
    ),
    "Streaming events": Case(
        prints_events, script=[Reply(["Hi", " there", "!", " How", " can", " I", " help", " today?"])]
    ),
    "Batch": Case(prints_each_answer, script=echo),
    "Yield batch responses upon completion": Case(prints_answers_as_they_are_done, script=echo),
    "Batch with max concurrency": Case(gives_all_answers, script=echo),
    "Binding user tools": Case(calls_the_tool),
    "Tool execution loop": Case(runs_the_loop, after=WEATHER, script=one_call_then_the_weather),
    "Forcing tool calls / Force use of any tool": Case(calls_when_forced, script=only_if_forced),
    "Forcing tool calls / Force use of specific tools": Case(calls_when_forced, script=only_if_forced),
    "Parallel tool calls": Case(calls_twice, after=WEATHER, script=["It's sunny.", TWO_CALLS]),
    "Parallel tool calls (2)": Case(calls_once_at_a_time, after=WEATHER, providers=("openai", "anthropic")),
    "Streaming tool calls": Case(prints_calls_as_they_come, after=WEATHER, script=["It's sunny.", TWO_CALLS]),
    "Streaming tool calls / Accumulate tool calls": Case(
        prints_growing_calls, after=WEATHER, script=["It's sunny.", TWO_CALLS]
    ),
    "Pydantic": Case(prints_a_movie, script=tells_of_inception),
    "TypedDict": Case(prints_a_movie, script=tells_of_inception),
    "JSON Schema": Case(prints_a_movie, script=tells_of_inception),
    "Example: Message output alongside parsed structure": Case(gives_the_raw_answer_too, script=tells_of_inception),
    "Example: Nested structures / Pydantic": Case(gives_nested_details),
    "Example: Nested structures / TypedDict": Case(gives_nested_details),
    "Model profiles": Case(shows_a_profile, providers=("openai", "anthropic", "azure_openai", "google_genai")),
    "Updating or overwriting profile data / Option 1 (quick fix)": Case(has_the_custom_profile, providers=("openai",)),
    "Updating or overwriting profile data / Option 1 (quick fix) (2)": Case(copies_with_a_profile),
    "Multimodal output": Case(
        prints_a_picture,
        given='model = init_chat_model("google_genai:gemini-3-pro-image-preview")',
        recording="gemini_image_output",
    ),
    "Stream reasoning output": Case(prints_reasoning_as_it_comes, given=THINKS, script=[REASONED]),
    "Complete reasoning output": Case(prints_all_reasoning, given=THINKS, script=[REASONED]),
    "Invoke with server-side tool use": Case(prints_a_search, given="", recording="web-search-stream"),
    "Initialize and use a rate limiter": Case(is_limited, providers=("openai",)),
    "Base URL": Case(goes_to_the_base_url, providers=("openai",)),
    "Proxy configuration": Case(goes_through_the_proxy, given=""),
    "Log probabilities": Case(prints_logprobs, providers=("openai",)),
    "Token usage / Callback handler": Case(prints_usage_by_model, given="", script=greets_by_its_full_name),
    "Token usage / Context manager": Case(prints_usage_by_model, given="", script=greets_by_its_full_name),
    "Invocation with config": Case(is_heard),
    "Configurable models": Case(asks_both, given=""),
    "Configurable model with default values": Case(asks_as_configured, given=""),
    "Using a configurable model declaratively": Case(calls_on("/v1/chat/completions"), given="", script=[POPULATIONS]),
    "Using a configurable model declaratively (2)": Case(
        calls_on("/v1/messages"),
        given="",
        after=("Using a configurable model declaratively",),
        script=[POPULATIONS, POPULATIONS],
    ),
}
