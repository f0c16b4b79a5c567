"""Every profile × submit, replace, recall × every fault: what is sent is with the authority once, counted in its records.

The messages go through the rules of deliveries and over real sockets; only the database is left out.
"""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from backend.core import http_client
from backend.integrations.deliveries import exchange, rules
from backend.integrations.deliveries.channels import port
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.profiles import catalog, samples
from tests.fakes.processes import Province, start_province

SCHOOL = "01000701"
PROFILES = sorted(catalog.FOLDER.glob("*.yaml"))
ACTIONS = ("submit", "replace", "recall")
#: Long enough for an answer on a machine that others use, too; `slow` is slower (seconds).
PATIENCE = 1.0
IMPATIENT = {"ask": 0.05, "processing": 0.05, "unknown": 0.05, "unsent": 0.05, "settle": 0.05, "longest": 0.2}


@dataclass
class Fault:
    """What is switched on for the calls of one kind."""

    kind: str
    path: str = ""
    settings: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind}{self.path}"


FAULTS = [
    *(
        Fault(kind, path, {"times": 2})
        for kind in ("http500", "drop_after_accept", "duplicate_ack", "html_200", "wrong_code", "foreign_ack", "busy")
        for path in ("#send", "#query")
    ),
    Fault("slow", "#send", {"seconds": PATIENCE * 1.5}),
    Fault("slow", "#query", {"seconds": PATIENCE * 1.5}),
    Fault("stale", "#query", {"times": 3}),
    Fault("token_ended"),
    Fault("down", "", {"seconds": 0.4}),
]  # fmt: skip


@pytest.fixture(scope="module", params=PROFILES, ids=lambda path: path.stem)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    with start_province(tmp_path_factory.mktemp("matrix"), request.param, processing=0.05) as province:
        yield province


@pytest.fixture
async def province(running: Province) -> AsyncIterator[Province]:
    running.clear_faults()
    yield running
    await http_client.aclose()


def message_of(action: str, code: str, version: int = 1, refers_to: str | None = None) -> port.Message:
    """A message about the document with this code."""
    [sample, *_] = [one for one in samples.messages().values() if one.action == action]
    package = sample.package_xml.replace(sample.lookup_code.encode(), code.encode())
    return msgspec.structs.replace(
        sample,
        message_id=SCHOOL + uuid.uuid4().hex,
        lookup_code=code,
        version=version,
        package_xml=package,
        sha256=hashlib.sha256(package).hexdigest(),
        refers_to=refers_to,
    )


async def carry(province: Province, message: port.Message) -> list[DeliveryState]:
    """Take a message as far as it goes, as the tasks of deliveries do; answers the states that it went through."""
    endpoint, channel, states = (
        province.endpoint(total_timeout=PATIENCE),
        exchange.channel_of(province.endpoint()),
        [DeliveryState.QUEUED],
    )
    retry = msgspec.structs.replace(endpoint.profile.retry, **IMPATIENT)
    answer: port.SendResult | port.QueryResult
    for _ in range(60):
        if states[-1] == DeliveryState.QUEUED:
            answer = await channel.send(endpoint, message)
        else:
            answer = await channel.query(endpoint, message.message_id, message.sender_code)
        found = rules.outcome(answer, 0.0, retry)
        states.append(found.state)
        if found.state in (*rules.FINAL, DeliveryState.PARKED):
            return states
        await asyncio.sleep(min(found.ask_after or found.send_after or 0.0, 0.3))
    raise AssertionError(f"no end: {states}")


def documents(province: Province, code: str) -> list[dict[str, Any]]:
    """What the authority has about one document."""
    listed = province.get(f"/sandbox/documents?sender={SCHOOL}")["documents"]
    return [one for one in listed if one["lookupCode"] == code]


async def prepared(province: Province, action: str) -> port.Message:
    """A message of this action that the authority will accept: what it refers to is accepted already."""
    code = uuid.uuid4().hex
    if action == "submit":
        return message_of("submit", code)
    first = message_of("submit", code)
    assert (await carry(province, first))[-1] == DeliveryState.ACCEPTED
    return message_of(action, code, 2 if action == "replace" else 1, first.message_id)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_whatever_happens_the_authority_has_it_once(
    province: Province, action: str, fault: Fault
) -> None:
    message = await prepared(province, action)
    before = province.ledger()
    province.fault(fault.kind, path=fault.path, **fault.settings)
    states = await carry(province, message)
    province.clear_faults()
    assert states[-1] == DeliveryState.ACCEPTED, states
    after = province.ledger()
    assert after["messages"] - before["messages"] == 1
    assert after["duplicates"] == []
    assert [one["messageId"] for one in documents(province, message.lookup_code)].count(
        message.message_id
    ) == 1
    assert after["replaced"] - before["replaced"] == (action == "replace")
    assert after["recalled"] - before["recalled"] == (action == "recall")


@pytest.mark.parametrize("action", ["replace", "recall"])
async def test_what_was_locked_early_is_refused_with_the_reason_of_the_authority(
    province: Province, action: str
) -> None:
    code = uuid.uuid4().hex
    first = message_of("submit", code)
    province.fault("early_lock")
    assert (await carry(province, first))[-1] == DeliveryState.ACCEPTED
    answer = await exchange.channel_of(province.endpoint()).query(
        province.endpoint(), first.message_id, SCHOOL
    )
    assert isinstance(answer, port.Locked)
    message = message_of(action, code, 2, first.message_id)
    assert (await carry(province, message))[-1] == DeliveryState.REJECTED
    refused = await exchange.channel_of(province.endpoint()).query(
        province.endpoint(), message.message_id, SCHOOL
    )
    assert isinstance(refused, port.Rejected)
    [error] = refused.errors
    assert "locked" in province.profile.errors[error.code].means


async def test_secrets_that_are_refused_wait_for_a_person_and_nothing_arrives(province: Province) -> None:
    endpoint, before = province.endpoint(), province.ledger()["messages"]
    wrong = msgspec.structs.replace(endpoint, secrets=dict.fromkeys(endpoint.secrets, "sai"))
    message = message_of("submit", uuid.uuid4().hex)
    result = await exchange.channel_of(province.endpoint()).send(wrong, message)
    assert isinstance(result, port.NotSent)
    assert result.needs_person
    asked = await exchange.channel_of(wrong).query(wrong, message.message_id, SCHOOL)
    assert isinstance(asked, port.Unknown)
    assert province.ledger()["messages"] == before


async def test_no_secret_is_in_the_evidence(province: Province) -> None:
    endpoint = province.endpoint()
    message = message_of("submit", uuid.uuid4().hex)
    sent = await exchange.channel_of(province.endpoint()).send(endpoint, message)
    again = await exchange.channel_of(province.endpoint()).send(endpoint, message)
    assert isinstance(sent, port.Received)
    assert sent.evidence.sent == again.evidence.sent, "the same message is the same bytes"
    for secret in endpoint.secrets.values():
        assert secret.encode() not in sent.evidence.sent + sent.evidence.received
        assert secret not in repr(sent) + repr(endpoint)
    assert b"UsernameToken" not in sent.evidence.sent
