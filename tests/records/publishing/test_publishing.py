"""What families are told: the published moment of a sheet, who may publish it, and the slip of one pupil."""

import pytest
from litestar import Litestar

from backend.core import audit
from backend.core.audit import Action
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.records.gradebook import editing, exemptions
from backend.records.gradebook.layout import columns_of
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark, Point
from backend.records.publishing import rules, service
from backend.records.publishing.schemas import Offer
from backend.records.roster.curriculum import find_subject, subjects_of
from tests.factories.small_school import MUSIC, enroll, sheet_of, student_ids
from tests.records.gradebook.conftest import COMMENT, LEVEL, ClassBook

AN, BINH = "Lò Thị An", "Cầm Văn Bình"
END, MIDDLE = Point.YEAR_END.value, Point.MID_TERM_1.value


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (MarkKind.MIDTERM, "7.5", "7,5"),
        (MarkKind.MIDTERM, "V", "vắng có lý do, chờ kiểm tra bù"),
        (MarkKind.MIDTERM, "7.5b", "7,5 (kiểm tra bù)"),
        (MarkKind.MIDTERM, "0k", "0 (vắng không lý do)"),
        (MarkKind.TEST, "9b", "9 (kiểm tra bù)"),
        (MarkKind.LEVEL, "T", "T"),
        (MarkKind.COMMENT, "Đạt 7.5 điểm.", "Đạt 7.5 điểm."),
    ],
)
def test_a_family_reads_words(kind: MarkKind, text: str, said: str) -> None:
    assert rules.shown(Cell(kind), text) == said


@pytest.mark.parametrize("grade", range(1, 13))
def test_every_sheet_has_its_periods_and_keeps_what_is_internal(grade: int) -> None:
    for subject in (None, *subjects_of(grade)):
        columns = columns_of(subject, grade)
        periods = rules.periods_of(columns, 1)
        assert periods == ([one.value for one in Point] if grade <= 5 else ["1"])
        kinds = {one.cell.kind for period in periods for one in rules.published_columns(columns, period)}
        assert MarkKind.PRINCIPAL_COMMENT not in kinds


def test_a_period_takes_its_own_columns_only() -> None:
    columns = columns_of(find_subject(4, "TOAN"), 4)
    assert [one.label for one in rules.published_columns(columns, MIDDLE)] == [
        "Mức giữa HKI",
        "KTĐK giữa HKI",
        "Nhận xét giữa HKI",
    ]


async def offer(book: ClassBook, who: str, subject: str, period: str = END) -> Offer:
    async with book.school.session() as session:
        _, found = await service.list_offers(session, book.actors[who], book.class_id)
    return next(one for one in found if (one.sheet_id, one.period) == (book.sheets[subject], period))


async def publish(book: ClassBook, who: str, subject: str | None = None, period: str = END) -> int:
    async with book.school.session() as session:
        sheet_id = book.sheets[subject] if subject else None
        return await service.publish(session, book.actors[who], book.class_id, period, sheet_id)


async def slip_of(book: ClassBook, name: str, who: str = "homeroom") -> dict[str, dict[str, tuple[str, ...]]]:
    """period → subject → values of a pupil's slip."""
    async with book.school.session() as session:
        _, slip = await service.get_slip(session, book.actors[who], book.class_id, book.pupils[name])
    return {one.name: {row.subject_name: row.values for row in one.rows} for one in slip.periods}


async def test_a_slip_says_what_was_published_and_nothing_else(book: ClassBook) -> None:
    await book.write("homeroom", "TOAN", AN, LEVEL, "T")
    await book.write("homeroom", "TOAN", AN, COMMENT, "Tính nhanh.")
    await book.write("homeroom", "TOAN", BINH, LEVEL, "C")
    await book.write("homeroom", "TOAN", AN, Cell(MarkKind.LEVEL, Point.MID_TERM_1), "H")
    await book.write("music", MUSIC, AN, LEVEL, "H")
    assert await slip_of(book, AN) == {}, "marks are not published by being written"
    assert await publish(book, "homeroom", "TOAN") == 1
    assert await slip_of(book, AN) == {"Cuối năm học": {"Toán": ("T", "", "Tính nhanh.")}}
    assert await slip_of(book, BINH) == {"Cuối năm học": {"Toán": ("C", "", "")}}
    await book.write("homeroom", "TOAN", AN, LEVEL, "H", 1)
    assert (await slip_of(book, AN))["Cuối năm học"]["Toán"][0] == "T", "what was published stays as it was"
    assert (await offer(book, "homeroom", "TOAN")).is_stale
    assert await publish(book, "homeroom", "TOAN") == 1
    assert await publish(book, "homeroom", "TOAN") == 0, "nothing new"
    now = await offer(book, "homeroom", "TOAN")
    assert (now.is_stale, now.published_by) == (False, "Đinh Thị Hoài Thu")
    assert await publish(book, "principal", "TOAN", MIDDLE) == 1
    assert await slip_of(book, AN) == {
        "Giữa học kì I": {"Toán": ("H", "", "")},
        "Cuối năm học": {"Toán": ("H", "", "Tính nhanh.")},
    }
    async with book.school.session() as session:
        assert now.publication_id is not None
        await service.withdraw(session, book.actors["homeroom"], book.class_id, now.publication_id)
    assert list(await slip_of(book, AN)) == ["Giữa học kì I"]
    async with book.school.session() as session:
        with pytest.raises(NotFound, match="không còn được công bố"):
            await service.withdraw(session, book.actors["homeroom"], book.class_id, now.publication_id)
        deeds = [one.action for one in await audit.history(session, [book.sheets["TOAN"]])]
    assert (deeds.count(Action.MARKS_PUBLISHED), deeds.count(Action.MARKS_WITHDRAWN)) == (3, 1)


