"""What every layout's reader does: take cells by field name, collect problems, keep faultless rows once."""

import uuid
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from backend.integrations.imports.readers import headers, values
from backend.integrations.imports.readers.grid import MAX_ROWS, Cell, Formula, Sheet
from backend.integrations.imports.readers.headers import CODE, MARK, NAME, Fields, Header, Line, Scan
from backend.integrations.imports.readers.text import marked_pupil, tidy
from backend.integrations.imports.schemas import RowProblem, SheetInfo, TermNumber

V = TypeVar("V")
R = TypeVar("R")

#: How people call the columns that we look for, where a sheet lacks them.
COLUMN_NAMES: Final[dict[str, str]] = {
    CODE: "Mã học sinh",
    NAME: "Họ và tên",
    "class_code": "Mã lớp",
    "date_of_birth": "Ngày sinh",
}


class RowReader:
    """Takes the values of one pupil's row; what cannot be read becomes a problem of that row."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.problems: list[RowProblem] = []

    def take(self, field: str, parse: Callable[[Cell], V]) -> V | None:
        """The value of a cell; None where it is empty, or bad (then a problem is noted)."""
        cell = self.line.cell(field)
        if cell is None or (isinstance(cell, str) and not cell.strip(" -–")):
            return None
        if isinstance(cell, Formula):
            self.refuse(field, "ô này là công thức chưa có giá trị; hãy mở tệp bằng Excel, lưu lại rồi nhập.")
            return None
        try:
            return parse(cell)
        except values.BadValue as bad:
            self.refuse(field, f"giá trị “{values.shown(cell)}” {bad}.")
            return None

    def need(self, field: str, parse: Callable[[Cell], V], empty: V) -> V:
        """Like `take`, but an empty cell is a problem. `empty` stands in; the row is not kept."""
        noted = len(self.problems)
        value = self.take(field, parse)
        if value is None and len(self.problems) == noted:
            self.refuse(field, "ô còn trống; hãy điền vào ô này.")
        return empty if value is None else value

    def text(self, field: str) -> str | None:
        return self.take(field, values.text)

    def refuse(self, field: str, message: str) -> None:
        """Note a problem of this row; `message` says what is wrong in the cell and what to do."""
        column = self.line.header.columns.get(field)
        title = column.title if column else COLUMN_NAMES.get(field, field)
        name = self.line.cell(NAME)
        person = f", học sinh {values.shown(name)}" if name is not None else ""
        self.problems.append(
            RowProblem(
                sheet=self.line.sheet,
                row=self.line.row,
                column=title,
                value=values.shown(self.line.cell(field)),
                message=f"Trang “{self.line.sheet}”, dòng {self.line.row}{person}, {title}: {message}",
            )
        )

    def class_code(self) -> str:
        """From the row itself, else from the titles above it."""
        if self.line.cell("class_code") is None and self.line.context.class_code:
            return self.line.context.class_code
        return self.need("class_code", values.class_code, "")

    def student_code(self) -> str:
        return self.need(CODE, values.code, "")

    def full_name(self) -> str:
        return self.need(NAME, _person_name, "")

    def student_id(self) -> uuid.UUID | None:
        """The pupil by the hidden column of our own workbooks; None without one, or where the line was mixed up."""
        mark, code, name = self.line.cell(MARK), self.line.cell(CODE), self.line.cell(NAME)
        return marked_pupil(str(mark), str(code).strip("'"), str(name)) if mark else None


def taken(reader: RowReader, group: str, parse: Callable[[Cell], V]) -> dict[str, V]:
    """All filled cells of the columns "group:code" as code → value, in the order of the sheet."""
    columns = reader.line.header.columns
    fields = sorted((f for f in columns if f.startswith(f"{group}:")), key=lambda f: columns[f].index)
    found = {field.partition(":")[2]: reader.take(field, parse) for field in fields}
    return {code: value for code, value in found.items() if value is not None}


class Collector(Generic[R]):
    """Rows without fault, each pupil once; and everything that is wrong."""

    def __init__(self) -> None:
        self.rows: list[R] = []
        self.problems: list[RowProblem] = []
        self._seen: dict[Hashable, Line] = {}

    def keep(self, reader: RowReader, key: Hashable, row: R) -> None:
        """Keep a row unless it has problems or its key was there before."""
        first = self._seen.setdefault(key, reader.line)
        if first is not reader.line:
            place = f"dòng {first.row}" + (
                "" if first.sheet == reader.line.sheet else f" của trang “{first.sheet}”"
            )
            reader.refuse(CODE, f"học sinh này đã có ở {place}; hãy xóa một trong hai dòng.")
        self.problems.extend(reader.problems)
        if not reader.problems:
            self.rows.append(row)

    def sheet_problem(self, sheet: str, row: int | None, column: str, message: str) -> None:
        self.problems.append(RowProblem(sheet=sheet, row=row, column=column, value="", message=message))


def scan_all(sheets: Sequence[Sheet], fields: Fields, collector: Collector[R]) -> list[Scan]:
    """Scan every sheet that has a header row; sheets cut short are reported."""
    scans = [scan for scan in (headers.scan(sheet, fields) for sheet in sheets) if scan.headers]
    for sheet in sheets:
        if sheet.cut:
            collector.sheet_problem(
                sheet.name,
                MAX_ROWS,
                "",
                f"Trang “{sheet.name}” dài quá {MAX_ROWS} dòng; hãy tách thành nhiều tệp.",
            )
    return scans


def check_columns(
    scan: Scan, header: Header, required: Iterable[tuple[str, str]], collector: Collector[R]
) -> bool:
    """Whether a header has all (field, name) columns, each once; reports those that are missing or double."""
    place = f"Trang “{scan.sheet}”, dòng tiêu đề {header.row}"
    present = {*header.columns, *(("class_code",) if _class_in_titles(scan, header) else ())}
    missing = [name for field, name in required if field not in present]
    for name in missing:
        collector.sheet_problem(
            scan.sheet,
            header.row,
            name,
            f"{place}: thiếu cột “{name}”; hãy thêm cột này vào dòng tiêu đề.",
        )
    for column in header.doubled:
        collector.sheet_problem(
            scan.sheet,
            header.row,
            column.title,
            f"{place}: {column.title} trùng tên với một cột khác; hãy bỏ bớt.",
        )
    return not missing and not header.doubled


def _class_in_titles(scan: Scan, header: Header) -> bool:
    lines = [line for line in scan.lines if line.header.row == header.row]
    return bool(lines) and all(line.context.class_code for line in lines)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about the whole file: school and year from the first sheet that says them, and its sheets."""

    school_name: str | None
    academic_year: str | None
    sheets: tuple[SheetInfo, ...]


