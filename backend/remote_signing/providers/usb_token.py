"""The seal on a USB token at the school: hashes wait here until the computer that holds the token has fetched them.

Like a telephone, it asks by itself (`token_helpers`) and a person types a PIN there, so this adapter only says for how
long the question stays open. Values come in through `token_helpers.service.take`, verified like everybody's.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from backend.core import clock
from backend.remote_signing.providers import port, wire

CAPABILITIES = port.Capabilities(
    max_hashes=500,
    interactive=True,
    async_result=True,
    webhook=False,
    # Asking again asks for nothing new: the computer sees one call, however often it was submitted.
    repeat=port.Repeat.IDEMPOTENT,
    result_key=port.ResultKey.POSITION,
    authorization_ttl=7200.0,
    settle=0.0,
    poll_interval=30.0,
)
_LATE = "Quá hạn chờ máy giữ token của con dấu; hồ sơ đã trở lại khay ký. Xin mở chương trình trên máy ấy rồi ký lại."


class UsbTokenProvider:
    """The port `SignatureProvider` for computers that fetch their work."""

    def __init__(self, capabilities: port.Capabilities) -> None:
        self._capabilities = capabilities

    @property
    def capabilities(self) -> port.Capabilities:
        """As declared for this installation."""
        return self._capabilities

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """What a token holds is said when its computer is paired, and not from here."""
        raise port.RequestRefused(
            "Chứng thư trên token USB được đăng ký ở mục Token USB của trang con dấu số."
        )

    async def sign_hashes(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.Pending:
        """It waits to be fetched; its name is when that ends."""
        wire.require_digests(batch, self._capabilities.max_hashes)
        until = clock.now() + timedelta(seconds=self._capabilities.authorization_ttl)
        return self._pending(until)

    async def poll(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
    ) -> port.Pending | port.Expired:
        """Whether it may still be fetched."""
        until = datetime.fromisoformat(provider_tx)
        if until <= clock.now():
            return port.Expired(provider_tx=provider_tx, reason=_LATE)
        return self._pending(until)

    async def answer(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        challenge: port.Challenge,
        values: Mapping[str, str],
    ) -> port.Signed | port.Pending:
        """The PIN of a token is typed beside it, never here."""
        raise port.RequestRefused("Mã PIN của token được nhập trên máy cắm token, không nhập ở đây.")

    async def cancel(self, account: port.ProviderAccount, provider_tx: str) -> None:
        """The computer sees what waits each time it asks."""

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> port.WebhookHint | None:
        """It calls its own address."""
        return None

    def _pending(self, until: datetime) -> port.Pending:
        return port.Pending(
            provider_tx=until.isoformat(), poll_after=self._capabilities.poll_interval, expires_at=until
        )


ADAPTER = port.Adapter(
    capabilities=CAPABILITIES,
    fields=(),
    build=lambda capabilities, _: UsbTokenProvider(capabilities),
)
