"""Anyone asks about a transcript, by its code or with the file; the answer says nothing about the pupil."""

import asyncio
import io
import re
import secrets
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import settings, storage
from backend.core.errors import Invalid, NotFound, Unavailable
from backend.records.roster import service as roster
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.canonical import text_leaves
from backend.records.transcripts.schemas import IssuedVersion, Snapshot
from backend.records.verification import service
from backend.records.verification.schemas import Answer, Standing
from backend.remote_signing.validation import service as signatures
from tests.core.browser import Browser
from tests.factories.own_keys import sign
from tests.factories.pki import Pki
from tests.records.verification.conftest import Public, recall, same_in_every_request, send
from tests.remote_signing.formats import hostile
from tests.remote_signing.formats.attacks import flipped_byte, page_replaced
from tests.remote_signing.formats.world import make_world


async def test_a_known_code_is_answered_threefold(public: Public, stranger: Browser) -> None:
    answer = await stranger.get(f"/tra-cuu/{public.issued.lookup_code}")
    assert answer.status_code == 200
    for said in (
        "Học bạ hợp lệ",
        "Còn nguyên vẹn?",
        "Toàn bộ tệp còn nguyên như khi ký",
        "Ai ký, khi nào?",
        "3 chữ ký, đều xác minh được",
        "Còn hiệu lực?",
        "Đã phát hành; có hiệu lực từ khi được chốt",
        public.season.school.name,
        "2025-2026",
    ):
        assert said in answer.text
    found = await service.check_code(public.issued.lookup_code)
    assert (found.verdict, found.intact, found.standing) == ("valid", True, Standing.ISSUED)
    assert [(one.role, one.intact, one.trusted) for one in found.signatures] == [
        ("homeroom_teacher", True, True),
        ("principal", True, True),
        ("school_seal", True, True),
    ]


def personal(snapshot: Snapshot) -> set[str]:
    """Everything that the transcript says about this pupil alone, in every way that a page may write it."""
    student = snapshot.student
    said = {
        value for _, value in text_leaves(msgspec.to_builtins(student)) if value not in ("female", "male")
    }
    year = {value for path, value in text_leaves(msgspec.to_builtins(snapshot.year)) if "comment" in path}
    born = student.date_of_birth
    return (
        said
        | year
        | {f"{born:%d/%m/%Y}", f"{born:%d-%m-%Y}", f"{born.day}/{born.month}/{born.year}"}
        | (set(student.full_name.split()) - {"Thị"})
    )


