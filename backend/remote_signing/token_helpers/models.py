"""Computers at the school that sign with the seal's token."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class TokenHelper(TenantTable):
    """One computer, from the code that pairs it to its end. `code_sha256` of the code's secret part, until it is used.

    What it said of itself when it showed the code (key, certificate) never changes afterwards.
    """

    __tablename__ = "token_helper"
    __table_args__ = (
        Index(
            "uq_token_helper_active",
            "tenant_id",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        tenant_key("offered_by", "staff_member"),
        tenant_key("credential_id", "credential"),
        {
            "info": holding(
                public="certificate chain public_key",
                internal="state machine key_id code_sha256 offered_at code_ends_at paired_at last_seen_at ended_at",
            )
        },
    )

    state: Mapped[str]
    machine: Mapped[str]
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str]
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    chain: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    code_sha256: Mapped[str]
    offered_by: Mapped[uuid.UUID | None]
    offered_at: Mapped[datetime]
    code_ends_at: Mapped[datetime]
    paired_at: Mapped[datetime | None]
    credential_id: Mapped[uuid.UUID | None]
    last_seen_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
