"""The demo's workbooks through preview and apply, on the real database, compared with the demo's own truth."""

import asyncio
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from backend.core import audit, settings
from backend.core.actor import machine
from backend.core.audit import Action
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.integrations.imports import conversion, service
from backend.integrations.imports.readers.text import name_of
from backend.integrations.imports.schemas import ImportRunId, ImportState, Preview, SecondaryMarksFile
from backend.records.gradebook import life
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.models import Mark
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark
from backend.records.roster import service as roster
from backend.records.roster.models import Enrollment, Student
from backend.records.roster.schemas import DIFFERENCES_SHOWN, HOMEROOM, Difference
from infra.demo.truth import Truth, tell
from infra.demo.workbooks import write_workbooks
from tests.factories.demo_school import ImportingSchool, Workbook, open_importing_school, workbook

SCALE = 0.1
GARBAGE = Workbook("lung-tung.xlsx", b"PK\x03\x04 no workbook at all")


class Books(NamedTuple):
    """What the demo says, and some of its workbooks."""

    truth: Truth
    register: Workbook
    results: Workbook
    comments: Workbook
    secondary_register: Workbook
    marks: Workbook
    homeroom: Workbook


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Books:
    folder: Path = tmp_path_factory.mktemp("small-workbooks")
    write_workbooks(folder, scale=SCALE)
    paths = (
        "hoaban/01-danh-sach-hoc-sinh.xlsx",
        "hoaban/ket-qua-khoi-1.xlsx",
        "hoaban/nhan-xet-khoi-1.xlsx",
        "songtrang/01-danh-sach-hoc-sinh.xlsx",
        "songtrang/diem-6A1-hk1.xlsx",
        "songtrang/chu-nhiem-6A1.xlsx",
    )
    return Books(tell(scale=SCALE), *(workbook(folder, path) for path in paths))


@pytest_asyncio.fixture(loop_scope="session")
async def hoaban(product: settings.Settings, books: Books) -> ImportingSchool:
    return await open_importing_school(books.truth.primary)


@pytest_asyncio.fixture(loop_scope="session")
async def songtrang(product: settings.Settings, books: Books) -> ImportingSchool:
    return await open_importing_school(books.truth.secondary)


def counts(found: Preview) -> tuple[int, int, int, int, int]:
    return found.new, found.changed, found.unchanged, found.moved, found.bad


async def rows(school: ImportingSchool) -> tuple[int, int, int]:
    """How many pupils, places and marks the school has."""
    async with school.session() as session:
        found = [
            await session.scalar(select(func.count()).select_from(t)) for t in (Student, Enrollment, Mark)
        ]
    students, places, marks = (int(number or 0) for number in found)
    return students, places, marks


async def cells(
    school: ImportingSchool, class_code: str
) -> dict[str, dict[tuple[str, int], dict[Cell, str]]]:
    """pupil's code → (subject, term) → cell → value."""
    async with school.session() as session:
        class_id = school.classes[class_code]
        codes = {one.id: one.student_code for one in await roster.list_students(session, class_id)}
        return {
            codes[id_]: dict(found) for id_, found in (await gradebook.class_marks(session, class_id)).items()
        }


async def test_a_register_is_shown_taken_and_then_known(hoaban: ImportingSchool, books: Books) -> None:
    truth = books.truth.primary_pupils
    total = sum(map(len, truth.values()))
    run_id, found = await hoaban.preview(books.register)
    assert (found.layout, counts(found)) == ("pupils", (total, 0, 0, 0, 0))
    assert await rows(hoaban) == (0, 0, 0), "a preview writes nothing"
    assert counts(await hoaban.apply(run_id, books.register)) == (total, 0, 0, 0, 0)
    assert await rows(hoaban) == (total, total, 0)
    for class_code, pupils in truth.items():
        async with hoaban.session() as session:
            listed = await roster.student_records(session, hoaban.classes[class_code])
        assert {(one.student_code, one.full_name, one.date_of_birth, one.personal_id) for one in listed} == {
            (one.student_code, one.full_name, one.date_of_birth, one.personal_id) for one in pupils
        }
    _, again = await hoaban.preview(books.register)
    assert counts(again) == (0, 0, total, 0, 0)


async def test_nothing_is_taken_twice(hoaban: ImportingSchool, books: Books) -> None:
    run_id, _ = await hoaban.preview(books.register)
    before = await hoaban.apply(run_id, books.register)
    assert await hoaban.apply(run_id, books.register) == before, "a second click finds it done"
    async with hoaban.session() as session:
        run = await service.get_run(session, run_id)
        deeds = [one.action for one in await audit.history(session, [run_id])]
    assert (run.state, run.preview) == (ImportState.APPLIED, before)
    assert deeds == [Action.IMPORT_APPLIED, Action.IMPORT_PREVIEWED]