async def test_in_force_is_looked_at_each_time_and_the_file_every_minute(
    public: Public, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found out about the bytes may be remembered, and for a minute that they are there; not that they are in
    force."""
    reads: list[str] = []
    get, versions_of = storage.get, transcripts.issued_of

    async def watched_get(tenant_id: Any, sha256: str) -> bytes:
        reads.append(sha256)
        return await get(tenant_id, sha256)

    async def watched_versions(*asked: Any) -> list[IssuedVersion]:
        reads.append("versions")
        return await versions_of(*asked)

    monkeypatch.setattr(storage, "get", watched_get)
    monkeypatch.setattr(transcripts, "issued_of", watched_versions)
    service._seen.clear()
    for _ in range(3):
        answer = await service.check_code(public.issued.lookup_code)
        assert answer.standing is Standing.ISSUED
    assert reads == ["versions", public.issued.signed_sha256, "versions", "versions"]
    for key in service._seen:
        service._seen[key] -= service.SEEN_FOR
    await service.check_code(public.issued.lookup_code)
    assert reads[-2:] == ["versions", public.issued.signed_sha256]


async def test_strangers_do_not_use_up_the_connections(public: Public) -> None:
    """More at once than there are connections: nobody holds one while waiting for another."""
    code = public.issued.lookup_code
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(service.check_code(code) for _ in range(40)))
    assert {answer.standing for answer in answers} == {Standing.ISSUED}


async def test_files_of_strangers_wait_in_a_short_line(public: Public) -> None:
    async with asyncio.timeout(120):
        checks = (service.check_file(public.file) for _ in range(12))
        answers = await asyncio.gather(*checks, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert len(refused) == 12 - signatures.MOST_WAITING
    assert all(isinstance(answer, Answer) for answer in answers if answer not in refused)


async def test_no_answer_says_anything_about_the_pupil(public: Public, stranger: Browser) -> None:
    by_code = await stranger.get(f"/tra-cuu/{public.issued.lookup_code}")
    by_file = await send(stranger, public.file)
    words = personal(public.snapshot)
    assert {"Lường Thị Ngọc Ánh", "9900000001", "2018-03-02", "Lường", "Bản Hoa, phường Hoa Mai"} <= words
    for answer in (by_code, by_file):
        assert answer.status_code == 200
        assert [word for word in words if re.search(rf"\b{re.escape(word)}\b", answer.text)] == []
        assert str(public.issued.student_id) not in answer.text
        assert str(public.issued.id) not in answer.text
        assert str(public.season.school.tenant_id) not in answer.text


async def test_every_code_that_answers_nothing_is_answered_alike(public: Public, site: Litestar) -> None:
    unknown = secrets.token_hex(16)
    expected = await Browser(site).get(f"/tra-cuu/{unknown}")
    assert expected.status_code == 404
    assert service.UNKNOWN_CODE in expected.text
    wrong = public.issued.lookup_code
    for code in (
        public.frozen.lookup_code,
        public.signing.lookup_code,
        secrets.token_hex(16),
        "abc",
        wrong[:-1],
        wrong + "0",
        "g" * 32,
        "0" * 32,
        "%27%20or%201%3D1",
        "%00",
        "a" * 2000,
    ):
        answer = await Browser(site).get(f"/tra-cuu/{code}")
        assert answer.status_code == 404, code
        typed = {"%27%20or%201%3D1": "&#39; or 1=1", "%00": "\x00"}.get(code, code[:48])
        assert same_in_every_request(answer, typed) == same_in_every_request(expected, unknown), code
        assert {k for k in answer.headers if k != "content-length"} == {
            k for k in expected.headers if k != "content-length"
        }


async def test_what_is_no_code_is_shown_again_harmlessly(public: Public, stranger: Browser) -> None:
    answer = await stranger.get("/tra-cuu/%22%3E%3Cscript%3Ealert(1)%3C")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("write", [str.upper, lambda code: f" {code[:8]}-{code[8:16]} {code[16:]} "])
async def test_a_code_may_be_typed_as_people_type(public: Public, stranger: Browser, write: Any) -> None:
    await stranger.get("/tra-cuu")
    answer = await stranger.http.post(
        "/tra-cuu",
        data={"csrf_token": stranger.csrf_token, "ma": write(public.issued.lookup_code)},
        files={"tep": ("", b"")},
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/tra-cuu/{public.issued.lookup_code}"


async def test_the_file_itself(public: Public, stranger: Browser) -> None:
    answer = await send(stranger, public.file)
    assert answer.status_code == 200
    for said in (
        "Học bạ hợp lệ",
        "3 chữ ký, đều xác minh được",
        "Đã phát hành; có hiệu lực từ khi được chốt",
    ):
        assert said in answer.text


@pytest.mark.parametrize("spoil", [flipped_byte, page_replaced])
async def test_an_altered_file_is_refused_in_words(public: Public, stranger: Browser, spoil: Any) -> None:
    altered = spoil(public.file)
    assert altered != public.file
    answer = await send(stranger, altered)
    assert answer.status_code == 200
    assert "Học bạ không hợp lệ" in answer.text
    assert "Học bạ hợp lệ" not in answer.text
    assert "Không tìm thấy bản này trong kho đã phát hành" in answer.text
    assert "Tệp đã bị thay đổi sau khi ký" in answer.text
    assert "Toàn bộ tệp còn nguyên như khi ký" not in answer.text
    assert stranger.page is not None
    problems = stranger.page.xpath("//*[@id='van-de']//li")
    assert problems
    assert all(problem.text_content().strip().endswith(".") for problem in problems)


async def test_a_second_signing_of_the_same_pages_is_not_what_was_issued(
    public: Public, stranger: Browser
) -> None:
    answer = await send(stranger, sign(make_world(Pki()), public.unsigned))
    assert "Chữ ký hợp lệ nhưng tệp không phải bản đang lưu ở đây" in answer.text
    assert "Không tìm thấy bản này trong kho đã phát hành" in answer.text


@pytest.fixture
def nobody_trusted(public: Public) -> Iterator[None]:
    """The anchor of those who signed is not among ours."""
    pem = public.anchor.read_bytes()
    public.anchor.unlink()
    yield
    public.anchor.write_bytes(pem)


@pytest.mark.usefixtures("nobody_trusted")
async def test_a_file_signed_under_an_unknown_root(public: Public, stranger: Browser) -> None:
    answer = await send(stranger, public.file)
    assert "Học bạ hợp lệ" not in answer.text
    assert "3 chữ ký, có chữ ký chưa xác minh được" in answer.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Bạn chưa nhập mã tra cứu và cũng chưa chọn tệp"),
        (b"not a PDF", "Tệp"),
        (b"%PDF-1.7\n%%EOF", "Tệp"),
        (b"\x00" * 5_000_001, "Tệp lớn hơn 5 MB nên không phải học bạ số"),
    ],
    ids=["nothing", "no PDF", "no signatures", "too large"],
)
async def test_what_is_no_transcript(public: Public, stranger: Browser, content: bytes, words: str) -> None:
    answer = await send(stranger, content)
    assert answer.status_code == 422
    assert "Học bạ hợp lệ" not in answer.text
    assert stranger.page is not None
    [alert] = stranger.page.xpath("//*[@role='alert']")
    assert words in alert.text_content()


def zip_bomb() -> bytes:
    """A pack of a few kilobytes that unpacks to 80 megabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        for name in ("bang-chung.json", "hoc-ba.pdf"):
            pack.writestr(name, b"0" * 40_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    "made",
    [
        lambda: (
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><HOC_BA>&d;</HOC_BA>'
        ),
        hostile.reference_bomb,
        zip_bomb,
    ],
    ids=["entities", "references", "pack"],
)
async def test_a_hostile_file_is_refused_in_a_sentence(public: Public, made: Callable[[], bytes]) -> None:
    content = made()
    async with asyncio.timeout(60):
        with pytest.raises(Invalid) as refused:
            await service.check_file(content)
    assert refused.value.message.startswith("Tệp")
    assert refused.value.message.endswith(".")


async def copy_as(public: Public, year_id: Any, number: int, sha256: str) -> None:
    """One more issued version of the same transcript."""
    statement = text(
        "insert into transcript_version (tenant_id, id, transcript_id, academic_year_id, class_id, student_id, number, "
        "state, snapshot, content_sha256, signed_sha256, frozen_at, issued_at, corrections) "
        "select tenant_id, gen_random_uuid(), transcript_id, :year, class_id, student_id, :number, 'issued', snapshot, "
        "content_sha256, :sha256, frozen_at, issued_at, '[]' from transcript_version where id = :id"
    )
    values = {"year": year_id, "number": number, "sha256": sha256, "id": public.issued.id}
    async with public.season.school.session() as session:
        await session.execute(statement, values)


#: As what a state is known to everybody, and in which words.
STANDINGS = (
    ("accepted", Standing.ISSUED, "có hiệu lực từ khi được chốt"),
    ("recall_requested", Standing.ISSUED, "có hiệu lực từ khi được chốt"),
    ("rejected", Standing.NOT_ACCEPTED, "Học bạ đúng là bản đã phát hành nhưng Sở chưa chấp nhận"),
    ("locked", Standing.IN_FORCE, "Đã chốt và đang có hiệu lực"),
)


async def standing_of_file(public: Public) -> Standing | None:
    return (await service.check_file(public.file)).standing


async def test_a_newer_year_leaves_an_older_one_in_force_and_a_newer_version_replaces_it(
    public: Public, stranger: Browser
) -> None:
    """In between it is recalled, and anyone reads that: not why, and nothing about the pupil."""
    async with public.season.school.session() as session:
        next_year = await roster.open_year(session, "2026-2027", date(2026, 9, 5), date(2027, 5, 31))
    await copy_as(public, next_year, 1, "0" * 64)
    assert await standing_of_file(public) is Standing.ISSUED
    for state, standing, said in STANDINGS:
        async with public.season.school.session() as session:
            await session.execute(
                text("update transcript_version set state = :state where id = :id"),
                {"state": state, "id": public.issued.id},
            )
        assert await standing_of_file(public) is standing
        assert said in (await send(stranger, public.file)).text
    await recall(public)
    assert await standing_of_file(public) is Standing.RECALLED
    page = await send(stranger, public.file)
    assert "Học bạ này đã được nhà trường thu hồi, không còn giá trị" in page.text
    assert "thu hồi ngày" in page.text
    assert "Sai điểm" not in page.text
    await copy_as(public, public.season.school.year_id, 2, "1" * 64)
    assert await standing_of_file(public) is Standing.SUPERSEDED


async def test_the_service_says_the_same_of_everything_unknown(product: settings.Settings) -> None:
    for code in ("", "abc", secrets.token_hex(16), "0" * 32, "\x00", "٣" * 32):
        with pytest.raises(NotFound) as caught:
            await service.check_code(code)
        assert caught.value.message == service.UNKNOWN_CODE


@pytest.mark.parametrize(
    "typed",
    ["7F3C 0A52-D1E84B6F9A20C4D85BE6713E", "\ufeff7f3c0a\u200b52d1e8\u00ad4b6f9a\u206020c4d85be6713e\n"],
)
def test_signs_that_nobody_sees_are_no_part_of_a_code(typed: str) -> None:
    assert service.normal(typed) == "7f3c0a52d1e84b6f9a20c4d85be6713e"
