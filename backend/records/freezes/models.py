"""Classes that are frozen together, one row each."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class ClassFreeze(TenantTable):
    """One class of a run (`run_id`), and what came of it: how many were frozen, who was left out, or why none were."""

    __tablename__ = "class_freeze"
    __table_args__ = (
        UniqueConstraint("tenant_id", "run_id", "class_id"),
        tenant_key("class_id", "school_class"),
        tenant_key("asked_by", "staff_member"),
        Index("ix_class_freeze_time", "tenant_id", "asked_at"),
        {
            "info": holding(
                internal="asked_at state frozen problem ended_at",
                personal="left_out",
                title="Lần chốt học bạ nhiều lớp",
                purpose="Biết lớp nào đã chốt, học sinh nào còn lại và vì sao",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    run_id: Mapped[uuid.UUID]
    class_id: Mapped[uuid.UUID]
    asked_by: Mapped[uuid.UUID]
    asked_at: Mapped[datetime]
    state: Mapped[str]
    frozen: Mapped[int]
    left_out: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    problem: Mapped[str | None]
    ended_at: Mapped[datetime | None]
