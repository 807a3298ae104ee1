"""How many tokens texts and messages have, told from their characters: without a tokenizer, and without a network.

Two ways. :func:`count_tokens_approximately` divides characters by a number, as the field does. A
:class:`TokenWeights` looks at what the characters are: words, numbers, marks, line breaks. That is nearer by a factor
of two to three; how near is written in ``docs/messages.md``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import msgspec

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.convert import ModelInput, convert_to_messages
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, BaseMessage, ToolMessage

# The pieces that weights are for, in the order of the groups of the pattern.
_PIECE = re.compile(
    r"([A-Za-z]+)|([0-9]+)|([ ](?=\S))|(\s+)|([\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef])"
    r"|([^\W\d_a-zA-Z]+)|([!-/:-@\[-`{-~]+)|(.)",
    re.DOTALL,
)
_SHORT_WORD = 6


class TokenWeights(msgspec.Struct, frozen=True):
    """What the pieces of a text weigh in tokens, and what a request costs besides its texts.

    Attributes:
        word: A word of Latin letters without accents.
        more_letters: Each letter of it beyond the sixth.
        number: A number.
        more_digits: Each digit of it beyond the first.
        space: Line breaks and spaces in a row; a single space belongs to the word after it.
        marks: Punctuation in a row.
        more_marks: Each character of it beyond the first.
        ideograph: A character of Chinese, Japanese or Korean.
        letter: A letter of another script, or with an accent.
        other: Any other character, such as an emoji.
        scale: By what all that is multiplied.
        request: A request, whatever is in it.
        message: A message, beside its content.
        medium: An image, or any other attachment.
        tools: A request that has tools at all.
        tool: Each tool, beside its description.
        tool_json: What a token of a tool's description as JSON weighs.
    """

    word: float = 1.0
    more_letters: float = 0.1
    number: float = 1.3
    more_digits: float = 0.4
    space: float = 1.0
    marks: float = 0.9
    more_marks: float = 0.2
    ideograph: float = 0.9
    letter: float = 0.5
    other: float = 1.5
    scale: float = 1.0
    request: float = 3.0
    message: float = 4.0
    medium: float = 765.0
    tools: float = 0.0
    tool: float = 8.0
    tool_json: float = 0.5

    def of_text(self, text: str) -> float:
        """The tokens of a text."""
        total = 0.0
        for piece in _PIECE.finditer(text):
            length = piece.end() - piece.start()
            match piece.lastindex:
                case 1:
                    total += self.word + self.more_letters * max(0, length - _SHORT_WORD)
                case 2:
                    total += self.number + self.more_digits * (length - 1)
                case 4:
                    total += self.space
                case 5:
                    total += self.ideograph
                case 6:
                    total += self.letter * length
                case 7:
                    total += self.marks + self.more_marks * (length - 1)
                case 8:
                    total += self.other
                case _:
                    pass  # a single space
        return total * self.scale

    def of_request(
        self,
        messages: Iterable[BaseMessage],
        tools: Sequence[JSONObject] = (),
        *,
        of_text: Callable[[str], float] | None = None,
    ) -> int:
        """The tokens of a conversation, and of the tools that go with it.

        Args:
            messages: The conversation.
            tools: The tools, each as the provider is told of it.
            of_text: Counts the tokens of a text, where somebody knows better than the weights.
        """
        count = of_text or self.of_text
        total = self.request + sum(self._of_message(message, count) for message in messages)
        if tools:
            total += self.tools + sum(self.tool + self.tool_json * count(_json(tool)) for tool in tools)
        return math.ceil(total)

    def _of_message(self, message: BaseMessage, of_text: Callable[[str], float]) -> float:
        total = self.message + (of_text(message.name) if message.name else 0.0)
        for block in message.content_blocks:
            match block["type"]:
                case "text":
                    total += of_text(block["text"])
                case "reasoning":
                    total += of_text(block.get("reasoning", ""))
                case "image" | "audio" | "video" | "file":
                    total += self.medium
                case "text-plain":
                    total += of_text(block.get("text", ""))
                case _:
                    fields = cast("JSONObject", block)
                    total += of_text(_json({key: fields[key] for key in fields if key != "type"}))
        return total


def count_tokens_approximately(
    messages: ModelInput,
    *,
    chars_per_token: float = 4.0,
    extra_tokens_per_message: float = 3.0,
    count_name: bool = True,
    tokens_per_image: int = 85,
    use_usage_metadata_scaling: bool = False,
    tools: Sequence[JSON] | None = None,
) -> int:
    """About as many tokens as messages have: their characters, divided. Fast, and far off for other scripts and code.

    A model's ``get_num_tokens_from_messages`` is nearer.

    Args:
        messages: The conversation, in any form that a model takes.
        chars_per_token: Characters that make a token.
        extra_tokens_per_message: Tokens of each message besides.
        count_name: Count the names of messages.
        tokens_per_image: Tokens of an image, or any other attachment.
        use_usage_metadata_scaling: Scale the count by what the provider counted of this conversation: by the
            ``usage_metadata`` of the last answer, if all answers are of one provider. It only makes the count larger.
        tools: Tools that go with the messages, as dicts.

    Raises:
        ConfigurationError: ``chars_per_token`` is not above 0.
    """
    if not chars_per_token > 0:
        raise ConfigurationError(f"chars_per_token is a number above 0, not {chars_per_token!r}")
    given = convert_to_messages(messages)
    total = 0.0
    reported: tuple[int, float] | None = None
    if tools:
        total += math.ceil(sum(len(_json(tool)) for tool in tools) / chars_per_token)
    for message in given:
        characters, media = _size_of(message)
        if message.name and count_name:
            characters += len(message.name)
        total += math.ceil(characters / chars_per_token) + extra_tokens_per_message + media * tokens_per_image
        if isinstance(message, AIMessage) and message.usage_metadata is not None:
            reported = (message.usage_metadata["total_tokens"], total)
    if use_usage_metadata_scaling and reported is not None and len(_providers(given)) == 1 and reported[1] > 0:
        total *= max(1.0, reported[0] / reported[1])
    return math.ceil(total)


def _size_of(message: BaseMessage) -> tuple[int, int]:
    """The characters of a message's role and content, and its attachments."""
    role = {"human": "user", "ai": "assistant"}.get(message.type, message.type)
    characters, media = len(role), 0
    if isinstance(message, ToolMessage):
        characters += len(message.tool_call_id)
    for block in message.content_blocks:
        match block["type"]:
            case "text":
                characters += len(block["text"])
            case "image" | "audio" | "video" | "file":
                media += 1
            case _:
                characters += len(_json(block))
    return characters, media


def _providers(messages: Iterable[BaseMessage]) -> set[object]:
    return {
        message.response_metadata.get("model_provider")
        for message in messages
        if isinstance(message, AIMessage) and message.usage_metadata is not None
    }


def _json(value: object) -> str:
    """A value as JSON; what has no form in it, by its repr."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)


__all__ = ["TokenWeights", "count_tokens_approximately"]
