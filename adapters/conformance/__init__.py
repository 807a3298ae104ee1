"""The checks that every adapter must pass, for authors of adapters to run in their own tests.

    from tidewire import init_chat_model
    from tidewire.adapters.conformance import Recording, conformance_tests
    from tidewire.events import Usage

    globals().update(
        conformance_tests(
            ADAPTER,
            init_chat_model,
            model="grey-1",
            recordings=[Recording(name="hello", body=b"…", text="Hello", usage=Usage(5, 2, 7))],
        )
    )

pytest collects the functions as tests of that file; without pytest, call them. They need neither network nor key, try
the same cuts and changes each time, and say in their error what is wrong and how to mend it.

    recording   a recorded reply, what it holds, and what a codec makes of it
    replies     decoding: any cut, any truncation, broken bytes, what is declared
    cuts        … how bytes are cut and changed
    grammar     … and what events may look like
    requests    encoding
    samples     … of these requests
    refusals    errors by status
    calls       whole calls through the pump, on each event loop that is installed
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from tidewire.adapters.conformance.calls import Calls, MakeModel, Model, event_loops
from tidewire.adapters.conformance.recording import ConformanceError, Recording
from tidewire.adapters.conformance.refusals import Refusals
from tidewire.adapters.conformance.replies import Replies
from tidewire.adapters.conformance.requests import Requests
from tidewire.adapters.conformance.samples import SAMPLES
from tidewire.adapters.spec import Adapter
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError

#: Tests by name: functions without arguments.
Tests: TypeAlias = dict[str, Callable[[], None]]


def conformance_tests(
    adapter: Adapter,
    make_model: MakeModel,
    *,
    model: str,
    recordings: Sequence[Recording],
    base_url: str | None = None,
    parameters: JSONObject | None = None,
    effort: int = 100,
) -> Tests:
    """The tests of an adapter by name, each a function without arguments that raises where the adapter is wrong.

    A name is the rule and, in brackets, what it is tried on. Where a rule does not hold for a good reason, take its
    tests out of the dict and say why.

    Args:
        adapter: The adapter. Of one that chooses among codecs, ``codec`` is tested: hand in a copy for each.
        make_model: ``tidewire.init_chat_model``, or a function that passes more keywords to it, such as
            ``retry=RetryPolicy(random=lambda: 0.0)``, which tries again without a wait.
        model: The name of a model.
        recordings: Replies, at least one of which is an answer.
        base_url: Where requests go, if not to the adapter's own address.
        parameters: A value for each parameter that only this provider has and whose value cannot be guessed.
        effort: How many random cuts, truncations and changes of bytes are tried on each recording.

    Raises:
        ConfigurationError: There is no recording of an answer, or two have the same name.
    """
    names = [recording.name for recording in recordings]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"two recordings have the same name: {sorted(names)}")
    answers = [one for one in recordings if one.error is None and one.status < 400]
    if not answers:
        raise ConfigurationError("conformance_tests needs a recording of an answer, streamed if the provider streams")
    url = base_url or adapter.base_url
    tests: Tests = {}

    def add(rule: str, on: str | None, check: Callable[[], None]) -> None:
        name = f"test_{rule.replace(' ', '_')}" + (f"[{on}]" if on is not None else "")
        tests[name] = _test(name, check)

    for recording in recordings:
        replies = Replies(adapter.codec, recording, effort)
        add("a reply is read as declared", recording.name, replies.is_as_declared)
        add("events keep to the grammar", recording.name, replies.keeps_to_the_grammar)
        add("any cut gives the same events", recording.name, replies.is_the_same_at_any_cut)
        add("nothing is read behind the end", recording.name, replies.is_over_at_its_end)
        add("every truncation is told", recording.name, replies.tells_every_truncation)
        add("broken bytes give events or errors", recording.name, replies.survives_broken_bytes)
        if recording.same_answer_as is not None:
            other = _named(recordings, recording.same_answer_as)
            add("plain and streamed are the same answer", recording.name, partial(replies.says_the_same_as, other))
    requests = Requests(adapter, model, url, parameters or {})
    for sample in SAMPLES:
        add("a request is spelled or refused", sample.name, partial(requests.is_spelled_or_refused, sample))
        add("nothing of a request is lost", sample.name, partial(requests.loses_nothing, sample))
        add("encoding is pure", sample.name, partial(requests.is_pure, sample))
    for name in sorted(adapter.codec.parameters):
        add("a parameter is spelled", name, partial(requests.spells_parameter, name))
        add("a wrong value is named", name, partial(requests.takes_any_value, name))
    refusals = Refusals(adapter.codec)
    add("a status is the error of its family", None, refusals.statuses_have_their_family)
    add("a hostile body is an error", None, refusals.hostile_bodies_are_errors)
    add("the wait asked for is read", None, refusals.the_wait_asked_for_is_read)
    add("a request id needs no headers", None, refusals.needs_no_headers)
    for loop in event_loops():
        calls = Calls(adapter, make_model, model, url, loop)
        first = next((one for one in answers if one.streamed and one.text), answers[0])
        for recording in recordings:
            where = f"{recording.name}, {loop}"
            if recording not in answers:
                add("an error is raised", where, partial(calls.raises_what_is_declared, recording))
                continue
            add("a call gives the answer", where, partial(calls.answers_alike, recording))
            if recording.streamed:
                add("a cut call is told", where, partial(calls.tells_a_cut, recording))
                add("a cancelled call stops", where, partial(calls.stops_when_cancelled, recording))
                add("a stream that is left stops", where, partial(calls.stops_when_left, recording))
        add("a call is tried again before content", loop, partial(calls.tries_again_before_content, first))
        add("a wrong key is told", loop, calls.tells_a_wrong_key)
        add("the key is not shown", loop, partial(calls.keeps_the_key, first))
    return tests


def _test(name: str, check: Callable[[], None]) -> Callable[[], None]:
    """The check as a plain function of that name, which is what pytest collects."""

    def test() -> None:
        check()

    test.__name__ = test.__qualname__ = name
    return test


def _named(recordings: Sequence[Recording], name: str) -> Recording:
    for recording in recordings:
        if recording.name == name:
            return recording
    raise ConfigurationError(f"same_answer_as={name!r} is the name of no recording")


__all__ = ["ConformanceError", "MakeModel", "Model", "Recording", "Tests", "conformance_tests"]
