"""Reports of one small school: the same figures on the page, in the workbook and in the letter, as of any day."""

import io
import uuid
import zipfile
from datetime import date, datetime
from functools import partial
from typing import Any

import openpyxl
import pytest
from litestar import Litestar
from lxml import etree
from sqlalchemy import text

from backend.core.clock import VIETNAM
from backend.core.database import TenantSession
from backend.core.ids import new_id, new_lookup_code
from backend.integrations.reports import service
from backend.records.roster import service as roster
from backend.records.statistics import service as statistics
from backend.records.statistics.schemas import Count, Group
from backend.records.transcripts.models import Transcript, TranscriptVersion
from backend.records.transcripts.schemas import VersionState
from tests.core.browser import Browser
from tests.core.site_fixtures import site
from tests.factories.small_school import SmallSchool, enroll
from tests.records.conftest import small_school

__all__ = ["site", "small_school"]

JUNE = "?nam=2025-2026&ngay=2026-06-25"
_LEFT = text("update enrollment set status = 'left', left_on = date '2026-06-24' where student_id = :id")
#: In Vietnam; in Greenwich the first two are on the day before.
FROZEN = datetime(2026, 6, 18, 0, 5, tzinfo=VIETNAM)
ISSUED = datetime(2026, 6, 20, 6, 30, tzinfo=VIETNAM)
WITHDRAWN = datetime(2026, 6, 25, 23, 30, tzinfo=VIETNAM)
#: Pupils of 1A in the order of names: state, issued, withdrawn.
STATES = (
    (VersionState.ISSUED, ISSUED, None),
    (VersionState.RECALL_REQUESTED, ISSUED, WITHDRAWN),
    (VersionState.FROZEN, None, None),
    (VersionState.ISSUED, ISSUED, None),
)


async def june(school: SmallSchool) -> None:
    """1A: one issued, one issued and to be recalled, one frozen, one issued who has left. 2A: nobody frozen."""
    async with school.session() as session:
        first = await school.open_class(session, "1A", 1)
        await school.open_class(session, "2A", 2)
        await enroll(session, "1A", ["Lò Thị An", "Cầm Văn Bình", "Quàng Thị Chi", "Tòng Văn Dũng"])
        await enroll(session, "2A", ["Lò Văn Hải", "Lò Văn Hải"], 21)
        pupils = await roster.list_students(session, first)
        for one, state in zip(pupils, STATES, strict=True):
            await add_version(session, school, first, one.id, state)
        await session.execute(_LEFT, {"id": pupils[3].id})


async def add_version(
    session: TenantSession,
    school: SmallSchool,
    class_id: uuid.UUID,
    student_id: uuid.UUID,
    told: tuple[VersionState, datetime | None, datetime | None],
) -> None:
    """A version as the season leaves it: of its content nothing is counted."""
    state, issued, withdrawn = told
    of_school = {"tenant_id": school.tenant_id, "student_id": student_id}
    transcript = Transcript(
        id=new_id(), level="primary", lookup_code=new_lookup_code(), created_at=FROZEN, **of_school
    )
    session.add(transcript)
    await session.flush()
    session.add(
        TranscriptVersion(
            id=new_id(),
            transcript_id=transcript.id,
            academic_year_id=school.year_id,
            class_id=class_id,
            number=1,
            state=state,
            snapshot="{}",
            content_sha256="0" * 64,
            corrections=[],
            frozen_at=FROZEN,
            issued_at=issued,
            withdrawn_at=withdrawn,
            **of_school,
        )
    )


async def counted(school: SmallSchool, day: date) -> Count:
    async with school.session(read_only=True) as session:
        year, _ = await statistics.year_named(session, "2025-2026")
        return (await statistics.ratios(session, year, day)).total


async def test_one_set_of_figures_everywhere(site: Litestar, small_school: SmallSchool) -> None:
    await june(small_school)
    await figures_are_those_of_the_day(small_school)
    await pupils_behind_a_figure_are_those_that_it_counts(small_school)
    principal = await small_school.browser(site, "principal")
    await pages_say_it(principal)
    await the_workbook_says_the_same(principal)
    await the_letter_follows_the_outline(principal)
    await bad_input_is_answered_in_one_sentence(principal)
    await a_teacher_has_no_reports(await small_school.browser(site, "music"))


