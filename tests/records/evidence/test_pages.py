"""Who takes the evidence pack of a học bạ, what for, and what is in it. What it proves: `remote_signing/archiving`."""

import io
import json
import zipfile
from pathlib import Path

import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import audit
from backend.records.evidence import command
from backend.records.transcripts.schemas import VersionSummary
from tests.factories.machine import Machine
from tests.records.transcripts.conftest import Season

_ISSUE = """
    update transcript_version set state = 'issued', signed_sha256 = pdf_sha256, signed_xml_sha256 = xml_sha256,
    issued_at = now() where id = :id
"""
WHY = "Công văn 12/SGDĐT của Sở"


@pytest_asyncio.fixture(loop_scope="session")
async def issued(season: Season) -> VersionSummary:
    [version, *_] = await season.freeze()
    await season.render(version)
    async with season.school.session() as session:
        await session.execute(text(_ISSUE), {"id": version.id})
    await Machine(season.school.tenant_id).forget()
    return version


async def test_the_pack_is_taken_for_a_reason_that_stands_in_the_audit(
    season: Season, issued: VersionSummary, site: Litestar
) -> None:
    browser = await season.school.browser(site, "principal")
    here = f"/hoc-ba/{issued.id}/bang-chung"
    assert here in (await browser.get(f"/hoc-ba/{issued.id}")).text
    shown = (await browser.get(here)).text
    assert "chưa đóng dấu thời gian lưu trữ" in shown
    assert "Tải gói bằng chứng" in shown
    refused = await browser.post(here, {"ly_do": " "})
    assert (refused.status_code, "Hãy ghi “Lý do lập gói”" in refused.text) == (422, True)
    await browser.post(here, {"ly_do": WHY})
    taken = await browser.post(here, {"ly_do": WHY})
    assert (taken.status_code, taken.headers["content-type"]) == (200, "application/zip")
    assert f"bang-chung-hoc-ba-{issued.academic_year}-" in taken.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(taken.content)) as pack:
        assert {"bang-chung.json", "hoc-ba.pdf", "hoc-ba.xml", "nhat-ky.json"} <= set(pack.namelist())
        manifest = json.loads(pack.read("bang-chung.json"))
        events = json.loads(pack.read("nhat-ky.json"))
    assert manifest["subject_id"] == str(issued.id)
    assert [one["action"] for one in events][:1] == ["transcripts.version.freeze"]
    assert not any(one["action"].endswith((".read", ".download")) for one in events), (
        "who looked is told nobody outside"
    )
    async with season.school.session(read_only=True) as session:
        told = (await audit.history(session, [issued.id]))[0]
    assert (told.action, told.details) == ("transcripts.evidence.download", {"evidence_purpose": WHY})
    assert told.about == [issued.student_id]


async def test_whoever_runs_the_product_takes_one_by_command_and_is_named(
    season: Season, issued: VersionSummary, tmp_path: Path
) -> None:
    school, path, out = season.school.tenant_id, tmp_path / "goi.zip", io.StringIO()
    for reason, status in (("", command.IN_THE_WAY), (WHY, command.DONE)):
        assert await command.run("Người trực", school, issued.id, reason, path, out) == status
    assert zipfile.is_zipfile(path)
    assert "hocba verify" in out.getvalue()
    async with season.school.session(read_only=True) as session:
        told = (await audit.history(session, [issued.id]))[0]
    assert (told.action, told.actor_name) == ("transcripts.evidence.download", "Người trực (vận hành)")


async def test_a_teacher_takes_none_and_sees_no_button(
    season: Season, issued: VersionSummary, site: Litestar
) -> None:
    browser = await season.school.browser(site, "homeroom")
    here = f"/hoc-ba/{issued.id}/bang-chung"
    assert here not in (await browser.get(f"/hoc-ba/{issued.id}")).text
    assert (await browser.get(here)).status_code == 403
    assert (await browser.post(here, {"ly_do": WHY})).status_code == 403


async def test_before_it_is_issued_there_is_nothing_to_prove(season: Season, site: Litestar) -> None:
    [version, *_] = await season.freeze()
    browser = await season.school.browser(site, "principal")
    here = f"/hoc-ba/{version.id}/bang-chung"
    assert "Học bạ chưa phát hành" in (await browser.get(here)).text
    answer = await browser.post(here, {"ly_do": WHY})
    assert (answer.status_code, "chưa phát hành nên chưa có bằng chứng" in answer.text) == (409, True)
