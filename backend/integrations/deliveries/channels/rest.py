"""REST with JSON: POST a message, GET what became of it. Whatever is not clearly an answer is `Unknown`."""

import base64
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

import msgspec

from backend.core import clock, http_client
from backend.core.http_client import Response
from backend.integrations.deliveries.channels import port

#: Largest answer that is read, in bytes.
_MAX_ANSWER = 1024 * 1024
_MESSAGES = "/api/v1/messages"
_UNREADABLE = (
    "Cơ quan tiếp nhận trả lời không đọc được; hệ thống sẽ hỏi lại theo mã thông điệp trước khi gửi lại."
)
_NO_ANSWER = "Đã gửi nhưng chưa nhận được trả lời; hệ thống sẽ hỏi lại theo mã thông điệp trước khi gửi lại."
_UNREACHED = "Không kết nối được cơ quan tiếp nhận, thông điệp chưa được gửi; hệ thống sẽ tự thử lại."
_KEY_REFUSED = "Cơ quan tiếp nhận từ chối khóa kết nối; người quản trị cần kiểm tra lại khóa của trường."
_WAIT = "Cơ quan tiếp nhận đang quá tải, thông điệp chưa được nhận; hệ thống sẽ tự thử lại."
_Answer = TypeVar("_Answer")


class _Problem(msgspec.Struct, frozen=True):
    code: str = msgspec.field(name="ma")
    field: str = msgspec.field(name="truong", default="")
    message: str = msgspec.field(name="moTa", default="")


class _Ack(msgspec.Struct, frozen=True):
    code: str
    message_id: str = msgspec.field(name="messageId", default="")
    authority_id: str = msgspec.field(name="maGiaoDich", default="")
    problems: tuple[_Problem, ...] = msgspec.field(name="dsLoi", default=())


class _Result(msgspec.Struct, frozen=True):
    message_id: str = msgspec.field(name="messageId")
    state: str = msgspec.field(name="trangThai")
    authority_id: str = msgspec.field(name="maGiaoDich", default="")
    receipt: str = msgspec.field(name="soBienNhan", default="")
    problems: tuple[_Problem, ...] = msgspec.field(name="dsLoi", default=())


class RestChannel:
    """The port `Channel` over REST. Holds nothing: one object serves all schools."""

    async def send(self, endpoint: port.Endpoint, message: port.OutgoingMessage) -> port.SendResult:
        """POST the message.

        Repeating it with the same id and content is safe where the authority is idempotent.
        """
        exchange = _Exchange(endpoint, "POST", _MESSAGES, encode(message))
        try:
            answer = await exchange.run()
        except http_client.NotSent:
            return port.NotSent(reason=_UNREACHED, evidence=exchange.evidence())
        except http_client.NoAnswer:
            return port.Unknown(reason=_NO_ANSWER, evidence=exchange.evidence())
        return _read_ack(answer, message.message_id, exchange.evidence())

    async def query(self, endpoint: port.Endpoint, message_id: str) -> port.QueryResult:
        """GET the message's state."""
        exchange = _Exchange(endpoint, "GET", f"{_MESSAGES}/{quote(message_id, safe='')}", b"")
        try:
            answer = await exchange.run()
        except http_client.NotSent:
            return port.Unknown(reason=_UNREACHED, evidence=exchange.evidence())
        except http_client.NoAnswer:
            return port.Unknown(reason=_NO_ANSWER, evidence=exchange.evidence())
        return _read_result(answer, message_id, exchange.evidence())


def encode(message: port.OutgoingMessage) -> bytes:
    """The body that goes out: the same message always gives the same bytes."""
    content = {
        "lookupCode": message.lookup_code,
        "version": message.version,
        "sha256": message.sha256,
        "package": base64.b64encode(message.package_xml).decode(),
        "pdfSha256": message.pdf_sha256,
    }
    envelope: dict[str, object] = {
        "messageId": message.message_id,
        "senderCode": message.sender_code,
        "action": message.action,
        "content": content,
    }
    if message.refers_to is not None:
        envelope["reference"] = message.refers_to
    if message.reason is not None:
        envelope["reason"] = message.reason
    return msgspec.json.encode(envelope)


