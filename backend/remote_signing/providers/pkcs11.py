"""PKCS#11: keys of seals in an HSM of ours (CloudHSM, Luna, SoftHSM), which signs at once and asks nobody.

An account is the label under which a school's certificates stand in the token; a credential is a CKA_ID.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from backend.core.settings import SettingsError
from backend.remote_signing.providers import hsm_words, port
from backend.remote_signing.providers.hsm_pool import Pool, TokenFault
from backend.remote_signing.providers.immediate import ImmediateProvider
from backend.remote_signing.providers.values import key_facts, public_key_info

CAPABILITIES = port.Capabilities(
    max_hashes=250,
    interactive=False,
    async_result=False,
    webhook=False,
    # A value that was lost leaves nothing behind: the same hash may be signed again, by RSA with the same value.
    repeat=port.Repeat.IDEMPOTENT,
    result_key=port.ResultKey.POSITION,
    authorization_ttl=0.0,
    settle=0.0,
)
_ERRORS: Mapping[str, tuple[type[port.ProviderError], str]] = {
    "absent": (
        port.NotReached,
        "Chưa kết nối được thiết bị HSM giữ khóa của trường; hệ thống sẽ tự thử lại.",
    ),
    "busy": (port.NotReached, "Thiết bị HSM đang bận ký cho việc khác; hệ thống sẽ tự thử lại."),
    "pin": (
        port.LoginRefused,
        "Thiết bị HSM không nhận mã PIN của hệ thống nên không ký được; bên vận hành cần đặt lại mã PIN.",
    ),
    "key": (
        port.AccountProblem,
        "Thiết bị HSM không còn khóa của chứng thư số này; bên vận hành cần kiểm tra trước khi ký tiếp.",
    ),
    "data": (port.RequestRefused, "Thiết bị HSM không nhận yêu cầu ký này; bên vận hành cần kiểm tra."),
    "device": (
        port.OutcomeUnknown,
        "Thiết bị HSM gặp lỗi khi đang ký; hệ thống sẽ mở phiên mới và thử lại.",
    ),
}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the token is. `pin_file` holds its user PIN and nothing else; `processes` of each process of the product."""

    module: Annotated[str, Meta(min_length=1)]
    token: Annotated[str, Meta(min_length=1)]
    pin_file: Annotated[str, Meta(min_length=1)]
    processes: Annotated[int, Meta(ge=1, le=32)] = 2
    timeout: Annotated[float, Meta(gt=0, le=120)] = 30.0


class Pkcs11Provider(ImmediateProvider):
    """The ports `SignatureProvider` and `CertifiableProvider` over one token, for all accounts. It keeps processes."""

    def __init__(self, capabilities: port.Capabilities, pool: Pool) -> None:
        super().__init__(capabilities)
        self._pool = pool

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """Certificates that the ceremony put under the account's label (`hocba hsm put`)."""
        found = await self._ask(hsm_words.ListKeys(label=account.user_id))
        return [self._credential(one) for one in found.keys]

    async def bare_keys(self, account: port.ProviderAccount) -> list[port.BareKey]:
        """Keys that a ceremony made under the account's label (`hocba hsm generate`)."""
        found = await self._ask(hsm_words.ListPublic(label=account.user_id))
        return [
            port.BareKey(credential_id=key_id.hex(), public_key=public_key_info(key))
            for key_id, key in found.keys.items()
        ]

    async def put_certificates(
        self, account: port.ProviderAccount, credential_id: str, chain: Sequence[bytes]
    ) -> None:
        """Beside the key in the token, where they are listed from then on."""
        asked = hsm_words.PutCertificates(key_id=bytes.fromhex(credential_id), chain=tuple(chain))
        await self._ask(asked)

    async def _values(self, credential: port.CredentialHandle, digests: Sequence[bytes]) -> tuple[bytes, ...]:
        key_id = bytes.fromhex(credential.credential_id)
        answer = await self._ask(hsm_words.SignMany(key_id=key_id, digests=tuple(digests)))
        return tuple(answer.values)

    def close(self) -> None:
        """End the processes."""
        self._pool.close()

    async def _ask(self, request: hsm_words.Request) -> Any:
        try:
            return await asyncio.to_thread(self._pool.ask, request)
        except TokenFault as fault:
            kind, message = _ERRORS[fault.kind]
            raise kind(message, fault.detail) from fault

    def _credential(self, found: hsm_words.TokenKey) -> port.RemoteCredential:
        algorithms, bits = key_facts(found.certificate)
        return port.RemoteCredential(
            credential_id=found.key_id.hex(),
            certificate=found.certificate,
            chain=found.chain,
            key_algorithms=algorithms,
            key_bits=bits,
            usable=found.has_key,
            status="key present" if found.has_key else "no key",
            max_hashes=self._capabilities.max_hashes,
        )


def pool_of(settings: Settings) -> Pool:
    """The processes of a declared token; none is started yet. Raises SettingsError without a PIN."""
    try:
        pin = Path(settings.pin_file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"pin_file of a pkcs11 provider cannot be read: {type(error).__name__}"
        ) from error
    if not pin:
        raise SettingsError("pin_file of a pkcs11 provider is empty")
    opening = hsm_words.Opening(module=settings.module, token=settings.token, pin=pin)
    return Pool(opening, size=settings.processes, timeout=settings.timeout)


ADAPTER = port.Adapter(
    capabilities=CAPABILITIES,
    fields=(),
    build=lambda capabilities, settings: Pkcs11Provider(capabilities, pool_of(settings)),
    settings=Settings,
    takes_certificates=True,
)
