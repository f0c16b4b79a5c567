"""Time stamps for the archive: each is a row and a new object, nothing of before is touched."""

import uuid
from datetime import datetime

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class ArchiveStamp(TenantTable):
    """One stamping of a document that everybody has signed; the first is number 1, a renewal the next.

    `document_sha256` is the PDF with this stamp in it. `xml_token` is an RFC 3161 token over the signed XML and the
    tokens before it. `expires_at` is the end of the authority's certificate.
    """

    __tablename__ = "archive_stamp"
    __table_args__ = (
        UniqueConstraint("tenant_id", "request_id", "number"),
        tenant_key("request_id", "signing_request"),
        {"info": holding(internal="number document_sha256 xml_token stamped_at expires_at")},
    )

    request_id: Mapped[uuid.UUID]
    number: Mapped[int]
    document_sha256: Mapped[str]
    xml_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    stamped_at: Mapped[datetime]
    expires_at: Mapped[datetime]
