"""What was heard of a simulated run, held against what the network knows to be true."""

from __future__ import annotations

from tests.events.grammar import check_grammar
from tests.simulation.network import Network, Sent
from tidewire.events.messages import AIMessage
from tidewire.events.types import End, Event, Retry, Run, Start, Token
from tidewire.events.usage import UsageMetadataCallbackHandler

#: Prompts that begin so are asked by several callers, who share the answers.
SHARED = "shared"


class Ledger:
    """A subscriber that writes down every run.

    Args:
        network: What answers.
        requests_each: The most requests that one call may cost.
    """

    def __init__(self, network: Network, requests_each: int) -> None:
        self._network = network
        self._requests_each = requests_each
        self.runs: dict[Run, list[Event]] = {}
        self.usage = UsageMetadataCallbackHandler()
        #: What happened, in order: the same for the same seed.
        self.trace: list[str] = []

    def __call__(self, run: Run, event: Event) -> None:
        self.runs.setdefault(run, []).append(event)
        self.usage(run, event)
        self.trace.append(f"{run.name} {event.seq} {type(event).__name__} {event.time:.6f}")
        if isinstance(event, End) and run.kind == "chat_model":
            prompt = self._prompt(run)
            if not prompt.startswith(SHARED) and any(sent.is_open for sent in self._network.asked(prompt)):
                self.trace.append("end came before the connection was closed")

    def named(self, name: str) -> list[list[Event]]:
        """The events of the runs of a name, run by run."""
        return [events for run, events in self.runs.items() if run.name == name]

    def check(self) -> None:
        """Fail unless what was heard holds what is promised of every run."""
        assert "end came before the connection was closed" not in self.trace, self.trace[-1]
        for run, events in self.runs.items():
            check_grammar(events, run.kind)
            if run.kind == "chat_model":
                self._check_call(self._prompt(run), events)
        self._check_usage()
        open_ones = [sent.prompt for sent in self._network.sent if sent.is_open]
        assert not open_ones, f"left open: {open_ones}"

    def _check_call(self, prompt: str, events: list[Event]) -> None:
        sent = self._network.asked(prompt)
        end = events[-1]
        assert isinstance(end, End)
        text = "".join(event.text for event in events[_begin_of_answer(events) :] if isinstance(event, Token))
        message = end.output
        if message is not None:
            assert isinstance(message, AIMessage)
            assert message.text == text, f"{prompt}: the end says {message.text!r}, the events said {text!r}"
        if end.error is not None and getattr(end.error, "partial", None) is not None:
            assert getattr(end.error, "partial").text == text, f"{prompt}: a partial answer that is not what was said"  # noqa: B009 - it has no public name, or no type
        if not prompt.startswith(SHARED):
            assert len(sent) <= self._requests_each, f"{prompt}: {len(sent)} requests"
        if end.outcome == "ok":
            assert isinstance(message, AIMessage)
            self._check_whole(prompt, message, sent, end)
        elif text:
            assert any(one.text.startswith(text) for one in sent), f"{prompt}: nobody said {text!r}"

    def _check_whole(self, prompt: str, message: AIMessage, sent: list[Sent], end: End) -> None:
        whole = [one for one in sent if one.text == message.text]
        assert whole, f"{prompt}: nobody answered {message.text!r}"
        (answer,) = whole
        assert answer.is_whole or answer.is_finished, f"{prompt}: a part of an answer passed for the whole"
        calls = [] if answer.call is None else [answer.call]
        assert [call["args"] for call in message.tool_calls] == calls, f"{prompt}: other calls than were sent"
        if prompt.startswith(SHARED):
            return
        assert answer is sent[-1], f"{prompt}: there was a request after the answer"
        if answer.is_whole:
            assert end.usage is not None
            counted = (end.usage.input_tokens, end.usage.output_tokens)
            assert counted == answer.tokens, f"{prompt}: {counted} tokens counted, {answer.tokens} reported"

    def _check_usage(self) -> None:
        ends = [events[-1] for events in self.runs.values()]
        usages = [end.usage for end in ends if isinstance(end, End) and end.usage is not None]
        totals = self.usage.usage_metadata.values()
        for name in ("input_tokens", "output_tokens"):
            heard = sum(getattr(usage, name) or 0 for usage in usages)
            assert sum(total[name] for total in totals) == heard, f"{name} do not add up"

    def _prompt(self, run: Run) -> str:
        start = self.runs[run][0]
        assert isinstance(start, Start)
        text: str = start.input[-1].text
        return text


def _begin_of_answer(events: list[Event]) -> int:
    """Where the answer begins that counts: behind the last retry that discards what was said before it."""
    places = [place for place, event in enumerate(events) if isinstance(event, Retry)]
    return places[-1] + 1 if places else 0


__all__ = ["SHARED", "Ledger"]
