"""A web page that shows an answer as it comes: ``python docs/guides/sse_page.py``, then open the address it prints.

The page reads server-sent events of ``GET /answer?question=…``. ``MODEL`` names a real model; see
``docs/guides/sse_page.md``.
"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

import tidewire
from tidewire import ChatModel, TidewireError, init_chat_model

MODEL: web.AppKey[ChatModel] = web.AppKey("model", ChatModel)

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Ask</title>
<style>body { font: 1.1em/1.5 sans-serif; max-width: 40em; margin: 3em auto } #answer { white-space: pre-wrap }</style>
<form><input id="question" size="40" value="Tell me about tides." autofocus> <button>Ask</button></form>
<p id="answer"></p>
<script>
let source;
document.querySelector("form").onsubmit = submitted => {
  submitted.preventDefault();
  source?.close();                       // leaves the answer before, and stops its call
  answer.textContent = "";
  source = new EventSource("/answer?question=" + encodeURIComponent(question.value));
  source.addEventListener("text", event => answer.textContent += JSON.parse(event.data));
  source.addEventListener("done", event => source.close());
  source.addEventListener("failed", event => { answer.textContent += "\\n" + JSON.parse(event.data); source.close(); });
};
</script>
"""


async def show_page(_request: web.Request) -> web.Response:
    """The page."""
    return web.Response(text=PAGE, content_type="text/html")


async def answer(request: web.Request) -> web.StreamResponse:
    """The answer, as server-sent events: ``text`` for each piece, then ``done`` or ``failed``.

    When the browser leaves, aiohttp cancels this handler. That leaves the ``async with``, which closes the connection
    to the provider at once: what nobody reads is not paid for.
    """
    response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-store"})
    await response.prepare(request)
    try:
        async with request.app[MODEL].astream(request.query.get("question", "Hello!")) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    await response.write(frame("text", chunk.text))
            usage = (await chunks.result()).usage_metadata
    except TidewireError as error:
        await response.write(frame("failed", str(error)))
    else:
        await response.write(frame("done", usage))
    return response


def frame(event: str, data: object) -> bytes:
    """One server-sent event. JSON has no line breaks, so the data is one line."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), msgspec.json.encode(data))


def build_app(model: ChatModel) -> web.Application:
    """The application around a model."""
    app = web.Application()
    app[MODEL] = model
    app.router.add_get("/", show_page)
    app.router.add_get("/answer", answer)
    app.cleanup_ctx.append(close_connections)
    return app


async def close_connections(_app: web.Application) -> AsyncIterator[None]:
    """Close the connections to the provider at the end."""
    yield
    await tidewire.aclose()


def make_model() -> ChatModel:
    """The model named by ``MODEL``, or the stand-in, as slow as a real one."""
    name = os.environ.get("MODEL")
    if name is not None:
        return init_chat_model(name)
    from tidewire.testing import Pace

    return init_chat_model("embedded:demo", pace=Pace(first_token_s=0.3, tokens_per_second=20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free one")
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    print(f"listening on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    web.run_app(build_app(make_model()), sock=listening, print=None, handler_cancellation=True, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
