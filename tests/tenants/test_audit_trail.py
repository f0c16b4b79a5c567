"""Reading the audit: by person, pupil, document, deed and day, page by page; for those who may."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from litestar import Litestar

from backend.core import audit, audit_chain, clock
from backend.core.actor import machine
from backend.core.audit import Action, Deed, Outcome
from backend.core.errors import Forbidden, Invalid
from backend.core.settings import Settings
from backend.tenants.audit_trail import service
from backend.tenants.audit_trail.schemas import PAGE_SIZE, Trail
from tests.core.browser import Browser
from tests.factories.small_school import SmallSchool, open_small_school

PUPIL, VERSION = uuid.uuid4(), uuid.uuid4()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def audited(product: Settings) -> SmallSchool:
    """A school whose homeroom teacher looked at a document and was refused, and whose machine worked a lot."""
    school = await open_small_school()
    async with school.session() as session:
        homeroom = await school.actor(session, "homeroom")
        many = [Deed(uuid.uuid4(), f"Học bạ số {number:03}") for number in range(PAGE_SIZE + 5)]
        await audit.record_many(session, machine(school.tenant_id), Action.TRANSCRIPT_RENDERED, many)
        signed = Deed(uuid.uuid4(), "Cầm Văn Bình", about=(uuid.uuid4(), school.staff["homeroom"]))
        await audit.record_many(session, machine(school.tenant_id), Action.SIGNING_STEP_SIGNED, [signed])
        await audit.record(
            session, homeroom, Action.TRANSCRIPT_READ, VERSION, "Lò Thị An", about=[PUPIL], count=3
        )
        await audit.record(session, homeroom, Action.ACCESS_REFUSED, None, "Không có quyền", Outcome.REFUSED)
        await audit_chain.chain(session)
    return school


async def ask(school: SmallSchool, who: str = "principal", *about: uuid.UUID, **form: str) -> Trail:
    async with school.session(read_only=True) as session:
        actor = await school.actor(session, who)
        return await service.trail(session, actor, {**form}, "/nhat-ky", about, "")


def words(trail: Trail) -> list[str]:
    return [one.action for one in trail.events]


async def test_by_person_deed_outcome_pupil_and_document(audited: SmallSchool) -> None:
    homeroom = str(audited.staff["homeroom"])
    by_person = ["Bị từ chối vì không có quyền", "Xem học bạ", "Ký số hoặc đóng dấu"]
    assert words(await ask(audited, nguoi=homeroom))[:3] == by_person
    assert words(await ask(audited, viec=Action.TRANSCRIPT_READ)) == ["Xem học bạ"]
    assert words(await ask(audited, **{"tu-choi": "1"})) == ["Bị từ chối vì không có quyền"]
    for one in (PUPIL, VERSION):
        *later, first = words(await ask(audited, "principal", one))
        assert first == "Xem học bạ"
        assert {*later} <= {"Xem nhật ký"}, "the lists above named what was read"
    assert words(await ask(audited, "principal", uuid.uuid4())) == []


async def test_by_day(audited: SmallSchool) -> None:
    today = clock.today()
    yesterday, tomorrow = (str(today + timedelta(days=days)) for days in (-1, 1))
    read: dict[str, str] = {"viec": Action.TRANSCRIPT_READ}
    assert len((await ask(audited, **read, tu=str(today), den=str(today))).events) == 1
    assert (await ask(audited, **read, den=yesterday)).events == []
    assert (await ask(audited, **read, tu=tomorrow)).events == []
    for wrong in ({"tu": "hôm qua"}, {"tu": tomorrow, "den": yesterday}, {"nguoi": "ai"}, {"viec": "gì"}):
        with pytest.raises(Invalid, match="Mục “"):
            await ask(audited, **wrong)


async def test_page_by_page(audited: SmallSchool) -> None:
    rendered: dict[str, str] = {"viec": Action.TRANSCRIPT_RENDERED}
    first, second = await ask(audited, **rendered), await ask(audited, **rendered, trang="2")
    assert (first.total, first.pages, len(first.events), len(second.events)) == (55, 2, 50, 5)
    assert len({one.id for one in [*first.events, *second.events]}) == 55
    assert first.pages_at == "/nhat-ky?viec=transcripts.version.render&trang={page}"
    assert (await ask(audited, **rendered, trang="99999999999999999999")).question.page == 1
    assert (await ask(audited, **rendered, trang="9")).events == []


async def test_it_is_not_for_everybody(audited: SmallSchool) -> None:
    for who in ("homeroom", "clerk", "it"):
        with pytest.raises(Forbidden, match="hiệu trưởng và chủ trường"):
            await ask(audited, who)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def principal(audited: SmallSchool, site: Litestar) -> AsyncIterator[Browser]:
    yield await audited.browser(site, "principal")


async def test_the_pages(audited: SmallSchool, principal: Browser) -> None:
    answer = await principal.get("/nhat-ky")
    assert answer.status_code == 200
    assert principal.page is not None
    assert "Trang 1 trên 2" in answer.text
    assert principal.page.xpath("//select[@name='nguoi']/option[text()='Đinh Thị Hoài Thu']")
    [link] = (await ask(audited, viec=Action.TRANSCRIPT_READ)).events
    answer = await principal.get(f"/nhat-ky/{link.id}")
    assert "Dòng số" in answer.text
    assert "Số lượng" in answer.text
    assert (await principal.get(f"/nhat-ky/{uuid.uuid4()}")).status_code == 404
    assert (await principal.get("/nhat-ky?tu=x")).status_code == 422
    assert "Xem nhật ký" in words(await ask(audited))


async def test_a_pupil_and_a_document_of_nobody(principal: Browser) -> None:
    for path in ("hoc-sinh", "hoc-ba"):
        assert (await principal.get(f"/{path}/{uuid.uuid4()}/nhat-ky")).status_code == 404
