"""Transcripts of a class, one transcript with its signatures and history, and the official acts of the management."""

import re
import uuid
from collections.abc import Sequence

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from backend.core import admission, audit, clock, storage
from backend.core.actor import Actor
from backend.core.admission import RouteClass
from backend.core.audit import Action, AuditEvent
from backend.core.errors import Forbidden, NotFound
from backend.core.text import masked
from backend.core.web import (
    CurrentActor,
    Html,
    Request,
    Session,
    fragment,
    page,
    redirect,
    transaction,
    without_transaction,
)
from backend.records.assessment import service as assessment
from backend.records.assessment.schemas import SUBJECT_LEVEL_NAMES, TRAIT_LEVEL_NAMES
from backend.records.calendar import service as calendar
from backend.records.roster import service as roster
from backend.records.transcripts import book, life, package, printed, rules, service
from backend.records.transcripts.schemas import (
    ENDED,
    IN_FORCE,
    PDF_TYPE,
    XML_TYPE,
    Deed,
    VersionState,
)
from backend.remote_signing.requests import service as signing
from backend.remote_signing.requests.schemas import ROLE_NAMES, StepView
from backend.tenants.audit_trail import service as audit_trail
from backend.tenants.guards import public, requires
from backend.tenants.permissions import Permission

#: Subjects T/H/C, traits T/Đ/C (TT27 Đ.7) in the words of the circular.
LEVEL_WORDS = {"subject": SUBJECT_LEVEL_NAMES, "trait": TRAIT_LEVEL_NAMES}
#: What happened, for people; with the icon beside it.
DEEDS = {
    Action.TRANSCRIPT_FROZEN: ("Chốt số liệu", "archive"),
    Action.TRANSCRIPT_RENDERED: ("Kết xuất PDF và XML", "file-type-pdf"),
    Action.SIGNING_REQUESTED: ("Đưa đi ký", "send"),
    Action.SIGNING_STEP_DECLINED: ("Bị từ chối ký", "alert-circle"),
    Action.SIGNING_STEP_OFFERED_AGAIN: ("Đưa vào lại khay ký", "send"),
    Action.TRANSCRIPT_ISSUED: ("Phát hành", "certificate"),
    Action.TRANSCRIPT_CANCELLED: ("Rút lại trước khi phát hành", "arrow-back-up"),
    Action.TRANSCRIPT_SUBMITTED: ("Sở đã tiếp nhận", "send"),
    Action.TRANSCRIPT_ACCEPTED: ("Sở chấp nhận", "check"),
    Action.TRANSCRIPT_REJECTED: ("Sở từ chối", "alert-circle"),
    Action.TRANSCRIPT_RECALL_ASKED: ("Đề nghị Sở thu hồi", "arrow-back-up"),
    Action.TRANSCRIPT_RECALLED: ("Đã thu hồi", "arrow-back-up"),
    Action.TRANSCRIPT_RECALL_RETURNED: (
        "Sở trả lại đề nghị thu hồi; xem lý do ở lần gửi rồi đề nghị lại",
        "alert-circle",
    ),
    Action.TRANSCRIPT_RECALL_REFUSED: ("Sở không cho thu hồi vì đã chốt", "lock"),
    Action.TRANSCRIPT_LOCKED: ("Chốt, có hiệu lực", "lock"),
    Action.TRANSCRIPT_REPLACED: ("Được thay bằng phiên bản sau", "certificate"),
    Action.TRANSCRIPT_HANDED_OVER: ("Chuyển giao quyền quản lý cho trường khác", "send"),
    Action.TRANSCRIPT_GIVEN_BACK: ("Sở từ chối sau khi chuyển giao; trường phát hành sửa", "alert-circle"),
}
_NOT_ISSUED = (
    "Học bạ này chưa có đủ chữ ký số nên chưa tải được tệp PDF; xin chờ đến khi nhà trường phát hành."
)
_TYPES = {"pdf": PDF_TYPE, "xml": XML_TYPE}


