"""Which of our layouts a workbook is: decided by the words of its header rows, never by its file name."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import msgspec

from backend.integrations.imports.readers import (
    headers,
    homeroom,
    primary_comments,
    primary_results,
    pupils,
    secondary_marks,
)
from backend.integrations.imports.readers.grid import Sheet
from backend.integrations.imports.readers.headers import Fields
from backend.integrations.imports.schemas import Layout, ParsedFile, UnreadableFile

#: Words of which one must stand in a header for the layout, the most telling layouts first.
_SIGNS: Final[tuple[tuple[Layout, tuple[str, ...]], ...]] = (
    (
        Layout.SECONDARY_MARKS,
        (
            "ddgtx",
            "ddggk",
            "ddgck",
            "danh gia thuong xuyen",
            "ddg thuong xuyen",
            "danh gia cuoi ki",
            "diem cuoi ki",
        ),
    ),
    (Layout.PRIMARY_RESULTS, ("muc dat duoc", "diem ktdk", "hoan thanh chuong trinh lop hoc")),
    (Layout.HOMEROOM, ("ren luyen",)),
    (Layout.PRIMARY_COMMENTS, ("nhan xet",)),
    (Layout.PUPILS, ("so dinh danh ca nhan", "gioi tinh", "dan toc")),
)
_READERS: Final[dict[Layout, Callable[[Sequence[Sheet]], ParsedFile]]] = {
    Layout.PUPILS: pupils.read,
    Layout.PRIMARY_RESULTS: primary_results.read,
    Layout.PRIMARY_COMMENTS: primary_comments.read,
    Layout.SECONDARY_MARKS: secondary_marks.read,
    Layout.HOMEROOM: homeroom.read,
}
#: The columns of each layout beside those that say who the pupil is.
FIELDS: Final[dict[Layout, Fields]] = {
    Layout.PUPILS: pupils.FIELDS,
    Layout.PRIMARY_RESULTS: primary_results.FIELDS,
    Layout.PRIMARY_COMMENTS: primary_comments.FIELDS,
    Layout.SECONDARY_MARKS: secondary_marks.FIELDS,
    Layout.HOMEROOM: homeroom.FIELDS,
}
_HEADERS_READ: Final = 5
_ROWS_READ: Final = 60
UNKNOWN: Final = (
    "Không nhận ra mẫu của tệp: cần một trang có dòng tiêu đề gồm “Mã học sinh”, “Họ tên” và các cột của danh sách "
    "học sinh (“Giới tính”, “Số định danh cá nhân”), kết quả tiểu học (“Mức đạt được”, “Điểm KTĐK”), nhận xét "
    "(“Nhận xét …”), điểm các môn (“ĐĐGtx”, “ĐĐGgk”, “ĐĐGck”) hoặc sổ chủ nhiệm (“Kết quả rèn luyện”); "
    "hãy bổ sung dòng tiêu đề rồi tải lên lại."
)
_HIDDEN: Final = (
    "Trang “{}” đang bị ẩn nên không được nhập; nếu cần dữ liệu của trang này, "
    "hãy bỏ ẩn trang trong Excel, lưu lại rồi tải lên lại."
)


def layout_of(sheets: Sequence[Sheet]) -> Layout | None:
    """The layout of a workbook, or None when no sheet has a header row that we know."""
    words = " | ".join(key for sheet in sheets for key in _header_keys(sheet))
    for layout, signs in _SIGNS:
        if any(sign in words for sign in signs):
            return layout
    return None


def read(sheets: Sequence[Sheet]) -> ParsedFile:
    """The visible rows of a workbook in our terms, by the reader of its layout; hidden pupils are noticed."""
    visible = [sheet for sheet in sheets if not sheet.hidden]
    layout = layout_of(visible)
    file = _READERS[layout](visible) if layout else UnreadableFile.because(UNKNOWN)
    notices = tuple(_HIDDEN.format(sheet.name) for sheet in sheets if sheet.hidden and _has_header(sheet))
    return msgspec.structs.replace(file, notices=notices)


def _has_header(sheet: Sheet) -> bool:
    return any(headers.is_header(cells) for cells in sheet.rows[:_ROWS_READ])


def _header_keys(sheet: Sheet) -> list[str]:
    rows = (at for at, cells in enumerate(sheet.rows[:_ROWS_READ]) if headers.is_header(cells))
    return [column.keys[0] for at in islice(rows, _HEADERS_READ) for column in headers.columns(sheet, at)]
