"""Handlers that do one thing each, added to the site in tests of the edge."""

from litestar import get, post
from litestar.params import FromPath, FromQuery
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.core import audit, errors
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.rate_limit import TooManyTries
from backend.core.web import CurrentActor, Html, Request, Session, fragment, page, redirect
from backend.tenants.guards import public, requires
from backend.tenants.permissions import Permission

KINDS = {
    "not-found": errors.NotFound("Không tìm thấy học sinh An."),
    "forbidden": errors.Forbidden("Cô không dạy lớp 4A."),
    "conflict": errors.Conflict("Sổ điểm lớp 4A đã khóa."),
    "invalid": errors.Invalid("Điểm ở dòng 7 phải từ 0 đến 10."),
    "unavailable": errors.Unavailable("Dịch vụ ký đang không trả lời; xin thử lại sau."),
    "too-many": TooManyTries(7),
    "connection": ConnectionRefusedError("secret-address:5432"),
    "unexpected": RuntimeError("secret detail of Nguyễn Văn A"),
}


async def write(session: TenantSession, actor: Actor, label: str) -> None:
    """Leave one row behind, if the transaction is committed."""
    await audit.record(session, actor, Action.MARK_CHANGED, None, label)


async def count(session: AsyncSession, label: str) -> int:
    """How many rows `write` has left behind."""
    found = await session.scalar(
        text("select count(*) from audit_event where subject_label = :label"), {"label": label}
    )
    return int(found or 0)


@get("/thu/loi/{kind:str}", guards=[public()])
async def fail(kind: FromPath[str]) -> None:
    """Raise one kind of error."""
    raise KINDS[kind]


@get("/thu/ghi-khi-doc", guards=[requires()])
async def write_in_get(session: Session, actor: CurrentActor, nhan: FromQuery[str]) -> str:
    """A bug: a GET that writes."""
    await write(session, actor, nhan)
    return "written"


@get("/thu/mat-ket-noi", guards=[requires()])
async def lose_the_database(session: Session) -> str:
    """PostgreSQL goes away in the middle of a statement."""
    await session.execute(text("select pg_terminate_backend(pg_backend_pid())"))
    return "still there"


@post("/thu/ghi", guards=[requires()])
async def write_in_post(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Write, then end as the form says."""
    form = await request.form()
    await write(session, actor, form["nhan"])
    if form.get("ket") == "error":
        raise errors.Conflict("Có người vừa sửa trước.")
    if form.get("ket") == "bug":
        raise RuntimeError
    if form.get("ket") == "template":
        return page(request, "errors/page.html")
    return redirect(request, "/thu/trang", "Đã ghi <b>xong</b>.")


@get("/thu/trang", guards=[requires()])
async def show_page(request: Request) -> Html:
    """A page behind sign-in; the error page is one that needs little."""
    return page(request, "errors/page.html", status=200, message="Xin chào.")


@get("/thu/manh", guards=[requires()])
async def show_fragment(request: Request) -> Html:
    """A fragment behind sign-in."""
    return fragment(request, "errors/_fragment.html", message="Mảnh trang.")


@get("/thu/so", guards=[requires()])
async def needs_number(so: FromQuery[int]) -> str:
    """A typed query parameter."""
    return str(so)


@get("/thu/chot", guards=[requires(Permission.TRANSCRIPT_FREEZE)])
async def for_principals() -> str:
    """Only for those who may freeze."""
    return "frozen"


PROBES = [
    fail,
    write_in_get,
    lose_the_database,
    write_in_post,
    show_page,
    show_fragment,
    needs_number,
    for_principals,
]
