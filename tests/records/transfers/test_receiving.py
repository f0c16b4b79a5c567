"""A package comes in as a file: checked to the last part, taken over once; of one that is wrong nothing is kept."""

import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pikepdf
import pytest
import pytest_asyncio
from sqlalchemy import text

from backend.core import storage
from backend.core.audit import Action
from backend.core.crypto import sha256_hex
from backend.core.errors import Conflict, Invalid, NotFound
from backend.records.roster import service as roster
from backend.records.roster.schemas import StudentId
from backend.records.transfers import checking, flow, queries, receiving, rules
from backend.records.transfers import manifest as manifests
from backend.records.transfers.schemas import Manifest, Package, ReceivedState, YearPart
from backend.records.verification.schemas import Standing
from tests.factories.own_keys import sign
from tests.factories.pki import Pki
from tests.records.transfers.conftest import Schools
from tests.remote_signing.formats.attacks import flipped_byte
from tests.remote_signing.formats.world import make_world

NAME = "Quàng Thị Chi"


@dataclass
class Sent:
    """A good package, what it is made of, and the pupil's record at the receiver's."""

    schools: Schools
    data: bytes
    package: Package
    files: dict[str, bytes]
    student_id: StudentId

    @property
    def manifest(self) -> Manifest:
        return self.package.manifest

    async def remade(self, files: dict[str, bytes] | None = None, **changes: Any) -> bytes:
        """The package with other files or another manifest, signed like the first."""
        manifest = msgspec.structs.replace(self.manifest, **changes)
        return self.schools.sign(await flow.compiled(manifest, files or self.files))

    async def with_year(self, pdf: bytes, xml: bytes | None = None, **changes: Any) -> bytes:
        """The package with another file in the place of its year, of which the manifest says so."""
        [part] = self.manifest.years
        files = {part.pdf.name: pdf, part.xml.name: self.files[part.xml.name] if xml is None else xml}
        year = msgspec.structs.replace(
            part,
            pdf=msgspec.structs.replace(part.pdf, sha256=sha256_hex(files[part.pdf.name])),
            xml=msgspec.structs.replace(part.xml, sha256=sha256_hex(files[part.xml.name])),
            **changes,
        )
        return await self.remade(files, years=(year,))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sent(three: Schools) -> Sent:
    student_id = await three.leave(NAME)
    data = await three.sealed(await three.draft(student_id, "Trường Nhận Về"))
    package = await checking.check(data)
    [year] = package.years
    files = {
        part.name: await storage.get(three.sender.tenant_id, part.sha256)
        for part in (year.part.pdf, year.part.xml)
    }
    return Sent(three, data, package, files, await three.arrive(NAME))


