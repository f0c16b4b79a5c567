"""The life of a transcript version: which state follows which, and who signs it for the school. No I/O."""

import uuid
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any, TypeVar

import msgspec

from backend.core.actor import Actor, StaffId
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.text import check_text
from backend.records.calendar.schemas import Closing
from backend.records.transcripts.schemas import (
    Deed,
    SecondaryResults,
    SecondarySubject,
    Signer,
    SignerRole,
    Snapshot,
    VersionState,
    VersionSummary,
)
from backend.tenants.delegations.schemas import HeadSigner
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Permission, permissions_of

_Row = TypeVar("_Row")

MIN_REASON, MAX_REASON = 10, 500


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """One way from state to state: what is done, where it begins, where it ends, and who may do it.

    `by` None is the machine. `asks` names what a person shows with it; `when` what must be true besides, in the words of
    the README, which is drawn from here. `back` leads to where the version was before; in `stays` the deed is
    noted and the version stays where it is.
    """

    deed: Deed
    sources: tuple[VersionState, ...]
    target: VersionState
    by: Permission | None = None
    asks: tuple[str, ...] = ()
    when: str = ""
    back: bool = False
    stays: tuple[VersionState, ...] = ()


_REASON, _PROOF, _SECOND = "reason", "step-up", "second person"
#: What a package of transfer holds. A rejected version was never in force: whoever issued it corrects it (R44).
_HANDED_OVER_FROM = (
    VersionState.ISSUED,
    VersionState.PACKAGED,
    VersionState.SUBMITTED,
    VersionState.ACCEPTED,
    VersionState.LOCKED,
)
#: Issued, and the Authority has said nothing of it yet.
_UNANSWERED = (VersionState.ISSUED, VersionState.PACKAGED, VersionState.SUBMITTED)

EDGES: tuple[Edge, ...] = (
    Edge(deed=Deed.RENDER, sources=(VersionState.FROZEN,), target=VersionState.RENDERED),
    Edge(deed=Deed.ASK_FOR_SIGNATURES, sources=(VersionState.RENDERED,), target=VersionState.SIGNING),
    Edge(
        deed=Deed.COMPLETE,
        sources=(VersionState.SIGNING,),
        target=VersionState.SIGNED,
        when="everybody has signed, and what proves it later is added",
    ),
    Edge(
        deed=Deed.ISSUE,
        sources=(VersionState.SIGNED,),
        target=VersionState.ISSUED,
        when="the audit is sealed, the store keeps what it locks",
    ),
    Edge(
        deed=Deed.WITHDRAW,
        sources=(
            VersionState.FROZEN,
            VersionState.RENDERED,
            VersionState.SIGNING,
            VersionState.SIGNED,
        ),
        target=VersionState.CANCELLED,
        by=Permission.TRANSCRIPT_WITHDRAW,
        asks=(_REASON, _PROOF),
        when="nobody outside the school has it yet",
    ),
    Edge(
        deed=Deed.PACKAGE,
        sources=(VersionState.ISSUED,),
        target=VersionState.PACKAGED,
        when="its package waits for the Authority, under the id that it keeps",
    ),
    Edge(
        deed=Deed.SUBMIT,
        sources=(VersionState.ISSUED, VersionState.PACKAGED),
        target=VersionState.SUBMITTED,
        when="the Authority has acknowledged it",
    ),
    Edge(
        deed=Deed.ACCEPT,
        sources=_UNANSWERED,
        target=VersionState.ACCEPTED,
        when="the Authority has taken it in",
        stays=(VersionState.TRANSFERRED_OUT,),
    ),
    Edge(
        deed=Deed.REJECT,
        sources=_UNANSWERED,
        target=VersionState.REJECTED,
        when="the Authority has refused it",
    ),
    Edge(
        deed=Deed.RECALL,
        sources=(*_UNANSWERED, VersionState.ACCEPTED, VersionState.REJECTED),
        target=VersionState.RECALL_REQUESTED,
        by=Permission.TRANSCRIPT_WITHDRAW,
        asks=(_REASON, _PROOF, _SECOND),
        when="no package with it is open; unless it was rejected, the last day of the plan is not over",
    ),
    Edge(
        deed=Deed.CONFIRM_RECALL,
        sources=(VersionState.RECALL_REQUESTED,),
        target=VersionState.RECALLED,
        when="the Authority has recalled it, or it is known that it never took it in",
    ),
    Edge(
        deed=Deed.REFUSE_RECALL,
        sources=(VersionState.RECALL_REQUESTED,),
        target=VersionState.LOCKED,
        when="the Authority refuses: it is locked there",
    ),
    Edge(
        deed=Deed.RETURN_RECALL,
        sources=(VersionState.RECALL_REQUESTED,),
        target=VersionState.ACCEPTED,
        when="the Authority finds the recall itself wrong: it stands there as before, and may be asked for again",
        back=True,
    ),
    Edge(
        deed=Deed.LOCK,
        sources=(VersionState.ACCEPTED,),
        target=VersionState.LOCKED,
        when="the last day of the plan is over, or the Authority says so",
        stays=(VersionState.TRANSFERRED_OUT,),
    ),
    Edge(
        deed=Deed.REPLACE,
        sources=(VersionState.RECALLED,),
        target=VersionState.REPLACED,
        when="the next version is issued",
    ),
    Edge(
        deed=Deed.HAND_OVER,
        sources=_HANDED_OVER_FROM,
        target=VersionState.TRANSFERRED_OUT,
        by=Permission.TRANSFER_MANAGE,
        asks=(_REASON, _PROOF),
        when="the pupil has left, and the signed package was given to a school outside",
    ),
    Edge(
        deed=Deed.TAKE_OVER,
        sources=_HANDED_OVER_FROM,
        target=VersionState.TRANSFERRED_OUT,
        when="the receiving school on the platform has taken the package over",
    ),
    Edge(
        deed=Deed.GIVE_BACK,
        sources=(VersionState.TRANSFERRED_OUT,),
        target=VersionState.REJECTED,
        when="the Authority has refused what was on its way: who issued it corrects it",
        back=True,
    ),
)
_BY_DEED = {edge.deed: edge for edge in EDGES}

