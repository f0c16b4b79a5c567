"""From the frozen text to files: rendered once, the same bytes each time, given out only as they were stored."""

import hashlib
import io
from typing import Any
from uuid import UUID

import pikepdf
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import bucket, clock, database, settings, storage
from backend.core.errors import Conflict, NotFound
from backend.records.transcripts import flow, forms, service
from backend.records.transcripts.schemas import Forms, VersionState, VersionSummary
from backend.remote_signing.requests import queries as signing_queries
from backend.remote_signing.requests import service as signing
from tests.core.browser import Browser
from tests.records.transcripts.conftest import NAMES, Season

Rendered = tuple[VersionSummary, bytes, bytes, Browser]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def state(season: Season, version: VersionSummary) -> str:
    async with season.school.session(read_only=True) as session:
        return (await service.get_version(session, version.id)).state


async def events(season: Season, version: VersionSummary) -> list[str]:
    query = text("select name from work.outbox_event where subject_id = :id order by id")
    async with season.school.session(read_only=True) as session:
        return list(await session.scalars(query, {"id": version.id}))


async def test_rendering_is_recorded_once_and_gives_the_same_bytes(season: Season) -> None:
    version = (await season.freeze())[0]
    async with season.school.session() as session:
        [content] = (await flow.due_for_rendering(session, [version.id])).values()
    first, again = await forms.both(version.id, content), await forms.both(version.id, content)
    assert first == again
    assert await season.render(version) == (first.pdf, first.xml)
    assert await state(season, version) == VersionState.RENDERED
    async with season.school.session() as session:
        assert await flow.due_for_rendering(session, [version.id]) == {}
        other = Forms(version_id=version.id, pdf=b"another PDF", xml=b"another XML")
        await flow.record_renderings(session, [other])
        for kind, data in (("pdf", first.pdf), ("xml", first.xml)):
            assert await service.digest_of_file(session, version.id, kind) == sha256(data)
    assert await events(season, version) == ["TranscriptFrozen", "TranscriptRendered"]


async def test_steps_are_not_skipped(season: Season) -> None:
    version = (await season.freeze())[0]
    async with season.school.session() as session:
        with pytest.raises(NotFound, match="chưa được kết xuất"):
            await service.digest_of_file(session, version.id, "pdf")
        with pytest.raises(Conflict, match="đang ở bước “Đã chốt số liệu”, chưa thể đưa đi ký"):
            await flow.ask_for_signatures(session, [version.id])
        with pytest.raises(Conflict, match="chưa thể phát hành"):
            await flow.issue(session, [version.id])
    assert await state(season, version) == VersionState.FROZEN


async def test_signatures_are_asked_for_once_in_the_order_of_the_law(season: Season) -> None:
    version = (await season.freeze())[0]
    await season.render(version)
    document = await season.ask_for_signatures(version)
    async with season.school.session() as session:
        await flow.ask_for_signatures(session, [version.id])
        steps = await signing.steps_of(session, version.id)
        assert await service.digest_of_file(session, version.id, "pdf") == sha256(document)
        trays = {
            who: await signing.tray(session, await season.school.actor(session, who))
            for who in ("homeroom", "principal", "clerk", "stranger")
        }
    assert [(step.role, step.signer_name, step.state) for step in steps] == [
        ("homeroom_teacher", "Đinh Thị Hoài Thu", "ready"),
        ("principal", "Nghiêm Thế Khải", "waiting"),
        ("school_seal", season.school.name, "waiting"),
    ]
    assert {who: sum(group.count for group in groups) for who, groups in trays.items()} == {
        "homeroom": 1,
        "principal": 0,
        "clerk": 0,
        "stranger": 0,
    }
    with pikepdf.open(io.BytesIO(document)) as pdf:
        assert len(pdf.Root.AcroForm.Fields) == 3


@pytest_asyncio.fixture(loop_scope="session")
async def rendered(season: Season, site: Litestar) -> Rendered:
    """A rendered version, its files, and its principal at the screen."""
    version = (await season.freeze())[0]
    pdf, xml = await season.render(version)
    return version, pdf, xml, await season.school.browser(site, "principal")


async def test_files_are_given_out_as_they_were_stored(rendered: Rendered) -> None:
    version, pdf, xml, browser = rendered
    for kind, data, media_type in (("pdf", pdf, "application/pdf"), ("xml", xml, "application/xml")):
        answer = await browser.get(f"/hoc-ba/{version.id}/tep/{kind}")
        assert answer.status_code == 200
        assert answer.content == data
        assert answer.headers["content-type"].startswith(media_type)
        unsigned = "-CHUA-KY" if kind == "pdf" else ""
        name = f'attachment; filename="hoc-ba-{version.student_code}-2025-2026{unsigned}.{kind}"'
        assert answer.headers["content-disposition"] == name
    assert (await browser.get(f"/hoc-ba/{version.id}/tep/docx")).status_code == 404


