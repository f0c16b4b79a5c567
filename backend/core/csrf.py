"""Requests that change something must come from a page that we gave to the same browser.

The token is an HMAC of the session's cookie (or, before sign-in, of a random form cookie), so one person's
token is worthless to another and dies with the session. `Sec-Fetch-Site` is checked first: it needs no key.
"""

from http import HTTPStatus

from litestar.connection import Request
from litestar.handlers import BaseRouteHandler

from backend.core import cookies, settings
from backend.core.crypto import keyed_digest, same
from backend.core.errors import AppError
from backend.core.visit import SAFE_METHODS, Connection

HEADER = "x-csrf-token"
FIELD = "csrf_token"
#: Handler option of machine interfaces that carry no cookie: the value says why.
EXEMPT = "csrf_exempt"


class ForeignRequest(AppError):
    """The request was not sent by a page of ours; the sentence asks to do it again there."""

    status = HTTPStatus.BAD_REQUEST


_STALE = "Biểu mẫu này đã cũ hoặc không phải do trang này gửi; xin tải lại trang rồi gửi lại."
_FOREIGN = "Yêu cầu này được gửi từ một trang khác nên không được thực hiện; xin làm lại ngay trên trang này."


def token_for(secret: str) -> str:
    """The token that belongs to a cookie's value."""
    return keyed_digest(settings.get().secret_key, "csrf", secret)


def token_of(connection: Connection) -> str:
    """The token that this browser must send back; empty when it has no cookie of ours yet."""
    secret = binding(connection)
    return token_for(secret) if secret else ""


def binding(connection: Connection) -> str:
    """The cookie value that forms of this browser are bound to."""
    return cookies.read(connection, "session") or cookies.read(connection, "form")


async def check(connection: Connection, handler: BaseRouteHandler) -> None:
    """Part of every handler's guard: raises ForeignRequest for an unsafe request not sent by our page."""
    if connection.scope.get("method") in SAFE_METHODS or handler.opt.get(EXEMPT):
        return
    if connection.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise ForeignRequest(_FOREIGN)
    expected = token_of(connection)
    if not expected or not same(expected, await _sent(connection)):
        raise ForeignRequest(_STALE)


async def _sent(connection: Connection) -> str:
    token = connection.headers.get(HEADER)
    if token is None and isinstance(connection, Request):
        token = (await connection.form()).get(FIELD)
    return token if isinstance(token, str) else ""
