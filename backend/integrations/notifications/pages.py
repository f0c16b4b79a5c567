"""What waits for a person: the bell, the page, how they are told by e-mail; and what came of the e-mails."""

import msgspec
from litestar import get, post
from litestar.params import URLEncodedBody

from backend.core import mail
from backend.core.database import TenantSession
from backend.core.errors import AppError, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, fragment, page, redirect
from backend.integrations.notifications import service
from backend.integrations.notifications.schemas import RHYTHM_NAMES, STATE_NAMES, MailState
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_PAGE = "/thong-bao"
_SETTINGS = f"{_PAGE}/cai-dat"
TONES = {
    MailState.WAITING: "waiting",
    MailState.SENDING: "waiting",
    MailState.SENT: "ok",
    MailState.REFUSED: "bad",
    MailState.DROPPED: "neutral",
}


class SettingForm(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody wants to be told; hours as numbers."""

    nhip: str = ""
    gio: str = ""
    im_tu: str = ""
    im_den: str = ""
    gap: str = ""
    csrf_token: str = ""


@get(_PAGE, guards=[requires()])
async def show_notices(request: Request, session: Session, actor: CurrentActor) -> Html:
    """What waits for this person now."""
    notices = await service.pending(session, actor)
    return page(request, "integrations/notifications/notices.html", notices=notices)


@get(f"{_PAGE}/so", guards=[requires()])
async def show_bell(request: Request, session: Session, actor: CurrentActor) -> Html:
    """The bell with its number, for the frame of every page."""
    notices = await service.pending(session, actor)
    return fragment(request, "integrations/notifications/_bell.html", count=len(notices))


@get(_SETTINGS, guards=[requires()])
async def show_setting(request: Request, session: Session, actor: CurrentActor) -> Html:
    """How this person is told, and the last e-mails to them."""
    chosen = await service.setting_of(session, actor)
    form = SettingForm(
        nhip=chosen.rhythm,
        gio=str(chosen.hour),
        im_tu=str(chosen.quiet_from),
        im_den=str(chosen.quiet_until),
        gap="1" if chosen.urgent else "",
    )
    return await _setting(request, session, actor, form)


@post(_SETTINGS, guards=[requires()])
async def change_setting(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[SettingForm]
) -> Html:
    """Choose, or show the form again with one sentence."""
    try:
        chosen = service.checked(data.nhip, data.gio, data.im_tu, data.im_den, urgent=data.gap == "1")
    except Invalid as error:
        return await _setting(request, session, actor, data, error)
    await service.choose(session, actor, chosen)
    return redirect(request, _SETTINGS, "Đã lưu cách báo việc.")


@get(f"{_PAGE}/thu", guards=[requires(Permission.PEOPLE_MANAGE)])
async def show_mails(request: Request, session: Session) -> Html:
    """The last e-mails of the school: to whom, and whether the server took them. What they said is kept nowhere."""
    return page(
        request,
        "integrations/notifications/mails.html",
        mails=await service.all_mails(session),
        configured=mail.is_configured(),
        states=STATE_NAMES,
        tones=TONES,
    )


async def _setting(
    request: Request,
    session: TenantSession,
    actor: CurrentActor,
    form: SettingForm,
    error: AppError | None = None,
) -> Html:
    return page(
        request,
        "integrations/notifications/setting.html",
        status_code=error.status if error else 200,
        form_data=form,
        error=error.message if error else None,
        rhythms=RHYTHM_NAMES,
        mails=await service.own_mails(session, actor),
        configured=mail.is_configured(),
        states=STATE_NAMES,
        tones=TONES,
    )