STATE_NAMES = {
    VersionState.FROZEN: "Đã chốt số liệu",
    VersionState.RENDERED: "Đã kết xuất",
    VersionState.SIGNING: "Đang ký",
    VersionState.SIGNED: "Đã ký đủ",
    VersionState.ISSUED: "Đã phát hành",
    VersionState.PACKAGED: "Đã đóng gói chờ gửi",
    VersionState.SUBMITTED: "Đã nộp Sở",
    VersionState.ACCEPTED: "Sở đã chấp nhận",
    VersionState.REJECTED: "Sở từ chối",
    VersionState.RECALL_REQUESTED: "Đang thu hồi",
    VersionState.LOCKED: "Đã chốt, có hiệu lực",
    VersionState.TRANSFERRED_OUT: "Đã chuyển quyền quản lý",
    VersionState.CANCELLED: "Đã hủy",
    VersionState.RECALLED: "Đã thu hồi",
    VersionState.REPLACED: "Đã được thay thế",
}
#: How urgent each state looks.
TONES = {
    VersionState.FROZEN: "waiting",
    VersionState.RENDERED: "info",
    VersionState.SIGNING: "info",
    VersionState.SIGNED: "info",
    VersionState.ISSUED: "official",
    VersionState.PACKAGED: "official",
    VersionState.SUBMITTED: "official",
    VersionState.ACCEPTED: "official",
    VersionState.REJECTED: "bad",
    VersionState.RECALL_REQUESTED: "warn",
    VersionState.LOCKED: "ok",
    VersionState.TRANSFERRED_OUT: "neutral",
    VersionState.CANCELLED: "neutral",
    VersionState.RECALLED: "neutral",
    VersionState.REPLACED: "neutral",
}
#: A version in each state, in words that follow its name.
_STANDS = {
    VersionState.FROZEN: "chưa phát hành",
    VersionState.RENDERED: "chưa phát hành",
    VersionState.SIGNING: "chưa phát hành",
    VersionState.SIGNED: "chưa phát hành",
    VersionState.ISSUED: "đã phát hành, chưa có trả lời của Sở",
    VersionState.PACKAGED: "đã phát hành, chưa có trả lời của Sở",
    VersionState.SUBMITTED: "đã nộp, chưa có trả lời của Sở",
    VersionState.ACCEPTED: "đã phát hành, Sở đã chấp nhận",
    VersionState.REJECTED: "đã phát hành",
    VersionState.RECALL_REQUESTED: "đang được thu hồi",
    VersionState.LOCKED: "đã chốt và có hiệu lực (Phụ lục 1, mục 2.1)",
    VersionState.TRANSFERRED_OUT: "đã chuyển giao quyền quản lý cho trường khác (Phụ lục 1, mục 2.2)",
    VersionState.CANCELLED: "đã hủy từ trước",
    VersionState.RECALLED: "đã thu hồi từ trước",
    VersionState.REPLACED: "đã được thay thế từ trước",
}
#: Each deed as what cannot be done: "chưa thể …", "không thể …".
DEED_WORDS = {
    Deed.RENDER: "kết xuất",
    Deed.ASK_FOR_SIGNATURES: "đưa đi ký",
    Deed.COMPLETE: "ghi là đã ký đủ",
    Deed.ISSUE: "phát hành",
    Deed.WITHDRAW: "rút lại",
    Deed.PACKAGE: "ghi là đã đóng gói",
    Deed.SUBMIT: "ghi là đã nộp",
    Deed.ACCEPT: "ghi là được chấp nhận",
    Deed.REJECT: "ghi là bị từ chối",
    Deed.RECALL: "thu hồi",
    Deed.CONFIRM_RECALL: "ghi là đã thu hồi",
    Deed.REFUSE_RECALL: "ghi là không được thu hồi",
    Deed.RETURN_RECALL: "ghi là bị trả lại đề nghị thu hồi",
    Deed.LOCK: "chốt",
    Deed.REPLACE: "thay thế",
    Deed.HAND_OVER: "chuyển giao",
    Deed.TAKE_OVER: "ghi là trường khác đã nhận",
    Deed.GIVE_BACK: "ghi là trả về trường phát hành",
}
#: Who does what people do, in words for those who may not.
_ITS_PEOPLE = {
    None: "hệ thống",
    Permission.TRANSCRIPT_WITHDRAW: "ban giám hiệu",
    Permission.TRANSFER_MANAGE: "ban giám hiệu hoặc văn thư",
}