async def test_a_package_is_taken_over_once_with_its_proof(sent: Sent) -> None:
    school, clerk = sent.schools.receiver, await sent.schools.clerk(sent.schools.receiver)
    await storage.put(school.tenant_id, sent.data)
    async with school.session() as session:
        kept = await receiving.keep(session, clerk, sent.student_id, sent.package)
        again = await receiving.keep(session, clerk, sent.student_id, sent.package)
        assert await roster.earlier_years(session, sent.student_id) == []
        assert await receiving.digest_of(session, sent.student_id, kept) == sha256_hex(sent.data)
    async with school.session() as session:
        assert await receiving.accept(session, clerk, sent.student_id, kept, sent.package) == 1
    async with school.session() as session:
        [year] = await roster.earlier_years(session, sent.student_id)
        assert (year.academic_year, year.class_name, year.grade_level) == ("2025-2026", "1A", 1)
        assert year.school_name == sent.schools.sender.name
        lines = year.results.splitlines()
        assert "Toán: Hoàn thành tốt, kiểm tra 9" in lines
        assert lines[-1].startswith("Khen thưởng: ")
        assert "Kết luận: Được lên lớp" in lines
        row = await queries.received(session, sent.student_id, kept)
        assert row is not None
        assert (row.earlier_year_ids, row.sha256, row.decided_by) == (
            [year.id],
            sha256_hex(sent.data),
            clerk.staff_id,
        )
        assert row.verdict["signed"] == "Nghiêm Thế Khải; Trường Tiểu học Hoa Ban"
        assert row.verdict["in_force"] == "2025-2026: đã phát hành, chưa chốt"
        assert await storage.get(school.tenant_id, row.sha256) == sent.data
        await storage.require_owned(session, [row.sha256])
        about = text("select about from audit_event where action = :action and subject_id = :id")
        told = await session.scalar(about, {"action": Action.TRANSFER_ACCEPTED, "id": kept})
        assert told == [sent.student_id]
    for repeated in (kept, again):
        async with school.session() as session:
            with pytest.raises(Conflict, match="đã được"):
                await receiving.accept(session, clerk, sent.student_id, repeated, sent.package)
    async with school.session() as session:
        with pytest.raises(Conflict, match="đã được nhận trước đó"):
            await receiving.keep(session, clerk, sent.student_id, sent.package)
        await receiving.discard(session, clerk, sent.student_id, again)
        states = {row.state for row in await queries.received_of(session, sent.student_id)}
        assert states == {ReceivedState.ACCEPTED, ReceivedState.DISCARDED}
        with pytest.raises(Conflict, match="đã được nhận hoặc bỏ"):
            await receiving.discard(session, clerk, sent.student_id, again)
        with pytest.raises(NotFound):
            await receiving.digest_of(session, uuid.uuid4(), again)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"full_name": "Quàng Thị Chinh"}, "không phải của"),
        ({"date_of_birth": "2018-03-05"}, "không phải của"),
        ({"personal_id": "000319999999"}, "số định danh cá nhân khác"),
        ({"personal_id": None, "student_code": "9900000099"}, "mã học sinh khác nhau"),
    ],
)
async def test_the_package_of_another_pupil_is_refused(
    sent: Sent, changed: dict[str, Any], said: str
) -> None:
    school, clerk = sent.schools.third, await sent.schools.clerk(sent.schools.third)
    student_id = await sent.schools.arrive(NAME, school)
    raw = msgspec.to_builtins(sent.manifest.student) | changed
    student = msgspec.convert(raw, type(sent.manifest.student))
    manifest = msgspec.structs.replace(sent.manifest, student=student)
    package = msgspec.structs.replace(sent.package, manifest=manifest)
    async with school.session() as session:
        with pytest.raises(Invalid, match=said):
            await receiving.keep(session, clerk, student_id, package)
        assert await queries.received_of(session, student_id) == []


async def _flipped(sent: Sent) -> bytes:
    return flipped_byte(sent.data)


async def _appended(sent: Sent) -> bytes:
    return sent.data + b"\n% more"


async def _unsigned(sent: Sent) -> bytes:
    return await flow.compiled(sent.manifest, sent.files)


async def _without_the_seal(sent: Sent) -> bytes:
    world = sent.schools.world
    return world.sign(await _unsigned(sent), "principal", world.principal, first=True)


async def _of_strangers(sent: Sent) -> bytes:
    strange = Schools(
        sent.schools.season, sent.schools.receiver, sent.schools.third, make_world(Pki("NGUOI LA"))
    )
    return strange.sign(await _unsigned(sent))


async def _sealed_by_another(sent: Sent) -> bytes:
    other = sent.schools.world.pki.person("Trường Khác", "Trường Khác")
    return sent.schools.sign(await _unsigned(sent), other)


async def _a_transcript(sent: Sent) -> bytes:
    return sent.files[sent.manifest.years[0].pdf.name]


async def _no_pdf(sent: Sent) -> bytes:
    return b"PK\x03\x04 khong phai PDF"


