"""The form that an answer is asked for in: told to the provider by one of three methods, and read from its answer.

``json_schema``       the provider holds the answer to the schema
``function_calling``  the schema is a tool that must be called; its arguments are the answer
``json_mode``         the provider makes any JSON object; the prompt has to say which
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast, get_args

import msgspec

from tidewire.adapters.closed_schema import closed_schema
from tidewire.adapters.schema_check import problems
from tidewire.adapters.spec import Adapter, ModelRequest, OutputSchema, ToolSpec
from tidewire.class_fields import fields_of
from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ConfigurationError, OutputParsingError, RefusalError
from tidewire.events.json_depth import DEPTH_LIMIT, is_too_deep
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from tidewire.events.types import FinishReason
from tidewire.schema_forms import strict_schema, without_nulls
from tidewire.schema_keywords import check_keywords
from tidewire.tool_binding import schema_name
from tidewire.type_hints import TypeHint, Value
from tidewire.type_schema import schema_of_type
from tidewire.typed_values import Reading

#: How a form is told to the provider.
StructuredMethod: TypeAlias = Literal["json_schema", "function_calling", "json_mode"]

_METHODS: tuple[str, ...] = get_args(StructuredMethod)


class Form(msgspec.Struct, frozen=True):
    """A form for answers.

    Attributes:
        name: What it is called.
        schema: Its JSON Schema.
        hint: The type of what is read, or None for plain JSON.
        description: What it stands for.
        method: How it is told, or None to choose by what the model can do.
        strict: Whether the provider is asked to hold the answer to the schema; None leaves it to the kind of schema.
        include_raw: Whether the answer comes with its message, and errors as data.
        validate: Whether plain JSON is checked against the schema.
    """

    name: str
    schema: JSONObject
    hint: TypeHint | None = None
    description: str = ""
    method: StructuredMethod | None = None
    strict: bool | None = None
    include_raw: bool = False
    validate: bool = True

    def asked_of(self, adapter: Adapter, facts: JSONObject, request: ModelRequest) -> ModelRequest:
        """The request, with the form told to the provider.

        Args:
            adapter: The provider.
            facts: The model's profile.
            request: What is asked besides.
        """
        method = self.method or self._choose(adapter, facts, request)
        match method:
            case "json_schema":
                return msgspec.structs.replace(request, output=self._output())
            case "json_mode":
                output = OutputSchema(self.name, None, self.description)
                # Who asks for the mode tells the form in the prompt; where nobody did, nobody has.
                messages = request.messages if self.method else with_words(request.messages, self._words())
                return msgspec.structs.replace(request, output=output, messages=messages)
            case "function_calling":
                asked = msgspec.structs.replace(
                    request,
                    tools=(*(tool for tool in request.tools if getattr(tool, "name", None) != self.name), self._tool()),
                    tool_choice=("tool", self.name),
                )
                alone = msgspec.structs.replace(asked, parallel_tool_calls=False)
                return alone if request.parallel_tool_calls is None and _can_spell(adapter, alone) else asked

    def options_of(self, request: ModelRequest) -> JSONObject:
        """What handlers are told of the form that a request asks for, as the field has it."""
        output = request.output
        method = "function_calling" if output is None else "json_mode" if output.schema is None else "json_schema"
        kwargs: JSONObject = {"method": method} if self.strict is None else {"method": method, "strict": self.strict}
        return {"ls_structured_output_format": {"kwargs": kwargs, "schema": self.schema}}

    def _choose(self, adapter: Adapter, facts: JSONObject, request: ModelRequest) -> StructuredMethod:
        known = facts.get("structured_output")
        if known in _METHODS:
            return cast("StructuredMethod", known)
        methods: list[StructuredMethod] = ["json_schema", "function_calling", "json_mode"]
        if known is False:
            methods.remove("json_schema")
        if facts.get("tool_calling") is False:
            methods.remove("function_calling")
        for method in methods:
            asked = msgspec.structs.replace(self, method=method).asked_of(adapter, facts, request)
            if _can_spell(adapter, asked):
                return method
        return methods[0]

    def _output(self) -> OutputSchema:
        fields = None if self.hint is None else fields_of(self.hint)
        strict = self.strict
        schema = strict_schema(self.schema) if strict is not False else None
        if strict is None:
            # A plain schema may leave things open that strict decoding cannot, and a TypedDict is meant as one.
            strict = schema is not None and fields is not None and fields.kind != "typed_dict"
        elif schema is None and strict:
            schema = closed_schema(self.schema)
        return OutputSchema(self.name, schema if strict and schema else self.schema, self.description, strict)

    def _words(self) -> str:
        """The form for a model that can only be told of it."""
        about = f" ({self.description})" if self.description else ""
        schema = json.dumps(self.schema, ensure_ascii=False)
        return f"Answer with one JSON object, {self.name}{about}, and nothing else. It fits this JSON Schema:\n{schema}"

    def _tool(self) -> ToolSpec:
        schema = self.schema
        if self.strict:
            schema = strict_schema(schema) or closed_schema(schema)
        return ToolSpec(self.name, self.description, {"type": "object", "properties": {}, **schema}, self.strict)

    def parse(self, message: AIMessage, finish: FinishReason | None, request: ModelRequest) -> Value:
        """What an answer says.

        Args:
            message: The answer.
            finish: Why the model stopped.
            request: What was asked.

        Raises:
            RefusalError: The model refused.
            OutputParsingError: The answer is cut, is no JSON, or does not fit; it names the field.
        """
        if finish == "refusal":
            refusal: JSON = message.response_metadata.get("refusal")
            raise RefusalError(refusal if isinstance(refusal, str) and refusal else message.text or "the model refused")
        if finish == "length":
            raise OutputParsingError("the answer was cut off by the token limit")
        if finish == "content_filter":
            raise OutputParsingError("the provider's content filter ended the answer")
        if is_tool_asked(request, self.name):
            return self.read(self._called(message))
        text = message.text
        if not text.strip():
            called = ", ".join(repr(call["name"]) for call in message.tool_calls)
            raise OutputParsingError(
                f"the model called {called} instead of answering" if called else "the model's answer is empty"
            )
        return self.read(_decoded(unfenced(text)))

    def _called(self, message: AIMessage) -> JSONObject:
        """The arguments of the first call of the form's tool."""
        for block in message.content_blocks:
            if block["type"] == "tool_call" and block["name"] == self.name:
                return block["args"]
            if block["type"] == "invalid_tool_call" and block["name"] == self.name:
                raise OutputParsingError(f"the call of {self.name!r} could not be read: {block['error']}")
        raise OutputParsingError(f"the model did not call {self.name!r}")

    def read(self, value: JSON) -> Value:
        """A JSON value in this form.

        Raises:
            OutputParsingError: It does not fit; names the field.
        """
        if not self.validate and (self.hint is None or _is_typed_dict(self.hint)):
            return value
        if self.hint is None:
            made = without_nulls(value, self.schema) if self.strict else value
            wrong = [problem.removeprefix("$.").removeprefix("$: ") for problem in problems(made, self.schema)]
        else:
            reading = Reading()
            made = reading.read(value, self.hint)
            wrong = reading.problems
        if wrong:
            raise OutputParsingError(f"the answer does not fit {self.name}: {'; '.join(wrong)}")
        return made


