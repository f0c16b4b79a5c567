"""Choosing the school to work in, for an account with places in several."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromQuery, URLEncodedBody

from backend.core.errors import NotFound
from backend.core.web import (
    CurrentActor,
    CurrentSignIn,
    Html,
    Request,
    local_path,
    page,
    redirect,
    with_session,
    without_transaction,
)
from backend.tenants.guards import requires
from backend.tenants.workplaces import service


class ChoiceForm(msgspec.Struct, frozen=True):
    """The school, and the page to go to afterwards."""

    truong: str = ""
    tiep: str = ""
    csrf_token: str = ""


@get("/chon-truong", guards=[requires(), without_transaction])
async def show_workplaces(
    request: Request, actor: CurrentActor, sign_in: CurrentSignIn, tiep: FromQuery[str] = ""
) -> Html:
    """The schools of this account."""
    return page(
        request,
        "tenants/workplaces/workplaces.html",
        workplaces=await service.workplaces(sign_in),
        here=actor.tenant_id,
        tiep=local_path(tiep),
    )


@post("/chon-truong", guards=[requires(), without_transaction])
async def change(
    request: Request, actor: CurrentActor, sign_in: CurrentSignIn, data: URLEncodedBody[ChoiceForm]
) -> Html:
    """Go on in the school that was chosen."""
    token = await service.change(actor, sign_in, _tenant(data.truong))
    return with_session(redirect(request, local_path(data.tiep)), token)


def _tenant(typed: str) -> uuid.UUID:
    try:
        return uuid.UUID(typed)
    except ValueError:
        raise NotFound("Tài khoản này không làm việc ở trường vừa chọn.") from None
