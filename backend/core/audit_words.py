"""What people call the deeds of the audit. Every action has its words; areas stand in the order of a school year."""

import re

from backend.core.audit import Action, Outcome

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

#: Area → the part of an action before its first dot.
AREAS = {
    "access": "Đăng nhập và quyền",
    "federation": "Đăng nhập bằng tài khoản khác",
    "people": "Nhân sự",
    "staffing": "Lời mời",
    "schools": "Hồ sơ trường",
    "subscriptions": "Gói sử dụng",
    "handover": "Bàn giao và đóng trường",
    "approvals": "Việc cần hai người duyệt",
    "api": "Kết nối của hệ thống khác",
    "privacy": "Dữ liệu cá nhân",
    "imports": "Nhập và xuất bảng tính",
    "roster": "Lớp và học sinh",
    "departments": "Tổ chuyên môn",
    "gradebook": "Sổ điểm",
    "season": "Mùa học bạ",
    "assessment": "Kết quả",
    "transcripts": "Học bạ",
    "signing": "Ký số",
    "deliveries": "Gửi dữ liệu",
    "work": "Việc nền",
    "audit": "Nhật ký",
}

ACTION_NAMES = {
    Action.SIGN_IN: "Đăng nhập",
    Action.SIGN_IN_REFUSED: "Đăng nhập không thành công",
    Action.SIGN_OUT: "Đăng xuất",
    Action.VERIFIED: "Xác minh lại",
    Action.SESSION_ENDED: "Kết thúc phiên đăng nhập",
    Action.PASSWORD_CHANGED: "Đổi mật khẩu",
    Action.FACTOR_ADDED: "Thêm khóa truy cập hoặc ứng dụng tạo mã",
    Action.FACTOR_REMOVED: "Gỡ khóa truy cập hoặc ứng dụng tạo mã",
    Action.RECOVERY_CODE_USED: "Dùng một mã khôi phục",
    Action.RECOVERY_CODES_MADE: "Tạo mã khôi phục",
    Action.RESET_ISSUED: "Cấp đường dẫn đặt lại tài khoản",
    Action.ACCOUNT_LOCKED: "Tạm khóa mật khẩu và mã vì nhập sai nhiều lần",
    Action.ACCOUNT_RESET: "Đặt lại tài khoản",
    Action.PROVIDER_ADDED: "Thêm nơi đăng nhập",
    Action.PROVIDER_REMOVED: "Gỡ nơi đăng nhập",
    Action.IDENTITY_LINKED: "Liên kết tài khoản ở nơi khác",
    Action.IDENTITY_UNLINKED: "Gỡ tài khoản liên kết",
    Action.ACCESS_REFUSED: "Bị từ chối vì không có quyền",
    Action.STAFF_ADDED: "Thêm nhân sự",
    Action.STAFF_CHANGED: "Sửa thông tin hoặc vai trò của nhân sự",
    Action.STAFF_LEFT: "Cho nhân sự nghỉ",
    Action.STAFF_RETURNED: "Nhận nhân sự trở lại",
    Action.DELEGATION_MADE: "Giao phó hiệu trưởng ký thay",
    Action.DELEGATION_ENDED: "Thôi giao ký thay",
    Action.INVITATION_SENT: "Gửi lời mời",
    Action.INVITATION_WITHDRAWN: "Rút lời mời",
    Action.INVITATION_ACCEPTED: "Nhận lời mời",
    Action.SCHOOL_CHANGED: "Sửa hồ sơ trường",
    Action.POLICIES_CHANGED: "Đổi quy định của trường",
    Action.SEATS_CHANGED: "Đổi số chỗ",
    Action.EXPORT_ASKED: "Xuất toàn bộ dữ liệu của trường",
    Action.EXPORT_DOWNLOADED: "Tải bản xuất dữ liệu của trường",
    Action.CLOSING_PLANNED: "Đặt ngày đóng trường",
    Action.CLOSING_CANCELLED: "Thôi đóng trường",
    Action.APPROVAL_ASKED: "Đề nghị việc cần hai người duyệt",
    Action.APPROVAL_GIVEN: "Duyệt đề nghị của người khác",
    Action.APPROVAL_REFUSED: "Từ chối đề nghị của người khác",
    Action.APPROVAL_WITHDRAWN: "Rút lại đề nghị",
    Action.PLACE_CHANGED: "Chuyển sang làm việc ở trường này",
    Action.API_CLIENT_ADDED: "Tạo kết nối cho hệ thống khác",
    Action.API_CLIENT_ENDED: "Dừng kết nối của hệ thống khác",
    Action.API_TOKEN_ISSUED: "Cấp khóa truy cập cho hệ thống khác",
    Action.API_SECRET_REFUSED: "Từ chối hệ thống khác vì sai khóa bí mật",
    Action.API_READ: "Hệ thống khác đọc dữ liệu",
    Action.DATA_REQUEST_RECORDED: "Ghi nhận yêu cầu về dữ liệu cá nhân",
    Action.DATA_REQUEST_READ: "Xem yêu cầu về dữ liệu cá nhân",
    Action.DATA_REQUEST_ACKNOWLEDGED: "Báo đã nhận yêu cầu về dữ liệu cá nhân",
    Action.DATA_REQUEST_EXTENDED: "Gia hạn trả lời yêu cầu về dữ liệu cá nhân",
    Action.DATA_REQUEST_ANSWERED: "Trả lời yêu cầu về dữ liệu cá nhân",
    Action.PUPIL_DATA_EXPORTED: "Xuất toàn bộ dữ liệu của một học sinh",
    Action.DATA_PURGED: "Xóa dữ liệu đã hết thời gian giữ",
    Action.IMPORT_PREVIEWED: "Tải tệp lên và xem trước",
    Action.IMPORT_READ: "Xem lại một lần nhập",
    Action.IMPORT_APPLIED: "Ghi tệp vào hệ thống",
    Action.IMPORT_UNDONE: "Hoàn tác một lần nhập",
    Action.WORKBOOK_FILLED: "Tải về tệp đã tải lên, điền theo dữ liệu hiện tại",
    Action.WORKBOOK_TAKEN: "Tải về bảng tính của lớp",
    Action.YEAR_OPENED: "Mở năm học",
    Action.DUTY_CHANGED: "Đổi phân công chủ nhiệm hoặc giảng dạy",
    Action.CALENDAR_CHANGED: "Đổi lịch năm học",
    Action.SEASON_NUDGED: "Nhắc việc trong mùa học bạ",
    Action.PLAN_CHANGED: "Đổi kế hoạch môn học của một khối",
    Action.ELECTIVES_CHOSEN: "Đổi môn lựa chọn hoặc cụm chuyên đề",
    Action.NEXT_CLASS_CHOSEN: "Xếp học sinh vào lớp của năm học sau",
    Action.YEAR_ROLLED: "Kết chuyển học sinh sang năm học sau",
    Action.YEAR_ROLL_UNDONE: "Hoàn tác kết chuyển năm học",
    Action.CLASS_READ: "Xem danh sách học sinh của lớp",
    Action.CLASS_OPENED: "Mở lớp",
    Action.CLASS_CHANGED: "Đổi tên lớp",
    Action.CLASS_CLOSED: "Đóng lớp",
    Action.PUPILS_LISTED: "Tìm trong danh sách học sinh",
    Action.PUPIL_READ: "Xem hồ sơ học sinh",
    Action.PUPIL_ADDED: "Thêm học sinh",
    Action.PUPIL_CHANGED: "Sửa hồ sơ học sinh",
    Action.PUPIL_PLACED: "Xếp học sinh vào lớp",
    Action.PUPIL_MOVED: "Chuyển học sinh sang lớp khác",
    Action.PUPIL_LEFT: "Ghi học sinh rời trường",
    Action.EARLIER_YEAR_ENTERED: "Ghi năm học ở trường khác của học sinh",
    Action.EARLIER_YEAR_WITHDRAWN: "Rút lại năm học ở trường khác của học sinh",
    Action.PUPIL_MATCHED: "Thay mã tạm của học sinh bằng mã của Bộ",
    Action.DEPARTMENT_CHANGED: "Lập hoặc sửa tổ chuyên môn",
    Action.DEPARTMENT_ENDED: "Bỏ tổ chuyên môn",
    Action.SHEET_READ: "Xem sổ điểm",
    Action.MARK_CHANGED: "Sửa điểm hoặc nhận xét",
    Action.SHEET_SUBMITTED: "Nộp sổ điểm",
    Action.SHEET_WITHDRAWN: "Rút sổ điểm đã nộp",
    Action.SHEET_CHECKED: "Kiểm tra sổ điểm",
    Action.SHEET_SENT_BACK: "Trả lại sổ điểm",
    Action.SHEET_LOCKED: "Khóa sổ điểm",
    Action.SHEET_REOPENED: "Mở lại sổ điểm",
    Action.SHEET_FINISHED: "Kết thúc sổ điểm vì học bạ đã chốt",
    Action.FINDING_ANSWERED: "Giải thích điểm cần xem lại",
    Action.RESULTS_READ: "Xem kết quả của lớp",
    Action.REGULATIONS_CHANGED: "Đổi quy định đánh giá của trường",
    Action.DECISION_RECORDED: "Ghi quyết định về kết quả của học sinh",
    Action.DECISION_WITHDRAWN: "Bỏ quyết định về kết quả của học sinh",
    Action.RESULT_EXPLAINED: "Xem giải thích kết quả của một học sinh",
    Action.RESULTS_COMPUTED: "Tính kết quả",
    Action.RESULTS_CONFIRMED: "Xác nhận kết quả",
    Action.RESULTS_UNCONFIRMED: "Bỏ xác nhận kết quả vì sổ điểm được mở lại",
    Action.TRANSCRIPTS_LISTED: "Xem danh sách học bạ của lớp",
    Action.TRANSCRIPT_READ: "Xem học bạ",
    Action.TRANSCRIPT_DOWNLOADED: "Tải tệp học bạ",
    Action.PERSONAL_ID_SHOWN: "Xem số định danh cá nhân của học sinh",
    Action.TRANSCRIPT_FROZEN: "Chốt số liệu học bạ",
    Action.TRANSCRIPT_RENDERED: "Kết xuất học bạ",
    Action.TRANSCRIPT_ISSUED: "Phát hành học bạ",
    Action.CREDENTIAL_SOUGHT: "Tìm chứng thư số ở nhà cung cấp",
    Action.CREDENTIAL_ENROLLED: "Đăng ký chứng thư số",
    Action.CREDENTIAL_REPLACED: "Thay chứng thư số bằng chứng thư mới",
    Action.CREDENTIAL_SUSPENDED: "Tạm dừng chứng thư số",
    Action.CREDENTIAL_RESUMED: "Dùng lại chứng thư số",
    Action.CREDENTIAL_REVOKED: "Thu hồi chứng thư số",
    Action.SIGNING_REQUESTED: "Đưa học bạ đi ký",
    Action.SIGNING_LIST_READ: "Xem danh sách học bạ chờ ký",
    Action.SIGNING_CONSENTED: "Đồng ý ký cả lô",
    Action.SIGNING_STEP_SIGNED: "Ký số hoặc đóng dấu",
    Action.SIGNING_BATCH_ENDED: "Kết thúc lô ký",
    Action.DELIVERY_QUEUED: "Xếp hàng gửi học bạ",
    Action.DELIVERY_READ: "Xem lần gửi dữ liệu",
    Action.DELIVERY_ANSWERED: "Nhận trả lời của cơ quan tiếp nhận",
    Action.STOPPED_WORK_READ: "Xem việc đang dừng",
    Action.WORK_RESUMED: "Cho làm lại việc đang dừng",
    Action.AUDIT_READ: "Xem nhật ký",
}

