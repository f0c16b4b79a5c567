"""Wrong cells, columns and titles: each gives one Vietnamese sentence with its place; the rest goes on."""

import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

import pytest

from backend.integrations.imports import conversion
from backend.integrations.imports.readers import detect
from backend.integrations.imports.readers.grid import Cell, Sheet
from backend.integrations.imports.readers.text import key_of
from backend.integrations.imports.schemas import (
    HomeroomFile,
    ParsedFile,
    PrimaryCommentsFile,
    PupilsFile,
    RowProblem,
    SecondaryMarksFile,
    UnreadableFile,
)
from backend.records.gradebook.schemas import MAX_COMMENT
from backend.records.roster.schemas import StudentStatus

Rows = list[list[Cell]]
Make = Callable[[str, Sequence[Sequence[Cell]]], Sheet]

MARKS_TITLES: Rows = [
    ["Trường THCS Mẫu"],
    ["Môn học: Toán", "Lớp: 6A1", "Học kì: I", "Năm học 2025 - 2026"],
    [],
]
MARKS_HEADER: Rows = [
    ["STT", "Mã định danh", "Họ và tên", "ĐĐGtx", None, None, None, "ĐĐGgk", "ĐĐGck", "ĐTBmhkI", "Nhận xét"],
    [None, None, None, "1", "2", "3", "4", None, None, None, None],
]


def marks(*rows: list[Cell], titles: Rows | None = None, header: Rows | None = None) -> Rows:
    return [*(titles or MARKS_TITLES), *(header or MARKS_HEADER), *rows]


def an(**cells: Cell) -> list[Cell]:
    """Nguyễn Văn An's marks with some cells exchanged, by column: tx1, gk, ck …"""
    names = ("stt", "code", "name", "tx1", "tx2", "tx3", "tx4", "gk", "ck", "tb", "comment")
    usual: tuple[Cell, ...] = (1, "9900000001", "Nguyễn Văn An", 8, 7.5, "9", "8,5", 8, 9, 8.3, "Tốt")
    row: dict[str, Cell] = dict(zip(names, usual, strict=True))
    assert set(cells) <= set(row)
    return list({**row, **cells}.values())


BINH: list[Cell] = [2, "9900000002", "Trần Thị Bình", 6, 7, 6, 7, 6, "6,5", 6.4, "Khá"]


def secondary(make: Make, rows: Rows, name: str = "Toán") -> SecondaryMarksFile:
    parsed = detect.read([make(name, rows)])
    assert isinstance(parsed, SecondaryMarksFile)
    return parsed


def only(parsed: ParsedFile) -> RowProblem:
    assert len(parsed.problems) == 1, [problem.message for problem in parsed.problems]
    problem = parsed.problems[0]
    assert problem.message[0].isupper()
    assert problem.message.endswith(".")
    assert problem.message.count(". ") == 0
    return problem


def test_faultless(sheet: Make) -> None:
    parsed = secondary(sheet, marks(an(), BINH))
    assert parsed.problems == ()
    assert [row.student_code for row in parsed.rows] == ["9900000001", "9900000002"]
    assert parsed.rows[0].marks[3].score == Decimal("8.5")
    assert (parsed.sheets[0].class_code, parsed.sheets[0].subject_code, parsed.sheets[0].term) == (
        "6A1",
        "TOAN",
        1,
    )


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ({"gk": 11}, "ĐĐGgk (cột H)", "ngoài thang điểm 10"),
        ({"ck": "11"}, "ĐĐGck (cột I)", "ngoài thang điểm 10"),
        ({"ck": -1}, "ĐĐGck (cột I)", "ngoài thang điểm 10"),
        ({"tx1": "vắng"}, "ĐĐGtx – 1 (cột D)", "không phải là điểm số"),
        ({"tx1": "8.5.1"}, "ĐĐGtx – 1 (cột D)", "không phải là điểm số"),
        ({"tx2": True}, "ĐĐGtx – 2 (cột E)", "không phải là điểm số"),
        ({"tx2": "Đ"}, "ĐĐGtx – 2 (cột E)", "không phải là điểm số"),
        ({"tx4": 8.25}, "ĐĐGtx – 4 (cột G)", "quá một chữ số thập phân"),
        ({"tx4": "8,25"}, "ĐĐGtx – 4 (cột G)", "quá một chữ số thập phân"),
        ({"ck": "=SUM(D6:G6)"}, "ĐĐGck (cột I)", "không phải là điểm số"),
        ({"ck": "#DIV/0!"}, "ĐĐGck (cột I)", "không phải là điểm số"),
        ({"code": None}, "Mã định danh (cột B)", "còn trống"),
        ({"code": "mã số 1"}, "Mã định danh (cột B)", "không phải là một mã hợp lệ"),
        ({"comment": "a" * (MAX_COMMENT + 1)}, "Nhận xét (cột K)", f"dài quá {MAX_COMMENT} ký tự"),
    ],
)
def test_one_bad_cell_of_marks(sheet: Make, cells: dict[str, Cell], column: str, words: str) -> None:
    parsed = secondary(sheet, marks(an(**cells), BINH))
    problem = only(parsed)
    assert (problem.sheet, problem.row, problem.column) == ("Toán", 6, column)
    assert "dòng 6" in problem.message
    assert "Nguyễn Văn An" in problem.message
    assert words in problem.message
    assert [row.full_name for row in parsed.rows] == ["Trần Thị Bình"]