class _Exchange:
    """One call, with what went out and came back kept as evidence."""

    def __init__(self, endpoint: port.Endpoint, method: str, path: str, content: bytes) -> None:
        self._endpoint = endpoint
        self._method = method
        self._path = path
        self._content = content
        self._started_at: datetime = clock.now()
        self._answer: Response | None = None

    async def run(self) -> Response:
        """Raises what `http_client.request` raises."""
        headers = {"x-api-key": self._endpoint.api_key, "accept": "application/json"}
        if self._content:
            headers["content-type"] = "application/json"
        self._answer = await http_client.request(
            self._method,
            self._endpoint.base_url + self._path,
            headers=headers,
            content=self._content or None,
            total_timeout=self._endpoint.total_timeout,
            connect_timeout=self._endpoint.connect_timeout,
            max_bytes=_MAX_ANSWER,
        )
        return self._answer

    def evidence(self) -> port.Evidence:
        """Headers stay out: they hold the key."""
        answer = self._answer
        return port.Evidence(
            target=f"{self._method} {self._endpoint.base_url}{self._path}",
            started_at=self._started_at,
            ended_at=clock.now(),
            sent=self._content,
            received=b"" if answer is None else answer.body,
            status=None if answer is None else answer.status,
        )


def _read_ack(answer: Response, message_id: str, evidence: port.Evidence) -> port.SendResult:
    if answer.status in (401, 403):
        return port.NotSent(reason=_KEY_REFUSED, evidence=evidence, needs_person=True)
    if answer.status == 429:
        return port.NotSent(reason=_WAIT, evidence=evidence, retry_after=_retry_after(answer))
    ack = _decode(answer, _Ack)
    if ack is None:
        return port.Unknown(reason=_UNREADABLE, evidence=evidence)
    if answer.status == 200 and ack.code == "00" and ack.message_id == message_id and ack.authority_id:
        return port.Received(authority_id=ack.authority_id, evidence=evidence)
    if answer.status in (400, 409) and ack.problems:
        return port.Rejected(errors=_errors(ack.problems), evidence=evidence)
    return port.Unknown(reason=_UNREADABLE, evidence=evidence)


def _read_result(answer: Response, message_id: str, evidence: port.Evidence) -> port.QueryResult:
    if answer.status == 404:
        # Only the authority itself may say that it has nothing; the 404 page of a proxy may not.
        known = _decode(answer, _Ack)
        if known is not None and known.code == "04":
            return port.NotFound(evidence=evidence)
    result = _decode(answer, _Result) if answer.status == 200 else None
    if result is None or result.message_id != message_id:
        return port.Unknown(reason=_UNREADABLE, evidence=evidence)
    if result.state == "DANG_XU_LY":
        return port.Processing(evidence=evidence)
    if result.state == "DA_TIEP_NHAN" and result.receipt:
        return port.Accepted(receipt=result.receipt, authority_id=result.authority_id, evidence=evidence)
    if result.state == "DA_CHOT" and result.receipt:
        return port.Locked(receipt=result.receipt, authority_id=result.authority_id, evidence=evidence)
    if result.state == "LOI_DU_LIEU" and result.problems:
        return port.Rejected(errors=_errors(result.problems), evidence=evidence)
    return port.Unknown(reason=_UNREADABLE, evidence=evidence)


def _decode(answer: Response, kind: type[_Answer]) -> _Answer | None:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _errors(problems: tuple[_Problem, ...]) -> tuple[port.AuthorityError, ...]:
    return tuple(
        port.AuthorityError(code=item.code, field=item.field, message=item.message) for item in problems
    )


def _retry_after(answer: Response) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None
