"""The demo: a conversation that streams into the terminal, a batch, and a table of what it cost.

Without a model it starts the loopback simulator and calls it over HTTP like any provider; with one it talks to that.
"""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack, ExitStack
from statistics import median

from tidewire.adapters.script import Call, Pace, Reply
from tidewire.adapters.sim_request import SimRequest
from tidewire.adapters.simulator import Simulator
from tidewire.chat_models import ChatModel, init_chat_model
from tidewire.demo_screen import Screen
from tidewire.events.bus import subscribe
from tidewire.events.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from tidewire.events.types import CONTENT, End, Event, Run, Start
from tidewire.lifetime import aclose

_QUESTION = "Should I take an umbrella to Lisbon today?"
_PACE = Pace(first_token_s=0.15, tokens_per_second=45)
_QUESTIONS = [f"Name one fact about the number {number}." for number in range(1, 17)]


def get_weather(city: str, unit: str = "celsius") -> str:
    """The weather in a city right now."""
    return f"{city}: light rain, 17 degrees {unit}, wind from the west, rain likely until 18:00"


class Times:
    """Notes when each model call began, said its first word and ended: a subscriber of the bus, and no more."""

    def __init__(self) -> None:
        self.started: dict[Run, float] = {}
        self.first: dict[Run, float] = {}
        self.ended: dict[Run, tuple[float, End]] = {}

    def __call__(self, run: Run, event: Event) -> None:
        """Hear an event."""
        if type(event) in CONTENT:
            self.first.setdefault(run, event.time)
        elif isinstance(event, Start):
            self.started[run] = event.time
        elif isinstance(event, End):
            self.ended[run] = (event.time, event)


async def run_demo(model_name: str | None) -> None:
    """Show the demo.

    Args:
        model_name: A real model as ``provider:model``, or None for the simulator.

    Raises:
        TidewireError: A call failed.
    """
    screen = Screen(sys.stdout)
    times = Times()
    async with AsyncExitStack() as later:
        later.push_async_callback(aclose)
        with ExitStack() as stack:
            if model_name is None:
                simulator = stack.enter_context(Simulator(script=_script))
                screen.note(f"a stand-in provider answers on {simulator.url}; it is no language model")
                model = init_chat_model("openai:demo", base_url=f"{simulator.url}/v1", api_key="any", stream_usage=True)
            else:
                screen.note(f"calling {model_name}")
                model = init_chat_model(model_name)
            stack.enter_context(subscribe(times))
            await _converse(screen, model)
            await _batch(screen, model)
    screen.headline("What it took (heard on the bus)")
    screen.table(("call", "model", "tokens in", "out", "first token", "tokens/s", "time"), _rows(times))


async def _converse(screen: Screen, model: ChatModel) -> None:
    screen.headline("A conversation, as it streams")
    messages: list[BaseMessage] = [HumanMessage(_QUESTION)]
    screen.said("you", _QUESTION)
    bound = model.bind_tools([get_weather])
    answer = await _show(screen, bound, messages, "question")
    messages.append(answer)
    for call in answer.tool_calls:
        result = get_weather(**call["args"])
        screen.said("get_weather", result)
        messages.append(ToolMessage(result, tool_call_id=call["id"] or "", name=call["name"]))
    if answer.tool_calls:
        await _show(screen, bound, messages, "answer")


async def _show(screen: Screen, model: ChatModel, messages: list[BaseMessage], run_name: str) -> AIMessage:
    """Stream one answer onto the screen; gives the whole message."""
    stream = model.astream(messages, {"run_name": run_name})
    async with stream:
        async for chunk in stream:
            for block in chunk.content_blocks:
                match block["type"]:
                    case "reasoning":
                        screen.piece("thinking", block.get("reasoning", ""))
                    case "text":
                        screen.piece("model", block["text"])
                    case "tool_call_chunk":
                        screen.piece(
                            "tool call", f"{block['name'] or ''}{'(' if block['name'] else ''}{block['args'] or ''}"
                        )
                    case _:
                        pass  # the demo's model sends nothing else
        message = await stream.result()
    if message.tool_calls:
        screen.piece("tool call", ")")
    screen.end_piece()
    return message


async def _batch(screen: Screen, model: ChatModel) -> None:
    screen.headline(f"A batch of {len(_QUESTIONS)}, as completed, 4 at once")
    done = 0
    async with model.abatch_as_completed(_QUESTIONS, {"max_concurrency": 4, "run_name": "batch"}) as results:
        async for index, message in results:
            done += 1
            screen.progress(done, len(_QUESTIONS), f"#{index + 1}: {message.text}")
    screen.end_progress()


def _script(request: SimRequest) -> Reply:
    """What the simulator says in the demo."""
    last = request.messages[-1]
    if last.role == "tool":
        text = f"Yes. It says: {last.text}. An umbrella is light; a wet coat is not."
        return Reply(text=text, reasoning="The tool has answered; rain until evening settles it.", pace=_PACE)
    if request.tools:
        call = Call("get_weather", {"city": "Lisbon", "unit": "celsius"})
        thought = "The weather changes by the hour, so I look it up rather than guess."
        return Reply(reasoning=thought, text="Let me look at the sky over Lisbon.", tool_calls=[call], pace=_PACE)
    longer = sum(map(ord, last.text)) * 7 % 24  # so that later questions may be answered before earlier ones
    return Reply(tokens=6 + longer, pace=Pace(first_token_s=0.05, tokens_per_second=60))


def _rows(times: Times) -> list[tuple[str, ...]]:
    """A row for each kind of call, by run name, and one for all; times are medians where there are several."""
    by_name: dict[str, list[Run]] = {}
    for run in times.ended:
        by_name.setdefault(run.name, []).append(run)
    rows = [_row(f"{name} × {len(runs)}" if len(runs) > 1 else name, runs, times) for name, runs in by_name.items()]
    return [*rows, _row("all", list(times.ended), times)]


def _row(name: str, runs: list[Run], times: Times) -> tuple[str, ...]:
    ends = [times.ended[run] for run in runs]
    spoken = [end.usage.output_tokens if end.usage is not None else 0 for _, end in ends]
    heard = [end.usage.input_tokens if end.usage is not None else 0 for _, end in ends]
    first = [times.first.get(run, ended) for run, (ended, _) in zip(runs, ends, strict=True)]
    waits = [began - times.started[run] for run, began in zip(runs, first, strict=True)]
    speeds = [
        out / (ended - began) for out, began, (ended, _) in zip(spoken, first, ends, strict=True) if ended > began
    ]
    totals = [ended - times.started[run] for run, (ended, _) in zip(runs, ends, strict=True)]
    return (
        name,
        runs[0].model or "",
        str(sum(heard)),
        str(sum(spoken)),
        f"{median(waits) * 1000:.0f} ms",
        f"{median(speeds):.0f}" if speeds else "-",
        f"{median(totals) * 1000:.0f} ms",
    )


__all__ = ["Times", "run_demo"]
