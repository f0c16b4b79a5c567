"""An issued version is taken back and replaced: asked by one, approved by another, with the province once. And locked."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import date

import pytest
import pytest_asyncio
from sqlalchemy import text

from backend.core import clock
from backend.core.actor import Actor, SignIn
from backend.core.database import TenantId, tenant_session
from backend.core.errors import Conflict, Forbidden, Invalid
from backend.core.ids import new_id
from backend.integrations.deliveries import opening, queries, service
from backend.integrations.deliveries.schemas import Action, DeliveryState, DeliverySummary
from backend.records.transcripts import flow, life
from backend.records.transcripts import rules as transcript_rules
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import Deed, VersionState, VersionSummary
from backend.tenants.approvals import service as approvals
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.factories.issued_versions import issue, issue_next
from tests.factories.machine import Death, Machine
from tests.factories.signing_school import PRODUCTION, changed_settings
from tests.fakes.processes import Province
from tests.integrations.deliveries.conftest import begin_sending

REASON = "Sai điểm Toán học kì hai của em"
IN_TIME, TOO_LATE = date(2026, 6, 29), date(2026, 6, 30)


@dataclass
class Management:
    """Who asks and who approves, as they are signed in."""

    tenant_id: TenantId
    deputy: Actor
    principal: Actor

    async def ask(self, version_id: uuid.UUID, reason: str = REASON) -> uuid.UUID | None:
        """The deputy asks for a recall; the request."""
        async with tenant_session(self.tenant_id) as session:
            asked = await life.ask_recall(session, self.deputy, signed_in(self.deputy), version_id, reason)
        return asked.id if asked else None

    async def approve(self, request_id: uuid.UUID) -> None:
        async with tenant_session(self.tenant_id) as session:
            await approvals.approve(session, self.principal, signed_in(self.principal), request_id)

    async def recall(self, version_id: uuid.UUID) -> None:
        """Asked and approved."""
        asked = await self.ask(version_id)
        assert asked is not None
        await self.approve(asked)


def signed_in(actor: Actor) -> SignIn:
    assert actor.staff_id is not None
    return SignIn(
        session_id=new_id(), held="", account_id=actor.staff_id, factor="passkey", verified_at=clock.now()
    )


@pytest_asyncio.fixture(loop_scope="session")
async def management(school: TenantId) -> Management:
    return await manage(school)


async def manage(tenant_id: TenantId) -> Management:
    """A deputy and a principal."""
    found = []
    async with tenant_session(tenant_id) as session:
        asker = Actor(tenant_id=tenant_id, staff_id=None, name="Người lập trường")
        for role in (Role.DEPUTY_PRINCIPAL, Role.PRINCIPAL):
            mail = f"quan-ly-{role}@{tenant_id.hex}.example"
            staff_id = await people.add_staff(session, asker, f"Cô {role}", mail, "HIỆU TRƯỞNG", [role])
            found.append(await people.actor_of(session, staff_id))
    return Management(tenant_id, *found)


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is frozen and recalled before the last day of the plan."""
    at(monkeypatch, IN_TIME)


def at(patch: pytest.MonkeyPatch, day: date) -> None:
    patch.setattr(clock, "today", lambda: day)


async def version(tenant_id: TenantId, version_id: uuid.UUID) -> VersionSummary:
    async with tenant_session(tenant_id, read_only=True) as session:
        return await transcripts.get_version(session, version_id)


async def state(tenant_id: TenantId, version_id: uuid.UUID) -> str:
    return (await version(tenant_id, version_id)).state


async def deliveries_of(tenant_id: TenantId, version_id: uuid.UUID) -> dict[Action, DeliverySummary]:
    async with tenant_session(tenant_id, read_only=True) as session:
        return {one.action: one for one in await service.of_version(session, version_id)}


async def accepted_version(tenant_id: TenantId) -> uuid.UUID:
    """An issued version that the province has accepted."""
    [version_id] = await issue(tenant_id)
    await Machine(tenant_id).rest()
    assert await state(tenant_id, version_id) == VersionState.ACCEPTED
    return version_id


