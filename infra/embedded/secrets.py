"""Secrets of the local stack: drawn once, kept in files that only their owner can read."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SecretStore:
    """A folder with one file per secret."""

    folder: Path

    def get(self, name: str, *, size: int = 24) -> str:
        """The secret called `name`: `size` random bytes as hex, the same at every later call."""
        path = self.folder / name
        try:
            return path.read_text(encoding="ascii")
        except FileNotFoundError:
            self._draw(path, size)
        return path.read_text(encoding="ascii")

    def path(self, name: str) -> Path:
        """The file that holds the secret, drawn if missing, for programs that read it from a file."""
        self.get(name)
        return self.folder / name

    def _draw(self, path: Path, size: int) -> None:
        # Written beside and linked into place: no half secret is ever seen, and of two callers one wins.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(size))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
