"""Absent from an assessment: excused, made up, missed without a reason (TT22 Đ.7); and exempt from a subject."""

import re

import pytest
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from backend.core.errors import Conflict, Invalid
from backend.records.gradebook import editing, exemptions, layout, life, life_rules, rules, service
from backend.records.gradebook.schemas import Cell, Entry, MarkKind, MarkState, NewMark, Point
from backend.records.gradebook.wording import entry_note
from backend.records.roster.curriculum import find_subject
from tests.factories.small_school import MUSIC, SmallSchool, enroll, sheet_of, student_ids
from tests.records.gradebook.conftest import LEVEL, ClassBook

MIDTERM, REGULAR = Cell(MarkKind.MIDTERM), Cell(MarkKind.REGULAR, "1")
TEST = Cell(MarkKind.TEST, "1")
AN, BINH = "Lò Thị An", "Cầm Văn Bình"
PLACE = "Lò Thị An, lớp 6A, Toán, cột ĐĐGgk"


def accept(text: str, cell: Cell, code: str, grade: int) -> str:
    return rules.accept(text, cell, find_subject(grade, code), grade, PLACE)


@pytest.mark.parametrize(
    ("typed", "cell", "code", "grade", "stored"),
    [
        ("v", MIDTERM, "TOAN", 6, "V"),
        ("VP", REGULAR, "GDTC", 6, "V"),
        ("v", TEST, "TOAN", 1, "V"),
        ("k", MIDTERM, "TOAN", 6, "0k"),
        ("K", REGULAR, "GDTC", 6, "CĐk"),
        ("0k", MIDTERM, "TOAN", 6, "0k"),
        ("cđk", REGULAR, "GDTC", 6, "CĐk"),
        ("7,5b", MIDTERM, "TOAN", 6, "7.5b"),
        ("đ b", REGULAR, "GDTC", 6, "Đb"),
        ("9B", TEST, "TOAN", 1, "9b"),
    ],
)
def test_what_people_write_for_somebody_who_was_absent(
    typed: str, cell: Cell, code: str, grade: int, stored: str
) -> None:
    assert accept(typed, cell, code, grade) == stored
    assert accept(stored, cell, code, grade) == stored, "a stored value is acceptable again"


