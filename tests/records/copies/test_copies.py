"""Copies of a học bạ: numbered without a gap, printed once, given out unchanged, and each in the register."""

import asyncio
import hashlib
import html
import io
import re
from dataclasses import dataclass
from uuid import UUID

import openpyxl
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.core import audit, clock, storage
from backend.core.actor import machine
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.copies import rules, service
from backend.records.copies.schemas import CopyKind, IssuedCopyView
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import Deed, VersionSummary
from tests.factories.machine import Death, Machine
from tests.records.transcripts.conftest import NAMES, Season
from tests.records.transcripts.pdf_reading import page_texts, squeezed

COPY = (CopyKind.COPY.value, "", "Bà Cầm Thị Mẹ, mẹ học sinh", "Nộp hồ sơ nhập học")
EXTRACT = (CopyKind.EXTRACT.value, "2025-2026", "Công an phường Hoa Mai", "Xác minh")
PRINT = (CopyKind.PRINT.value, "", "Phụ huynh", "Để xem")
_ISSUE = """
    update transcript_version set state = 'issued', signed_sha256 = pdf_sha256, issued_at = now() where id = :id
"""


@dataclass
class Desk:
    """A class of which all transcripts are issued, and what its school does with copies."""

    season: Season
    versions: list[VersionSummary]

    async def issue(
        self,
        typed: tuple[str, str, str, str] = COPY,
        pupil: int = 0,
        who: str = "principal",
        copy_id: UUID | None = None,
    ) -> str:
        async with self.season.school.session() as session:
            actor = await self.season.school.actor(session, who)
            return await service.issue(session, actor, self.versions[pupil].id, copy_id or new_id(), typed)

    async def copies(self, pupil: int = 0) -> list[IssuedCopyView]:
        async with self.season.school.session(read_only=True) as session:
            return (await service.open_copies(session, self.season.principal, self.versions[pupil].id))[2]

    async def printed(self) -> None:
        await Machine(self.season.school.tenant_id).rest()

    async def found(self, typed: str) -> list[str]:
        async with self.season.school.session(read_only=True) as session:
            found = await service.register(session, self.season.principal, typed, 1)
        assert found.total == len(found.rows)
        return [one.label for one in found.rows]


@pytest_asyncio.fixture(loop_scope="session")
async def desk(season: Season) -> Desk:
    versions = await season.freeze()
    for version in versions:
        await season.render(version)
    async with season.school.session() as session:
        for version in versions:
            await session.execute(text(_ISSUE), {"id": version.id})
    await Machine(season.school.tenant_id).forget()
    return Desk(season, versions)


def labelled(number: int, symbol: str = "BS-HB") -> str:
    return f"{number}/{clock.today().year}/{symbol}"


async def test_a_copy_is_numbered_printed_and_taken_away_as_it_was_printed(
    desk: Desk, site: Litestar
) -> None:
    clerk = await desk.season.school.browser(site, "principal")
    here = f"/hoc-ba/{desk.versions[0].id}/ban-sao"
    assert "Chưa cấp bản nào" in (await clerk.get(here)).text
    form = dict(zip(("loai", "nam_hoc", "cap_cho", "muc_dich"), COPY, strict=True))
    lost = await clerk.post(here, form)
    assert (lost.status_code, "thiếu mã của bản" in lost.text) == (422, True)
    [given_out] = re.findall(r'name="ban" value="([^"]+)"', (await clerk.get(here)).text)
    for _ in range(2):
        answer = await clerk.post(here, form | {"ban": given_out})
        assert (answer.status_code, answer.headers["location"]) == (303, here), answer.text
    assert "Đang kết xuất" in (await clerk.get(here)).text
    [waiting] = await desk.copies()
    early = await clerk.get(f"/ban-sao/{waiting.id}/tep")
    assert (early.status_code, "đang được kết xuất" in early.text) == (409, True)
    await desk.printed()
    [copy] = await desk.copies()
    assert (copy.label, copy.issued_by, copy.recipient) == (labelled(1), "Nghiêm Thế Khải", COPY[2])
    shown = await clerk.get(here)
    assert f"/ban-sao/{copy.id}/tep" in shown.text
    taken = await clerk.get(f"/ban-sao/{copy.id}/tep")
    assert hashlib.sha256(taken.content).hexdigest() == copy.sha256
    assert taken.content == (await clerk.get(f"/ban-sao/{copy.id}/tep")).content
    name = f"hoc-ba-ban-sao-1-{clock.today().year}-BS-HB.pdf"
    assert taken.headers["content-disposition"] == f'attachment; filename="{name}"'
    first, *others = page_texts(taken.content)
    for said in ("BẢN SAO", f"Số: {labelled(1)}", COPY[2], COPY[3], desk.versions[0].full_name.upper()):
        assert squeezed(said) in squeezed(first)
    assert "XÁC NHẬN BẢN SAO" in others[-1]


