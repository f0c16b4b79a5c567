"""CSC API v1 and v2 (Cloud Signature Consortium): have hashes authorised by a person, then signed (SCAL2).

How the person authorises is the same for all keys of a service, and declared (`Authorization`):
on the telephone (v2: `credentials/authorize` → 202 and a handle → `authorizeCheck` → SAD; v1: the call waits), with PIN
or OTP that we hand on (`authorize` → SAD), or on the service's own page (OAuth 2.0 code → SAD). Then
`signatures/signHash`. Our transaction id travels as `clientData`.
"""

import enum
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec

from backend.core import clock
from backend.core.http_client import Response
from backend.remote_signing.providers import csc_errors, port, wire
from backend.remote_signing.providers.csc_spelling import V1, V2, Info, Spelling
from backend.remote_signing.providers.tokens import Token, TokenCache
from backend.remote_signing.providers.values import require_genuine

_Answer = TypeVar("_Answer")
#: A reference that names what is being signed, not what is being authorised (v2, `signPolling`).
_SIGNING = "sign:"
#: A SAD with fewer seconds left is extended before it is used.
_TOO_SHORT = 15.0
_USED_UP = (
    "Dịch vụ ký số không nhận lượt xác nhận này nữa: đã hết hạn, hoặc đã ký mà hệ thống chưa nhận được chữ ký; cần người "
    "kiểm tra."
)
_SENT = "Mã OTP đã được gửi cho bạn; xin nhập mã đó."
_PROMPTS = {
    (port.Ask.PIN,): "Xin nhập mã PIN của chứng thư số.",
    (port.Ask.OTP,): "Xin bấm gửi mã OTP, rồi nhập mã nhận được.",
    (
        port.Ask.PIN,
        port.Ask.OTP,
    ): "Xin bấm gửi mã OTP, rồi nhập mã PIN của chứng thư số cùng mã OTP nhận được.",
    (port.Ask.OAUTH,): "Xin mở trang của nhà cung cấp, kiểm tra số tài liệu và mã lô rồi đồng ý ký.",
}

#: The standard says nothing of a repeated clientData: a service that takes it for the same transaction is declared so.
CAPABILITIES = port.Capabilities(
    max_hashes=50,
    interactive=True,
    async_result=True,
    webhook=False,
    repeat=port.Repeat.BLIND,
    result_key=port.ResultKey.POSITION,
    authorization_ttl=300.0,
    settle=30.0,
)


class Authorization(enum.StrEnum):
    """How a person authorises: on the telephone, by what is typed on our page, on the service's own page."""

    APP = "app"
    EXPLICIT = "explicit"
    OAUTH2CODE = "oauth2code"


class CscSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one service. `timeout` of a call in seconds: with v1 on the telephone it must outlast the person. `pushed`: what
    its own page asks is sent beforehand (PAR, RFC 9126) and not in the browser's address. `per_call`: so many hashes one
    `signHash` takes, where that is fewer than one authorization covers; between them the SAD is extended. 0: all."""

    authorization: Authorization = Authorization.APP
    pushed: bool = False
    per_call: Annotated[int, msgspec.Meta(ge=0)] = 0
    timeout: float = 30.0


class ServiceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of `info`: what the service says of itself."""

    specs: str
    name: str
    methods: tuple[str, ...]
    region: str = ""
    description: str = ""


