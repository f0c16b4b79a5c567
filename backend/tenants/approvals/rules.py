"""Who may decide about a request, and until when."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from backend.core.actor import Actor, SignIn, StaffId
from backend.core.errors import Conflict, Forbidden, Invalid
from backend.core.text import check_text
from backend.tenants.approvals.schemas import ABOUT_ONE_OF_MANY, ASKED_BY, ApprovalRequest, Kind, State
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import permissions_of

#: Who approves was trusted with it, under the same account, for so long before the request.
SETTLED = timedelta(hours=72)
#: Longest reason, in characters.
MAX_REASON = 500
_DECIDED = {
    State.APPROVED: "được {who} duyệt",
    State.REFUSED: "bị {who} từ chối",
    State.WITHDRAWN: "được {who} rút lại",
}


def checked_reason(typed: str, field: str) -> str:
    """Why something is asked for or refused: whoever reads it later has nothing else. Raises Invalid without one."""
    text = check_text(typed, field=field, person="trường", limit=MAX_REASON)
    if not text:
        raise Invalid(f"Mục “{field}” đang trống; xin ghi một câu để người khác hiểu vì sao.")
    return text


def settled_by(asked_at: datetime, opened_at: datetime) -> datetime:
    """When somebody must have had the right to approve what was asked for at `asked_at`.

    Three days before it; in the first three days of a school, whose people are all new, when it was asked for.
    """
    return asked_at if asked_at - SETTLED < opened_at else asked_at - SETTLED


def approvers(
    staff: Iterable[Staff], asker: Actor, since: Mapping[StaffId, datetime], by: datetime
) -> list[Staff]:
    """Who else could approve what this person asks for: who had the right `by` then; `since` says when they got it."""
    return [one for one in staff if one.id != asker.staff_id and one.id in since and since[one.id] <= by]


def require_approver(others: Sequence[Staff]) -> None:
    """Raises Conflict where nobody could approve: the request would only run out."""
    if not others:
        raise Conflict(
            "Việc này cần người thứ hai duyệt, mà ngoài bạn trường chưa có ai giữ vai trò duyệt đủ ba ngày; hãy mời "
            "hiệu trưởng, hoặc cho một người đang làm việc vai trò Hiệu trưởng hay Chủ trường ở mục Nhân sự, rồi đề "
            "nghị lại khi đã đủ ba ngày."
        )


def is_over(request: ApprovalRequest, now: datetime) -> bool:
    """Whether a request has run out undecided."""
    return request.state is State.WAITING and request.ends_at <= now


def waiting(requests: Iterable[ApprovalRequest], now: datetime) -> list[ApprovalRequest]:
    """Those that somebody may still decide."""
    return [one for one in requests if one.state is State.WAITING and not is_over(one, now)]


def require_none_waiting(requests: Iterable[ApprovalRequest], kind: Kind, told: str, now: datetime) -> None:
    """Raises Conflict while another request of the kind waits; of kinds about one thing of many, one about the same."""
    for one in waiting(requests, now):
        if one.kind is kind and (kind not in ABOUT_ONE_OF_MANY or one.told == told):
            raise Conflict(
                f"Đề nghị “{one.title}” của {one.asked_by_name} đang chờ duyệt đến {one.ends_at:%H:%M %d/%m/%Y}; "
                "xin chờ kết quả hoặc rút đề nghị ấy trước."
            )


def require_waiting(request: ApprovalRequest, now: datetime) -> None:
    """Raises Conflict for one that is decided or has run out."""
    if request.state is not State.WAITING:
        how = _DECIDED[request.state].format(who=request.decided_by_name)
        raise Conflict(f"Đề nghị “{request.title}” đã {how} nên không quyết định lại được.")
    if is_over(request, now):
        raise Conflict(
            f"Đề nghị “{request.title}” đã quá hạn duyệt lúc {request.ends_at:%H:%M %d/%m/%Y}; "
            f"nếu vẫn cần, {request.asked_by_name} đề nghị lại."
        )


def require_second_person(request: ApprovalRequest, actor: Actor, sign_in: SignIn) -> None:
    """Raises Forbidden for whoever asked, by their place at the school or by their account."""
    if actor.staff_id == request.asked_by or sign_in.account_id == request.asked_account:
        raise Forbidden(
            f"Đề nghị “{request.title}” do chính bạn đưa ra nên phải do một người khác quyết định; "
            "bạn chỉ có thể rút lại."
        )


def require_settled(
    request: ApprovalRequest, role_since: datetime | None, let_in_at: datetime | None, by: datetime
) -> None:
    """Raises Forbidden for whoever had no right to approve `by` then, or has been let into their account since.

    Whoever holds one person's session could otherwise make the second person, or take an account over by a reset.
    """
    if role_since is None or role_since > by:
        what = "Bạn mới được giao vai trò duyệt"
    elif let_in_at is not None and let_in_at > by:
        what = "Bạn mới vào lại tài khoản bằng đường dẫn đặt lại hoặc mã khôi phục"
    else:
        return
    raise Forbidden(
        f"{what}, chưa đủ ba ngày khi {request.asked_by_name} đề nghị “{request.title}”, nên chưa duyệt được; "
        f"xin nhờ người khác duyệt, hoặc {request.asked_by_name} rút lại và đề nghị lại khi đã đủ ba ngày."
    )


def require_asker(request: ApprovalRequest, actor: Actor) -> None:
    """Raises Forbidden for anybody but who asked."""
    if actor.staff_id != request.asked_by:
        raise Forbidden(f"Chỉ {request.asked_by_name} rút lại được đề nghị này; bạn có thể từ chối.")


def require_still_may(request: ApprovalRequest, asker: Staff) -> None:
    """Raises Conflict when whoever asked has left meanwhile, or may no longer ask for this."""
    if asker.left_at is not None or ASKED_BY[request.kind] not in permissions_of(asker.roles):
        raise Conflict(
            f"{asker.full_name} không còn quyền đề nghị “{request.title}” nên đề nghị này không duyệt được nữa; "
            "xin từ chối đề nghị."
        )
