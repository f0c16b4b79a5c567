"""Workbooks that came in: what they held, what they would change, and whether they were taken."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class ImportRun(TenantTable):
    """One uploaded workbook. `preview` holds the counts, the bad rows and the first
    differences; nothing is written before `applied`."""

    __tablename__ = "import_run"
    __table_args__ = (
        tenant_key("uploaded_by", "staff_member"),
        {
            "info": holding(
                internal="file_sha256 parsed_sha256 layout state uploaded_at applied_at undone_at",
                personal="file_name",
                sensitive="preview",
                title="Lần nhập dữ liệu",
                purpose="Xem trước và ghi dữ liệu từ bảng tính của trường",
                ground=Ground.EDUCATION,
                keep=Keep.WORK,
                ends="uploaded_at",
            )
        },
    )

    file_name: Mapped[str]
    file_sha256: Mapped[str]
    parsed_sha256: Mapped[str]
    layout: Mapped[str]
    state: Mapped[str]
    preview: Mapped[dict[str, Any]] = mapped_column(JSONB)
    uploaded_by: Mapped[uuid.UUID]
    uploaded_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


class ImportChange(TenantTable):
    """What stood before an import wrote something about one pupil. `overwritten`: an `OverwrittenPupil`, or a list of
    `OverwrittenMark`. Never changed."""

    __tablename__ = "import_change"
    __table_args__ = (
        tenant_key("run_id", "import_run", ondelete="CASCADE"),
        Index("ix_import_change_run", "tenant_id", "run_id"),
        {
            "info": holding(
                internal="taken_at",
                sensitive="overwritten",
                title="Dữ liệu trước khi nhập tệp",
                purpose="Hoàn tác một lần nhập khi dữ liệu chưa được dùng",
                ground=Ground.EDUCATION,
                keep=Keep.WORK,
                ends="taken_at",
            )
        },
    )

    run_id: Mapped[uuid.UUID]
    overwritten: Mapped[Any] = mapped_column(JSONB)
    taken_at: Mapped[datetime]
