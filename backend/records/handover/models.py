"""Exports of all data of a school."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Keep, holding


class SchoolExport(TenantTable):
    """One export; a school has at most one that is being packed.

    `cursor` is the digest of the last file that is packed; `parts` are the archives so far.
    """

    __tablename__ = "school_export"
    __table_args__ = (
        tenant_key("asked_by", "staff_member"),
        Index(
            "uq_school_export_running", "tenant_id", unique=True, postgresql_where=text("state = 'running'")
        ),
        {
            "info": holding(
                internal="asked_at state parts cursor finished_at problem",
                title="Bản xuất dữ liệu của trường",
                keep=Keep.COPY,
                ends="asked_at",
            )
        },
    )

    asked_by: Mapped[uuid.UUID]
    asked_at: Mapped[datetime]
    state: Mapped[str]
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    cursor: Mapped[str]
    finished_at: Mapped[datetime | None]
    problem: Mapped[str | None]
