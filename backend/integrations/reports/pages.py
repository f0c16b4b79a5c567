"""Reports on screen, as a workbook, and as a letter."""

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from backend.core.errors import Invalid, NotFound
from backend.core.web import CurrentActor, Html, Request, Session, page
from backend.integrations.reports import rules, service
from backend.integrations.reports.schemas import KIND_NAMES, Kind
from backend.records.statistics.schemas import GROUP_NAMES, Group
from backend.tenants.guards import requires
from backend.tenants.permissions import Permission

_PAGE = "/bao-cao"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_READERS = requires(Permission.REPORTS_READ)


@get([_PAGE, f"{_PAGE}/{{kind:str}}"], guards=[_READERS])
async def show_report(
    request: Request,
    session: Session,
    actor: CurrentActor,
    kind: FromPath[str] = Kind.RATIOS,
    nam: FromQuery[str] = "",
    ngay: FromQuery[str] = "",
    tong: FromQuery[str] = "",
    co: FromQuery[str] = "",
    chua: FromQuery[str] = "",
) -> Html:
    """One report, of a year at the end of a day; of certificates beside what was reported before."""
    which, error = _kind(kind), None
    try:
        scope = await service.scope_of(session, nam, ngay)
        before = service.reported(tong, co, chua)
    except Invalid as found:
        scope, before, error = await service.scope_of(session, "", ""), None, found
    tables, differences = await service.tables(session, actor, which, scope, before)
    return page(
        request,
        "integrations/reports/report.html",
        status_code=error.status if error else 200,
        error=error.message if error else None,
        kind=which,
        kinds=KIND_NAMES,
        scope=scope,
        tables=tables,
        typed={"nam": scope.year.name if scope.year else "", "tong": tong, "co": co, "chua": chua},
        compared=before is not None,
        differences=differences,
    )


@get(f"{_PAGE}/hoc-sinh", guards=[requires(Permission.TRANSCRIPT_READ_ANY)])
async def show_pupils(
    request: Request,
    session: Session,
    actor: CurrentActor,
    nhom: FromQuery[str] = Group.ALL,
    khoi: FromQuery[str] = "",
    nam: FromQuery[str] = "",
    ngay: FromQuery[str] = "",
) -> Html:
    """The pupils behind a number."""
    if nhom not in list(Group):
        raise NotFound("Không có nhóm học sinh này trong báo cáo.")
    grade = int(khoi) if khoi.isascii() and khoi.isdecimal() and len(khoi) < 3 else None
    scope, group = await service.scope_of(session, nam, ngay), Group(nhom)
    return page(
        request,
        "integrations/reports/pupils.html",
        scope=scope,
        name=GROUP_NAMES[group],
        where=rules.grade_name(grade) if grade else "Toàn trường",
        pupils=await service.pupils(session, actor, scope, group, grade),
    )


@get(f"{_PAGE}/tep/bang.xlsx", guards=[_READERS])
async def download_workbook(
    session: Session, actor: CurrentActor, nam: FromQuery[str] = "", ngay: FromQuery[str] = ""
) -> Response[bytes]:
    """All reports in one workbook."""
    scope = await service.scope_of(session, nam, ngay)
    return _file(_XLSX, *await service.as_workbook(session, actor, scope))


@get(f"{_PAGE}/tep/bao-cao.docx", guards=[_READERS])
async def download_letter(
    session: Session, actor: CurrentActor, nam: FromQuery[str] = "", ngay: FromQuery[str] = ""
) -> Response[bytes]:
    """The report in the outline of the letter, figures filled in."""
    scope = await service.scope_of(session, nam, ngay)
    return _file(_DOCX, *await service.as_letter(session, actor, scope))


def _file(media_type: str, name: str, data: bytes) -> Response[bytes]:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, media_type=media_type, headers=headers)


def _kind(typed: str) -> Kind:
    if typed not in list(Kind):
        raise NotFound("Không có báo cáo này; hãy chọn một báo cáo ở trang Báo cáo.")
    return Kind(typed)
