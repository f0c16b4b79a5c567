"""Where in a workbook the values of the school belong: by pupil and column, found as the readers find them."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from backend.integrations.imports.readers import detect, headers, secondary_marks, values
from backend.integrations.imports.readers.grid import Cell, Sheet
from backend.integrations.imports.readers.headers import CODE, NAME, Line, Scan
from backend.integrations.imports.readers.reading import Collector, RowReader
from backend.integrations.imports.readers.text import key_of, name_of
from backend.integrations.imports.schemas import (
    PUPIL_STATES,
    FormPupil,
    Layout,
    SecondaryMarkRow,
    ToFill,
    place_key,
)
from backend.integrations.imports.writers.cells import Place, Value

#: Fields that are numbers in a sheet where the value is one; all others are texts.
_NUMBERS: Final = (
    "regular",
    "topic",
    "midterm",
    "final",
    "average",
    "test",
    "absences_excused",
    "absences_unexcused",
    "height",
    "weight",
)
_LEVELS: Final[tuple[Callable[[Cell], str], ...]] = (
    values.comment_level,
    values.subject_level,
    values.trait_level,
    values.conduct_level,
    values.year_level,
    values.gender,
    lambda cell: PUPIL_STATES[key_of(values.pupil_status(cell))],
)


def edits(sheets: Sequence[Sheet], wanted: ToFill) -> dict[str, dict[Place, Value]]:
    """The cells of each part that say something else than the school: what is to be written there.

    Rows of nobody whom the school knows, and columns of which it says nothing, stay as they are.
    """
    found: dict[str, dict[Place, Value]] = {}
    for sheet in sheets:
        if not sheet.hidden:
            scan = headers.scan(sheet, detect.FIELDS[wanted.layout])
            found[sheet.part] = dict(_edits_of(scan, wanted))
    return found


def _edits_of(scan: Scan, wanted: ToFill) -> Iterator[tuple[Place, Value]]:
    about = _about(scan) if wanted.layout is Layout.SECONDARY_MARKS else ("", 0)
    if about is None:
        return
    for line, pupil in _pupils_of(scan.lines, wanted.pupils):
        said = wanted.contents.get(place_key(pupil.student_code, *about), {})
        for field, value in said.items():
            column = line.header.columns.get(field)
            if column and not _says(line.cell(field), value):
                yield (line.row, column.index + 1), _value(field, value)


def _about(scan: Scan) -> tuple[str, int] | None:
    """Subject and term of a sheet of marks; None where it does not say them."""
    subject = secondary_marks.subject_of(scan, Collector[SecondaryMarkRow]()) if scan.lines else None
    return (subject.code, subject.term) if subject else None


def _pupils_of(lines: Sequence[Line], pupils: Sequence[FormPupil]) -> Iterator[tuple[Line, FormPupil]]:
    """Who stands in which line: by the hidden column of our own workbooks, else by the code of today, else by name."""
    by_id: dict[uuid.UUID | None, FormPupil] = {one.id: one for one in pupils}
    by_code = {one.student_code: one for one in pupils}
    known = [by_id.get(RowReader(line).student_id()) or by_code.get(_code(line)) for line in lines]
    named = _named([line for line, one in zip(lines, known, strict=True) if one is None], pupils, known)
    for line, one in zip(lines, known, strict=True):
        pupil = one or named.get(line.row)
        if pupil:
            yield line, pupil


def _named(
    lines: Sequence[Line], pupils: Sequence[FormPupil], known: Sequence[FormPupil | None]
) -> dict[int, FormPupil]:
    """Row → the pupil whose name it has: the only one of that name, and the only such line, and in no other line."""
    elsewhere = {one.id for one in known if one}
    by_name: dict[str, list[FormPupil]] = defaultdict(list)
    for one in pupils:
        by_name[name_of(one.full_name)].append(one)
    fits: dict[uuid.UUID, list[tuple[int, FormPupil]]] = defaultdict(list)
    for line in lines:
        born = _day(line.cell("date_of_birth"))
        same = by_name.get(name_of(str(line.cell(NAME))), [])
        found = [one for one in same if born in ("", f"{one.date_of_birth:%d/%m/%Y}")]
        if len(found) == 1 and found[0].id not in elsewhere:
            fits[found[0].id].append((line.row, found[0]))
    return dict(rows[0] for rows in fits.values() if len(rows) == 1)


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
