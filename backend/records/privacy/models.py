"""Requests about personal data, with their last days."""

import uuid
from datetime import date, datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class DataRequest(TenantTable):
    """Somebody asks what the school does with a pupil's data, or to do otherwise."""

    __tablename__ = "data_request"
    __table_args__ = (
        tenant_key("student_id", "student"),
        tenant_key("recorded_by", "staff_member"),
        Index("ix_data_request_student", "tenant_id", "student_id"),
        {
            "info": holding(
                internal="kind state received_on acknowledge_by answer_by acknowledged_at closed_at",
                personal="requester_name relation contact wanted extension_reason answer",
                title="Yêu cầu về dữ liệu cá nhân",
                purpose="Trả lời yêu cầu của học sinh và cha mẹ đúng hạn",
                ground=Ground.ACCOUNTABILITY,
                keep=Keep.REQUEST,
                ends="closed_at",
            )
        },
    )

    student_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    state: Mapped[str]
    requester_name: Mapped[str]
    relation: Mapped[str]
    contact: Mapped[str]
    wanted: Mapped[str]
    received_on: Mapped[date]
    acknowledge_by: Mapped[date]
    answer_by: Mapped[date]
    acknowledged_at: Mapped[datetime | None]
    extension_reason: Mapped[str | None]
    answer: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    recorded_by: Mapped[uuid.UUID]
