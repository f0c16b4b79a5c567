"""One-time tickets: what is remembered between two requests of somebody who has no session, or not yet enough of one.

A ticket is taken once, even if what follows fails. Only its digest is kept. It belongs to the account that the
transaction speaks for when it is issued, or to nobody.
"""

import uuid
from datetime import timedelta
from typing import Generic, TypeVar

import msgspec
from sqlalchemy import text

from backend.core import clock
from backend.core.crypto import text_digest
from backend.core.database import PublicSession, TenantSession, public_session
from backend.core.ids import new_token

T = TypeVar("T")

_PUT = text("select directory.put_ticket(:digest, :purpose, :content, :ends)")
_TAKE = text("select account_id, payload from directory.take_ticket(:digest, :purpose, :at)")


class Ticket(msgspec.Struct, Generic[T], frozen=True):
    """A ticket that was taken: whose it was, and what was written on it."""

    account_id: uuid.UUID | None
    content: T


async def issue(
    session: PublicSession | TenantSession, purpose: str, content: object, lasts: timedelta, token: str = ""
) -> str:
    """Remember `content` (a struct) for so long; returns the token that takes it, a new one unless it is given."""
    token = token or new_token()
    values = {"digest": text_digest(token), "purpose": purpose, "ends": clock.now() + lasts}
    await session.execute(_PUT, values | {"content": msgspec.json.encode(content).decode()})
    return token


async def take(purpose: str, token: str, content: type[T]) -> Ticket[T] | None:
    """The ticket of a token, for the first who asks and before it ends; None for everybody else."""
    values = {"digest": text_digest(token), "purpose": purpose, "at": clock.now()}
    async with public_session() as session:
        row = (await session.execute(_TAKE, values)).first()
    return Ticket(row.account_id, msgspec.json.decode(row.payload, type=content)) if row else None
