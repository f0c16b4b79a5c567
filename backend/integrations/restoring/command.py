"""`hocba restore-forward`: 0 everything that was issued is there, 1 something is in the way, 2 it cannot be told."""

import uuid
from collections.abc import Sequence
from typing import TextIO

from backend.core.database import TenantId
from backend.core.errors import AppError
from backend.integrations.restoring import service
from backend.integrations.restoring.schemas import SchoolReport

DONE, IN_THE_WAY, UNCERTAIN = 0, 1, 2
RUNBOOK = "infra/runbooks/restore-a-backup.md"


async def run(operator: str, schools: Sequence[uuid.UUID] | None, write: bool, out: TextIO) -> int:
    """Bring these schools forward, or all of which anything lies in the store; returns the exit status."""
    problems = 0
    try:
        known = await service.begin(operator, write=write)
        for tenant_id in schools or await service.schools_in_the_store():
            report = await service.restore_school(TenantId(tenant_id), operator, known, write=write)
            problems += len(report.problems)
            _tell(report, out, write=write)
    except AppError as error:
        print(f"Không làm tiếp được: {error.message}", file=out)
        return UNCERTAIN
    if problems:
        print(f"Còn {problems} việc cần người xử lý: {RUNBOOK}", file=out)
        return IN_THE_WAY
    print("Xong." if write else "Chưa ghi gì; chạy lại với --write để ghi.", file=out)
    return DONE


def _tell(report: SchoolReport, out: TextIO, *, write: bool) -> None:
    print(
        f"{report.tenant_id}: {report.known} học bạ đã có; {'đã' if write else 'sẽ'} đưa {report.advanced} học bạ lên đã "
        f"phát hành hoặc xa hơn, dựng lại {report.rebuilt} học bạ, hỏi cơ quan tiếp nhận về {report.asked} lần gửi, "
        f"ghi lại {report.copies} bản sao đã cấp.",
        file=out,
    )
    for problem in report.problems:
        print(f"  ! {problem}", file=out)
