"""What a school has decided about the order of signing, one row per decision."""

import uuid
from datetime import date, datetime

from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class SigningOrderDecision(TenantTable):
    """Whether subject teachers of a level sign what is frozen from a day on. None is changed or removed."""

    __tablename__ = "signing_order_decision"
    __table_args__ = (
        tenant_key("set_by", "staff_member"),
        {
            "info": holding(
                internal="level teachers_sign starts_on set_at",
                personal="reason",
                title="Thứ tự ký học bạ",
                purpose="Cho biết trường yêu cầu ai ký học bạ, từ ngày nào, vì sao",
                ground=Ground.ACCOUNTABILITY,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    level: Mapped[str]
    teachers_sign: Mapped[bool]
    starts_on: Mapped[date]
    reason: Mapped[str]
    set_by: Mapped[uuid.UUID]
    set_at: Mapped[datetime]
