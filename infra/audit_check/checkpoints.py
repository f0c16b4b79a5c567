"""Checkpoints: a row of numbers in the database, documents and time stamps in the store, each naming the one before."""

import hashlib
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from infra.audit_check.chains import Fixed
from infra.audit_check.findings import Finding, Kind
from infra.audit_check.stamps import BadStamp

#: The stamp follows its document at once; before it only as far as two clocks may differ.
STAMP_AFTER, STAMP_BEFORE = timedelta(minutes=15), timedelta(minutes=5)
#: Nothing is issued any more when there was no checkpoint for so long.
LATE = timedelta(hours=4)
#: An object that no row names is what a crash leaves if it has the next number; so long nobody needs to know.
LEFT_BEHIND = timedelta(minutes=15)

_KEY = re.compile(r"audit/(\d{8,})-([0-9a-f]{64})\.(json|tst)")

#: Content of an object by its key.
Fetch = Callable[[str], bytes]
#: When bytes were stamped by a token; raises BadStamp.
StampedAt = Callable[[bytes, bytes], Awaitable[datetime]]


@dataclass(frozen=True)
class Row:
    """A row of `directory.audit_checkpoint`."""

    number: int
    made_at: datetime
    document_sha256: str
    token_sha256: str


@dataclass
class Checkpoints:
    """All checkpoints while they are checked; afterwards `fixed` says what they say of each school."""

    rows: list[Row]
    keys: set[str]
    fetch: Fetch
    stamped_at: StampedAt
    now: datetime
    fixed: dict[uuid.UUID, dict[int, Fixed]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    async def check(self) -> list[Finding]:
        """Everything about them that needs no event."""
        self.findings += self._gaps()
        previous = ""
        for row in self.rows:
            await self._one(row, previous)
            previous = row.document_sha256
        await self._unnamed()
        last = self.rows[-1].made_at if self.rows else None
        if last and self.now - last > LATE:
            self._found(Kind.LATE, f"điểm niêm phong số {self.rows[-1].number}", f"{last:%d/%m/%Y %H:%M} UTC")
        return self.findings

    def _gaps(self) -> Iterator[Finding]:
        known = {row.number for row in self.rows}
        for number in range(1, max(known, default=0) + 1):
            if number not in known:
                yield Finding(Kind.CHECKPOINT_MISSING, f"điểm niêm phong số {number}", "không còn trong bảng")

    async def _one(self, row: Row, previous: str) -> None:
        where = f"điểm niêm phong số {row.number}"
        document, token = (self._stored(row.number, row.document_sha256, part) for part in ("json", "tst"))
        if document is None or token is None:
            self._found(Kind.CHECKPOINT_MISSING, where, "không còn trong kho lưu trữ")
            return
        if _sha256(token) != row.token_sha256:
            self._found(Kind.CHECKPOINT_FORGED, where, "dấu thời gian khác lúc ghi")
        said = await self._judged(where, row.document_sha256, document, token)
        if said is None:
            return
        if (said["number"], said["previous"]) != (row.number, previous):
            self._found(Kind.CHECKPOINT_FORGED, where, "không nối tiếp điểm đứng trước")
        if _moment(said["made_at"]) != row.made_at:
            self._found(Kind.CHECKPOINT_FORGED, where, "thời điểm khác trong bảng")

    async def _judged(self, where: str, sha256: str, document: bytes, token: bytes) -> dict[str, Any] | None:
        """The document, when it can be read; its heads are remembered."""
        if _sha256(document) != sha256:
            self._found(Kind.CHECKPOINT_FORGED, where, "nội dung khác lúc niêm phong")
            return None
        try:
            said: dict[str, Any] = json.loads(document)
            made_at = _moment(said["made_at"])
            if said["merkle_root"] != merkle_root([_leaf(head) for head in said["heads"]]).hex():
                self._found(Kind.CHECKPOINT_FORGED, where, "gốc Merkle không đúng")
            self._remember(where, said)
        except (ValueError, KeyError, TypeError):
            self._found(Kind.CHECKPOINT_FORGED, where, "nội dung không đọc được")
            return None
        try:
            moment = await self.stamped_at(token, document)
        except BadStamp as bad:
            self._found(Kind.CHECKPOINT_FORGED, where, str(bad))
        else:
            if not made_at - STAMP_BEFORE <= moment <= made_at + STAMP_AFTER:
                self._found(Kind.CHECKPOINT_FORGED, where, f"dấu thời gian lúc {moment:%d/%m/%Y %H:%M} UTC")
        return said

    def _remember(self, where: str, said: Mapping[str, Any]) -> None:
        for school, n, digest, settled_at in said["heads"]:
            known = self.fixed.setdefault(uuid.UUID(school), {})
            before = known.get(n)
            known[n] = Fixed(said["number"], digest, settled_at and _moment(settled_at))
            if before and before.hash != digest:
                said_before = f"sự kiện số {n} khác điểm niêm phong số {before.checkpoint}"
                self._found(Kind.REWRITTEN, where, said_before, uuid.UUID(school))

    async def _unnamed(self) -> None:
        """Objects that no row names: whatever a crash left behind must be as true as the others."""
        named = {(row.number, row.document_sha256) for row in self.rows}
        newest = max((row.number for row in self.rows), default=0)
        unnamed = sorted({found for key in self.keys if (found := _named(key))} - named)
        may_be_a_crash = all(number <= newest + 1 for number, _ in unnamed)
        for number, sha256 in unnamed:
            where = f"điểm niêm phong số {number} ngoài bảng"
            document, token = (self._stored(number, sha256, part) for part in ("json", "tst"))
            if document is None or token is None:
                continue
            said = await self._judged(where, sha256, document, token)
            if number > newest and not may_be_a_crash:
                self._found(Kind.CHECKPOINT_MISSING, where, "có trong kho, không còn trong bảng")
            elif number > newest and said and self.now - _moment(said["made_at"]) > LEFT_BEHIND:
                self._found(Kind.CHECKPOINT_LEFT, where, "có trong kho, chưa hoặc không còn trong bảng")
        for key in sorted(self.keys):
            if not _KEY.fullmatch(key):
                self._found(Kind.CHECKPOINT_FORGED, f"tệp “{key}”", "không phải do hệ thống ghi")

    def _stored(self, number: int, sha256: str, part: str) -> bytes | None:
        key = f"audit/{number:08}-{sha256}.{part}"
        return self.fetch(key) if key in self.keys else None

    def _found(self, kind: Kind, where: str, detail: str, school: uuid.UUID | None = None) -> None:
        self.findings.append(Finding(kind, where, detail, school))


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\x00" + leaves[0] if leaves else b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()


def _leaf(head: object) -> bytes:
    return json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()


def _named(key: str) -> tuple[int, str] | None:
    found = _KEY.fullmatch(key)
    return (int(found[1]), found[2]) if found else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