ALIVE_OR_DEAD = pytest.mark.parametrize(
    "death", [None, *Death], ids=lambda death: death.name.lower() if death else "alive"
)


@ALIVE_OR_DEAD
async def test_recalled_with_the_province_once_and_then_replaced(
    death: Death | None, school: TenantId, management: Management, authority: Province
) -> None:
    first = await accepted_version(school)
    before = authority.ledger()
    await management.recall(first)
    assert await state(school, first) == VersionState.RECALL_REQUESTED
    await Machine(school, death=death).rest()
    assert await state(school, first) == VersionState.RECALLED
    sent = await deliveries_of(school, first)
    assert sent[Action.RECALL].state is DeliveryState.ACCEPTED
    assert sent[Action.RECALL].refers_to == sent[Action.SUBMIT].message_id
    assert sent[Action.RECALL].message_id != sent[Action.SUBMIT].message_id
    second = await issue_next(school, first)
    await Machine(school, death=death).rest()
    assert (await state(school, first), await state(school, second)) == (
        VersionState.RECALLED,
        VersionState.ACCEPTED,
    ), "the test issues past the flow, which is what marks the former as replaced"
    replacing = await deliveries_of(school, second)
    assert replacing[Action.REPLACE].refers_to == sent[Action.SUBMIT].message_id
    after = authority.ledger()
    counted = {name: after[name] - before[name] for name in ("messages", "recalled", "replaced", "rejected")}
    assert counted == {"messages": 2, "recalled": 1, "replaced": 1, "rejected": 0}
    assert after["duplicates"] == []


@pytest.mark.parametrize("fault", ["drop_after_accept", "http500", "html_200", "wrong_code", "foreign_ack"])
async def test_a_recall_whose_answer_is_lost_is_asked_about_and_happens_once(
    fault: str, school: TenantId, management: Management, authority: Province
) -> None:
    first = await accepted_version(school)
    before = authority.ledger()
    await management.recall(first)
    authority.fault(fault, times=2)
    await Machine(school).rest()
    assert await state(school, first) == VersionState.RECALLED
    after = authority.ledger()
    assert (after["messages"] - before["messages"], after["recalled"] - before["recalled"]) == (1, 1)


