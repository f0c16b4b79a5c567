"""Where things lie inside the data folder (`.hocba/` by default)."""

import os
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.errors import StartRefused


@dataclass(frozen=True)
class DataDir:
    """The data folder of one stack. `open` makes it; the rest names paths, making folders on the way."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> "DataDir":
        """Make the folder, readable by its owner alone. Raises `StartRefused` where it cannot be written."""
        folder = root.absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise _unwritable(folder) from error
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise _unwritable(folder)
        return cls(folder)

    def folder(self, name: str) -> Path:
        """A private folder of one service, made if missing."""
        path = self.root / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    @property
    def logs(self) -> Path:
        return self.folder("logs")

    @property
    def run(self) -> Path:
        """Pid file and remembered ports."""
        return self.folder("run")

    @property
    def secrets(self) -> Path:
        return self.folder("secrets")


def _unwritable(folder: Path) -> StartRefused:
    return StartRefused(
        f"Không ghi được vào thư mục dữ liệu {folder}; "
        "hãy kiểm tra chủ sở hữu và quyền của thư mục rồi chạy lại."
    )
