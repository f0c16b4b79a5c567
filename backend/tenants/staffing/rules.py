"""How long an invitation holds, and whether one may be taken up."""

from datetime import datetime, timedelta

from backend.core.errors import Conflict
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import grantable_by
from backend.tenants.staffing.schemas import Invitation, InvitationState

VALID = timedelta(days=7)


def state_of(invitation: Invitation, now: datetime) -> InvitationState:
    """What an invitation is worth at that moment."""
    if invitation.accepted_at is not None:
        return InvitationState.ACCEPTED
    if invitation.withdrawn_at is not None:
        return InvitationState.WITHDRAWN
    return InvitationState.OPEN if now < invitation.expires_at else InvitationState.EXPIRED


def require_sender(sender: Staff, invitation: Invitation) -> None:
    """Raises Conflict when who has sent it has left, or may not give its roles any more."""
    if sender.left_at is not None or not invitation.roles <= grantable_by(sender.roles):
        raise Conflict(
            f"Người đã gửi lời mời này (dành cho {invitation.full_name}) không còn quyền mời với vai trò "
            f"{invitation.role_label}; xin nhờ nhà trường gửi lời mời mới."
        )


def require_open(invitation: Invitation, now: datetime) -> None:
    """Raises Conflict with what to do when the invitation cannot be taken up any more."""
    state = state_of(invitation, now)
    if state is not InvitationState.OPEN:
        raise Conflict(f"{_WHY[state]} (dành cho {invitation.full_name}); {_WHAT_NOW[state]}")


_ASK = "xin nhờ người đã mời tạo liên kết mới."
_WHY = {
    InvitationState.EXPIRED: "Lời mời này đã hết hạn",
    InvitationState.WITHDRAWN: "Nhà trường đã thu hồi lời mời này",
    InvitationState.ACCEPTED: "Lời mời này đã được dùng rồi",
}
_WHAT_NOW = {
    InvitationState.EXPIRED: _ASK,
    InvitationState.WITHDRAWN: "xin liên hệ nhà trường nếu có nhầm lẫn.",
    InvitationState.ACCEPTED: "xin đăng nhập bằng tài khoản đã nhận lời mời.",
}
