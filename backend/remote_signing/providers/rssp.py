"""RSSP v2, profile `rssp-119.432-v2.0`: Mobile-ID TrustedHub, FPT-CA, iCorp and others of that make.

CSC's steps under other names, HTTP 200 around every answer and `error` inside. We sign in as relying party with a
signature of our own (`SSL2`). The person gives PIN or OTP on our page (`EXPLICIT/…`), or confirms in the app while the
call waits (`IMPLICIT/…`).
"""

import base64
import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from backend.core import clock
from backend.core.http_client import Response
from backend.remote_signing.providers import csc_errors, port, wire
from backend.remote_signing.providers.tokens import Token, TokenCache
from backend.remote_signing.providers.values import leaf_first, require_genuine, sign_text
from backend.remote_signing.providers.wire import rule

_Answer = TypeVar("_Answer")
_PROFILE = "rssp-119.432-v2.0"
_SHA256, _RSA = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.1"
#: Seconds that the person has.
_VALID = 300
_SENT = "Mã OTP đã được gửi cho bạn; xin nhập mã đó."
_PROMPTS = {
    port.Ask.PIN: "Xin nhập mã PIN của chứng thư số.",
    port.Ask.OTP: "Xin bấm gửi mã OTP, rồi nhập mã nhận được.",
}
CAPABILITIES = port.Capabilities(
    max_hashes=50,
    interactive=True,
    async_result=False,
    webhook=False,
    repeat=port.Repeat.BLIND,
    result_key=port.ResultKey.POSITION,
    authorization_ttl=float(_VALID),
    settle=30.0,
)
_LOGIN = rule(
    port.LoginRefused,
    "Dịch vụ ký số từ chối tài khoản kết nối; người quản trị kiểm tra lại mã, mật khẩu và khóa kết nối.",
)
#: By `error`.
_BY_CODE = {
    3000: _LOGIN,
    3003: _LOGIN,
    3002: csc_errors.LOCKED,
    3005: csc_errors.TOKEN,
    3006: csc_errors.TOKEN,
    3036: csc_errors.EXPIRED,
    3213: rule(
        port.UserActionNeeded,
        "Ứng dụng ký số trên điện thoại của người ký chưa sẵn sàng; người ký mở ứng dụng rồi ký lại.",
    ),
}
#: By `errorDescription`: the documents that we have name no code for these. First match wins.
_BY_DESCRIPTION = (
    (re.compile(r"\b(locked|blocked)\b", re.IGNORECASE), csc_errors.LOCKED),
    (re.compile(r"\b(pin|otp|authori[sz]e ?code|passcode)\b", re.IGNORECASE), csc_errors.WRONG_SECRET),
    (re.compile(r"\b(rejected|cancell?ed|declined)\b", re.IGNORECASE), csc_errors.DECLINED),
    (re.compile(r"\bcertificate\b.*\b(expired|revoked|suspended)\b", re.IGNORECASE), csc_errors.CERTIFICATE),
    (re.compile(r"\b(timed? ?out|expired)\b", re.IGNORECASE), csc_errors.EXPIRED),
)


class RsspSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one service. `explicit`: the person types PIN or OTP on our page; else the app asks, and a call waits `timeout`
    seconds for it."""

    explicit: bool = True
    timeout: float = 30.0
    language: str = "VN"


class _Said(msgspec.Struct, frozen=True):
    """What every answer says of itself."""

    error: int | None = None
    description: str = msgspec.field(name="errorDescription", default="")


class _Login(msgspec.Struct, frozen=True):
    access_token: str = msgspec.field(name="accessToken")
    expires_in: float = msgspec.field(name="expiresIn", default=3600.0)


class _Listed(msgspec.Struct, frozen=True):
    credential_id: str = msgspec.field(name="credentialID")


class _List(msgspec.Struct, frozen=True):
    certs: tuple[_Listed, ...] = ()


class _Certificate(msgspec.Struct, frozen=True):
    status: str = ""
    certificates: tuple[str, ...] = ()


class _Info(msgspec.Struct, frozen=True):
    cert: _Certificate
    mode: str = msgspec.field(name="authMode", default="")
    multisign: int = 50

    @property
    def ask(self) -> port.Ask | None:
        """What the person types; None when the app asks."""
        if not self.mode.upper().startswith("EXPLICIT/"):
            return None
        return port.Ask.OTP if "OTP" in self.mode.upper() else port.Ask.PIN


class _Sent(msgspec.Struct, frozen=True):
    response_id: str = msgspec.field(name="responseID")


class _Authorized(msgspec.Struct, frozen=True):
    sad: str = msgspec.field(name="SAD")


class _Signatures(msgspec.Struct, frozen=True):
    signatures: tuple[str, ...]


class RsspProvider:
    """The port `SignatureProvider`. It keeps only tokens."""

    def __init__(
        self, capabilities: port.Capabilities = CAPABILITIES, settings: RsspSettings | None = None
    ) -> None:
        self._settings = settings or RsspSettings()
        self._capabilities = msgspec.structs.replace(capabilities, challenges=self._settings.explicit)
        self._tokens = TokenCache(self._log_in)

    @property
    def capabilities(self) -> port.Capabilities:
        """As declared; `numSignatures` has no limit that we know of."""
        return self._capabilities

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """Keys of the agreement `account.user_id`."""
        asked = {"agreementUUID": account.user_id, "certificates": "chain"} | _DETAILS
        found = await self._call(account, "credentials/list", asked, _List)
        return [await self._credential(account, one.credential_id) for one in found.certs]

    async def sign_hashes(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.SubmitResult:
        """What the person must type, or the values once the app has confirmed."""
        wire.require_digests(batch, self._capabilities.max_hashes)
        if not self._settings.explicit:
            return await self._authorize(account, credential, batch, {})
        ask = (await self._info(account, credential.credential_id)).ask
        if ask is None:
            raise port.RequestRefused(
                "Dịch vụ ký số đòi cách xác nhận khác với khai báo; người quản trị cần khai báo lại.",
                "authMode is not EXPLICIT",
            )
        return port.Challenge(
            provider_tx=batch.transaction_id,
            asks=(ask,),
            prompt=_PROMPTS[ask],
            sends=ask is port.Ask.OTP,
        )

    async def answer(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        challenge: port.Challenge,
        values: Mapping[str, str],
    ) -> port.SubmitResult:
        """Authorise with the PIN, or with the OTP of the request that sent it, and sign."""
        if not values:
            asked = {"agreementUUID": account.user_id, "credentialID": credential.credential_id}
            sent = await self._call(account, "credentials/sendOTP", asked, _Sent)
            return msgspec.structs.replace(challenge, provider_tx=sent.response_id, prompt=_SENT)
        [ask] = challenge.asks
        given = {"authorizeCode": values.get(ask.value, "")}
        if ask is port.Ask.OTP:
            given["requestID"] = challenge.provider_tx
        return await self._authorize(account, credential, batch, given)

    async def poll(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
    ) -> port.PollResult:
        """Nothing is ever pending here (operationMode S)."""
        raise port.RequestRefused("Dịch vụ ký số này không có giao dịch chờ; người quản trị cần xem nhật ký.")

    async def cancel(self, account: port.ProviderAccount, provider_tx: str) -> None:
        """There is no such call: the authorisation runs out by itself."""

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> port.WebhookHint | None:
        """`responseURI` is not used."""
        return None

    async def _authorize(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        given: Mapping[str, object],
    ) -> port.SubmitResult:
        signing = {
            "agreementUUID": account.user_id,
            "credentialID": credential.credential_id,
            "documentDigests": {
                "hashes": [wire.to_base64(digest) for digest in batch.hashes],
                "hashAlgorithmOID": _SHA256,
            },
            "signAlgo": _RSA,
            "operationMode": "S",
            "validityPeriod": _VALID,
            "rpRequestID": batch.transaction_id,
        }
        shown = {
            "notificationMessage": batch.description,
            "messageCaption": batch.description,
            "message": batch.description,
            "rpName": account.parameters["rp_name"],
        }
        asked = {**signing, **shown, "numSignatures": len(batch.hashes), **given}
        try:
            opened = await self._call(account, "credentials/authorize", asked, _Authorized)
            signed = {**signing, "SAD": opened.sad}
            answer = await self._call(account, "signatures/signHash", signed, _Signatures)
        except wire.WasDeclined as error:
            return port.Declined(provider_tx=batch.transaction_id, reason=error.message)
        values = tuple(wire.from_base64(text) for text in answer.signatures)
        require_genuine(credential.certificate, batch.hashes, values)
        return port.Signed(provider_tx=batch.transaction_id, values=values)

    async def _info(self, account: port.ProviderAccount, credential_id: str) -> _Info:
        asked = {
            "agreementUUID": account.user_id,
            "credentialID": credential_id,
            "certificates": "chain",
        } | _DETAILS
        return await self._call(account, "credentials/info", asked, _Info)

    async def _credential(self, account: port.ProviderAccount, credential_id: str) -> port.RemoteCredential:
        info = await self._info(account, credential_id)
        if not info.cert.certificates:
            raise wire.unreadable(f"no certificate for {credential_id}")
        certificate, *chain = leaf_first([wire.from_base64(text) for text in info.cert.certificates])
        return port.RemoteCredential(
            credential_id=credential_id,
            certificate=certificate,
            chain=tuple(chain),
            key_algorithms=(_RSA,),
            key_bits=0,
            usable=info.cert.status.upper() == "OPERATED",
            status=info.cert.status,
            max_hashes=min(info.multisign, self._capabilities.max_hashes),
        )

    async def _call(
        self, account: port.ProviderAccount, method: str, body: Mapping[str, object], kind: type[_Answer]
    ) -> _Answer:
        answer = await wire.with_token(
            self._tokens,
            account,
            lambda token: self._send(account, method, body, f"Bearer {token}"),
        )
        return wire.read(answer, kind)

    async def _log_in(self, account: port.ProviderAccount) -> Token:
        ours, now = account.parameters, str(int(clock.now().timestamp() * 1000))
        said = [ours["rp_user"], ours["rp_password"], ours["rp_signature"], now]
        proof = wire.to_base64(sign_text(ours["rp_key"], "".join(said)))
        header = base64.b64encode(":".join([*said, proof]).encode()).decode()
        asked = {"rememberMeEnabled": True, "relyingParty": ours["rp_name"]}
        found = wire.read(await self._send(account, "auth/login", asked, f"SSL2 {header}"), _Login)
        return Token(text=found.access_token, life=found.expires_in)

    async def _send(
        self, account: port.ProviderAccount, method: str, body: Mapping[str, object], header: str
    ) -> Response:
        answer = await wire.post(
            f"{account.base_url.rstrip('/')}/{method}",
            _failure,
            headers={"authorization": header},
            body={**body, "profile": _PROFILE, "lang": self._settings.language},
            within=self._settings.timeout,
        )
        said = wire.read(answer, _Said)
        if said.error != 0:
            raise _failure(answer)
        return answer


_DETAILS = {"certInfoEnabled": True, "authInfoEnabled": True}


def _failure(answer: Response) -> port.ProviderError:
    said = wire.peek(answer, _Said, _Said())
    detail = f"HTTP {answer.status} {said.error}: {said.description}"
    if said.error is None:
        return port.OutcomeUnknown(wire.UNCLEAR, detail[:300])
    if said.error in _BY_CODE:
        return _BY_CODE[said.error](detail)
    for pattern, make in _BY_DESCRIPTION:
        if pattern.search(said.description):
            return make(detail)
    # A code that we do not know may stand for anything, also for what was done.
    return port.OutcomeUnknown(wire.UNCLEAR, detail[:300])


ADAPTER = port.Adapter(
    capabilities=CAPABILITIES,
    fields=(
        port.AccountField(name="rp_name", label="Tên đơn vị kết nối (relying party)"),
        port.AccountField(name="rp_user", label="Tài khoản kết nối"),
        port.AccountField(name="rp_password", label="Mật khẩu kết nối", secret=True),
        port.AccountField(name="rp_signature", label="Chữ ký đơn vị kết nối (signature)", secret=True),
        port.AccountField(name="rp_key", label="Khóa riêng của đơn vị kết nối (PEM)", secret=True),
    ),
    settings=RsspSettings,
    build=lambda capabilities, settings: RsspProvider(capabilities, settings),
)
