"""The public page: anyone may check a transcript, without signing in and without JavaScript, in two languages."""

import re
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery, URLEncodedBody

from backend.core import admission, rate_limit, settings
from backend.core.admission import RouteClass
from backend.core.errors import AppError, Invalid, NotFound, Unavailable
from backend.core.templates import LANGUAGES, en_date, said, vn_date
from backend.core.web import Html, Request, network_of, page, redirect
from backend.records.assessment.schemas import SUBJECT_LEVEL_NAMES, TRAIT_LEVEL_NAMES
from backend.records.transcripts.schemas import PDF_TYPE, XML_TYPE
from backend.records.verification import content, rules, service, slips
from backend.records.verification.schemas import Answer
from backend.remote_signing.requests.schemas import ROLE_NAMES
from backend.tenants.guards import public

_TEMPLATE = "records/verification/check.html"
#: Checking a file costs about a second of a processor.
FILES = rate_limit.Limit(name="check-file", burst=10, per_seconds=60)
_LOOKUP = {admission.OPTION: RouteClass.LOOKUP}
#: A slip is a row that stays.
SLIPS = rate_limit.Limit(name="make-slip", burst=10, per_seconds=600)
_TYPES = {"pdf": PDF_TYPE, "xml": XML_TYPE}
#: Longest code that is shown again to whoever typed it.
_MAX_TYPED = 48


class CheckForm(msgspec.Struct):
    """A code, or a file; and whether the answer is wanted on paper."""

    ma: str = ""
    tep: UploadFile | None = None
    phieu: str = ""
    lang: str = ""
    csrf_token: str = ""


