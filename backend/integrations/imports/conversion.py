"""From rows of a workbook to pupils and marks of the school: pure, apart from the look-up tables it is given."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date

import msgspec

from backend.integrations.imports.readers.text import key_of, name_of
from backend.integrations.imports.schemas import (
    PUPIL_STATES,
    HomeroomFile,
    HomeroomRow,
    MarkEntry,
    ParsedFile,
    PrimaryCommentRow,
    PrimaryCommentsFile,
    PrimaryResultRow,
    PrimaryResultsFile,
    PupilRow,
    PupilsFile,
    Reassessment,
    RowProblem,
    SecondaryMarkRow,
    SecondaryMarksFile,
)
from backend.records.gradebook.schemas import TEST_ATTEMPTS, WHOLE_YEAR, Cell, MarkKind, NewMark, SheetId
from backend.records.movements.schemas import Absent
from backend.records.roster.curriculum import TraitGroup, subject_name
from backend.records.roster.schemas import (
    HOMEROOM,
    PRESENT,
    STATUS_NAMES,
    NewStudent,
    StudentId,
    StudentPlace,
    StudentStatus,
)

#: The four points of the year (TT27): only year end goes into the học bạ's sheets so far.
YEAR_END = "YEAR_END"
ONLY_YEAR_END = "Tệp này không phải kết quả cuối năm; hiện chỉ nhập và điền được kết quả cuối năm học."

#: Words that a school's name is written with or without, and short forms of others.
_OPTIONAL_WORDS = frozenset(("truong", "tu", "thuc", "dan", "lap", "va", "lien", "cap"))
_SHORT_FORMS = {"th": "tieu hoc", "thcs": "trung hoc co so", "thpt": "trung hoc pho thong"}

MarkRow = PrimaryResultRow | PrimaryCommentRow | SecondaryMarkRow | HomeroomRow
Entry = tuple[str, int, Cell, str]
#: (subject, term) → the pupil's cells in that sheet.
PupilCells = Mapping[tuple[str, int], Mapping[Cell, str]]


class Known(msgspec.Struct, frozen=True):
    """What the school has: sheets by (class, subject, term), pupils by code as the register knows them, those by code who
    are not here any more, the grade of each class, and what `told_elsewhere` says of each pupil."""

    sheets: Mapping[tuple[str, str, int], SheetId]
    students: Mapping[str, StudentPlace]
    absent: Mapping[str, Absent]
    grades: Mapping[str, int]
    elsewhere: Mapping[StudentId, Collection[Entry]]


class _Trouble(msgspec.Struct, frozen=True):
    """Why a row cannot be taken; rows with the same trouble are told together."""

    column: str
    value: str
    sentence: str


class Marks(msgspec.Struct):
    """Marks to be recorded, each with the row that it comes from, and the rows that cannot be taken."""

    marks: list[NewMark]
    rows: list[MarkRow]
    problems: list[RowProblem]


def students(file: PupilsFile) -> list[NewStudent]:
    """The pupils of a register."""
    same = {*NewStudent.__struct_fields__} & {*PupilRow.__struct_fields__} - {"status"}
    return [
        NewStudent(
            class_name=row.class_code,
            current_address=row.address,
            left=_status(row) not in PRESENT,
            status=_status(row),
            **{name: getattr(row, name) for name in same},
        )
        for row in file.rows
    ]


def _status(row: PupilRow) -> StudentStatus:
    return PUPIL_STATES[key_of(row.status)]


def same_school(written: str, name: str) -> bool:
    """Whether the title of a workbook names this school: "Trường TH Hoa Ban" is Trường Tiểu học Tư thục Hoa Ban."""
    return _words(written) == _words(name)


def _words(name: str) -> list[str]:
    spelled = " ".join(_SHORT_FORMS.get(word, word) for word in key_of(name).split())
    return [word for word in spelled.split() if word not in _OPTIONAL_WORDS]


def marks(file: ParsedFile, known: Known) -> Marks:
    """The marks of a results, comments, marks or homeroom workbook.

    What is wrong for the same reason in many rows, such as a class that the school does not have, is said once.
    """
    found = Marks([], [], [])
    troubles: dict[_Trouble, list[MarkRow]] = defaultdict(list)
    by_id: dict[uuid.UUID, StudentPlace] = {place.id: place for place in known.students.values()}
    for row in _mark_rows(file):
        place = _place(row, known, by_id)
        trouble = _trouble(row, place, known)
        if trouble or not place:
            troubles[trouble or _no_place(row, known)].append(row)
            continue
        told = known.elsewhere.get(place.id, ())
        for subject, term, cell, value in (entry for entry in _entries(row) if entry not in told):
            sheet_id = known.sheets.get((row.class_code, subject, term))
            if sheet_id is None:
                troubles[_not_taught(row.class_code, subject, known.grades[row.class_code])].append(row)
                continue
            found.marks.append(NewMark(sheet_id=sheet_id, student_id=place.id, cell=cell, value=value))
            found.rows.append(row)
    found.problems.extend(_problem(trouble, rows) for trouble, rows in troubles.items())
    return found


def told_elsewhere(marks: PupilCells, cells: PupilCells) -> list[Entry]:
    """What a workbook says of a pupil that stands in another place than the cell that it is read into.

    A test that was taken again: the column has the mark that counts (TT27/2020 Đ.7.1.b), the first one stays. What was
    decided after the summer, which `cells` has beside `marks`: it can be taken back (TT22/2021 Đ.13, Đ.14).
    """
    first, last = (Cell(MarkKind.TEST, slot) for slot in (TEST_ATTEMPTS[0], TEST_ATTEMPTS[-1]))
    return [
        *((subject, term, first, sheet[last]) for (subject, term), sheet in marks.items() if last in sheet),
        *(
            (subject, term, cell, value)
            for (subject, term), sheet in cells.items()
            for cell, value in sheet.items()
            if marks.get((subject, term), {}).get(cell) != value
        ),
    ]


def _mark_rows(file: ParsedFile) -> Iterable[MarkRow]:
    match file:
        case PrimaryResultsFile() | PrimaryCommentsFile() | SecondaryMarksFile() | HomeroomFile():
            return file.rows
        case _:
            return ()


def _place(row: MarkRow, known: Known, by_id: Mapping[uuid.UUID, StudentPlace]) -> StudentPlace | None:
    """The pupil of a row: by our own hidden column, whatever they are called by now, else by code."""
    return by_id.get(row.student_id) if row.student_id else known.students.get(row.student_code)


def _trouble(row: MarkRow, place: StudentPlace | None, known: Known) -> _Trouble | None:
    """Why the marks of a row cannot be taken: the file and the register do not mean the same pupil."""
    if row.class_code not in known.grades:
        return _Trouble(
            "Mã lớp",
            row.class_code,
            f"năm học này trường chưa có lớp {row.class_code}; hãy sửa mã lớp trong tệp theo trang “Lớp và học sinh”.",
        )
    if place is None:
        return _no_place(row, known)
    if not row.student_id and not _is_same_pupil(row, place):
        return _another_pupil(row, place)
    if place.class_name != row.class_code:
        return _Trouble(
            "Mã lớp",
            row.class_code,
            f"tệp ghi lớp {row.class_code} nhưng theo danh sách của trường, học sinh đang học lớp "
            f"{place.class_name}; hãy sửa mã lớp trong tệp, hoặc nhập danh sách học sinh mới nếu đã chuyển lớp.",
        )
    return None


def _no_place(row: MarkRow, known: Known) -> _Trouble:
    if gone := known.absent.get(row.student_code):
        since = f" từ ngày {gone.since:%d/%m/%Y}" if gone.since else ""
        return _Trouble(
            "Mã học sinh",
            row.student_code,
            f"{gone.full_name} không còn học ở trường{since} ({STATUS_NAMES[gone.status].lower()}); hãy bỏ dòng này khỏi "
            "tệp, hoặc ghi nhận học sinh trở lại ở trang của học sinh rồi nhập lại.",
        )
    return _Trouble(
        "Mã học sinh",
        row.student_code,
        "trường không có học sinh mang mã này; hãy nhập danh sách học sinh trước.",
    )


def _is_same_pupil(row: MarkRow, place: StudentPlace) -> bool:
    return name_of(row.full_name) == name_of(place.full_name) and _born(row) in (None, place.date_of_birth)


def _another_pupil(row: MarkRow, place: StudentPlace) -> _Trouble:
    """Names or codes were sorted apart, or one of them is mistyped: nobody gets somebody else's marks."""
    born = _born(row)
    written = f"{row.full_name}, sinh ngày {born:%d/%m/%Y}" if born else row.full_name
    return _Trouble(
        "Mã học sinh",
        row.student_code,
        f"mã {row.student_code} trong danh sách của trường là của {place.full_name}, sinh ngày "
        f"{place.date_of_birth:%d/%m/%Y}, nhưng tệp ghi {written}; hãy xem lại mã, họ tên và ngày sinh của dòng này.",
    )


