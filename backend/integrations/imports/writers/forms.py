"""Workbooks that we make, with nothing in them but their pupils: our own, and those of other systems.

Headers are what our readers know, so that a filled workbook comes back in. Nobody publishes the layouts of other systems:
these are as schools have seen them, and a file of the system itself is filled in its own layout (`cells.fill`).
"""

import io
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import openpyxl
from openpyxl.worksheet.datavalidation import DataValidation

from backend.core.text import ROMAN
from backend.integrations.imports.readers.text import line_mark
from backend.integrations.imports.schemas import Blank, Form, FormPupil, FormSubject
from backend.integrations.imports.writers.sheet import Path, SheetWriter, Written, number, one_of
from backend.records.roster.curriculum import TraitGroup, traits_of

_SUBJECTS: Final = "Môn học và hoạt động giáo dục"
_VNEDU_REGULAR = _SMAS_REGULAR = 4
_SCORE: Final = "Ghi một số từ 0 đến 10, có nhiều nhất một chữ số thập phân."
_HEIGHT: Final = "Ghi chiều cao bằng xăng-ti-mét, ví dụ 128,5."
_WEIGHT: Final = "Ghi cân nặng bằng ki-lô-gam, ví dụ 27,5."
_COMMENT_LEVEL: Final = "Môn này đánh giá bằng nhận xét: ghi Đ (Đạt) hoặc CĐ (Chưa đạt)."
#: Names of CSDL ngành where they differ from the programme's.
_CSDL_NAMES: Final = {
    "TV": "Tiếng việt",
    "NN1": "Ngoại ngữ",
    "TDTTS": "Tiếng dân tộc",
    "TH": "TH-CN\n(Tin học)",
    "CN": "TH-CN\n(Công nghệ)",
    "AN": "Nghệ thuật\n(Âm nhạc)",
    "MT": "Nghệ thuật\n(Mĩ thuật)",
}
#: Order of the columns of KetQuaHocTap.
_CSDL_ORDER: Final = (
    "TOAN", "TV", "DD", "TNXH", "LSDL", "KH", "NN1", "TDTTS", "TH", "CN", "AN", "MT", "HDTN", "GDTC",
)  # fmt: skip
_TRAIT_PATHS: Final[dict[TraitGroup, Path]] = {
    TraitGroup.GENERAL: ("Năng lực", "Năng lực chung"),
    TraitGroup.SPECIFIC: ("Năng lực", "Năng lực đặc thù"),
    TraitGroup.QUALITY: ("Phẩm chất",),
}
_STATES: Final = (
    "Đang học", "Chuyển đến", "Nghỉ học xin học lại", "Chuyển đi", "Thôi học", "Bảo lưu", "Tốt nghiệp",
)  # fmt: skip


class _Column(msgspec.Struct, frozen=True):
    """What stands above, how wide, and what Excel lets people type."""

    path: Path
    width: int = 9
    rule: Callable[[], DataValidation] | None = None


Line = Callable[[int, FormPupil], Sequence[Written]]


def make(blank: Blank) -> bytes:
    """The workbook."""
    book = openpyxl.Workbook()
    del book[book.sheetnames[0]]
    _MAKERS[blank.form](book, blank)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _year(blank: Blank) -> str:
    return blank.academic_year.replace("-", " - ")


def _table(
    sheet: SheetWriter, blank: Blank, identity: Sequence[_Column], line: Line, columns: Sequence[_Column]
) -> None:
    """Header and lines: who the pupil is, and the cells that people fill in."""
    everything = [*identity, *columns]
    sheet.header([one.path for one in everything], [one.width for one in everything])
    first = sheet.at + 1
    for n, pupil in enumerate(blank.pupils, 1):
        sheet.row([*line(n, pupil), *(None for _ in columns)])
    for at, column in enumerate(everything, 1):
        if column.rule and blank.pupils:
            sheet.allow(at, first, sheet.at, column.rule())


#: Our own workbooks know their pupils by a column that nobody sees.
_OWN: Final = (
    _Column(("STT",), 5),
    _Column(("Mã hệ thống",), 12),
    _Column(("Mã học sinh",), 14),
    _Column(("Họ và tên",), 28),
    _Column(("Ngày sinh",), 12),
)
_HIDDEN: Final = 2


def _own_line(n: int, pupil: FormPupil) -> Sequence[Written]:
    mark = line_mark(pupil.id, pupil.student_code, pupil.full_name)
    return n, mark, pupil.student_code, pupil.full_name, f"{pupil.date_of_birth:%d/%m/%Y}"


