"""The memory of the province: every message with its verdict.

A message id is one message, however often it comes.
"""

import sqlite3
import time
from pathlib import Path

import msgspec

from backend.integrations.profiles.schemas import Message
from infra.simulators.province.rules import RECALL, REPLACE
from infra.simulators.storage import Storage

_SCHEMA = """
create table if not exists message (
  n integer primary key autoincrement, message_id text not null unique, authority_id text not null unique,
  sender_code text not null, action text not null, lookup_code text not null, version integer not null,
  sha256 text not null, pdf_sha256 text not null, body_sha256 text not null, package blob not null,
  problems text not null, received_at real not null, repeats integer not null default 0,
  reference text not null default '', recalled_by text, replaced_by text, locked_at real
) strict;
create index if not exists message_subject on message (sender_code, lookup_code, version);
"""


class Store(Storage):
    """The table of messages, and what is asked about it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory / "province.sqlite3", _SCHEMA)

    def find(self, message_id: str) -> sqlite3.Row | None:
        """The message with this id."""
        return self.row("select * from message where message_id = ?", message_id)

    def count_repeat(self, message_id: str) -> None:
        """Remember that a known message came again."""
        self.run("update message set repeats = repeats + 1 where message_id = ?", message_id)

    def add(self, message: Message, body_sha256: str, problems: list[dict[str, str]]) -> None:
        """A new message with the verdict that will be told later."""
        number = self.count("select coalesce(max(n), 0) + 1 from message")
        self.run(
            "insert into message (message_id, authority_id, sender_code, action, lookup_code, version,"
            " sha256, pdf_sha256, body_sha256, package, problems, received_at, reference)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            message.message_id, f"GD{number:010d}", message.sender_code, message.action,
            message.lookup_code, message.version, message.sha256, message.pdf_sha256, body_sha256,
            message.package_xml, msgspec.json.encode(problems).decode(), time.time(), message.refers_to or "",
        )  # fmt: skip
        column = {RECALL: "recalled_by", REPLACE: "replaced_by"}.get(message.action)
        if column and not problems:
            self.run(
                f"update message set {column} = ? where message_id = ?",
                message.message_id,
                message.refers_to,
            )

    def lock(self, message_ids: list[str] | None) -> None:
        """Close what was accepted: these messages, or all. Nothing of it changes any more."""
        known = self.rows("select message_id from message where action <> ? and problems = '[]'", RECALL)
        for row in known:
            if message_ids is None or row["message_id"] in message_ids:
                self.run(
                    "update message set locked_at = ? where message_id = ? and locked_at is null",
                    time.time(), row["message_id"],
                )  # fmt: skip

    def ledger(self) -> dict[str, object]:
        """Counts. An *effective* message is accepted and brought a version; two for one subject are a duplicate."""
        subjects = self.rows(
            "select sender_code, lookup_code, version, count(*) as made from message"
            " where problems = '[]' and action <> ? group by sender_code, lookup_code, version",
            RECALL,
        )
        return {
            "messages": self.count("select count(*) from message"),
            "accepted": sum(row["made"] for row in subjects),
            "rejected": self.count("select count(*) from message where problems <> '[]'"),
            "repeats": self.count("select coalesce(sum(repeats), 0) from message"),
            "effective": len(subjects),
            "recalled": self.count("select count(*) from message where recalled_by is not null"),
            "replaced": self.count("select count(*) from message where replaced_by is not null"),
            "locked": self.count("select count(*) from message where locked_at is not null"),
            "duplicates": [
                {"sender": row["sender_code"], "lookupCode": row["lookup_code"], "version": row["version"],
                 "messages": row["made"]}
                for row in subjects if row["made"] > 1
            ],
            "by_sender": {row["sender_code"]: row["made"] for row in self.rows(
                "select sender_code, count(*) as made from message where problems = '[]' and action <> ?"
                " group by sender_code", RECALL
            )},
        }  # fmt: skip

    def documents(self, sender_code: str | None) -> list[sqlite3.Row]:
        """All messages of a school (or of all), in the order in which they came."""
        return self.rows(
            "select * from message where ? is null or sender_code = ? order by n", sender_code, sender_code
        )
