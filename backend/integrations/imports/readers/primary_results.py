"""Primary results as CSDL ngành takes them (KetQuaHocTap): subject levels, test marks, traits of each pupil.

Three header rows, repeated for each class; grades 3–5 have more columns than grades 1–2.
"""

from collections.abc import Sequence
from typing import Final

from backend.integrations.imports.readers import catalogue, values
from backend.integrations.imports.readers.grid import Sheet
from backend.integrations.imports.readers.headers import CODE, NAME, Fields, Header, Scan
from backend.integrations.imports.readers.reading import (
    Collector,
    RowReader,
    check_columns,
    found_in,
    scan_all,
    sheet_info,
    taken,
)
from backend.integrations.imports.schemas import (
    Period,
    PrimaryResultRow,
    PrimaryResultsFile,
    SheetInfo,
    SubjectLevel,
)

_GRADES: Final = range(1, 6)
_LEVEL_WORDS: Final = ("muc dat duoc", "muc")
_TEST_WORDS: Final = ("diem ktdk", "diem kiem tra dinh ki", "diem")


def _fields() -> Fields:
    fields: dict[str, tuple[str, ...]] = {
        "class_completed": ("hoan thanh chuong trinh lop hoc", "hoan thanh ctlh", "htctlh"),
        "promoted": ("len lop", "duoc len lop"),
        "year_level": ("xep loai", "danh gia ket qua giao duc", "ket qua giao duc"),
    }
    names: dict[str, dict[str, None]] = {}
    for grade in _GRADES:
        for code, keys in catalogue.spellings(grade).items():
            names.setdefault(code, {}).update(dict.fromkeys(keys))
    for code, known in names.items():
        levels = tuple(f"{name} {word}" for name in known for word in _LEVEL_WORDS)
        fields[f"level:{code}"] = (*levels, *known)
        fields[f"test:{code}"] = tuple(f"{name} {word}" for name in known for word in _TEST_WORDS)
    for code, keys in catalogue.trait_keys().items():
        fields[f"trait:{code}"] = keys
    return fields


FIELDS: Final[Fields] = _fields()


def read(sheets: Sequence[Sheet]) -> PrimaryResultsFile:
    """All results of the workbook; never raises for what the cells hold."""
    collector = Collector[PrimaryResultRow]()
    infos: list[SheetInfo] = []
    scans = scan_all(sheets, FIELDS, collector)
    for scan in scans:
        before = len(collector.rows)
        good = {header.row: _check_header(scan, header, collector) for header in scan.headers}
        for line in scan.lines:
            if good[line.header.row]:
                _read_row(RowReader(line), collector)
        infos.append(sheet_info(scan, len(collector.rows) - before))
    about = found_in(scans, infos)
    period = _period(scans, collector)
    return PrimaryResultsFile(
        school_name=about.school_name,
        academic_year=about.academic_year,
        sheets=about.sheets,
        problems=tuple(collector.problems),
        period=period,
        rows=tuple(collector.rows),
    )


def _period(scans: Sequence[Scan], collector: Collector[PrimaryResultRow]) -> Period:
    for scan in scans:
        if scan.context.period:
            return scan.context.period
    where = scans[0].sheet if scans else ""
    collector.sheet_problem(
        where,
        None,
        "",
        "Tệp không ghi thời điểm đánh giá; hãy ghi ở dòng tiêu đề, ví dụ “Cuối năm học 2025 - 2026”.",
    )
    return "YEAR_END"


def _check_header(scan: Scan, header: Header, collector: Collector[PrimaryResultRow]) -> bool:
    """Which subjects must be there follows from the grade of the classes below this header."""
    required = [
        ("class_code", "Mã lớp"),
        (CODE, "Mã học sinh"),
        (NAME, "Họ tên"),
        ("class_completed", "Hoàn thành chương trình lớp học"),
    ]
    for grade in _grades_below(scan, header):
        for subject in catalogue.compulsory(grade):
            required.append((f"level:{subject.code}", f"{subject.name} – Mức đạt được"))
            if subject.year_end_test:
                required.append((f"test:{subject.code}", f"{subject.name} – Điểm KTĐK"))
    return check_columns(scan, header, dict.fromkeys(required), collector)


def _grades_below(scan: Scan, header: Header) -> list[int]:
    codes = {_class_text(line.cell("class_code")) or line.context.class_code or ""
             for line in scan.lines if line.header.row == header.row}  # fmt: skip
    return sorted({grade for code in codes if (grade := catalogue.grade_of(code)) and grade in _GRADES})


def _class_text(cell: object) -> str:
    return cell if isinstance(cell, str) else ""


def _read_row(reader: RowReader, collector: Collector[PrimaryResultRow]) -> None:
    class_code = reader.class_code()
    grade = catalogue.grade_of(class_code)
    if grade is not None and grade not in _GRADES:
        reader.refuse("class_code", "đây là mẫu của tiểu học; lớp phải thuộc khối 1 đến khối 5.")
        grade = None
    row = PrimaryResultRow(
        sheet=reader.line.sheet,
        row=reader.line.row,
        class_code=class_code,
        student_code=reader.student_code(),
        full_name=reader.full_name(),
        student_id=reader.student_id(),
        date_of_birth=reader.take("date_of_birth", values.birth_date),
        levels=_levels(reader, grade),
        tests=_tests(reader, grade),
        traits=taken(reader, "trait", values.trait_level),
        class_completed=reader.take("class_completed", values.tick) or False,
        promoted=reader.take("promoted", values.tick) or False,
        year_level=reader.take("year_level", values.year_level),
    )
    collector.keep(reader, row.student_code, row)


def _levels(reader: RowReader, grade: int | None) -> dict[str, SubjectLevel]:
    levels = taken(reader, "level", values.subject_level)
    for code in levels:
        if grade and catalogue.find_subject(grade, code) is None:
            reader.refuse(
                f"level:{code}", f"lớp {grade} không có môn này trong chương trình; hãy để trống ô này."
            )
    return levels


def _tests(reader: RowReader, grade: int | None) -> dict[str, int]:
    """TT27/2020 Đ.7.1.b is a closed list of tests by grade and point of the year."""
    tests = taken(reader, "test", values.test_mark)
    middle = reader.line.context.period in ("MID_S1", "MID_S2")
    for code in tests:
        subject = catalogue.find_subject(grade, code)
        if subject and not (subject.mid_term_test if middle else subject.year_end_test):
            reader.refuse(
                f"test:{code}", f"lớp {grade} không có bài kiểm tra định kì này; hãy để trống ô điểm."
            )
    return tests
