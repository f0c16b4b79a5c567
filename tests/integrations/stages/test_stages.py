"""Class, grade and school, stage by stage: what is missing is seen first, one action per stage, safe to repeat."""

import uuid
from collections.abc import Sequence

import pytest
from litestar import Litestar
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from backend.core import jobs
from backend.core.actor import Actor
from backend.core.database import TenantId
from backend.core.errors import Conflict, Forbidden
from backend.core.jobs import Job
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries import tasks as delivery_tasks
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.stages import rules, service
from backend.integrations.stages.schemas import Stage, Stages, StageView
from backend.records.freezes.schemas import Scope
from backend.records.transcripts import again, tasks
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import VersionSummary
from backend.remote_signing.requests import tasks as signing_tasks
from backend.tenants.permissions import Role, permissions_of
from tests.core.site_fixtures import site
from tests.factories.machine import Machine, dispatcher_connection
from tests.factories.small_school import SmallSchool
from tests.records.conftest import small_school
from tests.records.transcripts.conftest import Season, confirmed_class

__all__ = ["site", "small_school"]

SCHOOL, GRADE_2 = Scope(), Scope(grade=2)
_DECLINE = text("""
    update signing_step set state = 'declined', declined_at = now(), declined_reason = 'Sai tên'
    where state = 'ready' and request_id in (select id from signing_request where subject_id = :id)
""")
WHY = "Không lưu được tệp; đơn vị vận hành cần xem kho lưu trữ."


async def frozen_year(school: SmallSchool) -> tuple[Season, list[VersionSummary]]:
    """1A with two pupils and 2A with one, frozen, and nothing done since; the season of 1A."""
    async with school.session() as session:
        first = await confirmed_class(school, session, "1A", 1, ["Lò Thị An", "Cầm Văn Bình"], 1)
        second = await confirmed_class(school, session, "2A", 2, ["Lò Văn Hải"], 5)
    versions = [*await first.freeze(), *await second.freeze()]
    await Machine(school.tenant_id).forget()
    return first, versions


async def stop(school: SmallSchool, task: jobs.Task, *subject_ids: uuid.UUID) -> None:
    async with school.session() as session:
        rows = [row for one in subject_ids for row in jobs.rows(school.tenant_id, task, [one])]
        parked = {"state": "parked", "told": WHY, "attempts": 8}
        await session.execute(insert(Job), [row | parked for row in rows])


async def look(season: Season, scope: Scope = SCHOOL) -> Stages:
    async with season.school.session(read_only=True) as session:
        return await service.look(session, season.principal, scope)


async def stage_of(season: Season, stage: Stage, scope: Scope = SCHOOL) -> StageView:
    return next(one for one in (await look(season, scope)).stages if one.stage is stage)


async def press(season: Season, stage: Stage, scope: Scope = SCHOOL) -> int:
    async with season.school.session() as session:
        return (await service.press_on(session, season.principal, stage, scope))[1]


async def jobs_of(season: Season, kind: str) -> list[tuple[str, list[uuid.UUID]]]:
    found = await Machine(season.school.tenant_id).left()
    return [(job["state"], list(job["subject_ids"])) for job in found if job["kind"] == kind]


async def drop_events(season: Season) -> None:
    """What would follow is not for this test; the job that was given up stays."""
    for job in await Machine(season.school.tenant_id).lease():
        async with dispatcher_connection() as connection:
            await connection.execute("delete from work.job where id = $1", job["id"])


async def states_of(season: Season, versions: Sequence[VersionSummary]) -> list[str]:
    async with season.school.session(read_only=True) as session:
        return [one.state for one in await transcripts.get_versions(session, [one.id for one in versions])]


async def test_from_the_freeze_to_the_province_stage_by_stage(small_school: SmallSchool) -> None:
    season, versions = await frozen_year(small_school)
    await all_stages_say_how_far_they_are(season, versions)
    await rendering_again_is_for_the_scope_alone_and_never_twice(season, versions)
    await what_is_rendered_goes_for_signing(season, versions)
    await what_everybody_has_signed_is_issued(season, versions)
    await what_is_issued_is_submitted(season, versions)


