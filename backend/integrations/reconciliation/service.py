"""Comparing an Authority's list with ours. It changes no delivery: what is open is asked about, the rest people read."""

import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec

from backend.core import audit, audit_reads, clock, jobs, storage
from backend.core.actor import Actor, machine
from backend.core.audit import Action as AuditAction
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import BoundAuthority
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import FetchedList
from backend.integrations.reconciliation import queries, rules
from backend.integrations.reconciliation.schemas import (
    Comparison,
    Finding,
    Kind,
    Ours,
    Outcome,
    ReconciliationId,
    RunView,
)

RUN = "reconciliation.run"
#: At night a school is compared once a day, however often the night's look is taken.
_ONCE_IN = timedelta(hours=20)
#: So many runs and differences are shown.
_MOST_RUNS, MOST_FINDINGS = 30, 500
_NO_LIST = "Cơ quan tiếp nhận này không cho lấy danh sách; hãy đối chiếu trên trang của cơ quan ấy."
_COUNTED = ("extra", "missing", "content", "state")


async def queue(session: TenantSession) -> None:
    """At night, in season: have the list of the school's Authority compared, where something was sent there."""
    try:
        authority = await authorities.bound_authority(session)
    except Conflict:
        return
    profile = authority.endpoint.profile
    if profile.reconcile is None or not rules.is_season(profile.calendar, clock.today()):
        return
    if await queries.has_begun_since(session, profile.profile, clock.now() - _ONCE_IN):
        return
    if await deliveries.messages_to(session, profile.profile):
        await _open(session, profile.profile)


async def ask(session: TenantSession, actor: Actor) -> ReconciliationId:
    """A person wants it now. Raises Conflict where there is no list, or where it is being compared."""
    authority = await authorities.bound_authority(session)
    if authority.endpoint.profile.reconcile is None:
        raise Conflict(_NO_LIST)
    newest = await queries.runs(session, 1)
    if newest and newest[0].outcome == Outcome.WAITING:
        raise Conflict("Hệ thống đang đối soát; xin chờ kết quả rồi mở lại trang.")
    run_id = await _open(session, authority.profile)
    await audit.record(session, actor, AuditAction.RECONCILIATION_ASKED, run_id, authority.name)
    return run_id


async def _open(session: TenantSession, authority: str) -> ReconciliationId:
    run_id = ReconciliationId(new_id())
    none_yet: dict[str, Any] = {"matched": 0, **dict.fromkeys(_COUNTED, 0), "pages": []}
    opened = {"id": run_id, "authority": authority, "started_at": clock.now(), "outcome": Outcome.WAITING}
    await queries.add(session, opened | none_yet)
    await jobs.enqueue(session, RUN, run_id)
    return run_id


async def begin(session: TenantSession, run_id: uuid.UUID) -> BoundAuthority | None:
    """Whom to ask; None when the run has ended. Raises NotFound."""
    run = await queries.run(session, run_id)
    if run is None:
        raise NotFound("Không tìm thấy lần đối soát này.")
    return await authorities.authority_of(session, run.authority) if run.outcome == Outcome.WAITING else None


async def fetch(authority: BoundAuthority, tenant_id: uuid.UUID) -> FetchedList:
    """The Authority's list, asked for outside of a transaction; its pages are in the store."""
    return await deliveries.fetch_list(tenant_id, authority.endpoint, authority.sender_code)


async def record(session: TenantSession, run_id: uuid.UUID, fetched: FetchedList) -> None:
    """What came of it. What their list knows and we do not is asked about; an extra message is an alarm."""
    run = await queries.run(session, run_id)
    assert run is not None
    ended: dict[str, Any] = {"ended_at": clock.now(), "pages": [sha256_hex(one) for one in fetched.pages]}
    await storage.register(
        session, *(storage.file_of(one, "application/octet-stream") for one in fetched.pages)
    )
    if fetched.problem is not None:
        await queries.end(session, run_id, ended | {"outcome": Outcome(fetched.problem)})
        return
    found = rules.compare(await _ours(session, run.authority), fetched.items)
    counted = Counter(one.kind for one in found.findings)
    counts = {name: counted[Kind(name)] for name in _COUNTED}
    await queries.end(
        session, run_id, {**ended, "outcome": Outcome.COMPARED, "matched": found.matched, **counts}
    )
    await queries.add_findings(session, _rows(session, run_id, found))
    await deliveries.ask_again(session, found.known_there)
    name = authorities.name_of(run.authority)
    by = machine(session.tenant_id)
    await audit.record(
        session,
        by,
        AuditAction.RECONCILED,
        run_id,
        name,
        matched=found.matched,
        differing=len(found.findings),
    )
    if counts["extra"]:
        await audit.record(session, by, AuditAction.RECONCILIATION_ALARM, run_id, name, extra=counts["extra"])


def _rows(session: TenantSession, run_id: uuid.UUID, found: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "reconciliation_id": run_id,
            **msgspec.structs.asdict(one),
        }
        for one in found.findings
    ]


async def _ours(session: TenantSession, authority: str) -> list[Ours]:
    return [
        Ours(**{name: getattr(one, name) for name in Ours.__struct_fields__})
        for one in await deliveries.messages_to(session, authority)
    ]


async def runs(session: TenantSession) -> list[RunView]:
    """The newest first."""
    return [_view(row) for row in await queries.runs(session, _MOST_RUNS)]


async def can_compare(session: TenantSession) -> bool:
    """Whether the school's Authority lets its list be read."""
    try:
        authority = await authorities.bound_authority(session)
    except Conflict:
        return False
    return authority.endpoint.profile.reconcile is not None


async def last_differences(session: TenantSession) -> RunView | None:
    """The newest run that was compared, if it found a difference."""
    row = await queries.last_with(session, Outcome.COMPARED)
    view = _view(row) if row else None
    return view if view and view.differing else None


async def open_run(session: TenantSession, actor: Actor, run_id: uuid.UUID) -> tuple[RunView, list[Finding]]:
    """One run with what differed, for a person who looks at it. Raises NotFound."""
    row = await queries.run(session, run_id)
    if row is None:
        raise NotFound("Không tìm thấy lần đối soát này.")
    found = await queries.findings(session, run_id, MOST_FINDINGS)
    about = await deliveries.versions_of(session, [one.delivery_id for one in found if one.delivery_id])
    if about:
        label = authorities.name_of(row.authority)
        audit_reads.record_read(session, actor, AuditAction.DELIVERY_READ, run_id, label, about)
    return _view(row), [
        Finding(
            **{name: getattr(one, name) for name in Finding.__struct_fields__ if name != "kind"},
            kind=Kind(one.kind),
        )
        for one in found
    ]


def _view(row: Any) -> RunView:
    values = {name: getattr(row, name) for name in RunView.__struct_fields__ if name not in ("id", "outcome")}
    return RunView(**values, id=ReconciliationId(row.id), outcome=Outcome(row.outcome))
