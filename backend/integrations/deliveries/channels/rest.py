"""HTTP, REST or SOAP, as the profile of the Authority says. Whatever is not clearly one of its answers is `Unknown`."""

from urllib.parse import quote

from backend.core import clock, http_client
from backend.core.http_client import Response
from backend.integrations.deliveries.channels import access, port
from backend.integrations.profiles import answers, messages, packages
from backend.integrations.profiles.answers import Fault, Reading
from backend.integrations.profiles.mapping import BadMapping
from backend.integrations.profiles.schemas import Body, ErrorEntry, Jws, Mtls, Operation, Profile
from backend.remote_signing.formats.service import BadKey

UNREADABLE = (
    "Cơ quan tiếp nhận trả lời không đọc được; hệ thống sẽ hỏi lại theo mã thông điệp trước khi gửi lại."
)
NO_ANSWER = "Đã gửi nhưng chưa nhận được trả lời; hệ thống sẽ hỏi lại theo mã thông điệp trước khi gửi lại."
NO_ANSWER_TO_CERTIFICATE = (
    "Cơ quan tiếp nhận ngắt kết nối mà không trả lời; nếu còn lặp lại, hãy kiểm tra khóa và chứng thư của trường ở trang "
    "Kết nối cơ quan tiếp nhận. Hệ thống sẽ hỏi lại theo mã thông điệp trước khi gửi lại."
)
UNREACHED = "Không kết nối được cơ quan tiếp nhận, thông điệp chưa được gửi; hệ thống sẽ tự thử lại."
FORBIDDEN = (
    "Hệ thống không được phép kết nối đến địa chỉ của cơ quan tiếp nhận, chưa gửi gì; hãy báo bên vận hành."
)
NOT_PROVEN = (
    "Chứng thư số của máy chủ cơ quan tiếp nhận hết hạn, sai tên hoặc không ai bảo đảm, chưa gửi gì; "
    "hãy báo cơ quan ấy, hệ thống sẽ tự thử lại."
)
KEY_REFUSED = "Cơ quan tiếp nhận từ chối khóa kết nối; người quản trị cần kiểm tra lại khóa của trường."
_WAIT = "Cơ quan tiếp nhận đang quá tải, thông điệp chưa được nhận; hệ thống sẽ tự thử lại."
UNMAPPED = "Không lập được thông điệp theo hồ sơ kết nối ({reason}); hãy báo bên vận hành."
BAD_KEY = "Chưa gửi được vì khóa kết nối: {reason}; hãy điền lại khóa ở trang Kết nối cơ quan tiếp nhận."
_CONTENT_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "soap": "text/xml; charset=utf-8",
}


class RestChannel:
    """The port `Channel` over HTTP. Holds nothing: one object serves all schools and all profiles."""

    def make(self, endpoint: port.Endpoint, message: port.Message) -> bytes:
        """The message as it leaves. Raises BadMapping, BadKey."""
        return encode(endpoint, message)

    async def send(
        self, endpoint: port.Endpoint, message: port.Message, content: bytes | None = None
    ) -> port.SendResult:
        """Send the message.

        Repeating it with the same id and content is safe where the authority is idempotent.
        """
        call = _Call(endpoint, endpoint.profile.operations.send, message, content)
        try:
            reading = await call.run()
        except BadMapping as error:
            return port.NotSent(
                reason=UNMAPPED.format(reason=error), evidence=call.evidence(), needs_person=True
            )
        except BadKey as error:
            return port.NotSent(
                reason=BAD_KEY.format(reason=error), evidence=call.evidence(), needs_person=True
            )
        except access.Refused:
            return port.NotSent(reason=KEY_REFUSED, evidence=call.evidence(), needs_person=True)
        except http_client.NotSent as error:
            forbidden = isinstance(error, http_client.Forbidden)
            return port.NotSent(reason=_unsent(error), evidence=call.evidence(), needs_person=forbidden)
        except http_client.NoAnswer:
            return port.Unknown(reason=_no_answer(endpoint), evidence=call.evidence())
        return _sent(reading, endpoint.profile, call)

    async def query(self, endpoint: port.Endpoint, message_id: str, sender_code: str) -> port.QueryResult:
        """Ask for the message's state."""
        call = _Call(endpoint, endpoint.profile.operations.query, _asked(message_id, sender_code))
        try:
            reading = await call.run()
        except access.Refused:
            return port.Unknown(reason=KEY_REFUSED, evidence=call.evidence(), refused=True)
        except BadKey as error:
            reason = BAD_KEY.format(reason=error)
            return port.Unknown(reason=reason, evidence=call.evidence(), refused=True)
        except BadMapping as error:
            return port.Unknown(reason=UNMAPPED.format(reason=error), evidence=call.evidence())
        except http_client.NotSent as error:
            return port.Unknown(reason=_unsent(error), evidence=call.evidence())
        except http_client.NoAnswer:
            return port.Unknown(reason=_no_answer(endpoint), evidence=call.evidence())
        return told(reading, endpoint.profile, call.evidence())