async def test_two_who_press_the_button_at_once(hoaban: ImportingSchool, books: Books) -> None:
    run_id, found = await hoaban.preview(books.register)
    answers = await asyncio.gather(*(hoaban.apply(run_id, books.register) for _ in range(3)))
    pupils = answers[0].pupils
    assert answers == [msgspec.structs.replace(found, pupils=pupils)] * 3
    assert (await rows(hoaban))[0] == found.new == len(pupils)
    async with hoaban.session() as session:
        deeds = [one.action for one in await audit.history(session, [run_id])]
    assert deeds == [Action.IMPORT_APPLIED, Action.IMPORT_PREVIEWED]


def expected_primary(truth: Truth, code: str) -> Mapping[tuple[str, int], Mapping[Cell, str]]:
    year = truth.primary_years[code]
    found: dict[tuple[str, int], dict[Cell, str]] = {}
    for subject, level in year.levels.items():
        sheet = found.setdefault((subject, 0), {})
        sheet |= {Cell(MarkKind.LEVEL): level, Cell(MarkKind.COMMENT): year.comments[subject]}
        if subject in year.tests:
            sheet[Cell(MarkKind.TEST, "1")] = str(year.tests[subject])
    found[HOMEROOM, 0] = {Cell(MarkKind.TRAIT, trait): level for trait, level in year.traits.items()} | {
        Cell(MarkKind.TRAIT_COMMENT, "quality"): year.qualities_comment,
        Cell(MarkKind.TRAIT_COMMENT, "general"): year.general_comment,
        Cell(MarkKind.TRAIT_COMMENT, "specific"): year.specific_comment,
        Cell(MarkKind.ABSENCE, "excused"): str(year.absences_excused),
        Cell(MarkKind.ABSENCE, "unexcused"): str(year.absences_unexcused),
        Cell(MarkKind.HOMEROOM_COMMENT): year.homeroom_comment,
    }
    return found


async def test_primary_results_and_comments_arrive_whole(hoaban: ImportingSchool, books: Books) -> None:
    await hoaban.take(books.register)
    for book in (books.results, books.comments):
        *_, marks = await rows(hoaban)
        run_id, found = await hoaban.preview(book)
        assert (await rows(hoaban))[2] == marks, "a preview writes nothing"
        assert found.new > 50
        assert (found.changed, found.moved, found.bad) == (0, 0, 0)
        await hoaban.apply(run_id, book)
        assert (await rows(hoaban))[2] == marks + found.new
        _, again = await hoaban.preview(book)
        assert counts(again) == (0, 0, found.new, 0, 0)
    stored = await cells(hoaban, "1A")
    assert stored == {
        one.student_code: expected_primary(books.truth, one.student_code)
        for one in books.truth.primary_pupils["1A"]
    }


async def test_secondary_marks_and_homeroom_arrive_whole(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register, books.marks, books.homeroom)
    stored = await cells(songtrang, "6A1")
    for pupil in books.truth.secondary_pupils["6A1"]:
        year, found = books.truth.secondary_years[pupil.student_code], stored[pupil.student_code]
        for (subject, term), truth in year.terms.items():
            if term == 1:
                sheet = found[subject, 1]
                regular = [sheet[Cell(MarkKind.REGULAR, str(n))] for n in range(1, len(truth.regular) + 1)]
                assert tuple(regular) == truth.regular
                assert sheet[Cell(MarkKind.MIDTERM)] == truth.midterm
                assert sheet[Cell(MarkKind.FINAL)] == truth.final
                assert sheet[Cell(MarkKind.COMMENT)] == truth.comment
        own = found[HOMEROOM, 0]
        assert own[Cell(MarkKind.CONDUCT, "1")] == year.conduct_term1
        assert own[Cell(MarkKind.CONDUCT, "2")] == year.conduct_term2
        assert own.get(Cell(MarkKind.CONDUCT, "summer")) == year.conduct_after_summer
        assert own[Cell(MarkKind.ABSENCE, "excused")] == str(year.absences_excused)
    for book in (books.marks, books.homeroom):
        _, again = await songtrang.preview(book)
        assert (again.new, again.changed, again.bad) == (0, 0, 0)
        assert again.unchanged >= 20


async def test_one_changed_cell_is_one_change(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register, books.marks)
    edited = books.marks.edited("Toán", J7=9.9)
    run_id, found = await songtrang.preview(edited)
    assert (found.new, found.changed, found.bad) == (0, 1, 0)
    await songtrang.apply(run_id, edited)
    _, again = await songtrang.preview(edited)
    assert (again.new, again.changed) == (0, 0)


