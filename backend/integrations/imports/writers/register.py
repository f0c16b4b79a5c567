"""The register of issued copies as a workbook."""

import io
from collections.abc import Sequence
from typing import Final

import openpyxl

from backend.core.clock import VIETNAM
from backend.integrations.imports.writers.sheet import SheetWriter
from backend.records.copies.schemas import KIND_NAMES, IssuedCopyView

_COLUMNS: Final = (
    ("Số", 18), ("Ngày cấp", 17), ("Họ và tên học sinh", 28), ("Mã học sinh", 15), ("Loại bản", 22),
    ("Năm học", 12), ("Cấp cho", 34), ("Mục đích sử dụng", 34), ("Người cấp", 24), ("Mã băm của tệp (SHA-256)", 68),
)  # fmt: skip


def copies(school_name: str, rows: Sequence[IssuedCopyView]) -> bytes:
    """The workbook, a line for each copy."""
    book = openpyxl.Workbook()
    del book[book.sheetnames[0]]
    sheet = SheetWriter(book, "Sổ cấp bản sao")
    sheet.title(school_name, "SỔ CẤP BẢN SAO HỌC BẠ")
    sheet.header([(name,) for name, _ in _COLUMNS], [width for _, width in _COLUMNS])
    for one in rows:
        at = one.issued_at.astimezone(VIETNAM)
        who = (one.full_name, one.student_code, KIND_NAMES[one.kind], one.academic_year)
        what = (one.recipient, one.purpose, one.issued_by, one.sha256 or "")
        sheet.row([one.label, f"{at:%d/%m/%Y %H:%M}", *who, *what])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
