from itertools import cycle

import pytest

from tidewire import ChatModel, ConfigurationError
from tidewire.messages import AIMessage, AIMessageChunk, HumanMessage
from tidewire.testing import (
    FakeChatModel,
    FakeListChatModel,
    FakeListChatModelError,
    FakeMessagesListChatModel,
    GenericFakeChatModel,
    ParrotFakeChatModel,
    embedded_adapter,
)


async def texts(model: ChatModel) -> list[str]:
    return [chunk.text async for chunk in model.astream("hi") if chunk.text]


async def test_given_messages_are_answered_in_turn_and_word_by_word() -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage("hello there"), AIMessage("goodbye")]))
    assert await texts(model) == ["hello", " ", "there"]
    assert (await model.ainvoke("hi")).text == "goodbye"
    with pytest.raises(ConfigurationError, match="no more answers"):
        await model.ainvoke("hi")


async def test_messages_may_never_end() -> None:
    model = GenericFakeChatModel(messages=cycle(["a", "b"]))
    assert [message.text for message in await model.abatch(["1", "2", "3"], {"max_concurrency": 1})] == ["a", "b", "a"]


async def test_a_given_message_keeps_what_is_in_it() -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    given = AIMessage(
        content_blocks=[
            {"type": "reasoning", "reasoning": "let me see"},
            {"type": "text", "text": "it is here"},
            {"type": "image", "url": "https://a/b.png"},
            {"type": "tool_call", "name": "search", "args": {"query": "tides"}, "id": "call_1"},
        ],
        usage_metadata=usage,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # on purpose
    )
    model = GenericFakeChatModel(messages=[given, given])
    for answer in (await model.ainvoke("hi"), [chunk async for chunk in model.astream("hi")]):
        message = answer if isinstance(answer, AIMessage) else sum(answer, AIMessageChunk())
        assert message.text == "it is here"
        assert message.tool_calls == given.tool_calls
        assert message.usage_metadata == usage
        kinds = {block["type"] for block in message.content_blocks}
        assert kinds == {"reasoning", "text", "image", "tool_call"}


async def test_listed_texts_are_said_over_and_over_and_character_by_character() -> None:
    model = FakeListChatModel(responses=["one", "two"])
    assert await texts(model) == ["o", "n", "e"]
    assert [model.invoke("hi").text for _ in range(3)] == ["two", "one", "two"]


async def test_a_stream_fails_after_so_many_chunks() -> None:
    model = FakeListChatModel(responses=["hello"], error_on_chunk_number=2)
    heard: list[str] = []
    with pytest.raises(FakeListChatModelError) as raised:
        async for chunk in model.astream("hi"):
            heard.append(chunk.text)
    assert heard == ["h", "e"]
    assert raised.value.partial is not None
    assert (await model.ainvoke("hi")).text == "hello"
    with pytest.raises(FakeListChatModelError):
        await texts(FakeListChatModel(responses=["hello"], error_on_chunk_number=0))


async def test_they_take_their_time() -> None:
    model = FakeListChatModel(responses=["abc"], sleep=0.001)
    assert await texts(model) == ["a", "b", "c"]
    assert (await model.ainvoke("hi")).text == "abc"
    slow = FakeMessagesListChatModel(responses=[AIMessage("x y")], sleep=0.001)
    assert await texts(slow) == ["x", " ", "y"]


async def test_the_other_fakes() -> None:
    assert (await FakeChatModel().ainvoke("hi")).text == "fake response"
    parrot = ParrotFakeChatModel()
    assert (await parrot.ainvoke([HumanMessage("one"), HumanMessage("two words")])).text == "two words"
    assert await texts(parrot) == ["hi"]
    model = FakeMessagesListChatModel(responses=[AIMessage("a"), "b"])
    assert [model.invoke("hi").text for _ in range(3)] == ["a", "b", "a"]


async def test_a_fake_is_a_model_like_any_other() -> None:
    model = GenericFakeChatModel(messages=iter(["a b", "c"]), tags=["fake"])
    records = [record async for record in model.with_config(run_name="here").astream_events("hi")]
    assert [record["event"] for record in records][:2] == ["on_chat_model_start", "on_chat_model_stream"]
    assert records[0]["name"] == "here"
    assert "fake" in records[0]["tags"]
    assert model.bind(temperature=0).invoke("hi").text == "c"


def test_an_adapter_of_ones_own_keeps_its_script() -> None:
    adapter = embedded_adapter(["a", "b"])
    one, other = (ChatModel("any", model_provider=adapter) for _ in range(2))
    assert [one.invoke("hi").text, other.invoke("hi").text] == ["a", "b"]
    assert ChatModel("any", model_provider=adapter, script=["c"]).invoke("hi").text == "c"
