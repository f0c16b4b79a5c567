"""SQL of connections: the school's own list behind its fence, and the directory's functions about one key each."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, text, update

from backend.core import lookups
from backend.core.actor import StaffId
from backend.core.database import PublicSession, TenantSession
from backend.core.questions import Question
from backend.tenants.api_clients.models import ApiClient
from backend.tenants.api_clients.schemas import ApiClientId, KnownClient, NewApiClient, Scope

_ADD_CLIENT = text("select directory.add_api_client(:client, :name, :digest, :scopes, :ends)")
_ADD_TOKEN = text("select directory.add_api_token(:digest, :client, :scopes, :ends)")
_END = text("select directory.end_api_client(:client)")
_SEEN = text("select client_id, seen_at from directory.api_clients_seen()")
_NOTE_REFUSED = text("select tenant_id, name, refused from directory.note_refused_secret()")
_FIND_CLIENT = Question(
    text("select tenant_id, client_id, name, scopes from directory.find_api_client(:client, :digest)")
)
_FIND_TOKEN = Question(
    text("select tenant_id, client_id, name, scopes from directory.find_api_token(:digest)")
)


async def insert_client(
    session: TenantSession,
    client_id: ApiClientId,
    new: NewApiClient,
    staff_id: StaffId,
    created_at: datetime,
    ends_at: datetime,
    secret_digest: str | None,
) -> None:
    """Add a connection, here and in the directory; without a secret it cannot ask for tokens."""
    scopes = sorted(new.scopes)
    row = {"tenant_id": session.tenant_id, "id": client_id, "name": new.name, "kind": new.kind.value}
    times = {"created_by": staff_id, "created_at": created_at, "ends_at": ends_at}
    await session.execute(insert(ApiClient).values(scopes=scopes, **row, **times))
    values = {"client": client_id, "name": new.name, "digest": secret_digest, "scopes": scopes}
    await session.execute(_ADD_CLIENT, values | {"ends": ends_at})


async def insert_token(
    session: TenantSession,
    client_id: ApiClientId,
    token_digest: str,
    scopes: Iterable[Scope],
    ends_at: datetime,
) -> None:
    """Let a token stand for a connection of this school, for some of its scopes, no longer than itself."""
    values = {"digest": token_digest, "client": client_id, "scopes": sorted(scopes), "ends": ends_at}
    await session.execute(_ADD_TOKEN, values)


async def find_client(client_id: ApiClientId, secret_digest: str) -> KnownClient | None:
    """The connection with that id and that secret, while it lasts."""
    return _known(await lookups.ask(_FIND_CLIENT, client=client_id, digest=secret_digest))


async def note_refused(session: PublicSession) -> tuple[uuid.UUID, str, int] | None:
    """One more wrong secret of the connection that the transaction speaks for.

    For the first of an hour: its school, its name, and how many wrong ones there were since the last such answer.
    """
    row = (await session.execute(_NOTE_REFUSED)).first()
    return (row.tenant_id, row.name, row.refused) if row else None


async def find_token(token_digest: str) -> KnownClient | None:
    """The connection that a token stands for, while both last; the directory remembers that it was used."""
    return _known(await lookups.ask(_FIND_TOKEN, digest=token_digest))


async def end_client(session: TenantSession, client_id: ApiClientId, ended_at: datetime) -> str | None:
    """End a connection and its tokens; returns its name, None when there is none that goes on."""
    own = (ApiClient.tenant_id == session.tenant_id, ApiClient.id == client_id, ApiClient.ended_at.is_(None))
    name = await session.scalar(
        update(ApiClient).where(*own).values(ended_at=ended_at).returning(ApiClient.name)
    )
    await session.execute(_END, {"client": client_id})
    return name


async def all_clients(session: TenantSession) -> Sequence[ApiClient]:
    """Every connection that there ever was, newest first."""
    found = await session.scalars(
        select(ApiClient).where(ApiClient.tenant_id == session.tenant_id).order_by(ApiClient.id.desc())
    )
    return found.all()


async def count_open(session: TenantSession, now: datetime) -> int:
    """How many connections go on."""
    return await session.scalar(select(func.count()).where(*_open(session, now))) or 0


async def open_clients_of(session: TenantSession, staff_id: StaffId, now: datetime) -> list[str]:
    """Names of the connections of one maker that go on, newest first."""
    query = select(ApiClient.name).where(*_open(session, now), ApiClient.created_by == staff_id)
    return list(await session.scalars(query.order_by(ApiClient.id.desc())))


async def last_seen(session: TenantSession) -> dict[ApiClientId, datetime]:
    """When the key of each connection was last used; without those that never were."""
    return {ApiClientId(row.client_id): row.seen_at for row in await session.execute(_SEEN)}


def _open(session: TenantSession, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (ApiClient.tenant_id == session.tenant_id, ApiClient.ended_at.is_(None), ApiClient.ends_at > now)


def _known(rows: list[Any]) -> KnownClient | None:
    if not rows:
        return None
    [row] = rows
    return KnownClient(
        id=ApiClientId(row.client_id),
        tenant_id=row.tenant_id,
        name=row.name,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
    )
