"""`hocba evidence SCHOOL VERSION`: the evidence pack of one học bạ, for whoever runs the product and is asked for it."""

import uuid
from pathlib import Path
from typing import TextIO

from backend.core.actor import Actor
from backend.core.database import TenantId, tenant_session
from backend.core.errors import AppError
from backend.records.evidence import service
from backend.tenants.permissions import Permission

DONE, IN_THE_WAY = 0, 1


async def run(
    operator: str, school: uuid.UUID, version: uuid.UUID, purpose: str, path: Path | None, out: TextIO
) -> int:
    """Write the pack into a file, named after the học bạ by default; who took it stands in the school's audit."""
    tenant_id = TenantId(school)
    actor = Actor(
        tenant_id=tenant_id,
        staff_id=None,
        name=f"{operator} (vận hành)",
        permissions=frozenset({Permission.TRANSCRIPT_READ_ANY}),
    )
    try:
        async with tenant_session(tenant_id) as session:
            gathered = await service.gather(session, actor, version, purpose)
        content = await service.pack(tenant_id, gathered)
    except AppError as error:
        print(error.message, file=out)
        return IN_THE_WAY
    target = path or Path(gathered.name)
    target.write_bytes(content)
    print(f"Đã ghi gói bằng chứng vào {target}; kiểm tra bằng: hocba verify {target}", file=out)
    return DONE
