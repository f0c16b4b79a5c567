"""Departments: who heads them, who belongs to them, what is refused."""

import asyncio

import pytest

from backend.core import audit
from backend.core.actor import StaffId
from backend.core.audit import Action
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.departments import service
from backend.records.departments.schemas import DepartmentId
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.factories.small_school import SmallSchool, open_small_school


async def opened(school: SmallSchool, name: str = "Tổ khối 1") -> DepartmentId:
    async with school.session() as session:
        return await service.open_department(session, await school.actor(session, "principal"), name)


async def change(
    school: SmallSchool,
    department_id: DepartmentId,
    head: str | None,
    *members: str,
    name: str = "Tổ khối 1",
) -> None:
    async with school.session() as session:
        await service.change_department(
            session,
            await school.actor(session, "principal"),
            department_id,
            name,
            school.staff[head] if head else None,
            [school.staff[one] for one in members],
        )


async def promote(school: SmallSchool, who: str) -> None:
    """Make somebody a head of department as well."""
    async with school.session() as session:
        staff = await people.get_staff(session, school.staff[who])
        await people.change_staff(
            session,
            await school.actor(session, "principal"),
            staff.id,
            staff.full_name,
            staff.title,
            [*staff.roles, Role.DEPARTMENT_HEAD],
        )


async def checkers(school: SmallSchool) -> dict[StaffId, StaffId]:
    async with school.session(read_only=True) as session:
        return await service.checkers(session)


async def test_a_head_checks_the_others_and_not_themselves(small_school: SmallSchool) -> None:
    await promote(small_school, "stranger")
    department_id = await opened(small_school)
    await change(small_school, department_id, None, "homeroom", "stranger")
    assert await checkers(small_school) == {}
    await change(small_school, department_id, "stranger", "homeroom", "stranger")
    staff = small_school.staff
    assert await checkers(small_school) == {staff["homeroom"]: staff["stranger"]}
    async with small_school.session() as session:
        await people.leave(session, await small_school.actor(session, "principal"), staff["stranger"])
        assert await service.checkers(session) == {}
        [department] = await service.list_departments(session)
    assert (department.head, department.head_id) == (None, staff["stranger"])


async def test_a_person_belongs_to_one_department(small_school: SmallSchool) -> None:
    first, second = await opened(small_school), await opened(small_school, "Tổ khối 2")
    await change(small_school, first, None, "homeroom", "homeroom")
    with pytest.raises(Conflict, match="Đinh Thị Hoài Thu đang thuộc Tổ khối 1; hãy bỏ người này khỏi tổ đó"):
        await change(small_school, second, None, "homeroom", name="Tổ khối 2")
    await change(small_school, first, None)
    await change(small_school, second, None, "homeroom", name="Tổ khối 2")


async def test_who_wants_somebody_whom_another_is_taking_waits_and_is_told(small_school: SmallSchool) -> None:
    first, second = await opened(small_school), await opened(small_school, "Tổ khối 2")
    homeroom = small_school.staff["homeroom"]
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        await service.change_department(session, principal, first, "Tổ khối 1", None, [homeroom])
        other = asyncio.create_task(change(small_school, second, None, "homeroom", name="Tổ khối 2"))
        done, _ = await asyncio.wait([other], timeout=0.2)
        assert not done
    with pytest.raises(Conflict, match="đang thuộc Tổ khối 1"):
        await other


@pytest.mark.parametrize(
    ("head", "members", "words"),
    [
        ("homeroom", (), "Đinh Thị Hoài Thu chưa có vai trò Tổ trưởng chuyên môn"),
        (None, ("clerk",), "không còn dạy ở trường"),
    ],
)
async def test_who_cannot_be_that(
    small_school: SmallSchool, head: str | None, members: tuple[str, ...], words: str
) -> None:
    department_id = await opened(small_school)
    with pytest.raises(Invalid, match=words):
        await change(small_school, department_id, head, *members)


async def test_names(small_school: SmallSchool) -> None:
    first = await opened(small_school)
    second = await opened(small_school, "  Tổ   khối 2 ")
    with pytest.raises(Conflict, match="Trường đã có Tổ khối 2"):
        await opened(small_school, "Tổ khối 2")
    with pytest.raises(Conflict, match="Trường đã có Tổ"):
        await change(small_school, first, None, name="Tổ khối 2")
    for bad in ("", "  ", "Tổ", "Khối 1", "Tổ " + "x" * 98):
        with pytest.raises(Invalid, match="ổ"):
            await change(small_school, second, None, name=bad)


async def test_the_end_of_a_department_is_remembered(small_school: SmallSchool) -> None:
    await promote(small_school, "stranger")
    department_id = await opened(small_school)
    await change(small_school, department_id, "stranger", "homeroom")
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        assert await service.end_department(session, principal, department_id) == "Tổ khối 1"
        assert await service.list_departments(session) == []
        found = [one.action for one in await audit.history(session, [department_id])]
    assert found == [Action.DEPARTMENT_ENDED, Action.DEPARTMENT_CHANGED, Action.DEPARTMENT_CHANGED]


async def test_departments_and_people_of_strangers_do_not_exist(small_school: SmallSchool) -> None:
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    theirs, ours = await opened(other), await opened(small_school)
    for unknown in (theirs, DepartmentId(new_id())):
        with pytest.raises(NotFound):
            await change(small_school, unknown, None)
        async with small_school.session() as session:
            with pytest.raises(NotFound):
                await service.end_department(session, await small_school.actor(session, "principal"), unknown)
    small_school.staff["theirs"] = other.staff["homeroom"]
    with pytest.raises(Invalid):
        await change(small_school, ours, None, "theirs")
    with pytest.raises(Invalid):
        await change(small_school, ours, "theirs")
