"""The page on which a school decides about its own safety."""

import msgspec
from litestar import get, post
from litestar.params import URLEncodedBody

from backend.core import settings
from backend.core.database import TenantSession
from backend.core.errors import AppError, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import ROLE_NAMES, Permission
from backend.tenants.policies import rules, service
from backend.tenants.policies.schemas import LONGEST_IDLE, SHORTEST_IDLE

_PAGE = "/truong/quy-dinh"
_MANAGERS = requires(Permission.SCHOOL_MANAGE)


class PoliciesForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided; one role comes as a text, several as a list, a box that is off not at all."""

    vai: list[str] | str = ""
    chi_mat_khau: str = ""
    so_phut: str = ""
    thu_nghiem: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[_MANAGERS])
async def show_policies(request: Request, session: Session) -> Html:
    """What holds, the form, and earlier decisions."""
    now = await service.current(session)
    form = PoliciesForm(
        vai=sorted(now.second_factor_roles),
        chi_mat_khau="1" if now.password_alone else "",
        so_phut=str(now.idle_minutes),
        thu_nghiem="1" if now.trial_password else "",
    )
    return await _show(request, session, form)


@post(_PAGE, guards=[_MANAGERS, step_up(_PAGE)])
async def change_policies(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[PoliciesForm]
) -> Html:
    """Decide, or show the form again with one sentence."""
    trial = settings.get().is_sandbox
    old = await service.current(session)
    try:
        new = rules.checked(
            [data.vai] if isinstance(data.vai, str) and data.vai else data.vai,
            password_alone=data.chi_mat_khau == "1",
            idle_minutes=data.so_phut,
            trial_password=data.thu_nghiem == "1" if trial else old.trial_password,
        )
    except Invalid as error:
        return await _show(request, session, data, error)
    await service.change(session, actor, new)
    return redirect(request, _PAGE, "Đã lưu quy định; có hiệu lực từ lần mở trang kế tiếp của mọi người.")


async def _show(
    request: Request, session: TenantSession, data: PoliciesForm, error: AppError | None = None
) -> Html:
    return page(
        request,
        "tenants/policies/policies.html",
        status_code=error.status if error else 200,
        form_data=data,
        error=error.message if error else None,
        roles=ROLE_NAMES,
        shortest=SHORTEST_IDLE,
        longest=LONGEST_IDLE,
        versions=await service.history(session),
    )
