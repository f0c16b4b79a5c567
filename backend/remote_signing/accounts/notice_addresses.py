"""Addresses at which a provider may tell us that a person has answered: one of each school and provider.

The last part is a secret that derives from the product's key, so that nothing has to be kept; no service describes how
it would sign a notice, and what is posted counts for nothing anyway.
"""

import uuid

from backend.core import settings
from backend.core.crypto import keyed_digest, same

PATH = "/bao-tin"
_PURPOSE, _LENGTH = "address of notices", 40


def name_of(tenant_id: uuid.UUID, provider: str) -> str:
    """The last part of the address."""
    return f"{tenant_id.hex}.{provider}.{_secret(tenant_id, provider)}"


def notice_place(name: str) -> tuple[uuid.UUID, str] | None:
    """School and provider, if the secret is theirs."""
    try:
        tenant, provider, secret = name.split(".")
        tenant_id = uuid.UUID(hex=tenant)
    except ValueError:
        return None
    return (tenant_id, provider) if same(secret, _secret(tenant_id, provider)) else None


def _secret(tenant_id: uuid.UUID, provider: str) -> str:
    key = settings.get().secret_key
    return keyed_digest(key, _PURPOSE, f"{tenant_id.hex} {provider}")[:_LENGTH]
