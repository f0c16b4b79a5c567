"""Subject teachers sign before everybody else, side by side, each the own subject of the XML and nothing of the PDF."""

import io
import json
from pathlib import Path

import pytest_asyncio
from sqlalchemy import select

from backend.core import storage
from backend.core.database import tenant_session
from backend.remote_signing.formats import xades_check
from backend.remote_signing.formats.schemas import SUBJECT_TEACHER, XML_TARGETS, subject_target
from backend.remote_signing.formats.verify_command import run
from backend.remote_signing.requests import declining, service
from backend.remote_signing.requests.models import SigningRequest
from backend.remote_signing.requests.schemas import BatchId, ConsentOffer
from backend.remote_signing.validation import service as validation
from tests.factories.machine import Machine
from tests.factories.signing_school import PRINCIPAL, ROLES, SEAL, TEACHER, SigningSchool, proof_for
from tests.fakes.processes import SigningService
from tests.remote_signing.archiving.test_evidence import parts, said
from tests.remote_signing.archiving.test_stamping import night
from tests.remote_signing.requests.test_crashes import POINTS
from tests.remote_signing.requests.test_held import Browsers, browsers

__all__ = ["browsers"]

#: Who teaches what; the second teaches two subjects.
TOAN, VAN_SU = "giao_vien_toan", "giao_vien_van"
SUBJECTS = {"TOAN": TOAN, "NGUVAN": VAN_SU, "LSDL": VAN_SU}


@pytest_asyncio.fixture(loop_scope="session")
async def taught(school: SigningSchool, signing: SigningService) -> SigningSchool:
    """The signing school with two subject teachers."""
    for who in dict.fromkeys(SUBJECTS.values()):
        codes = [code for code, teacher in SUBJECTS.items() if teacher == who]
        await school.hire_teacher(signing, who, *codes)
    return school


async def offer(school: SigningSchool, who: str, part: str | None = None) -> ConsentOffer:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await service.offer(session, await school.actor(who), SUBJECT_TEACHER, None, part)


async def agree(school: SigningSchool, who: str, part: str | None = None) -> BatchId:
    shown = await offer(school, who, part)
    async with tenant_session(school.tenant_id) as session:
        actor = await school.actor(who)
        return await service.consent(
            session,
            actor,
            SUBJECT_TEACHER,
            None,
            shown.merkle_root,
            shown.as_of,
            proof_for(shown),
            part,
        )