def _own_table(sheet: SheetWriter, blank: Blank, columns: Sequence[_Column]) -> None:
    _table(sheet, blank, _OWN, _own_line, columns)
    sheet.hide(_HIDDEN)


def _instructions(book: openpyxl.Workbook, *lines: str) -> None:
    sheet = SheetWriter(book, "Hướng dẫn")
    sheet.title("HƯỚNG DẪN ĐIỀN BẢNG TÍNH")
    sheet.text(
        "1. Chỉ điền vào các ô bên phải ngày sinh; ô để trống nghĩa là chưa có dữ liệu, không phải điểm 0.",
        "2. Không sửa dòng tiêu đề và cột ẩn: hệ thống tìm cột theo tiêu đề và tìm học sinh theo cột ẩn. "
        "Được thêm cột ghi chú, ẩn cột và sắp xếp cả dòng.",
        *lines,
        "Lưu tệp ở dạng .xlsx rồi tải lên ở trang “Nhập dữ liệu”. Hệ thống luôn cho xem trước và chỉ ghi khi không "
        "còn lỗi; lần nhập hoàn tác được khi dữ liệu chưa được dùng.",
    )


def _scores(subject: FormSubject) -> Callable[[], DataValidation]:
    if subject.by_comment:
        return lambda: one_of(("Đ", "CĐ"), _COMMENT_LEVEL)
    return lambda: number(10, whole=False, explained=_SCORE)


def _own_marks(book: openpyxl.Workbook, blank: Blank) -> None:
    _instructions(
        book,
        "3. Mỗi trang là một môn. ĐĐGtx, ĐĐGgk, ĐĐGck: điểm đánh giá thường xuyên, giữa kì, cuối kì "
        "(Thông tư 22/2021/TT-BGDĐT, Điều 6 và Điều 7).",
        f"4. {_SCORE} {_COMMENT_LEVEL}",
    )
    for subject in blank.subjects:
        sheet = SheetWriter(book, subject.name)
        sheet.title(
            blank.school_name,
            f"Môn học: {subject.name}",
            f"Lớp: {blank.class_name}",
            f"Học kì: {ROMAN[blank.term]}",
            f"Năm học {_year(blank)}",
        )
        rule = _scores(subject)
        regular = [_Column(("ĐĐGtx", str(slot)), 7, rule) for slot in range(1, subject.regular + 1)]
        topic = [_Column(("Chuyên đề",), 9, rule)] if subject.topics else []
        columns = [*regular, *topic, _Column(("ĐĐGgk",), 8, rule), _Column(("ĐĐGck",), 8, rule)]
        _own_table(sheet, blank, [*columns, _Column(("Nhận xét",), 50)])


def _vnedu(book: openpyxl.Workbook, blank: Blank) -> None:
    identity = (
        _Column(("STT",), 5),
        _Column(("ID_HS",), 10),
        _Column(("Mã định danh",), 14),
        _Column(("Họ và tên",), 28),
        _Column(("Ngày sinh",), 12),
    )
    for subject in blank.subjects:
        sheet = SheetWriter(book, subject.name)
        sheet.title(
            blank.school_name,
            f"BẢNG ĐIỂM MÔN HỌC - Năm học {_year(blank)}",
            f"Lớp: {blank.class_name}",
            f"Môn học: {subject.name}",
            f"Học kì: {ROMAN[blank.term]}",
        )
        regular = [_Column(("ĐĐGtx", str(slot)), 7) for slot in range(1, _VNEDU_REGULAR + 1)]
        columns = [
            *regular,
            _Column(("ĐĐGgk",)),
            _Column(("ĐĐGck",)),
            _Column((f"ĐTBmhk{ROMAN[blank.term]}",)),
            _Column(("Nhận xét",), 50),
        ]
        _table(sheet, blank, identity, _vnedu_line, columns)
        sheet.hide(_HIDDEN)


def _vnedu_line(n: int, pupil: FormPupil) -> Sequence[Written]:
    return n, None, pupil.student_code, pupil.full_name, f"{pupil.date_of_birth:%d/%m/%Y}"


def _plain_line(n: int, pupil: FormPupil) -> Sequence[Written]:
    return n, pupil.student_code, pupil.full_name, f"{pupil.date_of_birth:%d/%m/%Y}"


