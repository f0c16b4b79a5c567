"""Two schools of the platform: offered, opened, taken or refused, once, and seen by nobody else."""

import re
import uuid

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import storage
from backend.core.audit import Action
from backend.core.errors import Conflict, NotFound
from backend.records.roster import service as roster
from backend.records.transfers import checking, queries, receiving, service
from backend.records.transfers.schemas import OfferState, Package, TransferId, TransferState
from tests.core.browser import Browser
from tests.factories.machine import Death, Machine
from tests.factories.offers import offer_to
from tests.factories.small_school import SmallSchool
from tests.records.transfers.conftest import Schools

CLOSED = (TransferState.HANDED_OVER, TransferState.REFUSED, TransferState.CANCELLED)


async def offered(three: Schools, name: str) -> tuple[TransferId, Package]:
    """A pupil's package lies with the receiver."""
    student_id = await three.leave(name)
    transfer_id = await three.draft(student_id, "Trường Nhận Về", await three.code_of(three.receiver))
    package = await checking.check(await three.sealed(transfer_id))
    assert await three.state(transfer_id) is TransferState.OFFERED
    return transfer_id, package


async def answered(three: Schools, transfer_id: TransferId, death: Death | None = None) -> TransferState:
    """What the sender's machine has learnt."""

    async def settled() -> bool:
        return await three.state(transfer_id) in CLOSED

    await Machine(three.sender.tenant_id, death=death).until(settled)
    return await three.state(transfer_id)


async def actions(school: SmallSchool, action: Action) -> list[str]:
    query = text("select subject_label from audit_event where action = :action order by at")
    async with school.session(read_only=True) as session:
        return list(await session.scalars(query, {"action": action}))


async def seen_by(school: SmallSchool) -> list[uuid.UUID]:
    async with school.session(read_only=True) as session:
        return [one.transfer_id for one in await receiving.list_offers(session)]


async def test_from_the_tray_of_one_school_into_the_records_of_another(
    three: Schools, site: Litestar
) -> None:
    name = "Tòng Văn Khoa"
    transfer_id, package = await offered(three, name)
    office = await three.receiver.browser(site, "clerk")
    listed = await office.get("/hoc-ba-chuyen-den")
    assert three.sender.name in listed.text
    assert name not in listed.text
    page = f"/hoc-ba-chuyen-den/{transfer_id}"
    unknown = await office.get(page)
    assert "Trường chưa có hồ sơ của Tòng Văn Khoa" in unknown.text
    assert f'action="{page}/nhan"' not in unknown.text
    assert (await office.post(f"{page}/nhan")).status_code == 404
    assert (await office.post(f"{page}/ho-so")).status_code == 303
    twice = await office.post(f"{page}/ho-so")
    assert (twice.status_code, "đã có hồ sơ của Tòng Văn Khoa" in twice.text) == (409, True)
    async with three.receiver.session(read_only=True) as session:
        student_id = await session.scalar(
            text("select id from student where full_name = :name"), {"name": name}
        )
        record = await roster.get_record(session, student_id)
    said = package.years[0].snapshot.student
    for field in ("gender", "birth_place", "mother_name"):
        assert getattr(record, field) == getattr(said, field) is not None, field
    assert await actions(three.receiver, Action.PUPIL_ADDED) == [record.label]
    known = await office.get(page)
    for words in ("nguyên vẹn", "Nghiêm Thế Khải", "2025-2026: đã phát hành, chưa chốt", name, "2025-2026"):
        assert words in known.text
    done = await office.post(f"{page}/nhan")
    assert (done.status_code, done.headers["location"].split("?")[0]) == (
        303,
        f"/hoc-sinh/{student_id}/chuyen-hoc-ba",
    )
    again = await office.post(f"{page}/nhan")
    assert again.status_code == 409
    assert "vừa được người khác trả lời" in again.text
    async with three.receiver.session(read_only=True) as session:
        [year] = await roster.earlier_years(session, student_id)
        [kept] = await queries.received_of(session, student_id)
        await storage.require_owned(session, [package.sha256])
    assert (kept.offer_id, kept.earlier_year_ids) == (transfer_id, [year.id])
    assert await answered(three, transfer_id) is TransferState.HANDED_OVER
    label = f"{name} (9900000009)"
    assert label in await actions(three.sender, Action.TRANSFER_HANDED_OVER)
    assert label in await actions(three.receiver, Action.TRANSFER_ACCEPTED)
    sender_id, clerk = package.manifest.id, await three.clerk(three.sender)
    assert sender_id == transfer_id
    left = await three.student(name)
    async with three.sender.session() as session:
        assert await service.is_handed_over(session, left)
        with pytest.raises(Conflict):
            await service.cancel(session, clerk, left, transfer_id, "Muốn lấy lại học bạ")
    assert "Đã nhận" in (await office.get(f"/hoc-sinh/{student_id}/chuyen-hoc-ba")).text


