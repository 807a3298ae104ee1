"""What the suite says of ``encode``: each way to be wrong is caught by the test that is for it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

from tests.adapters.conformance.parrot import RECORDINGS, ParrotCodec, adapter_of
from tidewire import init_chat_model
from tidewire.adapters.conformance import ConformanceError, Tests, conformance_tests
from tidewire.adapters.spec import HttpRequest, ModelRequest
from tidewire.events.errors import ConfigurationError
from tidewire.events.messages import AIMessage, HumanMessage
from tidewire.events.types import WarningEvent

Encode = Callable[[ModelRequest], HttpRequest]


def suite(
    encode: Encode, parameters: frozenset[str] = ParrotCodec.parameters, values: dict[str, Any] | None = None
) -> Tests:
    """The tests of a codec that encodes so."""

    class Codec(ParrotCodec):
        def encode(self, request: ModelRequest) -> HttpRequest:
            return encode(request)

    Codec.parameters = parameters
    return conformance_tests(
        adapter_of(Codec()), init_chat_model, model="grey-1", recordings=RECORDINGS, parameters=values, effort=1
    )


def good(request: ModelRequest, **changed: Any) -> HttpRequest:
    """The request as it should be, but for some fields of it."""
    return msgspec.structs.replace(ParrotCodec().encode(msgspec.structs.replace(request, **changed)))


def with_body(spelled: HttpRequest, **fields: Any) -> HttpRequest:
    """The request with other fields in its body."""
    body = {**msgspec.json.decode(spelled.body), **fields}
    return msgspec.structs.replace(spelled, body=msgspec.json.encode(body))


def without_system(request: ModelRequest) -> HttpRequest:
    """Leaves system messages out."""
    return good(request, messages=[message for message in request.messages if message.type != "system"])


def without_system_but_telling(request: ModelRequest) -> HttpRequest:
    """Leaves system messages out, and says so."""
    spelled = without_system(request)
    return msgspec.structs.replace(spelled, warnings=(WarningEvent("left_out", "system messages were left out"),))


def without_choice(request: ModelRequest) -> HttpRequest:
    """Ignores the choice of a tool."""
    return good(request, tool_choice=None)


def with_raw_fields(request: ModelRequest) -> HttpRequest:
    """Takes messages to be what they mostly are."""
    for message in request.messages:
        if isinstance(message, AIMessage):
            assert len(message.tool_calls[0]["args"]) == 1
    return good(request)


def refusing_all(request: ModelRequest) -> HttpRequest:
    """Refuses everything."""
    raise ConfigurationError("parrot is not in the mood")


def refusing_namelessly(request: ModelRequest) -> HttpRequest:
    """Does not say what it refuses."""
    if request.tools:
        raise ConfigurationError("this is not possible")
    return good(request)


def changing_parameters(request: ModelRequest) -> HttpRequest:
    """Takes its parameters out of what was handed in."""
    request.parameters["stream"] = request.stream
    return good(request)


def changing_messages(request: ModelRequest) -> HttpRequest:
    """Writes into the blocks of a message."""
    for message in request.messages:
        if isinstance(message, HumanMessage):
            message.content_blocks[0]["extras"] = {"seen": True}
    return good(request)


counter = itertools.count()


def counting(request: ModelRequest) -> HttpRequest:
    """Numbers its requests."""
    return with_body(good(request), number=next(counter))


def with_the_key_in_the_address(request: ModelRequest) -> HttpRequest:
    """Reads the key by itself."""
    spelled = good(request)
    spelled.url += f"?key={os.environ['PARROT_API_KEY']}"
    return spelled


def with_the_key_in_the_body(request: ModelRequest) -> HttpRequest:
    """Reads the key by itself."""
    return with_body(good(request), key=os.environ["PARROT_API_KEY"])


def with_the_key_in_a_header(request: ModelRequest) -> HttpRequest:
    """Reads the key by itself."""
    spelled = good(request)
    spelled.headers["x-parrot-key"] = os.environ["PARROT_API_KEY"]
    return spelled


def but(**fields: Any) -> Encode:
    """The good request with other fields."""
    return lambda request: msgspec.structs.replace(good(request), **fields)


def giving_a_dict(request: ModelRequest) -> HttpRequest:
    """Gives something else."""
    return cast("HttpRequest", {})


WRONG: list[tuple[Encode, str, str]] = [
    (without_system, "nothing_of_a_request_is_lost[a system message]", "'tw system' was asked for and is not in"),
    (without_choice, "nothing_of_a_request_is_lost[tool choice any]", "the request is the same as without it"),
    (without_choice, "nothing_of_a_request_is_lost[tool choice by name]", "the request is the same as without it"),
    (with_raw_fields, "a_request_is_spelled_or_refused[a conversation]", "parrot raised IndexError"),
    (refusing_all, "a_request_is_spelled_or_refused[a question]", "refused, but every format has this"),
    (refusing_namelessly, "a_request_is_spelled_or_refused[tools]", "does not say what was refused"),
    (changing_parameters, "encoding_is_pure[a question]", "encode changed what it was given"),
    (changing_messages, "encoding_is_pure[a question]", "encode changed what it was given"),
    (counting, "encoding_is_pure[a question]", "spelled twice, it is not the same request"),
    (with_the_key_in_the_address, "a_request_is_spelled_or_refused[a question]", "has the key in its URL"),
    (with_the_key_in_the_body, "a_request_is_spelled_or_refused[a question]", "has the key in its body"),
    (with_the_key_in_a_header, "a_request_is_spelled_or_refused[a question]", "has the key in its x-parrot-key"),
    (but(method="post"), "a_request_is_spelled_or_refused[a question]", "has the method 'post'"),
    (but(url="https://cat.example"), "a_request_is_spelled_or_refused[a question]", "goes to .*cat.example"),
    (but(url="https://api.parrot.example/ü"), "a_request_is_spelled_or_refused[a question]", "quote what is not"),
    (but(headers={"X-A": "b"}), "a_request_is_spelled_or_refused[a question]", "write names in lower case"),
    (but(headers={"x-a": 7}), "a_request_is_spelled_or_refused[a question]", "has a int as header 'x-a'"),
    (but(body="{}"), "a_request_is_spelled_or_refused[a question]", "has a str as its body"),
    (but(body=b"{'a': 1}"), "a_request_is_spelled_or_refused[a question]", "has a body that is no JSON"),
    (but(warnings=("gone",)), "a_request_is_spelled_or_refused[a question]", "warns with 'gone'"),
    (giving_a_dict, "a_request_is_spelled_or_refused[a question]", "is a dict, not an HttpRequest"),
]


@pytest.mark.parametrize(("encode", "rule", "told"), WRONG)
def test_an_encode_that_is_wrong_is_caught(encode: Encode, rule: str, told: str) -> None:
    with pytest.raises(ConformanceError, match=told):
        suite(encode)[f"test_{rule}"]()


def test_a_body_that_is_no_json_is_searched_too() -> None:
    def form(request: ModelRequest) -> HttpRequest:
        said = "\n".join(message.text for message in request.messages).encode()
        return HttpRequest("POST", request.base_url, {"content-type": "text/plain"}, said)

    tests = suite(form)
    tests["test_a_request_is_spelled_or_refused[a conversation]"]()
    tests["test_nothing_of_a_request_is_lost[a conversation]"]()
    with pytest.raises(ConformanceError, match="'tw_weather' was asked for and is not in the request"):
        tests["test_nothing_of_a_request_is_lost[tools]"]()


def test_what_is_left_out_with_a_warning_is_not_lost() -> None:
    suite(without_system_but_telling)["test_nothing_of_a_request_is_lost[a system message]"]()


def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "test_a_request_is_spelled_or_refused[a question]"
    monkeypatch.setenv("PARROT_API_KEY", "mine")
    suite(good)[rule]()
    assert os.environ["PARROT_API_KEY"] == "mine"
    monkeypatch.delenv("PARROT_API_KEY")
    suite(good)[rule]()
    assert "PARROT_API_KEY" not in os.environ


# --- parameters


def silent_on(name: str) -> Encode:
    """Leaves a parameter out."""
    return lambda request: good(
        request, parameters={key: value for key, value in request.parameters.items() if key != name}
    )


def wanting_numbers(request: ModelRequest) -> HttpRequest:
    """Counts with a parameter, whatever it is."""
    volume = request.parameters.get("volume")
    return good(request) if volume is None else with_body(good(request), volume=volume + 1)


def wanting_seven(request: ModelRequest) -> HttpRequest:
    """Refuses all values but one."""
    if request.parameters.get("volume", 11.5) != 11.5:
        raise ConfigurationError("the volume is 11.5")
    return good(request)


def refusing_volumes_namelessly(request: ModelRequest) -> HttpRequest:
    """Does not say what it refuses."""
    if "volume" in request.parameters:
        raise ConfigurationError("parrot does not like this value")
    return good(request)


def test_a_parameter_that_is_not_spelled_is_caught() -> None:
    with pytest.raises(ConformanceError, match=r"parameter 'volume' is listed .*\n  'tw' changes nothing"):
        suite(silent_on("volume"))["test_a_parameter_is_spelled[volume]"]()
    with pytest.raises(ConformanceError, match=r"'stop' is listed .*\n  \['tw stop'\] changes nothing"):
        suite(silent_on("stop"))["test_a_parameter_is_spelled[stop]"]()


def test_a_value_that_cannot_be_guessed_is_asked_for() -> None:
    rule = "test_a_parameter_is_spelled[volume]"
    with pytest.raises(ConformanceError, match=r"give a value that shows it: conformance_tests\(…, parameters="):
        suite(wanting_seven)[rule]()
    suite(wanting_seven, values={"volume": 11.5})[rule]()


def test_a_wrong_value_that_raises_another_error_or_is_not_named_is_caught() -> None:
    rule = "test_a_wrong_value_is_named[volume]"
    with pytest.raises(ConformanceError, match="parrot raised TypeError"):
        suite(wanting_numbers)[rule]()
    with pytest.raises(ConformanceError, match="parameter 'volume': the refusal of 'tw' does not name it"):
        suite(refusing_volumes_namelessly)[rule]()


def test_a_parameter_that_makes_a_request_that_cannot_be_sent_is_caught() -> None:
    def loud(request: ModelRequest) -> HttpRequest:
        spelled = good(request)
        return spelled if "volume" not in request.parameters else msgspec.structs.replace(spelled, body=b"loud")

    with pytest.raises(ConformanceError, match="parameter 'volume': with 'tw' the request has a body that is no JSON"):
        suite(loud)["test_a_parameter_is_spelled[volume]"]()