#: What stands in `details`, in words; `old_` and `new_` before one of them are said by `detail_name`.
DETAIL_NAMES = {
    "sha256": "Mã băm của tệp (SHA-256)",
    "pdf_sha256": "Mã băm tệp PDF (SHA-256)",
    "signed_sha256": "Mã băm tệp đã ký (SHA-256)",
    "content_sha256": "Mã băm nội dung (SHA-256)",
    "merkle_root": "Mã của danh sách đã đồng ý ký",
    "serial": "Số sê-ri chứng thư số",
    "account": "Tài khoản ở nhà cung cấp",
    "certificate_sha256": "Mã băm chứng thư số (SHA-256)",
    "count": "Số lượng",
    "open_until": "Mở đến",
    "head": "Tổ trưởng",
    "new": "Số dòng mới",
    "changed": "Số dòng thay đổi",
    "bad": "Số dòng lỗi",
    "cell": "Loại ô",
    "slot": "Ô thứ",
    "student": "Mã nội bộ của học sinh",
    "batch": "Mã nội bộ của lô ký",
    "role": "Vai ký",
    "transaction": "Mã giao dịch với dịch vụ ký số",
    "state": "Trạng thái",
    "route": "Địa chỉ bị từ chối",
    "factor": "Xác minh bằng",
    "locked": "Tài khoản đang bị khóa",
    "refused_so_far": "Số lần sai từ lần ghi trước",
    "statement": "Mã của việc được xác minh",
    "key": "Tên khóa truy cập",
    "kind": "Loại",
    "issuer": "Nơi quản lý tài khoản",
    "scopes": "Phạm vi được đọc",
    "what": "Loại dữ liệu đã đọc",
    "email": "Địa chỉ thư",
    "roles": "Vai trò",
    "name": "Tên",
    "title": "Chức danh",
    "plan": "Gói",
    "seats": "Số chỗ",
    "price": "Giá mỗi chỗ",
    "tax_code": "Mã số thuế",
    "ward": "Xã, phường, đặc khu",
    "address": "Địa chỉ",
    "phone": "Điện thoại",
    "levels": "Cấp học",
    "starts_on": "Từ ngày",
    "ends_on": "Đến ngày",
    "closes_on": "Ngày đóng trường",
    "decision_number": "Số quyết định",
    "answer_by": "Hạn trả lời",
    "told": "Nội dung yêu cầu",
    "reason": "Lý do",
    "asked_by": "Người yêu cầu",
    "rows": "Số dòng dữ liệu",
    "files": "Số tệp",
    "file": "Loại tệp",
    "teacher": "Người phụ trách",
    "fields": "Các mục đã sửa",
    "class": "Lớp",
    "on": "Ngày",
    "status": "Trạng thái của học sinh",
    "marks": "Số điểm mang theo",
    "pupil_code": "Mã học sinh",
    "term_1_ends_on": "Học kì 1 kết thúc",
    "term_2_starts_on": "Học kì 2 bắt đầu",
    "stage": "Bước",
    "submitted_by": "Hạn nộp sổ điểm",
    "locked_by": "Hạn khóa sổ điểm",
    "confirmed_by": "Hạn xác nhận kết quả",
    "frozen_by": "Hạn chốt học bạ",
    "issued_by": "Hạn ký và phát hành",
    "reported_by": "Hạn báo cáo về Sở",
    "subject_name": "Tên môn",
    "lessons": "Số tiết cả năm",
    "mode": "Cách đánh giá",
    "taught": "Trường dạy",
    "counts": "Tính vào kết quả",
    "topics": "Có cụm chuyên đề",
    "classes_given": "Lớp học thêm môn",
    "classes_taken": "Lớp thôi học môn",
    "choice": "Môn lựa chọn",
    "target": "Lớp năm học sau",
    "classes_opened": "Số lớp mở mới",
}

