"""The tabs of a class lead nobody to a refusal."""

import re

import pytest
from litestar import Litestar

from backend.core.actor import machine
from backend.records.departments import service as departments
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.factories.small_school import SmallSchool, enroll

PAGES = ("", "/so-diem", "/bang-tinh", "/cong-bo", "/mon-lua-chon", "/ket-qua", "/sau-nam-hoc", "/hoc-ba")
_TABS = re.compile(r'<nav class="tabs".*?</nav>', re.DOTALL)
#: Beside those of every small school: a head without a lesson in the class, somebody who runs the school with them.
_MORE = {
    "head": (Role.DEPARTMENT_HEAD,),
    "deputy": (Role.DEPUTY_PRINCIPAL,),
    "owner": (Role.OWNER,),
    "head_who_teaches": (Role.DEPARTMENT_HEAD, Role.SUBJECT_TEACHER),
}


async def tenth_class(school: SmallSchool) -> str:
    """Class 10A, in which pupils choose subjects: "head" checks the sheets of its homeroom teacher."""
    async with school.session() as session:
        for key, roles in _MORE.items():
            email = f"{key}@{school.tenant_id.hex}.example"
            school.staff[key] = await people.add_staff(
                session, machine(school.tenant_id), key, email, "", roles
            )
        principal = await school.actor(session, "principal")
        department = await departments.open_department(session, principal, "Tổ Toán")
        members = [school.staff["homeroom"]]
        await departments.change_department(
            session, principal, department, "Tổ Toán", school.staff["head"], members
        )
        class_id = await school.open_class(session, "10A", 10, taken_by_music="TOAN")
        await enroll(session, "10A", ["Lò Thị An"])
    return f"/lop/{class_id}"


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ("principal", "Học sinh, Sổ điểm, Công bố, Môn lựa chọn, Kết quả, Sau năm học, Học bạ"),
        ("deputy", "Học sinh, Sổ điểm, Công bố, Môn lựa chọn, Kết quả, Sau năm học, Học bạ"),
        ("clerk", "Học sinh, Kết quả, Sau năm học, Học bạ"),
        ("it", "Học sinh, Sổ điểm, Môn lựa chọn"),
        ("homeroom", "Học sinh, Sổ điểm, Công bố, Môn lựa chọn, Kết quả, Sau năm học, Học bạ"),
        ("music", "Học sinh, Sổ điểm, Công bố, Môn lựa chọn, Kết quả, Sau năm học, Học bạ"),
        ("head", "Sổ điểm"),
        ("head_who_teaches", ""),
        ("stranger", ""),
        ("owner", ""),
    ],
)
async def test_every_tab_that_is_shown_opens(
    site: Litestar, small_school: SmallSchool, who: str, names: str
) -> None:
    base = await tenth_class(small_school)
    browser = await small_school.browser(site, who)
    seen = set()
    for path in PAGES:
        answer = await browser.get(base + path)
        for tabs in _TABS.findall(answer.text) if answer.status_code == 200 else []:
            seen.add(", ".join(re.findall(r"<a [^>]*>([^<]+)<", tabs)))
            for url in re.findall(r'href="([^"]+)"', tabs):
                assert (await browser.get(url)).status_code == 200, (path, url)
    assert seen == ({names} if names else set())
