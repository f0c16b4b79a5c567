"""What a school bound: through which profile it reports, with which parameters and secrets."""

import uuid
from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class AuthorityBinding(TenantTable):
    """A school's use of a profile. One is open; those that ended stay, because messages went through them.

    `secrets` is closed under the school's key and never shown again. `trial` is what came of the last look at
    the Authority.
    """

    __tablename__ = "authority_binding"
    __table_args__ = (
        tenant_key("bound_by", "staff_member"),
        tenant_key("key_id", "secret_key"),
        Index(
            "uq_authority_binding_open", "tenant_id", unique=True, postgresql_where=text("ended_at is null")
        ),
        {"info": holding(internal="profile parameters secrets bound_at ended_at tried_at trial")},
    )

    profile: Mapped[str]
    parameters: Mapped[dict[str, str]] = mapped_column(JSONB)
    secrets: Mapped[bytes]
    key_id: Mapped[uuid.UUID | None]
    bound_by: Mapped[uuid.UUID | None]
    bound_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    trial: Mapped[str | None]
