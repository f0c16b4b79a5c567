"""Certificates whose keys are held by a provider: a person's, or the school's seal."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class Credential(TenantTable):
    """One certificate at one provider. `staff_id` is None for the seal; `chain` is DER, issuer first.

    A certificate is taken over once; what was taken over never changes, only its status. A person, and the seal, has at
    most one that is active. `fingerprint` is SHA-256 of the certificate, hex.
    """

    __tablename__ = "credential"
    __table_args__ = (
        UniqueConstraint("tenant_id", "fingerprint"),
        Index(
            "uq_credential_active",
            "tenant_id",
            "staff_id",
            unique=True,
            postgresql_where=text("status = 'active'"),
            postgresql_nulls_not_distinct=True,
        ),
        tenant_key("staff_id", "staff_member"),
        {
            "info": holding(
                public="certificate chain serial issuer_name not_before not_after fingerprint",
                internal="purpose provider reference status enrolled_at revision changed_at",
                personal="account subject_name",
                title="Chứng thư số",
                purpose="Ký số bằng chứng thư của từng người và con dấu của trường",
                ground=Ground.SIGNATURES,
                keep=Keep.RECORD,
            )
        },
    )

    purpose: Mapped[str]
    staff_id: Mapped[uuid.UUID | None]
    provider: Mapped[str]
    account: Mapped[str]
    reference: Mapped[str]
    subject_name: Mapped[str]
    issuer_name: Mapped[str]
    serial: Mapped[str]
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    chain: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    fingerprint: Mapped[str]
    status: Mapped[str]
    enrolled_at: Mapped[datetime]
    revision: Mapped[int]
    changed_at: Mapped[datetime | None]
