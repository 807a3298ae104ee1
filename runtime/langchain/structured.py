"""Answers read in a form, out of LangChain's messages: whole, and as they grow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from operator import itemgetter
from typing import Any, cast

import msgspec
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import Runnable, RunnableConfig, RunnableMap, RunnablePassthrough
from langchain_core.runnables.base import RunnableSerializable
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, ConfigDict

from tidewire.adapters.spec import ModelRequest
from tidewire.events.errors import OutputParsingError
from tidewire.events.messages import AIMessage as Answer
from tidewire.events.messages import HumanMessage
from tidewire.langchain.messages import from_langchain
from tidewire.partial_values import GrowingText
from tidewire.settings import Settings
from tidewire.structured import Form, StructuredMethod, form_of, is_tool_asked, unfenced
from tidewire.structured_model import GROWTH
from tidewire.type_hints import MISSING, Value


class Reader(RunnableSerializable[AIMessage, Any]):
    """Reads an answer in a form; of a stream, the value as it grows, and the whole one last.

    Raises:
        OutputParsingError: The answer is no JSON, is cut, or does not fit; ``raw`` is LangChain's message.
        RefusalError: The model refused.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    form: Form
    request: ModelRequest
    #: A model of pydantic 1, whose instances are made here: it has none of the methods that later ones are known by.
    old_model: Any = None

    def invoke(self, input: AIMessage, config: RunnableConfig | None = None, **kwargs: Any) -> Value:
        """What a whole answer says."""
        return self._call_with_config(self.read, input, config, run_type="parser")

    def transform(
        self, input: Iterator[AIMessage], config: RunnableConfig | None = None, **kwargs: Any | None
    ) -> Iterator[Value]:
        """What a streamed answer says so far, for each chunk that adds to it."""
        yield from self._transform_stream_with_config(input, self._grow, config, run_type="parser")

    async def atransform(
        self, input: AsyncIterator[AIMessage], config: RunnableConfig | None = None, **kwargs: Any | None
    ) -> AsyncIterator[Value]:
        """:meth:`transform` for async code."""
        async for value in self._atransform_stream_with_config(input, self._agrow, config, run_type="parser"):
            yield value

    def read(self, message: AIMessage) -> Value:
        """What a whole answer says."""
        answer = cast("Answer", from_langchain([message])[0])
        try:
            value = self.form.parse(answer, message.response_metadata.get("finish"), self.request)
            return value if self.old_model is None else self._parsed(value)
        except OutputParsingError as error:
            error.raw = cast("Any", message)
            raise

    def begin(self, value: Value) -> Value:
        """What is given of a value that is still growing."""
        return value if self.old_model is None else self.old_model.construct(**value)

    def _parsed(self, value: Value) -> Value:
        try:
            return self.old_model.parse_obj(value)
        except ValueError as error:  # pydantic's own kind of it
            raise OutputParsingError(f"the answer does not fit {self.form.name}: {error}") from error

    def _grow(self, messages: Iterator[AIMessage]) -> Iterator[Value]:
        growing = _GrowingAnswer(self)
        for message in messages:
            yield from growing.add(message)
        yield from growing.last()

    async def _agrow(self, messages: AsyncIterator[AIMessage]) -> AsyncIterator[Value]:
        growing = _GrowingAnswer(self)
        async for message in messages:
            for value in growing.add(message):
                yield value
        for value in growing.last():
            yield value


class _GrowingAnswer:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._is_tool = is_tool_asked(reader.request, reader.form.name)
        self._growing = GrowingText(reader.form.hint)
        self._messages: list[AIMessage] = []
        self._pieces: list[str] = []
        self._length = 0
        self._read_at = 0

    def add(self, message: AIMessage) -> list[Value]:
        """The value so far, if the chunk changes it."""
        self._messages.append(message)
        piece = _args_of(message) if self._is_tool else message.text
        self._pieces.append(piece)
        self._length += len(piece)
        if self._length <= self._read_at * (1 + GROWTH):
            return []
        self._read_at = self._length
        text = "".join(self._pieces)
        value = self._growing.read(text if self._is_tool else unfenced(text))
        return [] if value is MISSING else [self._reader.begin(value)]

    def last(self) -> list[Value]:
        """The whole value, unless it is a dict that was shown already."""
        if not self._messages:
            return []
        first, *rest = self._messages
        if rest:
            first = add_ai_message_chunks(cast("AIMessageChunk", first), *cast("list[AIMessageChunk]", rest))
        value = self._reader.read(first)
        return [] if isinstance(value, dict) and value == self._growing.shown else [value]


def _args_of(message: AIMessage) -> str:
    """The piece of a call's arguments in a chunk: the form's tool is the only one that is called."""
    if isinstance(message, AIMessageChunk):
        return "".join(call["args"] or "" for call in message.tool_call_chunks)
    return ""


def reader_of(schema: object, settings: Settings, *, method: str | None, strict: bool | None, validate: bool) -> Reader:
    """The reader for a schema, whose form says how the model is asked for it.

    Raises:
        ConfigurationError: The schema is none, or the method does not exist.
    """
    old_model: Any = None
    if isinstance(schema, type) and is_basemodel_subclass(schema) and not issubclass(schema, BaseModel):
        old_model = cast("Any", schema)
        schema = old_model.schema()
    form = form_of(schema, method=method, strict=strict, validate=validate)
    asked = msgspec.structs.replace(settings, form=form).request([HumanMessage("?")], stream=False)
    pinned: StructuredMethod = "json_schema"
    if is_tool_asked(asked, form.name):
        pinned = "function_calling"
    elif asked.output is not None and asked.output.schema is None:
        pinned = "json_mode"
    form = msgspec.structs.replace(form, method=pinned)
    return Reader(form=form, request=asked, old_model=old_model)


def with_raw(
    model: Runnable[LanguageModelInput, AIMessage], reader: Reader
) -> Runnable[LanguageModelInput, dict[str, Any]]:
    """``{"raw": message, "parsed": value, "parsing_error": error}``, as LangChain gives it."""
    read = RunnablePassthrough.assign(parsed=itemgetter("raw") | reader, parsing_error=_nothing)
    unread = RunnablePassthrough.assign(parsed=_nothing)
    return RunnableMap(raw=model) | read.with_fallbacks([unread], exception_key="parsing_error")


def _nothing(_: Mapping[str, Any]) -> None:
    return None


__all__ = ["Reader", "reader_of", "with_raw"]
