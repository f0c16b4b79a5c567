"""Requests about personal data: written down, acknowledged, answered in time; and all that is kept about a pupil."""

import io
import uuid
import zipfile
from collections.abc import Mapping
from typing import Any

import msgspec

from backend.core import audit, audit_reads, clock, data_register
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action, Outcome
from backend.core.database import TenantSession
from backend.core.errors import Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.core.personal_data import DataKind
from backend.records.privacy import queries, rules
from backend.records.privacy.schemas import (
    KIND_NAMES,
    DataRequestId,
    DataRequestView,
    NewDataRequest,
    PupilData,
    Relation,
    RequestKind,
    RequestState,
)
from backend.records.roster.schemas import StudentId
from backend.tenants.people import service as people

MAX_TEXT = 2000
MAX_CONTACT = 300
_READ_ME = """Dữ liệu về học sinh mã {code} do nhà trường lưu trong hệ thống Học bạ số, lấy ngày {day:%d/%m/%Y}.

du-lieu.json: mọi dòng dữ liệu về học sinh, theo từng bảng, kể cả nhật ký ai đã làm gì.
Các tệp PDF, XML: học bạ của học sinh đúng như đang lưu. Tệp PDF kiểm tra được chữ ký ở trang tra cứu.
"""


async def record_request(session: TenantSession, actor: Actor, new: NewDataRequest) -> DataRequestId:
    """Write a request down with its last days.

    Raises Invalid for a code that no pupil has, a day to come or a text that says nothing or too much.
    """
    if actor.staff_id is None:
        raise Forbidden("Chỉ nhân sự của trường mới ghi được yêu cầu.")
    student_id = await queries.student_by_code(session, new.student_code)
    if student_id is None:
        raise Invalid(f"Trường không có học sinh mã {new.student_code[:40]}; hãy kiểm tra lại mã.")
    if new.received_on > clock.today():
        raise Invalid("Ngày nhận yêu cầu ở tương lai; hãy sửa lại ngày.")
    for label, text in (("Người yêu cầu", new.requester_name), ("Nội dung yêu cầu", new.wanted)):
        _require_text(label, text)
    if len(new.contact) > MAX_CONTACT:
        raise Invalid(f"Mục “Cách liên hệ” không dài quá {MAX_CONTACT} ký tự; hãy ghi ngắn lại.")
    request_id = DataRequestId(new_id())
    last = rules.deadlines(new.kind, new.received_on)
    said = msgspec.structs.asdict(new)
    del said["student_code"]
    row = said | msgspec.structs.asdict(last) | {"kind": new.kind.value, "relation": new.relation.value}
    row |= {"id": request_id, "student_id": student_id, "recorded_by": actor.staff_id}
    await queries.insert_request(session, row | {"state": RequestState.RECEIVED.value})
    recorded = Action.DATA_REQUEST_RECORDED
    await _record(session, actor, recorded, request_id, student_id, kind=new.kind.value)
    return request_id


async def acknowledge(session: TenantSession, actor: Actor, request_id: uuid.UUID) -> None:
    """Whoever asks was told that the request has come. Repeating it changes nothing. Raises NotFound, Conflict."""
    row = await _hold(session, request_id)
    rules.require_open(RequestState(row.state))
    if row.state == RequestState.RECEIVED:
        under_way = {"state": RequestState.UNDER_WAY.value, "acknowledged_at": clock.now()}
        await queries.update_request(session, request_id, **under_way)
        await _record(session, actor, Action.DATA_REQUEST_ACKNOWLEDGED, request_id, row.student_id)


async def extend(session: TenantSession, actor: Actor, request_id: uuid.UUID, reason: str) -> None:
    """Put the last day off, once. Raises NotFound, Conflict, Invalid without a reason."""
    row = await _hold(session, request_id)
    rules.require_open(RequestState(row.state))
    _require_text("Lý do gia hạn", reason)
    answer_by = rules.extended(row.answer_by, row.extension_reason)
    await queries.update_request(session, request_id, answer_by=answer_by, extension_reason=reason)
    extended = Action.DATA_REQUEST_EXTENDED
    await _record(session, actor, extended, request_id, row.student_id, answer_by=f"{answer_by}")


async def close(
    session: TenantSession, actor: Actor, request_id: uuid.UUID, text: str, *, refused: bool
) -> None:
    """Answer a request, or refuse it with the reason. Raises NotFound, Conflict, Invalid without words."""
    row = await _hold(session, request_id)
    rules.require_open(RequestState(row.state))
    _require_text("Lý do từ chối" if refused else "Câu trả lời", text)
    state = RequestState.REFUSED if refused else RequestState.ANSWERED
    now = clock.now()
    closed = {"state": state.value, "answer": text, "closed_at": now}
    await queries.update_request(session, request_id, acknowledged_at=row.acknowledged_at or now, **closed)
    outcome = Outcome.REFUSED if refused else Outcome.DONE
    label = KIND_NAMES[RequestKind(row.kind)]
    about = (row.student_id,)
    await audit.record(session, actor, Action.DATA_REQUEST_ANSWERED, request_id, label, outcome, about)


