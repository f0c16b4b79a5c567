"""The only way to the database: a session that belongs to one tenant, one transaction long.

The tenant travels as a signed, transaction-local setting that PostgreSQL checks in `ctx.tenant()`: a forged, expired
or borrowed context is refused there, and without one no row is visible (infra/decisions/0002).

The driver is told to begin nothing by itself ("AUTOCOMMIT"): `_begin`, `_commit` and `_roll_back` below do, for every
session, so that no transaction starts without its context.
"""

import asyncio
import hashlib
import hmac
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, NewType

from sqlalchemy import (
    ColumnElement,
    DateTime,
    ForeignKeyConstraint,
    MetaData,
    Table,
    event,
    func,
    select,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, SessionTransaction, mapped_column
from sqlalchemy.pool import PoolResetState

from backend.core import clock, settings
from backend.core.questions import Lines, Question, told_when_gone

log = logging.getLogger(__name__)

TenantId = NewType("TenantId", uuid.UUID)

#: A transaction that lives longer than this fails closed: its context expires.
CONTEXT_SECONDS = 60

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Base(DeclarativeBase):
    """Root of all tables."""

    metadata = metadata
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: DateTime(timezone=True)}


class TenantTable(Base):
    """A table of one school's rows: the tenant is the first part of its key, and the policy its fence."""

    __abstract__ = True

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


