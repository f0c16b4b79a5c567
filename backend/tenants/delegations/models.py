"""Deputies who sign in the principal's place."""

import uuid
from datetime import date, datetime

from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class DelegationRow(TenantTable):
    """Days on which a deputy signs, by a written decision. What is over stays as evidence of who might sign when."""

    __tablename__ = "delegation"
    __table_args__ = (
        tenant_key("staff_id", "staff_member"),
        {
            "info": holding(
                internal="decision_number made_at",
                personal="starts_on ends_on ended_on",
                title="Ủy quyền ký thay hiệu trưởng",
                purpose="Biết ai được ký thay, từ ngày nào đến ngày nào",
                ground=Ground.SIGNATURES,
                keep=Keep.RECORD,
            )
        },
    )

    staff_id: Mapped[uuid.UUID]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    ended_on: Mapped[date | None]
    decision_number: Mapped[str]
    made_at: Mapped[datetime]
