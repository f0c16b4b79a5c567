"""What may stand in a cell: every kind of cell, every kind of mistake, one sentence each."""

import pytest

from backend.core.errors import Invalid
from backend.records.gradebook import layout, rules
from backend.records.gradebook.schemas import Cell, MarkKind
from backend.records.roster.curriculum import GradeSubject, find_subject, subjects_of

PLACE = "Lò Thị An, lớp 1A, Toán, cột X"
REGULAR, MIDTERM, FINAL = Cell(MarkKind.REGULAR, "1"), Cell(MarkKind.MIDTERM), Cell(MarkKind.FINAL)
LEVEL, TEST, COMMENT = Cell(MarkKind.LEVEL), Cell(MarkKind.TEST, "1"), Cell(MarkKind.COMMENT)
TRAIT, REMARK = Cell(MarkKind.TRAIT, "NHAN_AI"), Cell(MarkKind.TRAIT_COMMENT, "quality")
CONDUCT, ABSENCE = Cell(MarkKind.CONDUCT, "1"), Cell(MarkKind.ABSENCE, "excused")
HEIGHT, WEIGHT = Cell(MarkKind.MEASURE, "height"), Cell(MarkKind.MEASURE, "weight")
HOMEROOM = Cell(MarkKind.HOMEROOM_COMMENT)


def accept(text: str, cell: Cell, subject: str | None, grade: int) -> str:
    return rules.accept(text, cell, _subject(subject, grade), grade, PLACE)


def _subject(code: str | None, grade: int) -> GradeSubject | None:
    found = find_subject(grade, code) if code else None
    assert (found is None) == (code is None)
    return found


@pytest.mark.parametrize(
    ("text", "cell", "subject", "grade", "stored"),
    [
        ("7,5", REGULAR, "TOAN", 6, "7.5"),
        ("7.5", MIDTERM, "TOAN", 12, "7.5"),
        (" 10 ", FINAL, "VAN", 9, "10"),
        ("10,0", FINAL, "VAN", 9, "10"),
        ("8.0", FINAL, "VAN", 9, "8"),
        ("0", FINAL, "VAN", 9, "0"),
        ("0,5", FINAL, "VAN", 9, "0.5"),
        ("đ", REGULAR, "GDTC", 6, "Đ"),
        ("cđ", FINAL, "GDTC", 6, "CĐ"),
        ("CÐ", FINAL, "GDTC", 6, "CĐ"),  # the Icelandic letter of old keyboards
        ("h", LEVEL, "TOAN", 1, "H"),
        ("9", TEST, "TOAN", 1, "9"),
        ("09", TEST, "TOAN", 1, "9"),
        ("10", Cell(MarkKind.TEST, "2"), "TV", 5, "10"),
        ("đ", TRAIT, None, 1, "Đ"),
        ("T", Cell(MarkKind.TRAIT, "TIN_HOC"), None, 3, "T"),
        ("k", CONDUCT, None, 6, "K"),
        ("Đ", Cell(MarkKind.CONDUCT, "summer"), None, 6, "Đ"),
        ("12", ABSENCE, None, 6, "12"),
        ("128,5", HEIGHT, None, 1, "128.5"),
        ("060.0", HEIGHT, None, 5, "60"),
        ("180", WEIGHT, None, 5, "180"),
        ("Bình thường; 7.5", Cell(MarkKind.HEALTH), None, 1, "Bình thường; 7.5"),
        ("4,5", Cell(MarkKind.REASSESSED, "TOAN"), None, 6, "4.5"),
        ("đ", Cell(MarkKind.REASSESSED, "GDTC"), None, 6, "Đ"),
        ("  Chăm \n ngoan ", COMMENT, "TOAN", 6, "Chăm ngoan"),
        ("Ngoan\u200b \u202eha\u202c \ufeff", HOMEROOM, None, 1, "Ngoan ha"),
        ("Ngo\u0061\u0306n", REMARK, None, 1, "Ngoăn"),
        ("", FINAL, "VAN", 9, ""),
        (" \t ", LEVEL, "TOAN", 1, ""),
        ("\u200b", COMMENT, "TOAN", 1, ""),
    ],
)
def test_accepted(text: str, cell: Cell, subject: str | None, grade: int, stored: str) -> None:
    assert accept(text, cell, subject, grade) == stored
    assert accept(stored, cell, subject, grade) == stored, "a stored value is acceptable again"


SCORE = "phải từ 0 đến 10 và có nhiều nhất một chữ số thập phân"
PASS = "môn này đánh giá bằng nhận xét, chỉ ghi Đ hoặc CĐ"
WHOLE = "phải là số nguyên từ 0 đến 10"
NO_COLUMN = "sổ này không có cột đó"


