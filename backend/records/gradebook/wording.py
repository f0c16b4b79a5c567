"""What people read of a sheet: its states, its deeds, what stands in its cells. No I/O."""

from collections.abc import Iterable

from backend.records.gradebook.schemas import (
    ASSESSMENTS,
    CARRY,
    ENTRY_NOTES,
    EXCUSED,
    Cell,
    Column,
    Deed,
    Entry,
    Ground,
    MarkKind,
    MarkState,
)

_EXCUSED = ENTRY_NOTES[MarkState.EXCUSED_PENDING_MAKEUP]
_MISSED = ENTRY_NOTES[MarkState.ZERO_MISSING]
_PRIMARY_NOTES = {
    MarkKind.LEVEL: "Mức đạt được: T Hoàn thành tốt, H Hoàn thành, C Chưa hoàn thành (TT27 Đ.7).",
    MarkKind.TEST: "KTĐK: điểm kiểm tra định kì, số nguyên; KT lại: điểm kiểm tra lại cuối năm, nếu có. "
    f"V: {_EXCUSED}. Chỉ mức và điểm cuối năm được dùng để xét kết quả năm học (TT27 Đ.9).",
    MarkKind.TRAIT: "Phẩm chất, năng lực: T Tốt, Đ Đạt, C Cần cố gắng (TT27 Đ.7).",
}
#: What the short words of the columns mean, by the first column that has them.
COLUMN_NOTES = _PRIMARY_NOTES | {
    MarkKind.REGULAR: "ĐĐGtx, ĐĐGgk, ĐĐGck: điểm đánh giá thường xuyên, giữa kì, cuối kì (TT22 Đ.6, Đ.7). "
    f"Môn chỉ nhận xét ghi Đ (Đạt) hoặc CĐ (Chưa đạt). V: {_EXCUSED} (lý do bất khả kháng, kiểm tra bù trong học kì); "
    f"ghi điểm bù vào đúng ô đó thì hệ thống thêm chữ b. K: {_MISSED}, tính 0 điểm hoặc Chưa đạt (TT22 Đ.7).",
    MarkKind.TOPIC: "Chuyên đề: kết quả của cụm chuyên đề, tính như một ĐĐGtx; nếu ghi ở cả hai học kì thì lấy "
    "học kì II.",
    MarkKind.CONDUCT: "Rèn luyện: T Tốt, K Khá, Đ Đạt, CĐ Chưa đạt (TT22 Đ.8).",
    MarkKind.ABSENCE: "Nghỉ học: số buổi trong cả năm.",
    MarkKind.MEASURE: "Chiều cao, cân nặng, sức khỏe: lần khám hoặc đo gần nhất của năm học, học bạ tiểu học in ở đầu "
    "trang năm (TT27, Phụ lục 1). Chỉ giáo viên chủ nhiệm và ban giám hiệu xem được trong sổ.",
    MarkKind.CERTIFICATE: "Chứng chỉ, Kết quả các cuộc thi, Khen thưởng khác: có thì ghi, mỗi mục cách nhau bằng dấu "
    "chấm phẩy; học bạ in đúng như đã ghi. Danh hiệu cuối năm do hệ thống xét.",
}
GROUND_NAMES = {
    Ground.HEALTH: "Sức khỏe",
    Ground.DISABILITY: "Khuyết tật",
    Ground.OTHER: "Quyết định khác của nhà trường",
}
#: What was done to a sheet, for people; with the icon beside it.
DEEDS = {
    Deed.SUBMIT: ("Nộp sổ", "send"),
    Deed.WITHDRAW: ("Rút sổ về", "arrow-back-up"),
    Deed.CHECK: ("Tổ trưởng đã kiểm tra", "check"),
    Deed.SEND_BACK: ("Trả lại sổ", "arrow-back-up"),
    Deed.LOCK: ("Khóa sổ", "lock"),
    Deed.REOPEN: ("Mở lại sổ", "lock-open"),
    Deed.LOCK_AGAIN: ("Khóa lại sổ", "lock"),
    Deed.FINISH: ("Học bạ của lớp đã chốt", "archive"),
    Deed.RELEASE: ("Học bạ của một học sinh không còn hiệu lực", "arrow-back-up"),
    CARRY: ("Nhận điểm của học sinh chuyển lớp", "arrow-right"),
}


def entry_note(cell: Cell, text: str) -> str:
    """How the assessment in a cell came about, in words; "" for one that was recorded as usual."""
    return ENTRY_NOTES.get(Entry.of(cell.kind, text).state, "")


def absences_in(columns: Iterable[Column]) -> list[tuple[str, str]]:
    """What may be written for somebody who was absent: letter and words. TT27 knows no test that is missed for good."""
    kinds = ASSESSMENTS & {column.cell.kind for column in columns}
    missed = [("K", _MISSED)] if kinds - {MarkKind.TEST} else []
    return [(EXCUSED, _EXCUSED), *missed] if kinds else []