async def test_the_book_is_read_on_a_screen_as_it_is_printed(desk: Desk, site: Litestar) -> None:
    async with desk.season.school.session(read_only=True) as session:
        version, content = await transcripts.open_book(session, desk.season.principal, desk.versions[0].id)
    browser = await desk.season.school.browser(site, "principal")
    shown = (await browser.get(f"/hoc-ba/{version.id}/ca-quyen")).text
    record = content.records[0]
    said = [
        version.full_name,
        record.academic_year,
        record.snapshot.student.birth_place,
        record.snapshot.lookup_code,
        *(signer.name for signer in record.snapshot.signers),
        *(one.comment for one in record.snapshot.year.results.subjects),
    ]
    assert [words for words in said if words and html.escape(words) not in shown] == []
    assert (number := record.snapshot.student.personal_id)
    assert number not in shown


async def test_numbers_run_without_a_gap_through_all_kinds(desk: Desk) -> None:
    for typed in (("ban-sao", "", "", "x"), ("ban-sao", "", "x", " "), ("khac", "", "x", "y")):
        with pytest.raises(Invalid):
            await desk.issue(typed)
    with pytest.raises(Conflict, match="năm học 2019-2020 chưa được phát hành"):
        await desk.issue(("trich-luc", "2019-2020", "x", "y"))
    labels = await asyncio.gather(
        *(desk.issue(typed, pupil) for pupil in range(3) for typed in (COPY, PRINT, EXTRACT))
    )
    numbers = sorted(int(label.split("/")[0]) for label in labels)
    assert numbers == list(range(1, 10))
    assert {label.split("/")[2] for label in labels} == {"BS-HB", "BI-HB", "TL-HB"}


async def test_the_newest_number_stands_first_whichever_form_was_opened_first(desk: Desk) -> None:
    opened_first, opened_later = new_id(), new_id()
    labels = [await desk.issue(copy_id=one) for one in (opened_later, opened_first)]
    assert [one.label for one in await desk.copies()] == labels[::-1]


async def test_an_extract_is_of_one_year_and_a_print_is_not_confirmed(desk: Desk) -> None:
    await desk.issue(EXTRACT)
    await desk.issue(PRINT)
    await desk.printed()
    texts = {}
    for copy in await desk.copies():
        async with desk.season.school.session() as session:
            view, sha256 = await service.take(session, desk.season.principal, copy.id)
        texts[view.kind] = page_texts(await storage.get(desk.season.school.tenant_id, sha256))
    assert "TRÍCH LỤC" in texts[CopyKind.EXTRACT][0]
    assert "HƯỚNG DẪN" not in "".join(texts[CopyKind.EXTRACT])
    assert "HƯỚNG DẪN" in "".join(texts[CopyKind.PRINT])
    assert "XÁC NHẬN BẢN IN" not in "".join(texts[CopyKind.PRINT])


