"""`hocba …`: one command line for people who run the product and for the processes that they start.

Each command imports what it needs when it is chosen: `assess` and `verify` work without settings or database.
"""

import argparse
import asyncio
import gc
import getpass
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backend.arguments import SCHOOL_OPTIONS, parser
from backend.core import logs, settings

if TYPE_CHECKING:
    from alembic.config import Config

Command = Callable[[argparse.Namespace], int]

_OK, _DIFFERENT, _UNUSABLE = 0, 1, 2
#: What a shell reports for a program that SIGPIPE ended.
_PIPE_CLOSED = 128 + signal.SIGPIPE
_ROOT = Path(__file__).resolve().parents[1]
#: SQLSTATEs with which PostgreSQL lets nobody in: no connection, too many, wrong role or password, no such database, not
#: permitted, not yet or no longer running.
_NOT_LET_IN = ("08", "28", "3D", "42501", "53", "57P")
#: Seconds for requests that are under way when the server is told to stop.
_GRACE_SECONDS = 10
#: Seconds for which one of several server processes may be silent, starting included, before it is replaced.
_SILENCE_SECONDS = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 2 with one sentence where settings or server are unusable."""
    chosen = parser().parse_args(arguments)
    try:
        return _COMMANDS[chosen.command](chosen)
    except settings.SettingsError as error:
        print(f"hocba: {error}", file=sys.stderr)
    except ConnectionError as error:
        print(f"hocba: a server that this command needs does not answer: {error}", file=sys.stderr)
    return _UNUSABLE


def site() -> object:
    """The ASGI application of one server process."""
    with _building():
        from backend.app import create_app

        logs.configure()
        return create_app()


@contextmanager
def _building() -> Iterator[None]:
    """What is imported and built in it stays, so that the collector need not walk through it, now or later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        gc.enable()


def _serve(chosen: argparse.Namespace) -> int:
    import uvicorn

    config = settings.get()
    asyncio.run(_refuse_unsafe_roles())
    uvicorn.run(
        "backend.cli:site",
        factory=True,
        host=config.host,
        port=config.port,
        workers=chosen.processes,
        loop="uvloop",
        # A parser in C: h11, which uvicorn takes otherwise, costs more than the framework.
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_worker_healthcheck=_SILENCE_SECONDS,
    )
    return _OK


