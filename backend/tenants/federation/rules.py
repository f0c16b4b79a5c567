"""Decisions about accounts elsewhere: pure functions."""

import re
import uuid
from collections.abc import Mapping

from backend.tenants.federation.schemas import ProviderKind

#: The claim by which a provider says whose account it is.
BELONGS_BY = {ProviderKind.GOOGLE: "hd", ProviderKind.ENTRA: "tid"}
LONGEST = 200

_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


def restriction_of(kind: ProviderKind, typed: str) -> str | None:
    """The school's domain or directory as it is compared; None for what is none. Others have none."""
    value = typed.strip().lower()
    match kind:
        case ProviderKind.GOOGLE:
            return value if _DOMAIN.fullmatch(value) else None
        case ProviderKind.ENTRA:
            return _directory(value)
        case ProviderKind.OTHER:
            return ""


def belongs(kind: ProviderKind, restriction: str, claims: Mapping[str, object]) -> bool:
    """Whether the provider says that the account is the school's."""
    claim = BELONGS_BY.get(kind)
    return claim is None or str(claims.get(claim, "")).lower() == restriction


def label_of(claims: Mapping[str, object]) -> str:
    """What people call the account: its address, or its name. It decides nothing."""
    for claim in ("email", "preferred_username", "name"):
        said = claims.get(claim)
        if isinstance(said, str) and said.strip():
            return " ".join(said.split())[:LONGEST]
    return str(claims.get("sub", ""))[:LONGEST]


def _directory(value: str) -> str | None:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        return None
