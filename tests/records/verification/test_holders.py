"""Whoever holds the document: its content behind the date of birth, its answer on paper, and what a recall leaves."""

import hashlib
import io
import re
import secrets
import statistics
import time
from datetime import date
from pathlib import Path

import asyncpg
import httpx
import msgspec
import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import audit, log_keeper, rate_limit
from backend.core.audit import Action
from backend.core.crypto import sha256_hex, text_digest
from backend.core.errors import Invalid, NotFound
from backend.core.ids import new_lookup_code
from backend.core.log_keeper import Keeper
from backend.core.rate_limit import Charge, TooManyTries
from backend.records.transcripts import flow
from backend.records.transcripts import service as transcripts
from backend.records.transparency import service as transparency
from backend.records.transparency.schemas import LogEvent
from backend.records.verification import content, service, slips
from backend.records.verification.schemas import Standing
from backend.remote_signing.validation import service as signatures
from infra.embedded.stack import EmbeddedStack
from infra.transparency_check import command
from tests.core.browser import Browser
from tests.records.verification.conftest import Public, same_in_every_request, send

_RECALL_ASKED = text(
    "update transcript_version set state = 'recall_requested', withdrawn_at = now(), withdrawn_reason = 'Sai điểm' "
    "where id = :id"
)
#: Differences between the two kinds of code, in standard errors, that chance makes once in 10,000 runs.
_MOST_STANDARD_ERRORS = 3.9


async def hold(browser: Browser, public: Public, born: str, code: str = "", **more: str) -> httpx.Response:
    """Ask for the content."""
    await browser.get("/tra-cuu")
    form = {"ma": code or public.issued.lookup_code, "ngay_sinh": born} | more
    return await browser.post("/tra-cuu/noi-dung" + ("/tep" if "loai" in more else ""), form)


def written(day: date) -> str:
    return f"{day:%d/%m/%Y}"


async def test_code_and_date_of_birth_show_the_content_and_give_the_file(
    public: Public, stranger: Browser
) -> None:
    born = written(public.snapshot.student.date_of_birth)
    page = await hold(stranger, public, born)
    assert page.status_code == 200
    for said in (public.snapshot.student.full_name, "3 chữ ký, đều xác minh được", "Tải tệp PDF đã ký"):
        assert said in page.text
    assert page.headers["cache-control"] == "no-store"
    file = await hold(stranger, public, born, nam_hoc="2025-2026", loai="pdf")
    assert file.content == public.file
    assert file.headers["content-disposition"] == ('attachment; filename="hoc-ba-2025-2026-phien-ban-1.pdf"')
    none = await hold(stranger, public, born, nam_hoc="2019-2020", loai="pdf")
    assert none.status_code == 404
    async with public.season.school.session(read_only=True) as session:
        found = await audit.history(session, [public.issued.id])
    seen = [row for row in found if row.action.startswith("verification.")]
    assert [row.action for row in seen] == [Action.TRANSCRIPT_TAKEN, Action.TRANSCRIPT_SHOWN]
    assert all(row.details["network"] and row.about == [public.issued.student_id] for row in seen)


async def test_a_wrong_date_and_an_unknown_code_are_refused_alike(public: Public, site: Litestar) -> None:
    right, unknown = public.issued.lookup_code, new_lookup_code()
    born = written(public.snapshot.student.date_of_birth)
    pages = []
    for code, day in ((right, "01/01/2001"), (unknown, born), (public.signing.lookup_code, born)):
        began = time.monotonic()
        page = await hold(Browser(site), public, day, code)
        assert time.monotonic() - began >= content.FLOOR
        assert page.status_code == 404
        assert content.NO_MATCH in page.text
        pages.append(same_in_every_request(page, code))
    assert len(set(pages)) == 1


async def test_one_code_takes_few_wrong_dates_from_all_networks_together(
    public: Public, site: Litestar
) -> None:
    born = public.snapshot.student.date_of_birth
    bucket = text_digest(public.issued.lookup_code)
    await rate_limit.charge([Charge(content.TRIES, bucket, cost=content.TRIES.burst + 1, soft=True)])
    with pytest.raises(TooManyTries):
        await content.open_content(public.issued.lookup_code, born, "192.0.2.0/24")
    await rate_limit.charge([Charge(content.TRIES, bucket, cost=-(content.TRIES.burst + 1))])
    for _ in range(content.TRIES.burst + 2):  # whoever is right uses none up
        await content.open_content(public.issued.lookup_code, born, "192.0.2.0/24")


@pytest.mark.parametrize("typed", ["5/9/2012", "05-09-2012", " 05.09.2012 ", "2012-09-05"])
def test_a_day_is_read_as_people_write_it(typed: str) -> None:
    assert content.read_day(typed) == date(2012, 9, 5)


