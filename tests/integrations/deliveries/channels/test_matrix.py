"""Every profile × submit, replace, recall × every fault: what is sent is with the authority once, counted in its records.

The messages go through the rules of deliveries and over real sockets; only the database is left out.
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from backend.core import at_once, http_client
from backend.integrations.deliveries import exchange
from backend.integrations.deliveries.channels import port
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.profiles import samples
from infra.profile_kit import running
from tests.factories.editions import newest, profile_of
from tests.fakes.processes import Province, start_province

SCHOOL = "01000701"
#: What a person carries to a portal has its own faults (tests/integrations/portal).
PROFILES = [path for path in newest() if profile_of(path).transport.kind != "manual_portal"]
ACTIONS = ("submit", "replace", "recall")
#: Long enough for an answer on a machine that others use, too; `slow` is slower (seconds).
PATIENCE = 2.0
#: Messages that are under way together.
AT_ONCE = 12


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
    Fault("clock_skew", "#send", {"seconds": 3600.0}),
    Fault("clock_skew", "#query", {"seconds": -3600.0}),
]  # fmt: skip


@pytest.fixture(scope="module", params=PROFILES, ids=lambda path: path.stem)
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    with start_province(tmp_path_factory.mktemp("matrix"), request.param, processing=0.05) as province:
        yield province


@pytest.fixture
async def province(started: Province) -> AsyncIterator[Province]:
    started.clear_faults()
    yield started
    await http_client.aclose()


def message_of(action: str, code: str, version: int = 1, refers_to: str | None = None) -> port.Message:
    """A message about the document with this code."""
    [sample, *_] = [one for one in samples.messages().values() if one.action == action]
    return running.about(sample, code, version, refers_to)


async def carry(province: Province, message: port.Message) -> list[DeliveryState]:
    """Take a message as far as it goes, as the tasks of deliveries do; a person sends on once what was parked."""
    endpoint = province.endpoint(total_timeout=PATIENCE)
    states = await running.carry(endpoint, message)
    if states[-1] == DeliveryState.PARKED:
        states += await running.carry(endpoint, message, DeliveryState.UNKNOWN)
    return states


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


async def test_whatever_happens_the_authority_has_it_once(province: Province) -> None:
    """Every fault × every action, all under way together: a fault acts on the calls about one message alone."""
    kinds = [(fault, action) for fault in FAULTS for action in ACTIONS]
    sent = await at_once.each(kinds, lambda kind: prepared(province, kind[1]), limit=AT_ONCE)
    before = province.ledger()
    for (fault, _), message in zip(kinds, sent, strict=True):
        province.fault(fault.kind, path=message.message_id + fault.path, **fault.settings)
    went = await at_once.each(sent, lambda message: carry(province, message), limit=AT_ONCE)
    left = {one["path"]: one["times"] for one in province.get("/sandbox/faults")["faults"]}
    for (fault, action), message in zip(kinds, sent, strict=True):
        whole = fault.settings.get("times", 1)
        assert left.get(message.message_id + fault.path) != whole, f"{fault} of {action} never happened"
    for (fault, action), message, states in zip(kinds, sent, went, strict=True):
        assert states[-1] == DeliveryState.ACCEPTED, (str(fault), action, states)
        here = [one["messageId"] for one in documents(province, message.lookup_code)]
        assert here.count(message.message_id) == 1, (str(fault), action)
    assert_grown(before, province.ledger(), len(FAULTS))


async def test_an_authority_that_is_gone_for_a_while_has_it_once(province: Province) -> None:
    sent = [await prepared(province, action) for action in ACTIONS]
    before = province.ledger()
    province.fault("down", seconds=0.4)
    for states in await at_once.each(sent, lambda message: carry(province, message), limit=AT_ONCE):
        assert states[-1] == DeliveryState.ACCEPTED, states
    assert_grown(before, province.ledger(), 1)


def assert_grown(before: dict[str, Any], after: dict[str, Any], cases: int) -> None:
    """In the authority's own records: one message per case, each replacement and recall once, nothing twice."""
    assert after["duplicates"] == []
    assert after["messages"] - before["messages"] == cases * len(ACTIONS)
    assert after["replaced"] - before["replaced"] == cases
    assert after["recalled"] - before["recalled"] == cases


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
    body = province.profile.operations.send.body
    assert body is not None
    same = sent.evidence.sent == again.evidence.sent
    assert same is (body.encrypt is None), "the same message is the same bytes, unless it is encrypted"
    for secret in endpoint.secrets.values():
        assert secret.encode() not in sent.evidence.sent + sent.evidence.received
        assert secret not in repr(sent) + repr(endpoint)
    assert b"UsernameToken" not in sent.evidence.sent
