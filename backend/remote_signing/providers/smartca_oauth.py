"""VNPT SmartCA, the OAuth interface with "csc" paths (text v1.1 of 15/5/2024): confirmed in the person's app.

The holder of the certificate has let us in once, on VNPT's own page; what that left us, a refresh token good for three
months, is part of the account and buys access tokens of an hour. It signs nothing: the app confirms each transaction.
Nothing says that `refTranId` is unique there, so what we did not see begin nobody can ask about (`Repeat.BLIND`).
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from backend.core.http_client import Response
from backend.remote_signing.providers import csc_errors, port, wire
from backend.remote_signing.providers.by_phone import ByPhone, names_of
from backend.remote_signing.providers.tokens import Token, TokenCache
from backend.remote_signing.providers.values import matched
from backend.remote_signing.providers.wire import rule

_Answer = TypeVar("_Answer")
CAPABILITIES = port.Capabilities(
    # `multisign` of a credential is 1 there, and fifty hashes pass under one confirmation.
    max_hashes=50,
    interactive=True,
    async_result=True,
    webhook=True,
    repeat=port.Repeat.BLIND,
    result_key=port.ResultKey.DOC_ID,
    authorization_ttl=300.0,
    settle=30.0,
)
_LOGIN = rule(
    port.LoginRefused,
    "VNPT SmartCA không nhận mã ứng dụng hoặc khóa bí mật của ứng dụng; người quản trị cần kiểm tra lại.",
)
_ACCESS = rule(
    port.AccessEnded,
    "VNPT SmartCA không còn nhận quyền mà chủ tài khoản đã cấp (quyền có hạn ba tháng); chủ tài khoản mở trang "
    "Liên kết tài khoản ký số để cấp lại.",
)
#: So long what a user has left us is good; the text says three months.
ACCESS_LASTS = timedelta(days=90)
_SCOPE = "sign offline_access"
_TURNS = rule(port.AccountProblem, "Tài khoản SmartCA đã hết lượt ký; nhà trường cần liên hệ VNPT.")
_CREDENTIAL = rule(
    port.AccountProblem,
    "VNPT SmartCA không có chứng thư này, hoặc chứng thư đã hết hạn hay bị thu hồi; nhà trường cần liên hệ VNPT.",
)
_OURS = rule(
    port.RequestRefused,
    "VNPT SmartCA cho rằng yêu cầu ký không hợp lệ; người quản trị cần xem nhật ký để xử lý.",
)
#: By `code` of the envelope.
_BY_CODE = {
    30000: _OURS,
    60000: _CREDENTIAL,
    60001: _CREDENTIAL,
    62000: _OURS,
    62001: _OURS,
    65000: _TURNS,
}
_BY_ERROR = {"invalid_client": _LOGIN, "invalid_grant": _ACCESS, "invalid_token": csc_errors.TOKEN}
#: `tranStatus` of a transaction.
_DONE, _WAITING = 1, 4000
_ENDS: dict[int, Callable[[str], port.PollResult]] = {
    4001: lambda tx: port.Expired(
        provider_tx=tx,
        reason="Quá thời hạn xác nhận ký trên ứng dụng SmartCA; người ký cần gửi lại yêu cầu.",
    ),
    4002: lambda tx: port.Declined(
        provider_tx=tx, reason="Người ký đã từ chối xác nhận trên ứng dụng SmartCA."
    ),
    4003: lambda tx: _failed(tx, 4003),
    4004: lambda tx: _failed(tx, 4004),
}


class _Envelope(msgspec.Struct, frozen=True):
    """Around every answer but those of OAuth."""

    code: int | None = None
    description: str = msgspec.field(name="codeDesc", default="")
    message: str = ""
    content: msgspec.Raw = msgspec.Raw(b"{}")
    error: str = ""


class _Key(msgspec.Struct, frozen=True):
    status: str
    algorithms: tuple[str, ...] = msgspec.field(name="alg", default=())
    bits: int = msgspec.field(name="len", default=0)


class _Certificate(msgspec.Struct, frozen=True):
    status: str
    certificates: tuple[str, ...] = ()


class _Credential(msgspec.Struct, frozen=True):
    key: _Key
    cert: _Certificate


class _Opened(msgspec.Struct, frozen=True):
    transaction: str = msgspec.field(name="tranId")


class _Document(msgspec.Struct, frozen=True):
    name: str
    sig: str | None = None


class _State(msgspec.Struct, frozen=True):
    status: int = msgspec.field(name="tranStatus")
    documents: tuple[_Document, ...] | None = None


class _Login(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 3600.0


class _LetIn(msgspec.Struct, frozen=True):
    refresh_token: str


class SmartCaOauthProvider(ByPhone):
    """The port `SignatureProvider`. It keeps only access tokens."""

    def __init__(self, capabilities: port.Capabilities = CAPABILITIES) -> None:
        super().__init__(capabilities)
        self._tokens = TokenCache(self._log_in, per_user=True)

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """Keys of whoever let us in."""
        ids = await self._call(account, "credentials/list", {}, list[str])
        return [await self._credential(account, one) for one in ids]

    async def sign_hashes(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.SubmitResult:
        """Ask the person, once for all."""
        wire.require_digests(batch, self._capabilities.max_hashes)
        asked = {
            "credentialId": credential.credential_id,
            "refTranId": batch.transaction_id,
            "description": batch.description,
            "datas": [
                {"name": name, "hash": wire.to_base64(digest)}
                for name, digest in zip(names_of(batch), batch.hashes, strict=True)
            ],
        }
        opened = await self._call(account, "signature/signhash", asked, _Opened)
        return self._pending(opened.transaction)

    async def poll(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
    ) -> port.PollResult:
        """`gettraninfo` of a transaction."""
        found = await self._call(account, "credentials/gettraninfo", {"tranId": provider_tx}, _State)
        if found.status == _WAITING:
            return self._pending(provider_tx)
        if found.status != _DONE:
            end = _ENDS.get(found.status)
            if end is None:
                raise wire.unreadable(f"tranStatus {found.status}")
            return end(provider_tx)
        values = matched(
            credential.certificate,
            dict(zip(names_of(batch), batch.hashes, strict=True)),
            [(one.name, wire.from_base64(one.sig or "")) for one in found.documents or ()],
        )
        return port.Signed(provider_tx=provider_tx, values=values)

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> port.WebhookHint | None:
        """`notifyUrl` is called once, by whom nothing says: it names a transaction that is then asked about."""
        return wire.hint(body, "tranId")

    def access_url(self, account: port.ProviderAccount, *, redirect_uri: str, state: str) -> str:
        """The page on which the account's user lets us in. The text knows no PKCE."""
        asked = {
            "response_type": "code",
            "client_id": account.parameters["client_id"],
            "redirect_uri": redirect_uri,
            "scope": _SCOPE,
            "state": state,
        }
        return f"{account.base_url.rstrip('/')}/auth/authorize?{urlencode(asked)}"

    async def access_for(self, account: port.ProviderAccount, code: str, redirect_uri: str) -> port.Access:
        """A refresh token for a code, which is good for fifteen seconds."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            **account.parameters,
        }
        url = f"{account.base_url.rstrip('/')}/auth/token"
        found = wire.read(await wire.post(url, _failure, form=form), _LetIn)
        return port.Access(values={"refresh_token": found.refresh_token}, lasts=ACCESS_LASTS)

    async def _credential(self, account: port.ProviderAccount, name: str) -> port.RemoteCredential:
        asked = {"credentialId": name, "certificates": "chain", "certInfo": True, "authInfo": True}
        found = await self._call(account, "credentials/info", asked, _Credential)
        if not found.cert.certificates:
            raise wire.unreadable(f"no certificate for {name}")
        certificate, *chain = (wire.from_base64(text) for text in found.cert.certificates)
        states = (found.key.status.lower(), found.cert.status.lower())
        return port.RemoteCredential(
            credential_id=name,
            certificate=certificate,
            chain=tuple(chain),
            key_algorithms=found.key.algorithms,
            key_bits=found.key.bits,
            usable=states == ("enabled", "valid"),
            status="/".join(states),
            max_hashes=self._capabilities.max_hashes,
        )

    async def _log_in(self, account: port.ProviderAccount) -> Token:
        form = {"grant_type": "refresh_token", **account.parameters}
        url = f"{account.base_url.rstrip('/')}/auth/token"
        found = wire.read(await wire.post(url, _failure, form=form), _Login)
        return Token(text=found.access_token, life=found.expires_in)

    async def _call(
        self, account: port.ProviderAccount, method: str, body: Mapping[str, object], kind: type[_Answer]
    ) -> _Answer:
        """`content` of the answer."""
        url = f"{account.base_url.rstrip('/')}/csc/{method}"
        answer = await wire.with_token(
            self._tokens,
            account,
            lambda token: wire.post(url, _failure, headers={"authorization": f"Bearer {token}"}, body=body),
        )
        envelope = wire.read(answer, _Envelope)
        if envelope.code != 0:
            raise _failure(answer)
        return wire.read_part(envelope.content, kind)


def _failed(provider_tx: str, status: int) -> port.Failed:
    return port.Failed(
        provider_tx=provider_tx,
        reason="SmartCA không ký được; người ký cần ký lại, nếu vẫn lỗi xin liên hệ VNPT.",
        code=str(status),
    )


def _failure(answer: Response) -> port.ProviderError:
    said = wire.peek(answer, _Envelope, _Envelope())
    detail = f"HTTP {answer.status} {said.code} {said.description} {said.error}"
    make = _BY_ERROR.get(said.error) or _BY_CODE.get(said.code or 0)
    return make(detail) if make is not None else port.OutcomeUnknown(wire.UNCLEAR, detail)


ADAPTER = port.Adapter(
    capabilities=CAPABILITIES,
    fields=(
        port.AccountField(name="client_id", label="Mã ứng dụng (client_id)"),
        port.AccountField(
            name="client_secret", label="Khóa bí mật của ứng dụng (client_secret)", secret=True
        ),
        port.AccountField(
            name="refresh_token",
            label="Quyền truy cập do chủ tài khoản cấp (refresh_token)",
            secret=True,
            personal=True,
        ),
    ),
    build=lambda capabilities, _: SmartCaOauthProvider(capabilities),
)
