"""Asking for a school to be opened; the operator of the platform decides."""

import msgspec
from litestar import get, post
from litestar.params import URLEncodedBody

from backend.core.errors import AppError, Invalid
from backend.core.rate_limit import TooManyTries
from backend.core.web import Html, Request, network_of, page, redirect, several
from backend.tenants.guards import public
from backend.tenants.openings import service
from backend.tenants.schools.schemas import LEVEL_NAMES, PROVINCES


class ApplicationForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a school says of itself; one level comes as a text, several as a list."""

    ten: str = ""
    ma_truong: str = ""
    ma_so_thue: str = ""
    tinh: str = ""
    xa_phuong: str = ""
    cap_hoc: list[str] | str = ""
    nguoi_dang_ky: str = ""
    thu: str = ""
    dien_thoai: str = ""
    csrf_token: str = ""


@get("/mo-truong", guards=[public()])
async def show_application(request: Request) -> Html:
    """The form."""
    return _form(request, ApplicationForm())


@post("/mo-truong", guards=[public()])
async def apply(request: Request, data: URLEncodedBody[ApplicationForm]) -> Html:
    """Keep the application for the operator, or show the form again with one sentence."""
    try:
        application = service.describe(
            name=data.ten,
            code=data.ma_truong,
            tax_code=data.ma_so_thue,
            province_code=data.tinh,
            ward=data.xa_phuong,
            levels=several(data.cap_hoc),
            applicant=data.nguoi_dang_ky,
            email=data.thu,
            phone=data.dien_thoai,
        )
        await service.apply(application, network_of(request))
    except (Invalid, TooManyTries) as error:
        return _form(request, data, error)
    return redirect(request, "/mo-truong/da-nhan")


@get("/mo-truong/da-nhan", guards=[public()])
async def show_received(request: Request) -> Html:
    """What happens next."""
    return page(request, "tenants/openings/received.html")


def _form(request: Request, data: ApplicationForm, error: AppError | None = None) -> Html:
    return page(
        request,
        "tenants/openings/apply.html",
        status_code=error.status if error else 200,
        form_data=data,
        error=error.message if error else None,
        provinces=list(PROVINCES.items()),
        levels=LEVEL_NAMES,
    )
