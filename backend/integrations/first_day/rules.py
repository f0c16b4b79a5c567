"""What somebody new does first, by role, as data; and what of it is done. Pure."""

from collections.abc import Iterable, Set
from datetime import datetime

from backend.integrations.first_day.schemas import NEW_FOR, Fact, Lesson, Step, Tour
from backend.tenants.permissions import Role

_OWNER, _PRINCIPAL, _DEPUTY = Role.OWNER, Role.PRINCIPAL, Role.DEPUTY_PRINCIPAL
_HEAD, _HOMEROOM, _SUBJECT = Role.DEPARTMENT_HEAD, Role.HOMEROOM_TEACHER, Role.SUBJECT_TEACHER
_CLERK, _IT = Role.CLERK, Role.IT_TEACHER


def _lesson(fact: Fact, title: str, text: str, action: str, url: str, about: str, *roles: Role) -> Lesson:
    return Lesson(
        fact=fact, title=title, text=text, action=action, url=url, about=about, roles=frozenset(roles)
    )


#: In the order in which they are done.
LESSONS = (
    _lesson(
        Fact.FACTOR,
        "Thêm khóa truy cập hoặc ứng dụng tạo mã",
        "Vào nhanh hơn, an toàn hơn, và ký được sau một ngày; nên làm ngay hôm nay.",
        "Thêm khóa truy cập",
        "/tai-khoan/khoa",
        "tai-khoan",
    ),
    _lesson(
        Fact.RECOVERY_CODES,
        "Tạo và cất mã khôi phục",
        "Khi mất điện thoại hoặc máy, mã khôi phục giúp bạn vào lại tài khoản.",
        "Mở Tài khoản của tôi",
        "/tai-khoan",
        "tai-khoan",
    ),
    _lesson(
        Fact.SCHOOL_TOLD,
        "Khai đủ thông tin trường",
        "Tên, địa chỉ, điện thoại và mã số thuế được in trên học bạ chốt từ nay về sau.",
        "Mở thông tin trường",
        "/truong",
        "nam-hoc",
        _OWNER,
    ),
    _lesson(
        Fact.PRINCIPAL_THERE,
        "Mời hiệu trưởng",
        "Chưa có hiệu trưởng trong danh sách nhân sự thì chưa chốt học bạ được.",
        "Mời người mới",
        "/nhan-su/moi",
        "nhan-su",
        _OWNER,
    ),
    _lesson(
        Fact.CLASSES_OPEN,
        "Mở năm học và các lớp",
        "Lớp mở ra có ngay đủ sổ điểm theo kế hoạch môn học của khối.",
        "Xem các lớp",
        "/lop",
        "nam-hoc",
        _PRINCIPAL,
        _DEPUTY,
    ),
    _lesson(
        Fact.PUPILS_IN,
        "Nhập danh sách học sinh",
        "Từ tệp Excel của vnEdu, SMAS, CSDL ngành; luôn xem trước khi ghi.",
        "Nhập dữ liệu",
        "/nhap",
        "nhap-tu-excel",
        _IT,
    ),
    _lesson(
        Fact.HOMEROOMS_GIVEN,
        "Phân công giáo viên chủ nhiệm mọi lớp",
        "Quyền mở sổ điểm và xác nhận kết quả đi theo phân công.",
        "Mở Phân công",
        "/phan-cong",
        "nhan-su",
        _IT,
        _PRINCIPAL,
    ),
    _lesson(
        Fact.AUTHORITY_BOUND,
        "Kết nối cơ quan tiếp nhận",
        "Học bạ được gửi lên Sở ngay sau khi phát hành, qua kết nối này.",
        "Mở trang kết nối",
        "/ket-noi-so",
        "ket-noi-so",
        _IT,
    ),
    _lesson(
        Fact.SEAL_CERTIFICATE,
        "Đăng ký con dấu số của trường",
        "Chứng thư của tổ chức, hai người cùng quyết định.",
        "Mở con dấu số",
        "/chung-thu/con-dau",
        "chung-thu",
        _OWNER,
        _PRINCIPAL,
    ),
    _lesson(
        Fact.OWN_CERTIFICATE,
        "Có chứng thư số còn hạn",
        "Đăng ký rồi bấm Thử ký trước mùa ký; giáo viên phụ trách CNTT giúp được.",
        "Mở Chứng thư số",
        "/chung-thu",
        "chung-thu",
        _PRINCIPAL,
        _DEPUTY,
        _HOMEROOM,
    ),
    _lesson(
        Fact.OWN_MARKS,
        "Ghi những điểm đầu tiên",
        "Mở một sổ của bạn và gõ hoặc dán từ Excel; điểm tự lưu.",
        "Mở lớp của tôi",
        "/lop",
        "nhap-diem",
        _HOMEROOM,
        _SUBJECT,
    ),
    _lesson(
        Fact.OWN_SUBMITTED,
        "Nộp sổ đầu tiên",
        "Nộp rồi vẫn rút về được cho đến khi tổ trưởng kiểm tra.",
        "Mở lớp của tôi",
        "/lop",
        "khoa-so",
        _HOMEROOM,
        _SUBJECT,
    ),
    _lesson(
        Fact.CHECKED,
        "Kiểm tra sổ đầu tiên của tổ",
        "Xác nhận, hoặc trả lại kèm lời nhận xét.",
        "Mở trang duyệt sổ",
        "/duyet-so",
        "khoa-so",
        _HEAD,
    ),
    _lesson(
        Fact.LOCKED,
        "Khóa sổ đầu tiên",
        "Khóa đủ sổ của một lớp thì kết quả được tính ngay.",
        "Xem các lớp",
        "/lop",
        "khoa-so",
        _PRINCIPAL,
    ),
    _lesson(
        Fact.OWN_CONFIRMED,
        "Xác nhận kết quả của lớp chủ nhiệm",
        "Xem “Vì sao” của vài em rồi xác nhận cả lớp.",
        "Mở lớp của tôi",
        "/lop",
        "ket-qua",
        _HOMEROOM,
    ),
    _lesson(
        Fact.FROZEN,
        "Chốt những học bạ đầu tiên",
        "Từ lúc chốt, nội dung không đổi nữa; hệ thống tự kết xuất và đưa đi ký.",
        "Chốt học bạ",
        "/chot-hoc-ba",
        "chot-hoc-ba",
        _PRINCIPAL,
    ),
    _lesson(
        Fact.SIGNED,
        "Ký lô đầu tiên",
        "Xem đúng danh sách rồi xác nhận một lần cho cả lô.",
        "Mở khay ký",
        "/ky",
        "ky",
        _PRINCIPAL,
        _HOMEROOM,
    ),
    _lesson(
        Fact.SEALED,
        "Đóng dấu lô đầu tiên",
        "Đóng dấu xong là học bạ được phát hành.",
        "Mở khay ký và đóng dấu",
        "/ky",
        "phat-hanh",
        _CLERK,
    ),
    _lesson(
        Fact.ACCEPTED,
        "Thấy học bạ đầu tiên được Sở chấp nhận",
        "Học bạ tự gửi đi sau khi phát hành; bạn theo dõi và xử lý chỗ bị từ chối.",
        "Mở Gửi dữ liệu",
        "/gui",
        "gui-so",
        _CLERK,
        _IT,
    ),
)


def steps(roles: Iterable[str], facts: Set[Fact]) -> tuple[Step, ...]:
    """The steps of somebody in these roles, each once."""
    own = set(roles)
    return tuple(
        Step(lesson=one, done=one.fact in facts)
        for one in LESSONS
        if not one.roles or own & {role.value for role in one.roles}
    )


def is_told(tour: Tour, now: datetime) -> bool:
    """Whether home speaks of it: the person is new here, something is left, and they have not hidden it."""
    return tour.hidden_at is None and tour.next is not None and now - tour.joined_at < NEW_FOR
