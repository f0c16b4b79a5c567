"""Phrases of a school and of its people."""

import uuid
from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class CommentPhrase(TenantTable):
    """A sentence for comments; `owner_id` is None for one of the whole school."""

    __tablename__ = "comment_phrase"
    __table_args__ = (
        tenant_key("owner_id", "staff_member"),
        Index("ix_comment_phrase_owner", "tenant_id", "owner_id"),
        {"info": holding(internal="text subject_code grade_level level created_at")},
    )

    owner_id: Mapped[uuid.UUID | None]
    text: Mapped[str]
    subject_code: Mapped[str]
    grade_level: Mapped[int]
    level: Mapped[str]
    created_at: Mapped[datetime]