def tenant_key(column: str, table: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """A foreign key that cannot cross schools: (tenant_id, column) → (tenant_id, id) of `table`."""
    return ForeignKeyConstraint(
        ["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], ondelete=ondelete
    )


def references_to(name: str) -> list[tuple[Table, ColumnElement[Any]]]:
    """Every table with a column that refers to the table of that name, so that a new one is not forgotten."""
    return [
        (table, table.c[next(column for column in key.column_keys if column != "tenant_id")])
        for table in metadata.sorted_tables
        for key in table.foreign_key_constraints
        if key.referred_table.name == name
    ]


#: What outlives a transaction and could wait for the next school on the same connection: temporary tables, which stand
#: before others of their name, with their triggers; cursors, locks and settings of the session.
_FORGET = "discard temp; close all; unlisten *; select pg_advisory_unlock_all(); reset all"
#: Where a pool's connection keeps how far our clock is behind PostgreSQL's (s).
_BEHIND = "behind"
#: Where a session keeps the driver's connection while its transaction lasts: many questions are asked in one.
_DRIVER = "driver"


class TenantSession(AsyncSession):
    """A transaction that sees one school. Made by `tenant_session` alone."""

    @property
    def tenant_id(self) -> TenantId:
        """The school of this transaction."""
        return TenantId(self.sync_session.info["tenant_id"])

    @property
    def address(self) -> str:
        """The address, with its query, of the request that this transaction serves; empty where it serves none."""
        return str(self.sync_session.info["address"])

    async def ask(self, question: Question, **values: object) -> list[Any]:
        """The rows of a question about this school, in this transaction; its value `tenant` is the school."""
        driver = await self._driver()
        values["tenant"] = self.tenant_id
        with told_when_gone(driver):
            return await question.answer(driver, values)

    async def tell_lines(self, lines: Lines, rows: Sequence[Mapping[str, object]]) -> list[Any]:
        """Add or change many rows of this school by one statement; what it answers."""
        return await self.ask(lines, **lines.values(rows)) if rows else []

    async def tell(self, question: Question, rows: Iterable[Mapping[str, object]]) -> None:
        """Write rows of this school by a statement that answers nothing; its value `tenant` is the school."""
        driver = await self._driver()
        with told_when_gone(driver):
            await question.write(driver, [{**row, "tenant": self.tenant_id} for row in rows])

    async def _driver(self) -> Any:
        """The driver's connection of this transaction, with everything written that the session still holds."""
        session = self.sync_session
        known = session.info.get(_DRIVER)
        if known is None or session.new or session.dirty or session.deleted:
            known = await self.run_sync(_driver_in_transaction)
        return known

    async def hold(self, what: str) -> None:
        """Nobody else of this school gets past here for the same thing until this transaction ends."""
        key = func.hashtextextended(f"{what} {self.tenant_id}", 0)
        await self.execute(select(func.pg_advisory_xact_lock(key)))

    def afterwards(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this as soon as the transaction is committed and its connection free; never after a rollback."""
        self.sync_session.info.setdefault("afterwards", []).append(work)

    async def commit(self) -> None:
        """Commit, then do what was to be done afterwards: what fails there fails here."""
        await super().commit()
        for work in self.sync_session.info.pop("afterwards", ()):
            await work()

    async def rollback(self) -> None:
        """Roll back; nothing is done afterwards."""
        self.sync_session.info.pop("afterwards", None)
        await super().rollback()


class PublicSession(AsyncSession):
    """A transaction without a school: sees no tenant's row, may call the listed `directory` functions."""


class PlatformSession(AsyncSession):
    """A transaction of the operator of the platform: no school, no table, only the functions of its role."""


def context_key(secret_key: str) -> bytes:
    """Key of the tenant context's HMAC, derived from the product's secret."""
    return hashlib.sha256(b"hocba tenant context\x00" + secret_key.encode()).digest()


def signed_context(tenant_id: uuid.UUID, backend_pid: int, expires: int, key: bytes) -> str:
    """`tenant.pid.expiry.hmac`, the text that `ctx.tenant()` accepts on that connection until `expires` (Unix time)."""
    body = f"{tenant_id}.{backend_pid}.{expires}"
    return f"{body}.{hmac.new(key, body.encode(), hashlib.sha256).hexdigest()}"


def signed_account(account_id: uuid.UUID, backend_pid: int, expires: int, key: bytes) -> str:
    """`account.pid.expiry.hmac`, the text that `ctx.account()` accepts; none of them is a tenant's context."""
    body = f"{account_id}.{backend_pid}.{expires}"
    return f"{body}.{hmac.new(key, f'account.{body}'.encode(), hashlib.sha256).hexdigest()}"


#: Requests of one process with a transaction open.
AT_WORK = 8


@lru_cache(maxsize=1)
def engine() -> AsyncEngine:
    """The application role's engine of this process."""
    return new_engine(pool_size=10, max_overflow=10)


@lru_cache(maxsize=1)
def turns() -> asyncio.Semaphore:
    """Requests that may be at work in schools at the same time in this process; the others wait in line.

    Fewer than there are connections: PostgreSQL does the same work in less time when fewer ask at once, whoever came
    first is served first, which a pool does not promise, and a request that needs a second connection finds one.
    """
    return asyncio.Semaphore(AT_WORK)


@asynccontextmanager
async def platform_session() -> AsyncIterator[PlatformSession]:
    """One transaction of the operator, on a connection of its own.

    Raises SettingsError without the role's URL, UnsafeRole for a role that could do more than the operator's.
    """
    url = settings.get().database_operator_url
    if not url:
        raise settings.SettingsError(
            "HOCBA_DATABASE_OPERATOR_URL is not set; the operator of the platform has a role of its own"
        )
    platform = new_engine(pool_size=1, max_overflow=0, url=url)
    try:
        await _refuse_unsafe(platform, "HOCBA_DATABASE_OPERATOR_URL", "hocba_operator")
        async with PlatformSession(platform, expire_on_commit=False) as session:
            yield session
            await session.commit()
    finally:
        await platform.dispose()


def new_engine(*, pool_size: int, max_overflow: int, pool_timeout: float = 30, url: str = "") -> AsyncEngine:
    """An engine of the application's role, or of `url`, whose transactions are begun and ended below."""
    address = url or settings.get().database_url
    made = create_async_engine(
        address.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=pool_timeout,
        isolation_level="AUTOCOMMIT",
    )
    event.listen(made.sync_engine, "connect", _compare_clocks)
    event.listen(made.sync_engine, "commit", _commit)
    event.listen(made.sync_engine, "rollback", _roll_back)
    event.listen(made.sync_engine, "checkout", _lend_no_dead_one)
    event.listen(made.sync_engine, "reset", _leave_no_transaction)
    return made


@asynccontextmanager
async def tenant_session(
    tenant_id: uuid.UUID, *, read_only: bool = False, one_moment: bool = False, address: str = ""
) -> AsyncIterator[TenantSession]:
    """One transaction of one school: committed when the block ends well, rolled back when it raises.

    With `one_moment` all that it reads is as it was when it began; `address` is that of the request which it serves.
    """
    async with TenantSession(engine(), expire_on_commit=False) as session:
        session.sync_session.info.update(
            tenant_id=tenant_id, read_only=read_only, one_moment=one_moment, address=address
        )
        yield session
        await session.commit()


@asynccontextmanager
async def public_session() -> AsyncIterator[PublicSession]:
    """One transaction without a school, for sign-in and public look-ups."""
    async with PublicSession(engine(), expire_on_commit=False) as session:
        yield session
        await session.commit()


async def speak_for(session: TenantSession | PublicSession, account_id: uuid.UUID) -> None:
    """Let this transaction ask and change what the directory knows of one account (infra/decisions/0017).

    Whoever calls this has checked who asks: by their session, or by what they have just proved.
    """
    driver = await session.run_sync(_driver_in_transaction)
    expires = await session.run_sync(lambda inner: _expiry(inner.connection()))
    context = signed_account(account_id, driver.get_server_pid(), expires, _key())
    with told_when_gone(driver):
        await driver.fetchval("select set_config('app.account', $1, true)", context)


@asynccontextmanager
async def account_session(account_id: uuid.UUID) -> AsyncIterator[PublicSession]:
    """One transaction without a school that speaks for one account."""
    async with public_session() as session:
        await speak_for(session, account_id)
        yield session


@event.listens_for(Session, "after_begin")
def _begin(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if transaction.nested:
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    statement = "begin"
    if (tenant_id := session.info.get("tenant_id")) is not None:
        mode = "read only" if session.info["read_only"] else "read write"
        if session.info["one_moment"]:
            mode = f"isolation level repeatable read {mode}"
        statement = f"begin {mode}"
    _tell(connection.connection.dbapi_connection, statement)
    if tenant_id is not None:
        context = signed_context(tenant_id, driver.get_server_pid(), _expiry(connection), _key())
        # A value and no text: other connections of the role see the text of a statement, and the context is good until it
        # expires wherever this connection is lent next.
        _tell(connection.connection.dbapi_connection, "select set_config('app.ctx', $1, true)", context)
    session.info[_DRIVER] = driver


@event.listens_for(Session, "after_transaction_end")
def _forget_driver(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_DRIVER, None)


def _compare_clocks(connection: Any, record: Any) -> None:
    """PostgreSQL's clock judges a context: how far ours is behind it, in seconds."""
    now = connection.run_async(
        lambda driver: driver.fetchval("select extract(epoch from clock_timestamp())::float8")
    )
    record.info[_BEHIND] = now - clock.now().timestamp()


def _expiry(connection: Connection) -> int:
    """When a context that is made now is worth nothing any more (Unix time of PostgreSQL)."""
    return int(clock.now().timestamp() + connection.info[_BEHIND]) + CONTEXT_SECONDS


def _commit(connection: Connection) -> None:
    _tell(connection.connection.dbapi_connection, f"commit; {_FORGET}")


def _roll_back(connection: Connection) -> None:
    if not connection.invalidated and _in_transaction(connection.connection.dbapi_connection):
        _tell(connection.connection.dbapi_connection, f"rollback; {_FORGET}")


def _leave_no_transaction(connection: Any, record: object, state: PoolResetState) -> None:
    """Whatever happened, the next one does not find this one's transaction; without a loop it is closed anyway."""
    if state.asyncio_safe and not state.terminate_only and _in_transaction(connection):
        _tell(connection, f"rollback; {_FORGET}")


def _lend_no_dead_one(connection: Any, record: object, proxy: object) -> None:
    """A connection that PostgreSQL has closed is replaced before anybody asks it something."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _in_transaction(connection: Any) -> bool:
    driver = connection.driver_connection
    return not driver.is_closed() and bool(driver.is_in_transaction())


def _tell(connection: Any, statement: str, *values: str) -> None:
    with told_when_gone(connection.driver_connection):
        connection.run_async(lambda driver: driver.execute(statement, *values))


def _driver_in_transaction(session: Session) -> Any:
    if not session.info.get("read_only"):
        session.flush()
    return session.connection().connection.driver_connection


@lru_cache(maxsize=1)
def _key() -> bytes:
    return context_key(settings.get().secret_key)


async def driver_connection(session: TenantSession) -> Any:
    """The asyncpg connection of the running transaction, for COPY; it stays inside the session's transaction."""
    raw = await (await session.connection()).get_raw_connection()
    return raw.driver_connection


#: The product's roles: a process signs in as one of them, and may become none of the others.
_ROLES = ("hocba_app", "hocba_migrator", "hocba_ctx", "hocba_dispatcher", "hocba_auditor", "hocba_operator")

#: MEMBER, whatever the membership's options say now: they may be changed without anybody looking here.
_TOO_POWERFUL = text(r"""
    select r.rolname from pg_roles r
    where pg_has_role(session_user, r.oid, 'MEMBER')
      and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolname = any(:others) or r.rolname like 'pg\_%'
           or exists (select from pg_class c where c.relowner = r.oid)
           or exists (select from pg_proc p where p.proowner = r.oid))
    order by r.rolname
""")


class UnsafeRole(settings.SettingsError):
    """The database role of a setting could do more than it is for."""


async def refuse_unsafe_role() -> None:
    """Start-up guard. Raises UnsafeRole for a role that is, or is a member of, one that it must not be.

    Those are superusers, who passes by policies or makes roles, PostgreSQL's own (`pg_read_all_data`), the product's
    other roles, and owners of tables or functions.
    """
    await _refuse_unsafe(engine(), "HOCBA_DATABASE_URL", "hocba_app")


async def refuse_unsafe_dispatcher() -> None:
    """`refuse_unsafe_role` for the role of the dispatcher."""
    other = new_engine(pool_size=1, max_overflow=0, url=settings.get().database_dispatcher_url)
    try:
        await _refuse_unsafe(other, "HOCBA_DATABASE_DISPATCHER_URL", "hocba_dispatcher")
    finally:
        await other.dispose()


async def _refuse_unsafe(asked: AsyncEngine, variable: str, role: str) -> None:
    others = [one for one in _ROLES if one != role]
    async with asked.connect() as connection:
        found = (await connection.scalars(_TOO_POWERFUL, {"others": others})).all()
    if found:
        raise UnsafeRole(
            f"{variable}: the role is too powerful (it is or may become {', '.join(found)}); use {role}"
        )


async def answers() -> bool:
    """Whether the database can be used now. Raises UnsafeRole like `refuse_unsafe_role`."""
    try:
        await refuse_unsafe_role()
    except (OSError, SQLAlchemyError):
        log.exception("database does not answer")
        return False
    return True
