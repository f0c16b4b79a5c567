"""Classes are opened with their sheets, renamed and closed by whoever manages them."""

import uuid

import pytest
from litestar import Litestar

from backend.core.errors import Conflict, Invalid, NotFound
from backend.records.classes import rules, service
from backend.records.gradebook import service as gradebook
from backend.records.movements import service as movements
from backend.records.plans.schemas import plan
from backend.records.roster import service as roster
from backend.records.roster.curriculum import Kind
from backend.records.roster.schemas import ClassId
from tests.factories.small_school import SmallSchool, enroll, open_small_school, student_ids


@pytest.mark.parametrize(
    ("typed", "grade", "name"), [(" 6a1 ", 6, "6A1"), ("10Đ2", 10, "10Đ2"), ("1C", 1, "1C")]
)
def test_what_a_class_is_called(typed: str, grade: int, name: str) -> None:
    assert rules.checked_name(typed, grade) == name


@pytest.mark.parametrize(
    ("typed", "grade"), [("", 6), ("6", 6), ("7A", 6), ("10A", 1), ("6A<b>", 6), ("6ABCDEFG", 6)]
)
def test_what_no_class_is_called(typed: str, grade: int) -> None:
    with pytest.raises(Invalid, match="Tên lớp gồm khối"):
        rules.checked_name(typed, grade)


def test_upper_grades_take_four_electives() -> None:
    upper = plan(10)
    codes = [one.code for one in rules.choosable(upper) if one.kind is Kind.ELECTIVE]
    for count in (0, 3, 5):
        with pytest.raises(Invalid, match="chọn đúng 4 môn lựa chọn"):
            rules.new_class("10A1", upper, codes[:count])
    subjects = rules.new_class("10A1", upper, codes[:4]).subjects
    assert {one.code for one in subjects if one.kind is Kind.ELECTIVE} == set(codes[:4])


async def test_a_class_is_opened_renamed_and_closed(site: Litestar, small_school: SmallSchool) -> None:
    browser = await small_school.browser(site, "principal")
    await browser.get("/lop/mo?khoi=6")
    assert (await browser.post("/lop/mo", {"khoi": "6", "ten": "7A"})).status_code == 422
    made = await browser.post("/lop/mo", {"khoi": "6", "ten": "6a1"})
    class_id = ClassId(uuid.UUID(made.headers["location"].rpartition("/")[2]))
    assert (await browser.post("/lop/mo", {"khoi": "6", "ten": "6A1"})).status_code == 409
    async with small_school.session() as session:
        taught = {one.subject_code for one in await roster.list_assignments(session, class_id)}
        sheets = await gradebook.list_sheets(session, class_id)
        assert taught == {one.code for one in plan(6).subjects if one.kind is Kind.COMPULSORY}
        assert len(sheets) == 2 * len(taught) + 1
        await enroll(session, "6A1", ["Lò Thị An"])
        an = (await student_ids(session, class_id))["Lò Thị An"]
    here = f"/lop/{class_id}"
    await browser.get(f"{here}/sua")
    assert (await browser.post(f"{here}/sua", {"cu": "6A9", "ten": "6A2"})).status_code == 409
    assert (await browser.post(f"{here}/sua", {"cu": "6A1", "ten": "6A2"})).status_code == 303
    assert (await browser.post(f"{here}/dong")).status_code == 409
    async with small_school.session() as session:
        clerk = await small_school.actor(session, "clerk")
        left = {"trang_thai": "dropped_out", "ly_do": "Theo đơn", "ngay": "2026-05-01"}
        await movements.leave(session, clerk, an, str(class_id), left)
    assert (await browser.post(f"{here}/dong")).headers["location"] == "/lop"
    assert f'href="{here}"' not in (await browser.get("/lop")).text
    assert "Lớp đã đóng ngày" in (await browser.get(here)).text
    assert "Toán" in (await browser.get(f"{here}/so-diem")).text
    homeroom = await small_school.browser(site, "homeroom")
    assert (await homeroom.get("/lop/mo")).status_code == 403


async def test_classes_of_another_school_do_not_exist(small_school: SmallSchool) -> None:
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    async with other.session() as session:
        theirs = await other.open_class(session, "1A", 1)
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        for asked in (
            service.rename(session, principal, theirs, "1A", "1B"),
            service.close(session, principal, theirs),
        ):
            with pytest.raises(NotFound):
                await asked
        await service.open_class(session, principal, "1A", 1, ())
        with pytest.raises(Conflict, match="đã có lớp 1A"):
            await service.open_class(session, principal, "1a", 1, ())
