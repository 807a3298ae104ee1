"""Who pays for a call to AWS: the first that is there, told at the first request where nobody is."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from anyio import create_task_group, to_thread
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tidewire.adapters.aws_credentials import AwsCredentials, keys_given
from tidewire.adapters.secrets import Secret
from tidewire.adapters.spec import HttpRequest
from tidewire.events.errors import ConfigurationError

URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_machine_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def payer(region: str | None = "us-east-1", **given: Any) -> AwsCredentials:
    return AwsCredentials(
        "bedrock", "bedrock-runtime", region, bearer_env=("AWS_BEARER_TOKEN_BEDROCK",), clock=lambda: NOW, **given
    )


async def paid(credentials: AwsCredentials, url: str = URL) -> dict[str, str]:
    """The headers of a request as they go out."""
    request = HttpRequest("POST", url, {"content-type": "application/json", "x-key": Secret("hush")}, b"{}")
    applied = await credentials.apply(request)
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in applied.headers.items()}


async def key_id(credentials: AwsCredentials) -> str:
    return (await paid(credentials))["authorization"].partition("Credential=")[2].partition("/")[0]


async def test_a_given_key_is_a_bearer_key() -> None:
    assert (await paid(payer(api_key=" key\n")))["authorization"] == "Bearer key"
    assert (await paid(payer(api_key=Secret("key"))))["authorization"] == "Bearer key"


def test_an_access_key_is_a_text_or_a_secret() -> None:
    wrong: Any = 5
    with pytest.raises(ConfigurationError, match="aws_access_key_id is a text or a Secret, not int"):
        keys_given(wrong, "secret", None)
    with pytest.raises(ConfigurationError, match="aws_session_token is a text or a Secret, not int"):
        keys_given("id", "secret", wrong)


async def test_a_key_may_come_from_a_function_for_each_request() -> None:
    given = iter(["one", "two"])

    async def later() -> str:
        return "three"

    source: Callable[[], str] = lambda: next(given)  # noqa: E731 - a user's own way to write it
    credentials = payer(api_key=source)
    assert [(await paid(credentials))["authorization"] for _ in range(2)] == ["Bearer one", "Bearer two"]
    awaited: Callable[[], Awaitable[str]] = later
    assert (await paid(payer(api_key=awaited)))["authorization"] == "Bearer three"


async def test_given_access_keys_sign_as_botocore_does() -> None:
    headers = await paid(payer(keys=keys_given("AKID", "secret", "token")))
    assert headers["x-amz-date"] == "20261125T120000Z"
    assert headers["x-amz-security-token"] == "token"
    judge: Any = AWSRequest(
        method="POST", url=URL, data=b"{}", headers={"content-type": "application/json", "x-key": "hush"}
    )
    judge.context["timestamp"] = headers["x-amz-date"]
    judge.headers["X-Amz-Date"] = headers["x-amz-date"]
    judge.headers["X-Amz-Security-Token"] = "token"
    auth = SigV4Auth(Credentials("AKID", "secret", "token"), "bedrock", "us-east-1")
    signature = auth.signature(auth.string_to_sign(judge, auth.canonical_request(judge)), judge)
    assert headers["authorization"].endswith(f"Signature={signature}")


async def test_an_address_that_names_a_region_is_signed_for_it() -> None:
    keys = keys_given("AKID", "secret", None)
    elsewhere = URL.replace("us-east-1", "eu-west-1")
    assert "/eu-west-1/bedrock/" in (await paid(payer(keys=keys), elsewhere))["authorization"]
    assert "/us-east-1/bedrock/" in (await paid(payer(keys=keys), "http://127.0.0.1:1/m"))["authorization"]
    assert "/us-east-1/" in (await paid(payer(None, keys=keys)))["authorization"]
    with pytest.raises(ConfigurationError, match=r"pass region_name=…, or set the environment variable AWS_REGION"):
        await paid(payer(None, keys=keys), "http://127.0.0.1:1/m")


async def test_a_bearer_key_needs_no_region() -> None:
    assert (await paid(payer(None, api_key="k"), "http://127.0.0.1:1/m"))["authorization"] == "Bearer k"


async def test_the_environment_is_read_at_each_request_and_what_is_given_counts_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credentials = payer()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert await key_id(credentials) == "AKENV"
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    assert (await paid(credentials))["x-amz-security-token"] == "session"
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bearer")
    assert (await paid(credentials))["authorization"] == "Bearer bearer"
    assert await key_id(payer(keys=keys_given("AKID", "s", None))) == "AKID"
    tmp_path.joinpath("credentials").write_text(
        "[dev]\naws_access_key_id = AKDEV\naws_secret_access_key = s\n", encoding="utf-8"
    )
    assert await key_id(payer(profile="dev")) == "AKDEV"


async def test_half_a_key_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
    with pytest.raises(ConfigurationError, match="AWS_ACCESS_KEY_ID is set, but not AWS_SECRET_ACCESS_KEY"):
        await paid(payer())


async def test_no_key_at_all_is_told_at_the_first_request_with_all_ways_to_set_one() -> None:
    with pytest.raises(ConfigurationError) as caught:
        await paid(payer())
    for way in ("api_key=…", "aws_access_key_id=…", "AWS_BEARER_TOKEN_BEDROCK", "credentials_profile_name=…"):
        assert way in caught.value.message


async def test_without_botocore_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(ConfigurationError, match=r"or install tidewire\[aws\]"):
        await paid(AwsCredentials("bedrock", "bedrock-runtime", "us-east-1"))


async def test_a_profile_that_does_not_exist_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"the AWS credentials cannot be loaded: .*\(nowhere\)"):
        await paid(payer(profile="nowhere"))


def write_process(folder: Path, *, lasting: timedelta | None) -> Path:
    """A profile whose keys come from a program that counts how often it was asked."""
    counter = folder / "asked"
    answer: dict[str, Any] = {"Version": 1, "AccessKeyId": "AKPROC", "SecretAccessKey": "s", "SessionToken": "t"}
    if lasting is not None:
        answer["Expiration"] = (datetime.now(UTC) + lasting).isoformat()
    folder.joinpath("answer").write_text(json.dumps(answer), encoding="utf-8")
    program = folder / "keys.py"
    program.write_text(
        f"""
