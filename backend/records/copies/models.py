"""The register of issued copies (sổ cấp bản sao)."""

import uuid
from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class IssuedCopy(TenantTable):
    """One copy that left the school; numbers run without a gap through `register_year`, and no line is ever removed.

    `academic_year` is the year of an extract; `sha256` is that of the bytes that were handed out.
    """

    __tablename__ = "issued_copy"
    __table_args__ = (
        UniqueConstraint("tenant_id", "register_year", "number"),
        tenant_key("transcript_id", "transcript"),
        tenant_key("issued_by", "staff_member"),
        Index("ix_issued_copy_transcript", "tenant_id", "transcript_id"),
        {
            "info": holding(
                internal="register_year number kind issued_at sha256",
                personal="academic_year recipient purpose",
                title="Sổ cấp bản sao học bạ",
                purpose="Biết bản in, bản sao, trích lục học bạ nào đã cấp cho ai, để làm gì",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    register_year: Mapped[int]
    number: Mapped[int]
    kind: Mapped[str]
    transcript_id: Mapped[uuid.UUID]
    academic_year: Mapped[str | None]
    recipient: Mapped[str]
    purpose: Mapped[str]
    issued_by: Mapped[uuid.UUID | None]
    issued_at: Mapped[datetime]
    sha256: Mapped[str | None]
