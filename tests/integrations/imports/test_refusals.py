"""What is wrong in a workbook is said by sheet, row and pupil, and then nothing of it is taken."""

import unicodedata

import pytest

from backend.core import clock
from backend.core.errors import Conflict, Invalid
from backend.integrations.imports import service
from backend.integrations.imports.schemas import ImportState, Preview, SecondaryMarksFile
from backend.records.gradebook import life
from backend.records.gradebook import service as gradebook
from backend.records.movements import service as movements
from backend.records.roster import service as roster
from tests.factories.demo_school import ImportingSchool, Workbook
from tests.integrations.imports.books import Books, rows

GARBAGE = Workbook("lung-tung.xlsx", b"PK\x03\x04 no workbook at all")


async def refused(school: ImportingSchool, book: Workbook, *words: str) -> Preview:
    """The preview says it, the button refuses, nothing is written."""
    before = await rows(school)
    run_id, found = await school.preview(book)
    assert found.bad > 0
    for problem in found.problems:
        assert problem.message.endswith(".")
    said = "\n".join(problem.message for problem in found.problems)
    for word in words:
        assert word in said
    with pytest.raises((Conflict, Invalid)):
        await school.apply(run_id, book)
    assert await rows(school) == before
    async with school.session() as session:
        assert (await service.get_run(session, run_id)).state is ImportState.PREVIEWED
    return found