@pytest.mark.parametrize(
    ("text", "cell", "subject", "grade", "words"),
    [
        ("11", FINAL, "TOAN", 6, f"điểm “11” {SCORE}"),
        ("-1", FINAL, "TOAN", 6, f"điểm “-1” {SCORE}"),
        ("7.55", REGULAR, "TOAN", 6, f"điểm “7.55” {SCORE}"),
        ("10.5", REGULAR, "TOAN", 6, SCORE),
        ("7..5", REGULAR, "TOAN", 6, SCORE),
        ("7,", REGULAR, "TOAN", 6, SCORE),
        ("vắng", MIDTERM, "TOAN", 6, f"điểm “vắng” {SCORE}"),
        ("Đ", MIDTERM, "TOAN", 6, SCORE),
        ("1e1", MIDTERM, "TOAN", 6, SCORE),
        ("NaN", MIDTERM, "TOAN", 6, SCORE),
        ("٨", MIDTERM, "TOAN", 6, "ký tự không in được"),
        ("8", REGULAR, "GDTC", 6, f"{PASS}, không ghi “8”"),
        ("T", FINAL, "NT", 6, PASS),
        ("A", LEVEL, "TOAN", 1, "“A” không phải là một trong các mức T, H, C"),
        ("Đ", LEVEL, "TOAN", 1, "một trong các mức T, H, C"),
        ("9", LEVEL, "TOAN", 1, "một trong các mức T, H, C"),
        ("8,5", TEST, "TOAN", 1, f"điểm kiểm tra “8,5” {WHOLE}"),
        ("11", TEST, "TOAN", 1, WHOLE),
        ("giỏi", TEST, "TOAN", 1, WHOLE),
        ("H", TRAIT, None, 1, "một trong các mức T, Đ, C"),
        ("TB", CONDUCT, None, 6, "một trong các mức T, K, Đ, CĐ"),
        ("ba", ABSENCE, None, 6, "số buổi nghỉ “ba” phải là số nguyên từ 0 đến 400"),
        ("401", ABSENCE, None, 6, "từ 0 đến 400"),
        ("1,28", HEIGHT, None, 1, "chiều cao “1,28” phải từ 60 đến 220"),
        ("220,1", HEIGHT, None, 1, "từ 60 đến 220"),
        ("128,55", HEIGHT, None, 1, "nhiều nhất một chữ số thập phân"),
        ("27kg", WEIGHT, None, 1, "cân nặng “27kg” phải từ 8 đến 180, tính bằng ki-lô-gam"),
        ("7,9", WEIGHT, None, 1, "từ 8 đến 180"),
        ("128", HEIGHT, None, 6, NO_COLUMN),  # the form of TT22 has no such place
        ("128", HEIGHT, "TOAN", 1, NO_COLUMN),
        ("x" * 201, Cell(MarkKind.HEALTH), None, 1, "quá giới hạn"),
        ("8", Cell(MarkKind.REASSESSED, "GDTC"), None, 6, PASS),
        ("Đ", Cell(MarkKind.REASSESSED, "TOAN"), None, 6, SCORE),
        ("8", Cell(MarkKind.REASSESSED, "THIEN_VAN"), None, 6, NO_COLUMN),
        ("8", Cell(MarkKind.REASSESSED, "TOAN"), None, 5, NO_COLUMN),
        ("8", Cell(MarkKind.REASSESSED, "TOAN"), "TOAN", 6, NO_COLUMN),
        ("8", Cell(MarkKind.REGULAR, "3"), "GDCD", 6, NO_COLUMN),  # 35 lessons: two regular marks
        ("8", REGULAR, "TOAN", 1, NO_COLUMN),
        ("9", TEST, "DD", 1, NO_COLUMN),  # TT27 Đ.7.1.b: no test in Đạo đức
        ("9", Cell(MarkKind.TEST, "3"), "TOAN", 1, NO_COLUMN),
        ("T", Cell(MarkKind.TRAIT, "TIN_HOC"), None, 2, NO_COLUMN),
        ("T", LEVEL, "TOAN", 6, NO_COLUMN),
        ("T", CONDUCT, None, 1, NO_COLUMN),
        ("T", CONDUCT, "TOAN", 6, NO_COLUMN),
        ("", Cell(MarkKind.REGULAR, "9"), "TOAN", 6, NO_COLUMN),
        ("", Cell(MarkKind.COMMENT, "\x00"), "TOAN", 6, NO_COLUMN),
        ("ă" * 1001, COMMENT, "TOAN", 6, "dài 1001 ký tự, quá giới hạn 1000"),
        ("Ngoan 😀", COMMENT, "TOAN", 6, "ký tự không in được “😀” (U+1F600)"),
        ("Ngoan\x00", HOMEROOM, None, 1, "ký tự không in được U+0000"),
        ("Ngoan\ud800", REMARK, None, 1, "ký tự không in được U+D800"),
        ("9" * 21, FINAL, "TOAN", 6, "dài 21 ký tự, quá giới hạn 20"),
    ],
)
def test_refused_in_one_sentence_that_names_place_and_pupil(
    text: str, cell: Cell, subject: str | None, grade: int, words: str
) -> None:
    with pytest.raises(Invalid) as caught:
        accept(text, cell, subject, grade)
    sentence = caught.value.message
    assert words in sentence
    assert PLACE in sentence
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0


def takes_a_number(cell: Cell, subject: GradeSubject | None, grade: int) -> bool:
    try:
        number = "100" if cell.kind is MarkKind.MEASURE else "5"
        return rules.accept(number, cell, subject, grade, PLACE) == number
    except Invalid:
        return False


@pytest.mark.parametrize("grade", range(1, 13))
def test_every_column_of_every_sheet_takes_a_value_and_has_a_name(grade: int) -> None:
    for subject in (None, *subjects_of(grade)):
        labels = [column.label for column in layout.columns_of(subject, grade)]
        assert len(labels) == len(set(labels))
        for column in layout.columns_of(subject, grade):
            assert layout.label(column.cell, subject, grade) == column.label
            assert rules.accept("", column.cell, subject, grade, PLACE) == ""
            assert column.letters is not (column.wide or takes_a_number(column.cell, subject, grade))