async def test_a_preview_names_pupil_place_old_and_new(songtrang: ImportingSchool, books: Books) -> None:
    _, register = await songtrang.preview(books.secondary_register)
    name = books.truth.secondary_pupils["6A1"][0].full_name
    assert Difference(pupil=name, place="Học sinh mới", old="", new="lớp 6A1") in register.differences
    await songtrang.take(books.secondary_register)
    _, first = await songtrang.preview(books.marks)
    assert len(first.differences) == DIFFERENCES_SHOWN < first.new == first.differing
    await songtrang.take(books.marks)
    async with songtrang.session() as session:
        await gradebook.record_marks(session, songtrang.importer, [await mark_of(songtrang, name, "3.5")])
    _, found = await songtrang.preview(books.marks)
    truth = books.truth.secondary_years[books.truth.secondary_pupils["6A1"][0].student_code]
    assert found.differences == (
        Difference(
            pupil=name,
            place="Lớp 6A1, Toán học kì 1, cột ĐĐGgk",
            old="3.5",
            new=truth.terms["TOAN", 1].midterm or "",
        ),
    )
    _, same = await songtrang.preview(books.secondary_register)
    assert same.differences == ()
    changed = books.secondary_register.edited("Sheet1", D7="Cần Thơ")
    _, edited = await songtrang.preview(changed)
    assert edited.differing == 1
    assert [(one.place, one.new) for one in edited.differences] == [("Quê quán", "Cần Thơ")]


async def mark_of(school: ImportingSchool, name: str, value: str) -> NewMark:
    """A midterm mark of the first term in mathematics."""
    async with school.session() as session:
        sheets = await gradebook.list_sheets(session, school.classes["6A1"])
        students = await roster.list_students(session, school.classes["6A1"])
    return NewMark(
        sheet_id=next(one.id for one in sheets if (one.subject_code, one.term) == ("TOAN", 1)),
        student_id=next(one.id for one in students if one.full_name == name),
        cell=Cell(MarkKind.MIDTERM),
        value=value,
    )


async def test_an_older_preview_does_not_overwrite_newer_marks(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register, books.marks)
    older, newer = books.marks.edited("Toán", J7=1.5), books.marks.edited("Toán", J7=9.5)
    first, _ = await songtrang.preview(older)
    second, _ = await songtrang.preview(newer)
    await songtrang.apply(second, newer)
    before = await cells(songtrang, "6A1")
    with pytest.raises(Conflict, match=r"đã thay đổi sau lúc xem trước tệp .* xin tải tệp lên lại"):
        await songtrang.apply(first, older)
    assert await cells(songtrang, "6A1") == before
    await songtrang.take(older)


async def test_an_older_preview_of_a_register_does_not_overwrite_newer_names(
    hoaban: ImportingSchool, books: Books
) -> None:
    await hoaban.take(books.register)
    older = books.register.edited("Sheet1", D6="Nguyễn Văn Cũ")
    newer = books.register.edited("Sheet1", D6="Nguyễn Văn Mới")
    first, _ = await hoaban.preview(older)
    second, _ = await hoaban.preview(newer)
    await hoaban.apply(second, newer)
    with pytest.raises(Conflict, match="đã thay đổi sau lúc xem trước"):
        await hoaban.apply(first, older)
    async with hoaban.session() as session:
        names = {one.full_name for one in await roster.list_students(session, hoaban.classes["1A"])}
    assert "Nguyễn Văn Mới" in names
    assert "Nguyễn Văn Cũ" not in names


async def test_a_cell_typed_since_the_preview_stops_the_import(
    songtrang: ImportingSchool, books: Books
) -> None:
    """Even while it is being typed: whoever takes the import waits for the cell, and then sees it."""
    await songtrang.take(books.secondary_register, books.marks)
    edited = books.marks.edited("Toán", J7=1.5)
    run_id, _ = await songtrang.preview(edited)
    name = books.truth.secondary_pupils["6A1"][0].full_name
    new = await mark_of(songtrang, name, "9.5")
    async with songtrang.session() as session:
        await gradebook.record_marks(session, songtrang.importer, [new])
        applying = asyncio.create_task(songtrang.apply(run_id, edited))
        done, _ = await asyncio.wait([applying], timeout=0.3)
        assert not done, "the import did not wait for the other writer"
    with pytest.raises(Conflict, match="đã thay đổi sau lúc xem trước"):
        await applying


