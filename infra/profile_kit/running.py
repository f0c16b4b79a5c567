"""An Authority that acts from a profile alone, and messages carried to it as the product carries them."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from backend.core.crypto import sha256_hex
from backend.integrations.authorities.schemas import Endpoint
from backend.integrations.deliveries import exchange, rules
from backend.integrations.deliveries.channels import port
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.profiles import samples
from backend.integrations.profiles.catalog import Edition
from infra.simulators.province.__main__ import ADDRESS
from infra.simulators.province.settings import FILE_NAME

#: Pauses in seconds for somebody who does not wait.
IMPATIENT = {"ask": 0.05, "processing": 0.05, "unknown": 0.05, "unsent": 0.05, "settle": 0.05, "longest": 0.2}
_START_LIMIT, _ROUNDS, _LONGEST_PAUSE = 60.0, 60, 0.3


def endpoint_of(edition: Edition, folder: Path, url: str, total_timeout: float) -> Endpoint:
    """The Authority in this folder as a channel wants it."""
    bound: Mapping[str, Any] = json.loads((folder / FILE_NAME).read_text("utf-8"))
    by_file = edition.profile.transport.kind == "sftp"
    return Endpoint(
        profile=edition.profile,
        base_url=(folder / ADDRESS).read_text("utf-8") if by_file else url,
        connect_timeout=5.0,
        total_timeout=total_timeout,
        files=edition.files,
        parameters=bound["parameters"],
        secrets=bound["secrets"],
        platform=bound["platform"].encode(),
    )


@contextmanager
def authority(edition: Edition, folder: Path) -> Iterator[Endpoint]:
    """A simulator of the Authority for as long as the block lasts. Raises RuntimeError when it does not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    file = edition.folder / edition.text.file
    command = (sys.executable, "-m", "infra.simulators.province", "--profile", file, "--data", folder)
    process = subprocess.Popen(
        [str(one) for one in (*command, "--port", number, "--processing", 0.05)], stdout=subprocess.PIPE
    )
    try:
        _await_start(process, number)
        scheme = "https" if edition.profile.auth.__struct_config__.tag == "mtls" else "http"
        yield endpoint_of(edition, folder, f"{scheme}://127.0.0.1:{number}", 30.0)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _await_start(process: "subprocess.Popen[bytes]", number: int) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", number)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the simulator of this Authority did not start")


def about(sample: port.Message, code: str, version: int, refers_to: str | None) -> port.Message:
    """A new message as the sample is, about the document with this code."""
    package = sample.package_xml.replace(sample.lookup_code.encode(), code.encode())
    return msgspec.structs.replace(
        sample,
        message_id=sample.sender_code + uuid.uuid4().hex,
        lookup_code=code,
        version=version,
        package_xml=package,
        sha256=sha256_hex(package),
        refers_to=refers_to,
    )


async def carry(
    endpoint: Endpoint, message: port.Message, begin: DeliveryState = DeliveryState.QUEUED
) -> list[DeliveryState]:
    """Take a message as far as it goes, as the tasks of deliveries do; answers the states that it went through."""
    channel, states = exchange.channel_of(endpoint), [begin]
    retry = msgspec.structs.replace(endpoint.profile.retry, **IMPATIENT)
    answer: port.SendResult | port.QueryResult
    for _ in range(_ROUNDS):
        sent = states[-1] == DeliveryState.QUEUED
        if sent:
            answer = await channel.send(endpoint, message)
        else:
            answer = await channel.query(endpoint, message.message_id, message.sender_code)
        found = rules.outcome(answer, 0.0, retry, sent=sent)
        states.append(found.state)
        if found.state in (*rules.FINAL, DeliveryState.PARKED, DeliveryState.WAITING):
            break
        await asyncio.sleep(min(found.ask_after or found.send_after or 0.0, _LONGEST_PAUSE))
    return states


async def whole_life(endpoint: Endpoint) -> dict[str, list[DeliveryState]]:
    """By action: how a message of each goes, one after the other, about one document."""
    code, refers_to, went = uuid.uuid4().hex, None, dict[str, list[DeliveryState]]()
    for action, version in (("submit", 1), ("replace", 2), ("recall", 2)):
        sample = next(
            (one for one in samples.fitting(endpoint.profile).values() if one.action == action), None
        )
        if sample is not None:
            message = about(sample, code, version, refers_to)
            went[action] = await carry(endpoint, message)
            refers_to = message.message_id
    return went
