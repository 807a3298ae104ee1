"""The stand-in over loopback HTTP, in the wire formats of real providers: for tests and demos without key and network.

with simulate(script=["Hello!", Fail(kind="reset", after_tokens=3)]) as sim:
    model = init_chat_model("openai:demo", base_url=sim.openai_url, api_key="any")

sim_request, brain, script   what is asked and what is answered, the same as in the embedded provider
api                          what a wire format is to the server
openai_chat, openai_responses, azure, anthropic, google_genai, bedrock, ollama
                             the formats; openai_http, google_schema, eventstream_bytes are parts of theirs
answering                    which format a request is in, and who answers it
faults                       the bytes on the wire, whole or broken
server, connections          the loopback server, in a thread of its own
"""

from __future__ import annotations

from tidewire.adapters.script import FAIL_KINDS, Call, Fail, FailKind, Pace, Reply, Script, Turn
from tidewire.adapters.sim_request import SimCall, SimMessage, SimOutput, SimRequest, SimTool
from tidewire.adapters.simulator.answering import Recorded
from tidewire.adapters.simulator.faults import FAULT_HEADER
from tidewire.adapters.simulator.server import Simulator, run, simulate

__all__ = [
    "FAIL_KINDS",
    "FAULT_HEADER",
    "Call",
    "Fail",
    "FailKind",
    "Pace",
    "Recorded",
    "Reply",
    "Script",
    "SimCall",
    "SimMessage",
    "SimOutput",
    "SimRequest",
    "SimTool",
    "Simulator",
    "Turn",
    "run",
    "simulate",
]
