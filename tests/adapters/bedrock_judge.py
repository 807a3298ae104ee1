"""botocore as an independent judge of Bedrock's wire format: its model of the service and its parsers."""

from __future__ import annotations

import functools
from typing import Any, cast

from botocore.eventstream import EventStreamBuffer
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator


@functools.cache
def service() -> ServiceModel:
    """The model of ``bedrock-runtime``."""
    return ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime")


def operation(*, stream: bool) -> OperationModel:
    """The model of the call."""
    return service().operation_model("ConverseStream" if stream else "Converse")


def problem_with(body: dict[str, Any], *, stream: bool = True) -> str | None:
    """How a request's body is not what the service's model says; None if it is."""
    report = ParamValidator().validate({**body, "modelId": "m"}, cast("Any", operation(stream=stream).input_shape))
    return report.generate_report() if report.has_errors() else None


def path_of(model: str, *, stream: bool) -> str:
    """The path that botocore sends a request for a model to."""
    request = create_serializer("rest-json").serialize_to_request({"modelId": model}, operation(stream=stream))
    return str(request["url_path"])


def events_of(body: bytes) -> list[dict[str, Any]]:
    """A stream's events as boto3 gives them to its users."""
    shape = cast("Any", operation(stream=True)).get_event_stream_output()
    parser = cast("Any", create_parser("rest-json"))._event_stream_parser
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    parsed: list[dict[str, Any]] = []
    for message in buffer:
        event = cast("dict[str, Any]", parser.parse(message.to_response_dict(), shape))
        if event:
            parsed.append(event)
    return parsed


__all__ = ["events_of", "operation", "path_of", "problem_with", "service"]
