"""The command line of model profiles: ``tidewire profiles show``, ``list`` and ``refresh``."""

from __future__ import annotations

import argparse
import json
import os
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import anyio

from tidewire.adapters.profiles import FOLDER_ENV, SHIPPED_FOLDER, find_profile, list_profiles, models_dev_name
from tidewire.adapters.registry import split_model
from tidewire.events.blocks import JSONObject
from tidewire.events.errors import ConfigurationError
from tidewire.profile_store import MODELS_DEV_URL, prepare_refresh


def add_profiles(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``tidewire profiles`` its commands; each sets ``run``, a function of what was given."""
    commands = parser.add_subparsers(dest="action", required=True)
    show = commands.add_parser("show", help="what is known of a model, as JSON")
    show.add_argument("model", metavar="PROVIDER:MODEL")
    show.set_defaults(run=_show)
    listing = commands.add_parser("list", help="the models that are known, a line each")
    listing.add_argument("--provider", help="only this provider's")
    listing.set_defaults(run=_list)
    refresh = commands.add_parser("refresh", help="fetch the facts of models.dev and merge in the augmentations")
    refresh.add_argument("--provider", action="append", default=[], help="a provider; may be given several times")
    refresh.add_argument(
        "--source", default=MODELS_DEV_URL, metavar="URL|FILE", help="where the facts are (default: %(default)s)"
    )
    refresh.add_argument(
        "--data-dir",
        metavar="DIR",
        help="the folder of the file of profiles, and of rules of your own in augmentations.toml "
        f"(default: {FOLDER_ENV}, else the one that tidewire came with)",
    )
    refresh.add_argument("--dry-run", action="store_true", help="show what would change, and write nothing")
    refresh.set_defaults(run=_refresh)


def _show(given: argparse.Namespace) -> None:
    provider, model = _split(given.model)
    profile = find_profile(provider, model)
    if not profile:
        known = list_profiles(models_dev_name(provider)).get(models_dev_name(provider), {})
        near = get_close_matches(model, known, n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ConfigurationError(f"nothing is known of {given.model}{hint}")
    print(json.dumps(dict(sorted(profile.items())), indent=2, ensure_ascii=False))


def _split(name: str) -> tuple[str, str]:
    """Provider and model: also by models.dev's names of providers, some of which tidewire has not."""
    provider, colon, model = name.partition(":")
    return (provider, model) if colon and list_profiles(models_dev_name(provider)) else split_model(name)


def _list(given: argparse.Namespace) -> None:
    wanted = None if given.provider is None else models_dev_name(given.provider)
    listed = list_profiles(wanted)
    if wanted is not None and not listed:
        raise ConfigurationError(f"nothing is known of {given.provider}'s models; known: {', '.join(list_profiles())}")
    for provider, profiles in listed.items():
        for model, profile in profiles.items():
            print(_line(f"{provider}:{model}", profile))


def _line(name: str, profile: JSONObject) -> str:
    sizes = "/".join(str(profile.get(key, "?")) for key in ("max_input_tokens", "max_output_tokens"))
    kinds = [key.removesuffix("_inputs") for key in profile if key.endswith("_inputs") and profile[key] is True]
    does = [word for word, key in _SHOWN.items() if profile.get(key) is True]
    return f"{name:<60} {sizes:>16}  {' '.join([*kinds, *does])}".rstrip()


#: What a line says of a model besides its size and what it takes.
_SHOWN = {"+tools": "tool_calling", "+reasoning": "reasoning_output", "+structured": "structured_output"}


def _refresh(given: argparse.Namespace) -> None:
    folder = Path(given.data_dir or os.environ.get(FOLDER_ENV, "").strip() or SHIPPED_FOLDER)
    refresh = anyio.run(partial(prepare_refresh, given.provider, given.source, folder))
    changes = list(refresh.changes())
    for change in changes:
        print(change)
    if given.dry_run:
        print(f"changes: {len(changes)}, not written")
    else:
        print(f"changes: {len(changes)}, written to {refresh.write()}")


__all__ = ["add_profiles"]
