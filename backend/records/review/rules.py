"""What is odd in a sheet: each rule with its threshold, each finding with pupil and cell. No I/O, nothing blocks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.records.gradebook.schemas import Cell, Column, MarkKind
from backend.records.review.schemas import (
    MAX_WORD,
    MIN_WORD,
    Cells,
    Finding,
    FindingKind,
    PupilMarks,
    SheetMarks,
)

#: A test of so much or less goes ill with Hoàn thành tốt, one of so much or more with Chưa hoàn thành.
LOW_TEST, HIGH_TEST = 4, 9
#: Points, in tenths, by which a final mark differs from the regular ones, or a term from the other.
JUMP = 30
#: A comment with fewer letters says nothing.
FEWEST_LETTERS = 3
#: So many pupils with the same comment of so many characters: copied, not written.
COPIED_PUPILS, COPIED_LENGTH = 5, 20
#: Two columns that are the same for so many pupils, and for all who have both.
SAME_PUPILS = 8
#: Half-days absent (TT22 Đ.12.1.c counts to 45) with which a full set of marks is odd.
MANY_ABSENCES = 45

_MARKS = (MarkKind.REGULAR, MarkKind.MIDTERM, MarkKind.FINAL)
_COMMENTS = frozenset({MarkKind.COMMENT, MarkKind.HOMEROOM_COMMENT, MarkKind.TRAIT_COMMENT})


def findings(sheet: SheetMarks) -> tuple[Finding, ...]:
    """All that is odd, pupil by pupil in the order of the sheet, then what concerns whole columns."""
    found: list[Finding] = []
    for pupil in sheet.pupils:
        found += _level_and_test(pupil)
        found += _jump_in_term(pupil)
        found += _jump_between_terms(pupil, sheet.term)
        found += _marks_of_the_absent(pupil, sheet.columns)
    found += _empty_comments(sheet)
    found += _copied_comments(sheet)
    found += _identical_columns(sheet)
    return tuple(found)


def checked_word(typed: str) -> str:
    """What is said about an oddity. Raises Invalid."""
    word = check_text(typed, field="Giải thích", person="chỗ cần xem lại", limit=MAX_WORD)
    if len(word) < MIN_WORD:
        raise Invalid(f"Xin giải thích từ {MIN_WORD} đến {MAX_WORD} ký tự, ví dụ “đã xem, điểm đúng”.")
    return word


def _level_and_test(pupil: PupilMarks) -> Iterator[Finding]:
    """TT27 Đ.7: the level comes from the whole year, so a test may differ; so far apart it is worth a look.

    Of the tests those at the year's end: attempts have numbers, earlier points names.
    """
    level = pupil.cells.get(Cell(MarkKind.LEVEL))
    tests = sorted(
        (cell.slot, value)
        for cell, value in pupil.cells.items()
        if cell.kind is MarkKind.TEST and cell.slot.isdigit()
    )
    if not tests or not tests[-1][1].isdigit():
        return
    mark = int(tests[-1][1])
    if (level == "T" and mark <= LOW_TEST) or (level == "C" and mark >= HIGH_TEST):
        cell = Cell(MarkKind.TEST, tests[-1][0])
        text = f"{pupil.name}: mức {level} nhưng điểm kiểm tra là {mark}."
        yield _finding(FindingKind.LEVEL_AND_TEST, pupil, cell, text, f"{level} {mark}")


def _jump_in_term(pupil: PupilMarks) -> Iterator[Finding]:
    regular = [mark for mark in (_tenths(value) for value in _regular(pupil.cells)) if mark is not None]
    final = _tenths(pupil.cells.get(Cell(MarkKind.FINAL), ""))
    if len(regular) < 2 or final is None:
        return
    usual = sum(regular) // len(regular)
    if abs(final - usual) >= JUMP:
        text = (
            f"{pupil.name}: ĐĐGck {_shown(final)} {_away(final, usual)} điểm so với trung bình các ĐĐGtx "
            f"({_shown(usual)})."
        )
        yield _finding(FindingKind.JUMP_IN_TERM, pupil, Cell(MarkKind.FINAL), text, f"{final} {usual}")


def _jump_between_terms(pupil: PupilMarks, term: int) -> Iterator[Finding]:
    """Said in the sheet of term II, when both are there."""
    if term != 2:
        return
    now, before = _average(pupil.cells), _average(pupil.other_term)
    if now is None or before is None or abs(now - before) < JUMP:
        return
    text = (
        f"{pupil.name}: trung bình học kì II {_shown(now)} {_away(now, before)} điểm so với học kì I "
        f"({_shown(before)})."
    )
    cell = Cell(MarkKind.FINAL)
    yield _finding(FindingKind.JUMP_BETWEEN_TERMS, pupil, cell, text, f"{now} {before}")


def _marks_of_the_absent(pupil: PupilMarks, columns: Sequence[Column]) -> Iterator[Finding]:
    wanted = [one.cell for one in columns if one.cell.kind in _MARKS]
    if pupil.absent < MANY_ABSENCES or not wanted or not all(pupil.cells.get(cell) for cell in wanted):
        return
    text = f"{pupil.name}: nghỉ {pupil.absent} buổi trong năm nhưng có đủ {len(wanted)} lần đánh giá."
    yield _finding(FindingKind.MARKS_OF_THE_ABSENT, pupil, wanted[0], text, str(pupil.absent))


def _empty_comments(sheet: SheetMarks) -> Iterator[Finding]:
    """A pupil without a comment where others have one: a column that nobody began is no oddity."""
    for column in sheet.columns:
        if column.cell.kind not in _COMMENTS:
            continue
        without = [one for one in sheet.pupils if _says_nothing(one.cells.get(column.cell, ""))]
        if len(without) == len(sheet.pupils):
            continue
        for pupil in without:
            said = pupil.cells.get(column.cell, "")
            what = f"chỉ ghi “{said}”" if said else "để trống"
            text = f"{pupil.name}: cột {column.label} {what}."
            yield _finding(FindingKind.EMPTY_COMMENT, pupil, column.cell, text, said)


def _copied_comments(sheet: SheetMarks) -> Iterator[Finding]:
    for column in sheet.columns:
        if column.cell.kind not in _COMMENTS:
            continue
        by_text: dict[str, list[PupilMarks]] = defaultdict(list)
        for pupil in sheet.pupils:
            by_text[pupil.cells.get(column.cell, "").strip().casefold()].append(pupil)
        for words, pupils in by_text.items():
            if len(words) >= COPIED_LENGTH and len(pupils) >= COPIED_PUPILS:
                text = (
                    f"Cột {column.label}: {len(pupils)} học sinh có cùng một lời nhận xét ({_some(pupils)})."
                )
                yield _column(FindingKind.COPIED_COMMENT, column.cell, text, f"{len(pupils)} {words}", pupils)


def _identical_columns(sheet: SheetMarks) -> Iterator[Finding]:
    """Marks typed into the wrong column, or twice. Columns of Đ and CĐ are often the same, and rightly so."""
    marks = [one for one in sheet.columns if one.cell.kind in _MARKS and not one.letters]
    for left, right in combinations(marks, 2):
        pupils = [one for one in sheet.pupils if one.cells.get(left.cell) and one.cells.get(right.cell)]
        pairs = [(one.cells[left.cell], one.cells[right.cell]) for one in pupils]
        if len(pairs) >= SAME_PUPILS and all(one == other for one, other in pairs):
            text = f"Cột {right.label} giống hệt cột {left.label} ở cả {len(pairs)} học sinh."
            seen = " ".join(one for one, _ in pairs)
            yield _column(FindingKind.IDENTICAL_COLUMNS, right.cell, text, seen, pupils)


def _finding(kind: FindingKind, pupil: PupilMarks, cell: Cell, text: str, seen: str) -> Finding:
    about = (pupil.student_id,)
    return Finding(kind=kind, student_id=pupil.student_id, about=about, cell=cell, text=text, seen=seen)


def _column(kind: FindingKind, cell: Cell, text: str, seen: str, pupils: Sequence[PupilMarks]) -> Finding:
    about = tuple(one.student_id for one in pupils)
    return Finding(kind=kind, student_id=None, about=about, cell=cell, text=text, seen=seen)


def _regular(cells: Cells) -> list[str]:
    return [value for cell, value in cells.items() if cell.kind is MarkKind.REGULAR]


def _average(cells: Cells) -> int | None:
    """ĐTBmhk of what is there, in tenths; None while a mark is missing or there are none."""
    marks = [*_regular(cells), cells.get(Cell(MarkKind.MIDTERM), ""), cells.get(Cell(MarkKind.FINAL), "")]
    tenths = [one for one in (_tenths(mark) for mark in marks) if one is not None]
    if len(tenths) < len(marks) or len(marks) < 3:
        return None
    *regular, midterm, final = tenths
    total, divisor = sum(regular) + 2 * midterm + 3 * final, len(regular) + 5
    return (2 * total + divisor) // (2 * divisor)


def _tenths(mark: str) -> int | None:
    whole, _, tenth = mark.partition(".")
    if not whole.isdigit() or (tenth and not tenth.isdigit()):
        return None
    return int(whole) * 10 + int(tenth or 0)


def _shown(tenths: int) -> str:
    return f"{tenths // 10},{tenths % 10}"


def _away(now: int, before: int) -> str:
    return f"{'cao' if now > before else 'thấp'} hơn {_shown(abs(now - before))}"


def _says_nothing(words: str) -> bool:
    return sum(sign.isalpha() for sign in words) < FEWEST_LETTERS


def _some(pupils: Sequence[PupilMarks]) -> str:
    shown = ", ".join(one.name for one in pupils[:3])
    return shown if len(pupils) <= 3 else f"{shown} và {len(pupils) - 3} em khác"
