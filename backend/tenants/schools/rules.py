"""What the profile of a school may say."""

import re
from collections.abc import Iterable
from datetime import date, timedelta

from backend.core.errors import Conflict, Invalid
from backend.core.text import check_text
from backend.tenants.schools.schemas import PROVINCES, Closing, SchoolLevel, SchoolProfile

#: Mã số thuế: ten digits, a dependent unit three more (Thông tư 86/2024/TT-BTC Điều 5).
_TAX_CODE = re.compile(r"\d{10}(-\d{3})?", re.ASCII)
#: Mã định danh of the school in the sector's database.
_MINISTRY_CODE = re.compile(r"\d{8,10}", re.ASCII)
#: Between the plan to close and the day: time to sign what is under way and to take the data away.
LEAST_NOTICE, LONGEST_NOTICE = timedelta(days=30), timedelta(days=400)
_PHONE = re.compile(r"0\d{9,10}", re.ASCII)


def changed(
    profile: SchoolProfile,
    *,
    name: str,
    tax_code: str,
    ward: str,
    address: str,
    phone: str,
    levels: Iterable[SchoolLevel | str],
) -> SchoolProfile:
    """The profile as the school wants it; its code and province stay. Raises Invalid with the field to mend."""
    return SchoolProfile(
        name=_required(name, "Tên trường", 150),
        code=profile.code,
        tax_code=checked_tax_code(tax_code),
        province_code=profile.province_code,
        province=profile.province,
        ward=_required(ward, "Xã, phường, đặc khu", 80),
        levels=checked_levels(levels),
        address=check_text(address, field="Địa chỉ", person="trường", limit=200),
        phone=_checked_phone(phone),
    )


def new_profile(
    *,
    name: str,
    code: str,
    tax_code: str,
    province_code: str,
    ward: str,
    levels: Iterable[SchoolLevel | str],
) -> SchoolProfile:
    """What a school that wants to be opened says of itself. Raises Invalid with the field to mend."""
    if province_code not in PROVINCES:
        raise Invalid("Chưa chọn tỉnh, thành phố, hoặc mã tỉnh không có trong danh sách; xin chọn lại.")
    return SchoolProfile(
        name=_required(name, "Tên trường", 150),
        code=_checked_code(code),
        tax_code=checked_tax_code(tax_code),
        province_code=province_code,
        province=PROVINCES[province_code],
        ward=_required(ward, "Xã, phường, đặc khu", 80),
        levels=checked_levels(levels),
    )


def planned_closing(closes_on: date, successor: str, today: date) -> Closing:
    """A closing as it may be planned. Raises Invalid for a day too near or too far, or without who takes over."""
    if not today + LEAST_NOTICE <= closes_on <= today + LONGEST_NOTICE:
        raise Invalid(
            f"Ngày đóng trường phải cách hôm nay từ {LEAST_NOTICE.days} đến {LONGEST_NOTICE.days} ngày, "
            "để mọi người kịp ký và tải dữ liệu; xin chọn lại ngày."
        )
    return Closing(closes_on=closes_on, successor=_required(successor, "Đơn vị nhận bàn giao hồ sơ", 200))


def require_open(planned: Closing | None) -> None:
    """Raises Conflict when the school closes already."""
    if planned is not None:
        raise Conflict(
            f"Trường đã có ngày đóng là {planned.closes_on:%d/%m/%Y}; hãy hủy lịch ấy trước khi đặt ngày khác."
        )


def checked_tax_code(tax_code: str) -> str:
    """Raises Invalid unless it is written like one."""
    found = tax_code.strip().replace(" ", "")
    if not _TAX_CODE.fullmatch(found):
        raise Invalid(
            f"Mã số thuế phải có 10 chữ số, hoặc 10 chữ số, dấu gạch và 3 chữ số; xin sửa “{tax_code[:20]}”."
        )
    return found


def _checked_code(code: str) -> str:
    """The Ministry's code of a school. Raises Invalid unless it is written like one."""
    found = code.strip().replace(" ", "")
    if not _MINISTRY_CODE.fullmatch(found):
        raise Invalid(f"Mã trường theo cơ sở dữ liệu ngành có từ 8 đến 10 chữ số; xin sửa “{code[:20]}”.")
    return found


def checked_levels(levels: Iterable[SchoolLevel | str]) -> tuple[SchoolLevel, ...]:
    """Levels in the order of grades. Raises Invalid for none, or one that there is not."""
    wanted = {str(level) for level in levels}
    found = tuple(level for level in SchoolLevel if level.value in wanted)
    if not found or len(found) < len(wanted):
        raise Invalid("Chưa chọn cấp học nào, hoặc cấp học không có trong danh sách; xin chọn lại.")
    return found


def differences(old: SchoolProfile, new: SchoolProfile) -> dict[str, str | int | None]:
    """`old_<field>` and `new_<field>` of each field that differs."""
    found: dict[str, str | int | None] = {}
    for field in old.__struct_fields__:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            found |= {f"old_{field}": _told(before), f"new_{field}": _told(after)}
    return found


def _required(value: str, field: str, limit: int) -> str:
    text = check_text(value, field=field, person="trường", limit=limit)
    if not text:
        raise Invalid(f"Mục “{field}” đang trống; xin điền.")
    return text


def _checked_phone(phone: str) -> str:
    found = re.sub(r"[\s.()-]", "", phone)
    if found and not _PHONE.fullmatch(found):
        raise Invalid(f"Số điện thoại phải bắt đầu bằng 0 và có 10 hoặc 11 chữ số; xin sửa “{phone[:20]}”.")
    return found


def _told(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
