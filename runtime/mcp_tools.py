"""The tools of an MCP server, as tools to bind and run.

A session is whatever has ``list_tools`` and ``call_tool``: the client's or the session of the ``mcp`` package, which
whoever opened it brings along (extra ``mcp``). Read in its specification of 2025-11-25, "Tools".
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable
from typing import Any, Protocol

from tidewire.events.blocks import JSON, JSONObject
from tidewire.events.errors import ToolException
from tidewire.tool_definition import BaseTool
from tidewire.tool_result import Content


class _Dumped(Protocol):
    def model_dump(self, *, mode: str, by_alias: bool, exclude_none: bool) -> JSONObject: ...


class MCPSession(Protocol):
    """The part of an MCP client that is used."""

    def list_tools(self) -> Awaitable[_Dumped]:
        """The first page of the server's tools; the next ones by ``cursor`` or ``params``."""
        ...

    def call_tool(self, name: str, arguments: dict[str, Any]) -> Awaitable[_Dumped]:
        """What a tool gives."""
        ...


async def load_mcp_tools(session: MCPSession) -> list[BaseTool]:
    """The tools of an MCP server. They work as long as the session is open.

    A tool's texts are its content, images and sounds are blocks, structured content is the artifact. What goes wrong at
    the server is told to the model.

    Args:
        session: An initialised session, or an open client.
    """
    tools: list[BaseTool] = []
    page = _plain(await session.list_tools())
    while True:
        tools += [_tool_of(session, listed) for listed in page.get("tools", ())]
        cursor: str | None = page.get("nextCursor")
        if not cursor:
            return tools
        page = _plain(await _next_page(session, cursor))


def _next_page(session: MCPSession, cursor: str) -> Awaitable[_Dumped]:
    list_tools: Any = session.list_tools  # its versions take the cursor in different ways
    next_page: Awaitable[_Dumped]
    if "cursor" in inspect.signature(list_tools).parameters:
        next_page = list_tools(cursor=cursor)
        return next_page
    from mcp.types import PaginatedRequestParams

    next_page = list_tools(params=PaginatedRequestParams(cursor=cursor))
    return next_page


def _tool_of(session: MCPSession, listed: JSONObject) -> BaseTool:
    return BaseTool(
        coroutine=functools.partial(_call, session, listed["name"]),
        name=listed["name"],
        description=listed.get("description") or listed.get("title") or listed["name"],
        args_schema=listed["inputSchema"],
        response_format="content_and_artifact",
        handle_tool_error=True,
        validate=False,  # the server does, and by more keywords
    )


async def _call(session: MCPSession, name: str, /, **arguments: Any) -> tuple[Content, JSON]:
    from mcp.shared import exceptions

    refusal: type[Exception] = getattr(exceptions, "MCPError", None) or getattr(exceptions, "McpError")  # noqa: B009 - older versions
    try:
        result = _plain(await session.call_tool(name, arguments))
    except refusal as error:
        raise ToolException(f"the MCP server refused the call of {name!r}: {error}") from error
    content = _content(result.get("content", []))
    if result.get("isError"):
        raise ToolException(content if isinstance(content, str) else str(content))
    return content, result.get("structuredContent")


def _content(parts: list[JSONObject]) -> Content:
    blocks = [_block(part) for part in parts]
    if all(block["type"] == "text" for block in blocks):
        return "\n".join(block["text"] for block in blocks)
    return [*blocks]


def _block(part: JSONObject) -> JSONObject:
    match part:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "image" | "audio" as kind, "data": data, "mimeType": mime_type}:
            return {"type": kind, "base64": data, "mime_type": mime_type}
        case {"type": "resource", "resource": {"text": str(text)}}:
            return {"type": "text", "text": text}
        case {"type": "resource", "resource": {"blob": data, **about}}:
            return {"type": "file", "base64": data, "mime_type": about.get("mimeType") or "application/octet-stream"}
        case {"type": "resource_link", "uri": uri, **about}:
            return {"type": "text", "text": f"{about.get('name') or 'resource'}: {uri}"}
        case _:  # newer than this file
            return {"type": "non_standard", "value": part}


def _plain(result: _Dumped) -> JSONObject:
    """A result under the names of the specification."""
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


__all__ = ["MCPSession", "load_mcp_tools"]
