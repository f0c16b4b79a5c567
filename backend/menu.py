"""The main menu of the site."""

from backend.core.web import NavGroup, NavItem
from backend.tenants.permissions import Permission

#: The main menu, top to bottom: first what is to be done now, last what is set once a year.
MENU = (
    NavGroup(
        "",
        (
            NavItem("Trang chủ", "/", "home"),
            NavItem("Chủ trường", "/chu-truong", "building-community", Permission.CONSOLE_READ),
            NavItem(
                "Mùa học bạ",
                "/mua-hoc-ba",
                "calendar",
                Permission.CLASSES_READ,
                also=("/theo-chang", "/chot-hoc-ba"),
            ),
            NavItem("Báo cáo", "/bao-cao", "chart-bar", Permission.REPORTS_READ),
            NavItem("Duyệt sổ điểm", "/duyet-so", "list-check", Permission.SHEET_CHECK),
            NavItem("Khay ký", "/ky", "signature", Permission.SIGN),
            NavItem("Chờ duyệt", "/duyet", "circle-check", Permission.APPROVE),
        ),
    ),
    NavGroup(
        "Lớp và học bạ",
        (
            NavItem(
                "Lớp và học sinh",
                "/lop",
                "users",
                Permission.CLASSES_READ,
                also=("/so-diem", "/ket-qua", "/hoc-ba"),
            ),
            NavItem("Học sinh", "/hoc-sinh", "user", Permission.PUPILS_READ),
            NavItem("Học bạ chuyển đến", "/hoc-ba-chuyen-den", "file-import", Permission.TRANSFER_MANAGE),
            NavItem("Sổ cấp bản sao", "/so-ban-sao", "notebook", Permission.TRANSCRIPT_READ_ANY),
            NavItem("Đề nghị xem học bạ", "/de-nghi-xem-hoc-ba", "inbox", Permission.TRANSCRIPT_READ_ANY),
            NavItem("Câu mẫu nhận xét", "/cau-mau", "message", Permission.PHRASE_WRITE),
            NavItem("Sau năm học", "/sau-nam-hoc", "checklist", Permission.TRANSCRIPT_READ_ANY),
        ),
    ),
    NavGroup(
        "Người trong trường",
        (
            NavItem("Nhân sự", "/nhan-su", "user-circle", Permission.PEOPLE_READ),
            NavItem("Phân công", "/phan-cong", "notebook", Permission.PEOPLE_READ),
            NavItem("Tổ chuyên môn", "/to-chuyen-mon", "users", Permission.DEPARTMENTS_MANAGE),
            NavItem("Chứng thư số", "/chung-thu", "certificate", Permission.CREDENTIALS_READ),
            NavItem("Đặt lại tài khoản", "/cai-dat/dat-lai", "lock-open", Permission.ACCOUNTS_RESET),
        ),
    ),
    NavGroup(
        "Dữ liệu",
        (
            NavItem("Nhập dữ liệu", "/nhap", "file-import", Permission.IMPORT),
            NavItem("Gửi dữ liệu", "/gui", "send", Permission.DELIVERY_READ),
            NavItem("Kết nối cơ quan tiếp nhận", "/ket-noi-so", "cloud-check", Permission.AUTHORITY_BIND),
            NavItem("Dữ liệu cá nhân", "/du-lieu-ca-nhan", "shield-check", Permission.PRIVACY_MANAGE),
            NavItem("Kết nối", "/ket-noi", "key", Permission.API_CLIENTS_MANAGE),
        ),
    ),
    NavGroup(
        "Nhà trường",
        (
            NavItem("Trường", "/truong", "school", Permission.SCHOOL_MANAGE),
            NavItem("Cách đăng nhập", "/cai-dat/dang-nhap", "login", Permission.PROVIDERS_MANAGE),
            NavItem("Nhật ký", "/nhat-ky", "history", Permission.AUDIT_READ),
        ),
    ),
    NavGroup("", (NavItem("Hướng dẫn", "/huong-dan", "help-circle"),)),
)
