"""A package goes out: made, signed, given by hand; and who may not have one."""

import itertools
import re
import uuid
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from backend.core import clock, storage
from backend.core.actor import machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.records.movements import service as movements
from backend.records.transcripts import flow as versions
from backend.records.transcripts import life
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import Deed, VersionState, VersionSummary
from backend.records.transfers import checking, flow, rules, service
from backend.records.transfers.schemas import TransferState
from backend.records.verification.schemas import Standing
from backend.remote_signing.requests import service as signing
from tests.factories.machine import Death
from tests.records.transfers.conftest import Schools

GROUND = "Giấy chuyển trường số 12, giao tệp cho bà Lò Thị Mẹ"


async def deeds(schools: Schools, transfer_id: uuid.UUID) -> list[str]:
    """What the audit says of a package, oldest first."""
    query = text("select action from audit_event where subject_id = :id order by at, id")
    async with schools.sender.session(read_only=True) as session:
        return list(await session.scalars(query, {"id": transfer_id}))


async def test_a_package_holds_every_issued_year_with_its_proof(three: Schools) -> None:
    student_id = await three.leave("Lò Thị An")
    transfer_id = await three.draft(student_id, "Trường Tiểu học Ngoài Hệ Thống")
    signed = await three.sealed(transfer_id)
    assert await three.state(transfer_id) is TransferState.READY
    package = await checking.check(signed)
    said = package.manifest
    assert (said.sender.name, said.receiver.name) == (three.sender.name, "Trường Tiểu học Ngoài Hệ Thống")
    assert (said.student.full_name, said.student.student_code) == ("Lò Thị An", "9900000001")
    [year] = package.years
    assert (year.part.academic_year, year.part.version, year.standing) == ("2025-2026", 1, Standing.ISSUED)
    assert [one.name for one in year.part.signers] == [
        "Đinh Thị Hoài Thu",
        "Nghiêm Thế Khải",
        three.sender.name,
    ]
    assert await storage.get(three.sender.tenant_id, year.part.pdf.sha256)
    assert [one.role for one in package.signatures] == ["principal", "school_seal"]
    clerk = await three.clerk(three.sender)
    async with three.sender.session() as session:
        digest, name = await service.take_file(session, clerk, student_id, transfer_id)
    assert (await storage.get(three.sender.tenant_id, digest), name) == (signed, "phieu-chuyen-hoc-ba.pdf")
    async with three.sender.session() as session:
        assert not await service.is_handed_over(session, student_id)
        await service.hand_over(session, clerk, student_id, transfer_id, GROUND)
        assert await service.is_handed_over(session, student_id)
        with pytest.raises(Conflict, match="đã chuyển giao quyền quản lý"):
            await service.draft(session, clerk, student_id, "Trường Khác", "")
        with pytest.raises(Conflict, match="không làm được"):
            await service.cancel(session, clerk, student_id, transfer_id, "Ghi nhầm trường nhận")
    assert [one for one in await deeds(three, transfer_id) if one.startswith("transfers.")] == [
        Action.TRANSFER_DRAFTED,
        Action.TRANSFER_SEALED,
        Action.TRANSFER_DOWNLOADED,
        Action.TRANSFER_HANDED_OVER,
    ]


