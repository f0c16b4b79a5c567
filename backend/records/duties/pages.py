"""Who leads and teaches what: class by class, person by person."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import (
    CurrentActor,
    Html,
    Request,
    Session,
    local_path,
    page,
    redirect,
    several,
    transaction,
    without_transaction,
)
from backend.records.duties import rules, service
from backend.records.roster import service as roster
from backend.tenants.guards import requires
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

_PAGE = "/phan-cong"
_READERS, _MANAGERS = requires(Permission.PEOPLE_READ), requires(Permission.PEOPLE_MANAGE)


class HandOverForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which duties go to whom; one duty comes as a text, several as a list. `ve` is the page to go back to."""

    viec: list[str] | str = ""
    nguoi_nhan: str = ""
    ve: str = ""
    csrf_token: str = ""

    @property
    def keys(self) -> list[str]:
        """The duties that are ticked."""
        return several(self.viec)


@get(_PAGE, guards=[_READERS])
async def show_duties(request: Request, session: Session, xem: FromQuery[str] = "") -> Html:
    """All classes with their duties, or all persons with theirs."""
    duties = await service.list_duties(session)
    by_class: dict[uuid.UUID, list[object]] = {}
    for duty in duties:
        by_class.setdefault(duty.class_id, []).append(duty)
    return page(
        request,
        "records/duties/duties.html",
        by_person=xem == "nguoi",
        classes=list(by_class.values()),
        holders=await service.list_holders(session),
        left=[duty for duty in duties if duty.has_left],
    )


@get(f"{_PAGE}/lop/{{class_id:uuid}}", guards=[_READERS])
async def show_class_duties(request: Request, session: Session, class_id: FromPath[uuid.UUID]) -> Html:
    """One class: who leads it and who teaches what; a form for whoever may change that."""
    return await _class(request, session, class_id)


@post(f"{_PAGE}/lop/{{class_id:uuid}}", guards=[_MANAGERS, without_transaction])
async def change_class_duties(request: Request, actor: CurrentActor, class_id: FromPath[uuid.UUID]) -> Html:
    """Save it, all or nothing; or show it as it is now, with one sentence."""
    sent = await request.form()
    typed = {name: str(value) for name, value in sent.items()}
    try:
        async with transaction(request) as session:
            count = await service.change_class(session, actor, class_id, typed)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _class(request, session, class_id, error)
    return redirect(request, f"{_PAGE}/lop/{class_id}", f"Đã đổi {count} phân công; có hiệu lực ngay.")


@get(f"{_PAGE}/nguoi/{{staff_id:uuid}}", guards=[_READERS])
async def show_person_duties(request: Request, session: Session, staff_id: FromPath[uuid.UUID]) -> Html:
    """One person: what they lead and teach, and to whom it may go."""
    return await _person(request, session, StaffId(staff_id))


@post(f"{_PAGE}/nguoi/{{staff_id:uuid}}", guards=[_MANAGERS, without_transaction])
async def hand_over(
    request: Request,
    actor: CurrentActor,
    staff_id: FromPath[uuid.UUID],
    data: URLEncodedBody[HandOverForm],
) -> Html:
    """Give duties to somebody else, all or none."""
    try:
        async with transaction(request) as session:
            count = await service.hand_over(session, actor, StaffId(staff_id), data.keys, data.nguoi_nhan)
    except (Invalid, Conflict) as error:
        async with transaction(request) as session:
            return await _person(request, session, StaffId(staff_id), data, error)
    return redirect(request, _back(data, staff_id), f"Đã bàn giao {count} việc; có hiệu lực ngay.")


async def _class(
    request: Request, session: TenantSession, class_id: uuid.UUID, error: AppError | None = None
) -> Html:
    takers = await service.takers(session)
    return page(
        request,
        "records/duties/class.html",
        status_code=error.status if error else 200,
        school_class=await roster.get_class(session, class_id),
        duties=await service.duties_of_class(session, class_id),
        teachers=[(one.id, one.full_name) for one in takers],
        leaders=[(one.id, one.full_name) for one in takers if rules.could_lead(one)],
        past=await service.past_duties(session, class_id),
        today=clock.today().isoformat(),
        error=error.message if error else None,
    )


async def _person(
    request: Request,
    session: TenantSession,
    staff_id: StaffId,
    typed: HandOverForm | None = None,
    error: AppError | None = None,
) -> Html:
    return page(
        request,
        "records/duties/person.html",
        status_code=error.status if error else 200,
        staff=await people.get_staff(session, staff_id),
        duties=await service.duties_of(session, staff_id),
        takers=await service.takers(session),
        typed=typed,
        back=_back(typed, staff_id),
        error=error.message if error else None,
    )


def _back(form: HandOverForm | None, staff_id: uuid.UUID) -> str:
    own = f"{_PAGE}/nguoi/{staff_id}"
    return local_path(form.ve, own) if form else own