async def _cut(sent: Sent) -> bytes:
    return sent.data[: len(sent.data) // 2]


async def _too_large(sent: Sent) -> bytes:
    return b"%PDF-1.7" + bytes(checking.MAX_UPLOAD)


async def _other_file(sent: Sent) -> bytes:
    [part] = sent.manifest.years
    return await sent.remade(sent.files | {part.xml.name: b"<HOC_BA/>"})


async def _other_xml(sent: Sent) -> bytes:
    return await sent.with_year(await _a_transcript(sent), b"<HOC_BA/>")


async def _other_version(sent: Sent) -> bytes:
    return await sent.with_year(await _a_transcript(sent), version=2)


async def _year_flipped(sent: Sent) -> bytes:
    return await sent.with_year(flipped_byte(await _a_transcript(sent)))


async def _year_of_strangers(sent: Sent) -> bytes:
    world = make_world(Pki("NGUOI LA"))
    async with sent.schools.sender.session(read_only=True) as session:
        query = text("select pdf_sha256 from transcript_version where content_sha256 = :sha256")
        digest = await session.scalar(query, {"sha256": sent.manifest.years[0].content_sha256})
    return await sent.with_year(sign(world, await storage.get(sent.schools.sender.tenant_id, digest)))


async def _year_of_another(sent: Sent) -> bytes:
    """A year that is intact and issued, of somebody else."""
    async with sent.schools.sender.session(read_only=True) as session:
        query = text(
            "select v.*, t.lookup_code from transcript_version v join transcript t on t.id = v.transcript_id "
            "join student s on s.id = v.student_id where s.full_name = 'Vì Văn Dũng'"
        )
        row = (await session.execute(query)).one()
    pdf, xml = [
        await storage.get(sent.schools.sender.tenant_id, digest)
        for digest in (row.signed_sha256, row.xml_sha256)
    ]
    facts = {"content_sha256": row.content_sha256, "lookup_code": row.lookup_code}
    return await sent.with_year(pdf, xml, **facts)


async def _of_another_school(sent: Sent) -> bytes:
    sender = msgspec.structs.replace(sent.manifest.sender, code="01000999")
    return await sent.remade(sender=sender)


WRONG: list[tuple[Callable[[Sent], Any], str]] = [
    (_flipped, "bị thay đổi sau khi ký|không đọc được"),
    (_appended, "bị thay đổi sau khi ký"),
    (_unsigned, "chữ ký"),
    (_without_the_seal, "con dấu"),
    (_of_strangers, "chưa xác minh được"),
    (_sealed_by_another, "hai đơn vị khác nhau đóng dấu"),
    (_a_transcript, "không phải gói chuyển học bạ"),
    (_no_pdf, "không đọc được"),
    (_cut, "không đọc được|không phải gói"),
    (_too_large, "lớn hơn 20 MB"),
    (_other_file, "khác với bản kê đã ký"),
    (_other_xml, "không khớp với bản kê"),
    (_other_version, "không khớp với bản kê"),
    (_year_flipped, "năm học 2025-2026 trong gói đã bị thay đổi"),
    (_year_of_strangers, "năm học 2025-2026 trong gói được ký bằng chứng thư số"),
    (_year_of_another, "là của Vì Văn Dũng, không phải của Quàng Thị Chi"),
    (_of_another_school, "không do trường gửi"),
]


@pytest.mark.parametrize(("make", "said"), WRONG, ids=[make.__name__[1:] for make, _ in WRONG])
async def test_what_is_wrong_is_said_in_one_sentence(
    sent: Sent, make: Callable[[Sent], Any], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        await checking.check(await make(sent))


async def test_files_that_the_manifest_does_not_name_are_refused(sent: Sent) -> None:
    """One that is attached besides, and one that is named and is not there."""
    [part] = sent.manifest.years
    missing = {name: data for name, data in sent.files.items() if name != part.xml.name}
    for files in (sent.files | {"them.xml": b"<a/>"}, missing):
        with pytest.raises(Invalid, match="không đúng với bản kê"):
            checking._require_complete(sent.manifest, files | {"manifest.json": b""})


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"schema":"hocba.transfer/2"}',
        "ghi chú".encode("utf-16"),
    ],
)
def test_what_is_no_manifest_is_none(content: bytes | None) -> None:
    with pytest.raises(Invalid, match="không phải gói chuyển học bạ"):
        manifests.read(content)


def test_a_manifest_is_read_as_it_is_written_and_not_otherwise(sent: Sent) -> None:
    written = manifests.written(sent.manifest)
    assert manifests.read(written) == sent.manifest
    with pytest.raises(Invalid):
        manifests.read(written.replace(b'{"drafted_on"', b'{ "drafted_on"'))
    assert b'"schema":"hocba.transfer/1"' in written


async def test_the_attachments_are_in_the_pdf_by_name(sent: Sent) -> None:
    [year] = sent.manifest.years
    with pikepdf.open(io.BytesIO(sent.data)) as reader:
        assert set(reader.attachments) == {"manifest.json", *_names(year)}


def _names(year: YearPart) -> set[str]:
    return {year.pdf.name, year.xml.name}


@pytest.mark.parametrize(
    ("standing", "said"),
    [(Standing.RECALLED, "đã bị trường gửi thu hồi"), (Standing.SUPERSEDED, "đã được thay thế")],
)
async def test_a_year_that_fell_since_is_not_taken_over(sent: Sent, standing: Standing, said: str) -> None:
    school, clerk = sent.schools.receiver, await sent.schools.clerk(sent.schools.receiver)
    years = tuple(msgspec.structs.replace(one, standing=standing) for one in sent.package.years)
    fallen = msgspec.structs.replace(sent.package, years=years)
    async with school.session() as session:
        with pytest.raises(Invalid, match=said):
            await receiving.keep(session, clerk, sent.student_id, fallen)


def test_every_standing_has_words() -> None:
    assert set(rules.STANDING_NAMES) == {*Standing, None}
