"""Marks of one secondary class and term, one sheet per subject, as vnEdu and its like write them.

TT22/2021: ĐĐGtx, ĐĐGgk, ĐĐGck are marks from 0 to 10, or Đ / CĐ in a subject assessed by comment alone.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from backend.integrations.imports.readers import catalogue, values
from backend.integrations.imports.readers.grid import Sheet
from backend.integrations.imports.readers.headers import CODE, NAME, Fields, Line, Scan
from backend.integrations.imports.readers.reading import (
    COLUMN_NAMES,
    Collector,
    RowReader,
    check_columns,
    found_in,
    scan_all,
    sheet_info,
)
from backend.integrations.imports.readers.text import key_of
from backend.integrations.imports.schemas import (
    MarkEntry,
    MarkKind,
    SecondaryMarkRow,
    SecondaryMarksFile,
    SheetInfo,
    TermNumber,
)

_MAX_REGULAR: Final = 6
_REGULAR_WORDS: Final = (
    "ddgtx", "ddgtx tx", "ddg thuong xuyen tx", "ddg thuong xuyen", "diem danh gia thuong xuyen", "danh gia thuong xuyen",
    "diem thuong xuyen", "thuong xuyen", "tx",
)  # fmt: skip
_OTHER_AVERAGES: Final = ("tbm", "tbm hk", "muc dat duoc")
FIELDS: Final[Fields] = {
    "midterm": (
        "ddggk",
        "ddg gk",
        "ddg giua ki",
        "diem danh gia giua ki",
        "danh gia giua ki",
        "diem giua ki",
        "gk",
    ),
    "final": (
        "ddgck",
        "ddg ck",
        "ddg cuoi ki",
        "diem danh gia cuoi ki",
        "danh gia cuoi ki",
        "diem cuoi ki",
        "ck",
    ),
    "average": (
        *(f"{word}{of}" for word in ("dtbmhk", "tbmhk") for of in ("", "i", "ii", "1", "2")),
        *_OTHER_AVERAGES,
    ),
    "comment": ("nhan xet", "nhan xet cua giao vien"),
    "topic": ("chuyen de", "diem chuyen de", "chuyen de hoc tap"),
    **{
        f"regular:{slot}": tuple(f"{word}{gap}{slot}" for word in _REGULAR_WORDS for gap in (" ", ""))
        for slot in range(1, _MAX_REGULAR + 1)
    },
}
_REQUIRED: Final = (
    (CODE, "Mã định danh"),
    (NAME, "Họ và tên"),
    ("regular:1", "ĐĐGtx 1"),
    ("midterm", "ĐĐGgk"),
    ("final", "ĐĐGck"),
)
_HEADER_WORDS: Final = ", ".join(f"“{name}”" for _, name in _REQUIRED)
#: Sheets of a template that hold no marks.
_OTHER_SHEETS: Final = ("huong dan", "danh muc", "ghi chu")


class SheetSubject(msgspec.Struct, frozen=True, kw_only=True):
    """What a sheet holds the marks of."""

    code: str
    by_comment: bool
    term: TermNumber


def read(sheets: Sequence[Sheet]) -> SecondaryMarksFile:
    """All marks of the workbook; never raises for what the cells hold."""
    collector = Collector[SecondaryMarkRow]()
    infos: list[SheetInfo] = []
    scans = scan_all(sheets, FIELDS, collector)
    for found in scans:
        before = len(collector.rows)
        subject = subject_of(found, collector)
        complete = {h.row for h in found.headers if check_columns(found, h, _REQUIRED, collector)}
        for line in found.lines:
            if subject and line.header.row in complete:
                _read_row(RowReader(line), subject, collector)
        rows = len(collector.rows) - before
        infos.append(
            sheet_info(found, rows, subject.code, subject.term) if subject else sheet_info(found, rows)
        )
    _report_sheets_without_header(sheets, scans, collector)
    about = found_in(scans, infos)
    return SecondaryMarksFile(
        school_name=about.school_name,
        academic_year=about.academic_year,
        sheets=about.sheets,
        problems=tuple(collector.problems),
        rows=tuple(collector.rows),
    )


def subject_of(found: Scan, collector: Collector[SecondaryMarkRow]) -> SheetSubject | None:
    """Subject, its mode and the term of a sheet; what the titles do not say is reported."""
    context = found.lines[0].context if found.lines else found.context
    grade = catalogue.grade_of(context.class_code or "") or _grade_of_rows(found.lines)
    wanted = context.subject_text or found.sheet
    subject = catalogue.subject_named(key_of(wanted), grade) if grade else None
    if grade is None:
        _report(found, collector, "không ghi lớp; hãy ghi ở dòng tiêu đề, ví dụ “Lớp: 6A1”")
    elif grade <= 5:
        _report(
            found, collector, f"ghi lớp {context.class_code or grade}; mẫu này dùng cho khối 6 đến khối 12"
        )
        return None
    elif subject is None:
        _report(
            found, collector, f"ghi môn “{wanted}” không có trong chương trình lớp {grade}; hãy sửa tên môn"
        )
    if context.term is None:
        _report(found, collector, "không ghi học kì; hãy ghi ở dòng tiêu đề, ví dụ “Học kì I”")
    if subject is None or context.term is None:
        return None
    return SheetSubject(code=subject.code, by_comment=catalogue.by_comment(subject), term=context.term)


def _grade_of_rows(lines: Sequence[Line]) -> int | None:
    written = (values.shown(line.cell("class_code")) for line in lines)
    return next(filter(None, map(catalogue.grade_of, written)), None)


def _report(found: Scan, collector: Collector[SecondaryMarkRow], what: str) -> None:
    collector.sheet_problem(found.sheet, None, "", f"Trang “{found.sheet}” {what}.")


def _report_sheets_without_header(
    sheets: Sequence[Sheet], scans: Sequence[Scan], collector: Collector[SecondaryMarkRow]
) -> None:
    known = {found.sheet for found in scans}
    for sheet in sheets:
        if sheet.name not in known and sheet.rows and not key_of(sheet.name).startswith(_OTHER_SHEETS):
            collector.sheet_problem(
                sheet.name,
                None,
                COLUMN_NAMES[CODE],
                f"Trang “{sheet.name}” không có dòng tiêu đề; hãy thêm dòng tiêu đề gồm {_HEADER_WORDS}, "
                "hoặc bỏ trang này khỏi tệp.",
            )


def _read_row(reader: RowReader, subject: SheetSubject, collector: Collector[SecondaryMarkRow]) -> None:
    row = SecondaryMarkRow(
        sheet=reader.line.sheet,
        row=reader.line.row,
        class_code=reader.class_code(),
        student_code=reader.student_code(),
        full_name=reader.full_name(),
        student_id=reader.student_id(),
        subject_code=subject.code,
        term=subject.term,
        date_of_birth=reader.take("date_of_birth", values.birth_date),
        marks=tuple(_marks(reader, subject.by_comment)),
        average_given=None if subject.by_comment else reader.take("average", values.score),
        comment=reader.text("comment"),
    )
    collector.keep(reader, (row.subject_code, row.term, row.student_code), row)


def _marks(reader: RowReader, by_comment: bool) -> Iterator[MarkEntry]:
    places = [(f"regular:{slot}", MarkKind.REGULAR, slot) for slot in range(1, _MAX_REGULAR + 1)]
    places += [
        ("topic", MarkKind.TOPIC, 1),
        ("midterm", MarkKind.MIDTERM, 1),
        ("final", MarkKind.FINAL, 1),
    ]
    for field, kind, slot in places:
        if by_comment:
            level = reader.take(field, values.comment_level)
            if level is not None:
                yield MarkEntry(kind=kind, slot=slot, level=level)
        else:
            score = reader.take(field, values.score)
            if score is not None:
                yield MarkEntry(kind=kind, slot=slot, score=score)
