"""Decisions about giving an account back: pure functions."""

from collections.abc import Collection

from backend.tenants.permissions import Role


def may_reset(asker: Collection[str], person: Collection[str]) -> bool:
    """An owner resets anybody's account; who is not one does not reset an owner's, and so does not become one."""
    return Role.OWNER in asker or Role.OWNER not in person
