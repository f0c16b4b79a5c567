"""Departments (tổ chuyên môn) and who belongs to them."""

import uuid

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class Department(TenantTable):
    """A department of the school's teachers; its head checks their mark sheets."""

    __tablename__ = "department"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        tenant_key("head_id", "staff_member"),
        {"info": holding(internal="name")},
    )

    name: Mapped[str]
    head_id: Mapped[uuid.UUID | None]


class DepartmentMember(TenantTable):
    """A person's place in a department: at most one for each."""

    __tablename__ = "department_member"
    __table_args__ = (
        UniqueConstraint("tenant_id", "staff_id"),
        tenant_key("department_id", "department", ondelete="CASCADE"),
        tenant_key("staff_id", "staff_member"),
        {"info": holding()},
    )

    department_id: Mapped[uuid.UUID]
    staff_id: Mapped[uuid.UUID]
