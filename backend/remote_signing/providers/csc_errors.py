"""What an error of a CSC service means for us (CSC API v1 and v2, error codes).

One HTTP 400 covers "new SAD", "ask the user again" and "never", so the description decides, not the status.
"""

import re
from collections.abc import Callable

import msgspec

from backend.core.http_client import Response
from backend.remote_signing.providers import port, wire
from backend.remote_signing.providers.wire import rule

_Make = Callable[[str], port.ProviderError]


class _Body(msgspec.Struct, frozen=True):
    error: str = ""
    error_description: str = ""


LOCKED = rule(
    port.Locked,
    "Mã PIN hoặc chứng thư số đang bị khóa; người ký cần mở khóa với nhà cung cấp rồi ký lại.",
)
WRONG_SECRET = rule(port.UserActionNeeded, "Mã PIN hoặc OTP không đúng; xin kiểm tra lại rồi nhập lần nữa.")
CERTIFICATE = rule(
    port.AccountProblem,
    "Chứng thư số đã hết hạn, bị thu hồi hoặc tạm dừng; nhà trường cần liên hệ nhà cung cấp chữ ký số.",
)
CLIENT = rule(
    port.LoginRefused,
    "Dịch vụ ký số từ chối tài khoản kết nối; người quản trị kiểm tra lại mã và khóa kết nối.",
)
TOKEN = rule(wire.TokenRefused, "Phiên kết nối với dịch vụ ký số đã hết hạn.")
DECLINED = rule(wire.WasDeclined, "Người ký đã từ chối xác nhận trên điện thoại.")
EXPIRED = rule(wire.HasExpired, "Quá thời hạn xác nhận ký trên điện thoại; người ký cần gửi lại yêu cầu.")
REFUSED = rule(
    port.RequestRefused,
    "Dịch vụ ký số cho rằng yêu cầu ký không hợp lệ; người quản trị cần xem nhật ký để xử lý.",
)
#: By `error`, where it alone is clear.
_BY_ERROR: dict[str, _Make] = {
    "invalid_token": TOKEN,
    "access_denied": DECLINED,
    "invalid_pin": WRONG_SECRET,
    "invalid_otp": WRONG_SECRET,
    "invalid_authentication_data": WRONG_SECRET,
    "invalid_client": CLIENT,
    "invalid_grant": CLIENT,
    "unauthorized_client": CLIENT,
    "authentication_error": CLIENT,
}
#: By `error_description`, first match wins, before `error`: a locked PIN is an invalid one, too.
_BY_DESCRIPTION: tuple[tuple[re.Pattern[str], _Make], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), make)
    for pattern, make in (
        (r"\bSAD\b.*expired", rule(
            port.NewAuthorizationNeeded, "Lượt xác nhận ký đã hết hiệu lực; người ký cần xác nhận lại.")),
        (r"signing certificate\b.*\bexpired|invalid certificate status", CERTIFICATE),
        (r"\b(PIN|OTP|credential)\b.* locked", LOCKED),
        (r"\b(PIN|OTP|credential) locked", LOCKED),
        (r"(authorization|handle|request)\b.*\bexpired", EXPIRED),
    )
)  # fmt: skip


def failure(answer: Response) -> port.ProviderError:
    """The exception for an answer that is not a success.

    The detail keeps the service's words, cut to 300 characters.
    """
    body = wire.peek(answer, _Body, _Body())
    detail = f"HTTP {answer.status} {body.error}: {body.error_description}"[:300]
    if answer.status >= 500 or not body.error:
        # A 401 or 404 page of a proxy says nothing about what the service did.
        kind = wire.TokenRefused if answer.status == 401 else port.OutcomeUnknown
        return kind(wire.UNCLEAR, detail)
    return _meaning(body)(detail)


def _meaning(body: _Body) -> _Make:
    if body.error != "invalid_token":
        for pattern, make in _BY_DESCRIPTION:
            if pattern.search(body.error_description):
                return make
    return _BY_ERROR.get(body.error, REFUSED)
