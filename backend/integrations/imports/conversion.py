"""From rows of a workbook to pupils and marks of the school: pure, apart from the look-up tables it is given."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from backend.integrations.imports.readers.text import key_of
from backend.integrations.imports.schemas import (
    HomeroomFile,
    HomeroomRow,
    MarkEntry,
    ParsedFile,
    PrimaryCommentRow,
    PrimaryCommentsFile,
    PrimaryResultRow,
    PrimaryResultsFile,
    PupilsFile,
    RowProblem,
    SecondaryMarkRow,
    SecondaryMarksFile,
)
from backend.records.gradebook.schemas import WHOLE_YEAR, Cell, MarkKind, NewMark, SheetId
from backend.records.roster.curriculum import TraitGroup
from backend.records.roster.schemas import HOMEROOM, NewStudent, StudentId

#: The four points of the year (TT27): only year end goes into the học bạ's sheets so far.
YEAR_END = "YEAR_END"

#: Trạng thái of pupils who are no longer at the school (CSDL ngành, DM_TrangThai).
_GONE = frozenset(("chuyen di", "thoi hoc"))
#: Words that a school's name is written with or without, and short forms of others.
_OPTIONAL_WORDS = frozenset(("truong", "tu", "thuc", "dan", "lap", "va", "lien", "cap"))
_SHORT_FORMS = {"th": "tieu hoc", "thcs": "trung hoc co so", "thpt": "trung hoc pho thong"}

MarkRow = PrimaryResultRow | PrimaryCommentRow | SecondaryMarkRow | HomeroomRow
Entry = tuple[str, int, Cell, str]


class Known(msgspec.Struct, frozen=True):
    """What the school has: sheets by (class, subject, term), pupils by code with the class they are in."""

    sheets: Mapping[tuple[str, str, int], SheetId]
    students: Mapping[str, tuple[StudentId, str]]
    class_names: frozenset[str]


class Marks(msgspec.Struct):
    """Marks to be recorded, each with the row that it comes from, and the rows that cannot be taken."""

    marks: list[NewMark]
    rows: list[MarkRow]
    problems: list[RowProblem]


def students(file: PupilsFile) -> list[NewStudent]:
    """The pupils of a register."""
    other = ("class_name", "current_address", "left")
    same = [name for name in NewStudent.__struct_fields__ if name not in other]
    return [
        NewStudent(
            class_name=row.class_code,
            current_address=row.address,
            left=key_of(row.status) in _GONE,
            **{name: getattr(row, name) for name in same},
        )
        for row in file.rows
    ]


def same_school(written: str, name: str) -> bool:
    """Whether the title of a workbook names this school: "Trường TH Hoa Ban" is Trường Tiểu học Tư thục Hoa Ban."""
    return _words(written) == _words(name)


def _words(name: str) -> list[str]:
    spelled = " ".join(_SHORT_FORMS.get(word, word) for word in key_of(name).split())
    return [word for word in spelled.split() if word not in _OPTIONAL_WORDS]


def marks(file: ParsedFile, known: Known) -> Marks:
    """The marks of a results, comments, marks or homeroom workbook."""
    found = Marks([], [], [])
    for row in _mark_rows(file):
        trouble = _trouble(row, known)
        if trouble:
            found.problems.append(_problem(row, *trouble))
            continue
        student_id, _ = known.students[row.student_code]
        for subject, term, cell, value in _entries(row):
            sheet_id = known.sheets.get((row.class_code, subject, term))
            if sheet_id is None:
                found.problems.append(
                    _problem(
                        row,
                        subject,
                        value,
                        f"lớp {row.class_code} không học môn này theo phân công của trường.",
                    )
                )
                continue
            found.marks.append(NewMark(sheet_id=sheet_id, student_id=student_id, cell=cell, value=value))
            found.rows.append(row)
    return found


def _mark_rows(file: ParsedFile) -> Iterable[MarkRow]:
    match file:
        case PrimaryResultsFile() | PrimaryCommentsFile() | SecondaryMarksFile() | HomeroomFile():
            return file.rows
        case _:
            return ()


def _trouble(row: MarkRow, known: Known) -> tuple[str, str, str] | None:
    """(column, value, sentence) when the pupil of a row is not where the file says."""
    if row.class_code not in known.class_names:
        return "Mã lớp", row.class_code, f"trường chưa có lớp {row.class_code} trong năm học này."
    found = known.students.get(row.student_code)
    if found is None:
        return (
            "Mã học sinh",
            row.student_code,
            "trường không có học sinh mang mã này; hãy nhập danh sách học sinh trước.",
        )
    if found[1] != row.class_code:
        return "Mã lớp", row.class_code, f"học sinh đang học lớp {found[1]}, không phải lớp {row.class_code}."
    return None


def _problem(row: MarkRow, column: str, value: str, sentence: str) -> RowProblem:
    message = f"Trang “{row.sheet}”, dòng {row.row}, học sinh {row.full_name}: {sentence}"
    return RowProblem(sheet=row.sheet, row=row.row, column=column, value=value, message=message)


def _entries(row: MarkRow) -> Iterator[Entry]:
    match row:
        case SecondaryMarkRow():
            yield from _secondary(row)
        case PrimaryResultRow():
            yield from _primary_results(row)
        case PrimaryCommentRow():
            yield from _primary_comments(row)
        case HomeroomRow():
            yield from _homeroom(row)


def _secondary(row: SecondaryMarkRow) -> Iterator[Entry]:
    for entry in row.marks:
        kind = MarkKind(entry.kind.value)
        slot = str(entry.slot) if kind is MarkKind.REGULAR else ""
        yield row.subject_code, row.term, Cell(kind, slot), _value(entry)
    if row.comment:
        yield row.subject_code, row.term, Cell(MarkKind.COMMENT), row.comment


def _primary_results(row: PrimaryResultRow) -> Iterator[Entry]:
    for code, level in row.levels.items():
        yield code, WHOLE_YEAR, Cell(MarkKind.LEVEL), level
    for code, mark in row.tests.items():
        yield code, WHOLE_YEAR, Cell(MarkKind.TEST, "1"), str(mark)
    for code, trait in row.traits.items():
        yield HOMEROOM, WHOLE_YEAR, Cell(MarkKind.TRAIT, code), trait


def _primary_comments(row: PrimaryCommentRow) -> Iterator[Entry]:
    for code, comment in row.comments.items():
        yield code, WHOLE_YEAR, Cell(MarkKind.COMMENT), comment
    remarks = {
        TraitGroup.QUALITY: row.qualities_comment,
        TraitGroup.GENERAL: row.general_competences_comment,
        TraitGroup.SPECIFIC: row.specific_competences_comment,
    }
    for group, remark in remarks.items():
        if remark:
            yield HOMEROOM, WHOLE_YEAR, Cell(MarkKind.TRAIT_COMMENT, group.value), remark
    yield from _absences(row)


def _homeroom(row: HomeroomRow) -> Iterator[Entry]:
    levels = {"1": row.conduct_term1, "2": row.conduct_term2, "summer": row.conduct_after_summer}
    for slot, level in levels.items():
        if level:
            yield HOMEROOM, WHOLE_YEAR, Cell(MarkKind.CONDUCT, slot), level
    for later in row.reassessments:
        yield (
            HOMEROOM,
            WHOLE_YEAR,
            Cell(MarkKind.REASSESSED, later.subject_code),
            str(later.score or later.level),
        )
    yield from _absences(row)


def _absences(row: PrimaryCommentRow | HomeroomRow) -> Iterator[Entry]:
    for slot, count in (("excused", row.absences_excused), ("unexcused", row.absences_unexcused)):
        if count is not None:
            yield HOMEROOM, WHOLE_YEAR, Cell(MarkKind.ABSENCE, slot), str(count)
    if row.homeroom_comment:
        yield HOMEROOM, WHOLE_YEAR, Cell(MarkKind.HOMEROOM_COMMENT), row.homeroom_comment


def _value(entry: MarkEntry) -> str:
    return str(entry.score) if entry.score is not None else str(entry.level)
