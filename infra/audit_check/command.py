"""`hocba audit check`: 0 nothing is wrong, 1 somebody changed something, 2 it cannot be told."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TextIO

import asyncpg
from botocore.exceptions import BotoCoreError, ClientError

from infra.audit_check.check import Check, Report
from infra.audit_check.sources import Sources, Store, refuse_unsafe_role
from infra.audit_check.stamps import anchors, stamped_at

OK, TAMPERED, UNCERTAIN = 0, 1, 2
RUNBOOK = "infra/runbooks/the-audit-check-fails.md"


async def run(
    sources: Sources, schools: Sequence[uuid.UUID] | None, seen: dict[int, str], out: TextIO
) -> int:
    """Check and print what was found, one line each; returns the exit status."""
    try:
        report = await look(sources, schools, seen)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        print(f"Không kiểm được: cơ sở dữ liệu không trả lời ({type(error).__name__}: {error}).", file=out)
        return UNCERTAIN
    except (BotoCoreError, ClientError) as error:
        print(f"Không kiểm được: kho lưu trữ không trả lời ({error}).", file=out)
        return UNCERTAIN
    except ValueError as error:
        print(f"Không kiểm được: {error}.", file=out)
        return UNCERTAIN
    return tell(report, out)


async def look(sources: Sources, schools: Sequence[uuid.UUID] | None, seen: dict[int, str]) -> Report:
    """One check of one moment: the database is read in a single transaction that may only read."""
    trusted = anchors(sources.trust_dir)
    store = Store(sources)
    connection = await asyncpg.connect(sources.database_url)
    try:
        await refuse_unsafe_role(connection)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            check = Check(
                connection=connection,
                keys=store.listed(),
                fetch=store.fetch,
                stamped_at=partial(stamped_at, trusted=trusted),
                now=datetime.now(UTC),
                schools=schools,
                seen=seen,
            )
            return await check.run()
    finally:
        await connection.close()
        store.close()


def tell(report: Report, out: TextIO) -> int:
    """Print a report; returns the exit status that it means."""
    for finding in report.findings:
        print(finding, file=out)
    waiting = f"; {report.waiting} sự kiện đang chờ nối vào chuỗi" if report.waiting else ""
    print(
        f"Đã kiểm {report.schools} trường, {report.events} sự kiện, "
        f"{report.checkpoints} điểm niêm phong{waiting}.",
        file=out,
    )
    if report.newest:
        print(f"Điểm niêm phong mới nhất, nên ghi lại ở nơi khác: {report.newest}", file=out)
    if any(finding.is_tampering for finding in report.findings):
        print(f"NHẬT KÝ ĐÃ BỊ ĐỘNG ĐẾN. Việc cần làm: {RUNBOOK}", file=out)
        return TAMPERED
    if report.findings:
        print(f"Chưa kết luận được. Việc cần làm: {RUNBOOK}", file=out)
        return UNCERTAIN
    print("Nhật ký còn nguyên vẹn.", file=out)
    return OK
