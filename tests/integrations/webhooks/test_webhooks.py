"""Other systems are told what happened: signed, by ids alone, until they take it, and never more than they asked for."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import select, text

from backend.core import clock, http_client, settings
from backend.core.actor import Actor
from backend.core.audit import Action, AuditEvent
from backend.core.database import TenantId, tenant_session
from backend.core.errors import Conflict, Invalid, NotFound
from backend.integrations.webhooks import service
from backend.integrations.webhooks.schemas import (
    SCHEDULE,
    TOLD,
    EndpointId,
    EndpointView,
    EventKind,
    MessageState,
    NewEndpoint,
    Outcome,
    Problem,
)
from backend.records.transcripts import flow
from backend.records.transcripts.schemas import Deed
from backend.tenants.permissions import Role
from tests.core.site_fixtures import open_test_school, product, signed_in, site
from tests.factories.issued_versions import issue, open_delivering_school
from tests.factories.machine import Death, Machine
from tests.factories.signing_school import PRODUCTION, changed_settings
from tests.integrations.partner_api.partners import Client, partner_of
from tests.integrations.webhooks.receiver import Receiver, receiving

__all__ = ["product", "site"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


class Told:
    """A school with one endpoint."""

    def __init__(self, tenant_id: TenantId, owner: Actor, token: str, receiver: Receiver) -> None:
        self.tenant_id, self.owner, self.token, self.receiver = tenant_id, owner, token, receiver
        self.endpoint_id = EndpointId(uuid.UUID(int=0))

    async def add(self, *events: EventKind) -> EndpointId:
        new = NewEndpoint(url=self.receiver.url, events=frozenset(events or TOLD))
        async with tenant_session(self.tenant_id) as session:
            self.endpoint_id = await service.add_endpoint(session, self.owner, new)
        return self.endpoint_id

    async def do(self, deed: Any, *more: Any) -> Any:
        async with tenant_session(self.tenant_id) as session:
            return await deed(session, self.owner, self.endpoint_id, *more)

    async def view(self) -> EndpointView:
        async with tenant_session(self.tenant_id, read_only=True) as session:
            return await service.get_endpoint(session, self.endpoint_id)

    async def messages(self, state: MessageState | None = None) -> list[Any]:
        async with tenant_session(self.tenant_id, read_only=True) as session:
            return await service.list_messages(session, self.endpoint_id, state, 100, 0)

    async def tell(self, *, hurry: bool = False, death: Death | None = None) -> None:
        """Work off what waits; with `hurry` also what waits for its time."""
        machine = Machine(self.tenant_id, hurry=hurry, death=death)
        while await machine.round():
            pass

    async def announce(self, version_id: uuid.UUID, kind: EventKind = EventKind.TRANSCRIPT_ISSUED) -> None:
        async with tenant_session(self.tenant_id) as session:
            await service.announce(session, kind, [version_id])


@pytest_asyncio.fixture(loop_scope="session")
async def told(site: Litestar, receiver: Receiver) -> AsyncIterator[Told]:
    tenant_id = await open_delivering_school("Trường Báo Tin")
    partner = await partner_of(tenant_id, "Trường Báo Tin")
    yield Told(tenant_id, partner.owner, partner.token, receiver)
    await http_client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def version(told: Told) -> uuid.UUID:
    """An issued version, of which nobody was told."""
    [version_id] = await issue(told.tenant_id)
    await Machine(told.tenant_id).forget()
    return version_id


async def test_what_is_issued_is_told_signed_and_by_ids_alone(told: Told) -> None:
    await told.add()
    versions = await issue(told.tenant_id, 2)
    machine = Machine(told.tenant_id, hurry=False)
    while not told.receiver.sent or await machine.round():
        await machine.round()
    view = await told.view()
    assert {json.loads(one.body)["data"]["id"] for one in told.receiver.sent} == {
        str(one) for one in versions
    }
    for one in told.receiver.sent:
        said = json.loads(one.body)
        assert said.keys() == {"type", "timestamp", "data"}
        assert (said["type"], said["data"].keys()) == ("transcript.issued", {"id", "sequence"})
        assert one.verifies(view.public_key)
        assert abs(int(one.headers["webhook-timestamp"]) - clock.now().timestamp()) < 60
        one.body += b" "
        assert not one.verifies(view.public_key), "not a byte may be changed"
    assert (view.delivered, view.due, view.failed) == (2, 0, 0)


async def test_the_life_of_a_version_is_told(told: Told, version: uuid.UUID) -> None:
    await told.add(EventKind.TRANSCRIPT_LOCKED)
    async with tenant_session(told.tenant_id) as session:
        await flow.advance(session, [version], Deed.ACCEPT, Deed.LOCK)
    await told.tell()
    async with tenant_session(told.tenant_id) as session:
        await flow.advance(session, [version], Deed.LOCK)
    await told.tell()
    [sent] = told.receiver.sent
    assert json.loads(sent.body)["type"] == "transcript.locked"


async def test_only_what_was_asked_for_is_told(told: Told, version: uuid.UUID) -> None:
    await told.add(EventKind.TRANSCRIPT_RECALLED)
    for kind in TOLD:
        if kind is not EventKind.RESULTS_CONFIRMED:
            await told.announce(version, kind)
    await told.tell()
    assert [json.loads(one.body)["type"] for one in told.receiver.sent] == ["transcript.recalled"]


async def test_what_was_not_taken_is_tried_again_under_the_same_id(told: Told, version: uuid.UUID) -> None:
    await told.add()
    told.receiver.status = 500
    await told.announce(version)
    await told.tell()
    [waiting] = await told.messages(MessageState.DUE)
    assert (waiting.attempts, waiting.status, waiting.problem) == (1, 500, "refused")
    [job] = await Machine(told.tenant_id).left()
    assert timedelta() < job["next_at"] - clock.now() < timedelta(seconds=10)
    assert (await told.view()).failing_since is not None
    told.receiver.status = 200
    await told.tell(hurry=True)
    [taken] = await told.messages(MessageState.DELIVERED)
    assert (taken.attempts, taken.status, taken.problem) == (2, 200, None)
    assert told.receiver.times() == [2]
    assert (await told.view()).failing_since is None


async def test_after_the_last_try_a_person_sends_it_again(told: Told, version: uuid.UUID) -> None:
    await told.add()
    told.receiver.status = 503
    await told.announce(version)
    await told.tell(hurry=True)
    [given_up] = await told.messages(MessageState.FAILED)
    assert given_up.attempts == len(SCHEDULE) + 1 == len(told.receiver.sent)
    assert await Machine(told.tenant_id).left() == []
    told.receiver.status = 200
    assert await told.do(service.replay, None) == 1
    assert await told.do(service.replay, None) == 0
    await told.tell()
    assert await told.do(service.replay, given_up.id) == 1, "also what was taken"
    assert await told.do(service.replay, given_up.id) == 0, "not while it waits"
    await told.tell()
    assert told.receiver.times() == [len(SCHEDULE) + 3]
    with pytest.raises(NotFound):
        await told.do(service.replay, uuid.uuid4())


@pytest.mark.parametrize("death", Death)
async def test_a_worker_that_dies_loses_nothing(told: Told, version: uuid.UUID, death: Death) -> None:
    await told.add()
    await told.announce(version)
    await told.tell(hurry=True, death=death)
    [message] = await told.messages()
    assert (message.state, message.attempts) == (MessageState.DELIVERED, 1)
    assert told.receiver.times() == [1 if death is Death.AFTER_THE_INTENT else 2], "twice, under one id"


async def test_what_one_try_has_brought_no_later_one_loses(told: Told, version: uuid.UUID) -> None:
    await told.add()
    await told.announce(version)
    [message] = await told.messages()
    async with tenant_session(told.tenant_id) as session:
        due = await service.to_send(session, message.id)
        assert due is not None
        for outcome in (Outcome(status=204), Outcome(status=500, problem=Problem.REFUSED)):
            await service.record_try(session, due[1], outcome)
    [message] = await told.messages()
    assert (message.state, message.attempts) == (MessageState.DELIVERED, 1)
    assert (await told.view()).failing_since is None


async def test_both_keys_sign_while_they_are_changed(told: Told, version: uuid.UUID) -> None:
    await told.add()
    old = (await told.view()).public_key
    await told.do(service.rotate_key)
    view = await told.view()
    assert (view.old_public_key, view.public_key == old) == (old, False)
    await told.announce(version)
    await told.tell()
    assert [told.receiver.sent[0].verifies(key) for key in (old, view.public_key)] == [True, True]
    async with tenant_session(told.tenant_id) as session:
        await session.execute(text("update webhook_endpoint set old_until = now() - interval '1 s'"))
    await told.do(service.ping)
    await told.tell()
    assert [told.receiver.sent[1].verifies(key) for key in (old, view.public_key)] == [False, True]


@pytest.mark.parametrize("how", ["gone", "for days"])
async def test_an_endpoint_that_takes_nothing_is_stopped_until_somebody_resumes_it(
    told: Told, version: uuid.UUID, how: str
) -> None:
    await told.add()
    told.receiver.status = 410 if how == "gone" else 500
    if how == "for days":
        async with tenant_session(told.tenant_id) as session:
            await session.execute(text("update webhook_endpoint set failing_since = now() - interval '6 d'"))
    await told.announce(version)
    await told.tell(hurry=True)
    await told.announce(version, EventKind.TRANSCRIPT_LOCKED)
    await told.tell(hurry=True)
    view = await told.view()
    assert view.stopped_at is not None
    assert (view.due, len(told.receiver.sent)) == (2, 1)
    with pytest.raises(Conflict, match="đang dừng"):
        await told.do(service.ping)
    async with tenant_session(told.tenant_id, read_only=True) as session:
        stopped = select(AuditEvent.details).where(AuditEvent.action == Action.WEBHOOK_STOPPED)
        assert [one["problem"] for one in await session.scalars(stopped)] == [
            "gone" if how == "gone" else "refused"
        ]
    told.receiver.status = 200
    assert await told.do(service.resume) == 2
    await told.tell()
    assert (await told.view()).delivered == 2
    with pytest.raises(Conflict):
        await told.do(service.resume)


async def stopped(told: Told, version: uuid.UUID) -> None:
    """An endpoint that wants no messages any more, with one that waits for it."""
    await told.add()
    told.receiver.status = 410
    await told.announce(version)
    await told.tell()
    told.receiver.status = 200


async def test_however_much_waits_for_an_endpoint_is_sent_when_it_is_resumed(
    told: Told, version: uuid.UUID
) -> None:
    await stopped(told, version)
    more = service.REPLAYED_AT_ONCE
    async with tenant_session(told.tenant_id) as session:
        await service.announce(session, EventKind.TRANSCRIPT_LOCKED, [version] * more)
    assert await told.do(service.resume) == more + 1
    assert len(await Machine(told.tenant_id).left()) == more + 1


async def test_what_happens_while_an_endpoint_is_resumed_is_told(told: Told, version: uuid.UUID) -> None:
    await stopped(told, version)
    async with tenant_session(told.tenant_id) as session:
        await service.resume(session, told.owner, told.endpoint_id)
        announcing = asyncio.create_task(told.announce(version, EventKind.TRANSCRIPT_LOCKED))
        await asyncio.sleep(0.3)
    await announcing
    await told.tell()
    assert ((await told.view()).due, (await told.view()).delivered) == (0, 2)


async def test_trying_an_endpoint_is_in_nobodys_way(told: Told, version: uuid.UUID) -> None:
    """Whoever announces holds the events before the endpoints; so does whoever sends a message to try one."""
    await told.add(EventKind.TRANSCRIPT_ISSUED)
    told.receiver.url += "?b"
    await told.add(EventKind.TRANSCRIPT_LOCKED)
    async with tenant_session(told.tenant_id) as session:
        await service.announce(session, EventKind.TRANSCRIPT_ISSUED, [version])
        trying = asyncio.create_task(told.do(service.ping))
        await asyncio.sleep(0.3)
        await service.announce(session, EventKind.TRANSCRIPT_LOCKED, [version])
    await trying
    await told.tell()
    assert sorted(json.loads(one.body)["type"] for one in told.receiver.sent) == [
        "transcript.issued",
        "transcript.locked",
        "webhook.ping",
    ]


async def test_nobody_is_told_any_more_once_it_is_ended(told: Told, version: uuid.UUID) -> None:
    await told.add()
    await told.announce(version)
    await told.do(service.end_endpoint)
    await told.announce(version, EventKind.TRANSCRIPT_LOCKED)
    await told.tell(hurry=True)
    assert told.receiver.sent == []
    with pytest.raises(NotFound):
        await told.do(service.resume)


async def test_an_answer_that_does_not_come_is_named(told: Told, version: uuid.UUID) -> None:
    await told.add()
    async with tenant_session(told.tenant_id) as session:
        gone = text("update webhook_endpoint set url = 'http://127.0.0.1:1/tin'")
        with pytest.raises(Exception, match="permission denied"):
            await session.execute(gone)
    told.receiver.headers = {"location": told.receiver.url}
    told.receiver.status = 302
    await told.announce(version)
    await told.tell()
    [message] = await told.messages()
    assert (message.status, message.problem, len(told.receiver.sent)) == (302, "refused", 1), (
        "nobody is followed"
    )


async def test_what_another_school_has_is_not_told(told: Told) -> None:
    other = await open_delivering_school("Trường Khác")
    [theirs] = await issue(other)
    await Machine(other).forget()
    for subject, kind in ((theirs, EventKind.TRANSCRIPT_ISSUED), (uuid.uuid4(), EventKind.RESULTS_CONFIRMED)):
        with pytest.raises(NotFound):
            await told.announce(subject, kind)


async def test_the_feed_tells_in_order_what_webhooks_told(
    site: Litestar, told: Told, version: uuid.UUID
) -> None:
    await told.add()
    kinds = [EventKind.TRANSCRIPT_ISSUED, EventKind.DELIVERY_ACCEPTED, EventKind.TRANSCRIPT_LOCKED]
    for kind in kinds:
        await told.announce(version, kind)
    await told.do(service.ping)
    await told.tell()
    client, after, found = Client(site, told.token), 0, []
    while items := (part := (await client.get("/events", after=after, limit=2)).json())["items"]:
        found += items
        after = part["next_after"]
    assert [one["type"] for one in found] == kinds
    assert [one["sequence"] for one in found] == [1, 2, 3]
    assert {one["subject_id"] for one in found} == {str(version)}
    assert {one["id"] for one in found} < {one.id for one in told.receiver.sent}
    assert (await client.get("/events", after=after)).json() == {"items": [], "next_after": 3}


async def test_the_pages(site: Litestar, receiver: Receiver, product: settings.Settings) -> None:
    school = await open_test_school("Trường Trang Báo Tin")
    it = await signed_in(site, school, Role.IT_TEACHER)
    await it.get("/ket-noi")
    assert "Chưa có địa chỉ nhận tin nào" in (await it.get("/ket-noi/bao-tin")).text
    refused = await it.post("/ket-noi/bao-tin", {"dia_chi": "http://a.example/", "tin": "transcript.issued"})
    assert refused.status_code == 422
    assert "https://" in refused.text
    made = await it.post("/ket-noi/bao-tin", {"dia_chi": receiver.url, "tin": "transcript.issued"})
    assert made.status_code == 303, made.text
    own = made.headers["location"]
    assert re.search(r"whpk_[\w+/=]{44}", (await it.get(own)).text)
    assert (await it.post(f"{own}/thu")).status_code == 303
    await Machine(school.tenant_id, hurry=False).rest()
    shown = await it.get(own)
    assert "Tin thử" in shown.text
    assert "Đã nhận" in shown.text
    [again] = re.findall(rf"{own}/gui-lai/[0-9a-f-]+", shown.text)
    assert (await it.post(again)).status_code == 303
    assert (await it.post(f"{own}/doi-khoa")).status_code == 303
    assert "Khóa cũ" in (await it.get(own)).text
    assert (await it.post(f"{own}/gui-lai")).status_code == 303
    assert (await it.post(f"{own}/bat-lai")).status_code == 409
    assert (await it.post(f"{own}/bo")).status_code == 303
    assert "Đã bỏ" in (await it.get("/ket-noi/bao-tin")).text
    assert (await it.get(f"{own}?trang_thai=failed")).status_code == 200
    await http_client.aclose()


async def test_the_tunnels_of_the_platform_are_not_for_schools(told: Told, version: uuid.UUID) -> None:
    """Where an Authority is reached on a private network, whatever a school writes leads nowhere near it."""
    await told.add()
    await told.announce(version)
    tunnel = {"HOCBA_EGRESS_TUNNELS": "csdl.example.vn=10.20.0.0/24"}
    with changed_settings(HOCBA_ENVIRONMENT="production", **PRODUCTION | tunnel):
        await told.tell()
        told.receiver.url = "http://csdl.example.vn:8080/"
        with pytest.raises(Invalid):
            await told.add()
    [message] = await told.messages()
    assert (message.problem, told.receiver.sent) == ("not_reached", [])