def _born(row: MarkRow) -> date | None:
    return None if isinstance(row, PrimaryCommentRow) else row.date_of_birth


def _not_taught(class_code: str, subject: str, grade_level: int) -> _Trouble:
    name = "chủ nhiệm" if subject == HOMEROOM else f"môn {subject_name(grade_level, subject)}"
    return _Trouble(
        "Môn học",
        name,
        f"lớp {class_code} chưa có sổ {name} theo phân công của trường; "
        "hãy bỏ phần này khỏi tệp, hoặc báo nhà trường phân công và mở sổ rồi nhập lại.",
    )


def _problem(trouble: _Trouble, rows: Sequence[MarkRow]) -> RowProblem:
    """One trouble at the first of its rows."""
    first, numbers = rows[0], {(row.sheet, row.row) for row in rows}
    others = f" và {len(numbers) - 1} dòng khác" if len(numbers) > 1 else ""
    return RowProblem(
        sheet=first.sheet,
        row=first.row,
        column=trouble.column,
        value=trouble.value,
        message=(
            f"Trang “{first.sheet}”, dòng {first.row}, học sinh {first.full_name}{others}: {trouble.sentence}"
        ),
    )


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
        yield code, WHOLE_YEAR, Cell(MarkKind.TEST, TEST_ATTEMPTS[0]), str(mark)
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
    for slot, measure in (("height", row.height), ("weight", row.weight)):
        if measure:
            yield HOMEROOM, WHOLE_YEAR, Cell(MarkKind.MEASURE, slot), measure
    if row.health:
        yield HOMEROOM, WHOLE_YEAR, Cell(MarkKind.HEALTH), row.health
    yield from _of_both_levels(row)


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
            _value(later),
        )
    for kind, words in ((MarkKind.CERTIFICATE, row.certificate), (MarkKind.COMPETITION, row.competition)):
        if words:
            yield HOMEROOM, WHOLE_YEAR, Cell(kind), words
    yield from _of_both_levels(row)


def _of_both_levels(row: PrimaryCommentRow | HomeroomRow) -> Iterator[Entry]:
    for slot, count in (("excused", row.absences_excused), ("unexcused", row.absences_unexcused)):
        if count is not None:
            yield HOMEROOM, WHOLE_YEAR, Cell(MarkKind.ABSENCE, slot), str(count)
    for kind, words in ((MarkKind.HOMEROOM_COMMENT, row.homeroom_comment), (MarkKind.AWARD, row.award)):
        if words:
            yield HOMEROOM, WHOLE_YEAR, Cell(kind), words


def _value(entry: MarkEntry | Reassessment) -> str:
    """As cells keep it: 7.0 is "7"."""
    return str(entry.score).removesuffix(".0") if entry.score is not None else str(entry.level)