async def test_no_transaction_waits_for_the_store(
    rendered: Rendered, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, pdf, _, browser = rendered
    in_use, get = [], storage.get

    async def watched(tenant_id: UUID, digest: str) -> bytes:
        in_use.append(database.engine().pool.checkedout())  # type: ignore[attr-defined]
        return await get(tenant_id, digest)

    monkeypatch.setattr(storage, "get", watched)
    assert (await browser.get(f"/hoc-ba/{version.id}/tep/pdf")).content == pdf
    assert in_use == [0]


async def test_before_the_issue_the_pdf_is_for_those_who_sign(
    season: Season, rendered: Rendered, site: Litestar
) -> None:
    version, pdf, _, principal = rendered
    address = f"/hoc-ba/{version.id}/tep/pdf"
    page = await principal.get(f"/hoc-ba/{version.id}")
    assert "Bản chưa ký đủ" in page.text
    assert "Tải tệp PDF" not in page.text
    clerk = await season.school.browser(site, "clerk")
    assert (await clerk.get(address)).content == pdf
    teacher = await season.school.browser(site, "music")
    refused = await teacher.get(address)
    assert refused.status_code == 403
    assert "chưa có đủ chữ ký số" in refused.text
    assert address not in (await teacher.get(f"/hoc-ba/{version.id}")).text


def overwrite(tenant_id: Any, digest: str, data: bytes) -> None:
    """What nobody of ours would do: other bytes under the same key, straight in the store."""
    bucket.client().put_object(
        Bucket=settings.get().s3_bucket, Key=storage.object_key(tenant_id, digest), Body=data
    )


async def test_other_bytes_in_the_store_are_never_given_out(season: Season, rendered: Rendered) -> None:
    version, pdf, xml, browser = rendered
    altered = pdf.replace(b"%PDF-1.7", b"%PDF-1.6", 1)
    assert altered != pdf
    overwrite(season.school.tenant_id, sha256(pdf), altered)
    answer = await browser.get(f"/hoc-ba/{version.id}/tep/pdf")
    assert answer.status_code == 500
    assert b"%PDF" not in answer.content
    with pytest.raises(storage.CorruptObject):
        await storage.get(season.school.tenant_id, sha256(pdf))
    assert (await browser.get(f"/hoc-ba/{version.id}/tep/xml")).content == xml


async def test_a_code_that_is_no_ascii_still_makes_a_file_name(season: Season, rendered: Rendered) -> None:
    version, pdf, _, browser = rendered
    async with season.school.session() as session:
        await session.execute(
            text("update student set student_code = 'HSĐ/0\"1' where id = :id"), {"id": version.student_id}
        )
    answer = await browser.get(f"/hoc-ba/{version.id}/tep/pdf")
    assert (answer.status_code, answer.content) == (200, pdf)
    assert 'filename="hoc-ba-HS__0_1-2025-2026-CHUA-KY.pdf"' in answer.headers["content-disposition"]


async def test_trays_are_sorted_as_class_lists_are(season: Season) -> None:
    """By given name, not by family name: An, Bình, Chi are Lò, Cầm, Quàng."""
    versions = await season.freeze()
    for version in reversed(versions):
        await season.render(version)
        await season.ask_for_signatures(version)
    assert season.homeroom.staff_id is not None
    async with season.school.session() as session:
        rows = await signing_queries.tray_items(
            session,
            season.homeroom.staff_id,
            seal=False,
            role="homeroom_teacher",
            group=None,
            part=None,
            until=clock.now(),
        )
    assert [row.label.partition(" (")[0] for row in rows] == NAMES


async def test_teachers_open_the_transcripts_of_their_classes_alone(season: Season, site: Litestar) -> None:
    version = (await season.freeze())[0]
    addresses = (f"/lop/{season.class_id}/hoc-ba", f"/hoc-ba/{version.id}", f"/hoc-ba/{version.id}/tep/xml")
    await season.render(version)
    for who, status in (("homeroom", 200), ("music", 200), ("clerk", 200), ("stranger", 403)):
        browser = await season.school.browser(site, who)
        assert {(await browser.get(address)).status_code for address in addresses} == {status}, who
