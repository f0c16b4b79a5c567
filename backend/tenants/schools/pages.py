"""The profile of the school."""

import msgspec
from litestar import get, post
from litestar.params import URLEncodedBody

from backend.core.errors import Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect, several
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission
from backend.tenants.schools import service
from backend.tenants.schools.schemas import LEVEL_NAMES

_MANAGERS = requires(Permission.SCHOOL_MANAGE)


class ProfileForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the school says of itself; one level comes as a text, several as a list."""

    ten: str = ""
    ma_so_thue: str = ""
    xa_phuong: str = ""
    dia_chi: str = ""
    dien_thoai: str = ""
    cap_hoc: list[str] | str = ""
    csrf_token: str = ""


@get("/truong", guards=[_MANAGERS])
async def show_school(request: Request, session: Session) -> Html:
    """What the school is called and where it is, to be changed."""
    profile = await service.get_school(session)
    form = ProfileForm(
        ten=profile.name,
        ma_so_thue=profile.tax_code,
        xa_phuong=profile.ward,
        dia_chi=profile.address,
        dien_thoai=profile.phone,
        cap_hoc=list(profile.levels),
    )
    return page(
        request,
        "tenants/schools/school.html",
        profile=profile,
        form_data=form,
        error=None,
        levels=LEVEL_NAMES,
    )


@post("/truong", guards=[_MANAGERS])
async def change_school(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[ProfileForm]
) -> Html:
    """Save it, or show the form again with one sentence."""
    try:
        await service.change_school(
            session,
            actor,
            name=data.ten,
            tax_code=data.ma_so_thue,
            ward=data.xa_phuong,
            address=data.dia_chi,
            phone=data.dien_thoai,
            levels=several(data.cap_hoc),
        )
    except Invalid as error:
        return page(
            request,
            "tenants/schools/school.html",
            status_code=error.status,
            profile=await service.get_school(session),
            form_data=data,
            error=error.message,
            levels=LEVEL_NAMES,
        )
    return redirect(request, "/truong", "Đã lưu thông tin trường; học bạ chốt từ bây giờ dùng thông tin mới.")