def _unsent(error: http_client.NotSent) -> str:
    """Why nothing left, in a sentence."""
    match error:
        case http_client.Forbidden():
            return FORBIDDEN
        case http_client.NotProven():
            return NOT_PROVEN
    return UNREACHED


def encode(endpoint: port.Endpoint, message: port.Message) -> bytes:
    """The message as it goes out: the same one is the same bytes, unless it is encrypted. Raises BadMapping, BadKey."""
    body = endpoint.profile.operations.send.body
    assert body is not None
    known = messages.known_of(endpoint.profile, endpoint.parameters)
    return packages.pack(body, message, known, access.material(endpoint))


class _Call:
    """One call, with what went out and came back kept as evidence."""

    def __init__(
        self,
        endpoint: port.Endpoint,
        operation: Operation,
        message: port.Message,
        content: bytes | None = None,
    ) -> None:
        self._endpoint = endpoint
        assert operation.answer is not None
        self._operation = operation
        self._read = operation.answer
        self._message = message
        self._known = messages.known_of(endpoint.profile, endpoint.parameters)
        places = messages.places_of(message.message_id, message.sender_code, self._known)
        quoted = {name: quote(value, safe="") for name, value in places.items()}
        self._path = operation.path.format_map(quoted)
        self._content = content or b""
        self._is_made = content is not None
        self._started_at = clock.now()
        self._answer: Response | None = None

    async def run(self) -> Reading | None:
        """What was answered. An answer that only wants a new token is asked for a second time, once.

        Raises BadMapping, BadKey and what `http_client.request` and `access.proof` raise.
        """
        if self._operation.body is not None and not self._is_made:
            material = access.material(self._endpoint)
            self._content = packages.pack(self._operation.body, self._message, self._known, material)
        reading = await self._once()
        if reading is not None and reading.meaning == "renew":
            access.forget(self._endpoint)
            reading = await self._once()
            if reading is not None and reading.meaning == "renew":
                raise access.Refused
        return reading

    async def _once(self) -> Reading | None:
        proof = await access.proof(self._endpoint)
        content = proof.on(self._content)
        self._answer = await http_client.request(
            self._operation.method,
            self._endpoint.base_url + self._path,
            headers={**self._headers(), **proof.headers},
            content=content or None,
            total_timeout=self._endpoint.total_timeout,
            connect_timeout=self._endpoint.connect_timeout,
            max_bytes=self._endpoint.profile.transport.max_answer,
            tls=access.tls(self._endpoint),
            in_the_open=self._endpoint.in_the_open,
        )
        said = packages.opened(self._read, self._answer.body, self._endpoint.files)
        return answers.read(self._read, self._answer.status, said, self._message.message_id)

    def _headers(self) -> dict[str, str]:
        headers = {"accept": _CONTENT_TYPES[self._read.format].partition(";")[0]}
        if self._operation.body is not None:
            headers["content-type"] = _content_type(self._operation.body)
        if self._operation.soap_action is not None:
            headers["soapaction"] = f'"{self._operation.soap_action}"'
        return headers

    @property
    def retry_after(self) -> float | None:
        """For how long the Authority asks us to wait, in seconds."""
        text = self._answer.headers.get("retry-after", "") if self._answer else ""
        return float(text) if text.isdigit() else None

    def evidence(self) -> port.Evidence:
        """What proves who we are stays out: headers, and the security header of SOAP."""
        answer = self._answer
        return port.Evidence(
            target=f"{self._operation.method} {self._endpoint.base_url}{self._path}",
            started_at=self._started_at,
            ended_at=clock.now(),
            sent=self._content,
            received=b"" if answer is None else answer.body,
            status=None if answer is None else answer.status,
        )