def _console(chosen: argparse.Namespace) -> int:
    import uvicorn

    config = settings.get()
    for name in ("database_operator_url", "database_dispatcher_url"):
        if not getattr(config, name):
            raise settings.SettingsError(f"HOCBA_{name.upper()} is not set; the console needs it")
    asyncio.run(_refuse_unsafe_roles(dispatching=True))
    uvicorn.run(
        "backend.console:site",
        factory=True,
        host=config.host,
        port=config.console_port,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    return _OK


def _console_link(chosen: argparse.Namespace) -> int:
    from backend.integrations.operations import command

    if not settings.get().database_operator_url:
        raise settings.SettingsError("HOCBA_DATABASE_OPERATOR_URL is not set; the console is the operator's")
    command.print_link(_operator(chosen), sys.stdout)
    return _OK


@contextmanager
def _database_of(variable: str) -> Iterator[None]:
    """Says in one sentence, with the setting, why PostgreSQL cannot be used; other errors stay what they are.

    Raises SettingsError.
    """
    try:
        yield
    except Exception as error:
        state = getattr(getattr(error, "orig", error), "sqlstate", None) or ""
        if not isinstance(error, OSError) and not state.startswith(_NOT_LET_IN):
            raise
        reason = str(getattr(error, "orig", error)).splitlines() or [type(error).__name__]
        raise settings.SettingsError(f"{variable}: the database cannot be used: {reason[0]}") from None


async def _refuse_unsafe_roles(*, dispatching: bool = False) -> None:
    """A process whose roles could do more than they are for must not start. Raises SettingsError."""
    from backend.core import database

    try:
        with _database_of("HOCBA_DATABASE_URL"):
            await database.refuse_unsafe_role()
        if dispatching:
            with _database_of("HOCBA_DATABASE_DISPATCHER_URL"):
                await database.refuse_unsafe_dispatcher()
    finally:
        await database.engine().dispose()
        database.engine.cache_clear()


def _work(chosen: argparse.Namespace) -> int:
    asyncio.run(_refuse_unsafe_roles())
    with _building():
        from backend import worker

    worker.main()
    return _OK


def _dispatch(chosen: argparse.Namespace) -> int:
    if not settings.get().database_dispatcher_url:
        raise settings.SettingsError(
            "HOCBA_DATABASE_DISPATCHER_URL is not set; the dispatcher has a role of its own"
        )
    asyncio.run(_refuse_unsafe_roles(dispatching=True))
    with _building():
        from backend import worker

    worker.dispatch()
    return _OK


def _migrate(chosen: argparse.Namespace) -> int:
    from alembic import command

    with _database_of("HOCBA_DATABASE_MIGRATOR_URL"):
        command.upgrade(_alembic(), "head")
    return _OK


def _school_pending(chosen: argparse.Namespace) -> int:
    from backend.tenants.openings import command

    return _as_operator("school", command.pending(_operator(chosen), sys.stdout))


def _school_approve(chosen: argparse.Namespace) -> int:
    from backend.tenants.openings import command

    return _as_operator("school", command.approve(_operator(chosen), chosen.application, sys.stdout))


def _school_refuse(chosen: argparse.Namespace) -> int:
    from backend.tenants.openings import command

    return _as_operator(
        "school", command.refuse(_operator(chosen), chosen.application, chosen.reason, sys.stdout)
    )


def _school_open(chosen: argparse.Namespace) -> int:
    from backend.tenants.openings import command

    options = {name.replace("-", "_"): getattr(chosen, name.replace("-", "_")) for name in SCHOOL_OPTIONS}
    return _as_operator(
        "school", command.open_school(_operator(chosen), command.NewSchool(**options), sys.stdout)
    )


def _operator(chosen: argparse.Namespace) -> str:
    try:
        return chosen.operator or getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name; what is raised depends on the version
        raise settings.SettingsError(
            "người dùng của máy này không có tên; hãy ghi tên người vận hành: --operator TÊN"
        ) from None


def _as_operator(name: str, deed: Coroutine[object, object, int | None]) -> int:
    """Do it, the status is its own where it has one; what cannot be done is told in one sentence."""
    from backend.core.errors import AppError

    try:
        with _database_of("HOCBA_DATABASE_OPERATOR_URL"):
            return asyncio.run(_then_let_go(deed)) or _OK
    except AppError as error:
        print(f"hocba {name}: {error.message}", file=sys.stderr)
        return _DIFFERENT


async def _then_let_go(deed: Coroutine[object, object, int | None]) -> int | None:
    from backend.core import database

    try:
        with _database_of("HOCBA_DATABASE_URL"):
            await database.refuse_unsafe_role()
        return await deed
    finally:
        deed.close()
        await database.engine().dispose()
        database.engine.cache_clear()


def _check_migrations(chosen: argparse.Namespace) -> int:
    from alembic import command
    from alembic.util import AutogenerateDiffsDetected, CommandError

    try:
        with _database_of("HOCBA_DATABASE_MIGRATOR_URL"):
            command.check(_alembic())
    except AutogenerateDiffsDetected as found:
        for difference in found.diffs:
            print(f"tables and migrations differ: {difference}", file=sys.stderr)
        return _DIFFERENT
    except CommandError as error:
        print(f"hocba migrations check: {error} (run hocba migrate first)", file=sys.stderr)
        return _UNUSABLE
    return _OK


def _alembic() -> "Config":
    from alembic.config import Config

    if not settings.get().database_migrator_url:
        raise settings.SettingsError(
            "HOCBA_DATABASE_MIGRATOR_URL is not set; migrations need the schema's owner"
        )
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "infra" / "migrations"))
    return config


def _reset_link(chosen: argparse.Namespace) -> int:
    from backend.tenants.account import command

    return _as_operator("reset-link", command.reset_link(_operator(chosen), chosen.login, sys.stdout))


def _audit_check(chosen: argparse.Namespace) -> int:
    from infra.audit_check import command
    from infra.audit_check.sources import Sources

    config = settings.read_auditor(os.environ)
    sources = Sources(
        database_url=config.database_auditor_url,
        s3_endpoint=config.s3_endpoint,
        s3_access_key=config.s3_access_key,
        s3_secret_key=config.s3_secret_key,
        s3_bucket=config.s3_bucket,
        s3_region=config.s3_region,
        trust_dir=Path(config.trust_dir),
    )
    return asyncio.run(command.run(sources, chosen.school, dict(chosen.seen), sys.stdout))


def _transparency_check(chosen: argparse.Namespace) -> int:
    from infra.transparency_check import command

    return command.check(chosen.place, chosen.key, chosen.seen, chosen.mirror, sys.stdout)


def _transparency_proof(chosen: argparse.Namespace) -> int:
    from infra.transparency_check import command

    return command.prove(chosen.file, chosen.key, chosen.document, sys.stdout)


def _transparency_growth(chosen: argparse.Namespace) -> int:
    from infra.transparency_check import command

    return command.growth(chosen.file, chosen.key, chosen.seen, sys.stdout)


def _rotate_secrets(chosen: argparse.Namespace) -> int:
    from backend.remote_signing.accounts import command

    return _as_operator("rotate-secrets", command.rotate(chosen.schools, sys.stdout))


def _evidence(chosen: argparse.Namespace) -> int:
    from backend.records.evidence import command

    deed = command.run(
        _operator(chosen), chosen.school, chosen.version, chosen.reason, chosen.out, sys.stdout
    )
    return _as_operator("evidence", deed)


