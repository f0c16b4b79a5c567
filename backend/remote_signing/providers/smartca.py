"""VNPT SmartCA, interface sp769 v1 (text v4.0 of 03/5/2024): confirmed in the person's app, results by doc_id.

`transaction_id` is ours and unique there, and `status` answers to it, so a transaction can be asked for whose beginning
we did not see.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from backend.core import clock
from backend.core.http_client import Response
from backend.remote_signing.providers import port, wire
from backend.remote_signing.providers.by_phone import ByPhone, names_of
from backend.remote_signing.providers.values import matched
from backend.remote_signing.providers.wire import rule

_Answer = TypeVar("_Answer")
CAPABILITIES = port.Capabilities(
    max_hashes=50,
    interactive=True,
    async_result=True,
    webhook=True,
    repeat=port.Repeat.QUERYABLE,
    result_key=port.ResultKey.DOC_ID,
    authorization_ttl=300.0,
    settle=30.0,
)
#: By `message`, whatever the status.
_BY_MESSAGE = {
    "SP_CREDENTIAL_INVALID": rule(
        port.LoginRefused,
        "VNPT SmartCA từ chối tài khoản kết nối; người quản trị kiểm tra lại mã và mật khẩu kết nối.",
    ),
    "CREDENTIAL_STATUS_INVALID": rule(
        port.AccountProblem,
        "Chứng thư số đã hết hạn, bị thu hồi, tạm dừng hoặc hết lượt ký; nhà trường cần liên hệ VNPT.",
    ),
    "BAD_REQUEST": rule(
        port.RequestRefused,
        "VNPT SmartCA cho rằng yêu cầu ký không hợp lệ; người quản trị cần xem nhật ký để xử lý.",
    ),
}
_NOT_FOUND = "TRANSACTION_NOT_FOUND"
_DECLINED = "Người ký đã từ chối xác nhận trên ứng dụng SmartCA."
_EXPIRED = "Quá thời hạn xác nhận ký trên ứng dụng SmartCA; người ký cần gửi lại yêu cầu."


class _Chain(msgspec.Struct, frozen=True):
    ca_cert: str
    root_cert: str | None = None


class _Certificate(msgspec.Struct, frozen=True):
    serial_number: str
    cert_data: str
    cert_status: str
    chain_data: _Chain


class _Certificates(msgspec.Struct, frozen=True):
    user_certificates: tuple[_Certificate, ...] = ()


class _File(msgspec.Struct, frozen=True):
    doc_id: str
    signature_value: str


class _Transaction(msgspec.Struct, frozen=True):
    transaction_id: str = ""
    signatures: tuple[_File, ...] | None = None


class _Envelope(msgspec.Struct, frozen=True):
    """Around every answer."""

    status_code: int = 0
    message: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")


class _Missing(port.RequestRefused):
    """The service has no such transaction."""


class SmartCaProvider(ByPhone):
    """The ports `SignatureProvider` and `QueryableProvider`. It keeps nothing."""

    def __init__(self, capabilities: port.Capabilities = CAPABILITIES) -> None:
        super().__init__(capabilities)

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """Certificates of the citizen id, passport or tax code; named by their serial number."""
        asked = {"user_id": account.user_id, "serial_number": "", "transaction_id": ""}
        _, found = await self._call(account, "credentials/get_certificate", asked, _Certificates)
        return [self._credential(one) for one in found.user_certificates]

    async def sign_hashes(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.SubmitResult:
        """Ask the person, once for all. A `transaction_id` that was seen before is refused there."""
        wire.require_digests(batch, self._capabilities.max_hashes)
        asked = {
            "user_id": account.user_id,
            "serial_number": credential.credential_id,
            "transaction_id": batch.transaction_id,
            "transaction_desc": batch.description,
            "time_stamp": f"{clock.now():%Y%m%d%H%M%S}Z",
            "sign_files": [
                {"doc_id": name, "file_type": "pdf", "sign_type": "hash", "data_to_be_signed": digest.hex()}
                for name, digest in zip(names_of(batch), batch.hashes, strict=True)
            ],
        }
        await self._call(account, "signatures/sign", asked, _Transaction)
        return self._pending(batch.transaction_id)

    async def find(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.SubmitResult | None:
        """By our own transaction id."""
        try:
            return await self.poll(account, credential, batch, batch.transaction_id)
        except _Missing:
            return None

    async def poll(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
    ) -> port.PollResult:
        """`status` of a transaction."""
        message, found = await self._call(account, f"signatures/sign/{provider_tx}/status", {}, _Transaction)
        if found.signatures is not None:
            values = matched(
                credential.certificate,
                dict(zip(names_of(batch), batch.hashes, strict=True)),
                [(one.doc_id, wire.from_base64(one.signature_value)) for one in found.signatures],
            )
            return port.Signed(provider_tx=provider_tx, values=values)
        match message.upper():
            case "EXPIRED":
                return port.Expired(provider_tx=provider_tx, reason=_EXPIRED)
            case "REJECTED":
                return port.Declined(provider_tx=provider_tx, reason=_DECLINED)
        return self._pending(provider_tx)

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> port.WebhookHint | None:
        """Nothing says who sent it: it names a transaction that is then asked about."""
        return wire.hint(body, "transaction_id")

    def _credential(self, found: _Certificate) -> port.RemoteCredential:
        issuers = (found.chain_data.ca_cert, found.chain_data.root_cert)
        certificate = wire.from_base64(found.cert_data)
        return port.RemoteCredential(
            credential_id=found.serial_number,
            certificate=certificate,
            chain=tuple(wire.from_base64(one) for one in issuers if one),
            key_algorithms=(),
            key_bits=0,
            usable=found.cert_status.lower() in ("đang hoạt động", "active", "valid", "1"),
            status=found.cert_status,
            max_hashes=self._capabilities.max_hashes,
        )

    async def _call(
        self, account: port.ProviderAccount, method: str, body: Mapping[str, object], kind: type[_Answer]
    ) -> tuple[str, _Answer]:
        """`message` and `data` of the answer."""
        ours = {name: account.parameters[name] for name in ("sp_id", "sp_password")}
        url = f"{account.base_url.rstrip('/')}/sca/sp769/v1/{method}"
        answer = await wire.post(url, _failure, body={**ours, **body})
        envelope = wire.read(answer, _Envelope)
        if envelope.status_code != 200:
            raise _failure(answer)
        return envelope.message, wire.read_part(envelope.data, kind)


def _failure(answer: Response) -> port.ProviderError:
    said = wire.peek(answer, _Envelope, _Envelope())
    detail = f"HTTP {answer.status} {said.status_code} {said.message}"
    if said.message == _NOT_FOUND:
        return _Missing("VNPT SmartCA không có giao dịch ký này.", detail)
    make = _BY_MESSAGE.get(said.message)
    return make(detail) if make is not None else port.OutcomeUnknown(wire.UNCLEAR, detail)


ADAPTER = port.Adapter(
    capabilities=CAPABILITIES,
    fields=(
        port.AccountField(name="sp_id", label="Mã đơn vị kết nối (sp_id)"),
        port.AccountField(name="sp_password", label="Mật khẩu kết nối (sp_password)", secret=True),
    ),
    build=lambda capabilities, _: SmartCaProvider(capabilities),
)
