"""What the stand-in writes when nobody told it what: words about the request, from its counts and a seed.

It never claims to be a language model, and it understands nothing: it counts. Its tokens are pieces of words, cut the
same way for counting and for sending, so that the number of pieces sent is the number reported.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from tidewire.adapters.sim_request import SimMessage, SimRequest

# Up to 8 characters of a word, or one other sign, each with the space before it.
_PIECES = re.compile(r" ?\w{1,8}| ?[^\w\s]|\s")

_OPENINGS = (
    "This is the embedded stand-in speaking, not a language model.",
    "No model was asked: this answer comes from tidewire's stand-in.",
    "You have reached the stand-in, which counts but does not think.",
)
_CLOSINGS = (
    "A real model would say something wiser here.",
    "The same request will always get these words.",
    "Another seed would have put it differently.",
)
_SUBJECTS = (
    "The tide",
    "A quiet harbour",
    "The ferry",
    "A grey heron",
    "The lighthouse",
    "An old chart",
    "The north wind",
)
_VERBS = ("waits for", "passes", "remembers", "follows", "turns towards", "outlasts", "listens to")
_OBJECTS = (
    "the morning",
    "the outer reef",
    "a late boat",
    "the long pier",
    "the spring flood",
    "its own echo",
    "the rain",
)


def tokens(text: str) -> list[str]:
    """The text in the stand-in's tokens; joined again they are the text.

    About what a tokenizer gives for English: 8 characters of a word at most, a sign, or white space by itself.
    """
    return _PIECES.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens a text has."""
    return sum(1 for _ in _PIECES.finditer(text))


def describe(request: SimRequest, random: Random) -> str:
    """An answer that tells the request's shape."""
    last = request.messages[-1]
    system = next((message for message in request.messages if message.role == "system"), None)
    media = [kind for message in request.messages for kind in message.media]
    said = [random.choice(_OPENINGS)]
    said.append(
        f"It was sent {_counted(len(request.messages), 'message')}, "
        f"the last one from the {last.role} and {_counted(len(last.text.split()), 'word')} long."
    )
    if system is not None:
        said.append(f"The instructions have {_counted(len(system.text.split()), 'word')}.")
    if media:
        said.append(f"With them came {_counted(len(media), 'attachment')}: {', '.join(media)}.")
    if request.tools:
        said.append(f"It could have called {_listed([tool.name for tool in request.tools])}.")
    said.extend(_sentence(random) for _ in range(random.randint(1, 3)))
    said.append(random.choice(_CLOSINGS))
    return " ".join(said)


def report_results(results: Sequence[tuple[str, SimMessage]], random: Random) -> str:
    """An answer that passes on what tools gave back, each with its tool's name."""
    said = [f"{name} {'failed with' if message.failed else 'gave back'}: {message.text}" for name, message in results]
    opening = random.choice(("Here is what came back.", "The tools have answered.", "This is what the tools say."))
    return "\n".join([opening, *said])


def think(request: SimRequest, called: Sequence[str], random: Random) -> str:
    """Reasoning before an answer or before tool calls."""
    start = random.choice(("Let me see what is asked.", "First I look at the request.", "One step at a time."))
    if called:
        then = f"{_listed(called)} can help, so I call {'it' if len(called) == 1 else 'them'} before I answer."
    elif request.messages[-1].role == "tool":
        then = "The results are here, so I can pass them on."
    elif request.output is not None:
        then = "The answer must have a certain form, so I fill that in."
    else:
        then = "No tool is needed; I count what I was sent and say so."
    return f"{start} {then}"


def ramble(count: int, random: Random) -> list[str]:
    """Exactly ``count`` tokens of prose, for answers of a wished length."""
    pieces: list[str] = []
    while len(pieces) < count:
        sentence = _sentence(random)
        pieces.extend(tokens(f" {sentence}" if pieces else sentence))
    return pieces[:count]


def _sentence(random: Random) -> str:
    return f"{random.choice(_SUBJECTS)} {random.choice(_VERBS)} {random.choice(_OBJECTS)}."


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


__all__ = ["count_tokens", "describe", "ramble", "report_results", "think", "tokens"]