def _storage_probe(chosen: argparse.Namespace) -> int:
    from backend.core import store_keeper

    url = settings.get().database_dispatcher_url
    if not url:
        raise settings.SettingsError(
            "HOCBA_DATABASE_DISPATCHER_URL is not set; the dispatcher's role records what was found"
        )
    with _database_of("HOCBA_DATABASE_DISPATCHER_URL"):
        status, lines = asyncio.run(store_keeper.told(url))
    print("\n".join(lines))
    return status


def _restore_forward(chosen: argparse.Namespace) -> int:
    from backend.integrations.restoring import command

    deed = command.run(_operator(chosen), chosen.school, chosen.write, sys.stdout)
    return _as_operator("restore-forward", deed)


def _assess(chosen: argparse.Namespace) -> int:
    from backend.records.assessment import command

    return _while_read(lambda: command.run(sys.stdin.buffer, sys.stdout.buffer, chosen.lines))


def _hsm(chosen: argparse.Namespace) -> int:
    from backend.remote_signing.credentials import command

    named = vars(chosen).items()
    options = {name: value for name, value in named if name in command.Options.__struct_fields__}
    return command.run(command.Options(**options), sys.stdout, sys.stderr)


def _token_helper(chosen: argparse.Namespace) -> int:
    from backend.remote_signing.token_helpers import command

    named = vars(chosen).items()
    options = {name: value for name, value in named if name in command.Options.__struct_fields__}
    deed = command.pair if chosen.verb == "pair" else command.run
    return deed(command.Options(**options), sys.stdout, sys.stderr)


def _hsm_record(chosen: argparse.Namespace) -> int:
    from backend.remote_signing.credentials import command

    return command.read_record(chosen.file, sys.stdout, sys.stderr)


def _verify(chosen: argparse.Namespace) -> int:
    from backend.remote_signing.formats import verify_command

    return _while_read(
        lambda: verify_command.run(
            chosen.file, chosen.trust, chosen.at, chosen.json, sys.stdout, compare=_differences
        )
    )


def _differences(pdf: bytes) -> tuple[str, ...] | None:
    # Loaded for a PDF whose signatures hold: to render its pages again takes half of the product.
    from backend.records.transcripts import command

    return command.differences(pdf)


def _check_package(chosen: argparse.Namespace) -> int:
    from backend.records.transcripts import command

    return _while_read(lambda: command.check(chosen.file, sys.stdout, sys.stderr))


def _profile(chosen: argparse.Namespace) -> int:
    from backend.integrations.profiles import command

    deeds: dict[str, Callable[[], int]] = {
        "check": lambda: command.check(chosen.file, sys.stdout),
        "render": lambda: command.render(chosen.file, chosen.sample, sys.stdout),
        "diff": lambda: command.diff(chosen.file, chosen.other or chosen.file, sys.stdout),
        "test": lambda: command.test(chosen.file, sys.stdout),
        "keep": lambda: command.keep(chosen.file, sys.stdout),
        "sabotage": lambda: command.sabotage(chosen.file, sys.stdout),
        "publish": lambda: command.publish(chosen.file, chosen.name, chosen.key, sys.stdout),
    }
    return _while_read(deeds[chosen.deed])


def _simulator(chosen: argparse.Namespace) -> int:
    from infra.simulators.province.__main__ import main as simulate

    simulate(["--profile", str(chosen.profile), *chosen.options])
    return _OK


def _package_schema(chosen: argparse.Namespace) -> int:
    from backend.records.transcripts import command

    return _while_read(lambda: command.schema(chosen.name, sys.stdout))


def _while_read(answer: Callable[[], int]) -> int:
    """Write an answer; when its reader has seen enough (`hocba … | head`), end as quietly as other commands do."""
    try:
        status = answer()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    return status


_COMMANDS: dict[str, Command] = {
    "serve": _serve,
    "work": _work,
    "dispatch": _dispatch,
    "console": _console,
    "console_link": _console_link,
    "migrate": _migrate,
    "check_migrations": _check_migrations,
    "reset_link": _reset_link,
    "rotate_secrets": _rotate_secrets,
    "evidence": _evidence,
    "audit_check": _audit_check,
    "transparency_check": _transparency_check,
    "transparency_proof": _transparency_proof,
    "transparency_growth": _transparency_growth,
    "restore_forward": _restore_forward,
    "storage_probe": _storage_probe,
    "assess": _assess,
    "verify": _verify,
    "check_package": _check_package,
    "package_schema": _package_schema,
    "school_pending": _school_pending,
    "school_approve": _school_approve,
    "school_refuse": _school_refuse,
    "school_open": _school_open,
    "profile": _profile,
    "simulator": _simulator,
    "hsm": _hsm,
    "hsm_record": _hsm_record,
    "token_helper": _token_helper,
}


if __name__ == "__main__":
    sys.exit(main())
