"""What providers have in common that hold keys for us: they sign at once, ask nobody, and nothing waits in them.

Such a key is a seal's, never a person's (infra/decisions/0034).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from backend.remote_signing.providers import port, wire
from backend.remote_signing.providers.values import require_genuine


class ImmediateProvider(ABC):
    """The port `SignatureProvider`, but for how keys are listed and used."""

    def __init__(self, capabilities: port.Capabilities) -> None:
        self._capabilities = capabilities

    @property
    def capabilities(self) -> port.Capabilities:
        """As declared for this installation."""
        return self._capabilities

    @abstractmethod
    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """Keys of the account, with certificates and state."""

    @abstractmethod
    async def _values(self, credential: port.CredentialHandle, digests: Sequence[bytes]) -> tuple[bytes, ...]:
        """A value for each digest, in their order. Raises ProviderError."""

    async def sign_hashes(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.Signed:
        """Signed at once; every value verified."""
        wire.require_digests(batch, self._capabilities.max_hashes)
        values = await self._values(credential, batch.hashes)
        require_genuine(credential.certificate, batch.hashes, values)
        return port.Signed(provider_tx=batch.transaction_id, values=values)

    async def poll(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
    ) -> port.Signed:
        """Asking again signs again."""
        return await self.sign_hashes(account, credential, batch)

    async def answer(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        challenge: port.Challenge,
        values: Mapping[str, str],
    ) -> port.Signed | port.Pending:
        """Nobody is asked anything."""
        raise port.RequestRefused("Khóa này ký ngay, không hỏi mã PIN hay OTP của người ký.")

    async def cancel(self, account: port.ProviderAccount, provider_tx: str) -> None:  # noqa: B027 for all of them
        """Nothing waits."""

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> port.WebhookHint | None:
        """Nobody calls us."""
        return None
