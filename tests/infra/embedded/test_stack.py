"""The three servers themselves: what they hold, what they refuse, what happens when they die."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import boto3
import pytest
import pytest_asyncio
from botocore.client import Config
from botocore.exceptions import ClientError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError

from infra.embedded import identity
from infra.embedded.cluster_roles import APP, AUDITOR, CONTEXT, DISPATCHER, MIGRATOR, OPERATOR
from infra.embedded.errors import StartRefused
from infra.embedded.ready import answers_http
from infra.embedded.s3 import BUCKET
from infra.embedded.stack import EmbeddedStack
from tests.infra.embedded.processes import living_on


@pytest_asyncio.fixture
async def connect(
    embedded_stack: EmbeddedStack,
) -> AsyncIterator[Callable[[str], Awaitable[asyncpg.Connection]]]:
    """Opens connections as a role; closes them after the test."""
    opened: list[asyncpg.Connection] = []

    async def open_as(role: str) -> asyncpg.Connection:
        opened.append(await asyncpg.connect(embedded_stack.postgres.url(role), ssl=False))
        return opened[-1]

    yield open_as
    for connection in opened:
        await connection.close()


Connect = Callable[[str], Awaitable[asyncpg.Connection]]


async def test_the_roles_have_no_power(connect: Connect) -> None:
    connection = await connect(APP)
    rows = await connection.fetch(
        "SELECT rolname, rolcanlogin,"
        " rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS mighty"
        " FROM pg_roles WHERE rolname LIKE 'hocba%' ORDER BY rolname"
    )
    assert [tuple(row) for row in rows] == [
        (APP, True, False),
        (AUDITOR, True, False),
        (CONTEXT, False, False),
        (DISPATCHER, True, False),
        (MIGRATOR, True, False),
        (OPERATOR, True, False),
    ]


async def test_only_the_migrator_makes_things_and_may_become_the_definer(connect: Connect) -> None:
    migrator = await connect(MIGRATOR)
    await migrator.execute("CREATE TABLE proof (n int)")
    await migrator.execute(f"SET ROLE {CONTEXT}")
    await migrator.execute("RESET ROLE")
    await migrator.execute("DROP TABLE proof")
    for role in (APP, DISPATCHER, OPERATOR):
        connection = await connect(role)
        for forbidden in ("CREATE TABLE proof (n int)", f"SET ROLE {CONTEXT}", f"SET ROLE {MIGRATOR}"):
            # Once migrated, a role without any schema is told that there is none to create in.
            with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidSchemaNameError)):
                await connection.execute(forbidden)


async def test_temporary_tables_are_for_the_application(connect: Connect) -> None:
    await (await connect(APP)).execute("CREATE TEMPORARY TABLE proof (n int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await (await connect(DISPATCHER)).execute("CREATE TEMPORARY TABLE proof (n int)")


async def test_no_role_gets_into_the_other_databases(embedded_stack: EmbeddedStack) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(embedded_stack.postgres.url(APP, "postgres"), ssl=False)


async def test_a_wrong_password_is_refused(embedded_stack: EmbeddedStack) -> None:
    url = embedded_stack.postgres.url(APP).replace(embedded_stack.postgres.password(APP), "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url, ssl=False)


async def test_the_database_speaks_vietnamese(connect: Connect) -> None:
    connection = await connect(APP)
    assert await connection.fetchval("SELECT upper('nguyễn đình ước')") == "NGUYỄN ĐÌNH ƯỚC"
    assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    assert (await connection.fetchval("SHOW server_version")).startswith("18.")


async def test_a_copy_of_a_database(embedded_stack: EmbeddedStack) -> None:
    postgres = embedded_stack.postgres
    await postgres.create_database("model")
    connection = await asyncpg.connect(postgres.url(MIGRATOR, "model"), ssl=False)
    await connection.execute("CREATE TABLE proof AS SELECT 7 AS n")
    await connection.close()
    await postgres.create_database("copy", "model")
    connection = await asyncpg.connect(postgres.url(MIGRATOR, "copy"), ssl=False)
    assert await connection.fetchval("SELECT n FROM proof") == 7
    await postgres.drop_database("copy")
    await postgres.drop_database("model")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT n FROM proof")


async def test_valkey_asks_for_its_password(embedded_stack: EmbeddedStack) -> None:
    async with Redis.from_url(embedded_stack.valkey.url) as valkey:
        assert await valkey.ping()
    async with Redis(port=embedded_stack.valkey.port, retry=Retry(NoBackoff(), 0)) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.ping()


async def test_s3_checks_signatures(embedded_stack: EmbeddedStack) -> None:
    store = embedded_stack.s3
    client = _s3_client(embedded_stack, store.secret_key)
    content = "học bạ".encode()
    await asyncio.to_thread(client.put_object, Bucket=BUCKET, Key="a/b", Body=content)
    answer = await asyncio.to_thread(client.get_object, Bucket=BUCKET, Key="a/b")
    assert answer["Body"].read() == content
    client.close()
    forger = _s3_client(embedded_stack, "wrong")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        await asyncio.to_thread(forger.get_object, Bucket=BUCKET, Key="a/b")
    forger.close()


def _s3_client(stack: EmbeddedStack, secret_key: str):  # type: ignore[no-untyped-def]  # boto3 has no types
    return boto3.client(
        "s3",
        endpoint_url=stack.s3.endpoint,
        aws_access_key_id=stack.s3.access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
    )


async def test_all_listen_on_loopback_alone(embedded_stack: EmbeddedStack) -> None:
    ours = {embedded_stack.ports[name] for name in ("postgres", "valkey", "s3")}
    listening: set[tuple[str, int]] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state = line.split()[:4]
            address, port = local.split(":")
            if state == "0A" and int(port, 16) in ours:
                listening.add((address, int(port, 16)))
    assert listening == {("0100007F", port) for port in ours}


async def test_http_readiness(embedded_stack: EmbeddedStack) -> None:
    assert not await answers_http(embedded_stack.s3.port, "/")()
    assert not await answers_http(1, "/")()


async def test_the_environment_is_private(embedded_stack: EmbeddedStack) -> None:
    path = embedded_stack.write_environment()
    assert path.stat().st_mode & 0o777 == 0o600
    assert dict(line.split("=", 1) for line in path.read_text().splitlines()) == embedded_stack.environment()


class Own:
    """A stack of its own for tests that hurt it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []

    def stack(self, **configured: str) -> EmbeddedStack:
        return EmbeddedStack(self.folder, say=self.said.append, configured=configured)

    async def hears(self, words: str) -> None:
        async with asyncio.timeout(30):
            while not any(words in line for line in self.said):
                await asyncio.sleep(0.01)


