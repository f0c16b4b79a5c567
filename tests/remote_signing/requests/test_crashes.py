"""Workers die at every commit of the way from the tray to the finished document: three signatures, none twice."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.core import bucket, jobs, storage
from backend.core.database import tenant_session
from backend.remote_signing.formats import pades, xades, xades_check
from backend.remote_signing.formats.schemas import XML_TARGETS
from backend.remote_signing.providers import gateway, port
from backend.remote_signing.requests import documents, flow
from backend.remote_signing.requests.models import ProviderCall, SigningRequest
from backend.remote_signing.requests.rules import BatchState, RequestState
from tests.factories.declared import Declared, declared
from tests.factories.machine import Death, Machine
from tests.factories.signing_school import (
    ROLES,
    TEACHER,
    SigningSchool,
    changed_settings,
    open_signing_school,
)
from tests.fakes.processes import SigningService


@pytest.mark.parametrize(
    "death",
    [None, *Death],
    ids=lambda death: death.name.lower() if death else "alive",
)
async def test_every_document_gets_three_signatures_once(
    death: Death | None, school: SigningSchool, signing: SigningService
) -> None:
    await school.ask(4)
    before = signing.ledger()
    machine = Machine(school.tenant_id, death=death)
    for role in ROLES:
        batch_id = await school.consent(role)
        await machine.rest()
        assert (await school.progress(role, batch_id)).state == BatchState.COMPLETED
    after = signing.ledger()
    # Of each document three people sign the page and their part of the XML, in one consent.
    assert after["count"] - before["count"] == 24
    assert after["consents"] - before["consents"] == 3
    assert after["signed_more_than_once"] == []
    async with tenant_session(school.tenant_id, read_only=True) as session:
        requests = (await session.scalars(select(SigningRequest))).all()
    # The tasks after the last event belong to transcripts, which these subjects are not.
    assert {request.state for request in requests} == {RequestState.COMPLETED}
    for request in requests:
        signed = await storage.get(school.tenant_id, request.current_sha256)
        assert signed.count(b"/ByteRange") == 3
        xml = await storage.get(school.tenant_id, request.signed_xml_sha256 or "")
        xades_check.quick_check(xml, list(XML_TARGETS.values()))
        assert xades.unsigned(xml) == await storage.get(school.tenant_id, request.xml_sha256 or "")


#: The points of a job at which its worker dies: a death, and how many commits it survives after the intent.
POINTS = {"intent": (Death.AFTER_THE_INTENT, 0), "asking": (Death.AFTER_THE_INTENT, 1)} | {
    "asked": (Death.BEFORE_THE_END, 0)
}
#: How each class of service ends when workers die: provider, its class, and where the outcome stays unknown to us.
MATRIX = (
    ("sandbox", port.Repeat.IDEMPOTENT, ()),
    ("mot_smartca", port.Repeat.QUERYABLE, ()),
    ("mot_mysign", port.Repeat.BLIND, ("asking", "asked")),
)


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(("provider", "repeat", "unknown"), MATRIX, ids=lambda value: str(value))
async def test_killed_at_each_step_no_service_signs_twice_nor_asks_twice(
    provider: str,
    repeat: port.Repeat,
    unknown: tuple[str, ...],
    point: str,
    times: int,
    signing: SigningService,
    tmp_path: Path,
) -> None:
    """Counted in the service's own records. Blind: what may have arrived is held for a person, never asked for again."""
    quick = {"settle": 0.3, "poll_interval": 0.05}
    entries = (Declared("mot_smartca", "smartca", quick), Declared("mot_mysign", "mysign", quick))
    with declared(signing, tmp_path, *entries):
        assert gateway.provider(provider).capabilities.repeat is repeat
        school = await open_signing_school(signing, provider=provider)
        await school.ask(3)
        before = signing.ledger()
        batch_id = await school.consent(TEACHER)
        death, spared = POINTS[point]
        await Machine(school.tenant_id, death=death, times=times, spared=spared).rest()
        progress = await school.progress(TEACHER, batch_id)
    after = signing.ledger()
    assert after["signed_more_than_once"] == []
    if point in unknown:
        assert (progress.state, progress.held, await school.waiting(TEACHER)) == (BatchState.PARTIAL, 3, 0)
        assert after["consents"] - before["consents"] == (point == "asked")
    else:
        assert (progress.state, progress.signed) == (BatchState.COMPLETED, 3)
        assert after["consents"] - before["consents"] == 1
        assert after["count"] - before["count"] == 3


async def test_without_the_store_everything_waits_and_goes_on(
    school: SigningSchool, signing: SigningService
) -> None:
    await school.ask(2)
    batch_id = await school.consent(TEACHER)
    machine = Machine(school.tenant_id)
    bucket.close()
    with changed_settings(HOCBA_S3_ENDPOINT="http://127.0.0.1:1"):
        for _ in range(2):
            await machine.round()
        [job] = await machine.left()
        bucket.close()
    assert (job["state"], job["attempts"]) == ("due", 0)
    assert job["last_error"] == "Kho lưu trữ tệp đang không trả lời; xin thử lại sau ít phút."
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.RUNNING
    await machine.rest()
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.COMPLETED
    assert signing.ledger()["signed_more_than_once"] == []


async def test_preparing_again_gives_the_same_hashes(school: SigningSchool) -> None:
    await school.ask(3)
    batch_id = await school.consent(TEACHER)
    async with tenant_session(school.tenant_id, read_only=True) as session:
        call_id = await session.scalar(select(ProviderCall.id).where(ProviderCall.batch_id == batch_id))
        assert call_id is not None
        call = await flow.call_to_prepare(session, call_id)
    assert call is not None
    first = await documents.prepare_all(school.tenant_id, call)
    await asyncio.sleep(1.1)
    assert await documents.prepare_all(school.tenant_id, call) == first


async def test_a_document_that_cannot_be_prepared_comes_back_with_a_reason(
    school: SigningSchool, signing: SigningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks on our side before the provider hears of it is given up in the end, not tried for ever."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    await school.ask(2)
    batch_id = await school.consent(TEACHER)
    machine = Machine(school.tenant_id)
    before = signing.ledger()["consents"]
    with monkeypatch.context() as patch:
        patch.setattr(pades, "prepare", broken)
        await machine.rest()
    [parked] = await machine.left()
    assert (parked["state"], parked["last_error"]) == (jobs.JobState.PARKED, "ZeroDivisionError")
    assert parked["attempts"] == jobs.find(parked["kind"]).max_attempts
    progress = await school.progress(TEACHER, batch_id)
    assert progress.state == BatchState.PARTIAL
    assert (
        progress.problem
        == "Có lỗi ngoài dự kiến khi hệ thống xử lý việc này; người quản trị cần xem nhật ký."
    )
    assert await school.waiting(TEACHER) == 2
    assert signing.ledger()["consents"] == before
    again = await school.consent(TEACHER)
    await machine.rest()
    assert (await school.progress(TEACHER, again)).state == BatchState.COMPLETED


async def test_values_that_cannot_be_embedded_are_kept_for_a_person(
    school: SigningSchool, signing: SigningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    await school.ask(2)
    batch_id = await school.consent(TEACHER)
    with monkeypatch.context() as patch:
        patch.setattr(documents, "_timestamp", broken)
        await Machine(school.tenant_id).rest()
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.signed) == (BatchState.PARTIAL, 0)
    assert await school.waiting(TEACHER) == 0, "what has been signed must not be signed again"
    assert signing.ledger()["signed_more_than_once"] == []
