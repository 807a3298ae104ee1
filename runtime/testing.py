"""Stand-ins for tests: scripted replies, the loopback simulator, recorded bytes. See ``docs/testing.md``."""

from __future__ import annotations

from tidewire.adapters.embedded import embedded_adapter
from tidewire.adapters.replay_transport import Exchange, ReplayTransport
from tidewire.adapters.script import Call, Fail, Pace, Reply, Script
from tidewire.adapters.sim_request import SimMessage, SimRequest
from tidewire.adapters.simulator import Recorded, Simulator, simulate

__all__ = [
    "Call",
    "Exchange",
    "Fail",
    "Pace",
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
