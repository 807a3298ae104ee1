"""Stand-ins for tests: scripted replies, models with given answers, the loopback simulator, recorded bytes.

``docs/testing.md`` tells about each.
"""

from __future__ import annotations

from tidewire.adapters.embedded import embedded_adapter
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.adapters.script import Call, Fail, Pace, Reply, Script
from tidewire.adapters.sim_request import SimMessage, SimRequest
from tidewire.adapters.simulator import Recorded, Simulator, simulate
from tidewire.fake_models import (
    FakeChatModel,
    FakeListChatModel,
    FakeListChatModelError,
    FakeMessagesListChatModel,
    GenericFakeChatModel,
    ParrotFakeChatModel,
)

__all__ = [
    "Call",
    "Exchange",
    "Fail",
    "FakeChatModel",
    "FakeListChatModel",
    "FakeListChatModelError",
    "FakeMessagesListChatModel",
    "GenericFakeChatModel",
    "Pace",
    "ParrotFakeChatModel",
    "Recorded",
    "ReplayTransport",
    "Reply",
    "Script",
    "SimMessage",
    "SimRequest",
    "Simulator",
    "embedded_adapter",
    "simulate",
]
