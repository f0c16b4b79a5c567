"""CSC API v2 (Cloud Signature Consortium): authorise hashes with a person's telephone, then sign them
(SCAL2).

The flow is `credentials/authorize` with hashes → 202 and a handle → `authorizeCheck` → SAD →
`signatures/signHash`. Our transaction id travels as `clientData`.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from typing import TypeVar

import msgspec

from backend.core import clock, http_client
from backend.core.http_client import Response
from backend.remote_signing.providers import csc_errors, port
from backend.remote_signing.providers.tokens import Token, TokenCache
from backend.remote_signing.providers.values import require_genuine

SHA256_OID = "2.16.840.1.101.3.4.2.1"
RSA_OID = "1.2.840.113549.1.1.1"
_UNREACHED = "Không kết nối được dịch vụ ký số; hệ thống sẽ tự thử lại."
_SILENT = "Dịch vụ ký số không trả lời; hệ thống sẽ hỏi lại, không gửi yêu cầu ký mới."
_Answer = TypeVar("_Answer")

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


class _ListAnswer(msgspec.Struct, frozen=True):
    ids: list[str] = msgspec.field(name="credentialIDs")


class _Key(msgspec.Struct, frozen=True):
    status: str
    algo: tuple[str, ...] = ()
    bits: int = msgspec.field(name="len", default=0)


class _Certificate(msgspec.Struct, frozen=True):
    certificates: tuple[str, ...]
    status: str = "valid"


class _InfoAnswer(msgspec.Struct, frozen=True):
    key: _Key
    cert: _Certificate
    multisign: int = 1


class _HandleAnswer(msgspec.Struct, frozen=True):
    """Either a handle (202) or a SAD (200)."""

    handle: str = ""
    sad: str = msgspec.field(name="SAD", default="")
    expires_in: float | None = msgspec.field(name="expiresIn", default=None)


class _Signatures(msgspec.Struct, frozen=True):
    signatures: tuple[str, ...]


class CscProvider:
    """The port `SignatureProvider` over CSC v2. One object serves all accounts; it keeps only tokens."""

    def __init__(self, capabilities: port.Capabilities = CAPABILITIES, timeout: float = 30.0) -> None:
        """`timeout` of one call in seconds."""
        self._capabilities = capabilities
        self._timeout = timeout
        self._tokens = TokenCache(self._log_in)

    @property
    def capabilities(self) -> port.Capabilities:
        """As configured for this service; limits of a single key are in its `RemoteCredential`."""
        return self._capabilities

    async def facts(self, account: port.ProviderAccount) -> ServiceFacts:
        """A harmless call without a token: is it there, is it CSC, what can it do."""
        return _read(await self._send(account, "info", {}, body={}), ServiceFacts)

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """Keys of `account.user_id` with chain and state."""
        found = await self._call(account, "credentials/list", {"userID": account.user_id}, _ListAnswer)
        return [await self._credential(account, credential_id) for credential_id in found.ids]

    async def sign_hashes(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.SubmitResult:
        """Ask the person;

        `Pending` with the handle as `provider_tx`. The same batch again gives the same handle.
        """
        if not 0 < len(batch.hashes) <= self._capabilities.max_hashes:
            raise ValueError(f"a batch holds 1 to {self._capabilities.max_hashes} hashes")
        body = {
            "credentialID": credential.credential_id,
            "numSignatures": len(batch.hashes),
            "description": batch.description,
            **_hash_fields(batch),
        }
        try:
            opened = await self._call(account, "credentials/authorize", body, _HandleAnswer)
        except csc_errors.WasDeclined as error:
            return port.Declined(provider_tx="", reason=error.message)
        if opened.sad:
            return await self._fetch_values(account, credential, batch, opened.handle, opened.sad)
        return self._pending(opened)

    async def poll(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
    ) -> port.PollResult:
        """Ask for the SAD; once there is one, sign.

        Repeating it after success fetches the same values again.
        """
        try:
            checked = await self._call(
                account, "credentials/authorizeCheck", {"handle": provider_tx}, _HandleAnswer
            )
            if not checked.sad:
                return self._pending(checked)
            return await self._fetch_values(account, credential, batch, provider_tx, checked.sad)
        except csc_errors.WasDeclined as error:
            return port.Declined(provider_tx=provider_tx, reason=error.message)
        except port.NewAuthorizationNeeded as error:
            return port.Expired(provider_tx=provider_tx, reason=error.message)

    async def answer(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        challenge: port.Challenge,
        values: Mapping[str, str],
    ) -> port.Signed | port.Pending:
        """This flow never challenges: the telephone does."""
        raise port.RequestRefused("Dịch vụ ký số này xác nhận trên điện thoại, không nhận mã PIN hay OTP.")

    async def cancel(self, account: port.ProviderAccount, provider_tx: str) -> None:
        """CSC has no such call: the question runs out by itself."""

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> port.WebhookHint | None:
        """CSC sends none in this flow."""
        return None

    async def _credential(self, account: port.ProviderAccount, credential_id: str) -> port.RemoteCredential:
        body = {"credentialID": credential_id, "certificates": "chain", "certInfo": True, "authInfo": True}
        info = await self._call(account, "credentials/info", body, _InfoAnswer)
        if not info.cert.certificates:
            raise port.OutcomeUnknown(_SILENT, f"no certificate for {credential_id}")
        certificate, *chain = (_from_base64(text) for text in info.cert.certificates)
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

    async def _fetch_values(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
        sad: str,
    ) -> port.Signed:
        body = {
            "credentialID": credential.credential_id,
            "SAD": sad,
            "signAlgo": RSA_OID,
            **_hash_fields(batch),
        }
        answer = await self._call(account, "signatures/signHash", body, _Signatures)
        values = tuple(_from_base64(text) for text in answer.signatures)
        require_genuine(credential.certificate, batch.hashes, values)
        return port.Signed(provider_tx=provider_tx, values=values)

    def _pending(self, answer: _HandleAnswer) -> port.Pending:
        if not answer.handle:
            raise port.OutcomeUnknown(_SILENT, "neither handle nor SAD")
        left = answer.expires_in
        return port.Pending(
            provider_tx=answer.handle,
            poll_after=self._capabilities.poll_interval,
            expires_at=None if left is None else clock.now() + timedelta(seconds=left),
        )

    async def _call(
        self, account: port.ProviderAccount, method: str, body: Mapping[str, object], kind: type[_Answer]
    ) -> _Answer:
        """POST with a token; a refused token is renewed once, a second refusal is `LoginRefused`."""
        token = await self._tokens.get(account)
        try:
            answer = await self._send(account, method, _bearer(token), body=body)
        except csc_errors.TokenRefused:
            token = await self._tokens.get(account, refused=token)
            answer = await self._send(account, method, _bearer(token), body=body)
        return _read(answer, kind)

    async def _log_in(self, account: port.ProviderAccount) -> Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": account.parameters["client_id"],
            "client_secret": account.parameters["client_secret"],
        }
        try:
            found = _read(await self._send(account, "oauth2/token", {}, form=form), _TokenAnswer)
        except port.OutcomeUnknown as error:
            # Asking for a token signs nothing, so the batch behind it was certainly not touched.
            raise port.NotReached(error.message, error.detail) from error
        return Token(text=found.access_token, life=found.expires_in)

    async def _send(
        self,
        account: port.ProviderAccount,
        method: str,
        headers: Mapping[str, str],
        *,
        body: Mapping[str, object] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Response:
        url = f"{_api_base(account.base_url)}/{method}"
        try:
            answer = await http_client.request(
                "POST", url, headers=headers, json=body, form=form, total_timeout=self._timeout
            )
        except http_client.NotSent as error:
            raise port.NotReached(_UNREACHED, str(error)) from error
        except http_client.NoAnswer as error:
            raise port.OutcomeUnknown(_SILENT, str(error)) from error
        if not 200 <= answer.status < 300:
            raise csc_errors.failure(answer)
        return answer


def _api_base(base_url: str) -> str:
    """The standard puts the interface at /csc/v2; an address with another /csc/ path is taken as it is."""
    base = base_url.rstrip("/")
    return base if "/csc/" in f"{base}/" else f"{base}/csc/v2"


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _hash_fields(batch: port.HashBatch) -> dict[str, object]:
    if any(len(digest) != port.DIGEST_BYTES for digest in batch.hashes):
        raise ValueError("only SHA-256 digests go out")
    return {
        "hashes": [base64.b64encode(digest).decode() for digest in batch.hashes],
        "hashAlgorithmOID": SHA256_OID,
        "clientData": batch.transaction_id,
    }


def _read(answer: Response, kind: type[_Answer]) -> _Answer:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise csc_errors.unreadable(answer, str(error)) from error


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=False)
    except binascii.Error as error:
        raise port.UntrustedAnswer(
            "Dịch vụ ký số trả về dữ liệu không đúng định dạng; lô ký đã bị cách ly.", "not base64"
        ) from error


ADAPTER = port.Adapter(
    capabilities=CAPABILITIES,
    fields=(
        port.AccountField(name="client_id", label="Mã ứng dụng (client_id)"),
        port.AccountField(
            name="client_secret", label="Khóa bí mật của ứng dụng (client_secret)", secret=True
        ),
    ),
    build=lambda capabilities, _: CscProvider(capabilities),
)