async def all_stages_say_how_far_they_are(season: Season, versions: list[VersionSummary]) -> None:
    await season.render(versions[0])
    await Machine(season.school.tenant_id).forget()
    await stop(season.school, tasks.render, versions[2].id)
    found = await look(season)
    assert [(one.stage, one.done, one.total, one.ready, one.stopped) for one in found.stages] == [
        (Stage.FREEZE, 3, 3, 0, 0),
        (Stage.RENDER, 1, 3, 2, 1),
        (Stage.SIGN, 0, 3, 1, 0),
        (Stage.ISSUE, 0, 3, 0, 0),
        (Stage.SUBMIT, 0, 3, 0, 0),
    ]
    assert found.moving
    render, sign = found.stages[1], found.stages[2]
    assert render.notes == (f"1 học bạ dừng lại: {WHY}",)
    waits = "Giáo viên chủ nhiệm: Đinh Thị Hoài Thu chưa có chứng thư số. Học bạ sẽ chờ ở lượt ký ấy."
    assert sign.notes == (
        "Người ký thay mặt nhà trường: Nghiêm Thế Khải chưa có chứng thư số.",
        "Con dấu số: chưa có chứng thư số.",
        f"Lớp 1A: {waits}",
        f"Lớp 2A: {waits}",
    )
    one_class = await look(season, Scope(class_id=season.class_id))
    assert (one_class.check.name, one_class.stages[1].total, one_class.stages[1].stopped) == ("Lớp 1A", 2, 0)
    grade = await look(season, GRADE_2)
    assert (grade.check.name, grade.stages[1].ready, grade.stages[1].stopped) == ("Khối 2", 1, 1)


async def rendering_again_is_for_the_scope_alone_and_never_twice(
    season: Season, versions: list[VersionSummary]
) -> None:
    only = Scope(class_id=season.class_id)
    assert await press(season, Stage.RENDER, only) == 1, "what never began; the first is rendered"
    assert await press(season, Stage.RENDER, only) == 0, "it is under way"
    begun = ("due", [versions[1].id])
    assert sorted(await jobs_of(season, again.RENDER)) == [begun, ("parked", [versions[2].id])]
    await Machine(season.school.tenant_id).round()
    await drop_events(season)
    assert await states_of(season, versions) == ["rendered", "rendered", "frozen"]
    assert await press(season, Stage.RENDER) == 1
    assert await press(season, Stage.RENDER, only) == 0, "nothing is left there"
    await Machine(season.school.tenant_id).round()
    await Machine(season.school.tenant_id).forget()


async def what_is_rendered_goes_for_signing(season: Season, versions: list[VersionSummary]) -> None:
    await stop(season.school, tasks.ask_for_signatures, versions[0].id)
    assert await press(season, Stage.SIGN) == 3
    assert await press(season, Stage.SIGN) == 0
    await Machine(season.school.tenant_id).round()
    issue = await stage_of(season, Stage.ISSUE)
    assert issue.notes == ("Còn chờ chữ ký: Đinh Thị Hoài Thu (3).",)
    assert (issue.ready, (await stage_of(season, Stage.SIGN)).done) == (0, 3)
    async with season.school.session() as session:
        await session.execute(_DECLINE, {"id": versions[2].id})
    assert "1 học bạ bị từ chối ký" in (await stage_of(season, Stage.ISSUE, GRADE_2)).notes[0]


async def what_everybody_has_signed_is_issued(season: Season, versions: list[VersionSummary]) -> None:
    """One that fails keeps nobody back; what is signed and not completed yet is completed first."""
    async with season.school.session() as session:
        await session.execute(text("update signing_step set state = 'signed'"))
        done = await session.execute(text("update signing_request set state = 'completed' returning id"))
        requests = [row.id for row in done]
        await session.execute(
            text("update signing_request set state = 'signed' where subject_id = :id"), {"id": versions[2].id}
        )
    await stop(season.school, tasks.issue, requests[0])
    issue = await stage_of(season, Stage.ISSUE)
    assert (issue.ready, issue.stopped, issue.notes) == (3, 1, (f"1 học bạ dừng lại: {WHY}",))
    assert await press(season, Stage.ISSUE) == 3
    assert await press(season, Stage.ISSUE) == 0
    assert len(await jobs_of(season, signing_tasks.complete_request.kind)) == 1
    async with season.school.session() as session:
        await session.execute(text("update signing_request set state = 'completed'"))
    await Machine(season.school.tenant_id).forget()
    assert await press(season, Stage.ISSUE) == 3
    await Machine(season.school.tenant_id).round()
    await Machine(season.school.tenant_id).forget()
    assert (await stage_of(season, Stage.ISSUE)).done == 3


