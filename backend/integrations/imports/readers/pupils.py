"""The pupils' register as CSDL ngành exports it (C1-HocSinh): one row per pupil, catalogue sheets beside."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from backend.integrations.imports.readers import values
from backend.integrations.imports.readers.grid import Sheet
from backend.integrations.imports.readers.headers import CODE, NAME, Fields
from backend.integrations.imports.readers.reading import Collector, RowReader, read_sheets
from backend.integrations.imports.readers.text import key_of
from backend.integrations.imports.schemas import PupilRow, PupilsFile

FIELDS: Final[Fields] = {
    "gender": ("gioi tinh",),
    "status": ("trang thai hs", "trang thai hoc sinh", "trang thai"),
    "personal_id": ("so dinh danh ca nhan", "so dinh danh ca nhan cccd", "so cccd", "cccd"),
    "ethnicity": ("dan toc",),
    "nationality": ("quoc tich",),
    "birth_place": ("noi sinh",),
    "hometown": ("que quan",),
    "address": ("cho o hien nay", "noi o hien nay", "dia chi hien nay"),
    "father_name": ("ho ten cha", "ho ten bo", "ho va ten cha"),
    "mother_name": ("ho ten me", "ho va ten me"),
    "guardian_name": ("ho ten nguoi giam ho", "ho va ten nguoi giam ho"),
    "status_on": ("ngay nhap trang thai", "ngay trang thai"),
    "lifelong_code": ("ma ho so hoc tap suot doi", "ma hoc tap suot doi"),
    "passport_number": ("so ho chieu",),
    "permanent_address": ("dia chi thuong tru", "ho khau thuong tru", "noi thuong tru"),
    "father_job": ("nghe nghiep cha", "nghe nghiep cua cha", "nghe nghiep bo"),
    "mother_job": ("nghe nghiep me", "nghe nghiep cua me"),
    "guardian_job": ("nghe nghiep nguoi giam ho", "nghe nghiep cua nguoi giam ho"),
    "policy_group": ("doi tuong chinh sach", "dien chinh sach"),
    "disability": ("loai khuyet tat", "khuyet tat"),
    "registry_no": ("so dang bo",),
}
#: Catalogues of CSDL ngành have a word for "none".
_NONE: Final = frozenset(("khong", "khong co", "binh thuong"))
_REQUIRED: Final = (
    ("class_code", "Mã lớp"),
    (CODE, "Mã học sinh"),
    (NAME, "Họ tên"),
    ("date_of_birth", "Ngày sinh"),
    ("gender", "Giới tính"),
    ("personal_id", "Số định danh cá nhân"),
)
_STUDYING: Final = "Đang học"


def read(sheets: Sequence[Sheet]) -> PupilsFile:
    """All pupils of a register; never raises for what the cells hold."""
    collector = Collector[PupilRow]()
    ids: dict[str, int] = {}
    found = read_sheets(
        sheets, FIELDS, _REQUIRED, collector, lambda reader: _read_row(reader, collector, ids)
    )
    return PupilsFile(
        school_name=found.school_name,
        academic_year=found.academic_year,
        sheets=found.sheets,
        problems=tuple(collector.problems),
        rows=tuple(collector.rows),
    )


def _read_row(reader: RowReader, collector: Collector[PupilRow], ids: dict[str, int]) -> None:
    row = PupilRow(
        sheet=reader.line.sheet,
        row=reader.line.row,
        class_code=reader.class_code(),
        student_code=reader.student_code(),
        full_name=reader.full_name(),
        date_of_birth=reader.need("date_of_birth", values.birth_date, date.min),
        gender=reader.need("gender", values.gender, "male"),
        status=reader.take("status", values.pupil_status) or _STUDYING,
        status_on=reader.take("status_on", values.birth_date),
        personal_id=reader.take("personal_id", values.personal_id),
        policy_group=_unless_none(reader.text("policy_group")),
        disability=_unless_none(reader.text("disability")),
        ethnicity=reader.text("ethnicity"),
        nationality=reader.text("nationality"),
        birth_place=reader.text("birth_place"),
        hometown=reader.text("hometown"),
        address=reader.text("address"),
        father_name=reader.text("father_name"),
        mother_name=reader.text("mother_name"),
        guardian_name=reader.text("guardian_name"),
        lifelong_code=reader.text("lifelong_code"),
        passport_number=reader.text("passport_number"),
        permanent_address=reader.text("permanent_address"),
        father_job=reader.text("father_job"),
        mother_job=reader.text("mother_job"),
        guardian_job=reader.text("guardian_job"),
        registry_no=reader.text("registry_no"),
    )
    if row.personal_id:
        first = ids.setdefault(row.personal_id, row.row)
        if first != row.row:
            reader.refuse(
                "personal_id", f"số định danh này đã có ở dòng {first}; hãy kiểm tra lại cả hai học sinh."
            )
    collector.keep(reader, row.student_code, row)


def _unless_none(said: str | None) -> str | None:
    return None if said is None or key_of(said) in _NONE else said
