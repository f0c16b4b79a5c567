"""Files and records that must survive other processes and SIGKILL."""

import sqlite3
from pathlib import Path

import pytest

from infra.simulators.storage import Storage, keep_first


def test_the_first_writer_wins_and_all_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    assert keep_first(path, b"first") == b"first"
    assert keep_first(path, b"second") == b"first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "x.sqlite3", "create table if not exists t (a integer) strict;")

    def fail_half_way() -> None:
        with storage.transaction():
            storage.run("insert into t values (1)")
            storage.run("insert into t values ('one')")

    with pytest.raises(sqlite3.IntegrityError):
        fail_half_way()
    with storage.transaction():
        storage.run("insert into t values (2)")
    other = Storage(tmp_path / "x.sqlite3", "")
    assert [row["a"] for row in other.rows("select a from t")] == [2]
    storage.close()
    other.close()
