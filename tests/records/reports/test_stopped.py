"""Work that the machine has given up is shown to the school with its reason, and a person sets it going again."""

import uuid

from litestar import Litestar
from sqlalchemy import insert

from backend.core import jobs, parked_jobs
from backend.core.jobs import Job
from backend.records.transcripts import service, tasks
from backend.records.transcripts.schemas import VersionState
from backend.remote_signing.requests import tasks as signing
from tests.core.site_fixtures import site
from tests.factories.machine import Machine
from tests.factories.small_school import SmallSchool, open_small_school
from tests.records.transcripts.conftest import NAMES, Season, season

__all__ = ["season", "site"]

REASON = "Không kết xuất được học bạ của Lò Thị An."


async def stop(school: SmallSchool, task: jobs.Task, subject_id: uuid.UUID) -> None:
    """A job that has run out of attempts."""
    [row] = jobs.rows(school.tenant_id, task, [subject_id])
    async with school.session() as session:
        await session.execute(insert(Job).values(row | {"state": "parked", "told": REASON, "attempts": 8}))


async def test_it_is_seen_by_name_and_done_when_it_is_set_going_again(season: Season, site: Litestar) -> None:
    versions = await season.freeze()
    machine = Machine(season.school.tenant_id)
    await machine.lease()
    await stop(season.school, tasks.render, versions[0].id)
    browser = await season.school.browser(site, "principal")
    assert "không tự làm tiếp được 1 việc" in (await browser.get("/")).text
    page = await browser.get("/viec-dung")
    assert "Kết xuất học bạ" in page.text
    assert REASON in page.text
    assert f"{NAMES[0]} (" in page.text
    await browser.post("/viec-dung")
    assert "Hệ thống đang làm lại 1 việc." in (await browser.get("/")).text
    await machine.round()
    async with season.school.session() as session:
        assert await parked_jobs.parked(session) == []
        assert (await service.get_version(session, versions[0].id)).state == VersionState.RENDERED


async def test_what_is_shown_elsewhere_is_not_listed_and_not_set_going(season: Season) -> None:
    """A call that may have reached the provider waits for a person who has found out."""
    await stop(season.school, signing.submit_call, uuid.uuid4())
    async with season.school.session() as session:
        assert await parked_jobs.count(session) == 0
        assert await parked_jobs.resume(session) == 0


async def test_others_are_told_whom_to_ask_and_other_schools_nothing(season: Season, site: Litestar) -> None:
    version = (await season.freeze())[0]
    await stop(season.school, tasks.render, version.id)
    teacher = await season.school.browser(site, "homeroom")
    home = (await teacher.get("/")).text
    assert "Hiệu trưởng hoặc giáo viên phụ trách CNTT xem lý do" in home
    assert 'href="/viec-dung"' not in home
    assert (await teacher.get("/viec-dung")).status_code == 403
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    stranger = await other.browser(site, "principal")
    assert "không tự làm tiếp được" not in (await stranger.get("/")).text
    assert "Không có việc nào đang dừng" in (await stranger.get("/viec-dung")).text
    await stranger.post("/viec-dung")
    async with season.school.session() as session:
        assert await parked_jobs.count(session) == 1
