"""What of a class is published to families, and the slips that its homeroom teacher prints."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.errors import Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.publishing import rules, service
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_PUBLISHES = requires(Permission.SHEET_WRITE, Permission.MARKS_PUBLISH_ANY)


class PublishForm(msgspec.Struct, frozen=True, kw_only=True):
    """A period, and one sheet of it or none for all."""

    ky: str = ""
    so: str = ""
    csrf_token: str = ""


@get("/lop/{class_id:uuid}/cong-bo", guards=[_PUBLISHES])
async def show_publishing(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """What is published of each sheet, by period."""
    school_class, offers = await service.list_offers(session, actor, class_id)
    slips = service.may_see_slips(actor, school_class)
    return page(
        request,
        "records/publishing/publishing.html",
        school_class=school_class,
        periods=[
            (period, name, found)
            for period, name in rules.PERIOD_NAMES.items()
            if (found := [one for one in offers if one.period == period])
        ],
        students=await service.list_pupils(session, actor, school_class) if slips else [],
    )


@post("/lop/{class_id:uuid}/cong-bo", guards=[_PUBLISHES])
async def publish(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    data: URLEncodedBody[PublishForm],
) -> Html:
    """Publish one sheet, or all of a period that this person may publish."""
    try:
        sheet_id = uuid.UUID(data.so) if data.so else None
    except ValueError:
        raise Invalid("Sổ điểm được chọn không có trong lớp; hãy tải lại trang rồi chọn lại.") from None
    count = await service.publish(session, actor, class_id, data.ky, sheet_id)
    words = f"Đã công bố {count} sổ điểm." if count else "Không có gì mới để công bố."
    return redirect(request, f"/lop/{class_id}/cong-bo", words, "ok" if count else "info")


@post("/lop/{class_id:uuid}/cong-bo/{publication_id:uuid}/thoi", guards=[_PUBLISHES])
async def withdraw(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    publication_id: FromPath[uuid.UUID],
) -> Html:
    """Families are no longer shown it."""
    await service.withdraw(session, actor, class_id, publication_id)
    return redirect(request, f"/lop/{class_id}/cong-bo", "Đã thôi công bố.")


@get("/lop/{class_id:uuid}/phieu-diem/{student_id:uuid}", guards=[_PUBLISHES])
async def show_slip(
    request: Request,
    session: Session,
    actor: CurrentActor,
    class_id: FromPath[uuid.UUID],
    student_id: FromPath[uuid.UUID],
) -> Html:
    """What was published of one pupil, to be printed."""
    school_class, slip = await service.get_slip(session, actor, class_id, student_id)
    return page(request, "records/publishing/slip.html", school_class=school_class, slip=slip)
