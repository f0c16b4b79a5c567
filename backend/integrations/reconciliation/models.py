"""Runs of a reconciliation, and what differed."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class Reconciliation(TenantTable):
    """One comparison with an Authority's list; `pages` are the digests of its pages, which are in the store."""

    __tablename__ = "reconciliation"
    __table_args__ = (
        Index("ix_reconciliation_started", "tenant_id", "started_at"),
        {
            "info": holding(
                internal="authority started_at ended_at outcome matched extra missing content state pages"
            )
        },
    )

    authority: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str]
    matched: Mapped[int]
    extra: Mapped[int]
    missing: Mapped[int]
    content: Mapped[int]
    state: Mapped[int]
    pages: Mapped[list[str]] = mapped_column(ARRAY(String))


class ReconciliationFinding(TenantTable):
    """One difference of a run."""

    __tablename__ = "reconciliation_finding"
    __table_args__ = (
        tenant_key("reconciliation_id", "reconciliation"),
        tenant_key("delivery_id", "delivery"),
        Index("ix_reconciliation_finding_run", "tenant_id", "reconciliation_id"),
        {
            "info": holding(
                internal="kind message_id ours theirs",
                personal="label",
                title="Chênh lệch khi đối soát",
                purpose="Đối chiếu học bạ ở trường với cơ sở dữ liệu của Sở",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    reconciliation_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    message_id: Mapped[str]
    label: Mapped[str]
    delivery_id: Mapped[uuid.UUID | None]
    ours: Mapped[str]
    theirs: Mapped[str]