async def what_is_issued_is_submitted(season: Season, versions: list[VersionSummary]) -> None:
    """What is parked goes again under its own id, what never went goes."""
    async with season.school.session() as session:
        await deliveries.open_deliveries(session, [versions[0].id])
        parked = text("update delivery set state = 'parked', reason = :why returning message_id")
        message_id = (await session.execute(parked, {"why": WHY})).scalar_one()
    await Machine(season.school.tenant_id).forget()
    await stop(season.school, delivery_tasks.open_delivery, versions[1].id)
    submit = await stage_of(season, Stage.SUBMIT)
    assert (submit.done, submit.ready, submit.stopped) == (0, 3, 2)
    assert submit.notes == (f"2 học bạ dừng lại: {WHY}",)
    only = Scope(class_id=season.class_id)
    assert await press(season, Stage.SUBMIT, only) == 2
    assert await press(season, Stage.SUBMIT, only) == 0
    assert await jobs_of(season, "deliveries.open") == [("due", [versions[1].id])]
    async with season.school.session() as session:
        [delivery] = await deliveries.deliveries_after(session, None, 50)
        await session.execute(text("update delivery set state = 'rejected'"))
    assert (delivery.state, delivery.message_id) == (DeliveryState.UNKNOWN, message_id)
    submit = await stage_of(season, Stage.SUBMIT)
    assert (submit.done, submit.ready) == (0, 2)
    assert submit.notes[-1].startswith("Sở từ chối 1 học bạ")


async def test_the_page_is_live_and_for_those_who_may(small_school: SmallSchool, site: Litestar) -> None:
    season, versions = await frozen_year(small_school)
    await stop(small_school, tasks.render, versions[0].id)
    principal = await small_school.browser(site, "principal")
    page = await principal.get("/theo-chang")
    assert "Kết xuất 3 học bạ" in page.text
    assert WHY in page.text
    assert "every 3s" in page.text
    form = {"chang": "render", "lop": str(season.class_id)}
    answer = await principal.post("/theo-chang", form)
    assert answer.headers["location"] == f"/theo-chang?lop={season.class_id}"
    page = await principal.get(answer.headers["location"])
    assert "Kết xuất PDF, XML, Lớp 1A: hệ thống đang làm 2 học bạ." in page.text
    await principal.post("/theo-chang", form)
    page = await principal.get("/theo-chang?khoi=1")
    assert "mọi học bạ đến lượt đều đang được làm hoặc đã xong" in page.text
    assert (
        "Kết xuất 1 học bạ" not in (await (await small_school.browser(site, "clerk")).get("/theo-chang")).text
    )
    assert "Không tìm thấy lớp này" in (await principal.get(f"/theo-chang?lop={uuid.uuid4()}")).text
    await two_at_once_set_it_going_once(season)
    with pytest.raises(Conflict, match="Hãy chốt ở trang"):
        await press(season, Stage.FREEZE)


async def two_at_once_set_it_going_once(season: Season) -> None:
    async with season.school.session() as first:
        await service.press_on(first, season.principal, Stage.RENDER, SCHOOL)
        async with season.school.session() as second:
            await second.execute(text("set local lock_timeout = '200ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await service.press_on(second, season.principal, Stage.RENDER, SCHOOL)
            await second.rollback()
    assert await press(season, Stage.RENDER) == 0
    assert sum(len(subjects) for _, subjects in await jobs_of(season, again.RENDER)) == 3


def test_each_stage_is_pressed_by_those_who_may() -> None:
    def may(role: Role) -> set[Stage]:
        actor = Actor(
            tenant_id=TenantId(uuid.uuid4()),
            staff_id=None,
            name="Ai đó",
            permissions=permissions_of([role]),
        )
        found = {stage for stage in Stage if rules.may_press(actor, stage)}
        for stage in set(Stage) - found:
            with pytest.raises(Forbidden, match="không có quyền"):
                rules.require_may_press(actor, stage)
        return found

    allowed = {role: found for role in Role if (found := may(role))}
    machine = {Stage.RENDER, Stage.SIGN, Stage.ISSUE, Stage.SUBMIT}
    assert allowed == {Role.PRINCIPAL: set(Stage), Role.IT_TEACHER: machine, Role.CLERK: {Stage.SUBMIT}}
