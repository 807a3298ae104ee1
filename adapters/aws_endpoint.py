"""Where an AWS service answers: the region that a call is for, and the address that it has there.

Source: "AWS Regions", "FIPS and dual-stack endpoints" and "Service-specific endpoints" of the AWS SDKs and Tools
reference guide, read 2026-11-25.
"""

from __future__ import annotations

import configparser
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from tidewire.events.errors import ConfigurationError

#: Environment variables that name the region, the first one that is set.
REGION_ENV = ("AWS_REGION", "AWS_DEFAULT_REGION")

# How regions outside the commercial and the US government's partition begin, and what their addresses end with.
_PARTITIONS = (
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
)

# The region is a part of a host's name: a slash in it would send keys elsewhere.
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def find_region(given: str | None = None, profile: str | None = None) -> str | None:
    """The region: as given, from the environment, or from the profile in AWS's config file; None if nothing says.

    Raises:
        ConfigurationError: The region is no name of one, or the config file cannot be read.
    """
    region = given or next((value for name in REGION_ENV if (value := os.environ.get(name, "").strip())), None)
    region = region or _region_of_profile(profile or os.environ.get("AWS_PROFILE", "").strip() or "default")
    if region is not None and not _REGION.fullmatch(region):
        raise ConfigurationError(f"{region!r} is no AWS region; one is 'us-east-1'")
    return region


def _region_of_profile(profile: str) -> str | None:
    path = Path(os.environ.get("AWS_CONFIG_FILE", "").strip() or "~/.aws/config")
    config = configparser.RawConfigParser(strict=False)
    try:
        config.read(path.expanduser(), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError, RuntimeError) as error:
        raise ConfigurationError(f"AWS's config file {str(path)!r} cannot be read: {type(error).__name__}") from error
    section = profile if profile == "default" and config.has_section(profile) else f"profile {profile}"
    return config.get(section, "region", fallback="").strip() or None


def endpoint(service: str, region: str, *, fips: bool = False) -> str:
    """The address of a service in a region.

    Args:
        service: How its host's name begins, such as ``bedrock-runtime``.
        region: The region.
        fips: Take the address whose cryptography is validated for the US government.
    """
    suffix = next((suffix for start, suffix in _PARTITIONS if region.startswith(start)), "amazonaws.com")
    return f"https://{service}{'-fips' if fips else ''}.{region}.{suffix}"


def region_of(service: str, url: str) -> str | None:
    """The region that an address of the service names, also one inside a private network; None if it names none."""
    found = re.search(rf"(?:^|\.){re.escape(service)}(?:-fips)?\.([a-z0-9-]+)\.", urlsplit(url).hostname or "")
    return found.group(1) if found else None


__all__ = ["REGION_ENV", "endpoint", "find_region", "region_of"]
