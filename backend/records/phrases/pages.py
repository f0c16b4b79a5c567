"""The phrase bank of whoever writes comments."""

import uuid

import msgspec
from litestar import get, post
from litestar.params import FromPath, URLEncodedBody

from backend.core.errors import AppError, Conflict, Invalid
from backend.core.web import CurrentActor, Html, Request, Session, page, redirect
from backend.records.phrases import rules, service
from backend.records.phrases.schemas import MAX_PHRASE, NewPhrase
from backend.records.roster.curriculum import all_subjects
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

ROOT = "/cau-mau"
_WRITES = requires(Permission.PHRASE_WRITE)


class PhraseForm(msgspec.Struct, frozen=True, kw_only=True):
    """A phrase, for what it is, and whether the whole school has it."""

    cau: str = ""
    mon: str = ""
    khoi: str = ""
    muc: str = ""
    chung: str = ""
    csrf_token: str = ""


@get(ROOT, guards=[_WRITES])
async def show_phrases(request: Request, session: Session, actor: CurrentActor) -> Html:
    """One's own phrases and those of the school."""
    return await _phrases(request, session, actor, PhraseForm())


@post(ROOT, guards=[_WRITES])
async def add_phrase(
    request: Request, session: Session, actor: CurrentActor, data: URLEncodedBody[PhraseForm]
) -> Html:
    """One more; or the form again with one sentence."""
    new = NewPhrase(
        text=data.cau,
        subject_code=data.mon,
        grade_level=data.khoi,
        level=data.muc,
        shared=bool(data.chung),
    )
    try:
        await service.add_phrase(session, actor, new)
    except (Invalid, Conflict) as error:
        return await _phrases(request, session, actor, data, error)
    return redirect(request, ROOT, "Đã thêm câu mẫu.")


@post(f"{ROOT}/{{phrase_id:uuid}}/bo", guards=[_WRITES])
async def remove_phrase(
    request: Request, session: Session, actor: CurrentActor, phrase_id: FromPath[uuid.UUID]
) -> Html:
    """One less."""
    await service.remove_phrase(session, actor, phrase_id)
    return redirect(request, ROOT, "Đã bỏ câu mẫu.")


async def _phrases(
    request: Request,
    session: Session,
    actor: CurrentActor,
    form: PhraseForm,
    error: AppError | None = None,
) -> Html:
    return page(
        request,
        "records/phrases/phrases.html",
        status_code=error.status if error else 200,
        phrases=await service.list_phrases(session, actor),
        subjects=all_subjects(),
        levels=rules.LEVELS,
        may_share=actor.may(Permission.PHRASE_SHARE),
        longest=MAX_PHRASE,
        form_values=form,
        error=error.message if error else "",
    )