async def test_a_refusal_says_why_and_takes_the_bytes_away(three: Schools, site: Litestar) -> None:
    transfer_id, package = await offered(three, "Lù Thị Lan")
    clerk = await three.clerk(three.receiver)
    assert await storage.get(three.receiver.tenant_id, package.sha256)
    office = await three.receiver.browser(site, "principal")
    page = f"/hoc-ba-chuyen-den/{transfer_id}"
    await office.get(page)
    nothing = await office.post(f"{page}/tu-choi", {"ly_do": ""})
    assert nothing.status_code == 422
    assert "Chưa chọn lý do từ chối" in nothing.text
    assert (await office.post(f"{page}/tu-choi", {"ly_do": "not_admitted"})).status_code == 303
    with pytest.raises(NotFound):
        await storage.get(three.receiver.tenant_id, package.sha256)
    async with three.receiver.session() as session:
        with pytest.raises(Conflict, match="vừa được người khác trả lời"):
            await receiving.refuse_offer(session, clerk, transfer_id, "not_admitted")
    assert await answered(three, transfer_id) is TransferState.REFUSED
    sent = await three.sender.browser(site, "clerk")
    student_id = await three.student("Lù Thị Lan")
    shown = await sent.get(f"/hoc-sinh/{student_id}/chuyen-hoc-ba")
    assert "Học sinh không được tiếp nhận" in shown.text
    async with three.sender.session(read_only=True) as session:
        assert not await service.is_handed_over(session, student_id)


async def test_a_package_that_is_spoiled_on_its_way_is_said_so_and_not_taken(
    three: Schools, site: Litestar
) -> None:
    offer_id = await offer_to(three.third.tenant_id)
    office = await three.third.browser(site, "principal")
    page = f"/hoc-ba-chuyen-den/{offer_id}"
    shown = await office.get(page)
    assert (shown.status_code, "không đọc được" in shown.text) == (200, True)
    assert f'action="{page}/nhan"' not in shown.text
    taken = await office.post(f"{page}/nhan")
    assert (taken.status_code, "không đọc được" in taken.text) == (422, True)
    async with three.third.session(read_only=True) as session:
        assert (await receiving.get_offer(session, offer_id)).state is OfferState.OFFERED


async def test_nobody_else_sees_it_and_a_withdrawn_one_cannot_be_taken(three: Schools) -> None:
    name = "Quàng Văn Minh"
    transfer_id, package = await offered(three, name)
    await three.arrive(name)
    await three.arrive(name, three.third)
    assert transfer_id in await seen_by(three.receiver)
    for school in (three.sender, three.third):
        assert transfer_id not in await seen_by(school)
        async with school.session() as session:
            with pytest.raises(NotFound):
                await receiving.accept_offer(session, await three.clerk(school), transfer_id, package)
            assert not await queries.answer(session, transfer_id, OfferState.ACCEPTED, None)
    for school in (three.receiver, three.third):
        async with school.session() as session:
            assert await queries.answer_to(session, transfer_id) is None
            assert not await queries.withdraw(session, transfer_id)
            assert not await queries.offer(session, transfer_id, await three.code_of(three.sender), "0" * 64)
    with pytest.raises(NotFound):
        await storage.get(three.third.tenant_id, package.sha256)
    clerk, office = await three.clerk(three.sender), await three.clerk(three.receiver)
    async with three.sender.session() as session:
        await service.cancel(session, clerk, await three.student(name), transfer_id, "Gia đình đổi trường")
    assert transfer_id not in await seen_by(three.receiver)
    async with three.receiver.session() as session:
        with pytest.raises(NotFound):
            await receiving.accept_offer(session, office, transfer_id, package)


