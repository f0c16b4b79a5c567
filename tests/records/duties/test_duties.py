"""Teaching duties: who holds them, who may give them on, and that rights go with them at once."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock
from backend.core.errors import Conflict, Forbidden, Invalid
from backend.core.ids import new_id
from backend.records.duties import rules, service
from backend.records.duties.schemas import Duty
from backend.records.gradebook import editing
from backend.records.management import service as management
from backend.records.roster.schemas import HOMEROOM, AcademicYearId, ClassId, YearSummary
from backend.tenants.people import service as people
from tests.core.statements import statements
from tests.factories.small_school import MUSIC, SmallSchool, sheet_of

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


async def opened(school: SmallSchool, name: str = "1A") -> ClassId:
    """A class that "homeroom" leads, where "music" teaches music."""
    async with school.session() as session:
        return await school.open_class(session, name, 1)


def one(duties: Sequence[Duty], code: str) -> Duty:
    """The duty with that code."""
    return next(duty for duty in duties if duty.code == code)


async def test_who_leads_and_teaches(small_school: SmallSchool) -> None:
    class_id = await opened(small_school)
    async with small_school.session(read_only=True) as session:
        duties = await service.duties_of_class(session, class_id)
        music = await service.duties_of(session, small_school.staff["music"])
        holders = {one.name: one for one in await service.list_holders(session)}
    assert [duties[0].code, duties[0].teacher_id] == [HOMEROOM, small_school.staff["homeroom"]]
    assert [duty.label for duty in music] == ["Âm nhạc, lớp 1A"]
    assert one(duties, "TV").teacher_id is None, "the homeroom teacher's"
    assert set(holders) == {"Đinh Thị Hoài Thu", "Quách Bảo Ngân", "Tạ Khánh Linh"}, (
        "who keeps no sheet is not there"
    )
    assert holders["Tạ Khánh Linh"].leads == ()


async def test_rights_go_with_the_duty(small_school: SmallSchool) -> None:
    """From the next request on, to read as to write."""
    class_id = await opened(small_school)
    async with small_school.session() as session:
        sheet = await sheet_of(session, class_id, MUSIC)
        music, stranger, principal = [
            await small_school.actor(session, who) for who in ("music", "stranger", "principal")
        ]
        assert (await editing.get_sheet(session, music, sheet.id)).may_write
        with pytest.raises(Forbidden, match="chủ nhiệm hoặc giảng dạy"):
            await editing.get_sheet(session, stranger, sheet.id)
        duty = one(await service.duties_of_class(session, class_id), MUSIC)
        moved = await service.hand_over(
            session, principal, small_school.staff["music"], [duty.key], str(small_school.staff["stranger"])
        )
        assert moved == 1
        assert (await editing.get_sheet(session, stranger, sheet.id)).may_write
        for refused in (
            editing.get_sheet(session, music, sheet.id),
            editing.new_in_sheet(session, music, sheet.id, LONG_AGO),
        ):
            with pytest.raises(Forbidden):
                await refused
        assert not (await editing.get_sheet(session, principal, sheet.id)).may_write
        told = await session.execute(
            text("select subject_label, details, about from audit_event where action = 'roster.duty.change'")
        )
        [(label, details, about)] = told.all()
    assert (label, details) == (
        "Âm nhạc, lớp 1A",
        {
            "old_teacher": "Quách Bảo Ngân",
            "new_teacher": "Tạ Khánh Linh",
            "starts_on": clock.today().isoformat(),
        },
    )
    assert about == [small_school.staff["music"], small_school.staff["stranger"]]


async def test_a_change_within_the_year_leaves_its_dates(small_school: SmallSchool) -> None:
    """Whoever taught when the year ended stands in the học bạ; days to come and days of another are refused."""
    class_id = await opened(small_school)
    music, stranger = (str(small_school.staff[who]) for who in ("music", "stranger"))
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        key = one(await service.duties_of_class(session, class_id), MUSIC).key

        async def give(old: str, new: str, day: str) -> None:
            typed = {f"cu.{key}": old, f"moi.{key}": new, "tu_ngay": day}
            await service.change_class(session, principal, class_id, typed)

        for day in ("2999-01-01", "2025-01-01", "hôm nay"):
            with pytest.raises(Invalid):
                await give(music, stranger, day)
        await give(music, stranger, "2026-01-12")
        with pytest.raises(Conflict, match="đã đổi người ngày 12/01/2026"):
            await give(stranger, music, "2026-01-11")
        await give(stranger, "", "2026-06-01")
        await give("", music, "2026-06-01")
        past = await service.past_duties(session, class_id)
        assert [(held.who, held.since, held.until) for held in past] == [
            ("Tạ Khánh Linh", date(2026, 1, 12), date(2026, 5, 31)),
            ("Quách Bảo Ngân", None, date(2026, 1, 11)),
        ], "nobody held it for no day"
        assert await service.teachers_on(session, class_id, date(2025, 10, 1)) == {MUSIC: "Quách Bảo Ngân"}
        assert await service.teachers_on(session, class_id, date(2026, 5, 31)) == {MUSIC: "Tạ Khánh Linh"}
        assert await service.teachers_on(session, class_id, date(2026, 6, 1)) == {}


def test_duties_of_a_year_that_begins_much_later_are_given_out_today() -> None:
    year = YearSummary(
        id=AcademicYearId(new_id()),
        name="2026-2027",
        starts_on=date(2026, 9, 5),
        ends_on=date(2027, 5, 31),
    )
    may, june, autumn = date(2026, 5, 29), date(2026, 6, 5), date(2026, 9, 10)
    assert rules.since("", may, year) == may
    assert rules.since("2026-06-05", autumn, year) == june
    for typed, today, first in (("2026-05-28", may, "29/05/2026"), ("2026-06-04", autumn, "05/06/2026")):
        with pytest.raises(Invalid, match=f"từ {first} đến hôm nay"):
            rules.since(typed, today, year)


async def test_who_may_not_hold_a_duty(small_school: SmallSchool) -> None:
    class_id = await opened(small_school)
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        duties = await service.duties_of_class(session, class_id)
        leading, music = one(duties, HOMEROOM), one(duties, MUSIC)

        async def give(duty: Duty, to: str) -> None:
            old = str(duty.teacher_id or "")
            typed = {f"cu.{duty.key}": old, f"moi.{duty.key}": to}
            await service.change_class(session, principal, class_id, typed)

        with pytest.raises(Conflict, match="chưa có vai trò Giáo viên chủ nhiệm"):
            await give(leading, str(small_school.staff["music"]))
        with pytest.raises(Conflict, match="chưa có vai trò Giáo viên bộ môn"):
            await give(music, str(small_school.staff["clerk"]))
        with pytest.raises(Invalid, match="không có trong danh sách"):
            await give(music, "ai đó")
        await people.leave(session, principal, small_school.staff["stranger"])
        with pytest.raises(Conflict, match="đã thôi làm việc"):
            await give(music, str(small_school.staff["stranger"]))
        assert await service.duties_of_class(session, class_id) == duties, "nothing was given"


async def test_whoever_was_slower_is_told(small_school: SmallSchool) -> None:
    class_id = await opened(small_school)
    homeroom, stranger = (str(small_school.staff[who]) for who in ("homeroom", "stranger"))
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        duties = await service.duties_of_class(session, class_id)
        for code, saw in ((HOMEROOM, stranger), (MUSIC, ""), ("TV", stranger)):
            key = one(duties, code).key
            with pytest.raises(Conflict, match="vừa được người khác phân công lại"):
                await service.change_class(
                    session, principal, class_id, {f"cu.{key}": saw, f"moi.{key}": homeroom}
                )
        key = one(duties, "TV").key
        assert (
            await service.change_class(
                session, principal, class_id, {f"cu.{key}": "", f"moi.{key}": homeroom}
            )
            == 1
        )
        assert (
            await service.change_class(
                session, principal, class_id, {f"cu.{key}": homeroom, f"moi.{key}": ""}
            )
            == 1
        )


async def test_a_class_is_given_out_at_once_or_not_at_all(small_school: SmallSchool) -> None:
    """With as many statements for one duty as for all; one that somebody else gave on meanwhile holds up the others."""
    class_id = await opened(small_school)
    stranger = str(small_school.staff["stranger"])
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        duties = await service.duties_of_class(session, class_id)
        old = {f"cu.{duty.key}": str(duty.teacher_id or "") for duty in duties}
        new = {f"moi.{duty.key}": stranger for duty in duties}
        stale = f"cu.{one(duties, 'TOAN').key}"
        async with session.begin_nested() as refused:
            with pytest.raises(Conflict, match="“Toán, lớp 1A” vừa được người khác phân công lại"):
                await service.change_class(
                    session, principal, class_id, old | new | {stale: str(small_school.staff["homeroom"])}
                )
            await refused.rollback()
        counts = []
        for names in (list(new)[:1], list(new)[1:]):
            with statements() as asked:
                done = await service.change_class(
                    session, principal, class_id, old | {name: new[name] for name in names}
                )
            counts.append(len(asked))
            assert done == len(names)
        assert len(set(counts)) == 1, counts
        given = {duty.teacher_id for duty in await service.duties_of_class(session, class_id)}
        assert given == {small_school.staff["stranger"]}


async def test_whoever_leaves_hands_over_in_the_same_place(site: Litestar, small_school: SmallSchool) -> None:
    class_id = await opened(small_school)
    principal = await small_school.browser(site, "principal")
    leaving = f"/nhan-su/{small_school.staff['music']}/thoi-viec"
    shown = (await principal.get(leaving)).text
    assert ("Âm nhạc, lớp 1A" in shown, "cần bàn giao" in shown) == (True, True)
    [key] = re.findall(r'name="viec" value="([^"]+)"', shown)
    action = f"/phan-cong/nguoi/{small_school.staff['music']}"
    nobody = await principal.post(action, {"viec": key, "nguoi_nhan": "", "ve": leaving})
    assert (nobody.status_code, "chọn cả hai" in nobody.text) == (422, True)
    wrong = {"viec": "", "nguoi_nhan": str(small_school.staff["stranger"]), "ve": leaving}
    assert (await principal.post(action, wrong)).status_code == 422
    assert principal.page is not None
    again = {
        "viec": "".join(principal.page.xpath("//input[@name='viec'][@checked]/@value")),
        "nguoi_nhan": principal.page.xpath("string(//select[@name='nguoi_nhan']/option[@selected]/@value)"),
        "ve": principal.page.xpath("string(//input[@name='ve']/@value)"),
    }
    assert again == wrong, "what was typed is still there, and the way back"
    form = {"viec": key, "nguoi_nhan": str(small_school.staff["stranger"]), "ve": leaving}
    assert (await principal.post(action, form)).headers["location"] == leaving
    assert "cần bàn giao" not in (await principal.get(leaving)).text
    assert (await principal.post(action, form | {"ve": "//xau.example"})).status_code == 422, (
        "nothing is left"
    )
    async with small_school.session(read_only=True) as session:
        found = await management.unfinished_of(session, small_school.staff["stranger"])
        assert [duty.class_id for duty in found.duties] == [class_id]


async def test_what_somebody_left_behind_is_named(site: Litestar, small_school: SmallSchool) -> None:
    class_id = await opened(small_school)
    principal = await small_school.browser(site, "principal")
    async with small_school.session() as session:
        await people.leave(
            session, await small_school.actor(session, "principal"), small_school.staff["music"]
        )
    shown = (await principal.get("/phan-cong")).text
    assert "1 việc đang đứng tên người đã thôi việc" in shown
    assert "việc khác" not in shown
    for letter in "BCDEFG":
        await opened(small_school, f"1{letter}")
    await principal.get("/phan-cong")
    assert principal.page is not None
    [notice] = principal.page.xpath("//*[contains(@class, 'notice-warn')]")
    assert "7 việc đang đứng tên" in notice.xpath("string(.)")
    assert notice.xpath(".//a/text()") == [f"Âm nhạc, lớp 1{letter}" for letter in "ABCDE"]
    assert notice.xpath(".//a/@href")[0] == f"/phan-cong/lop/{class_id}"
    assert "và 2 việc khác" in notice.xpath("string(.)")
    assert "Quách Bảo Ngân (đã thôi việc)" in (await principal.get(f"/phan-cong/lop/{class_id}")).text


async def test_the_pages_class_by_class_and_person_by_person(
    site: Litestar, small_school: SmallSchool
) -> None:
    class_id = await opened(small_school)
    principal = await small_school.browser(site, "principal")
    assert "Âm nhạc: Quách Bảo Ngân" in (await principal.get("/phan-cong")).text
    assert "Âm nhạc: 1A" in (await principal.get("/phan-cong?xem=nguoi")).text
    page = f"/phan-cong/lop/{class_id}"
    await principal.get(page)
    assert principal.page is not None
    form = {
        **{
            one.get("name"): one.get("value")
            for one in principal.page.xpath("//input[starts-with(@name, 'cu.')]")
        },
        **{
            one.get("name"): one.xpath("string(option[@selected]/@value)")
            for one in principal.page.xpath("//select")
        },
    }
    assert (await principal.post(page, form)).headers["location"] == page
    [key] = [name for name in form if name.endswith(f".{HOMEROOM}") and name.startswith("moi.")]
    wrong = await principal.post(page, form | {key: str(small_school.staff["music"])})
    assert (wrong.status_code, "chưa có vai trò" in wrong.text) == (409, True)
    assert (await principal.post(page, form | {key: ""})).status_code == 303
    assert "Chưa phân công" in (await principal.get("/phan-cong")).text
    assert (await principal.get(f"/phan-cong/lop/{new_id()}")).status_code == 404
    teacher = await small_school.browser(site, "homeroom")
    assert (await teacher.get("/phan-cong")).status_code == 403


def test_what_a_form_does_not_change_is_no_move() -> None:
    duty = Duty(
        class_id=ClassId(new_id()), class_name="1A", code="TV", name="Tiếng Việt", teacher_id=None, teacher=None,
        has_left=False,
    )  # fmt: skip
    assert rules.moves([duty], {f"cu.{duty.key}": "", f"moi.{duty.key}": ""}) == []
    assert rules.moves([duty], {"moi.khac.TV": str(new_id())}) == []


async def test_the_list_of_sheets_leads_to_none_that_do_not_open(
    site: Litestar, small_school: SmallSchool
) -> None:
    class_id = await opened(small_school)
    for who, leads in (("music", True), ("stranger", False)):
        browser = await small_school.browser(site, who)
        assert ("/so-diem/" in (await browser.get(f"/lop/{class_id}/so-diem")).text) is leads
