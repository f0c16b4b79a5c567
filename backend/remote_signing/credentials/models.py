"""Certificates whose keys are held by a provider: a person's, or the school's seal."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key


class Credential(TenantTable):
    """One certificate at one provider. `staff_id` is None for the seal; `chain` is DER, issuer first."""

    __tablename__ = "credential"
    __table_args__ = (
        UniqueConstraint("tenant_id", "provider", "reference"),
        tenant_key("staff_id", "staff_member"),
    )

    purpose: Mapped[str]
    staff_id: Mapped[uuid.UUID | None]
    provider: Mapped[str]
    account: Mapped[str]
    reference: Mapped[str]
    subject_name: Mapped[str]
    serial: Mapped[str]
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    chain: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    status: Mapped[str]
    enrolled_at: Mapped[datetime]
