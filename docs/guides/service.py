"""A service that answers questions with one model: ``python docs/guides/service.py``.

It answers ``POST /ask`` with ``{"question": …}``. ``MODEL`` names a real model; see ``docs/guides/service.md``.
"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from aiohttp import web

import tidewire
from tidewire import ChatModel, Timeout, init_chat_model
from tidewire.errors import APITimeoutError, ConfigurationError, OverloadedError, RateLimitError, TidewireError
from tidewire.rate_limiters import InMemoryRateLimiter

#: Requests that are answered at the same time; more are turned away at once, which is kinder than a long queue.
MOST_AT_ONCE = 200
#: Seconds that running requests get when the service is told to stop.
SECONDS_TO_FINISH = 30.0


@dataclass
class Load:
    """How many questions are being answered."""

    running: int = 0


MODEL: web.AppKey[ChatModel] = web.AppKey("model", ChatModel)
LOAD: web.AppKey[Load] = web.AppKey("load", Load)


class Question(msgspec.Struct):
    """What a client sends."""

    question: str


def make_model() -> ChatModel:
    """The one model of the service: its limits are shared by all requests, and so are its connections."""
    return init_chat_model(
        os.environ.get("MODEL", "embedded:demo"),
        rate_limiter=InMemoryRateLimiter(requests_per_second=50, max_bucket_size=100),
        timeout=Timeout(connect=5, first_event=30, between_events=15, total=60),
        max_retries=2,
    )


async def ask(request: web.Request) -> web.Response:
    """Answer one question. When the client leaves, this is cancelled, and the model's connection is closed."""
    load = request.app[LOAD]
    if load.running >= MOST_AT_ONCE:
        raise web.HTTPServiceUnavailable(text="too many questions at once", headers={"retry-after": "1"})
    try:
        question = msgspec.json.decode(await request.read(), type=Question).question
    except msgspec.MsgspecError as error:
        raise web.HTTPBadRequest(text=f'send {{"question": "…"}}: {error}') from None
    load.running += 1
    try:
        answer = await request.app[MODEL].ainvoke(question)
    finally:
        load.running -= 1
    return web.json_response({"answer": answer.text, "usage": answer.usage_metadata})


@web.middleware
async def tell_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Say whose fault it was by the status, and when it is worth trying again. Error texts hold no keys."""
    try:
        return await handler(request)
    except (RateLimitError, OverloadedError) as error:
        headers = {"retry-after": f"{error.retry_after_s or 1:.0f}"}
        return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="the model is busy", headers=headers)
    except APITimeoutError as error:
        return web.Response(status=HTTPStatus.GATEWAY_TIMEOUT, text=f"the model took too long ({error.phase})")
    except ConfigurationError as error:
        return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR, text=str(error))
    except TidewireError as error:
        return web.Response(status=HTTPStatus.BAD_GATEWAY, text=str(error))


def build_app(model: ChatModel) -> web.Application:
    """The application around a model."""
    app = web.Application(middlewares=[tell_errors])
    app[MODEL] = model
    app[LOAD] = Load()
    app.router.add_post("/ask", ask)
    app.cleanup_ctx.append(close_connections)
    app.on_shutdown.append(say_what_runs)
    return app


async def say_what_runs(app: web.Application) -> None:
    """Called when the service has stopped listening; what runs is finished before it ends."""
    print(f"stopping; {app[LOAD].running} still to answer", flush=True)


async def close_connections(_app: web.Application) -> AsyncIterator[None]:
    """Close the connections to the provider when everything is answered."""
    yield
    await tidewire.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    print(f"listening on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    web.run_app(
        build_app(make_model()),
        sock=listening,
        print=None,
        handler_cancellation=True,
        shutdown_timeout=SECONDS_TO_FINISH,
    )


if __name__ == "__main__":
    main()
