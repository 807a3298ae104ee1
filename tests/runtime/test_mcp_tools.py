"""The tools of an MCP server: listed, bound, called. The server is the official package's, in process."""

from __future__ import annotations

import base64
from typing import Any

import mcp.types
import pytest
from mcp import Client
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Audio, Image, MCPServer, exceptions

from tidewire import init_chat_model
from tidewire.errors import ToolError
from tidewire.mcp_tools import load_mcp_tools
from tidewire.tools import run_tools

PIXEL = b"not really an image"


def server() -> MCPServer[Any]:
    made: MCPServer[Any] = MCPServer("demo")

    @made.tool()
    def add(a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    @made.tool(structured_output=False)
    def media(kind: str) -> list[Any]:
        """Give something to see or to hear."""
        return [kind, Image(data=PIXEL, format="png") if kind == "image" else Audio(data=PIXEL, format="wav")]

    @made.tool()
    def fail(session: str, name: str) -> str:
        raise exceptions.ToolError(f"{session} {name}: not today")

    return made


async def test_tools_are_listed_as_the_server_tells_them() -> None:
    async with Client(server()) as client:
        add, media, fail = await load_mcp_tools(client)
    assert (add.name, add.description) == ("add", "Add two numbers.")
    assert add.args["a"]["type"] == "integer"
    assert add.tool_call_schema["required"] == ["a"]
    assert (media.name, fail.name, fail.description) == ("media", "fail", "fail")
    bound = init_chat_model("embedded:demo").bind_tools([add, media, fail])
    assert len(bound.settings.tools) == 3


async def test_a_call_gives_text_blocks_and_an_artifact() -> None:
    async with Client(server()) as client:
        add, media, _ = await load_mcp_tools(client)
        answer = await add.ainvoke({"type": "tool_call", "name": "add", "args": {"a": 2}, "id": "1"})
        assert (answer.content, answer.artifact, answer.status) == ("3", {"result": 3}, "success")
        assert await add.ainvoke({"a": 1, "b": 5}) == "6"
        seen = await media.ainvoke({"kind": "image"})
        heard = await media.ainvoke({"type": "tool_call", "name": "media", "args": {"kind": "sound"}, "id": "2"})
    encoded = base64.b64encode(PIXEL).decode()
    assert seen == [{"type": "text", "text": "image"}, {"type": "image", "base64": encoded, "mime_type": "image/png"}]
    assert heard.content_blocks[1] == {"type": "audio", "base64": encoded, "mime_type": "audio/wav"}


async def test_what_the_server_finds_wrong_is_told_to_the_model() -> None:
    async with Client(server()) as client:
        add, _, fail = await load_mcp_tools(client)
        failed = await fail.ainvoke(
            {"type": "tool_call", "name": "fail", "args": {"session": "s", "name": "n"}, "id": "1"}
        )
        wrong = await add.ainvoke({"type": "tool_call", "name": "add", "args": {"a": "many"}, "id": "2"})
        with pytest.raises(ToolError, match="there is no argument 'c'"):
            await add.ainvoke({"c": 1})
    assert failed.status == wrong.status == "error"
    assert "s n: not today" in failed.text
    assert "int" in wrong.text


async def test_the_tools_of_a_server_run_in_the_loop_of_calls() -> None:
    async with Client(server()) as client:
        tools = await load_mcp_tools(client)
        answer = await init_chat_model("embedded:demo").bind_tools(tools, tool_choice="add").ainvoke("Add.")
        (result,) = await run_tools(answer, tools)
    assert result.status == "success"
    assert result.tool_call_id == answer.tool_calls[0]["id"]


def paged() -> Server[Any]:
    """A server of two pages, whose tool gives what others do not."""

    async def list_tools(context: Any, params: Any) -> mcp.types.ListToolsResult:  # noqa: ANN401 - the package's own
        last = params is not None and params.cursor == "more"
        listed = mcp.types.Tool(name="second" if last else "first", title="A title.", input_schema={"type": "object"})
        return mcp.types.ListToolsResult(tools=[listed], next_cursor=None if last else "more")

    async def call_tool(context: Any, params: Any) -> mcp.types.CallToolResult:  # noqa: ANN401 - the package's own
        if params.name == "second":
            raise mcp.MCPError(code=-32602, message="there is no second one")
        text = mcp.types.TextResourceContents(uri="file:///a", text="inside")
        blob = mcp.types.BlobResourceContents(uri="file:///b", blob="AAAA", mime_type="application/pdf")
        bare = mcp.types.BlobResourceContents(uri="file:///b", blob="AAAA")
        return mcp.types.CallToolResult(
            content=[
                mcp.types.EmbeddedResource(resource=text),
                mcp.types.EmbeddedResource(resource=blob),
                mcp.types.EmbeddedResource(resource=bare),
                mcp.types.ResourceLink(uri="file:///c", name="c"),
            ]
        )

    return Server("paged", on_list_tools=list_tools, on_call_tool=call_tool)


@pytest.mark.parametrize("session", [False, True], ids=["client", "session"])
async def test_every_page_is_read(session: bool) -> None:
    async with Client(paged()) as client:
        first, second = await load_mcp_tools(client.session if session else client)
        assert (first.name, second.name, first.description) == ("first", "second", "A title.")
        assert await first.ainvoke({}) == [
            {"type": "text", "text": "inside"},
            {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"},
            {"type": "file", "base64": "AAAA", "mime_type": "application/octet-stream"},
            {"type": "text", "text": "c: file:///c"},
        ]
        refused = await second.ainvoke({"type": "tool_call", "name": "second", "args": {}, "id": "1"})
    assert refused.status == "error"
    assert refused.text == "the MCP server refused the call of 'second': there is no second one"


class Newer:
    """A session of a server that is newer than we are."""

    async def list_tools(self) -> mcp.types.ListToolsResult:
        return mcp.types.ListToolsResult(tools=[mcp.types.Tool(name="see", input_schema={"type": "object"})])

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Result:
        return Result()


class Result:
    def model_dump(self, *, mode: str, by_alias: bool, exclude_none: bool) -> dict[str, Any]:
        return {"content": [{"type": "smell", "data": "rose"}]}


async def test_content_that_is_not_known_passes_as_it_is() -> None:
    (see,) = await load_mcp_tools(Newer())
    assert await see.ainvoke({}) == [{"type": "non_standard", "value": {"type": "smell", "data": "rose"}}]
