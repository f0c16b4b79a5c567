"""One cell → one value. Each parser returns the value or raises BadValue with a Vietnamese sentence."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from backend.integrations.imports.readers.grid import Cell
from backend.integrations.imports.readers.text import key_of
from backend.integrations.imports.schemas import (
    LEFT_IN_SUMMER,
    PUPIL_STATES,
    CommentLevel,
    ConductLevel,
    Gender,
    SubjectLevel,
    TraitLevel,
    YearLevel,
)
from backend.records.gradebook.schemas import MAX_COMMENT

_EXCEL_EPOCH: Final = date(1899, 12, 30)
#: Serial numbers of 1 January 1920 and 31 December 2049; smaller or larger numbers are no pupil's date.
_SERIALS: Final = range(7306, 54789)
_DAY_FIRST: Final = re.compile(r"^(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{4})$")
_YEAR_FIRST: Final = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?$")
_NUMBER: Final = re.compile(r"^\d{1,3}(?:[.,]\d+)?$")
_TENTH: Final = Decimal("0.1")
_MAX_ABSENCES: Final = 400

L = TypeVar("L", bound=str)


class BadValue(ValueError):
    """The message is one Vietnamese sentence without the name of row and column: those are known outside."""


def shown(cell: Cell) -> str:
    """The cell as a person sees it, shortened."""
    if isinstance(cell, datetime):
        return cell.strftime("%d/%m/%Y")
    text = "" if cell is None else str(cell)
    return text if len(text) <= 60 else f"{text[:57]}…"


def text(cell: Cell) -> str:
    """Any text as long as a comment may be; a number typed by itself loses Excel's ".0"."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    value = shown(cell) if isinstance(cell, datetime) else str(cell)
    if len(value) > MAX_COMMENT:
        raise BadValue(f"dài quá {MAX_COMMENT} ký tự; hãy viết ngắn lại")
    return value


def code(cell: Cell) -> str:
    """A pupil's or class's code: up to 40 letters, digits and . - / _."""
    value = text(cell).strip("'")
    if not re.fullmatch(r"[\w./-]{1,40}", value):
        raise BadValue("không phải là một mã hợp lệ; mã chỉ gồm chữ, số, dấu chấm, gạch ngang và gạch chéo")
    return value


def class_code(cell: Cell) -> str:
    """A class such as "1A" or "10A1": begins with its grade. The letters are made capital."""
    value = code(cell).upper()
    if not re.match(r"(1[0-2]|[1-9])(?!\d)", value):
        raise BadValue("không phải là mã lớp; mã lớp bắt đầu bằng số khối, ví dụ 1A hoặc 10A1")
    return value


def personal_id(cell: Cell) -> str:
    """Số định danh cá nhân: 12 digits. Excel drops leading zeros of a number, so those come back."""
    value = text(cell).strip("'")
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        value = value.zfill(12)
    if not re.fullmatch(r"[0-9]{12}", value):
        raise BadValue("không đúng; số định danh cá nhân gồm đúng 12 chữ số")
    return value


def birth_date(cell: Cell) -> date:
    """A date cell, an Excel serial number, or text d/m/y."""
    try:
        found = _as_date(cell)
    except ValueError:
        found = None
    if found is None or not 1920 <= found.year < 2050:
        raise BadValue("không đọc được; hãy ghi ngày/tháng/năm, ví dụ 05/09/2018")
    return found


def _as_date(cell: Cell) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    written = text(cell)
    if re.fullmatch(r"\d{4,5}(?:\.0+)?", written):
        serial = int(float(written))
        return _EXCEL_EPOCH + timedelta(days=serial) if serial in _SERIALS else None
    if parts := _DAY_FIRST.match(written):
        return date(int(parts[3]), int(parts[2]), int(parts[1]))
    if parts := _YEAR_FIRST.match(written):
        return date(int(parts[1]), int(parts[2]), int(parts[3]))
    return None


def score(cell: Cell) -> Decimal:
    """A secondary mark: 0–10 with at most one decimal (TT22/2021 Đ.5), comma or point."""
    value = _number(cell)
    if not 0 <= value <= 10:
        raise BadValue("ngoài thang điểm 10; hãy ghi một số từ 0 đến 10")
    rounded = value.quantize(_TENTH)
    # Excel stores 7.3 as 7.2999999999999998; a real second decimal is a mistake of the person.
    if abs(rounded - value) > Decimal("0.000001"):
        raise BadValue("có quá một chữ số thập phân; điểm là số nguyên hoặc có một chữ số thập phân")
    return rounded


def test_mark(cell: Cell) -> int:
    """A primary periodic test: a whole number 0–10, no decimals (TT27/2020 Đ.7.1.b)."""
    value = _number(cell)
    if not 0 <= value <= 10:
        raise BadValue("ngoài thang điểm 10; hãy ghi một số nguyên từ 0 đến 10")
    if value != value.to_integral_value():
        raise BadValue("có phần thập phân; điểm kiểm tra định kì ở tiểu học là số nguyên")
    return int(value)