async def test_whose_sheets_one_publishes(book: ClassBook) -> None:
    await book.write("homeroom", "TOAN", AN, LEVEL, "T")
    await book.write("music", MUSIC, AN, LEVEL, "T")
    with pytest.raises(Forbidden, match="Toán, Cuối năm học: chỉ giáo viên phụ trách"):
        await publish(book, "music", "TOAN")
    with pytest.raises(Conflict, match="chưa có nội dung nào"):
        await publish(book, "music", MUSIC, MIDDLE)
    assert await publish(book, "music") == 1, "of a whole period, one's own"
    with pytest.raises(Forbidden, match="lớp mà bạn chủ nhiệm hoặc giảng dạy"):
        await publish(book, "stranger")
    assert await publish(book, "principal") == 1
    assert not (await offer(book, "music", "TOAN")).may_publish
    async with book.school.session() as session:
        with pytest.raises(NotFound):
            await service.publish(session, book.actors["principal"], book.class_id, "1", None)
        with pytest.raises(NotFound):
            await service.publish(session, book.actors["principal"], book.class_id, END, new_id())
        toan = await offer(book, "principal", "TOAN")
        assert toan.publication_id is not None
        with pytest.raises(Forbidden, match="thôi công bố"):
            await service.withdraw(session, book.actors["music"], book.class_id, toan.publication_id)


async def test_what_was_published_is_withdrawn_also_when_the_sheet_is_empty_by_now(
    site: Litestar, book: ClassBook
) -> None:
    await book.write("homeroom", "TOAN", AN, LEVEL, "T")
    assert await publish(book, "homeroom", "TOAN") == 1
    await book.write("homeroom", "TOAN", AN, LEVEL, "", 1)
    told = [await offer(book, who, "TOAN") for who in ("homeroom", "music")]
    assert [(one.may_publish, one.may_withdraw) for one in told] == [(False, True), (False, False)]
    browser = await book.school.browser(site, "homeroom")
    page = (await browser.get(f"/lop/{book.class_id}/cong-bo")).text
    assert "Sổ khác nội dung đã công bố" in page
    assert f"/cong-bo/{told[0].publication_id}/thoi" in page


async def test_all_of_a_period_are_as_many_as_are_new_to_families(site: Litestar, book: ClassBook) -> None:
    for subject in ("TOAN", "TV", "DD"):
        await book.write("homeroom", subject, AN, LEVEL, "T")
    assert await publish(book, "homeroom", "TOAN") == 1
    browser = await book.school.browser(site, "homeroom")
    path = f"/lop/{book.class_id}/cong-bo"
    assert "Công bố 2 sổ của Cuối năm học" in (await browser.get(path)).text
    assert (await browser.post(path, {"ky": END})).status_code == 303
    assert "Đã công bố 2 sổ điểm." in (await browser.get(path)).text


@pytest.mark.parametrize("who", ["music", "stranger", "clerk", "it"])
async def test_slips_are_for_the_homeroom_teacher_and_the_management(book: ClassBook, who: str) -> None:
    with pytest.raises(Forbidden, match="giáo viên chủ nhiệm của lớp hoặc ban giám hiệu"):
        await slip_of(book, AN, who)
    assert await slip_of(book, AN, "principal") == {}
    async with book.school.session() as session:
        with pytest.raises(NotFound, match="học sinh này trong lớp"):
            await service.get_slip(session, book.actors["homeroom"], book.class_id, new_id())


async def test_an_exemption_is_said_and_a_secondary_term_is_a_period(book: ClassBook) -> None:
    school, homeroom = book.school, book.actors["homeroom"]
    async with school.session() as session:
        class_id = await school.open_class(session, "6A", 6)
        await enroll(session, "6A", ["Vì Văn Dũng", "Lò Văn Em"], 50)
        pupils = await student_ids(session, class_id)
        sheet = await sheet_of(session, class_id, "TOAN", 1)
        for cell, value in ((Cell(MarkKind.REGULAR, "1"), "8"), (Cell(MarkKind.REGULAR, "2"), "v")):
            new = NewMark(sheet_id=sheet.id, student_id=pupils["Vì Văn Dũng"], cell=cell, value=value)
            await editing.set_mark(session, homeroom, new, revision=0)
        await exemptions.exempt(
            session,
            book.actors["principal"],
            class_id,
            pupils["Lò Văn Em"],
            "TOAN",
            "disability",
            "Quyết định 7/QĐ-HT.",
        )
        assert await service.publish(session, homeroom, class_id, "1", None) == 1
        _, slip = await service.get_slip(session, homeroom, class_id, pupils["Vì Văn Dũng"])
        [term] = slip.periods
        assert (term.name, term.columns) == ("Học kì I", ("ĐĐGtx", "ĐĐGgk", "ĐĐGck", "Nhận xét"))
        assert term.rows[0].values == ("8 · vắng có lý do, chờ kiểm tra bù", "", "", "")
        _, slip = await service.get_slip(session, homeroom, class_id, pupils["Lò Văn Em"])
        assert slip.periods[0].rows[0].values == ("Miễn", "", "", "")