def _smas(book: openpyxl.Workbook, blank: Blank) -> None:
    identity = (
        _Column(("STT",), 5),
        _Column(("Mã học sinh",), 14),
        _Column(("Họ và tên",), 28),
        _Column(("Ngày sinh",), 12),
    )
    for subject in blank.subjects:
        sheet = SheetWriter(book, subject.name)
        sheet.title(
            blank.school_name,
            f"BẢNG ĐIỂM MÔN {subject.name.upper()} - LỚP {blank.class_name}",
            f"HỌC KỲ {ROMAN[blank.term]} - NĂM HỌC {_year(blank)}",
        )
        regular = [_Column(("ĐĐG thường xuyên", f"TX{slot}"), 7) for slot in range(1, _SMAS_REGULAR + 1)]
        columns = [
            *regular,
            _Column(("ĐĐG giữa kỳ",)),
            _Column(("ĐĐG cuối kỳ",)),
            _Column((f"TBMHK{blank.term}",)),
            _Column(("Nhận xét",), 50),
        ]
        _table(sheet, blank, identity, _plain_line, columns)


def _homeroom(book: openpyxl.Workbook, blank: Blank) -> None:
    def conduct() -> DataValidation:
        return one_of(("Tốt", "Khá", "Đạt", "Chưa đạt"), "Ghi Tốt, Khá, Đạt hoặc Chưa đạt.")

    _instructions(
        book,
        "3. Kết quả rèn luyện: Tốt, Khá, Đạt hoặc Chưa đạt (Thông tư 22/2021/TT-BGDĐT, Điều 8).",
        "4. Đánh giá lại trong hè: ghi tên môn, dấu hai chấm và kết quả, cách nhau bằng dấu chấm phẩy, "
        "ví dụ Toán: 5,5; Giáo dục thể chất: Đ.",
    )
    sheet = SheetWriter(book, "Chủ nhiệm")
    sheet.title(blank.school_name, f"SỔ CHỦ NHIỆM - Năm học {_year(blank)}", f"Lớp: {blank.class_name}")
    columns = (
        _Column(("Kết quả rèn luyện", "Học kì I"), 11, conduct),
        _Column(("Kết quả rèn luyện", "Học kì II"), 11, conduct),
        _Column(("Số buổi nghỉ", "Có phép"), 9, _absences),
        _Column(("Số buổi nghỉ", "Không phép"), 9, _absences),
        _Column(("Nhận xét của giáo viên chủ nhiệm",), 50),
        _Column(("Rèn luyện sau hè",), 11, conduct),
        _Column(("Đánh giá lại\ntrong hè",), 28),
        _Column(("Chứng chỉ",), 30),
        _Column(("Kết quả các cuộc thi",), 30),
        _Column(("Khen thưởng khác",), 30),
    )
    _own_table(sheet, blank, columns)


def _absences() -> DataValidation:
    return number(400, whole=True, explained="Ghi số buổi nghỉ là một số nguyên, ví dụ 3.")


def _comments(book: openpyxl.Workbook, blank: Blank) -> None:
    _instructions(
        book,
        "3. Mỗi cột là nhận xét về một môn học, hoạt động giáo dục, phẩm chất hoặc nhóm năng lực "
        "(Thông tư 27/2020/TT-BGDĐT, Điều 7).",
    )
    sheet = SheetWriter(book, blank.class_name)
    sheet.title(blank.school_name, f"NHẬN XÉT CUỐI NĂM HỌC {_year(blank)}", f"Lớp: {blank.class_name}")
    subjects = [_Column(("Nhận xét môn học và hoạt động giáo dục", one.name), 40) for one in blank.subjects]
    columns = (
        *subjects,
        _Column(("Nhận xét", "Phẩm chất"), 40),
        _Column(("Nhận xét", "Năng lực chung"), 40),
        _Column(("Nhận xét", "Năng lực đặc thù"), 40),
        _Column(("Số buổi nghỉ", "Có phép"), 9, _absences),
        _Column(("Số buổi nghỉ", "Không phép"), 9, _absences),
        _Column(("Chiều cao\n(cm)",), 9, lambda: number(220, whole=False, explained=_HEIGHT)),
        _Column(("Cân nặng\n(kg)",), 9, lambda: number(180, whole=False, explained=_WEIGHT)),
        _Column(("Sức khỏe",), 24),
        _Column(("Nhận xét của giáo viên chủ nhiệm",), 50),
        _Column(("Khen thưởng khác",), 30),
    )
    _own_table(sheet, blank, columns)