@pytest.mark.parametrize("death", list(Death))
async def test_a_worker_that_dies_leaves_one_print(desk: Desk, death: Death) -> None:
    await desk.issue()
    await Machine(desk.season.school.tenant_id, death=death).rest()
    [copy] = await desk.copies()
    assert copy.sha256 is not None
    async with desk.season.school.session(read_only=True) as session:
        query = text(
            "select count(*) from audit_event where subject_id = :id and action = 'transcripts.copy.print'"
        )
        assert await session.scalar(query, {"id": copy.id}) == 1


async def test_who_may_not_open_the_hoc_ba_gets_no_copy(desk: Desk) -> None:
    for who in ("stranger", "homeroom"):
        with pytest.raises(Forbidden, match="do ban giám hiệu hoặc văn thư cấp"):
            await desk.issue(who=who)
    await desk.issue(who="clerk")
    await desk.printed()
    [copy] = await desk.copies()
    async with desk.season.school.session() as session:
        stranger = await desk.season.school.actor(session, "stranger")
        with pytest.raises(Forbidden):
            await service.take(session, stranger, copy.id)
        with pytest.raises(Forbidden):
            await service.open_copies(session, stranger, desk.versions[0].id)
        with pytest.raises(NotFound):
            await service.take(session, desk.season.principal, new_id())


async def test_a_teacher_of_the_class_sees_the_copies_and_issues_none(desk: Desk, site: Litestar) -> None:
    await desk.issue()
    browser = await desk.season.school.browser(site, "homeroom")
    here = f"/hoc-ba/{desk.versions[0].id}/ban-sao"
    shown = (await browser.get(here)).text
    assert (labelled(1) in shown, "Cấp và ghi vào sổ" in shown) == (True, False)
    form = dict(zip(("loai", "nam_hoc", "cap_cho", "muc_dich"), COPY, strict=True))
    assert (await browser.post(here, form)).status_code == 403


async def test_what_another_school_manages_is_copied_there(desk: Desk) -> None:
    async with desk.season.school.session() as session:
        actor, pupil = machine(session.tenant_id), desk.versions[0].student_id
        await transcripts.hand_over(session, actor, Deed.TAKE_OVER, pupil, "Trường nhận: Trường Mới")
    with pytest.raises(Conflict, match="bản sao do trường ấy cấp"):
        await desk.issue()
    await desk.issue(pupil=1)


async def test_one_form_is_for_one_pupil(desk: Desk) -> None:
    copy_id = new_id()
    async with desk.season.school.session() as session:
        principal = await desk.season.school.actor(session, "principal")
        await service.issue(session, principal, desk.versions[0].id, copy_id, COPY)
        with pytest.raises(Conflict, match="đã dùng cho một học bạ khác"):
            await service.issue(session, principal, desk.versions[1].id, copy_id, COPY)


async def test_before_anything_is_issued_there_is_no_copy(season: Season, site: Litestar) -> None:
    version = (await season.freeze())[0]
    browser = await season.school.browser(site, "principal")
    here = f"/hoc-ba/{version.id}/ban-sao"
    assert "Chưa có năm học nào được phát hành" in (await browser.get(here)).text
    form = dict(zip(("loai", "nam_hoc", "cap_cho", "muc_dich"), COPY, strict=True))
    answer = await browser.post(here, form | {"ban": str(new_id())})
    assert (answer.status_code, "chưa có năm học nào được phát hành nên chưa in được" in answer.text) == (
        409,
        True,
    )


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("12", (12, None)),
        (" 12/2026 ", (12, 2026)),
        ("12/2026/BS-HB", (12, 2026)),
        ("12/26", None),
        ("123456789", None),
        ("lớp 12", None),
    ],
)
def test_a_number_is_read_as_it_is_printed(typed: str, found: tuple[int, int | None] | None) -> None:
    assert rules.numbered(typed) == found


