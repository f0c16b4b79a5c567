"""The public page: anyone may check a transcript, without signing in and without JavaScript."""

import re
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from backend.core import admission, rate_limit
from backend.core.admission import RouteClass
from backend.core.errors import AppError, Invalid, NotFound, Unavailable
from backend.core.templates import vn_date
from backend.core.web import Html, Request, network_of, page, redirect
from backend.records.verification import service
from backend.records.verification.schemas import Answer, Standing
from backend.remote_signing.requests.schemas import ROLE_NAMES
from backend.tenants.guards import public

_TEMPLATE = "records/verification/check.html"
#: Checking a file costs about a second of a processor.
FILES = rate_limit.Limit(name="check-file", burst=10, per_seconds=60)
_LOOKUP = {admission.OPTION: RouteClass.LOOKUP}
#: Longest code that is shown again to whoever typed it.
_MAX_TYPED = 48


class CheckForm(msgspec.Struct):
    """A code, or a file."""

    ma: str = ""
    tep: UploadFile | None = None
    csrf_token: str = ""


@get("/tra-cuu", guards=[public()])
async def show_form(request: Request) -> Html:
    """Where a code is typed or a file is dropped."""
    return _page(request)


@get("/tra-cuu/{code:str}", guards=[public()], opt=_LOOKUP)
async def check_code(request: Request, code: FromPath[str]) -> Html:
    """The answer to a code: the address in the QR code leads here."""
    try:
        answer = await service.check_code(code)
    except NotFound as error:
        return _page(request, error=error, typed=code[:_MAX_TYPED])
    return _page(request, answer=answer)


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
    if data.ma.strip():
        return redirect(request, f"/tra-cuu/{_path_part(data.ma)}")
    try:
        content = await data.tep.read() if data.tep else b""
        if not content:
            raise Invalid("Bạn chưa nhập mã tra cứu và cũng chưa chọn tệp; hãy điền một trong hai.")
        await rate_limit.take(FILES, network_of(request))
        answer = await service.check_file(content)
    except (Invalid, Unavailable) as error:
        return _page(request, error=error)
    return _page(request, answer=answer, from_file=True)


def _path_part(typed: str) -> str:
    """What was typed as a part of an address: a code as it is kept, anything else so that it can be corrected."""
    return service.normal(typed) or re.sub(r"[^0-9A-Za-z]", "", typed)[:_MAX_TYPED] or "khong-hop-le"


def _page(
    request: Request,
    *,
    answer: Answer | None = None,
    error: AppError | None = None,
    from_file: bool = False,
    typed: str = "",
) -> Html:
    return page(
        request,
        _TEMPLATE,
        status_code=error.status if error else 200,
        answer=answer,
        answers=_answers(answer) if answer else [],
        headline=_headline(answer) if answer else ("", ""),
        error=error.message if error else None,
        from_file=from_file,
        typed=typed,
        roles=ROLE_NAMES,
    )


def _headline(answer: Answer) -> tuple[str, str]:
    if answer.verdict == "invalid":
        return "Học bạ không hợp lệ", "bad"
    if answer.verdict == "indeterminate":
        return "Chưa xác định được chữ ký có tin cậy không", "warn"
    if answer.standing is Standing.RECALLED:
        return "Học bạ này đã được nhà trường thu hồi, không còn giá trị", "bad"
    if answer.standing is Standing.SUPERSEDED:
        return "Học bạ đúng là bản đã phát hành nhưng đã được thay thế", "warn"
    if answer.standing is Standing.NOT_ACCEPTED:
        return "Học bạ đúng là bản đã phát hành nhưng Sở chưa chấp nhận", "warn"
    if answer.standing is None:
        return "Chữ ký hợp lệ nhưng tệp không phải bản đang lưu ở đây", "warn"
    return "Học bạ hợp lệ", "ok"


def _answers(answer: Answer) -> list[dict[str, str]]:
    """Intact, signed by whom, in force: three answers, never mixed."""
    intact = {
        "question": "Còn nguyên vẹn?",
        "answer": "Toàn bộ tệp còn nguyên như khi ký" if answer.intact else "Tệp đã bị thay đổi sau khi ký",
        "tone": "ok" if answer.intact else "bad",
    }
    trusted = bool(answer.signatures) and all(one.trusted for one in answer.signatures)
    signers = {
        "question": "Ai ký, khi nào?",
        "answer": f"{len(answer.signatures)} chữ ký, đều xác minh được"
        if trusted
        else f"{len(answer.signatures)} chữ ký, có chữ ký chưa xác minh được",
        "detail": "; ".join(dict.fromkeys(one.signer for one in answer.signatures)),
        "tone": "ok" if trusted else "warn",
    }
    force = {
        Standing.IN_FORCE: ("Đã chốt và đang có hiệu lực", "ok"),
        Standing.ISSUED: ("Đã phát hành; có hiệu lực từ khi được chốt", "ok"),
        Standing.NOT_ACCEPTED: ("Đã phát hành nhưng Sở Giáo dục và Đào tạo chưa chấp nhận", "warn"),
        Standing.RECALLED: ("Đã được nhà trường thu hồi", "bad"),
        Standing.SUPERSEDED: ("Đã được thay thế bằng phiên bản mới hơn", "warn"),
        None: ("Không tìm thấy bản này trong kho đã phát hành", "warn"),
    }[answer.standing]
    days = [
        ("Phát hành ngày", answer.issued_at),
        ("chốt, có hiệu lực từ ngày", answer.effective_on),
        ("thu hồi ngày", answer.recalled_at),
    ]
    issued = "; ".join(f"{what} {vn_date(day)}" for what, day in days if day)
    in_force = {"question": "Còn hiệu lực?", "answer": force[0], "tone": force[1], "detail": issued}
    return [intact, signers, in_force]