def read_sheets(
    sheets: Sequence[Sheet],
    fields: Fields,
    required: Sequence[tuple[str, str]],
    collector: Collector[R],
    read_row: Callable[[RowReader], None],
) -> Found:
    """Read every row below a complete header; a sheet with an incomplete one is reported and left out."""
    scans = scan_all(sheets, fields, collector)
    infos: list[SheetInfo] = []
    for scan in scans:
        before = len(collector.rows)
        complete = {h.row for h in scan.headers if check_columns(scan, h, required, collector)}
        for line in scan.lines:
            if line.header.row in complete:
                read_row(RowReader(line))
        infos.append(sheet_info(scan, len(collector.rows) - before))
    return found_in(scans, infos)


def sheet_info(
    scan: Scan, rows: int, subject_code: str | None = None, term: TermNumber | None = None
) -> SheetInfo:
    """What is shown of one sheet; the class only where all its rows are of one class."""
    classes = {line.context.class_code for line in scan.lines}
    class_code = classes.pop() if len(classes) == 1 else None
    return SheetInfo(name=scan.sheet, class_code=class_code, subject_code=subject_code, term=term, rows=rows)


def found_in(scans: Sequence[Scan], infos: Sequence[SheetInfo]) -> Found:
    """School and year as the first sheet names them, and the sheets."""
    schools = (scan.context.school_name for scan in scans)
    years = (scan.context.academic_year for scan in scans)
    return Found(
        school_name=next(filter(None, schools), None),
        academic_year=next(filter(None, years), None),
        sheets=tuple(infos),
    )


def _person_name(cell: Cell) -> str:
    value = tidy(values.text(cell))
    if any(char.isdigit() for char in value) or len(value) > 100:
        raise values.BadValue("không phải là họ tên; hãy kiểm tra lại cột này")
    return value
