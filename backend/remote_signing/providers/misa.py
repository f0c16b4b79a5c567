"""MISA eSign, remote signing API V2: a token for each user, confirmed in the person's app, results by document id.

The service knows no name of ours for a transaction (`Repeat.BLIND`). Its document calls, in which MISA builds the PDF,
are not used.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from backend.core.http_client import Response
from backend.remote_signing.providers import csc_errors, port, wire
from backend.remote_signing.providers.by_phone import ByPhone, names_of
from backend.remote_signing.providers.tokens import Token, TokenCache
from backend.remote_signing.providers.values import matched
from backend.remote_signing.providers.wire import rule

_Answer = TypeVar("_Answer")
_ESRM = "external/esrm/service"
CAPABILITIES = port.Capabilities(
    max_hashes=50,
    interactive=True,
    async_result=True,
    webhook=False,
    repeat=port.Repeat.BLIND,
    result_key=port.ResultKey.DOC_ID,
    authorization_ttl=60.0,
    settle=30.0,
)
_LOGIN = rule(
    port.LoginRefused,
    "MISA eSign từ chối tài khoản kết nối; người quản trị kiểm tra lại mã, khóa và mật khẩu kết nối.",
)
_TWO_FACTORS = rule(
    port.LoginRefused,
    "Tài khoản MISA eSign này bật xác thực hai lớp nên hệ thống không đăng nhập được; nhà trường liên hệ MISA.",
)
#: `errorCode` that asks for a second factor.
_SECOND_FACTOR = "122"


class _Said(msgspec.Struct, frozen=True):
    """An error, at the top of an answer or as its `status`."""

    error: bool | str = False
    code: str | int | None = msgspec.field(name="errorCode", default=None)
    for_us: str = msgspec.field(name="devMsg", default="")


class _Envelope(msgspec.Struct, frozen=True):
    status: _Said | str | None = None


class _User(msgspec.Struct, frozen=True):
    id: str


class _Session(msgspec.Struct, frozen=True):
    token: str = msgspec.field(name="remoteSigningAccessToken")
    user: _User
    expires_in: float = msgspec.field(name="expiresIn", default=3600.0)


class _Login(msgspec.Struct, frozen=True):
    data: _Session


class _Key(msgspec.Struct, frozen=True):
    user_id: str = msgspec.field(name="userId")
    alias: str = msgspec.field(name="keyAlias")
    status: str = msgspec.field(name="keyStatus")
    certificate: str = ""
    #: So spelled by the service.
    chain: tuple[str, ...] = msgspec.field(name="certiticateChain", default=())


class _Opened(msgspec.Struct, frozen=True):
    transaction_id: str = msgspec.field(name="transactionId")


class _Value(msgspec.Struct, frozen=True):
    document_id: str = msgspec.field(name="documentId")
    signature: str


class _Status(msgspec.Struct, frozen=True):
    status: str
    code: str | None = msgspec.field(name="errorCode", default=None)
    signatures: tuple[_Value, ...] | None = None


class MisaProvider(ByPhone):
    """The port `SignatureProvider`. It keeps only tokens, one for each user."""

    def __init__(self, capabilities: port.Capabilities = CAPABILITIES) -> None:
        super().__init__(capabilities)
        self._tokens = TokenCache(self._log_in, per_user=True)

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """Keys of the account; they are named by `userId` and `keyAlias`, both of which a signature needs."""
        answer = await self._ask(account, "GET", "general/api/v1/Certificates/by-userId")
        return [self._credential(one) for one in wire.read(answer, list[_Key])]

    async def sign_hashes(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.SubmitResult:
        """Ask the person, once for all."""
        wire.require_digests(batch, self._capabilities.max_hashes)
        user_id, _, alias = credential.credential_id.partition("/")
        asked = {
            "DataToBeDisplayed": batch.description,
            "UserId": user_id,
            "CertAlias": alias,
            "Documents": [
                {"DocumentId": name, "FileToSign": wire.to_base64(digest), "DocumentName": name}
                for name, digest in zip(names_of(batch), batch.hashes, strict=True)
            ],
        }
        answer = await self._ask(account, "POST", "signing/api/v1/Signing/hash", asked)
        return self._pending(wire.read(answer, _Opened).transaction_id)

    async def poll(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
    ) -> port.PollResult:
        """`Signing/status`."""
        answer = await self._ask(account, "GET", f"signing/api/v1/Signing/status/{provider_tx}")
        found = wire.read(answer, _Status)
        match found.status.upper():
            case "SUCCESS":
                values = matched(
                    credential.certificate,
                    dict(zip(names_of(batch), batch.hashes, strict=True)),
                    [(one.document_id, wire.from_base64(one.signature)) for one in found.signatures or ()],
                )
                return port.Signed(provider_tx=provider_tx, values=values)
            case "PENDING":
                return self._pending(provider_tx)
            case "CANCELLED":
                return port.Declined(
                    provider_tx=provider_tx, reason="Người ký đã từ chối xác nhận trên ứng dụng MISA eSign."
                )
            case "FAILED":
                if _is_about_certificate(found.code):
                    raise csc_errors.CERTIFICATE(f"{found.status} {found.code}")
                return port.Failed(
                    provider_tx=provider_tx,
                    reason="MISA eSign không ký được; người ký cần ký lại, nếu vẫn lỗi xin liên hệ MISA.",
                    code=found.code or "FAILED",
                )
        raise wire.unreadable(f"status {found.status}")

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> port.WebhookHint | None:
        """What it would look like we do not know: the status is asked for."""
        return None

    def _credential(self, found: _Key) -> port.RemoteCredential:
        chain = [wire.from_base64(one) for one in found.chain]
        certificate = wire.from_base64(found.certificate) if found.certificate else chain[0]
        return port.RemoteCredential(
            credential_id=f"{found.user_id}/{found.alias}",
            certificate=certificate,
            chain=tuple(one for one in chain if one != certificate),
            key_algorithms=(),
            key_bits=0,
            usable=found.status.upper() == "ACTIVE",
            status=found.status,
            max_hashes=self._capabilities.max_hashes,
        )

    async def _log_in(self, account: port.ProviderAccount) -> Token:
        asked = {"userName": account.user_id, "password": account.parameters["password"]}
        url = f"{account.base_url.rstrip('/')}/api/auth/api/v1/auth/login-api"
        answer = await wire.post(url, _failure, headers=_ours(account), body=asked)
        found = wire.read(answer, _Login).data
        return Token(text=found.token, life=found.expires_in)

    async def _ask(
        self,
        account: port.ProviderAccount,
        verb: str,
        method: str,
        body: Mapping[str, object] | None = None,
    ) -> Response:
        url = f"{account.base_url.rstrip('/')}/{_ESRM}/{method}"
        return await wire.with_token(
            self._tokens,
            account,
            lambda token: wire.send(
                verb,
                url,
                _failure,
                headers={**_ours(account), "authorizationrm": f"Bearer {token}"},
                body=body,
            ),
        )


def _is_about_certificate(code: object) -> bool:
    return "certificate" in str(code).lower()


def _ours(account: port.ProviderAccount) -> dict[str, str]:
    return {
        "x-clientid": account.parameters["client_id"],
        "x-clientkey": account.parameters["client_key"],
    }


def _failure(answer: Response) -> port.ProviderError:
    outer = wire.peek(answer, _Envelope, _Envelope()).status
    said = outer if isinstance(outer, _Said) else wire.peek(answer, _Said, _Said())
    detail = f"HTTP {answer.status} {said.code}: {said.for_us}"
    if answer.status >= 500 or said.code is None:
        return port.OutcomeUnknown(wire.UNCLEAR, detail[:300])
    if answer.status == 401:
        return csc_errors.TOKEN(detail)
    if str(said.code) == _SECOND_FACTOR:
        return _TWO_FACTORS(detail)
    if isinstance(outer, _Said):
        return _LOGIN(detail)
    if _is_about_certificate(said.code):
        return csc_errors.CERTIFICATE(detail)
    return csc_errors.REFUSED(detail)


ADAPTER = port.Adapter(
    capabilities=CAPABILITIES,
    fields=(
        port.AccountField(name="client_id", label="Mã ứng dụng (x-clientId)"),
        port.AccountField(name="client_key", label="Khóa của ứng dụng (x-clientKey)", secret=True),
        port.AccountField(name="password", label="Mật khẩu tài khoản MISA ID", secret=True),
    ),
    build=lambda capabilities, _: MisaProvider(capabilities),
)
