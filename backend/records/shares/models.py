"""Links by which somebody outside reads a học bạ, the consent behind each, and who used it."""

import uuid
from datetime import date, datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class Share(TenantTable):
    """One link. What was agreed is written once; it may be revoked, and wrong PINs are counted."""

    __tablename__ = "share"
    __table_args__ = (
        tenant_key("transcript_id", "transcript"),
        tenant_key("student_id", "student"),
        tenant_key("made_by", "staff_member"),
        tenant_key("revoked_by", "staff_member"),
        Index("ix_share_transcript", "tenant_id", "transcript_id"),
        {
            "info": holding(
                internal="with_data made_at expires_at revoked_at revoked_by_family wrong_pins means",
                personal="recipient purpose consented_by relation consented_on child_agrees revoked_why",
                sensitive="pin_digest",
                title="Chia sẻ học bạ",
                purpose="Cho nơi tuyển sinh xem học bạ khi gia đình đồng ý, và chứng minh sự đồng ý ấy",
                ground=Ground.CONSENT,
                keep=Keep.TRACE,
            )
        },
    )

    transcript_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID]
    recipient: Mapped[str]
    purpose: Mapped[str]
    with_data: Mapped[bool]
    pin_digest: Mapped[str]
    made_by: Mapped[uuid.UUID | None]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    consented_by: Mapped[str]
    relation: Mapped[str]
    means: Mapped[str]
    consented_on: Mapped[date]
    child_agrees: Mapped[bool]
    wrong_pins: Mapped[int]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[uuid.UUID | None]
    revoked_by_family: Mapped[bool]
    revoked_why: Mapped[str | None]


class ShareVisit(TenantTable):
    """One use of a link, also one in vain; never changed."""

    __tablename__ = "share_visit"
    __table_args__ = (
        tenant_key("share_id", "share"),
        Index("ix_share_visit_share", "tenant_id", "share_id", "at"),
        {
            "info": holding(
                internal="at what",
                personal="network",
                title="Lượt dùng liên kết chia sẻ",
                purpose="Cho gia đình và nhà trường biết ai đã xem học bạ qua liên kết, lúc nào",
                ground=Ground.ACCOUNTABILITY,
                keep=Keep.TRACE,
            )
        },
    )

    share_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
    what: Mapped[str]
    network: Mapped[str]


class ShareRequest(TenantTable):
    """An organisation asks to see a học bạ whose code it has. `is_known_school`: its name is the platform's word."""

    __tablename__ = "share_request"
    __table_args__ = (
        tenant_key("transcript_id", "transcript"),
        tenant_key("student_id", "student"),
        tenant_key("decided_by", "staff_member"),
        tenant_key("share_id", "share"),
        Index("ix_share_request_state", "tenant_id", "state", "asked_at"),
        Index("ix_share_request_transcript", "tenant_id", "transcript_id"),
        {
            "info": holding(
                internal="is_known_school with_data token_digest asked_at state decided_at",
                personal="organisation organisation_code contact purpose why",
                title="Đề nghị xem học bạ của cơ quan, trường khác",
                purpose="Hỏi gia đình trước khi cho nơi tuyển sinh xem học bạ, và trả lời nơi ấy",
                ground=Ground.CONSENT,
                keep=Keep.TRACE,
            )
        },
    )

    transcript_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID]
    organisation: Mapped[str]
    organisation_code: Mapped[str]
    is_known_school: Mapped[bool]
    contact: Mapped[str]
    purpose: Mapped[str]
    with_data: Mapped[bool]
    token_digest: Mapped[str]
    asked_at: Mapped[datetime]
    state: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[uuid.UUID | None]
    why: Mapped[str | None]
    share_id: Mapped[uuid.UUID | None]