async def in_tray(school: SigningSchool, who: str) -> dict[tuple[str, str | None], int]:
    """(role, part) → how many documents wait."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        groups = await service.tray(session, await school.actor(who))
    return {(one.role, one.part): one.count for one in groups}


async def test_teachers_sign_in_any_order_and_the_next_turn_waits_for_all(
    taught: SigningSchool, signing: SigningService, tmp_path: Path
) -> None:
    """Three sign the page and the XML; the teachers sign the own subjects alone. Each hash once."""
    [subject, _] = await taught.ask(2)
    before, machine = signing.ledger(), Machine(taught.tenant_id)
    assert await in_tray(taught, TOAN) == {(SUBJECT_TEACHER, "Môn TOAN"): 2}
    assert await in_tray(taught, VAN_SU) == {
        (SUBJECT_TEACHER, "Môn LSDL"): 2,
        (SUBJECT_TEACHER, "Môn NGUVAN"): 2,
    }
    await agree(taught, VAN_SU, "Môn LSDL")
    await machine.rest()
    assert await in_tray(taught, VAN_SU) == {(SUBJECT_TEACHER, "Môn NGUVAN"): 2}
    await agree(taught, VAN_SU)
    await machine.rest()
    assert await taught.waiting(TEACHER) == 0
    await agree(taught, TOAN)
    await machine.rest()
    for role in ROLES:
        assert await taught.waiting(role) == 2
        await taught.consent(role)
        await machine.rest()

    after = signing.ledger()
    assert after["count"] - before["count"] == 2 * (len(SUBJECTS) + 2 * len(ROLES))
    assert after["consents"] - before["consents"] == 3 + len(ROLES)
    assert after["signed_more_than_once"] == []
    async with tenant_session(taught.tenant_id, read_only=True) as session:
        query = select(SigningRequest).where(SigningRequest.subject_id == subject)
        request = (await session.scalars(query)).one()
        turns = await service.steps_of(session, subject)
    assert (await storage.get(taught.tenant_id, request.current_sha256)).count(b"/ByteRange") == 3
    xml = await storage.get(taught.tenant_id, request.signed_xml_sha256 or "")
    xades_check.quick_check(xml, [*map(subject_target, SUBJECTS), *XML_TARGETS.values()])
    assert [(one.position, one.part) for one in turns] == [
        (0, "Môn LSDL"),
        (0, "Môn NGUVAN"),
        (0, "Môn TOAN"),
        (1, None),
        (2, None),
        (3, None),
    ]
    # Each signature brings what proves itself, and nothing about the others.
    certificates = [len(one.added.certificates) for one in xades_check.read_bones(xml).signatures]
    assert max(certificates) <= 6

    (tmp_path / "hoc-ba.xml").write_bytes(xml)
    out = io.StringIO()
    assert run(tmp_path / "hoc-ba.xml", signing.trust_root.parent, None, True, out) == 0, out.getvalue()
    told = json.loads(out.getvalue())["signatures"]
    assert [(one["role"], one["part"]) for one in told[:3]] == [
        ("GVBM", "Ngữ văn"),
        ("GVBM", "Toán"),
        ("GVBM", "Lịch sử và Địa lí"),
    ]
    await night(taught)
    manifest, files = await parts(taught, subject)
    pack = validation.evidence_pack(manifest, files)
    status, words = said(tmp_path / "goi.zip", pack, signing.trust_root.parent)
    assert status == 0, words
    lacking = manifest.consents[:1] + manifest.consents[2:]
    changed = type(manifest)(
        subject_id=manifest.subject_id, made_at=manifest.made_at, consents=lacking, files=manifest.files
    )
    status, words = said(
        tmp_path / "goi.zip", validation.evidence_pack(changed, files), signing.trust_root.parent
    )
    assert (status, "đúng một xác nhận ký của giáo viên bộ môn" in words) == (1, True), words


async def test_killed_at_each_step_teachers_side_by_side_sign_once(
    taught: SigningSchool, signing: SigningService
) -> None:
    """Every job of every turn loses three workers: after its intent, one commit later, and before its end."""
    [subject] = await taught.ask(1)
    before = signing.ledger()
    doomed = Machine(taught.tenant_id, deaths=[*POINTS.values()])
    # Both at once, so that their jobs run side by side over the same document.
    for who in (VAN_SU, TOAN):
        await agree(taught, who)
    await doomed.rest()
    for role in ROLES:
        await taught.consent(role)
        await doomed.rest()
    after = signing.ledger()
    assert after["count"] - before["count"] == len(SUBJECTS) + 2 * len(ROLES)
    assert after["consents"] - before["consents"] == 2 + len(ROLES)
    assert after["signed_more_than_once"] == []
    async with tenant_session(taught.tenant_id, read_only=True) as session:
        query = select(SigningRequest).where(SigningRequest.subject_id == subject)
        request = (await session.scalars(query)).one()
    xml = await storage.get(taught.tenant_id, request.signed_xml_sha256 or "")
    xades_check.quick_check(xml, [*map(subject_target, SUBJECTS), *XML_TARGETS.values()])
    # Job by job: each died so often, and none was given up.
    assert len(doomed.done) > 3 * 4 * (2 + len(ROLES))
    assert await doomed.left() == []


async def test_a_teacher_reads_the_own_subject_of_each_pupil_before_the_consent(
    taught: SigningSchool, browsers: Browsers
) -> None:
    await taught.ask(1)
    browser = await browsers.of(taught, VAN_SU)
    tray = (await browser.get("/ky")).text
    assert "phan=M%C3%B4n%20LSDL" in tray
    assert "2 phần học bạ chờ ký" in tray
    assert "2 phần học bạ đang chờ bạn ký" in (await browser.get("/")).text
    shown = (await browser.get(f"/ky/xem?vai={SUBJECT_TEACHER}&phan=Môn LSDL")).text
    [item] = (await offer(taught, VAN_SU, "Môn LSDL")).items
    async with tenant_session(taught.tenant_id, read_only=True) as session:
        [request] = (await session.scalars(select(SigningRequest))).all()
    xml = (await storage.get(taught.tenant_id, request.xml_sha256 or "")).decode()
    own = xml.partition('Id="mon-LSDL"')[2].partition("</DIEM_TONG_KET>")[0]
    year, comment = (own.partition(f"<{tag}>")[2].partition("<")[0] for tag in ("CA_NAM", "NHAN_XET"))
    assert year
    assert comment
    assert f'data-label="Cả năm">{year.replace(".", ",")}<' in shown
    assert comment in shown
    assert "Môn NGUVAN" not in shown
    assert [part.target for part in item.parts] == [subject_target("LSDL")]


async def test_one_teacher_refuses_and_nobody_signs_after_the_others(taught: SigningSchool) -> None:
    await taught.ask(1)
    [first, _] = (await offer(taught, VAN_SU)).items
    actor = await taught.actor(VAN_SU)
    async with tenant_session(taught.tenant_id) as session:
        turn = await declining.decline(session, actor, first.step_id, "Sai điểm học kì II")
    assert turn.part == first.part
    machine = Machine(taught.tenant_id)
    for who in (VAN_SU, TOAN):
        await agree(taught, who)
        await machine.rest()
    assert [await taught.waiting(role) for role in (TEACHER, PRINCIPAL, SEAL)] == [0, 0, 0]
    async with tenant_session(taught.tenant_id) as session:
        await declining.offer_again(session, actor, first.step_id, "Đã đối chiếu với sổ điểm")
    await agree(taught, VAN_SU)
    await machine.rest()
    assert await taught.waiting(TEACHER) == 1