async def figures_are_those_of_the_day(school: SmallSchool) -> None:
    """Nothing that happened later is in an earlier figure, however early in the morning it happened."""
    everybody = partial(Count, classes=2, pupils=6)
    assert await counted(school, date(2026, 6, 17)) == everybody()
    assert await counted(school, date(2026, 6, 19)) == everybody(classes_in=1, pupils_in=4)
    assert await counted(school, date(2026, 6, 20)) == everybody(classes_in=1, pupils_in=4, issued=3)
    assert await counted(school, date(2026, 6, 24)) == Count(
        classes=2, pupils=5, classes_in=1, pupils_in=3, issued=2, left=1
    )
    assert await counted(school, date(2026, 6, 25)) == Count(
        classes=2, pupils=5, classes_in=1, pupils_in=3, issued=2, recalled=1, left=1
    )


async def pupils_behind_a_figure_are_those_that_it_counts(school: SmallSchool) -> None:
    async with school.session(read_only=True) as session:
        scope = await service.scope_of(session, "2025-2026", "25/06/2026")

        async def names(group: Group, grade: int | None = None) -> list[str]:
            found = await service.pupils(
                session, await school.actor(session, "principal"), scope, group, grade
            )
            return [one.full_name for one in found]

        assert await names(Group.ISSUED) == ["Lò Thị An", "Cầm Văn Bình"]
        assert await names(Group.RECALLED) == await names(Group.INCOMPLETE) == ["Cầm Văn Bình"]
        assert await names(Group.NOT_ISSUED, 1) == ["Quàng Thị Chi"]
        assert len(await names(Group.ALL)) == 5
        assert await names(Group.OUT) == ["Lò Văn Hải", "Lò Văn Hải"]


async def pages_say_it(principal: Browser) -> None:
    ratios = (await principal.get(f"/bao-cao/ti-le{JUNE}")).text
    assert "Số học bạ số phát hành/tổng số học sinh (lớp 1, 2)" in ratios
    assert "40,0%" in ratios, "two issued of five"
    assert "có 1 học bạ đã phát hành của học sinh không còn ở lớp" in ratios
    link = f"/bao-cao/hoc-sinh{JUNE}&nhom=chua-phat-hanh&khoi=1".replace("&", "&amp;")
    assert link in ratios
    behind = await principal.get(f"/bao-cao/hoc-sinh{JUNE}&nhom=chua-phat-hanh&khoi=1")
    assert "Quàng Thị Chi" in behind.text
    assert "Lò Thị An" not in behind.text
    ready = (await principal.get(f"/bao-cao/san-sang{JUNE}")).text
    assert "Không trùng họ tên và ngày sinh" in ready
    coverage = (await principal.get(f"/bao-cao/chung-thu{JUNE}&tong=10&co=4&chua=5")).text
    assert "đã có 4 + chưa có 5 = 9, nhưng tổng số ghi 10" in coverage
    assert "Tổng số người: báo cáo trước ghi 10, hệ thống đếm được 6 (chênh -4)" in coverage
    deadlines = (await principal.get(f"/bao-cao/thoi-han{JUNE}")).text
    assert "Quá hạn, còn việc" in deadlines
    assert (await principal.get(f"/bao-cao/ky-so{JUNE}")).status_code == 200