class _TokenAnswer(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float = 3600.0


class _Pushed(msgspec.Struct, frozen=True):
    """Under this name the service remembers for a moment what it was asked."""

    request_uri: str


class _ListAnswer(msgspec.Struct, frozen=True):
    ids: tuple[str, ...] = msgspec.field(name="credentialIDs")
    next_page: str = msgspec.field(name="nextPageToken", default="")


class _Sad(NamedTuple):
    """What lets hashes be signed, for so many seconds (None: the service does not say)."""

    text: str
    life: float | None


class _HandleAnswer(msgspec.Struct, frozen=True):
    """Either a handle (202) or a SAD (200)."""

    handle: str = ""
    sad: str = msgspec.field(name="SAD", default="")
    expires_in: float | None = msgspec.field(name="expiresIn", default=None)

    @property
    def authorization(self) -> _Sad:
        """Of an answer with a SAD."""
        return _Sad(self.sad, self.expires_in)


class _Signatures(msgspec.Struct, frozen=True):
    """Values, or the name under which they can be fetched later (v2, operationMode A)."""

    signatures: tuple[str, ...] | None = None
    response_id: str = msgspec.field(name="responseID", default="")


class CscProvider:
    """The ports `SignatureProvider` and `AuthorizingProvider`. One object serves all accounts; it keeps only tokens."""

    def __init__(
        self,
        capabilities: port.Capabilities = CAPABILITIES,
        settings: CscSettings | None = None,
        spelling: Spelling | None = None,
    ) -> None:
        """v2 on the telephone, unless told otherwise."""
        self._settings = settings or CscSettings()
        self._spelling = spelling or V2()
        self._capabilities = msgspec.structs.replace(
            capabilities, challenges=self._settings.authorization is not Authorization.APP
        )
        self._tokens = TokenCache(self._log_in)

    @property
    def capabilities(self) -> port.Capabilities:
        """As configured for this service; limits of a single key are in its `RemoteCredential`."""
        return self._capabilities

    async def facts(self, account: port.ProviderAccount) -> ServiceFacts:
        """A harmless call without a token: is it there, is it CSC, what can it do."""
        return wire.read(await self._send(account, "info", {}, body={}), ServiceFacts)

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """Keys of `account.user_id` with chain and state."""
        ids: list[str] = []
        asked: dict[str, object] = {"userID": account.user_id}
        while True:
            found = await self._call(account, "credentials/list", asked, _ListAnswer)
            ids += found.ids
            if not found.next_page:
                break
            asked["pageToken"] = found.next_page
        return [await self._credential(account, credential_id) for credential_id in ids]

    async def sign_hashes(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.SubmitResult:
        """Ask the person: on the telephone (`Pending`, or `Signed` by a service that waits), else a `Challenge`."""
        wire.require_digests(batch, self._capabilities.max_hashes)
        match self._settings.authorization:
            case Authorization.APP:
                return await self._authorize(account, credential, batch, {})
            case Authorization.OAUTH2CODE:
                return self._challenge(batch, (port.Ask.OAUTH,))
        info = await self._info(account, credential.credential_id)
        asks = self._spelling.asks(info)
        if asks not in _PROMPTS:
            raise port.RequestRefused(
                "Dịch vụ ký số đòi cách xác nhận khác với khai báo; người quản trị cần khai báo lại.",
                f"auth {info.auth} PIN {info.pin} OTP {info.otp}",
            )
        return self._challenge(batch, asks)

    async def answer(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        challenge: port.Challenge,
        values: Mapping[str, str],
    ) -> port.SubmitResult:
        """PIN or OTP: authorise with them and sign. A code from the service's page: change it for the SAD and sign."""
        if port.Ask.OAUTH in challenge.asks:
            token = await self._token_for_code(account, values)
            sad = _Sad(token.access_token, token.expires_in)
            return await self._sign(account, credential, batch, batch.transaction_id, sad)
        info = await self._info(account, credential.credential_id)
        if not values:
            method, body = self._spelling.send_code(info)
            token_call = {"credentialID": credential.credential_id, **body}
            await self._ask(account, method, token_call)
            return msgspec.structs.replace(challenge, prompt=_SENT)
        return await self._authorize(account, credential, batch, self._spelling.answers(info, values))

    async def authorization_url(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        *,
        redirect_uri: str,
        state: str,
        code_challenge: str,
    ) -> str:
        """`oauth2/authorize` with the scope `credential`, for exactly these hashes."""
        asked = {
            "response_type": "code",
            "client_id": account.parameters["client_id"],
            "redirect_uri": redirect_uri,
            "scope": "credential",
            "state": state,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            "description": batch.description,
            "clientData": batch.transaction_id,
            **self._spelling.consent(credential.credential_id, batch),
        }
        if self._settings.pushed:
            form = {**asked, **account.parameters}
            sent = await self._send(account, "oauth2/pushed_authorize", {}, form=form)
            asked = {
                "client_id": account.parameters["client_id"],
                "request_uri": wire.read(sent, _Pushed).request_uri,
            }
        return f"{self._base(account)}/oauth2/authorize?{urlencode(asked)}"

    async def poll(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
    ) -> port.PollResult:
        """Ask for the SAD; once there is one, sign. Repeating it after success fetches the same values again, or raises
        RequestRefused: not every service gives them twice."""
        try:
            if provider_tx.startswith(_SIGNING):
                asked = {"requestID": provider_tx.removeprefix(_SIGNING)}
                answer = await self._call(account, "signatures/signPolling", asked, _Signatures)
                return self._signed(credential, batch, provider_tx, answer)
            checked = await self._call(
                account, "credentials/authorizeCheck", {"handle": provider_tx}, _HandleAnswer
            )
            if not checked.sad:
                return self._pending(checked)
            return await self._sign_again(account, credential, batch, provider_tx, checked.authorization)
        except wire.WasDeclined as error:
            return port.Declined(provider_tx=provider_tx, reason=error.message)
        except port.NewAuthorizationNeeded as error:
            return port.Expired(provider_tx=provider_tx, reason=error.message)

    async def cancel(self, account: port.ProviderAccount, provider_tx: str) -> None:
        """CSC has no such call: the question runs out by itself."""

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> port.WebhookHint | None:
        """CSC sends none in this flow."""
        return None

    def _challenge(self, batch: port.HashBatch, asks: tuple[port.Ask, ...]) -> port.Challenge:
        return port.Challenge(
            provider_tx=batch.transaction_id,
            asks=asks,
            prompt=_PROMPTS[asks],
            sends=port.Ask.OTP in asks,
        )

    async def _authorize(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        answers: Mapping[str, object],
    ) -> port.SubmitResult:
        body = {
            "credentialID": credential.credential_id,
            "numSignatures": len(batch.hashes),
            "description": batch.description,
            "clientData": batch.transaction_id,
            **self._spelling.hashes(batch),
            **answers,
        }
        try:
            opened = await self._call(account, "credentials/authorize", body, _HandleAnswer)
        except wire.WasDeclined as error:
            return port.Declined(provider_tx="", reason=error.message)
        if opened.sad:
            return await self._sign(account, credential, batch, opened.handle, opened.authorization)
        return self._pending(opened)

    async def _info(self, account: port.ProviderAccount, credential_id: str) -> Info:
        body = {"credentialID": credential_id, "certificates": "chain", "certInfo": True, "authInfo": True}
        return await self._call(account, "credentials/info", body, Info)

    async def _credential(self, account: port.ProviderAccount, credential_id: str) -> port.RemoteCredential:
        info = await self._info(account, credential_id)
        if not info.cert.certificates:
            raise wire.unreadable(f"no certificate for {credential_id}")
        certificate, *chain = (wire.from_base64(text) for text in info.cert.certificates)
        usable = info.key.status.lower() == "enabled" and info.cert.status.lower() == "valid"
        return port.RemoteCredential(
            credential_id=credential_id,
            certificate=certificate,
            chain=tuple(chain),
            key_algorithms=info.key.algo,
            key_bits=info.key.bits,
            usable=usable,
            status=f"{info.key.status}/{info.cert.status}",
            max_hashes=min(info.multisign, self._capabilities.max_hashes),
        )

    async def _sign(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
        sad: _Sad,
    ) -> port.Signed | port.Pending:
        """In as many calls as the service wants. A repetition goes the same way: what it has signed it gives again."""
        made: list[str] = []
        parts = self._parts(batch)
        for number, part in enumerate(parts):
            if number or (sad.life is not None and sad.life < _TOO_SHORT):
                sad = await self._extended(account, credential, part, sad)
            body = {
                "credentialID": credential.credential_id,
                "SAD": sad.text,
                "clientData": batch.transaction_id,
                **self._spelling.signing(part),
            }
            answer = await self._call(account, "signatures/signHash", body, _Signatures)
            if len(parts) == 1:
                return self._signed(credential, batch, provider_tx, answer)
            if answer.signatures is None:
                raise wire.unreadable("a part of the hashes is not signed at once")
            if len(answer.signatures) != len(part.hashes):
                # What lacks in one part must not be made up for by the next.
                return self._signed(credential, part, provider_tx, answer)
            made += answer.signatures
        return self._signed(credential, batch, provider_tx, _Signatures(signatures=tuple(made)))

    async def _sign_again(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
        sad: _Sad,
    ) -> port.Signed | port.Pending:
        """As `_sign`, where it may have been done before and its answer lost: a SAD ends when it is used up, so that one
        which is taken no more proves only of an idempotent service that nothing was signed."""
        try:
            return await self._sign(account, credential, batch, provider_tx, sad)
        except port.NewAuthorizationNeeded as error:
            if self._capabilities.repeat is port.Repeat.IDEMPOTENT:
                raise
            raise port.RequestRefused(_USED_UP, error.detail) from error

    def _parts(self, batch: port.HashBatch) -> list[port.HashBatch]:
        size = self._settings.per_call or len(batch.hashes)
        return [
            msgspec.structs.replace(batch, hashes=batch.hashes[start : start + size])
            for start in range(0, len(batch.hashes), size)
        ]

    async def _extended(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        part: port.HashBatch,
        sad: _Sad,
    ) -> _Sad:
        """`credentials/extendTransaction`: a new SAD for hashes that the person has agreed to; nobody is asked again."""
        body = {
            "credentialID": credential.credential_id,
            "SAD": sad.text,
            "clientData": part.transaction_id,
            **self._spelling.hashes(part),
        }
        found = await self._call(account, "credentials/extendTransaction", body, _HandleAnswer)
        if not found.sad:
            raise wire.unreadable("no SAD")
        return found.authorization

    def _signed(
        self,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
        answer: _Signatures,
    ) -> port.Signed | port.Pending:
        if answer.signatures is None:
            if answer.response_id:
                provider_tx = _SIGNING + answer.response_id
            if not provider_tx.startswith(_SIGNING):
                raise wire.unreadable("neither signatures nor responseID")
            return port.Pending(provider_tx=provider_tx, poll_after=self._capabilities.poll_interval)
        values = tuple(wire.from_base64(text) for text in answer.signatures)
        require_genuine(credential.certificate, batch.hashes, values)
        return port.Signed(provider_tx=provider_tx, values=values)

    def _pending(self, answer: _HandleAnswer) -> port.Pending:
        if not answer.handle:
            raise wire.unreadable("neither handle nor SAD")
        left = answer.expires_in
        return port.Pending(
            provider_tx=answer.handle,
            poll_after=self._capabilities.poll_interval,
            expires_at=None if left is None else clock.now() + timedelta(seconds=left),
        )

    async def _call(
        self, account: port.ProviderAccount, method: str, body: Mapping[str, object], kind: type[_Answer]
    ) -> _Answer:
        return wire.read(await self._ask(account, method, body), kind)

    async def _ask(self, account: port.ProviderAccount, method: str, body: Mapping[str, object]) -> Response:
        return await wire.with_token(
            self._tokens,
            account,
            lambda token: self._send(account, method, {"authorization": f"Bearer {token}"}, body=body),
        )

    async def _log_in(self, account: port.ProviderAccount) -> Token:
        form = {"grant_type": "client_credentials", **account.parameters}
        found = wire.read(await self._send(account, "oauth2/token", {}, form=form), _TokenAnswer)
        return Token(text=found.access_token, life=found.expires_in)

    async def _token_for_code(self, account: port.ProviderAccount, values: Mapping[str, str]) -> _TokenAnswer:
        form = {
            "grant_type": "authorization_code",
            "code": values["code"],
            "code_verifier": values["verifier"],
            "redirect_uri": values["redirect_uri"],
            **account.parameters,
        }
        return wire.read(await self._send(account, "oauth2/token", {}, form=form), _TokenAnswer)

    async def _send(
        self,
        account: port.ProviderAccount,
        method: str,
        headers: Mapping[str, str],
        *,
        body: Mapping[str, object] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Response:
        return await wire.post(
            f"{self._base(account)}/{method}",
            csc_errors.failure,
            headers=headers,
            body=body,
            form=form,
            within=self._settings.timeout,
        )

    def _base(self, account: port.ProviderAccount) -> str:
        """The standard puts the interface at /csc/v…; an address with another /csc/ path is taken as it is."""
        base = account.base_url.rstrip("/")
        return base if "/csc/" in f"{base}/" else f"{base}{self._spelling.path}"


_FIELDS = (
    port.AccountField(name="client_id", label="Mã ứng dụng (client_id)"),
    port.AccountField(name="client_secret", label="Khóa bí mật của ứng dụng (client_secret)", secret=True),
)
V1_ADAPTER = port.Adapter(
    # Version 1 knows no waiting: the answer to the call is the end.
    capabilities=msgspec.structs.replace(CAPABILITIES, async_result=False),
    fields=_FIELDS,
    settings=CscSettings,
    build=lambda capabilities, settings: CscProvider(capabilities, settings, V1()),
)
V2_ADAPTER = port.Adapter(
    capabilities=CAPABILITIES,
    fields=_FIELDS,
    settings=CscSettings,
    build=lambda capabilities, settings: CscProvider(capabilities, settings, V2()),
)