@pytest.mark.parametrize(
    ("typed", "cell", "code", "grade", "words"),
    [
        ("k", TEST, "TOAN", 1, "ở tiểu học không ghi “k”"),
        ("b", MIDTERM, "TOAN", 6, "điểm “b” phải từ 0 đến 10"),
        ("11b", MIDTERM, "TOAN", 6, "điểm “11” phải từ 0 đến 10"),
        ("7,5k", MIDTERM, "TOAN", 6, "điểm “7,5k” phải từ 0 đến 10"),
        ("v", LEVEL, "TOAN", 1, "một trong các mức T, H, C"),
    ],
)
def test_what_is_no_state_is_refused(typed: str, cell: Cell, code: str, grade: int, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        accept(typed, cell, code, grade)


@pytest.mark.parametrize(
    ("text", "mark", "state", "note"),
    [
        ("V", "", MarkState.EXCUSED_PENDING_MAKEUP, "vắng có lý do, chờ kiểm tra bù"),
        ("7.5b", "7.5", MarkState.MADE_UP, "kiểm tra bù"),
        ("0k", "0", MarkState.ZERO_MISSING, "vắng không lý do"),
        ("CĐk", "CĐ", MarkState.ZERO_MISSING, "vắng không lý do"),
        ("7.5", "7.5", MarkState.RECORDED, ""),
        ("0", "0", MarkState.RECORDED, ""),
        ("", "", MarkState.RECORDED, ""),
    ],
)
def test_a_stored_text_says_mark_and_state(text: str, mark: str, state: MarkState, note: str) -> None:
    assert Entry.of(MarkKind.MIDTERM, text) == Entry(mark, state)
    assert entry_note(MIDTERM, text) == note
    assert Entry.of(MarkKind.COMMENT, text) == Entry(text, MarkState.RECORDED), "a comment is what it is"


@pytest.mark.parametrize(
    ("before", "value", "stored"),
    [
        ("V", "7.5", "7.5b"),
        ("V", "0k", "0k"),
        ("V", "V", "V"),
        ("V", "", ""),
        ("7.5b", "8", "8b"),
        ("7.5b", "V", "V"),
        ("0k", "5", "5"),
        ("", "5", "5"),
    ],
)
def test_a_mark_for_somebody_who_was_excused_is_a_make_up(before: str, value: str, stored: str) -> None:
    assert rules.settled(before, value, MarkKind.FINAL) == stored


def test_who_is_excused_is_named_and_is_no_gap() -> None:
    columns = layout.columns_of(find_subject(6, "TOAN"), 6)
    full = {column.cell: "8" for column in columns} | {Cell(MarkKind.COMMENT): "Tiến bộ rõ."}
    found = life_rules.warnings(columns, [(AN, full | {MIDTERM: "V"}), (BINH, full | {MIDTERM: "0k"})])
    assert found[0] == "Cột ĐĐGgk: chờ kiểm tra bù của Lò Thị An."
    assert not any("trống" in words for words in found)


def test_an_earlier_point_is_asked_for_once_it_was_begun() -> None:
    columns = layout.columns_of(find_subject(4, "TOAN"), 4)
    end = {column.cell: "9" for column in columns if column.point is Point.YEAR_END}
    begun = Cell(MarkKind.LEVEL, Point.MID_TERM_1)
    assert life_rules.warnings(columns, [(AN, end | {LEVEL: "T"})]) == ()
    [gap, *_] = life_rules.warnings(columns, [(AN, end | {begun: "T"}), (BINH, end)])
    assert gap == "1 ô còn trống, ở 1 học sinh, trong đó có Cầm Văn Bình."


async def test_from_excused_to_made_up_by_hand_by_undo_and_by_import(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "6A", 6)
        await enroll(session, "6A", [AN])
        [pupil] = (await student_ids(session, class_id)).values()
        homeroom = await small_school.actor(session, "homeroom")
        sheet = await sheet_of(session, class_id, "TOAN", 1)

        def new(value: str, *, exact: bool = False) -> NewMark:
            return NewMark(sheet_id=sheet.id, student_id=pupil, cell=MIDTERM, value=value, exact=exact)

        async def counted() -> str | None:
            return (await service.class_marks(session, class_id))[pupil]["TOAN", 1].get(MIDTERM)

        assert (await editing.set_mark(session, homeroom, new("v"), revision=0)).value == "V"
        assert await counted() is None, "missing is missing, never zero"
        [waits] = await service.awaited_make_ups(session, class_id)
        assert (waits.pupil, waits.place) == (AN, "Toán học kì I, ĐĐGgk")
        assert (await editing.set_mark(session, homeroom, new("7,5"), revision=1)).value == "7.5b"
        assert (await counted(), await service.awaited_make_ups(session, class_id)) == ("7.5", [])
        assert (await editing.set_mark(session, homeroom, new("8"), revision=2)).value == "8b"
        assert (await editing.set_mark(session, homeroom, new("6", exact=True), revision=3)).value == "6"
        assert (await editing.set_mark(session, homeroom, new("k"), revision=4)).value == "0k"
        assert await counted() == "0"
        await editing.set_mark(session, homeroom, new("V"), revision=5)
        assert (await service.record_marks(session, homeroom, [new("9")])).changed == 1
        again = await service.compare_marks(session, homeroom, [new("9")])
        assert (again.changed, again.unchanged) == (0, 1), "a file that says the same changes nothing"
        [row] = (await editing.get_sheet(session, homeroom, sheet.id)).rows
        assert row.marks[MIDTERM].value == "9b"


@pytest.mark.parametrize(
    ("grade", "code", "moc", "offered"),
    [(1, "TOAN", "", ["V"]), (1, "TOAN", "mid_s1", []), (1, MUSIC, "", []), (6, "TOAN", "", ["V", "K"])],
)
async def test_a_sheet_offers_for_the_absent_what_it_takes(
    site: Litestar, small_school: SmallSchool, grade: int, code: str, moc: str, offered: list[str]
) -> None:
    """In primary a test is made up and never missed for good; Toán of grade 1 has none in the middle of a term."""
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "A", grade, taken_by_music="GDTC")
        await enroll(session, "A", [AN])
        sheet = await sheet_of(session, class_id, code, 0 if grade == 1 else 1)
    browser = await small_school.browser(site, "homeroom")
    page = (await browser.get(f"/so-diem/{sheet.id}?moc={moc}")).text
    assert re.findall('data-put="(.)"', page) == offered
    assert [one for one in "VK" if f"{one} trong ô điểm" in page] == offered
    if offered:
        assert "<b>V</b> vắng có lý do, chờ kiểm tra bù</button>" in page


