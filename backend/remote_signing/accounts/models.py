"""A school's own accounts at providers, each closed under the school's key, and that key closed under the product's."""

import uuid
from datetime import datetime

from sqlalchemy import Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class SecretKey(TenantTable):
    """A key of one school. The newest one closes; older ones open nothing any more once everything was closed anew."""

    __tablename__ = "secret_key"
    __table_args__ = ({"info": holding(internal="sealed_key made_at")},)

    sealed_key: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]


class ProviderAccount(TenantTable):
    """What a school filled in for a provider. At most one per provider is active; what is over holds no values."""

    __tablename__ = "provider_account"
    __table_args__ = (
        Index(
            "uq_provider_account_active",
            "tenant_id",
            "provider",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        tenant_key("key_id", "secret_key"),
        tenant_key("added_by", "staff_member"),
        {"info": holding(internal="provider state sealed_values added_at decided_at")},
    )

    provider: Mapped[str]
    state: Mapped[str]
    key_id: Mapped[uuid.UUID]
    sealed_values: Mapped[bytes] = mapped_column(LargeBinary)
    added_by: Mapped[uuid.UUID]
    added_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class ProviderAccess(TenantTable):
    """That a provider's user has let us in there. `holder_id` is whose certificates these are; None: the seal's.

    At most one of a holder's for an account is active; what is over holds no values.
    """

    __tablename__ = "provider_access"
    __table_args__ = (
        Index(
            "uq_provider_access_active",
            "tenant_id",
            "provider",
            "account",
            "holder_id",
            unique=True,
            postgresql_where=text("state = 'active'"),
            postgresql_nulls_not_distinct=True,
        ),
        tenant_key("key_id", "secret_key"),
        tenant_key("holder_id", "staff_member"),
        tenant_key("given_by", "staff_member"),
        {
            "info": holding(
                internal="provider state sealed_values given_at ends_at ended_at",
                personal="account",
                title="Liên kết tài khoản ký số",
                purpose="Gửi yêu cầu ký tới tài khoản của người ký tại nhà cung cấp, do chính người ấy cho phép",
                ground=Ground.SIGNATURES,
                keep=Keep.RECORD,
            )
        },
    )

    provider: Mapped[str]
    account: Mapped[str]
    holder_id: Mapped[uuid.UUID | None]
    given_by: Mapped[uuid.UUID]
    state: Mapped[str]
    key_id: Mapped[uuid.UUID]
    sealed_values: Mapped[bytes] = mapped_column(LargeBinary)
    given_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