def test_a_mark_that_excel_turned_into_a_date(sheet: Make) -> None:
    parsed = secondary(sheet, marks(an(tx1=datetime.fromisoformat("2026-05-08"))))
    assert "đang ở dạng ngày tháng" in only(parsed).message


def test_floating_point_noise_is_not_a_second_decimal(sheet: Make) -> None:
    parsed = secondary(sheet, marks(an(gk=7.300000000000001)))
    assert parsed.problems == ()
    assert [mark.score for mark in parsed.rows[0].marks if mark.kind == "midterm"] == [Decimal("7.3")]


def test_empty_marks_are_absent_not_zero(sheet: Make) -> None:
    parsed = secondary(sheet, marks(an(ck=None, tx3="-", tx4="  ")))
    assert parsed.problems == ()
    assert [(mark.kind.value, mark.slot) for mark in parsed.rows[0].marks] == [
        ("regular", 1),
        ("regular", 2),
        ("midterm", 1),
    ]


def test_number_in_a_comment_only_subject(sheet: Make) -> None:
    titles: Rows = [["Môn học: Giáo dục thể chất", "Lớp: 6A1", "Học kì: II"]]
    good: list[Cell] = [1, "9900000001", "Nguyễn Văn An", "Đ", "đ", None, None, "Đạt", "CĐ", "Đ", "Tốt"]
    bad: list[Cell] = [2, "9900000002", "Trần Thị Bình", "Đ", 8, None, None, "Đ", "Đ", "Đ", None]
    parsed = secondary(sheet, marks(good, bad, titles=titles), "GDTC")
    problem = only(parsed)
    assert (problem.row, problem.column, problem.value) == (5, "ĐĐGtx – 2 (cột E)", "8")
    assert "đánh giá bằng nhận xét" in problem.message
    assert [mark.level for mark in parsed.rows[0].marks] == ["Đ", "Đ", "Đ", "CĐ"]


def test_the_same_pupil_twice(sheet: Make) -> None:
    parsed = secondary(sheet, marks(an(), BINH, an()))
    problem = only(parsed)
    assert problem.row == 8
    assert "đã có ở dòng 6" in problem.message
    assert len(parsed.rows) == 2


@pytest.mark.parametrize(("column", "name"), [(1, "Mã định danh"), (8, "ĐĐGck"), (7, "ĐĐGgk")])
def test_a_missing_column_stops_its_sheet_only(sheet: Make, column: int, name: str) -> None:
    whole = marks(an(), BINH)
    cut = [[cell for i, cell in enumerate(row) if i != column] if len(row) > 4 else row for row in whole]
    titles: Rows = [["Môn học: Ngữ văn", "Lớp: 6A1", "Học kì: I"]]
    parsed = detect.read([sheet("Toán", cut), sheet("Văn", marks(an(), titles=titles))])
    assert isinstance(parsed, SecondaryMarksFile)
    problem = only(parsed)
    assert (problem.sheet, problem.row, problem.column) == ("Toán", 4, name)
    assert f"thiếu cột “{name}”" in problem.message
    assert [row.subject_code for row in parsed.rows] == ["VAN"]


def test_a_column_twice(sheet: Make) -> None:
    header: Rows = [[*MARKS_HEADER[0], "ĐĐGck"], [*MARKS_HEADER[1], None]]
    parsed = secondary(sheet, marks([*an(), 5], header=header))
    assert "trùng tên" in only(parsed).message
    assert parsed.rows == ()