async def test_exempt_pupils_have_no_marks_in_the_subject(book: ClassBook) -> None:
    principal, school = book.actors["principal"], book.school
    await book.write("music", MUSIC, AN, LEVEL, "T")
    async with school.session() as session:
        who = (book.class_id, book.pupils[AN], MUSIC, "health")
        await exemptions.exempt(session, principal, *who, "Quyết định 12/QĐ-HT, khuyết tật nghe.")
    with pytest.raises(Conflict, match="được miễn học môn này"):
        await book.write("music", MUSIC, AN, LEVEL, "H", 1)
    assert (await book.write("music", MUSIC, AN, LEVEL, "", 1)).value == "", (
        "what stands there may be cleared"
    )
    await book.write("music", MUSIC, BINH, LEVEL, "H")
    async with school.session() as session:
        assert await service.exemptions(session, book.class_id) == {book.pupils[AN]: {MUSIC}}
        new = NewMark(sheet_id=book.sheets[MUSIC], student_id=book.pupils[AN], cell=LEVEL, value="T")
        [(_, problem)] = (await service.compare_marks(session, principal, [new])).problems
        assert "được miễn học môn này" in problem
        rows = (await editing.get_sheet(session, principal, book.sheets[MUSIC])).rows
        assert {row.full_name: row.exempt for row in rows} == {AN: True, BINH: False}
        with pytest.raises(Conflict, match="đã được miễn môn Âm nhạc"):
            await exemptions.exempt(session, principal, *who, "Ghi lại lần nữa.")
    async with school.session() as session:
        _, [found] = await exemptions.open_exemptions(session, principal, book.class_id)
        await exemptions.end(session, principal, book.class_id, found.id)
        assert await service.exemptions(session, book.class_id) == {}
        with pytest.raises(Conflict, match="không còn được miễn"):
            await exemptions.end(session, principal, book.class_id, found.id)


@pytest.mark.parametrize("change", ["reason = ''", "ground = 'other'", "subject_code = 'TOAN'"])
async def test_what_was_decided_about_an_exemption_stays(book: ClassBook, change: str) -> None:
    async with book.school.session() as session:
        who = (book.class_id, book.pupils[AN], MUSIC, "health")
        await exemptions.exempt(session, book.actors["principal"], *who, "Quyết định 12/QĐ-HT.")
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with book.school.session() as session:
            await session.execute(text(f"update exemption set {change}"))


async def test_who_is_exempt_leaves_no_gap(checked_book: ClassBook) -> None:
    """Neither for the head of department, nor for the results: a test they were excused from is not made up."""
    book = checked_book
    principal, homeroom = book.actors["principal"], book.actors["homeroom"]
    await book.write("homeroom", "TOAN", AN, TEST, "V")
    async with book.school.session() as session:
        await life.submit(session, homeroom, book.sheets["TOAN"])
        [waiting], _ = await life.waiting_sheets(session, book.actors["head"])
        assert len(waiting.warnings) == 2, "empty cells, and a make-up"
        assert [one.pupil for one in await service.awaited_make_ups(session, book.class_id)] == [AN]
        who = (book.class_id, book.pupils[AN], "TOAN", "health")
        await exemptions.exempt(session, principal, *who, "Quyết định 12/QĐ-HT.")
        [waiting], _ = await life.waiting_sheets(session, book.actors["head"])
        assert waiting.warnings == ("3 ô còn trống, ở 1 học sinh, trong đó có Cầm Văn Bình.",)
        assert await service.awaited_make_ups(session, book.class_id) == []


async def test_an_exemption_waits_for_a_locked_sheet_to_be_opened(book: ClassBook) -> None:
    principal = book.actors["principal"]
    await book.lock(MUSIC)
    async with book.school.session() as session:
        who = (book.class_id, book.pupils[AN], MUSIC, "other")
        with pytest.raises(Conflict, match="đã khóa; hãy mở lại sổ"):
            await exemptions.exempt(session, principal, *who, "Quyết định 12/QĐ-HT.")
        await life.reopen(session, principal, book.sheets[MUSIC], "Miễn học cho một em.", "1")
        await exemptions.exempt(session, principal, *who, "Quyết định 12/QĐ-HT.")
        with pytest.raises(Invalid, match="không có trong lớp"):
            await exemptions.exempt(
                session, principal, book.class_id, book.pupils[AN], "GVCN", "other", "Không rõ."
            )