async def the_workbook_says_the_same(principal: Browser) -> None:
    answer = await principal.get(f"/bao-cao/tep/bang.xlsx{JUNE}")
    assert answer.headers["content-disposition"].endswith('-2026-06-25.xlsx"')
    book: Any = openpyxl.load_workbook(io.BytesIO(answer.content))
    lines = [[cell.value for cell in row] for row in book["Theo khối"].iter_rows(min_row=6, max_row=8)]
    assert lines == [
        ["Khối 1", 1, 1, 1, 3, 3, 1, 2, pytest.approx(2 / 3), 1, 1, 0, 0.5],
        ["Khối 2", 0, 1, 0, 0, 2, 0, 0, 0, 2, 0, 0, "—"],
        ["Tổng số", 1, 2, 0.5, 3, 5, 0.6, 2, 0.4, 3, 1, 0, 0.5],
    ]
    for sheet in book:
        assert sheet.cell(3, 1).value, f"{sheet.title} has no title"
    staff = [cell.value for cell in book["Chứng thư số"][6]]
    assert staff[4] == staff[5] + staff[6] == 6
    for name in ("Theo tổ", "Theo vai trò"):
        *parts, total = [row[1:4] for row in book[name].values if isinstance(row[1], int)]
        assert [sum(column) for column in zip(*parts, strict=True)] == list(total)


async def the_letter_follows_the_outline(principal: Browser) -> None:
    answer = await principal.get(f"/bao-cao/tep/bao-cao.docx{JUNE}")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        body = etree.fromstring(packed.read("word/document.xml"))
    spaces = {"w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main"}
    lines = ["".join(one.itertext()) for one in body.iterfind(".//w:p", spaces)]
    outline = [
        "I. Đặc điểm tình hình",
        "II. Kết quả thực hiện Học bạ số",
        "- Số học sinh tham gia/tổng số học sinh toàn trường: 3/5; Đạt tỷ lệ: 60,0%",
        "- Số lớp tham gia/tổng số lớp (lớp 1, 2): 1/2; Đạt tỷ lệ: 50,0%",
        "- Số học sinh tham gia/tổng số học sinh (lớp 1, 2): 3/5; Đạt tỷ lệ: 60,0%",
        "- Số học bạ số phát hành/tổng số học sinh (lớp 1, 2): 2/5; Đạt tỷ lệ: 40,0%",
        "- Số học bạ số phải thu hồi, hoàn thiện/số phát hành: 1/2; Đạt tỷ lệ: 50,0%",
        "III. Triển khai thực hiện Học bạ số năm học 2025-2026",
        "3. Giải pháp về nền tảng công nghệ",
        "3.5. Về chữ ký số",
        "4. Chi phí đầu tư, vận hành",
        "IV. Thuận lợi, khó khăn; kiến nghị, đề xuất",
    ]
    assert [one for one in lines if one in outline] == outline
    assert not any("Lò Thị An" in one for one in lines), "a report names no pupil"


async def bad_input_is_answered_in_one_sentence(principal: Browser) -> None:
    for query, words in (
        ("?nam=2019-2020", "Trường không có năm học “2019-2020”"),
        ("?ngay=31/02/2026", "Mục “Tính đến ngày” chưa phải là một ngày có thật"),
        ("?ngay=2999-01-01", "Ngày 01/01/2999 chưa đến"),
        ("?tong=nhiều", "Tổng số đã báo cáo phải là một số nguyên"),
    ):
        answer = await principal.get(f"/bao-cao/chung-thu{query}")
        assert answer.status_code == 422
        assert words in answer.text
    assert (await principal.get("/bao-cao/khac")).status_code == 404
    assert (await principal.get("/bao-cao/hoc-sinh?nhom=khac")).status_code == 404


async def a_teacher_has_no_reports(teacher: Browser) -> None:
    for path in ("/bao-cao", "/bao-cao/hoc-sinh", "/bao-cao/tep/bang.xlsx", "/bao-cao/tep/bao-cao.docx"):
        assert (await teacher.get(path)).status_code == 403


async def test_a_school_without_anything_is_told_so(site: Litestar, small_school: SmallSchool) -> None:
    principal = await small_school.browser(site, "principal")
    for kind in ("ti-le", "ky-so", "san-sang", "thoi-han"):
        assert "Chưa có" in (await principal.get(f"/bao-cao/{kind}")).text
    for name in ("bang.xlsx", "bao-cao.docx"):
        assert (await principal.get(f"/bao-cao/tep/{name}")).status_code == 200
