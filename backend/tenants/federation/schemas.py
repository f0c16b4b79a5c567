"""The words of signing in with an account elsewhere."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

ProviderId = NewType("ProviderId", uuid.UUID)
IdentityId = NewType("IdentityId", uuid.UUID)


class ProviderKind(StrEnum):
    """Whose provider it is, and by which claim it says that somebody belongs to the school."""

    GOOGLE = "google"
    ENTRA = "entra"
    OTHER = "other"


KIND_NAMES = {
    ProviderKind.GOOGLE: "Google Workspace",
    ProviderKind.ENTRA: "Microsoft Entra",
    ProviderKind.OTHER: "Nhà cung cấp khác (OpenID Connect, ví dụ VNeID)",
}


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider of a school, as the protocol needs it."""

    id: ProviderId
    tenant_id: uuid.UUID
    kind: ProviderKind
    name: str
    issuer: str
    restriction: str
    client_id: str
    sealed_secret: bytes
    added_at: datetime


class ProviderForm(msgspec.Struct, frozen=True, kw_only=True):
    """A new provider. `restriction` is the domain for Google, the directory id for Entra; `issuer` only for others."""

    kind: ProviderKind = ProviderKind.GOOGLE
    name: str = ""
    issuer: str = ""
    restriction: str = ""
    client_id: str = ""
    client_secret: str = ""


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser that went to the provider must bring back, sealed in its cookie.

    `linking` is the session of who wants to link an account; None: somebody signs in, and then goes to `back`.
    """

    provider_id: uuid.UUID
    state: str
    nonce: str
    verifier: str
    until: datetime
    back: str = "/"
    linking: uuid.UUID | None = None


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """The query with which the provider sends a browser back."""

    state: str = ""
    code: str = ""
    issuer: str = ""
    error: str = ""


class Outsider(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as a provider knows them. Only issuer and subject say who it is; the label is for people."""

    issuer: str
    subject: str
    label: str


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """An account elsewhere that waits for its holder's word to be linked, sealed in the browser's cookie."""

    session_id: uuid.UUID
    outsider: Outsider
    until: datetime


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A linked account elsewhere."""

    id: IdentityId
    issuer: str
    label: str
    linked_at: datetime