@pytest.mark.parametrize("typed", ["", "31/02/2012", "2012", "05/09/12", "hôm qua"])
def test_what_is_no_day_is_said_in_words(typed: str) -> None:
    with pytest.raises(Invalid, match="ngày/tháng/năm"):
        content.read_day(typed)


async def test_an_answer_on_paper_is_found_again(public: Public, stranger: Browser) -> None:
    await stranger.get("/tra-cuu")
    made = await stranger.post("/tra-cuu/phieu", {"ma": public.issued.lookup_code})
    assert made.status_code == 303
    reference = made.headers["location"].removeprefix("/tra-cuu/phieu/")
    assert re.fullmatch(r"(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}", reference)
    for typed in (reference, reference.lower().replace("-", "%20"), reference.replace("0", "O")):
        page = await stranger.get(f"/tra-cuu/phieu/{typed}")
        assert page.status_code == 200
        assert reference in page.text
        assert "3 chữ ký, đều xác minh được" in page.text
        assert public.snapshot.student.full_name not in page.text
    assert (await slips.find(reference)).answer.standing is Standing.ISSUED
    unknown = await stranger.get(f"/tra-cuu/phieu/{slips.written(16 * '7')}")
    assert unknown.status_code == 404
    assert slips.UNKNOWN in unknown.text


async def test_a_file_that_was_checked_gets_a_slip_with_its_digest(public: Public, stranger: Browser) -> None:
    made = await send(stranger, public.file, phieu="1")
    assert made.status_code == 303
    slip = await stranger.get(made.headers["location"])
    assert sha256_hex(public.file) in slip.text
    foreign = await send(stranger, public.file + b"\n", phieu="1")
    assert foreign.status_code == 200
    assert slips.NOT_HERE in foreign.text


async def test_the_page_in_english_says_nothing_in_vietnamese_but_names(
    public: Public, stranger: Browser
) -> None:
    born = written(public.snapshot.student.date_of_birth)
    pages = [
        await stranger.get("/tra-cuu?lang=en"),
        await stranger.get(f"/tra-cuu/{public.issued.lookup_code}?lang=en"),
        await stranger.get(f"/tra-cuu/{new_lookup_code()}?lang=en"),
        await send(stranger, public.file, lang="en"),
        await hold(stranger, public, born, lang="en"),
        await hold(stranger, public, "01/01/2001", lang="en"),
    ]
    made = await stranger.post("/tra-cuu/phieu", {"ma": public.issued.lookup_code, "lang": "en"})
    pages.append(await stranger.get(made.headers["location"]))
    answer = await service.check_code(public.issued.lookup_code)
    signed = {one for by in answer.signatures for one in (by.signer, by.organisation, by.issuer) if one}
    names = {public.season.school.name, *signed}
    names |= {public.snapshot.student.full_name, public.snapshot.year.class_name}
    for page in pages:
        stranger._seen(page)
        assert stranger.page is not None
        assert stranger.page.get("lang") == "en"
        for part in stranger.page.xpath("//*[@lang='vi']"):
            part.getparent().remove(part)
        said = stranger.page.text_content()
        for name in sorted(names, key=len, reverse=True):
            said = said.replace(name, "")
        left = re.findall(r"[^\n]*[ăâđêôơưĂÂĐÊÔƠƯ\u1ea0-\u1ef9][^\n]*", said)
        assert left == [], str(page.url)


async def test_an_evidence_pack_is_known_by_the_signed_files_in_it(public: Public) -> None:
    about_pdf = await signatures.check_foreign(public.file, transcripts.SIGNING_ORDER)
    pack = {"format": "evidence", "documents": (sha256_hex(public.file),)}
    answer = await service.answer_about(b"PK...", msgspec.structs.replace(about_pdf, **pack))
    assert (answer.standing, answer.file_sha256) == (Standing.ISSUED, sha256_hex(b"PK..."))
    other = msgspec.structs.replace(about_pdf, format="evidence", documents=("0" * 64,))
    assert (await service.answer_about(b"PK...", other)).standing is None


