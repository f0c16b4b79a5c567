"""Two schools whose data other systems read: each with a class, issued transcripts, deliveries and keys."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from litestar import Litestar

from backend.core.actor import Actor, machine
from backend.core.database import TenantId, tenant_session
from backend.integrations.deliveries import service as deliveries
from backend.records.roster import service as roster
from backend.tenants.api_clients import service as api_clients
from backend.tenants.api_clients.schemas import ClientKind, NewApiClient, NewKey, Scope
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.factories.issued_versions import issue, open_delivering_school

NOBODY = uuid.UUID(int=0)


@dataclass
class Partner:
    """A school, who lets systems in there, and one key for everything."""

    tenant_id: TenantId
    name: str
    owner: Actor
    class_id: uuid.UUID
    versions: list[uuid.UUID]
    token: str = ""
    client_id: uuid.UUID = NOBODY
    secrets: list[str] = field(default_factory=list)

    async def key(self, *scopes: Scope, kind: ClientKind = ClientKind.TOKEN) -> NewKey:
        """A new key for some scopes."""
        new = NewApiClient(name="Phần mềm tuyển sinh", kind=kind, scopes=frozenset(scopes), months=1)
        async with tenant_session(self.tenant_id) as session:
            return await api_clients.add_client(session, self.owner, new)


async def open_partner(name: str, pupils: int = 3) -> Partner:
    """A new tenant with so many issued transcripts, on their way to the Authority."""
    tenant_id = await open_delivering_school(name)
    versions = await issue(tenant_id, pupils)
    async with tenant_session(tenant_id) as session:
        await deliveries.open_deliveries(session, versions)
        [school_class] = await roster.list_classes(session)
    return await partner_of(tenant_id, name, school_class.id, versions)


async def partner_of(
    tenant_id: TenantId, name: str, class_id: uuid.UUID = NOBODY, versions: Sequence[uuid.UUID] = ()
) -> Partner:
    """A school that is there, with somebody who lets systems in, and a key for everything."""
    async with tenant_session(tenant_id) as session:
        staff = await people.add_staff(
            session, machine(tenant_id), f"Cô {name}", f"{tenant_id.hex}@example", "", [Role.OWNER]
        )
        owner = await people.actor_of(session, staff)
    partner = Partner(tenant_id, name, owner, class_id, [*versions])
    key = await partner.key(*Scope)
    partner.token, partner.client_id = key.secret, key.client_id
    return partner


class Client:
    """Another system: asks with a token, in a network of its own."""

    def __init__(self, site: Litestar, token: str, network: str = "10.250.0.1") -> None:
        transport = httpx.ASGITransport(
            site,  # type: ignore[arg-type]
            raise_app_exceptions=False,
            client=(network, 50_000),
        )
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000/api/v1")
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """Ask for something below /api/v1."""
        return await self.http.get(path, params=query, headers=self.headers)

    async def post(self, path: str, body: object, key: str = "") -> httpx.Response:
        """Do something below /api/v1, under a key of its own unless one is given."""
        headers = self.headers | {"Idempotency-Key": key or str(uuid.uuid4())}
        return await self.http.post(path, json=body, headers=headers)

    async def all_of(self, path: str, limit: int) -> list[dict[str, Any]]:
        """Every item of a list, part by part."""
        items: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": limit}
        while True:
            answer = await self.get(path, **query)
            assert answer.status_code == 200, answer.text
            part = answer.json()
            assert len(part["items"]) <= limit
            items += part["items"]
            if part["next_cursor"] is None:
                return items
            query["cursor"] = part["next_cursor"]
