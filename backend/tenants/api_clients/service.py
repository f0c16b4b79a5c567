"""Connections: let another system read the school's data, see who is let in, end it. Keys exist in two places only,
with their holder and, as a digest, in the directory."""

from datetime import timedelta

from backend.core import audit, clock
from backend.core.actor import Actor, StaffId, machine
from backend.core.audit import Action, Outcome
from backend.core.crypto import text_digest
from backend.core.database import TenantSession, account_session, tenant_session
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id, new_token
from backend.tenants.api_clients import queries
from backend.tenants.api_clients.schemas import (
    AccessToken,
    ApiClient,
    ApiClientId,
    ClientKind,
    KnownClient,
    NewApiClient,
    NewKey,
    Scope,
)
from backend.tenants.people import service as people
from backend.tenants.schools import service as schools

MONTHS = (1, 3, 6, 12)
MOST_OPEN = 20
MAX_NAME = 80
#: A token that was got for a secret lasts this long.
TOKEN_LASTS = timedelta(hours=1)
#: What a key begins with, so that one that lies about is recognised.
KEY_PREFIX = "hocba_"


async def add_client(session: TenantSession, actor: Actor, new: NewApiClient) -> NewKey:
    """Let a system in; the answer holds its key, which is shown now or never.

    Raises Invalid for a name, scopes or months that are none, Conflict when too many are let in already.
    """
    if actor.staff_id is None:
        raise Forbidden("Chỉ nhân sự của trường mới tạo được kết nối.")
    _check(new)
    now = clock.now()
    if await queries.count_open(session, now) >= MOST_OPEN:
        raise Conflict(
            f"Trường đã có {MOST_OPEN} kết nối đang dùng; hãy ngắt bớt kết nối cũ trước khi tạo thêm."
        )
    key = NewKey(client_id=ApiClientId(new_id()), kind=new.kind, secret=KEY_PREFIX + new_token())
    digest, ends_at = text_digest(key.secret), now + timedelta(days=30 * new.months)
    is_oauth = new.kind is ClientKind.OAUTH
    await queries.insert_client(
        session, key.client_id, new, actor.staff_id, now, ends_at, digest if is_oauth else None
    )
    if not is_oauth:
        await queries.insert_token(session, key.client_id, digest, new.scopes, ends_at)
    scopes = " ".join(sorted(new.scopes))
    await audit.record(session, actor, Action.API_CLIENT_ADDED, key.client_id, new.name, scopes=scopes)
    return key


async def list_clients(session: TenantSession) -> list[ApiClient]:
    """Every connection of the school, newest first."""
    seen = await queries.last_seen(session)
    names = await people.names(session)
    return [
        ApiClient(
            id=ApiClientId(row.id),
            name=row.name,
            kind=ClientKind(row.kind),
            scopes=tuple(Scope(scope) for scope in row.scopes),
            created_by=names[StaffId(row.created_by)],
            created_at=row.created_at,
            ends_at=row.ends_at,
            ended_at=row.ended_at,
            seen_at=seen.get(ApiClientId(row.id)),
        )
        for row in await queries.all_clients(session)
    ]


async def open_clients_of(session: TenantSession, staff_id: StaffId) -> list[str]:
    """Names of the connections that somebody has made and that go on, newest first."""
    return await queries.open_clients_of(session, staff_id, clock.now())


async def end_client(session: TenantSession, actor: Actor, client_id: ApiClientId) -> str:
    """End a connection at once, with all its tokens; returns its name. Raises NotFound."""
    name = await queries.end_client(session, client_id, clock.now())
    if name is None:
        raise NotFound("Không tìm thấy kết nối này, hoặc nó đã được ngắt.")
    await audit.record(session, actor, Action.API_CLIENT_ENDED, client_id, name)
    return name


async def find_client(client_id: ApiClientId, secret: str) -> KnownClient | None:
    """The connection with that id and that secret, while it lasts; its school may be closed."""
    return await queries.find_client(client_id, text_digest(secret))


async def at_closed_school(client: KnownClient) -> bool:
    """Whether the school of a connection is closed: it gets nothing any more."""
    return await schools.is_closed(client.tenant_id)


async def record_refused_secret(client_id: ApiClientId) -> None:
    """A wrong secret was shown for an id: the first of an hour stands in the school's audit, with how many came before.

    Nothing is written for an id that is no connection's, so strangers fill no audit.
    """
    async with account_session(client_id) as directory:
        noted = await queries.note_refused(directory)
    if noted is None:
        return
    tenant_id, name, count = noted
    async with tenant_session(tenant_id) as session:
        await audit.record(
            session,
            machine(tenant_id),
            Action.API_SECRET_REFUSED,
            client_id,
            name,
            Outcome.REFUSED,
            refused_so_far=count,
        )


async def find_by_token(token: str) -> KnownClient | None:
    """Who holds a token, while it lasts and its school is open."""
    client = await queries.find_token(text_digest(token))
    return None if client is None or await at_closed_school(client) else client


async def issue_token(client: KnownClient, scopes: frozenset[Scope]) -> AccessToken:
    """A short-lived token for some of a connection's scopes. Whoever asks has no session, so this opens one."""
    token = KEY_PREFIX + new_token()
    async with tenant_session(client.tenant_id) as session:
        await queries.insert_token(session, client.id, text_digest(token), scopes, clock.now() + TOKEN_LASTS)
        await audit.record(session, actor_of(client), Action.API_TOKEN_ISSUED, client.id, client.name)
    return AccessToken(token=token, scopes=scopes, seconds=int(TOKEN_LASTS.total_seconds()))


async def record_refused_token(
    client: KnownClient, *, scopes: str | None = None, reason: str | None = None
) -> None:
    """A connection with its right secret got no token: it asked for more than it was given, or for another `reason`."""
    async with tenant_session(client.tenant_id) as session:
        await audit.record(
            session,
            actor_of(client),
            Action.API_TOKEN_ISSUED,
            client.id,
            client.name,
            Outcome.REFUSED,
            scopes=scopes and scopes[:200],
            reason=reason,
        )


def actor_of(client: KnownClient) -> Actor:
    """A connection as the one who asks: it has no role, and its scopes are its permissions."""
    return Actor(
        tenant_id=client.tenant_id,
        staff_id=None,
        client_id=client.id,
        name=name_of(client),
        permissions=frozenset(scope.value for scope in client.scopes),
    )


def name_of(client: KnownClient | ApiClient) -> str:
    """What the audit calls a connection."""
    return f"Kết nối {client.name}"


def _check(new: NewApiClient) -> None:
    if not 0 < len(new.name) <= MAX_NAME:
        raise Invalid(f"Tên kết nối phải có từ 1 đến {MAX_NAME} ký tự; hãy ghi tên hệ thống sẽ dùng kết nối.")
    if not new.scopes:
        raise Invalid(f"Kết nối {new.name} chưa được chọn dữ liệu nào; hãy chọn ít nhất một mục.")
    if new.months not in MONTHS:
        raise Invalid(f"Thời hạn của kết nối {new.name} phải là 1, 3, 6 hoặc 12 tháng.")
