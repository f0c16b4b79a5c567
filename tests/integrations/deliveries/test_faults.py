"""Whatever a province does, a version is with it once, or a person reads why not. Counted in the province's records."""

import re
import uuid
from dataclasses import dataclass, field

import msgspec
import pytest
from sqlalchemy import text

from backend.core import jobs, settings, storage
from backend.core.actor import Actor, machine
from backend.core.database import TenantId, tenant_session
from backend.core.errors import Conflict
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import rules, service, troubles
from backend.integrations.deliveries.channels import port
from backend.integrations.deliveries.schemas import AttemptView, DeliveryState, DeliverySummary
from backend.integrations.profiles.schemas import Retry
from backend.records.transcripts import queries as transcript_queries
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import VersionState
from tests.factories.issued_versions import issue
from tests.factories.machine import Death, Machine
from tests.factories.signing_school import changed_settings
from tests.fakes.processes import Province

SEND, ASK = "/api/v1/messages", "/api/v1/messages/"


@dataclass
class Fault:
    """What is switched on, and on which side of the exchange."""

    kind: str
    settings: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind}-{self.settings.get('times', 1)}"


FAULTS = [
    Fault("slow", {"seconds": 1.5}),
    Fault("slow", {"seconds": 1.5, "times": 3}),
    Fault("down", {"seconds": 0.7}),
    *(
        Fault(kind, {"times": times})
        for kind in ("http500", "drop_after_accept", "duplicate_ack", "html_200", "wrong_code", "foreign_ack")
        for times in (1, 4)
    ),
]


async def delivery_of(tenant_id: TenantId, version_id: uuid.UUID) -> DeliverySummary:
    async with tenant_session(tenant_id, read_only=True) as session:
        [found] = await service.of_version(session, version_id)
    return found


async def sender(tenant_id: TenantId) -> str:
    async with tenant_session(tenant_id, read_only=True) as session:
        return (await authorities.bound_authority(session)).sender_code


async def arrived(authority: Province, tenant_id: TenantId) -> list[dict[str, str]]:
    """The province's list of this school's messages."""
    documents: list[dict[str, str]] = authority.get(f"/sandbox/documents?sender={await sender(tenant_id)}")[
        "documents"
    ]
    return documents


