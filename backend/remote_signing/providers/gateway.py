"""The providers of this installation, by name, and our account there."""

from functools import lru_cache

from backend.core import settings
from backend.remote_signing.providers.csc import CscProvider
from backend.remote_signing.providers.port import (
    SANDBOX,
    ProviderAccount,
    RemoteCredential,
    SignatureProvider,
)


@lru_cache(maxsize=8)
def provider(name: str) -> SignatureProvider:
    """The adapter of a provider by its name. Raises KeyError for one that this installation does not have."""
    return {SANDBOX: CscProvider}[name]()


def account(user_id: str) -> ProviderAccount:
    """Our relying-party account, acting for one of the provider's users."""
    config = settings.get()
    return ProviderAccount(
        base_url=config.signing_url,
        user_id=user_id,
        client_id=config.signing_client_id,
        client_secret=config.signing_client_secret,
    )


async def credentials_at(name: str, user_id: str) -> list[RemoteCredential]:
    """What a provider lists for one of its users. Raises KeyError like `provider`, and ProviderError."""
    return await provider(name).list_credentials(account(user_id))
