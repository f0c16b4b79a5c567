"""Connections of a school: who let which system in, to what, until when. Keys are kept as digests in the directory."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class ApiClient(TenantTable):
    """Another system with a key of this school. It is ended, never removed."""

    __tablename__ = "api_client"
    __table_args__ = (
        tenant_key("created_by", "staff_member"),
        {"info": holding(internal="name kind scopes created_at ends_at ended_at")},
    )

    name: Mapped[str]
    kind: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_by: Mapped[uuid.UUID]
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