import os, sys, time
with open({str(counter)!r}, "a") as counter:
    counter.write("x")
for _ in range(500):
    if not os.path.exists({str(folder / "closed")!r}):
        break
    time.sleep(0.01)
else:
    sys.exit("nobody opened the door")
print(open({str(folder / "answer")!r}).read())
""",
        encoding="utf-8",
    )
    folder.joinpath("config").write_text(
        f"[profile proc]\ncredential_process = {sys.executable} {program}\n", encoding="utf-8"
    )
    return counter


@pytest.mark.parametrize("lasting", [None, timedelta(hours=2)])
async def test_keys_that_botocore_finds_are_loaded_once(tmp_path: Path, lasting: timedelta | None) -> None:
    counter = write_process(tmp_path, lasting=lasting)
    credentials = payer(profile="proc")
    assert [await key_id(credentials) for _ in range(3)] == ["AKPROC"] * 3
    assert (await paid(credentials))["x-amz-security-token"] == "t"
    assert counter.read_text(encoding="utf-8") == "x"


def wait_for_more(counter: Path, asked: int) -> None:
    while len(counter.read_text(encoding="utf-8")) == asked:
        time.sleep(0.01)


async def test_keys_that_end_soon_are_renewed_beside_the_event_loop(tmp_path: Path) -> None:
    counter = write_process(tmp_path, lasting=timedelta(minutes=5))  # botocore insists on renewing then
    credentials = payer(profile="proc")
    await paid(credentials)
    asked = len(counter.read_text(encoding="utf-8"))
    door = tmp_path / "closed"
    door.touch()
    async with create_task_group() as group:
        group.start_soon(paid, credentials)
        await to_thread.run_sync(wait_for_more, counter, asked)  # the program has begun, and waits for the door
        door.unlink()


async def test_a_program_that_fails_is_told(tmp_path: Path) -> None:
    tmp_path.joinpath("config").write_text("[profile proc]\ncredential_process = false\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="the AWS credentials cannot be loaded"):
        await paid(payer(profile="proc"))


def test_several_event_loops_share_one_loading(tmp_path: Path) -> None:
    counter = write_process(tmp_path, lasting=timedelta(hours=2))
    credentials = payer(profile="proc")
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(asyncio.run(key_id(credentials)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["AKPROC"] * 4
    assert counter.read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (("AKID", None, None), "aws_secret_access_key is missing"),
        ((None, "secret", None), "aws_access_key_id is missing"),
        ((None, None, "token"), "aws_access_key_id is missing"),
        (("AKID", None, "token"), "aws_secret_access_key is missing"),
    ],
)
def test_half_of_the_arguments_are_told_at_once(given: tuple[Any, Any, Any], missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        keys_given(*given)


def test_no_arguments_are_no_keys_and_secrets_may_be_wrapped_already() -> None:
    assert keys_given(None, None, None) is None
    keys = keys_given(Secret("AKID"), Secret("secret"), Secret("token"))
    assert keys is not None
    assert (keys.access_key_id, keys.secret_access_key) == ("AKID", Secret("secret"))


def test_nothing_that_is_printed_shows_a_secret() -> None:
    keys = keys_given("AKID", "top-secret", "session")
    assert repr(payer(keys=keys, api_key=None)) == "AwsCredentials(bedrock, us-east-1)"
    assert "top-secret" not in repr(keys)
    assert "session'" not in repr(keys)
