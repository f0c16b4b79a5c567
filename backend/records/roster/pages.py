"""Classes and their pupils."""

import uuid

from litestar import get
from litestar.params import FromPath

from backend.core.web import CurrentActor, Html, Request, Session, page
from backend.records.roster import service
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission


@get("/lop", guards=[requires(Permission.CLASSES_READ)])
async def show_classes(request: Request, session: Session, actor: CurrentActor) -> Html:
    """All classes by grade; the actor's own first."""
    classes = await service.list_classes(session)
    own = [one for one in classes if one.homeroom_teacher_id == actor.staff_id]
    return page(request, "records/roster/classes.html", classes=classes, own=own)


@get("/lop/{class_id:uuid}", guards=[requires(Permission.CLASSES_READ)])
async def show_class(request: Request, session: Session, class_id: FromPath[uuid.UUID]) -> Html:
    """One class: its pupils."""
    return page(
        request,
        "records/roster/class.html",
        school_class=await service.get_class(session, class_id),
        students=await service.list_students(session, class_id),
    )
