"""When a school may be opened."""

from backend.core.errors import Conflict
from backend.tenants.openings.schemas import FiledApplication


def require_new(filed: FiledApplication) -> None:
    """Raises Conflict when a school with the same Ministry code is open: one of the two is not who it says."""
    school = filed.application.school
    if filed.known:
        raise Conflict(
            f"Mã trường {school.code} đã thuộc về một trường đang mở; hãy kiểm tra lại hồ sơ của {school.name}."
        )