def form_of(
    schema: object,
    *,
    method: str | None = None,
    include_raw: bool = False,
    strict: bool | None = None,
    validate: bool = True,
) -> Form:
    """The form that a schema stands for: a class, a JSON Schema, or a tool's dict in a usual form.

    Raises:
        ConfigurationError: It is none of these, uses a keyword that is not known, or the method does not exist.
    """
    if method is not None and method not in _METHODS:
        raise ConfigurationError(f"method is {', '.join(map(repr, _METHODS))}, not {method!r}")
    known = cast("StructuredMethod | None", method)
    form = _of_dict(cast("Mapping[str, Any]", schema)) if isinstance(schema, Mapping) else _of_class(schema)
    if form.hint is None and validate:
        check_keywords(form.schema)
    return msgspec.structs.replace(
        form,
        method=known,
        include_raw=include_raw,
        strict=form.strict if strict is None else strict,
        validate=validate,
    )


def _of_class(hint: object) -> Form:
    fields = fields_of(hint)
    if fields is None and not (isinstance(hint, type) and hasattr(hint, "__is_pydantic_dataclass__")):
        raise ConfigurationError(
            "a schema is a class with fields (pydantic, TypedDict, dataclass, msgspec.Struct) or a JSON Schema, not "
            f"{getattr(hint, '__name__', repr(hint))}"
        )
    schema = schema_of_type(hint)
    description = schema.pop("description", "")
    return Form(schema_name(getattr(hint, "__name__", "answer")), schema, hint, description)


