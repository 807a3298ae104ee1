"""Regions and addresses: as botocore has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from tidewire.adapters.aws_endpoint import endpoint, find_region, region_of
from tidewire.events.errors import ConfigurationError

REGIONS = [
    "us-east-1",
    "eu-central-1",
    "ap-southeast-2",
    "us-gov-west-1",
    "cn-north-1",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "us-isof-south-1",
    "eu-isoe-west-1",
]


@pytest.fixture(autouse=True)
def _no_machine_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("region", REGIONS)
def test_the_address_is_botocore_s(region: str, fips: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", str(fips).lower())
    client = Session().create_client("bedrock-runtime", region, aws_access_key_id="a", aws_secret_access_key="s")
    assert endpoint("bedrock-runtime", region, fips=fips) == client.meta.endpoint_url


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://bedrock-runtime.us-west-2.amazonaws.com/model/m/converse", "us-west-2"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("https://vpce-0a1-b2.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("https://bedrock.us-west-2.amazonaws.com", None),
        ("https://my-bedrock-runtime.us-west-2.example.com", None),
        ("http://127.0.0.1:8080", None),
        ("not a url", None),
    ],
)
def test_an_address_of_the_service_names_its_region(url: str, region: str | None) -> None:
    assert region_of("bedrock-runtime", url) == region


def test_the_region_is_the_caller_s_then_the_environment_s_then_the_profile_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert find_region() is None
    tmp_path.joinpath("config").write_text(
        "[default]\nregion = r-default\n[profile dev]\nregion=r-dev\ns3 =\n  x = 1\n[profile none]\n", encoding="utf-8"
    )
    assert find_region() == "r-default"
    assert find_region(profile="dev") == "r-dev"
    assert find_region(profile="none") is None
    assert find_region(profile="absent") is None
    monkeypatch.setenv("AWS_PROFILE", "dev")
    assert find_region() == "r-dev"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "r-usual")
    assert find_region() == "r-usual"
    monkeypatch.setenv("AWS_REGION", " r-sdk ")
    assert find_region() == "r-sdk"
    assert find_region("r-given", "dev") == "r-given"


def test_the_default_profile_may_be_written_as_the_others_are(tmp_path: Path) -> None:
    tmp_path.joinpath("config").write_text("[profile default]\nregion = r-default\n", encoding="utf-8")
    assert find_region() == "r-default"


@pytest.mark.parametrize("written", [b"region = x\n", b"\xff\xfe"])
def test_a_config_file_that_cannot_be_read_is_named(tmp_path: Path, written: bytes) -> None:
    tmp_path.joinpath("config").write_bytes(written)
    with pytest.raises(ConfigurationError, match="config' cannot be read"):
        find_region()


@pytest.mark.parametrize("region", ["evil.example/", "a b", "US-EAST-1", "us-east-1.evil", "-a", "a-", "é"])
def test_what_is_no_region_is_refused_since_it_becomes_part_of_a_host(region: str) -> None:
    with pytest.raises(ConfigurationError, match="is no AWS region"):
        find_region(region)


@given(st.text(min_size=1, max_size=20))
def test_no_region_leads_to_another_host(region: str) -> None:
    try:
        found = find_region(region)
    except ConfigurationError:
        return
    assert found == region
    assert region_of("bedrock-runtime", endpoint("bedrock-runtime", region)) == region
