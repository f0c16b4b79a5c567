"""What people read of a sheet: its states, its deeds, what stands in its cells. No I/O."""

from backend.records.gradebook.schemas import (
    CARRY,
    Cell,
    Deed,
    Entry,
    Ground,
    MarkKind,
    MarkState,
    SheetState,
)

_PRIMARY_NOTES = {
    MarkKind.LEVEL: "Mức đạt được: T Hoàn thành tốt, H Hoàn thành, C Chưa hoàn thành (TT27 Đ.7).",
    MarkKind.TEST: "KTĐK: điểm kiểm tra định kì, số nguyên; KT lại: điểm kiểm tra lại cuối năm, nếu có. V: vắng có phép, "
    "chờ kiểm tra bù. Chỉ mức và điểm cuối năm được dùng để xét kết quả năm học (TT27 Đ.9).",
    MarkKind.TRAIT: "Phẩm chất, năng lực: T Tốt, Đ Đạt, C Cần cố gắng (TT27 Đ.7).",
}
#: What the short words of the columns mean, by the first column that has them.
COLUMN_NOTES = _PRIMARY_NOTES | {
    MarkKind.REGULAR: "ĐĐGtx, ĐĐGgk, ĐĐGck: điểm đánh giá thường xuyên, giữa kì, cuối kì (TT22 Đ.6, Đ.7). "
    "Môn chỉ nhận xét ghi Đ (Đạt) hoặc CĐ (Chưa đạt). V: vắng có lý do bất khả kháng, chờ kiểm tra bù trong học kì; "
    "ghi điểm bù vào đúng ô đó thì hệ thống thêm chữ b. K: không dự, không có lý do, tính 0 điểm hoặc Chưa đạt "
    "(TT22 Đ.7).",
    MarkKind.TOPIC: "Chuyên đề: kết quả của cụm chuyên đề, tính như một ĐĐGtx; nếu ghi ở cả hai học kì thì lấy học kì 2.",
    MarkKind.CONDUCT: "Rèn luyện: T Tốt, K Khá, Đ Đạt, CĐ Chưa đạt (TT22 Đ.8).",
    MarkKind.ABSENCE: "Nghỉ học: số buổi trong cả năm.",
    MarkKind.CERTIFICATE: "Chứng chỉ, Kết quả các cuộc thi, Khen thưởng khác: có thì ghi, mỗi mục cách nhau bằng dấu "
    "chấm phẩy; học bạ in đúng như đã ghi. Danh hiệu cuối năm do hệ thống xét.",
}
GROUND_NAMES = {
    Ground.HEALTH: "Sức khỏe",
    Ground.DISABILITY: "Khuyết tật",
    Ground.OTHER: "Quyết định khác của nhà trường",
}
#: How an assessment came about, beside what stands in its cell.
ENTRY_NOTES = {
    MarkState.EXCUSED_PENDING_MAKEUP: "vắng có phép, chờ kiểm tra bù",
    MarkState.MADE_UP: "kiểm tra bù",
    MarkState.ZERO_MISSING: "vắng không lý do",
}

#: How a sheet stands, for people: words, tone, icon.
STATES = {
    SheetState.OPEN: ("Đang mở", "info", "lock-open"),
    SheetState.SUBMITTED: ("Đã nộp", "waiting", "send"),
    SheetState.CHECKED: ("Đã kiểm tra", "waiting", "check"),
    SheetState.LOCKED: ("Đã khóa", "ok", "lock"),
    SheetState.REOPENED: ("Đang mở lại", "warn", "lock-open"),
    SheetState.FINAL: ("Đã chốt", "official", "archive"),
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
    CARRY: ("Nhận điểm của học sinh chuyển lớp", "arrow-right"),
}


def entry_note(cell: Cell, text: str) -> str:
    """How the assessment in a cell came about, in words; "" for one that was recorded as usual."""
    return ENTRY_NOTES.get(Entry.of(cell.kind, text).state, "")
