"""The demo is real-sized, the same every time, and full of the traps that real workbooks have."""

import unicodedata
import zipfile
from collections import Counter
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from backend.records.roster.curriculum import Kind, subjects_by_code
from infra.demo.truth import Truth, tell
from infra.demo.workbooks import DemoPlan, read_plan, write_workbooks


@pytest.fixture(scope="module")
def truth() -> Truth:
    return tell()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoPlan]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, write_workbooks(folder, scale=0.34)


def sheet_of(folder: Path, path: str, index: int = 0) -> Worksheet:
    sheet = openpyxl.load_workbook(folder / path).worksheets[index]
    assert isinstance(sheet, Worksheet)
    return sheet


def parts_of(path: Path) -> dict[str, bytes]:
    """All cells of a workbook as they are stored; only the document properties carry the time of writing."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.startswith("xl/")}


def test_sizes_of_the_two_schools(truth: Truth) -> None:
    assert len(truth.primary.classes) == 27
    assert sum(map(len, truth.primary_pupils.values())) == 847
    assert {one.grade for one in truth.primary.classes} == {1, 2, 3, 4, 5}
    assert len(truth.secondary.classes) == 14
    assert Counter(one.grade for one in truth.secondary.classes) == dict.fromkeys(range(6, 13), 2)
    assert all(30 <= one.pupils <= 34 for one in truth.secondary.classes)


def test_everybody_is_one_person_only(truth: Truth) -> None:
    pupils = [
        pupil
        for classes in (truth.primary_pupils, truth.secondary_pupils)
        for members in classes.values()
        for pupil in members
    ]
    assert len({pupil.student_code for pupil in pupils}) == len(pupils) == 847 + 448
    assert len({pupil.personal_id for pupil in pupils}) == len(pupils)
    assert all(pupil.personal_id.startswith("000") and len(pupil.personal_id) == 12 for pupil in pupils)


def test_pupils_are_of_the_age_of_their_grade(truth: Truth) -> None:
    for one in (*truth.primary.classes, *truth.secondary.classes):
        members = truth.primary_pupils.get(one.code) or truth.secondary_pupils[one.code]
        assert all(2020 - one.grade - pupil.date_of_birth.year in (0, 1) for pupil in members)


def test_every_lesson_has_exactly_one_teacher(truth: Truth) -> None:
    for school in (truth.primary, truth.secondary):
        lessons = Counter(lesson for one in school.staff for lesson in one.teaches)
        assert set(lessons) == {(one.code, subject) for one in school.classes for subject in one.subjects}
        assert set(lessons.values()) == {1}
        assert Counter(one.homeroom_of for one in school.staff if one.homeroom_of) == {
            one.code: 1 for one in school.classes
        }
        assert len({one.email for one in school.staff}) == len(school.staff)
        assert {role for one in school.staff for role in one.roles} == {
            "owner", "principal", "deputy_principal", "clerk", "it_teacher", "homeroom_teacher", "subject_teacher",
            "department_head",
        }  # fmt: skip


def test_departments(truth: Truth) -> None:
    assert [one.name for one in truth.primary.departments] == [f"Tổ khối {grade}" for grade in range(1, 6)]
    assert {one.name for one in truth.secondary.departments} == {"Tổ Khoa học tự nhiên", "Tổ Khoa học xã hội"}
    for school in (truth.primary, truth.secondary):
        roles = {one.email: one.roles for one in school.staff}
        members = Counter(member for one in school.departments for member in one.members)
        assert set(members.values()) == {1}
        for one in school.departments:
            assert one.head in one.members
            assert "department_head" in roles[one.head]
        assert sum("department_head" in one for one in roles.values()) == len(school.departments)


def test_upper_secondary_classes_have_four_electives(truth: Truth) -> None:
    for one in truth.secondary.classes:
        kinds = Counter(subjects_by_code(one.grade)[code].kind for code in one.subjects)
        assert kinds[Kind.ELECTIVE] == (4 if one.grade >= 10 else 0)
        assert kinds[Kind.COMPULSORY] == (8 if one.grade >= 10 else 12)


def test_all_levels_occur(truth: Truth) -> None:
    primary = Counter(year.year_level for year in truth.primary_years.values())
    assert set(primary) == {"HTXS", "HTT", "HT", "CHT"}
    assert primary["CHT"] < 60
    assert sum(bool(year.first_tests) for year in truth.primary_years.values()) >= 5
    secondary = truth.secondary_years.values()
    assert {year.conduct_term2 for year in secondary} == {"T", "K", "Đ", "CĐ"}
    assert sum(bool(year.reassessed) for year in secondary) >= 3
    assert sum(any(term.final is None for term in year.terms.values()) for year in secondary) == 2


def test_same_seed_same_cells(tmp_path: Path, small: tuple[Path, DemoPlan]) -> None:
    folder, plan = small
    again = write_workbooks(tmp_path, scale=0.34)
    assert again == plan == read_plan(folder)
    for file in plan.files:
        assert parts_of(tmp_path / file.path) == parts_of(folder / file.path), file.path


def test_another_seed_gives_other_people() -> None:
    names = [
        {pupil.full_name for members in tell(seed, 0.15).primary_pupils.values() for pupil in members}
        for seed in (2026, 2027)
    ]
    assert names[0] != names[1]


def test_register_mixes_kinds_of_dates_and_unicode(small: tuple[Path, DemoPlan]) -> None:
    sheet = sheet_of(small[0], "hoaban/01-danh-sach-hoc-sinh.xlsx")
    header = [cell.value for cell in sheet[5]]
    assert "Mã\nhọc sinh" in header
    at = header.index("Ngày sinh\n(dd/mm/yyyy)")
    dates = {type(row[at]).__name__ for row in sheet.iter_rows(6, values_only=True)}
    assert dates == {"int", "str", "datetime"}
    names = [str(row[header.index("Họ tên")]) for row in sheet.iter_rows(6, values_only=True)]
    assert any(unicodedata.normalize("NFC", name) != name for name in names)
    assert len(openpyxl.load_workbook(small[0] / "hoaban/01-danh-sach-hoc-sinh.xlsx").sheetnames) == 7


def test_registers_have_their_columns_in_another_order(small: tuple[Path, DemoPlan]) -> None:
    orders = []
    for path in ("hoaban/01-danh-sach-hoc-sinh.xlsx", "songtrang/01-danh-sach-hoc-sinh.xlsx"):
        rows = sheet_of(small[0], path).iter_rows(values_only=True)
        orders.append(next([t for t in row if t != "Mã lớp"] for row in rows if row[0] == "STT"))
    assert orders[0] != orders[1]
    assert sorted(map(str, filter(None, orders[0]))) == sorted(map(str, filter(None, orders[1])))


def test_results_of_grade_1_have_35_columns_and_a_header_per_class(small: tuple[Path, DemoPlan]) -> None:
    sheet = sheet_of(small[0], "hoaban/ket-qua-khoi-1.xlsx")
    headers = [row for row in sheet.iter_rows() if row[0].value == "STT"]
    assert len(headers) == 2
    assert len(headers[0]) == 35
    assert headers[0][33].value == "Xếp loại"
    assert not headers[0][34].value
    assert len({str(area) for area in sheet.merged_cells.ranges}) > 20
    wider = sheet_of(small[0], "hoaban/ket-qua-khoi-5.xlsx")
    assert wider.max_column > 40


def test_marks_have_hidden_columns_and_decimal_commas(small: tuple[Path, DemoPlan]) -> None:
    path = next(file.path for file in small[1].files if file.layout == "secondary_marks")
    book = openpyxl.load_workbook(small[0] / path)
    assert all(sheet.column_dimensions["B"].hidden for sheet in book.worksheets)
    values = [
        value for sheet in book.worksheets for row in sheet.iter_rows(values_only=True) for value in row
    ]
    assert any(
        isinstance(value, str) and value.replace(",", "").isdigit() and "," in value for value in values
    )
    assert any(isinstance(value, float) for value in values)
    assert "CĐ" in values or "Đ" in values
