"""The transcript of a pupil and its frozen editions."""

import uuid
from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class Transcript(TenantTable):
    """A pupil's học bạ of one school level; the lookup code is its public name and never reused (PL1 §1.2)."""

    __tablename__ = "transcript"
    __table_args__ = (
        UniqueConstraint("tenant_id", "student_id", "level"),
        tenant_key("student_id", "student"),
        {
            "info": holding(
                internal="level created_at",
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


class TranscriptVersion(TenantTable):
    """One frozen edition of one year. `snapshot` is canonical JSON and, like its digest, never updated."""

    __tablename__ = "transcript_version"
    __table_args__ = (
        UniqueConstraint("tenant_id", "transcript_id", "academic_year_id", "number"),
        tenant_key("transcript_id", "transcript"),
        tenant_key("academic_year_id", "academic_year"),
        tenant_key("class_id", "school_class"),
        tenant_key("student_id", "student"),
        Index("ix_transcript_version_class", "tenant_id", "class_id", "state"),
        {
            "info": holding(
                internal="number state content_sha256 pdf_sha256 xml_sha256 signed_sha256 frozen_at issued_at",
                sensitive="snapshot",
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
    frozen_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]