async def test_it_can_be_shown_to_stand_in_the_public_log(
    public: Public, embedded_stack: EmbeddedStack, tmp_path: Path, stranger: Browser
) -> None:
    """Told once, however often; the proof is about this very file, and checked by a program that shares nothing."""
    here = f"/tra-cuu/{public.issued.lookup_code}/minh-bach"
    assert service.NOT_LOGGED in (await stranger.get(here)).text
    for _ in range(2):
        async with public.season.school.session() as session:
            await transparency.queue_untold(session)
            await transparency.tell(session, LogEvent.ISSUED, [public.issued.id])
    async with public.season.school.session(read_only=True) as session:
        [opening] = await transparency.openings_of(session, public.issued.id)
        waiting = text("select count(*) from work.log_entry where entry = :entry")
        assert await session.scalar(waiting, {"entry": opening.entry}) == 1
    assert public.issued.lookup_code not in opening.statement
    assert public.snapshot.student.full_name not in opening.statement
    key = log_keeper.key()
    assert key is not None
    dispatcher = await asyncpg.connect(embedded_stack.postgres.url("hocba_dispatcher"))
    keeper = Keeper(dispatcher, key)
    await keeper.begin()
    while await keeper.round():
        pass
    await dispatcher.close()
    taken = await stranger.http.get(here)
    assert taken.status_code == 200
    proof, document, other = (tmp_path / name for name in ("a.tlog-proof", "hoc-ba.pdf", "khac.pdf"))
    proof.write_bytes(taken.content)
    document.write_bytes(public.file)
    other.write_bytes(public.file + b"\n")
    said = io.StringIO()
    assert command.prove(proof, key.verifier, document, said) == command.OK, said.getvalue()
    assert "(issued, phiên bản 1" in said.getvalue()
    assert command.prove(proof, key.verifier, other, said) == command.FORGED
    proof.write_bytes(taken.content.replace(b"index ", b"index 1"))
    assert command.prove(proof, key.verifier, document, said) == command.FORGED


async def test_a_million_guesses_find_nothing(public: Public, embedded_stack: EmbeddedStack) -> None:
    """Random codes, and such that differ from one that exists in one or two places: no digest of one is known."""
    owner = await asyncpg.connect(embedded_stack.postgres.url("hocba_migrator"))
    # Whatever else stands there was put by a test that fills every column of every table.
    found = await owner.fetch(
        "select code_digest from directory.lookup_code where code_digest ~ '^[0-9a-f]{64}$'"
    )
    await owner.close()
    known = {bytes.fromhex(row["code_digest"]) for row in found}
    code = public.issued.lookup_code
    assert hashlib.sha256(code.encode()).digest() in known, "the control"
    near = {
        code[:i] + sign + code[i + 1 :] for i in range(32) for sign in "0123456789abcdef" if sign != code[i]
    }
    near |= {one[:j] + one[j + 1] + one[j] + one[j + 2 :] for one in {code, *near} for j in range(31)} - {
        code
    }
    assert not any(hashlib.sha256(one.encode()).digest() in known for one in near)
    drawn = secrets.token_bytes(16 * (1_000_000 - len(near)))
    guesses = (drawn[at : at + 16].hex().encode() for at in range(0, len(drawn), 16))
    assert not any(hashlib.sha256(one).digest() in known for one in guesses)


async def test_what_was_recalled_answers_as_unknown_until_the_document_is_shown(
    public: Public, site: Litestar
) -> None:
    """Last, for it takes the transcript back."""
    stranger = Browser(site)
    kept = (await stranger.get(f"/tra-cuu/{public.issued.lookup_code}")).text
    assert "Học bạ hợp lệ" in kept
    slip = await slips.make(await service.check_code(public.issued.lookup_code))
    async with public.season.school.session() as session:
        await session.execute(_RECALL_ASKED, {"id": public.issued.id})
    async with public.season.school.session() as session:
        await flow.confirm_recall(session, [public.issued.id])
    unknown = new_lookup_code()
    recalled, nobodys = [
        await Browser(site).get(f"/tra-cuu/{code}") for code in (public.issued.lookup_code, unknown)
    ]
    assert recalled.status_code == nobodys.status_code == 404
    assert same_in_every_request(recalled, public.issued.lookup_code) == same_in_every_request(
        nobodys, unknown
    )
    by_file = await send(stranger, public.file)
    assert "Học bạ này đã được nhà trường thu hồi" in by_file.text
    by_date = await hold(stranger, public, written(public.snapshot.student.date_of_birth))
    assert by_date.status_code == 200
    assert "Học bạ này đã được nhà trường thu hồi" in by_date.text
    assert public.snapshot.student.full_name not in by_date.text
    assert (await slips.find(slip)).answer.standing is Standing.ISSUED, "as it was given"

    async def seconds(code: str) -> float:
        began = time.perf_counter()
        with pytest.raises(NotFound):
            await service.check_code(code)
        return time.perf_counter() - began

    times: dict[str, list[float]] = {"recalled": [], "unknown": []}
    for _ in range(400):
        times["recalled"].append(await seconds(public.issued.lookup_code))
        times["unknown"].append(await seconds(new_lookup_code()))
    cut = [sorted(found)[:320] for found in times.values()]  # without the stalls of a busy machine
    error = sum(statistics.variance(one) / len(one) for one in cut) ** 0.5
    assert abs(statistics.mean(cut[0]) - statistics.mean(cut[1])) < _MOST_STANDARD_ERRORS * error