@pytest.mark.parametrize(
    ("titles", "words"),
    [
        ([["Môn học: Toán", "Học kì: I"]], "không ghi lớp"),
        ([["Môn học: Toán", "Lớp: 6A1"]], "không ghi học kì"),
        ([["Môn học: Thiên văn", "Lớp: 6A1", "Học kì: I"]], "không có trong chương trình lớp 6"),
        ([["Môn học: Vật lí", "Lớp: 6A1", "Học kì: I"]], "không có trong chương trình lớp 6"),
        ([["Môn học: Toán", "Lớp: 5A", "Học kì: I"]], "mẫu này dùng cho khối 6 đến khối 12"),
    ],
)
def test_titles_that_do_not_say_enough(sheet: Make, titles: Rows, words: str) -> None:
    parsed = secondary(sheet, marks(an(), titles=titles), "Trang 1")
    assert words in only(parsed).message
    assert parsed.rows == ()


def test_a_subject_sheet_without_any_header_is_named(sheet: Make) -> None:
    parsed = detect.read([sheet("Toán", marks(an())), sheet("Ngữ văn", [["An", 8], ["Bình", 9]])])
    assert "“Ngữ văn” không có dòng tiêu đề" in only(parsed).message


PUPIL_HEADER: Rows = [["Mã lớp", "Mã học sinh", "Họ tên", "Ngày sinh", "Giới tính", "Số định danh cá nhân"]]


@pytest.mark.parametrize(
    ("at", "cell", "words"),
    [
        (3, 99999, "hãy ghi ngày/tháng/năm"),
        (3, None, "còn trống"),
        (4, "X", "hãy ghi Nam hoặc Nữ"),
        (5, "00020123", "đúng 12 chữ số"),
        (5, "00020500000x", "đúng 12 chữ số"),
        (0, "lớp một", "không phải là một mã hợp lệ"),
    ],
)
def test_one_bad_cell_of_the_register(sheet: Make, at: int, cell: Cell, words: str) -> None:
    row: list[Cell] = ["1A", "9900000001", "Lê Mai", 43000, "Nữ", "000319000001"]
    row[at] = cell
    parsed = detect.read([sheet("Sheet1", [*PUPIL_HEADER, row])])
    assert isinstance(parsed, PupilsFile)
    assert words in only(parsed).message


def test_every_known_column_of_the_register_in_any_order(sheet: Make) -> None:
    more = {
        "Diện chính sách": "Con liệt sĩ",
        "Nghề nghiệp\nmẹ": "Giáo viên",
        "Trạng thái HS": "Bảo lưu",
        "Ngày nhập trạng thái": "05/01/2026",
        "Địa chỉ thường trú": "Thôn Nà Bó",
        "Nghề nghiệp cha": "Nông dân",
        "Loại khuyết tật": "Không",
        "Số đăng bộ": "12/2025",
        "Mã hồ sơ học tập suốt đời": "SD1",
        "Chỗ ở hiện nay": "Ký túc xá",
    }
    row: list[str | int] = ["1A", "9900000001", "Lê Mai", 43000, "Nữ", "000319000001", *more.values()]
    titles = [*PUPIL_HEADER[0], *more]
    parsed = detect.read([sheet("Sheet1", [titles[::-1], row[::-1]])])
    assert isinstance(parsed, PupilsFile)
    assert parsed.problems == ()
    [pupil] = parsed.rows
    assert (pupil.policy_group, pupil.disability, pupil.status) == ("Con liệt sĩ", None, "Bảo lưu")
    assert (pupil.father_job, pupil.mother_job, pupil.registry_no) == ("Nông dân", "Giáo viên", "12/2025")
    assert (pupil.permanent_address, pupil.address) == ("Thôn Nà Bó", "Ký túc xá")
    assert (pupil.lifelong_code, str(pupil.status_on)) == ("SD1", "2026-01-05")


def with_status(sheet: Make, words: str) -> PupilsFile:
    row: list[str | int] = ["1A", "9900000001", "Lê Mai", 43000, "Nữ", "000319000001", words, "12/01/2026"]
    titles = [*PUPIL_HEADER[0], "Trạng thái HS", "Ngày nhập trạng thái"]
    parsed = detect.read([sheet("Sheet1", [titles, row])])
    assert isinstance(parsed, PupilsFile)
    return parsed


