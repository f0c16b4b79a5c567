"""What two people decide together: who may decide, until when, and that it is done once or not at all."""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import msgspec
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from backend.core import clock, settings
from backend.core.actor import Actor, SignIn, StaffId
from backend.core.database import TenantSession, account_session, public_session, tenant_session
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.records.handover import service as handover
from backend.tenants.access import queries as access_queries
from backend.tenants.approvals import service
from backend.tenants.approvals.schemas import KIND_NAMES, LASTS, ApprovalRequest, Kind, State
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, open_test_school, signed_in


@dataclass
class Pair:
    """A school and two of its people, each as somebody who asks, and as they are signed in."""

    school: TestSchool
    owner: Actor
    principal: Actor
    at: datetime

    def sign_in(self, actor: Actor) -> SignIn:
        """The sign-in of one of them; the account has the id of the person."""
        assert actor.staff_id is not None
        return SignIn(
            session_id=uuid.uuid4(), held="", account_id=actor.staff_id, factor="passkey", verified_at=self.at
        )

    async def ask(self, session: TenantSession) -> ApprovalRequest:
        """The owner wants all data."""
        return await handover.ask_export(session, self.owner, self.sign_in(self.owner), "Cuối năm")

    async def approve(self, session: TenantSession, request: ApprovalRequest) -> None:
        """The principal approves it."""
        await service.approve(session, self.principal, self.sign_in(self.principal), request.id)

    async def exports(self) -> int:
        """How many exports the school has."""
        async with tenant_session(self.school.tenant_id, read_only=True) as session:
            return len(await handover.list_exports(session))


@pytest_asyncio.fixture(loop_scope="session")
async def pair(product: settings.Settings) -> Pair:
    """A school of one's own."""
    school = await open_test_school("Trường Hai Người")
    async with tenant_session(school.tenant_id, read_only=True) as session:
        owner = await people.actor_of(session, school.staff[Role.OWNER])
        principal = await people.actor_of(session, school.staff[Role.PRINCIPAL])
    return Pair(school, owner, principal, clock.now())


def test_every_kind_has_its_deed_and_its_name() -> None:
    assert set(service._deeds) == set(Kind) == set(KIND_NAMES)
    with pytest.raises(ValueError, match="already"):
        service.deed(Kind.SCHOOL_EXPORT)(handover.export)


async def test_what_was_approved_is_done_in_the_name_of_who_asked(pair: Pair) -> None:
    async with tenant_session(pair.school.tenant_id) as session:
        request = await pair.ask(session)
    assert (request.state, request.ends_at - request.asked_at) == (State.WAITING, LASTS)
    async with tenant_session(pair.school.tenant_id) as session:
        await pair.approve(session, request)
    async with tenant_session(pair.school.tenant_id, read_only=True) as session:
        [export] = await handover.list_exports(session)
        [decided] = await service.list_requests(session)
        deeds = (
            await session.execute(
                text(
                    "select action, actor_name from audit_event where action ~ '^(approvals|handover)' order by at"
                )
            )
        ).all()
    assert export.asked_by == pair.owner.name
    assert (decided.state, decided.decided_by_name) == (State.APPROVED, pair.principal.name)
    assert [tuple(one) for one in deeds] == [
        ("approvals.request.ask", pair.owner.name),
        ("approvals.request.approve", pair.principal.name),
        ("handover.export.ask", pair.owner.name),
    ]


async def test_not_by_whoever_asked_nor_by_the_same_account(pair: Pair) -> None:
    async with tenant_session(pair.school.tenant_id) as session:
        request = await pair.ask(session)
    for actor, sign_in in (
        (pair.owner, pair.sign_in(pair.owner)),
        (pair.principal, pair.sign_in(pair.owner)),
        (pair.owner, pair.sign_in(pair.principal)),
    ):
        async with tenant_session(pair.school.tenant_id) as session:
            with pytest.raises(Forbidden, match="chính bạn"):
                await service.approve(session, actor, sign_in, request.id)
            with pytest.raises(Forbidden, match="chính bạn"):
                await service.refuse(session, actor, sign_in, request.id, "Không")
    assert await pair.exports() == 0