#: Codes that stand as values in `details`: detail → code → the words by which pages call it.
DETAIL_VALUES = {
    "factor": {
        "password": "mật khẩu",
        "passkey": "khóa truy cập",
        "one_time_code": "mã xác minh",
        "code": "mã xác minh hoặc mã khôi phục",
        "recovery_code": "mã khôi phục",
        "elsewhere": "tài khoản ở nơi khác",
    },
    "locked": {"1": "có"},
    "role": {
        "homeroom_teacher": "Giáo viên chủ nhiệm",
        "principal": "Hiệu trưởng",
        "school_seal": "Con dấu số nhà trường",
    },
    "state": {
        "running": "Đang ký",
        "completed": "Đã ký xong",
        "partial": "Ký được một phần",
        "queued": "Chờ gửi",
        "sending": "Đang gửi",
        "received": "Đã tiếp nhận, chờ kết quả",
        "unknown": "Chưa rõ, đang hỏi lại",
        "accepted": "Được chấp nhận",
        "rejected": "Bị từ chối",
        "parked": "Chờ người xử lý",
    },
    "kind": {
        "google": "Google Workspace",
        "entra": "Microsoft Entra",
        "other": "Nhà cung cấp khác (OpenID Connect, ví dụ VNeID)",
    },
    "scopes": {
        "classes:read": "Danh sách lớp",
        "students:read": "Họ tên, mã, ngày sinh, giới tính của học sinh",
        "transcripts:read": "Trạng thái, mã băm và tệp của học bạ đã phát hành",
        "deliveries:read": "Kết quả gửi học bạ lên Sở",
    },
    "what": {
        "students": "danh sách học sinh",
        "transcripts": "danh sách học bạ",
        "transcript": "một học bạ",
        "deliveries": "kết quả gửi",
        "file": "tệp",
        "pdf": "PDF",
        "xml": "XML",
    },
    "file": {"pdf": "PDF", "xml": "XML"},
    "plan": {"trial": "Dùng thử", "standard": "Tiêu chuẩn"},
    "levels": {
        "primary": "Tiểu học",
        "lower_secondary": "Trung học cơ sở",
        "upper_secondary": "Trung học phổ thông",
    },
    "cell": {
        "regular": "ĐĐGtx",
        "midterm": "ĐĐGgk",
        "final": "ĐĐGck",
        "topic": "Chuyên đề",
        "level": "Mức đạt được",
        "test": "KTĐK",
        "comment": "Nhận xét",
        "trait": "Phẩm chất, năng lực",
        "trait_comment": "Nhận xét phẩm chất, năng lực",
        "conduct": "Rèn luyện",
        "absence": "Số buổi nghỉ",
        "homeroom_comment": "Nhận xét của GVCN",
        "reassessed": "Đánh giá lại",
    },
}

