"""What an error of a CSC service means for us (CSC API v2, error codes).

One HTTP 400 covers "new SAD", "ask the user again" and "never", so the description decides, not the status.
"""

import re
from collections.abc import Callable

import msgspec

from backend.core.http_client import Response
from backend.remote_signing.providers import port

_UNCLEAR = "Dịch vụ ký số trả lời không đọc được; hệ thống sẽ hỏi lại, không gửi yêu cầu ký mới."
_BUSY = "Dịch vụ ký số đang quá tải; hệ thống sẽ tự thử lại sau ít phút."
_Make = Callable[[str], port.ProviderError]


class TokenRefused(port.LoginRefused):
    """The access token is not accepted; a fresh one may be."""


class WasDeclined(port.UserActionNeeded):
    """The person refused."""


class HasExpired(port.NewAuthorizationNeeded):
    """The question to the person ran out."""


class _Body(msgspec.Struct, frozen=True):
    error: str = ""
    error_description: str = ""


def _rule(kind: type[port.ProviderError], message: str) -> _Make:
    return lambda detail: kind(message, detail)


_LOCKED = _rule(
    port.UserActionNeeded,
    "Mã PIN hoặc chứng thư số đang bị khóa; người ký cần mở khóa với nhà cung cấp rồi ký lại.",
)
_WRONG_SECRET = _rule(
    port.UserActionNeeded, "Mã PIN hoặc OTP không đúng; người ký kiểm tra lại rồi tự bấm ký lần nữa."
)
_CERTIFICATE = _rule(
    port.AccountProblem,
    "Chứng thư số đã hết hạn, bị thu hồi hoặc tạm dừng; nhà trường cần liên hệ nhà cung cấp chữ ký số.",
)
_CLIENT = _rule(
    port.LoginRefused,
    "Dịch vụ ký số từ chối tài khoản kết nối; người quản trị kiểm tra lại mã và khóa kết nối.",
)
#: By `error`, where it alone is clear.
_BY_ERROR: dict[str, _Make] = {
    "invalid_token": _rule(TokenRefused, "Phiên kết nối với dịch vụ ký số đã hết hạn."),
    "access_denied": _rule(WasDeclined, "Người ký đã từ chối xác nhận trên điện thoại."),
    "invalid_pin": _WRONG_SECRET,
    "invalid_otp": _WRONG_SECRET,
    "invalid_authentication_data": _WRONG_SECRET,
    "invalid_client": _CLIENT,
    "invalid_grant": _CLIENT,
    "unauthorized_client": _CLIENT,
    "authentication_error": _CLIENT,
}
#: By `error_description`, first match wins.
_BY_DESCRIPTION: tuple[tuple[re.Pattern[str], _Make], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), make)
    for pattern, make in (
        (r"\bSAD\b.*expired", _rule(
            port.NewAuthorizationNeeded, "Lượt xác nhận ký đã hết hiệu lực; người ký cần xác nhận lại.")),
        (r"signing certificate\b.*\bexpired|invalid certificate status", _CERTIFICATE),
        (r"(PIN|credential) locked", _LOCKED),
        (r"(authorization|handle|request)\b.*\bexpired", _rule(
            HasExpired, "Quá thời hạn xác nhận ký trên điện thoại; người ký cần gửi lại yêu cầu.")),
    )
)  # fmt: skip


def failure(answer: Response) -> port.ProviderError:
    """The exception for an answer that is not a success.

    The detail keeps the service's words, cut to 300 characters.
    """
    try:
        body = msgspec.json.decode(answer.body, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        body = _Body()
    detail = f"HTTP {answer.status} {body.error}: {body.error_description}"[:300]
    if answer.status == 429:
        return port.NotReached(_BUSY, detail, retry_after(answer))
    if answer.status >= 500 or not body.error:
        # A 401 or 404 page of a proxy says nothing about what the service did.
        return (
            TokenRefused(_UNCLEAR, detail) if answer.status == 401 else port.OutcomeUnknown(_UNCLEAR, detail)
        )
    return _meaning(body)(detail)


def unreadable(answer: Response, why: str) -> port.OutcomeUnknown:
    """A success whose body is not what the standard says."""
    return port.OutcomeUnknown(_UNCLEAR, f"HTTP {answer.status}, {why}"[:300])


def retry_after(answer: Response) -> float | None:
    """Seconds from Retry-After, if it is a number."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None


def _meaning(body: _Body) -> _Make:
    if body.error in _BY_ERROR:
        return _BY_ERROR[body.error]
    for pattern, make in _BY_DESCRIPTION:
        if pattern.search(body.error_description):
            return make
    return _rule(
        port.RequestRefused,
        "Dịch vụ ký số cho rằng yêu cầu ký không hợp lệ; người quản trị cần xem nhật ký để xử lý.",
    )
