"""The season board on the real database: as many queries for a big school as for a small one, and reminders."""

from datetime import date, timedelta

import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.assessment import service as assessment
from backend.records.calendar import service as calendar
from backend.records.calendar.schemas import Step
from backend.records.gradebook import life
from backend.records.gradebook import service as gradebook
from backend.records.reports import service as reports
from backend.records.roster import service as roster
from backend.records.season import service
from backend.records.season.schemas import Filter, Stage
from backend.records.transcripts import service as transcripts
from backend.tenants.people import service as people
from tests.core.statements import statements
from tests.factories.small_school import MUSIC, SmallSchool, enroll, fill, lock_class, sheet_of

LAST_DAY = date(2026, 5, 20)


async def add_classes(school: SmallSchool, first: int, count: int) -> None:
    """Classes of two pupils each, every second of them with a transcript of each pupil, and a reminder to somebody."""
    async with school.session() as session:
        it = await school.actor(session, "it")
        homeroom = await school.actor(session, "homeroom")
        principal = await school.actor(session, "principal")
        for number in range(first, first + count):
            class_id = await school.open_class(session, f"1.{number}", 1)
            await enroll(session, f"1.{number}", ["Lò Thị An", "Cầm Văn Bình"], number * 10)
            if number % 2:
                continue
            await fill(session, it, class_id)
            await lock_class(session, school, class_id)
            assert await assessment.assess_class(session, class_id) == 2
            await assessment.confirm_class(session, homeroom, class_id)
            assert (await transcripts.freeze_class(session, principal, class_id)).frozen == 2
        whom = school.staff["music" if first == 1 else "homeroom"]
        await service.nudge(session, principal, whom, Stage.SUBMITTED, "")


async def test_a_bigger_school_asks_no_more_of_the_database(small_school: SmallSchool) -> None:
    """Board, class page and home, with results, transcripts and reminders.

    The numbers themselves may change, but not with the size of the school.
    """
    counted = []
    for first, count in ((1, 2), (3, 6)):
        await add_classes(small_school, first, count)
        async with small_school.session(read_only=True) as session:
            actor = await small_school.actor(session, "principal")
            [class_id, *_] = await session.scalars(text("select id from school_class order by id"))
            asked = []
            with statements() as board:
                assert len((await service.board(session, actor, Filter())).rows) == first + count - 1
                asked.append(len(board))
            with statements() as one:
                await service.class_board(session, actor, class_id)
                asked.append(len(one))
            with statements() as home:
                await reports.board(session, actor)
                asked.append(len(home))
            assert [one for one in set(home) if home.count(one) > 1] == [], "nothing is asked twice"
        counted.append(asked)
    assert counted[0] == counted[1]
    assert max(counted[0]) <= 40