_BEFORE_AND_AFTER = {"old": "trước khi sửa", "new": "sau khi sửa"}

OUTCOME_NAMES = {Outcome.DONE: "Đã thực hiện", Outcome.REFUSED: "Bị từ chối"}


def area_of(action: Action) -> str:
    """The area of an action, in words."""
    return AREAS[action.value.partition(".")[0]]


def detail_name(name: str) -> str:
    """What people call a part of `details`; one of another release is called by its name."""
    which, _, part = name.partition("_")
    if part in DETAIL_NAMES and which in _BEFORE_AND_AFTER:
        return f"{DETAIL_NAMES[part]} {_BEFORE_AND_AFTER[which]}"
    return DETAIL_NAMES.get(name, name)


def detail_value(name: str, value: str | int) -> str:
    """What people call a value of `details`: codes by their words, days as people write them, the rest as it is."""
    which, _, part = name.partition("_")
    words = DETAIL_VALUES.get(name) or (DETAIL_VALUES.get(part) if which in _BEFORE_AND_AFTER else None)
    text = str(value)
    if words:
        codes = [one for one in text.replace(",", " ").split() if one]
        return "; ".join(words[one] for one in codes) if codes and set(codes) <= words.keys() else text
    if _DAY.fullmatch(text):
        year, month, day = text.split("-")
        return f"{day}/{month}/{year}"
    return text


def label_in_words(label: str) -> str:
    """What a deed was done to; consents to sign are named by the code of the role in which somebody signs."""
    return detail_value("role", label)


def name_of(action: str) -> str:
    """What people call an action; one of another release is called by its name."""
    return ACTION_NAMES[Action(action)] if action in set(Action) else action