async def test_the_register_finds_by_pupil_recipient_and_number(desk: Desk, site: Litestar) -> None:
    await desk.issue(COPY, 0)
    await desk.issue(EXTRACT, 1)
    everything = [labelled(2, "TL-HB"), labelled(1)]
    assert await desk.found("") == everything
    assert await desk.found("binh cam") == everything[:1]
    assert await desk.found(desk.versions[0].student_code) == everything[1:]
    assert await desk.found("công an phường") == everything[:1]
    assert await desk.found("2") == everything[:1]
    assert await desk.found(labelled(2, "TL-HB")) == everything[:1], "as it stands on the print"
    assert await desk.found(f"2/{clock.today().year - 1}") == []
    assert await desk.found("không có ai") == []
    browser = await desk.season.school.browser(site, "principal")
    shown = (await browser.get("/so-ban-sao?tim=cam+binh")).text
    assert NAMES[1] in shown
    assert NAMES[0] not in re.sub(r"<nav.*?</nav>", "", shown, flags=re.DOTALL)


async def test_the_register_is_a_workbook_too(desk: Desk, site: Litestar) -> None:
    await desk.issue((*COPY[:2], "=HYPERLINK(1)", COPY[3]))
    await desk.printed()
    browser = await desk.season.school.browser(site, "principal")
    answer = await browser.get("/so-ban-sao/xlsx")
    assert answer.status_code == 200
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[1][0] == "SỔ CẤP BẢN SAO HỌC BẠ"
    [copy] = await desk.copies()
    line = rows[-1]
    assert (line[0], line[2], line[9]) == (copy.label, NAMES[0], copy.sha256)
    assert sheet.cell(sheet.max_row, 7).data_type == "s", "what a clerk typed is no formula"


async def test_who_does_not_see_all_hoc_ba_does_not_see_the_register(desk: Desk, site: Litestar) -> None:
    browser = await desk.season.school.browser(site, "homeroom")
    assert (await browser.get("/so-ban-sao")).status_code == 403
    assert (await browser.get("/so-ban-sao/xlsx")).status_code == 403


async def test_every_deed_is_recorded_with_whose_copy_it_was(desk: Desk) -> None:
    await desk.issue()
    await desk.printed()
    [copy] = await desk.copies()
    async with desk.season.school.session() as session:
        await service.take(session, desk.season.principal, copy.id)
    async with desk.season.school.session() as session:
        await service.whole_register(session, desk.season.principal, "")
    query = text(
        "select action, about from audit_event where action like 'transcripts.copy.%' or "
        "action like 'transcripts.register.%' order by at, id"
    )
    async with desk.season.school.session(read_only=True) as session:
        deeds = [(row.action, row.about) for row in await session.execute(query)]
        [*_, first] = await audit.history(session, [copy.id])
    pupil = [desk.versions[0].student_id]
    assert deeds == [
        ("transcripts.copy.issue", pupil),
        ("transcripts.copy.print", pupil),
        ("transcripts.copy.download", pupil),
        ("transcripts.register.download", pupil),
    ]
    assert first.details["recipient"] == COPY[2]


@pytest.mark.parametrize(
    "change",
    [
        "update issued_copy set number = 7",
        "update issued_copy set recipient = 'x'",
        "delete from issued_copy",
    ],
)
async def test_a_line_of_the_register_stays(desk: Desk, change: str) -> None:
    await desk.issue()
    with pytest.raises(DBAPIError, match="permission denied"):
        async with desk.season.school.session() as session:
            await session.execute(text(change))


def test_what_cannot_be_printed_is_refused_where_it_is_typed() -> None:
    with pytest.raises(Invalid, match="Mục “Cấp cho ai” của Lò Thị An có ký tự không in được"):
        rules.read("ban-sao", "", "Bà 😀", "x", "Lò Thị An")
    with pytest.raises(Invalid, match="quá giới hạn 200"):
        rules.read("ban-sao", "", "x", "y" * 201, "Lò Thị An")
    with pytest.raises(Invalid, match="năm học cần trích lục"):
        rules.read("trich-luc", "", "x", "y", "Lò Thị An")
    assert rules.read("ban-in", "2025-2026", " a  b", "y", "x").academic_year == ""