async def test_an_unknown_code_and_a_claimed_one_are_no_address(three: Schools) -> None:
    async with three.third.session() as session:
        claimed = {"code": "01000777"}
        await session.execute(text("update school set code = :code"), claimed)
    async with three.sender.session(read_only=True) as session:
        for code in ("01000777", "", "%", await three.code_of(three.sender)):
            assert await queries.receiver_of(session, code) is None
        assert (
            await queries.receiver_of(session, await three.code_of(three.receiver))
            == three.receiver.tenant_id
        )


@pytest.mark.parametrize(("death", "name"), list(zip(Death, ("Sa Thị Nga", "Lò Thị Oanh"), strict=True)))
async def test_it_is_offered_and_answered_once_whenever_a_worker_dies(
    three: Schools, death: Death, name: str
) -> None:
    student_id = await three.leave(name)
    transfer_id = await three.draft(student_id, "Trường Nhận Về", await three.code_of(three.receiver))
    package = await checking.check(await three.sealed(transfer_id, death))
    assert await three.state(transfer_id) is TransferState.OFFERED
    assert (await seen_by(three.receiver)).count(transfer_id) == 1
    pupil_id, clerk = await three.arrive(name), await three.clerk(three.receiver)
    async with three.receiver.session() as session:
        await receiving.accept_offer(session, clerk, transfer_id, package)
    assert await answered(three, transfer_id, death) is TransferState.HANDED_OVER
    told = f"{name} ({package.manifest.student.student_code})"
    for action in (Action.TRANSFER_OFFERED, Action.TRANSFER_SEALED, Action.TRANSFER_HANDED_OVER):
        assert (await actions(three.sender, action)).count(told) == 1, action
    async with three.receiver.session(read_only=True) as session:
        assert len(await roster.earlier_years(session, pupil_id)) == 1


async def test_the_pupils_page_makes_a_package_and_takes_one_in(three: Schools, site: Litestar) -> None:
    """A file that goes to a school outside, and the same file brought to one here, through the pages alone."""
    name = "Vàng Văn Phúc"
    student_id = await three.leave(name)
    sender = await three.sender.browser(site, "principal")
    page = f"/hoc-sinh/{student_id}/chuyen-hoc-ba"
    shown = await sender.get(page)
    assert "2025-2026" in shown.text
    wrong = await sender.post(f"{page}/lap", {"truong_nhan": "", "ma_truong": ""})
    assert (wrong.status_code, "Chưa có tên trường nhận" in wrong.text) == (422, True)
    assert (
        await sender.post(f"{page}/lap", {"truong_nhan": "Trường Ngoài", "ma_truong": ""})
    ).status_code == 303
    async with three.sender.session(read_only=True) as session:
        [row] = await queries.transfers_of(session, student_id)
    signed = await three.sealed(TransferId(row.id))
    ready = await sender.get(page)
    assert "Đã ký, sẵn sàng bàn giao" in ready.text
    taken = await sender.post(f"{page}/goi/{row.id}/tai")
    assert (taken.status_code, taken.content == signed) == (200, True), taken.text[:300]
    await sender.get(page)
    assert (
        await sender.post(f"{page}/goi/{row.id}/ban-giao", {"ly_do": "Giấy chuyển trường số 12"})
    ).status_code == 303
    assert "Đã chuyển giao quyền quản lý" in (await sender.get(page)).text

    pupil_id = await three.arrive(name, three.third)
    office = await three.third.browser(site, "clerk")
    there = f"/hoc-sinh/{pupil_id}/chuyen-hoc-ba"
    await office.get(there)
    bad = await _send(office, there, b"%PDF-1.4 hong")
    assert (bad.status_code, "không đọc được" in bad.text) == (422, True)
    await office.get(there)
    assert (await _send(office, there, signed)).status_code == 303
    answer = await office.get(there)
    assert "Đã kiểm tra, chưa nhận" in answer.text
    [accept] = set(re.findall(rf"{there}/nhan/[0-9a-f-]{{36}}/ghi", answer.text))
    assert (await office.post(accept)).status_code == 303
    async with three.third.session(read_only=True) as session:
        [year] = await roster.earlier_years(session, pupil_id)
    assert year.school_name == three.sender.name


async def _send(browser: Browser, page: str, content: bytes) -> httpx.Response:
    form = {"csrf_token": browser.csrf_token}
    return browser._seen(
        await browser.http.post(f"{page}/nhan", data=form, files={"tep": ("goi.pdf", content)})
    )