@pytest.mark.parametrize(
    ("words", "status", "left"),
    [
        ("Đang học", StudentStatus.STUDYING, False),
        ("Chuyển đến kỳ 1", StudentStatus.TRANSFERRED_IN, False),
        ("Nghỉ học xin học lại kỳ 1", StudentStatus.RETURNED, False),
        ("Chuyển đi kỳ 1", StudentStatus.TRANSFERRED_OUT, True),
        ("Thôi học kỳ 1", StudentStatus.DROPPED_OUT, True),
        ("Chuyển đến kỳ 2", StudentStatus.TRANSFERRED_IN, False),
        ("Nghỉ học xin học lại kỳ 2", StudentStatus.RETURNED, False),
        ("Chuyển đi học kỳ 2", StudentStatus.TRANSFERRED_OUT, True),
        ("Thôi học học kì II", StudentStatus.DROPPED_OUT, True),
        ("Chuyển đến trong hè", StudentStatus.TRANSFERRED_IN, False),
    ],
)
def test_every_status_of_the_national_database_says_whether_the_pupil_is_here(
    sheet: Make, words: str, status: StudentStatus, left: bool
) -> None:
    parsed = with_status(sheet, words)
    assert parsed.problems == ()
    [pupil] = conversion.students(parsed)
    assert (pupil.status, pupil.left, str(pupil.status_on)) == (status, left, "2026-01-12")


@pytest.mark.parametrize("words", ["Chuyển đi trong hè", "Thôi học trong hè"])
def test_who_left_in_the_summer_is_kept_for_a_person(sheet: Make, words: str) -> None:
    parsed = with_status(sheet, words)
    assert f"“{words}” chưa cho biết là hè trước hay hè sau" in only(parsed).message
    assert "ghi ở trang “Đến và đi” của học sinh" in only(parsed).message


def test_a_status_that_nobody_knows_is_not_taken_for_studying(sheet: Make) -> None:
    row: list[str | int] = ["1A", "9900000001", "Lê Mai", 43000, "Nữ", "000319000001", "Đi lính"]
    parsed = detect.read([sheet("Sheet1", [[*PUPIL_HEADER[0], "Trạng thái"], row])])
    assert "giá trị “Đi lính” không rõ nghĩa; hãy ghi Đang học, Chuyển đến" in only(parsed).message


def test_marks_as_smas_writes_them(sheet: Make) -> None:
    """The subject stands in a title without a colon, and the marks under one merged header."""
    rows: Rows = [
        ["TRƯỜNG THCS Sông Trăng"],
        ["BẢNG ĐIỂM MÔN LỊCH SỬ VÀ ĐỊA LÍ - LỚP 6A1"],
        ["HỌC KỲ I - NĂM HỌC 2025 - 2026"],
        [
            "STT",
            "Mã học sinh",
            "Họ và tên",
            "Ngày sinh",
            "ĐĐG thường xuyên",
            None,
            None,
            "ĐĐG giữa kỳ",
            "ĐĐG cuối kỳ",
            "TBMHK1",
        ],
        [None, None, None, None, "TX1", "TX2", "TX3", None, None, None],
        [1, "9900000001", "Lê Mai", "05/09/2014", 7, "8,5", None, 9, 10, 9.1],
    ]
    parsed = detect.read([sheet("Sheet1", rows)])
    assert isinstance(parsed, SecondaryMarksFile)
    assert parsed.problems == ()
    [row] = parsed.rows
    assert (row.subject_code, row.term, row.class_code) == ("LSDL", 1, "6A1")
    assert [(one.kind.value, one.slot, str(one.score)) for one in row.marks] == [
        ("regular", 1, "7.0"),
        ("regular", 2, "8.5"),
        ("midterm", 1, "9.0"),
        ("final", 1, "10.0"),
    ]
    assert str(row.average_given) == "9.1"


def test_two_pupils_with_one_personal_number(sheet: Make) -> None:
    rows: Rows = [
        ["1A", "9900000001", "Lê Mai", 43000, "Nữ", "000319000001"],
        ["1B", "9900000002", "Lê Mai Anh", "43001", "02 Nữ", 319000001],
    ]
    parsed = detect.read([sheet("Sheet1", [*PUPIL_HEADER, *rows])])
    assert "đã có ở dòng 2" in only(parsed).message


