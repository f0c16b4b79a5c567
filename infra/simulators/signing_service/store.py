"""The memory of the signing service: credentials, transactions, the ledger. Times are Unix seconds."""

import datetime as dt
import sqlite3
import time
from pathlib import Path

from infra.simulators.storage import Storage

_SCHEMA = """
create table if not exists access_token (
  digest blob primary key, client_id text not null, user_id text not null, expires_at real not null
) strict;
create table if not exists let_in (
  digest blob primary key, kind text not null, client_id text not null, user_id text not null, expires_at real not null
) strict;
create table if not exists owner (
  credential_id text primary key, auth text not null, pin text not null, wrong integer not null default 0
) strict;
create table if not exists otp (credential_id text primary key, code text not null, sent integer not null) strict;
create table if not exists grant_code (
  id text primary key, client_id text not null, redirect_uri text not null, state text not null,
  code_challenge text not null, demand blob not null, code text unique, issued_at real
) strict;
create table if not exists pushed (
  name text primary key, client_id text not null, asked blob not null, expires_at real not null
) strict;
create table if not exists party_key (client_id text primary key, pem text not null) strict;
create table if not exists doc (
  handle text not null, position integer not null, name text not null, primary key (handle, position)
) strict;
create table if not exists credential (
  id text primary key, account text not null unique, kind text not null, subject text not null,
  serial text not null unique, pem blob not null, certificate blob not null,
  created_at real not null, revoked_at real
) strict;
create table if not exists certified (
  serial text primary key, certificate blob not null, issued_at real not null
) strict;
create table if not exists consent (
  handle text primary key, client_id text not null, client_data text not null,
  credential_id text not null references credential (id), num_signatures integer not null,
  description text not null,
  state text not null, fate text not null, created_at real not null, act_at real, expires_at real not null,
  sad text, sad_expires_at real, repeats integer not null default 0,
  unique (client_id, client_data)
) strict;
create table if not exists used_sad (sad text primary key, handle text not null) strict;
create table if not exists extension (
  n integer primary key autoincrement, handle text not null, made_at real not null
) strict;
create table if not exists consent_hash (
  handle text not null references consent (handle), position integer not null, hash blob not null,
  primary key (handle, position)
) strict;
create table if not exists ledger (
  n integer primary key autoincrement, made_at real not null, client_id text not null, handle text not null,
  client_data text not null, credential_id text not null, hash blob not null, value blob not null,
  unique (handle, hash)
) strict;
create table if not exists stamp (
  serial integer primary key autoincrement, made_at real not null, digest blob not null
) strict;
"""


class Store(Storage):
    """The tables of the service, and the few questions that several parts ask."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / "service.sqlite3", _SCHEMA)

    def next_stamp(self, digest: bytes) -> int:
        """Serial number of a new time stamp over `digest`."""
        return self.run("insert into stamp (made_at, digest) values (?, ?)", time.time(), digest)

    def certificate_state(self, serial: int) -> tuple[bool, dt.datetime | None]:
        """Whether we issued it, and when it was revoked."""
        row = self.row("select revoked_at from credential where serial = ?", f"{serial:x}")
        if row is None:
            return self.row("select 1 from certified where serial = ?", f"{serial:x}") is not None, None
        return True, _moment(row["revoked_at"])

    def revoked(self) -> list[tuple[int, dt.datetime]]:
        """Serial numbers and times of all revoked certificates."""
        rows = self.rows("select serial, revoked_at from credential where revoked_at is not null")
        return [
            (int(row["serial"], 16), dt.datetime.fromtimestamp(row["revoked_at"], dt.UTC)) for row in rows
        ]

    def credential(self, credential_id: str) -> sqlite3.Row | None:
        """One credential."""
        return self.row("select * from credential where id = ?", credential_id)


def _moment(seconds: float | None) -> dt.datetime | None:
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)
