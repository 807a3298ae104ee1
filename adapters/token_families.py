"""Which weights the tokens of a model's family have, by the model's name.

The numbers were fitted to what providers counted of recorded answers and requests, all but a few of them in English
(``docs/messages.md`` says how near they come). Those of other scripts follow from what is published of the tokenizers.
"""

from __future__ import annotations

import re

from tidewire.events.token_counts import TokenWeights

# The first pattern that is found in the name counts.
_FAMILIES: tuple[tuple[str, TokenWeights], ...] = (
    # A prompt of some 340 tokens goes with tools. An image has (width x height) / 750 tokens, 1,600 at most.
    (
        r"claude",
        TokenWeights(
            ideograph=1.2, scale=1.1, request=5, message=2, medium=1600, tools=440, tool=40, tool_json=0.35
        ),
    ),
    # Each digit is a token. An image of up to 384 pixels has 258 tokens, as has each tile of a larger one.
    (r"gemini|gemma", TokenWeights(number=1, more_digits=1, ideograph=0.7, request=0, message=1, medium=258, tool=4)),
    (r"mistral|mixtral|ministral|codestral|devstral|magistral|pixtral", TokenWeights(
        number=1, more_digits=1, request=5, message=5, tool=0, tool_json=1.1
    )),
    (r"llama", TokenWeights(request=14, message=10, tools=400, tool=0, tool_json=1)),
    (r"deepseek", TokenWeights(ideograph=0.6, request=4, message=2, tools=200, tool=0, tool_json=1)),
    (r"qwen|qwq", TokenWeights(ideograph=0.6, request=4, message=5, tools=120, tool=0, tool_json=1.2)),
    # These have a long prompt of their own.
    (r"gpt-oss", TokenWeights(request=64, tool=8, tool_json=0.5)),
)  # fmt: skip
_OTHERS = TokenWeights()


def token_weights(model: str) -> TokenWeights:
    """The weights for a model; those of OpenAI's models for one of an unknown family."""
    name = model.lower()
    return next((weights for pattern, weights in _FAMILIES if re.search(pattern, name)), _OTHERS)


__all__ = ["token_weights"]
