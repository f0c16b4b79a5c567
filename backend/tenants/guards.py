"""Who may call a handler: each carries `requires(...)`, `scoped(...)` or `public()`, or the site does not start."""

import logging
from collections.abc import Awaitable, Callable

from litestar import Litestar
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute

from backend.core import admission, cookies, csrf
from backend.core.admission import RouteClass
from backend.core.errors import Forbidden, Unauthenticated, VerificationNeeded
from backend.core.visit import SAFE_METHODS, Connection, Visitor, host_of, visit_of, visitor_of
from backend.tenants.access import service as access
from backend.tenants.api_clients import service as api_clients
from backend.tenants.api_clients.schemas import Scope
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

log = logging.getLogger(__name__)

OPTION = "access"
_NO_KEY = (
    "Yêu cầu này cần mã truy cập còn hiệu lực trong tiêu đề Authorization; nhà trường cấp mã ở trang Kết nối."
)


Authenticate = Callable[[Connection], Awaitable[Visitor]]


class Access:
    """A Litestar guard and the mark of its handler: None is public, a set asks for any one permission or scope."""

    def __init__(
        self, any_of: frozenset[Permission] | frozenset[Scope] | None, find_out: Authenticate, name: str
    ) -> None:
        self.any_of = any_of
        self._find_out = find_out
        self._name = name

    def __repr__(self) -> str:
        return f"{self._name}({', '.join(sorted(self.any_of or ()))})"

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Let the request pass, or raise ForeignRequest, Unauthenticated, Forbidden or TooManyTries."""
        await csrf.check(connection, handler)
        if self.any_of is not None:
            await self._find_out(connection)
        await admission.admit(connection, handler.opt[admission.OPTION])
        if self.any_of:
            _require_one(visitor_of(connection), self.any_of)
            await _require_enough(connection)


def _require_one(visitor: Visitor, any_of: frozenset[Permission] | frozenset[Scope]) -> None:
    if not any(visitor.actor.may(permission) for permission in any_of):
        wanted = ",".join(sorted(any_of))
        log.info("access refused", extra={"action": wanted, "tenant_id": visitor.actor.tenant_id})
        raise Forbidden(visitor.closed or "Tài khoản này không có quyền làm việc vừa chọn.")


async def _require_enough(connection: Connection) -> None:
    """What needs a permission needs a session that has shown what the school asks of the person's roles."""
    session, visitor = visit_of(connection).session, visitor_of(connection)
    if session is not None and visitor.sign_in is not None:
        await access.require_enough(session, visitor.actor, visitor.sign_in)


def requires(*any_of: Permission) -> Access:
    """Somebody signed in who has at least one of the permissions; when none are named, anybody signed in."""
    return Access(frozenset(any_of), authenticate, "requires")


def scoped(scope: Scope) -> Access:
    """Another system with a key that opens `scope`. The handler has an actor, and opens its transactions itself."""
    return Access(frozenset({scope}), authenticate_client, "scoped")


def public() -> Access:
    """Anybody, signed in or not. The handler has no session and no actor."""
    return Access(None, authenticate, "public")


async def authenticate(connection: Connection) -> Visitor:
    """Find out who asks and open the request's transaction in their school. Raises Unauthenticated."""
    visit = visit_of(connection)
    if visit.visitor is not None:
        return visit.visitor
    token = cookies.read(connection, "session")
    found = await access.find_session(token, host_of(connection)) if token else None
    if found is None:
        if token:
            await admission.refuse_strange_key(connection)
        raise Unauthenticated("Xin đăng nhập để xem phần này.")
    read_only = connection.scope.get("method") in SAFE_METHODS
    session = await visit.enter_school(found.place.tenant_id, read_only=read_only)
    work = await people.workplace_of(session, found.place.staff_id)
    visit.visitor = Visitor(
        actor=work.actor,
        sign_in=found.sign_in,
        school_name=work.school_name,
        role_label=work.role_label,
        closed=work.closed,
    )
    return visit.visitor


async def authenticate_client(connection: Connection) -> Visitor:
    """Find out which system asks, by its bearer token (RFC 6750, 2.1) alone. Raises Unauthenticated."""
    visit = visit_of(connection)
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    client = await api_clients.find_by_token(token.strip()) if kind.lower() == "bearer" else None
    if client is None:
        if token:
            await admission.refuse_strange_key(connection)
        raise Unauthenticated(_NO_KEY)
    visit.visitor = Visitor(actor=api_clients.actor_of(client), school_name="", role_label="")
    return visit.visitor


class StepUp:
    """A Litestar guard after `requires(…)`: the person has proved in the last five minutes that it is they."""

    def __init__(self, back: str, *, for_factors: bool) -> None:
        self.back, self.for_factors = back, for_factors

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Let the request pass, or raise VerificationNeeded; Forbidden while whatever could be shown is too new."""
        session = visit_of(connection).session
        if session is None:
            raise TypeError("step_up() stands after requires(...) and before without_transaction")
        sign_in = visitor_of(connection).sign_in
        if sign_in is None or not await access.is_proved(session, sign_in, for_factors=self.for_factors):
            if sign_in is not None and not self.for_factors:
                await access.require_counting(session, sign_in)
            back = self.back.format(**connection.path_params)
            raise VerificationNeeded(back, for_factors=self.for_factors)


def step_up(back: str = "", *, for_factors: bool = False) -> StepUp:
    """For exports, keys, resets and the like: a passkey or a one-time code, at most five minutes ago.

    `back` is the page to return to, for forms; "{sheet_id}" in it is that of the address; a page returns to itself.
    `for_factors` is for a person's own factors: who has none yet proves themselves by password, who has lost them by a
    recovery code. A consent to signatures proves more than this: exactly what is signed (`access.verify`).
    """
    return StepUp(back, for_factors=for_factors)


def mark(app: Litestar) -> None:
    """Write each handler's mark and class into its options. ValueError for one with none or several marks."""
    for route in app.routes:
        handlers = route.route_handlers if isinstance(route, HTTPRoute) else [route.route_handler]
        for handler in handlers:
            methods: frozenset[str] = getattr(handler, "http_methods", frozenset())
            if methods == {"OPTIONS"}:  # made by Litestar; a router's guards are its own, too
                handler.opt[admission.OPTION] = RouteClass.FREE
                continue
            access = handler.opt[OPTION] = _access_of(handler, route.path)
            guessable = access.any_of is None and "{" in route.path
            handler.opt[admission.OPTION] = admission.class_of(handler.opt, methods, guessable=guessable)


def _access_of(handler: BaseRouteHandler, path: str) -> Access:
    guards = [guard for layer in handler.ownership_layers for guard in layer.guards or []]
    found = [guard for guard in guards if isinstance(guard, Access)]
    if len(found) != 1:
        raise ValueError(
            f"{path} ({handler}) carries {len(found)} of requires(...) and public() in place of one"
        )
    return found[0]
