"""Classes and their pupils."""

import uuid
from collections import Counter

from litestar import get
from litestar.params import FromPath, FromQuery

from backend.core.web import CurrentActor, Html, Request, Session, page
from backend.records.roster import service
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission


@get("/lop", guards=[requires(Permission.CLASSES_READ)])
async def show_classes(
    request: Request, session: Session, actor: CurrentActor, khoi: FromQuery[int | None] = None
) -> Html:
    """All classes, or those of one grade; the actor's own first."""
    classes = await service.list_classes(session)
    grades = Counter(one.grade_level for one in classes)
    grade = khoi if khoi in grades else None
    return page(
        request,
        "records/roster/classes.html",
        classes=[one for one in classes if grade in (None, one.grade_level)],
        all_classes=classes,
        grades=dict(sorted(grades.items())),
        grade=grade,
        own=[one for one in classes if one.homeroom_teacher_id == actor.staff_id],
    )


@get("/lop/{class_id:uuid}", guards=[requires(Permission.CLASSES_READ)])
async def show_class(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """One class: its pupils."""
    return page(
        request,
        "records/roster/class.html",
        school_class=await service.get_class(session, class_id),
        students=await service.open_class_list(session, actor, class_id),
    )
