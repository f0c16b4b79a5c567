"""A OneRoster 1.2 package of CSV files (1EdTech): its pupils with their homeroom classes, as lines of the register.

Only bulk packages. A reference that leads nowhere is named with file and line, never skipped.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

import msgspec

from backend.integrations.imports.readers.precheck import MANIFEST
from backend.integrations.imports.readers.text import tidy
from backend.integrations.imports.schemas import Gender, OneRosterFile, PupilRow, RowProblem, SheetInfo

#: File → the columns that are read and must be there.
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "orgs": ("sourcedId", "name", "type"),
    "academicSessions": ("sourcedId", "type", "schoolYear"),
    "classes": ("sourcedId", "title", "classCode", "classType"),
    "users": ("sourcedId", "givenName", "familyName", "identifier"),
    "demographics": ("sourcedId", "birthDate", "sex"),
    "enrollments": ("sourcedId", "classSourcedId", "userSourcedId", "role"),
}
_MODES: Final = {"bulk", "absent"}
_STUDYING: Final = "Đang học"
_SEXES: Final[Mapping[str, Gender]] = {"male": "male", "female": "female"}
_MOST_PROBLEMS: Final = 1000
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Line(msgspec.Struct, frozen=True):
    """One line of a file; `row` counts as an editor shows it."""

    file: str
    row: int
    said: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return tidy(self.said.get(column) or "")


class _Broken(Exception):
    """The package cannot be read on: what is wrong, where."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(message)
        self.problem = RowProblem(sheet=file, row=None, column="", value="", message=message)


def is_package(data: bytes) -> bool:
    """Whether a zip holds a OneRoster package in place of a workbook."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return MANIFEST in archive.namelist()


def read(data: bytes) -> OneRosterFile:
    """The pupils of a package, or what is wrong with it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read(archive)
    except _Broken as broken:
        return OneRosterFile(
            school_name=None, academic_year=None, sheets=(), problems=(broken.problem,), rows=()
        )


def _read(archive: zipfile.ZipFile) -> OneRosterFile:
    _require_bulk(archive)
    files = {name: [*_lines(archive, name, columns)] for name, columns in _NEEDED.items()}
    users = {line["sourcedId"]: line for line in files["users"]}
    births = {line["sourcedId"]: line for line in files["demographics"]}
    classes = {line["sourcedId"]: line for line in files["classes"]}
    rows: dict[str, PupilRow] = {}
    problems: list[RowProblem] = []
    for line in files["enrollments"]:
        if line["role"] != "student":
            continue
        place, user = classes.get(line["classSourcedId"]), users.get(line["userSourcedId"])
        if place is None:
            problems.append(
                _problem(line, "classSourcedId", "mã này không có trong classes.csv; hãy xuất lại gói.")
            )
        elif user is None:
            problems.append(
                _problem(line, "userSourcedId", "mã này không có trong users.csv; hãy xuất lại gói.")
            )
        elif place["classType"] == "homeroom":
            found = _pupil(user, births.get(user["sourcedId"]), place, problems)
            if found:
                first = rows.setdefault(found.student_code, found)
                problems += _second_place(line, user, first, found)
    return OneRosterFile(
        school_name=_one(files["orgs"], "school", "name"),
        academic_year=_year(files["academicSessions"]),
        sheets=(
            SheetInfo(name="enrollments.csv", class_code=None, subject_code=None, term=None, rows=len(rows)),
        ),
        problems=tuple(problems[:_MOST_PROBLEMS]),
        rows=tuple(rows.values()),
    )


def _require_bulk(archive: zipfile.ZipFile) -> None:
    said = {
        line["propertyName"]: line["value"] for line in _lines(archive, "manifest", ("propertyName", "value"))
    }
    if said.get("oneroster.version") not in ("1.2", "1.1"):
        raise _Broken(MANIFEST, "Gói này không phải OneRoster 1.1 hoặc 1.2; hãy xuất lại từ phần mềm nguồn.")
    for name in _NEEDED:
        mode = said.get(f"file.{name}", "absent")
        if mode not in _MODES:
            raise _Broken(
                MANIFEST,
                f"Gói ghi {name} là “{mode[:20]}”, chỉ nhận gói đầy đủ (bulk); hãy xuất lại dạng bulk.",
            )


def _lines(archive: zipfile.ZipFile, name: str, columns: tuple[str, ...]) -> Iterator[_Line]:
    file = f"{name}.csv"
    if file not in archive.namelist():
        raise _Broken(file, f"Gói thiếu tệp {file}; hãy xuất lại gói OneRoster đầy đủ.")
    try:
        text = archive.read(file).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise _Broken(
                file, f"Tệp {file} thiếu cột {', '.join(missing)}; hãy xuất lại gói OneRoster đầy đủ."
            )
        for said in reader:
            yield _Line(file, reader.line_num, {key: value for key, value in said.items() if key})
    except (UnicodeDecodeError, csv.Error):
        raise _Broken(
            file, f"Tệp {file} không phải CSV mã UTF-8 hoặc bị hỏng; hãy xuất lại gói OneRoster."
        ) from None


def _pupil(user: _Line, birth: _Line | None, place: _Line, problems: list[RowProblem]) -> PupilRow | None:
    name = " ".join(filter(None, (user["familyName"], user["middleName"], user["givenName"])))
    noted = len(problems)
    if not user["identifier"]:
        problems.append(
            _problem(user, "identifier", f"học sinh {name} chưa có mã học sinh; hãy điền mã của Bộ.")
        )
    born = _day(birth["birthDate"]) if birth else None
    if born is None:
        where = birth or user
        problems.append(
            _problem(where, "birthDate", f"học sinh {name} chưa có ngày sinh đúng dạng 2014-03-01.")
        )
    if len(problems) > noted or born is None:
        return None
    return PupilRow(
        sheet=user.file,
        row=user.row,
        class_code=place["classCode"] or place["title"],
        student_code=user["identifier"],
        full_name=name,
        date_of_birth=born,
        gender=_SEXES.get(birth["sex"]) if birth else None,
        status=_STUDYING,
        personal_id=None,
        ethnicity=None,
        nationality=None,
        birth_place=(birth["cityOfBirth"] or None) if birth else None,
        hometown=None,
        address=None,
        father_name=None,
        mother_name=None,
        guardian_name=None,
    )


def _second_place(line: _Line, user: _Line, first: PupilRow, found: PupilRow) -> Iterator[RowProblem]:
    """What is wrong where a code comes again: it is somebody else's, or they are in two classes."""
    if found.row != first.row:
        yield _problem(
            user, "identifier", f"mã này đã là của {first.full_name} ở dòng {first.row}; mỗi học sinh một mã."
        )
    elif found.class_code != first.class_code:
        yield _problem(line, "userSourcedId", "học sinh này được xếp vào hai lớp; hãy giữ một lớp chủ nhiệm.")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _one(lines: list[_Line], kind: str, column: str) -> str | None:
    found = {line[column] for line in lines if line["type"] == kind}
    return found.pop() if len(found) == 1 else None


def _year(sessions: list[_Line]) -> str | None:
    """OneRoster names a school year by the year in which it ends."""
    ends = _one(sessions, "schoolYear", "schoolYear")
    return f"{int(ends) - 1}-{ends}" if ends and re.fullmatch("[0-9]{4}", ends) else None


def _problem(line: _Line, column: str, words: str) -> RowProblem:
    value = line[column][:80]
    message = f"Tệp {line.file}, dòng {line.row}, cột {column} (“{value}”): {words}"
    return RowProblem(sheet=line.file, row=line.row, column=column, value=value, message=message)
