"""The keeper of the audit: joins events onto the chains of all schools and makes a checkpoint every hour.

It runs beside the dispatcher and, like it, once: an advisory lock. Above the schools it sees their ids and the heads of
their chains; inside each it acts with the application's role and the school's own context.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from backend.core import audit_chain, clock, storage
from backend.core.audit_chain import Head
from backend.core.crypto import sha256_hex
from backend.core.database import tenant_session
from backend.core.errors import AppError
from backend.core.leading import lead, pause

log = logging.getLogger(__name__)

#: Any constant: who holds this lock keeps the audit.
LOCK = 7_474_002
#: Pause between two rounds through the schools.
ROUND_SECONDS = 15.0

#: A time stamp token (RFC 3161) over these bytes; raises AppError when the authority does not give one.
Stamp = Callable[[bytes], Awaitable[bytes]]

_NEWEST = (
    "select number, made_at, document_sha256 from directory.audit_checkpoint order by number desc limit 1"
)
_HEADS = "select tenant_id, n, hash, settled_at from directory.audit_head"
_ADD = """
    insert into directory.audit_checkpoint (number, made_at, document_sha256, token_sha256) values ($1, $2, $3, $4)
"""


async def keep(url: str, stamp: Stamp, stop: asyncio.Event) -> None:
    """Work until `stop` is set. What fails is logged and tried again in the next round."""

    async def rounds(connection: asyncpg.Connection) -> None:
        while not stop.is_set():
            await keep_once(connection, stamp)
            await pause(stop, ROUND_SECONDS)

    await lead("keeper of the audit", url, LOCK, rounds, stop)


async def keep_once(connection: asyncpg.Connection, stamp: Stamp) -> None:
    """One round: all chains, and a checkpoint where it is time for one."""
    for school in await connection.fetch("select id from directory.tenant"):
        await _chain(school["id"])
    made_at = await connection.fetchval("select max(made_at) from directory.audit_checkpoint")
    if made_at is None or clock.now() - made_at >= audit_chain.INTERVAL:
        await _checkpoint(connection, stamp)


async def _chain(tenant_id: uuid.UUID) -> None:
    """A school whose chain cannot be continued now keeps no other waiting."""
    more = True
    try:
        while more:
            async with tenant_session(tenant_id) as session:
                more = await audit_chain.chain(session) == audit_chain.AT_ONCE
    except SQLAlchemyError as error:
        log.exception("events not chained", extra={"tenant_id": tenant_id, "error": type(error).__name__})


async def _checkpoint(connection: asyncpg.Connection, stamp: Stamp) -> None:
    try:
        await make_checkpoint(connection, stamp)
    except AppError as error:
        log.error("no checkpoint of the audit", extra={"error": type(error).__name__})


async def make_checkpoint(connection: asyncpg.Connection, stamp: Stamp) -> None:
    """Fix all heads: document, time stamp, both to the store, then the row that names them.

    A crash before the last step leaves two objects that no row names, and the next one takes the same number.
    Raises AppError when the authority or the store does not answer.
    """
    before = await connection.fetchrow(_NEWEST)
    number, previous = (before["number"] + 1, before["document_sha256"]) if before else (1, "")
    heads = [Head(**row) for row in await connection.fetch(_HEADS)]
    made_at = clock.now()
    document = audit_chain.checkpoint(number, made_at, previous, heads)
    token = await stamp(document)
    digest = sha256_hex(document)
    await storage.put_checkpoint(number, digest, document, token)
    await connection.execute(_ADD, number, made_at, digest, sha256_hex(token))
    log.info("checkpoint of the audit", extra={"count": len(heads)})
