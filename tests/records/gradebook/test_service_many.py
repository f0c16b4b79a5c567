"""Many marks at once: all or nothing, and again nothing when they are there already."""

import pytest

from backend.core.errors import Invalid, NotFound
from backend.records.gradebook import editing, service
from backend.records.gradebook.schemas import Cell, MarkChange, MarkKind, NewMark, SheetId
from backend.records.roster.schemas import StudentId
from tests.factories.small_school import enroll, fill, open_small_school, student_ids
from tests.records.gradebook.conftest import COMMENT, LEVEL, ClassBook

AN, BINH = "Lò Thị An", "Cầm Văn Bình"


def mark(
    book: ClassBook, value: str, *, name: str = AN, subject: str = "TOAN", cell: Cell = LEVEL
) -> NewMark:
    return NewMark(sheet_id=book.sheets[subject], student_id=book.pupils[name], cell=cell, value=value)


def counts(change: MarkChange) -> tuple[int, int, int, int]:
    return change.new, change.changed, change.unchanged, len(change.problems)


async def test_new_changed_and_unchanged_marks(book: ClassBook) -> None:
    first = [mark(book, "T"), mark(book, "H", name=BINH), mark(book, "", cell=COMMENT)]
    async with book.school.session() as session:
        importer = book.actors["it"]
        assert counts(await service.compare_marks(session, importer, first)) == (2, 0, 1, 0)
        assert await service.class_marks(session, book.class_id) == {}, "a comparison writes nothing"
        assert counts(await service.record_marks(session, importer, first)) == (2, 0, 1, 0)
        assert counts(await service.record_marks(session, importer, first)) == (0, 0, 3, 0)
        later = [mark(book, "H"), mark(book, "H", name=BINH), mark(book, "Khá.", cell=COMMENT)]
        assert counts(await service.compare_marks(session, importer, later)) == (1, 1, 1, 0)
        await service.record_marks(session, importer, later)
        await service.record_marks(session, importer, [mark(book, "", name=BINH)])
    assert await book.value("TOAN", AN, LEVEL) == "H"
    assert await book.value("TOAN", AN, COMMENT) == "Khá."
    assert await book.value("TOAN", BINH, LEVEL) == ""


async def test_an_import_counts_as_a_change_for_who_has_the_sheet_open(book: ClassBook) -> None:
    await book.write("homeroom", "TOAN", AN, LEVEL, "T")
    async with book.school.session() as session:
        await service.record_marks(session, book.actors["it"], [mark(book, "T")])
        sheet = await editing.get_sheet(session, book.actors["homeroom"], book.sheets["TOAN"])
        before = next(row.marks[LEVEL].revision for row in sheet.rows if row.full_name == AN)
        await service.record_marks(session, book.actors["it"], [mark(book, "H")])
        sheet = await editing.get_sheet(session, book.actors["homeroom"], book.sheets["TOAN"])
        after = next(row.marks[LEVEL].revision for row in sheet.rows if row.full_name == AN)
    assert (before, after) == (1, 2)


async def test_the_last_of_two_marks_for_one_cell_stands(book: ClassBook) -> None:
    async with book.school.session() as session:
        await service.record_marks(session, book.actors["it"], [mark(book, "T"), mark(book, "C")])
    assert await book.value("TOAN", AN, LEVEL) == "C"


@pytest.mark.parametrize(
    ("value", "cell", "words"),
    [
        ("11", Cell(MarkKind.TEST, "1"), "Lò Thị An, lớp 1A, Toán, cột KTĐK: điểm kiểm tra “11”"),
        ("9", LEVEL, "Lò Thị An, lớp 1A, Toán, cột Mức đạt được: “9”"),
        ("8", Cell(MarkKind.REGULAR, "1"), "Lò Thị An, lớp 1A, Toán, cột ĐĐGtx: sổ này không có cột đó"),
        (
            "Ngoan 👍",
            COMMENT,
            "“Nội dung” của Lò Thị An, lớp 1A, Toán, cột Nhận xét có ký tự không in được “👍”",
        ),
    ],
)
async def test_one_bad_mark_and_nothing_is_written(
    book: ClassBook, value: str, cell: Cell, words: str
) -> None:
    marks = [mark(book, "T", name=BINH), mark(book, value, cell=cell), mark(book, "T", subject="DD")]
    async with book.school.session() as session:
        found = await service.compare_marks(session, book.actors["it"], marks)
        assert counts(found) == (2, 0, 0, 1)
        assert found.problems[0][0] == 1
        assert words in found.problems[0][1]
        with pytest.raises(Invalid) as caught:
            await service.record_marks(session, book.actors["it"], marks)
        assert words in caught.value.message
    assert await book.value("TOAN", BINH, LEVEL) is None
    assert await book.value("DD", AN, LEVEL) is None


async def test_a_locked_sheet_and_a_pupil_of_another_class(book: ClassBook) -> None:
    async with book.school.session() as session:
        other = await book.school.open_class(session, "1B", 1)
        await enroll(session, "1B", ["Quàng Thị Chi"], first=9)
        book.pupils |= await student_ids(session, other)
    await book.lock("DD")
    async with book.school.session() as session:
        marks = [mark(book, "T"), mark(book, "T", subject="DD"), mark(book, "T", name="Quàng Thị Chi")]
        found = await service.compare_marks(session, book.actors["it"], marks)
    assert [index for index, _ in found.problems] == [1, 2]
    assert found.problems[0][1] == (
        "Sổ của lớp 1A, Đạo đức đã khóa nên điểm trong sổ giữ nguyên; "
        "hãy bỏ các dòng của sổ này khỏi tệp; nếu điểm cần sửa, hiệu trưởng mở lại sổ trước."
    )
    assert "học sinh này không học lớp 1A" in found.problems[1][1]


async def test_marks_cannot_reach_another_school(book: ClassBook) -> None:
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    async with other.session() as session:
        class_id = await other.open_class(session, "1A", 1)
        await enroll(session, "1A", ["Vũ Thị Lan"])
        theirs: SheetId = (await service.list_sheets(session, class_id))[0].id
        lan: StudentId = (await student_ids(session, class_id))["Vũ Thị Lan"]
    async with book.school.session() as session:
        foreign_sheet = NewMark(sheet_id=theirs, student_id=book.pupils[AN], cell=LEVEL, value="T")
        with pytest.raises(NotFound, match="Không tìm thấy sổ điểm này"):
            await service.record_marks(session, book.actors["it"], [mark(book, "T"), foreign_sheet])
        foreign_pupil = NewMark(sheet_id=book.sheets["TOAN"], student_id=lan, cell=LEVEL, value="T")
        with pytest.raises(Invalid, match="học sinh này không học lớp 1A"):
            await service.record_marks(session, book.actors["it"], [mark(book, "T"), foreign_pupil])
    assert await book.value("TOAN", AN, LEVEL) is None
    async with other.session() as session:
        assert await service.class_marks(session, class_id) == {}


async def test_a_full_class_is_written_and_read_back(book: ClassBook) -> None:
    async with book.school.session() as session:
        await fill(session, book.actors["it"], book.class_id)
        marks = await service.class_marks(session, book.class_id)
        filled = sum(one.filled or 0 for one in await service.list_sheets(session, book.class_id))
    assert set(marks) == set(book.pupils.values())
    assert filled == sum(len(cells) for sheets in marks.values() for cells in sheets.values())
    assert marks[book.pupils[AN]]["TOAN", 0][Cell(MarkKind.TEST, "1")] == "9"
