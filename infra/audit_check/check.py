"""The check itself: all checkpoints, then all chains."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from infra.audit_check import sources
from infra.audit_check.chains import Chain, Fixed
from infra.audit_check.checkpoints import Checkpoints, Fetch, StampedAt
from infra.audit_check.findings import Finding, Kind


@dataclass
class Report:
    """How much was looked at, and what was wrong. `newest` names the newest checkpoint: number and SHA-256."""

    schools: int = 0
    events: int = 0
    waiting: int = 0
    checkpoints: int = 0
    newest: str = ""
    findings: list[Finding] = field(default_factory=list)


@dataclass
class Check:
    """One check of some schools (None: of all). `seen` are checkpoints that somebody noted: number → SHA-256."""

    connection: asyncpg.Connection
    keys: set[str]
    fetch: Fetch
    stamped_at: StampedAt
    now: datetime
    schools: Sequence[uuid.UUID] | None = None
    seen: dict[int, str] = field(default_factory=dict)
    report: Report = field(default_factory=Report)

    async def run(self) -> Report:
        """Look at everything. Raises what database and store raise."""
        fixed = await self._checkpoints()
        heads = await sources.heads(self.connection, self.schools)
        asked = {*fixed, *heads} if self.schools is None else {*self.schools}
        chains = {school: Chain(school, fixed.get(school, {}), self.now) for school in sorted(asked)}
        async for event in sources.events(self.connection, self.schools):
            chain = chains.setdefault(event.tenant_id, Chain(event.tenant_id, {}, self.now))
            self.report.findings += chain.read(event)
            self.report.events += 1
        for school, chain in chains.items():
            self.report.findings += chain.end(heads.get(school))
        self.report.schools = len(chains)
        self.report.waiting = sum(chain.waiting for chain in chains.values())
        return self.report

    async def _checkpoints(self) -> dict[uuid.UUID, dict[int, Fixed]]:
        rows = await sources.checkpoint_rows(self.connection)
        checked = Checkpoints(rows, self.keys, self.fetch, self.stamped_at, self.now)
        self.report.findings += await checked.check()
        self.report.checkpoints = len(rows)
        self.report.newest = f"{rows[-1].number}:{rows[-1].document_sha256}" if rows else ""
        known = {row.number: row.document_sha256 for row in rows}
        self.report.findings += [
            Finding(Kind.CHECKPOINT_FORGED, f"điểm niêm phong số {number}", "khác mã đã được ghi lại")
            for number, sha256 in self.seen.items()
            if known.get(number) != sha256
        ]
        return checked.fixed
