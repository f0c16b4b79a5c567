"""The providers at which a school's people may sign in."""

from datetime import datetime

from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable
from backend.core.personal_data import holding


class IdentityProvider(TenantTable):
    """One provider of one school. `restriction` is the domain (Google) or the directory (Entra) that is the school's."""

    __tablename__ = "identity_provider"
    __table_args__ = (
        {"info": holding(internal="kind name issuer restriction client_id sealed_secret added_at")},
    )

    kind: Mapped[str]
    name: Mapped[str]
    issuer: Mapped[str]
    restriction: Mapped[str]
    client_id: Mapped[str]
    sealed_secret: Mapped[bytes]
    added_at: Mapped[datetime]