async def test_what_the_province_refused_is_recalled_without_asking_it(
    school: TenantId, management: Management, authority: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after the last day: what is wrong must have a way out, and nothing of it was ever in force."""
    [first] = await issue(school)
    machine = Machine(school)
    await machine.forget()
    async with tenant_session(school) as session:
        await flow.advance(session, [first], Deed.REJECT)
    at(monkeypatch, TOO_LATE)
    before = authority.ledger()["messages"]
    await management.recall(first)
    await machine.rest()
    assert await state(school, first) == VersionState.RECALLED
    second = await issue_next(school, first)
    await machine.rest()
    assert list(await deliveries_of(school, second)) == [Action.SUBMIT], "the province has nothing to replace"
    assert authority.ledger()["messages"] == before + 1


async def test_a_recall_that_comes_too_late_there_leaves_the_version_locked(
    school: TenantId, management: Management, authority: Province
) -> None:
    first = await accepted_version(school)
    message = (await deliveries_of(school, first))[Action.SUBMIT].message_id
    authority.post("/sandbox/lock", {"messages": [message]})
    await management.recall(first)
    await Machine(school).rest()
    found = await version(school, first)
    assert (found.state, found.effective_on) == (VersionState.LOCKED, IN_TIME)
    refused = (await deliveries_of(school, first))[Action.RECALL]
    assert [error["code"] for error in refused.errors] == ["DA_CHOT"]
    with pytest.raises(
        Conflict, match=r"đã chốt và có hiệu lực \(Phụ lục 1, mục 2.1\) nên không thu hồi được"
    ):
        await management.ask(first)


async def test_a_recall_that_the_province_returns_is_asked_for_again_as_another_message(
    school: TenantId, management: Management, authority: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no lock: the version stands as before, and management reads what was wrong with the recall."""
    first = await accepted_version(school)
    with monkeypatch.context() as patch:
        patch.setattr(transcript_rules, "MIN_REASON", 1)
        asked = await management.ask(first, "Sai")
        assert asked is not None
        await management.approve(asked)
    await Machine(school).rest()
    found = await version(school, first)
    assert (found.state, found.withdrawn_at, found.effective_on) == (VersionState.ACCEPTED, None, None)
    returned = (await deliveries_of(school, first))[Action.RECALL]
    assert (returned.state, [error["code"] for error in returned.errors]) == (
        DeliveryState.REJECTED,
        ["LY_DO"],
    )
    await management.recall(first)
    await Machine(school).rest()
    assert await state(school, first) == VersionState.RECALLED
    again = (await deliveries_of(school, first))[Action.RECALL]
    assert (again.state, again.errors) == (DeliveryState.ACCEPTED, ())
    assert again.message_id != returned.message_id
    assert authority.ledger()["duplicates"] == []


async def test_what_the_province_has_recalled_already_is_recalled(
    school: TenantId, management: Management, authority: Province
) -> None:
    """Under another message than ours, as after a restored database."""
    first = await accepted_version(school)
    await management.recall(first)
    await Machine(school).rest()
    recalled = (await deliveries_of(school, first))[Action.RECALL]
    async with tenant_session(school) as session:
        again = text("update transcript_version set state = 'recall_requested' where id = :id")
        await session.execute(again, {"id": first})
        rejected = text("update delivery set state = 'rejected' where id = :id")
        await session.execute(rejected, {"id": recalled.id})
        await opening.open_recalls(session, [first])
    await Machine(school).rest()
    assert await state(school, first) == VersionState.RECALLED
    refused = (await deliveries_of(school, first))[Action.RECALL]
    assert [error["code"] for error in refused.errors] == ["DA_THU_HOI"]


async def test_the_province_says_that_it_has_locked_what_it_accepted(
    school: TenantId, authority: Province
) -> None:
    [first] = await issue(school)
    machine = Machine(school)

    async def received() -> bool:
        sent = await deliveries_of(school, first)
        return Action.SUBMIT in sent and sent[Action.SUBMIT].state is DeliveryState.RECEIVED

    await machine.until(received)
    message = (await deliveries_of(school, first))[Action.SUBMIT].message_id
    authority.post("/sandbox/lock", {"messages": [message]})
    await machine.rest()
    found = await version(school, first)
    assert (found.state, found.effective_on) == (VersionState.LOCKED, IN_TIME)
    assert (await deliveries_of(school, first))[Action.SUBMIT].state is DeliveryState.ACCEPTED


async def test_the_province_is_asked_every_night_whether_it_has_locked_what_it_accepted(
    school: TenantId, authority: Province
) -> None:
    first, second = await accepted_version(school), await accepted_version(school)
    message = (await deliveries_of(school, first))[Action.SUBMIT].message_id
    authority.post("/sandbox/lock", {"messages": [message]})
    for fault in ("http500", None):
        if fault:
            authority.fault(fault, times=2)
        async with tenant_session(school) as session:
            await service.queue_lock_questions(session)
        await Machine(school).rest()
    assert (await version(school, first)).effective_on == IN_TIME
    assert await state(school, second) == VersionState.ACCEPTED


async def test_after_the_last_day_nobody_recalls(
    school: TenantId, management: Management, authority: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J07: on 1/7, after chốt 30/6; also while it waits for the second person."""
    first = await accepted_version(school)
    asked = await management.ask(first)
    assert asked is not None
    at(monkeypatch, TOO_LATE)
    with pytest.raises(Conflict, match=r"đã qua hạn chốt \(trước ngày 30/06/2026, Phụ lục 1, mục 2.1"):
        await management.approve(asked)
    with pytest.raises(Conflict, match="đã qua hạn chốt"):
        await management.ask(first)
    assert await state(school, first) == VersionState.ACCEPTED


async def test_who_may_and_what_is_refused(
    school: TenantId, management: Management, authority: Province
) -> None:
    first = await accepted_version(school)
    with pytest.raises(Invalid, match="xin ghi lý do"):
        await management.ask(first, "sai")
    asked = await management.ask(first)
    assert asked is not None
    with pytest.raises(Conflict, match="đang chờ duyệt"):
        await management.ask(first)
    other = await accepted_version(school)
    assert await management.ask(other) is not None, "a recall of another pupil's waits beside it"
    async with tenant_session(school) as session:
        with pytest.raises(Forbidden, match="do chính bạn đưa ra"):
            await approvals.approve(session, management.deputy, signed_in(management.deputy), asked)
        with pytest.raises(Conflict, match="không rút lại được"):
            await life.withdraw(session, management.principal, first, REASON)
    nobody = Actor(tenant_id=school, staff_id=None, name="Cô giáo")
    async with tenant_session(school) as session:
        with pytest.raises(Forbidden, match="chỉ ban giám hiệu thu hồi được"):
            await life.ask_recall(session, nobody, signed_in(management.deputy), first, REASON)


async def begun(tenant_id: TenantId, version_id: uuid.UUID, *states: DeliveryState) -> None:
    """The machine goes on until the version's own message is in one of these states."""

    async def reached() -> bool:
        sent = await deliveries_of(tenant_id, version_id)
        return Action.SUBMIT in sent and sent[Action.SUBMIT].state in states

    await Machine(tenant_id, hurry=False).until(reached)


@ALIVE_OR_DEAD
@pytest.mark.parametrize("opened", [False, True], ids=["not_opened", "queued"])
async def test_what_was_not_sent_is_recalled_and_goes_no_more(
    opened: bool, death: Death | None, school: TenantId, management: Management, authority: Province
) -> None:
    before = authority.ledger()["messages"]
    [first] = await issue(school)
    if opened:
        await begun(school, first, DeliveryState.DRAFT)
    await management.recall(first)
    await Machine(school, death=death).rest()
    assert await state(school, first) == VersionState.RECALLED
    sent = await deliveries_of(school, first)
    assert {action: one.state for action, one in sent.items()} == (
        {Action.SUBMIT: DeliveryState.CANCELLED} if opened else {}
    )
    second = await issue_next(school, first)
    await Machine(school, death=death).rest()
    assert await state(school, second) == VersionState.ACCEPTED
    assert list(await deliveries_of(school, second)) == [Action.SUBMIT], "there is nothing to replace"
    assert authority.ledger()["messages"] == before + 1


@ALIVE_OR_DEAD
@pytest.mark.parametrize("fault", ["drop_after_accept", None], ids=["unknown", "received"])
async def test_what_has_no_answer_is_recalled_when_the_province_turns_out_to_have_it(
    fault: str | None, death: Death | None, school: TenantId, management: Management, authority: Province
) -> None:
    before = authority.ledger()
    [first] = await issue(school)
    if fault:
        authority.fault(fault)
    await begun(school, first, DeliveryState.UNKNOWN if fault else DeliveryState.RECEIVED)
    await management.recall(first)
    async with tenant_session(school) as session:
        await opening.open_recalls(session, [first])
    assert list(await deliveries_of(school, first)) == [Action.SUBMIT], "nobody knows yet what to recall"
    await Machine(school, death=death).rest()
    assert await state(school, first) == VersionState.RECALLED
    sent = await deliveries_of(school, first)
    assert sent[Action.RECALL].refers_to == sent[Action.SUBMIT].message_id
    assert {one.state for one in sent.values()} == {DeliveryState.ACCEPTED}
    after = authority.ledger()
    assert (after["recalled"] - before["recalled"], after["duplicates"]) == (1, [])


@pytest.mark.parametrize(
    ("stopped", "outcome", "is_over"),
    [
        (DeliveryState.WAITING, None, True),
        (DeliveryState.PARKED, None, True),
        (DeliveryState.PARKED, "refused", True),
        (DeliveryState.PARKED, "unknown", False),
        (DeliveryState.PARKED, "received", False),
        (DeliveryState.HANDED, None, False),
        (DeliveryState.SENDING, None, False),
        (DeliveryState.REJECTED, "received", True),
    ],
)
async def test_only_what_certainly_is_not_there_is_called_off(
    stopped: DeliveryState, outcome: str | None, is_over: bool, school: TenantId, management: Management
) -> None:
    [first] = await issue(school)
    await begun(school, first, DeliveryState.DRAFT)
    sent = (await deliveries_of(school, first))[Action.SUBMIT]
    await management.recall(first)
    await Machine(school).forget()
    async with tenant_session(school) as session:
        if outcome:
            attempt = new_id()
            await queries.begin_attempts(session, {sent.id: attempt}, clock.now())
            tried = {"ended_at": clock.now(), "outcome": outcome, "sent_sha256": None, "answer_sha256": None}
            await queries.end_attempts(session, [{"id": attempt, **tried}])
        await queries.update_deliveries(session, [sent.id], {"state": stopped})
    async with tenant_session(school) as session:
        await opening.open_recalls(session, [first])
    called_off = is_over and stopped is not DeliveryState.REJECTED
    found = (await deliveries_of(school, first))[Action.SUBMIT]
    assert found.state is (DeliveryState.CANCELLED if called_off else stopped)
    await Machine(school).rest()
    assert await state(school, first) == (VersionState.RECALLED if is_over else VersionState.RECALL_REQUESTED)


async def test_what_comes_back_unsent_is_not_sent_again(
    school: TenantId, management: Management, authority: Province
) -> None:
    """The province does not know a message of which nothing was heard: it would go again, were it not recalled."""
    [first] = await issue(school)
    await begun(school, first, DeliveryState.DRAFT)
    sent = (await deliveries_of(school, first))[Action.SUBMIT]
    await management.recall(first)
    await Machine(school).forget()
    async with tenant_session(school) as session:
        assert await begin_sending(session, [sent.id]) == []
    await Machine(school).forget()
    async with tenant_session(school) as session:
        await queries.update_deliveries(session, [sent.id], {"state": DeliveryState.UNKNOWN})
        await service.ask_again(session, [sent.id])
    before = authority.ledger()["messages"]
    await Machine(school).rest()
    assert await state(school, first) == VersionState.RECALLED
    assert (await deliveries_of(school, first))[Action.SUBMIT].state is DeliveryState.CANCELLED
    assert authority.ledger()["messages"] == before


async def test_nothing_is_opened_beside_a_recall(school: TenantId, management: Management) -> None:
    [first] = await issue(school)
    await Machine(school).forget()
    asked = await management.ask(first)
    assert asked is not None
    async with tenant_session(school) as session:
        principal, sign_in = management.principal, signed_in(management.principal)
        await approvals.approve(session, principal, sign_in, asked)

        async def open_beside() -> None:
            async with tenant_session(school) as other:
                await service.open_deliveries(other, [first])

        beside = asyncio.create_task(open_beside())
        done, _ = await asyncio.wait([beside], timeout=0.2)
        assert not done, "opened while the recall was not decided"
    await asyncio.wait_for(beside, 20)
    assert await deliveries_of(school, first) == {}


async def test_a_school_without_an_authority_recalls_by_two_people_alone(
    school: TenantId, management: Management
) -> None:
    [first] = await issue(school)
    await Machine(school).forget()
    with changed_settings(HOCBA_ENVIRONMENT="production", **PRODUCTION):
        async with tenant_session(school) as session:
            with pytest.raises(Conflict, match="chưa kết nối cơ quan tiếp nhận"):
                await service.open_deliveries(session, [first])
    asked = await management.ask(first)
    assert await state(school, first) == VersionState.ISSUED
    assert asked is not None
    await management.approve(asked)
    with changed_settings(HOCBA_ENVIRONMENT="production", **PRODUCTION):
        async with tenant_session(school) as session:
            await service.open_deliveries(session, [first])
    await Machine(school).rest()
    assert await state(school, first) == VersionState.RECALLED


async def test_where_nobody_else_could_approve_it_is_done_at_once(
    school: TenantId, management: Management, authority: Province
) -> None:
    first = await accepted_version(school)
    async with tenant_session(school) as session:
        principal = management.principal
        asked = await life.ask_recall(session, principal, signed_in(principal), first, REASON)
    assert asked is None
    await Machine(school).rest()
    assert await state(school, first) == VersionState.RECALLED
