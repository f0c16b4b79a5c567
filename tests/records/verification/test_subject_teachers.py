"""What anyone reads about a transcript that subject teachers signed: who signed which subject, and who has not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from litestar import Litestar

from backend.core import settings, storage
from backend.records.transcripts import rules
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import SIGNING_ORDER
from backend.records.verification import service
from backend.remote_signing.formats import xades
from backend.remote_signing.formats.schemas import SUBJECT_TEACHER, XML_TARGETS, subject_target
from backend.remote_signing.validation import service as signatures
from tests.core.browser import Browser
from tests.factories.own_keys import issue, sign
from tests.factories.pki import Pki
from tests.factories.small_school import SmallSchool
from tests.records.transcripts.conftest import confirmed_class
from tests.remote_signing.formats.test_xades import part
from tests.remote_signing.formats.world import World, make_world


@pytest_asyncio.fixture(loop_scope="session")
async def world(product: settings.Settings) -> AsyncIterator[World]:
    found = make_world(Pki())
    anchor = Path(product.trust_dir) / "test-subject-teachers.pem"
    anchor.parent.mkdir(parents=True, exist_ok=True)
    anchor.write_bytes(found.pki.root.pem)
    signatures._read.cache_clear()
    yield found
    anchor.unlink()
    signatures._read.cache_clear()


@pytest.mark.parametrize("lacking", [None, "TOAN"])
async def test_the_public_page_says_who_signed_which_subject(
    small_school: SmallSchool, world: World, site: Litestar, lacking: str | None
) -> None:
    async with small_school.session() as session:
        season = await confirmed_class(small_school, session, "6A", 6, ["Lò Thị An"], taken_by_music="NT")
    [version] = await season.freeze()
    _, xml = await season.render(version)
    document = await season.ask_for_signatures(version)
    async with small_school.session() as session:
        snapshot = await transcripts.get_snapshot(session, version.id)
    subjects = {one.code: one.name for one in rules.signed_by_teachers(snapshot)}
    targets = [(subject_target(code), world.teacher) for code in subjects if code != lacking]
    targets += [(XML_TARGETS[role], who) for role, who in world.signers]
    signed = xades.embed(xml, [(target, part(world, target, who, base=xml)) for target, who in targets])
    await issue(season, version, sign(world, document), signed)

    answer = await service.check_code(version.lookup_code)
    names = [name for code, name in subjects.items() if code != lacking]
    assert [(one.role, one.part) for one in answer.signatures] == [
        *((SUBJECT_TEACHER, name) for name in names),
        *((role.value, None) for role in SIGNING_ORDER),
    ]
    browser = Browser(site)
    shown = (await browser.get(f"/tra-cuu/{version.lookup_code}")).text
    assert "Giáo viên bộ môn, Ngữ văn" in shown
    if lacking:
        assert answer.verdict == "invalid"
        assert "Thiếu chữ ký của giáo viên bộ môn Toán." in shown
    else:
        assert (answer.verdict, answer.problems) == ("valid", ())
        assert "Học bạ hợp lệ" in shown
        # Who holds the PDF alone reads three signatures, and where the others are.
        async with small_school.session(read_only=True) as session:
            [issued] = await transcripts.versions_of_transcript(session, version.transcript_id)
        pdf = await storage.get(small_school.tenant_id, issued.signed_sha256 or "")
        of_file = await service.check_file(pdf)
        assert [one.role for one in of_file.signatures] == [role.value for role in SIGNING_ORDER]
        [notice] = of_file.notices
        assert f"Giáo viên bộ môn ({', '.join(subjects.values())}) ký phần môn học" in notice
        assert answer.notices == ()
