"""School years, classes and their pupils."""

import uuid
from collections import Counter

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core.errors import Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.roster import service
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission


class YearForm(msgspec.Struct, frozen=True, kw_only=True):
    """First and last day of a school year."""

    tu_ngay: str = ""
    den_ngay: str = ""
    csrf_token: str = ""


@get("/truong/nam-hoc", guards=[requires(Permission.SCHOOL_MANAGE)])
async def show_years(request: Request, session: Session) -> Html:
    """The school years, and the form that opens another."""
    years = await service.list_years(session)
    return page(request, "records/roster/years.html", years=years, form_data=YearForm(), error=None)


@post("/truong/nam-hoc", guards=[requires(Permission.SCHOOL_MANAGE)])
async def open_year(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[YearForm]
) -> Html:
    """Open a school year, or show the form again with one sentence."""
    try:
        name = await service.plan_year(session, actor, data.tu_ngay, data.den_ngay)
    except (Invalid, Conflict) as error:
        return page(
            request,
            "records/roster/years.html",
            status_code=error.status,
            years=await service.list_years(session),
            form_data=data,
            error=error.message,
        )
    return redirect(request, "/truong/nam-hoc", f"Đã mở năm học {name}.")


@get("/lop", guards=[requires(Permission.CLASSES_READ)])
async def show_classes(
    request: Request, session: Session, actor: CurrentActor, khoi: FromQuery[int | None] = None
) -> Html:
    """All classes, or those of one grade; the actor's own first."""
    classes = await service.list_classes(session)
    grades = Counter(one.grade_level for one in classes)
    grade = khoi if khoi in grades else None
    ids = [one.id for one in classes]
    return page(
        request,
        "records/roster/classes.html",
        classes=[one for one in classes if grade in (None, one.grade_level)],
        all_classes=classes,
        grades=dict(sorted(grades.items())),
        grade=grade,
        own=[one for one in classes if one.homeroom_teacher_id == actor.staff_id],
        opened=await service.open_to(session, actor, ids, *service.PUPILS_EVERYWHERE),
    )


@get("/lop/{class_id:uuid}", guards=[requires(Permission.CLASSES_READ)])
async def show_class(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """One class: its pupils."""
    school_class, students = await service.open_class_list(session, actor, class_id)
    return page(request, "records/roster/class.html", school_class=school_class, students=students)
