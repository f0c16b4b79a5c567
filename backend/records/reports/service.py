"""The season board: how far the school has come, and what waits for whoever looks."""

from collections.abc import Iterable, Sequence

from backend.core import audit, audit_chain, audit_reads, clock, parked_jobs, store_promise
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.records.calendar import service as calendar
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import CLOSED, SheetState, SheetSummary
from backend.records.reports.schemas import Board, NextStep, Stage, StoppedWork
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassSummary
from backend.records.season import service as season
from backend.records.season.schemas import Facts
from backend.records.transcripts.schemas import IN_FORCE, VersionState
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.requests import service as signing
from backend.remote_signing.requests.schemas import HELD_ADDRESS, ROLE_NAMES, TrayGroup
from backend.tenants.approvals import service as approvals
from backend.tenants.permissions import Permission

_HELD = (
    "Chưa biết chắc phần này đã được ký hay chưa nên hệ thống giữ lại và không ký lần nữa; xin mở trang “Lần ký bị "
    "giữ lại” để hỏi lại dịch vụ ký số."
)
#: Classes that a step names before it counts the rest.
NAMES_SHOWN = 5


async def stopped_work(session: TenantSession, actor: Actor) -> list[StoppedWork]:
    """What the machine has given up in this school, oldest first, for a person who looks at it."""
    found = await parked_jobs.parked(session)
    held = await signing.held_calls(session)
    about = [subject_id for job in found for subject_id in job.subject_ids]
    about += [subject_id for call in held for subject_id in call.subject_ids]
    names = await audit.labels(session, about)
    if found or held:
        audit_reads.record_read(session, actor, Action.STOPPED_WORK_READ, None, "Việc đang dừng", about)
    waits = [
        StoppedWork(
            title=f"Ký số: {ROLE_NAMES.get(call.role, call.role)}, lô {call.short_code}",
            subjects=call.labels,
            count=len(call.subject_ids),
            reason=f"{call.problem} {_HELD}".strip(),
            since=call.since,
            resumable=False,
            address=HELD_ADDRESS,
        )
        for call in held
    ]
    given_up = [
        StoppedWork(
            title=job.title,
            subjects=tuple(names[subject_id] for subject_id in job.subject_ids if subject_id in names),
            count=len(job.subject_ids),
            reason=job.told,
            since=job.since,
            resumable=True,
        )
        for job in found
    ]
    return sorted(given_up + waits, key=lambda one: one.since)


async def resume_work(session: TenantSession, actor: Actor) -> int:
    """Set everything that stopped going again; counts the jobs. What has been done meanwhile is not done twice."""
    resumed = await parked_jobs.resume(session)
    if resumed:
        await audit.record(session, actor, Action.WORK_RESUMED, None, "", count=resumed)
    return resumed


async def board(session: TenantSession, actor: Actor) -> Board:
    """The board of the year that the school works in, as this person sees it."""
    classes = await roster.list_classes_of_newest_year(session)
    year = await calendar.get_year(session, classes[0].academic_year_id) if classes else None
    facts = await season.facts(session, classes, year)
    pupils = sum(one.students for one in classes)
    later = sum(one.later for one in facts.progress.values())
    locked = sum(sheet.state in CLOSED for sheet in facts.sheets)
    sealed = await audit_chain.newest(session)
    stages = (
        Stage(key="locked", label="Khóa sổ điểm", done=locked, total=len(facts.sheets)),
        Stage(
            key="assessed",
            label="Tính kết quả",
            done=sum(one.assessed for one in facts.progress.values()),
            total=pupils,
        ),
        Stage(
            key="confirmed",
            label="Xác nhận",
            done=sum(one.confirmed for one in facts.progress.values()),
            total=pupils,
        ),
        Stage(
            key="frozen",
            label="Chốt học bạ",
            done=_number(facts, frozenset(VersionState)),
            total=pupils - later,
        ),
        Stage(key="rendered", label="Kết xuất", done=_number(facts, _RENDERED), total=pupils - later),
        Stage(key="signing", label="Đưa đi ký", done=_number(facts, _ASKED), total=pupils - later),
        Stage(key="issued", label="Ký và phát hành", done=_number(facts, IN_FORCE), total=pupils - later),
    )
    return Board(
        academic_year=year.name if year else None,
        term=year.term_on(clock.today()) if year else None,
        stages=stages,
        next_step=await _next_step(session, actor, facts),
        waiting_for=_waiting_for(stages, later),
        stopped=await parked_jobs.count(session) + await signing.count_held(session),
        declined=await signing.count_declined(session, actor),
        certificates=await credentials.warnings_for(session, actor),
        approvals=await approvals.count_for(session, actor),
        halted=audit_chain.halted(sealed) if sealed.is_late else await store_promise.halted(session),
        notices=season.notices(facts, actor),
        waits=season.own(facts, actor),
        nudges=await season.nudges_for(session, facts, actor),
    )