@pytest.mark.parametrize("same", ["asked_by", "asked_account"])
async def test_the_database_itself_knows_two_people(pair: Pair, same: str) -> None:
    async with tenant_session(pair.school.tenant_id) as session:
        await pair.ask(session)
    values = {"decided_by": pair.principal.staff_id, "decided_account": pair.principal.staff_id}
    values[same.replace("asked", "decided")] = pair.owner.staff_id
    approved = text(
        "update approval_request set state = 'approved', decided_by = :decided_by, decided_account = :decided_account"
    )
    with pytest.raises(IntegrityError, match="two_people"):
        async with tenant_session(pair.school.tenant_id) as session:
            await session.execute(approved, values)


async def test_two_who_approve_at_once_have_it_done_once(pair: Pair) -> None:
    async with tenant_session(pair.school.tenant_id) as session:
        request = await pair.ask(session)

    async def one() -> None:
        async with tenant_session(pair.school.tenant_id) as session:
            await pair.approve(session, request)

    answers = await asyncio.gather(one(), one(), return_exceptions=True)
    assert [type(answer) for answer in answers if answer is not None] == [Conflict]
    assert await pair.exports() == 1


async def test_a_death_between_approval_and_deed_leaves_neither(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next try does both."""
    async with tenant_session(pair.school.tenant_id) as session:
        request = await pair.ask(session)
    done = service._deeds[Kind.SCHOOL_EXPORT]

    async def dies(session: TenantSession, actor: Actor, facts: object) -> None:
        await done(session, actor, {})
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setitem(service._deeds, Kind.SCHOOL_EXPORT, dies)
        with pytest.raises(asyncio.CancelledError):
            async with tenant_session(pair.school.tenant_id) as session:
                await pair.approve(session, request)
    assert await pair.exports() == 0
    async with tenant_session(pair.school.tenant_id) as session:
        await pair.approve(session, request)
    assert await pair.exports() == 1


async def test_a_request_runs_out(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    async with tenant_session(pair.school.tenant_id) as session:
        request = await pair.ask(session)
        with pytest.raises(Conflict, match="đang chờ duyệt"):
            await pair.ask(session)
    monkeypatch.setattr(clock, "now", lambda: request.ends_at)
    async with tenant_session(pair.school.tenant_id) as session:
        with pytest.raises(Conflict, match="quá hạn duyệt"):
            await pair.approve(session, request)
        assert await service.count_for(session, pair.principal) == 0
        await pair.ask(session)
        assert await service.count_for(session, pair.principal) == 1
        assert await service.count_for(session, pair.owner) == 0
    assert await pair.exports() == 0


async def test_what_is_decided_stays_so(pair: Pair) -> None:
    principal = pair.sign_in(pair.principal)
    async with tenant_session(pair.school.tenant_id) as session:
        request = await pair.ask(session)
        with pytest.raises(Invalid, match="Lý do từ chối"):
            await service.refuse(session, pair.principal, principal, request.id, "  ")
        await service.refuse(session, pair.principal, principal, request.id, "Chưa đến lúc")
        with pytest.raises(Conflict, match="từ chối nên"):
            await pair.approve(session, request)
        again = await pair.ask(session)
        with pytest.raises(Forbidden, match="Chỉ "):
            await service.withdraw(session, pair.principal, principal, again.id)
        await service.withdraw(session, pair.owner, pair.sign_in(pair.owner), again.id)
        with pytest.raises(Conflict, match="rút lại"):
            await pair.approve(session, again)
        with pytest.raises(NotFound):
            await service.approve(session, pair.principal, principal, uuid.uuid4())
    assert await pair.exports() == 0


async def grow_old(pair: Pair) -> None:
    """The school was opened a month ago, with the people whom it has."""
    async with tenant_session(pair.school.tenant_id) as session:
        for change in ("update school set opened_at", "update staff_role set given_at"):
            await session.execute(text(f"{change} = now() - interval '30 days'"))


async def made_up(session: TenantSession, pair: Pair) -> StaffId:
    """Somebody else becomes principal."""
    login = f"ma@{pair.school.tenant_id.hex}.example"
    return await people.add_staff(session, pair.owner, "Cô Mới", login, "", [Role.PRINCIPAL])


async def promoted(session: TenantSession, pair: Pair) -> StaffId:
    """Somebody who works there becomes principal."""
    clerk = pair.school.staff[Role.CLERK]
    await people.change_staff(session, pair.owner, clerk, "Cô Văn thư", "", [Role.CLERK, Role.PRINCIPAL])
    return clerk


async def back_again(session: TenantSession, pair: Pair) -> StaffId:
    """The principal had left."""
    principal = pair.school.staff[Role.PRINCIPAL]
    await people.leave(session, pair.owner, principal)
    await people.come_back(session, pair.owner, principal)
    return principal


@pytest.mark.parametrize("becomes", [made_up, promoted, back_again])
@pytest.mark.parametrize(("asked_after", "approves"), [(timedelta(0), False), (timedelta(days=3), True)])
async def test_nobody_becomes_the_second_person_for_the_occasion(
    pair: Pair,
    monkeypatch: pytest.MonkeyPatch,
    becomes: Callable[[TenantSession, Pair], Awaitable[StaffId]],
    asked_after: timedelta,
    approves: bool,
) -> None:
    await grow_old(pair)
    async with tenant_session(pair.school.tenant_id) as session:
        second = await people.actor_of(session, await becomes(session, pair))
    later = clock.now() + asked_after
    monkeypatch.setattr(clock, "now", lambda: later)
    async with tenant_session(pair.school.tenant_id) as session:
        if becomes is back_again and not approves:
            with pytest.raises(Conflict, match="đủ ba ngày"):
                await pair.ask(session)
            return
        request = await pair.ask(session)
        others = {one.id for one in await service.approvers(session, pair.owner)}
    assert (second.staff_id in others) is approves
    with nullcontext() if approves else pytest.raises(Forbidden, match="mới được giao vai trò duyệt"):
        async with tenant_session(pair.school.tenant_id) as session:
            await service.approve(session, second, pair.sign_in(second), request.id)
    assert await pair.exports() == int(approves)


async def test_in_the_first_days_of_a_school_nobody_is_new_who_was_there(pair: Pair) -> None:
    async with tenant_session(pair.school.tenant_id) as session:
        request = await pair.ask(session)
    async with tenant_session(pair.school.tenant_id) as session:
        second = await people.actor_of(session, await made_up(session, pair))
        with pytest.raises(Forbidden, match="mới được giao vai trò duyệt"):
            await service.approve(session, second, pair.sign_in(second), request.id)
        await pair.approve(session, request)
    assert await pair.exports() == 1


async def test_whoever_keeps_the_role_keeps_its_days(pair: Pair) -> None:
    await grow_old(pair)
    async with tenant_session(pair.school.tenant_id) as session:
        principal = pair.school.staff[Role.PRINCIPAL]
        roles = [Role.PRINCIPAL, Role.SUBJECT_TEACHER]
        await people.change_staff(session, pair.owner, principal, "Cô Hiệu Trưởng", "HIỆU TRƯỞNG", roles)
    async with tenant_session(pair.school.tenant_id) as session:
        await pair.approve(session, await pair.ask(session))
    assert await pair.exports() == 1


async def test_an_account_that_was_taken_over_approves_nothing(pair: Pair) -> None:
    await grow_old(pair)
    async with public_session() as directory:
        found = await access_queries.find_login(directory, pair.school.login(Role.PRINCIPAL))
    assert found is not None
    sign_in = msgspec.structs.replace(pair.sign_in(pair.principal), account_id=found[0])
    async with tenant_session(pair.school.tenant_id) as session:
        request = await pair.ask(session)
    async with account_session(found[0]) as directory:
        await directory.execute(text("select directory.reset_account('-', now())"))
    async with tenant_session(pair.school.tenant_id) as session:
        with pytest.raises(Forbidden, match="vào lại tài khoản"):
            await service.approve(session, pair.principal, sign_in, request.id)
    assert await pair.exports() == 0


async def test_whoever_may_no_longer_ask_gets_nothing(pair: Pair) -> None:
    async with tenant_session(pair.school.tenant_id) as session:
        request = await pair.ask(session)
        await session.execute(
            text("update staff_role set role = 'clerk' where staff_id = :id"), {"id": pair.owner.staff_id}
        )
        with pytest.raises(Conflict, match="không còn quyền"):
            await pair.approve(session, request)


async def test_where_nobody_else_could_approve(site: Litestar, pair: Pair) -> None:
    """It is said before, and who could be given the right."""
    async with tenant_session(pair.school.tenant_id) as session:
        await session.execute(text("delete from staff_role where role = 'principal'"))
        with pytest.raises(Conflict, match="mời hiệu trưởng"):
            await pair.ask(session)
    owner = await signed_in(site, pair.school, Role.OWNER)
    for path in ("/chu-truong/ban-giao", "/duyet"):
        assert "mời hiệu trưởng" in (await owner.get(path)).text


async def test_the_pages(site: Litestar, pair: Pair) -> None:
    owner = await signed_in(site, pair.school, Role.OWNER)
    principal = await signed_in(site, pair.school, Role.PRINCIPAL)
    await owner.get("/chu-truong/ban-giao")
    await owner.post("/chu-truong/ban-giao/xuat", {"ly_do": "Lưu bản sao cuối năm"})
    assert "đang chờ bạn duyệt" not in (await owner.get("/")).text
    assert "1 đề nghị đang chờ bạn duyệt" in (await principal.get("/")).text
    assert "Đang chờ người thứ hai duyệt" in (await owner.get("/chu-truong/ban-giao")).text

    own = (await owner.get("/duyet")).text
    assert ("/rut-lai" in own, "/dong-y" in own) == (True, False)
    shown = (await principal.get("/duyet")).text
    assert ("/rut-lai" in shown, "Lưu bản sao cuối năm" in shown) == (False, True)
    approve = _action(shown, "dong-y")
    assert (await owner.post(approve)).status_code == 403

    empty = await principal.post(_action(shown, "tu-choi"), {"ly_do": ""})
    assert (empty.status_code, "đang trống" in empty.text) == (422, True)
    assert (await principal.post(_action(shown, "tu-choi"), {"ly_do": "Chờ chốt xong"})).status_code == 303
    assert "Chờ chốt xong" in (await owner.get("/duyet")).text

    await owner.post("/chu-truong/ban-giao/xuat", {"ly_do": "Đã chốt xong"})
    waiting = _action((await principal.get("/duyet")).text, "dong-y")
    assert (await principal.post(waiting)).status_code == 303
    assert (await principal.post(waiting)).status_code == 409
    assert await pair.exports() == 1


async def test_a_deed_that_is_refused_takes_the_approval_with_it(site: Litestar, pair: Pair) -> None:
    """The page of the refusal is shown, and nothing is kept of the attempt."""
    async with tenant_session(pair.school.tenant_id) as session:
        await pair.ask(session)
        await handover.export(session, pair.owner, {})
    principal = await signed_in(site, pair.school, Role.PRINCIPAL)
    answer = await _approve(principal)
    assert (answer.status_code, "Đang có một bản xuất" in answer.text) == (409, True)
    async with tenant_session(pair.school.tenant_id, read_only=True) as session:
        [request] = await service.list_requests(session)
    assert request.state is State.WAITING


async def _approve(browser: Browser) -> httpx.Response:
    return await browser.post(_action((await browser.get("/duyet")).text, "dong-y"))


def _action(shown: str, deed: str) -> str:
    [found] = set(re.findall(rf"/duyet/[0-9a-f-]{{36}}/{deed}", shown))
    return str(found)