def all_of(version_ids: Sequence[uuid.UUID], rows: Sequence[_Row]) -> Sequence[_Row]:
    """The rows of these versions. Raises NotFound when one is missing."""
    if len(rows) < len(set(version_ids)):
        raise NotFound("Không tìm thấy học bạ này.")
    return rows


def edge_of(deed: Deed) -> Edge:
    """The one way that a deed goes."""
    return _BY_DEED[deed]


def is_due(state: str, deed: Deed) -> bool:
    """Whether the machine does a deed to a version in `state` now; False when its time is over (a repeated or late job).

    Raises Conflict when the version has not come that far.
    """
    edge = edge_of(deed)
    if state in edge.sources or state in edge.stays:
        return True
    if not edge.back and not _ahead(VersionState(state)).isdisjoint(edge.sources):
        raise Conflict(
            f"Học bạ đang ở bước “{STATE_NAMES[VersionState(state)]}”, chưa thể {DEED_WORDS[deed]}."
        )
    return False


@cache
def _ahead(state: VersionState) -> frozenset[VersionState]:
    """Where a version in `state` may still come."""
    following = {edge.target for edge in EDGES if state in edge.sources and not edge.back}
    return frozenset(following).union(*(_ahead(one) for one in following))


def may(actor: Actor, version: VersionSummary, deed: Deed) -> bool:
    """Whether somebody is offered a deed to a version now."""
    return not why_not(actor, version, deed)


def why_not(actor: Actor, version: VersionSummary, deed: Deed) -> str:
    """Why somebody cannot do a deed to a version now, in a sentence for them; empty where they can."""
    try:
        require_may(actor, version, deed)
    except (Forbidden, Conflict) as error:
        return error.message
    return ""


def require_may(actor: Actor, version: VersionSummary, deed: Deed) -> None:
    """Raises Forbidden for whoever may not do a deed to any version, Conflict where this one is past it or before it."""
    edge, words = edge_of(deed), DEED_WORDS[deed]
    if edge.by is None or not actor.may(edge.by):
        raise Forbidden(
            f"Học bạ của {version.full_name}: chỉ {_ITS_PEOPLE[edge.by]} {words} được; hãy báo hiệu trưởng."
        )
    state = VersionState(version.state)
    if state in edge.sources:
        return
    name = f"Học bạ của {version.full_name}, phiên bản {version.number}"
    raise Conflict(f"{name}, {_STANDS[state]} nên không {words} được.")


def summary_of(row: Any) -> VersionSummary:
    """A version as it was read, for people."""
    return VersionSummary(**{name: getattr(row, name) for name in VersionSummary.__struct_fields__})