def test_comments_and_homeroom_cells(sheet: Make) -> None:
    comments = detect.read(
        [
            sheet(
                "1A",
                [
                    ["STT", "Mã học sinh", "Họ tên", "Nhận xét Toán", "Có phép", "Nhận xét của GVCN",
                     "Điểm kiểm tra lần đầu (nếu kiểm tra lại)"],
                    [1, "9900000001", "Lê Mai", "Tốt", "ba", "Ngoan", "Toán: 4"],
                    [2, "9900000002", "Lê Anh", "Tốt", 3, "Ngoan", "Hóa học: 4"],
                    [3, "9900000003", "Lê Bảo", "Tốt", 3, "Ngoan", "4"],
                ],
            )
        ]
    )  # fmt: skip
    assert isinstance(comments, PrimaryCommentsFile)
    assert [problem.row for problem in comments.problems] == [2, 3, 4]
    assert "số buổi nghỉ" in comments.problems[0].message
    assert "không thuộc chương trình" in comments.problems[1].message
    assert "không đúng dạng" in comments.problems[2].message
    homeroom = detect.read(
        [
            sheet(
                "GVCN",
                [
                    ["Sổ chủ nhiệm lớp 9A1"],
                    ["STT", "Mã định danh", "Họ và tên", "Rèn luyện HKI", "Rèn luyện HKII", "Nhận xét",
                     "Đánh giá lại trong hè"],
                    [1, "9900000001", "Lê Mai", "Tốt", "TB", "Ngoan", None],
                    [2, "9900000002", "Lê Anh", "K", "cđ", "Ngoan", "Toán: 5,5; Giáo dục thể chất: 5"],
                    [3, "9900000003", "Lê Bảo", "K", "cđ", "Ngoan", "Toán: 5,5; Giáo dục thể chất: Đ"],
                ],
            )
        ]
    )  # fmt: skip
    assert isinstance(homeroom, HomeroomFile)
    assert [problem.row for problem in homeroom.problems] == [3, 4]
    assert "Tốt, Khá, Đạt hoặc Chưa đạt" in homeroom.problems[0].message
    assert "đánh giá bằng nhận xét" in homeroom.problems[1].message
    assert [(one.subject_code, one.score, one.level) for one in homeroom.rows[0].reassessments] == [
        ("TOAN", Decimal("5.5"), None),
        ("GDTC", None, "Đ"),
    ]


@pytest.mark.parametrize(
    "rows", [[], [["a", "b"]], [["STT", "Tên hàng", "Số lượng", "Giá"], [1, "Bút", 2, 3000]]]
)
def test_a_workbook_of_no_known_layout(sheet: Make, rows: Rows) -> None:
    parsed = detect.read([sheet("Sheet1", rows)])
    assert isinstance(parsed, UnreadableFile)
    sentence = only(parsed).message
    assert "Không nhận ra mẫu" in sentence
    for column in ("Mã học sinh", "Họ tên", "Giới tính", "Mức đạt được", "ĐĐGtx", "Kết quả rèn luyện"):
        assert f"“{column}”" in sentence


def test_a_header_in_any_spelling(sheet: Make) -> None:
    header: Rows = [
        ["stt", "MÃ ĐỊNH DANH\n(*)", unicodedata.normalize("NFD", "Họ và tên  học sinh"), "TX1", "tx 2"]
    ]
    header[0] += ["ĐĐG_GK", "Điểm đánh giá cuối kỳ"]
    titles: Rows = [["BẢNG ĐIỂM LỚP 6A1 - HỌC KỲ II"]]
    row: list[Cell] = [1, "9900000001", unicodedata.normalize("NFD", "Nguyễn  Văn An"), 8, 9, 7, 6]
    numbers: list[Cell] = ["(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)"]
    parsed = secondary(sheet, [*titles, *header, numbers, row, [None, "Người lập bảng"]], "Tiếng Anh")
    assert parsed.problems == ()
    assert [(one.subject_code, one.term, one.class_code) for one in parsed.rows] == [("NN1", 2, "6A1")]
    assert [str(mark.score) for mark in parsed.rows[0].marks] == ["8.0", "9.0", "7.0", "6.0"]


def test_keys_of_texts() -> None:
    assert key_of("Điểm\nKTĐK (*)") == key_of("diem  ktdk") == "diem ktdk"
    assert key_of("Địa lý") == key_of("Địa lí") == key_of("ĐỊA LÝ")
    assert key_of("Lịch sử & Địa lí") == "lich su va dia li"
