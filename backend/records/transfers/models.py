"""Packages with which a học bạ goes to another school, and those that came from one."""

import uuid
from datetime import date, datetime

from sqlalchemy import ARRAY, Index, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class Transfer(TenantTable):
    """One package that goes out; a pupil has at most one that is under way.

    `manifest` is canonical JSON and, like whom it is for, never changed. `left_on` is the day on which the pupil left:
    whoever comes back is this school's again.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        tenant_key("student_id", "student"),
        tenant_key("drafted_by", "staff_member"),
        tenant_key("ended_by", "staff_member"),
        Index(
            "uq_transfer_open",
            "tenant_id",
            "student_id",
            unique=True,
            postgresql_where=text("state not in ('handed_over', 'cancelled')"),
        ),
        Index("ix_transfer_student", "tenant_id", "student_id"),
        {
            "info": holding(
                internal="state version_ids package_sha256 signed_sha256 drafted_at sealed_at offered_at ended_at",
                personal="left_on to_name to_code why",
                sensitive="manifest",
                title="Gói chuyển học bạ",
                purpose="Chuyển giao quyền quản lý học bạ khi học sinh chuyển trường",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    student_id: Mapped[uuid.UUID]
    state: Mapped[str]
    left_on: Mapped[date | None]
    to_name: Mapped[str]
    to_code: Mapped[str]
    version_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    manifest: Mapped[str]
    package_sha256: Mapped[str | None]
    signed_sha256: Mapped[str | None]
    drafted_by: Mapped[uuid.UUID | None]
    drafted_at: Mapped[datetime]
    sealed_at: Mapped[datetime | None]
    offered_at: Mapped[datetime | None]
    ended_by: Mapped[uuid.UUID | None]
    ended_at: Mapped[datetime | None]
    why: Mapped[str | None]


class ReceivedPackage(TenantTable):
    """A package that came in and was checked; with `accepted` it proves the years that were taken over from it.

    `offer_id` is that of the sender, None for a file that somebody brought.
    """

    __tablename__ = "received_package"
    __table_args__ = (
        tenant_key("student_id", "student"),
        tenant_key("received_by", "staff_member"),
        tenant_key("decided_by", "staff_member"),
        Index(
            "uq_received_package_accepted",
            "tenant_id",
            "sha256",
            unique=True,
            postgresql_where=text("state = 'accepted'"),
        ),
        Index("ix_received_package_student", "tenant_id", "student_id"),
        {
            "info": holding(
                internal="sha256 state earlier_year_ids received_at decided_at",
                personal="from_name from_code verdict",
                title="Gói học bạ đã nhận",
                purpose="Giữ bằng chứng của các năm học ở trường trước",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    student_id: Mapped[uuid.UUID]
    offer_id: Mapped[uuid.UUID | None]
    sha256: Mapped[str]
    from_name: Mapped[str]
    from_code: Mapped[str]
    state: Mapped[str]
    verdict: Mapped[dict[str, str]] = mapped_column(JSONB)
    earlier_year_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    received_by: Mapped[uuid.UUID | None]
    received_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None]
    decided_at: Mapped[datetime | None]
