"""`hocba rotate-secrets SCHOOL…`: a new key for each of these schools, and everything closed under it."""

import uuid
from collections.abc import Sequence
from typing import TextIO

from backend.core.actor import machine
from backend.core.database import TenantId, tenant_session
from backend.core.errors import AppError
from backend.remote_signing.accounts import service

DONE, IN_THE_WAY = 0, 1


async def rotate(schools: Sequence[uuid.UUID], out: TextIO) -> int:
    """One transaction per school; returns the exit status. A school in which something does not open stays as it is."""
    status = DONE
    for school in schools:
        tenant_id = TenantId(school)
        try:
            async with tenant_session(tenant_id) as session:
                count = await service.rotate(session, machine(tenant_id))
        except AppError as error:
            print(f"{school}: {error.message}", file=out)
            status = IN_THE_WAY
        else:
            print(f"{school}: đã đổi khóa, niêm phong lại {count} tài khoản", file=out)
    return status