def _of_dict(given: Mapping[str, Any]) -> Form:
    inner = given.get("function", given.get("json_schema"))
    if given.get("type") in ("function", "json_schema") and isinstance(inner, Mapping):
        return _of_dict(cast("Mapping[str, Any]", inner))
    for key in ("parameters", "input_schema", "schema"):
        if isinstance(given.get("name"), str) and isinstance(given.get(key), Mapping):
            name, schema = given["name"], dict(given[key])
            return Form(name, schema, description=given.get("description") or "", strict=given.get("strict"))
    if not given.keys() & {"type", "properties", "anyOf", "$ref"}:
        raise ConfigurationError(f"a JSON Schema has a type or properties; the dict has the keys {sorted(given)}")
    schema = {key: value for key, value in given.items() if key not in ("title", "description")}
    return Form(schema_name(str(given.get("title") or "answer")), schema, description=given.get("description") or "")


def with_words(messages: Sequence[BaseMessage], words: str) -> list[BaseMessage]:
    """The messages with these words at the end of the system message at the beginning, or as one."""
    first = messages[0] if messages else None
    if not isinstance(first, SystemMessage):
        return [SystemMessage(words), *messages]
    content = first.content
    told = f"{content}\n\n{words}" if isinstance(content, str) else [*content, words]
    return [first.model_copy(update={"content": told}), *messages[1:]]


def is_tool_asked(request: ModelRequest, name: str) -> bool:
    """Whether the form was told as a tool that must be called."""
    return request.tool_choice == ("tool", name) and request.output is None


def unfenced(text: str) -> str:
    """The text without the fence of a code block around it, which models write although they are asked for JSON."""
    text = text.strip()
    if text.startswith("```"):
        text = text.partition("\n")[2].rstrip().removesuffix("```")
    return text


def _is_typed_dict(hint: TypeHint) -> bool:
    fields = fields_of(hint)
    return fields is not None and fields.kind == "typed_dict"


def _decoded(text: str) -> JSON:
    if is_too_deep(text.encode("utf-8", "surrogatepass")):
        raise OutputParsingError(f"the answer is not valid JSON: nested deeper than {DEPTH_LIMIT}")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise OutputParsingError(f"the answer is not valid JSON: {error}") from error


def _no_constant(word: str) -> JSON:
    raise ValueError(f"{word} is not JSON")


def _can_spell(adapter: Adapter, request: ModelRequest) -> bool:
    """Whether the provider's wire format has words for what a request asks, whatever the conversation."""
    try:
        codec, asked = adapter.choose(msgspec.structs.replace(request, messages=[HumanMessage("?")]))
        codec.encode(asked)
    except ConfigurationError:
        return False
    return True


__all__ = ["Form", "StructuredMethod", "form_of", "is_tool_asked", "unfenced"]
