"""The transcript of a pupil and its frozen editions."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding

#: What PostgreSQL itself refuses: two versions of one pupil's year that both stand.
STANDING = "state not in ('cancelled', 'recalled', 'replaced')"


class Transcript(TenantTable):
    """A pupil's học bạ of one school level; the lookup code is its public name and never reused (PL1 §1.2)."""

    __tablename__ = "transcript"
    __table_args__ = (
        UniqueConstraint("tenant_id", "student_id", "level"),
        tenant_key("student_id", "student"),
        {
            "info": holding(
                internal="level created_at leaving_since handed_over_at",
                personal="lookup_code",
                title="Học bạ",
                purpose="Lập, tra cứu học bạ số",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    student_id: Mapped[uuid.UUID]
    level: Mapped[str]
    lookup_code: Mapped[str]
    created_at: Mapped[datetime]
    leaving_since: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]


class TranscriptVersion(TenantTable):
    """One frozen edition of one year. `snapshot` is canonical JSON and, like its digest, never updated.

    `corrections` are the places in which it differs from those before it. Who decided that it does not stand, when and
    why is in `withdrawn_…`; `effective_on` is the day from which it is in force and unchangeable.
    """

    __tablename__ = "transcript_version"
    __table_args__ = (
        UniqueConstraint("tenant_id", "transcript_id", "academic_year_id", "number"),
        tenant_key("transcript_id", "transcript"),
        tenant_key("academic_year_id", "academic_year"),
        tenant_key("class_id", "school_class"),
        tenant_key("student_id", "student"),
        tenant_key("withdrawn_by", "staff_member"),
        Index("ix_transcript_version_class", "tenant_id", "class_id", "state"),
        Index(
            "uq_transcript_version_standing",
            "tenant_id",
            "transcript_id",
            "academic_year_id",
            unique=True,
            postgresql_where=text(STANDING),
        ),
        {
            "info": holding(
                internal="number state content_sha256 pdf_sha256 xml_sha256 signed_sha256 signed_xml_sha256 frozen_at "
                "issued_at withdrawn_at effective_on",
                personal="withdrawn_reason",
                sensitive="snapshot corrections",
                title="Phiên bản học bạ đã chốt",
                purpose="Lập, ký, phát hành học bạ số",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    transcript_id: Mapped[uuid.UUID]
    academic_year_id: Mapped[uuid.UUID]
    class_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID]
    number: Mapped[int]
    state: Mapped[str]
    snapshot: Mapped[str]
    content_sha256: Mapped[str]
    pdf_sha256: Mapped[str | None]
    xml_sha256: Mapped[str | None]
    signed_sha256: Mapped[str | None]
    signed_xml_sha256: Mapped[str | None]
    frozen_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]
    corrections: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    withdrawn_by: Mapped[uuid.UUID | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str | None]
    effective_on: Mapped[date | None]
