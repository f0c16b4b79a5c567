"""One request of one visitor: its id, who asks, and its one transaction. The edge begins and ends it."""

import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.types import Scope

from backend.core.actor import Actor, SignIn
from backend.core.database import TenantSession, tenant_session, turns
from backend.core.errors import Unauthenticated
from backend.core.rate_limit import Charge

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_KEY = "hocba_visit"
#: RFC 1035 and a port.
_LONGEST_HOST = 261

Connection = ASGIConnection[Any, Any, Any, Any]


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in person, how they are signed in, and what the frame of a page says about them.

    Another system, which comes with a key of its own, has no `sign_in`. `closed` is what people of a closed school are
    told.
    """

    actor: Actor
    school_name: str
    role_label: str
    sign_in: SignIn | None = None
    closed: str = ""


@dataclass(slots=True)
class Visit:
    """State of a request. `address` is its path with its query.

    `session` is there while its transaction is open, read-only where the method is safe. `refused` is what somebody was
    told who may not do this, empty for all others. `renewed` is the token under which the session is known by now: it
    reaches the browser with whatever answer there is.
    """

    request_id: str
    address: str
    visitor: Visitor | None = None
    session: TenantSession | None = None
    #: Given back when the answer says that nothing failed (`core/admission.py`).
    paid_for_failing: list[Charge] = field(default_factory=list)
    #: What the answer tells of in `RateLimit`, by the name of each.
    told_limits: dict[str, Charge] = field(default_factory=dict)
    refused: str = ""
    renewed: str = ""
    _exits: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def enter_school(self, tenant_id: uuid.UUID, *, read_only: bool) -> TenantSession:
        """Open the request's transaction in a school; it is rolled back unless `commit` is called."""
        if self.session is None:
            await self._exits.enter_async_context(turns())
            self.session = await self._exits.enter_async_context(
                tenant_session(tenant_id, read_only=read_only, address=self.address)
            )
        return self.session

    async def leave(self) -> None:
        """Drop whatever was not committed and give the connection back."""
        session, self.session = self.session, None
        try:
            if session is not None:
                await session.rollback()
        finally:  # whatever became of the rollback: the turn is the next one's
            await self._exits.aclose()


def begin(scope: Scope, request_id: str) -> Visit:
    """Attach a new visit to a request."""
    query: bytes = scope["query_string"]
    visit = Visit(request_id, f"{scope['path']}?{query.decode('latin-1')}")
    scope["state"] = {**scope.get("state", {}), _KEY: visit}
    return visit


def visit_of(connection: Connection) -> Visit:
    """The visit of a request."""
    visit: Visit = connection.scope["state"][_KEY]
    return visit


def visitor_of(connection: Connection) -> Visitor:
    """Who is signed in; raises Unauthenticated when nobody is."""
    visitor = visit_of(connection).visitor
    if visitor is None:
        raise Unauthenticated("Xin đăng nhập để xem phần này.")
    return visitor


def host_of(connection: Connection) -> str:
    """The host that was asked, with its port: sessions belong to one."""
    return connection.headers.get("host", "").lower()[:_LONGEST_HOST]
