"""A grade or the whole school is frozen in one action: seen before it is done, class by class, safe to repeat."""

import uuid
from collections import Counter, defaultdict

import msgspec

from backend.core import audit, clock, outbox, parked_jobs
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Forbidden, NotFound
from backend.core.ids import new_id
from backend.records.assessment import service as assessment
from backend.records.assessment.schemas import ClassProgress
from backend.records.freezes import queries, rules
from backend.records.freezes.events import ClassFreezeAsked
from backend.records.freezes.models import ClassFreeze
from backend.records.freezes.schemas import CheckList, ClassRun, LeftOut, Run, RunId, RunSummary, Scope, State
from backend.records.gradebook import service as gradebook
from backend.records.review import service as review
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassId
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IN_FORCE, VersionState
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

RUNS_SHOWN = 20
_ACCEPTED = frozenset({VersionState.ACCEPTED, VersionState.LOCKED, VersionState.TRANSFERRED_OUT})


async def check_list(session: TenantSession, scope: Scope) -> CheckList:
    """What is missing before the classes of a scope are frozen. Raises NotFound for a class of no newest year."""
    everywhere = await roster.list_classes_of_newest_year(session)
    classes = [one for one in everywhere if scope.covers(one)]
    if scope.class_id and not classes:
        raise NotFound("Không tìm thấy lớp này trong năm học đang làm.")
    sheets = defaultdict(list)
    for sheet in await gradebook.sheets_of_classes(session, [one.id for one in classes]):
        sheets[sheet.class_id].append(sheet)
    progress = await assessment.progress(session)
    versions = await transcripts.counts(session, present=True)
    odd = await review.unexplained(session, [sheet for found in sheets.values() for sheet in found])
    gaps = await roster.gaps(session, [one.id for one in classes])
    missing = await transcripts.missing_signers(session, classes)
    return CheckList(
        academic_year=classes[0].academic_year if classes else "",
        scope=scope,
        name=rules.name_of(scope, classes),
        grades=tuple(sorted({one.grade_level for one in everywhere})),
        classes=tuple(
            rules.check(
                one,
                sheets[one.id],
                progress.get(one.id, ClassProgress()),
                sum(versions.get(one.id, {}).values()),
                odd[one.id],
                gaps.get(one.id, []),
                missing[one.id],
            )
            for one in classes
        ),
        doubts=tuple(one.words for one in missing[None]),
    )


async def start(session: TenantSession, actor: Actor, scope: Scope) -> RunId:
    """Have the machine freeze every class of a scope that is ready; what follows goes by itself.

    What is frozen already stays as it is, so it may be started again whenever more is ready.
    Raises Forbidden, Conflict where no class is ready.
    """
    if not actor.may(Permission.TRANSCRIPT_FREEZE) or actor.staff_id is None:
        raise Forbidden("Chỉ hiệu trưởng chốt học bạ được; hãy báo hiệu trưởng.")
    check = await check_list(session, scope)
    chosen = rules.chosen(check.classes)
    run_id, asked_at = RunId(new_id()), clock.now()
    ids = [new_id() for _ in chosen]
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": class_freeze_id,
            "run_id": run_id,
            "class_id": one.class_id,
            "asked_by": actor.staff_id,
            "asked_at": asked_at,
            "state": State.WAITING,
            "frozen": 0,
            "left_out": [],
        }
        for class_freeze_id, one in zip(ids, chosen, strict=True)
    ]
    await queries.insert_run(session, rows)
    about = [one.class_id for one in chosen]
    await audit.record(
        session, actor, Action.TRANSCRIPTS_FROZEN_TOGETHER, run_id, check.name, about=about, count=len(chosen)
    )
    await outbox.emit_all(session, [ClassFreezeAsked(class_freeze_id) for class_freeze_id in ids])
    return run_id


async def freeze(session: TenantSession, class_freeze_id: uuid.UUID) -> None:
    """Freeze one class of a run, as whoever started it may today. Safe to repeat.

    Raises what `transcripts.freeze_class` raises, Forbidden when that person may freeze no longer.
    """
    row = await _held(session, class_freeze_id)
    if row.state != State.WAITING:
        return
    actor = await people.actor_of(session, StaffId(row.asked_by))
    if not actor.may(Permission.TRANSCRIPT_FREEZE):
        raise Forbidden(f"{actor.name} không còn quyền chốt học bạ nên lớp này chưa được chốt.")
    report = await transcripts.freeze_class(session, actor, row.class_id)
    left_out = [LeftOut(name=name, why=why) for name, why in report.left_out]
    values = {"state": State.DONE, "frozen": report.frozen, "left_out": msgspec.to_builtins(left_out)}
    await queries.end(session, class_freeze_id, values | {"ended_at": clock.now()})


async def refuse(session: TenantSession, class_freeze_id: uuid.UUID, problem: str) -> None:
    """A class of a run could not be frozen; the others go on."""
    row = await _held(session, class_freeze_id)
    if row.state == State.WAITING:
        values = {"state": State.REFUSED, "problem": problem, "ended_at": clock.now()}
        await queries.end(session, class_freeze_id, values)


async def get_run(session: TenantSession, run_id: uuid.UUID) -> Run:
    """A run with what came of each class, and how far these are since. Raises NotFound."""
    rows = await queries.classes_of_run(session, run_id)
    if not rows:
        raise NotFound("Không tìm thấy lần chốt này.")
    counts = await transcripts.counts(session)
    names = await people.names(session)
    classes = {one.id: one for one in await roster.list_classes(session)}
    found = []
    for row in rows:
        states = Counter(counts.get(row.class_id, {}))
        found.append(
            ClassRun(
                class_id=row.class_id,
                class_name=classes[ClassId(row.class_id)].name,
                state=State(row.state),
                frozen=row.frozen,
                left_out=tuple(msgspec.convert(row.left_out, list[LeftOut])),
                problem=row.problem,
                standing=states.total(),
                rendered=states.total() - states[VersionState.FROZEN],
                signing=states[VersionState.SIGNING] + states[VersionState.SIGNED],
                issued=sum(states[one] for one in IN_FORCE),
                accepted=sum(states[one] for one in _ACCEPTED),
                rejected=states[VersionState.REJECTED],
            )
        )
    found.sort(key=lambda one: roster.class_order(one.class_name))
    return Run(
        id=RunId(run_id),
        asked_by=names.get(StaffId(rows[0].asked_by), ""),
        asked_at=rows[0].asked_at,
        classes=tuple(found),
        stopped=await parked_jobs.count(session),
    )


async def newest_runs(session: TenantSession) -> list[RunSummary]:
    """The newest runs, the newest first."""
    names = await people.names(session)
    return [
        RunSummary(
            id=RunId(row.run_id),
            asked_by=names.get(StaffId(row.asked_by), ""),
            asked_at=row.asked_at,
            classes=row.classes,
            waiting=row.waiting,
            frozen=row.frozen,
        )
        for row in await queries.newest_runs(session, RUNS_SHOWN)
    ]


async def _held(session: TenantSession, class_freeze_id: uuid.UUID) -> ClassFreeze:
    row = await queries.hold(session, class_freeze_id)
    if row is None:
        raise NotFound("Không tìm thấy lần chốt này.")
    return row