async def test_a_mark_of_eleven(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    name = books.truth.secondary_pupils["6A1"][0].full_name
    found = await refused(
        songtrang,
        books.marks.edited("Toán", J7=11),
        f"Trang “Toán”, dòng 7, học sinh {name}",
        "ngoài thang điểm 10",
    )
    assert found.bad == 1


async def test_pupils_that_nobody_knows(songtrang: ImportingSchool, books: Books) -> None:
    found = await refused(
        songtrang,
        books.homeroom,
        "trường không có học sinh mang mã này; hãy nhập danh sách học sinh trước",
        "Trang “Chủ nhiệm”, dòng 6, học sinh",
    )
    assert found.bad == len(books.truth.secondary_pupils["6A1"])


async def test_a_pupil_who_has_left(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    gone = books.truth.secondary_pupils["6A1"][0]
    async with songtrang.session() as session:
        places = await roster.places_by_code(session)
        said = {"ngay": clock.today().isoformat(), "trang_thai": "transferred_out", "ly_do": "Theo đơn"}
        pupil = places[gone.student_code].id
        await movements.leave(session, songtrang.principal, pupil, str(songtrang.classes["6A1"]), said)
    found = await refused(
        songtrang,
        books.marks,
        f": {gone.full_name} không còn học ở trường từ ngày {clock.today():%d/%m/%Y} "
        "(chuyển đi); hãy bỏ dòng này khỏi tệp",
    )
    assert found.bad == 1


async def test_names_and_codes_that_were_sorted_apart(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    first, second = books.truth.secondary_pupils["6A1"][:2]
    swapped = books.marks.edited("Toán", D7=second.full_name, D8=first.full_name)
    found = await refused(
        songtrang,
        swapped,
        f"dòng 7, học sinh {second.full_name}: mã {first.student_code} trong danh sách của trường là của "
        f"{first.full_name}, sinh ngày {first.date_of_birth:%d/%m/%Y}, nhưng tệp ghi {second.full_name}",
        f"dòng 8, học sinh {first.full_name}: mã {second.student_code}",
    )
    assert found.bad == 2
    assert found.new == (await songtrang.preview(books.marks))[1].new - marks_in_row(books, "Toán", 7, 8)


def marks_in_row(books: Books, sheet: str, *numbers: int) -> int:
    file = books.marks.parsed
    assert isinstance(file, SecondaryMarksFile)
    found = [row for row in file.rows if row.sheet == sheet and row.row in numbers]
    return sum(len(row.marks) + bool(row.comment) for row in found)


async def test_the_same_name_of_a_pupil_born_on_another_day(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    pupil = books.truth.secondary_pupils["6A1"][0]
    found = await refused(
        songtrang,
        books.marks.edited("Toán", E7="01/01/2001"),
        f"mã {pupil.student_code} trong danh sách của trường là của {pupil.full_name}",
        f"nhưng tệp ghi {pupil.full_name}, sinh ngày 01/01/2001",
    )
    assert found.bad == 1


async def test_a_name_may_be_written_in_any_case_and_form(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    name = books.truth.secondary_pupils["6A1"][0].full_name
    written = "  ".join(unicodedata.normalize("NFD", name.upper()).split())
    _, found = await songtrang.preview(books.marks.edited("Toán", D7=written))
    assert found.bad == 0


async def test_a_class_that_the_school_does_not_have_is_said_once(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register)
    unknown = await refused(
        songtrang,
        books.marks.renamed("6A1", "6Z9"),
        "năm học này trường chưa có lớp 6Z9; hãy sửa mã lớp trong tệp",
        "dòng khác",
    )
    async with songtrang.session() as session:
        year = await roster.current_year(session)
        await roster.open_class(session, year.id, "6A2", 6, None)
    wrong = await refused(
        songtrang,
        books.marks.renamed("6A1", "6A2"),
        "tệp ghi lớp 6A2 nhưng theo danh sách của trường, học sinh đang học lớp 6A1; hãy sửa mã lớp",
    )
    assert (unknown.bad, wrong.bad) == (1, 1)


async def test_a_subject_that_a_class_does_not_have_is_said_once(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register)
    async with songtrang.session() as session:
        year = await roster.current_year(session)
        class_id = await roster.open_class(session, year.id, "6A3", 6, None)
        await roster.assign_teachers(session, class_id, {"TOAN": None})
        await gradebook.open_sheets(session, class_id)
    await songtrang.take(books.secondary_register.renamed("6A1", "6A3"))
    subjects = len(books.truth.secondary.classes[0].subjects)
    found = await refused(
        songtrang,
        books.marks.renamed("6A1", "6A3"),
        "lớp 6A3 chưa có sổ môn Ngữ văn theo phân công của trường; hãy bỏ phần này khỏi tệp",
    )
    assert found.bad == subjects - 1


async def test_a_sheet_that_is_hidden_is_noticed(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    _, found = await songtrang.preview(books.marks.hiding("Toán"))
    assert found.bad == 0
    assert found.notices == (
        "Trang “Toán” đang bị ẩn nên không được nhập; nếu cần dữ liệu của trang này, "
        "hãy bỏ ẩn trang trong Excel, lưu lại rồi tải lên lại.",
    )
    assert found.new < (await songtrang.preview(books.marks))[1].new


async def test_a_formula_that_was_never_computed(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    found = await refused(
        songtrang,
        books.marks.edited("Toán", J7="=ROUND(E7+1,1)"),
        "Trang “Toán”, dòng 7, học sinh",
        "ô này là công thức chưa có giá trị; hãy mở tệp bằng Excel, lưu lại rồi nhập.",
    )
    assert found.bad == 1


async def test_a_locked_sheet(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register, books.marks)
    async with songtrang.session() as session:
        await life.submit_class(session, songtrang.teacher, songtrang.classes["6A1"])
        await life.lock_class(session, songtrang.principal, songtrang.classes["6A1"])
    sheets = await refused(
        songtrang,
        books.marks.edited("Toán", J7=9.9),
        "Trang “Toán”, dòng 7: Sổ của lớp 6A1, Toán học kì I đã khóa nên điểm trong sổ giữ nguyên; hãy bỏ",
    )
    assert sheets.bad == len(books.truth.secondary.classes[0].subjects), "said once for each sheet"


async def test_a_sign_that_cannot_be_printed(hoaban: ImportingSchool, books: Books) -> None:
    bad_name = books.register.edited("Sheet1", D6="Đoàn Hoàng Cường ☎")
    await refused(
        hoaban, bad_name, "Trang “Sheet1”, dòng 6", "Đoàn Hoàng Cường ☎", "không in được “☎” (U+260E)"
    )
    await hoaban.take(books.register)
    name = books.truth.primary_pupils["1A"][0].full_name
    bad_comment = books.comments.edited("1A", F6="Giỏi 👍")
    await refused(
        hoaban,
        bad_comment,
        f"Trang “1A”, dòng 6: Mục “Nội dung” của {name}, lớp 1A, Toán, cột Nhận xét",
        "“👍”",
    )


async def test_the_workbook_of_another_school(hoaban: ImportingSchool, books: Books) -> None:
    sentence = "Tệp ghi tên trường “Trường THCS và THPT Tư thục Sông Trăng”, không phải Trường Tiểu học Tư thục Hoa Ban"
    for book in (books.secondary_register, books.marks, books.homeroom):
        assert (await refused(hoaban, book, sentence)).bad == 1


async def test_the_workbook_of_another_year(hoaban: ImportingSchool, books: Books) -> None:
    old = books.register.edited("Sheet1", C3="DANH SÁCH HỌC SINH NĂM HỌC 2024 - 2025")
    await refused(
        hoaban, old, "Tệp ghi năm học 2024-2025, trong khi trường đang làm việc với năm học 2025-2026"
    )


async def test_a_workbook_without_titles_is_taken_as_it_is(hoaban: ImportingSchool, books: Books) -> None:
    plain = books.register.edited("Sheet1", A1=None, A2=None, C3=None)
    _, found = await hoaban.preview(plain)
    assert found.bad == 0
    assert found.new > 0


async def test_what_is_no_workbook(hoaban: ImportingSchool) -> None:
    found = await refused(hoaban, GARBAGE)
    assert (found.layout, found.bad) == ("unreadable", 1)
