"""Viettel MySign (document v1.8/1.9): a token for each user, confirmed in the person's app, results by position.

The service knows no name of ours for a transaction: what we did not see begin, nobody can ask about (`Repeat.BLIND`).
"""

import unicodedata
from collections.abc import Callable, Mapping

import msgspec

from backend.core.http_client import Response
from backend.remote_signing.providers import csc_errors, port, wire
from backend.remote_signing.providers.by_phone import ByPhone
from backend.remote_signing.providers.tokens import Token, TokenCache
from backend.remote_signing.providers.values import require_genuine
from backend.remote_signing.providers.wire import rule

_SHA256, _RSA = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.1"
#: Longest description that a telephone shows.
_SHOWN = 99
CAPABILITIES = port.Capabilities(
    max_hashes=50,
    interactive=True,
    async_result=True,
    webhook=True,
    repeat=port.Repeat.BLIND,
    result_key=port.ResultKey.POSITION,
    authorization_ttl=120.0,
    settle=30.0,
)
_LOGIN = rule(
    port.LoginRefused,
    "Viettel MySign từ chối tài khoản kết nối; người quản trị kiểm tra lại mã và khóa kết nối.",
)
_USER = rule(
    port.AccountProblem,
    "Viettel MySign không có tài khoản của người ký này; nhà trường kiểm tra lại số giấy tờ đã khai.",
)
_TURNS = "Tài khoản MySign đã hết tiền hoặc hết lượt ký; nhà trường cần nạp thêm rồi ký lại."
_ENDED = "Chứng thư số đã hết hạn hoặc bị thu hồi; nhà trường cần liên hệ Viettel."
#: By `error`, of every call.
_BY_ERROR = {
    "invalid_token": csc_errors.TOKEN,
    "58007": _LOGIN,
    "59033": _LOGIN,
    "86024": _LOGIN,
    "86002": _LOGIN,
    "58008": _USER,
    "13004": rule(port.AccountProblem, _ENDED),
    "4005": rule(port.AccountProblem, _TURNS),
    "invalid_request": csc_errors.REFUSED,
}
#: `status` of a transaction.
_DONE, _WAITING, _SIGNING, _TIMEOUT, _REJECTED, _FAILED = 1, 4000, 6000, 4001, 4002, 4004
_ACCOUNT = {4005: _TURNS, 13004: _ENDED}


_ENDS: dict[int, Callable[[str], port.PollResult]] = {
    _TIMEOUT: lambda tx: port.Expired(
        provider_tx=tx,
        reason="Quá thời hạn xác nhận ký trên ứng dụng MySign; người ký cần gửi lại yêu cầu.",
    ),
    _REJECTED: lambda tx: port.Declined(
        provider_tx=tx, reason="Người ký đã từ chối xác nhận trên ứng dụng MySign."
    ),
    _FAILED: lambda tx: port.Failed(
        provider_tx=tx,
        reason="MySign không ký được; người ký cần ký lại, nếu vẫn lỗi xin liên hệ Viettel.",
        code=str(_FAILED),
    ),
}