def _content_type(body: Body) -> str:
    """Of what was done last: encrypted, put into an archive, signed, written."""
    if body.encrypt is not None:
        return "application/pkcs7-mime; smime-type=enveloped-data"
    if body.zip is not None:
        return "application/zip"
    return "application/jose" if isinstance(body.sign, Jws) else _CONTENT_TYPES[body.format]


def _no_answer(endpoint: port.Endpoint) -> str:
    """Where certificates are shown, silence may be what a server of TLS 1.3 has for one that it does not believe."""
    return NO_ANSWER_TO_CERTIFICATE if isinstance(endpoint.profile.auth, Mtls) else NO_ANSWER


def _asked(message_id: str, sender_code: str) -> port.Message:
    """A question knows no more of a message than its id."""
    return port.Message(
        message_id=message_id, sender_code=sender_code, action="", lookup_code="", version=0, sha256="",
        package_xml=b"", pdf_sha256="",
    )  # fmt: skip


def _sent(reading: Reading | None, profile: Profile, call: _Call) -> port.SendResult:
    evidence = call.evidence()
    if reading is None:
        return port.Unknown(reason=UNREADABLE, evidence=evidence)
    match reading.meaning:
        case "received":
            return port.Received(authority_id=reading.reference, evidence=evidence)
        case "rejected":
            return port.Rejected(errors=_errors(reading, profile), evidence=evidence)
        case "refused":
            return port.NotSent(reason=KEY_REFUSED, evidence=evidence, needs_person=True)
        case "wait":
            return port.NotSent(reason=_WAIT, evidence=evidence, retry_after=call.retry_after)
    return port.Unknown(reason=UNREADABLE, evidence=evidence)


def told(reading: Reading | None, profile: Profile, evidence: port.Evidence) -> port.QueryResult:
    """What an answer to a question is, in the words of the port."""
    if reading is None:
        return port.Unknown(reason=UNREADABLE, evidence=evidence)
    match reading.meaning:
        case "processing":
            return port.Processing(evidence=evidence)
        case "accepted":
            return port.Accepted(receipt=reading.reference, evidence=evidence)
        case "locked":
            return port.Locked(receipt=reading.reference, evidence=evidence)
        case "rejected":
            return port.Rejected(errors=_errors(reading, profile), evidence=evidence)
        case "not_found":
            return port.NotFound(evidence=evidence)
        case "refused":
            return port.Unknown(reason=KEY_REFUSED, evidence=evidence, refused=True)
    return port.Unknown(reason=UNREADABLE, evidence=evidence)


def _errors(reading: Reading, profile: Profile) -> tuple[port.AuthorityError, ...]:
    """The authority's errors; where it only names a code, the words are the profile's."""
    return tuple(_error(one, profile.errors.get(one.code)) for one in reading.faults)


def _error(fault: Fault, known: ErrorEntry | None) -> port.AuthorityError:
    return port.AuthorityError(
        code=fault.code,
        field=fault.field,
        message=fault.message or (known.words if known else ""),
        means=known.means if known else (),
        kind=known.kind if known else "ask_human",
    )
