"""tidewire's models as LangChain's: ``as_chat_model(model)`` is a ``BaseChatModel``, for its chains, agents and graphs.

messages     a conversation in both libraries' messages
chunks       the events of a call as LangChain's chunks
structured   answers read in a form
chat_model   the model itself

Needs langchain-core (extra ``langchain``). LangChain runs on asyncio only, and so do these models.
"""

from __future__ import annotations

from tidewire.events.errors import ConfigurationError

try:
    from tidewire.langchain.chat_model import ChatTidewire, as_chat_model
except ModuleNotFoundError as missing:
    raise ConfigurationError(
        f"tidewire.langchain needs the package langchain-core: pip install 'tidewire[langchain]' ({missing})"
    ) from missing

__all__ = ["ChatTidewire", "as_chat_model"]