def _results(book: openpyxl.Workbook, blank: Blank) -> None:
    identity = (
        _Column(("STT",), 5),
        _Column(("Mã lớp",), 8),
        _Column(("Mã học sinh",), 14),
        _Column(("Họ tên",), 28),
        _Column(("Ngày sinh",), 12),
    )

    def line(n: int, pupil: FormPupil) -> Sequence[Written]:
        return n, blank.class_name, *_plain_line(n, pupil)[1:]

    sheet = SheetWriter(book, "KetQuaHocTap")
    sheet.title(
        blank.school_name,
        f"KẾT QUẢ HỌC TẬP VÀ RÈN LUYỆN - CUỐI NĂM HỌC {_year(blank)}",
        f"Lớp: {blank.class_name}",
    )
    taught = {one.code: one for one in blank.subjects}
    ordered = [taught[code] for code in _CSDL_ORDER if code in taught]
    subjects = [column for one in ordered for column in _csdl_subject(one)]
    traits = [
        _Column((*_TRAIT_PATHS[group], trait.name), 10, _trait_level)
        for group in (TraitGroup.GENERAL, TraitGroup.SPECIFIC, TraitGroup.QUALITY)
        for trait in traits_of(blank.grade)
        if trait.group is group
    ]
    verdicts = (
        _Column(("Hoàn thành chương trình\nlớp học",), 12),
        _Column(("Lên lớp",), 8),
        _Column(("Xếp loại",), 20),
    )
    _table(sheet, blank, identity, line, [*subjects, *traits, *verdicts])


def _csdl_subject(subject: FormSubject) -> list[_Column]:
    def level() -> DataValidation:
        return one_of(("T", "H", "C"), "Ghi T (Hoàn thành tốt), H (Hoàn thành) hoặc C (Chưa hoàn thành).")

    def test() -> DataValidation:
        return number(10, whole=True, explained="Ghi điểm kiểm tra định kì là số nguyên từ 0 đến 10.")

    name = _CSDL_NAMES.get(subject.code, subject.name)
    if not subject.year_end_test:
        return [_Column((_SUBJECTS, name), 9, level)]
    return [
        _Column((_SUBJECTS, name, "Mức\nđạt được"), 9, level),
        _Column((_SUBJECTS, name, "Điểm\nKTĐK"), 8, test),
    ]


def _trait_level() -> DataValidation:
    return one_of(("T", "Đ", "C"), "Ghi T (Tốt), Đ (Đạt) hoặc C (Cần cố gắng).")


def _pupils(book: openpyxl.Workbook, blank: Blank) -> None:
    identity = (
        _Column(("STT",), 5),
        _Column(("Mã lớp",), 8),
        _Column(("Mã học sinh",), 14),
        _Column(("Họ tên",), 28),
        _Column(("Ngày sinh\n(dd/mm/yyyy)",), 12),
    )

    def line(n: int, pupil: FormPupil) -> Sequence[Written]:
        return n, blank.class_name, *_plain_line(n, pupil)[1:]

    sheet = SheetWriter(book, "Sheet1")
    sheet.title(blank.school_name, f"DANH SÁCH HỌC SINH NĂM HỌC {_year(blank)}", f"Lớp: {blank.class_name}")
    columns = (
        _Column(("Giới tính",), 9, lambda: one_of(("Nam", "Nữ"), "Ghi Nam hoặc Nữ.")),
        _Column(("Trạng thái\nHS",), 12, lambda: one_of(_STATES, f"Ghi một trong: {', '.join(_STATES)}.")),
        _Column(("Ngày nhập trạng thái",), 12),
        _Column(("Dân tộc",), 10),
        _Column(("Quốc tịch",), 10),
        _Column(("Loại khuyết tật",), 12),
        _Column(("Số định danh\ncá nhân",), 15),
        _Column(("Nơi sinh",), 24),
        _Column(("Quê quán",), 24),
        _Column(("Chỗ ở hiện nay",), 40),
        _Column(("Họ tên\ncha",), 24),
        _Column(("Nghề nghiệp\ncha",), 16),
        _Column(("Họ tên\nmẹ",), 24),
        _Column(("Nghề nghiệp\nmẹ",), 16),
        _Column(("Họ tên\nngười giám hộ",), 24),
        _Column(("Nghề nghiệp\nngười giám hộ",), 16),
        _Column(("Đối tượng chính sách",), 20),
        _Column(("Số đăng bộ",), 12),
    )
    _table(sheet, blank, identity, line, columns)


_MAKERS: Final[dict[Form, Callable[[openpyxl.Workbook, Blank], None]]] = {
    Form.MARKS: _own_marks,
    Form.VNEDU: _vnedu,
    Form.SMAS: _smas,
    Form.HOMEROOM: _homeroom,
    Form.RESULTS: _results,
    Form.COMMENTS: _comments,
    Form.PUPILS: _pupils,
}
