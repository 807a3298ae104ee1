"""Messages in the chat completions format."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.adapters.recording_kit import WRITTEN
from tidewire.adapters.openai_chat import Dialect, OpenAIChatCodec
from tidewire.adapters.openai_chat_conversation import Conversation
from tidewire.adapters.openai_chat_reply import PlainReply
from tidewire.adapters.spec import ModelRequest
from tidewire.events.errors import ConfigurationError
from tidewire.events.fold import Fold
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

Json = dict[str, Any]


def spelled(message: BaseMessage, dialect: Dialect | None = None) -> Json:
    """One message as it is sent."""
    (found,) = Conversation(dialect or Dialect()).spell([message])
    return found


def warnings(messages: Sequence[BaseMessage], dialect: Dialect | None = None) -> list[str]:
    conversation = Conversation(dialect or Dialect())
    conversation.spell(messages)
    assert all(warning.code == "block_left_out" for warning in conversation.warnings)
    return [warning.text for warning in conversation.warnings]


def part(block: Json, dialect: Dialect | None = None) -> Json:
    """One block of a user message as it is sent."""
    content = spelled(HumanMessage([{"type": "text", "text": "x"}, block]), dialect)["content"]
    found: Json = content[1]
    return found


def answer(**message: object) -> AIMessage:
    """What a plain reply with this message is read as."""
    decoder = PlainReply()
    decoder.feed(json.dumps({"id": "c1", "choices": [{"message": message, "finish_reason": "stop"}]}).encode())
    fold = Fold()
    for event in decoder.close():
        fold.add(event)
    return AIMessage.from_fold(fold)


# ---------------------------------------------------------------- who speaks


def test_each_kind_of_message_has_its_role() -> None:
    assert spelled(SystemMessage("Be brief.")) == {"role": "system", "content": "Be brief."}
    assert spelled(HumanMessage("Hi", name="ada")) == {"role": "user", "content": "Hi", "name": "ada"}
    assert spelled(AIMessage("Hello")) == {"role": "assistant", "content": "Hello"}
    assert spelled(ToolMessage("4", tool_call_id="a", name="add", status="error")) == {
        "role": "tool",
        "tool_call_id": "a",
        "content": "4",
    }
    assert spelled(SystemMessage("Be brief."), Dialect(system_role="developer"))["role"] == "developer"


def test_several_texts_stay_several_parts_and_none_is_an_empty_text() -> None:
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    for message in (HumanMessage(texts), SystemMessage(texts), ToolMessage(texts, tool_call_id="a")):
        assert spelled(message)["content"] == texts
    assert spelled(HumanMessage([]))["content"] == ""
    assert spelled(ToolMessage("", tool_call_id="a"))["content"] == ""


# ---------------------------------------------------------------- what a user sends


def test_an_image_is_an_address_or_a_data_url() -> None:
    assert part({"type": "image", "url": "https://e.org/i.png"}) == {
        "type": "image_url",
        "image_url": {"url": "https://e.org/i.png"},
    }
    image = {"type": "image", "base64": "AAAA", "mime_type": "image/jpeg", "extras": {"detail": "low"}}
    assert part(image) == {
        "type": "image_url",
        "image_url": {"url": "data:image/jpeg;base64,AAAA", "detail": "low"},
    }
    assert part({"type": "image", "base64": "AAAA"})["image_url"]["url"] == "data:image/png;base64,AAAA"


def test_a_request_with_images_is_the_documented_one() -> None:
    recording = json.loads((WRITTEN / "openai" / "image-input-plain.json").read_text())
    body = recording["request"]["body"]
    text, first, second = body["messages"][0]["content"]
    request = ModelRequest(
        model="gpt-5-nano",
        messages=[
            HumanMessage(
                [
                    text,
                    {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png", "extras": {"detail": "low"}},
                    {"type": "image", "url": "https://example.com/square.png"},
                ]
            )
        ],
        base_url="http://host",
        stream=False,
        parameters={"max_tokens": 50},
    )
    assert json.loads(OpenAIChatCodec().encode(request).body) == body
    # OpenAI's own spelling of the same is understood.
    same = HumanMessage([text, first, second])
    assert spelled(same) == body["messages"][0]


@pytest.mark.parametrize(
    ("mime", "form"), [("audio/wav", "wav"), ("audio/x-wav", "wav"), ("audio/mpeg", "mp3"), ("audio/mp3", "mp3")]
)
def test_a_sound_is_base64_with_its_format(mime: str, form: str) -> None:
    assert part({"type": "audio", "base64": "AAAA", "mime_type": mime}) == {
        "type": "input_audio",
        "input_audio": {"data": "AAAA", "format": form},
    }


def test_a_sound_of_another_format_is_for_hosts_that_take_it() -> None:
    flac = {"type": "audio", "base64": "AAAA", "mime_type": "audio/flac"}
    with pytest.raises(ConfigurationError, match="openai takes audio as wav or mp3, not as audio/flac"):
        part(flac)
    assert part(flac, Dialect(audio_formats=None))["input_audio"]["format"] == "flac"


def test_a_document_is_a_data_url_with_a_name_or_the_id_of_an_upload() -> None:
    pdf = {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"}
    assert part(pdf) == {
        "type": "file",
        "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"},
    }
    assert part({**pdf, "extras": {"filename": "a.pdf"}})["file"]["filename"] == "a.pdf"
    assert part({**pdf, "mime_type": "text/csv"})["file"]["filename"] == "document.csv"
    assert part({"type": "file", "file_id": "file-1"}) == {"type": "file", "file": {"file_id": "file-1"}}
    assert part({"type": "text-plain", "file_id": "file-1"}) == {"type": "file", "file": {"file_id": "file-1"}}
    url = {"type": "file", "url": "https://e.org/a.pdf"}
    assert part(url, Dialect(file_urls=True))["file"]["file_data"] == "https://e.org/a.pdf"


def test_a_text_document_is_text() -> None:
    assert part({"type": "text-plain", "text": "plain"}) == {"type": "text", "text": "plain"}
    encoded = base64.b64encode("é".encode()).decode()
    assert part({"type": "text-plain", "base64": encoded}) == {"type": "text", "text": "é"}
    for bad in ("no base64!", base64.b64encode(b"\xff").decode()):
        with pytest.raises(ConfigurationError, match="not the base64 of a UTF-8 text"):
            part({"type": "text-plain", "base64": bad})


def test_a_video_is_for_hosts_that_take_one() -> None:
    video = {"type": "video", "base64": "AAAA", "mime_type": "video/mp4"}
    assert part(video, Dialect(video_urls=True)) == {
        "type": "video_url",
        "video_url": {"url": "data:video/mp4;base64,AAAA"},
    }
    with pytest.raises(ConfigurationError, match="openai has no video block in a user message"):
        part(video)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"type": "image"}, "has no image block in a user message without a source; give a URL or base64"),
        ({"type": "image", "file_id": "f"}, "has no image block in a user message by a file_id"),
        ({"type": "audio", "url": "https://e.org/a.wav"}, "has no audio block in a user message except as base64"),
        ({"type": "file", "url": "https://e.org/a.pdf"}, "has no file block in a user message by its URL"),
        ({"type": "text-plain", "url": "https://e.org/a"}, "takes a text-plain block as text or base64"),
        ({"type": "reasoning", "reasoning": "Hm."}, "has no reasoning block in a user message"),
    ],
)
def test_what_the_format_cannot_spell_is_refused_by_name(block: Json, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"somehost {said}"):
        part(block, Dialect(provider="somehost"))


def test_a_part_in_the_hosts_own_form_is_passed_on() -> None:
    assert part({"type": "new_thing", "x": 1}) == {"type": "new_thing", "x": 1}


def test_marks_for_the_cache_go_to_hosts_that_know_them() -> None:
    marked = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
    assert part(marked) == {"type": "text", "text": "long"}
    assert part(marked, Dialect(cache_control=True)) == marked
    image = {"type": "image_url", "image_url": {"url": "https://e.org/i.png"}, "cache_control": {"type": "ephemeral"}}
    assert part(image, Dialect(cache_control=True)) == image
    assert spelled(SystemMessage([marked]), Dialect(cache_control=True))["content"] == [marked]


# ---------------------------------------------------------------- what a tool gave


def test_a_tools_result_is_text_whatever_it_holds() -> None:
    result = ToolMessage([{"type": "text", "text": "rows:"}, {"rows": [1, 2]}], tool_call_id="a")
    assert spelled(result)["content"] == [{"type": "text", "text": "rows:"}, {"type": "text", "text": '{"rows":[1,2]}'}]


def test_an_image_in_a_tools_result_is_for_hosts_that_take_it() -> None:
    result = ToolMessage([{"type": "image", "url": "https://e.org/i.png"}], tool_call_id="a")
    with pytest.raises(ConfigurationError, match="openai has no image block in a tool message"):
        spelled(result)
    assert spelled(result, Dialect(tool_images=True))["content"][0]["type"] == "image_url"
    sound = ToolMessage([{"type": "audio", "base64": "AAAA"}], tool_call_id="a")
    with pytest.raises(ConfigurationError, match="no audio block in a tool message"):
        spelled(sound, Dialect(tool_images=True))
    with pytest.raises(ConfigurationError, match="no image block in a system message"):
        spelled(SystemMessage([{"type": "image", "url": "https://e.org/i.png"}]), Dialect(tool_images=True))


# ---------------------------------------------------------------- what the model said before


def test_an_answer_goes_back_as_text_and_calls() -> None:
    message = AIMessage(
        [{"type": "text", "text": "Let me "}, {"type": "text", "text": "look."}, {"type": "text", "text": ""}],
        tool_calls=[{"name": "f", "args": {"x": "é"}, "id": "a"}],
        invalid_tool_calls=[{"name": "g", "args": '{"y": ', "id": "b", "error": "cut"}, {"args": None, "id": None}],
    )
    assert spelled(message) == {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":"é"}'}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": '{"y": '}},
            {"id": "", "type": "function", "function": {"name": "", "arguments": ""}},
        ],
    }


def test_an_answer_of_calls_only_has_no_content_and_one_of_nothing_an_empty_one() -> None:
    assert spelled(AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "a"}]))["content"] is None
    assert spelled(AIMessage("")) == {"role": "assistant", "content": ""}


def test_a_refusal_goes_back_as_one() -> None:
    assert spelled(answer(refusal="No.")) == {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}


def test_calls_in_other_forms_go_back_as_they_came() -> None:
    call = {"id": "a", "type": "custom", "custom": {"name": "sql", "input": 'select "1"'}}
    assert spelled(answer(tool_calls=[call]))["tool_calls"] == [call]
    function = {"name": "f", "arguments": "{}"}
    assert spelled(answer(function_call=function)) == {"role": "assistant", "content": None, "function_call": function}
    signed = {
        "id": "a",
        "type": "function",
        "function": function,
        "extra_content": {"google": {"thought_signature": "s"}},
    }
    assert spelled(answer(tool_calls=[signed]))["tool_calls"] == [signed]


def test_spoken_output_goes_back_by_its_id() -> None:
    spoken = answer(audio={"id": "audio_1", "data": "AAAA", "transcript": "Yes"})
    assert spelled(spoken) == {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}


def test_reasoning_goes_back_to_the_host_that_made_it_and_wants_it() -> None:
    detail = {"type": "reasoning.text", "text": "Hm.", "index": 0}
    message = answer(content="a", reasoning="Hm.", reasoning_details=[detail])
    message.response_metadata["model_provider"] = "host"
    assert spelled(message, Dialect(provider="host")) == {"role": "assistant", "content": "a"}
    assert spelled(message, Dialect(provider="host", reasoning_field="reasoning_content"))["reasoning_content"] == "Hm."
    wants_details = Dialect(provider="host", reasoning_field="reasoning_details")
    assert spelled(message, wants_details)["reasoning_details"] == [detail]
    assert "reasoning_details" not in spelled(AIMessage("a"), wants_details)
    assert "reasoning" not in spelled(AIMessage("a"), Dialect(provider="host", reasoning_field="reasoning"))
    assert warnings([message], wants_details) == []
    other = Dialect(provider="other", reasoning_field="reasoning")
    assert spelled(message, other) == {"role": "assistant", "content": "a"}
    assert warnings([message], other) == ["a reasoning block of the history was left out: it belongs to host"]


def test_what_another_provider_did_itself_is_left_out_with_a_warning() -> None:
    message = AIMessage(
        [
            {"type": "server_tool_call", "id": "s", "name": "search", "args": {}},
            {"type": "server_tool_result", "tool_call_id": "s", "status": "success"},
            {"type": "its_own", "x": 1},
            {"type": "text", "text": "found"},
        ],
        response_metadata={"model_provider": "anthropic"},
    )
    assert spelled(message) == {"role": "assistant", "content": "found"}
    assert [text.split(" block ")[0] for text in warnings([message])] == [
        "a server_tool_call",
        "a server_tool_result",
        "a non_standard",
    ]
    message.response_metadata["model_provider"] = "openai"
    assert spelled(message)["content"] == [{"type": "its_own", "x": 1}, {"type": "text", "text": "found"}]
    assert [text.partition(": ")[2] for text in warnings([message])] == ["openai takes none back"] * 2


def test_an_image_that_the_model_made_has_no_place_in_the_format() -> None:
    with pytest.raises(ConfigurationError, match="openai has no image block in an assistant message"):
        spelled(AIMessage([{"type": "image", "base64": "AAAA"}]))
