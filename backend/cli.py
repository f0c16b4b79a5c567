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
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

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
#: Options of `hocba school open`, all of which are needed.
_SCHOOL_OPTIONS = {
    "name": "tên trường",
    "code": "mã trường, 8 đến 10 chữ số",
    "tax-code": "mã số thuế",
    "province-code": "mã tỉnh, thành phố, ví dụ 14",
    "ward": "xã, phường, đặc khu",
    "levels": "cấp học, cách nhau bằng dấu phẩy: primary,lower_secondary,upper_secondary",
    "owner": "họ tên chủ trường",
    "email": "địa chỉ thư của chủ trường",
}


_HELPER_STATE = Path.home() / ".hocba-token-helper.json"
#: What `hocba hsm` does in a token.
_HSM_VERBS = {
    "generate": "tạo khóa trong token trước hai người, ghi biên bản",
    "request": "in yêu cầu cấp chứng thư (PKCS#10), ký bằng khóa trong token",
    "put": "đặt chứng thư đã được cấp vào token, cạnh khóa của nó",
    "list": "liệt kê các khóa",
    "check": "ký thử một chuỗi vô hại và thử lấy khóa ra khỏi token",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 2 with one sentence where settings or server are unusable."""
    chosen = _parser().parse_args(arguments)
    command: Command = chosen.command
    try:
        return command(chosen)
    except settings.SettingsError as error:
        print(f"hocba: {error}", file=sys.stderr)
    except ConnectionError as error:
        print(f"hocba: a server that this command needs does not answer: {error}", file=sys.stderr)
    return _UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hocba", description="Học bạ số: lập, ký số, phát hành, xác thực.")
    commands = parser.add_subparsers(required=True, metavar="LỆNH")

    serve = _add(commands, "serve", _serve, "chạy trang web")
    serve.add_argument("--processes", type=int, default=1, help="số tiến trình (mặc định: 1)")

    _add(commands, "work", _work, "chạy tiến trình xử lý việc nền")
    _add(commands, "dispatch", _dispatch, "chạy bộ chuyển sự kiện và chia việc")
    _add(commands, "migrate", _migrate, "đưa lược đồ cơ sở dữ liệu lên bản mới nhất")
    migrations = _add(commands, "migrations", _check_migrations, "kiểm tra lược đồ có khớp với mã nguồn")
    migrations.add_argument("action", choices=("check",))

    reset = _add(
        commands, "reset-link", _reset_link, "cấp đường dẫn đặt lại tài khoản, khi trường không tự làm được"
    )
    _add_operator(reset)
    reset.add_argument("login", metavar="TÊN_ĐĂNG_NHẬP")

    rotate = _add(commands, "rotate-secrets", _rotate_secrets, "đổi khóa niêm phong bí mật của từng trường")
    rotate.add_argument("schools", type=uuid.UUID, nargs="+", metavar="MÃ_TRƯỜNG")

    pack = _add(commands, "evidence", _evidence, "lập gói bằng chứng của một học bạ đã phát hành")
    _add_operator(pack)
    pack.add_argument("school", type=uuid.UUID, metavar="MÃ_TRƯỜNG")
    pack.add_argument("version", type=uuid.UUID, metavar="PHIÊN_BẢN")
    pack.add_argument("--reason", required=True, metavar="LÝ_DO", help="ghi vào nhật ký của trường")
    pack.add_argument("--out", type=Path, metavar="TỆP")

    audit = _add(commands, "audit", _audit_check, "kiểm tra nhật ký có bị sửa, xóa hay chèn thêm")
    audit.add_argument("action", choices=("check",))
    audit.add_argument("--school", type=uuid.UUID, action="append", metavar="MÃ", help="chỉ kiểm trường này")
    audit.add_argument(
        "--seen",
        type=_seen,
        action="append",
        default=[],
        metavar="SỐ:SHA256",
        help="điểm niêm phong đã ghi lại",
    )
    forward = _add(
        commands,
        "restore-forward",
        _restore_forward,
        "sau khi khôi phục bản sao lưu cũ: dựng lại từ kho lưu trữ",
    )
    _add_operator(forward)
    forward.add_argument(
        "--school",
        type=uuid.UUID,
        action="append",
        metavar="MÃ",
        help="chỉ trường này (mặc định: mọi trường)",
    )
    forward.add_argument("--write", action="store_true", help="ghi thật; không có thì chỉ nói sẽ làm gì")

    storage = _add(commands, "storage", _storage_probe, "thử xem kho lưu trữ có giữ được tệp đã khóa")
    storage.add_argument("action", choices=("probe",))
    _add_school(commands)

    _add_hsm(commands)

    _add_token_helper(commands)

    assess = _add(commands, "assess", _assess, "tính kết quả một học sinh: JSON vào, JSON ra")
    assess.add_argument("--lines", action="store_true", help="mỗi dòng là một học sinh")

    verify = _add(commands, "verify", _verify, "kiểm tra học bạ đã ký, không cần mạng")
    verify.add_argument("file", type=Path, metavar="TỆP")
    verify.add_argument("--trust", type=Path, metavar="THƯ_MỤC", help="thư mục chứng thư gốc tin cậy (PEM)")
    verify.add_argument("--at", metavar="THỜI_ĐIỂM", help="thời điểm xét, dạng RFC 3339")
    verify.add_argument("--json", action="store_true", help="in JSON cho chương trình khác đọc")

    check = _add(
        commands,
        "check-package",
        _check_package,
        "kiểm tra PDF, XML và JSON của một học bạ có khớp nhau, không cần mạng",
    )
    check.add_argument("file", type=Path, metavar="TỆP")
    package_schema = _add(commands, "package-schema", _package_schema, "in lược đồ của gói dữ liệu học bạ")
    package_schema.add_argument("name", choices=("hocba.snapshot.1.json", "hocba.snapshot.1.xsd"))
    _add_profiles(commands)
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Command,
    help_text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(command=command)
    return parser


def _add_school(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    school = commands.add_parser("school", help="mở trường (dành cho bên vận hành)")
    _add_operator(school)
    verbs = school.add_subparsers(required=True, metavar="VIỆC")
    _add(verbs, "pending", _school_pending, "liệt kê hồ sơ đang chờ duyệt")
    _add(
        verbs, "approve", _school_approve, "duyệt hồ sơ, mở trường, in liên kết cho chủ trường"
    ).add_argument("application", type=uuid.UUID, metavar="MÃ_HỒ_SƠ")
    refuse = _add(verbs, "refuse", _school_refuse, "từ chối hồ sơ")
    refuse.add_argument("application", type=uuid.UUID, metavar="MÃ_HỒ_SƠ")
    refuse.add_argument("--reason", required=True, help="lý do")
    opened = _add(verbs, "open", _school_open, "mở trường mà bên vận hành đã đối chiếu")
    for name, words in _SCHOOL_OPTIONS.items():
        opened.add_argument(f"--{name}", required=True, help=words)


def _add_profiles(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    profile = _add(
        commands,
        "profile",
        _profile,
        "hồ sơ kết nối cơ quan tiếp nhận: kiểm tra, ghi thử, so sánh, thử, lưu mẫu, phá thử, công bố",
    )
    deeds = ("check", "render", "diff", "test", "keep", "sabotage", "publish")
    profile.add_argument("deed", choices=deeds, metavar="VIỆC", help=", ".join(deeds))
    profile.add_argument("file", type=Path, metavar="TỆP")
    profile.add_argument("other", type=Path, nargs="?", metavar="TỆP_KIA", help="diff: hồ sơ để so sánh")
    profile.add_argument("--sample", default="submit-primary", metavar="MẪU", help="render: mẫu để ghi")
    profile.add_argument("--name", default="sandbox", metavar="TÊN", help="publish: tên khóa ký")
    profile.add_argument("--key", type=Path, metavar="TỆP", help="publish: khóa Ed25519, 32 byte")
    simulator = _add(
        commands, "simulator", _simulator, "chạy một cơ quan tiếp nhận mô phỏng theo hồ sơ kết nối"
    )
    simulator.add_argument("profile", type=Path, metavar="TỆP")
    simulator.add_argument("options", nargs=argparse.REMAINDER, help="--data THƯ_MỤC --port CỔNG …")


def _add_hsm(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    hsm = commands.add_parser("hsm", help="khóa của con dấu số trong thiết bị HSM (dành cho bên vận hành)")
    hsm.add_argument("--module", required=True, metavar="TỆP", help="thư viện PKCS#11 của thiết bị (.so)")
    hsm.add_argument("--token", required=True, metavar="NHÃN", help="nhãn của token")
    hsm.add_argument("--pin-file", type=Path, metavar="TỆP", help="tệp chứa mã PIN (không có thì hỏi)")
    verbs = hsm.add_subparsers(required=True, metavar="VIỆC")
    for name, words in _HSM_VERBS.items():
        verb = _add(verbs, name, _hsm, words)
        verb.set_defaults(verb=name)
        if name not in ("generate", "list"):
            verb.add_argument("--key", required=True, metavar="MÃ", help="mã của khóa, xem `hocba hsm list`")
        if name in ("generate", "request"):
            verb.add_argument("--name", required=True, help="tên trường, đúng như trong hồ sơ trường")
            verb.add_argument("--tax-code", required=True, help="mã số thuế của trường")
        if name == "generate":
            verb.add_argument(
                "--kind", choices=("rsa", "ec"), default="rsa", help="loại khóa (mặc định: rsa)"
            )
            verb.add_argument(
                "--bits", type=int, choices=(2048, 3072, 4096), default=2048, help="độ dài khóa RSA"
            )
            people = "người chứng kiến, họ tên và chức vụ; cần đúng hai lần"
            verb.add_argument("--person", action="append", default=[], metavar="NGƯỜI", help=people)
            verb.add_argument("--record", type=Path, required=True, metavar="TỆP", help="nơi ghi biên bản")
        if name == "put":
            verb.add_argument(
                "file", type=Path, metavar="TỆP_PEM", help="chứng thư rồi đến các chứng thư cấp trên"
            )
    read = _add(commands, "hsm-record", _hsm_record, "kiểm tra biên bản tạo khóa, không cần thiết bị")
    read.add_argument("file", type=Path, metavar="TỆP")


def _add_token_helper(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    words = "chương trình trên máy cắm token USB của con dấu"
    helper = commands.add_parser("token-helper", help=words, description=words)
    verbs = helper.add_subparsers(required=True, metavar="VIỆC")
    pair = _add(verbs, "pair", _token_helper, "ghép máy này với trang, một lần")
    pair.add_argument("--site", required=True, metavar="ĐỊA_CHỈ", help="địa chỉ trang, https://…")
    pair.add_argument("--code", required=True, metavar="MÃ", help="mã ghép máy, ở trang con dấu số")
    pair.add_argument("--module", required=True, metavar="TỆP", help="thư viện PKCS#11 của token")
    pair.add_argument("--token", default="", metavar="NHÃN", help="nhãn của token, khi cắm nhiều token")
    pair.add_argument(
        "--issuers", type=Path, metavar="TỆP_PEM", help="chứng thư cấp trên, khi token không có"
    )
    run = _add(verbs, "run", _token_helper, "chờ việc, hỏi mã PIN rồi ký")
    run.add_argument("--once", action="store_true", help="ký những gì đang chờ rồi thôi")
    for verb, name in ((pair, "pair"), (run, "run")):
        verb.set_defaults(verb=name)
        verb.add_argument(
            "--state", type=Path, default=_HELPER_STATE, metavar="TỆP", help="nơi nhớ việc ghép"
        )
        verb.add_argument("--pin-file", type=Path, metavar="TỆP", help="tệp chứa mã PIN (không có thì hỏi)")


def _add_operator(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--operator", help="tên người vận hành, ghi vào nhật ký (mặc định: tên người dùng của máy)"
    )


def site() -> object:
    """The ASGI application of one server process."""
    from backend.app import create_app

    logs.configure()
    app = create_app()
    # What was imported and built stays: the collector need not walk through it every few requests.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    return app


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
    from backend import worker

    worker.main()
    return _OK


def _dispatch(chosen: argparse.Namespace) -> int:
    if not settings.get().database_dispatcher_url:
        raise settings.SettingsError(
            "HOCBA_DATABASE_DISPATCHER_URL is not set; the dispatcher has a role of its own"
        )
    asyncio.run(_refuse_unsafe_roles(dispatching=True))
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

    options = {name.replace("-", "_"): getattr(chosen, name.replace("-", "_")) for name in _SCHOOL_OPTIONS}
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


def _seen(text: str) -> tuple[int, str]:
    """A checkpoint that somebody noted: "12:3f…" → number and SHA-256. Raises ValueError, which argparse tells."""
    number, _, sha256 = text.partition(":")
    return int(number), sha256


def _rotate_secrets(chosen: argparse.Namespace) -> int:
    from backend.remote_signing.accounts import command

    return asyncio.run(command.rotate(chosen.schools, sys.stdout))


def _evidence(chosen: argparse.Namespace) -> int:
    from backend.records.evidence import command

    deed = command.run(
        _operator(chosen), chosen.school, chosen.version, chosen.reason, chosen.out, sys.stdout
    )
    return asyncio.run(deed)


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
        lambda: verify_command.run(chosen.file, chosen.trust, chosen.at, chosen.json, sys.stdout)
    )


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


if __name__ == "__main__":
    sys.exit(main())