async def test_a_pupil_in_another_class_than_before_is_moved(hoaban: ImportingSchool, books: Books) -> None:
    await hoaban.take(books.register)
    total, places, _ = await rows(hoaban)
    edited = books.register.edited("Sheet1", B6="2A", Z6=None, D7="Nguyễn Thùy Hương Mới")
    run_id, found = await hoaban.preview(edited)
    assert counts(found) == (0, 1, total - 2, 1, 0)
    await hoaban.apply(run_id, edited)
    assert await rows(hoaban) == (total, places + 1, 0)
    async with hoaban.session() as session:
        places_now = await roster.places_by_code(session)
    assert places_now[books.truth.primary_pupils["1A"][0].student_code].class_name == "2A"


async def test_pupils_marked_as_gone_are_taken_out_of_their_class(
    hoaban: ImportingSchool, books: Books
) -> None:
    await hoaban.take(books.register)
    first, second, *others = books.truth.primary_pupils["1A"]
    edited = books.register.edited("Sheet1", G6="Chuyển đi", G7="Thôi học")
    run_id, found = await hoaban.preview(edited)
    assert (found.new, found.changed, found.moved, found.bad) == (0, 0, 2, 0)
    await hoaban.apply(run_id, edited)
    async with hoaban.session() as session:
        left = await roster.list_students(session, hoaban.classes["1A"])
    assert {one.student_code for one in left} == {one.student_code for one in others}
    assert first.student_code != second.student_code


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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Đỗ Thị Hoà", "đỗ  thị hòa", True),
        ("Ðặng Thúy An", "Đặng Thuý An", True),
        ("Nguyễn Thị Hoa", "Nguyễn Thị Hòa", False),
        ("Nguyễn Văn An", "Nguyễn Văn Ân", False),
        ("Dương Văn Đạt", "Dương Văn Dạt", False),
        ("Nguyễn An Bình", "Nguyễn Bình An", False),
    ],
)
def test_when_two_names_are_one(one: str, other: str, same: bool) -> None:
    assert (name_of(one) == name_of(other)) is same


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
        "Trang “Toán”, dòng 7: Sổ của lớp 6A1, Toán học kì 1 đã khóa nên điểm trong sổ giữ nguyên; hãy bỏ",
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


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("TRƯỜNG TIỂU HỌC TƯ THỤC HOA BAN", True),
        ("Trường TH Hoa Ban", True),
        ("Trường Tiểu học  Hoa Ban", True),
        ("Truong tieu hoc tu thuc Hoa Ban", True),
        ("Trường Tiểu học Tư thục Hoa Mai", False),
        ("Trường THCS Hoa Ban", False),
        ("Trường Tiểu học", False),
    ],
)
def test_how_a_school_may_write_its_name(written: str, same: bool) -> None:
    assert conversion.same_school(written, "Trường Tiểu học Tư thục Hoa Ban") is same


def test_short_forms_of_school_levels() -> None:
    name = "Trường THCS và THPT Tư thục Sông Trăng"
    assert conversion.same_school("Trường Trung học cơ sở và Trung học phổ thông Sông Trăng", name)
    assert not conversion.same_school("Trường THPT Tư thục Sông Trăng", name)


async def test_runs_of_strangers_do_not_exist(
    hoaban: ImportingSchool, songtrang: ImportingSchool, books: Books
) -> None:
    run_id, _ = await hoaban.preview(books.register)
    for unknown in (run_id, ImportRunId(new_id())):
        async with songtrang.session() as session:
            with pytest.raises(NotFound):
                await service.get_run(session, unknown)
        with pytest.raises(NotFound):
            await songtrang.apply(unknown, books.secondary_register)
    async with songtrang.session() as session:
        assert await service.list_runs(session) == []


async def test_the_machine_imports_nothing(hoaban: ImportingSchool, books: Books) -> None:
    async with hoaban.session() as session:
        with pytest.raises(Forbidden):
            await service.preview(
                session, machine(hoaban.tenant_id), "x.xlsx", books.register.data, books.register.parsed
            )


async def test_a_name_of_a_file_is_shown_without_what_is_invisible(
    hoaban: ImportingSchool, books: Books
) -> None:
    for name, shown in (
        (f"{'a' * 300}.xlsx", "a" * 200),
        ("x\x00\u202excod.xlsx", "xxcod.xlsx"),
        ("\n", "tệp không tên"),
    ):
        run_id, _ = await hoaban.preview(Workbook(name, books.register.data))
        async with hoaban.session() as session:
            assert (await service.get_run(session, run_id)).file_name == shown


async def test_the_real_way_reads_once_and_keeps_both(hoaban: ImportingSchool, books: Books) -> None:
    parsed = await service.read_workbook(hoaban.tenant_id, books.register.data)
    assert parsed == books.register.parsed
    run_id, _ = await hoaban.preview(books.register)
    async with hoaban.session() as session:
        run = await service.get_run(session, run_id)
    assert await service.parsed_workbook(hoaban.tenant_id, run.parsed_sha256) == parsed
