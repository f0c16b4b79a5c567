"""Who in a class is not assessed in which subject, for the management."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.gradebook import exemptions
from backend.records.gradebook.wording import GROUND_NAMES
from backend.records.roster import service as roster
from backend.records.roster.curriculum import subject_name
from backend.records.roster.schemas import StudentId
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_MANAGES = requires(Permission.EXEMPTION_MANAGE)


class ExemptionForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who is exempt from what, and why."""

    hoc_sinh: str = ""
    mon: str = ""
    can_cu: str = ""
    ly_do: str = ""
    csrf_token: str = ""


@get("/lop/{class_id:uuid}/mien-hoc", guards=[_MANAGES])
async def show_exemptions(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """The exemptions of a class."""
    return await _exemptions(request, session, actor, class_id, ExemptionForm())


@post("/lop/{class_id:uuid}/mien-hoc", guards=[_MANAGES])
async def exempt(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ExemptionForm],
) -> Html:
    """One more; or the form again with one sentence."""
    try:
        student_id = StudentId(uuid.UUID(data.hoc_sinh))
    except ValueError:
        wanted = Invalid("Hãy chọn học sinh được miễn trong danh sách của lớp.")
        return await _exemptions(request, session, actor, class_id, data, wanted)
    try:
        words = await exemptions.exempt(
            session, actor, class_id, student_id, data.mon, data.can_cu, data.ly_do
        )
    except (Invalid, Conflict) as error:
        return await _exemptions(request, session, actor, class_id, data, error)
    return redirect(request, f"/lop/{class_id}/mien-hoc", words)


@post("/lop/{class_id:uuid}/mien-hoc/{exemption_id:uuid}/bo", guards=[_MANAGES])
async def end_exemption(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    exemption_id: FromPath[uuid.UUID],
) -> Html:
    """The pupil is assessed in the subject again."""
    words = await exemptions.end(session, actor, class_id, exemption_id)
    return redirect(request, f"/lop/{class_id}/mien-hoc", words)


async def _exemptions(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: uuid.UUID,
    form: ExemptionForm,
    error: AppError | None = None,
) -> Html:
    students, found = await exemptions.open_exemptions(session, actor, class_id)
    school_class = await roster.get_class(session, class_id)
    assigned = await roster.list_assignments(session, class_id)
    return page(
        request,
        "records/gradebook/exemptions.html",
        status_code=error.status if error else 200,
        school_class=school_class,
        exemptions=found,
        students=students,
        subjects=[
            (one.subject_code, subject_name(school_class.grade_level, one.subject_code)) for one in assigned
        ],
        grounds=GROUND_NAMES,
        form_values=form,
        error=error.message if error else "",
    )