_ASKED = IN_FORCE | {VersionState.SIGNING, VersionState.SIGNED}
_RENDERED = _ASKED | {VersionState.RENDERED}

#: What the school waits for while a stage is the first that is not complete.
_WAITING = {
    "locked": "Trường còn {left} sổ điểm chưa khóa.",
    "assessed": "Hệ thống đang tính kết quả của {left} học sinh.",
    "confirmed": "Trường đang chờ giáo viên chủ nhiệm xác nhận kết quả của {left} học sinh.",
    "frozen": "Trường đang chờ hiệu trưởng chốt học bạ của {left} học sinh.",
    "rendered": "Hệ thống đang kết xuất {left} học bạ.",
    "signing": "Hệ thống đang đưa {left} học bạ đi ký.",
    "issued": "Còn {left} học bạ đang chờ chữ ký hoặc con dấu.",
}


def _waiting_for(stages: tuple[Stage, ...], later: int) -> str:
    if not any(stage.total for stage in stages):
        return "Trường đang chờ giáo viên phụ trách CNTT nhập danh sách học sinh."
    unfinished = next((stage for stage in stages if stage.done < stage.total), None)
    if unfinished is None and later:
        return f"Học bạ của {later} học sinh chờ kết quả sau hè; mọi học bạ khác của năm học này đã được phát hành."
    if unfinished is None:
        return "Mọi học bạ của năm học này đã được phát hành."
    return _WAITING[unfinished.key].format(left=unfinished.total - unfinished.done)


def _number(facts: Facts, states: frozenset[VersionState]) -> int:
    """How many versions of the year are in one of these states."""
    return sum(
        count for found in facts.versions.values() for state, count in found.items() if state in states
    )


async def _next_step(session: TenantSession, actor: Actor, facts: Facts) -> NextStep | None:
    waiting = await signing.tray(session, actor) if _signs(actor) else []
    if waiting:
        return _signing_step(waiting)
    batch = await signing.batch_under_way(session, actor) if _signs(actor) else None
    if batch:
        return NextStep(
            title=f"Lô {batch.count} học bạ của bạn đang được ký: xong {batch.signed}",
            text=batch.problem or "Nếu điện thoại của bạn hỏi xác nhận, hãy xác nhận trên điện thoại.",
            action="Xem tiến độ",
            url=f"/ky/lo/{batch.id}",
        )
    own = _own_sheets(actor, facts.sheets)
    return (
        _reopened_step(own)
        or _checking_step(actor, facts)
        or _open_sheets_step(own)
        or await _class_step(session, actor, facts)
    )


def _checking_step(actor: Actor, facts: Facts) -> NextStep | None:
    """Whoever heads a department lets its teachers wait no longer than needed."""
    if not actor.may(Permission.SHEET_CHECK):
        return None
    waiting = [
        sheet
        for sheet in facts.sheets
        if sheet.state is SheetState.SUBMITTED
        and sheet.teacher_id
        and facts.checkers.get(sheet.teacher_id) == actor.staff_id
    ]
    if not waiting:
        return None
    return NextStep(
        title=f"{len(waiting)} sổ điểm chờ bạn kiểm tra",
        text="Giáo viên trong tổ đã nộp; bạn xác nhận đã kiểm tra hoặc trả lại kèm lời nhận xét.",
        action="Mở trang duyệt sổ",
        url="/duyet-so",
    )


def _own_sheets(actor: Actor, sheets: Iterable[SheetSummary]) -> list[SheetSummary]:
    return [
        sheet for sheet in sheets if actor.may(Permission.SHEET_WRITE) and sheet.teacher_id == actor.staff_id
    ]


def _reopened_step(own: list[SheetSummary]) -> NextStep | None:
    """What was opened again closes by the clock, so it comes before what others wait for."""
    now = clock.now()
    reopened = [
        sheet
        for sheet in own
        if sheet.state is SheetState.REOPENED and sheet.open_until and now < sheet.open_until
    ]
    if not reopened:
        return None
    return _sheet_step(
        f"{len(reopened)} sổ điểm của bạn đang được mở lại", reopened[0], "Sửa xong thì khóa lại sổ."
    )