async def test_killed_servers_come_back_with_their_data(tmp_path: Path) -> None:
    own = Own(tmp_path)
    async with own.stack() as stack:
        connection = await asyncpg.connect(stack.postgres.url(MIGRATOR), ssl=False)
        await connection.execute("CREATE TABLE proof AS SELECT 7 AS n")
        async with Redis.from_url(stack.valkey.url) as valkey:
            await valkey.set("proof", "7")
        await asyncio.sleep(1.1)  # Valkey writes its log to disk once a second
        for name in ("postgres", "valkey", "s3"):
            os.kill(stack.supervisor.pid(name), signal.SIGKILL)
        for name in ("postgres", "valkey", "s3"):
            await own.hears(f"{name} đã chạy lại.")
        assert await _proofs(stack) == (7, b"7")
    assert living_on(tmp_path) == {}
    async with own.stack() as stack:
        assert await _proofs(stack) == (7, b"7")
    assert not any("đột ngột" in line for line in own.said)


async def _proofs(stack: EmbeddedStack) -> tuple[object, object]:
    connection = await asyncpg.connect(stack.postgres.url(MIGRATOR), ssl=False)
    try:
        async with Redis.from_url(stack.valkey.url) as valkey:
            return await connection.fetchval("SELECT n FROM proof"), await valkey.get("proof")
    finally:
        await connection.close()


async def test_the_pid_file_of_a_crash_does_not_stop_postgres(tmp_path: Path) -> None:
    own = Own(tmp_path)
    async with own.stack():
        pass
    stranger = await asyncio.create_subprocess_exec("sleep", "600")
    (tmp_path / "postgres" / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n")
    async with own.stack():
        pass
    assert stranger.returncode is None
    stranger.kill()
    await stranger.wait()
    assert own.said == []


async def test_an_interrupted_first_start_can_be_repeated(tmp_path: Path) -> None:
    own = Own(tmp_path)
    start = asyncio.create_task(own.stack().__aenter__())
    async with asyncio.timeout(20):
        while not list(tmp_path.glob("postgres/draft-*/PG_VERSION")):
            await asyncio.sleep(0.005)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert living_on(tmp_path) == {}
    async with own.stack() as stack:
        connection = await asyncpg.connect(stack.postgres.url(APP), ssl=False)
        await connection.close()


async def test_a_taken_port_is_one_sentence_and_nothing_starts(
    tmp_path: Path, embedded_stack: EmbeddedStack
) -> None:
    taken = str(embedded_stack.valkey.port)
    with pytest.raises(StartRefused, match=f"Cổng {taken} .HOCBA_PORT_POSTGRES. đang được dùng"):
        await Own(tmp_path).stack(HOCBA_PORT_POSTGRES=taken).__aenter__()
    assert living_on(tmp_path) == {}


async def test_a_second_stack_on_the_same_data_is_refused(embedded_stack: EmbeddedStack) -> None:
    with pytest.raises(StartRefused, match="Hocba đang chạy với dữ liệu"):
        await Own(embedded_stack.data.root).stack().__aenter__()


@pytest.mark.parametrize("made_as_root", [False, True])
async def test_root_without_user_namespaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_as_root: bool
) -> None:
    """PostgreSQL as nobody in a folder closed to others; data change hands in both directions."""
    if os.getuid() != 0:
        assert identity.current().prefix == ()
        return
    tmp_path.chmod(0o700)
    own = Own(tmp_path / "closed")
    if made_as_root:
        async with own.stack():
            pass
    monkeypatch.setattr(identity, "in_user_namespace", lambda: None)
    async with own.stack() as stack:
        owner = Path(f"/proc/{stack.supervisor.pid('postgres')}").stat().st_uid
        assert owner == Path(tmp_path / "closed" / "postgres" / "data").stat().st_uid != 0
    monkeypatch.undo()
    async with own.stack() as stack:
        connection = await asyncpg.connect(stack.postgres.url(APP), ssl=False)
        await connection.close()
    assert own.said == []


async def test_the_simulators_run_in_the_stack(tmp_path: Path) -> None:
    own = Own(tmp_path)
    async with own.stack() as stack:
        await stack.start_simulators()
        settings = stack.environment()
        assert list(Path(settings["HOCBA_TRUST_DIR"]).glob("*.pem"))
        os.kill(stack.supervisor.pid("province"), signal.SIGKILL)
        await own.hears("province đã chạy lại.")
        for name in ("signing", "province", "oidc"):
            assert await answers_http(stack.ports[name], "/health")()
    assert living_on(tmp_path) == {}