async def test_what_was_handed_over_is_not_recalled_here(
    three: Schools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor while the package is open: what is refused is refused for this alone."""
    student_id, clerk = await three.leave("Lù Văn Quý"), await three.clerk(three.sender)
    transfer_id = await three.draft(student_id)
    await three.sealed(transfer_id)
    async with three.sender.session() as session:
        [version_id] = await transcripts.documents_of(session, student_id)
        accepted = text("update transcript_version set state = :state where id = :id")
        await session.execute(accepted, {"state": VersionState.ACCEPTED, "id": version_id})
        version = await transcripts.get_version(session, version_id)
        principal = await three.sender.actor(session, "principal")
        monkeypatch.setattr(clock, "today", lambda: date(2026, 6, 1))
        assert "nằm trong một gói chuyển trường chưa bàn giao" in await life.why_no_recall(
            session, principal, version
        )
        await service.cancel(session, clerk, student_id, transfer_id, "Gia đình đổi ý, chưa chuyển")
        assert not await life.why_no_recall(session, principal, version)
    transfer_id = await three.draft(student_id)
    await three.sealed(transfer_id)
    async with three.sender.session() as session:
        await service.hand_over(session, clerk, student_id, transfer_id, GROUND)
        moved = await transcripts.get_version(session, version_id)
        assert (moved.state, moved.effective_on) == ("transferred_out", await day_of_effect(session, version))
        assert "đã chuyển giao quyền quản lý cho trường khác" in await life.why_no_recall(
            session, principal, moved
        )
        with pytest.raises(Conflict, match="đã chuyển giao quyền quản lý cho trường khác"):
            await life.recall(
                session, principal, {"version_id": str(version_id), "reason": "Ghi nhầm điểm Toán"}
            )


async def day_of_effect(session: TenantSession, version: VersionSummary) -> date:
    return (await transcripts.closing_of(session, version)).last_day + timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "was", "told", "state", "effect"),
    [
        (
            "Sa Thị Nga",
            VersionState.ISSUED,
            [Deed.SUBMIT, Deed.ACCEPT, Deed.ACCEPT],
            "transferred_out",
            "closing",
        ),
        ("Lò Thị Oanh", VersionState.ISSUED, [Deed.ACCEPT, Deed.LOCK], "transferred_out", "today"),
        ("Vàng Văn Phúc", VersionState.SUBMITTED, [Deed.REJECT, Deed.GIVE_BACK], "rejected", None),
        (
            "Quàng Văn Minh",
            VersionState.ACCEPTED,
            [Deed.REJECT, Deed.GIVE_BACK],
            "transferred_out",
            "closing",
        ),
    ],
)
async def test_what_the_authority_says_later_is_noted_and_what_it_refuses_comes_back(
    three: Schools,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    was: VersionState,
    told: list[Deed],
    state: str,
    effect: str | None,
) -> None:
    monkeypatch.setattr(clock, "today", lambda: date(2026, 6, 1))
    student_id, changed = (
        await three.student(name),
        text("update transcript_version set state = :s where id = :id"),
    )
    async with three.sender.session() as session:
        [version_id] = await transcripts.documents_of(session, student_id)
        version = await transcripts.get_version(session, version_id)
        await session.execute(changed, {"s": was, "id": version_id})
        actor = machine(session.tenant_id)
        await transcripts.hand_over(session, actor, Deed.TAKE_OVER, student_id, "Trường nhận: Trường Mới")
        await versions.advance(session, [version_id], *told)
        found = await transcripts.get_version(session, version_id)
        days = {"today": date(2026, 6, 1), "closing": await day_of_effect(session, version), None: None}
        assert (found.state, found.effective_on) == (state, days[effect])
        teacher = await three.sender.actor(session, "homeroom")
        await session.execute(changed, {"s": VersionState.LOCKED, "id": version_id})
        with pytest.raises(Forbidden, match="chỉ ban giám hiệu hoặc văn thư chuyển giao được"):
            await transcripts.hand_over(session, teacher, Deed.HAND_OVER, student_id, GROUND)


async def test_who_has_come_back_is_this_schools_again(three: Schools) -> None:
    student_id, clerk = await three.leave("Hà Thị Én"), await three.clerk(three.sender)
    transfer_id = await three.draft(student_id)
    await three.sealed(transfer_id)
    async with three.sender.session() as session:
        await service.hand_over(session, clerk, student_id, transfer_id, GROUND)
        back = "update student set status = 'returned' where id = :id"
        assert await service.is_handed_over(session, student_id)
        await session.execute(text(back), {"id": student_id})
        assert not await service.is_handed_over(session, student_id)
        again = "update student set status = 'transferred_out', status_on = status_on + 1 where id = :id"
        await session.execute(text(again), {"id": student_id})
        assert not await service.is_handed_over(session, student_id), "the second time they leave without it"


async def test_who_has_not_left_or_has_nothing_gets_no_package(three: Schools) -> None:
    student_id, clerk = await three.student("Vì Văn Dũng"), await three.clerk(three.sender)
    newcomer = await three.arrive("Lường Văn Giang")
    async with three.sender.session() as session:
        with pytest.raises(Conflict, match="chưa được ghi là chuyển trường"):
            await service.draft(session, clerk, student_id, "Trường Mới", "")
        with pytest.raises(NotFound):
            await service.draft(session, clerk, uuid.uuid4(), "Trường Mới", "")
    other = await three.clerk(three.receiver)
    async with three.receiver.session() as session:
        gone = {"trang_thai": "transferred_out", "ngay": clock.today().isoformat(), "ly_do": "Theo đơn"}
        desk = await service.open_desk(session, other, newcomer)
        assert "chưa được ghi" in (desk.obstacle or "")
        here = (await movements.open_movements(session, other, newcomer)).here
        assert here is not None
        await movements.leave(session, other, newcomer, str(here.class_id), gone)
        with pytest.raises(Conflict, match="chưa có học bạ năm nào đã phát hành"):
            await service.draft(session, other, newcomer, "Trường Mới", "")


async def test_the_receiver_is_named_and_is_another(three: Schools) -> None:
    student_id, clerk = await three.leave("Cầm Văn Bình"), await three.clerk(three.sender)
    async with three.sender.session() as session:
        for name, code, said in (
            ("", "", "Chưa có tên trường nhận"),
            ("Trường Mới", "01 02", "chỉ gồm chữ và số"),
            ("Trường 😀", "", "không in được"),
            ("Trường Mới", await three.code_of(three.sender), "chính trường này"),
        ):
            with pytest.raises(Invalid, match=said):
                await service.draft(session, clerk, student_id, name, code)
        transfer_id = await service.draft(session, clerk, student_id, "Trường Mới", "")
        with pytest.raises(Conflict, match="đang có một gói"):
            await service.draft(session, clerk, student_id, "Trường Mới", "")
        await service.cancel(session, clerk, student_id, transfer_id, "Ghi nhầm trường nhận")


async def test_a_cancelled_package_stays_cancelled_whoever_signs_it_later(three: Schools) -> None:
    clerk, student_id = await three.clerk(three.sender), await three.leave("Lường Văn Giang")
    transfer_id = await three.draft(student_id)
    await three.compiled(transfer_id)
    async with three.sender.session() as session:
        with pytest.raises(Invalid, match="xin ghi lý do"):
            await service.cancel(session, clerk, student_id, transfer_id, "nhầm")
        with pytest.raises(Conflict, match="chưa ghi bàn giao"):
            await service.hand_over(session, clerk, student_id, transfer_id, GROUND)
        await service.cancel(session, clerk, student_id, transfer_id, "Ghi nhầm trường nhận")
        await flow.seal(session, [transfer_id, uuid.uuid4()])
    async with three.sender.session(read_only=True) as session:
        assert transfer_id not in {one.subject_id for one in await signing.ready_turns(session)}
        with pytest.raises(Conflict, match="đã hủy nên không tải về được nữa"):
            await service.take_file(session, clerk, student_id, transfer_id)
    assert await three.state(transfer_id) is TransferState.CANCELLED
    assert await three.draft(student_id, "Trường Đúng") != transfer_id


async def test_a_package_of_what_was_recalled_since_is_not_handed_over(three: Schools) -> None:
    student_id, clerk = await three.leave("Vì Văn Dũng"), await three.clerk(three.sender)
    transfer_id = await three.draft(student_id)
    await three.sealed(transfer_id)
    recalled = text("update transcript_version set state = :state where student_id = :id")
    async with three.sender.session() as session:
        await session.execute(recalled, {"state": VersionState.RECALLED, "id": student_id})
        with pytest.raises(Conflict, match="đã thay đổi sau khi lập gói"):
            await service.hand_over(session, clerk, student_id, transfer_id, GROUND)
        await session.execute(recalled, {"state": VersionState.REJECTED, "id": student_id})
        with pytest.raises(Conflict, match="Sở từ chối"):
            await service.hand_over(session, clerk, student_id, transfer_id, GROUND)
        await session.execute(recalled, {"state": VersionState.RECALLED, "id": student_id})
        desk = await service.open_desk(session, clerk, student_id)
        assert desk.years == ()
        await session.execute(recalled, {"state": VersionState.ISSUED, "id": student_id})
        with pytest.raises(Invalid, match="xin ghi lý do"):
            await service.hand_over(session, clerk, student_id, transfer_id, "đã giao")
        await service.hand_over(session, clerk, student_id, transfer_id, GROUND)


@pytest.mark.parametrize(("death", "name"), list(zip(Death, ("Lò Văn Hải", "Cầm Thị Ích"), strict=True)))
async def test_it_is_made_and_asked_for_once_whenever_a_worker_dies(
    three: Schools, death: Death, name: str
) -> None:
    transfer_id = await three.draft(await three.leave(name))
    await three.compiled(transfer_id, death)
    assert await three.state(transfer_id) is TransferState.SIGNING
    asked = [one for one in await deeds(three, transfer_id) if one == Action.SIGNING_REQUESTED]
    assert len(asked) == 1


@pytest.mark.parametrize(("state", "target"), list(itertools.product(TransferState, TransferState)))
def test_only_the_edges_of_the_life_are_gone(state: TransferState, target: TransferState) -> None:
    allowed = {
        "drafted": "signing cancelled",
        "signing": "ready cancelled",
        "ready": "offered handed_over cancelled",
        "offered": "handed_over refused cancelled",
        "refused": "handed_over cancelled",
    }
    may = target.value in allowed.get(state.value, "").split()
    assert rules.is_due(state, target) is may
    if may:
        rules.require_next(state, target, "Lò Thị An")
    else:
        with pytest.raises(Conflict, match=re.escape(rules.STATE_NAMES[state])):
            rules.require_next(state, target, "Lò Thị An")
