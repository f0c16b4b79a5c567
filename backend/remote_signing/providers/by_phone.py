"""What services have in common that ask their users on a telephone and are then asked how far it is."""

from collections.abc import Mapping

from backend.remote_signing.providers import port


class ByPhone:
    """The part of the port `SignatureProvider` that is the same for all of them."""

    def __init__(self, capabilities: port.Capabilities) -> None:
        self._capabilities = capabilities

    @property
    def capabilities(self) -> port.Capabilities:
        """As declared; none of them names a limit."""
        return self._capabilities

    async def answer(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        challenge: port.Challenge,
        values: Mapping[str, str],
    ) -> port.SubmitResult:
        """Nothing is asked for here: the app does."""
        raise port.RequestRefused("Dịch vụ ký số này xác nhận trên điện thoại, không nhận mã PIN hay OTP.")

    async def cancel(self, account: port.ProviderAccount, provider_tx: str) -> None:
        """There is no such call: the question runs out by itself."""

    def _pending(self, provider_tx: str) -> port.Pending:
        return port.Pending(provider_tx=provider_tx, poll_after=self._capabilities.poll_interval)


def names_of(batch: port.HashBatch) -> list[str]:
    """What an app shows of each document: its number in the list that the person agreed to on our page."""
    return [f"HS-{number:04}" for number in range(1, len(batch.hashes) + 1)]
