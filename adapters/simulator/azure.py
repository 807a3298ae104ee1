"""Azure OpenAI from the server's side: OpenAI's formats under Azure's paths and key, with its errors and filters.

Written from "Azure OpenAI in Azure AI Foundry Models REST API reference" (inference, and the v1 API), "Content
filtering" and "Manage quota" on learn.microsoft.com, read 2026-11-25. The older paths name a version of the API and,
for chat completions, the deployment that answers; the newer ones (``/openai/v1/…``) have neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from tidewire.adapters.plan import Plan
from tidewire.adapters.script import Fail
from tidewire.adapters.sim_request import SimRequest
from tidewire.adapters.simulator.api import (
    Api,
    Frame,
    HttpReply,
    Received,
    bearer_of,
    error_message,
    json_reply,
    retry_headers,
)
from tidewire.adapters.simulator.openai_chat import OpenAIChatApi
from tidewire.adapters.simulator.openai_http import error_of
from tidewire.adapters.simulator.openai_responses import OpenAIResponsesApi
from tidewire.events.blocks import JSONObject

# --- what Azure adds to answers ---

_HARMS = ("hate", "self_harm", "sexual", "violence")


def _judged(*, filtered: bool = False) -> JSONObject:
    """What the filters found in a text."""
    found: JSONObject = {harm: {"filtered": False, "severity": "safe"} for harm in _HARMS}
    return {**found, "violence": {"filtered": True, "severity": "high"}} if filtered else found


_PROMPT: JSONObject = {**_judged(), "jailbreak": {"filtered": False, "detected": False}}
_PROMPT_RESULTS: JSONObject = {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _PROMPT}]}
#: Comes before the first chunk of a streamed completion.
_PROMPT_CHUNK: JSONObject = {"choices": [], "created": 0, "id": "", "model": "", "object": "", **_PROMPT_RESULTS}


def _judge_completion(data: JSONObject) -> JSONObject:
    """A completion, or a chunk of one, with what the filters found in each choice."""
    choices: list[JSONObject] = []
    for choice in data["choices"]:
        filtered = choice["finish_reason"] == "content_filter"
        said: JSONObject = choice.get("message") or choice.get("delta")
        found = _judged(filtered=filtered) if filtered or said.get("content") else {}
        choices.append({**choice, "content_filter_results": found})
    prompt = _PROMPT_RESULTS if data["object"] == "chat.completion" else {}
    return {**data, "choices": choices, **prompt}


def _judge_response(data: JSONObject) -> JSONObject:
    """A response, or an event with one inside, with what the filters found."""
    if "response" in data:
        return {**data, "response": _judge_response(data["response"])}
    if data.get("object") != "response":
        return data
    prompt: JSONObject = {"blocked": False, "source_type": "prompt", "content_filter_results": _PROMPT}
    if data["status"] == "in_progress":
        return {**data, "content_filters": [prompt]}
    filtered = data["incomplete_details"] == {"reason": "content_filter"}
    found: JSONObject = {"blocked": filtered, "content_filter_results": _judged(filtered=filtered)}
    return {**data, "content_filters": [prompt, {**found, "source_type": "completion"}]}


# --- errors ---


def _error(fail: Fail) -> JSONObject:
    """The gateway's errors have a code and a message, those of a filter say what it found, the model's are OpenAI's."""
    if fail.code == "content_filter":
        inner: JSONObject = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": _judged(filtered=True)}
        error: JSONObject = {"message": error_message(fail), "type": None, "param": "prompt", "code": fail.code}
        return {**error, "status": fail.status, "innererror": inner}
    if fail.status in (401, 403, 404, 429) or fail.status >= 500:
        code = "DeploymentNotFound" if fail.status == 404 else str(fail.status)
        return {"code": fail.code or code, "message": error_message(fail)}
    return error_of(fail)


# --- the format ---


class AzureApi:
    """One of OpenAI's formats as Azure has it.

    Args:
        inner: The format.
        paths: Where its answers are made; a group ``deployment`` names who answers.
        judge: Adds to an answer, or a piece of one, what the filters found.
        before: What is sent before a streamed answer.
    """

    model_paths = frozenset({"/openai/v1/models", "/openai/models"})

    def __init__(
        self,
        inner: Api,
        paths: re.Pattern[str],
        judge: Callable[[JSONObject], JSONObject],
        before: tuple[Frame, ...] = (),
    ) -> None:
        self._inner = inner
        self._paths = paths
        self._judge = judge
        self._before = before
        self.name = inner.name.replace("openai", "azure")
        self.ping = inner.ping

    def answers(self, path: str) -> bool:
        """Whether an answer is made there."""
        return self._paths.fullmatch(path) is not None

    def recognises(self, path: str, headers: Mapping[str, str]) -> bool:
        """All paths of a resource begin alike."""
        return path.startswith("/openai/")

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The key of the resource, or the token of an identity."""
        return headers.get("api-key") or bearer_of(headers)

    def read(self, received: Received) -> SimRequest | Fail:
        """The request, or what is wrong with it; a deployment in the path counts more than a model in the body."""
        found = self._paths.fullmatch(received.path)
        assert found is not None
        if "/v1/" not in found.group() and "api-version" not in received.query:
            return Fail(status=404, code="404", message="Resource not found")
        deployment = found.groupdict().get("deployment")
        body = received.body if deployment is None else {**received.body, "model": deployment}
        return self._inner.read(msgspec.structs.replace(received, body=body))

    def spell(self, received: Received, request: SimRequest, plan: Plan) -> HttpReply:
        """The answer in OpenAI's format, with what the filters found."""
        reply = self._inner.spell(received, request, plan)
        frames = tuple(self._filtered(frame) for frame in reply.frames)
        headers = {**reply.headers, **_headers(received.request_id)}
        before = self._before if reply.streamed else ()
        return msgspec.structs.replace(reply, headers=headers, frames=(*before, *frames))

    def refuse(self, fail: Fail, request_id: str) -> HttpReply:
        """``{"error": {"code", "message"}}``, or what OpenAI has."""
        headers = {**_headers(request_id), **retry_headers(fail)}
        return json_reply(fail.status, headers, {"error": _error(fail)})

    def error_frame(self, fail: Fail, *, streamed: bool, place: int) -> bytes:
        """The model's own error."""
        return self._inner.error_frame(fail, streamed=streamed, place=place)

    def models(self, names: Sequence[str], request_id: str) -> HttpReply:
        """The list of models."""
        return self._inner.models(names, request_id)

    def _filtered(self, frame: Frame) -> Frame:
        """The frame with what the filters found."""
        head, brace, text = frame.data.partition(b"{")
        if not brace:
            return frame  # [DONE]
        data = msgspec.json.encode(self._judge(msgspec.json.decode(brace + text)))
        return msgspec.structs.replace(frame, data=head + data + (b"\n\n" if head else b""))


def _headers(request_id: str) -> dict[str, str]:
    return {"apim-request-id": request_id, "x-ms-region": "Nowhere", "x-ms-rai-invoked": "true"}


AZURE_CHAT = AzureApi(
    OpenAIChatApi(),
    re.compile(r"/openai/(?:deployments/(?P<deployment>[^/]+)|v1)/chat/completions"),
    _judge_completion,
    (Frame(b"data: " + msgspec.json.encode(_PROMPT_CHUNK) + b"\n\n"),),
)
AZURE_RESPONSES = AzureApi(OpenAIResponsesApi(), re.compile(r"/openai/(?:v1/)?responses"), _judge_response)

__all__ = ["AZURE_CHAT", "AZURE_RESPONSES", "AzureApi"]
