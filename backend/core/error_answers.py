"""Failures as people and programs see them: a page, a fragment for htmx, or problem details (RFC 9457).

Never a traceback, never the text of an unexpected exception; always the request's id, which leads to the log.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from backend.core import cookies, templates
from backend.core.errors import (
    AppError,
    FactorNeeded,
    Forbidden,
    RowsInvalid,
    Unauthenticated,
    VerificationNeeded,
)
from backend.core.visit import SAFE_METHODS, visit_of
from backend.core.web import Html, Request, frame_of, is_htmx, local_path, redirect

log = logging.getLogger(__name__)

SIGN_IN_PATH = "/dang-nhap"
VERIFY_PATH = "/xac-minh"
ACCOUNT_PATH = "/tai-khoan"
#: SQLSTATE character_not_in_repertoire.
_UNKEEPABLE_CHARACTER = "22021"
#: PostgreSQL is shutting down, starting, or has lost the connection (classes 08 and 57P).
_GOING_AWAY = ("08", "57P")
#: The names in a key of Litestar's, "rows[0].day", and in its words for what was left out.
_PARTS, _MISSING = re.compile(r"[^.\[\]]+"), re.compile(r"^Missing required \w+ parameter '([\w-]+)'")
_SENTENCES: Mapping[int, str] = {
    400: "Yêu cầu gửi lên bị thiếu hoặc sai cách viết; xin tải lại trang rồi thử lại.",
    404: "Không tìm thấy địa chỉ này.",
    405: "Địa chỉ này không nhận kiểu yêu cầu vừa gửi; xin quay lại trang trước và làm lại.",
    413: "Tệp hoặc biểu mẫu gửi lên quá lớn; xin chọn tệp nhỏ hơn.",
    415: "Kiểu tệp gửi lên không được nhận; xin chọn đúng kiểu tệp được ghi trên trang.",
    500: "Có lỗi ngoài dự kiến và việc này chưa được thực hiện.",
    503: "Máy chủ dữ liệu đang không trả lời; xin thử lại sau ít phút.",
}


def answer_app_error(request: Request, error: AppError) -> Html:
    """An expected failure says its own sentence; who is not signed in, must prove more or lacks a factor is led there."""
    if isinstance(error, Unauthenticated):
        return _to_sign_in(request, error)
    if isinstance(error, VerificationNeeded) and not _wants_json(request):
        return _to_verify(request, error)
    if isinstance(error, FactorNeeded) and not _wants_json(request):
        return redirect(request, ACCOUNT_PATH, error.message, "warn")
    if isinstance(error, Forbidden):
        visit_of(request).refused = error.message
    retry_after = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    if isinstance(error, RowsInvalid) and _wants_json(request):
        return _problem(request, error.status, error.message, headers, error.places)
    return _answer(request, error.status, error.message, headers)


def answer_http_error(request: Request, error: HTTPException) -> Html:
    """What Litestar refuses by itself: unknown address, wrong method, unreadable input."""
    if error.status_code >= 500:
        return answer_unexpected(request, error)
    if isinstance(error, ValidationException):
        said = _what_is_wrong(error)
        if _wants_json(request):
            return _problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, said, {}, _places(error))
        return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, said, {})
    sentence = _SENTENCES.get(error.status_code, _SENTENCES[400])
    allow = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return _answer(request, HTTPStatus(error.status_code), sentence, allow)


def answer_database_down(request: Request, error: Exception) -> Html:
    """The database does not answer: later it may."""
    _log("database does not answer", request, error)
    return _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, _SENTENCES[503], {"Retry-After": "5"})


def answer_unexpected(request: Request, error: Exception) -> Html:
    """The last resort: logged with file and line, told without.

    A NUL in a text, which PostgreSQL cannot keep, comes here wherever it was typed.
    """
    sqlstate = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
    if sqlstate.startswith(_GOING_AWAY) or getattr(error, "connection_invalidated", False):
        return answer_database_down(request, error)
    if sqlstate == _UNKEEPABLE_CHARACTER:
        sentence = "Nội dung gửi lên có ký tự ẩn không dùng được; hãy gõ lại rồi gửi."
        return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, sentence, {})
    _log("unexpected error", request, error)
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, _SENTENCES[500], {})


handlers: ExceptionHandlersMap = {
    AppError: answer_app_error,
    HTTPException: answer_http_error,
    OperationalError: answer_database_down,
    InterfaceError: answer_database_down,
    PoolTimeout: answer_database_down,
    ConnectionError: answer_database_down,
    Exception: answer_unexpected,
}


def _log(what: str, request: Request, error: Exception) -> None:
    log.error(what, exc_info=error, extra={"request_id": visit_of(request).request_id})


def _answer(request: Request, status: HTTPStatus, message: str, headers: dict[str, str]) -> Html:
    if _wants_json(request):
        return _problem(request, status, message, headers)
    context = frame_of(request) | {"status": status.value, "message": message}
    if is_htmx(request):
        headers = headers | {"HX-Retarget": "#flash", "HX-Reswap": "afterbegin"}
        return _html(templates.render("errors/_fragment.html", context), status, headers)
    return _html(templates.render("errors/page.html", context), status, headers)


def _problem(
    request: Request,
    status: HTTPStatus,
    message: str,
    headers: dict[str, str],
    places: Sequence[tuple[str, str]] = (),
) -> Html:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": message,
        "request_id": visit_of(request).request_id,
    }
    if places:
        body["errors"] = [{"pointer": f"#{pointer}", "detail": detail} for pointer, detail in places]
    return Response(
        msgspec.json.encode(body), status_code=status, media_type="application/problem+json", headers=headers
    )


def _to_sign_in(request: Request, error: Unauthenticated) -> Html:
    if _wants_json(request):
        scheme = {"WWW-Authenticate": "Bearer"} if _is_api(request) else {}
        return _problem(request, error.status, error.message, scheme)
    expired = "&het-han=1" if cookies.read(request, "session") else ""
    target = f"{SIGN_IN_PATH}?tiep={quote(_came_from(request), safe='/')}{expired}"
    answer = _elsewhere(request, target, error.status)
    if expired:
        answer.cookies.append(cookies.clear("session"))
    return answer


def _to_verify(request: Request, error: VerificationNeeded) -> Html:
    about = "&yeu-to=1" if error.for_factors else ""
    target = f"{VERIFY_PATH}?tiep={quote(error.back or _came_from(request), safe='/')}{about}"
    return _elsewhere(request, target, error.status)


def _elsewhere(request: Request, target: str, status: HTTPStatus) -> Html:
    """Send the browser to another page; htmx learns the status, too."""
    if is_htmx(request):
        return _html("", status, {"HX-Redirect": target})
    return _html("", HTTPStatus.SEE_OTHER, {"Location": target})


def _came_from(request: Request) -> str:
    """The page to come back to: the one shown now; after a form, which cannot be sent again, the first."""
    if is_htmx(request):
        shown = urlsplit(request.headers.get("hx-current-url", ""))
        return local_path(f"{shown.path}?{shown.query}" if shown.query else shown.path)
    if request.method not in SAFE_METHODS:
        return local_path("")
    query = request.scope["query_string"].decode("latin-1")
    return local_path(f"{request.scope['path']}?{query}" if query else request.scope["path"])


def _what_is_wrong(error: ValidationException) -> str:
    found = {_name(one) for one in _mistakes(error)} | {*_MISSING.findall(error.detail)}
    names = sorted(found - {""})
    where = f" ở mục: {', '.join(names)}" if names else ""
    return f"Dữ liệu gửi lên còn thiếu hoặc chưa đúng{where}; xin sửa rồi gửi lại."


def _places(error: ValidationException) -> list[tuple[str, str]]:
    """Where a JSON body is not of its schema: "rows[0].day" is "/rows/0/day" to programs (RFC 6901)."""
    return [
        (
            "".join(f"/{part}" for part in _PARTS.findall(one.get("key", "")) if part != "data"),
            f"Chưa đúng theo tài liệu OpenAPI: {one.get('message', '')}",
        )
        for one in _mistakes(error)
        if one.get("source") == "body"
    ]


def _mistakes(error: ValidationException) -> list[dict[str, Any]]:
    found: list[Any] = error.extra if isinstance(error.extra, list) else []
    return [one for one in found if isinstance(one, dict)]


def _name(mistake: dict[str, Any]) -> str:
    key = str(mistake.get("key", ""))
    return key.replace("_", "-").title() if mistake.get("source") == "header" else key


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return _is_api(request) or ("json" in accepted and "text/html" not in accepted)


def _is_api(request: Request) -> bool:
    return request.scope["path"].startswith("/api/")


def _html(text: str, status: HTTPStatus, headers: dict[str, str]) -> Html:
    return Response(text.encode(), status_code=status, media_type="text/html", headers=headers)
