"""Reports: figures of all floors, put into tables; each look at pupils by name is recorded."""

from backend.core import audit_chain, audit_reads, clock, store_promise
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, Unavailable
from backend.core.text import read_day
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import Trial
from backend.integrations.deliveries import service as deliveries
from backend.integrations.reports import rules
from backend.integrations.reports.schemas import Figures, Kind, Scope, Table
from backend.records.statistics import service as statistics
from backend.records.statistics.schemas import Area, Check, Group, Pupil, Reported
from backend.tenants.delegations import service as delegations
from backend.tenants.delegations.schemas import HeadSigner
from backend.tenants.schools import service as schools


async def scope_of(session: TenantSession, year: str, day: str) -> Scope:
    """What was asked for, as it was typed; "" is the year that the school works in, and today.

    Raises Invalid for a year that is not there, and for a day that is none or has not begun.
    """
    found, years = await statistics.year_named(session, year.strip())
    today = clock.today()
    chosen = read_day(day, "Tính đến ngày") if day.strip() else today
    if chosen > today:
        raise Invalid(
            f"Ngày {chosen:%d/%m/%Y} chưa đến nên chưa có số liệu; xin chọn từ hôm nay trở về trước."
        )
    return Scope(year=found, day=chosen, years=tuple(years))


async def tables(
    session: TenantSession, actor: Actor, kind: Kind, scope: Scope, before: Reported | None = None
) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """One report in tables, and what is odd about what was reported `before`."""
    match kind:
        case Kind.RATIOS:
            found = await statistics.ratios(session, scope.year, scope.day)
            return rules.ratio_tables(found, scope, linked=rules.sees_pupils(actor)), ()
        case Kind.SIGNED:
            return rules.signed_tables(await statistics.signed(session, scope.year)), ()
        case Kind.COVERAGE:
            coverage = await statistics.coverage(session)
            odd = statistics.differences(coverage.total, before) if before else ()
            school = await schools.get_school(session)
            return rules.coverage_tables(school, coverage, with_people=rules.sees_people(actor)), odd
        case Kind.READINESS:
            return rules.readiness_tables(rules.opened_by(actor, await _readiness(session, scope))), ()
        case Kind.DEADLINES:
            accepted = await deliveries.accepted_at(session)
            return rules.deadline_tables(await statistics.deadlines(session, scope.year, accepted)), ()


async def as_workbook(session: TenantSession, actor: Actor, scope: Scope) -> tuple[str, bytes]:
    """All reports in one .xlsx: its name, its bytes. That it was taken is recorded."""
    # Loaded for whoever takes one away: openpyxl is large.
    from backend.integrations.reports import workbook

    found = await _figures(session, scope)
    title = f"{found.school.name} – Báo cáo thực hiện Học bạ số"
    subtitle = f"Năm học {_year(scope)}, tính đến hết ngày {scope.day:%d/%m/%Y}"
    sheets = rules.all_tables(found, with_people=rules.sees_people(actor))
    return _taken(session, actor, found, "xlsx", workbook.build(title, subtitle, sheets))


async def as_letter(session: TenantSession, actor: Actor, scope: Scope) -> tuple[str, bytes]:
    """The report in the outline of the letter as a .docx: its name, its bytes. That it was taken is recorded."""
    # Loaded for whoever takes one away: python-docx is large.
    from backend.integrations.reports import letter

    found = await _figures(session, scope)
    return _taken(session, actor, found, "docx", letter.build(found))


def _taken(session: TenantSession, actor: Actor, found: Figures, kind: str, data: bytes) -> tuple[str, bytes]:
    label, day = f"Báo cáo học bạ số, năm học {_year(found.scope)}", found.scope.day
    audit_reads.record_taken(session, actor, Action.REPORT_TAKEN, None, label, day=day.isoformat(), kind=kind)
    return rules.file_name(kind, found.school.code, day), data


def _year(scope: Scope) -> str:
    return scope.year.name if scope.year else "—"


async def _figures(session: TenantSession, scope: Scope) -> Figures:
    """All reports at once, for a file that is taken away."""
    return Figures(
        school=await schools.get_school(session),
        head=await _head(session),
        scope=scope,
        ratios=await statistics.ratios(session, scope.year, scope.day),
        signed=await statistics.signed(session, scope.year),
        coverage=await statistics.coverage(session),
        readiness=await _readiness(session, scope),
        deadlines=await statistics.deadlines(session, scope.year, await deliveries.accepted_at(session)),
    )


async def pupils(
    session: TenantSession, actor: Actor, scope: Scope, group: Group, grade: int | None
) -> list[Pupil]:
    """The pupils behind a figure, for a person who looks at them: that is recorded."""
    if scope.year is None:
        return []
    return await statistics.pupils(session, actor, scope.year, scope.day, group, grade)


def reported(total: str, having: str, lacking: str) -> Reported | None:
    """What was typed of an earlier report; None where nothing was. Raises Invalid that names the field."""
    return statistics.reported(total, having, lacking)


async def _head(session: TenantSession) -> HeadSigner | None:
    """Who signs for the school today; None where it has nobody."""
    try:
        return await delegations.head_signer(session)
    except Conflict:
        return None


async def _readiness(session: TenantSession, scope: Scope) -> tuple[Check, ...]:
    return (*await _infrastructure(session), *await statistics.readiness(session, scope.year))


async def _infrastructure(session: TenantSession) -> tuple[Check, ...]:
    """What the school's documents stand on: the store, the sealed audit, the Authority and its last answer."""
    sealed = await audit_chain.newest(session)
    bound, told = True, ""
    try:
        await authorities.bound_authority(session)
    except (Conflict, Unavailable) as error:
        bound, told = False, error.message
    tried = await authorities.open_binding(session)
    works = bool(tried and tried.trial is Trial.ANSWERED)
    answered = await deliveries.last_answer(session)
    return (
        _check("Kho lưu trữ giữ được tệp đã ký", await store_promise.halted(session)),
        _check("Nhật ký được niêm phong đều", audit_chain.halted(sealed) if sealed.is_late else ""),
        _check("Đã kết nối với cơ quan tiếp nhận", "" if bound else told, "/ket-noi-so"),
        _check(
            "Cơ quan tiếp nhận đã trả lời lần thử hoặc lần gửi gần nhất",
            "" if works or answered else "Bấm “Thử kết nối” ở trang Kết nối cơ quan tiếp nhận.",
            "/ket-noi-so",
        ),
    )


def _check(name: str, wrong: str, url: str = "") -> Check:
    return Check(area=Area.INFRASTRUCTURE, name=name, wrong=int(bool(wrong)), total=1, todo=wrong, url=url)
