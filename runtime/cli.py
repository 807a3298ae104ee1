"""The command line: ``tidewire demo``, ``tidewire simulate`` and ``tidewire profiles``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import anyio

from tidewire.cli_profiles import add_profiles
from tidewire.events.errors import TidewireError
from tidewire.version import __version__

#: What `tidewire simulate` speaks. Written down here, so that the help text loads no server.
_FORMATS = """\
wire formats, told apart by the path of a request, with their base URL:

  openai.chat               URL/v1 OpenAI, HuggingFace's router, and other hosts of the format
  openai.responses          URL/v1 OpenAI
  azure.chat                URL    Azure OpenAI: by deployment, and /openai/v1
  azure.responses           URL    Azure OpenAI: by version, and /openai/v1
  anthropic.messages        URL    Anthropic
  google.generate_content   URL    Google's Gemini API and Vertex AI
  bedrock.converse          URL    AWS Bedrock, plain and as an AWS event stream
  ollama.chat               URL    Ollama

where URL is http://HOST:PORT. Any key and any model will do. A request that carries the header
'x-tidewire-fault: reset; after_tokens=3' is answered with that fault.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit status.

    Args:
        arguments: The words after the program's name; None takes those of the process.
    """
    parser = argparse.ArgumentParser(prog="tidewire", description="Every chat model behind one interface.")
    parser.add_argument("--version", action="version", version=f"tidewire {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="watch a conversation stream, without key and network")
    demo.add_argument(
        "--model",
        default=os.environ.get("MODEL") or None,  # by which the guides name a model too
        help="a real model, as provider:model (default: the variable MODEL); its key comes from the environment",
    )
    simulate = commands.add_parser(
        "simulate",
        help="answer as the providers do, in their wire formats, on a loopback port",
        epilog=_FORMATS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    simulate.add_argument("--port", type=int, default=8808, help="the port (default: 8808); 0 takes a free one")
    simulate.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    add_profiles(commands.add_parser("profiles", help="what is known of models"))
    given = parser.parse_args(arguments)
    try:
        if given.command == "demo":
            from tidewire.demo import run_demo

            anyio.run(run_demo, given.model)
        elif given.command == "profiles":
            given.run(given)
            sys.stdout.flush()
        else:
            from tidewire.adapters.simulator import run

            run(host=given.host, port=given.port, on_ready=lambda it: print(f"listening on {it.url}", flush=True))
    except TidewireError as error:
        print(f"tidewire: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has after some lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


__all__ = ["main"]
