"""School years, classes and their pupils."""

import uuid
from collections import Counter

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody

from backend.core import clock
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.roster import rules, service
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import GRADES


class YearForm(msgspec.Struct, frozen=True, kw_only=True):
    """First and last day of a school year."""

    tu_ngay: str = ""
    den_ngay: str = ""
    csrf_token: str = ""


@get("/truong/nam-hoc", guards=[requires(Permission.CLASSES_READ)])
async def show_years(request: Request, session: Session) -> Html:
    """The school years, for everybody; and the form that opens another, for the management."""
    return await _years(request, session, YearForm())


@post("/truong/nam-hoc", guards=[requires(Permission.SCHOOL_MANAGE)])
async def open_year(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[YearForm]
) -> Html:
    """Open a school year, or show the form again with one sentence."""
    try:
        name = await service.plan_year(session, actor, data.tu_ngay, data.den_ngay)
    except (Invalid, Conflict) as error:
        return await _years(request, session, data, error)
    return redirect(request, "/truong/nam-hoc", f"Đã mở năm học {name}.")


async def _years(request: Request, session: Session, data: YearForm, error: AppError | None = None) -> Html:
    years = await service.list_years(session)
    current = rules.working_year(years, clock.today())
    classes = Counter(one.academic_year_id for one in await service.list_classes(session))
    levels = (await schools.get_school(session)).levels
    return page(
        request,
        "records/roster/years.html",
        status_code=error.status if error else 200,
        years=years,
        current=current,
        classes=classes,
        first_grade=min(grade for level in levels for grade in GRADES[level]),
        form_data=data,
        error=error.message if error else None,
    )


@get("/lop", guards=[requires(Permission.CLASSES_READ)])
async def show_classes(
    request: Request,
    session: Session,
    actor: CurrentActor,
    khoi: FromQuery[int | None] = None,
    nam: FromQuery[str] = "",
) -> Html:
    """Classes of the year that the school works in, or of another; all, or those of one grade; the actor's own first."""
    all_classes = await service.list_classes(session)
    years = [
        one
        for one in await service.list_years(session)
        if one.id in {school_class.academic_year_id for school_class in all_classes}
    ]
    year = next((one for one in years if one.name == nam), rules.working_year(years, clock.today()))
    classes = [one for one in all_classes if year and one.academic_year_id == year.id]
    grades = Counter(one.grade_level for one in classes)
    grade = khoi if khoi in grades else None
    ids = [one.id for one in classes]
    return page(
        request,
        "records/roster/classes.html",
        classes=[one for one in classes if grade in (None, one.grade_level)],
        all_classes=classes,
        years=years,
        year=year,
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
