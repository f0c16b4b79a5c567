"""Whether subject teachers sign: by level, from a day on, with a reason; what was frozen keeps the order of its day."""

from datetime import date, datetime, timedelta

import pytest
from litestar import Litestar
from sqlalchemy import select

from backend.core import clock
from backend.core.audit import Action, AuditEvent
from backend.core.errors import Conflict, Invalid
from backend.records.signing_order import rules, service
from backend.records.signing_order.schemas import Decision
from backend.records.transcripts import service as transcripts
from backend.remote_signing.formats.schemas import SUBJECT_TEACHER
from backend.remote_signing.requests import service as signing
from backend.tenants.schools.schemas import SchoolLevel
from tests.factories.small_school import SmallSchool
from tests.records.transcripts.conftest import Season, confirmed_class

PAGE = "/truong/thu-tu-ky"
WHY = "Quyết định 12/QĐ-THCS ngày 05/9/2025"
LOWER = SchoolLevel.LOWER_SECONDARY


def decision(sign: bool, starts_on: date, made: int, level: SchoolLevel = LOWER) -> Decision:
    at = datetime(2026, 1, made, tzinfo=clock.VIETNAM)
    return Decision(level=level, teachers_sign=sign, starts_on=starts_on, reason=WHY, set_by="", set_at=at)


def test_primary_skips_the_step_and_secondary_has_it() -> None:
    day = date(2026, 5, 1)
    assert [rules.teachers_sign([], level, day) for level in SchoolLevel] == [False, True, True]


def test_what_began_last_holds_and_of_one_day_what_was_decided_last() -> None:
    first, then = date(2026, 3, 1), date(2026, 4, 1)
    decisions = [decision(False, then, 1), decision(True, first, 2), decision(False, first, 3)]
    days = (first - timedelta(1), first, then)
    assert [rules.teachers_sign(decisions, LOWER, day) for day in days] == [True, False, False]
    decisions.append(decision(True, then, 4))
    assert [rules.teachers_sign(decisions, LOWER, day) for day in days] == [True, False, True]
    assert not rules.teachers_sign(decisions, SchoolLevel.PRIMARY, then)


def test_what_cannot_be_decided_is_told_in_words() -> None:
    today = date(2026, 5, 1)
    with pytest.raises(Invalid, match="phải từ hôm nay"):
        rules.checked_start(today - timedelta(1), today)
    with pytest.raises(Invalid, match="cần từ 5 đến 300 ký tự"):
        rules.checked_reason("QĐ")
    with pytest.raises(Invalid, match="Cấp học"):
        rules.checked_level("primary", [LOWER])
    with pytest.raises(Invalid, match="Giáo viên bộ môn"):
        rules.checked_choice("có")


async def test_the_page_decides_with_a_reason_that_stands_in_the_audit(
    site: Litestar, small_school: SmallSchool
) -> None:
    today = clock.today()
    form = {"cap": "lower_secondary", "ky": "0", "tu_ngay": f"{today:%d/%m/%Y}", "ly_do": WHY}
    browser = await small_school.browser(site, "principal")
    assert (await browser.get(PAGE)).text.count("Giáo viên bộ môn: mỗi người ký") == 2
    refused = await browser.post(PAGE, form | {"ly_do": "QĐ"})
    assert refused.status_code == 422
    assert '<option value="lower_secondary" selected>' in refused.text
    assert (await browser.post(PAGE, form)).status_code == 303
    shown = (await browser.get(PAGE)).text
    assert shown.count("Giáo viên bộ môn: mỗi người ký") == 1
    assert WHY in shown
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        with pytest.raises(Conflict, match="đã bỏ bước giáo viên bộ môn ký"):
            await service.decide(session, principal, "lower_secondary", "0", f"{today}", WHY)
        [told] = (
            await session.scalars(select(AuditEvent).where(AuditEvent.action == Action.SIGNING_ORDER_CHANGED))
        ).all()
    assert told.details["reason"] == WHY
    assert told.details["starts_on"] == today.isoformat()


async def secondary(school: SmallSchool, name: str = "6A", first: int = 1) -> Season:
    async with school.session() as session:
        return await confirmed_class(school, session, name, 6, ["Lò Thị An"], first, taken_by_music="NT")


async def turns(season: Season) -> list[tuple[int, str, str | None, object]]:
    """Position, role, part and signer of what is asked for the one pupil of a class."""
    [version] = await season.freeze()
    await season.render(version)
    await season.ask_for_signatures(version)
    async with season.school.session(read_only=True) as session:
        steps = await signing.steps_of(session, version.id)
    return [(one.position, one.role, one.part, one.signer_id) for one in steps]


async def test_each_subject_is_asked_of_its_teacher_before_all_others(small_school: SmallSchool) -> None:
    """Music has a teacher of its own; what is assigned to nobody is the homeroom teacher's."""
    found = await turns(await secondary(small_school))
    of_subjects = [one for one in found if one[1] == SUBJECT_TEACHER]
    assert {one[0] for one in of_subjects} == {0}
    staff = small_school.staff
    assert [one[2] for one in of_subjects if one[3] == staff["music"]] == ["Nghệ thuật"]
    assert {one[3] for one in of_subjects} == {staff["music"], staff["homeroom"]}
    assert [one[:2] for one in found if one[1] != SUBJECT_TEACHER] == [
        (1, "homeroom_teacher"),
        (2, "principal"),
        (3, "school_seal"),
    ]


async def test_a_decision_is_for_what_is_frozen_after_it(small_school: SmallSchool) -> None:
    season = await secondary(small_school)
    [version] = await season.freeze()
    async with small_school.session() as session:
        today = f"{clock.today()}"
        await service.decide(session, season.principal, "lower_secondary", "0", today, WHY)
        assert await transcripts.is_signed_by_teachers(session, version.id)
    assert any(role == SUBJECT_TEACHER for _, role, _, _ in await turns(season))
    after = await turns(await secondary(small_school, "6B", 11))
    assert [role for _, role, _, _ in after] == ["homeroom_teacher", "principal", "school_seal"]


async def test_who_could_not_sign_is_named_before_anything_is_frozen(
    site: Litestar, small_school: SmallSchool
) -> None:
    season = await secondary(small_school)
    browser = await small_school.browser(site, "principal")
    shown = (await browser.get(f"/lop/{season.class_id}/hoc-ba")).text
    music = small_school.staff["music"]
    assert "Giáo viên môn Nghệ thuật: Quách Bảo Ngân chưa có chứng thư số." in shown
    assert f'href="/chung-thu/{music}"' in shown
    assert "Giáo viên chủ nhiệm: Đinh Thị Hoài Thu chưa có chứng thư số." in shown
    assert "Con dấu số: chưa có chứng thư số." in shown
    listed = (await browser.get(f"/chot-hoc-ba?lop={season.class_id}")).text
    assert "13 lượt chưa ký được nên học bạ sẽ chờ ở đó. Lượt đầu: Giáo viên môn Ngữ văn: Đinh Thị" in listed
    assert f'<th scope="row"><a href="/lop/{season.class_id}/hoc-ba">6A</a>' in listed
