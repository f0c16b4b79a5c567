"""What this school has told the public log, and what its entries are opened with."""

import uuid
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class TransparencyEntry(TenantTable):
    """One event of one version. `entry` is what stands in the log; statement and salt open it."""

    __tablename__ = "transparency_entry"
    __table_args__ = (
        UniqueConstraint("tenant_id", "version_id", "event"),
        tenant_key("version_id", "transcript_version"),
        {"info": holding(internal="event statement salt entry recorded_at")},
    )

    version_id: Mapped[uuid.UUID]
    event: Mapped[str]
    statement: Mapped[str]
    salt: Mapped[bytes]
    entry: Mapped[bytes]
    recorded_at: Mapped[datetime]
