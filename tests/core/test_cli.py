"""The command line: what it needs, what it refuses, and in how many words."""

import asyncio
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import asyncpg
import httpx
import pytest

from backend import cli
from backend.core import database, settings
from infra.embedded.stack import EmbeddedStack

#: Runs a command in this process, with other settings.
Here = Callable[..., tuple[int, list[str]]]

ROOT = Path(__file__).resolve().parents[2]
BARE = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def hocba(
    *words: str, env: dict[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command as the shell would."""
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", *words],
        cwd=ROOT, env=env or BARE, input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def free_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_assess_and_verify_need_no_settings(tmp_path: Path) -> None:
    assessed = hocba("assess", stdin="{}")
    assert assessed.returncode == 2
    assert json.loads(assessed.stdout)["error"]["path"] == "circular"
    no_pdf = tmp_path / "thu.pdf"
    no_pdf.write_text("không phải PDF")
    verified = hocba("verify", str(no_pdf))
    assert verified.returncode == 2
    assert len(verified.stderr.splitlines()) == 1


def test_a_reader_that_has_seen_enough_ends_a_command_quietly() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "backend.cli", "assess", "--lines"],
        cwd=ROOT, env=BARE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    child.stdout.close()
    child.stdout = None
    _, said = child.communicate(b"{}\n" * 20_000, timeout=60)
    assert said == b""
    assert child.returncode == 128 + signal.SIGPIPE


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """Run a command in this process, with an engine of its own: status, and what it said on standard error."""

    def run(*words: str, **changed: str) -> tuple[int, list[str]]:
        for name, value in changed.items():
            monkeypatch.setenv(f"HOCBA_{name}", value)
        settings.get.cache_clear()
        return cli.main(words), capsys.readouterr().err.splitlines()

    own = lru_cache(maxsize=1)(lambda: database.new_engine(pool_size=1, max_overflow=0))
    monkeypatch.setattr(database, "engine", own)
    yield run
    monkeypatch.undo()
    settings.get.cache_clear()


@pytest.mark.parametrize("command", [["serve"], ["migrate"], ["work"], ["dispatch"], ["migrations", "check"]])
def test_missing_settings_are_one_sentence(
    run_here: Here, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("HOCBA_")]:
        monkeypatch.delenv(name)
    assert run_here(*command) == (2, ["hocba: HOCBA_ENVIRONMENT is not set; see .env.example"])


@pytest.fixture
def environment(product: settings.Settings, embedded_stack: EmbeddedStack) -> dict[str, str]:
    """The product's variables for a child process, on a free port."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("HOCBA_")}
    return BARE | ours | {"HOCBA_PORT": str(free_port())}


@pytest.mark.parametrize("role", ["hocba_migrator", "postgres"])
@pytest.mark.parametrize(
    ("command", "variable"),
    [
        ("serve", "DATABASE_URL"),
        ("work", "DATABASE_URL"),
        ("dispatch", "DATABASE_URL"),
        ("dispatch", "DATABASE_DISPATCHER_URL"),
        ("school pending", "DATABASE_URL"),
        ("school pending", "DATABASE_OPERATOR_URL"),
        ("reset-link an@hoaban.test", "DATABASE_OPERATOR_URL"),
    ],
)
def test_a_role_that_could_do_too_much_is_refused(
    product: settings.Settings,
    embedded_stack: EmbeddedStack,
    run_here: Here,
    command: str,
    variable: str,
    role: str,
) -> None:
    status, [said] = run_here(*command.split(), **{variable: embedded_stack.postgres.url(role)})
    assert status == 2
    assert said.startswith(f"hocba: HOCBA_{variable}: the role is too powerful (it is or may become ")


@pytest.mark.parametrize("power", ["bypassrls", "createrole"])
def test_a_role_of_its_name_that_has_become_too_powerful_is_refused(
    product: settings.Settings, embedded_stack: EmbeddedStack, run_here: Here, power: str
) -> None:
    asyncio.run(_as_superuser(embedded_stack, f"create role grown login {power} password 'x'"))
    asyncio.run(_as_superuser(embedded_stack, "grant hocba_operator to grown"))
    try:
        url = embedded_stack.postgres.url("hocba_operator")
        password = embedded_stack.postgres.password("hocba_operator")
        grown = url.replace(f"hocba_operator:{password}@", "grown:x@")
        status, [said] = run_here("school", "pending", DATABASE_OPERATOR_URL=grown)
    finally:
        asyncio.run(_as_superuser(embedded_stack, "drop role grown"))
    assert status == 2
    assert "HOCBA_DATABASE_OPERATOR_URL: the role is too powerful (it is or may become grown)" in said


async def _as_superuser(stack: EmbeddedStack, statement: str) -> None:
    connection = await asyncpg.connect(stack.postgres.url("postgres"))
    await connection.execute(statement)
    await connection.close()


def test_the_operators_own_role_is_taken(product: settings.Settings, run_here: Here) -> None:
    assert run_here("school", "pending") == (0, [])


@pytest.mark.parametrize(
    ("command", "variable"), [("serve", "DATABASE_URL"), ("migrate", "DATABASE_MIGRATOR_URL")]
)
def test_no_database_is_one_sentence(environment: dict[str, str], command: str, variable: str) -> None:
    nowhere = {f"HOCBA_{variable}": f"postgresql://hocba_app@127.0.0.1:{free_port()}/hocba"}
    refused = hocba(command, env=environment | nowhere)
    assert refused.returncode == 2
    [said] = refused.stderr.splitlines()
    assert said.startswith(f"hocba: HOCBA_{variable}: the database cannot be used: ")


@pytest.mark.parametrize(
    ("command", "variable", "role"),
    [
        ("serve", "DATABASE_URL", "hocba_app"),
        ("dispatch", "DATABASE_URL", "hocba_app"),
        ("migrate", "DATABASE_MIGRATOR_URL", "hocba_migrator"),
        ("school pending", "DATABASE_OPERATOR_URL", "hocba_operator"),
    ],
)
def test_a_wrong_password_is_one_sentence(
    product: settings.Settings,
    embedded_stack: EmbeddedStack,
    run_here: Here,
    command: str,
    variable: str,
    role: str,
) -> None:
    address = f"postgresql://{role}:sai@127.0.0.1:{embedded_stack.ports['postgres']}/hocba"
    says = f'the database cannot be used: password authentication failed for user "{role}"'
    assert run_here(*command.split(), **{variable: address}) == (2, [f"hocba: HOCBA_{variable}: {says}"])


def test_only_the_operator_needs_a_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user of a container may have none."""

    def nameless(uid: int) -> object:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", nameless)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(["assess", "--help"])
    assert cli.main(["school", "pending"]) == 2
    assert "hãy ghi tên người vận hành" in capsys.readouterr().err


@pytest.mark.parametrize("processes", ["1", "2"])
def test_serve_answers_and_stops(environment: dict[str, str], processes: str) -> None:
    command = [sys.executable, "-m", "backend.cli", "serve", "--processes", processes]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{environment['HOCBA_PORT']}"
    try:
        answer = _first_answer(f"{address}/readyz")
        assert answer.json() == {"database": "up", "valkey": "up"}
        assert "server" not in answer.headers
    finally:
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=20)
    assert server.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in said
    lines = [json.loads(line) for line in said.splitlines()]
    assert any(line["logger"] == "access" and line["route"] == "/readyz" for line in lines)


def _first_answer(address: str) -> httpx.Response:
    deadline = time.monotonic() + 90
    while True:
        try:
            return httpx.get(address)
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)
