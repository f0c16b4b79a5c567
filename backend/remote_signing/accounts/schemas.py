"""The words of a school's own accounts at providers of signing services."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.remote_signing.providers.port import AccountField
from backend.tenants.approvals.schemas import ApprovalRequest

AccountId = NewType("AccountId", uuid.UUID)
AccessId = NewType("AccessId", uuid.UUID)
KeyId = NewType("KeyId", uuid.UUID)


class AccountState(StrEnum):
    """proposed by one person → active when another approves → replaced by the next one; or dropped undecided.

    What is replaced or dropped keeps no secret.
    """

    PROPOSED = "proposed"
    ACTIVE = "active"
    REPLACED = "replaced"
    DROPPED = "dropped"


class AccessState(StrEnum):
    """active until its user leaves another, takes it back, or the service takes it no more. Only active ones hold it."""

    ACTIVE = "active"
    REPLACED = "replaced"
    TAKEN_BACK = "taken_back"
    REFUSED = "refused"


class OwnValues(msgspec.Struct, frozen=True):
    """What a school filled in for a provider, field by field, secrets among them: never shown, logged or kept. With it
    what an account's user has left, as `access_id`."""

    by_field: Mapping[str, str] = {}
    access_id: AccessId | None = None

    def __repr__(self) -> str:
        return "OwnValues()"


class Closed(msgspec.Struct, frozen=True):
    """Something of the school that is closed, and the key that closed it; None: the product's own."""

    key_id: KeyId | None
    content: bytes


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as people see it: whose it is and since when, without any of its values."""

    id: AccountId
    state: AccountState
    added_by_name: str
    added_at: datetime
    decided_at: datetime | None
    key_id: KeyId
    key_made_at: datetime


class ProviderFile(msgspec.Struct, frozen=True, kw_only=True):
    """A provider at which a school needs an account of its own: what it asks for, what the school has, what waits.

    `notices_to`: where it may tell us that a person has answered (a path; empty for one that tells nothing).
    """

    provider: str
    label: str
    fields: tuple[AccountField, ...]
    notices_to: str
    active: AccountView | None
    waiting: ApprovalRequest | None


class AccessView(msgspec.Struct, frozen=True, kw_only=True):
    """That a user of a provider has let us in there, without what they left. `is_seal`: for the school's seal;
    `is_live`: we are let in today."""

    id: AccessId
    provider: str
    provider_name: str
    account: str
    is_seal: bool
    is_live: bool
    state: AccessState
    given_at: datetime
    ends_at: datetime