async def accepted_once(authority: Province, tenant_id: TenantId, version_id: uuid.UUID) -> None:
    found = await delivery_of(tenant_id, version_id)
    assert (found.state, found.reason) == (DeliveryState.ACCEPTED, None)
    authority.clear_faults()
    [message] = await arrived(authority, tenant_id)
    assert message["messageId"] == found.message_id
    assert found.message_id == rules.message_id(
        await sender(tenant_id), version_id, found.authority, "submit"
    )
    assert message["state"] == "accepted"
    assert found.authority_reference == message["receipt"]
    assert authority.ledger()["duplicates"] == []


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One second is a time-out here."""
    patient = authorities.bound_authority

    async def bound(session: object) -> object:
        found = await patient(session)  # type: ignore[arg-type]
        return msgspec.structs.replace(
            found, endpoint=msgspec.structs.replace(found.endpoint, total_timeout=1.0)
        )

    monkeypatch.setattr(authorities, "bound_authority", bound)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_trouble_ends_in_one_accepted_message(
    fault: Fault, school: TenantId, authority: Province
) -> None:
    [version_id] = await issue(school)
    authority.fault(fault.kind, **fault.settings)
    await Machine(school).rest()
    await accepted_once(authority, school, version_id)


@pytest.mark.parametrize("kind", ["http500", "html_200", "wrong_code", "foreign_ack", "drop_after_accept"])
async def test_as_long_as_it_lasts_people_read_that_it_is_unknown_and_why(
    kind: str, school: TenantId, authority: Province
) -> None:
    [version_id] = await issue(school)
    authority.fault(kind, times=10_000)
    machine = Machine(school)
    for _ in range(12):
        await machine.round()
    found = await delivery_of(school, version_id)
    assert found.state == DeliveryState.UNKNOWN
    assert re.search(r"hỏi lại theo mã thông điệp", found.reason or "")
    attempts = await attempts_of(school, found)
    assert len(attempts) == 1, "it must not be sent again before the province has answered"
    authority.clear_faults()
    await machine.rest()
    await accepted_once(authority, school, version_id)


async def test_a_refused_key_waits_for_a_person_who_sends_it_again(
    school: TenantId, authority: Province
) -> None:
    [version_id] = await issue(school)
    machine = Machine(school)
    with changed_settings(HOCBA_PROVINCE_API_KEY="sai"):
        await machine.rest()
    parked = await delivery_of(school, version_id)
    assert parked.state == DeliveryState.PARKED
    assert "từ chối khóa kết nối" in (parked.reason or "")
    assert await arrived(authority, school) == []
    async with tenant_session(school) as session:
        await service.retry(session, somebody(school), parked.id)
    await Machine(school).rest()
    await accepted_once(authority, school, version_id)
    assert (await delivery_of(school, version_id)).message_id == parked.message_id
    async with tenant_session(school) as session:
        with pytest.raises(Conflict, match="đang chờ người xử lý"):
            await service.retry(session, somebody(school), parked.id)


async def test_a_rejected_version_says_what_the_province_said_and_is_not_sent_again(
    school: TenantId, authority: Province
) -> None:
    [version_id] = await issue(school)
    machine = Machine(school)
    await machine.forget()
    await spoil(school, version_id, await storage.put(school, b"<HOC_BA/>"))
    async with tenant_session(school) as session:
        await service.open_deliveries(session, [version_id])
    await machine.rest()
    found = await delivery_of(school, version_id)
    assert found.state == DeliveryState.REJECTED
    assert {error["code"] for error in found.errors} == {"THIEU_TRUONG"}
    assert all(error["message"] for error in found.errors)
    assert len(await arrived(authority, school)) == 1


async def test_a_package_that_is_gone_waits_for_a_person(school: TenantId, authority: Province) -> None:
    [version_id] = await issue(school)
    machine = Machine(school)
    await machine.forget()
    await spoil(school, version_id, "ab" * 32)
    async with tenant_session(school) as session:
        await service.open_deliveries(session, [version_id])
    found = await delivery_of(school, version_id)
    await machine.rest()
    parked = await delivery_of(school, version_id)
    assert parked.state == DeliveryState.PARKED
    assert parked.reason == "Không tìm thấy tệp trong kho lưu trữ."
    assert await attempts_of(school, found) == []
    assert await arrived(authority, school) == []


@pytest.mark.parametrize("death", Death, ids=lambda death: death.name.lower())
async def test_workers_that_die_lead_to_questions_not_to_second_messages(
    death: Death, school: TenantId, authority: Province
) -> None:
    versions = await issue(school, 5)
    machine = Machine(school, death=death)
    await machine.rest()
    found = [await delivery_of(school, version_id) for version_id in versions]
    assert {delivery.state for delivery in found} == {DeliveryState.ACCEPTED}
    messages = await arrived(authority, school)
    assert sorted(message["messageId"] for message in messages) == sorted(d.message_id for d in found)
    assert authority.ledger()["duplicates"] == []
    assert machine.done.count(rules.QUERY) > len(versions)


async def test_a_worker_that_died_after_the_message_had_arrived_asks_and_does_not_resend(
    school: TenantId, authority: Province
) -> None:
    [version_id] = await issue(school)
    repeats = authority.ledger()["repeats"]
    await Machine(school, death=Death.BEFORE_THE_END).rest()
    await accepted_once(authority, school, version_id)
    found = await delivery_of(school, version_id)
    assert authority.ledger()["repeats"] == repeats
    [attempt] = await attempts_of(school, found)
    assert attempt.outcome is None, "nobody lived to record what came of it"


async def test_a_version_is_queued_once(school: TenantId, authority: Province) -> None:
    [version_id] = await issue(school)
    for _ in range(3):
        async with tenant_session(school) as session:
            await service.open_deliveries(session, [version_id])
    await Machine(school).rest()
    await accepted_once(authority, school, version_id)


def test_an_authority_in_trouble_is_left_alone_for_longer_and_longer() -> None:
    evidence = msgspec.convert(
        {"target": "", "started_at": "2026-05-30T00:00:00Z", "ended_at": "2026-05-30T00:00:00Z",
         "sent": b"", "received": b"", "status": None},
        port.Evidence,
    )  # fmt: skip
    pauses = [
        rules.outcome(port.Unknown(reason="", evidence=evidence), waited, Retry(longest=40.0)).ask_after
        for waited in (0, 60, 9e4)
    ]
    assert pauses == [3.0, 15.0, 40.0]


def test_jobs_of_deliveries_show_people_when_they_are_given_up(product: settings.Settings) -> None:
    assert all(jobs.find(kind).on_park is service.park for kind in (rules.SEND, rules.QUERY))


def somebody(tenant_id: TenantId) -> Actor:
    return Actor(tenant_id=tenant_id, staff_id=None, name="Cô Văn thư")


async def attempts_of(tenant_id: TenantId, delivery: DeliverySummary) -> list[AttemptView]:
    async with tenant_session(tenant_id, read_only=True) as session:
        return list((await service.get_delivery(session, delivery.id))[1])


async def spoil(tenant_id: TenantId, version_id: uuid.UUID, xml_sha256: str) -> None:
    """Let a version name another XML than its own, before it is delivered."""
    async with tenant_session(tenant_id) as session:
        await transcript_queries.update_versions(session, {version_id: {"xml_sha256": xml_sha256}})


async def test_what_is_turned_back_at_the_door_is_not_rejected_and_goes_again_under_its_id(
    school: TenantId, authority: Province
) -> None:
    [version_id] = await issue(school)
    async with tenant_session(school) as session:
        await service.open_deliveries(session, [version_id])
        # Our message says another school than its id: an error of the connection, not of the learning record.
        await session.execute(text("update school set code = 'X' || code"))
    await Machine(school).rest()
    found = await delivery_of(school, version_id)
    assert found.state == DeliveryState.PARKED
    assert "MA_THONG_DIEP" in (found.reason or "")
    assert "Học bạ không sai" in (found.reason or "")
    assert await arrived(authority, school) == []
    async with tenant_session(school) as session:
        assert (await transcripts.get_version(session, version_id)).state == VersionState.PACKAGED
        await session.execute(text("update school set code = substr(code, 2)"))
        [group] = await troubles.groups(session)
        assert (group.count, group.parked) == (1, 1)
        await troubles.retry(session, machine(school), group.authority, group.cause)
    await Machine(school).rest()
    await accepted_once(authority, school, version_id)
    assert (await delivery_of(school, version_id)).message_id == found.message_id
