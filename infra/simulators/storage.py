"""One SQLite file for each simulator: its memory and its evidence. It survives SIGKILL at any moment.

Besides, files that only their owner may read, whole or not there at all.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Storage:
    """One connection; `transaction()` commits or undoes what a request did."""

    def __init__(self, path: Path, schema: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # What is committed to the log survives the death of the process; only a power cut could lose it.
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute("pragma foreign_keys = on")
        self._connection.executescript(schema)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; committed when the block ends."""
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def run(self, sql: str, *values: object) -> int:
        """Execute one statement; answers the id of the last inserted row."""
        return self._connection.execute(sql, values).lastrowid or 0

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        """The first row, or None."""
        found: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """All rows."""
        return self._connection.execute(sql, values).fetchall()

    def count(self, sql: str, *values: object) -> int:
        """The number in the first column of the first row."""
        found = self.row(sql, *values)
        return int(found[0]) if found else 0


def keep_first(path: Path, content: bytes) -> bytes:
    """Make a private file (mode 0600) unless there is one; answers what it holds. Many may try at once."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_bytes()
