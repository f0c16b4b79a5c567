"""The report of ratios of a big school: 2,000 pupils, each with a transcript that was issued."""

import statistics
from datetime import date
from typing import Final

from sqlalchemy import text

from backend.core.database import tenant_session
from backend.records.roster import service as roster
from backend.records.roster.schemas import NewStudent
from infra.bench import servers
from infra.bench import site as pages
from infra.bench.harness import Bench
from infra.bench.servers import OpenSchool
from infra.bench.site import Target

_PUPILS: Final = 2_000
_PAGE: Final = "/bao-cao"
_TRANSCRIPTS: Final = text("""
    insert into transcript (tenant_id, id, student_id, level, lookup_code, created_at)
    select tenant_id, md5('ratio' || id)::uuid, id, 'lower_secondary', md5('code' || id), now() from student
    where student_code like 'TL%'
""")
_VERSIONS: Final = text("""
    insert into transcript_version (tenant_id, id, transcript_id, academic_year_id, class_id, student_id, number, state,
        snapshot, content_sha256, frozen_at, issued_at, corrections)
    select e.tenant_id, md5('version' || s.id)::uuid, md5('ratio' || s.id)::uuid, c.academic_year_id, c.id, s.id, 1,
        'issued', '{}', repeat('0', 64), now(), now(), '[]'
    from enrollment e
    join student s on (s.tenant_id, s.id) = (e.tenant_id, e.student_id)
    join school_class c on (c.tenant_id, c.id) = (e.tenant_id, e.class_id)
    where s.student_code like 'TL%'
""")


async def measure(bench: Bench, school: OpenSchool, site: str) -> None:
    """One person opens the report again and again."""
    number = bench.size(_PUPILS, 100)
    await _fill(school, number)
    target = Target(
        url=site + _PAGE,
        cookie=await pages.cookie(site, servers.LOGIN),
        text="Tham gia và phát hành theo lớp",
    )
    [found] = await pages.turns("web.ratio_report", [target], 1, bench, None)
    p50 = statistics.median(load.p50 for load in found)
    bench.report(
        "web.ratio_report",
        statistics.median(load.p95 for load in found),
        n=sum(load.requests for load in found),
        note=f"{_PAGE}, {number} pupils with an issued transcript each, one connection; p50 {p50:.1f} ms",
    )


async def _fill(school: OpenSchool, number: int) -> None:
    async with tenant_session(school.tenant_id) as session:
        names = [one.name for one in school.classes]
        await roster.take_register(session, [_pupil(one, names[one % len(names)]) for one in range(number)])
        await session.execute(_TRANSCRIPTS)
        await session.execute(_VERSIONS)
    await servers.look_at_tables()


def _pupil(number: int, class_name: str) -> NewStudent:
    return NewStudent(
        student_code=f"TL{number:06}",
        full_name=f"Lò Văn Tỉ Lệ {number}",
        date_of_birth=date(2011, 1, 1),
        class_name=class_name,
        gender="male",
    )