def _number(cell: Cell) -> Decimal:
    if isinstance(cell, datetime):
        raise BadValue("đang ở dạng ngày tháng; hãy định dạng ô là số rồi ghi lại điểm")
    written = text(cell).replace(" ", "")
    if isinstance(cell, bool) or not (_NUMBER.match(written) or isinstance(cell, int | float)):
        raise BadValue("không phải là điểm số; hãy ghi một số từ 0 đến 10")
    return Decimal(written.replace(",", "."))


def absences(cell: Cell) -> int:
    """A number of days or half-days."""
    written = text(cell)
    if not re.fullmatch(r"[0-9]{1,3}", written) or int(written) > _MAX_ABSENCES:
        raise BadValue("không phải là số buổi nghỉ; hãy ghi một số nguyên, ví dụ 3")
    return int(written)


def height(cell: Cell) -> str:
    """Centimetres, as people write them; the gradebook says which are possible."""
    return _measured(cell, "chiều cao; hãy ghi số xăng-ti-mét, ví dụ 128,5")


def weight(cell: Cell) -> str:
    """Kilograms, as `height`."""
    return _measured(cell, "cân nặng; hãy ghi số ki-lô-gam, ví dụ 27,5")


def _measured(cell: Cell, wanted: str) -> str:
    try:
        value = _number(cell)
    except BadValue:
        raise BadValue(f"không phải là {wanted}") from None
    # Excel stores 27.6 as 27.600000000000001.
    rounded = value.quantize(_TENTH)
    return str(rounded if abs(rounded - value) <= Decimal("0.000001") else value)


def tick(cell: Cell) -> bool:
    """An "x" for yes; empty cells are not asked."""
    match key_of(shown(cell)):
        case "x" | "1" | "true" | "co" | "v":
            return True
        case "0" | "false" | "khong" | "":
            return False
    raise BadValue("không rõ nghĩa; hãy ghi x hoặc để trống")


def gender(cell: Cell) -> Gender:
    """QCVN 109:2017/BTTTT and CSDL ngành: 01 Nam, 02 Nữ."""
    match key_of(shown(cell)):
        case "nam" | "01 nam" | "1" | "01":
            return "male"
        case "nu" | "02 nu" | "2" | "02":
            return "female"
    raise BadValue("không rõ nghĩa; hãy ghi Nam hoặc Nữ")


def pupil_status(cell: Cell) -> str:
    """How a pupil stands, as it is written; a word that we do not know is never taken for "at the school"."""
    written = text(cell)
    if key_of(written) in LEFT_IN_SUMMER:
        raise BadValue(
            "chưa cho biết là hè trước hay hè sau năm học này, mà rời trường sau khi năm học đã xong thì vẫn giữ kết quả "
            "của năm; hãy bỏ dòng này rồi ghi ở trang “Đến và đi” của học sinh"
        )
    if key_of(written) not in PUPIL_STATES:
        raise BadValue(
            "không rõ nghĩa; hãy ghi Đang học, Chuyển đến, Nghỉ học xin học lại, Chuyển đi, Thôi học, Bảo lưu hoặc "
            "Tốt nghiệp"
        )
    return written


def _one_of(words: Mapping[str, L], accepted: str) -> Callable[[Cell], L]:
    def parse(cell: Cell) -> L:
        value = words.get(key_of(shown(cell)))
        if value is None:
            raise BadValue(f"không có trong các mức cho phép; hãy ghi {accepted}")
        return value

    return parse


#: TT27/2020 Đ.7.1.a
subject_level: Final[Callable[[Cell], SubjectLevel]] = _one_of(
    {"t": "T", "hoan thanh tot": "T", "h": "H", "hoan thanh": "H", "c": "C", "chua hoan thanh": "C"},
    "T, H hoặc C",
)
#: TT27/2020 Đ.7.2
trait_level: Final[Callable[[Cell], TraitLevel]] = _one_of(
    {"t": "T", "tot": "T", "d": "Đ", "dat": "Đ", "c": "C", "can co gang": "C"}, "T, Đ hoặc C"
)
#: TT22/2021 Đ.5
comment_level: Final[Callable[[Cell], CommentLevel]] = _one_of(
    {"d": "Đ", "dat": "Đ", "cd": "CĐ", "chua dat": "CĐ"}, "Đ hoặc CĐ, vì môn này đánh giá bằng nhận xét"
)
#: TT22/2021 Đ.8
conduct_level: Final[Callable[[Cell], ConductLevel]] = _one_of(
    {"t": "T", "tot": "T", "k": "K", "kha": "K", "d": "Đ", "dat": "Đ", "cd": "CĐ", "chua dat": "CĐ"},
    "Tốt, Khá, Đạt hoặc Chưa đạt",
)
#: TT27/2020 Đ.9.2.a
year_level: Final[Callable[[Cell], YearLevel]] = _one_of(
    {
        "hoan thanh xuat sac": "HTXS",
        "htxs": "HTXS",
        "hoan thanh tot": "HTT",
        "htt": "HTT",
        "hoan thanh": "HT",
        "ht": "HT",
        "chua hoan thanh": "CHT",
        "cht": "CHT",
    },
    "Hoàn thành xuất sắc, Hoàn thành tốt, Hoàn thành hoặc Chưa hoàn thành",
)
