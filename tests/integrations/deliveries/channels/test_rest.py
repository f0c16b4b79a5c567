"""The REST channel against the real province process, counted in the province's own ledger."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from backend.core import http_client
from backend.integrations.deliveries.channels import port
from backend.integrations.deliveries.channels.rest import RestChannel, encode
from tests.fakes.processes import Province, start_province

SCHOOL = "01000701"
PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>
<HOC_BA><DU_LIEU_HOC_BA Id="data"><THONG_TIN_HOC_BA Id="thongtinhocba"><MA_TRA_CUU>{code}</MA_TRA_CUU>
<HO_TEN>Nguyễn Thị Ví Dụ</HO_TEN></THONG_TIN_HOC_BA></DU_LIEU_HOC_BA></HOC_BA>"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    with start_province(tmp_path_factory.mktemp("rest"), processing=0.1) as province:
        yield province


@pytest.fixture
async def province(running: Province) -> AsyncIterator[Province]:
    running.clear_faults()
    yield running
    await http_client.aclose()


def message_of(package: bytes | None = None, **changes: object) -> port.Message:
    """A good message; `package` or `changes` spoil it."""
    code = uuid.uuid4().hex
    xml = PACKAGE.format(code=code).encode() if package is None else package
    message = port.Message(
        message_id=SCHOOL + uuid.uuid4().hex,
        sender_code=SCHOOL,
        action="submit",
        lookup_code=code,
        version=1,
        sha256=hashlib.sha256(xml).hexdigest(),
        package_xml=xml,
        pdf_sha256=hashlib.sha256(b"pdf").hexdigest(),
    )
    return msgspec.structs.replace(message, **changes)


async def outcome(province: Province, message_id: str) -> port.QueryResult:
    """Ask until the province has decided."""
    for _ in range(100):
        result = await RestChannel().query(province.endpoint(), message_id, SCHOOL)
        if not isinstance(result, port.Processing):
            return result
        await asyncio.sleep(0.03)
    raise AssertionError("still processing")


async def test_received_then_accepted(province: Province) -> None:
    message, channel = message_of(), RestChannel()
    before = province.ledger()
    sent = await channel.send(province.endpoint(), message)
    assert isinstance(sent, port.Received)
    result = await outcome(province, message.message_id)
    assert isinstance(result, port.Accepted)
    assert sent.authority_id.startswith("GD")
    assert result.receipt.startswith("BN")
    assert province.ledger()["effective"] - before["effective"] == 1
    [listed] = [item for item in province_documents(province) if item["messageId"] == message.message_id]
    assert (listed["lookupCode"], listed["sha256"]) == (message.lookup_code, message.sha256)


async def test_until_it_has_decided_it_is_processing(tmp_path: Path) -> None:
    with start_province(tmp_path, processing=600) as province:
        message, channel = message_of(), RestChannel()
        assert isinstance(await channel.send(province.endpoint(), message), port.Received)
        assert isinstance(
            await channel.query(province.endpoint(), message.message_id, SCHOOL), port.Processing
        )
    await http_client.aclose()


def province_documents(province: Province) -> list[dict[str, object]]:
    """The province's own list."""
    documents: list[dict[str, object]] = province.get(f"/sandbox/documents?sender={SCHOOL}")["documents"]
    return documents


async def test_evidence_holds_every_byte_and_no_key(province: Province) -> None:
    message, endpoint = message_of(), province.endpoint()
    sent = await RestChannel().send(endpoint, message)
    evidence = sent.evidence
    assert evidence.sent == encode(endpoint, message)
    assert evidence.sent_sha256 == hashlib.sha256(evidence.sent).hexdigest()
    assert msgspec.json.decode(evidence.received)["messageId"] == message.message_id
    assert evidence.received_sha256 == hashlib.sha256(evidence.received).hexdigest()
    assert evidence.status == 200
    assert evidence.started_at <= evidence.ended_at
    assert endpoint.secrets["api_key"] not in repr(sent)
    assert endpoint.secrets["api_key"] not in repr(endpoint)


async def test_the_same_message_again_is_the_same_message(province: Province) -> None:
    message, channel = message_of(), RestChannel()
    before = province.ledger()
    sent = await asyncio.gather(*(channel.send(province.endpoint(), message) for _ in range(5)))
    assert len({item.authority_id for item in sent if isinstance(item, port.Received)}) == 1
    after = province.ledger()
    assert after["messages"] - before["messages"] == 1
    assert after["repeats"] - before["repeats"] == 4
    assert after["duplicates"] == before["duplicates"]


async def test_a_new_id_for_the_same_version_shows_as_a_duplicate(tmp_path: Path) -> None:
    with start_province(tmp_path, processing=0) as province:
        message = message_of()
        again = msgspec.structs.replace(message, message_id=SCHOOL + uuid.uuid4().hex)
        for item in (message, again):
            assert isinstance(await RestChannel().send(province.endpoint(), item), port.Received)
        [duplicate] = province.ledger()["duplicates"]
        assert (duplicate["lookupCode"], duplicate["messages"]) == (message.lookup_code, 2)
    await http_client.aclose()


