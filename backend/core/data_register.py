"""The register of what is kept about people (Luật 91/2025/QH15): read from tables, and here for those without a model."""

from typing import Any

from backend.core.database import metadata
from backend.core.personal_data import KEY, Ground, Holding, Keep, holding

#: What somebody signs in with.
_FACTOR: dict[str, Any] = {
    "purpose": "Xác thực người đăng nhập, người ký",
    "ground": Ground.ACCOUNTABILITY,
    "keep": Keep.EMPLOYMENT,
}
#: What lies before the fence (infra/decisions/0011), where no model describes it.
DIRECTORY: dict[str, dict[str, Any]] = {
    "directory.tenant": holding(internal="opened_at idle_minutes"),
    "directory.account": holding(
        personal="login reset_at deeds_seen_until",
        sensitive="password_hash",
        title="Tài khoản đăng nhập",
        purpose="Biết ai đang đăng nhập",
        ground=Ground.EMPLOYMENT,
        keep=Keep.EMPLOYMENT,
    ),
    "directory.place": holding(),
    "directory.former_place": holding(),
    "directory.session": holding(
        internal="ends_at host rotated_at",
        personal="opened_at seen_at verified_at network device factor old_factor",
        sensitive="token_digest old_digest",
        title="Phiên đăng nhập",
        purpose="Giữ người đã đăng nhập ở lại trong phiên, cho họ thấy và kết thúc các phiên của mình",
        ground=Ground.ACCOUNTABILITY,
        keep=Keep.EXPIRED,
        ends="ends_at",
    ),
    "directory.passkey": holding(
        internal="credential_id public_key sign_count signing_from",
        personal="name added_at used_at",
        title="Khóa đăng nhập",
        **_FACTOR,
    ),
    "directory.totp": holding(
        internal="last_step signing_from",
        personal="confirmed_at",
        sensitive="sealed_seed",
        title="Mã dùng một lần",
        **_FACTOR,
    ),
    "directory.recovery_code": holding(sensitive="code_digest", title="Mã khôi phục", **_FACTOR),
    "directory.identity": holding(
        internal="issuer",
        personal="subject label linked_at",
        title="Tài khoản ở nơi khác",
        **_FACTOR,
    ),
    "directory.sign_in_tries": holding(
        internal="wrong since locks locked_until told_at ends_at",
        personal="subject_digest",
        title="Lần đăng nhập sai",
        purpose="Ngăn người lạ dò mật khẩu và mã",
        ground=Ground.ACCOUNTABILITY,
        keep=Keep.EXPIRED,
        ends="ends_at",
    ),
    "directory.ticket": holding(
        internal="digest purpose ends_at",
        personal="payload",
        title="Việc đăng nhập đang dở",
        purpose="Nối hai bước của một lần đăng nhập",
        ground=Ground.ACCOUNTABILITY,
        keep=Keep.EXPIRED,
        ends="ends_at",
    ),
    "directory.provider": holding(),
    "directory.bound_profile": holding(public="profile school", internal="bound_at"),
    "directory.invitation": holding(internal="token_digest"),
    "directory.school_application": holding(
        internal="applied_at state decided_at reason",
        personal="facts decided_by",
        title="Đơn mở trường",
        purpose="Xét và mở trường mới",
        ground=Ground.EMPLOYMENT,
        keep=Keep.WORK,
        ends="decided_at",
    ),
    "directory.platform_event": holding(
        internal="at action",
        personal="operator details",
        title="Nhật ký của người vận hành",
        purpose="Biết người vận hành đã làm gì",
        ground=Ground.ACCOUNTABILITY,
        keep=Keep.TRACE,
    ),
    "directory.audit_head": holding(internal="n hash settled_at"),
    "directory.audit_checkpoint": holding(internal="number made_at document_sha256 token_sha256"),
    "directory.log_entry": holding(internal="n entry"),
    "directory.log_checkpoint": holding(internal="size note verifier made_at"),
    "directory.store_probe": holding(internal="at tried broken"),
    "directory.lookup_code": holding(internal="code_digest shown"),
    "directory.public_address": holding(internal="digest kind"),
    "directory.transfer_offer": holding(internal="sha256 state why offered_at answered_at"),
    "directory.api_client": holding(
        internal="name secret_digest scopes ends_at seen_at refused refusal_told_at"
    ),
    "directory.api_token": holding(
        internal="token_digest scopes ends_at",
        title="Khóa truy cập đã cấp cho hệ thống khác",
        keep=Keep.EXPIRED,
        ends="ends_at",
    ),
}


def holdings() -> dict[str, Holding]:
    """What each table holds, as far as it says so."""
    declared = {name: table.info for name, table in metadata.tables.items()} | DIRECTORY
    return {name: info[KEY] for name, info in sorted(declared.items()) if KEY in info}


def register() -> dict[str, Holding]:
    """Every table that says anything about people, by name."""
    return {name: one for name, one in holdings().items() if one.is_personal}
