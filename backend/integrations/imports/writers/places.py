"""Where in a workbook the values of the school belong: by pupil and column, found as the readers find them."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from backend.integrations.imports.readers import detect, headers, secondary_marks, values
from backend.integrations.imports.readers.grid import Cell, Sheet
from backend.integrations.imports.readers.headers import CODE, Line, Scan
from backend.integrations.imports.readers.reading import Collector
from backend.integrations.imports.readers.text import key_of
from backend.integrations.imports.schemas import (
    PUPIL_STATES,
    Contents,
    Layout,
    SecondaryMarkRow,
    place_key,
)
from backend.integrations.imports.writers.cells import Place, Value

#: Fields that are numbers in a sheet where the value is one; all others are texts.
_NUMBERS: Final = ("regular", "midterm", "final", "average", "test", "absences_excused", "absences_unexcused")
_LEVELS: Final[tuple[Callable[[Cell], str], ...]] = (
    values.comment_level,
    values.subject_level,
    values.trait_level,
    values.conduct_level,
    values.year_level,
    values.gender,
    lambda cell: PUPIL_STATES[key_of(values.pupil_status(cell))],
)


def edits(sheets: Sequence[Sheet], layout: Layout, contents: Contents) -> dict[str, dict[Place, Value]]:
    """The cells of each part that say something else than the school: what is to be written there.

    Rows of pupils, and columns, of which `contents` says nothing stay as they are.
    """
    found: dict[str, dict[Place, Value]] = {}
    for sheet in sheets:
        if not sheet.hidden:
            scan = headers.scan(sheet, detect.FIELDS[layout])
            found[sheet.part] = dict(_edits_of(scan, layout, contents))
    return found


def _edits_of(scan: Scan, layout: Layout, contents: Contents) -> Iterator[tuple[Place, Value]]:
    about = _about(scan) if layout is Layout.SECONDARY_MARKS else ("", 0)
    if about is None:
        return
    for line in scan.lines:
        said = contents.get(place_key(_code(line), *about), {})
        for field, value in said.items():
            column = line.header.columns.get(field)
            if column and not _says(line.cell(field), value):
                yield (line.row, column.index + 1), _value(field, value)


def _about(scan: Scan) -> tuple[str, int] | None:
    """Subject and term of a sheet of marks; None where it does not say them."""
    subject = secondary_marks.subject_of(scan, Collector[SecondaryMarkRow]()) if scan.lines else None
    return (subject.code, subject.term) if subject else None


def _code(line: Line) -> str:
    try:
        return values.code(line.cell(CODE))
    except values.BadValue:
        return ""


def _says(cell: Cell, value: str) -> bool:
    """Whether a cell says the value already, in whatever way: 7,5 and 7.5; Đ and Đạt; a date as its number."""
    if cell is None or not value:
        return cell is None and not value
    written = cell if isinstance(cell, str) else values.shown(cell)
    number = _number(value)
    if written == value or (number is not None and _number(written) == number):
        return True
    meant = ((_read(level, cell), _read(level, value)) for level in _LEVELS)
    return any(here is not None and here == there for here, there in meant) or _day(cell) == value


def _day(cell: Cell) -> str:
    try:
        return f"{values.birth_date(cell):%d/%m/%Y}"
    except values.BadValue:
        return ""


def _read(level: Callable[[Cell], str], cell: Cell) -> str | None:
    try:
        return level(cell)
    except values.BadValue:
        return None


def _number(written: str) -> Decimal | None:
    try:
        return Decimal(written.replace(",", "."))
    except InvalidOperation:
        return None


def _value(field: str, value: str) -> Value:
    number = _number(value) if field.partition(":")[0] in _NUMBERS else None
    return number if number is not None else value or None