@get("/lop/{class_id:uuid}/hoc-ba", guards=[requires(Permission.TRANSCRIPT_READ)])
async def show_transcripts(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """Transcripts of a class and how far each has come."""
    school_class, versions = await service.open_class(session, actor, class_id)
    progress = (await assessment.progress(session)).get(school_class.id)
    confirmed, later = (progress.confirmed, progress.later) if progress else (0, 0)
    freezable = max(0, confirmed - later - sum(one.state not in ENDED for one in versions))
    may_freeze = actor.may(Permission.TRANSCRIPT_FREEZE)
    unsigned = freezable or any(one.issued_at is None and one.state not in ENDED for one in versions)
    lacking = await service.missing_signers(session, [school_class]) if may_freeze and unsigned else {}
    return page(
        request,
        "records/transcripts/transcripts.html",
        school_class=school_class,
        versions=versions,
        may_freeze=may_freeze,
        missing=[*lacking[school_class.id], *lacking[None]] if lacking else [],
        may_withdraw=any(rules.may(actor, one, Deed.WITHDRAW) for one in versions),
        freezable=freezable,
        issued=sum(one.state in IN_FORCE for one in versions),
        unconfirmed=max(0, school_class.students - confirmed),
        later=later,
        summer_ends=calendar.summer_ends(school_class.academic_year),
        names=rules.STATE_NAMES,
        tones=rules.TONES,
    )


@get("/hoc-ba/qua-han", guards=[requires(Permission.TRANSCRIPT_READ_ANY)])
async def show_overdue(
    request: Request, session: Session, actor: CurrentActor, trang: FromQuery[int] = 1
) -> Html:
    """What the last day of the plan has found unfinished: it is listed and stays as it is, nothing locks it silently."""
    return page(
        request,
        "records/transcripts/overdue.html",
        overdue=await service.open_overdue(session, actor, trang),
        names=rules.STATE_NAMES,
        tones=rules.TONES,
    )


@post("/lop/{class_id:uuid}/chot", guards=[requires(Permission.TRANSCRIPT_FREEZE)])
async def freeze_class(
    request: Request, session: Session, actor: CurrentActor, class_id: FromPath[uuid.UUID]
) -> Html:
    """Freeze every confirmed year of the class."""
    report = await service.freeze_class(session, actor, class_id)
    message = f"Đã chốt {report.frozen} học bạ."
    if report.left_out:
        name, reason = report.left_out[0]
        message += f" Còn {len(report.left_out)} học sinh chưa chốt được; ví dụ {name}: {reason}"
    return redirect(request, f"/lop/{class_id}/hoc-ba", message, "warn" if report.left_out else "ok")


@get("/hoc-ba/{version_id:uuid}", guards=[requires(Permission.TRANSCRIPT_READ)])
async def show_transcript(
    request: Request, session: Session, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Html:
    """One transcript: its PDF, signatures and history."""
    version = await service.open_version(session, actor, version_id)
    steps = await signing.steps_of(session, version_id)
    snapshot = await service.get_snapshot(session, version_id)
    school_class = await roster.get_class(session, version.class_id)
    is_open = version.state == VersionState.ACCEPTED
    closing = await service.closing_of(session, version) if is_open else None
    return page(
        request,
        "records/transcripts/transcript.html",
        version=version,
        school_class=school_class,
        view=printed.printed(snapshot),
        personal_id=masked(snapshot.student.personal_id or ""),
        may_show_number=service.may_show_personal_id(actor, school_class),
        born=snapshot.student.date_of_birth,
        level_words=LEVEL_WORDS,
        steps=steps,
        role_names=ROLE_NAMES,
        history=_history(await audit.history(session, [version_id]), steps),
        verify_url=service.verify_url(version.lookup_code),
        may_download=version.issued_at is not None or _signs(actor, steps),
        ended=version.state in ENDED,
        may_withdraw=rules.may(actor, version, Deed.WITHDRAW),
        may_recall=not await life.why_no_recall(session, actor, version),
        closing=closing,
        closing_over=closing is not None and closing.last_day < clock.today(),
        effect_ahead=version.effective_on is not None and version.effective_on > clock.today(),
        handed_over=await service.handed_over_at(session, version),
        corrections=await service.corrections_of(session, version_id),
        others=await service.other_versions(session, version),
        names=rules.STATE_NAMES,
        tones=rules.TONES,
    )


@get("/hoc-ba/{version_id:uuid}/ca-quyen", guards=[requires(Permission.TRANSCRIPT_READ)])
async def show_book(
    request: Request, session: Session, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Html:
    """All years of a pupil's học bạ, one below the other: what the print of it says, to be read on a screen."""
    version, content = await service.open_book(session, actor, version_id)
    return page(
        request,
        "records/transcripts/book.html",
        version=version,
        school_class=await roster.get_class(session, version.class_id),
        book=book.printed_book(content),
        born=content.newest.student.date_of_birth,
        personal_id=masked(content.newest.student.personal_id or ""),
        level_words=LEVEL_WORDS,
        role_names=ROLE_NAMES,
    )


@get("/hoc-ba/{version_id:uuid}/so-sanh/{other_id:uuid}", guards=[requires(Permission.TRANSCRIPT_READ)])
async def compare_versions(
    request: Request,
    session: Session,
    actor: CurrentActor,
    version_id: FromPath[uuid.UUID],
    other_id: FromPath[uuid.UUID],
) -> Html:
    """Two versions of one transcript side by side, the differences marked."""
    older, newer, pairs = await service.compare(session, actor, version_id, other_id)
    return page(
        request,
        "records/transcripts/compare.html",
        older=older,
        newer=newer,
        pairs=pairs,
        school_class=await roster.get_class(session, newer.class_id),
        names=rules.STATE_NAMES,
        tones=rules.TONES,
    )


@post(
    "/hoc-ba/{version_id:uuid}/so-dinh-danh", guards=[requires(Permission.TRANSCRIPT_READ)], status_code=200
)
async def show_personal_id(
    request: Request, session: Session, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Html:
    """The personal number in full, in the place of its last digits."""
    number = await service.show_personal_id(session, actor, version_id)
    return fragment(
        request, "records/transcripts/_personal_id.html", number=number, version_id=version_id, may_ask=False
    )


@get(
    "/hoc-ba/{version_id:uuid}/tep/{kind:str}",
    guards=[requires(Permission.TRANSCRIPT_READ), without_transaction],
    opt={admission.OPTION: RouteClass.EXPORT},
)
async def download(
    request: Request, actor: CurrentActor, version_id: FromPath[uuid.UUID], kind: FromPath[str]
) -> Response[bytes]:
    """The newest PDF or the XML of a version, checked against its digest.

    Before all have signed, the PDF is for those who sign it, and its name says what it is.
    """
    if kind not in _TYPES:
        raise NotFound("Không có loại tệp này; chỉ có pdf và xml.")
    async with transaction(request) as session:
        version = await service.open_version(session, actor, version_id, kind)
        sha256 = await service.digest_of_file(session, version_id, kind)
        is_unsigned = kind == "pdf" and version.issued_at is None
        if is_unsigned and not _signs(actor, await signing.steps_of(session, version_id)):
            raise Forbidden(_NOT_ISSUED)
    data = await storage.get(actor.tenant_id, sha256)
    code = re.sub(r"[^0-9A-Za-z.-]", "_", version.student_code)
    name = f"hoc-ba-{code}-{version.academic_year}{'-CHUA-KY' if is_unsigned else ''}.{kind}"
    return Response(
        data, media_type=_TYPES[kind], headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@get("/hoc-ba/{version_id:uuid}/nhat-ky", guards=[requires(Permission.AUDIT_READ)])
async def show_version_trail(
    request: Request, session: Session, actor: CurrentActor, version_id: FromPath[uuid.UUID]
) -> Html:
    """The audit of one document."""
    version = await service.get_version(session, version_id)
    name = f"Học bạ năm học {version.academic_year} của {version.full_name}"
    path = f"/hoc-ba/{version_id}/nhat-ky"
    return await _trail(request, session, actor, path, name, [version_id])


@get("/hoc-sinh/{student_id:uuid}/nhat-ky", guards=[requires(Permission.AUDIT_READ)])
async def show_student_trail(
    request: Request, session: Session, actor: CurrentActor, student_id: FromPath[uuid.UUID]
) -> Html:
    """The audit of one pupil: reads and changes of what belongs to them, and their documents."""
    student = await roster.get_student(session, student_id)
    about = [student_id, *await service.documents_of(session, student_id)]
    path = f"/hoc-sinh/{student_id}/nhat-ky"
    return await _trail(request, session, actor, path, f"Học sinh {student.full_name}", about)


@get("/luoc-do/{name:str}", guards=[public()], opt={admission.OPTION: RouteClass.FREE})
async def show_schema(name: FromPath[str]) -> Response[bytes]:
    """The published schemas of the data package, for whoever reads one."""
    schema = package.schema(name)
    if schema is None:
        raise NotFound(
            "Không có lược đồ này; các lược đồ đã công bố: hocba.snapshot.1.json, hocba.snapshot.1.xsd."
        )
    media_type = "application/schema+json" if name == package.JSON_SCHEMA else XML_TYPE
    return Response(schema, media_type=media_type)


async def _trail(
    request: Request, session: Session, actor: CurrentActor, path: str, name: str, about: Sequence[uuid.UUID]
) -> Html:
    trail = await audit_trail.trail(session, actor, request.query_params, path, about, name)
    return page(request, "tenants/audit_trail/trail.html", trail=trail, sealed=None, store=None)


def _signs(actor: Actor, steps: Sequence[StepView]) -> bool:
    """Whether somebody must see a document before it is signed: who signs whole ones, and who signs a part of this."""
    whole = actor.may(Permission.RESULTS_CONFIRM) or actor.may(Permission.TRANSCRIPT_READ_ANY)
    own = any(one.signer_id == actor.staff_id for one in steps if one.signer_id)
    return actor.may(Permission.SEAL) or (actor.may(Permission.SIGN) and (whole or own))


def _history(events: Sequence[AuditEvent], steps: Sequence[StepView]) -> list[dict[str, object]]:
    """Deeds and signatures in one line of time, newest first."""
    items: list[dict[str, object]] = [
        {"title": DEEDS[Action(one.action)][0], "icon": DEEDS[Action(one.action)][1], "at": one.at}
        | {
            "who": one.actor_name,
            "text": one.details.get("reason"),
            "tone": "official" if one.action == Action.TRANSCRIPT_ISSUED else "neutral",
        }
        for one in events
        if one.action in DEEDS
    ]
    items += [
        {"title": "Đóng dấu" if one.role == "school_seal" else "Ký số", "icon": "signature"}
        | {
            "at": one.signed_at,
            "who": " · ".join(filter(None, (one.signer_name, ROLE_NAMES[one.role], one.part))),
            "tone": "ok",
        }
        for one in steps
        if one.signed_at
    ]
    return sorted(items, key=lambda item: str(item["at"]), reverse=True)
