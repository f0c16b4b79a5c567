"""Decisions about giving an account back: pure functions."""

import uuid
from collections.abc import Collection

from backend.tenants.permissions import Role, grantable_by


def may_reset(asker: Collection[str], person: Collection[Role]) -> bool:
    """Who could give somebody all of their roles gives them their account back; nobody gains a role by a reset."""
    return grantable_by(asker).issuperset(person)


def may_use(given_out_by: uuid.UUID | None, schools: Collection[uuid.UUID]) -> bool:
    """A school's link gives back an account that works there alone; the operator's gives back any."""
    return given_out_by is None or all(school == given_out_by for school in schools)
