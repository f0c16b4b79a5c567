"""The departments of the school, for its management."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.actor import StaffId
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect, several
from backend.records.departments import rules, service
from backend.tenants.guards import requires
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

ROOT = "/to-chuyen-mon"
_MANAGES = requires(Permission.DEPARTMENTS_MANAGE)


class NameForm(msgspec.Struct, frozen=True, kw_only=True):
    """A new department."""

    ten: str = ""
    csrf_token: str = ""


class DepartmentForm(msgspec.Struct, frozen=True, kw_only=True):
    """Name, head and members; one member comes as a text, several as a list. `cu` is what the writer saw of all that."""

    cu: str = ""
    ten: str = ""
    to_truong: str = ""
    thanh_vien: list[str] | str = ""
    csrf_token: str = ""

    @property
    def members(self) -> list[str]:
        """Who is ticked."""
        return several(self.thanh_vien)


@get(ROOT, guards=[_MANAGES])
async def show_departments(request: Request, session: Session) -> Html:
    """All departments, and who belongs to none."""
    return await _list(request, session)


@post(ROOT, guards=[_MANAGES])
async def open_department(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[NameForm]
) -> Html:
    """A new department; its page asks for head and members."""
    try:
        department_id = await service.open_department(session, actor, data.ten)
    except (Invalid, Conflict) as error:
        return await _list(request, session, data.ten, error)
    return redirect(request, f"{ROOT}/{department_id}", "Đã lập tổ; hãy chọn tổ trưởng và thành viên.")


@get(f"{ROOT}/{{department_id:uuid}}", guards=[_MANAGES])
async def show_department(request: Request, session: Session, department_id: FromPath[uuid.UUID]) -> Html:
    """One department: its name, head and members."""
    return await _department(request, session, department_id)


@post(f"{ROOT}/{{department_id:uuid}}", guards=[_MANAGES])
async def change_department(
    request: Request,
    session: Session,
    actor: CurrentActor,
    department_id: FromPath[uuid.UUID],
    data: URLEncodedBody[DepartmentForm],
) -> Html:
    """Another name, head or members; or the form again with one sentence."""
    try:
        head = _staff_id(data.to_truong) if data.to_truong else None
        members = [_staff_id(one) for one in data.members]
        name = await service.change_department(
            session, actor, department_id, data.ten, head, members, seen=data.cu
        )
    except (Invalid, Conflict) as error:
        return await _department(request, session, department_id, data, error)
    return redirect(request, ROOT, f"Đã lưu {name}.")


@post(f"{ROOT}/{{department_id:uuid}}/bo", guards=[_MANAGES])
async def end_department(
    request: Request, session: Session, actor: CurrentActor, department_id: FromPath[uuid.UUID]
) -> Html:
    """Remove a department."""
    name = await service.end_department(session, actor, department_id)
    return redirect(request, ROOT, f"Đã bỏ {name}.")


async def _list(request: Request, session: Session, typed: str = "", error: AppError | None = None) -> Html:
    departments = await service.list_departments(session)
    members = {one for department in departments for one in department.members}
    return page(
        request,
        "records/departments/departments.html",
        status_code=error.status if error else 200,
        departments=departments,
        outside=[
            one for one in await people.list_staff(session) if rules.may_belong(one) and one.id not in members
        ],
        typed=typed,
        error=error.message if error else "",
    )


async def _department(
    request: Request,
    session: Session,
    department_id: uuid.UUID,
    typed: DepartmentForm | None = None,
    error: AppError | None = None,
) -> Html:
    department = await service.get_department(session, department_id)
    others = {
        person: one.name
        for one in await service.list_departments(session)
        if one.id != department.id
        for person in one.members
    }
    staff = await people.list_staff(session)
    return page(
        request,
        "records/departments/department.html",
        status_code=error.status if error else 200,
        department=department,
        seen=rules.as_seen(department),
        form_values=typed
        or DepartmentForm(
            ten=department.name,
            to_truong=str(department.head_id or ""),
            thanh_vien=[str(one) for one in department.members],
        ),
        heads=[one for one in staff if rules.may_lead(one)],
        members=[one for one in staff if rules.may_belong(one) and one.id not in others],
        error=error.message if error else "",
    )


def _staff_id(sent: str) -> StaffId:
    try:
        return StaffId(uuid.UUID(sent))
    except ValueError:
        raise Invalid("Có người được chọn không có trong trường; hãy tải lại trang rồi chọn lại.") from None
