"""Choosing the school to work in, for an account with places in several."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromQuery, URLEncodedBody

from backend.core import cookies
from backend.core.errors import NotFound
from backend.core.web import CurrentActor, Html, Request, local_path, page, redirect, without_transaction
from backend.tenants.guards import requires
from backend.tenants.workplaces import service


class ChoiceForm(msgspec.Struct, frozen=True):
    """The school, and the page to go to afterwards."""

    truong: str = ""
    tiep: str = ""
    csrf_token: str = ""


@get("/chon-truong", guards=[requires(), without_transaction])
async def show_workplaces(request: Request, actor: CurrentActor, tiep: FromQuery[str] = "") -> Html:
    """The schools of this account."""
    return page(
        request,
        "tenants/workplaces/workplaces.html",
        workplaces=await service.workplaces(cookies.read(request, "session")),
        here=actor.tenant_id,
        tiep=local_path(tiep),
    )


@post("/chon-truong", guards=[requires(), without_transaction])
async def change(request: Request, data: URLEncodedBody[ChoiceForm]) -> Html:
    """Go on in the school that was chosen."""
    token = await service.change(cookies.read(request, "session"), _tenant(data.truong))
    answer = redirect(request, local_path(data.tiep))
    answer.cookies.append(cookies.write("session", token))
    return answer


def _tenant(typed: str) -> uuid.UUID:
    try:
        return uuid.UUID(typed)
    except ValueError:
        raise NotFound("Tài khoản này không làm việc ở trường vừa chọn.") from None
