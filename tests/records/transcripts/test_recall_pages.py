"""The pages of a version that is with the Authority: until when it may be recalled, by whom, and what is overdue."""

from datetime import date

import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock
from backend.records.transcripts import service
from backend.records.transcripts.schemas import VersionState, VersionSummary
from tests.factories.machine import Machine
from tests.factories.small_school import SmallSchool
from tests.records.transcripts.conftest import NAMES, Season, confirmed_class

AN, BINH, CHI = NAMES
REASON = "Sai điểm Toán học kì hai của em"
IN_TIME = date(2026, 6, 29)


async def with_the_authority(school: SmallSchool, state: VersionState) -> tuple[Season, VersionSummary]:
    """A class of which the first version has come so far, frozen in May."""
    async with school.session() as session:
        season = await confirmed_class(school, session)
    version, *_ = await season.freeze()
    await season.render(version)
    await Machine(school.tenant_id).forget()
    async with school.session() as session:
        await session.execute(
            text(
                "update transcript_version set state = :state, issued_at = now(), signed_sha256 = pdf_sha256 "
                "where id = :id"
            ),
            {"state": state, "id": version.id},
        )
    return season, version


@pytest.fixture
def in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "today", lambda: IN_TIME)


@pytest.mark.usefixtures("in_time")
async def test_a_recall_is_asked_for_on_its_page(small_school: SmallSchool, site: Litestar) -> None:
    _, version = await with_the_authority(small_school, VersionState.ACCEPTED)
    principal = await small_school.browser(site, "principal")
    page = await principal.get(f"/hoc-ba/{version.id}")
    assert f'href="/hoc-ba/{version.id}/thu-hoi"' in page.text
    assert f'href="/hoc-ba/{version.id}/rut-lai"' not in page.text
    page = await principal.get(f"/hoc-ba/{version.id}/thu-hoi")
    assert "Sở được đề nghị đưa học bạ này ra khỏi cơ sở dữ liệu" in page.text
    answer = await principal.post(f"/hoc-ba/{version.id}/thu-hoi", {"ly_do": "sai"})
    assert "xin ghi lý do" in answer.text
    answer = await principal.post(f"/hoc-ba/{version.id}/thu-hoi", {"ly_do": REASON})
    assert answer.status_code == 303, answer.text
    page = await principal.get(f"/hoc-ba/{version.id}")
    assert "Nhà trường thu hồi học bạ này từ lúc" in page.text
    assert "Đang thu hồi" in page.text
    answer = await principal.post(f"/hoc-ba/{version.id}/thu-hoi", {"ly_do": REASON})
    assert "đang được thu hồi nên không thu hồi được" in answer.text


async def test_a_day_of_effect_that_lies_ahead_is_not_called_past(
    small_school: SmallSchool, site: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what was handed over and accepted the day is known before it comes."""
    _, version = await with_the_authority(small_school, VersionState.TRANSFERRED_OUT)
    async with small_school.session() as session:
        await session.execute(
            text("update transcript_version set effective_on = '2026-06-30' where id = :id"),
            {"id": version.id},
        )
    principal = await small_school.browser(site, "principal")
    for today, said, unsaid in (
        (IN_TIME, "học bạ có hiệu lực từ ngày 30/06/2026, sau ngày chốt", "Học bạ đã chốt"),
        (date(2026, 6, 30), "Học bạ đã chốt, có hiệu lực từ ngày 30/06/2026", "sau ngày chốt"),
    ):
        monkeypatch.setattr(clock, "today", lambda day=today: day)
        page = await principal.get(f"/hoc-ba/{version.id}")
        assert said in page.text
        assert unsaid not in page.text


async def test_why_nothing_can_be_taken_back_is_said(
    small_school: SmallSchool, site: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, version = await with_the_authority(small_school, VersionState.ACCEPTED)
    principal = await small_school.browser(site, "principal")
    page = await principal.get(f"/hoc-ba/{version.id}/rut-lai")
    assert "đã phát hành, Sở đã chấp nhận nên không rút lại được" in page.text
    assert "Rút lại học bạ</" not in page.text
    monkeypatch.setattr(clock, "today", lambda: date(2027, 1, 1))
    page = await principal.get(f"/hoc-ba/{version.id}/thu-hoi")
    assert "đã qua hạn chốt" in page.text
    assert "Đề nghị thu hồi</" not in page.text
    page = await principal.get(f"/hoc-ba/{version.id}")
    assert "đã qua ngày chốt" in page.text
    assert f'href="/hoc-ba/{version.id}/thu-hoi"' not in page.text


async def test_what_is_overdue_is_listed(
    small_school: SmallSchool, site: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    season, version = await with_the_authority(small_school, VersionState.REJECTED)
    clerk = await small_school.browser(site, "clerk")
    monkeypatch.setattr(clock, "today", lambda: date(2027, 1, 1))
    page = await clerk.get("/hoc-ba/qua-han")
    for said in (version.full_name, "Sở từ chối", "trước ngày"):
        assert said in page.text
    async with small_school.session() as session:
        overdue = await service.after_closing(session, {VersionState.FROZEN})
    assert len(overdue) == 2, "and the two that are only frozen"
    assert {one.version.class_name for one in overdue} == {"1A"}
    teacher = await season.school.browser(site, "music")
    assert (await teacher.get("/hoc-ba/qua-han")).status_code == 403
    monkeypatch.setattr(service, "OVERDUE_SHOWN", 2)
    names = [AN, BINH, CHI]
    first, second, beyond = [(await clerk.get(f"/hoc-ba/qua-han?trang={at}")).text for at in (1, 2, 99)]
    assert [[name in page for name in names] for page in (first, second, beyond)] == [
        [True, True, False],
        [False, False, True],
        [False, False, True],
    ]
    assert "Trang 1 trên 2" in first
    assert 'rel="next" href="/hoc-ba/qua-han?trang=2"' in first