async def test_an_id_never_takes_other_content(province: Province) -> None:
    message = message_of()
    await RestChannel().send(province.endpoint(), message)
    other = message_of(message_id=message.message_id)
    refused = await RestChannel().send(province.endpoint(), other)
    assert isinstance(refused, port.Rejected)
    assert refused.errors[0].code == "TRUNG_MA"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (message_of(b"no xml"), "XML_SAI"),
        (message_of(b"<HOC_BA/>"), "THIEU_TRUONG"),
        (message_of(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "XML_DTD"),
        (message_of(PACKAGE.format(code="0" * 32).encode()), "MA_TRA_CUU"),
        (message_of(sha256="0" * 64), "BAM_GOI_TIN"),
        (message_of(version=0), "PHIEN_BAN"),
        (message_of(pdf_sha256="xyz"), "BAM_PDF"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_bad_content_is_rejected_with_its_errors(
    province: Province, message: port.Message, code: str
) -> None:
    fresh = msgspec.structs.replace(message, message_id=SCHOOL + uuid.uuid4().hex)
    assert isinstance(await RestChannel().send(province.endpoint(), fresh), port.Received)
    result = await outcome(province, fresh.message_id)
    assert isinstance(result, port.Rejected)
    assert code in {error.code for error in result.errors}
    assert all(error.message for error in result.errors)


async def test_a_bad_envelope_is_refused_at_once(province: Province) -> None:
    refused = await RestChannel().send(province.endpoint(), message_of(message_id="nobody"))
    assert isinstance(refused, port.Rejected)
    assert refused.errors[0].code == "MA_THONG_DIEP"


async def test_an_unknown_id_is_not_found(province: Province) -> None:
    result = await RestChannel().query(province.endpoint(), SCHOOL + uuid.uuid4().hex, SCHOOL)
    assert isinstance(result, port.NotFound)


async def test_a_404_of_somebody_else_proves_nothing(province: Province) -> None:
    astray = msgspec.structs.replace(province.endpoint(), base_url=f"{province.url}/proxy")
    assert isinstance(await RestChannel().query(astray, SCHOOL + uuid.uuid4().hex, SCHOOL), port.Unknown)
    assert isinstance(await RestChannel().send(astray, message_of()), port.Unknown)


async def test_a_refused_key_needs_a_person(province: Province) -> None:
    wrong = msgspec.structs.replace(province.endpoint(), secrets={"api_key": "sai"})
    result = await RestChannel().send(wrong, message_of())
    assert isinstance(result, port.NotSent)
    assert result.needs_person


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        ("slow", 1),
        ("drop_after_accept", 1),
        ("duplicate_ack", 1),
        ("html_200", 1),
        ("wrong_code", 1),
        ("foreign_ack", 1),
        ("http500", 0),
    ],
)
async def test_every_unclear_answer_is_unknown_and_the_same_id_resolves_it(
    province: Province, fault: str, arrived: int
) -> None:
    message, channel, before = message_of(), RestChannel(), province.ledger()["messages"]
    province.fault(fault, seconds=2.0)
    sent = await channel.send(province.endpoint(total_timeout=1.0), message)
    assert isinstance(sent, port.Unknown)
    assert province.ledger()["messages"] - before == arrived
    asked = await outcome(province, message.message_id)
    assert isinstance(asked, port.Accepted if arrived else port.NotFound)
    assert isinstance(await channel.send(province.endpoint(), message), port.Received)
    assert isinstance(await outcome(province, message.message_id), port.Accepted)
    assert province.ledger()["messages"] - before == 1


@pytest.mark.parametrize(
    "fault", ["drop_after_accept", "duplicate_ack", "html_200", "wrong_code", "foreign_ack", "http500"]
)
async def test_an_unclear_query_is_neither_accepted_nor_rejected(province: Province, fault: str) -> None:
    message = message_of()
    await RestChannel().send(province.endpoint(), message)
    await outcome(province, message.message_id)
    province.fault(fault)
    assert isinstance(
        await RestChannel().query(province.endpoint(), message.message_id, SCHOOL), port.Unknown
    )
    assert isinstance(
        await RestChannel().query(province.endpoint(), message.message_id, SCHOOL), port.Accepted
    )


async def test_while_it_is_down_nothing_is_sent(province: Province) -> None:
    message, channel = message_of(), RestChannel()
    province.fault("down", seconds=3)
    sent = await channel.send(province.endpoint(), message)
    assert isinstance(sent, port.NotSent)
    assert not sent.needs_person
    assert isinstance(await channel.query(province.endpoint(), message.message_id, SCHOOL), port.Unknown)
    await asyncio.sleep(3.5)
    assert isinstance(await channel.send(province.endpoint(), message), port.Received)


async def test_kill_9_after_acceptance_keeps_one_message(tmp_path: Path) -> None:
    with start_province(tmp_path, processing=0.05) as province:
        message = message_of()
        province.fault("drop_after_accept")
        assert isinstance(await RestChannel().send(province.endpoint(), message), port.Unknown)
        province.kill()
        province.start()
        assert isinstance(await outcome(province, message.message_id), port.Accepted)
        assert isinstance(await RestChannel().send(province.endpoint(), message), port.Received)
        ledger = province.ledger()
        assert (ledger["messages"], ledger["effective"], ledger["repeats"]) == (1, 1, 1)
        assert province.stop() == 0
    await http_client.aclose()
