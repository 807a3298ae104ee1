"""Objects of LangChain's, which a program that moves over may still hold: told by the module of their class.

The names are often the same on both sides, so an error that only named the class would puzzle. Nothing of LangChain's
is imported for it.
"""

from __future__ import annotations

_BRIDGE = "LangChain's program needs its own chat model, tidewire.langchain.as_chat_model(model) gives it one"


def left_behind(thing: object, place: str | None, *, called: str | None = None) -> str | None:
    """What to do about an object or class of LangChain's; None for any other.

    Args:
        thing: What was given where one of tidewire's belongs.
        place: The module whose class of this purpose takes its place, such as ``tidewire.messages``; None where there
            is no counterpart.
        called: The name of that class, where it is another one.
    """
    kind = thing if isinstance(thing, type) else type(thing)
    for base in kind.__mro__:
        package = base.__module__.partition(".")[0]
        if package != "langchain" and not package.startswith(("langchain_", "langgraph")):
            continue
        own = f"LangChain's {base.__name__}"
        if base is not kind:
            own = f"{kind.__name__}, of {own}"
        if place is None:
            return (
                f"{own}, which has no counterpart here; where LangChain's program needs its own chat model, {_BRIDGE}"
            )
        return f"{own}; import {called or base.__name__} from {place}, or where {_BRIDGE}"
    return None


__all__ = ["left_behind"]