async def test_the_page_of_a_class_leads_to_each_sheet(site: Litestar, small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", ["Lò Thị An", "Cầm Văn Bình"])
        empty = await gradebook.gaps(session, class_id)
        await fill(session, await small_school.actor(session, "it"), class_id)
        full = await gradebook.gaps(session, class_id)
        music = await sheet_of(session, class_id, MUSIC)
    assert set(full.values()) == {0}
    assert empty[music.id] == 2 * 2, "level and comment of two pupils"
    teacher = await small_school.browser(site, "music")
    page = (await teacher.get(f"/mua-hoc-ba/lop/{class_id}")).text
    assert f'href="/so-diem/{music.id}"' in page
    assert page.count('href="/so-diem/') == 2, (
        "their own sheet alone: in the table, and as what is waited for"
    )
    board = (await teacher.get("/mua-hoc-ba")).text
    assert "Âm nhạc" not in board
    assert "Quách Bảo Ngân" in board
    assert "Đinh Thị Hoài Thu" not in board
    stranger = await small_school.browser(site, "stranger")
    assert (await stranger.get(f"/mua-hoc-ba/lop/{class_id}")).status_code == 403
    assert "Lò Thị An" not in board + page, "a board names people who work here, no pupils"


async def test_a_reminder_stays_until_the_work_is_done(
    site: Litestar, small_school: SmallSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    music = small_school.staff["music"]
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "1A", 1)
        principal = await small_school.actor(session, "principal")
        days = {Step.SUBMITTED: LAST_DAY.isoformat()}
        await calendar.change(session, principal, small_school.year_id, "2026-01-16", "2026-01-19", days)
    monkeypatch.setattr(clock, "today", lambda: LAST_DAY + timedelta(days=2))
    page = await small_school.browser(site, "principal")
    await page.get("/mua-hoc-ba")
    assert page.page is not None
    offered = page.page.xpath("//select[@name='buoc']/option/@value")
    assert offered == ["", "submitted", "checked", "locked", "confirmed", "frozen", "issued"], (
        "nobody is waited for where a machine works"
    )
    assert 'hx-get="/gui/theo-lop"' in (await page.get("/mua-hoc-ba")).text
    assert (await page.get("/gui/theo-lop")).status_code == 200
    assert "quá hạn" in (await page.get("/mua-hoc-ba?tre=1")).text
    form = {"nguoi": str(music), "buoc": "submitted", "loi": "Nhờ cô nộp trong hôm nay."}
    assert (await page.post("/mua-hoc-ba/nhac", form)).status_code == 303
    assert "Đã nhắc Quách Bảo Ngân" in (await page.get("/mua-hoc-ba")).text

    teacher = await small_school.browser(site, "music")
    home = (await teacher.get("/")).text
    assert "Nghiêm Thế Khải nhắc bạn: Nộp sổ. “Nhờ cô nộp trong hôm nay.”" in home
    assert "Quá hạn 2 ngày" in home
    async with small_school.session() as session:
        sheet = await sheet_of(session, class_id, MUSIC)
        assert f'href="/so-diem/{sheet.id}"' in home
        with pytest.raises(Conflict, match="trong ngày"):
            await service.nudge(session, principal, music, Stage.SUBMITTED, "")
        await life.submit(session, await small_school.actor(session, "music"), sheet.id)
    home = (await teacher.get("/")).text
    assert "nhắc bạn" not in home
    assert "Quá hạn" not in home


async def test_a_reminder_does_not_come_back_with_the_next_year(
    small_school: SmallSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    music = small_school.staff["music"]
    async with small_school.session() as session:
        await small_school.open_class(session, "1A", 1)
        principal = await small_school.actor(session, "principal")
        teacher = await small_school.actor(session, "music")
        await service.nudge(session, principal, music, Stage.SUBMITTED, "")
        assert [one.stage for one in (await reports.board(session, teacher)).nudges] == [Stage.SUBMITTED]
        small_school.year_id = await roster.open_year(
            session, "2026-2027", date(2026, 9, 5), date(2027, 5, 31)
        )
        await small_school.open_class(session, "2A", 2)
        monkeypatch.setattr(clock, "today", lambda: date(2026, 9, 10))
        home = await reports.board(session, teacher)
        assert home.academic_year == "2026-2027"
        assert [one.stage for one in home.waits] == [Stage.SUBMITTED]
        assert home.nudges == ()
        assert (await service.board(session, principal, Filter())).nudged == {}
        await service.nudge(session, principal, music, Stage.SUBMITTED, "")
        assert len((await reports.board(session, teacher)).nudges) == 1


async def test_reminders_are_of_the_management_and_recorded(small_school: SmallSchool) -> None:
    music = small_school.staff["music"]
    async with small_school.session() as session:
        await small_school.open_class(session, "1A", 1)
        principal = await small_school.actor(session, "principal")
        with pytest.raises(Forbidden):
            await service.nudge(
                session, await small_school.actor(session, "homeroom"), music, Stage.SUBMITTED, ""
            )
        with pytest.raises(NotFound):
            await service.nudge(session, principal, new_id(), Stage.SUBMITTED, "")
        with pytest.raises(Invalid, match="không còn việc"):
            await service.nudge(session, principal, small_school.staff["stranger"], Stage.SUBMITTED, "")
        with pytest.raises(Invalid, match="quá giới hạn"):
            await service.nudge(session, principal, music, Stage.SUBMITTED, "a" * 201)
        await service.nudge(session, principal, music, Stage.SUBMITTED, "")
        names = await people.names(session)
        query = "select subject_id, details from audit_event where action = 'season.person.nudge'"
        [told] = await session.execute(text(query))
    assert (names[told.subject_id], told.details) == ("Quách Bảo Ngân", {"stage": "Nộp sổ"})