def _open_sheets_step(own: list[SheetSummary]) -> NextStep | None:
    """What was sent back comes before what was never submitted."""
    open_ones = [sheet for sheet in own if sheet.state is SheetState.OPEN]
    sent_back = [sheet for sheet in open_ones if sheet.remark]
    if sent_back:
        return _sheet_step(
            f"{len(sent_back)} sổ điểm được trả lại cho bạn", sent_back[0], f"“{sent_back[0].remark}”"
        )
    if open_ones:
        return _sheet_step(f"Bạn còn {len(open_ones)} sổ điểm chưa nộp", open_ones[0])
    return None


def _sheet_step(title: str, first: SheetSummary, more: str = "") -> NextStep:
    text = f"Sổ đầu tiên: {first.subject_name}, lớp {first.class_name}. {more}"
    return NextStep(title=title, text=text.strip(), action="Mở sổ điểm", url=f"/so-diem/{first.id}")


def _signing_step(waiting: list[TrayGroup]) -> NextStep:
    """A person's own signatures come before the seal."""
    own = sum(group.count for group in waiting if group.role != signing.SEAL_ROLE)
    if own:
        parts = all(group.part for group in waiting if group.role != signing.SEAL_ROLE)
        return NextStep(
            title=f"{own} {'phần học bạ' if parts else 'học bạ'} đang chờ bạn ký",
            text="Bạn xem danh sách rồi xác nhận một lần cho cả lô.",
            action="Mở khay ký",
            url="/ky",
        )
    return NextStep(
        title=f"{sum(group.count for group in waiting)} học bạ đang chờ đóng dấu",
        text="Bạn xem danh sách rồi đóng dấu một lần cho cả lô.",
        action="Mở khay ký và đóng dấu",
        url="/ky",
    )


async def _class_step(session: TenantSession, actor: Actor, facts: Facts) -> NextStep | None:
    for one in facts.classes:
        done = facts.progress[one.id]
        if one.homeroom_teacher_id == actor.staff_id and done.confirmed < done.assessed:
            return NextStep(
                title=f"Kết quả lớp {one.name} chờ bạn xác nhận",
                text=f"{done.assessed - done.confirmed} học sinh đã có kết quả.",
                action="Xem kết quả",
                url=f"/lop/{one.id}/ket-qua",
            )
    if actor.may(Permission.TRANSCRIPT_FREEZE):
        return _freeze_step(facts)
    return await _import_step(session, facts.classes) if actor.may(Permission.IMPORT) else None


async def _import_step(session: TenantSession, classes: Sequence[ClassSummary]) -> NextStep | None:
    if not any(one.students for one in classes):
        return NextStep(
            title="Trường chưa có học sinh",
            text="Nhập danh sách học sinh từ tệp Excel để bắt đầu.",
            action="Nhập dữ liệu",
            url="/nhap",
        )
    ids = {one.id for one in classes}
    empty = [sheet for sheet in await gradebook.empty_sheets(session) if sheet.class_id in ids]
    if not empty:
        return None
    names = list(dict.fromkeys(sheet.class_name for sheet in empty))
    return NextStep(
        title=f"{len(empty)} sổ điểm chưa có điểm",
        text=f"Nhập tệp điểm và nhận xét của các lớp: {_some(names)}.",
        action="Nhập tệp điểm",
        url="/nhap",
    )


def _some(names: list[str]) -> str:
    """The first few, and how many more there are."""
    shown = ", ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown} và {len(names) - NAMES_SHOWN} lớp khác"


def _freeze_step(facts: Facts) -> NextStep | None:
    for one in facts.classes:
        done = facts.progress[one.id]
        if done.ready > done.frozen:
            return NextStep(
                title=f"Học bạ lớp {one.name} chờ chốt",
                text=f"{done.ready} học sinh đã được xác nhận kết quả.",
                action="Xem và chốt",
                url=f"/lop/{one.id}/hoc-ba",
            )
    open_sheets = sum(sheet.state not in CLOSED for sheet in facts.sheets)
    if open_sheets:
        return NextStep(
            title=f"Còn {open_sheets} sổ điểm chưa khóa",
            text="Kết quả được tính khi tất cả sổ của một lớp đã khóa.",
            action="Xem các lớp",
            url="/lop",
        )
    return None


def _signs(actor: Actor) -> bool:
    return actor.may(Permission.SIGN) or actor.may(Permission.SEAL)
