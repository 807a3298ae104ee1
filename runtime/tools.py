"""Tools, as users import them: functions that a model may call. See ``docs/tools.md``."""

from __future__ import annotations

from tidewire.adapters.spec import (
    NativeTool,
    ToolSpec,
)
from tidewire.events.blocks import (
    InvalidToolCall,
    ToolCall,
)
from tidewire.events.errors import (
    ToolError,
    ToolException,
)
from tidewire.events.messages import (
    ToolMessage,
)
from tidewire.injected import (
    InjectedToolArg,
    InjectedToolCallId,
    ToolRuntime,
)
from tidewire.mcp_tools import (
    load_mcp_tools,
)
from tidewire.tool_binding import (
    ToolLike,
    tool_choice_of,
    tools_of,
)
from tidewire.tool_calls import (
    run_tools,
    run_tools_blocking,
)
from tidewire.tool_decorator import (
    tool,
)
from tidewire.tool_definition import (
    BaseTool,
    Tool,
)

__all__ = [
    "BaseTool",
    "InjectedToolArg",
    "InjectedToolCallId",
    "InvalidToolCall",
    "NativeTool",
    "Tool",
    "ToolCall",
    "ToolError",
    "ToolException",
    "ToolLike",
    "ToolMessage",
    "ToolRuntime",
    "ToolSpec",
    "load_mcp_tools",
    "run_tools",
    "run_tools_blocking",
    "tool",
    "tool_choice_of",
    "tools_of",
]