def require_any(actor: Actor) -> None:
    """Why nothing of a class was withdrawn. Raises Forbidden or Conflict."""
    if not actor.may(Permission.TRANSCRIPT_WITHDRAW):
        raise Forbidden("Chỉ ban giám hiệu rút lại học bạ được; hãy báo hiệu trưởng.")
    raise Conflict("Lớp không có học bạ nào đã chốt mà chưa phát hành nên không có gì để rút lại.")


def require_staying(version: VersionSummary, *, leaving: bool) -> None:
    """Raises Conflict while a package with the version is on its way to another school."""
    if leaving:
        raise Conflict(
            f"Học bạ của {version.full_name} nằm trong một gói chuyển trường chưa bàn giao nên chưa thu hồi được; hãy "
            "hủy gói ấy trước."
        )


def require_open(version: VersionSummary, closing: Closing, today: date) -> None:
    """Raises Conflict once the last day of a version's plan is over, whether or not the machine has locked it."""
    if today > closing.last_day:
        raise Conflict(
            f"Học bạ của {version.full_name}, phiên bản {version.number}: đã qua hạn chốt ({closing.says}, "
            f"{closing.source}) nên không thu hồi, sửa hay hủy được nữa."
        )


def checked_reason(typed: str, pupil: str) -> str:
    """Why a version does not stand. Raises Invalid."""
    reason = check_text(typed, field="Lý do", person=pupil, limit=MAX_REASON)
    if len(reason) < MIN_REASON:
        raise Invalid(
            f"Học bạ của {pupil}: xin ghi lý do, từ {MIN_REASON} đến {MAX_REASON} ký tự, để người ký và gia đình hiểu."
        )
    return reason


def head_of(snapshot: Snapshot, heads: Sequence[HeadSigner], pupil: str) -> HeadSigner:
    """Whom the frozen content names as the head, also where somebody else's days have begun meanwhile.

    Raises Conflict when nobody bears that name and title any more: nobody else signs in their name.
    """
    named = _named(snapshot, SignerRole.PRINCIPAL)
    for head in heads:
        if (head.name, head.title) == (named.name, named.title):
            return head
    raise Conflict(
        f"Học bạ của {pupil} đã chốt với người ký là {named.name} ({named.title}), nhưng danh sách nhân sự không còn ai "
        "ký với tên và chức danh ấy; hãy ghi lại đúng như vậy ở trang Nhân sự rồi chạy tiếp việc này."
    )


def homeroom_of(snapshot: Snapshot, staff: Sequence[Staff], leads: StaffId | None, pupil: str) -> StaffId:
    """Whom the frozen content names as the homeroom teacher, also where the class was handed over meanwhile.

    Of several who bear that name it is the one who leads the class today (`leads`). Raises Conflict where nobody of that
    name may sign, and where several may and none of them leads the class.
    """
    named = _named(snapshot, SignerRole.HOMEROOM_TEACHER)
    return _signer_named(named.name, named.title, staff, leads, pupil)


def teacher_of(
    subject: SecondarySubject, staff: Sequence[Staff], teaches: StaffId | None, pupil: str
) -> StaffId:
    """Whom the frozen content names as the teacher of a subject, as in `homeroom_of`; `teaches` does so today."""
    return _signer_named(subject.teacher_name or "", f"Giáo viên môn {subject.name}", staff, teaches, pupil)


def _signer_named(
    name: str, title: str, staff: Sequence[Staff], leads: StaffId | None, pupil: str
) -> StaffId:
    found = [
        one.id for one in staff if one.full_name == name and Permission.SIGN in permissions_of(one.roles)
    ]
    if leads in found:
        return leads
    if len(found) == 1:
        return found[0]
    what = (
        f"trường có {len(found)} người cùng tên ấy; hãy phân công lại cho đúng người ở trang Phân công"
        if found
        else "danh sách nhân sự không còn ai ký được với tên ấy; hãy ghi lại đúng tên và vai trò ở trang Nhân sự"
    )
    raise Conflict(
        f"Học bạ của {pupil} đã chốt với người ký là {name} ({title}), nhưng {what} rồi chạy tiếp việc này."
    )


def signed_by_teachers(snapshot: Snapshot) -> list[SecondarySubject]:
    """The subjects that their own teachers sign."""
    results = snapshot.year.results
    subjects = results.subjects if isinstance(results, SecondaryResults) else ()
    return [one for one in subjects if one.teacher_signs is True]


def _named(snapshot: Snapshot, role: SignerRole) -> Signer:
    [named] = [one for one in snapshot.signers if one.role is role]
    return named
