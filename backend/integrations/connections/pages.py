"""The school's connection to its Authority: what is bound, a trial, and another binding. Secrets go in and never out."""

from litestar import get, post
from litestar.params import FromQuery

from backend.core.errors import AppError, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.integrations.authorities.schemas import TRIAL_NAMES, Trial
from backend.integrations.connections import service
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_MANAGES = requires(Permission.AUTHORITY_BIND)
_PARAMETER, _SECRET = "tham_so.", "bi_mat."
TONES = {
    Trial.ANSWERED: "ok",
    Trial.REFUSED: "bad",
    Trial.UNREACHED: "warn",
    Trial.UNREADABLE: "bad",
}


@get("/ket-noi-so", guards=[_MANAGES])
async def show_connection(request: Request, session: Session, ho_so: FromQuery[str] = "") -> Html:
    """The connection, and the form of the Authority that was chosen."""
    return await _page(request, session, ho_so, {})


@post("/ket-noi-so", guards=[_MANAGES, step_up("/ket-noi-so")], status_code=200)
async def bind(request: Request, session: Session, actor: CurrentActor) -> Html:
    """Bind what was filled in."""
    sent = {name: str(value) for name, value in (await request.form()).items()}
    chosen = sent.get("ho_so", "")
    parameters = _under(_PARAMETER, sent)
    try:
        await service.bind(session, actor, chosen, parameters, _under(_SECRET, sent))
    except Invalid as error:
        return await _page(request, session, chosen, parameters, error)
    return redirect(request, "/ket-noi-so", "Đã lưu kết nối.")


@post("/ket-noi-so/thu", guards=[_MANAGES])
async def try_connection(request: Request, session: Session) -> Html:
    """Ask the Authority whether it answers."""
    await service.ask_to_try(session)
    return redirect(request, "/ket-noi-so", "Hệ thống đang thử kết nối; xin mở lại trang sau ít giây.")


async def _page(
    request: Request, session: Session, chosen: str, parameters: dict[str, str], error: AppError | None = None
) -> Html:
    connection = await service.look(session)
    bound = connection.binding
    profile_id = chosen or (bound.profile.profile if bound else "")
    kept = bound.parameters if bound and bound.profile.profile == profile_id else {}
    return page(
        request,
        "integrations/connections/connection.html",
        status_code=error.status if error else 200,
        connection=connection,
        chosen=next((one for one in connection.offered if one.profile == profile_id), None),
        values={**kept, **parameters},
        has_secrets=bool(bound and bound.profile.profile == profile_id),
        error=error.message if error else None,
        trials=TRIAL_NAMES,
        tones=TONES,
    )


def _under(prefix: str, sent: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in sent.items() if name.startswith(prefix)}
