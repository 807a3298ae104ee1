"""What an import loads, and what it costs: each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Spread, spread

_ROOT = Path(__file__).resolve().parent.parent
_COUNT = """
import sys, time
before, begun = set(sys.modules), time.process_time()
{code}
print(time.process_time() - begun, len(set(sys.modules) - before))
"""
_CALL = """
import asyncio
from tidewire import init_chat_model
asyncio.run(init_chat_model("openai:bench", base_url="{url}/plain/5", api_key="x").ainvoke("hi"))
"""
_LOADED = {
    "asyncio + ssl + msgspec": "import asyncio, ssl, msgspec",
    "tidewire": "import tidewire",
    "… and a model": 'import tidewire\ntidewire.init_chat_model("openai:bench", api_key="x")',
    "… and its first call": _CALL,
}
_PEERS = {"openai": "import openai", "langchain-openai": "from langchain_openai import ChatOpenAI"}


def measure_imports(server: str, *, quick: bool, peers: dict[str, str]) -> list[tuple[str, int, Spread]]:
    """What is loaded: its name, the modules, milliseconds of CPU time.

    Args:
        server: Its address.
        quick: Fewer rounds.
        peers: The interpreters of other libraries.
    """
    runs = [(name, sys.executable, code.replace("{url}", server)) for name, code in _LOADED.items()]
    runs += [(name, peers[name], code) for name, code in _PEERS.items() if name in peers]
    took: dict[str, list[float]] = {name: [] for name, _, _ in runs}
    modules: dict[str, int] = {}
    for _ in range(3 if quick else 11):
        for name, python, code in runs:
            script = _COUNT.replace("{code}", code)
            done = subprocess.run([python, "-c", script], cwd=_ROOT, capture_output=True, text=True, check=True)
            seconds, count = done.stdout.split()
            took[name].append(float(seconds) * 1000)
            modules[name] = int(count)
    return [(name, modules[name], spread(own)) for name, own in took.items()]


__all__ = ["measure_imports"]
