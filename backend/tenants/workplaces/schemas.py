"""The words of working at several schools."""

import uuid

import msgspec


class Workplace(msgspec.Struct, frozen=True, kw_only=True):
    """A school where the account works, and as what."""

    tenant_id: uuid.UUID
    school_name: str
    role_label: str
