"""Who comes to a school within the year and who leaves it: written down by the clerk on the site's pages."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from infra.demo.visitor import Visitor

_PUPIL: Final = re.compile(r'href="/hoc-sinh/([0-9a-f-]{36})">')
#: A day within the year; nobody there is marked before it.
_DAY: Final = "2025-10-06"
#: Into a class that stays open to be explored: a foreign pupil with years at another school, and a disabled pupil who
#: is not assessed. Numbers and names are invented; a personal number that begins with 000 is nobody's.
_NEW: Final[tuple[Mapping[str, str], ...]] = (
    {
        "full_name": "Kim Min Seo",
        "date_of_birth": "2013-04-18",
        "gender": "female",
        "nationality": "Hàn Quốc",
        "passport_kind": "Hộ chiếu phổ thông",
        "passport_number": "M00000000",
        "birth_place": "Seoul",
        "current_address": "Số 12, đường Sông Trăng, phường Bến Trăng",
        "mother_name": "Park Ji Woo",
        "mother_job": "Kĩ sư",
        "identity_verified_on": _DAY,
    },
    {
        "student_code": "9970290002",
        "full_name": "Thạch Bảo An",
        "date_of_birth": "2013-09-02",
        "gender": "male",
        "ethnicity": "Khơ-me",
        "nationality": "Việt Nam",
        "personal_id": "000213990002",
        "birth_place": "Trà Vinh",
        "permanent_address": "Ấp Bến Nước, xã Đồng Xanh",
        "current_address": "Số 5, đường Bến Nước, phường Bến Trăng",
        "mother_name": "Thạch Thị Hoa",
        "policy_group": "Hộ cận nghèo",
        "disability": "Trí tuệ",
        "individual_plan": "1",
        "not_assessed": "1",
    },
)
_CAME_FROM: Final = "Trường THCS Hoa Sữa, Hà Nội"
_EARLIER: Final = {
    "nam_hoc": "2024-2025",
    "khoi": "6",
    "lop": "6A3",
    "ten_truong": _CAME_FROM,
    "ket_qua": "Toán: 8,1\nNgữ văn: 6,9\nKết quả học tập cả năm: Khá\nKết quả rèn luyện cả năm: Tốt\nĐược lên lớp 7",
}
_LEFT: Final = {"trang_thai": "transferred_out", "ngay": _DAY, "ly_do": "Chuyển nơi ở cùng gia đình"}
COUNT: Final = len(_NEW) + 1


async def come_and_go(clerk: Visitor, class_id: str, tick: Callable[..., None]) -> None:
    """Two pupils come into a class, its last pupil leaves. Who is there, or gone, already is passed over."""
    members = _PUPIL.findall(await clerk.get(f"/hoc-sinh?lop={class_id}"))
    gone = _PUPIL.findall(await clerk.get("/hoc-sinh?trang_thai=transferred_out"))
    if members and not gone:
        await clerk.post(f"/hoc-sinh/{members[-1]}/den-di/roi-truong", _LEFT | {"o_lop": class_id})
    tick()
    for new in _NEW:
        known = _PUPIL.findall(await clerk.get(f"/hoc-sinh?tim={new['full_name']}"))
        page = f"/hoc-sinh/{known[0]}" if known else await clerk.post("/hoc-sinh/them", dict(new))
        moves = f"{page}/den-di"
        is_foreign = "passport_number" in new
        if "/den-di/xep-lop" in await clerk.get(moves):
            place = {"lop": class_id, "ngay": _DAY, "truong_cu": _CAME_FROM if is_foreign else ""}
            await clerk.post(f"{moves}/xep-lop", place)
        if is_foreign and _CAME_FROM not in await clerk.get(f"{page}/den-di"):
            await clerk.post(f"{moves}/nam-hoc-cu", _EARLIER)
        tick()
