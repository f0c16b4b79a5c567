"""What other systems have done here: the answer to each of their deeds, for whoever asks the same again."""

import uuid
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class ApiAnswer(TenantTable):
    """The answer to a deed of a connection, by the key that it chose; JSON of counts and ids, never changed."""

    __tablename__ = "api_answer"
    __table_args__ = (
        UniqueConstraint("tenant_id", "client_id", "key"),
        tenant_key("client_id", "api_client"),
        {"info": holding(internal="key request_sha256 answer made_at")},
    )

    client_id: Mapped[uuid.UUID]
    key: Mapped[str]
    request_sha256: Mapped[str]
    answer: Mapped[str]
    made_at: Mapped[datetime]