class _Login(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: str | float = 3600.0


class _Key(msgspec.Struct, frozen=True):
    status: str
    algo: tuple[str, ...] = ()
    bits: str | int = msgspec.field(name="len", default=0)


class _Certificate(msgspec.Struct, frozen=True):
    status: str
    certificates: tuple[str, ...]


class _Credential(msgspec.Struct, frozen=True):
    credential_id: str
    key: _Key
    cert: _Certificate
    multisign: str | int = 1


class _Opened(msgspec.Struct, frozen=True):
    transaction_id: str = msgspec.field(name="transactionId")


class _Status(msgspec.Struct, frozen=True):
    status: int
    signatures: tuple[str, ...] | None = None


class _Error(msgspec.Struct, frozen=True):
    error: str | int = ""
    error_description: str = ""


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`profile` is the name of the RAS profile that Viettel gave the application."""

    profile: str = "adss:ras:profile:001"


class MySignProvider(ByPhone):
    """The port `SignatureProvider`. It keeps only tokens, one for each user."""

    def __init__(
        self, capabilities: port.Capabilities = CAPABILITIES, settings: _Settings | None = None
    ) -> None:
        super().__init__(capabilities)
        self._profile = (settings or _Settings()).profile
        self._tokens = TokenCache(self._log_in, per_user=True)

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """Keys of the user ("CMT_…" or "MST_…")."""
        asked = {
            **self._ours(account),
            "user_id": account.user_id,
            "certificates": "chain",
            "certInfo": True,
            "authInfo": True,
        }
        answer = await self._send(account, "certificates/info", asked)
        return [self._credential(one) for one in wire.read(answer, list[_Credential])]

    async def sign_hashes(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.SubmitResult:
        """Ask the person, once for all (async 1)."""
        wire.require_digests(batch, self._capabilities.max_hashes)
        names = [f"HS-{number:04}" for number in range(1, len(batch.hashes) + 1)]
        asked = {
            **self._ours(account),
            "credentialID": credential.credential_id,
            "numSignatures": len(batch.hashes),
            "description": _plain(batch.description),
            "documents": [{"document_id": name, "document_name": _plain(name)} for name in names],
            "hash": [wire.to_base64(digest) for digest in batch.hashes],
            "hashAlgo": _SHA256,
            "signAlgo": _RSA,
            "async": 1,
        }
        answer = await wire.with_token(
            self._tokens,
            account,
            lambda token: self._send(account, "signHash", asked, {"authorization": f"Bearer {token}"}),
        )
        opened = wire.read(answer, _Opened)
        return self._pending(opened.transaction_id)

    async def poll(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
    ) -> port.PollResult:
        """`requests/status`."""
        answer = await self._send(account, "requests/status", {"transactionId": provider_tx})
        found = wire.read(answer, _Status)
        if found.status == _DONE:
            values = tuple(wire.from_base64(text) for text in found.signatures or ())
            require_genuine(credential.certificate, batch.hashes, values)
            return port.Signed(provider_tx=provider_tx, values=values)
        if found.status in (_WAITING, _SIGNING):
            return self._pending(provider_tx)
        if found.status in _ACCOUNT:
            raise port.AccountProblem(_ACCOUNT[found.status], f"status {found.status}")
        end = _ENDS.get(found.status)
        if end is None:
            raise wire.unreadable(f"status {found.status}")
        return end(provider_tx)

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> port.WebhookHint | None:
        """Only which transaction it speaks of counts."""
        return wire.hint(body, "meta_data", "transaction_id")

    def _credential(self, found: _Credential) -> port.RemoteCredential:
        if not found.cert.certificates:
            raise wire.unreadable(f"no certificate for {found.credential_id}")
        certificate, *chain = (wire.from_base64(text) for text in found.cert.certificates)
        states = (found.key.status.lower(), found.cert.status.lower())
        return port.RemoteCredential(
            credential_id=found.credential_id,
            certificate=certificate,
            chain=tuple(chain),
            key_algorithms=found.key.algo,
            key_bits=int(found.key.bits),
            usable=states == ("enabled", "valid"),
            status="/".join(states),
            max_hashes=min(int(found.multisign), self._capabilities.max_hashes),
        )

    def _ours(self, account: port.ProviderAccount) -> dict[str, object]:
        return {**account.parameters, "profile_id": self._profile}

    async def _log_in(self, account: port.ProviderAccount) -> Token:
        asked = {**self._ours(account), "user_id": account.user_id}
        found = wire.read(await self._send(account, "ras/v1/login", asked), _Login)
        return Token(text=found.access_token, life=float(found.expires_in))

    async def _send(
        self,
        account: port.ProviderAccount,
        method: str,
        body: Mapping[str, object],
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        url = f"{account.base_url.rstrip('/')}/vtss/service/{method}"
        return await wire.post(url, _failure, headers=headers, body=body)


def _plain(text: str) -> str:
    """Base64 of what a telephone there can show: letters without marks, digits, spaces, _ and -."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    kept = "".join(c for c in bare if c.isascii() and (c.isalnum() or c in " _-"))
    return wire.to_base64(kept[:_SHOWN].encode())


def _failure(answer: Response) -> port.ProviderError:
    said = wire.peek(answer, _Error, _Error())
    detail = f"HTTP {answer.status} {said.error}: {said.error_description}"
    make = _BY_ERROR.get(str(said.error))
    return make(detail) if make is not None else port.OutcomeUnknown(wire.UNCLEAR, detail)


ADAPTER = port.Adapter(
    capabilities=CAPABILITIES,
    fields=(
        port.AccountField(name="client_id", label="Mã ứng dụng (client_id)"),
        port.AccountField(
            name="client_secret", label="Khóa bí mật của ứng dụng (client_secret)", secret=True
        ),
    ),
    settings=_Settings,
    build=lambda capabilities, settings: MySignProvider(capabilities, settings),
)