async def list_requests(session: TenantSession, actor: Actor) -> list[DataRequestView]:
    """Open ones first, what is due next on top; then the closed ones, newest first. That `actor` looks is recorded."""
    names = await people.names(session)
    found = [_view(row, names) for row in await queries.all_requests(session)]
    waiting = sorted((one for one in found if one.due_on), key=lambda one: str(one.due_on))
    if found:
        pupils = {one.student_id for one in found}
        label = "Danh sách yêu cầu về dữ liệu cá nhân"
        audit_reads.record_read(session, actor, Action.DATA_REQUEST_READ, None, label, pupils)
    return waiting + [one for one in found if not one.due_on]


async def get_request(session: TenantSession, request_id: uuid.UUID) -> DataRequestView:
    """One request. Raises NotFound."""
    row = await queries.find_request(session, request_id)
    if row is None:
        raise NotFound("Không tìm thấy yêu cầu này.")
    return _view(row, await people.names(session))


async def read_request(session: TenantSession, actor: Actor, request_id: uuid.UUID) -> DataRequestView:
    """One request, shown to `actor`, which is recorded. Raises NotFound."""
    one = await get_request(session, request_id)
    audit_reads.record_read(
        session, actor, Action.DATA_REQUEST_READ, request_id, one.student_name, [one.student_id]
    )
    return one


async def collect(session: TenantSession, actor: Actor, request_id: uuid.UUID) -> PupilData:
    """All that is kept about the pupil of an open request. Raises NotFound, Conflict. Files are fetched by whoever asks.

    Of another request about the pupil it holds that there was one: who asked, and in which words, is theirs.
    """
    request = await get_request(session, request_id)
    rules.require_open(request.state)
    tables = await queries.rows_about(session, request.student_id)
    theirs = data_register.holdings()["data_request"].columns(DataKind.PERSONAL)
    tables["data_request"] = rules.without_other_requesters(tables["data_request"], request_id, theirs)
    versions = tables.get("transcript_version", [])
    files = [
        (f"hoc-ba-{version['number']}-{version['id']}.{kind}", digest)
        for version in versions
        for kind, digest in (
            ("pdf", version["signed_sha256"]),
            ("xml", version["signed_xml_sha256"] or version["xml_sha256"]),
        )
        if digest
    ]
    count = sum(map(len, tables.values()))
    label = f"{request.student_name} ({request.student_code})"
    await audit.record(
        session,
        actor,
        Action.PUPIL_DATA_EXPORTED,
        request.student_id,
        label,
        about=[request_id],
        rows=count,
        files=len(files),
    )
    return PupilData(student_code=request.student_code, tables=tables, files=tuple(files))


def packed(data: PupilData, files: Mapping[str, bytes]) -> bytes:
    """The ZIP that is handed over: a text to begin with, the rows as JSON, and the files by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc-truoc.txt", _READ_ME.format(code=data.student_code, day=clock.today()))
        rows = msgspec.json.encode(data.tables, enc_hook=str)
        archive.writestr("du-lieu.json", msgspec.json.format(rows, indent=2))
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


async def _hold(session: TenantSession, request_id: uuid.UUID) -> Any:
    found = await queries.hold_request(session, request_id)
    if found is None:
        raise NotFound("Không tìm thấy yêu cầu này.")
    return found.DataRequest


async def _record(
    session: TenantSession,
    actor: Actor,
    action: Action,
    request_id: uuid.UUID,
    student_id: uuid.UUID,
    **details: str,
) -> None:
    deed = audit.Deed(request_id, "Yêu cầu về dữ liệu cá nhân", dict(details), (student_id,))
    await audit.record_many(session, actor, action, [deed])


def _view(row: Any, names: Mapping[StaffId, str]) -> DataRequestView:
    one = row.DataRequest
    same = (
        "requester_name contact wanted received_on acknowledge_by answer_by acknowledged_at"
        " extension_reason answer closed_at"
    )
    return DataRequestView(
        id=DataRequestId(one.id),
        student_id=StudentId(one.student_id),
        student_code=row.student_code,
        student_name=row.student_name,
        kind=RequestKind(one.kind),
        state=RequestState(one.state),
        relation=Relation(one.relation),
        recorded_by=names[StaffId(one.recorded_by)],
        **{name: getattr(one, name) for name in same.split()},
    )


def _require_text(label: str, text: str) -> None:
    if not 0 < len(text) <= MAX_TEXT:
        raise Invalid(f"Mục “{label}” phải có từ 1 đến {MAX_TEXT} ký tự; hãy ghi lại.")