class HeldForm(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on the document, and, to take a file away, which."""

    ma: str = ""
    ngay_sinh: str = ""
    nam_hoc: str = ""
    loai: str = ""
    lang: str = ""
    csrf_token: str = ""


class SlipForm(msgspec.Struct, frozen=True, kw_only=True):
    """Of which code an answer is wanted on paper."""

    ma: str = ""
    lang: str = ""
    csrf_token: str = ""


@get("/tra-cuu", guards=[public()])
async def show_form(request: Request, lang: FromQuery[str] = "") -> Html:
    """Where a code is typed or a file is dropped."""
    return _show(request, lang=lang)


@get("/tra-cuu/{code:str}", guards=[public()], opt=_LOOKUP)
async def check_code(request: Request, code: FromPath[str], lang: FromQuery[str] = "") -> Html:
    """The answer to a code: the address in the QR code leads here."""
    try:
        answer = await service.check_code(code)
    except NotFound as error:
        return _show(request, error=error, typed=code[:_MAX_TYPED], lang=lang)
    return _show(request, answer=answer, lang=lang)


@get("/tra-cuu/{code:str}/minh-bach", guards=[public()], opt=_LOOKUP)
async def take_log_proof(
    request: Request, code: FromPath[str], lang: FromQuery[str] = ""
) -> Html | Response[bytes]:
    """The proof that it stands in the public log (c2sp.org/tlog-proof)."""
    try:
        proof, version = await service.log_proof(code)
    except NotFound as error:
        return _show(request, error=error, typed=code[:_MAX_TYPED], lang=lang)
    name = f"hoc-ba-{version.academic_year}-phien-ban-{version.number}.tlog-proof"
    return Response(
        proof.encode(),
        media_type="text/plain",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@post(
    "/tra-cuu",
    guards=[public()],
    opt=_LOOKUP,
    request_max_body_size=service.MAX_UPLOAD + 100_000,
    status_code=200,
)
async def check(
    request: Request, data: Annotated[CheckForm, Body(media_type=RequestEncodingType.MULTI_PART)]
) -> Html:
    """A typed code is sent on to its own address; a file is checked here and not kept."""
    lang = _language(data.lang)
    if data.ma.strip():
        return redirect(request, _address(f"/tra-cuu/{_path_part(data.ma)}", lang))
    try:
        uploaded = await data.tep.read() if data.tep else b""
        if not uploaded:
            raise Invalid("Bạn chưa nhập mã tra cứu và cũng chưa chọn tệp; hãy điền một trong hai.")
        await rate_limit.take(FILES, network_of(request))
        answer = await service.check_file(uploaded)
        if data.phieu:
            return redirect(request, _address(f"/tra-cuu/phieu/{await slips.make(answer)}", lang))
    except NotFound as error:
        return _show(request, answer=answer, note=error.message, from_file=True, lang=lang)
    except (Invalid, Unavailable) as error:
        return _show(request, error=error, lang=lang)
    return _show(request, answer=answer, from_file=True, lang=lang)


@post("/tra-cuu/noi-dung", guards=[public()], opt=_LOOKUP, status_code=200)
async def show_content(request: Request, data: URLEncodedBody[HeldForm]) -> Html:
    """The answer and what the transcript says; nothing of it is kept in the browser or in the address."""
    lang = _language(data.lang)
    try:
        born = content.read_day(data.ngay_sinh)
        shown = await content.open_content(data.ma, born, network_of(request))
    except (Invalid, NotFound) as error:
        return _show(request, error=error, typed=data.ma[:_MAX_TYPED], lang=lang)
    return page(
        request,
        "records/verification/content.html",
        **_facts(shown.answer, lang),
        shown=shown.years,
        code=data.ma,
        typed_day=data.ngay_sinh,
        level_words={"subject": SUBJECT_LEVEL_NAMES, "trait": TRAIT_LEVEL_NAMES},
    )


@post("/tra-cuu/noi-dung/tep", guards=[public()], opt=_LOOKUP, status_code=200)
async def take_file(request: Request, data: URLEncodedBody[HeldForm]) -> Html | Response[bytes]:
    """The signed file of a year."""
    try:
        born = content.read_day(data.ngay_sinh)
        file, version = await content.take_file(data.ma, born, data.nam_hoc, data.loai, network_of(request))
    except (Invalid, NotFound) as error:
        return _show(request, error=error, typed=data.ma[:_MAX_TYPED], lang=_language(data.lang))
    name = f"hoc-ba-{version.academic_year}-phien-ban-{version.number}.{data.loai}"
    return Response(
        file,
        media_type=_TYPES[data.loai],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@post("/tra-cuu/phieu", guards=[public()], opt=_LOOKUP, status_code=200)
async def make_slip(request: Request, data: URLEncodedBody[SlipForm]) -> Html:
    """Ask once more, keep the answer, and show it under its reference."""
    lang = _language(data.lang)
    try:
        await rate_limit.take(SLIPS, network_of(request))
        reference = await slips.make(await service.check_code(data.ma))
    except NotFound as error:
        return _show(request, error=error, typed=data.ma[:_MAX_TYPED], lang=lang)
    return redirect(request, _address(f"/tra-cuu/phieu/{reference}", lang))


@get("/tra-cuu/phieu/{reference:str}", guards=[public()], opt=_LOOKUP)
async def show_slip(request: Request, reference: FromPath[str], lang: FromQuery[str] = "") -> Html:
    """The answer as it was given, to be printed."""
    lang = _language(lang)
    try:
        slip = await slips.find(reference)
    except NotFound as error:
        return _show(request, error=error, lang=lang)
    here = f"{settings.get().public_url.rstrip('/')}/tra-cuu/phieu/{slip.reference}"
    return page(
        request,
        "records/verification/slip.html",
        slip=slip,
        **_facts(slip.answer, lang),
        here=here,
        qr=slips.qr_code(here),
    )


def _language(asked: str) -> str:
    """The language that the form or the address asks for; Vietnamese without it."""
    return asked if asked in LANGUAGES else LANGUAGES[0]


def _address(path: str, lang: str) -> str:
    """An address of these pages in the same language."""
    return path if lang == LANGUAGES[0] else f"{path}?lang={lang}"


def _path_part(typed: str) -> str:
    """What was typed as a part of an address: a code as it is kept, anything else so that it can be corrected."""
    return service.normal(typed) or re.sub(r"[^0-9A-Za-z]", "", typed)[:_MAX_TYPED] or "khong-hop-le"


def _show(
    request: Request,
    *,
    answer: Answer | None = None,
    error: AppError | None = None,
    note: str = "",
    from_file: bool = False,
    typed: str = "",
    lang: str = "",
) -> Html:
    """The page with an answer, or with what was wrong about the question. `note`: what could not be done besides."""
    lang = _language(lang)
    return page(
        request,
        _TEMPLATE,
        status_code=error.status if error else 200,
        **_facts(answer, lang),
        error=said(lang, error.message) if error else None,
        note=said(lang, note),
        from_file=from_file,
        typed=typed,
    )


def _facts(answer: Answer | None, lang: str) -> dict[str, Any]:
    """The names that every page with an answer needs: the answer, its words, the language."""
    say, written = partial(said, lang), vn_date if lang == LANGUAGES[0] else en_date
    return {
        "answer": answer,
        "lang": lang,
        "answers": rules.answers(answer, say, written) if answer else [],
        "headline": rules.headline(answer, say) if answer else ("", ""),
        "years": [(one, *rules.standing(one.standing, say)) for one in answer.years] if answer else [],
        "roles": {role: say(name) for role, name in ROLE_NAMES.items()},
    }
