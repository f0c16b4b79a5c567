"""The words of signing in."""

import uuid
from typing import NewType

import msgspec

from backend.core.actor import StaffId

AccountId = NewType("AccountId", uuid.UUID)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a signed-in person works: the school and who they are there."""

    tenant_id: uuid.UUID
    staff_id: StaffId


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in, and their first place of work."""

    id: AccountId
    password_hash: str
    place: Place


class SignInForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the sign-in form sends; `tiep` is the page to go to afterwards."""

    login: str = ""
    password: str = ""
    tiep: str = ""
